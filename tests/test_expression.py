"""Rewards as arithmetic: what they come to, and that nothing else can be written in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.bodies.quantities import FUNCTIONS, QUANTITIES
from skills.errors import USAGE, SkillsError
from skills.measures.expression import Expression

VALUES = {name: np.array([-2.0, 0.5, 3.0]) * (place + 1) for place, name in enumerate(QUANTITIES)}
VX, VY = VALUES["vx"], VALUES["vy"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vx - 0.5*abs(vy)", VX - 0.5 * np.abs(VY)),
        ("-vx**2 / 4 + +1", -(VX**2) / 4 + 1),
        ("min(vx, vy, 1)", np.minimum(np.minimum(VX, VY), 1)),
        ("clip(vx, -1, 1) * max(vy, 0)", np.clip(VX, -1, 1) * np.maximum(VY, 0)),
        ("(vx > 0) * sqrt(max(vx, 0))", np.where(VX > 0, np.sqrt(np.maximum(VX, 0)), 0)),
        ("3", np.full(3, 3.0)),
        ("-" * 298 + "vx", VX),
    ],
)
def test_it_comes_to_what_python_would_make_of_it(text: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(Expression.parse(text)(VALUES), expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('true')", "no arithmetic|no function"),
        ("vx.__class__", "no arithmetic"),
        ("(lambda: 1)()", "no arithmetic"),
        ("[1 for a in (1,)]", "no arithmetic"),
        ("vx if vx else vy", "no arithmetic"),
        ("0 < vx < 1", "no arithmetic"),
        ("'vx'", "no arithmetic"),
        ("True", "no arithmetic"),
        ("1j", "no arithmetic"),
        ("eval(vx)", "no function 'eval'"),
        ("abs(vx, out=vy)", "no arithmetic"),
        ("abs(*vx)", "takes|no arithmetic"),
        ("abs()", "takes 1, not 0"),
        ("min(vx)", "two or more"),
        ("velocity", "no quantity 'velocity'"),
        ("vx -", "is not arithmetic"),
        ("", "is not arithmetic"),
        ("(" * 100 + "vx", "is not arithmetic"),
        ("1+" * 400 + "vx", "characters long"),
    ],
)
def test_anything_else_is_refused_with_what_can_be_written(text: str, said: str) -> None:
    with pytest.raises(SkillsError, match=said) as caught:
        Expression.parse(text)
    assert caught.value.exit_code == USAGE
    assert caught.value.hint


@given(st.text(max_size=40))
def test_no_text_does_anything_but_arithmetic_or_refusal(text: str) -> None:
    try:
        found = Expression.parse(text)(VALUES)
    except SkillsError:
        return
    assert found.shape == (3,)


def test_a_number_that_is_none_is_named_and_a_huge_one_ends_at_once() -> None:
    with pytest.raises(SkillsError, match="no finite number in 1 of 3 steps"):
        Expression.parse("sqrt(vx)")(VALUES)
    with pytest.raises(SkillsError, match="no finite number in 3 of 3"):
        Expression.parse("9**9**9**9")(VALUES)
    with pytest.raises(SkillsError, match="no finite number"):
        Expression.parse("1/(vx - vx)")(VALUES)


def test_every_function_is_known_to_numpy() -> None:
    for name in FUNCTIONS:
        arguments = {"min": "vx, vy", "max": "vx, vy", "clip": "vx, 0, 1"}.get(name, "abs(vx) + 1")
        assert Expression.parse(f"{name}({arguments})")(VALUES).shape == (3,)

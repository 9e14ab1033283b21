"""What is odd in data is said in one line, and nothing is said of what is ordinary."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import play_randomly

from skills.data import sources
from skills.data.oddities import flattened, notify_if_odd
from skills.data.transitions import Transitions


def said_of(transitions: Transitions) -> list[str]:
    said: list[str] = []
    notify_if_odd(transitions, said.append)
    return said


@pytest.mark.parametrize(("env_id", "value"), [("Hopper-v5", 1e6), ("Ant-v5", -1e30)])
def test_a_value_that_flattens_its_column_is_told(env_id: str, value: float) -> None:
    data = play_randomly(env_id, 4, 200)
    assert said_of(data) == []
    observations = data.observations.copy()
    observations[17, 5] = value
    (line,) = said_of(replace(data, observations=observations))
    assert f"column 5 of the observations is {value:.3g} in row 17" in line
    assert "it looks the same in all but 1 row." in line
    observations[18, 6] = value / 100
    (line,) = said_of(replace(data, observations=observations))
    assert "column 5 of the observations, as others (2 in all), is" in line


def test_what_is_rare_or_wide_is_no_oddity() -> None:
    generator = np.random.default_rng(0)
    touches = (generator.uniform(size=5000) < 0.001).astype(np.float32)  # a contact that is rare
    heavy = generator.standard_t(3, 5000).astype(np.float32)
    wide = (1e6 * generator.normal(size=5000)).astype(np.float32)
    still = np.full(5000, 1e6, np.float32)
    assert flattened(np.stack([touches, heavy, wide, still], axis=1)) == []


def test_the_worst_column_comes_first_and_all_rows_are_counted() -> None:
    observations = np.random.default_rng(0).normal(size=(200_000, 3)).astype(np.float32)
    observations[[70_000, 150_000], 0] = 1e4, -2e5
    observations[199_999, 2] = 1e6
    worst, other = flattened(observations)
    assert (worst.column, worst.value, worst.row, worst.rows) == (2, 1e6, 199_999, 1)
    assert (other.column, other.value, other.row, other.rows) == (0, -2e5, 150_000, 2)
    assert other.spread == pytest.approx(1.0, rel=0.05)


def test_every_set_that_is_read_is_looked_at_those_made_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    data = sources.load("hopper-random", steps=500, notify=said.append)
    assert len(said) == 1  # where it comes from
    monkeypatch.setattr(
        "skills.data.minari.load", lambda *_, **__: replace(data, actions=-data.actions[:, ::-1].copy())
    )
    for source in ("embedded", "local"):
        sources.load("hopper-random", source=source, steps=500, notify=said.append)
        assert "does not move as Hopper-v5 does" in said[-1]

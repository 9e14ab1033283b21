"""Rewards written as arithmetic, "vx - 0.5*abs(yaw_rate)": read as a tree of a few kinds of nodes, never executed.

Letters: M rows.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from skills.arrays import Floats
from skills.bodies.quantities import FUNCTIONS, QUANTITIES, Quantity
from skills.errors import USAGE, SkillsError, nearest

_LONGEST = 300  # characters: no reward is longer, and a tree of them does not exhaust the stack
_BINARY: dict[type, Callable[..., Any]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
}  # fmt: skip
_UNARY: dict[type, Callable[..., Any]] = {ast.USub: np.negative, ast.UAdd: np.positive}
_COMPARED: dict[type, Callable[..., Any]] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal,
}  # fmt: skip
_SEVERAL: dict[str, Callable[..., Any]] = {"min": np.minimum, "max": np.maximum}  # of two or more
_MOST_NAMED = 60  # words in a message
_ARGUMENTS = {"clip": 3}  # of the others, where it is not one


@dataclass(frozen=True)
class Expression:
    """Arithmetic over named quantities.   text: as it was written."""

    text: str
    _tree: ast.expr

    @staticmethod
    def parse(text: str, words: Mapping[str, Quantity] = QUANTITIES) -> "Expression":
        """Reads "vx - 0.5*abs(yaw_rate)": + - * / **, < <= > >= (1 or 0), `FUNCTIONS`, numbers, the words of a body.

        Raises: SkillsError (usage) that names what it does not know.
        """
        if len(text) > _LONGEST:
            raise _refused(f"The expression is {len(text)} characters long.", f"It may have {_LONGEST}.")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise _refused(f"{text!r} is not arithmetic: {getattr(error, 'msg', error)}.", _all(words)) from error
        _check(tree, words)
        return Expression(text, tree)

    def __call__(self, values: Mapping[str, Floats]) -> Floats:
        """[M] from [M] of each quantity. Raises: SkillsError (usage) where that is no finite number."""
        with np.errstate(all="ignore"):
            found = np.asarray(_value(self._tree, values), np.float64)
        found = np.broadcast_to(found, np.shape(next(iter(values.values()))))
        wrong = int(np.count_nonzero(~np.isfinite(found)))
        if wrong:
            raise _refused(
                f"{self.text!r} is no finite number in {wrong:,} of {len(found):,} steps.",
                "Keep a root, a logarithm or a denominator away from 0: sqrt(max(vx, 0)).",
            )
        return found


def known(words: Mapping[str, Quantity]) -> str:
    """Those words, for a message: all of them, or the first and the last of many."""
    named = [name if name in QUANTITIES else f"{name} ({one.meaning})" for name, one in words.items()]
    if len(named) > _MOST_NAMED:
        named = [*named[: _MOST_NAMED - 2], "...", *named[-2:]]
    return f"Known: {', '.join(named)}."


def _all(words: Mapping[str, Quantity]) -> str:
    return f"{known(words)[:-1]}; + - * / ** < >; {', '.join(FUNCTIONS)}."


def _refused(message: str, hint: str) -> SkillsError:
    return SkillsError(message, hint, USAGE)


def _check(tree: ast.expr, words: Mapping[str, Quantity]) -> None:
    """Raises: SkillsError (usage) for the first node that is no arithmetic."""
    match tree:
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            return
        case ast.Name(id=name):
            if name not in words:
                raise _refused(f"There is no quantity {name!r}.", f"{nearest(name, words)} {_all(words)}")
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            _check(operand, words)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _check(left, words)
            _check(right, words)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            _check(left, words)
            _check(right, words)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                raise _refused(f"There is no function {name!r}.", f"{nearest(name, FUNCTIONS)} {_all(words)}")
            fits = len(args) >= 2 if name in _SEVERAL else len(args) == _ARGUMENTS.get(name, 1)
            if not fits:
                usual = "two or more arguments" if name in _SEVERAL else f"{_ARGUMENTS.get(name, 1)}"
                raise _refused(f"{name} takes {usual}, not {len(args)}.", _all(words))
            for one in args:
                _check(one, words)
        case _:
            raise _refused(f"{ast.unparse(tree)!r} is no arithmetic.", _all(words))


def _value(tree: ast.expr, values: Mapping[str, Floats]) -> Any:
    """What a checked tree comes to."""
    match tree:
        case ast.Constant(value=value):
            return np.float64(float(value))  # type: ignore[arg-type]  # `_check` let only numbers pass
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return np.asarray(_COMPARED[type(op)](_value(left, values), _value(right, values)), np.float64)
        case ast.Call(func=ast.Name(id=name), args=args):
            given = [_value(one, values) for one in args]
            return reduce(_SEVERAL[name], given) if name in _SEVERAL else getattr(np, name)(*given)
    raise AssertionError("checked before")

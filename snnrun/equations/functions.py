"""The functions every expression knows: their arguments, dimensions and results, as one table."""

from __future__ import annotations

from enum import Enum

from snnrun.records import dataclass


class Rule(Enum):
    """How a function treats the dimension of its arguments."""

    PLAIN = "dimensionless in, dimensionless out"
    SAME = "all arguments alike, result alike"
    ROOT = "result has half the exponents"
    ANY_TO_PLAIN = "any dimension in, dimensionless out"


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language."""

    name: str
    arguments: int
    rule: Rule
    integer: bool = False


FUNCTIONS: dict[str, Function] = {
    **{
        name: Function(name, 1, Rule.PLAIN)
        for name in (
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "arcsin",
            "arccos",
            "arctan",
            "exp",
            "expm1",
            "log",
            "log10",
            "log1p",
            "exprel",
        )
    },
    "floor": Function("floor", 1, Rule.PLAIN, integer=True),
    "ceil": Function("ceil", 1, Rule.PLAIN, integer=True),
    "sqrt": Function("sqrt", 1, Rule.ROOT),
    "abs": Function("abs", 1, Rule.SAME),
    "sign": Function("sign", 1, Rule.ANY_TO_PLAIN),
    "clip": Function("clip", 3, Rule.SAME),
}

# These build nodes of their own kind (see check.py)
SPECIAL_FUNCTIONS = ("int", "rand", "randn", "poisson", "timestep")
FUNCTION_NAMES: tuple[str, ...] = (*FUNCTIONS, *SPECIAL_FUNCTIONS)

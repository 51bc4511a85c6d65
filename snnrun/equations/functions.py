"""The functions every expression knows: their arguments, dimensions and results, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class DimensionRule(Enum):
    """How a function treats the dimension of its arguments."""

    PLAIN = "dimensionless in, dimensionless out"
    SAME = "all arguments alike, result alike"
    ROOT = "result has half the exponents"
    ANY_TO_PLAIN = "any dimension in, dimensionless out"


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    Args:
        name: Its name.
        arguments: How many it takes.
        rule: What it does with dimensions.
        meaning: What it gives, for the reference.
        integer: Whether it gives a whole number.
    """

    name: str
    arguments: int
    rule: DimensionRule
    meaning: str
    integer: bool = False


_PLAIN = {
    "sin": "sine",
    "cos": "cosine",
    "tan": "tangent",
    "sinh": "hyperbolic sine",
    "cosh": "hyperbolic cosine",
    "tanh": "hyperbolic tangent",
    "arcsin": "inverse of the sine",
    "arccos": "inverse of the cosine",
    "arctan": "inverse of the tangent",
    "exp": "e to the power x",
    "expm1": "exp(x) - 1, accurate near 0",
    "log": "natural logarithm",
    "log10": "logarithm to base 10",
    "log1p": "log(1 + x), accurate near 0",
    "exprel": "(exp(x) - 1)/x, which is 1 at x = 0: for rates such as a*(v - b)/(1 - exp(-(v - b)/c))",
}

FUNCTIONS: dict[str, Function] = {
    **{name: Function(name, 1, DimensionRule.PLAIN, meaning) for name, meaning in _PLAIN.items()},
    "floor": Function("floor", 1, DimensionRule.PLAIN, "the largest whole number that is not above x", integer=True),
    "ceil": Function("ceil", 1, DimensionRule.PLAIN, "the smallest whole number that is not below x", integer=True),
    "sqrt": Function("sqrt", 1, DimensionRule.ROOT, "square root, of quantities too"),
    "abs": Function("abs", 1, DimensionRule.SAME, "x without its sign"),
    "sign": Function("sign", 1, DimensionRule.ANY_TO_PLAIN, "1, -1 or 0"),
    "clip": Function("clip", 3, DimensionRule.SAME, "x, but at least `low` and at most `high`: `clip(x, low, high)`"),
}

# These build nodes of their own kind (see check.py)
SPECIAL_FUNCTIONS = {
    "int": ("int(x)", "x without its fraction, towards 0; of a condition 1 where it holds and 0 elsewhere"),
    "rand": ("rand()", "a uniform random number, 0 <= x < 1, another one for each use, element and step"),
    "randn": ("randn()", "a normal random number of mean 0 and standard deviation 1"),
    "poisson": ("poisson(mean)", "a whole number with a Poisson distribution"),
    "timestep": ("timestep(time, dt)", "a time as a whole number of steps"),
}
FUNCTION_NAMES: tuple[str, ...] = (*FUNCTIONS, *SPECIAL_FUNCTIONS)

_REDUCES = "an equation sees one neuron at a time: `metrics` can reduce a variable of a group, equations cannot yet"
_INSTEAD = {
    **dict.fromkeys(("mean", "std", "sum", "any", "all", "median", "var", "argmax", "argmin"), _REDUCES),
    "pow": "write `x**y`",
    "power": "write `x**y`",
    "mod": "write `x % y`",
    "ln": "write `log(x)`",
    "log2": "write `log(x)/log(2)`",
    "round": "write `floor(x + 0.5)`",
    "fabs": "write `abs(x)`",
    "asin": "write `arcsin(x)`",
    "acos": "write `arccos(x)`",
    "atan": "write `arctan(x)`",
    "heaviside": "write `int(x > 0)`",
    "step": "write `int(x > 0)`",
    "float": "numbers need no conversion",
    "bool": "write a comparison, such as `x != 0`",
    **dict.fromkeys(("where", "if", "select", "ifelse"), "write `int(c)*a + int(not c)*b` for a condition `c`"),
    **dict.fromkeys(("uniform", "random"), "write `a + (b - a)*rand()`"),
    **dict.fromkeys(("normal", "gauss"), "write `mean + std*randn()`"),
}


def instead_of(name: str, arguments: int) -> str | None:
    """What to write for a function that other languages have."""
    if name in ("max", "min", "maximum", "minimum", "fmax", "fmin"):
        if arguments < 2:
            return _REDUCES
        return f"write `{'b + (a - b)*int(a > b)' if 'max' in name else 'b + (a - b)*int(a < b)'}`, or `clip`"
    return _INSTEAD.get(name)


def functions_reference() -> str:
    """The section of the format reference about functions (Markdown)."""
    rows = [(_signature(f), f.meaning, f.rule.value) for f in FUNCTIONS.values()]
    rows += [(signature, meaning, "") for signature, meaning in SPECIAL_FUNCTIONS.values()]
    lines = [f"| `{signature}` | {meaning} | {rule} |" for signature, meaning, rule in sorted(rows)]
    return "\n".join([_FUNCTIONS, *lines]) + "\n"


def _signature(function: Function) -> str:
    return "clip(x, low, high)" if function.name == "clip" else f"{function.name}(x)"


_FUNCTIONS = """\
## Functions of expressions

Expressions everywhere know these functions, those of `functions`, and the timed arrays of `arrays`. Constants that need
no name of your own are `pi`, `e` and `inf`.

| function | gives | dimensions |
| --- | --- | --- |"""

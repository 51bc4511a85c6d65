"""The functions every expression knows: their arguments, dimensions and results, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from snnrun.equations.draws import DISTRIBUTIONS


class DimensionRule(Enum):
    """How a function treats the dimension of its arguments."""

    PLAIN = "dimensionless in, dimensionless out"
    SAME = "all arguments alike, result alike"
    ROOT = "result has half the exponents"
    ANY_TO_PLAIN = "any dimension in, dimensionless out"
    ALIKE_TO_PLAIN = "all arguments alike, dimensionless out"


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    Args:
        name: Its name.
        parameters: The names of its arguments.
        rule: What it does with dimensions.
        meaning: What it gives, for the reference.
        integer: Whether it gives a whole number.
        more: Whether it takes more arguments too.
    """

    name: str
    parameters: tuple[str, ...]
    rule: DimensionRule
    meaning: str
    integer: bool = False
    more: bool = False

    @property
    def signature(self) -> str:
        """A call of it with the names of its arguments."""
        return f"{self.name}({', '.join(self.parameters)}{', ...' if self.more else ''})"


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
    "erf": "error function: the normal distribution function is (1 + erf(x/sqrt(2)))/2",
    "erfc": "1 - erf(x), accurate for large x",
}
_WHOLE = {
    "floor": "the largest whole number that is not above x",
    "ceil": "the smallest whole number that is not below x",
    "round": "the nearest whole number; halves go to the even one, as in Python: `round(2.5)` is 2",
    "rint": "the same as `round`",
}
_X, _AB = ("x",), ("a", "b")
_TABLE = (
    *(Function(name, _X, DimensionRule.PLAIN, meaning) for name, meaning in _PLAIN.items()),
    *(Function(name, _X, DimensionRule.PLAIN, meaning, integer=True) for name, meaning in _WHOLE.items()),
    Function("sqrt", _X, DimensionRule.ROOT, "square root, of quantities too"),
    Function("abs", _X, DimensionRule.SAME, "x without its sign"),
    Function("sign", _X, DimensionRule.ANY_TO_PLAIN, "1, -1 or 0"),
    Function("clip", ("x", "low", "high"), DimensionRule.SAME, "x, but at least `low` and at most `high`"),
    Function("min", _AB, DimensionRule.SAME, "the smallest of its arguments; NaN if one of them is", more=True),
    Function("max", _AB, DimensionRule.SAME, "the largest of its arguments; NaN if one of them is", more=True),
    Function("hypot", _AB, DimensionRule.SAME, "sqrt(a**2 + b**2)"),
    Function("arctan2", ("y", "x"), DimensionRule.ALIKE_TO_PLAIN, "the angle of the point (x, y), from -pi to pi"),
)
FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}

# These build nodes of their own kind (see check.py)
SPECIAL_FUNCTIONS = {
    "int": ("int(x)", "x without its fraction, towards 0; of a condition 1 where it holds and 0 elsewhere"),
    "timestep": ("timestep(time, dt)", "a time as a whole number of steps"),
}
_GROUP = "over all neurons of the group, in their order"
REDUCTIONS = {
    "sum": ("sum(x)", f"the sum of x {_GROUP}"),
    "mean": ("mean(x)", "sum(x)/N"),
    "min": ("min(x)", f"the smallest x {_GROUP}; NaN if one is"),
    "max": ("max(x)", f"the largest x {_GROUP}; NaN if one is"),
    "argmin": ("argmin(x)", "the index `i` of the neuron with the smallest x, of several the first"),
    "argmax": ("argmax(x)", "the index `i` of the neuron with the largest x, of several the first"),
    "sum_post": ("sum_post(x)", "in operations on synapses: for each synapse, the sum of x over those of its target"),
    "sum_pre": ("sum_pre(x)", "in operations on synapses: for each synapse, the sum of x over those of its source"),
}
"""Functions of one argument that take all elements of an object together, with what the reference says of them."""

FUNCTION_NAMES: tuple[str, ...] = tuple(dict.fromkeys([*FUNCTIONS, *SPECIAL_FUNCTIONS, *DISTRIBUTIONS, *REDUCTIONS]))

_INSTEAD = {
    "std": "write `sqrt(mean((x - mean(x))**2))`",
    "var": "write `mean((x - mean(x))**2)`",
    "any": "write `max(int(c)) == 1` for a condition `c`",
    "all": "write `min(int(c)) == 1` for a condition `c`",
    "count": "write `sum(int(c))` for a condition `c`",
    "average": "write `mean(x)`",
    "pow": "write `x**y`",
    "power": "write `x**y`",
    "mod": "write `x % y`",
    "ln": "write `log(x)`",
    "log2": "write `log(x)/log(2)`",
    "fabs": "write `abs(x)`",
    "asin": "write `arcsin(x)`",
    "acos": "write `arccos(x)`",
    "atan": "write `arctan(x)`",
    "atan2": "write `arctan2(y, x)`",
    **dict.fromkeys(("maximum", "fmax"), "write `max(a, b)`"),
    **dict.fromkeys(("minimum", "fmin"), "write `min(a, b)`"),
    "heaviside": "write `int(x > 0)`",
    "step": "write `int(x > 0)`",
    "float": "numbers need no conversion",
    "bool": "write a comparison, such as `x != 0`",
    **dict.fromkeys(("where", "if", "select", "ifelse"), "write `int(c)*a + int(not c)*b` for a condition `c`"),
    "random": "write `rand()` or `uniform(a, b)`",
    "expovariate": "write `exponential(scale)`",
    "shuffle": "write `permutation(n)`",
    **dict.fromkeys(("normal", "gauss"), "write `mean + std*randn()`"),
}


def instead_of(name: str) -> str | None:
    """What to write for a function that other languages have."""
    return _INSTEAD.get(name)


def functions_reference() -> str:
    """The section of the format reference about functions (Markdown)."""
    rows = [(f.signature, f.meaning, f.rule.value) for f in FUNCTIONS.values()]
    rows += [(signature, meaning, "") for signature, meaning in SPECIAL_FUNCTIONS.values()]
    rows += [(d.signature, d.meaning, d.rule) for d in DISTRIBUTIONS.values()]
    rows += [
        (signature, meaning, "dimensionless" if signature.startswith("arg") else "that of x")
        for signature, meaning in REDUCTIONS.values()
    ]
    lines = [f"| `{signature}` | {meaning} | {rule} |" for signature, meaning, rule in sorted(rows)]
    return "\n".join([_FUNCTIONS, *lines]) + "\n"


_FUNCTIONS = """\
## Functions of expressions

Expressions everywhere know these functions, those of `functions`, and the timed arrays of `arrays`. Constants that need
no name of your own are `pi`, `e` and `inf`.

| function | gives | dimensions |
| --- | --- | --- |"""

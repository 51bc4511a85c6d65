"""Expressions of experiments as Brian2 reads them, in its texts and in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from snnrun.equations.ast import (
    LOGIC,
    PRECEDENCE,
    Binary,
    Boolean,
    Call,
    Expr,
    Generator,
    ListOf,
    Name,
    Number,
    Quantity,
    Unary,
    names_in,
    walk,
)
from snnrun.equations.scope import UserFunction
from snnrun.units.dimensions import Dimension
from snnrun.units.names import lookup_unit
from snnrun.units.quantities import base_units

FUNCTIONS = frozenset(
    """
    abs arccos arcsin arctan ceil clip cos cosh exp expm1 exprel floor int log log10 log1p poisson rand randn sign sin
    sinh sqrt tan tanh timestep
    """.split()  # noqa: SIM905 - a list of words
)
"""Functions that texts of Brian2 know."""

_OF_TEXTS = frozenset({"int", "rand", "randn", "poisson", "timestep"})
"""Functions that texts of Brian2 know, and Python has not, or not for arrays."""

_SHORT = frozenset(
    """
    mV mA uA nA pA pF uF nF nS uS ms us Hz kHz MHz cm cm2 cm3 mm mm2 mm3 um um2 um3 mM uM nM
    """.split()  # noqa: SIM905 - a list of words
)
_LONG = {
    "m": "metre", "g": "gram", "s": "second", "A": "amp", "K": "kelvin", "mol": "mole", "cd": "candle", "Hz": "hertz",
    "N": "newton", "Pa": "pascal", "J": "joule", "W": "watt", "C": "coulomb", "V": "volt", "F": "farad",
    "S": "siemens", "Wb": "weber", "T": "tesla", "H": "henry", "M": "molar", "L": "liter", "l": "liter",
    "litre": "liter", "meter": "metre", "ampere": "amp", "candela": "candle",
}  # fmt: skip
_PREFIXES = ("y", "z", "a", "f", "p", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Z", "Y")


Printed: TypeAlias = tuple[str, int]
"""A text, and how tightly its outermost operator binds."""


class CannotExportError(Exception):
    """Brian2 has nothing that means this."""


def unit_name(name: str) -> str:
    """The name that Brian2 has for a unit.

    Raises:
        CannotExportError: It has none.
    """
    if name in _SHORT:
        return name
    stem, power = (name[:-1], name[-1]) if name[-1:] in {"2", "3"} else (name, "")
    for prefix in ("", *_PREFIXES):
        rest = stem.removeprefix(prefix)
        if (
            stem.startswith(prefix)
            and rest
            and not (prefix and rest in {"K", "kelvin"})
            and (rest in _LONG or rest in _LONG.values() or rest in {"ohm", "siemens"})
        ):
            return f"{prefix}{_LONG.get(rest, rest)}{power}"
    unit = lookup_unit(name)
    if unit is None:
        raise CannotExportError(f"the unit `{name}`")
    if unit.dimension.is_one:
        return number_text(unit.scale)
    return f"({number_text(unit.scale)}*{dimension_text(unit.dimension)})"


def dimension_text(dimension: Dimension) -> str:
    """A dimension as a product of Brian2's base units: `metre**2*kilogram`; `1` for none."""
    named = _UNITS.get(dimension)
    if named is not None:
        return named
    return base_units(dimension).removeprefix("*").replace("ampere", "amp").replace("candela", "candle") or "1"


def _units() -> dict[Dimension, str]:
    names = ("volt", "amp", "siemens", "ohm", "farad", "second", "hertz", "metre", "coulomb", "mmolar")
    found = {}
    for name in names:
        unit = lookup_unit(name)
        assert unit is not None
        found[unit.dimension] = name
    return found


def of_arrays(expr: Expr) -> bool:
    """Whether Python has an expression for arrays too."""
    return not any(
        (isinstance(part, Call) and part.function not in FUNCTIONS - _OF_TEXTS)
        or (isinstance(part, Binary | Unary) and part.op in {*LOGIC, "not"})
        or (isinstance(part, Name) and part.id in {"N", "t", "dt", "t_in_timesteps"})
        for part in walk(expr)
    )


def number_text(value: Fraction) -> str:
    """A number as Python reads it."""
    return str(value.numerator) if value.denominator == 1 and abs(value) < 10**15 else repr(float(value))


@dataclass(slots=True)
class Printer:
    """Prints expressions.

    Args:
        functions: The functions of the file; their bodies are put in place of calls.
        known: Numbers that dotted names such as `stimulus.columns` stand for, as texts.
        arrays: Names of timed arrays.
        shadowed: Names that are no units although they could be.
        names: What stands for some names.
    """

    functions: Mapping[str, UserFunction]
    known: Mapping[str, str]
    arrays: frozenset[str]
    shadowed: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, expr: Expr) -> str:
        """The text of an expression.

        Raises:
            CannotExportError: Brian2 has nothing that means a part of it.
        """
        return self._print(expr, {})[0]

    def generator(self, found: Generator) -> str:
        """The text of a generator.

        Raises:
            CannotExportError: Brian2 has nothing that means a part of it.
        """
        if found.variable is None:
            return self.text(found.element)
        inner = [*map(self.text, found.args), *(f"{key}={self.text(value)}" for key, value in found.options)]
        text = f"{self.text(found.element)} for {found.variable} in {found.kind}({', '.join(inner)})"
        return text if found.condition is None else f"{text} if {self.text(found.condition)}"

    def sources(self, found: Generator) -> str:
        """The text of a generator of sources: Brian2 has no range of sources that depends on the target `j`.

        Raises:
            CannotExportError: Brian2 has nothing that means a part of it.
        """
        if found.kind != "range" or not any("j" in names_in(arg) for arg in found.args):
            return self.generator(found)
        name = found.variable
        first, last, *step = map(self.text, found.args) if len(found.args) > 1 else ("0", *map(self.text, found.args))
        conditions = [f"{name} >= {first}", f"{name} < {last}"]
        conditions += [f"({name} - ({first})) % ({text}) == 0" for text in step]
        conditions += [] if found.condition is None else [f"({self.text(found.condition)})"]
        return f"{self.text(found.element)} for {name} in range(0, N_pre) if {' and '.join(conditions)}"

    def _print(self, expr: Expr, local: Mapping[str, Printed]) -> Printed:
        match expr:
            case Number(value=value, integer=integer):
                return number_text(value) if integer else repr(float(value)), 9
            case Quantity(value=value, unit=unit, power=power):
                name = unit_name(unit) if power == 1 else f"{unit_name(unit)}**{power}"
                return f"{number_text(value)}*{name}", PRECEDENCE["*"]
            case Boolean(value=value):
                return str(value), 9
            case Name(id=name):
                return self._name(name, local)
            case Unary(op=op, operand=operand):
                level = PRECEDENCE["not" if op == "not" else "neg"]
                if isinstance(operand, Quantity):
                    return f"-{self._print(operand, local)[0]}", PRECEDENCE["*"]
                return f"{'not ' if op == 'not' else '-'}{self._inner(operand, level, local)}", level
            case Binary(op=op, left=left, right=right):
                level = PRECEDENCE[op]
                low, high = (level + 1, level) if op == "**" else (level, level + 1)
                space = "" if op in ("*", "/", "**", "//", "%") else " "
                a, b = self._inner(left, low, local), self._inner(right, high, local)
                return f"{a}{space}{op}{space}{b}", level
            case Call():
                return self._call(expr, local)
            case ListOf(items=items):
                return f"[{', '.join(self._print(item, local)[0] for item in items)}]", 9

    def _inner(self, expr: Expr, level: int, local: Mapping[str, Printed]) -> str:
        text, binds = self._print(expr, local)
        return text if binds >= level else f"({text})"

    def _name(self, name: str, local: Mapping[str, Printed]) -> Printed:
        if name in local:
            return local[name]
        if name in self.known:
            return self.known[name], 0
        if name not in self.shadowed and lookup_unit(name) is not None:
            return unit_name(name), 9
        return self.names.get(name, name), 9

    def _call(self, expr: Call, local: Mapping[str, Printed]) -> Printed:
        args = [self._print(arg, local) for arg in expr.args]
        function = self.functions.get(expr.function)
        if function is not None:
            return self._print(function.body, dict(zip(function.parameters, args, strict=True)))
        if expr.function not in FUNCTIONS and expr.function not in self.arrays:
            raise CannotExportError(f"the function `{expr.function}`")
        return f"{expr.function}({', '.join(text for text, _ in args)})", 9


_UNITS = _units()

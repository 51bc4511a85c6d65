"""The values of a parameter of a sweep, read from the file: lists, ranges, samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Quantity, Unary
from snnrun.equations.dag import Kind
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Typed
from snnrun.errors import ExperimentError, at
from snnrun.kernels.arrays import exp, log
from snnrun.resolve.constants import value_of
from snnrun.resolve.context import Context, Path
from snnrun.source import Text
from snnrun.spec.check import parse_experiment
from snnrun.spec.models import LogBounds, WholeBounds
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode
from snnrun.spec.overrides import find_path, meant_path
from snnrun.spec.values import ABOUT, Linspace, Logspace, Range
from snnrun.sweep.points import SEED, Values
from snnrun.units.dimensions import ONE, Dimension
from snnrun.units.quantities import base_units

MOST_VALUES = 100_000  # of all parameters together
_NOT_SWEPT = {
    **dict.fromkeys(("sweep", "version", "extends", "name", "plots", "metrics", *ABOUT)),
    "use": "sweep `equations` or constants of the object, or run the file once for each model: `--set`",
}
"""What is the same at all points, with advice."""


@dataclass(slots=True)
class Budget:
    """Counts the values of a sweep before they are made."""

    context: Context
    values: int = 0

    def take(self, number: int, path: Path, most: int = MOST_VALUES) -> None:
        """Count some values.

        Raises:
            ExperimentError: SWP702, there would be too many.
        """
        if self.values + number > most:
            shown = f"{number:,}" if number < 10**12 else f"over {10**12:,}"
            message = f"these are {shown} values; a sweep has at most {most:,}, of all parameters together"
            raise self.context.error("SWP702", message, path)
        self.values += number


class ParameterReader:
    """Reads the values of one parameter.

    Args:
        budget: Counts values.
        path: Where the sweep names it.
        name: Its name.
    """

    def __init__(self, budget: Budget, path: Path, name: str) -> None:
        self.budget = budget
        self.context = budget.context
        self.path = path
        self.name = name
        self.place = self._find()

    def _find(self) -> Path:
        """Where the parameter stands in the file, or would stand: a key that the file leaves out can be swept."""
        document = self.context.document
        try:
            place = find_path(document, Text.plain(self.name, "sweep"))
        except ExperimentError as error:
            raise self._unknown(error.diagnostics[0].help) from None
        if not document.has(place):
            try:
                parse_experiment(document.with_values({place: "1"}))
            except ExperimentError as error:
                for item in error.diagnostics:
                    if item.code == "FMT203":  # the format has no such key there
                        raise self._unknown(item.help) from None
        fixed = str(place[2] if place[2:3] == ("use",) else place[0])
        if fixed in _NOT_SWEPT:
            raise self.context.key_error("SWP705", f"`{fixed}` cannot be swept", self.path, _NOT_SWEPT[fixed])
        if len(place) == 1 and place != SEED:
            advice = f"name a part of it: `{place[0]}.name`"
            raise self.context.key_error("SWP705", f"`{place[0]}` is a whole section of the file", self.path, advice)
        return place

    def _unknown(self, advice: str | None) -> ExperimentError:
        near = meant_path(self.context.document, self.name) or advice
        return self.context.key_error("SWP705", f"there is nothing called `{self.name}` to sweep", self.path, near)

    def values(self, axis: Any) -> Values:
        """The values of an axis, a list or a range.

        Raises:
            ExperimentError: SWP702, SWP703 or EQ203, at their places.
        """
        match axis:
            case Linspace():
                a, b = self._bounds("linspace")
                self.budget.take(axis.num, (*self.path, "num"))
                first, last = Fraction(a.exact), Fraction(b.exact)  # type: ignore[arg-type]
                step = (last - first) / max(axis.num - 1, 1)
                values = [first + step * k for k in range(axis.num)]
                return self._whole_or_spaced(values, (a, b), "linspace")
            case Logspace():
                a, b = self._bounds("logspace")
                self.budget.take(axis.num, (*self.path, "num"))
                if not (a.value > 0 and b.value > 0):
                    raise self.context.error("SWP703", "`logspace` needs positive bounds", (*self.path, "logspace"))
                ratio = math.log(self._quotient(a, b, "logspace"))
                inner = [a.value * math.exp(ratio * k / max(axis.num - 1, 1)) for k in range(axis.num)]
                inner[0], inner[-1] = a.value, b.value if axis.num > 1 else a.value
                return self._spaced(inner, a, "logspace")
            case Range():
                return self._ranged()
            case _:
                return self.from_paths([(*self.path, k) for k in range(len(axis))])

    def _quotient(self, low: Typed, high: Typed, key: str) -> float:
        """How many times the lower bound the upper one is."""
        quotient = high.value / low.value
        if not (math.isfinite(quotient) and quotient > 0):
            raise self.context.error("SWP703", "these bounds are too far apart", (*self.path, key))
        return quotient

    def _bounds(self, key: str | None) -> tuple[Typed, Typed]:
        path = self.path if key is None else (*self.path, key)
        first, last = self._of_one_dimension([self._finite((*path, k)) for k in (0, 1)])
        if first.dimension != last.dimension:
            raise self.context.error(
                "EQ203",
                f"the bounds are {first.dimension.describe()} and {last.dimension.describe()}",
                (*path, 1),
            )
        return first, last

    def sampled(self, bounds: Any, unit: NDArray[np.float64]) -> Values:
        """Values of a range.

        Args:
            bounds: The range.
            unit: Where in it they lie, from 0 to 1, shape (n,).
        """
        key = "log" if isinstance(bounds, LogBounds) else "whole" if isinstance(bounds, WholeBounds) else None
        low, high = self._bounds(key)
        if low.value >= high.value:
            raise self.context.error("SWP703", "the first bound of a range must be the lower one", self.path)
        match key:
            case "log":
                if low.value <= 0:
                    raise self.context.error("SWP703", "`log` needs positive bounds", (*self.path, key))
                ratio = float(log(self._quotient(low, high, key)))
                values = np.minimum(low.value * exp(ratio * unit), high.value).tolist()
            case "whole":
                a, b = self._whole(low, 0), self._whole(high, 1)
                values = (a + np.floor(unit * (b - a + 1))).astype(np.int64).tolist()
                texts = tuple(map(str, values))
                return Values(self.name, self.path, self.place, texts, tuple(map(float, values)), ONE, tuple(values))
            case _:
                if not math.isfinite(high.value - low.value):
                    raise self.context.error("SWP703", "these bounds are too far apart", self.path)
                values = (low.value + (high.value - low.value) * unit).tolist()
        return self._spaced(values, low, key)

    def _whole(self, bound: Typed, k: int) -> int:
        if not bound.dimension.is_one or bound.value != round(bound.value) or abs(bound.value) > 2**53:
            raise self.context.error("SWP703", "`whole` needs whole numbers as bounds", (*self.path, "whole", k))
        return round(bound.value)

    def _ranged(self) -> Values:
        start, stop, step = self._of_one_dimension([self._finite((*self.path, "range", k)) for k in range(3)])
        for k, other in ((1, stop), (2, step)):
            if other.dimension != start.dimension:
                raise self.context.error(
                    "EQ203",
                    f"this is {other.dimension.describe()}, the start is {start.dimension.describe()}",
                    (*self.path, "range", k),
                )
        a, b, d = (Fraction(x.exact) for x in (start, stop, step))  # type: ignore[arg-type]
        number = math.ceil((b - a) / d) if d else 0
        if number < 1:
            raise self.context.error("SWP703", "this range holds no values", (*self.path, "range"))
        self.budget.take(number, (*self.path, "range"))
        return self._whole_or_spaced([a + k * d for k in range(number)], (start, stop, step), "range")

    def _finite(self, path: Path) -> Typed:
        typed = self._constant(path)
        if not math.isfinite(typed.value):
            raise self.context.error("SWP703", "the bounds of a range must be finite", path)
        return typed

    def _of_one_dimension(self, found: list[Typed], dimension: Dimension | None = None) -> list[Typed]:
        """The same quantities, a 0 without a unit having the dimension of the others, or the one given."""
        if dimension is None:
            dimension = next((typed.dimension for typed in found if not typed.is_zero), ONE)
        if dimension.is_one:
            return found
        zero = parse_expression(Text.plain(f"0{base_units(dimension)}"))
        typed_zero = self.context.checker({}, "a sweep's value").check(zero)
        return [typed_zero if typed.is_zero else typed for typed in found]

    def _constant(self, path: Path) -> Typed:
        expr = self.context.expression(path)
        typed = self.context.checker({}, "a sweep's value").check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", "a sweep's value must be constant")
        return typed

    def _whole_or_spaced(self, values: list[Fraction], bounds: tuple[Typed, ...], key: str) -> Values:
        """Evenly spaced values: whole numbers where the bounds are written as such and all values are."""
        whole = all(b.node.kind is Kind.INT and b.dimension.is_one for b in bounds)
        if not (whole and all(value.denominator == 1 and abs(value) < 2**53 for value in values)):
            return self._spaced(values, bounds[0], key)
        self._must_fit(bounds[0], (*self.path, key, 0))
        held = tuple(int(value) for value in values)
        return Values(self.name, self.path, self.place, tuple(map(str, held)), tuple(map(float, held)), ONE, held)

    def _spaced(self, values: list[Any], like: Typed, key: str | None) -> Values:
        """Computed values, written in the unit of the first bound."""
        first: Path = (*self.path, 0) if key is None else (*self.path, key, 0)
        self._must_fit(like, first)
        scale, unit = self._unit(first, like)
        inner = values if scale == 1 else [Fraction(value) / scale for value in values]
        texts = tuple(f"{float(value)!r}{unit}" for value in inner)
        held = tuple(_held(text.removesuffix(unit), scale) for text in texts)
        return Values(self.name, self.path, self.place, texts, tuple(float(v) for v in values), like.dimension, held)

    def _unit(self, path: Path, like: Typed) -> tuple[Fraction, str]:
        expr = self.context.expression(path)
        if isinstance(expr, Unary):
            expr = expr.operand
        if isinstance(expr, Quantity) and expr.value != 0:
            assert isinstance(like.exact, Fraction)
            suffix = f"**{expr.power}" if expr.power != 1 else ""
            return abs(like.exact / expr.value), f" {expr.unit}{suffix}"
        return Fraction(1), base_units(like.dimension)

    def _must_fit(self, typed: Typed, path: Path) -> None:
        """Compare with the value that the file has now."""
        now = value_in_file(self.context, self.place)
        if now is not None and not typed.fits(now.dimension):
            raise self.context.error(
                "EQ209",
                f"`{self.name}` is {now.dimension.describe()}, this value is {typed.dimension.describe()}",
                path,
            )

    def from_paths(self, paths: list[Path]) -> Values:
        """Values written out: quantities where all of them are, otherwise texts, lists and maps as they stand."""
        self.budget.take(len(paths), self.path)
        nodes = [self.context.document.node(path) for path in paths]
        texts: tuple[Text | Node | str, ...]
        texts = tuple(n if isinstance(n, MapNode | ListNode) else n.text for n in nodes)
        shown = Values(self.name, self.path, self.place, texts, (), None)
        numbers = self._numbers(paths)
        if numbers is None:
            return replace(shown, numbers=tuple(shown.shown(k) for k in range(len(texts))))
        dimension = numbers[0].dimension
        if not dimension.is_one:  # a 0 without a unit gets one
            zeros = [self._constant(path).is_zero for path in paths]
            units = (self._unit(path, number)[1] for path, number in zip(paths, numbers, strict=True) if number.value)
            zero = f"0{next(units, base_units(dimension))}"
            texts = tuple(zero if is_zero else text for is_zero, text in zip(zeros, texts, strict=True))
            shown = replace(shown, texts=texts)
        try:
            held = tuple(map(value_of, numbers))
        except OverflowError:
            held = None  # the file says so where the value stands
        return replace(shown, numbers=tuple(n.value for n in numbers), dimension=dimension, held=held)

    def _numbers(self, paths: list[Path]) -> list[Typed] | None:
        """The values as quantities; None when they are something else."""
        now = value_in_file(self.context, self.place)
        if now is None:
            try:
                found = [self._constant(path) for path in paths]
            except (ExperimentError, KeyError):
                return None
            found = self._of_one_dimension(found)
            return found if len({typed.dimension for typed in found}) == 1 else None
        found = []
        for path in paths:
            if not isinstance(self.context.document.node(path), ScalarNode):
                raise self.context.error("SWP703", f"`{self.name}` is one value, not a list or a map", path)
            found.append(self._constant(path))
            self._must_fit(found[-1], path)
        return self._of_one_dimension(found, now.dimension)


def value_in_file(context: Context, place: Path) -> Typed | None:
    """The value of a parameter in the file, when it is a constant expression."""
    if place[0] == "constants":
        return context.constants.get(str(place[1]))
    node = context.document.find(place)
    if not isinstance(node, ScalarNode) or isinstance(node.value, bool):
        return None
    try:
        typed = context.checker({}, "").check(parse_expression(node.text))
    except Exception:  # noqa: BLE001 - a text that is no constant expression is swept as a text
        return None
    return typed if typed.exact is not None else None


def _held(number: str, scale: Fraction) -> float:
    """A number of a unit as the file is read: rounded once, from the decimal fraction that is written."""
    try:
        return float(number) if scale == 1 else float(Fraction(number) * scale)
    except (ValueError, OverflowError):  # `inf`, or larger than any number
        return math.inf


def path_text(path: Path) -> str:
    """A place in the file as a sweep names it: `groups.exc.size`."""
    return ".".join(str(step) for step in path)

"""The points of a sweep: which values each run gets, checked before the first one starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Quantity, Unary
from snnrun.equations.check import Typed
from snnrun.equations.parse import parse_expression
from snnrun.errors import ExperimentError, did_you_mean
from snnrun.network.context import Context, Path, at
from snnrun.network.resolve import value_of
from snnrun.numerics.arrays import exp, log
from snnrun.records import dataclass
from snnrun.source import Text
from snnrun.spec.check import parse_experiment
from snnrun.spec.models import (
    CallOperation,
    Linspace,
    LogBounds,
    Logspace,
    Range,
    Sample,
    SampleMethod,
    Sweep,
    WholeBounds,
)
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode
from snnrun.spec.overrides import find_path
from snnrun.sweep.sample import MOST_SOBOL, design
from snnrun.units.dimensions import ONE, Dimension

MOST_POINTS = 1_000_000
Place = tuple[str | int, ...]
SEED: Place = ("seed",)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one parameter.

    Args:
        name: As the sweep names it.
        place: Where in the file it stands.
        texts: The values as they go into the file, shape (n,); computed ones without a place.
        numbers: The values in SI units, or the texts where they are no numbers, shape (n,).
        dimension: Their dimension; None for texts.
        held: The values as the graphs of the network hold them once they are constants (whole numbers as int), shape
            (n,); None for texts.
    """

    name: str
    place: Place
    texts: tuple[Text | str | Node, ...]
    numbers: tuple[float | str, ...]
    dimension: Dimension | None
    held: tuple[float, ...] | None = None

    def value(self, k: int) -> Text | Node:
        """One value for the file."""
        text = self.texts[k]
        return Text.plain(text, f"value {k + 1} of {self.name}") if isinstance(text, str) else text

    def shown(self, k: int) -> str:
        """One value for people."""
        text = self.texts[k]
        if isinstance(text, str):
            return text
        return text.value if isinstance(text, Text) else " ".join(_source(text).split())


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep.

    Args:
        index: Its place in the grid, one number a dimension.
        values: What changes in the file.
        shown: The same for people: name and text.
        shared: Number of the phase until whose end it is as all others; None when it begins at the start.
    """

    index: tuple[int, ...]
    values: Mapping[Place, Text | Node]
    shown: Mapping[str, str]
    shared: int | None = None


@dataclass(frozen=True, slots=True)
class GridAxis:
    """Parameters that change together along one dimension of the grid."""

    name: str
    parameters: tuple[Values, ...]

    @property
    def length(self) -> int:
        """Number of positions along it."""
        return len(self.parameters[0].texts)


@dataclass(frozen=True, slots=True)
class Plan:
    """All points of a sweep, numbered along the grid, the last axis fastest; each is made when it is asked for.

    Args:
        axes: Dimensions of the grid, the first one slowest.
        keep_results: Whether each point keeps a folder of its own.
        shared: Number of the phase until whose end all points are the same; None when each begins at the start.
    """

    axes: tuple[GridAxis, ...]
    keep_results: bool
    shared: int | None = None

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def point(self, k: int) -> Point:
        """The point of a number.

        Raises:
            IndexError: There is none.
        """
        if not 0 <= k < self.size:
            raise IndexError(k)
        index: list[int] = []
        for length in reversed(self.shape):
            k, place = divmod(k, length)
            index.append(place)
        return self.at(tuple(reversed(index)))

    def number(self, index: tuple[int, ...]) -> int:
        """The number of the point at a place in the grid."""
        k = 0
        for length, place in zip(self.shape, index, strict=True):
            k = k * length + place
        return k

    def points(self) -> Iterator[Point]:
        """All of them, one at a time."""
        return (self.point(k) for k in range(self.size))

    def along(self, axis: int, place: int) -> tuple[int, ...]:
        """Where in the grid the point is that is at a place along an axis, and the first along all others."""
        return tuple(place if a == axis else 0 for a in range(len(self.axes)))

    def at(self, index: tuple[int, ...]) -> Point:
        """The point at a place in the grid."""
        return _point(self, index)

    def star(self) -> Iterator[Point]:
        """The first point, and along each axis the points that differ from it there alone."""
        yield self.point(0)
        for axis, length in enumerate(self.shape):
            yield from (self.at(self.along(axis, place)) for place in range(1, length))

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions."""
        return tuple(axis.length for axis in self.axes)

    def describe(self) -> str:
        """How many points there are, and along what: `30 points (tau 30)`."""
        number = self.size
        along = " x ".join(f"{axis.name} {axis.length}" for axis in self.axes)
        return f"{number:,} point{'' if number == 1 else 's'} ({along})"


def plan_sweep(context: Context, sweep: Sweep) -> Plan:
    """The points of a `sweep` section.

    Raises:
        ExperimentError: SWP701 to SWP708, each at its place in the file.
    """
    shared = _shared_phase(context, sweep)
    axes: list[GridAxis] = []
    for name, axis in (sweep.axes or {}).items():
        with context.collecting():
            axes.append(GridAxis(name, (_Reader(context, ("sweep", "axes", name), name).values(axis),)))
    if sweep.zip:
        with context.collecting():
            axes.append(_zipped(context, sweep))
    if sweep.points:
        with context.collecting():
            axes.append(_listed(context, sweep))
    if sweep.sample is not None:
        with context.collecting():
            axes.append(_sampled(context, sweep.sample))
    if sweep.repeat > 1:
        axes.append(_repeated(context, sweep.repeat))
    context.report.stop_if_errors()
    if not axes:
        raise context.key_error("SWP701", "the sweep changes nothing", ("sweep",), "add `axes: {name: [values]}`")
    columns = {"status", *(a.name for a in axes), *(p.name for a in axes for p in a.parameters)}
    for name in sorted(columns & context.experiment.metrics.keys()):
        raise context.key_error(
            "SWP708",
            f"the table of the sweep has a column `{name}` already",
            ("metrics", name),
            "give the metric another name",
        )
    number = math.prod(a.length for a in axes)
    if number > MOST_POINTS:
        raise context.key_error("SWP702", f"the sweep has {number:,} points; {MOST_POINTS:,} are allowed", ("sweep",))
    keep = context.document.has(("sweep", "keep"))
    keep_results = sweep.keep.value == "results" if keep else not context.experiment.metrics
    return Plan(tuple(axes), keep_results, shared)


def _point(plan: Plan, index: tuple[int, ...]) -> Point:
    values: dict[Place, Text | Node] = {}
    shown: dict[str, str] = {}
    for axis, k in zip(plan.axes, index, strict=True):
        for parameter in axis.parameters:
            values[parameter.place] = parameter.value(k)
            shown[parameter.name] = parameter.shown(k)
    return Point(index, values, shown, plan.shared)


def _shared_phase(context: Context, sweep: Sweep) -> int | None:
    """The number of the phase that all points continue from."""
    if sweep.shared is None:
        return None
    names = [phase.name for phase in context.experiment.run.phases or ()]
    if sweep.shared not in names:
        advice = did_you_mean(sweep.shared, names) or "name a phase of `run.phases`"
        raise context.error("SWP707", f"there is no phase `{sweep.shared}`", ("sweep", "shared"), advice)
    number = names.index(sweep.shared)
    if number + 1 == len(names):
        message = f"`{sweep.shared}` is the last phase: nothing comes after it"
        raise context.error("SWP707", message, ("sweep", "shared"))
    hooks = [name for name, o in context.experiment.operations.items() if isinstance(o, CallOperation)]
    if hooks:
        message = "points that call Python functions share no phase: what these remember is not stored"
        raise context.key_error("SWP707", message, ("operations", hooks[0]))
    return number


def _zipped(context: Context, sweep: Sweep) -> GridAxis:
    assert sweep.zip
    parameters = tuple(_Reader(context, ("sweep", "zip", n), n).values(a) for n, a in sweep.zip.items())
    lengths = {len(p.texts) for p in parameters}
    if len(lengths) > 1:
        shown = ", ".join(f"`{p.name}` {len(p.texts)}" for p in parameters)
        raise context.key_error("SWP703", f"zipped parameters need equally many values: {shown}", ("sweep", "zip"))
    return GridAxis("+".join(p.name for p in parameters), parameters)


def _listed(context: Context, sweep: Sweep) -> GridAxis:
    assert sweep.points
    names = list(sweep.points[0])
    parameters = []
    for name in names:
        reader = _Reader(context, ("sweep", "points"), name)
        for k, point in enumerate(sweep.points):
            if list(point) != names:
                raise context.error("SWP703", "all points must name the same parameters", ("sweep", "points", k))
        parameters.append(reader.from_paths([("sweep", "points", k, name) for k in range(len(sweep.points))]))
    return GridAxis("points" if len(names) > 1 else names[0], tuple(parameters))


def _sampled(context: Context, sample: Sample) -> GridAxis:
    """The points of a design, spread over the ranges."""
    names = list(sample.ranges)
    if sample.method is SampleMethod.SOBOL and len(names) > MOST_SOBOL:
        raise context.error(
            "SWP703",
            f"`sobol` samples {MOST_SOBOL} parameters at most, here are {len(names)}",
            ("sweep", "sample", "ranges"),
            "use `method: lhs`",
        )
    if sample.size > MOST_POINTS:
        raise context.error("SWP702", f"{MOST_POINTS:,} points are allowed", ("sweep", "sample", "size"))
    seed = sample.seed if sample.seed is not None else _seed(context)
    table = design(sample.method, names, sample.size, seed)
    parameters: list[Values] = []
    for k, (name, bounds) in enumerate(sample.ranges.items()):
        with context.collecting():
            reader = _Reader(context, ("sweep", "sample", "ranges", name), name)
            parameters.append(reader.sampled(bounds, table[:, k]))
    context.report.stop_if_errors()
    return GridAxis("sample" if len(parameters) > 1 else parameters[0].name, tuple(parameters))


def _seed(context: Context) -> int:
    """The seed of the experiment; the first one it gives when it has one for each stream."""
    seed = context.experiment.seed
    if isinstance(seed, int):
        return seed
    return next((v for v in (seed.connect, seed.initial, seed.noise, seed.input) if v is not None), 1)


def _repeated(context: Context, number: int) -> GridAxis:
    """Seeds of repetitions: the seed of the file and the numbers after it."""
    node = context.document.find(("seed",))
    first = node.value if isinstance(node, ScalarNode) and isinstance(node.value, int) else 1
    if isinstance(node, MapNode):
        raise context.error("SWP704", "`repeat` needs one seed for all streams", ("seed",))
    seeds = range(first, first + number)
    values = Values("seed", SEED, tuple(map(str, seeds)), tuple(map(float, seeds)), ONE, tuple(seeds))
    return GridAxis("repeat", (values,))


class _Reader:
    """The values of one parameter."""

    def __init__(self, context: Context, path: Path, name: str) -> None:
        self.context = context
        self.path = path
        self.name = name
        self.place = self.find()

    def find(self) -> Place:
        """Where the parameter stands in the file, or would stand: a key that the file leaves out can be swept."""
        document = self.context.document
        named = document.key_text(self.here())
        try:
            place = find_path(document, named)
        except ExperimentError as error:
            raise self.unknown(error.diagnostics[0].help) from None
        if not document.has(place):
            try:
                parse_experiment(document.with_values({place: "1"}))
            except ExperimentError as error:
                for item in error.diagnostics:
                    if item.code == "FMT203":  # the format has no such key there
                        raise self.unknown(item.help) from None
        if place[0] in ("sweep", "version", "extends", "name", "plots", "metrics"):
            raise self.context.key_error("SWP705", f"`{place[0]}` cannot be swept", self.here())
        return place

    def unknown(self, advice: str | None) -> ExperimentError:
        known = [
            *self.context.experiment.constants,
            *(_written(p) for p, n in self.context.document.walk() if p and p[0] != "sweep"),
        ]
        near = did_you_mean(self.name, known) or advice
        return self.context.key_error("SWP705", f"there is nothing called `{self.name}` to sweep", self.here(), near)

    def here(self) -> Path:
        return self.path if self.path[1] != "points" else (*self.path, 0, self.name)

    def values(self, axis: Any) -> Values:
        match axis:
            case Linspace():
                a, b = self.bounds("linspace")
                return self.spaced(
                    [
                        a.exact + (b.exact - a.exact) * Fraction(k, max(axis.num - 1, 1))  # type: ignore[operator]
                        for k in range(axis.num)
                    ],
                    a,
                    "linspace",
                )
            case Logspace():
                a, b = self.bounds("logspace")
                if not (a.value > 0 and b.value > 0):
                    raise self.context.error("SWP703", "`logspace` needs positive bounds", (*self.path, "logspace"))
                ratio = math.log(b.value / a.value)
                inner = [a.value * math.exp(ratio * k / max(axis.num - 1, 1)) for k in range(axis.num)]
                inner[0], inner[-1] = a.value, b.value if axis.num > 1 else a.value
                return self.spaced(inner, a, "logspace")
            case Range():
                return self.ranged()
            case _:
                return self.from_paths([(*self.path, k) for k in range(len(axis))])

    def bounds(self, key: str | None) -> tuple[Typed, Typed]:
        path = self.path if key is None else (*self.path, key)
        first, last = (self.constant((*path, k)) for k in (0, 1))
        if first.dimension != last.dimension:
            raise self.context.error(
                "EQ203",
                f"the bounds are {first.dimension.describe()} and {last.dimension.describe()}",
                (*path, 1),
            )
        return first, last

    def sampled(self, bounds: Any, unit: NDArray[np.float64]) -> Values:
        """Values of a range at places from 0 to 1."""
        key = "log" if isinstance(bounds, LogBounds) else "whole" if isinstance(bounds, WholeBounds) else None
        low, high = self.bounds(key)
        if not (math.isfinite(low.value) and math.isfinite(high.value)):
            raise self.context.error("SWP703", "the bounds of a range must be finite", self.path)
        if low.value >= high.value:
            raise self.context.error("SWP703", "the first bound of a range must be the lower one", self.path)
        match key:
            case "log":
                if low.value <= 0:
                    raise self.context.error("SWP703", "`log` needs positive bounds", (*self.path, key))
                ratio = float(log(high.value / low.value))
                values = np.minimum(low.value * exp(ratio * unit), high.value).tolist()
            case "whole":
                a, b = self.whole(low, 0), self.whole(high, 1)
                values = (a + np.floor(unit * (b - a + 1))).astype(np.int64).tolist()
                texts = tuple(map(str, values))
                return Values(self.name, self.place, texts, tuple(map(float, values)), ONE, tuple(values))
            case _:
                values = (low.value + (high.value - low.value) * unit).tolist()
        return self.spaced(values, low, key)

    def whole(self, bound: Typed, k: int) -> int:
        if not bound.dimension.is_one or bound.value != round(bound.value) or abs(bound.value) > 2**53:
            raise self.context.error("SWP703", "`whole` needs whole numbers as bounds", (*self.path, "whole", k))
        return round(bound.value)

    def ranged(self) -> Values:
        start, stop, step = (self.constant((*self.path, "range", k)) for k in range(3))
        for k, other in ((1, stop), (2, step)):
            if other.dimension != start.dimension:
                raise self.context.error(
                    "EQ203",
                    f"this is {other.dimension.describe()}, the start is {start.dimension.describe()}",
                    (*self.path, "range", k),
                )
        a, b, d = (Fraction(x.exact) for x in (start, stop, step))  # type: ignore[arg-type]
        number = math.ceil((b - a) / d) if d else 0
        if number < 1 or number > MOST_POINTS:
            raise self.context.error(
                "SWP703", "this range holds no values" if number < 1 else "too many values", (*self.path, "range")
            )
        return self.spaced([a + k * d for k in range(number)], start, "range")

    def constant(self, path: Path) -> Typed:
        expr = self.context.expression(path)
        typed = self.context.checker({}, "a sweep's value").check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", "a sweep's value must be constant")
        return typed

    def spaced(self, values: list[Any], like: Typed, key: str | None) -> Values:
        """Computed values, written in the unit of the first bound."""
        first: Path = (*self.path, 0) if key is None else (*self.path, key, 0)
        self.must_fit(like, first)
        scale, unit = self.unit(first, like)
        texts = tuple(f"{float(Fraction(value) / scale)!r}{unit}" for value in values)
        held = tuple(_held(text.removesuffix(unit), scale) for text in texts)
        return Values(self.name, self.place, texts, tuple(float(v) for v in values), like.dimension, held)

    def unit(self, path: Path, like: Typed) -> tuple[Fraction, str]:
        expr = self.context.expression(path)
        if isinstance(expr, Unary):
            expr = expr.operand
        if isinstance(expr, Quantity) and expr.value != 0:
            assert isinstance(like.exact, Fraction)
            suffix = f"**{expr.power}" if expr.power != 1 else ""
            return abs(like.exact / expr.value), f" {expr.unit}{suffix}"
        return Fraction(1), base_units(like.dimension)

    def must_fit(self, typed: Typed, path: Path) -> None:
        """Compare with the value that the file has now."""
        now = self.now()
        if now is not None and now.dimension != typed.dimension:
            raise self.context.error(
                "EQ209",
                f"`{self.name}` is {now.dimension.describe()}, this value is {typed.dimension.describe()}",
                path,
            )

    def now(self) -> Typed | None:
        """The parameter's value in the file, when it is a constant expression."""
        if self.place[0] == "constants":
            return self.context.constants.get(str(self.place[1]))
        node = self.context.document.find(self.place)
        if not isinstance(node, ScalarNode) or isinstance(node.value, bool):
            return None
        try:
            typed = self.context.checker({}, "").check(parse_expression(node.text))
        except Exception:  # noqa: BLE001 - a text that is no constant expression is swept as a text
            return None
        return typed if typed.exact is not None else None

    def from_paths(self, paths: list[Path]) -> Values:
        """Values written out: quantities where all of them are, otherwise texts, lists and maps as they stand."""
        nodes = [self.context.document.node(path) for path in paths]
        texts = tuple(n if isinstance(n, MapNode | ListNode) else n.text for n in nodes)
        shown = Values(self.name, self.place, texts, (), None)
        numbers = self.numbers(paths)
        if numbers is None:
            return replace(shown, numbers=tuple(shown.shown(k) for k in range(len(texts))))
        try:
            held = tuple(map(value_of, numbers))
        except OverflowError:
            held = None  # the file says so where the value stands
        return replace(shown, numbers=tuple(n.value for n in numbers), dimension=numbers[0].dimension, held=held)

    def numbers(self, paths: list[Path]) -> list[Typed] | None:
        """The values as quantities; None when they are something else."""
        if self.now() is None:
            try:
                found = [self.constant(path) for path in paths]
            except (ExperimentError, KeyError):
                return None
            return found if len({typed.dimension for typed in found}) == 1 else None
        found = []
        for path in paths:
            if not isinstance(self.context.document.node(path), ScalarNode):
                raise self.context.error("SWP703", f"`{self.name}` is one value, not a list or a map", path)
            found.append(self.constant(path))
            self.must_fit(found[-1], path)
        return found


def _held(number: str, scale: Fraction) -> float:
    """A number of a unit as the file is read: rounded once, from the decimal fraction that is written."""
    try:
        return float(Fraction(number) * scale)
    except (ValueError, OverflowError):  # `inf`, or larger than any number
        return math.inf


def _source(node: Node) -> str:
    """A list or map as it is written."""
    return node.span.file.text[node.span.start : node.span.end]


def _written(place: Place) -> str:
    return ".".join(str(step) for step in place)


def base_units(dimension: Dimension) -> str:
    """A dimension as a product of base units, to follow a number: `*metre**2*kilogram`."""
    names = ("metre", "kilogram", "second", "ampere", "kelvin", "mole", "candela")
    parts = [
        f"*{n}**{e}" if e.denominator == 1 else f"*{n}**({e})"
        for n, e in zip(names, dimension.exponents, strict=True)
        if e
    ]
    return "".join(parts)

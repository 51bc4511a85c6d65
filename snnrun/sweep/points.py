"""The points of a sweep: which values each run gets, checked before the first one starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Quantity, Unary
from snnrun.equations.dag import Kind
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Typed
from snnrun.errors import ExperimentError, at, did_you_mean
from snnrun.kernels.arrays import exp, log
from snnrun.resolve.constants import value_of
from snnrun.resolve.context import Context, Path
from snnrun.resolve.settings import is_replaced_at_start
from snnrun.resolve.unused import definition_of, used_definitions
from snnrun.source import Text
from snnrun.spec.check import parse_experiment
from snnrun.spec.models import CallOperation, LogBounds, Sample, SampleMethod, Sweep, WholeBounds
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode
from snnrun.spec.overrides import find_path
from snnrun.spec.values import Linspace, Logspace, Range
from snnrun.sweep.sample import MOST_SOBOL, design
from snnrun.units.dimensions import ONE, Dimension

MOST_POINTS = 1_000_000
MOST_VALUES = 100_000  # of all parameters together
Place = tuple[str | int, ...]
SEED: Place = ("seed",)
_NOT_SWEPT = ("sweep", "version", "extends", "name", "description", "references", "plots", "metrics")


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

    @property
    def text(self) -> str:
        """Its parameters in words: `tau = 5 ms, seed = 2`."""
        return ", ".join(f"{name} = {value}" for name, value in self.shown.items())


@dataclass(frozen=True, slots=True)
class GridAxis:
    """Parameters that change together along one dimension of the grid."""

    name: str
    parameters: tuple[Values, ...]

    @property
    def is_repetition(self) -> bool:
        """Whether only the seed changes along it, as `repeat` asks."""
        return self.name != self.parameters[0].name and len(self.parameters) == 1

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
        ExperimentError: SWP701 to SWP710 or SWP717, each at its place in the file.
    """
    shared = _shared_phase(context, sweep)
    budget = _Budget(context)
    axes: list[GridAxis] = []
    for name, axis in (sweep.axes or {}).items():
        with context.collecting():
            axes.append(GridAxis(name, (_Reader(budget, ("sweep", "axes", name), name).values(axis),)))
    if sweep.zip:
        with context.collecting():
            axes.append(_zipped(budget, sweep))
    if sweep.points:
        with context.collecting():
            axes.append(_listed(budget, sweep))
    if sweep.sample is not None:
        with context.collecting():
            axes.append(_sampled(budget, sweep.sample))
    if sweep.repeat > 1:
        with context.collecting():
            axes.append(_repeated(budget, sweep.repeat))
    context.report.stop_if_errors()
    if not axes:
        raise context.key_error("SWP701", "the sweep changes nothing", ("sweep",), "add `axes: {name: [values]}`")
    _refuse_twice(context, axes)
    _refuse_columns(context, axes)
    _refuse_unused(context, axes)
    number = math.prod(a.length for a in axes)
    if number > MOST_POINTS:
        raise context.key_error("SWP702", f"the sweep has {number:,} points; {MOST_POINTS:,} are allowed", ("sweep",))
    keep = context.document.has(("sweep", "keep"))
    keep_results = sweep.keep.value == "results" if keep else not context.experiment.metrics
    if context.experiment.run.save_state and not keep_results:
        message = "the points of this sweep keep metrics only, no state"
        raise context.key_error("SWP710", message, ("run", "save_state"), "add `keep: results` to the sweep")
    return Plan(tuple(axes), keep_results, shared)


@dataclass(slots=True)
class _Budget:
    """Counts the values of a sweep before they are made."""

    context: Context
    values: int = 0

    def take(self, number: int, path: Path) -> None:
        """Count some values.

        Raises:
            ExperimentError: SWP702, there would be too many.
        """
        if self.values + number > MOST_VALUES:
            shown = f"{number:,}" if number < 10**12 else f"over {10**12:,}"
            message = f"these are {shown} values; a sweep has at most {MOST_VALUES:,}, of all parameters together"
            raise self.context.error("SWP702", message, path)
        self.values += number


def _places(context: Context, axis: GridAxis, parameter: Values) -> Path:
    """Where in the file a parameter of the sweep is named."""
    name = parameter.name
    named: tuple[Path, ...] = (
        ("sweep", "axes", name),
        ("sweep", "zip", name),
        ("sweep", "points", 0, name),
        ("sweep", "sample", "ranges", name),
        ("sweep", "repeat"),
    )
    wanted = named[4:] if axis.is_repetition else {"points": named[2:3], "sample": named[3:4]}.get(axis.name, ())
    return next(path for path in (*wanted, *named) if context.document.has(path))


def _refuse_twice(context: Context, axes: list[GridAxis]) -> None:
    """Refuse two parameters that are the same value of the file, or part of one another.

    Raises:
        ExperimentError: SWP709.
    """
    seen: dict[Place, str] = {}
    above: dict[Place, str] = {}  # what holds a part that is swept, with the name of that
    for axis in axes:
        for parameter in axis.parameters:
            place = parameter.place
            heads = [place[:k] for k in range(1, len(place) + 1)]
            other = next((seen[head] for head in heads if head in seen), above.get(place))
            if other is not None:
                ours = axis.name if axis.is_repetition else parameter.name
                if place not in seen:
                    what = f"`{other}` and `{ours}` change the same part of the file"
                else:
                    what = f"`{ours}` is swept twice" if ours == other else f"`{other}` and `{ours}` are the same value"
                path = _places(context, axis, parameter)
                raise context.key_error("SWP709", what, path, "keep one of them; `zip` changes several together")
            seen[place] = parameter.name
            above |= dict.fromkeys(heads[:-1], parameter.name)


def _refuse_unused(context: Context, axes: list[GridAxis]) -> None:
    """Refuse to sweep what nothing reads, or what the first phase replaces: all points would be the same.

    Raises:
        ExperimentError: SWP717.
    """
    used = used_definitions(context)
    for axis in axes:
        for parameter in axis.parameters:
            definition = definition_of(parameter.place)
            if definition is not None and definition not in used:
                advice = "use it, or sweep another parameter"
                message = f"nothing reads `{parameter.name}`: all points would be the same"
                span = context.document.key_span(_places(context, axis, parameter))
                context.report.error("SWP717", message, span, advice)
            elif is_replaced_at_start(context, parameter.place):
                message = f"the first phase sets `{parameter.name}` at its start: all points would be the same"
                advice = "remove it from `set` of this phase, or sweep the value there"
                span = context.document.key_span(_places(context, axis, parameter))
                context.report.error("SWP717", message, span, advice)
    context.report.stop_if_errors()


def _refuse_columns(context: Context, axes: list[GridAxis]) -> None:
    """Refuse names that the table of the sweep would hold twice.

    Raises:
        ExperimentError: SWP708.
    """
    named = [(axis, parameter) for axis in axes for parameter in axis.parameters if not axis.is_repetition]
    columns = {"status", *(axis.name for axis in axes if axis.is_repetition or len(axis.parameters) > 1)}
    for axis, parameter in named:
        if parameter.name in columns:
            raise context.key_error(
                "SWP708",
                f"the table of the sweep has a column `{parameter.name}` already",
                _places(context, axis, parameter),
                f"name the parameter by its path: `{_written(parameter.place)}`",
            )
    columns |= {parameter.name for _, parameter in named}
    for name in sorted(columns & context.experiment.metrics.keys()):
        raise context.key_error(
            "SWP708",
            f"the table of the sweep has a column `{name}` already",
            ("metrics", name),
            "give the metric another name",
        )


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


def _zipped(budget: _Budget, sweep: Sweep) -> GridAxis:
    assert sweep.zip
    context = budget.context
    parameters = tuple(_Reader(budget, ("sweep", "zip", n), n).values(a) for n, a in sweep.zip.items())
    lengths = {len(p.texts) for p in parameters}
    if len(lengths) > 1:
        shown = ", ".join(f"`{p.name}` {len(p.texts)}" for p in parameters)
        raise context.key_error("SWP703", f"zipped parameters need equally many values: {shown}", ("sweep", "zip"))
    return GridAxis("+".join(p.name for p in parameters), parameters)


def _listed(budget: _Budget, sweep: Sweep) -> GridAxis:
    assert sweep.points
    context = budget.context
    names = list(sweep.points[0])
    parameters = []
    for name in names:
        reader = _Reader(budget, ("sweep", "points"), name)
        for k, point in enumerate(sweep.points):
            if list(point) != names:
                raise context.error("SWP703", "all points must name the same parameters", ("sweep", "points", k))
        parameters.append(reader.from_paths([("sweep", "points", k, name) for k in range(len(sweep.points))]))
    return GridAxis("points" if len(names) > 1 else names[0], tuple(parameters))


def _sampled(budget: _Budget, sample: Sample) -> GridAxis:
    """The points of a design, spread over the ranges."""
    context = budget.context
    names = list(sample.ranges)
    if sample.method is SampleMethod.SOBOL and len(names) > MOST_SOBOL:
        raise context.error(
            "SWP703",
            f"`sobol` samples {MOST_SOBOL} parameters at most, here are {len(names)}",
            ("sweep", "sample", "ranges"),
            "use `method: lhs`",
        )
    budget.take(sample.size * len(names), ("sweep", "sample", "size"))
    seed = sample.seed if sample.seed is not None else _seed(context)
    table = design(sample.method, names, sample.size, seed)
    parameters: list[Values] = []
    for k, (name, bounds) in enumerate(sample.ranges.items()):
        with context.collecting():
            reader = _Reader(budget, ("sweep", "sample", "ranges", name), name)
            parameters.append(reader.sampled(bounds, table[:, k]))
    context.report.stop_if_errors()
    return GridAxis("sample" if len(parameters) > 1 else parameters[0].name, tuple(parameters))


def _seed(context: Context) -> int:
    """The seed of the experiment; the first one it gives when it has one for each stream."""
    seed = context.experiment.seed
    if isinstance(seed, int):
        return seed
    return next((v for v in (seed.connect, seed.initial, seed.noise, seed.input) if v is not None), 1)


def _repeated(budget: _Budget, number: int) -> GridAxis:
    """Seeds of repetitions: the seed of the file and the numbers after it."""
    context = budget.context
    budget.take(number, ("sweep", "repeat"))
    node = context.document.find(("seed",))
    first = node.value if isinstance(node, ScalarNode) and isinstance(node.value, int) else 1
    if isinstance(node, MapNode):
        raise context.error("SWP704", "`repeat` needs one seed for all streams", ("seed",))
    seeds = range(first, first + number)
    values = Values("seed", SEED, tuple(map(str, seeds)), tuple(map(float, seeds)), ONE, tuple(seeds))
    return GridAxis("repeat", (values,))


class _Reader:
    """The values of one parameter."""

    def __init__(self, budget: _Budget, path: Path, name: str) -> None:
        self.budget = budget
        self.context = budget.context
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
        if place[0] in _NOT_SWEPT:
            raise self.context.key_error("SWP705", f"`{place[0]}` cannot be swept", self.here())
        if len(place) == 1 and place != SEED:
            advice = f"name a part of it: `{place[0]}.name`"
            raise self.context.key_error("SWP705", f"`{place[0]}` is a whole section of the file", self.here(), advice)
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
                self.budget.take(axis.num, (*self.path, "num"))
                first, last = Fraction(a.exact), Fraction(b.exact)  # type: ignore[arg-type]
                step = (last - first) / max(axis.num - 1, 1)
                values = [first + step * k for k in range(axis.num)]
                return self.whole_or_spaced(values, (a, b), "linspace")
            case Logspace():
                a, b = self.bounds("logspace")
                self.budget.take(axis.num, (*self.path, "num"))
                if not (a.value > 0 and b.value > 0):
                    raise self.context.error("SWP703", "`logspace` needs positive bounds", (*self.path, "logspace"))
                ratio = math.log(self.quotient(a, b, "logspace"))
                inner = [a.value * math.exp(ratio * k / max(axis.num - 1, 1)) for k in range(axis.num)]
                inner[0], inner[-1] = a.value, b.value if axis.num > 1 else a.value
                return self.spaced(inner, a, "logspace")
            case Range():
                return self.ranged()
            case _:
                return self.from_paths([(*self.path, k) for k in range(len(axis))])

    def quotient(self, low: Typed, high: Typed, key: str) -> float:
        """How many times the lower bound the upper one is."""
        quotient = high.value / low.value
        if not (math.isfinite(quotient) and quotient > 0):
            raise self.context.error("SWP703", "these bounds are too far apart", (*self.path, key))
        return quotient

    def bounds(self, key: str | None) -> tuple[Typed, Typed]:
        path = self.path if key is None else (*self.path, key)
        first, last = self.of_one_dimension([self.finite((*path, k)) for k in (0, 1)])
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
        if low.value >= high.value:
            raise self.context.error("SWP703", "the first bound of a range must be the lower one", self.path)
        match key:
            case "log":
                if low.value <= 0:
                    raise self.context.error("SWP703", "`log` needs positive bounds", (*self.path, key))
                ratio = float(log(self.quotient(low, high, key)))
                values = np.minimum(low.value * exp(ratio * unit), high.value).tolist()
            case "whole":
                a, b = self.whole(low, 0), self.whole(high, 1)
                values = (a + np.floor(unit * (b - a + 1))).astype(np.int64).tolist()
                texts = tuple(map(str, values))
                return Values(self.name, self.place, texts, tuple(map(float, values)), ONE, tuple(values))
            case _:
                if not math.isfinite(high.value - low.value):
                    raise self.context.error("SWP703", "these bounds are too far apart", self.path)
                values = (low.value + (high.value - low.value) * unit).tolist()
        return self.spaced(values, low, key)

    def whole(self, bound: Typed, k: int) -> int:
        if not bound.dimension.is_one or bound.value != round(bound.value) or abs(bound.value) > 2**53:
            raise self.context.error("SWP703", "`whole` needs whole numbers as bounds", (*self.path, "whole", k))
        return round(bound.value)

    def ranged(self) -> Values:
        start, stop, step = self.of_one_dimension([self.finite((*self.path, "range", k)) for k in range(3)])
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
        return self.whole_or_spaced([a + k * d for k in range(number)], (start, stop, step), "range")

    def finite(self, path: Path) -> Typed:
        typed = self.constant(path)
        if not math.isfinite(typed.value):
            raise self.context.error("SWP703", "the bounds of a range must be finite", path)
        return typed

    def of_one_dimension(self, found: list[Typed], dimension: Dimension | None = None) -> list[Typed]:
        """The same quantities, a 0 without a unit having the dimension of the others, or the one given."""
        if dimension is None:
            dimension = next((typed.dimension for typed in found if not typed.is_zero), ONE)
        if dimension.is_one:
            return found
        zero = parse_expression(Text.plain(f"0{base_units(dimension)}"))
        typed_zero = self.context.checker({}, "a sweep's value").check(zero)
        return [typed_zero if typed.is_zero else typed for typed in found]

    def constant(self, path: Path) -> Typed:
        expr = self.context.expression(path)
        typed = self.context.checker({}, "a sweep's value").check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", "a sweep's value must be constant")
        return typed

    def whole_or_spaced(self, values: list[Fraction], bounds: tuple[Typed, ...], key: str) -> Values:
        """Evenly spaced values: whole numbers where the bounds are written as such and all values are."""
        whole = all(b.node.kind is Kind.INT and b.dimension.is_one for b in bounds)
        if not (whole and all(value.denominator == 1 and abs(value) < 2**53 for value in values)):
            return self.spaced(values, bounds[0], key)
        self.must_fit(bounds[0], (*self.path, key, 0))
        held = tuple(int(value) for value in values)
        return Values(self.name, self.place, tuple(map(str, held)), tuple(map(float, held)), ONE, held)

    def spaced(self, values: list[Any], like: Typed, key: str | None) -> Values:
        """Computed values, written in the unit of the first bound."""
        first: Path = (*self.path, 0) if key is None else (*self.path, key, 0)
        self.must_fit(like, first)
        scale, unit = self.unit(first, like)
        inner = values if scale == 1 else [Fraction(value) / scale for value in values]
        texts = tuple(f"{float(value)!r}{unit}" for value in inner)
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
        if now is not None and not typed.fits(now.dimension):
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
        self.budget.take(len(paths), self.path)
        nodes = [self.context.document.node(path) for path in paths]
        texts: tuple[Text | Node | str, ...]
        texts = tuple(n if isinstance(n, MapNode | ListNode) else n.text for n in nodes)
        shown = Values(self.name, self.place, texts, (), None)
        numbers = self.numbers(paths)
        if numbers is None:
            return replace(shown, numbers=tuple(shown.shown(k) for k in range(len(texts))))
        dimension = numbers[0].dimension
        if not dimension.is_one:  # a 0 without a unit gets one
            zeros = [self.constant(path).is_zero for path in paths]
            units = (self.unit(path, number)[1] for path, number in zip(paths, numbers, strict=True) if number.value)
            zero = f"0{next(units, base_units(dimension))}"
            texts = tuple(zero if is_zero else text for is_zero, text in zip(zeros, texts, strict=True))
            shown = replace(shown, texts=texts)
        try:
            held = tuple(map(value_of, numbers))
        except OverflowError:
            held = None  # the file says so where the value stands
        return replace(shown, numbers=tuple(n.value for n in numbers), dimension=dimension, held=held)

    def numbers(self, paths: list[Path]) -> list[Typed] | None:
        """The values as quantities; None when they are something else."""
        now = self.now()
        if now is None:
            try:
                found = [self.constant(path) for path in paths]
            except (ExperimentError, KeyError):
                return None
            found = self.of_one_dimension(found)
            return found if len({typed.dimension for typed in found}) == 1 else None
        found = []
        for path in paths:
            if not isinstance(self.context.document.node(path), ScalarNode):
                raise self.context.error("SWP703", f"`{self.name}` is one value, not a list or a map", path)
            found.append(self.constant(path))
            self.must_fit(found[-1], path)
        return self.of_one_dimension(found, now.dimension)


def _held(number: str, scale: Fraction) -> float:
    """A number of a unit as the file is read: rounded once, from the decimal fraction that is written."""
    try:
        return float(number) if scale == 1 else float(Fraction(number) * scale)
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

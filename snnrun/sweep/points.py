"""The points of a sweep: which values each run gets, checked before the first one starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from snnrun.equations.ast import Quantity
from snnrun.equations.check import Typed
from snnrun.equations.parse import parse_expression
from snnrun.errors import did_you_mean
from snnrun.network.context import Context, Path, at
from snnrun.records import dataclass
from snnrun.source import Text
from snnrun.spec.document import Document
from snnrun.spec.models import Linspace, Logspace, Range, Sweep
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode
from snnrun.units.dimensions import ONE, Dimension

MOST_POINTS = 1_000_000
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one parameter.

    Args:
        name: As the sweep names it.
        place: Where in the file it stands.
        texts: The values as texts for the file, shape (n,); computed ones without a place.
        numbers: The values in SI units, or the texts where they are no numbers, shape (n,).
        dimension: Their dimension; None for texts.
    """

    name: str
    place: Place
    texts: tuple[Text | str, ...]
    numbers: tuple[float | str, ...]
    dimension: Dimension | None

    def text(self, k: int) -> Text:
        """One value as a text for the file."""
        text = self.texts[k]
        return text if isinstance(text, Text) else Text.plain(text, f"value {k + 1} of {self.name}")


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep.

    Args:
        index: Its place in the grid, one number a dimension.
        values: What changes in the file.
        shown: The same for people: name and text.
    """

    index: tuple[int, ...]
    values: Mapping[Place, Text]
    shown: Mapping[str, str]


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
    """

    axes: tuple[GridAxis, ...]
    keep_results: bool

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
        return _point(self.axes, tuple(reversed(index)))

    def number(self, index: tuple[int, ...]) -> int:
        """The number of the point at a place in the grid."""
        k = 0
        for length, place in zip(self.shape, index, strict=True):
            k = k * length + place
        return k

    def points(self) -> Iterator[Point]:
        """All of them, one at a time."""
        return (self.point(k) for k in range(self.size))

    def star(self) -> Iterator[Point]:
        """The first point, and along each axis the points that differ from it there alone."""
        yield self.point(0)
        for axis, length in enumerate(self.shape):
            for place in range(1, length):
                yield self.point(self.number(tuple(place if a == axis else 0 for a in range(len(self.shape)))))

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
        ExperimentError: SWP701 to SWP705, each at its place in the file.
    """
    _refuse_unsupported(context, sweep)
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
    if sweep.repeat > 1:
        axes.append(_repeated(context, sweep.repeat))
    context.report.stop_if_errors()
    if not axes:
        raise context.key_error("SWP701", "the sweep changes nothing", ("sweep",), "add `axes: {name: [values]}`")
    number = math.prod(a.length for a in axes)
    if number > MOST_POINTS:
        raise context.key_error("SWP702", f"the sweep has {number:,} points; {MOST_POINTS:,} are allowed", ("sweep",))
    keep = context.document.has(("sweep", "keep"))
    keep_results = sweep.keep.value == "results" if keep else not context.experiment.metrics
    return Plan(tuple(axes), keep_results)


def _point(axes: Sequence[GridAxis], index: tuple[int, ...]) -> Point:
    values: dict[Place, Text] = {}
    shown: dict[str, str] = {}
    for axis, k in zip(axes, index, strict=True):
        for parameter in axis.parameters:
            text = parameter.text(k)
            values[parameter.place] = text
            shown[parameter.name] = text.value
    return Point(index, values, shown)


def _refuse_unsupported(context: Context, sweep: Sweep) -> None:
    for key in ("sample", "shared"):
        if getattr(sweep, key) is not None:
            raise context.key_error("NET199", f"`sweep.{key}` is not supported yet", ("sweep", key))


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


def _repeated(context: Context, number: int) -> GridAxis:
    """Seeds of repetitions: the seed of the file and the numbers after it."""
    node = context.document.find(("seed",))
    first = node.value if isinstance(node, ScalarNode) and isinstance(node.value, int) else 1
    if isinstance(node, MapNode):
        raise context.error("SWP704", "`repeat` needs one seed for all streams", ("seed",))
    texts = tuple(str(first + k) for k in range(number))
    values = Values("seed", ("seed",), texts, tuple(float(first + k) for k in range(number)), ONE)
    return GridAxis("repeat", (values,))


class _Reader:
    """The values of one parameter."""

    def __init__(self, context: Context, path: Path, name: str) -> None:
        self.context = context
        self.path = path
        self.name = name
        self.place = self.find()

    def find(self) -> Place:
        """Where the parameter stands in the file."""
        document = self.context.document
        if "." not in self.name and self.name in self.context.experiment.constants:
            return ("constants", self.name)
        place = dotted(document, self.name)
        if place is not None:
            return place
        known = [
            *self.context.experiment.constants,
            *(_written(p) for p, n in document.walk() if p and p[0] != "sweep"),
        ]
        near = did_you_mean(self.name, known)
        raise self.context.key_error("SWP705", f"there is nothing called `{self.name}` to sweep", self.here(), near)

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

    def bounds(self, key: str) -> tuple[Typed, Typed]:
        first, last = (self.constant((*self.path, key, k)) for k in (0, 1))
        if first.dimension != last.dimension:
            raise self.context.error(
                "EQ203",
                f"the bounds are {first.dimension.describe()} and {last.dimension.describe()}",
                (*self.path, key, 1),
            )
        return first, last

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

    def spaced(self, values: list[Any], like: Typed, key: str) -> Values:
        """Computed values, written in the unit of the first bound."""
        self.must_fit(like, (*self.path, key, 0))
        scale, unit = self.unit((*self.path, key, 0), like)
        texts = tuple(f"{float(Fraction(value) / scale)!r}{unit}" for value in values)
        return Values(self.name, self.place, texts, tuple(float(v) for v in values), like.dimension)

    def unit(self, path: Path, like: Typed) -> tuple[Fraction, str]:
        expr = self.context.expression(path)
        if isinstance(expr, Quantity) and expr.value != 0:
            assert isinstance(like.exact, Fraction)
            suffix = f"**{expr.power}" if expr.power != 1 else ""
            return like.exact / expr.value, f" {expr.unit}{suffix}"
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
        """Values written out."""
        texts: list[Text] = []
        numbers: list[float | str] = []
        dimension: Dimension | None = None
        for path in paths:
            node = self.context.document.node(path)
            if isinstance(node, MapNode | ListNode):
                raise self.context.error("SWP703", "a swept value is one value or text", path)
            text = self.context.text(path)
            texts.append(text)
            typed = self.constant(path) if self.now() is not None else None
            if typed is None:
                numbers.append(text.value)
                continue
            self.must_fit(typed, path)
            dimension = typed.dimension
            numbers.append(typed.value)
        return Values(self.name, self.place, tuple(texts), tuple(numbers), dimension)


def dotted(document: Document, name: str) -> Place | None:
    """The path of a dotted name, when it leads to a value of the file."""
    place: Place = ()
    for step in name.split("."):
        place = (*place, int(step) if step.isdigit() and isinstance(document.find(place), ListNode) else step)
        if not document.has(place):
            return None
    return place


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

"""The points of a sweep: a grid of axes, and the values of the parameters along each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from snnrun.resolve.swept import POINTS
from snnrun.source import Text
from snnrun.spec.nodes import Node, Path
from snnrun.units.dimensions import ONE, Dimension
from snnrun.units.quantities import format_quantity, quantity_of

SEED: Path = ("seed",)
REPEAT: Path = ("sweep", "repeat")
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one parameter.

    Args:
        name: As the sweep names it.
        named: Where the sweep names it.
        place: Where in the file it stands.
        texts: The values as they go into the file, shape (n,); computed ones without a place; None for that of the
            file.
        numbers: The values in SI units, or the texts where they are no numbers, shape (n,); NaN or empty where it is
            that of the file and computed from others.
        dimension: Their dimension; None for texts.
        held: The values as the graphs of the network hold them once they are constants (whole numbers as int), shape
            (n,); None for texts.
    """

    name: str
    named: Path
    place: Path
    texts: tuple[Text | str | Node | None, ...]
    numbers: tuple[float | str, ...]
    dimension: Dimension | None
    held: tuple[float, ...] | None = None

    def value(self, k: int) -> Text | Node:
        """One value for the file."""
        text = self.texts[k]
        assert text is not None
        return Text.plain(text, f"value {k + 1} of {self.name}") if isinstance(text, str) else text

    def shown(self, k: int) -> str:
        """One value as text."""
        text = self.texts[k]
        if text is None:
            return str(self.numbers[k])
        if isinstance(text, str):
            return (self._readable(k) or text) if "*" in text else text
        return text.value if isinstance(text, Text) else " ".join(_source(text).split())

    def _readable(self, k: int) -> str | None:
        """A value in base units with a readable unit, `2 nA`, where this means the same number to the last bit."""
        if self.held is None or self.dimension is None or self.dimension.is_one:
            return None
        return next((t for n in (6, 12, 17) if quantity_of(t := self._rounded(k, n)) == self.held[k]), None)

    def _rounded(self, k: int, digits: int) -> str:
        assert self.held is not None
        assert self.dimension is not None
        return format_quantity(self.held[k], self.dimension, digits)


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep.

    Args:
        index: Its position along each axis.
        values: What changes in the file.
        shown: The same as text, by name; the name of a point stands for its values.
        settings: The values as text, by name.
        shared: Number of the phase up to whose end all points are the same; None when they share none.
    """

    index: Index
    values: Mapping[Path, Text | Node]
    shown: Mapping[str, str]
    settings: Mapping[str, str]
    shared: int | None = None

    @property
    def text(self) -> str:
        """Its parameters in words: `tau = 5 ms, seed = 2`, or `tonic, seed = 2` for a point with a name."""
        return ", ".join(value if name == POINTS else f"{name} = {value}" for name, value in self.shown.items())


@dataclass(frozen=True, slots=True)
class GridAxis:
    """Parameters that change together along one dimension of the grid.

    Args:
        name: Its name: that of its parameter, if it is one.
        parameters: The parameters.
        names: Names of the positions along it, if they have any.
    """

    name: str
    parameters: tuple[Values, ...]
    names: tuple[str, ...] = ()

    @property
    def is_repetition(self) -> bool:
        """Whether only the seed changes along it, as `repeat` asks."""
        return self.parameters[0].named == REPEAT

    @property
    def length(self) -> int:
        """Number of positions along it."""
        return len(self.parameters[0].texts)


@dataclass(frozen=True, slots=True)
class Plan:
    """All points of a sweep, numbered along the grid, the last axis fastest.

    Args:
        axes: Dimensions of the grid, the first one slowest.
        keep_results: Whether each point keeps a folder of its own.
        shared: Number of the phase up to whose end all points are the same; None when they share none.
        seed_of: The seed of the point at an index, where each point has its own; None where the axes say it.
    """

    axes: tuple[GridAxis, ...]
    keep_results: bool
    shared: int | None = None
    seed_of: Callable[[Index], int] | None = None

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def point(self, k: int) -> Point:
        """The point of a number.

        Raises:
            IndexError: There is none.
        """
        return self.at(self.index(k))

    def index(self, k: int) -> Index:
        """The index of the point of a number.

        Raises:
            IndexError: There is none.
        """
        if not 0 <= k < self.size:
            raise IndexError(k)
        index: list[int] = []
        for length in reversed(self.shape):
            k, place = divmod(k, length)
            index.append(place)
        return tuple(reversed(index))

    def number(self, index: Index) -> int:
        """The number of the point at an index."""
        k = 0
        for length, place in zip(self.shape, index, strict=True):
            k = k * length + place
        return k

    def points(self) -> Iterator[Point]:
        """All of them, one at a time."""
        return (self.point(k) for k in range(self.size))

    def along(self, axis: int, place: int) -> Index:
        """The index of the point at a position along an axis, and at the first position along all others."""
        return tuple(place if a == axis else 0 for a in range(len(self.axes)))

    def at(self, index: Index) -> Point:
        """The point at an index."""
        values: dict[Path, Text | Node] = {}
        settings: dict[str, str] = {}
        for parameter, k in self.values_at(index):
            values[parameter.place] = parameter.value(k)
            settings[parameter.name] = parameter.shown(k)
        shown = dict(settings)
        for axis, k in zip(self.axes, index, strict=True):
            if axis.names:
                hidden = {parameter.name for parameter in axis.parameters}
                shown = {axis.name: axis.names[k]} | {n: t for n, t in shown.items() if n not in hidden}
        return Point(index, values, shown, settings, self.shared)

    def values_at(self, index: Index) -> Iterator[tuple[Values, int]]:
        """What is changed at the point at an index: the parameters, each with the number of its value."""
        for axis, k in zip(self.axes, index, strict=True):
            if axis.is_repetition and self.seed_of is not None:
                continue
            for parameter in axis.parameters:
                if parameter.texts[k] is not None:
                    yield parameter, k
        if self.seed_of is not None:
            yield seeds((self.seed_of(index),)), 0

    def star(self) -> Iterator[Point]:
        """The first point, and the points that differ from it along one axis only."""
        yield self.point(0)
        for axis, length in enumerate(self.shape):
            yield from (self.at(self.along(axis, place)) for place in range(1, length))

    @property
    def shape(self) -> Index:
        """Lengths of the dimensions."""
        return tuple(axis.length for axis in self.axes)

    def describe(self) -> str:
        """How many points there are, and along what: `30 points (tau 30)`."""
        number = self.size
        along = " x ".join(f"{axis.name} {axis.length}" for axis in self.axes)
        return f"{number:,} point{'' if number == 1 else 's'} ({along})"


def seeds(numbers: Sequence[int]) -> Values:
    """Values of the seed."""
    return Values("seed", REPEAT, SEED, tuple(map(str, numbers)), tuple(map(float, numbers)), ONE, tuple(numbers))


def _source(node: Node) -> str:
    """A list or map as it is written."""
    return node.span.file.text[node.span.start : node.span.end]

"""What a point of a sweep is: the same experiment, values and seed have the same number in every sweep.

A file is a set of values at places. The number of a file is the sum of a hash for each value and for the keys of each
map, so that of a point is that of the file, less what stands at the places that the sweep changes, plus the values of
the point. It does not matter which of its values a sweep changes, along which axis, or how a quantity is written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path as FilePath

from snnrun.errors import ExperimentError
from snnrun.files.reading import open_regular
from snnrun.model.state import STATE_FILE
from snnrun.results.layout import KEY_DIGITS
from snnrun.source import Text
from snnrun.spec.core_schema import resolve_plain
from snnrun.spec.document import Document
from snnrun.spec.nodes import ListNode, MapNode, Node, Path, ScalarNode
from snnrun.spec.paths import resolve_file
from snnrun.spec.values import ABOUT
from snnrun.sweep.points import SEED, GridAxis, Plan, Values
from snnrun.units.dimensions import Dimension
from snnrun.units.names import lookup_unit

_MODULUS = 1 << 256
_QUANTITY = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?) +([^\W\d]\w*)(?:\*\*(-?\d{1,2}))?")
_BLOCK = 1 << 20
_SEED_SHIFT = 64 - 53  # tables hold seeds as floating-point numbers


@dataclass(slots=True)
class Marks:
    """The numbers of values of a file.

    Args:
        files: What counts for a value that names a file, by the name.
    """

    files: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: Path, node: Node) -> int:
        """The number of a value and all its parts."""
        total = 0
        waiting: list[tuple[Path, Node]] = [(path, node)]
        while waiting:
            place, part = waiting.pop()
            if isinstance(part, ScalarNode):
                total += self._scalar(place, part.value)
            elif isinstance(part, MapNode):
                total += _hash(place, f"keys {list(part.entries)!r}")
                waiting += (((*place, key), entry.value) for key, entry in part.entries.items())
            else:
                total += _hash(place, f"length {len(part.items)}")
                waiting += (((*place, k), item) for k, item in enumerate(part.items))
        return total % _MODULUS

    def of_value(self, values: Values, k: int) -> int:
        """The number of one value of a parameter."""
        text = values.texts[k]
        if isinstance(text, MapNode | ListNode | ScalarNode):
            return self.of(values.place, text)
        if isinstance(text, Text):
            return self._scalar(values.place, resolve_plain(text.value))
        assert values.held is not None  # a computed value is a number
        return _hash(values.place, _plain(values.held[k]) + _unit(values.dimension))

    def _scalar(self, path: Path, value: str | float | bool | None) -> int:
        if not isinstance(value, str):
            return _hash(path, _plain(value))
        return _hash(path, self.files.get(value) or _quantity(value) or f"text {value!r}")


def _hash(path: Path, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{path!r} {text}".encode("utf-8", "surrogatepass")).digest())


def _plain(value: float | bool | None) -> str:
    return f"{type(value).__name__} {value!r}"


@lru_cache(maxsize=4096)
def _quantity(text: str) -> str | None:
    """A number followed by a unit as its SI value; None for other texts."""
    found = _QUANTITY.fullmatch(text)
    unit = lookup_unit(found[2]) if found else None
    if found is None or unit is None:
        return None
    power = int(found[3] or 1)
    try:
        value = float(Fraction(found[1]) * unit.scale**power)
    except (OverflowError, ZeroDivisionError):
        return None
    return _plain(value) + _unit(unit.dimension**power)


def _unit(dimension: Dimension | None) -> str:
    return "" if dimension is None or dimension.is_one else f" {dimension.symbol}"


def _content(file: FilePath) -> str:
    """A hash of the content of a file, or of all files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(file.rglob("*")) if file.is_dir() else [file]:
        if path.is_file():
            digest.update(f"{path.relative_to(file).as_posix()}\0{path.stat().st_size}\0".encode())
            with open_regular(path) as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def files_of_values(document: Document, plan: Plan) -> dict[str, FilePath]:
    """The files that values of a sweep name, as they name them."""
    found: dict[str, FilePath] = {}
    tried: set[str] = set()
    for text in _texts(plan):
        if text.value in tried:
            continue
        tried.add(text.value)
        try:
            file = resolve_file(text, document.folders.get(text.file, document.folder), document.data_root)
        except ExperimentError:
            continue
        if file.is_file() or (file / STATE_FILE).is_file():
            found[text.value] = file
    return found


def _texts(plan: Plan) -> Iterator[Text]:
    """All texts in values that are no numbers."""
    for values in (p for axis in plan.axes for p in axis.parameters if p.dimension is None):
        for value in values.texts:
            if isinstance(value, Text):
                yield value
                continue
            waiting = [value] if isinstance(value, MapNode | ListNode | ScalarNode) else []
            while waiting:
                part = waiting.pop()
                if isinstance(part, MapNode):
                    waiting += (entry.value for entry in part.entries.values())
                elif isinstance(part, ListNode):
                    waiting += part.items
                elif isinstance(part.value, str):
                    yield part.text


class PointKeys:
    """The keys of the points of a sweep: equal where experiment, values, seed, files and program are the same.

    Args:
        base: The file of a point, without the sweep.
        plan: The points.
        files: Files that the file and the values name, as they name them.
        program: A hash of the program, and of what else may change a bit.
    """

    def __init__(self, base: Document, plan: Plan, files: Mapping[str, FilePath], program: str) -> None:
        self.plan = plan
        self._program = program
        self._marks = Marks({name: f"file {name!r} {_content(file)}" for name, file in files.items()})
        left_out = {"seed", *ABOUT, "plots"}
        kept = {key: entry for key, entry in base.root.entries.items() if key not in left_out}
        seed = base.find(SEED)
        self._now = {SEED: _hash(SEED, _plain(1)) if seed is None else self._marks.of(SEED, seed)}
        self._rest = self._marks.of((), MapNode(kept, base.root.span))
        added = 0
        for place in (p.place for axis in plan.axes for p in axis.parameters if p.place != SEED):
            node = base.find(place)
            if node is None:  # it comes after the keys of the file: its order among those that do counts
                added += 1
                self._now[place] = -_hash(place, f"added {added}")
            else:
                self._now[place] = self._marks.of(place, node)

    def of(self, index: tuple[int, ...]) -> str:
        """The key of the point at an index, 32 hexadecimal digits."""
        total = self._rest + self._now[SEED]
        for values, k in self.plan.values_at(index):
            total += self._marks.of_value(values, k) - self._now[values.place]
        digest = hashlib.sha256(f"{self._program} {total % _MODULUS}".encode())
        return digest.hexdigest()[:KEY_DIGITS]


class PointSeeds:
    """A seed for each point, computed from the seed of the file, the values of the point and the repetition.

    Values that the file has anyway do not count, so that a longer axis, or one more, keeps the seeds of the points that
    were there.

    Args:
        document: The file.
        axes: The axes of the sweep, without repetitions.
        seed: The seed of the file.
    """

    def __init__(self, document: Document, axes: Sequence[GridAxis], seed: int) -> None:
        self.axes = tuple(axes)
        self.seed = seed
        self._marks = Marks()
        self._now = {}
        for place in (p.place for axis in axes for p in axis.parameters):
            node = document.find(place)
            self._now[place] = None if node is None else self._marks.of(place, node)

    def at(self, index: tuple[int, ...]) -> int:
        """The seed of a point, from 0 to 2**53 - 1.

        Args:
            index: Its position along each axis, and its repetition if there are several.
        """
        total = 0
        for axis, k in zip(self.axes, index, strict=False):
            for values in axis.parameters:
                mark = self._marks.of_value(values, k) if values.texts[k] is not None else None
                total += 0 if mark is None or mark == self._now[values.place] else mark
        repetition = index[len(self.axes)] if len(index) > len(self.axes) else 0
        text = f"seed of a point {self.seed} {total % _MODULUS} {repetition}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> _SEED_SHIFT

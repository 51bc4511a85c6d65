"""Differences in meaning between two experiments: a value that is left out equals the default.

The checked experiments are compared: `extends` expanded, quantities in SI units, expressions parsed, axes of sweeps by
their values, files by their contents. The order of keys matters only where the format gives it a meaning: in `initial`,
`operations` and the pathways of a synapses object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from snnrun.compare.meaning import Meaning, definitions_of, meaning_of, own_names
from snnrun.running import pipeline
from snnrun.running.stages import Checked
from snnrun.source import Text
from snnrun.spec.nodes import ListNode, MapNode, Node, Path, ScalarNode
from snnrun.spec.scalar_text import ScalarStyle
from snnrun.spec.values import ABOUT
from snnrun.sweep.plan import plan_sweep
from snnrun.sweep.points import GridAxis, Plan, Values

_PROSE = frozenset({*ABOUT, "title", "labels"})
_ORDERED = frozenset({"initial", "operations", "on_pre", "on_post"})
_POINTS = frozenset({"axes", "zip", "points", "sample", "repeat"})  # of a sweep; compared by the values they give
_ABSENT = object()
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two experiments differ.

    Args:
        place: Where, as a path of the file: `groups.lif.equations: v`.
        a: Text of the first one; None when it has none there.
        b: Text of the second one.
    """

    place: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Side:
    """One of two experiments.

    Args:
        checked: The experiment.
    """

    checked: Checked

    @classmethod
    def read(cls, path: FilePath) -> Side:
        """The experiment in a file.

        Raises:
            ExperimentError: It is wrong.
        """
        return cls(pipeline.check(pipeline.read(path)))

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The whole experiment as plain data, with defaults."""
        tree: dict[str, Any] = self.checked.experiment.model_dump(by_alias=True, mode="json")
        tree.pop("extends", None)
        return tree

    @property
    def is_named(self) -> bool:
        """Whether the file gives the name of the experiment; otherwise it is that of the file."""
        return self.checked.document.root.entries["name"].key.style is not ScalarStyle.GIVEN

    @cached_property
    def own(self) -> frozenset[str]:
        """Names that are not units in this file."""
        return own_names(self.checked.document)

    @cached_property
    def plan(self) -> Plan | None:
        """The points of its sweep."""
        sweep = self.checked.experiment.sweep
        return None if sweep is None else plan_sweep(self.checked.resolved.context, sweep)

    def contents(self, value: object) -> str | None:
        """A digest of the file that a value names, with the function after a colon; None when it names none."""
        if not isinstance(value, str):
            return None
        name, colon, function = value.rpartition(":")
        files = self.checked.resolved.context.files
        file = files.get(value) or files.get(name)
        if file is None:
            return None
        sha = hashlib.sha256(file.read_bytes()).hexdigest()
        return sha + (colon + function if value not in files else "")

    def shown(self, place: Path, value: object) -> str | None:
        """A value as its file writes it; a default in brackets."""
        if value is _ABSENT:
            return None
        node = self.checked.document.find(place)
        if node is None:
            return None if value is None or value == {} else f"({_compact(value)})"
        return _written(node)


def differences(a: Side, b: Side) -> list[Difference]:
    """Every place where two experiments differ in meaning, in the order of the format."""
    return list(_Comparison(a, b).walk((), a.tree, b.tree))


@dataclass(frozen=True, slots=True)
class _Comparison:
    a: Side
    b: Side
    own: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        # A name that one file defines is not a unit in either: `m` may be metre or a gate of a channel.
        object.__setattr__(self, "own", self.a.own | self.b.own)

    def walk(self, place: Path, a: Any, b: Any) -> Iterator[Difference]:
        if place == ("name",) and not (self.a.is_named and self.b.is_named):
            return
        if place == ("sweep",):
            yield from self.sweeps(a, b)
        elif isinstance(a, dict) and isinstance(b, dict):
            yield from self.maps(place, a, b)
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            for k, (x, y) in enumerate(zip(a, b, strict=True)):
                yield from self.walk((*place, k), x, y)
        elif isinstance(a, str) and isinstance(b, str) and place[-1] == "equations":
            yield from self.equations(place, a, b)
        elif not self.alike(place, a, b):
            yield self.difference(place, a, b)

    def maps(self, place: Path, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
        keys = list(dict.fromkeys([*a, *b]))
        for key in keys:
            yield from self.walk((*place, key), a.get(key, _ABSENT), b.get(key, _ABSENT))
        if place and place[-1] in _ORDERED and set(a) == set(b) and list(a) != list(b):
            yield Difference(f"order of {_dotted(place)}", ", ".join(a), ", ".join(b))

    def alike(self, place: Path, a: Any, b: Any) -> bool:
        """Whether two values that are not both maps, or both lists of one length, mean the same."""
        if a is _ABSENT or b is _ABSENT:
            return (a is _ABSENT or a is None) and (b is _ABSENT or b is None)
        if not _is_scalar(a) or not _is_scalar(b):
            return False
        contents = self.a.contents(a), self.b.contents(b)
        if any(c is not None for c in contents):
            return contents[0] == contents[1]
        if _PROSE & {str(step) for step in place}:
            return " ".join(str(a).split()) == " ".join(str(b).split())
        return self.meaning(a) == self.meaning(b)

    def meaning(self, value: Any) -> Meaning:
        return None if value is None else meaning_of(value, self.own)

    def equations(self, place: Path, a: str, b: str) -> Iterator[Difference]:
        """Compare line by line, by the variable that each defines."""
        left, right = definitions_of(a, self.own), definitions_of(b, self.own)
        if left is None or right is None:
            if not self.alike(place, a, b):
                yield self.difference(place, a, b)
            return
        lines = _lines(a), _lines(b)
        for name in dict.fromkeys([*left, *right]):
            if left.get(name) != right.get(name):
                yield Difference(f"{_dotted(place)}: {name}", lines[0].get(name), lines[1].get(name))

    def difference(self, place: Path, a: Any, b: Any) -> Difference:
        shown = self.a.shown(place, a), self.b.shown(place, b)
        if shown[0] == shown[1] and self.a.contents(a) is not None:
            return Difference(f"contents of {shown[0]}", *(f"sha256 {side[:8]}" for side in self.digests(a, b)))
        return Difference(_dotted(place), *shown)

    def digests(self, a: Any, b: Any) -> list[str]:
        return [self.a.contents(a) or "", self.b.contents(b) or ""]

    def sweeps(self, a: Any, b: Any) -> Iterator[Difference]:
        """Compare axes by their values, and the other keys."""
        plans = self.a.plan, self.b.plan
        if plans[0] is None or plans[1] is None:
            if plans[0] is not plans[1]:
                yield Difference("sweep", *(None if plan is None else plan.describe() for plan in plans))
            return
        left, right = (_parameters(plan) for plan in plans if plan is not None)
        for name in dict.fromkeys([*left, *right]):
            x, y = left.get(name), right.get(name)
            if x is None or y is None or _values(*x) != _values(*y):
                yield Difference(f"sweep: {name}", *(None if v is None else _range(*v) for v in (x, y)))
        if (plans[0].seed_of is None) != (plans[1].seed_of is None):
            yield Difference("sweep: seeds", *("common" if plan.seed_of is None else "each" for plan in plans if plan))
        rest = [{k: v for k, v in side.items() if k not in _POINTS} for side in (a, b)]
        if plans[0].keep_results == plans[1].keep_results:
            rest = [{k: v for k, v in side.items() if k != "keep"} for side in rest]
        yield from self.maps(("sweep",), rest[0], rest[1])


def _parameters(plan: Plan) -> dict[str, tuple[Values, str | None]]:
    """Each parameter with its values, and the axis it shares with others."""
    return {
        p.name if axis.name != "repeat" else "repeat": (p, axis.name if len(axis.parameters) > 1 else None)
        for axis in plan.axes
        for p in (*axis.parameters, *_names(axis))
    }


def _names(axis: GridAxis) -> list[Values]:
    """The names of points as if they were values."""
    return [Values(axis.name, (), (), axis.names, axis.names, None)] if axis.names else []


def _values(values: Values, axis: str | None) -> object:
    return values.numbers, values.dimension, axis


def _range(values: Values, axis: str | None) -> str:
    """`30 values, 1 ms to 10 ms` (the smallest and the largest), or the values themselves when they are few."""
    texts = [values.shown(k) for k in range(len(values.texts))]
    along = f" (along {axis})" if axis else ""
    if len(texts) <= 6:
        return _short(", ".join(texts)) + along
    numbers = [n for n in values.numbers if isinstance(n, float)]
    if len(numbers) < len(texts):
        return _short(f"{len(texts)} values, {texts[0]} to {texts[-1]}") + along
    ends = texts[numbers.index(min(numbers))], texts[numbers.index(max(numbers))]
    return _short(f"{len(texts)} values, {ends[0]} to {ends[1]}") + along


def _lines(equations: str) -> dict[str, str]:
    from snnrun.equations.model import parse_equations  # noqa: PLC0415 - beside the parts that need it

    text = Text.plain(equations, "equations")
    return {d.name: " ".join(d.span.file.text[d.span.start : d.span.end].split()) for d in parse_equations(text)}


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _written(node: Node) -> str:
    match node:
        case ScalarNode():
            return " ".join(node.literal.split())
        case ListNode(items=items):
            return f"[{', '.join(_written(item) for item in items)}]"
        case MapNode(entries=entries):
            return f"{{{', '.join(f'{key}: {_written(entry.value)}' for key, entry in entries.items())}}}"


def _compact(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k}: {_compact(v)}' for k, v in value.items() if v is not None)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_compact(v) for v in value)}]"
    return " ".join(str(value).lower().split()) if isinstance(value, bool) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _dotted(place: Path) -> str:
    return ".".join(str(step) for step in place)

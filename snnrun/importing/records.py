"""A script on its way to an experiment: what its records have built so far."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snnrun.importing.values import quantity, recorded_dimension
from snnrun.units.quantities import base_units

Record = Mapping[str, Any]
FEW = 12
"""Numbers that are written into the file; more go into a file beside it."""

_LINE = re.compile(r"[^#]*:[^#]*")
_MOMENTS = ("before_", "after_")
_METHODS = {
    "linear": "exact",
    "independent": "exact",
    "gsl": "rkf45",
    "gsl_rkf45": "rkf45",
    "gsl_rk2": "rk2",
    "gsl_rk4": "rk4",
}
_METHODS |= {"gsl_rkck": "rkf45", "gsl_rk8pd": "rkf45"}


def owner_of(record: Record) -> str | None:
    """The object that a record is about; None for others than those of the script."""
    target = record.get("target")
    if isinstance(target, dict):
        return target.get("object")
    return record.get("name") if target is None else str(target).partition(":")[0]


@dataclass(frozen=True, slots=True)
class ImportedPoint:
    """One run of an experiment that was made of a script.

    Args:
        values: What it has in place of the file's values, by the name of a sweep.
        runs: Number of the script's run that each phase stands for.
        names: Names in the file of the script's objects, by key.
    """

    values: dict[str, Any]
    runs: list[int]
    names: dict[str, str]


@dataclass
class Imported:
    """An experiment that was made of a script.

    Args:
        data: The file as maps, lists and scalars.
        arrays: Numbers of files beside it, by file name.
        texts: Texts of files beside it, by file name.
        converted: What became of a line of the script: line and text.
        notes: What was approximated or left out: line of the script and text.
        points: The points of its sweep; one where it has none.
    """

    data: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    converted: list[tuple[int | None, str]] = field(default_factory=list)
    notes: list[tuple[int | None, str]] = field(default_factory=list)
    points: list[ImportedPoint] = field(default_factory=list)


@dataclass
class Script:
    """What the records have built so far.

    Args:
        arrays: The arrays that records name.
        stem: What files beside the experiment begin with.
        names: Names in the file of Brian2's objects.
        kinds: Classes of Brian2's objects.
        used: The objects that take part in a run.
        parts: Subgroups, by the name that the script gives them.
        methods: The methods that Brian2 has chosen.
        scoped: Values of names that objects have of their own (`namespace`).
        runs: Number of the run of each phase.
        steps: Steps of the runs so far.
        time: Their time, as the script gives it. [s]
    """

    arrays: Mapping[str, np.ndarray]
    stem: str
    names: Mapping[str, str]
    kinds: Mapping[str, str]
    used: frozenset[str]
    parts: dict[str, Any]
    methods: Mapping[str, str]
    result: Imported = field(default_factory=Imported)
    sections: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {s: {} for s in ("groups", "inputs", "synapses", "operations", "monitors")}
    )
    phases: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    runs: list[int] = field(default_factory=list)
    steps: int = 0
    time: float = 0.0
    absent: set[str] = field(default_factory=set)
    scoped: dict[str, Any] = field(default_factory=dict)
    first: Record = field(default_factory=dict)
    before: Record = field(default_factory=dict)

    def note(self, line: int | None, text: str) -> None:
        """Tell of something that was approximated or left out, once."""
        if (line, text) not in self.result.notes:
            self.result.notes.append((line, text))

    def value(self, plain: Any) -> Any:
        """A recorded value as the file writes it."""
        if isinstance(plain, str):
            return textwrap.dedent(plain).strip() if "\n" in plain else plain.strip()
        if isinstance(plain, dict) and "number" in plain:
            number = plain["number"]
            return number if isinstance(number, bool) else quantity(float(number), recorded_dimension(plain["dims"]))
        if isinstance(plain, dict) and "array" in plain:
            return self.numbers(plain)
        return plain

    def equations(self, text: str) -> str:
        """Equations with one line each, and units without `^`."""
        lines, begun = list[str](), ""
        for line in str(self.value(text)).splitlines():
            begun = f"{begun.partition('#')[0].rstrip()} {line.strip()}" if begun else line
            if _LINE.match(begun) or not begun.partition("#")[0].strip():
                head, colon, unit = begun.rpartition(":") if "#" not in begun else ("", "", begun)
                lines.append(head + colon + unit.replace("^", "**"))
                begun = ""
        return "\n".join([*lines, *filter(None, [begun])])

    def numbers(self, plain: Record) -> Any:
        """Some numbers: a list, one number where all are the same, or None where they need a file."""
        array, dimension = self.arrays[plain["array"]], recorded_dimension(plain["dims"])
        if array.size and np.all(array == array.flat[0]) and array.ndim == 1:
            return quantity(float(array.flat[0]), dimension)
        if array.ndim == 1 and array.size <= FEW:
            return [quantity(float(v), dimension) for v in array]
        return None

    def file_of(self, plain: Record, what: str) -> dict[str, Any]:
        """Numbers in a file beside the experiment."""
        name = f"{self.stem}_{what}.npy"
        self.result.arrays[name] = self.arrays[plain["array"]]
        unit = base_units(recorded_dimension(plain["dims"]))
        return {"file": name} | ({} if recorded_dimension(plain["dims"]).is_one else {"unit": unit.removeprefix("*")})

    def series(self, plain: Any, what: str, *, whole: bool = True) -> Any:
        """A value, or numbers of a file where one may stand."""
        found = self.value(plain)
        if found is None and plain is not None and not whole:
            return [quantity(float(v), recorded_dimension(plain["dims"])) for v in self.arrays[plain["array"]].ravel()]
        return self.file_of(plain, what) if found is None else found

    def reference(self, plain: Any) -> str:
        """The name of a group, or of a part of it."""
        if isinstance(plain, str):
            return self.names.get(plain, plain)
        group = self.names[plain["object"]]
        if "start" not in plain and "indices" not in plain:
            return group
        name = next((known for known, part in self.parts.items() if part == plain), None)
        if name is None:
            name = f"part_{plain['start']}_{plain['stop']}" if "start" in plain else f"part_{len(self.parts)}"
            self.parts[name] = plain
        section = self.sections["groups"][group]
        chosen = f"{plain['start']}:{plain['stop']}" if "start" in plain else plain["indices"]
        section.setdefault("subgroups", {})[name] = chosen
        return f"{group}.{name}"

    def item(self, plain: Any) -> Record:
        """What has been written of an object so far."""
        owner = owner_of({"target": plain})
        name = self.names.get(str(owner), "")
        return next((items[name] for items in self.sections.values() if name in items), {})

    def take(self, item: dict[str, Any], given: Record, keys: Mapping[str, str]) -> None:
        """Write the values that were given, under our keys."""
        for key, ours in keys.items():
            if given.get(key) not in (None, ""):
                item[ours] = self.value(given[key])

    def common(self, item: dict[str, Any], given: Record, *, dt: bool = True) -> None:
        """Write order, time step and own constants."""
        if dt:
            self.take(item, given, {"dt": "dt"})
        if isinstance(given.get("order"), dict) and given["order"]["number"]:
            item["order"] = given["order"]["number"]
        if "namespace" in given:
            for name, value in given["namespace"]["map"].items():
                if isinstance(value, dict) and self.scoped.setdefault(name, value) != value and "number" in value:
                    item.setdefault("constants", {})[name] = self.value(value)

    def method(self, name: str, record: Record) -> str:
        """Our name of a method of integration."""
        if name in _METHODS:
            self.note(record["line"], f"the method `{name}` is approximated by `{_METHODS[name]}`")
        return _METHODS.get(name, name)

    def slot(self, when: str, record: Record) -> str:
        """The slot of a moment such as `before_synapses`."""
        for prefix in _MOMENTS:
            if when.startswith(prefix):
                self.note(record["line"], f"`{when}` is approximated by the slot `{when.removeprefix(prefix)}`")
                return when.removeprefix(prefix)
        return when

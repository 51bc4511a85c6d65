"""Experiments that differ in values only, as one experiment with a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from snnrun.importing.records import Imported

Place = tuple[str | int, ...]
Leaves = dict[Place, Any]
"""Values by their place in the file."""

_WHOLE = frozenset({"initial", "connect", "on_pre", "on_post", "events"})


def families(experiments: Sequence[Imported]) -> list[list[Imported]]:
    """Experiments apart by what is in them: those of one list differ in values only."""
    found: list[list[Imported]] = []
    for experiment in experiments:
        for family in found:
            if _changes(family[0].data, experiment.data) is not None:
                family.append(experiment)
                break
        else:
            found.append([experiment])
    return found


def merged(family: Sequence[Imported], shared: str | None = None) -> Imported:
    """One experiment for all of a family, whose sweep has a point for each.

    Args:
        family: The experiments.
        shared: The last phase that all points have in common.
    """
    first = family[0]
    for number, other in enumerate(family[1:], start=2):
        _rename(first, other, number)
    changes: list[Leaves] = [_changes(first.data, other.data) or {} for other in family]
    places = list(dict.fromkeys(place for leaves in changes for place in leaves))
    points = [{place: leaves.get(place, _at(first.data, place)) for place in places} for leaves in changes]
    kept = [k for k, point in enumerate(points) if point not in points[:k]]
    values = [{_name(place): value for place, value in points[k].items()} for k in kept]
    first.points = [replace(family[k].points[0], values=v) for k, v in zip(kept, values, strict=True)]
    for other in family[1:]:
        first.notes += [note for note in other.notes if note not in first.notes]
        first.arrays |= other.arrays
    if len(kept) < len(family):
        first.notes.append((None, f"{len(family) - len(kept)} of {len(family)} runs repeat the values of another one"))
    if len(kept) > 1:
        first.data["sweep"] = _sweep(values)
        if shared is not None and not first.texts and all(place[:2] == ("run", "phases") for place in places):
            first.data["sweep"]["shared"] = shared
    return first


def _sweep(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Axes where the points are all combinations of their values, or else lists side by side."""
    lists = {name: [point[name] for point in points] for name in points[0]}
    axes = {name: [v for k, v in enumerate(values) if v not in values[:k]] for name, values in lists.items()}
    if math.prod(len(values) for values in axes.values()) == len(points):
        return {"axes": axes, "keep": "results"}
    return {"zip": lists, "keep": "results"}


def _changes(a: Any, b: Any, place: Place = ()) -> Leaves | None:
    """What `b` has at other places than `a`; None where it is built in another way."""
    if a == b:
        return {}
    if isinstance(a, list) and isinstance(b, list) and place == ("run", "phases") and len(a) == len(b):
        a, b = dict(enumerate(a)), dict(enumerate(b))
    both = isinstance(a, dict) and isinstance(b, dict)
    if not both or set(a) != set(b):
        return {place: b} if len(place) > 1 and (not both or place[-1] in _WHOLE) else None
    found: Leaves = {}
    for key in a:
        inner = _changes(a[key], b[key], (*place, key))
        if inner is None:
            return None
        found |= inner
    return found


def _at(data: Any, place: Place) -> Any:
    """The value at a place."""
    for step in place:
        data = data[step]
    return data


def _name(place: Place) -> str:
    """How a sweep names a place."""
    return ".".join(str(step) for step in (place[1:] if place[0] == "constants" else place))


def _rename(first: Imported, other: Imported, number: int) -> None:
    """Give files of numbers that differ from those of the same name in `first` names of their own."""
    for file, values in list(other.arrays.items()):
        if file in first.arrays and not np.array_equal(first.arrays[file], values):
            name = f"{file.removesuffix('.npy')}_{number}.npy"
            other.arrays[name] = other.arrays.pop(file)
            other.data = replaced(other.data, file, name)


def replaced(value: Any, old: str, new: str) -> Any:
    """Data with another name of a file."""
    if isinstance(value, dict):
        return {key: replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value

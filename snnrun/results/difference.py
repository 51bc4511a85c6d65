"""The first difference between two results of the same experiment: dataset, time and neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snnrun.results.digest import DatasetDigest
from snnrun.results.reader import Results, SpikeTrain, SynapseEvents
from snnrun.results.resizable import blocks

Events: TypeAlias = SpikeTrain | SynapseEvents


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first place where recorded data differ.

    Args:
        dataset: Its name in digests, or that of the monitor for spikes.
        what: Kind of the difference, such as `a spike` or `shape (3, 4) and (3, 5)`.
        time: Its time; None for data without a time (connections, counts). [s]
        element: Neuron or synapse; None where there is none.
        a: Value in the first results; None when it is missing.
        b: Value in the second results; None when it is missing.
    """

    dataset: str
    what: str
    time: float | None = None
    element: int | None = None
    a: float | None = None
    b: float | None = None


def first_difference(a: Results, b: Results) -> FirstDifference | None:
    """The first difference between the recorded data of two runs; None when all bits are the same.

    Connections, which are made before the first step, come first; then the earliest time; then data without a time.
    """
    left, right = ({d.name: d for d in side.digest().datasets} for side in (a, b))
    names = [n for n in dict.fromkeys([*left, *right]) if left.get(n) != right.get(n)]
    found: dict[str, FirstDifference] = {}
    for name in names:
        x, y = left.get(name), right.get(name)
        if x is None or y is None:
            found[name] = FirstDifference(name, f"only the {'second' if x is None else 'first'} has it")
        elif name.startswith("spikes/"):
            monitor = name.split("/")[1]
            place = f"spikes/{monitor}"
            found.setdefault(place, _events(a.spikes(monitor), b.spikes(monitor), place, name, "a spike"))
        elif name.startswith("snnrun/synapse_events/"):
            monitor = name.split("/")[2]
            place, events = f"snnrun/synapse_events/{monitor}", (a.synapse_events(monitor), b.synapse_events(monitor))
            found.setdefault(place, _events(*events, place, name, "an event"))
        else:
            found[name] = _dataset(a, b, x, y)
    return min(found.values(), key=_order, default=None)


def _order(difference: FirstDifference) -> tuple[float, str]:
    if difference.dataset.startswith("edges/"):
        return -np.inf, difference.dataset
    return np.inf if difference.time is None else difference.time, difference.dataset


def _events(x: Events, y: Events, name: str, changed: str, what: str) -> FirstDifference:
    """The first event that only one run has, or that differs in time, element or a recorded variable.

    Args:
        x: Those of the first run.
        y: Those of the second run.
        name: Where they stand in the results.
        changed: A dataset that differs.
        what: What one is called, `a spike`.
    """
    length = min(len(x.ids), len(y.ids))
    unequal = (x.times_s[:length] != y.times_s[:length]) | (x.ids[:length] != y.ids[:length])
    row = int(np.argmax(unequal)) if unequal.any() else length
    extras = [(key, values[:length], y.extras[key][:length]) for key, values in x.extras.items() if key in y.extras]
    for key, one, other in extras:
        rows = np.flatnonzero(_unequal(one, other))
        if rows.size and rows[0] < row:
            k = int(rows[0])
            values = float(one[k]), float(other[k])
            return FirstDifference(f"{name}/{key}", f"at {what}", float(x.times_s[k]), int(x.ids[k]), *values)
    at = [(float(t.times_s[row]), int(t.ids[row])) if row < len(t.ids) else None for t in (x, y)]
    present = [place for place in at if place is not None]
    if not present:
        return FirstDifference(changed, "another type or unit")
    # They are sorted by time, spikes of one step by neuron: the earlier one is missing in the other run.
    first = min(present)
    owner = "first" if at[0] == first else "second"
    return FirstDifference(name, f"{what} that only the {owner} run has", first[0], first[1])


def _dataset(a: Results, b: Results, x: DatasetDigest, y: DatasetDigest) -> FirstDifference:
    if (x.shape[1:], x.dtype, x.unit) != (y.shape[1:], y.dtype, y.unit):
        return FirstDifference(x.name, f"shape {x.shape} {x.dtype} [{x.unit}] and {y.shape} {y.dtype} [{y.unit}]")
    one, other = a.dataset(x.name), b.dataset(y.name)
    rows = min(x.shape[0], y.shape[0])
    row_bytes = one.dtype.itemsize * int(np.prod(x.shape[1:], dtype=np.int64))
    for start, stop in blocks(rows, max(row_bytes, 1)):
        p, q = one[start:stop], other[start:stop]
        places = np.argwhere(_unequal(p, q))
        if places.size:
            place = tuple(int(k) for k in places[0])
            return _at(a, x.name, (start + place[0], *place[1:]), float(p[place]), float(q[place]))
    return FirstDifference(x.name, f"{x.shape[0]} and {y.shape[0]} rows", _time(a, x.name, rows))


def _at(results: Results, name: str, place: tuple[int, ...], p: float, q: float) -> FirstDifference:
    """The difference at one value of a dataset."""
    time = _time(results, name, place[0])
    if name.startswith("snnrun/states/"):
        ids = results.elements(name.split("/")[2])
        return FirstDifference(name, "a sample", time, int(ids[place[1]]), p, q)
    if name.startswith("snnrun/rates/"):
        return FirstDifference(name, "a rate", time, None, p, q)
    what = "a synapse" if name.startswith("edges/") else "a value"
    return FirstDifference(name, what, None, place[0], p, q)


def _time(results: Results, name: str, row: int) -> float | None:
    parts = name.split("/")
    if parts[:2] == ["snnrun", "states"] or parts[:2] == ["snnrun", "rates"]:
        return results.time_of("/".join(parts[:3]), row)
    return None


def _unequal(p: NDArray[Any], q: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the bits differ: NaN equals the same NaN, 0 and -0 differ."""
    if p.dtype.kind != "f":
        return np.asarray(p != q)
    bits = f"<u{p.dtype.itemsize}"
    return np.asarray(np.ascontiguousarray(p).view(bits) != np.ascontiguousarray(q).view(bits))

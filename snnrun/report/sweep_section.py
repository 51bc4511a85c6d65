"""The points of a sweep: a table of all, and the spread of metrics over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from snnrun.compare.folders import Entry
from snnrun.plot.points import REPEATS
from snnrun.report.markup import Html, element, escaped, joined
from snnrun.report.numbers import NONE, Scale, Spread
from snnrun.report.pictures import Picture, Room, chosen, image, pictures_of
from snnrun.report.small import small_pictures
from snnrun.report.tables import Column, table
from snnrun.results.done import read_done
from snnrun.results.layout import DONE_FILE, IntArray
from snnrun.results.sweep_table import PointStatus, SweepTable, point_place
from snnrun.sweep.experiments import spread
from snnrun.units.dimensions import Dimension
from snnrun.units.quantities import dimension_of

MOST_ROWS: Final = 5_000
MOST_PICTURES: Final = 1_000
"""Points whose pictures are shown."""
_MOST_NAMED: Final = 10
_SMALL: Final = "Small pictures show what a point recorded first: spikes (time across, neurons up), or a variable."

Numbers = IntArray
"""Numbers of points, shape (n,)."""


def points_table(entry: Entry, room: Room, *, damaged: bool) -> Html:
    """The table of the points: parameters, metrics, status and pictures.

    Args:
        entry: The sweep.
        room: What pictures may take.
        damaged: Whether damaged results are read too.
    """
    assert entry.table is not None
    size = entry.table.status.size
    numbers = np.asarray(spread(range(size), MOST_ROWS), dtype=np.int64)
    status = np.ravel(entry.table.status)[numbers]
    columns = [Column("point", [str(k) for k in numbers], numbers.tolist())]
    columns += parameter_columns(entry.table, numbers)
    columns += [
        Column.of(name, np.ravel(measured.values)[numbers], measured.dimension)
        for name, measured in entry.metrics.items()
        if measured.values.shape == entry.shape
    ]
    columns.append(Column("status", [PointStatus(int(s)).name.lower() for s in status]))
    columns.append(Column("reason", [entry.table.reasons.get(int(k), "") for k in numbers]))
    pictures, more = _pictures(entry, numbers, room, damaged=damaged)
    if pictures:
        cells = [joined(image(p, title=p.name) for p in pictures.get(int(k), ())) for k in numbers]
        columns.append(Column("pictures", cells, kind="pictures"))
    notes = [f"{len(numbers):,} of {size:,} points, evenly spread; points.csv has all."] if len(numbers) < size else []
    return joined([*(element("p", text, class_="note") for text in (*notes, *more)), table(columns, sortable=True)])


def parameter_columns(found: SweepTable, numbers: Numbers) -> Iterator[Column]:
    """The values of the parameters at some points."""
    index = np.unravel_index(numbers, found.status.shape)
    places = {axis.name: along for axis, along in zip(found.axes, index, strict=True)}
    shared = {c.axis for c in found.coordinates}
    for axis in found.axes:
        if axis.unit is None or axis.name not in shared:  # else it only numbers the values of other parameters
            yield _parameter(axis.name, axis.unit, axis.values, places[axis.name])
    for c in found.coordinates:
        yield _parameter(c.name, c.unit, np.ravel(c.values), places.get(c.axis, numbers))


def _parameter(name: str, unit: str | None, values: Any, along: Numbers) -> Column:
    if unit is None:
        return Column(name, [str(values[k]) for k in along])
    return Column.of(name, np.asarray(values, dtype=np.float64)[along], dimension_of(unit))


def _pictures(
    entry: Entry, numbers: Numbers, room: Room, *, damaged: bool
) -> tuple[Mapping[int, Sequence[Picture]], Iterable[str]]:
    """The pictures of points, and what to say of them: their own where all fit, else small drawings of their data."""
    some = spread(numbers.tolist(), MOST_PICTURES)
    notes = [f"Pictures of {len(some):,} points, evenly spread."] if len(some) < len(numbers) else []
    pictures = _own_pictures(entry, some, room, damaged=damaged)
    if not any(pictures.values()):
        drawn = small_pictures(entry.path, some, damaged=damaged)
        pictures = {k: [picture] for k, picture in drawn.items() if room.takes(len(picture.data))}
        notes += [_SMALL] if drawn else []
    bad = [] if damaged else [k for k in some if k not in pictures and _is_damaged(entry, k)]
    if bad:
        listed = f"{', '.join(map(str, bad[:_MOST_NAMED]))}{', ...' if len(bad) > _MOST_NAMED else ''}"
        notes.append(f"The files of {len(bad):,} of the points are damaged; they have no picture: {listed}.")
    return pictures, notes


def _is_damaged(entry: Entry, number: int) -> bool:
    """Whether the folder of a point is not as it was published."""
    name = f"{point_place(entry.path, number).relative_to(entry.path).as_posix()}/{DONE_FILE}"
    return bool(entry.done.damage(entry.path, (name,)))


def _own_pictures(entry: Entry, numbers: Iterable[int], room: Room, *, damaged: bool) -> dict[int, list[Picture]]:
    """The pictures that the points were published with; none when they need more room than there is."""
    found: dict[int, list[Picture]] = {}
    left = Room(room.left)
    for k in numbers:
        folder = point_place(entry.path, k)
        done = read_done(folder)
        if done is None or not chosen(done) or (not damaged and _is_damaged(entry, k)):
            continue
        pictures = pictures_of(folder, done, left, damaged=damaged)
        if left.full:
            return {}
        found[k] = [picture for picture in pictures if picture.data]
    room.left = left.left
    return found


def seeds_table(entry: Entry) -> Html:
    """Metrics over the seeds of a sweep, a row for each set of the other parameters; empty without repetitions."""
    found = entry.table
    assert found is not None
    places = [k for k, axis in enumerate(found.axes) if axis.name in REPEATS]
    metrics = {n: m for n, m in entry.metrics.items() if m.values.shape == entry.shape}
    if not places or not metrics:
        return escaped("")
    others = [k for k in range(len(found.axes)) if k not in places]
    order = np.arange(found.status.size).reshape(found.status.shape).transpose([*others, *places])
    sets = order.reshape(math.prod(order.shape[: len(others)]), -1)
    sets = sets[spread(range(len(sets)), MOST_ROWS)]
    names = {found.axes[k].name for k in places}
    columns = [c for c in parameter_columns(found, sets[:, 0]) if c.head.partition(" [")[0] not in names]
    for name, measured in metrics.items():
        flat = np.ravel(measured.values)
        columns += spread_columns(name, [Spread.of(flat[row]) for row in sets], measured.dimension)
    return table(columns, sortable=len(sets) > 1)


def spread_columns(name: str, spreads: Sequence[Spread], dimension: Dimension) -> Iterator[Column]:
    """Mean, standard deviation, 95 % confidence interval, and number of runs of a metric, in one unit."""
    means = [s.mean for s in spreads]
    scale = Scale.of(means, dimension)
    yield Column.of(name, means, dimension, scale)
    yield Column.of(f"{name} SD", [s.deviation for s in spreads], dimension, scale)
    halves = Column.of(f"{name} 95 % CI", [s.half for s in spreads], dimension, scale)
    if any(s.count > 2 for s in spreads):
        yield replace(halves, cells=[text if text == NONE else f"± {text}" for text in halves.cells])
    yield Column(f"{name} runs", [str(s.count) for s in spreads], [float(s.count) for s in spreads])

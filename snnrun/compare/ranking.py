"""The best points of sweeps and the best runs, by a metric or a formula of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnrun.compare.conditions import Formula, LeftOut
from snnrun.compare.folders import Entry, complete_points
from snnrun.results.layout import storage_error
from snnrun.running import pipeline
from snnrun.running.stages import Checked
from snnrun.sweep.plan import plan_sweep
from snnrun.sweep.points import Plan
from snnrun.units.dimensions import Dimension


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run, or one point of a sweep, with what it is ranked by.

    Args:
        entry: The folder.
        point: Number of the point; None for a run.
        index: Its place in the grid; () for a run.
        value: What it is ranked by. [SI]
        dimension: Dimension of that.
    """

    entry: Entry
    point: int | None
    index: tuple[int, ...]
    value: float
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best candidates, the best first.

    Args:
        best: These.
        of: How many were compared.
        left_out: Results that have no number there.
    """

    best: Sequence[Candidate]
    of: int
    left_out: Sequence[LeftOut]


def rank(entries: Sequence[Entry], by: Formula, where: Formula | None, *, smallest: bool, top: int) -> Ranking:
    """Rank runs and points of sweeps; incomplete ones and values of NaN are left out.

    Raises:
        ExperimentError: CMP201, no results have what the formula names; or its dimensions do not fit.
    """
    found: list[Candidate] = []
    ranked, left_out = by.over(entries, by.numbers)
    meeting: dict[Path, NDArray[np.bool_]] = {}
    if where is not None:
        meeting, others = where.over(entries, where.holds)
        left_out += [other for other in others if other.path in ranked]
    for entry in entries:
        numbers = ranked.get(entry.path)
        if numbers is None or (where is not None and entry.path not in meeting):
            continue
        assert numbers.dimension is not None
        values = np.broadcast_to(np.asarray(numbers.values, dtype=np.float64), entry.shape)
        keep = np.isfinite(values) & (complete_points(entry.table) if entry.table is not None else True)
        keep = keep & meeting.get(entry.path, np.True_)
        for point, index in enumerate(np.ndindex(entry.shape)):
            if keep[index]:
                number = point if entry.table is not None else None
                found.append(Candidate(entry, number, index, float(values[index]), numbers.dimension))
    dimensions = list(dict.fromkeys(candidate.dimension for candidate in found))
    if len(dimensions) > 1:
        raise by.mixed(dimensions)
    found.sort(key=lambda candidate: candidate.value if smallest else -candidate.value)
    return Ranking(found[:top], len(found), left_out)


def parameters_of(candidate: Candidate) -> dict[str, str]:
    """The swept parameters of a point, as its experiment writes them; none for a run."""
    if candidate.point is None:
        return {}
    _, plan = _planned(candidate.entry)
    return dict(plan.point(candidate.point).shown)


def command_for(candidate: Candidate) -> list[str]:
    """The command that runs a candidate alone; a point in a folder of its own, as `latest` stays the sweep's."""
    words = ["snnrun", "run", str(candidate.entry.experiment)]
    if candidate.point is None:
        return words
    checked, plan = _planned(candidate.entry)
    words += ["--set", "sweep=null", "--set", f"name={checked.name}-point-{candidate.point}"]
    if checked.document.has(("plots",)):
        words += ["--set", "plots=null"]  # a single run has no pictures of a sweep
    for name, text in plan.point(candidate.point).settings.items():
        words += ["--set", f"{name}={text}"]
    return words


@lru_cache(maxsize=64)
def _planned(entry: Entry) -> tuple[Checked, Plan]:
    """The experiment of a sweep and its points."""
    checked = pipeline.check(pipeline.read(entry.experiment))
    sweep = checked.experiment.sweep
    plan = None if sweep is None else plan_sweep(checked.resolved.context, sweep)
    if plan is None or plan.shape != entry.shape:
        raise storage_error("CMP302", f"the table in `{entry.path}` is not that of its experiment")
    return checked, plan

"""A sweep before its first run: its points, and the file at each of their values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from snnrun import pipeline
from snnrun.errors import ExperimentError, Report
from snnrun.network.pictures import of_sweep, swept
from snnrun.records import dataclass
from snnrun.source import SourceFile
from snnrun.spec.document import Document
from snnrun.spec.nodes import ListNode, Node, plain, scalar
from snnrun.stages import Checked
from snnrun.sweep.points import Place, Plan, Point, plan_sweep

Index = tuple[int, ...]
_KEPT = 64  # checked points that wait in memory for their run
_SHOWN = 10  # errors of points that are shown at once


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep that can run.

    Args:
        checked: The experiment.
        plan: Its points.
        ready: Points that were checked already, by their place in the grid.
    """

    checked: Checked
    plan: Plan
    ready: dict[Index, Checked]


def check_sweep(checked: Checked) -> Sweep:
    """The points of an experiment's sweep, each value tried in the file before the first run.

    Values are tried one at a time, the other axes at their first: what only a combination of values breaks is found
    when that point runs.

    Raises:
        ExperimentError: The sweep, or the file at some of its values, is wrong.
    """
    assert checked.experiment.sweep is not None
    plan = plan_sweep(checked.resolved.context, checked.experiment.sweep)
    base = point_document(checked)
    ready: dict[Index, Checked] = {}
    report = Report()
    for point in plan.star():
        try:
            at_point = check_point(base, point)
        except ExperimentError as error:
            report.extend(error.diagnostics)
            if len(report.errors) >= _SHOWN:
                break
            continue
        if len(ready) < _KEPT:
            ready[point.index] = at_point
    report.stop_if_errors()
    return Sweep(checked, plan, ready)


def check_point(base: Document, point: Point) -> Checked:
    """The experiment at one point.

    Raises:
        ExperimentError: Something is wrong there; the messages say at which values.
    """
    try:
        return pipeline.check(base.with_values(point.values))
    except ExperimentError as error:
        where = ", ".join(f"{name} = {value}" for name, value in point.shown.items())
        raise ExperimentError(*(replace(d, message=f"{d.message} (at {where})") for d in error.diagnostics)) from None


def point_document(checked: Checked) -> Document:
    """The experiment of one point: without the sweep and the pictures of the sweep."""
    document = checked.document
    plots = document.find(("plots",))
    own: Node | None = plots
    if isinstance(plots, ListNode):
        parameters = swept(checked.experiment)
        kept = tuple(item for item in plots.items if not of_sweep(_options(item), parameters))
        own = ListNode(kept, plots.span) if kept else scalar("none", SourceFile("plots", "none"))
    changes: dict[Place, Any] = {("sweep",): None}
    if own is not None:
        changes[("plots",)] = own
    return document.with_values(changes)


def _options(item: Node) -> dict[str, Any]:
    options = plain(item)
    assert isinstance(options, dict)
    return options

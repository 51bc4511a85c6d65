"""The experiments of a sweep: the file checked at the values of its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from snnrun.equations.dag import ValueNeededError, kind_of
from snnrun.errors import Diagnostic, ExperimentError, Report, Severity
from snnrun.model.digest import common_part
from snnrun.resolve.swept import of_sweep, swept
from snnrun.results.layout import KEY_DIGITS
from snnrun.running import pipeline
from snnrun.running.identity import PRESENTATION, identity_of
from snnrun.running.stages import Checked, SharedPhase
from snnrun.source import SourceFile, Span
from snnrun.spec.check import refuse_unread
from snnrun.spec.document import Document
from snnrun.spec.nodes import ListNode, Node, Path, plain, scalar
from snnrun.spec.read_values import noting
from snnrun.sweep.identity import files_of_values
from snnrun.sweep.plan import plan_sweep
from snnrun.sweep.points import SEED, GridAxis, Plan, Point, Values
from snnrun.sweep.reuse import Template

Index = tuple[int, ...]
_KEPT = 64  # checked points kept in memory until they run
_SHOWN = 10  # errors of points that are shown at once
_FEW = 8  # up to this many values of an axis are all tried
_MANY = 256  # of more doubtful values of an axis, this many evenly spread ones are tried
_TEMPLATES = 256  # checked files that are kept for points to share
_SEEDS = 2**64
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep that can run.

    Args:
        checked: The experiment.
        plan: Its points.
        ready: Points that were checked already, by index.
        warnings: Axes of which not all values were tried.
    """

    checked: Checked
    plan: Plan
    ready: dict[Index, Checked]
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def files(self) -> dict[str, FilePath]:
        """The files that the experiment and the values of its sweep name, as they name them."""
        return files_of_values(self.checked.document, self.plan) | dict(self.checked.resolved.context.files)

    @property
    def mark(self) -> str:
        """What metrics and pictures of points that keep their results follow from; empty where points keep none."""
        return presentation_at(self, None)[:KEY_DIGITS] if self.plan.keep_results else ""


def presentation_at(sweep: Sweep, point: int | None) -> str:
    """The hash of the presentation of a point, or of what all points have in common."""
    from snnrun.running.folder import portable  # noqa: PLC0415 - a check needs no folders

    base = point_document(sweep.checked)
    document = base if point is None else base.with_values(sweep.plan.point(point).values)
    return identity_of(*portable(document, sweep.checked.resolved.context.files)).presentation


def presentations(sweep: Sweep) -> Callable[[int], str]:
    """Gives the hash of the presentation of each point by its number."""
    swept_too = any(p.place[0] in PRESENTATION for axis in sweep.plan.axes for p in axis.parameters)
    common = "" if swept_too else presentation_at(sweep, None)
    return lambda k: presentation_at(sweep, k) if swept_too else common


def check_sweep(checked: Checked) -> Sweep:
    """The points of an experiment's sweep; the file is checked at each value before the first run.

    One axis at a time, with the other axes at their first value: an error of a combination of values is found when that
    point runs. Of more than 256 doubtful values of an axis, evenly spread ones are tried.

    Raises:
        ExperimentError: The sweep, or the file at some of its values, is wrong.
    """
    assert checked.experiment.sweep is not None
    with noting(checked.document.read_values):
        plan = plan_sweep(checked.resolved.context, checked.experiment.sweep)
    refuse_unread(checked.document, checked.experiment, only="sweep")
    points = Points(point_document(checked), plan)
    ready: dict[Index, Checked] = {}
    report = Report()
    first: Checked | None = None
    for point in points.to_try():
        try:
            at_point = check_point(points.base, point)
            first = first or at_point
            if at_point.shared != first.shared:
                raise _acts_too_early(checked, plan, point)
        except ExperimentError as error:
            report.extend(error.diagnostics)
            if len(report.errors) >= _SHOWN:
                break
            continue
        if len(ready) < _KEPT:
            ready[point.index] = at_point
    report.stop_if_errors()
    return Sweep(checked, plan, ready, tuple(_not_tried(checked, plan, axis) for axis in points.partly))


def check_point(base: Document, point: Point) -> Checked:
    """The experiment at one point, from its file.

    Raises:
        ExperimentError: Something is wrong there; the messages say at which values.
    """
    with _saying_where(point):
        checked = pipeline.check(base.with_values(point.values))
        if point.shared is None:
            return checked
        return replace(checked, shared=SharedPhase(point.shared, common_part(checked.resolved.network, point.shared)))


@contextmanager
def _saying_where(point: Point) -> Iterator[None]:
    try:
        yield
    except ExperimentError as error:
        raise ExperimentError(
            *(replace(d, message=f"{d.message} (at {point.text})") for d in error.diagnostics)
        ) from None


class Points:
    """The experiment at each point of a sweep; points that differ only in values share a checked file (`reuse`).

    Args:
        base: The file of a point, without the sweep.
        plan: The points.
    """

    def __init__(self, base: Document, plan: Plan) -> None:
        self.base = base
        self.plan = plan
        self._templates: dict[Key, Template | None] = {}
        self._seen: set[Key] = set()
        self.partly: list[int] = []  # axes of which `to_try` left out doubtful values

    def check(self, point: Point) -> Checked:
        """The experiment at a point, valid until the next call.

        Raises:
            ExperimentError: Something is wrong there; the messages say at which values.
        """
        if self.plan.keep_results or not any(map(self._is_open, self._parameters())):
            return check_point(self.base, point)  # a point with a folder of its own needs its own document
        key, values, seed = self._read(point.index)
        template = self._templates.get(key)
        if template is not None:
            with _saying_where(point):
                return template.at(values, seed)
        checked = check_point(self.base, point)
        if key in self._seen:
            self._template(point, checked)
        self._seen.add(key)
        return checked

    def to_try(self) -> Iterator[Point]:
        """The first point and, along each axis, the points at doubtful values."""
        yield self.plan.point(0)
        for axis, length in enumerate(self.plan.shape):
            doubtful = self._doubtful(axis) if length > _FEW else range(length)
            if len(doubtful) > _MANY:
                self.partly.append(axis)
            for place in spread(doubtful, _MANY):
                if place:
                    yield self.plan.at(self.plan.along(axis, place))

    def _doubtful(self, axis: int) -> Sequence[int]:
        """The positions along an axis at which the file may be wrong."""
        everywhere = range(self.plan.shape[axis])
        parameters = self.plan.axes[axis].parameters
        if not all(map(self._is_open, parameters)):
            return everywhere
        seeds = np.zeros(len(everywhere), np.bool_)
        for parameter in parameters:
            if parameter.place == SEED and parameter.held is not None:
                seeds |= [not (isinstance(value, int) and 0 <= value < _SEEDS) for value in parameter.held]
        kinds: dict[Key, list[int]] = {}
        for place in everywhere:
            kinds.setdefault(self._read(self.plan.along(axis, place))[0], []).append(place)
        wanted = set(np.flatnonzero(seeds).tolist())
        for places in kinds.values():
            wanted |= self._doubtful_of_kind(axis, places)
        return sorted(wanted)

    def _doubtful_of_kind(self, axis: int, places: list[int]) -> set[int]:
        """The same, of positions whose values are all of the same kind."""
        tried = {places[0], places[len(places) // 2], places[-1]}
        for place in sorted(tried):
            point = self.plan.at(self.plan.along(axis, place))
            try:
                template = self._template(point, check_point(self.base, point))
            except ExperimentError:
                continue
            if template is None:
                break
            template.put(self._read(point.index)[1])
            values = {
                str(p.place[1]): np.array([p.held[k] for k in places])
                for p in self.plan.axes[axis].parameters
                if p.place != SEED and p.held is not None
            }
            wrong = template.doubtful(values, len(places))
            template.put(self._read(point.index)[1])
            return tried | {place for place, doubt in zip(places, wrong.tolist(), strict=True) if doubt}
        return set(places)

    def _parameters(self) -> Iterator[Values]:
        return (p for axis in self.plan.axes for p in axis.parameters)

    def _is_open(self, parameter: Values) -> bool:
        """Whether a parameter changes nothing but values."""
        if parameter.held is None or self._open is None:
            return False
        return parameter.place == SEED or (parameter.place[0] == "constants" and parameter.place[1] in self._open)

    @cached_property
    def _open(self) -> frozenset[str] | None:
        """The constants whose values the check does not need; None where points cannot share a checked file."""
        if self.plan.shared is not None:
            return None  # each point needs its own hash
        numbers = [p for p in self._parameters() if p.held is not None]
        names = [str(p.place[1]) for p in numbers if p.place[0] == "constants"]
        if names and self._fits(frozenset(names)):
            return frozenset(names)
        found: frozenset[str] = frozenset()
        for name in names if len(names) > 1 else ():
            if self._fits(found | {name}):
                found |= {name}
        seeds_alone = not found and any(p.place == SEED for p in numbers) and self._fits(found)
        return found if found or seeds_alone else None

    def _fits(self, names: frozenset[str]) -> bool:
        """Whether the file can be checked without the values of some constants."""
        try:
            Template.of(self.base.with_values(self.plan.point(0).values), names)
        except (ValueNeededError, ExperimentError):
            return False
        return True

    def _read(self, index: Index) -> tuple[Key, dict[str, float], int | None]:
        """The key of the checked file that a point shares, the values of its open constants, and its seed if swept."""
        key: list[object] = []
        values: dict[str, float] = {}
        seed = None
        for axis, k in zip(self.plan.axes, index, strict=True):
            for parameter in axis.parameters:
                if not self._is_open(parameter):
                    key.append(k)
                    continue
                assert parameter.held is not None
                value = parameter.held[k]
                if parameter.place == SEED:
                    seed = int(value)
                else:
                    values[str(parameter.place[1])] = value
                    key.append(kind_of(value))
        if self.plan.seed_of is not None:
            seed = self.plan.seed_of(index)
        return tuple(key), values, seed

    def _template(self, point: Point, checked: Checked) -> Template | None:
        """The checked file that a point shares with others; None when there is none that fits."""
        key, values, seed = self._read(point.index)
        if key not in self._templates and len(self._templates) < _TEMPLATES:
            try:
                template = Template.of(self.base.with_values(point.values), self._open or frozenset())
                self._templates[key] = template if template.fits(checked, values, seed) else None
            except (ValueNeededError, ExperimentError):
                self._templates[key] = None
        return self._templates.get(key)


def spread(places: Sequence[int], most: int) -> Sequence[int]:
    """At most `most` evenly spread ones of some places, the first and the last among them."""
    last = len(places) - 1
    return places if last < most else [places[round(k * last / max(most - 1, 1))] for k in range(most)]


def _acts_too_early(checked: Checked, plan: Plan, point: Point) -> ExperimentError:
    """The error of a parameter that has an effect before the end of the shared phase."""
    axis = next(axis for axis, k in zip(plan.axes, point.index, strict=True) if k)
    assert plan.shared is not None
    shared = checked.resolved.network.phases[plan.shared].name
    what = f"`{axis.name}` acts" if len(axis.parameters) == 1 else "these parameters act"
    return ExperimentError(
        Diagnostic(
            "SWP707",
            f"{what} before the end of phase `{shared}`, which all points share",
            _axis_span(checked, axis),
            "let a later phase set it (`set: {name: value}`), or remove `shared`",
        )
    )


def _not_tried(checked: Checked, plan: Plan, axis: int) -> Diagnostic:
    """The warning that not all values of an axis were tried."""
    found = plan.axes[axis]
    message = f"{_MANY} of {found.length:,} values of `{found.name}` were tried before the run"
    help = "where another one is wrong, its point fails"
    return Diagnostic("SWP718", message, _axis_span(checked, found), help, Severity.WARNING)


def _axis_span(checked: Checked, axis: GridAxis) -> Span | None:
    """Where the file names what lies along an axis."""
    path = axis.parameters[0].named
    return checked.document.key_span(path[:2] if path[1] == "points" else path)


def point_document(checked: Checked) -> Document:
    """The experiment of one point: without the sweep and the pictures of the sweep."""
    document = checked.document
    plots = document.find(("plots",))
    own: Node | None = plots
    if isinstance(plots, ListNode):
        parameters = swept(checked.resolved.context)
        kept = tuple(item for item in plots.items if not of_sweep(_options(item), parameters))
        own = ListNode(kept, plots.span) if kept else scalar("none", SourceFile("plots", "none"))
    changes: dict[Path, Any] = {("sweep",): None}
    if own is not None:
        changes[("plots",)] = own
    return document.with_values(changes)


def _options(item: Node) -> dict[str, Any]:
    options = plain(item)
    assert isinstance(options, dict)
    return options

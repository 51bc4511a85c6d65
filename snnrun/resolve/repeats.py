"""Phases in the order in which a run goes through them: those of the file, each as often as it is repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from snnrun.resolve.context import Context, Path
from snnrun.spec.models import Phase, RepeatedPhases, Run

if TYPE_CHECKING:
    from snnrun.spec.models import PhaseForm

MOST_PHASES = 10_000  # of a run, repetitions counted


@dataclass(frozen=True, slots=True)
class Part:
    """One phase of the run: a phase of the file, or one repetition of it.

    Args:
        name: Its name; of repetitions with their numbers, from 0: `test[2]`.
        path: Its place in the file.
        model: What stands there.
    """

    name: str
    path: Path
    model: Phase


@dataclass(slots=True)
class Plan:
    """The phases of a run.

    Args:
        parts: In their order.
        stretches: For each name of a phase or of a list of phases, the numbers of the first and of the last part of
            each time that the run goes through it.
        repeated: For each name that is repeated, what it is repeated with; what is repeated together has the same.
        loops: What is repeated until a condition holds, inner ones first: its place in the file, its name, and the
            numbers of the first and of the last part of each repetition there may be.
    """

    parts: list[Part] = field(default_factory=list)
    stretches: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    repeated: dict[str, str] = field(default_factory=dict)
    loops: list[tuple[Path, str, tuple[tuple[int, int], ...]]] = field(default_factory=list)

    def add(self, path: Path, model: Phase, numbers: str, repetitions: int | None) -> None:
        """Add a phase, as often as it is repeated by itself."""
        if repetitions is not None:
            self.repeated[model.name] = model.name
        first = len(self.parts)
        if model.repeat_until is not None:
            rounds = tuple((first + k, first + k) for k in range(repetitions or 1))
            self.loops.append((path, model.name + numbers, rounds))
        for k in range(repetitions or 1):
            name = model.name + numbers + (f"[{k}]" if repetitions is not None else "")
            self.stretches.setdefault(model.name, []).append((len(self.parts), len(self.parts)))
            self.parts.append(Part(name, path, model))


def listed(forms: Sequence[PhaseForm] | None) -> Iterator[tuple[Path, Phase]]:
    """The phases of the file in their order, each once, with their places."""
    for k, form in enumerate(forms or ()):
        path: Path = ("run", "phases", k)
        if isinstance(form, RepeatedPhases):
            yield from (((*path, "phases", m), phase) for m, phase in enumerate(form.phases))
        else:
            yield path, form


def phases_of(run: Run) -> tuple[Phase, ...]:
    """The phases of the file in their order, each once."""
    return tuple(phase for _, phase in listed(run.phases))


def key_in_phase(path: Path) -> str | None:
    """Which key of a phase, or of repeated phases, a place of the file belongs to; None for other places."""
    if path[:2] != ("run", "phases"):
        return None
    key: Path = path[5:6] if path[3:4] == ("phases",) else path[3:4]
    return str(key[0]) if key else None


def plan_of(context: Context) -> Plan:
    """The phases of the run, repeated as the file says.

    Raises:
        ExperimentError: NET240 for too many phases, NET241 for a name that stands twice, or a number of repetitions
            that is wrong.
    """
    _refuse_names_twice(context)
    plan = Plan()
    for k, form in enumerate(context.experiment.run.phases or ()):
        path: Path = ("run", "phases", k)
        times = _times(context, path, form)
        if not isinstance(form, RepeatedPhases):
            _refuse_too_many(context, path, len(plan.parts) + (times or 1))
            plan.add(path, form, "", times)
            continue
        inner = [((*path, "phases", m), phase) for m, phase in enumerate(form.phases)]
        numbers = [_times(context, place, phase) for place, phase in inner]
        _refuse_too_many(context, path, len(plan.parts) + (times or 1) * sum(n or 1 for n in numbers))
        together = form.name or form.phases[0].name
        plan.repeated |= {phase.name: together for phase in form.phases}
        rounds: list[tuple[int, int]] = []
        for r in range(times or 1):
            first = len(plan.parts)
            for (place, phase), own in zip(inner, numbers, strict=True):
                plan.add(place, phase, f"[{r}]", own)
            rounds.append((first, len(plan.parts) - 1))
        if form.repeat_until is not None:
            plan.loops.append((path, together, tuple(rounds)))
        if form.name is not None:
            plan.repeated[form.name] = together
            plan.stretches[form.name] = rounds
    return plan


def _times(context: Context, path: Path, form: PhaseForm) -> int | None:
    if form.repeat is None and form.repeat_until is not None:
        message = "`repeat_until` needs `repeat`: how often at most"
        raise context.key_error("NET242", message, (*path, "repeat_until"), "add for example `repeat: 100`")
    return None if form.repeat is None else context.integer((*path, "repeat"), "`repeat`", 1)


def _refuse_too_many(context: Context, path: Path, number: int) -> None:
    if number > MOST_PHASES:
        message = f"up to here the run has {number:,} phases, repetitions counted; at most {MOST_PHASES:,} are possible"
        place = (*path, "repeat") if context.document.has((*path, "repeat")) else path
        raise context.error("NET240", message, place, "repeat less often, or let an operation act `every` so often")


def _refuse_names_twice(context: Context) -> None:
    places: dict[str, Path] = {}
    named = [(path, phase.name) for path, phase in listed(context.experiment.run.phases)]
    for k, form in enumerate(context.experiment.run.phases or ()):
        if isinstance(form, RepeatedPhases) and form.name is not None:
            named.append((("run", "phases", k), form.name))
    for path, name in named:
        if name in places:
            message = f"there is a phase `{name}` already"
            raise context.error("NET241", message, (*path, "name"), "give each its own name, or use `repeat`")
        places[name] = path

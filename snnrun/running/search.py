"""The search for a constant: runs with other values of it, until the condition changes between two that are near."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from snnrun.engine.cache import RunCache
from snnrun.engine.recording import Nothing
from snnrun.errors import Diagnostic, ExperimentError, RunError
from snnrun.resolve.search import SearchPlan
from snnrun.results.folder import write_durably
from snnrun.running import pipeline
from snnrun.running.options import Progress, RunOptions
from snnrun.running.stages import Checked, Clock
from snnrun.source import SourceFile, Span
from snnrun.spec.nodes import scalar
from snnrun.units.quantities import base_units, format_quantity


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Args:
        plan: What was looked for.
        value: The value at which the condition holds, nearest to those at which it does not. [SI]
        tries: All values in their order, and whether the condition held.
        journal: The file that keeps them until the run has ended.
    """

    plan: SearchPlan
    value: float
    tries: tuple[tuple[float, bool], ...]
    journal: Path | None = None

    @property
    def line(self) -> str:
        """What a person should know of it."""
        return f"{self.plan.constant} = {format_quantity(self.value, self.plan.dimension)} after {len(self.tries)} runs"


def bisect(plan: SearchPlan, holds: Callable[[float], bool], span: Span | None = None) -> float:
    """The value at which a condition holds, as near to one at which it does not as the tolerance says.

    Where the condition changes more than once, it is one of these places.

    Args:
        plan: What is looked for.
        holds: Whether the condition holds at a value.
        span: Where the file gives the ends.

    Raises:
        RunError: RUN330, the condition is the same at both ends.
    """
    at_low, at_high = holds(plan.low), holds(plan.high)
    if at_low == at_high:
        ends = " and ".join(format_quantity(end, plan.dimension) for end in (plan.low, plan.high))
        what = "holds" if at_low else "does not hold"
        message = f"`{plan.until}` {what} at both ends, where `{plan.constant}` is {ends}: there is nothing to search"
        raise RunError(Diagnostic("RUN330", message, span, "let `between` hold the value that is looked for"))
    yes, no = (plan.low, plan.high) if at_low else (plan.high, plan.low)
    while abs(yes - no) > plan.tolerance * (1 + 1e-9):
        middle = (yes + no) / 2
        if middle in (yes, no):
            break
        if holds(middle):
            yes = middle
        else:
            no = middle
    return yes


def with_value(checked: Checked, plan: SearchPlan, value: float) -> Checked:
    """The experiment with a value of the constant.

    Raises:
        ExperimentError: The file is wrong with it.
    """
    text = f"{value!r}{base_units(plan.dimension)}"
    node = scalar(text, SourceFile(f"constants.{plan.constant}", text))
    found = pipeline.check(checked.document.with_values({("constants", plan.constant): node}))
    return replace(found, point=checked.point)


class Searcher:
    """Runs the tries of a search.

    Args:
        checked: The experiment.
        cache: What the runs share.
        clock: Timings.
        options: How they are run.
        journal: A file that keeps the tries of a search that was killed; None to keep none.
        identity: What must be the same to go on from it.
    """

    def __init__(
        self,
        checked: Checked,
        cache: RunCache,
        clock: Clock,
        options: RunOptions,
        journal: Path | None = None,
        identity: str = "",
    ) -> None:
        assert checked.search is not None
        self.checked = checked
        self.plan = checked.search
        self.cache = cache
        self.clock = clock
        self.options = options
        self.journal = journal
        self.identity = identity

    def find(self, progress: Progress) -> tuple[Checked, Found]:
        """The experiment with the value that was found, and how it was found.

        Raises:
            RunError: A run stopped, or the condition is the same at both ends.
        """
        known = self._stored()
        tries: list[tuple[float, bool]] = []

        def holds(value: float) -> bool:
            held = known.get(value)
            if held is None:
                held = self._holds(value, progress)
            tries.append((value, held))
            if self.journal is not None:
                plain = {"identity": self.identity, "tries": tries}
                write_durably(self.journal, json.dumps(plain).encode())
            return held

        value = bisect(self.plan, holds, self.checked.document.nearest_span(("search", "between")))
        return with_value(self.checked, self.plan, value), Found(self.plan, value, tuple(tries), self.journal)

    def _holds(self, value: float, progress: Progress) -> bool:
        """Whether the condition holds at the end of a run."""
        shown = f"(search at {self.plan.constant} = {format_quantity(value, self.plan.dimension)})"
        try:
            prepared = pipeline.prepare(
                with_value(self.checked, self.plan, value), self.cache, self.clock, self.options.threads
            )
            allow_code = self.options.allow_code
            pipeline.simulate(prepared, Nothing(), self.clock, progress, allow_code=allow_code)
        except (RunError, ExperimentError) as error:
            first = error.diagnostics[0]
            raise RunError(replace(first, message=f"{first.message} {shown}")) from None
        return prepared.metrics.search()

    def _stored(self) -> dict[float, bool]:
        """The tries of a search that was killed."""
        if self.journal is None:
            return {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            plain = json.loads(self.journal.read_bytes())
            if plain["identity"] == self.identity:
                return {float(value): bool(held) for value, held in plain["tries"]}
        return {}

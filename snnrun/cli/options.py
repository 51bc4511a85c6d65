"""Options of a command that do not go together, or do not go with a file: refused, never ignored. Codes `CMD1xx`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snnrun.errors import Diagnostic, ExperimentError

if TYPE_CHECKING:
    from snnrun.run.stages import Checked

Rule = tuple[bool, str, str]
"""Whether it is broken, what is wrong, and what to do."""


def refuse_options(*rules: Rule) -> None:
    """Refuse options that contradict each other or need one that was not given.

    Raises:
        ExperimentError: CMD101, for each broken rule.
    """
    broken = [Diagnostic("CMD101", message, None, advice) for wrong, message, advice in rules if wrong]
    if broken:
        raise ExperimentError(*broken)


def refuse_for(checked: Checked, of_sweeps: Sequence[str], of_runs: Sequence[str]) -> None:
    """Refuse options that do nothing for this experiment.

    Args:
        checked: The experiment.
        of_sweeps: Options given that are for sweeps.
        of_runs: Options given that are for single runs, each with the reason.

    Raises:
        ExperimentError: SWP706, for each that does not apply.
    """
    document = checked.document
    if checked.experiment.sweep is None:
        place, given, why = document.top_span(), of_sweeps, "this experiment has no `sweep`"
    else:
        place, given, why = document.key_span(("sweep",)), of_runs, "this experiment has a `sweep`"
    if given:
        kind = "sweeps" if checked.experiment.sweep is None else "single runs"
        raise ExperimentError(
            *(
                Diagnostic("SWP706", f"`{option}` is for {kind}: {why}", place, _ADVICE.get(option, "leave it out"))
                for option in given
            )
        )


def refuse_swept_seed(checked: Checked) -> None:
    """Refuse `--seed` where the sweep gives each point its own.

    Raises:
        ExperimentError: SWP706.
    """
    sweep = checked.experiment.sweep
    for section in ("axes", "zip"):
        if sweep is not None and "seed" in (getattr(sweep, section) or {}):
            place = checked.document.key_span(("sweep", section, "seed"))
            advice = "leave one of them out"
            raise ExperimentError(Diagnostic("SWP706", "`--seed` does nothing where `seed` is swept", place, advice))


_ADVICE = {
    "--threads": "leave it out: points run side by side, as many as `--workers`",
    "--checkpoint-every": "leave it out: a sweep keeps every point that is done",
}

"""The options of `snnrun run`, and which go together: an option without effect is refused. Codes `CMD1xx`, SWP706."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snnrun.cli.complete import FORMATS
from snnrun.errors import Diagnostic, ExperimentError

if TYPE_CHECKING:
    from snnrun.running.options import RunOptions
    from snnrun.running.stages import Checked

Rule = tuple[bool, str, str]
"""Whether it is broken, what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class RunCommand:
    """The options of `snnrun run` as they were given; `cli.arguments` describes them."""

    files: Sequence[Path]
    overrides: Sequence[str]
    out: Path
    out_folder: Path | None
    seed: int | None
    no_plots: bool
    formats: Sequence[str]
    threads: int | None
    allow_code: bool
    checkpoint_every: str | None
    profile: bool
    watch: bool
    dry_run: bool
    probe: bool
    workers: int | None
    scheduler: str | None
    slurm: bool
    slurm_options: Sequence[str]
    setup: Path | None
    wait: bool
    retry_failed: bool
    force: bool
    quiet: bool
    json: bool
    debug: bool

    def refuse_contradictions(self) -> None:
        """Refuse options that need or exclude one another.

        Raises:
            ExperimentError: CMD101, for each broken rule.
        """
        slurm, scheduler, workers = self.slurm, self.scheduler is not None, self.workers is not None
        refuse_options(
            (self.probe and not self.dry_run, "`--probe` is for `--dry-run`", "add `--dry-run`"),
            (
                self.out_folder is not None and len(self.files) > 1,
                "`--out-folder` is the folder of one experiment, and several files are named",
                "run them one by one, or name a folder for all with `--out`",
            ),
            (
                self.out_folder is not None and self.out != Path("outputs"),
                "`--out` and `--out-folder` do not go together",
                "keep one of them",
            ),
            (self.profile and self.dry_run, "`--profile` and `--dry-run` do not go together", "keep one of them"),
            (self.watch and self.dry_run, "`--watch` and `--dry-run` do not go together", "keep one of them"),
            (self.watch and slurm, "`--watch` and `--slurm` do not go together", "keep one of them"),
            (self.watch and self.json, "`--watch` and `--json` do not go together", "keep one of them"),
            (bool(self.slurm_options) and not slurm, "`--slurm-option` is for `--slurm`", "add `--slurm`"),
            (self.setup is not None and not slurm, "`--setup` is for `--slurm`", "add `--slurm`"),
            (self.wait and not slurm, "`--wait` is for `--slurm`", "add `--slurm`"),
            (self.wait and self.dry_run, "`--wait` and `--dry-run` do not go together", "keep one of them"),
            (
                slurm and self.force,
                "`--slurm` and `--force` do not go together",
                "remove the folder of the results: the same command also shows how far the job is",
            ),
            (slurm and scheduler, "`--slurm` and `--scheduler` do not go together", "keep one of them"),
            (
                workers and scheduler,
                "`--workers` and `--scheduler` do not go together",
                "leave out `--workers`: a Dask cluster has workers of its own",
            ),
            (
                self.no_plots and bool(self.formats),
                "`--format` and `--no-plots` do not go together",
                "keep one of them",
            ),
        )

    def refuse_for(self, checked: Checked) -> None:
        """Refuse options that have no effect on this experiment.

        Raises:
            ExperimentError: SWP706, for each of them.
        """
        document = checked.document
        if checked.experiment.sweep is None:
            place, kind, why = document.top_span(), "sweeps", "this experiment has no `sweep`"
            given = {
                "--workers": self.workers is not None,
                "--scheduler": self.scheduler is not None,
                "--retry-failed": self.retry_failed,
            }
        else:
            place, kind, why = document.key_span(("sweep",)), "single runs", "this experiment has a `sweep`"
            given = {
                "--threads": self.threads is not None,
                "--checkpoint-every": self.checkpoint_every is not None,
                "--profile": self.profile,
            }
        wrong = [
            Diagnostic("SWP706", f"`{option}` is for {kind}: {why}", place, _ADVICE.get(option, "leave it out"))
            for option, is_given in given.items()
            if is_given
        ]
        if wrong:
            raise ExperimentError(*wrong)

    def refuse_swept_seed(self, checked: Checked) -> None:
        """Refuse `--seed` where the sweep gives each point its own.

        Raises:
            ExperimentError: SWP706.
        """
        sweep = checked.experiment.sweep
        for section in ("axes", "zip"):
            if self.seed is not None and sweep is not None and "seed" in (getattr(sweep, section) or {}):
                place = checked.document.key_span(("sweep", section, "seed"))
                message = "`--seed` has no effect where `seed` is swept"
                raise ExperimentError(Diagnostic("SWP706", message, place, "leave one of them out"))

    def run_options(self) -> RunOptions:
        """The options for the run itself.

        Raises:
            ExperimentError: PLT505 or UNT904, one of them is wrong.
        """
        from snnrun.running.options import RunOptions

        return RunOptions(
            allow_code=self.allow_code,
            plots=not self.no_plots,
            formats=formats_of(self.formats),
            threads=self.threads,
            checkpoint_every=None if self.checkpoint_every is None else seconds_of(self.checkpoint_every),
            profile=self.profile,
            force=self.force,
            command=("snnrun", *sys.argv[1:]),
        )


def refuse_options(*rules: Rule) -> None:
    """Refuse options that contradict each other or need one that was not given.

    Raises:
        ExperimentError: CMD101, for each broken rule.
    """
    broken = [Diagnostic("CMD101", message, None, advice) for wrong, message, advice in rules if wrong]
    if broken:
        raise ExperimentError(*broken)


def formats_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """The formats of pictures; `png` unless others are named.

    Raises:
        ExperimentError: PLT505, for one that does not exist.
    """
    for name in given or ():
        if name not in FORMATS:
            raise ExperimentError(Diagnostic("PLT505", f"there is no format `{name}`", None, "use png, svg or pdf"))
    return tuple(dict.fromkeys(given or ["png"]))


def seconds_of(text: str) -> float:
    """The time that an option gives. [s].

    Raises:
        ExperimentError: UNT904, it is not a time, or negative.
    """
    from snnrun.cli.new import evaluate_quantity
    from snnrun.units.dimensions import TIME

    typed = evaluate_quantity(text)
    if typed.dimension != TIME or not 0 <= typed.value < math.inf:
        raise ExperimentError(Diagnostic("UNT904", f"`{text}` is not a time", None, "write one such as `10 min`"))
    return typed.value


_ADVICE = {
    "--workers": "leave it out: one run uses `--threads`",
    "--scheduler": "leave it out, or run it on a cluster with `--slurm`",
    "--threads": "leave it out: points run side by side, as many as `--workers`",
    "--profile": "run one point as an experiment of its own, without `sweep`",
    "--checkpoint-every": "leave it out: a sweep keeps every point that is done",
}

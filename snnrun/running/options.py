"""How an experiment is run. Nothing here changes a result: what does stands in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from snnrun.running.stages import Prepared

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all), or with (points done, points in all)."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says of a run, or of every point of a sweep.

    Args:
        allow_code: Whether Python functions of the experiment may be called.
        plots: Whether pictures are drawn.
        formats: File formats of pictures.
        threads: Threads, instead of the number in the file.
        checkpoint_every: Wall-clock time between two checkpoints; None for no checkpoints. [s]
        profile: Whether to measure where the time goes; then the model runs even if its results are there.
        force: Whether the model runs even if its results are there.
        command: The command line, for the provenance.
    """

    allow_code: bool = False
    plots: bool = True
    formats: tuple[str, ...] = ("png",)
    threads: int | None = None
    checkpoint_every: float | None = None
    profile: bool = False
    force: bool = False
    command: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data, for another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The options that `as_json` described."""
        options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
        return cls(**options)


def ignore(*_args: object) -> None:
    """A callback that does nothing."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Functions that are called during a run.

    Args:
        progress: After each call of the kernel.
        built: Before the first step.
        note: With a line to show to the user.
    """

    progress: Progress = ignore
    built: Callable[[Prepared], None] = ignore
    note: Callable[[str], None] = ignore

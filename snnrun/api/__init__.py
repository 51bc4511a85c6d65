"""The interface for Python programs and notebooks: results as arrays with units, and runs."""

from __future__ import annotations

from pathlib import Path

from snnrun.api.execute import run
from snnrun.api.runs import Run
from snnrun.api.sweeps import Sweep
from snnrun.compare.folders import done_at
from snnrun.results.layout import SWEEP_FILE

__all__ = ["Run", "Sweep", "load", "run"]


def load(path: str | Path) -> Run | Sweep:
    """The results of a run or of a sweep.

    What was recorded is read when it is asked for.

    Args:
        path: The folder of a run or of a sweep, `latest`, or a file in it such as `results.h5`.

    Raises:
        StorageError: There are no finished results, or they are damaged.
    """
    folder, _ = done_at(Path(path))
    return Sweep(folder) if (folder / SWEEP_FILE).is_file() else Run(folder)

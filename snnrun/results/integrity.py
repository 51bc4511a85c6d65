"""Checking the files of a folder of results against its `DONE.json`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from snnrun.results.done import Damage, Done
from snnrun.results.layout import RESULTS_FILE
from snnrun.results.reader import Results


def damage(folder: Path, done: Done, names: Iterable[str] | None = None) -> list[Damage]:
    """Files of a folder that are not as they were published.

    Version 0.1.0 wrote no digest of large files; there the recorded data are compared by the digest of the run.

    Args:
        folder: The folder.
        done: Its `DONE.json`.
        names: The files to check; None for all.
    """
    found = done.damage(folder, names)
    record = done.files.get(RESULTS_FILE)
    if record is not None and not record.sha256 and not found and _digest(folder / RESULTS_FILE) != done.digest:
        found.append(Damage(RESULTS_FILE, "holds other data than when it was published"))
    return found


def _digest(file: Path) -> str:
    try:
        with Results.open(file) as results:
            return str(results.digest())
    except Exception:  # noqa: BLE001 - a damaged file can make HDF5 raise anything
        return ""

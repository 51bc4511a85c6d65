"""Whether a folder of results is still what was published: every file against `DONE.json`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from snnrun.errors import StorageError
from snnrun.results.folder import Done
from snnrun.results.layout import RESULTS_FILE
from snnrun.results.reader import Results

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is not as it was published.

    Args:
        file: Its name in the folder.
        what: What is wrong with it.
    """

    file: str
    what: str


def damage(folder: Path, done: Done) -> list[Damage]:
    """Files of a folder that are missing, shorter, longer or changed; recorded data against the digest of the run.

    Files that were added later (pictures, notes) are no damage. Large files have no digest of their own in `DONE.json`;
    recorded data are compared by the run's.
    """
    found = []
    for name, facts in done.files.items():
        file = folder / name
        try:
            size = file.stat().st_size
            if size != facts.get("bytes"):
                found.append(Damage(name, f"has {size:,} bytes, not {facts.get('bytes'):,}"))
            elif "sha256" in facts and _sha256(file) != facts["sha256"]:
                found.append(Damage(name, "has other contents than when it was published"))
            elif name == RESULTS_FILE and "sha256" not in facts and _digest(file) != done.digest:
                found.append(Damage(name, "holds other data than when it was published"))
        except OSError as error:
            found.append(Damage(name, f"cannot be read: {error.strerror}" if file.exists() else "is missing"))
    return found


def _sha256(file: Path) -> str:
    total = hashlib.sha256()
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def _digest(file: Path) -> str:
    try:
        with Results.open(file) as results:
            return str(results.digest())
    except StorageError:
        return ""

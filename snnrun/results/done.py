"""`DONE.json`: the status of a complete folder of results, and the size and digest of its files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from snnrun.errors import RunWarning, SnnrunError
from snnrun.files.reading import open_regular, read_json
from snnrun.results.layout import DONE_FILE, RESULTS_FILE, SWEEP_FILE, RunStatus, storage_error

RUN_AGAIN = "run the experiment again to replace it"
_DATA = (RESULTS_FILE, SWEEP_FILE)
QUICK_BYTES = 16 << 20
"""Bytes of the largest file whose digest is checked where many folders are listed."""
_BLOCK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size and digest of a file as it was published.

    Args:
        bytes: Its size.
        sha256: SHA-256 of its contents; empty for large files of version 0.1.0.
    """

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path | str) -> Self:
        """Size and digest of a file as it is now.

        Raises:
            OSError: It cannot be read, or is not a regular file.
        """
        total, size = hashlib.sha256(), 0
        with open_regular(path) as file:
            while block := file.read(_BLOCK):
                total.update(block)
                size += len(block)
        return cls(size, total.hexdigest())

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of `as_json`.

        Raises:
            ValueError: It is not one.
        """
        size, sha256 = plain["bytes"], plain.get("sha256", "")
        if not isinstance(size, int) or not isinstance(sha256, str) or (sha256 and not _SHA256.fullmatch(sha256)):
            raise ValueError("a file has no size or digest")
        return cls(size, sha256)

    def as_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {"bytes": self.bytes, **({"sha256": self.sha256} if self.sha256 else {})}


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not as it was published.

    Args:
        file: Its name in the folder.
        what: What is wrong with it.
    """

    file: str
    what: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What results follow from, and what was made of the recorded data.

    Args:
        simulation: Hash of all that the recorded data follow from; empty where an older version wrote them.
        presentation: Hash of what metrics and pictures follow from beside that.
        program: Hash of the program.
        name: Name of the experiment.
        drawn: The formats of the pictures, and the options of `snnrun plot` they were drawn with, empty for none.
        warnings: Values that are not finite.
    """

    simulation: str = ""
    presentation: str = ""
    program: str = ""
    name: str = ""
    drawn: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[RunWarning, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        plain: dict[str, Any] = {"simulation": self.simulation, "presentation": self.presentation}
        plain |= {"program": self.program, "name": self.name, "drawn": dict(self.drawn)}
        return plain | {"warnings": [warning.as_json() for warning in self.warnings]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of `as_json`."""
        return cls(
            str(plain.get("simulation", "")),
            str(plain.get("presentation", "")),
            str(plain.get("program", "")),
            str(plain.get("name", "")),
            {str(name): str(options) for name, options in plain.get("drawn", {}).items()},
            tuple(map(RunWarning.from_json, plain.get("warnings", ()))),
        )


NO_ORIGIN = Origin()
"""Of results of older versions, about which nothing is known."""


@dataclass(frozen=True, slots=True)
class Done:
    """The content of `DONE.json`.

    Args:
        status: How the run ended.
        digest: SHA-256 of the recorded data, empty when there is none.
        files: Size and digest of each file, by its name in the folder.
        versions: Versions of the packages that made it.
        timings: Duration of each stage. [s]
        origin: What the results follow from.
    """

    status: RunStatus
    digest: str
    files: Mapping[str, FileRecord]
    versions: Mapping[str, str]
    timings: Mapping[str, float]
    origin: Origin = NO_ORIGIN

    def to_json(self) -> str:
        """The text of the file."""
        plain = {
            "status": self.status.value,
            "digest": self.digest,
            "files": {name: record.as_json() for name, record in self.files.items()},
            "versions": dict(self.versions),
            "timings": dict(self.timings),
        } | self.origin.as_json()
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The `DONE.json` of a folder.

        Raises:
            OSError: There is none, or it cannot be read.
            ValueError: It is not a `DONE.json` of this program, or names files outside the folder.
        """
        plain = read_json(folder / DONE_FILE)
        try:
            files = {name: FileRecord.from_json(record) for name, record in plain["files"].items()}
            done = cls(
                RunStatus(plain["status"]),
                str(plain["digest"]),
                files,
                {str(name): str(version) for name, version in plain["versions"].items()},
                {str(stage): float(seconds) for stage, seconds in plain["timings"].items()},
                Origin.from_json(plain),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"`{DONE_FILE}` is not one of this program") from error
        outside = next((name for name in files if not _is_inside(name)), None)
        if outside is not None:
            raise ValueError(f"`{DONE_FILE}` names a file outside the folder: `{outside[:80]}`")
        return done

    @property
    def own(self) -> list[str]:
        """The files of the folder itself, without pictures and points of a sweep."""
        return [name for name in self.files if "/" not in name]

    def damage(self, folder: Path, names: Iterable[str] | None = None, *, largest: int | None = None) -> list[Damage]:
        """Files that are missing or changed; files that were added later (pictures, notes) are no damage.

        Args:
            folder: The folder.
            names: The files to check; None for all. Files that the folder was not published with are not checked.
            largest: Bytes of the largest file whose digest is compared; of larger ones only the size is. None: all.
        """
        wanted = self.files if names is None else [name for name in names if name in self.files]
        found = []
        real = os.path.realpath(folder)
        for name in wanted:
            what = self._damage(real, name, largest)
            if what is not None:
                found.append(Damage(name, what))
            elif name.endswith(f"/{DONE_FILE}"):
                found += _damage_of_point(folder, name)
        return found

    def _damage(self, folder: str, name: str, largest: int | None = None) -> str | None:
        """What is wrong with a file in a folder, whose own path has no links."""
        file, record = f"{folder}/{name}", self.files[name]
        try:
            found = os.lstat(file)
            if stat.S_ISLNK(found.st_mode) or ("/" in name and os.path.realpath(file) != str(Path(file))):
                return "is a link to another place"
            size = found.st_size
            if size != record.bytes:
                return f"has {size:,} bytes, not {record.bytes:,}"
            if record.sha256 and (largest is None or size <= largest) and FileRecord.of(file) != record:
                return "has other contents than when it was published"
        except OSError as error:
            return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        return None


def read_done(folder: Path) -> Done | None:
    """The `DONE.json` of a folder; None if it has none that can be read."""
    try:
        return Done.read(folder)
    except (OSError, ValueError):
        return None


def refuse_damaged(file: Path) -> None:
    """Refuse a damaged file before it is opened: HDF5 does not check what it reads, and may crash or hang.

    Raises:
        StorageError: ST209, the file is not as the `DONE.json` beside it says.
    """
    done = read_done(file.parent)
    refuse(file.parent, done.damage(file.parent, (file.name,)) if done is not None else ())


def refuse(folder: Path, damage: Iterable[Damage]) -> None:
    """Refuse a folder with damaged files.

    Raises:
        StorageError: ST209 for the first damaged file.
    """
    for found in damage:
        advice = f"{RUN_AGAIN}; `--damaged` reads it anyway"
        raise storage_error("ST209", f"`{folder / found.file}` is damaged: it {found.what}", advice)


@contextmanager
def reading_results(folder: Path) -> Iterator[None]:
    """Turn any error of the block, which reads results, into a message, unless `DONE.json` says that they are intact.

    Raises:
        StorageError: ST210, they are damaged.
    """
    try:
        yield
    except SnnrunError:
        raise
    except Exception as error:
        done = read_done(folder)
        names = [name for name in _DATA if done is not None and name in done.files and done.files[name].sha256]
        if done is not None and names and not done.damage(folder, names):
            raise  # the files are intact: a fault of the program
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise storage_error("ST210", f"the results in `{folder}` are damaged: {reason}", RUN_AGAIN) from error


def _damage_of_point(folder: Path, name: str) -> list[Damage]:
    """The damaged files of a point of a sweep that keeps its results: its own `DONE.json` names them."""
    part = name.removesuffix(f"/{DONE_FILE}")
    own = read_done(folder / part)
    if own is None:
        return [Damage(name, "cannot be read")]
    real = os.path.realpath(folder / part)
    found = [(other, own._damage(real, other)) for other in own.files]  # noqa: SLF001 - of the same class
    return [Damage(f"{part}/{other}", what) for other, what in found if what is not None]


def _is_inside(name: str) -> bool:
    """Whether a name leads to a file in the folder, on any system."""
    return "\0" not in name and all(part not in ("", ".", "..") for part in re.split(r"[/\\]", name))

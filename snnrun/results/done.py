"""`DONE.json`: that a folder of results is complete, and which files it was published with."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from snnrun.errors import SnnrunError
from snnrun.files.reading import open_regular, read_json
from snnrun.results.layout import DONE_FILE, RESULTS_FILE, SWEEP_FILE, RunStatus, storage_error

RUN_AGAIN = "run the experiment again to replace it"
_DATA = (RESULTS_FILE, SWEEP_FILE)
QUICK = 16 << 20
"""Bytes of the largest file that is read where many folders are looked at."""
_BLOCK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Fact:
    """A file as it was published.

    Args:
        bytes: Its size.
        sha256: SHA-256 of its contents; empty for large files of version 0.1.0.
    """

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """What a file is now.

        Raises:
            OSError: It cannot be read, or is no regular file.
        """
        total, size = hashlib.sha256(), 0
        with open_regular(path) as file:
            while block := file.read(_BLOCK):
                total.update(block)
                size += len(block)
        return cls(size, total.hexdigest())

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `as_json` gave.

        Raises:
            ValueError: It is something else.
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
    """One file that is not as it was published.

    Args:
        file: Its name in the folder.
        what: What is wrong with it.
    """

    file: str
    what: str


@dataclass(frozen=True, slots=True)
class Done:
    """The content of `DONE.json`.

    Args:
        status: How the run ended.
        digest: SHA-256 of the recorded data, empty when there is none.
        files: What each file was, by its name in the folder.
        versions: Package versions that made it.
        timings: Seconds each stage took.
    """

    status: RunStatus
    digest: str
    files: Mapping[str, Fact]
    versions: Mapping[str, str]
    timings: Mapping[str, float]

    def to_json(self) -> str:
        """JSON for people and programs."""
        plain = {
            "status": self.status.value,
            "digest": self.digest,
            "files": {name: fact.as_json() for name, fact in self.files.items()},
            "versions": dict(self.versions),
            "timings": dict(self.timings),
        }
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The `DONE.json` of a folder.

        Raises:
            OSError: There is none, or it cannot be read.
            ValueError: It is not one of this program, or names files outside the folder.
        """
        plain = read_json(folder / DONE_FILE)
        try:
            files = {name: Fact.from_json(fact) for name, fact in plain["files"].items()}
            done = cls(
                RunStatus(plain["status"]),
                str(plain["digest"]),
                files,
                {str(name): str(version) for name, version in plain["versions"].items()},
                {str(stage): float(seconds) for stage, seconds in plain["timings"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"`{DONE_FILE}` is not one of this program") from error
        outside = next((name for name in files if not _is_inside(name)), None)
        if outside is not None:
            raise ValueError(f"`{DONE_FILE}` names a file outside the folder: `{outside[:80]}`")
        return done

    @property
    def own(self) -> list[str]:
        """The files of the folder itself: no pictures, and no points of a sweep."""
        return [name for name in self.files if "/" not in name]

    def damage(self, folder: Path, names: Iterable[str] | None = None, *, largest: int | None = None) -> list[Damage]:
        """Files that are missing, shorter, longer or changed; what was added later (pictures, notes) is no damage.

        Args:
            folder: The folder.
            names: The files to look at; None for all. One that the folder was not published with is not looked at.
            largest: Bytes of the largest file that is read; of larger ones only the size is compared.
        """
        wanted = self.files if names is None else [name for name in names if name in self.files]
        found = []
        for name in wanted:
            what = self._damage(folder, name, largest)
            if what is not None:
                found.append(Damage(name, what))
            elif name.endswith(f"/{DONE_FILE}"):
                found += _damage_of_point(folder, name)
        return found

    def _damage(self, folder: Path, name: str, largest: int | None = None) -> str | None:
        file, fact = folder / name, self.files[name]
        try:
            if os.path.realpath(file) != str(Path(os.path.realpath(folder)) / name):
                return "is a link to another place"
            size = file.stat().st_size
            if size != fact.bytes:
                return f"has {size:,} bytes, not {fact.bytes:,}"
            if fact.sha256 and (largest is None or size <= largest) and Fact.of(file) != fact:
                return "has other contents than when it was published"
        except OSError as error:
            return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        return None


def read_done(folder: Path) -> Done | None:
    """The `DONE.json` of a folder, or None when it has none that can be read."""
    try:
        return Done.read(folder)
    except (OSError, ValueError):
        return None


def refuse_damaged(file: Path) -> None:
    """Stop before a damaged file is opened: HDF5 trusts what it reads, and may fail anywhere, or never end.

    Raises:
        StorageError: ST209, the file is not what `DONE.json` beside it says.
    """
    done = read_done(file.parent)
    refuse(file.parent, done.damage(file.parent, (file.name,)) if done is not None else ())


def refuse(folder: Path, damage: Iterable[Damage]) -> None:
    """Stop at the first damaged file of a folder.

    Raises:
        StorageError: ST209, there is one.
    """
    for found in damage:
        advice = f"{RUN_AGAIN}; `--damaged` reads it all the same"
        raise storage_error("ST209", f"`{folder / found.file}` is damaged: it {found.what}", advice)


@contextmanager
def perhaps_damaged(folder: Path) -> Iterator[None]:
    """Turn whatever reading results raises into a message, when `DONE.json` does not say that they are whole.

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
            raise  # it is not the file
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise storage_error("ST210", f"the results in `{folder}` are damaged: {reason}", RUN_AGAIN) from error


def _damage_of_point(folder: Path, name: str) -> list[Damage]:
    """The same of a point of a sweep that keeps its results: its own `DONE.json` names its files."""
    part = name.removesuffix(f"/{DONE_FILE}")
    own = read_done(folder / part)
    if own is None:
        return [Damage(name, "cannot be read")]
    found = [(other, own._damage(folder / part, other)) for other in own.files]  # noqa: SLF001 - of the same class
    return [Damage(f"{part}/{other}", what) for other, what in found if what is not None]


def _is_inside(name: str) -> bool:
    """Whether a name, whatever the system, stays in the folder it is looked up in."""
    return "\0" not in name and all(part not in ("", ".", "..") for part in re.split(r"[/\\]", name))

"""Provenance of a result: code, packages, machine, command. None of it is written to `results.h5`."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from snnrun.results.layout import PROVENANCE_FILE, storage_error

PACKAGES = ("snnrun", "numpy", "llvmlite", "h5py", "matplotlib", "pydantic", "PyYAML", "Pillow")
COMPUTING = ("llvmlite", "numba", "numpy")
_GIT_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit of a folder, and whether its tracked files differ from it (None: git gave no answer in time)."""

    commit: str
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Provenance of a result.

    Args:
        command: The command line.
        started: Time of the start, ISO 8601 in UTC.
        duration_s: Duration of the command. [s]
        python: Version of Python.
        system: Operating system and architecture.
        processor: Model of the processor.
        packages: Version of each package, from its metadata, and of the library HDF5.
        git: Commit of the experiment's folder; None outside of a repository or without git.
    """

    command: tuple[str, ...]
    started: str
    duration_s: float
    python: str
    system: str
    processor: str
    packages: dict[str, str] = field(default_factory=dict)
    git: GitState | None = None

    def write(self, folder: Path) -> Path:
        """Write `provenance.json` and return its path.

        Raises:
            StorageError: It cannot be written.
        """
        path = folder / PROVENANCE_FILE
        try:
            path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise storage_error("ST104", f"cannot write `{path.name}`: {error.strerror}") from error
        return path


def collect(command: Sequence[str], started_s: float, duration_s: float, source: Path) -> Provenance:
    """The provenance of a result of this machine and program.

    Args:
        command: The command line.
        started_s: Time of the start, seconds since 1970.
        duration_s: Duration of the command. [s]
        source: The experiment's file or its folder, for git.
    """
    return Provenance(
        command=tuple(command),
        started=datetime.fromtimestamp(started_s, UTC).isoformat(timespec="seconds"),
        duration_s=round(duration_s, 6),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor_model(),
        packages=package_versions() | {"HDF5": _hdf5_version()},
        git=git_state(source),
    )


def package_versions(names: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _hdf5_version() -> str:
    import h5py  # noqa: PLC0415 - what asks for the versions of packages alone does not wait for it

    return str(h5py.version.hdf5_version)


@lru_cache(maxsize=1)
def program_hash() -> str:
    """A hash of all files of this program, and of the versions of the packages that compute with it."""
    return hashlib.sha256(f"{package_versions(COMPUTING)!r} {source_hash()}".encode()).hexdigest()


@lru_cache(maxsize=1)
def source_hash() -> str:
    """A hash of all files of this program."""
    digest, root = hashlib.sha256(), str(files("snnrun"))
    for place, folders, names in os.walk(root):
        folders[:] = sorted(folder for folder in folders if folder != "__pycache__")
        for name in sorted(names):
            digest.update(f"{place[len(root) :]}/{name}\0".encode())
            digest.update(Path(place, name).read_bytes())
    return digest.hexdigest()


def processor_model() -> str:
    """The name of the processor, as far as the system gives it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() in {"model name", "Model"}:
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git_state(source: Path) -> GitState | None:
    """The commit of the repository that holds a path, or None."""
    folder = source if source.is_dir() else source.parent
    program = shutil.which("git")
    if program is None:
        return None
    commit = _git(program, folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changes = _git(program, folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
    return GitState(commit.strip(), None if changes is None else bool(changes.strip()))


def _git(program: str, folder: Path, *arguments: str) -> str | None:
    """The output of a git command; the repository's configuration cannot make it start other programs."""
    quiet = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(folder))
    # Variables such as GIT_DIR would select another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed program and arguments, no shell
            [program, *quiet, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

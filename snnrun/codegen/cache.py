"""Compiled kernels on disk: one file a kernel, `<key>.kernel`, that is either whole or not used.

A kernel is a text that was generated, or a function of `snnrun.kernels`. The key is the SHA-256 of the text, or of the
function's name and types, and of everything else that changes the machine code. A file holds the SHA-256 of the
rest, a line that describes the kernel, and the object. It is written under another name and renamed, so that any number
of processes may use one folder at once; of those that want the same new kernel, one compiles and the others wait. A
file that does not match its checksum, or that someone else may have written, is not loaded: its kernel is made anew.
Beside kernels lie functions of `snnrun.kernels` as numba lowers them, `<key>.function`, for kernels to come.
What was not used for the longest time is dropped when all together grow beyond a limit.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from snnrun.codegen.target import Processor, processor
from snnrun.files.reading import open_regular, read_bytes
from snnrun.kernels.arithmetic import Math

FORMAT = 5  # raise it when the files change
LIMIT = 100_000_000
"""The most bytes that all files take; some thousands of kernels."""

_LARGEST = 1 << 30  # bytes of a kernel that is looked at
_PATIENCE = 120.0  # how long to wait for another process that compiles the same kernel [s]
_FORGOTTEN = 3600.0  # age of a file that a process has left behind when it was killed [s]
_KEPT = (".kernel", ".function")
_OURS = re.compile(r"[0-9a-f]{32}\.(?:kernel|function|busy|py|o|json)|\.[0-9a-f]{8}\.\w+\.part")
"""All names that this program, or an earlier one, gives to files in the folder; others are never touched."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A kernel ready to load.

    Args:
        object: The object file's bytes.
        key: Name of the kernel in the cache.
        cached: Whether it came from the cache.
        note: What was wrong with the cache, for a warning; empty when nothing was.
    """

    object: bytes
    key: str
    cached: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a kernel in the cache.

    Args:
        key: Its name.
        size: Of its file. [byte]
        used: When it was used last. [s since the epoch]
        processor: The processor it was compiled for; empty when the file is damaged.
        objects: What it simulates, as the experiment that needed it first named it: `groups.exc`, `monitors.spikes`.
        function: The function of `snnrun.kernels` that it is, `connect.place_rows`; empty when it was generated.
    """

    key: str
    size: int
    used: float
    processor: str
    objects: tuple[str, ...]
    function: str


def cache_folder() -> Path:
    """Where kernels are kept: `SNNRUN_CACHE_DIR`, or the user's cache folder.

    Where nobody knows the user's home, a folder among the temporary files takes its place.
    """
    chosen = _chosen_folder()
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path  # noqa: PLC0415

    folder = user_cache_path("snnrun") / "kernels"
    if folder.is_absolute():
        return folder
    return Path(tempfile.gettempdir()) / f"snnrun-{_user()}" / "kernels"


def _chosen_folder() -> str | None:
    return os.environ.get("SNNRUN_CACHE_DIR")


def kernel_key(structure: str, target: Processor, math: Math) -> str:
    """The name of a kernel: a hash of all that its machine code depends on (comments, which name objects, do not)."""
    code = re.sub(r"  # .*", "", structure)
    parts = [
        str(FORMAT),
        version("numba"),
        version("llvmlite"),
        sources(),
        target.name,
        target.features,
        math.value,
        code,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def sources() -> str:
    """A hash of the functions that kernels call, and of what has them compiled."""
    called = [path for path in files("snnrun.kernels").iterdir() if path.name.endswith(".py")]
    compiling = [files("snnrun.codegen") / name for name in ("compile.py", "intrinsics.py", "lower.py")]
    found = sorted((path.name, path.read_bytes()) for path in (*called, *compiling))
    return hashlib.sha256(repr(found).encode()).hexdigest()


def obtain(text: str, structure: str = "", math: Math = Math.STRICT) -> Compiled:
    """The compiled kernel of a text, from the cache or made now.

    Args:
        text: The module.
        structure: The same without the names of the model, which make no difference; empty where there are none.
        math: What its operations on numbers may do.
    """

    def make(target: Processor, store: _Store | None) -> bytes:
        from snnrun.codegen.compile import compile_kernel  # noqa: PLC0415 - numba is imported only to compile

        return compile_kernel(text, target, math, store, sources())

    objects = re.findall(r"  # ((?:groups|synapses|inputs|operations|monitors)\.\w+)$", text, re.MULTILINE)
    return _obtain(structure or text, math, {"objects": sorted(set(objects))}, make)


def obtain_function(function: Callable[..., Any], arguments: tuple[str, ...], math: Math = Math.STRICT) -> Compiled:
    """A compiled function of `snnrun.kernels`, from the cache or made now.

    Args:
        function: It has the mark of kernels.
        arguments: The types of its arguments, as `compile_function` takes them.
        math: What its operations on numbers may do.
    """
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"

    def make(target: Processor, store: _Store | None) -> bytes:
        from snnrun.codegen.compile import compile_function  # noqa: PLC0415

        return compile_function(function, arguments, target, math, store, sources())

    return _obtain("\0".join([name, *arguments]), math, {"objects": [], "function": name}, make)


def _obtain(
    structure: str, math: Math, description: dict[str, Any], make: Callable[[Processor, _Store | None], bytes]
) -> Compiled:
    target = processor()
    key = kernel_key(structure, target, math)
    folder = cache_folder()
    found, note = _read(folder, key)
    if found is not None:
        return Compiled(found, key, cached=True)
    try:
        _prepare(folder)
    except OSError as error:
        return Compiled(make(target, None), key, cached=False, note=note or _not_kept(folder, error))
    with _turn(folder, key):
        found, _ = _read(folder, key)  # another process may have made it meanwhile
        if found is not None:
            return Compiled(found, key, cached=True, note=note)
        made = make(target, _Store(folder))
        try:
            _write(folder, key, made, {"key": key, "processor": target.name, **description})
        except OSError as error:
            note = note or _not_kept(folder, error)
        with suppress(OSError):
            _trim(folder)
    return Compiled(made, key, cached=False, note=note)


def kept_kernels(folder: Path) -> list[Kept]:
    """The kernels in a folder, the one used last first."""
    found = []
    for path, status in _files(folder):
        if path.suffix == ".kernel":
            head = _head(folder, path.stem)
            found.append(
                Kept(
                    path.stem,
                    status.st_size,
                    status.st_mtime,
                    head.get("processor", ""),
                    tuple(head.get("objects", ())),
                    head.get("function", ""),
                )
            )
    return sorted(found, key=lambda kernel: (-kernel.used, kernel.key))


def lowered_functions(folder: Path) -> tuple[int, int]:
    """How many functions of `snnrun.kernels` are kept as numba lowered them, and how many bytes they take."""
    sizes = [status.st_size for path, status in _files(folder) if path.suffix == ".function"]
    return len(sizes), sum(sizes)


def clear(folder: Path) -> tuple[int, int]:
    """Remove all kernels, and whatever else this program left in the folder.

    Returns:
        How many kernels, and how many bytes in all.

    Raises:
        OSError: A file cannot be removed.
    """
    number = size = 0
    for path, status in list(_files(folder)):
        path.unlink(missing_ok=True)
        number += path.suffix == ".kernel"
        size += status.st_size
    return number, size


class _Store:
    """Lowered functions that are the same for all kernels, one file each; see `lower.Store`.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> bytes | None:
        """What was kept under a key; None if there is nothing that can be trusted."""
        return _read(self.folder, key[:32], "function")[0]

    def put(self, key: str, data: bytes) -> None:
        """Keep something, if the folder takes it."""
        with suppress(OSError):
            _write(self.folder, key[:32], data, {"key": key[:32]}, "function")


# one file


def _read(folder: Path, key: str, kind: str = "kernel") -> tuple[bytes | None, str]:
    """The object of a kernel, or None and what is wrong with the file (nothing when there is none)."""
    path = folder / f"{key}.{kind}"
    try:
        with open_regular(path) as file:
            if not _is_trusted(os.fstat(file.fileno())):
                return None, "a kernel in the cache can be written by others; it was compiled again"
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        return None, f"a kernel in the cache could not be read ({error.strerror}); it was compiled again"
    head, made = _parts(data, key)
    if not head:
        return None, "a kernel in the cache was damaged; it was compiled again"
    with suppress(OSError):  # the folder may be read-only
        os.utime(path)
    return made, ""


def _head(folder: Path, key: str) -> dict[str, Any]:
    """The description of a kernel; empty when it is damaged."""
    try:
        return _parts(read_bytes(folder / f"{key}.kernel", _LARGEST), key)[0]
    except OSError:
        return {}


def _parts(data: bytes, key: str) -> tuple[dict[str, Any], bytes]:
    """Description and object; nothing when the file is damaged, or that of another kernel."""
    claimed, _, rest = data.partition(b"\n")
    if claimed != _sum(rest):
        return {}, b""
    line, _, made = rest.partition(b"\n")
    head: dict[str, Any] = json.loads(line)
    return (head, made) if head["key"] == key else ({}, b"")


def _write(folder: Path, key: str, made: bytes, description: dict[str, Any], kind: str = "kernel") -> None:
    rest = json.dumps(description).encode() + b"\n" + made
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{key[:8]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_sum(rest) + b"\n" + rest)
        Path(temporary).replace(folder / f"{key}.{kind}")
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise


def _sum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


# the folder


def _prepare(folder: Path) -> None:
    """Make the folder, for this user alone; one that the user chose stays as it is.

    Raises:
        OSError: It cannot be made, or belongs to someone else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _user() is None or _chosen_folder():
        return
    status = folder.stat()
    if status.st_uid != _user():
        raise PermissionError(errno.EPERM, "it belongs to another user")
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)


def _user() -> int | None:
    """This user's number; None where users have none."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def _is_trusted(status: os.stat_result) -> bool:
    """Whether only this user and the administrator can have written a file."""
    return _user() is None or (status.st_uid in (_user(), 0) and not stat.S_IMODE(status.st_mode) & 0o022)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """This program's files in a folder."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if _OURS.fullmatch(entry.name):
            with suppress(FileNotFoundError):  # another process removes files too
                yield Path(entry.path), entry.stat(follow_symlinks=False)


def _trim(folder: Path) -> None:
    """Drop what was not used for the longest time, and what killed processes have left behind."""
    files = sorted(_files(folder), key=lambda file: -file[1].st_mtime)
    now, size = time.time(), 0
    for path, status in files:
        kept = path.suffix in _KEPT
        size += status.st_size * kept
        if size > LIMIT or (not kept and now - status.st_mtime > _FORGOTTEN):
            path.unlink(missing_ok=True)


def _not_waiting(name: str, flags: int) -> int:
    """Open a file; a pipe of that name, at whose other end nobody is, is an error."""
    return os.open(name, flags | os.O_NONBLOCK, 0o666)


@contextmanager
def _turn(folder: Path, key: str) -> Iterator[None]:
    """Let one process at a time make a kernel. Where files cannot be locked, several make the same one."""
    try:
        import fcntl  # noqa: PLC0415 - not everywhere

        file = open(folder / f"{key}.busy", "ab", opener=_not_waiting)  # noqa: SIM115 - closed below
    except (ImportError, OSError):
        yield
        return
    with file:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:
                break
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / f"{key}.busy").unlink()


def _not_kept(folder: Path, error: OSError) -> str:
    return f"kernels cannot be kept in {folder} ({error.strerror}); this one was compiled for this run only"

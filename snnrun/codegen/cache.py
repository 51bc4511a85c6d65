"""Compiled kernels on disk: `<key>.py` (the text), `<key>.o` (the object) and `<key>.json` (its checksum).

The key is the SHA-256 of the text and of everything that changes its machine code. Files are written under another
name and renamed, the checksum last; whatever does not match its checksum is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from snnrun.codegen.compile import compile_kernel
from snnrun.codegen.target import Processor, processor

FORMAT = 1  # raise it when compile.py changes what it makes of the same text


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


def cache_folder() -> Path:
    """Where kernels are kept: `SNNRUN_CACHE_DIR`, or the user's cache folder."""
    chosen = os.environ.get("SNNRUN_CACHE_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path  # noqa: PLC0415

    return user_cache_path("snnrun") / "kernels"


def kernel_key(text: str, target: Processor) -> str:
    """The name of a kernel: a hash of all that its machine code depends on (comments, which name objects, do not)."""
    code = re.sub(r"  # .*", "", text)
    parts = [str(FORMAT), version("numba"), version("llvmlite"), target.name, target.features, code]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def obtain(text: str) -> Compiled:
    """The compiled kernel of a text, from the cache or made now."""
    target = processor()
    key = kernel_key(text, target)
    folder = cache_folder()
    found, note = _read(folder, key)
    if found is not None:
        return Compiled(found, key, cached=True)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        source = folder / f"{key}.py"
        _write(source, text.encode())
    except OSError as error:
        note = note or f"kernels cannot be kept in {folder} ({error.strerror}); this one was compiled for this run only"
        return Compiled(_compile_aside(text, key, target), key, cached=False, note=note)
    made = compile_kernel(source, target)
    try:
        _write(folder / f"{key}.o", made)
        _write(folder / f"{key}.json", json.dumps({"sha256": _sum(made), "processor": target.name}).encode())
    except OSError as error:
        note = note or f"kernels cannot be kept in {folder} ({error.strerror})"
    return Compiled(made, key, cached=False, note=note)


def _compile_aside(text: str, key: str, target: Processor) -> bytes:
    with tempfile.TemporaryDirectory(prefix="snnrun-") as aside:
        source = Path(aside) / f"{key}.py"
        source.write_text(text, encoding="utf-8")
        return compile_kernel(source, target)


def _read(folder: Path, key: str) -> tuple[bytes | None, str]:
    try:
        claimed = json.loads((folder / f"{key}.json").read_bytes())["sha256"]
        found = (folder / f"{key}.o").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except (OSError, ValueError, KeyError, TypeError):
        return None, "a kernel in the cache could not be read; it was compiled again"
    if _sum(found) != claimed:
        return None, "a kernel in the cache was damaged; it was compiled again"
    return found, ""


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:8]}")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

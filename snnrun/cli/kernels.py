"""`snnrun cache`: the compiled kernels on disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from snnrun.cli.progress import bytes_text, number_text
from snnrun.cli.render import put, put_json, say
from snnrun.cli.tables import Column, write_table
from snnrun.codegen.cache import LIMIT, Kept, cache_folder, clear, kept_kernels, lowered_functions
from snnrun.codegen.target import processor
from snnrun.errors import Diagnostic, StorageError


def cache_info(*, json: bool) -> None:
    """Print where kernels are, how many, how large, for which processors, and what they simulate."""
    folder = cache_folder()
    kernels, functions = _kernels(folder)
    now, here = time.time(), processor().name
    if json:
        report = {
            "folder": str(folder),
            "processor": here,
            "number": len(kernels),
            "bytes": sum(kernel.size for kernel in kernels),
            "functions": functions[0],
            "function_bytes": functions[1],
            "limit": LIMIT,
            "kernels": [
                {
                    "key": kernel.key,
                    "bytes": kernel.size,
                    "unused_seconds": round(max(now - kernel.used, 0.0), 3),
                    "processor": kernel.processor or None,
                    "objects": list(kernel.objects),
                    "function": kernel.function or None,
                    "damaged": not kernel.processor,
                }
                for kernel in kernels
            ],
        }
        put_json(report)
        return
    put(f"{folder}\n{_summary(kernels, functions, here)}")
    write_table(_table(kernels, now))


def _summary(kernels: Sequence[Kept], functions: tuple[int, int], here: str) -> str:
    size = bytes_text(sum(kernel.size for kernel in kernels) + functions[1])
    fitting = sum(kernel.processor == here for kernel in kernels)
    kept = number_text(len(kernels), "kernel")
    if functions[0]:
        kept += f" and {number_text(functions[0], 'function')} for others"
    parts = [f"{kept}, {size} of at most {bytes_text(LIMIT)}"]
    return " · ".join([*parts, f"{fitting} for this processor ({here})"])


def _table(kernels: Sequence[Kept], now: float) -> list[Column]:
    """One row for each kernel, the last used one first."""
    made_for = [kernel.function or ", ".join(kernel.objects) or "the engine itself" for kernel in kernels]
    return [
        Column("last use", [_age(max(now - kernel.used, 0.0)) for kernel in kernels]),
        Column("size", [bytes_text(kernel.size) for kernel in kernels], right=True),
        Column("processor", [kernel.processor or "damaged" for kernel in kernels]),
        Column("first made for", made_for),
    ]


def _age(seconds: float) -> str:
    """How long ago, roughly: now, 5 min ago, 3 h ago, 12 days ago."""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.0f} h ago"
    return f"{seconds / 86400:.0f} days ago"


def _kernels(folder: Path) -> tuple[list[Kept], tuple[int, int]]:
    """The kernels, and how many lowered functions there are of how many bytes."""
    try:
        return kept_kernels(folder), lowered_functions(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: OSError) -> StorageError:
    return StorageError(Diagnostic("CCH101", f"the kernels in `{folder}` are out of reach: {error.strerror}"))


def clear_cache(*, json: bool) -> None:
    """Remove all kernels; the next run of each experiment compiles again.

    Raises:
        StorageError: A file cannot be removed.
    """
    folder = cache_folder()
    try:
        number, size = clear(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None
    if json:
        put_json({"folder": str(folder), "removed": number, "bytes": size})
    else:
        say(f"removed {number_text(number, 'kernel')}, {bytes_text(size)}, from {folder}")

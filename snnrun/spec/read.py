"""Bytes of a file to a checked text: codes `FIL1xx`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from snnrun.errors import ExperimentError, at
from snnrun.source import SourceFile, Span

SUFFIXES: Final = (".yaml", ".yml", ".toml")
"""The endings of experiment files."""

SIZE_LIMIT: Final = 4 * 2**20
"""The largest experiment file, in bytes; big data belongs in files of its own."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff\ufeff]")


def read_source(path: Path, name: str, used_at: Span | None = None) -> SourceFile:
    """The text of an experiment file.

    Args:
        path: The file.
        name: What to call it in messages.
        used_at: The place that names it, when it is a model.

    Raises:
        ExperimentError: No such file, a folder, not readable, too large, not UTF-8, control characters.
    """
    text = decode(_read_bytes(path, name), name)
    return SourceFile(name, text, used_at)


def decode(data: bytes, name: str) -> str:
    """The text of a file's bytes, without a byte order mark.

    Raises:
        ExperimentError: It is not UTF-8 or holds characters no text file has.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        shown = SourceFile(name, _FORBIDDEN.sub("", data.decode("utf-16", errors="replace")))
        raise at(
            Span(shown, 0, min(1, len(shown.text))), "FIL105", "this file is encoded as UTF-16", "save it as UTF-8"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise _undecodable(data, problem, name) from None
    check_characters(SourceFile(name, text) if _FORBIDDEN.search(text) else None)
    return text


def check_characters(file: SourceFile | None) -> None:
    """Refuse control characters and others that are not text.

    Raises:
        ExperimentError: With the place of the first one.
    """
    found = _FORBIDDEN.search(file.text) if file else None
    if file is None or found is None:
        return
    raise at(
        Span(file, found.start(), found.end()),
        "FIL106",
        f"the character U+{ord(found[0]):04X} is not allowed in an experiment file",
        "remove it; if the file is not a text file, you may have named the wrong one",
    )


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise at(None, "FIL102", f"`{name}` is a folder, not an experiment file", _inside(path))
        if path.exists() and not path.is_file():
            raise at(None, "FIL103", f"`{name}` is not a regular file", "copy its text into a file and run that")
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise at(None, "FIL101", f"there is no file `{name}`", _near(path)) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise at(None, "FIL103", f"cannot read `{name}`: {reason}", "check its name and its permissions") from None
    if len(data) > SIZE_LIMIT:
        raise at(
            None,
            "FIL104",
            f"`{name}` is larger than {SIZE_LIMIT // 2**20} MiB",
            "keep large tables in files of their own (npy, csv, h5) and name them in `arrays` or `connect`",
        )
    return data


def _near(path: Path) -> str:
    """Help for a missing file: the nearest name in its folder."""
    import difflib  # noqa: PLC0415 - only when something is wrong

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"there is no folder `{path.parent}` either"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean `{path.parent / near[0]}`?" if near else "check the name and the current folder"


def _inside(path: Path) -> str:
    """Help for a folder: an experiment file in it."""
    try:
        names = sorted(entry.name for entry in path.iterdir() if entry.suffix in SUFFIXES)
    except OSError:
        names = []
    return f"did you mean `{path / names[0]}`?" if names else "name a file that ends in .yaml, .yml or .toml"


def _undecodable(data: bytes, problem: UnicodeDecodeError, name: str) -> ExperimentError:
    """The error for a byte that is not UTF-8, at its place in what can be read."""
    shown = SourceFile(name, data.decode("utf-8-sig", errors="replace"))
    place = len(data[: problem.start].decode("utf-8-sig", errors="replace"))
    message = f"the byte 0x{data[problem.start]:02X} is not valid UTF-8"
    advice = "save the file as UTF-8 (it may be Latin-1 or Windows-1252, where `µ` and `²` are other bytes)"
    return at(Span(shown, place, place + 1), "FIL105", message, advice)

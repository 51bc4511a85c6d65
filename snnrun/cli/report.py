"""`snnrun report`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from snnrun.cli.progress import bytes_text, number_text
from snnrun.cli.render import put_json, say
from snnrun.cli.summary import path_text
from snnrun.compare.folders import Entry, results_below
from snnrun.files.reading import open_regular
from snnrun.files.writing import replacing
from snnrun.report.page import MADE_BY, page
from snnrun.report.subject import subjects
from snnrun.results.layout import DONE_FILE, storage_error

MOST = 100
"""Folders in one report."""
_HEAD = 4096  # bytes in which a page says who made it


def report_folders(folders: Sequence[Path], out: Path, *, damaged: bool, json: bool) -> None:
    """Write the results of some folders as one HTML file.

    Raises:
        StorageError: CMP101 to CMP103, ST209: a folder has no results; CMP304: the file is not a report.
    """
    _refuse_other(out)
    paths, skipped = _expanded(folders, damaged=damaged)
    if len(paths) > MOST:
        skipped.append(f"{number_text(len(paths) - MOST, 'folder')} of {len(paths):,}: a report holds {MOST}")
    found = subjects(paths[:MOST], damaged=damaged)
    text = page(found, skipped).encode()
    try:
        with replacing(out) as temporary:
            temporary.write_bytes(text)
    except OSError as error:
        raise storage_error(
            "ST106", f"cannot write `{out}`: {error.strerror}", "name another place with `--out`"
        ) from error
    if json:
        listed = [{"folder": str(s.entry.path), "name": s.entry.name, "hash": s.entry.hash} for s in found]
        put_json({"report": str(out), "bytes": len(text), "results": listed, "left_out": skipped})
        return
    for why in skipped:
        say(f"left out: {why}")
    say(f"{path_text(out)}  {number_text(len(found), 'result')}, {bytes_text(len(text))}")


def _expanded(folders: Sequence[Path], *, damaged: bool) -> tuple[list[Path], list[str]]:
    """The folders of results that some folders are or hold, each once, and those that cannot be read."""
    paths: dict[Path, Path] = {}
    skipped: list[str] = []
    for folder in folders:
        inside = [folder]
        if folder.is_dir() and not os.path.lexists(folder / DONE_FILE):
            found = results_below(folder, damaged=damaged)
            skipped += [f"{bad.path}: {bad.why}" for bad in found.unreadable]
            skipped += [f"{path}: it is not finished" for path in found.unfinished]
            inside = [entry.path for entry in sorted(found.entries, key=_by_name_and_time)] or inside
        for path in inside:
            paths.setdefault(path.resolve(), path)
    return list(paths.values()), skipped


def _by_name_and_time(entry: Entry) -> tuple[str, str]:
    return entry.name, "" if entry.started is None else entry.started.isoformat()


def _refuse_other(out: Path) -> None:
    """Refuse to replace a file that is not a report.

    Raises:
        StorageError: CMP304.
    """
    if not os.path.lexists(out):
        return
    try:
        with open_regular(out) as file:
            is_report = MADE_BY.encode() in file.read(_HEAD)
    except OSError:
        is_report = False
    if not is_report:
        message = f"`{out}` exists and was not written by `snnrun report`"
        raise storage_error("CMP304", message, "name another file with `--out`, or remove it")

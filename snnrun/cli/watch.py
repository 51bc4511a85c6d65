"""`snnrun run --watch`: runs experiments again whenever their files change.

Files are looked at every fifth of a second. One counts as changed when its content is another than before, and was the
same twice in a row: editors write in several steps, or write another file and rename it.
"""

from __future__ import annotations

import gc
import hashlib
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import sleep

from snnrun.cli.options import RunCommand
from snnrun.cli.progress import number_text
from snnrun.cli.render import say
from snnrun.cli.run import run_files
from snnrun.errors import ExperimentError, UnfinishedError
from snnrun.files.reading import MOST, read_bytes
from snnrun.running import pipeline

EVERY = 0.2
"""Between two looks at the files. [s]"""
_BY_SIGNAL = 128  # exit codes of commands that a signal stopped are larger

Known = Mapping[Path, Collection[Path]]
"""The files of each experiment."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file at one time.

    Args:
        status: Time of its last change, size and number; none of a missing file.
        content: A digest of its content; of what is no small regular file its status.
    """

    status: tuple[int, ...]
    content: bytes

    @classmethod
    def of(cls, path: Path, before: Stamp | None = None) -> Stamp:
        """A file as it is now; it is not read where its status is as before."""
        try:
            found = path.stat()
        except OSError:
            return cls((), b"")
        status = (found.st_mtime_ns, found.st_size, found.st_ino)
        if before is not None and before.status == status:
            return before
        try:
            return cls(status, hashlib.sha256(read_bytes(path, MOST)).digest())
        except OSError:
            return cls(status, repr(status).encode())


def watch_files(command: RunCommand) -> None:
    """Run experiments, and each again when it or a file that it names changes, until Ctrl-C."""
    known: dict[Path, set[Path]] = {file: {file} for file in command.files}
    stamps: dict[Path, Stamp] = {}
    todo = list(command.files)
    while True:
        stamps |= _looked_at(known, stamps)
        began = time.time_ns()
        _run(replace(command, files=todo))
        for file in todo:
            known[file] = _files_of(file, command, known[file])
        new = {path: Stamp.of(path) for path in _all(known) if path not in stamps}
        # A file that was not known may have been saved after it was read.
        late = {path for path, stamp in new.items() if stamp.status and stamp.status[0] > began}
        stamps |= {path: Stamp((), b"late") if path in late else stamp for path, stamp in new.items()}
        others = len(_all(known)) - len(known)
        more = f" and {number_text(others, 'more file')}" if others else ""
        say(f"watching {', '.join(map(str, known))}{more}; Ctrl-C ends\n")
        changed = _wait(known, stamps)
        say(f"changed: {', '.join(sorted(map(str, changed)))}")
        todo = [file for file, files in known.items() if changed & set(files)]


def _run(command: RunCommand) -> None:
    """Run experiments; what fails is shown, and only a signal ends the command."""
    gc.unfreeze()  # a run keeps what it has checked
    try:
        run_files(command)
    except SystemExit as end:
        code = int(end.code or 0)
        if code == UnfinishedError.exit_code or code > _BY_SIGNAL:
            raise
    sys.stderr.flush()


def _files_of(file: Path, command: RunCommand, before: Collection[Path]) -> set[Path]:
    """The files that an experiment is made of; those of before as well where it has errors."""
    found = {file}
    try:
        document = pipeline.read(file, command.overrides, command.seed)
        found |= {folder / Path(source.name).name for source, folder in document.folders.items()}
        found |= set(pipeline.check(document).resolved.context.files.values())
    except ExperimentError as error:
        named = (Path(d.span.file.name) for d in error.diagnostics if d.span is not None)
        found |= {*before, *(path for path in named if path.is_file())}
    return found


def _all(known: Known) -> set[Path]:
    return {path for files in known.values() for path in files}


def _looked_at(known: Known, before: Mapping[Path, Stamp]) -> dict[Path, Stamp]:
    return {path: Stamp.of(path, before.get(path)) for path in _all(known)}


def _wait(known: Known, stamps: dict[Path, Stamp]) -> set[Path]:
    """Wait until some files have another content that stays for a moment; these files."""
    while True:
        sleep(EVERY)
        now = _looked_at(known, stamps)
        changed = _differing(now, stamps)
        while changed:
            sleep(EVERY)
            again = _looked_at(known, now)
            if again == now:
                stamps |= now
                return changed
            now = again
            changed = _differing(now, stamps)
        stamps |= now


def _differing(now: Mapping[Path, Stamp], before: Mapping[Path, Stamp]) -> set[Path]:
    return {path for path, stamp in now.items() if stamp.content != before[path].content}

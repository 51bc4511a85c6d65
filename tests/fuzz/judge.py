"""Runs the command line on a case in a process of its own with limits, and says what is wrong with how it ended."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_SECONDS = 2.0
"""Processor time of a command that checks."""
MOST_BYTES = 512e6
"""Memory of a command beyond what the interpreter and the libraries take."""
_HANGS = 30.0  # a command that waits for something longer than this is ended [s]
_ROOM = 4 << 30  # address space that a command may take beyond that of the parent: protects the machine
_CODES = {"validate": (0, 2), "show": (0, 2), "run": (0, 2, 3), "plot": (0, 2, 4), "verify": (0, 1, 2, 3, 4)}
_CHECKS = ("validate", "show")
_OTHER_CODES = (0, 1, 2, 4)
_HEAD = re.compile(r"^error\[(\w+)\]: (.*)$", re.MULTILINE)
_NEVER = re.compile(r"Traceback|error\[BUG\]|PLT507|\w+Warning:|NoneType|object at 0x")
_RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Args:
        code: Exit code; negative for a signal.
        output: What it wrote to both streams.
        seconds: Processor time. [s]
        bytes: Memory beyond that of the parent. [bytes]
        waited: Whether it had to be ended.
    """

    code: int
    output: str
    seconds: float
    bytes: float
    waited: bool


def call(arguments: Sequence[str], folder: Path) -> Ended:
    """Run `snnrun` with these arguments in a folder, in a child of this process."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _in_child(arguments, folder, output.fileno())
        waited = not _ends_within(child, _HANGS)
        if waited:
            os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = max(0, usage.ru_maxrss - parent) * 1024.0
    return Ended(os.waitstatus_to_exitcode(status), text, usage.ru_utime + usage.ru_stime, grown, waited)


def _ends_within(child: int, seconds: float) -> bool:
    descriptor = os.pidfd_open(child)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _in_child(arguments: Sequence[str], folder: Path, output: int) -> None:
    code = 99
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        os.chdir(folder)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        sys.argv = ["snnrun", *arguments]
        from snnrun.cli.main import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else (0 if end.code is None else 1)
    except BaseException as bug:  # noqa: BLE001 - what leaves the program is a fault that the judge must see
        sys.stderr.write(f"Traceback: {type(bug).__name__}: {bug}\n")
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def faults_of(ended: Ended, command: str) -> list[str]:
    """What is wrong with how a command ended; empty when all is well.

    Args:
        ended: How it ended.
        command: Name of the command.
    """
    found = []
    if ended.waited:
        found.append(f"had to be ended after {_HANGS:g} s")
    elif ended.code not in _CODES.get(command, _OTHER_CODES):
        found.append(f"exit code {ended.code}")
    if (
        ended.code != 0
        and not ended.waited
        and not re.search("error|failed", ended.output.lower())
        and command != "verify"
    ):
        found.append("an error without a word")
    if match := _NEVER.search(ended.output):
        found.append(f"says `{match[0]}`")
    if match := _RAW.search(ended.output):
        found.append(f"prints the raw character {match[0]!r}")
    if ended.seconds > MOST_SECONDS and command in _CHECKS:
        found.append(f"took {ended.seconds:.1f} s")
    if ended.bytes > MOST_BYTES:
        found.append(f"took {ended.bytes / 1e6:.0f} MB")
    if command in _CHECKS:
        found += [f"error {code} without a place" for code in _without_place(ended.output)]
    return found


def _without_place(output: str) -> list[str]:
    """Codes of the errors that no line `--> file:line:column` follows."""
    heads = list(_HEAD.finditer(output))
    ends = [*(head.start() for head in heads[1:]), len(output)][: len(heads)]
    return [head[1] for head, end in zip(heads, ends, strict=True) if "-->" not in output[head.end() : end]]

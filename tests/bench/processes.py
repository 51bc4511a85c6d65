"""Child processes, with what they cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that has ended.

    Args:
        code: Its exit code; negative for a signal.
        seconds: From start to end. [s]
        processor: Processor time of it and its children. [s]
        memory: The largest resident set of it or one of its children. [bytes]
        out: What it said on stdout.
        err: And on stderr.
        late: Whether it was stopped because its time was over.
    """

    code: int
    seconds: float
    processor: float
    memory: int
    out: str
    err: str
    late: bool

    @property
    def reason(self) -> str:
        """Why it failed, in one line; empty when it did not."""
        if self.late:
            return f"stopped after {self.seconds:.0f} s"
        if self.code == 0:
            return ""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith("error[")), lines[-1] if lines else "")
        return f"exit code {self.code}: {told[:200]}"


def run_child(command: Sequence[str | Path], timeout: float, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end, or stop it and its children when its time is over.

    Args:
        command: Program and arguments.
        timeout: The longest it may take. [s]
        environment: Variables added to this process's own.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.killpg(child.pid, signal.SIGKILL)

        timer = threading.Timer(timeout, stop)
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Ended(
            child.returncode,
            seconds,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            out.read(),
            err.read(),
            late.is_set(),
        )

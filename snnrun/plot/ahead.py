"""A process that imports matplotlib while the network is still being simulated, and then draws.

Half of a short run's time is matplotlib's import. On a machine with more than one core it costs nothing when it happens
beside the rest. The process gets one request on its standard input and answers with the files it wrote; whenever it
cannot, the caller draws by itself and meets the error there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TIMEOUT_S = 600.0


class PlotProcess:
    """A process that imports matplotlib at once and draws later."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin to import; does nothing on a machine with one core."""
        if (os.cpu_count() or 1) < 2:
            return
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "snnrun.plot.ahead"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            self._process = None

    def draw(
        self, folder: Path, plots: Sequence[Mapping[str, Any]] | None, out: Path, formats: Sequence[str]
    ) -> list[Path] | None:
        """The pictures of a folder, as `plot.draw.draw` makes them; None when this process could not draw them."""
        process, self._process = self._process, None
        if process is None:
            return None
        request = json.dumps([str(folder.absolute()), plots, str(out.absolute()), list(formats)])
        try:
            answer, _ = process.communicate(request, timeout=TIMEOUT_S)
            return [Path(name) for name in json.loads(answer)]
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        finally:
            process.kill()  # nothing happens to one that has ended; Ctrl-C ends one that draws
            process.wait()

    def close(self) -> None:
        """End the process if it has nothing to do."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def main() -> None:
    """Import matplotlib, wait for the request, draw, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the simulation
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from snnrun.plot.draw import draw  # noqa: PLC0415 - this import is what the process is for

    text = sys.stdin.read()
    if text:
        folder, plots, out, formats = json.loads(text)
        written = draw(Path(folder), plots, Path(out), tuple(formats))
        sys.stdout.write(json.dumps([str(path) for path in written]))


if __name__ == "__main__":
    main()

"""Where the program begins: what must be settled before the first import of a library."""

from __future__ import annotations

import gc
import os


def main() -> None:
    """Run the command line."""
    # Imports make much that stays and little to collect; the collector starts when a simulation does (`cli.run`).
    gc.disable()
    # numpy starts a thread for each processor, which costs more than a check of a file. Its linear algebra is asked for
    # small matrices only, and should not give other bits where there are other numbers of processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from snnrun.cli.output import secure

    secure()
    from snnrun.cli.main import main as command_line

    command_line()

"""The entry point: what must be set before libraries are imported."""

from __future__ import annotations

import gc
import os


def main() -> None:
    """Run the command line."""
    # Imports allocate objects that stay; garbage collection starts with the simulation (`cli.run`).
    gc.disable()
    # OpenBLAS starts a thread for each processor, which takes longer than a check of a file. It is used for small
    # matrices only, whose bits must not depend on the number of processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from snnrun.cli.output import secure

    secure()
    from snnrun.cli.main import main as command_line

    command_line()

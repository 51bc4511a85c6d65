"""Where the program begins. Imports make much that stays and little to collect, so nobody collects meanwhile."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line; the collector starts again when a simulation does (`cli.run`)."""
    gc.disable()
    from snnrun.cli.main import main as command_line

    command_line()

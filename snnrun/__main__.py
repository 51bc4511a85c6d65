"""`python -m snnrun` is `snnrun`."""

from snnrun.cli.entry import main

main()

"""`python -m snnrun` is `snnrun`."""

from snnrun.cli.main import main

main()

"""Spiking neural network experiments as data: one file, one command.

In Python, `snnrun.load` reads the results of a run or of a sweep, and `snnrun.run` runs a file.
"""

from importlib import import_module

__version__ = "0.6.0"

__all__ = ["Run", "Sweep", "__version__", "load", "run"]


def __getattr__(name: str) -> object:
    """The interface for Python, imported when it is used: the command line needs none of it."""
    if name in __all__:
        return getattr(import_module("snnrun.api"), name)
    raise AttributeError(f"module `snnrun` has no attribute `{name}`")


def __dir__() -> list[str]:
    return [*globals(), *__all__]

"""Where the functions that generated text calls are defined."""

from __future__ import annotations

from snnrun.codegen.names import WORD
from snnrun.kernels import (
    delivery,
    failures,
    inputs,
    marks,
    postponed,
    primitives,
    profile,
    recording,
    resting,
    spikes,
    threads,
    values,
)
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.kernels.library import library, public_functions

_EVERYWHERE = (
    marks,
    primitives,
    delivery,
    failures,
    inputs,
    postponed,
    profile,
    recording,
    resting,
    spikes,
    threads,
    values,
)


def imported(text: str, precision: Precision, math: Math) -> list[str]:
    """The lines that import what a text calls, for a precision and a math."""
    home = {name: f.__module__ for module in _EVERYWHERE for name, f in public_functions(module).items()}
    home |= {name: f.__module__ for name, f in library(precision, math).items()}
    lines: dict[str, list[str]] = {}
    for word in sorted(home.keys() & set(WORD.findall(text)), key=lambda word: (home[word], word)):
        lines.setdefault(home[word], []).append(word)
    return [f"from {module} import {', '.join(words)}" for module, words in lines.items()]

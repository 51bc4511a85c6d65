"""Where the functions that generated text calls are defined."""

from __future__ import annotations

from snnrun.codegen.names import WORD
from snnrun.kernels import (
    delivery,
    failures,
    fast_functions,
    functions,
    inputs,
    marks,
    primitives,
    random,
    random_fills,
    recording,
    single_functions,
    single_random,
    spikes,
    threads,
    values,
)
from snnrun.numerics.arithmetic import Math, Precision

_EVERYWHERE = (marks, primitives, delivery, failures, inputs, recording, spikes, threads, values, random_fills)
_DOUBLE = (functions, random)
_FAST = (functions, fast_functions, random)
_SINGLE = (functions, random, single_functions, single_random)  # later ones hide those before


def imported(text: str, precision: Precision, math: Math) -> list[str]:
    """The lines that import what a text calls, for a precision and a math."""
    modules = _SINGLE if precision is Precision.SINGLE else _FAST if math is Math.FAST else _DOUBLE
    home = {
        name: m
        for m in (*_EVERYWHERE, *modules)
        for name in vars(m)
        if callable(vars(m)[name]) and vars(m)[name].__module__ == m.__name__
    }
    used = sorted({word for word in WORD.findall(text) if word in home}, key=lambda word: (home[word].__name__, word))
    lines: dict[str, list[str]] = {}
    for word in used:
        lines.setdefault(home[word].__name__, []).append(word)
    return [f"from {name} import {', '.join(words)}" for name, words in lines.items()]

"""Which processor kernels are compiled for."""

from __future__ import annotations

import os
from dataclasses import dataclass

ENTRY = "snnrun_advance"
"""The one function of an object that can be called from outside."""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor as LLVM names it.

    Args:
        name: Model, for example `skylake-avx512` or `generic`.
        features: Its instruction sets, as LLVM lists them.
    """

    name: str
    features: str


def processor() -> Processor:
    """The processor of this machine, or the one that NUMBA_CPU_NAME asks for."""
    from llvmlite import binding  # noqa: PLC0415 - only when a kernel is needed

    wanted = os.environ.get("NUMBA_CPU_NAME")
    if wanted:
        return Processor(wanted, os.environ.get("NUMBA_CPU_FEATURES", ""))
    features = binding.get_host_cpu_features()
    text = features.flatten()
    if features.get("avx512f"):
        text += ",-prefer-256-bit"  # state updates keep the vector units busy; wide vectors pay there
    return Processor(binding.get_host_cpu_name(), text)

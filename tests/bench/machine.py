"""The machine: what it is, how fast it moves numbers, and how fast it computes with them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

LEAST = 0.05  # the shortest time that is measured [s]
TRIES = 7
CHAIN = 8  # operations on a number while it is in a register


def describe() -> dict[str, Any]:
    """Processor, cores, memory, compiler, system, and how busy it is; no name that would tell whose machine it is."""
    compiler = shutil.which("g++") or shutil.which("c++")
    told = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False) if compiler else None
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "threads": os.cpu_count(),
        "caches": _caches(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
        "compiler": re.sub(r"\s*\(.*?\)", "", told.stdout.splitlines()[0]) if told else "none",
    }


def _processor() -> str:
    from llvmlite import binding

    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.*)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return f"{found[1] if found else platform.processor()} ({binding.get_host_cpu_name()})"


def _caches() -> dict[str, int]:
    """Bytes of each level of cache of the first core, where the system tells."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = int(size.rstrip("KM")) * (1024 if size.endswith("K") else 2**20)
    return found


def seconds_of(call: Callable[[int], object]) -> float:
    """Processor time of one of many repetitions, the best of some tries; `call(n)` does n of them. [s]"""
    call(1)
    number = 1
    best = float("inf")
    for _ in range(TRIES):
        while True:
            started = time.thread_time()
            call(number)
            spent = time.thread_time() - started
            if spent > LEAST:
                break
            number *= 2
        best = min(best, spent / number)
    return best


def measured_rates() -> dict[str, float]:
    """Additions and multiplications, and divisions, in doubles on one core. [1/s]"""
    chained, divided = _kernels()[:2]
    x = np.ones(512)
    return {
        "sums": 2 * CHAIN * x.size / seconds_of(lambda n: chained(x, n, 0.999, 0.001)),
        "quotients": CHAIN * x.size / seconds_of(lambda n: divided(x, n, 1.5)),
    }


def measured_bandwidth(working_set: int) -> float:
    """Bytes read and written by one core when its data fill `working_set` bytes. [B/s]"""
    moved = _kernels()[2]
    n = max(working_set // 16, 64)  # of two arrays; as in an update, what is written has been read, so 24 bytes move
    a, b = np.ones(n), np.ones(n)
    return 24 * n / seconds_of(lambda number: moved(a, b, 0.5, number))


def _kernels() -> tuple[Any, Any, Any]:
    """Tiny loops, compiled for this processor as kernels are."""
    import numba

    from snnrun.codegen.target import processor

    target = processor()
    settings: Any = numba.config
    settings.CPU_NAME, settings.CPU_FEATURES = target.name, target.features

    @numba.njit(error_model="numpy")
    def chained(x, number, a, b):
        for _ in range(number):
            for k in range(x.size):
                v = x[k]
                for _ in range(CHAIN):
                    v = v * a + b
                x[k] = v

    @numba.njit(error_model="numpy")
    def divided(x, number, a):
        for _ in range(number):
            for k in range(x.size):
                v = x[k]
                for _ in range(CHAIN):
                    v = a / v
                x[k] = v

    @numba.njit(error_model="numpy")
    def moved(a, b, factor, number):
        for _ in range(number):
            for k in range(a.size):
                a[k] = b[k] + factor * a[k]

    return chained, divided, moved

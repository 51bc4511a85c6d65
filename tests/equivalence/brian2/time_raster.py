"""Demo 06 as a Brian2 user writes it, to a picture; prints seconds of the parts. `--cache DIR` for a cold start."""

# ruff: noqa: T201 - a script that reports on the terminal

from __future__ import annotations

import time

START = time.perf_counter()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402

import matplotlib as mpl  # noqa: E402

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, ms, prefs, run  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cache", type=Path, help="folder of compiled code; a new one is a cold start")
parser.add_argument("--target", default="auto", help="auto is cython where a compiler exists, as Brian2's default")
parser.add_argument("--out", type=Path, default=Path("raster.png"))
arguments = parser.parse_args()
prefs.codegen.target = arguments.target
if arguments.cache:
    prefs.codegen.runtime.cython.cache_dir = str(arguments.cache)
IMPORTED = time.perf_counter()

N = 30
tau = 10 * ms
equations = """
dv/dt = (1-v)/tau : 1 (unless refractory)
"""
pop = NeuronGroup(N, equations, threshold="v>.8", refractory=5 * ms, reset="v = 0", method="euler")
monitor = StateMonitor(pop, "v", record=True)
spikemonitor = SpikeMonitor(pop)
pop.v = "rand()"
run(100 * ms)
RAN = time.perf_counter()

plt.plot(spikemonitor.t / ms, spikemonitor.i, ".k")
plt.xlabel("Time in ms")
plt.ylabel("Neuron index")
plt.savefig(arguments.out)
DREW = time.perf_counter()
print(
    f"spikes {spikemonitor.num_spikes} import {IMPORTED - START:.2f} s run {RAN - IMPORTED:.2f} s "
    f"plot {DREW - RAN:.2f} s total {DREW - START:.2f} s"
)

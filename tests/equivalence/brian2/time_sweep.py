"""Demo 15 as the notebook has it, a store/restore loop over 30 time constants; prints the seconds it took."""

# ruff: noqa: T201 - a script that reports on the terminal

from __future__ import annotations

import time

START = time.perf_counter()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402

from brian2 import (  # noqa: E402
    Hz,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    Synapses,
    linspace,
    ms,
    prefs,
    restore,
    run,
    second,
    store,
)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cache", type=Path, help="folder of compiled code; a new one is a cold start")
parser.add_argument("--target", default="auto", help="auto is cython where a compiler exists, as Brian2's default")
arguments = parser.parse_args()
prefs.codegen.target = arguments.target
if arguments.cache:
    prefs.codegen.runtime.cython.cache_dir = str(arguments.cache)

num_inputs = 100
input_rate = 10 * Hz
weight = 0.1
tau_range = linspace(1, 10, 30) * ms
output_rates = []
poisson_pop = PoissonGroup(num_inputs, rates=input_rate)
population = NeuronGroup(1, "dv/dt = -v/tau : 1", threshold="v>1", reset="v = 0", method="exact")
syn = Synapses(poisson_pop, population, on_pre="v+=weight")
syn.connect()
spikemonitor = SpikeMonitor(population)
store()

LOOP = time.perf_counter()
for tau in tau_range:  # noqa: B007 - the equations take `tau` from here
    restore()
    run(300 * ms)
    output_rates.append(spikemonitor.num_spikes / second)
DONE = time.perf_counter()
print(f"points {len(output_rates)} loop {DONE - LOOP:.2f} s total {DONE - START:.2f} s")

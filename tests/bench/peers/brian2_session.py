"""How every Brian2 script here runs its network, and what it reports: one line of JSON on stdout."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from brian2 import Network, collect, device, prefs, second, seed, set_device


class Session:
    """One run of one network.

    The command line says how: `cython` (code is made and compiled for each object, kept in a cache) or `cpp` (the
    whole network becomes one program).

    Attributes:
        size: The size of the network.
        duration: The simulated time. [Quantity]
        seed: Of all random numbers.
        variant: Which of several networks, where a script has several.
        table: What a script reads that is made for the benchmark.
    """

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("mode", choices=["cython", "cpp"])
        parser.add_argument("--folder", type=Path, required=True, help="where compiled code is kept")
        parser.add_argument("--size", type=float, required=True)
        parser.add_argument("--seconds", type=float, required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--variant", default="")
        parser.add_argument("--table", type=Path, default=Path())
        options = parser.parse_args()
        self.folder = str(options.folder)
        self.standalone = options.mode == "cpp"
        self.size = options.size
        self.variant = options.variant
        self.table = options.table
        self.duration = options.seconds * second
        if self.standalone:
            set_device("cpp_standalone", directory=self.folder, build_on_run=False)
        else:
            prefs.codegen.target = "cython"
            prefs.codegen.runtime.cython.cache_dir = self.folder
        self.seed = options.seed
        seed(self.seed)
        self.started = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def run(self, *more: object) -> None:
        """Build everything, then simulate.

        Args:
            more: Objects of the network that the calling script holds in lists; the others are found by their names.
        """
        network = Network(collect(level=1), *more)
        if self.standalone:
            network.run(self.duration, level=1)
            device.build(directory=self.folder, compile=True, run=False)
            device.run()
            simulate = device._last_run_time  # the program's own measure of its time loop
            self.seconds = {"prepare": time.perf_counter() - self.started - simulate, "simulate": simulate}
        else:
            network.run(0 * second, level=1)
            prepared = time.perf_counter()
            network.run(self.duration, level=1)
            self.seconds = {"prepare": prepared - self.started, "simulate": time.perf_counter() - prepared}

    def report(self, metrics: Mapping[str, float]) -> None:
        """Say how long it took and what it gave."""
        values = {name: float(value) for name, value in metrics.items()}
        sys.stdout.write(json.dumps({"seconds": self.seconds, "metrics": values}) + "\n")

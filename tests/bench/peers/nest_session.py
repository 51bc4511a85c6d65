"""How every NEST script here runs its network, and what it reports: one line of JSON on stdout."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping

import nest


class Session:
    """One run of one network.

    Attributes:
        size: The size of the network.
        duration: The simulated time. [ms]
    """

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--threads", type=int, required=True)
        parser.add_argument("--size", type=float, required=True)
        parser.add_argument("--seconds", type=float, required=True)
        parser.add_argument("--seed", type=int, required=True)
        options = parser.parse_args()
        self.size = options.size
        self.duration = options.seconds * 1e3
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.ResetKernel()
        nest.local_num_threads = options.threads
        nest.resolution = 0.1
        nest.rng_seed = options.seed
        self.started = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def run(self) -> None:
        """Prepare (connections become ready for simulation here), then simulate."""
        nest.Prepare()
        prepared = time.perf_counter()
        nest.Run(self.duration)
        self.seconds = {"prepare": prepared - self.started, "simulate": time.perf_counter() - prepared}
        nest.Cleanup()

    def report(self, metrics: Mapping[str, float]) -> None:
        """Say how long it took and what it gave."""
        values = {name: float(value) for name, value in metrics.items()}
        sys.stdout.write(json.dumps({"seconds": self.seconds, "metrics": values}) + "\n")

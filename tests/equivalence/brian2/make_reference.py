"""Recompute the data that snnrun is compared with, using Brian2 itself.

    python make_reference.py [CASE ...] [--target numpy|cython] [--check]

Needs an environment of its own (`pip install "brian2==2.9.0" "numpy<2.4" scipy` on Python 3.11). Nothing of snnrun is
imported. One file a case goes to `../data/<case>.npz`; a file whose arrays would not change is left alone. With
`--check` nothing is written and every difference is reported.
"""

# ruff: noqa: T201 - a script that reports on the terminal

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import delivery
import demos
import events
import expressions
import inputs
import integrators
import links
import networks
import plasticity
import refractoriness
import scheduling
import variables
import wiring
from brian2 import BrianLogger, defaultclock, ms, prefs
from recording import Recording

DATA = Path(__file__).resolve().parent.parent / "data"
MODULES = (
    demos,
    integrators,
    refractoriness,
    delivery,
    variables,
    inputs,
    wiring,
    plasticity,
    expressions,
    networks,
    scheduling,
    events,
    links,
)


def all_cases() -> dict[str, Callable[[], Recording]]:
    """Every case by its name, the function's name with dashes."""
    return {case.__name__.replace("_", "-"): case for module in MODULES for case in module.CASES}


def compute(case: Callable[[], Recording]) -> Recording:
    """Run one case from a clean state: the default step, and no name still taken by an object of an earlier case."""
    gc.collect()
    defaultclock.dt = 0.1 * ms
    return case()


def main() -> int:
    """Write or check the named cases, all without names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--target", default="numpy", choices=["numpy", "cython"])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    prefs.codegen.target = arguments.target
    BrianLogger.log_level_error()
    known = all_cases()
    failures = 0
    for name in arguments.cases or known:
        recording, path = compute(known[name]), DATA / f"{name}.npz"
        if arguments.check:
            difference = recording.difference(path)
            failures += bool(difference)
            print(f"{name}: {difference or 'the same'}")
        else:
            wrote = recording.write(path)
            spikes = sum(values.size for key, values in recording.arrays.items() if key.endswith("_step"))
            print(f"{name}: {path.stat().st_size} bytes, {spikes} spikes{'' if wrote else ', unchanged'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

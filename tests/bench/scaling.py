"""How the cost of a neuron in a step, and of a synaptic event, moves with the size of the network."""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from limit import LONGEST
from processes import run_child
from works import BY_NAME, PEERS

STEP = 1e-4  # of these works [s]
DECADES = (1e3, 1e4, 1e5, 1e6)
NEURONS = {"coba": 5e7, "adex-noise": 1e7, "cobahh": 5e6}  # neuron-steps a run, about a tenth of a second of one core
SYNAPSES = (1e6, 1e7, 1e8, 3e8)
SCALED = (3e6, 3e7, 1e8, 3e8)  # the last is the whole column
EVENTS = 2e8  # synaptic events a run, about half a second of one core
TIMEOUT = 180.0  # [s]
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run took, and what it did.

    Args:
        simulate: Seconds of simulation.
        build: Seconds of building the network.
        memory: Largest resident set. [bytes]
        counts: Spikes by monitor.
    """

    simulate: float
    build: float
    memory: int
    counts: Mapping[str, int]


def measure_scaling(*, quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Curves: lists of points, each with the size and the cost, or the reason why there is none."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        place = Path(temporary)
        few = slice(0, 2) if quick else slice(None)
        return {
            "neurons": {
                name: _curve("neurons", DECADES[few], partial(_neuron_step, name, place), name, say) for name in NEURONS
            },
            "synapses": {
                "brunel": _curve("synapses", SYNAPSES[few], partial(_brunel_event, place), "brunel", say),
                "microcircuit": _curve(
                    "synapses", SCALED[few], partial(_microcircuit_event, place), "microcircuit", say
                ),
            },
        }


def _curve(
    axis: str,
    sizes: Sequence[float],
    measured: Callable[[float], dict[str, float] | str],
    name: str,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """The points of a curve; after one that failed or took too long, larger ones are not tried."""
    points: list[dict[str, Any]] = []
    for size in sizes:
        if points and "missing" in points[-1]:
            found: dict[str, float] | str = "not tried"
        else:
            found = measured(size)
        points.append({axis: size, **({"missing": found} if isinstance(found, str) else found)})
        cost = found if isinstance(found, str) else f"{found['seconds'] * 1e9:.2f} ns"
        say(f"  {name}, {size:.3g} {axis}: {cost}")
    return points


def _neuron_step(name: str, place: Path, neurons: float) -> dict[str, float] | str:
    """Cost of a neuron in a step, in a network without connections; why there is none."""
    steps = min(max(round(NEURONS[name] / neurons), 20), round(LONGEST / STEP))
    options = [f"size={neurons:g}", "p=0", f"run.duration={steps * STEP:g} s"]
    times: list[float] = []
    for _ in range(_ROUNDS):
        spent = _run(name, options, place)
        if isinstance(spent, str):
            return spent
        times.append(spent.simulate)
    return {"seconds": statistics.median(times) / steps / neurons}


def _brunel_event(place: Path, synapses: float) -> dict[str, float] | str:
    """Cost of a synaptic event in brunel, whose neurons have a tenth of all others as targets; why there is none."""
    size = 5 * round(math.sqrt(synapses / 0.1) / 5)
    rate = 40.0  # more or less [Hz]
    duration = _whole(min(max(EVENTS / (rate * synapses), 0.02), 5.0))
    options = [f"size={size}", f"run.duration={duration:g} s"]
    full = _run("brunel", options, place)
    if isinstance(full, str):
        return full
    bare = _run("brunel", [*options, "p=0", f"CE={0.08 * size:g}"], place)
    return bare if isinstance(bare, str) else _event(full, bare, full.counts["spikes"] * 0.1 * size)


def _microcircuit_event(place: Path, wanted: float) -> dict[str, float] | str:
    """Cost of a synaptic event in the microcircuit; why there is none."""
    sys.path.insert(0, str(PEERS))
    from potjans_diesmann import NAMES, neurons, synapses

    scale = min(wanted / synapses(1.0).sum(), 1.0)
    outdegree = synapses(scale).sum(axis=0) / neurons(scale)
    duration = _whole(min(max(0.1 / scale, 0.2), 2.0))
    options = [f"scale={scale:g}", "settling=0 s", f"run.duration={duration:g} s", "plots=none"]
    full = _run("microcircuit", options, place)
    if isinstance(full, str):
        return full
    bare = _run("microcircuit", [*options, "synapses=null"], place)
    events = sum(full.counts[name] * float(outdegree[k]) for k, name in enumerate(NAMES))
    return bare if isinstance(bare, str) else _event(full, bare, events)


def _event(full: Spent, bare: Spent, events: float) -> dict[str, float]:
    """Seconds an event: the run, less the same run without synapses."""
    cost = (full.simulate - bare.simulate) / events
    return {"events": events, "seconds": cost, "build": full.build, "memory": float(full.memory)}


def _whole(seconds: float) -> float:
    return round(seconds, 3)


def _run(name: str, options: Sequence[str], place: Path) -> Spent | str:
    """One run of ours; why there is none."""
    out = place / f"out-{time.monotonic_ns()}"
    words = [sys.executable, "-m", "snnrun", "run", BY_NAME[name].file, "--json", "--no-plots", "--out", out]
    words += [word for option in options for word in ("--set", option)]
    environment = {"SNNRUN_CACHE_DIR": str(place / "kernels")}
    ended = run_child(words, TIMEOUT, environment)
    if ended.reason:
        return ended.reason
    told = json.loads(ended.out)
    return Spent(told["seconds"]["simulate"], told["seconds"]["build"], ended.memory, told["counts"])

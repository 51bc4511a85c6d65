"""How the cost of a neuron in a step, and of a synaptic event, moves with the size of the network."""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limit import LONGEST
from processes import run_child
from works import BY_NAME, PEERS

STEP = 1e-4  # of these works [s]
DECADES = (1e3, 1e4, 1e5, 1e6)
NEURONS = {"coba": 5e7, "adex-noise": 1e7, "cobahh": 5e6}  # neuron-steps a run, about a tenth of a second of one core
SYNAPSES = (1e6, 1e7, 1e8, 3e8)
SCALES = (0.01, 0.1, 0.3, 1.0)
EVENTS = 2e8  # synaptic events a run, about half a second of one core
TIMEOUT = 240.0  # [s]
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
            "neurons": {name: [_neuron_step(name, n, place, say) for n in DECADES[few]] for name in NEURONS},
            "synapses": {
                "brunel": [_brunel_event(n, place, say) for n in SYNAPSES[few]],
                "microcircuit": [_microcircuit_event(scale, place, say) for scale in SCALES[few]],
            },
        }


def _neuron_step(name: str, neurons: float, place: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Cost of a neuron in a step, in a network without connections."""
    steps = min(max(round(NEURONS[name] / neurons), 20), round(LONGEST / STEP))
    options = [f"size={neurons:g}", "p=0", f"run.duration={steps * STEP:g} s"]
    point = {"neurons": neurons}
    times: list[float] = []
    for _ in range(_ROUNDS):
        spent = _run(name, options, place)
        if isinstance(spent, str):
            return _told(name, {**point, "missing": spent}, say)
        times.append(spent.simulate)
    return _told(name, {**point, "seconds": statistics.median(times) / steps / neurons}, say)


def _brunel_event(synapses: float, place: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Cost of a synaptic event in brunel, whose neurons have a tenth of all others as targets."""
    size = 5 * round(math.sqrt(synapses / 0.1) / 5)
    rate = 40.0  # more or less [Hz]
    duration = _whole(min(max(EVENTS / (rate * synapses), 0.02), 5.0))
    options = [f"size={size}", f"run.duration={duration:g} s"]
    point = {"synapses": 0.1 * size**2}
    full = _run("brunel", options, place)
    if isinstance(full, str):
        return _told("brunel", {**point, "missing": full}, say)
    bare = _run("brunel", [*options, "p=0", f"CE={0.08 * size:g}"], place)
    if isinstance(bare, str):
        return _told("brunel", {**point, "missing": bare}, say)
    events = full.counts["spikes"] * 0.1 * size
    return _told("brunel", {**point, **_event(full, bare, events)}, say)


def _microcircuit_event(scale: float, place: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Cost of a synaptic event in the microcircuit."""
    sys.path.insert(0, str(PEERS))
    from potjans_diesmann import NAMES, neurons, synapses

    table = synapses(scale)
    outdegree = table.sum(axis=0) / neurons(scale)
    duration = _whole(min(max(0.1 / scale, 0.2), 2.0))
    options = [f"scale={scale:g}", "settling=0 s", f"run.duration={duration:g} s", "plots=none"]
    point = {"synapses": float(table.sum())}
    full = _run("microcircuit", options, place)
    if isinstance(full, str):
        return _told("microcircuit", {**point, "missing": full}, say)
    bare = _run("microcircuit", [*options, "synapses=null"], place)
    if isinstance(bare, str):
        return _told("microcircuit", {**point, "missing": bare}, say)
    events = sum(full.counts[name] * float(outdegree[k]) for k, name in enumerate(NAMES))
    return _told("microcircuit", {**point, **_event(full, bare, events)}, say)


def _event(full: Spent, bare: Spent, events: float) -> dict[str, float]:
    """Seconds an event: the run, less the same run without synapses."""
    cost = (full.simulate - bare.simulate) / events
    return {"events": events, "seconds": cost, "build": full.build, "memory": float(full.memory)}


def _whole(seconds: float) -> float:
    return round(seconds, 3)


def _run(name: str, options: Sequence[str], place: Path) -> Spent | str:
    """One run of ours; why there is none."""
    words = [sys.executable, "-m", "snnrun", "run", BY_NAME[name].file, "--json", "--no-plots", "--out", place / "out"]
    words += [word for option in options for word in ("--set", option)]
    environment = {"SNNRUN_CACHE_DIR": str(place / "kernels")}
    ended = run_child(words, TIMEOUT, environment)
    if ended.reason:
        return ended.reason
    told = json.loads(ended.out)
    return Spent(told["seconds"]["simulate"], told["seconds"]["build"], ended.memory, told["counts"])


def _told(name: str, point: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    where = f"{point['neurons']:.3g} neurons" if "neurons" in point else f"{point['synapses']:.3g} synapses"
    cost = f"{point['seconds'] * 1e9:.2f} ns" if "seconds" in point else point["missing"]
    say(f"  {name}, {where}: {cost}")
    return point

"""The least that a work costs on this machine: what its model asks for, at the measured rates and bandwidth.

Operations and bytes of one unit (a neuron in a step, a synapse in a step, an event at a synapse) are counted by hand
from the equations: state is read and written once, what is looked up by an index counts with the index, weights and
indices that change never are read once. How many units there are comes from sizes and, for events, from the measured
rate. The limit is the longer of two times, as both go on at once: the operations at the rate of additions, the bytes
at the bandwidth of a working set of this size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from machine import measured_bandwidth

STEPS = 1e4  # a second, of all works but one
NOISE = 78  # operations of a normal random number: 25 of Threefry-2x64-13, 53 of Box and Muller's transformation
LATENCY = 64  # operations that a core could do, sixteen a cycle, while one waits for the one before it: four cycles


@dataclass(frozen=True, slots=True)
class Bound:
    """What one unit of a work costs.

    Args:
        unit: What is counted, in words.
        number: How many of them a run has, of (size, simulated time [s], rate [Hz]).
        sums: Additions, multiplications and the like of one.
        bytes: Read and written by one.
        resident: Size of all that is gone through again and again, of the size of the work. [B]
    """

    unit: str
    number: Callable[[float, float, float], float]
    sums: float
    bytes: float
    resident: Callable[[float], float]


def _plastic_synapses(size: float) -> float:
    return 0.1 * (0.8 * size) ** 2


def _every_step(unit: str, sums: float, moved: float, state: float, of_one: Callable[[float], float]) -> Bound:
    """Something that there is `of_one(size)` times, with `state` bytes each, in every step."""
    return Bound(
        unit, lambda size, seconds, _: of_one(size) * seconds * STEPS, sums, moved, lambda size: state * of_one(size)
    )


def _neurons(sums: float, moved: float, state: float) -> Bound:
    return _every_step("neuron and step", sums, moved, state, lambda size: size)


def _clock(sums: float) -> Bound:
    return _every_step("synapse and step", sums, 32, 16, lambda size: 100 * size)


_PLASTIC = Bound(
    "spike at a plastic synapse",
    lambda size, seconds, rate: 2 * _plastic_synapses(size) * rate * seconds,
    6,
    20,  # the weight read and written, the index of the other neuron
    lambda size: 16 * _plastic_synapses(size),  # the weight, and an index from either side
)

BOUNDS: Mapping[str, Bound] = {
    "plastic": _PLASTIC,
    "plastic-large": _PLASTIC,
    "gap": _every_step("pair and step", 3, 8, 8, lambda size: size**2),
    "gap-sparse": _every_step("pair and step", 3, 12, 12, lambda size: 50 * size),
    "nmda": _clock(11),
    "clock-euler": _clock(9),
    "clock-exact": _clock(6),
    "record-state": Bound(
        "value recorded", lambda size, seconds, _: size * seconds * STEPS, 3, 24, lambda size: 8 * size * STEPS
    ),  # copied to memory, from there to the disk
    "record-spikes": _neurons(8, 40, 24),
    "delays": _neurons(NOISE + 8, 16, 8),
    "one": Bound("step", lambda size, seconds, _: 10 * seconds * STEPS, 3 * LATENCY, 0, lambda _: 1024),
    "million": _neurons(NOISE + 8, 16, 8),
    "fly-brain": _neurons(6, 32, 16),
}


BEYOND: Mapping[str, str] = {
    "gap-sparse": "a term reads six numbers and writes one, each at a place of its own, and a core reads two numbers a "
    "cycle: 0.75 to 1 ns a term. Loads of several at once from places that lie apart are no faster on this processor",
    "delays": "two fifths are the normal random numbers. A source has two synapses of each delay on average: to find "
    "and prefetch these takes longer (9 and 6 ns) than their events (10 ns)",
    "million": "2.3 of 2.6 ns a neuron and step are the normal random number, as in a network that fits into the cache",
    "fly-brain": "the neurons that move lie apart: 4 to 5 ns each, most of it waiting for the cache",
}
"""What takes the time of works that are below their marks, as profiles and the instructions of kernels show it."""


def measure_bounds(sums: float, results: Mapping[str, Any]) -> dict[str, Any]:
    """The limit of each work that was measured: of all units together. [s]

    Args:
        sums: Additions a second.
        results: Works by name, as they are saved.
    """
    found = {}
    for name, bound in BOUNDS.items():
        if not results.get(name, {}).get("rates"):
            continue
        size, seconds = results[name]["size"], results[name]["seconds"]
        number = bound.number(size, seconds, results[name]["rates"][0]["ours"])
        bandwidth = measured_bandwidth(int(bound.resident(size)))
        times = {"arithmetic": number * bound.sums / sums, "bandwidth": number * bound.bytes / bandwidth}
        found[name] = {
            "unit": bound.unit,
            "number": number,
            "sums": bound.sums,
            "bytes": bound.bytes,
            "by": max(times, key=lambda key: times[key]),
            "seconds": max(times.values()),
        }
    return found

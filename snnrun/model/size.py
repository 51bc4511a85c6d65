"""How large a network is, before it is built: synapses, bytes, work of a step."""

from __future__ import annotations

from dataclasses import dataclass

from snnrun.equations.dag import Kind
from snnrun.kernels.arithmetic import Precision
from snnrun.model.expected import expected_synapses, synapses_of
from snnrun.model.network import (
    Group,
    Network,
    RateMonitor,
    SpikeMonitor,
    StateMonitor,
    SynapseEventMonitor,
)

_NEURON = 9.0  # bytes of a neuron without variables: whether it spiked, and its place in two lists of spikes
_SYNAPSE = 2.0  # bytes of a synapse without variables: its target, in a small group
FITS_ANYWHERE = 1e9  # what needs less memory fits on any machine [bytes]
ASSUMED_RATE = 10.0  # spikes of a neuron, where nothing is known [Hz]
# Orders of magnitude of one thread of a present processor; what a run says about itself is better (a probe).
_UPDATE = 1.5e-9  # one variable of one neuron or synapse, one step [s]
_SPIKE = 5e-8  # one spike: found, reset, recorded [s]
_EVENT = 2e-9  # one spike at one synapse [s]
_STEP = 2e-7  # a step of one object, however small [s]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run writes, in bytes: samples, which are known, and spikes, which are guessed."""

    samples: float
    spikes: float


def recorded_bytes(network: Network) -> Recording:
    """Bytes that the monitors of a run write; neurons are taken to spike at `ASSUMED_RATE`."""
    samples = spikes = 0.0
    for m in network.monitors:
        match m:
            case StateMonitor():
                known = m.number
                width = synapses_of(network.synapses[m.source.partition(".")[2]]) if known is None else known
                each = 4.0 if m.precision is Precision.SINGLE else 8.0
                samples += each * width * len(m.columns) * max(m.window.stop - m.window.start, 0) / m.every
            case RateMonitor():
                samples += 8.0 * max(m.window.stop - m.window.start, 0) / m.bin
            case SpikeMonitor(counts_only=False):
                seconds = max(m.window.stop - m.window.start, 0) * network.dt
                spikes += (16.0 + 8.0 * len(m.columns)) * m.source.size * seconds * ASSUMED_RATE
            case SynapseEventMonitor():
                seconds = max(m.window.stop - m.window.start, 0) * network.dt
                number = synapses_of(network.synapses[m.synapses]) if m.number is None else m.number
                spikes += (32.0 + 8.0 * len(m.columns)) * number * seconds * ASSUMED_RATE
            case SpikeMonitor():
                samples += 8.0 * m.source.size
            case _:
                pass
    return Recording(samples, spikes)


def least_bytes(network: Network) -> dict[str, float]:
    """Bytes that each object takes at the least, by its path in the file (`groups.x`); a bound from the sizes alone."""
    real = 4 if network.precision is Precision.SINGLE else 8
    size = {Kind.FLOAT: real, Kind.INT: 8, Kind.BOOL: 1}
    least = {g.path: g.size * (_NEURON + sum(size[s.kind] for s in g.stored)) for g in network.groups.values()}
    for synapses in network.synapses.values():
        number = sum(expected_synapses(rule) or 0 for rule in synapses.connect)
        least[synapses.path] = number * (_SYNAPSE + sum(size[s.kind] for s in synapses.stored))
    return least


def expected_seconds(network: Network) -> float:
    """Time of a run, from the sizes alone and `ASSUMED_RATE`: an order of magnitude. [s]."""
    spiking = network.dt * ASSUMED_RATE
    step = sum(_group_step(g, spiking) for g in network.groups.values())
    for s in network.synapses.values():
        number = synapses_of(s)
        step += _STEP + _UPDATE * len(s.update.assignments) * number + _EVENT * len(s.pathways) * number * spiking
    return step * network.steps


def _group_step(group: Group, spiking: float) -> float:
    return _STEP + (_UPDATE * max(len(group.update.assignments), 1) + _SPIKE * spiking) * group.size

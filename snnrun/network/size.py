"""How large a network is, before it is built: synapses, bytes, work of a step."""

from __future__ import annotations

from snnrun.equations.dag import is_fixed
from snnrun.network.evaluate import Environment, evaluate
from snnrun.network.ir import (
    All,
    Connect,
    FixedDegree,
    Generated,
    Group,
    Matrix,
    Network,
    OneToOne,
    Pairs,
    RateMonitor,
    SpikeMonitor,
    StateMonitor,
    Synapses,
)
from snnrun.records import dataclass

ASSUMED_RATE = 10.0  # spikes of a neuron, where nothing is known [Hz]
# Orders of magnitude of one thread of a present processor; what a run says about itself is better (a probe).
_UPDATE = 1.5e-9  # one variable of one neuron or synapse, one step [s]
_SPIKE = 5e-8  # one spike: found, reset, recorded [s]
_EVENT = 2e-9  # one spike at one synapse [s]
_STEP = 2e-7  # a step of one object, however small [s]


def expected_synapses(rule: Connect) -> float | None:
    """Expected number of synapses of a rule; None where only running it tells."""
    pairs = rule.source.size * rule.target.size
    match rule.rule:
        case All(where=None, p=None, n=None):
            return pairs
        case All(where=None, n=None, p=p) if p is not None and is_fixed(p):
            return pairs * float(evaluate(p, Environment()))
        case OneToOne():
            return rule.source.size
        case Pairs(pre=pre, n=n):
            return len(pre) * n
        case Matrix(pre=pre):
            return len(pre)
        case FixedDegree(of=of, number=number):
            return number * {"in": rule.target.size, "out": rule.source.size, "total": 1}[of]
        case Generated(variable=None):
            return rule.source.size
        case _:
            return None


def synapses_of(synapses: Synapses) -> float:
    """Expected number of synapses of an object; all pairs where a rule does not tell."""
    return sum(expected_synapses(r) or float(r.source.size * r.target.size) for r in synapses.connect)


def state_bytes(network: Network) -> float:
    """Bytes of state and synapses in memory."""
    size = float(sum(8 * len(g.stored) * g.size + 16 * g.size for g in network.groups.values()))
    for s in network.synapses.values():
        each = 8 + 8 * len(s.stored) + sum(12 for p in s.pathways if not p.uniform_delay)
        each += 8 if any(p.post for p in s.pathways) else 0
        size += synapses_of(s) * each
    return size


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
                width = len(m.ids) if m.ids is not None else synapses_of(network.synapses[m.source.partition(".")[2]])
                samples += 8.0 * width * len(m.columns) * max(m.window.stop - m.window.start, 0) / m.every
            case RateMonitor():
                samples += 8.0 * max(m.window.stop - m.window.start, 0) / m.bin
            case SpikeMonitor(counts_only=False):
                seconds = max(m.window.stop - m.window.start, 0) * network.dt
                spikes += (16.0 + 8.0 * len(m.columns)) * m.source.size * seconds * ASSUMED_RATE
            case SpikeMonitor():
                samples += 8.0 * m.source.size
            case _:
                pass
    return Recording(samples, spikes)


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

"""Delays that phases set: for each, a part of the pathway that takes the spikes sent while it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from snnrun.equations.dag import Node, variables_of
from snnrun.errors import at
from snnrun.model.digest import digest_of
from snnrun.model.network import Network, Pathway, Phase, Synapses

Divide = Callable[[Network], Network]
"""Gives a network with a part of a pathway for each of its delays."""


def division_of(network: Network, phases: Sequence[Phase]) -> Divide:
    """What divides the pathways of a network, and of the networks of its phases.

    Raises:
        ExperimentError: NET138 when a delay reads what changes during the run.
    """
    parts = {s.name: [_parts(s, q, phases) for q in range(len(s.pathways))] for s in network.synapses.values()}
    if all(len(one) == 1 for several in parts.values() for one in several):
        return lambda one: one
    whole = replace(network, phases=tuple(phases))
    _refuse_changing(whole, parts)

    def divided(one: Network) -> Network:
        synapses = {
            name: replace(s, pathways=tuple(p for q, own in enumerate(s.pathways) for p in _with(own, parts[name][q])))
            for name, s in one.synapses.items()
        }
        return replace(one, synapses=synapses)

    return divided


def with_parts(divide: Divide, network: Network, phases: Sequence[Phase]) -> tuple[Network, tuple[Phase, ...]]:
    """The network and its phases, divided; phases that shared a network share it still."""
    networks = {id(p.network): p.network for p in phases}
    divided = {key: divide(one) for key, one in networks.items()}
    return divide(network), tuple(replace(p, network=divided[id(p.network)]) for p in phases)


def _parts(synapses: Synapses, number: int, phases: Sequence[Phase]) -> list[Pathway]:
    """The parts of one pathway, the first that counts first."""
    found = [synapses.pathways[number]]
    last, known = _timing(synapses, number), dict[int, str]()
    for k, phase in enumerate(phases):
        now = phase.network.synapses[synapses.name]
        if id(now) not in known:
            known[id(now)] = _timing(now, number)
        timing = known[id(now)]
        if timing != last:
            own = now.pathways[number]
            if own.moving is not None:
                message = f"phase `{phase.name}` sets a delay of `{synapses.name}` that an operation changes too"
                raise at(own.span, "NET138", message, "let the operation act at this time: `at: 1 s`")
            found[-1] = replace(found[-1], until=k)
            rules = () if own.post else tuple(rule.delay for rule in now.connect)
            found.append(replace(own, name=f"{own.name}@{phase.name}", since=k, rule_delays=rules))
            last = timing
    return found


def _timing(synapses: Synapses, number: int) -> str:
    """What the delays of a pathway are computed from, as a hash."""
    pathway = synapses.pathways[number]
    rules = () if pathway.post else tuple(rule.delay for rule in synapses.connect)
    return digest_of((pathway.delay, pathway.uniform_delay, rules))


def _with(own: Pathway, parts: Sequence[Pathway]) -> list[Pathway]:
    """A pathway of the network of a phase, divided: its own statements with the delay of each part."""
    return [replace(part, block=own.block) for part in parts]


def _refuse_changing(network: Network, parts: dict[str, list[list[Pathway]]]) -> None:
    changing = network.changing_variables
    for pathway in (part for several in parts.values() for one in several for part in one[1:]):
        nodes: list[Node] = [n for n in (pathway.delay, *pathway.rule_delays) if n is not None]
        for v in variables_of(*nodes):
            if (v.owner, v.name) in changing and pathway.span is not None:
                raise at(
                    pathway.span,
                    "NET138",
                    f"a delay that a phase sets is computed before the run, and `{v.name}` changes during it",
                )

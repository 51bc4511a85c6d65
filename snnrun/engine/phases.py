"""What happens between two phases of a run: other constants, other values, other monitors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.kernel import generate
from snnrun.engine.build import input_table, precompute
from snnrun.engine.parameters import parameter_arrays, sending_steps
from snnrun.engine.values import Built, SynapseValues, bring_up_to_date, set_group
from snnrun.equations.dag import Op, variables_of, walk
from snnrun.model.network import Block, Initial, Network, Phase, Synapses

MOST_KERNELS = 64  # networks of phases whose numbers and their order are remembered


def shortened(network: Network, ends: Mapping[int, int]) -> Network:
    """The network when some of its phases end at other steps, by number: the phases after them begin earlier."""
    phases, less = list[Phase](), 0
    for k, phase in enumerate(network.phases):
        stop = ends.get(k, phase.stop - less)
        phases.append(replace(phase, start=phase.start - less, stop=stop) if less or stop < phase.stop else phase)
        less = phase.stop - stop
    return replace(network, phases=tuple(phases), steps=network.steps - less)


def ended_early(planned: Network, ran: Network) -> list[tuple[str, int]]:
    """The phases that `stop_when` ended: name, and the step after the last."""
    pairs = zip(planned.phases, ran.phases, strict=True)
    return [(b.name, b.stop) for a, b in pairs if 0 < b.stop - b.start < a.stop - a.start]


def repetitions(ran: Network) -> list[tuple[str, int, int]]:
    """What was repeated until a condition held: name, how often it was, and how often it could have been."""
    found = []
    for loop in ran.loops:
        done = sum(ran.phases[first].start < ran.phases[last].stop for first, last in loop.rounds)
        found += [(loop.name, done, len(loop.rounds))] if done else []
    return found


def begin(built: Built, phase: Phase, planned: Network, before: Network | None) -> None:
    """Enter a phase: hand its constants to the kernel, then carry out its `set`. Arrays may move (`Built.tables`).

    Args:
        built: The network in memory.
        phase: The phase.
        planned: The network with its phases as long as they are now.
        before: The network of the phase before it, if there is one.
    """
    if before is not None and any(_ages(s, phase) for s in before.synapses.values()):
        bring_up_to_date(built, before, phase.start)  # these changed with the constants until now
    use_constants(built, phase, planned)
    _set(built, phase.network, phase.sets, phase.start)


def end(built: Built, phase: Phase, step: int) -> None:
    """Carry out what a phase sets at its end, before a step."""
    if phase.ends:
        bring_up_to_date(built, phase.network, step)
        _set(built, phase.network, phase.ends, step)


def _set(built: Built, network: Network, lines: Iterable[tuple[str, Initial]], step: int) -> None:
    for owner, line in lines:
        section, _, name = owner.partition(".")
        if section == "groups":
            set_group(built, network, network.groups[name], line, step)
            continue
        now = SynapseValues(built, network, network.synapses[name], built.connectivity[name])
        now.load()
        now.set(line, step)
        now.keep()
    for group in network.groups.values():
        precompute(built, network, group, step)  # from the parameters as they now are


def _ages(synapses: Synapses, phase: Phase) -> bool:
    """Whether a phase reads or sets event-driven variables, or changes what their equations read."""
    after = phase.network.synapses[synapses.name]
    later = after.elapsed
    pairs = [(synapses.elapsed, later)]
    pairs += [(a.elapsed, b.elapsed) for a, b in zip(synapses.traces, after.traces, strict=True)]
    if any(_constants(a) != _constants(b) for a, b in pairs):
        return True
    driven = {a.variable for a in later.assignments}
    for owner, line in phase.sets:
        if owner == synapses.path:
            read = variables_of(line.value, *([] if line.where is None else [line.where]))
            if driven & read or line.variable in driven | variables_of(*later.values):
                return True
    return False


def _constants(block: Block) -> list[object]:
    return [n.payload for n in walk(*block.values) if n.op is Op.CONSTANT]


def use_constants(built: Built, phase: Phase, planned: Network) -> None:
    """Hand the constants of a phase to the kernel.

    All phases share one kernel, as constants are arguments of it. Connections stay as they were built. A delay that a
    phase sets has a part of the pathway of its own, which takes the spikes that are sent from then on.
    """
    network = phase.network
    known = built.kernels.get(id(network))
    if known is None:
        if len(built.kernels) == MOST_KERNELS:
            del built.kernels[next(iter(built.kernels))]
        # what any phase sets changes in all of them
        whole = replace(network, phases=planned.phases)
        known = built.kernels[id(network)] = network, generate(whole, profiled=bool(built.kernel.laps))
    kernel = known[1]
    assert kernel.structure == built.kernel.structure, "the phases of a run differ in values only"
    numbers = built.numbers | sending_steps(planned)
    for poisson in network.inputs:
        if poisson.counts.op is Op.BINOMIAL:
            continue
        owner = f"inputs.{poisson.name}"
        table = input_table(network, poisson)
        numbers[IntUse.BINOMIAL.of(owner)] = len(table)
        key = ArrayUse.BINOMIAL.of(owner)
        built.arrays[key] = table.astype(built.arrays[key].dtype)
    for key, values in parameter_arrays(built, network, kernel, numbers).items():
        built.arrays[key][...] = values

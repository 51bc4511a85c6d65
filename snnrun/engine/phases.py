"""What happens between two phases of a run: other constants, other values, other monitors."""

from __future__ import annotations

from dataclasses import replace

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.kernel import generate
from snnrun.engine.build import input_table, precompute
from snnrun.engine.parameters import parameter_arrays, sending_steps
from snnrun.engine.values import Built, SynapseValues, bring_up_to_date, set_group
from snnrun.equations.dag import Op, variables_of, walk
from snnrun.model.network import Block, Network, Phase, Synapses


def shortened(network: Network, number: int, step: int) -> Network:
    """The network when one of its phases ends at a step instead: the phases after it begin earlier."""
    less = network.phases[number].stop - step
    phases = [
        replace(p, start=p.start - less * (k > number), stop=p.stop - less * (k >= number))
        for k, p in enumerate(network.phases)
    ]
    return replace(network, phases=tuple(phases), steps=network.steps - less)


def ended_early(planned: Network, ran: Network) -> list[tuple[str, int]]:
    """The phases that `stop_when` ended: name, and the step after the last."""
    pairs = zip(planned.phases, ran.phases, strict=True)
    return [(b.name, b.stop) for a, b in pairs if b.stop - b.start < a.stop - a.start]


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
    network = phase.network
    for owner, line in phase.sets:
        section, _, name = owner.partition(".")
        if section == "groups":
            set_group(built, network, network.groups[name], line, phase.start)
            continue
        now = SynapseValues(built, network, network.synapses[name], built.connectivity[name])
        now.load()
        now.set(line, phase.start)
        now.keep()
    for group in network.groups.values():
        precompute(built, network, group, phase.start)  # from the parameters as they now are


def _ages(synapses: Synapses, phase: Phase) -> bool:
    """Whether a phase reads or sets event-driven variables, or changes what their equations read."""
    later = phase.network.synapses[synapses.name].elapsed
    if _constants(synapses.elapsed) != _constants(later):
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
    kernel = built.kernels.get(id(network))
    if kernel is None:
        kernel = built.kernels[id(network)] = generate(network)
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

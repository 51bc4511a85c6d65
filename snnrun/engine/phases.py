"""What happens between two phases of a run: other constants, other values, other monitors."""

from __future__ import annotations

from snnrun.codegen.emit import SlotKey
from snnrun.codegen.kernel import generate
from snnrun.engine.build import input_table, parameter_arrays, precompute
from snnrun.engine.values import STORED, Built, SynapseValues, set_group
from snnrun.network.ir import Phase


def begin(built: Built, phase: Phase) -> None:
    """Enter a phase: hand its constants to the kernel, then carry out its `set`. Arrays may move (`Built.tables`)."""
    use_constants(built, phase)
    network = phase.network
    for owner, line in phase.sets:
        section, _, name = owner.partition(".")
        if section == "groups":
            set_group(built, network, network.groups[name], line, phase.start)
            continue
        now = SynapseValues(built, network, network.synapses[name], built.wirings[name])
        now.load()
        now.set(line, phase.start)
        for stored in network.synapses[name].stored:
            array = built.arrays[SlotKey("variable", owner, stored.variable.name)]
            array[...] = now.stored(stored.variable.name).astype(STORED[stored.kind])
    for group in network.groups.values():
        precompute(built, network, group)  # from the parameters as they now are


def use_constants(built: Built, phase: Phase) -> None:
    """Hand the constants of a phase to the kernel.

    All phases share one kernel, as constants are arguments of it. Connections and delays stay as they were built.
    """
    network = phase.network
    kernel = generate(network)
    assert kernel.text == built.kernel.text, "the phases of a run differ in values only"
    numbers = dict(built.numbers)
    for poisson in network.inputs:
        owner = f"inputs.{poisson.name}"
        table = input_table(network, poisson)
        numbers[f"binomial:{owner}"] = len(table)
        key = SlotKey("binomial", owner)
        built.arrays[key] = table.astype(built.arrays[key].dtype)
    for key, values in parameter_arrays(built, network, kernel, numbers).items():
        built.arrays[key][...] = values

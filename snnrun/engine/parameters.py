"""The numbers that a kernel is given beside arrays: of the network, and of a phase."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnrun.codegen.arguments import RUN, ArrayKey, ArrayUse, IntKey, IntUse, IntValue
from snnrun.codegen.module import Kernel
from snnrun.engine.values import Array, Built
from snnrun.equations.dag import Node
from snnrun.kernels.streams import signed, stream_key
from snnrun.model.evaluate import Environment, evaluate, evaluate_all
from snnrun.model.network import Network

NO_STEP = 1 << 62  # after all steps


def sending_steps(network: Network) -> dict[IntKey, int]:
    """The steps between which spikes are sent through a part of a pathway, by what kernels ask for."""
    found: dict[IntKey, int] = {}
    for synapses in network.synapses.values():
        for pathway in synapses.pathways:
            if pathway.is_part:
                owner = synapses.pathway_path(pathway)
                found[IntUse.SINCE.of(owner)] = network.phases[pathway.since].start if pathway.since else -NO_STEP
                found[IntUse.UNTIL.of(owner)] = (
                    NO_STEP if pathway.until is None else network.phases[pathway.until].start
                )
    return found


def parameter_arrays(
    built: Built, network: Network, kernel: Kernel, numbers: Mapping[IntKey, int]
) -> dict[ArrayKey, Array]:
    """The values of a network that its kernel is given: numbers and, for each thread, whole numbers."""
    env = Environment(dt=network.dt, seeds=network.seeds, arrays=network.arrays)
    ints = np.zeros((built.network.threads, len(kernel.ints)), np.int64)
    for k, value in enumerate(kernel.ints):
        own = built.own_numbers.get(value) if isinstance(value, IntKey) else None
        ints[:, k] = integer_of(value, env, network, numbers) if own is None else own
    floats = [float(value) for value in evaluate_all(kernel.floats, env)]
    return {ArrayUse.NUMBERS.of(RUN): np.array(floats, np.float64), ArrayUse.SIZES.of(RUN): ints}


def integer_of(value: IntValue, env: Environment, network: Network, numbers: Mapping[IntKey, int]) -> int:
    """A whole number that a kernel is given."""
    if isinstance(value, Node):
        return int(evaluate(value, env))
    if isinstance(value, int):
        return value
    if value.use is IntUse.SEED:
        return signed(network.seeds.of(value.owner))
    if value.use is IntUse.STREAM:
        return signed(stream_key(value.owner))
    return numbers[value]

"""A network in memory while it is put together: its arrays, and the whole numbers that kernels ask for."""

from __future__ import annotations

import numpy as np

from snnrun.codegen.arguments import ArrayKey, ArrayUse, CType, IntUse
from snnrun.codegen.module import Kernel
from snnrun.engine.values import Array, Built, cache_aligned
from snnrun.model.network import IntArray, Network, NeuronSubset


class Allocation:
    """Where the parts of a network are put.

    Args:
        network: The network.
        kernel: Its kernel, which says the types of arrays.
    """

    def __init__(self, network: Network, kernel: Kernel) -> None:
        self.network = network
        self.built = Built(network, kernel)
        self.arrays = self.built.arrays
        self.numbers = self.built.numbers
        self.depths = {source.path: 2 for g in network.groups.values() for source in g.sources}
        self.types = {array.key: array.type for array in kernel.arrays}

    def share(self, owner: str, firsts: IntArray) -> None:
        """Which elements each thread owns, from the first of each and the end of the last."""
        self.built.own_numbers[IntUse.LOW.of(owner)] = firsts[:-1]
        self.built.own_numbers[IntUse.HIGH.of(owner)] = firsts[1:]

    def put(self, key: ArrayKey, array: Array) -> None:
        """Keep an array, contiguous, in the precision of the kernel, and aligned where its use says so."""
        single = array.dtype == np.float64 and self.types.get(key) is CType.F32
        array = np.ascontiguousarray(array, np.float32 if single else None)
        self.arrays[key] = cache_aligned(array) if key.use.traits.aligned else array

    def view(self, owner: str, view: NeuronSubset) -> None:
        """Which neurons of a group an object acts on, in the order of the group; threads own neighbouring ones."""
        self.numbers[IntUse.N.of(owner)] = view.size
        ids = np.sort(view.ids)
        self.put(ArrayUse.SUBSET.of(owner), ids)
        self.share(owner, np.searchsorted(ids, self.arrays[ArrayUse.BOUNDS.of(view.path)]))

"""What the runs of one process share, so that the points of a sweep do not compute the same things again.

One rule: the key of an entry holds all that the entry is computed from (texts and hashes are compared by value, objects
of a network by identity), and no run changes an entry. So a cache changes no result. The entries of a table that were
not used for longest are dropped once there are too many, or they take too much memory.

| table       | key                                                | entry                            | kept    |
| ----------- | -------------------------------------------------- | -------------------------------- | ------- |
| kernels     | text of the kernel, arithmetic                     | machine code                     | all     |
| structures  | the objects of the network, without its seeds      | text of its kernel               | newest  |
| parts       | structure and seeds; path of a group or synapses   | arrays before the first step     | `SEEDS` |
| connections | `connectivity_key`: hash of rules, sizes, seed     | pairs of neurons                 | `limit` |
| shared      | number of a phase, hash of what acts until its end | state at its end, and recordings | newest  |
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from snnrun.connect.connectivity import Connectivity
from snnrun.engine.parts import BuiltParts
from snnrun.model.network import Network

if TYPE_CHECKING:
    from snnrun.codegen.cache import Compiled
    from snnrun.codegen.module import Kernel
    from snnrun.codegen.native import NativeKernel, PythonKernel
    from snnrun.engine.checkpoint import SharedState
    from snnrun.kernels.arithmetic import Math
    from snnrun.model.network import Seeds

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

CONNECTIVITY_BYTES = 1 << 30
SEEDS = 256  # seeds whose parts are kept: repetitions are the fastest axis of a sweep, and each value has them all
PARTS_BYTES = 1 << 28
UNCOMPILED = "NUMBA_DISABLE_JIT is set: Python runs the kernel as it stands, which is slow"


@dataclass(slots=True)
class Table(Generic[K, V]):
    """Entries by key, the last used one last.

    Args:
        most: Entries to keep; None for all.
        limit: Bytes to keep; an entry that is larger is not kept.
        size: Bytes of an entry, which may grow.
    """

    most: int | None = None
    limit: int | None = None
    size: Callable[[V], int] = lambda _entry: 0
    entries: dict[K, V] = field(default_factory=dict)
    _counted: int = 0  # bytes, without what entries have grown since all were looked at
    _gets: int = 0  # since then

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The entry of a key, made when there is none."""
        is_known = key in self.entries
        entry = self.entries.pop(key) if is_known else make()
        self.entries[key] = entry
        self._count(None if is_known else entry)
        while self._is_over():
            self._counted -= self.size(self.entries.pop(next(iter(self.entries))))
        return entry

    def _count(self, added: V | None) -> None:
        """Count the bytes: all entries once in as many calls as there are, so that a call takes no longer for many."""
        self._gets += 1
        self._counted += 0 if added is None else self.size(added)
        if self._gets > len(self.entries):
            self._counted, self._gets = self.bytes, 0

    @property
    def bytes(self) -> int:
        """Memory of all entries."""
        return sum(map(self.size, self.entries.values()))

    def _is_over(self) -> bool:
        return (self.most is not None and len(self.entries) > self.most) or (
            self.limit is not None and self._counted > self.limit and bool(self.entries)
        )


@dataclass(slots=True)
class Structure:
    """What networks have in common that consist of the same objects.

    Args:
        network: The first of them.
        kernel: Text of their kernel.
        parts: What they are built of, by their seeds.
        networks: Number of networks so far.
    """

    network: Network
    kernel: Kernel
    parts: Table[Seeds, BuiltParts]
    networks: int = 0


class RunCache:
    """The cache of one process.

    Args:
        limit: Bytes of connections to keep at most; 0 where no later run is expected to have the same ones.
        seeds: Seeds whose parts are kept; 1 where each run has other seeds.
        profiled: Whether kernels measure how long the parts of a step take.
    """

    def __init__(self, limit: int = 0, seeds: int = SEEDS, *, profiled: bool = False) -> None:
        self.seeds = seeds
        self.profiled = profiled
        self.kernels: Table[tuple[str, Math], tuple[Compiled, NativeKernel | PythonKernel]] = Table()
        self.structures: Table[tuple[object, ...], Structure] = Table(most=1)
        self.connections: Table[str, Connectivity] = Table(limit=limit, size=lambda made: made.bytes)
        self.shared: Table[tuple[int, str], SharedState] = Table(most=1)

    def generate(self, network: Network) -> Kernel:
        """The kernel of a network; one of the same structure has the same."""
        from snnrun.codegen.kernel import generate  # noqa: PLC0415 - only to run

        def make() -> Structure:
            parts: Table[Seeds, BuiltParts] = Table(self.seeds, PARTS_BYTES, attrgetter("bytes"))
            return Structure(network, generate(network, profiled=self.profiled), parts)

        structure = self.structures.get(_identity(network), make)
        structure.networks += 1
        return structure.kernel

    def parts(self, network: Network) -> BuiltParts | None:
        """The parts that a network has in common with others; None for the first of its structure."""
        structure = self.structures.entries.get(_identity(network))
        if structure is None or structure.networks < 2:
            return None  # a copy of the only one would be of no use
        return structure.parts.get(network.seeds, BuiltParts)

    def compile(self, kernel: Kernel) -> tuple[Compiled, NativeKernel | PythonKernel]:
        """The machine code of a kernel."""
        return self.kernels.get((kernel.structure, kernel.math), lambda: _compile(kernel))

    def connectivity(self, key: str | None, make: Callable[[], Connectivity]) -> Connectivity:
        """The connections of a key; those without a key are not kept."""
        return make() if key is None else self.connections.get(key, make)

    def shared_state(self, phase: int, key: str) -> SharedState:
        """What a run leaves at the end of a phase for other runs."""
        from snnrun.engine.checkpoint import SharedState  # noqa: PLC0415 - few sweeps share a phase

        return self.shared.get((phase, key), lambda: SharedState(phase))


def _compile(kernel: Kernel) -> tuple[Compiled, NativeKernel | PythonKernel]:
    from snnrun.codegen.cache import Compiled, obtain  # noqa: PLC0415 - the compiler is imported only to run
    from snnrun.codegen.native import NativeKernel, PythonKernel, compiles  # noqa: PLC0415

    if not compiles():
        return Compiled(b"", "", cached=False, note=UNCOMPILED), PythonKernel(kernel.text)
    compiled = obtain(kernel.text, kernel.structure, kernel.math)
    return compiled, NativeKernel(compiled.object)


_parts_of = attrgetter(*(f.name for f in fields(Network) if f.name != "seeds"))


def _identity(network: Network) -> tuple[object, ...]:
    """A network without its seeds: two that are equal differ in seeds and in the values of `Parameter`s only.

    Objects stand for themselves by their `id`, so whoever keeps it must keep the network.
    """
    return tuple([value if isinstance(value, str | int | float | Enum) else id(value) for value in _parts_of(network)])

"""How much memory a network will take, before it is built."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import numpy as np
import psutil

from snnrun.codegen.arguments import ArrayKey, ArrayUse
from snnrun.codegen.module import Kernel
from snnrun.connect.builder import BLOCK, WIDEST_TABLE, index_dtype, is_large
from snnrun.connect.partners import is_listed
from snnrun.engine.monitors import buffer_bytes
from snnrun.engine.values import STORED
from snnrun.engine.watch import MOST as MOST_COPIED
from snnrun.equations.dag import Kind, is_fixed
from snnrun.errors import Diagnostic, ExperimentError, RunError
from snnrun.kernels.arithmetic import Precision
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.expected import expected_synapses, synapses_of
from snnrun.model.network import (
    Network,
    Stored,
    Synapses,
)
from snnrun.model.size import least_bytes
from snnrun.source import Span

PROGRAM = 1.2e8  # bytes of the interpreter and the libraries of a run whose kernel is in the cache
FORCE = "SNNRUN_IGNORE_MEMORY"
MOST_OF_FREE = 0.9
_LONGEST_DELAY = 64  # steps that spikes are kept for where delays are known only once they are drawn
_RUN = 36  # bytes of a source's synapses of one rule, see `connect.runs.Runs`
_SMALL = 120  # bytes a synapse while numpy makes and sorts them, beside what is kept
_LISTED = 24  # bytes a synapse while a rule's pairs are sorted by source
_KEPT_LIST = 8  # of which stay


def refuse_too_large(network: Network, kernel: Kernel, place: Callable[[str], Span | None]) -> None:
    """Stop before anything is allocated when a network needs more than 90 % of the free memory.

    Args:
        network: The network.
        kernel: Its kernel.
        place: Where the file has the object of a path (`groups.x`).

    Raises:
        RunError: RUN304, unless the environment variable SNNRUN_IGNORE_MEMORY is set.
    """
    needed, free = expected_memory(network, kernel), psutil.virtual_memory().available
    if needed > MOST_OF_FREE * free and not os.environ.get(FORCE):
        raise RunError(_too_large(network, f"{_size(needed)}, {_size(free)} are free", place))


def refuse_larger_than_machine(network: Network, kernel: Kernel, place: Callable[[str], Span | None]) -> None:
    """The same for a machine on which nothing else runs: a network that needs more memory than it has.

    Args:
        network: The network.
        kernel: Its kernel.
        place: Where the file has the object of a path (`groups.x`).

    Raises:
        ExperimentError: RUN304, unless the environment variable SNNRUN_IGNORE_MEMORY is set.
    """
    needed, there = expected_memory(network, kernel), psutil.virtual_memory().total
    if needed > there and not os.environ.get(FORCE):
        raise ExperimentError(_too_large(network, f"{_size(needed)}, this machine has {_size(there)}", place))


def _too_large(network: Network, sizes: str, place: Callable[[str], Span | None]) -> Diagnostic:
    least = least_bytes(network)
    largest = max(least, key=least.__getitem__)
    advice = f"make the network smaller (or set {FORCE}=1 to try all the same)"
    message = f"not enough memory: the network needs about {sizes}; `{largest}` takes most of it"
    return Diagnostic("RUN304", message, place(largest), advice)


def _size(number: float) -> str:
    return f"{number / 1e9:,.{0 if number >= 1e11 else 1}f} GB"


def expected_memory(network: Network, kernel: Kernel) -> float:
    """Bytes that a process will take at the peak while it builds and runs a network."""
    asked = {array.key for array in kernel.arrays}
    synapses = [_synapses(s, network, asked) for s in network.synapses.values()]
    kept = sum(float(_group(network, g.path)) for g in network.groups.values()) + sum(k for k, _ in synapses)
    kept += sum(buffer_bytes(network, m) for m in network.monitors) + _buffers(network, kernel)
    changing = network.changing_variables
    state = sum(8.0 * g.size for g in network.groups.values() for s in g.stored if _name(s) in changing)
    for each in network.synapses.values():
        learning = [s for s in each.stored if _name(s) in changing]
        state += _bytes_of(learning, network) * synapses_of(each)
    copies = state if state <= MOST_COPIED else 0.0
    return PROGRAM + kept + max(copies, max((temporary for _, temporary in synapses), default=0.0))


def _name(stored: Stored) -> tuple[str, str]:
    return stored.variable.owner, stored.variable.name


def _variables(synapses: Synapses, network: Network) -> int:
    """Bytes of a synapse's variables."""
    return _bytes_of(synapses.stored, network)


def _bytes_of(variables: Iterable[Stored], network: Network) -> int:
    """Bytes of some variables of one synapse."""
    real = 4 if network.precision is Precision.SINGLE else 8
    return sum(real if s.kind is Kind.FLOAT else np.dtype(STORED[s.kind]).itemsize for s in variables)


def _synapses(synapses: Synapses, network: Network, asked: set[ArrayKey]) -> tuple[float, float]:
    """Bytes that are kept, and bytes taken for a while."""
    m, path = synapses_of(synapses), synapses.path
    sources, targets = (
        network.groups[end.group].size if end.section == "groups" else end.size
        for end in (synapses.source, synapses.target)
    )
    each = float(np.dtype(index_dtype(targets)).itemsize + _variables(synapses, network))
    each += 4 if ArrayUse.PRE.of(path) in asked or ArrayUse.COLUMN_PRE.of(path) in asked else 0
    each += 9 if ArrayUse.SEEN.of(path) in asked else 0
    numbered = ArrayUse.CREATED.of(path) in asked
    ordered = ArrayUse.COLUMNS.of(path) in asked
    each += 8 if numbered or ordered else 0  # numbers as created stay with the object
    each += (8 if numbered else 0) + (8 if ordered else 0) + (8 if ArrayUse.BY_CREATION.of(path) in asked else 0)
    each += sum(12 for p in synapses.pathways if not p.uniform_delay and p is not synapses.sorting)
    rows = 8.0 * network.threads * (sources + 1)
    table = 4.0 * network.threads * sources * (_LONGEST_DELAY + 1)
    if synapses.sorting is not None:
        small = table <= 4.0 * max(4 * m, 1 << 16) and _LONGEST_DELAY <= WIDEST_TABLE
        rows += table if small else 4 * m
    if not is_large(synapses):
        return each * m + rows, _SMALL * m
    runs = sum(min(r.source.size, expected_synapses(r) or 0) for r in synapses.connect)
    listed = sum(expected_synapses(r) or 0 for r in synapses.connect if is_listed(r))
    buffers = network.threads * BLOCK * (24.0 + _variables(synapses, network))
    kept = each * m + rows + _RUN * runs + _KEPT_LIST * listed
    return kept, buffers + (_LISTED - _KEPT_LIST) * listed + _RUN * runs + (32 * m if ordered else 0)


def _group(network: Network, path: str) -> float:
    group = network.groups[path.partition(".")[2]]
    depths = dict.fromkeys(group.sources, 2.0)
    for s in network.synapses.values():
        for pathway in s.pathways:
            source = s.trigger(pathway)
            if source in depths:
                known = pathway.delay is None or is_fixed(pathway.delay)
                steps = float(evaluate(pathway.delay, Environment())) if known and pathway.delay is not None else 0.0
                depths[source] = max(depths[source], 2 + (steps if known and pathway.uniform_delay else _LONGEST_DELAY))
    return group.size * (8.0 * len(group.stored) + sum(1 + 4 * depth for depth in depths.values()))


def _buffers(network: Network, kernel: Kernel) -> float:
    """Bytes of arrays that only the kernel knows."""
    size = 0.0
    for array in set(kernel.arrays):
        section, _, name = array.key.owner.partition(".")
        if array.length is not None and section == "groups":
            size += 8 * network.groups[name].size
        elif array.length is not None and section == "synapses":
            size += 8 * synapses_of(network.synapses[name])
    return size

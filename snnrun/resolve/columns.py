"""Columns of timed arrays that do not exist, as far as the file tells."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from snnrun.equations.dag import CHANGING, Node
from snnrun.equations.exact import OPEN
from snnrun.equations.scope import ArrayFunction, Typed
from snnrun.errors import at
from snnrun.model.evaluate import Environment, Values
from snnrun.source import Span

_MOST = 4096  # elements that are tried: spread evenly, the first and the last included


def must_exist(symbols: Mapping[str, Typed], dt: float, array: ArrayFunction, column: Node, span: Span) -> None:
    """Refuse a column of a timed array that does not exist.

    Args:
        symbols: Names where the array is used.
        dt: The step. [s]
        array: The array, of two dimensions.
        column: The number of the column as a graph.
        span: Its place.

    Raises:
        ExperimentError: NET153.
    """
    assert array.columns is not None
    found = _missing_column(column, array.columns, symbols, dt)
    if found is not None:
        number, neuron = found
        whose = "" if neuron is None else f", of neuron {neuron}"
        last = array.columns - 1
        advice = f"write `clip(..., 0, {last})` if the outermost are meant" if last else "it has one column: write `0`"
        raise at(span, "NET153", f"`{array.name}` has columns 0 to {last}, this is {number}{whose}", advice)


def _missing_column(
    column: Node, columns: int, symbols: Mapping[str, Typed], dt: float
) -> tuple[int, int | None] | None:
    """A column that is asked for and does not exist, of columns that follow from constants and the `i` of a group.

    Args:
        column: The number of the column as a graph.
        columns: How many there are.
        symbols: Names where the array is used.
        dt: The step. [s]

    Returns:
        The column and the neuron that asks for it (None where all do); None when all exist or it depends on the run.
    """
    own, size = symbols.get("i"), symbols.get("N")
    if "N_incoming" in symbols:  # of synapses, of which few may exist
        own = None
    known: dict[int, tuple[Node, np.ndarray]] = {}
    if own is not None and size is not None and size.exact is not None and size.exact is not OPEN:
        count = max(int(size.value), 1)
        elements = np.unique(np.linspace(0, count - 1, min(count, _MOST)).astype(np.int64))
        known[id(own.node)] = own.node, elements
    if not _is_settled(column, known.keys()):
        return None
    found = np.asarray(Values(Environment(dt=dt), known.values()).of(column))
    wrong = (found < 0) | (found >= columns)
    if not wrong.any():
        return None
    if not found.ndim:
        return int(found), None
    k = int(np.argmax(wrong))
    return int(found[k]), int(elements[k])


def _is_settled(node: Node, known: Container[int]) -> bool:
    """Whether a graph has no leaf that only the run knows."""
    stack = [node]
    while stack:
        n = stack.pop()
        if id(n) in known:
            continue
        if n.op in CHANGING:
            return False
        stack.extend(n.args)
    return True

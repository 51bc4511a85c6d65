"""Lists in expressions: one number an element, so their length is how many elements there are."""

from __future__ import annotations

from snnrun.equations.dag import Node, Op, walk
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.source import Span


def values_of(number: int) -> str:
    """How many values there are, in words."""
    return "1 value" if number == 1 else f"{number} values"


def lists_must_fit(node: Node, size: int, span: Span | None, what: str, elements: str = "values are needed") -> None:
    """Refuse a graph with a list that has more or fewer numbers than there are elements.

    Args:
        node: The graph.
        size: Number of elements.
        span: Place of the list.
        what: The list, for messages.
        elements: What there are of the elements, for messages: `5 synapses are made`.

    Raises:
        ExperimentError: NET141.
    """
    for n in walk(node):
        if n.op is Op.LIST and len(n.payload) != size:  # type: ignore[arg-type] # that of a list
            number = values_of(len(n.payload))  # type: ignore[arg-type]
            message = f"{what} has {number}, {size} {elements}"
            raise ExperimentError(Diagnostic("NET141", message, span))

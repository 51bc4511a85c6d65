"""Which elements a text means: `all`, a list, a slice, a condition on `i`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from snnrun.equations.ast import ListOf
from snnrun.equations.dag import Kind, Node, Op, walk
from snnrun.equations.exact import WIDEST
from snnrun.equations.scope import Typed
from snnrun.errors import at
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import Indices, IntArray, SynapseChoice, evenly
from snnrun.resolve.context import Context, Path, exact_int
from snnrun.resolve.series import is_spaced, read_series
from snnrun.source import Span
from snnrun.spec.nodes import ListNode, ScalarNode
from snnrun.units.dimensions import ONE

_LOWEST = -(2**31)  # numbers of synapses are checked once there are synapses
MOST_TRIED = 1 << 24  # elements on which a condition is tried; checking a file must neither take long nor much memory
_BLOCK = 1 << 18
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(\d+)\s*)?")


def select_indices(context: Context, path: Path, size: int, what: str) -> Indices:
    """Indices within 0 to size - 1, all different, in the order the user gave.

    Args:
        context: The resolution.
        path: Where the choice stands: `all`, a list, a slice, or a condition on `i`.
        size: How many elements there are.
        what: Who chooses, for messages.

    Raises:
        ExperimentError: NET120 for an index outside, an empty selection, or text that selects nothing; NET131 for an
            index that is named twice.
    """
    if _is_all(context, path):
        return range(size)
    g = context.graph

    def symbols() -> dict[str, Typed]:
        return {"i": Typed(g.node(Op.INDEX, (), Kind.INT, "own"), ONE), "N": exact_int(g, "N", size)}

    choice = _choice(context, path, symbols, -size, what)
    if choice.cut is not None:
        return _sliced(choice.cut, size, what, choice.span)
    if choice.condition is not None:
        return _fulfilling(context, choice.condition, choice.span, size, what)
    assert choice.numbers is not None
    return _checked(context, path, choice.numbers, size, what)


def choose_synapses(context: Context, path: Path, ends: Mapping[str, int], what: str) -> SynapseChoice:
    """Some synapses of an object: a list of numbers, a slice, or a condition on `i` and `j`.

    Args:
        context: The resolution.
        path: Where the choice stands.
        ends: Elements of the source and of the target by the names `N_pre` and `N_post`, where they are known.
        what: Who chooses, for messages.

    Raises:
        ExperimentError: NET120 for an empty list, or text that chooses nothing.
    """
    g = context.graph

    def symbols() -> dict[str, Typed]:
        found = {end: Typed(g.node(Op.INDEX, (), Kind.INT, end), ONE) for end in ("i", "j")}
        return found | {name: exact_int(g, name, n) for name, n in ends.items()}

    return _choice(context, path, symbols, _LOWEST, what)


def _is_all(context: Context, path: Path) -> bool:
    node = context.document.node(path)
    return isinstance(node, ScalarNode) and context.text(path).value.strip() == "all"


def _choice(
    context: Context, path: Path, symbols: Callable[[], Mapping[str, Typed]], lowest: int, what: str
) -> SynapseChoice:
    """A choice as it is written: numbers, a slice, or a condition on the indices of an element.

    Args:
        context: The resolution.
        path: Where it stands.
        symbols: Makes the names that a condition may use beside constants.
        lowest: The least number.
        what: Who chooses, for messages.
    """
    node, each = context.document.node(path), f"an index of {what}"
    if is_spaced(node):
        return _numbered(context, path, _evenly(context, path, what).tolist(), what)
    if isinstance(node, ListNode):
        return _numbered(
            context, path, [context.integer((*path, k), each, lowest) for k in range(len(node.items))], what
        )
    text = context.text(path)
    found = _SLICE.fullmatch(text.value)
    if found:
        return SynapseChoice(what, text.span(), cut=slice(*(int(g) if g else None for g in found.groups())))
    expr = context.expression(path)
    if isinstance(expr, ListOf):
        return _numbered(context, path, [context.integer_of(item, each, lowest) for item in expr.items], what)
    known = symbols()
    typed = context.checker(known, what).check(expr)
    if any(n.op in {Op.VARIABLE, Op.TIME, Op.STEP} for n in walk(typed.node)):
        names = ", ".join(f"`{name}`" for name in known)
        raise at(expr.span, "NET120", f"{what}: the choice may use {names} and constants only")
    if typed.node.kind is Kind.BOOL:
        return SynapseChoice(what, expr.span, condition=typed.node)
    if typed.exact is None:
        indices = " and ".join(f"`{name}`" for name in ("i", "j") if name in known)
        message = f"{what}: write a list, a slice such as `0:10`, `all`, or a condition on {indices}"
        raise at(expr.span, "NET120", message)
    return _numbered(context, path, [context.integer_of(expr, each, lowest)], what)


def _evenly(context: Context, path: Path, what: str) -> IntArray:
    numbers, _ = read_series(context, path, ONE, f"an index of {what}")
    if np.any((numbers != np.floor(numbers)) | (np.abs(numbers) > WIDEST)):
        raise context.error("NET120", f"{what}: the indices must be whole numbers within 2**53", path)
    return numbers.astype(np.int64)


def _numbered(context: Context, path: Path, items: list[int], what: str) -> SynapseChoice:
    if not items:
        raise context.error("NET120", f"{what}: the list is empty", path)
    return SynapseChoice(what, context.document.span(path), numbers=np.array(items, dtype=np.int64))


def _sliced(wanted: slice, size: int, what: str, span: Span) -> range:
    if wanted.stop is not None and wanted.stop > size:
        raise at(span, "NET120", f"{what}: the slice ends at {wanted.stop}, but there are only {size}")
    if wanted.step == 0:
        raise at(span, "NET120", f"{what}: the step of a slice must be at least 1")
    indices = range(size)[wanted]
    if not len(indices):
        raise at(span, "NET120", f"{what}: this slice is empty")
    return indices


def _checked(context: Context, path: Path, ids: IntArray, size: int, what: str) -> Indices:
    wrong = ids[(ids >= size) | (ids < -size)]
    if len(wrong):
        raise context.error("NET120", f"{what}: index {wrong[0]} is outside 0 to {size - 1}", path)
    ids = np.where(ids < 0, ids + size, ids)
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        raise context.error("NET131", f"{what}: index {values[counts > 1][0]} is named twice", path)
    return evenly(ids)


def _fulfilling(context: Context, condition: Node, span: Span, size: int, what: str) -> Indices:
    if size > MOST_TRIED:
        raise at(
            span,
            "NET120",
            f"{what}: a condition is tried on at most {MOST_TRIED:,} elements, there are {size:,}",
            "write a slice such as `0:1000` or `::10`",
        )
    parts = []
    for first in range(0, size, _BLOCK):
        block = np.arange(first, min(first + _BLOCK, size), dtype=np.int64)
        holds = evaluate(condition, Environment(index={"own": block}, dt=context.dt))
        parts.append(block[np.broadcast_to(holds, block.shape)])
    ids = np.concatenate(parts)
    if not len(ids):
        raise at(span, "NET120", f"{what}: no index fulfils this condition")
    return evenly(ids)

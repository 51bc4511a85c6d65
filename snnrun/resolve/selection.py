"""Which elements a text means: `all`, a list, a slice, a condition on `i`."""

from __future__ import annotations

import re

import numpy as np

from snnrun.equations.ast import Expr, ListOf
from snnrun.equations.dag import Kind, Node, Op, walk
from snnrun.equations.exact import WIDEST
from snnrun.equations.scope import Typed
from snnrun.errors import at
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import Indices, IntArray, SynapseChoice, evenly
from snnrun.resolve.context import Context, Path, exact_int
from snnrun.resolve.series import is_spaced, read_series
from snnrun.source import Span
from snnrun.spec.nodes import ListNode
from snnrun.units.dimensions import ONE

_LOWEST = -(2**31)  # numbers of synapses are checked once there are synapses
MOST_TRIED = 1 << 24  # elements on which a condition is tried; checking a file must neither take long nor much memory
_BLOCK = 1 << 18
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(\d+)\s*)?")


def select_indices(context: Context, path: Path, size: int, what: str) -> Indices:
    """Indices within 0 to size - 1, all different, in the order the user gave.

    Raises:
        ExperimentError: NET120 for an index outside, an empty selection, or text that selects nothing; NET131 for an
            index that is named twice.
    """
    node = context.document.node(path)
    if is_spaced(node):
        return _checked(context, path, _evenly(context, path, what), size, what)
    if isinstance(node, ListNode):
        numbers = [context.integer((*path, k), f"an index of {what}", -size) for k in range(len(node.items))]
        return _checked(context, path, np.array(numbers, dtype=np.int64), size, what)
    text = context.text(path)
    word = text.value.strip()
    if word == "all":
        return range(size)
    found = _SLICE.fullmatch(text.value)
    if found:
        start, stop, step = (int(g) if g else None for g in found.groups())
        return _sliced(slice(start, stop, step), size, what, text.span())
    expr = context.expression(path)
    if isinstance(expr, ListOf):
        values = [context.integer_of(item, f"an index of {what}", -size) for item in expr.items]
        return _checked(context, path, np.array(values, dtype=np.int64), size, what)
    return _by_expression(context, path, size, what)


def choose_synapses(context: Context, path: Path, ends: tuple[int, int], what: str) -> SynapseChoice:
    """Some synapses of an object: a list of numbers, a slice, or a condition on `i` and `j`.

    Args:
        context: What is known so far.
        path: Where the choice stands.
        ends: Neurons of the source and of the target.
        what: Who chooses, for messages.

    Raises:
        ExperimentError: NET120 for an empty list, or text that chooses nothing.
    """
    node = context.document.node(path)
    if is_spaced(node):
        return _numbered(context, path, _evenly(context, path, what).tolist(), what)
    if isinstance(node, ListNode):
        items = [context.integer((*path, k), f"an index of {what}", _LOWEST) for k in range(len(node.items))]
        return _numbered(context, path, items, what)
    text = context.text(path)
    found = _SLICE.fullmatch(text.value)
    if found:
        return SynapseChoice(what, text.span(), cut=slice(*(int(g) if g else None for g in found.groups())))
    expr = context.expression(path)
    if isinstance(expr, ListOf):
        items = [context.integer_of(item, f"an index of {what}", _LOWEST) for item in expr.items]
        return _numbered(context, path, items, what)
    g = context.graph
    symbols = {end: Typed(g.node(Op.INDEX, (), Kind.INT, end), ONE) for end in ("i", "j")}
    symbols |= {f"N_{end}": exact_int(g, f"N_{end}", n) for end, n in zip(("pre", "post"), ends, strict=True)}
    typed = context.checker(symbols, what).check(expr)
    _refuse_variables(typed, expr.span, f"{what}: the choice may use `i`, `j`, `N_pre`, `N_post` and constants only")
    if typed.node.kind is Kind.BOOL:
        return SynapseChoice(what, expr.span, condition=typed.node)
    if typed.exact is None:
        message = f"{what}: write a list, a slice such as `0:10`, `all`, or a condition on `i` and `j`"
        raise at(expr.span, "NET120", message)
    return _numbered(context, path, [context.integer_of(expr, f"an index of {what}", _LOWEST)], what)


def _evenly(context: Context, path: Path, what: str) -> IntArray:
    numbers, _ = read_series(context, path, ONE, f"an index of {what}")
    if np.any((numbers != np.floor(numbers)) | (np.abs(numbers) > WIDEST)):
        raise context.error("NET120", f"{what}: the indices must be whole numbers within 2**53", path)
    return numbers.astype(np.int64)


def _numbered(context: Context, path: Path, items: list[int], what: str) -> SynapseChoice:
    if not items:
        raise context.error("NET120", f"{what}: the list is empty", path)
    return SynapseChoice(what, context.document.span(path), numbers=np.array(items, dtype=np.int64))


def _refuse_variables(typed: Typed, span: Span, message: str) -> None:
    if any(n.op in {Op.VARIABLE, Op.TIME, Op.STEP} for n in walk(typed.node)):
        raise at(span, "NET120", message)


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
    if not len(ids):
        raise context.error("NET120", f"{what}: the list is empty", path)
    wrong = ids[(ids >= size) | (ids < -size)]
    if len(wrong):
        raise context.error("NET120", f"{what}: index {wrong[0]} is outside 0 to {size - 1}", path)
    ids = np.where(ids < 0, ids + size, ids)
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        raise context.error("NET131", f"{what}: index {values[counts > 1][0]} is named twice", path)
    return evenly(ids)


def _by_expression(context: Context, path: Path, size: int, what: str) -> Indices:
    g = context.graph
    symbols = {"i": Typed(g.node(Op.INDEX, (), Kind.INT, "own"), ONE), "N": exact_int(g, "N", size)}
    expr = context.expression(path)
    typed = context.checker(symbols, what).check(expr)
    _refuse_variables(typed, expr.span, f"{what}: the choice may use `i`, `N` and constants only")
    if typed.node.kind is Kind.BOOL:
        return _fulfilling(context, typed.node, expr, size, what)
    if typed.exact is None:
        raise at(expr.span, "NET120", f"{what}: write a list, a slice such as `0:10`, `all`, or a condition on `i`")
    value = context.integer_of(expr, f"an index of {what}", -size)
    return _checked(context, path, np.array([value], dtype=np.int64), size, what)


def _fulfilling(context: Context, condition: Node, expr: Expr, size: int, what: str) -> Indices:
    if size > MOST_TRIED:
        raise at(
            expr.span,
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
        raise at(expr.span, "NET120", f"{what}: no index fulfils this condition")
    return evenly(ids)

"""Several numbers at one place of the file: a list, `"[1, 2, 3]*ms"`, or evenly spaced values."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np

from snnrun.equations.dag import Op, walk
from snnrun.equations.scope import Typed, must_be_number, wrong_dimension
from snnrun.errors import at
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import FloatArray
from snnrun.resolve.context import Context, Path, known
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode
from snnrun.spec.values import SPACED
from snnrun.units.dimensions import ONE, Dimension

MOST = 10**6
"""Values that a range may have."""

_NUMBER = re.compile(
    r"-?\d{1,17}(\.\d{0,17})?(e-?\d{1,2})?"
)  # needs no parser, of which lists of many would take seconds


def is_list(node: Node | None) -> bool:
    """Whether a value of the file is a list, or stands for one: `{range: [0 ms, 10 ms, 1 ms]}`."""
    return isinstance(node, ListNode) or is_spaced(node)


def is_spaced(node: Node | None) -> bool:
    """Whether a value of the file is a map that stands for evenly spaced values."""
    return isinstance(node, MapNode) and any(key in node.entries for key in SPACED)


def read_series(context: Context, path: Path, dimension: Dimension | None, what: str) -> tuple[FloatArray, Dimension]:
    """The numbers at a place of the file, in SI units.

    Args:
        context: The resolution.
        path: The place.
        dimension: That of all of them; None for that of the first.
        what: What they are, for messages: `a spike time`.

    Returns:
        The numbers, shape (n,), and their dimension.

    Raises:
        ExperimentError: NET103, EQ209, or NET139 for a range that is empty or too long.
    """
    node = context.document.node(path)
    if is_spaced(node):
        return _spaced(context, path, dimension, what)
    if isinstance(node, ListNode):
        values = []
        for k, item in enumerate(node.items):
            if dimension == ONE and isinstance(item, ScalarNode) and _NUMBER.fullmatch(item.literal):
                context.document.find((*path, k))  # it is read
                values.append(float(item.literal))
                continue
            value = _number(context, (*path, k), dimension, what)
            dimension = value.dimension if dimension is None and not value.is_zero else dimension
            values.append(value.value)
        if dimension is None and not values:
            raise context.error("NET139", f"{what}: the list is empty", path)
        return np.array(values, np.float64), dimension or ONE
    expr = context.expression(path)
    checker = context.checker({}, what, lists=True)
    typed = checker.check(expr) if dimension is None else checker.value(expr, dimension, what)
    must_be_number(typed, expr.span)
    if any(not n.args and n.op not in (Op.LIST, Op.LITERAL, Op.CONSTANT) for n in walk(typed.node)):
        raise at(expr.span, "NET103", f"{what} must be constant, this changes during the run")
    numbers = evaluate(typed.node, Environment(index={"list": slice(None)}, dt=context.dt))
    if typed.exact is not None:
        numbers = typed.value
    return np.atleast_1d(np.asarray(numbers, np.float64)), typed.dimension


def _number(context: Context, path: Path, dimension: Dimension | None, what: str) -> Typed:
    expr = context.expression(path)
    checker = context.checker({}, what)
    typed = checker.check(expr)
    must_be_number(typed, expr.span)
    if dimension is not None and not typed.fits(dimension):
        raise wrong_dimension(typed, dimension, what, expr)
    known(typed, expr.span, what)
    return typed


def _spaced(context: Context, path: Path, dimension: Dimension | None, what: str) -> tuple[FloatArray, Dimension]:
    key = next(k for k in SPACED if context.document.has((*path, k)))
    ends: list[Typed] = []
    for k in range(3 if key == "range" else 2):
        ends.append(_number(context, (*path, key, k), dimension, what))
        dimension = ends[0].dimension if dimension is None else dimension
        if not math.isfinite(ends[-1].value):
            raise context.error("NET139", f"{what}: the bounds of a range must be finite", (*path, key, k))
    assert dimension is not None
    a, b = (Fraction(end.exact) for end in ends[:2])  # type: ignore[arg-type] # a number is known
    if key == "range":
        step = Fraction(ends[2].exact)  # type: ignore[arg-type]
        number = math.ceil((b - a) / step) if step else 0
    else:
        number = context.integer((*path, "num"), "`num`", 1)
    if not 0 < number <= MOST:
        reason = "holds no values" if number < 1 else f"holds {number:.3g} values, at most {MOST:g} are taken"
        raise context.error("NET139", f"{what}: this range {reason}", (*path, key))
    places = range(number)
    if key == "range":
        return np.array([float(a + k * step) for k in places]), dimension
    last = max(number - 1, 1)
    if key == "linspace":
        return np.array([float(a + (b - a) * Fraction(k, last)) for k in places]), dimension
    if not (a > 0 and b > 0):
        raise context.error("NET139", f"{what}: `logspace` needs positive bounds", (*path, key))
    ratio = math.log(b / a)
    values = [float(a) * math.exp(ratio * k / last) for k in places]
    values[-1] = float(b) if number > 1 else float(a)
    return np.array(values), dimension

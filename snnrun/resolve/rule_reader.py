"""What the forms of connection rules share when they are read: expressions, flags, indices, values from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Expr
from snnrun.equations.check import Checker
from snnrun.equations.dag import Kind, Node, Op, Variable, walk
from snnrun.equations.scope import Typed
from snnrun.errors import at, did_you_mean
from snnrun.files.npy import Unreadable
from snnrun.model.network import (
    Initial,
    IntArray,
    NeuronSubset,
    Pairs,
    Rule,
    Stored,
)
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import Context, Path, population_of
from snnrun.resolve.delays import delay_steps
from snnrun.resolve.files import reading
from snnrun.resolve.initial import file_values
from snnrun.resolve.tables import finite_numbers, unit_of
from snnrun.source import Span
from snnrun.spec.nodes import ScalarNode
from snnrun.units.dimensions import ONE, TIME


class RuleReader:
    """One rule of `connect` while it is read.

    Args:
        context: The resolution.
        path: The rule's place in the file.
        owner: Path of the synapses object.
        number: Number of the rule.
        symbols: What its expressions may read.
        source: Where i counts; a rule may narrow it.
        target: Where j counts.
        settable: Variables of the synapses that `initial` may set.
        given: Those that the object's `initial` sets.

    Attributes:
        values: What files give to variables of this rule's synapses.
        delay: Delay in steps of this rule's synapses.
        delay_place: Its place in the file.
    """

    def __init__(
        self,
        context: Context,
        path: Path,
        owner: str,
        number: int,
        symbols: Mapping[str, Typed],
        source: NeuronSubset,
        target: NeuronSubset,
        settable: Mapping[str, Stored],
        given: frozenset[str],
    ) -> None:
        self.context = context
        self.path = path
        self.owner = owner
        self.stream = f"{owner}.connect.{number}"
        self.symbols = symbols
        self.source = source
        self.target = target
        self.settable = settable
        self.draw = context.draws(self.stream, "connect")
        self.given = given
        self.values: list[Initial] = []
        self.delay: Node | None = None
        self.delay_place: Path | None = None

    def flag(self, key: str, default: bool = False) -> bool:
        """A key that is true or false."""
        node = self.context.document.find((*self.path, key))
        return bool(node.value) if isinstance(node, ScalarNode) else default

    def optional(self, key: str, read: Callable[[Path], Node]) -> Node | None:
        """What a key gives when it is there."""
        path = (*self.path, key)
        return read(path) if self.context.document.has(path) else None

    def checker(self, what: str, symbols: Mapping[str, Typed] | None = None) -> Checker:
        """What checks expressions of the rule."""
        return self.context.checker(self.symbols if symbols is None else symbols, what, draw=self.draw)

    def condition(self, path: Path) -> Node:
        """A condition on a pair that may come to be."""
        expr = self.context.expression(path)
        return self.known_before(self.checker("`where`").condition(expr, "`where`").node, expr.span)

    def probability(self, path: Path) -> Node:
        """The probability of a pair."""
        return self.probability_of(self.checker("`p`"), self.context.expression(path))

    def probability_of(self, checker: Checker, expr: Expr) -> Node:
        """An expression as the probability of a pair."""
        typed = checker.value(expr, ONE, "a probability")
        if self.context.is_wrong(typed, lambda p: np.logical_not((p >= 0) & (p <= 1))):
            raise at(expr.span, "NET182", f"a probability lies between 0 and 1, this is {typed.value:g}")
        return self.known_before(self.context.graph.as_float(typed.node), expr.span)

    def multiplicity(self, path: Path) -> Node:
        """The number of synapses a pair."""
        expr = self.context.expression(path)
        typed = self.checker("`n`").value(expr, ONE, "the number of synapses a pair")
        if typed.node.kind is not Kind.INT:
            raise at(expr.span, "NET183", "`n` must be a whole number", "write `int(...)` to cut it")
        if self.context.is_wrong(typed, lambda number: number < 0):
            raise at(expr.span, "NET183", f"the number of synapses a pair is negative: {typed.value:g}")
        return self.known_before(typed.node, expr.span)

    def whole(self, checker: Checker, expr: Expr, unknown: str) -> Node:
        """A whole number that does not need the end that is still to be found."""
        typed = checker.check(expr)
        if typed.node.kind is not Kind.INT or not typed.dimension.is_one:
            raise at(expr.span, "NET185", "an index must be a whole number", "write `int(...)` to cut it")
        return self.known_before(typed.node, expr.span, unknown)

    def known_before(self, node: Node, span: Span, unknown: str = "") -> Node:
        """A graph that reads nothing that only synapses have, nor the end (`pre` or `post`) that is still to be found.

        Raises:
            ExperimentError: NET185, it does.
        """
        index = {"": "", "pre": "i", "post": "j"}[unknown]
        for n in walk(node):
            v = n.payload
            if unknown and n.op is Op.INDEX and v == unknown:
                raise at(span, "NET185", f"the {'source' if unknown == 'pre' else 'target'} is what this is to find")
            if not isinstance(v, Variable):
                continue
            if v.owner == self.owner and v.name not in ("i", "j"):
                name = v.name.partition(".")[0]
                raise at(span, "NET185", f"`{name}` is not known before the synapses exist")
            if (v.owner == self.owner and v.name == index) or (v.owner != self.owner and v.reach == unknown):
                end = "source" if unknown == "pre" else "target"
                name = v.name if v.owner == self.owner else f"{v.name}_{unknown}"
                raise at(span, "NET185", f"`{name}` is not known here: the {end} is what this is to find")
        return node

    def paired(self, pre: IntArray, post: IntArray, path: Path) -> Rule:
        """Listed pairs, once their indices are known to exist."""
        for ids, view, word in ((pre, self.source, "source"), (post, self.target, "target")):
            wrong = ids[(ids < 0) | (view.counted & (ids >= view.size))]
            if len(wrong):
                least = f"outside 0 to {view.size - 1}" if view.counted else "negative"
                raise self.context.error("NET184", f"{word} index {wrong[0]} is {least}", path)
        return Pairs(pre, post)

    def give(self, name: str, key: Path, values: NDArray[Any], path: Path, unit: Path, own: str | None) -> None:
        """Numbers of a file become the values of a variable, or delays, of the synapses of this rule.

        Args:
            name: The variable, or `delay`.
            key: Where it is named.
            values: One a synapse, shape (n,).
            path: Where the file is named.
            unit: Where their unit stands, if it does.
            own: The unit that the file says they are in; None when it says none.
        """
        context = self.context
        if name in context.document.keys((*self.path, "initial")) or (
            name == "delay" and context.document.has((*self.path, "delay"))
        ):
            raise context.key_error("NET188", f"`{name}` is given twice in this rule", key)
        if name == "delay" and name not in self.settable:
            scale = unit_of(context, unit, TIME, "the delay", path, own)
            with reading(context, path):
                seconds = finite_numbers(values, "delays") * scale
                if np.any(seconds < 0):
                    raise Unreadable(f"a delay is negative in row {int(np.argmax(seconds < 0)) + 1}")
            delays = Typed(context.graph.numbers(seconds), TIME)
            sender = with_clock(context, population_of(context, self.source))
            self.delay = delay_steps(sender, delays, context.document.span(key), "the delays")
            self.delay_place = key
            return
        if name not in self.settable:
            raise context.key_error(
                "NET140",
                f"`{name}` is not a variable of these synapses that can be set",
                key,
                did_you_mean(name, [*self.settable, "delay"]),
            )
        stored = self.settable[name]
        node = file_values(context, path, unit, stored, values, own)
        self.values.append(Initial(stored.variable, node, None, context.document.span(key)))

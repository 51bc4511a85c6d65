"""Values at the start of the run: expressions, lists, rules with `where`, files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnrun.equations.ast import Expr
from snnrun.equations.check import Checker, Typed, wrong_dimension
from snnrun.equations.dag import Kind, Node, Op, walk
from snnrun.errors import Diagnostic, ExperimentError, did_you_mean
from snnrun.network.context import Context, Path, at, known
from snnrun.network.files import read_numbers
from snnrun.network.ir import Initial, Network, Stored
from snnrun.spec.nodes import ListNode, MapNode
from snnrun.units.dimensions import Dimension

HIDDEN = ("i", "j", "N_incoming", "N_outgoing", "lastupdate")  # synaptic values that nobody sets


def initial_values(
    context: Context,
    path: Path,
    owner: str,
    size: int | None,
    targets: Mapping[str, Stored],
    symbols: Mapping[str, Typed],
    place: str,
) -> tuple[Initial, ...]:
    """The lines of an `initial` section, in the order written.

    Args:
        context: The resolution.
        path: The section.
        owner: Path of the object, which names the random streams.
        size: Number of elements; None where it is not known yet (synapses).
        targets: What may be set.
        symbols: What expressions may read.
        place: What this is, for messages.
    """
    lines: list[Initial] = []
    problems: list[Diagnostic] = []
    for name in context.document.keys(path):
        here = (*path, name)
        try:
            if name not in targets:
                raise context.key_error(
                    "NET140", f"`{name}` is no variable that {place} can set", here, did_you_mean(name, targets)
                )
            lines += _Values(context, here, f"{owner}.initial.{name}", size, targets[name], symbols, place).lines()
        except ExperimentError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise ExperimentError(*problems)
    return tuple(lines)


def phase_values(context: Context, network: Network, path: Path, place: str) -> list[tuple[str, Initial]]:
    """One entry of a phase's `set` that names a variable: `group.variable` or `synapses.variable`.

    Raises:
        ExperimentError: NET143 when there is no such variable, or its value is wrong.
    """
    name, _, variable = str(path[-1]).rpartition(".")
    population = context.populations.get(name)
    if population is not None:
        owner, size = population.path, population.view.size
        targets = {n: m.stored for n, m in population.members.items() if m.stored is not None}
        symbols = {**population.symbols, **{n: m.typed for n, m in population.members.items()}}
    elif name in network.synapses:
        synapses = network.synapses[name]
        owner, size = synapses.path, None
        targets = {s.variable.name: s for s in synapses.stored if s.variable.name not in HIDDEN}
        symbols = {
            **{
                s.variable.name: Typed(context.graph.variable(s.variable, s.kind), s.dimension) for s in synapses.stored
            },
            **{n: Typed(node, dimension) for n, (node, dimension) in synapses.expressions.items()},
        }
    else:
        known_names = [*context.experiment.constants, *context.populations, *network.synapses]
        raise context.key_error(
            "NET143",
            f"`{path[-1]}` is neither a constant nor a variable `group.variable` or `synapses.variable`",
            path,
            did_you_mean(name or variable, known_names),
        )
    if variable not in targets or variable in ("lastspike", "not_refractory"):
        raise context.key_error(
            "NET143", f"`{name}` has no variable `{variable}` to set", path, did_you_mean(variable, targets)
        )
    stream = f"{owner}.{'.'.join(str(step) for step in path[1:-1])}.{variable}"
    lines = _Values(context, path, stream, size, targets[variable], symbols, place).lines()
    return [(owner, line) for line in lines]


class _Values:
    """The value or values of one variable."""

    def __init__(
        self,
        context: Context,
        path: Path,
        stream: str,
        size: int | None,
        stored: Stored,
        symbols: Mapping[str, Typed],
        place: str,
    ) -> None:
        self.context = context
        self.path = path
        self.stored = stored
        self.size = size
        self.checker = context.checker(symbols, place, draw=context.draws(stream, "initial"), lists=True)

    def lines(self) -> list[Initial]:
        node = self.context.document.node(self.path)
        variable, span = self.stored.variable, self.context.document.span(self.path)
        if isinstance(node, MapNode) and "file" in node.entries:
            value = self.from_file()
            return [Initial(variable, value, None, span)]
        if isinstance(node, MapNode):
            return [self.rule(self.path)]
        if isinstance(node, ListNode):
            if any(isinstance(item, MapNode) for item in node.items):
                return [self.rule((*self.path, k)) for k in range(len(node.items))]
            value = list_node(self.context, self.path, self.size, self.stored.dimension, f"`{variable.name}`")
            return [Initial(variable, self.fitting(value), None, span)]
        return [Initial(variable, self.value(self.path), None, span)]

    def rule(self, path: Path) -> Initial:
        where = None
        if self.context.document.has((*path, "where")):
            where = self.checker.condition(self.context.expression((*path, "where")), "`where`").node
        value = self.value((*path, "value"))
        return Initial(self.stored.variable, value, where, self.context.document.span((*path, "value")))

    def value(self, path: Path) -> Node:
        expr = self.context.expression(path)
        return value_of(self.checker, self.stored, expr, self.size)

    def from_file(self) -> Node:
        numbers = read_numbers(self.context, self.path)
        if numbers.ndim != 1 or (self.size is not None and len(numbers) != self.size):
            wanted = f"{self.size} values" if self.size is not None else "one value an element"
            raise self.context.error(
                "NET141", f"the file holds an array of shape {numbers.shape}, {wanted} are needed", (*self.path, "file")
            )
        node = self.context.graph.node(Op.LIST, (), Kind.FLOAT, tuple(float(x) for x in numbers))
        return self.fitting(node)

    def fitting(self, node: Node) -> Node:
        if self.stored.kind is Kind.INT:
            return self.context.graph.as_int(node)
        if self.stored.kind is Kind.BOOL:
            return self.context.graph.binary(Op.NE, node, self.context.graph.literal(0.0))
        return node


def value_of(checker: Checker, stored: Stored, expr: Expr, size: int | None) -> Node:
    """The graph of a value for a variable, of its kind and dimension.

    Raises:
        ExperimentError: EQ205, EQ209, EQ213, or NET141 for a list of the wrong length.
    """
    graph = checker.graph
    typed = checker.check(expr)
    if stored.kind is Kind.BOOL:
        if typed.node.kind is not Kind.BOOL:
            raise at(expr.span, "EQ205", f"`{stored.variable.name}` is a boolean: write true, false or a condition")
        return typed.node
    checker.must_be_number(typed, expr.span)
    if typed.dimension != stored.dimension:
        raise wrong_dimension(typed, stored.dimension, f"the value of `{stored.variable.name}`", expr)
    length = _list_length(typed.node)
    if length is not None and size is not None and length != size:
        raise at(expr.span, "NET141", f"the list has {length} values, {size} are needed")
    if stored.kind is Kind.INT:
        if typed.node.kind is Kind.FLOAT and _list_length(typed.node) is None:
            raise at(
                expr.span,
                "EQ213",
                f"`{stored.variable.name}` is an integer, this is not a whole number",
                "write `int(...)` to cut it",
            )
        return graph.as_int(typed.node)
    return graph.as_float(typed.node)


def _list_length(node: Node) -> int | None:
    return next((len(n.payload) for n in walk(node) if n.op is Op.LIST), None)  # type: ignore[arg-type]


def list_node(context: Context, path: Path, size: int | None, dimension: Dimension, what: str) -> Node:
    """A YAML list of constants as one value an element.

    Raises:
        ExperimentError: An entry that is not a constant of the dimension, or a list of the wrong length.
    """
    node = context.document.node(path)
    assert isinstance(node, ListNode)
    if size is not None and len(node.items) != size:
        raise context.error("NET141", f"{what}: the list has {len(node.items)} values, {size} are needed", path)
    values: list[float] = []
    for k in range(len(node.items)):
        expr = context.expression((*path, k))
        checker = context.checker({}, what)
        typed = checker.check(expr)
        if typed.node.kind is Kind.BOOL:
            values.append(float(bool(typed.node.payload)))
            continue
        if typed.dimension != dimension:
            raise wrong_dimension(typed, dimension, f"each value of {what}", expr)
        values.append(known(typed, expr.span, what))
    if not np.all(np.isfinite(values)):
        raise context.error("NET141", f"{what}: the values must be finite", path)
    return context.graph.node(Op.LIST, (), Kind.FLOAT, tuple(values))

"""Values at the start of the run: expressions, lists, rules with `where`, files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Expr
from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph, Kind, Node, Op, Variable, variables_of, walk
from snnrun.equations.exact import WIDEST
from snnrun.equations.scope import Typed, must_be_number, not_whole, wrong_dimension
from snnrun.errors import Attempts, Diagnostic, Severity, at, did_you_mean
from snnrun.files.npy import Unreadable
from snnrun.model.evaluate import holds_inf
from snnrun.model.expected import exact_total
from snnrun.model.lists import lists_must_fit, values_of
from snnrun.model.network import Initial, IntArray, Network, NeuronSubset, Stored
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import KEPT_BY_THE_RUN, Context, Path, known, meanings
from snnrun.resolve.files import reading
from snnrun.resolve.group_names import seen_in
from snnrun.resolve.names import Names
from snnrun.resolve.rates import refuse_impossible
from snnrun.resolve.series import is_list, is_spaced, read_series
from snnrun.resolve.sonata import is_sonata, read_attribute, refuse_keys
from snnrun.resolve.synapse_names import HIDDEN, names_of_synapses
from snnrun.resolve.tables import finite_numbers, read_numbers, unit_of, whole_numbers
from snnrun.spec.models import PoissonGroup
from snnrun.spec.nodes import ListNode, MapNode
from snnrun.units.dimensions import Dimension

_MOST_MARKED = 1 << 27  # elements that are told apart to find values that later ones replace


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
    attempts = Attempts()
    for name in context.document.keys(path):
        here = (*path, name)
        if name not in targets:
            message = f"`{name}` is not a variable that {place} can set"
            attempts.add(context.key_error("NET140", message, here, did_you_mean(name, targets)))
            continue
        values = _Values(context, here, f"{owner}.initial.{name}", size, targets[name], symbols, place)
        lines += attempts.attempt(values.lines) or ()
    attempts.stop_if_errors()
    context.report.extend(replaced(lines, size))
    return tuple(lines)


def phase_values(context: Context, network: Network, path: Path, place: str) -> list[tuple[str, Initial]]:
    """One entry of a phase's `set` that names a variable: `group.variable`, `group.subgroup.variable` or of synapses.

    Raises:
        ExperimentError: NET143 when there is no such variable, or its value is wrong.
    """
    name, _, variable = str(path[-1]).rpartition(".")
    size: int | None
    symbols: Mapping[str, Typed]
    head, _, tail = name.partition(".")
    population = context.populations.get(head)
    part = population.subgroups.get(tail) if population is not None and tail else None
    if population is not None and (part is not None or not tail):
        owner, size = population.path, population.view.size
        targets = {n: m.stored for n, m in population.members.items() if m.stored is not None}
        symbols = Names(meanings(population.members), population.symbols)
    elif name in network.synapses:
        synapses = network.synapses[name]
        owner, size = synapses.path, exact_total(synapses)
        targets = {s.variable.name: s for s in synapses.stored}
        symbols, _ = names_of_synapses(context, synapses)
    else:
        known_names = [*context.experiment.constants, *context.populations, *network.synapses]
        known_names += context.experiment.inputs
        raise context.key_error(
            "NET143",
            f"`{path[-1]}` is neither a constant nor a variable `group.variable` or `synapses.variable`, a delay "
            "`synapses.delay` or a rate `input.rate`",
            path,
            did_you_mean(name or variable, known_names),
        )
    kept = HIDDEN if population is None else KEPT_BY_THE_RUN
    targets = {n: s for n, s in targets.items() if n not in kept and (owner, n) not in context.held}
    if variable not in targets:
        if variable in symbols or variable in kept:
            reason = "it follows from the run" if variable in kept else "its value is computed"
            settable = f"what can be set: {', '.join(f'`{n}`' for n in targets)}" if targets else None
            raise context.key_error("NET143", f"`{variable}` of `{name}` cannot be set: {reason}", path, settable)
        raise context.key_error(
            "NET143", f"`{name}` has no variable `{variable}` to set", path, did_you_mean(variable, targets)
        )
    stream = f"{owner}.{'.'.join(str(step) for step in path[1:-1])}.{variable}"
    values = _Values(context, path, stream, size, targets[variable], symbols, place)
    if part is not None:
        if targets[variable].variable.shared:
            message = f"`{variable}` is shared: all neurons have one value"
            raise context.key_error("NET143", message, path, f"set `{head}.{variable}`")
        values.narrow(part)
    lines = values.lines()
    if population is not None and isinstance(context.experiment.groups[head], PoissonGroup):
        _must_stand_still(context, path, lines)
        clocked = with_clock(context, population)
        for line in lines:
            members = population.view.members if line.part is None else line.part.members
            whose = f"`{head}`"
            refuse_impossible(clocked, line.value, members, path, whose, where=line.where, span=line.span)
    return [(owner, line) for line in lines]


def _must_stand_still(context: Context, path: Path, lines: Sequence[Initial]) -> None:
    """Refuse rates that would follow time: what a phase sets is computed once, at its start."""
    if any(n.op in (Op.TIME, Op.STEP, Op.TIMED) for line in lines for n in walk(line.value)):
        raise context.error(
            "NET135",
            "rates that a phase sets are computed once, at its start: they cannot follow time",
            path,
            "let `rates` of the group be the expression of `t`",
        )


def replaced(lines: Sequence[Initial], size: int | None, why: str = "later ones replace it") -> list[Diagnostic]:
    """Warnings of values that later ones replace for all elements before anything reads them.

    Args:
        lines: In the order in which they are set.
        size: Number of elements; None where all lines are for all of them (synapses).
        why: What replaces them, for messages.
    """
    found: list[Diagnostic] = []
    replaced_later: dict[Variable, _Replaced] = {}
    for line in reversed(lines):
        variable = line.variable
        after = replaced_later.setdefault(variable, _Replaced(1 if variable.shared else size))
        if after.holds(line.part):
            message = f"this value of `{variable.name}` does nothing: {why}"
            found.append(Diagnostic("NET189", message, line.span, "remove it", Severity.WARNING))
        if line.where is None:
            after.add(line.part)
        for read in variables_of(line.value, *(() if line.where is None else (line.where,))):
            replaced_later.pop(read, None)
    return found[::-1]


class _Replaced:
    """The elements whose values are replaced before anything reads them.

    Args:
        size: Number of elements; None where it is not known (then all or none are replaced).
    """

    def __init__(self, size: int | None) -> None:
        self.size = size
        self.all = False
        self.marked: NDArray[np.bool_] | None = None

    def holds(self, part: NeuronSubset | None) -> bool:
        """Whether all elements of a part (None: all there are) are among them."""
        return self.all or (self.marked is not None and bool(self.marked[_places(part)].all()))

    def add(self, part: NeuronSubset | None) -> None:
        """Add the elements of a part, None for all."""
        if part is None or self.size is None or part.size == self.size:
            self.all = True
        elif not self.all and self.size <= _MOST_MARKED:
            if self.marked is None:
                self.marked = np.zeros(self.size, np.bool_)
            self.marked[_places(part)] = True


def _places(part: NeuronSubset | None) -> slice | IntArray:
    """Where the neurons of a part are in arrays of the group."""
    if part is None:
        return slice(None)
    members = part.members
    if isinstance(members, range) and members.step > 0:
        return slice(members.start, members.stop, members.step)
    return part.ids


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
        self.size = 1 if stored.variable.shared else size
        self.symbols = symbols
        self.place = place
        self.draw = context.draws(stream, "initial")
        self.part: NeuronSubset | None = None
        self.checker = self.checker_of(symbols)

    def checker_of(self, symbols: Mapping[str, Typed]) -> Checker:
        return self.context.checker(symbols, self.place, draw=self.draw, lists=True)

    def narrow(self, part: NeuronSubset) -> None:
        """From here on values are those of a part of the group."""
        self.part, self.size = part, part.size
        self.checker = self.checker_of(seen_in(self.context, part, self.symbols))

    def lines(self) -> list[Initial]:
        """The lines that set it."""
        lines = self.written()
        if self.stored.variable.shared and self.stored.variable.owner.startswith("synapses."):
            for line in lines:
                self.must_be_shared(line)
        return lines

    def must_be_shared(self, line: Initial) -> None:
        """Refuse a value of all synapses that differs between them."""
        for n in walk(line.value, *(() if line.where is None else (line.where,))):
            v = n.payload
            if n.op is Op.INDEX or (isinstance(v, Variable) and not v.shared):
                name = v.name if isinstance(v, Variable) else "the index of a neuron"
                what = f"`{self.stored.variable.name}` is shared, but `{name}` differs between synapses"
                raise at(line.span or self.context.document.span(self.path), "EQ218", what)

    def written(self) -> list[Initial]:
        node = self.context.document.node(self.path)
        if isinstance(node, MapNode) and not is_spaced(node):
            return [self.line(self.from_file()) if "file" in node.entries else self.rule(self.path)]
        if isinstance(node, ListNode) and any(isinstance(item, MapNode) for item in node.items):
            return [self.rule((*self.path, k)) for k in range(len(node.items))]
        return [self.line(self.value(self.path))]

    def line(self, value: Node) -> Initial:
        return Initial(self.stored.variable, value, None, self.context.document.span(self.path), self.part)

    def rule(self, path: Path) -> Initial:
        """A value with a condition, or for a subgroup."""
        rules = self
        if self.context.document.has((*path, "subgroup")):
            rules = copy(self)
            rules.narrow(self.subgroup((*path, "subgroup")))
        where = None
        if self.context.document.has((*path, "where")):
            where = rules.checker.condition(self.context.expression((*path, "where")), "`where`").node
        value = rules.value((*path, "value"))
        span = self.context.document.span((*path, "value"))
        return Initial(self.stored.variable, value, where, span, rules.part)

    def subgroup(self, path: Path) -> NeuronSubset:
        section, _, group = self.stored.variable.owner.partition(".")
        name = self.context.text(path)
        if section != "groups":
            raise at(name.span(), "NET144", "synapses have no subgroups", "choose among them with `where`")
        if self.stored.variable.shared:
            raise at(name.span(), "NET144", f"`{self.stored.variable.name}` is shared: all neurons have one value")
        if self.part is not None:
            raise at(name.span(), "NET144", f"this is about the subgroup `{self.part.name}` already")
        return self.context.view_named(f"{group}.{name.value.strip()}", name.span(), "this value")

    def value(self, path: Path) -> Node:
        if is_list(self.context.document.node(path)):
            what = f"`{self.stored.variable.name}`"
            stored = self.stored
            infinite = not stored.state
            return list_node(self.context, path, self.size, stored.dimension, what, stored.kind, infinite=infinite)
        return value_of(self.checker, self.stored, self.context.expression(path), self.size)

    def from_file(self) -> Node:
        context, path = self.context, (*self.path, "file")
        if is_sonata(context, self.path) and any(
            context.document.has((*self.path, k)) for k in ("population", "column")
        ):
            numbers, own = read_attribute(context, self.path)
        else:
            refuse_keys(context, self.path)
            numbers, own = read_numbers(context, self.path)
        if numbers.ndim != 1 or (self.size is not None and len(numbers) != self.size):
            wanted = values_of(self.size) if self.size is not None else "one value an element"
            message = f"the file holds an array of shape {numbers.shape}, {wanted} are needed"
            raise context.error("NET141", message, path)
        return file_values(context, path, (*self.path, "unit"), self.stored, numbers, own)


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
    must_be_number(typed, expr.span)
    if not typed.fits(stored.dimension):
        raise wrong_dimension(typed, stored.dimension, f"the value of `{stored.variable.name}`", expr)
    if size is not None:
        lists_must_fit(typed.node, size, expr.span, f"the list for `{stored.variable.name}`")
    infinite = stored.kind is Kind.FLOAT and typed.exact is not None and math.isinf(typed.value)
    if infinite and (stored.state or not holds_inf(typed.node)):
        raise at(expr.span, "NET142", f"the value of `{stored.variable.name}` must be finite, this is infinite")
    if stored.kind is Kind.INT:
        node = _whole_list(graph, typed.node)
        if node.kind is Kind.FLOAT:
            raise not_whole(stored.variable.name, typed, expr)
        return node
    return graph.as_float(typed.node)


def _whole_list(graph: Graph, node: Node) -> Node:
    """A list of numbers that are all whole, such as `[1, 2.0]`, as integers; any other graph as it is."""
    if node.op is not Op.LIST or node.kind is Kind.INT:
        return node
    values = node.payload.array  # type: ignore[attr-defined] # that of a list
    whole = np.all((values == np.floor(values)) & (np.abs(values) < WIDEST))  # 2**53 may be a rounded 2**53 + 1
    return graph.numbers(values.astype(np.int64)) if whole else node


def file_values(
    context: Context, path: Path, unit: Path, stored: Stored, numbers: NDArray[Any], own: str | None
) -> Node:
    """The numbers of a file as values of a variable, one an element.

    Args:
        context: The resolution.
        path: Where the file is named.
        unit: Where the unit of the numbers stands, if it does.
        stored: The variable.
        numbers: As the file has them, shape (n,).
        own: The unit that the file says they are in; None when it says none.

    Raises:
        ExperimentError: NET147 for a unit that is missing, FIL202 for numbers that the variable cannot have.
    """
    graph, what = context.graph, f"`{stored.variable.name}`"
    scale = unit_of(context, unit, stored.dimension, what, path, own)
    with reading(context, path):
        if stored.kind is Kind.FLOAT:
            return graph.numbers(finite_numbers(numbers, f"values of {what}") * scale)
        if scale != 1:
            raise context.error("NET147", f"{what} has no unit", unit, "leave `unit` out")
        whole = whole_numbers(numbers, f"values of {what}, {_A_KIND[stored.kind]},")
        if stored.kind is Kind.INT:
            return graph.numbers(whole)
        if np.any((whole != 0) & (whole != 1)):
            k = int(np.argmax((whole != 0) & (whole != 1)))
            raise Unreadable(f"values of the boolean {what} must be 0 or 1, in row {k + 1} stands {whole[k]}")
        return graph.binary(Op.NE, graph.numbers(whole), graph.literal(0))


def list_node(
    context: Context,
    path: Path,
    size: int | None,
    dimension: Dimension,
    what: str,
    kind: Kind = Kind.FLOAT,
    *,
    infinite: bool = False,
) -> Node:
    """A YAML list of constants as one value an element.

    Args:
        context: The resolution.
        path: The list.
        size: How many are needed; None where it is not known yet.
        dimension: That of each value.
        what: What they are, for messages.
        kind: Of the values.
        infinite: Whether they may be `inf`.

    Raises:
        ExperimentError: An entry that is not a constant of the dimension and kind, or NET141 for a list of the wrong
            length.
    """
    node = context.document.node(path)
    spaced = read_series(context, path, dimension, f"each value of {what}")[0] if is_spaced(node) else ()
    number = len(node.items) if isinstance(node, ListNode) else len(spaced)
    if size is not None and number != size:
        raise context.error("NET141", f"{what}: the list has {values_of(number)}, {size} are needed", path)
    if is_spaced(node):
        if kind is not Kind.FLOAT and np.any((spaced != np.floor(spaced)) | (np.abs(spaced) >= WIDEST)):
            raise context.error("EQ213", f"{what} is {_A_KIND[kind]}, this range is not of whole numbers", path)
        return context.graph.numbers(np.asarray(spaced, np.float64 if kind is Kind.FLOAT else np.int64))
    values: list[float | int] = []
    for k in range(number):
        expr = context.expression((*path, k))
        checker = context.checker({}, what)
        typed = checker.check(expr)
        if typed.node.kind is Kind.BOOL and kind is Kind.BOOL:
            values.append(_truth(typed, expr))
            continue
        must_be_number(typed, expr.span)
        if not typed.fits(dimension):
            raise wrong_dimension(typed, dimension, f"each value of {what}", expr)
        value = known(typed, expr.span, what)
        if not math.isfinite(value) and not (infinite and holds_inf(typed.node)):
            raise at(expr.span, "NET141", f"{what}: the values must be finite")
        if kind is not Kind.FLOAT and not _is_whole(typed, value):
            beyond = f"beyond 2**53: {value:g}" if abs(value) >= WIDEST else f"not a whole number: {value:g}"
            raise at(expr.span, "EQ213", f"{what} is {_A_KIND[kind]}, this is {beyond}")
        if kind is Kind.BOOL and value not in (0, 1):
            raise at(expr.span, "EQ205", f"{what} is a boolean: write true or false, or 1 or 0")
        values.append(value)
    array = np.array(values, np.float64 if kind is Kind.FLOAT else np.int64)
    found = context.graph.numbers(array)
    return context.graph.binary(Op.NE, found, context.graph.literal(0)) if kind is Kind.BOOL else found


def _is_whole(typed: Typed, value: float) -> bool:
    """Whether a constant is a whole number within 2**53, as it is written."""
    if not math.isfinite(value):
        return False
    exact = Fraction(typed.exact if isinstance(typed.exact, Fraction) else value)
    return exact.denominator == 1 and abs(exact) <= WIDEST


def _truth(typed: Typed, expr: Expr) -> bool:
    if typed.node.op is not Op.LITERAL:
        raise at(expr.span, "NET103", "each value of a list must be constant: write true or false")
    return bool(typed.node.payload)


_A_KIND = {Kind.INT: "an integer", Kind.BOOL: "a boolean"}

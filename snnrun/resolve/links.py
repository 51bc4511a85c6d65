"""Linked variables: names of one object for what a group has, read at the moment of use and never written.

A variable is linked to the neuron of the same index, where sizes are equal; to one neuron, or to what is shared by all;
or to the neuron of an index, which is found once, before any variable has a value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnrun.equations.dag import Draw, Kind, Node, Op, Parameter, Variable, reductions_of, walk
from snnrun.equations.model import Definition
from snnrun.equations.scope import Typed
from snnrun.errors import at, did_you_mean
from snnrun.model.evaluate import evaluate
from snnrun.model.network import Group, Link, NeuronSubset, begins_with
from snnrun.resolve.context import AlreadyReported, Context, Path, Population, at_element, environment_of
from snnrun.resolve.initial import list_node
from snnrun.source import Span, Text
from snnrun.spec.nodes import ListNode, MapNode
from snnrun.units.dimensions import ONE, Dimension


class Links:
    """The linked variables of one object.

    Args:
        context: The resolution.
        path: The object in the file.
        size: Its number of elements; None for synapses, whose number is not known yet.
        names: What an `index` may read.

    Attributes:
        found: Indices to be computed when the object is built.
    """

    def __init__(self, context: Context, path: Path, size: int | None, names: Mapping[str, Typed]) -> None:
        self.context = context
        self.path = (*path, "linked")
        self.owner = ".".join(str(step) for step in path)
        self.size = size
        self.names = names
        self.found: list[Link] = []

    def refuse_unknown(self, linked: list[Definition]) -> None:
        """Refuse links of what no line of the equations calls linked.

        Raises:
            ExperimentError: NET155.
        """
        names = [d.name for d in linked]
        for name in self.context.document.keys(self.path):
            if name not in names:
                message = f"the equations have no linked variable `{name}`"
                help = did_you_mean(name, names) or f"write `{name} : unit (linked)` in the equations"
                raise self.context.key_error("NET155", message, (*self.path, name), help)

    def typed(self, d: Definition, dimension: Dimension) -> Typed:
        """What a linked variable means.

        Args:
            d: Its line.
            dimension: That of the line.

        Raises:
            ExperimentError: NET155, or EQ209 and EQ205 where it is another kind of number.
        """
        context, path = self.context, (*self.path, d.name)
        if not context.document.has(path):
            help = f"add `linked: {{{d.name}: group.variable}}`"
            raise at(d.span, "NET155", f"nothing says what `{d.name}` is linked to", help)
        given = isinstance(context.document.node(path), MapNode)
        text = context.text((*path, "from") if given else path)
        view, node, there = self.source(text)
        if node.kind is not d.kind:
            kinds = {Kind.FLOAT: "a number", Kind.INT: "an integer", Kind.BOOL: "a boolean"}
            message = f"`{d.name}` is {kinds[d.kind]}, `{text.value.strip()}` is {kinds[node.kind]}"
            raise at(d.span, "EQ205", message)
        if there != dimension:
            message = f"`{d.name}` is {dimension.describe()}, `{text.value.strip()}` is {there.describe()}"
            raise at(d.span, "EQ209", message)
        place = (*path, "index")
        index = None
        if given and context.document.has(place):
            index = self.index(d.name, place, view)
            if not _differs(node):
                help = "leave `index` out"
                raise context.error("NET155", f"`{text.value.strip()}` has one value for all", place, help)
        elif _differs(node):
            index = self.same(d.name, view, text)
        return Typed(node if index is None else at_element(context.graph, node, index), dimension)

    def source(self, text: Text) -> tuple[NeuronSubset, Node, Dimension]:
        """The neurons that a reference names, and what their variable is as they see it."""
        context, span = self.context, text.span()
        name = text.value.strip()
        head, *middle, variable = name.split(".") if "." in name else (name, "", "", "")
        if len(middle) > 1:
            raise at(
                span, "NET155", f"`{name}` names no variable", "write `group.variable` or `group.subgroup.variable`"
            )
        population = context.populations.get(head)
        if population is None and head in context.experiment.synapses:
            raise at(span, "NET155", f"`{head}` are synapses: a variable is linked to one of a group")
        if population is None and head not in context.experiment.groups:
            help = did_you_mean(head, context.experiment.groups)
            raise at(span, "NET110", f"this link: there is no group `{head}`", help)
        if population is None or population.define is None:
            raise AlreadyReported
        view = population.subgroup(middle[0], span, "this link") if middle else population.view
        population.define(variable)
        member = population.members.get(variable)
        if member is None:
            self.missing(population, variable, text)
        node, dimension = member.typed.node, member.typed.dimension  # type: ignore[union-attr] # `missing` raises
        if any(isinstance(n.payload, Draw) for n in walk(node)):
            help = "make it a parameter, or `(constant over dt)`"
            raise at(span, "NET155", f"`{variable}` of `{head}` is drawn anew wherever it is read", help)
        if reductions_of(node):
            help = "make it `(constant over dt)`"
            raise at(
                span, "NET155", f"`{variable}` of `{head}` is taken of all neurons together where it is read", help
            )
        return view, node, dimension

    def missing(self, population: Population, variable: str, text: Text) -> None:
        """Refuse the name of a variable that a group does not have."""
        if f"{population.path}.{variable}" in self.context.failed:
            raise AlreadyReported
        help = did_you_mean(variable, population.members)
        raise at(text.span(), "NET155", f"`{population.name}` has no variable `{variable}`", help)

    def same(self, name: str, view: NeuronSubset, text: Text) -> Node:
        """The index without `index`: of the only neuron there is, or of the one in the same place."""
        g = self.context.graph
        if view.size == 1:
            return g.literal(int(view.members[0]))
        if self.size is None:
            help = "write `{from: group.variable, index: ...}`, with `i` and `j`, or link to a group of one neuron"
            message = f"`{view.name}` has {view.size} neurons: nothing says which one each synapse reads"
            raise at(text.span(), "NET155", message, help)
        if self.size != view.size:
            message = f"`{view.name}` has {view.size} neurons, `{self.path[1]}` has {self.size}"
            raise at(
                text.span(), "NET155", message, "say which neuron each reads: `{from: group.variable, index: ...}`"
            )
        own = g.node(Op.INDEX, (), Kind.INT, "own")
        return own if view.whole else self.kept(name, own, view, text.span())

    def index(self, name: str, path: Path, view: NeuronSubset) -> Node:
        """The index that the file gives."""
        context = self.context
        what = f"the index of `{name}`"
        if isinstance(context.document.node(path), ListNode):
            node = list_node(context, path, self.size, ONE, what, Kind.INT)
        else:
            expr = context.expression(path)
            draw = context.draws(f"{self.owner}.linked.{name}", "initial")
            typed = context.checker(self.names, what, draw=draw, lists=True, missing=self.explain).check(expr)
            if typed.node.kind is not Kind.INT or not typed.dimension.is_one:
                raise at(expr.span, "NET155", f"{what} must be a whole number", "write `int(...)` to cut it")
            node = typed.node
        return self.kept(name, node, view, context.document.span(path))

    def explain(self, name: str) -> str:
        """Why a name is not known in an index."""
        return f"an index is found before any variable has a value: `{name}` cannot be part of it"

    def kept(self, name: str, index: Node, view: NeuronSubset, span: Span) -> Node:
        """Keep an index, to be computed when the object is built; where it can be known now, it is checked now."""
        context = self.context
        variable = Variable(self.owner, f"{name}.index")
        link = Link(variable, index, view, span)
        if self.size is not None and not any(isinstance(n.payload, Parameter) for n in walk(index)):
            link.elements(evaluate(index, environment_of(context, np.arange(self.size))), self.size)
        self.found.append(link)
        return context.graph.variable(variable, Kind.INT)


def refuse_circles(context: Context, groups: Mapping[str, Group]) -> None:
    """Refuse groups whose values at the start are computed from each other's.

    Raises:
        ExperimentError: NET155.
    """
    needed = {g.path: begins_with(g) for g in groups.values()}
    done: set[str] = set()

    def visit(path: str, line: tuple[str, ...]) -> None:
        if path in line:
            names = [p.partition(".")[2] for p in (*line[line.index(path) :], path)]
            message = f"these groups need each other's values at the start: {' -> '.join(names)}"
            raise context.key_error("NET155", message, ("groups", names[0], "initial"), "give one of them other values")
        if path not in done:
            for other in sorted(needed.get(path, ())):
                visit(other, (*line, path))
            done.add(path)

    for path in needed:
        visit(path, ())


def _differs(node: Node) -> bool:
    """Whether a graph has a value for each neuron."""
    leaves = [n for n in walk(node) if n.op in (Op.VARIABLE, Op.INDEX)]
    return not all(isinstance(n.payload, Variable) and n.payload.shared for n in leaves)

"""The variables of one object from its equations: what is stored, what is computed, what changes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from snnrun.equations.dag import Draw, Graph, Kind, Node, Op, Variable, walk
from snnrun.equations.model import Definition, Role
from snnrun.equations.parse import MAX_LEVELS
from snnrun.equations.scope import Typed, wrong_dimension
from snnrun.errors import ExperimentError, at
from snnrun.model.network import Stored
from snnrun.resolve.context import Context, Member, meanings
from snnrun.resolve.names import Names
from snnrun.units.dimensions import ONE, TIME, Dimension

_TAKEN = frozenset({"t", "dt", "i", "j", "N", "t_in_timesteps", "lastspike", "not_refractory", "xi"})


@dataclass(slots=True)
class Variables:
    """The equations of one object, with their meaning.

    Args:
        owner: Path of the object.
        definitions: Lines by name.
        dimensions: Dimension of each variable.
        members: What names mean (stored variables, and subexpressions once they are resolved).
    """

    context: Context
    owner: str
    place: str
    definitions: dict[str, Definition]
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    outer: Mapping[str, Typed] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    @property
    def stored(self) -> list[Stored]:
        """Variables with arrays, in the order of the file."""
        return [m.stored for m in self.members.values() if m.stored is not None]

    def stored_as(self, name: str) -> Stored:
        """The variable with an array that a line defines."""
        stored = self.members[name].stored
        assert stored is not None
        return stored

    def with_flag(self, flag: str, role: Role | None = None) -> list[Definition]:
        """Lines that carry a flag."""
        return [d for d in self.definitions.values() if flag in d.flags and (role is None or d.role is role)]

    def by_role(self, role: Role) -> list[Definition]:
        """Lines of one role."""
        return [d for d in self.definitions.values() if d.role is role]

    def symbols(self) -> Names[Typed]:
        """All names an expression of this object may use, those that are found later too."""
        return Names(meanings(self.members), self.outer)


def read_definitions(context: Context, owner: str, place: str, definitions: tuple[Definition, ...]) -> Variables:
    """Find dimension and storage of every line; subexpressions are resolved later.

    Raises:
        ExperimentError: A unit that does not exist, or a name that has a fixed meaning.
    """
    variables = Variables(context, owner, place, {d.name: d for d in definitions})
    for d in definitions:
        if d.name in _TAKEN or d.name.startswith("xi_"):
            raise at(d.name_span, "EQ216", f"`{d.name}` has a fixed meaning and cannot be defined")
        variables.dimensions[d.name] = _unit(context, d)
        is_stored = d.role is not Role.SUBEXPRESSION or "constant over dt" in d.flags
        if "linked" in d.flags or (d.role is Role.SUBEXPRESSION and "summed" in d.flags):
            continue
        if is_stored:
            variable = Variable(owner, d.name, shared="shared" in d.flags)
            stored = Stored(variable, d.kind, variables.dimensions[d.name], state=d.role is Role.DIFFERENTIAL)
            typed = Typed(context.graph.variable(variable, d.kind), stored.dimension)
            variables.members[d.name] = Member(typed, stored)
    return variables


def _unit(context: Context, definition: Definition) -> Dimension:
    if definition.unit is None:
        return ONE
    typed = context.unit(definition.unit)
    if typed.exact is None:
        raise at(definition.unit.span, "EQ114", "this is not a unit")
    return typed.dimension


class Lines:
    """The subexpressions and linked variables of one object, each of which becomes known before what uses it.

    Args:
        variables: The object; its members grow.
        check: Finds what a line means in the scope as it is now.
    """

    def __init__(self, variables: Variables, check: Callable[[Definition], Typed]) -> None:
        self.variables = variables
        self.check = check
        lines = [d for d in variables.by_role(Role.SUBEXPRESSION) if "summed" not in d.flags]
        self.pending = {d.name: d for d in (*lines, *variables.with_flag("linked"))}

    def define_all(self) -> None:
        """Make all of them known; errors of each line are collected."""
        for name in list(self.pending):
            with self.variables.context.collecting(self.variables.owner):
                self.define(name)

    def define(self, name: str) -> None:
        """Make a line known, those that it uses first.

        Raises:
            ExperimentError: Of this line; EQ217 for lines that use each other in a circle.
        """
        if name not in self.pending:
            return
        d, context, here = self.pending[name], self.variables.context, (self.variables.owner, name)
        opened = context.opened
        if here in opened:
            raise at(d.name_span, "EQ217", f"these {_circle(opened[opened.index(here) :])}")
        if len(opened) == MAX_LEVELS:
            raise at(d.name_span, "EQ217", f"more than {MAX_LEVELS} subexpressions use one another in a row")
        opened.append(here)
        try:
            for used in sorted(context.names_used(d.expr)) if d.expr is not None else ():
                self.define(used)
            typed = self.check(d)
            if name not in self.variables.members:
                self.variables.members[name] = Member(typed, None)
        except ExperimentError:
            if "linked" in d.flags:  # it is known what it would have been: no reader has an error of its own
                leaf = context.graph.variable(Variable(self.variables.owner, name), d.kind)
                self.variables.members[name] = Member(Typed(leaf, self.variables.dimensions[name]), None)
            raise
        finally:
            opened.pop()
            self.pending.pop(name, None)


def _circle(lines: list[tuple[str, str]]) -> str:
    """What says that lines use each other."""
    if len({owner for owner, _ in lines}) == 1:
        return f"subexpressions use each other: {' -> '.join(name for _, name in (*lines, lines[0]))}"
    names = [f"{owner.partition('.')[2]}.{name}" for owner, name in (*lines, lines[0])]
    return f"linked variables need each other: {' -> '.join(names)}"


def check_line(variables: Variables, definition: Definition, checked: Typed, per_time: bool) -> Typed:
    """Compare a right-hand side with the unit of its line.

    Raises:
        ExperimentError: EQ205, EQ209.
    """
    assert definition.expr is not None
    wanted = variables.dimensions[definition.name]
    what = f"`{definition.name}`"
    if per_time:
        wanted, what = wanted / TIME, f"the right side of `d{definition.name}/dt`"
    if definition.kind is Kind.BOOL:
        if checked.node.kind is not Kind.BOOL:
            raise at(definition.expr.span, "EQ205", f"`{definition.name}` is a boolean, this is a number")
        return checked
    if checked.node.kind is Kind.BOOL:
        raise at(definition.expr.span, "EQ205", f"{what} is a number, this is a condition", "write `int(...)`")
    if not checked.fits(wanted):
        raise wrong_dimension(checked, wanted, what, definition.expr)
    if definition.kind is Kind.INT and checked.node.kind is not Kind.INT:
        raise at(definition.expr.span, "EQ213", f"`{definition.name}` is an integer, this is not a whole number")
    graph = variables.context.graph
    return Typed(checked.node if definition.kind is Kind.INT else graph.as_float(checked.node), wanted)


def must_be_shared(node: Node, definition: Definition) -> None:
    """Refuse a shared line that uses what differs between elements.

    Raises:
        ExperimentError: EQ218.
    """
    name = differing(node)
    if name is not None:
        raise at(definition.span, "EQ218", f"`{definition.name}` is shared, but {name} differs between elements")


def differing(node: Node) -> str | None:
    """What in a graph differs between the elements of a group; None when nothing does."""
    for n in walk(node):
        own = (n.op is Op.VARIABLE and not n.payload.shared) or n.op is Op.INDEX  # type: ignore[attr-defined]
        drawn = isinstance(n.payload, Draw) and not n.payload.shared
        if own or drawn:
            return f"`{n.payload.name}`" if isinstance(n.payload, Variable) else "a value of each neuron"
    return None


def noise_leaf(graph: Graph, owner: str, *, shared: bool) -> Callable[[str], Node]:
    """The leaf of `xi` or `xi_name` of an object."""
    return lambda name: graph.node(Op.NOISE, payload=Draw(f"{owner}.{name}", "noise", shared))

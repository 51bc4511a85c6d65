"""What the stages of `resolve` share: the file, what was found so far, and the errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path as FilePath
from typing import Any, TypeAlias, TypeVar

import numpy as np

from snnrun.equations.ast import Call, Expr, names_in, walk
from snnrun.equations.check import Checker
from snnrun.equations.dag import Draw, Graph, Kind, Node, Op, Variable
from snnrun.equations.exact import OPEN
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import ArrayFunction, Elements, Scope, Typed, UserFunction
from snnrun.errors import ExperimentError, Report, at, did_you_mean
from snnrun.model.evaluate import Environment
from snnrun.model.network import SPIKE, IntArray, NeuronSubset, Seeds, Stored, TimedArray
from snnrun.resolve.columns import must_exist
from snnrun.resolve.names import Derived, Names
from snnrun.resolve.reasons import with_reasons
from snnrun.resolve.uses import Uses
from snnrun.source import Span, Text
from snnrun.spec.document import Document
from snnrun.spec.models import Experiment, Phase
from snnrun.units.dimensions import ONE, TIME, Dimension

Result = TypeVar("Result")
Path: TypeAlias = tuple[str | int, ...]
Limit: TypeAlias = tuple[Node, Callable[[Any], Any]]
"""A value as a graph, and a function that says whether a number is a wrong value of it."""
MOST_STEPS = 2**53  # up to here a number of steps times dt is exact to the last bit but one
TOO_MANY = "at most 2**53 (9e15) are counted"
KEPT_BY_THE_RUN = ("lastspike", "not_refractory")  # variables of neurons that nothing in a file sets
ALIGNED = 1e-6  # a time is a whole number of steps when it is this near to one, in steps


@dataclass(frozen=True, slots=True)
class Member:
    """What a name of a group or synapses object means: its graph as seen from its own elements."""

    typed: Typed
    stored: Stored | None


def meanings(members: Mapping[str, Member]) -> Mapping[str, Typed]:
    """The meanings of members as expressions read them."""
    return Derived(members, lambda name: members[name].typed)


@dataclass(slots=True)
class Population:
    """A group, or synapses, as other objects see it.

    Args:
        view: All its neurons.
        members: Variables and subexpressions by name.
        subgroups: Parts by name.
        frozen: Variables that keep their values while a neuron is refractory.
        constant: Parameters that nothing changes during a run.
        events: The events that its neurons can have: `spike`, unless it has no threshold, and custom ones.
        every: Steps of the run in one of its own.
        symbols: What every expression of the group knows.
        section: `groups` or `synapses`.
        hidden: Names that others do not see, and why.
        define: Makes a subexpression or linked variable known before its turn; None where that cannot be.
    """

    name: str
    view: NeuronSubset
    members: dict[str, Member]
    subgroups: dict[str, NeuronSubset]
    frozen: frozenset[str] = frozenset()
    constant: frozenset[str] = frozenset()
    events: tuple[str, ...] = (SPIKE,)
    section: str = "groups"
    hidden: Mapping[str, str] = field(default_factory=dict)
    every: int = 1
    symbols: dict[str, Typed] = field(default_factory=dict)
    define: Callable[[str], None] | None = None

    @property
    def path(self) -> str:
        """Its place in the file."""
        return f"{self.section}.{self.name}"

    @property
    def has_spikes(self) -> bool:
        """Whether it can spike."""
        return SPIKE in self.events

    def subgroup(self, name: str, span: Span, what: str) -> NeuronSubset:
        """The subgroup of a name; `what` asks for it."""
        if name not in self.subgroups:
            help = did_you_mean(name, self.subgroups) or _list_of(self.subgroups, "its subgroups are")
            raise at(span, "NET110", f"{what}: `{self.name}` has no subgroup `{name}`", help)
        return self.subgroups[name]


@dataclass(slots=True)
class Context:
    """One resolution of one file.

    Args:
        dt: The step of what is resolved: that of the run, or of a group with a clock of its own. [s]
        every: How many steps of the run that is.
        phases: Phases of the run, also where this is the network of one of them.
        constants: Values of the `constants` section and of what the file makes known (`dt`, `stimulus.columns`).
    """

    document: Document
    experiment: Experiment
    phases: Sequence[Phase] = ()
    report: Report = field(default_factory=Report)
    graph: Graph = field(default_factory=Graph)
    dt: float = 0.0
    every: int = 1
    constants: dict[str, Typed] = field(default_factory=dict)
    own_constants: dict[Path, dict[str, Typed]] = field(default_factory=dict)  # of groups and synapses, by their paths
    functions: dict[str, UserFunction] = field(default_factory=dict)
    arrays: dict[str, TimedArray] = field(default_factory=dict)
    array_functions: dict[str, ArrayFunction] = field(default_factory=dict)
    populations: dict[str, Population] = field(default_factory=dict)
    wired: dict[str, Population] = field(default_factory=dict)  # synapses, as the ends of others
    held: dict[tuple[str, str], Node] = field(default_factory=dict)  # `constant over dt`, by owner and name
    failed: set[str] = field(default_factory=set)
    files: dict[str, FilePath] = field(default_factory=dict)  # files that the experiment names, as it names them
    open: frozenset[str] = frozenset()  # constants whose values are given later, as the values of `Parameter`s
    limits: list[Limit] = field(default_factory=list)  # what the values of open constants must not do
    uses: Uses = field(default_factory=Uses)
    floats: frozenset[Path] = frozenset()  # constants that are whole numbers in some phases only: never counted as such
    opened: list[tuple[str, str]] = field(default_factory=list)  # lines that wait for one another: owner and name
    _draws: dict[str, int] = field(default_factory=dict)
    _parsed: dict[Path, Expr] = field(default_factory=dict)
    _found: dict[Callable[[Context], Any], Any] = field(default_factory=dict)

    def once(self, find: Callable[[Context], Result]) -> Result:
        """What a function finds in the file, computed once."""
        if find not in self._found:
            self._found[find] = find(self)
        return self._found[find]  # type: ignore[no-any-return]

    @contextmanager
    def collecting(self, failed: str | None = None) -> Iterator[None]:
        """Keep errors and go on; `failed` names an object whose users then report no errors about it."""
        try:
            yield
        except ExperimentError as error:
            self.report.extend(with_reasons(self, error.diagnostics))
            if failed is not None:
                self.failed.add(failed)
            self.report.stop_if_many_errors()

    def error(self, code: str, message: str, path: Path, help: str | None = None) -> ExperimentError:
        """An error at the value of a path."""
        return at(self.document.nearest_span(path), code, message, help)

    def key_error(self, code: str, message: str, path: Path, help: str | None = None) -> ExperimentError:
        """An error at the key of a path."""
        return at(self.document.key_span(path), code, message, help)

    @property
    def seeds(self) -> Seeds:
        """The four seeds of the experiment."""
        seed = self.experiment.seed
        if isinstance(seed, int):
            return Seeds(seed, seed, seed, seed)
        values = (seed.connect, seed.initial, seed.noise, seed.input)
        return Seeds(*(1 if v is None else v for v in values))

    # expressions

    def text(self, path: Path) -> Text:
        """The text at a path."""
        return self.document.text(path)

    def expression(self, path: Path) -> Expr:
        """The parsed expression at a path."""
        if path not in self._parsed:
            self._parsed[path] = parse_expression(self.text(path))
        return self._parsed[path]

    def names_used(self, expr: Expr) -> set[str]:
        """The names that an expression uses, in the bodies of the file's functions that it calls too."""
        names: set[str] = set()
        called: set[str] = set()
        stack = [(expr, frozenset[str]())]
        while stack:
            body, parameters = stack.pop()
            names |= names_in(body) - parameters
            functions = {part.function for part in walk(body) if isinstance(part, Call)} - called
            called |= functions
            found = (self.functions[name] for name in functions if name in self.functions)
            stack += ((function.body, frozenset(function.parameters)) for function in found)
        return names

    def scope(
        self,
        symbols: Mapping[str, Typed],
        place: str,
        *,
        draw: Callable[[str], Draw] | None = None,
        noise: Callable[[str], Node] | None = None,
        missing: Callable[[str], str | None] = lambda _name: None,
        lists: bool = False,
        elements: Elements | None = None,
    ) -> Scope:
        """A scope with the file's constants and functions below its own names."""

        def explain(name: str) -> str | None:
            head = name.partition(".")[0]
            if {f"constants.{name}", f"functions.{name}", f"arrays.{head}"} & self.failed:
                raise AlreadyReported
            return missing(name)

        names = Names(symbols, self.constants)
        used, called = self.uses.note_value, self._note_call
        column = partial(must_exist, symbols, self.dt)
        return Scope(
            names,
            self.functions,
            self.array_functions,
            noise,
            draw,
            explain,
            place,
            lists,
            used=used,
            called=called,
            column=column,
            elements=elements,
        )

    def _note_call(self, name: str, span: Span) -> None:
        self.uses.note(("functions" if name in self.functions else "arrays", name), span)

    def checker(self, symbols: Mapping[str, Typed], place: str, **options: Any) -> Checker:
        """A checker for expressions with these names."""
        return Checker(self.graph, self.scope(symbols, place, **options))

    def unit(self, expr: Expr) -> Typed:
        """An expression of units alone."""
        return Checker(self.graph, Scope({}, place="a unit")).check(expr)

    def draws(self, owner: str, use: str, *, shared: bool = False) -> Callable[[str], Draw]:
        """Streams of rand() and its like for one object; each use of a function has a stream of its own."""

        def draw(function: str) -> Draw:
            stem = f"{owner}.{function}"
            number = self._draws.get(stem, 0)
            self._draws[stem] = number + 1
            return Draw(f"{stem}.{number}", use, shared)

        return draw

    def constant(self, path: Path, dimension: Dimension, what: str) -> float:
        """The value of a constant expression, in SI units.

        Raises:
            ExperimentError: It is not constant, or of another dimension.
        """
        return self.constant_of(self.expression(path), dimension, what)

    def constant_of(self, expr: Expr, dimension: Dimension, what: str) -> float:
        """The value of a parsed constant expression."""
        typed = self.checker({}, what).value(expr, dimension, what)
        return known(typed, expr.span, what)

    def integer(self, path: Path, what: str, minimum: int) -> int:
        """A whole number, at least `minimum`."""
        return self.integer_of(self.expression(path), what, minimum)

    def integer_of(self, expr: Expr, what: str, minimum: int) -> int:
        """A parsed whole number, at least `minimum`."""
        value = self.constant_of(expr, ONE, what)
        if value != int(value) if np.isfinite(value) else True:
            raise at(expr.span, "NET101", f"{what} must be a whole number, this is {value:g}")
        if value < minimum:
            raise at(expr.span, "NET101", f"{what} must be at least {minimum}, this is {value:g}")
        if value > 2**31 - 1:
            raise at(expr.span, "NET101", f"{what} is too large: {value:g}")
        return int(value)

    def steps(self, path: Path, what: str, minimum: int = 0) -> int:
        """A time as a whole number of steps."""
        return self.steps_of(self.expression(path), what, minimum)

    def steps_of(self, expr: Expr, what: str, minimum: int = 0) -> int:
        """A parsed time as a whole number of steps."""
        return self.whole_steps(self.constant_of(expr, TIME, what), expr.span, what, minimum)

    def whole_steps(self, value: float, span: Span, what: str, minimum: int = 0) -> int:
        """A time in seconds as a whole number of steps.

        Raises:
            ExperimentError: NET102 when it lies between two steps, or is too small or too large.
        """
        if not np.isfinite(value):
            raise at(span, "NET102", f"{what} must be finite")
        steps = value / self.dt
        if abs(steps) > MOST_STEPS:
            raise at(span, "NET102", f"{what} is too long: {value:g} s are {steps:.3g} steps, {TOO_MANY}")
        whole = round(steps)
        if abs(steps - whole) > ALIGNED * max(1.0, abs(whole) * 1e-6):
            raise at(
                span,
                "NET102",
                f"{what} is not a whole number of steps: {value:g} s / {self.dt:g} s = {steps:g}",
                f"choose a multiple of dt; the nearest is {whole * self.dt:g} s",
            )
        if whole < minimum:
            least = "positive" if minimum == 1 else f"at least {minimum} steps" if minimum else "not negative"
            raise at(span, "NET102", f"{what} must be {least}, this is {value:g} s")
        return whole

    def is_wrong(self, typed: Typed, wrong: Callable[[Any], Any]) -> bool:
        """Whether a number is known and wrong. That of an open constant is checked when it is given (`limits`).

        Args:
            typed: The number.
            wrong: Whether a value, or each of an array, is wrong.
        """
        if typed.exact is OPEN:
            self.limits.append((typed.node, wrong))
            return False
        return typed.exact is not None and bool(wrong(typed.value))

    # names of other objects

    def view(self, path: Path, what: str) -> NeuronSubset:
        """The group or subgroup that a text names."""
        text = self.text(path)
        return self.view_named(text.value.strip(), text.span(), what)

    def view_named(self, name: str, span: Span, what: str) -> NeuronSubset:
        """The group or subgroup of a name."""
        head, _, tail = name.partition(".")
        population = self.populations.get(head)
        if f"groups.{head}.equations" in self.failed or (population is None and f"groups.{head}" in self.failed):
            raise AlreadyReported
        if population is None:
            known_names = list(self.experiment.groups)
            raise at(span, "NET110", f"{what}: there is no group `{head}`", did_you_mean(head, known_names))
        return population.subgroup(tail, span, what) if tail else population.view


class AlreadyReported(ExperimentError):
    """The object that is referred to has errors, which were reported there."""


def _list_of(names: Mapping[str, Any], lead: str) -> str | None:
    return f"{lead}: {', '.join(names)}" if names else None


def population_of(context: Context, view: NeuronSubset) -> Population:
    """The group or the synapses that a view is of."""
    return (context.populations if view.section == "groups" else context.wired)[view.group]


def known(typed: Typed, span: Span, what: str) -> float:
    """The value of a constant, or the error that it is none."""
    if typed.exact is None:
        raise at(span, "NET103", f"{what} must be constant, this changes during the run")
    return typed.value


def seen_from(graph: Graph, node: Node, reach: str) -> Node:
    """A graph of a neuron's own variables as a synapse sees it at its `pre` or `post` end."""

    def replace(n: Node) -> Node | None:
        if n.op is Op.VARIABLE:
            v = n.payload
            assert isinstance(v, Variable)
            return graph.node(Op.VARIABLE, (), n.kind, Variable(v.owner, v.name, reach, v.shared))
        if n.op is Op.INDEX and n.payload == "own":
            return graph.node(Op.INDEX, (), Kind.INT, reach)
        return None

    return graph.substitute(node, replace)


def at_element(graph: Graph, node: Node, index: Node) -> Node:
    """A graph of a neuron's own variables as it is for the neuron of an index."""

    def replace(n: Node) -> Node | None:
        if n.op is Op.VARIABLE:
            v = n.payload
            assert isinstance(v, Variable)
            return n if v.shared else graph.element(v, index, n.kind)
        return index if n.op is Op.INDEX and n.payload == "own" else None

    return graph.substitute(node, replace)


def exact_int(graph: Graph, name: str, value: int) -> Typed:
    """A whole number with a name."""
    return Typed(graph.constant(name, value), ONE, Fraction(value))


def environment_of(
    context: Context, own: IntArray, elements: IntArray | None = None, read: Callable[[Variable], Any] | None = None
) -> Environment:
    """What is known of elements before the run: their numbers, random numbers, arrays and the step.

    Args:
        context: The resolution.
        own: Their numbers as the file counts them, shape (n,).
        elements: Those that random numbers are drawn for, shape (n,); None for the same.
        read: Values of variables.
    """
    known = Environment(
        index={"own": own, "list": own},
        elements=own if elements is None else elements,
        dt=context.dt,
        seeds=context.seeds,
        arrays=context.arrays,
    )
    return known if read is None else replace(known, read=read)

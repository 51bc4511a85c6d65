"""Statements to blocks: each variable's final value as a graph of what held before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from snnrun.equations.ast import Binary, Expr, Name, Statement
from snnrun.equations.check import Checker
from snnrun.equations.dag import Kind, Node, Op, Variable, reductions_of, variables_of
from snnrun.equations.parse import parse_statements
from snnrun.equations.scope import Typed, must_be_number, not_whole, wrong_dimension
from snnrun.errors import Attempts, ExperimentError, at, did_you_mean
from snnrun.model.network import Assignment, Block, Stored
from snnrun.resolve.context import Context
from snnrun.resolve.definitions import differing
from snnrun.resolve.names import Names
from snnrun.source import Text


@dataclass(frozen=True, slots=True)
class Target:
    """A variable that statements may assign.

    Args:
        stored: The variable, with the reach it has here.
        guard: Only elements for which this holds are written (`unless refractory`); None for all.
        kept: Makes what is stored of a value, whose place it is told; None: the value itself.
    """

    stored: Stored
    guard: Node | None = None
    kept: Callable[[Typed, Expr], Node] | None = None


@dataclass(frozen=True, slots=True)
class StatementScope:
    """Where statements stand.

    Args:
        symbols: Names they may read.
        targets: Names they may assign.
        place: What this is, for messages.
        options: Randomness allowed (see `Context.scope`).
        refuse: Explains why a known name may not be assigned.
        of_all: Whether the statements act on all elements, those that reductions take; a reduction after an assignment
            then sees the new values. Else it must not.
        shared: Like `options`, for statements whose values are shared: rand() is one number for all. None where no
            statement may assign a shared variable.
    """

    symbols: Mapping[str, Typed]
    targets: Mapping[str, Target]
    place: str
    options: Mapping[str, Any]
    refuse: Callable[[str], str | None] = lambda _name: None
    shared: Mapping[str, Any] | None = None
    of_all: bool = False


def lower_statements(
    context: Context, text: Text, locale: StatementScope, before: Mapping[Variable, Node] | None = None
) -> Block:
    """The block of some statements.

    Args:
        context: The resolution.
        text: The statements.
        locale: Where they stand.
        before: Values that variables take before the first statement (event-driven equations).

    Raises:
        ExperimentError: All errors of all statements.
    """
    return _Lowering(context, locale, dict(before or {})).run(parse_statements(text))


class _Lowering:
    def __init__(self, context: Context, locale: StatementScope, values: dict[Variable, Node]) -> None:
        self.context = context
        self.graph = context.graph
        self.locale = locale
        self.values = values
        self.temporaries: dict[str, Typed] = {}
        self.symbols = Names(self.temporaries, locale.symbols)
        self.shared: list[Statement] = []

    def run(self, statements: tuple[Statement, ...]) -> Block:
        attempts = Attempts()
        self.shared = self.shared_statements(statements)
        for statement in statements:
            attempts.attempt(partial(self.statement, statement))
        for error in self.unread(statements):
            attempts.add(error)
        attempts.stop_if_errors()
        stored = [(v, n) for v, n in self.values.items() if v.owner != "local"]
        return Block(tuple(Assignment(v, n) for v, n in stored))

    def unread(self, statements: tuple[Statement, ...]) -> list[ExperimentError]:
        """Names that are written but neither variables nor read again: misspellings."""
        if not self.temporaries:
            return []
        read = {name for s in statements for name in self.context.names_used(s.value)}
        return [
            at(
                s.target_span,
                "EQ215",
                f"`{s.target}` is not a variable of {self.locale.place}, and its value is never used",
                did_you_mean(s.target, self.locale.targets),
            )
            for s in statements
            if s.target in self.temporaries and s.target not in read
        ]

    def shared_statements(self, statements: tuple[Statement, ...]) -> list[Statement]:
        """The statements that assign shared variables, and the local names that these are computed from."""
        if self.locale.shared is None:
            return []
        found: list[Statement] = []
        needed: set[str] = set()
        for s in reversed(statements):
            target = self.locale.targets.get(s.target)
            if s.target in needed if target is None else target.stored.variable.shared:
                found.append(s)
                needed |= self.context.names_used(s.value)
        return found

    def checker(self, s: Statement) -> Checker:
        options = self.locale.shared if s in self.shared and self.locale.shared is not None else self.locale.options
        return self.context.checker(self.symbols, self.locale.place, **options)

    def statement(self, s: Statement) -> None:
        target = self.locale.targets.get(s.target)
        if target is None:
            self.temporary(s)
            return
        typed = self.value(s)
        stored = target.stored
        node = self.fitting(stored, typed, s)
        if target.kept is not None:
            node = target.kept(replace(typed, node=node), s.value)
        if target.guard is not None:
            old = self.values.get(stored.variable) or self.graph.variable(stored.variable, stored.kind)
            node = self.graph.select(self.current(target.guard), node, old)
        different = differing(node) if stored.variable.shared else None
        if different is not None:
            message = f"`{s.target}` is shared by all neurons, but {different} differs between them"
            raise at(s.value.span, "EQ218", message, "assign it a value that is the same for all")
        self.values[stored.variable] = node

    def current(self, node: Node) -> Node:
        """A graph of what holds now, as one of what held before the block."""
        if self.graph.reduces:
            local = {v: n for v, n in self.values.items() if v.owner == "local"}
            known = self.values if self.locale.of_all else local
            node = self.graph.replace_variables(node, known, everywhere=True)
        return self.graph.replace_variables(node, self.values)

    def value(self, s: Statement) -> Typed:
        """The right side, combined with the old value for `+=` and its like."""
        expr = s.value
        if s.op != "=":
            expr = Binary(s.op, Name(s.target, s.target_span), s.value, s.span)
        typed = self.checker(s).check(expr)
        if self.graph.reduces and not self.locale.of_all:
            self.must_come_first(typed.node, s)
        return replace(typed, node=self.current(typed.node))

    def must_come_first(self, node: Node, s: Statement) -> None:
        """Refuse a reduction of what some neurons have changed in an earlier statement.

        Raises:
            ExperimentError: EQ219.
        """
        changed = {v for v in self.values if v.owner != "local"}
        for v in variables_of(*reductions_of(node)) if changed else ():
            if v in changed or v.owner == "local":
                message = f"this takes `{v.name}` of all neurons together after a statement has changed it in some"
                advice = "let it be the first statement, with a name of its own, such as `total = sum(v)`"
                raise at(s.value.span, "EQ219", message, advice)

    def fitting(self, stored: Stored, typed: Typed, s: Statement) -> Node:
        """The value as the variable's kind and dimension."""
        if stored.kind is Kind.BOOL:
            if typed.node.kind is not Kind.BOOL:
                raise at(s.value.span, "EQ213", f"`{s.target}` is a boolean, this is a number")
            return typed.node
        must_be_number(typed, s.value.span)
        if not typed.fits(stored.dimension):
            raise wrong_dimension(typed, stored.dimension, f"the value assigned to `{s.target}`", s.value)
        if stored.kind is Kind.INT:
            if typed.node.kind is not Kind.INT:
                raise not_whole(s.target, typed, s.value)
            return typed.node
        return self.graph.as_float(typed.node)

    def temporary(self, s: Statement) -> None:
        why = self.locale.refuse(s.target)
        if why is not None:
            raise at(s.target_span, "EQ214", why)
        if s.target not in self.temporaries and (s.target in self.symbols or s.op != "="):
            message = (
                f"`{s.target}` cannot be assigned in {self.locale.place}"
                if s.target in self.symbols
                else f"`{s.target}` is not known in {self.locale.place}"
            )
            raise at(
                s.target_span,
                "EQ214" if s.target in self.symbols else "EQ201",
                message,
                did_you_mean(s.target, self.locale.targets),
            )
        typed = self.value(s)
        leaf_variable = Variable("local", s.target)
        leaf = self.graph.node(Op.VARIABLE, (), typed.node.kind, leaf_variable)
        self.values[leaf_variable] = typed.node
        self.temporaries[s.target] = Typed(leaf, typed.dimension)

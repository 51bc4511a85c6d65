"""The checked `metrics` section and `stop_when` of phases: what a run has to compute, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from snnrun.equations.ast import Call, Expr, Name, is_zero
from snnrun.equations.dag import Kind
from snnrun.equations.parse import parse_expression
from snnrun.errors import at, did_you_mean
from snnrun.metrics.calls import checked_call
from snnrun.metrics.during import during, repetitions
from snnrun.metrics.expressions import ExpressionChecker, must_have, text_of
from snnrun.metrics.functions import FUNCTIONS
from snnrun.metrics.nonfinite import shown
from snnrun.metrics.objects import group_variable, naming_advice, synapse_variable
from snnrun.metrics.parts import RunPart
from snnrun.metrics.running import RunMetrics, Value, explained
from snnrun.metrics.terms import Condition, Metrics, Need, Term
from snnrun.model.network import Network
from snnrun.resolve.context import Context, Path
from snnrun.resolve.repeats import Plan, plan_of
from snnrun.source import Span
from snnrun.units.dimensions import TIME, Dimension

Constants = Mapping[str, tuple[float, Dimension]]
_QUANTIFIERS: dict[str, Callable[[Any], Any]] = {"any": np.any, "all": np.all}


def check_metrics(context: Context, network: Network) -> Metrics:
    """Check the `metrics` section and the `stop_when` of phases.

    Raises:
        ExperimentError: Everything that is wrong in either.
    """
    terms: dict[str, Term] = {}
    needs: list[Need] = []
    measured = {name: p.constants[name] for p in network.phases for name in p.measures}
    for name in context.experiment.metrics:
        with context.collecting(f"metrics.{name}"):
            checker = MetricChecker(context, network, terms, needs, measured)
            terms[name] = checker.number(context.expression(("metrics", name)))
    context.report.stop_if_errors()
    conditions = _Conditions(context, network, terms, needs)
    found = Metrics(terms, conditions.stops(), conditions.ends(), conditions.untils(), conditions.search(measured))
    found = replace(found, needs=tuple(needs))
    context.report.stop_if_errors()
    return found


class _Conditions:
    """Reads what is computed over monitors while the run goes on; repetitions of a phase share it."""

    def __init__(self, context: Context, network: Network, terms: Mapping[str, Term], needs: list[Need]) -> None:
        self.context = context
        self.network = network
        self.terms = terms
        self.needs = needs
        self.plan = context.once(plan_of) if network.phases else Plan()
        self._known: dict[Path, Condition | None] = {}

    def stops(self) -> dict[int, Condition]:
        """The `stop_when` of phases, by number."""
        found: dict[int, Condition] = {}
        for k, phase in enumerate(self.network.phases):
            if phase.stop_when is not None:
                path = (*self.plan.parts[k].path, "stop_when")
                checker = StopChecker(self.context, self.network, self.terms, self.needs, phase.constants)
                condition = self._read(path, checker.whole)
                found |= {} if condition is None else {k: condition}
        return found

    def ends(self) -> dict[int, dict[str, Condition]]:
        """What the ends of phases compute, by number and name."""
        found: dict[int, dict[str, Condition]] = {}
        for k, phase in enumerate(self.network.phases):
            part = self.plan.parts[k]
            for name in phase.measures:
                condition = self._end((*part.path, "at_end", name), self.plan.stretches[part.model.name])
                if condition is not None:
                    found.setdefault(k, {})[name] = condition
        return found

    def _end(self, path: Path, rounds: Sequence[tuple[int, int]]) -> Condition | None:
        if path in self._known:
            return self._known[path]
        return self._read(path, partial(self._over(rounds).value_for, str(path[-1])))

    def untils(self) -> tuple[Condition, ...]:
        """The `repeat_until` of each loop."""
        found: list[Condition] = []
        rounds: dict[Path, list[tuple[int, int]]] = {}
        for path, _, own in self.plan.loops:
            rounds.setdefault(path, []).extend(own)
        for path, _, _ in self.plan.loops:
            condition = self._read((*path, "repeat_until"), self._over(rounds[path]).whole)
            found += [] if condition is None else [condition]
        return tuple(found)

    def search(self, measured: Constants) -> Condition | None:
        """The condition of the search."""
        if self.context.experiment.search is None:
            return None
        checker = ConditionChecker(self.context, self.network, self.terms, self.needs, measured)
        return self._read(("search", "until"), checker.whole)

    def _over(self, rounds: Sequence[tuple[int, int]]) -> EndChecker:
        constants = self.network.phases[0].constants
        return EndChecker(self.context, self.network, self.terms, self.needs, constants, RunPart(tuple(rounds)))

    def _read(self, path: Path, check: Callable[[Expr], Term]) -> Condition | None:
        if path not in self._known:
            self._known[path] = None
            with self.context.collecting():
                expr = parse_expression(self.context.text(path))
                self._known[path] = Condition(path, check(expr), expr.span)
        return self._known[path]


class MetricChecker(ExpressionChecker):
    """Checks a metric. Its terms are computed from a `RunMetrics`, and note there why a value is not finite.

    Args:
        context: The file.
        network: Its network.
        metrics: The metrics above this one.
        needs: The accumulators needed so far; those that this expression needs are added.
        constants: Names of constants whose values are those of the moment.

    Attributes:
        part: The part of the run that functions are of; None for the whole run.
        in_during: Whether this is the expression in a `during`.
        latest: Where one round of a repeated part counts instead of all, what finds the rounds that may count.
    """

    number_wanted = "MET401"
    condition_wanted = "MET405"
    comparison = "count(out) > 100"
    part: RunPart | None = None
    in_during = False
    latest: Callable[[RunPart, Network, int], int | None] | None = None

    def __init__(
        self,
        context: Context,
        network: Network,
        metrics: Mapping[str, Term],
        needs: list[Need],
        constants: Constants | None = None,
    ) -> None:
        self.context = context
        self.network = network
        self.metrics = metrics
        self.needs = needs
        self.constants = constants or {}
        self.monitors = {m.name: m for m in network.monitors}

    def computed(self, expr: Expr, function: Callable[..., Any], dimension: Dimension | None, *terms: Term) -> Term:
        """A function of terms, which notes when it makes a value that is not finite of values that are."""
        plain = super().computed(expr, function, dimension, *terms)
        if dimension is None:
            return plain

        def compute(run: RunMetrics) -> Any:
            values = [term.compute(run) for term in terms]
            result = function(*values)
            if np.any(np.logical_and.reduce(np.broadcast_arrays(~np.isfinite(result), *map(np.isfinite, values)))):
                divided = function is np.divide and np.any(np.equal(values[1], 0))
                run.note(f"`{text_of(expr)}` {'divides by 0' if divided else 'is no finite number'}")
            return result

        return replace(plain, compute=compute)

    def name(self, expr: Name) -> Term:
        """Another metric, a variable at the end of the run, or a constant."""
        if expr.id in self.metrics:
            if self.part is not None:
                return self.term(self.context.expression(("metrics", expr.id)))
            return self.metric(expr)
        head, _, variable = expr.id.partition(".")
        if self.in_during and variable and (head in self.context.populations or head in self.network.synapses):
            message = f"`{expr.id}` is known at the end of the run only, not in a part of it"
            raise at(expr.span, "MET410", message, "record it: `kind: state`, and write `last(...)` or `mean(...)`")
        if expr.id not in self.monitors and variable:
            if head in self.context.populations:
                return group_variable(self.context, expr, head, variable)
            if head in self.network.synapses:
                return synapse_variable(self.network.synapses[head], expr, variable)
        advice = naming_advice(self.context, self.network, expr.id)
        if advice is not None:
            raise at(expr.span, "MET402", *advice)
        return self.constant(expr)

    def metric(self, expr: Name) -> Term:
        """Another metric."""
        term = self.metrics[expr.id]

        def compute(run: RunMetrics) -> Value:
            if expr.id in run.known:
                return run.known[expr.id]
            with run.computing(()):  # its own reasons are noted for it
                value: Value = term.compute(run)
                return value

        return explained(replace(term, compute=compute), lambda _, value: f"`{expr.id}` is {shown(value)}")

    def constant(self, expr: Name) -> Term:
        """A constant of the file, or the duration of the run or of the part of it."""
        part = self.part
        if expr.id == "duration" and part is not None:
            return Term(TIME, lambda run: run.seconds_of(part))
        if expr.id in self.constants:
            return Term(self.constants[expr.id][1], lambda run: run.constants()[expr.id])
        known = [*self.monitors, *self.context.constants]
        typed = self.context.checker({}, "a metric", missing=lambda name: did_you_mean(name, known)).check(expr)
        dt = self.context.constants["dt"].exact
        assert dt is not None

        def duration(run: RunMetrics) -> float:
            """How long the run is, or was when a phase ended early. [s]."""
            return typed.value if run.ran is None else float(Fraction(dt) * run.ran.steps)  # as planned ones are summed

        return Term(typed.dimension, duration if expr.id == "duration" else lambda _: typed.value)

    def function(self, expr: Call) -> Term:
        """A function of monitors, or of one value an element."""
        if expr.function == "during":
            return during(self, expr)
        if expr.function == "repetitions":
            return repetitions(self, expr)
        if expr.function not in _QUANTIFIERS:
            return checked_call(self, expr)
        must_have(expr, 1)
        quantify = _QUANTIFIERS[expr.function]
        inner = self.condition(expr.args[0])
        return Term(None, lambda run: quantify(inner.compute(run)), at_end=inner.at_end)

    def is_flag(self, expr: Expr) -> bool:
        """Whether this is a boolean variable of a group."""
        if not isinstance(expr, Name):
            return False
        group, _, variable = expr.id.partition(".")
        population = self.context.populations.get(group)
        member = population.members.get(variable) if population is not None else None
        return member is not None and member.stored is not None and member.stored.kind is Kind.BOOL


class ConditionChecker(MetricChecker):
    """Checks a condition of a phase."""

    def whole(self, expr: Expr) -> Term:
        """A condition with one answer.

        Raises:
            ExperimentError: It is none, or one for each neuron.
        """
        term = self.condition(expr)
        if term.is_many:
            message = "this has one answer for each neuron"
            raise at(expr.span, "MET405", message, "say when it holds: `any(...)` or `all(...)`")
        return term


class EndChecker(ConditionChecker):
    """Checks what is computed when a part of the run is over: functions are of the last time that it was.

    Args:
        part: The part.
    """

    def __init__(
        self,
        context: Context,
        network: Network,
        metrics: Mapping[str, Term],
        needs: list[Need],
        constants: Constants,
        part: RunPart,
    ) -> None:
        super().__init__(context, network, metrics, needs, constants)
        self.part = part
        self.latest = RunPart.latest_over

    def whole(self, expr: Expr) -> Term:
        """A condition with one answer, of the part that is over."""
        return self._of_part(super().whole(expr))

    def value_for(self, name: str, expr: Expr) -> Term:
        """A number for a constant.

        Raises:
            ExperimentError: It is of another dimension, or several numbers.
        """
        term, wanted = self.number(expr), self.context.constants[name].dimension
        if term.dimension != wanted and not is_zero(expr):
            raise at(expr.span, "EQ209", f"`{name}` must be {wanted.describe()}, this is {term.unit.describe()}")
        if term.is_many:
            message = "this has several values, a constant has one"
            raise at(expr.span, "MET405", message, "make one of them, for example `mean(rates(out))`")
        return self._of_part(term)

    def _of_part(self, term: Term) -> Term:
        part = self.part
        assert part is not None

        def compute(run: RunMetrics) -> Any:
            return run.in_round(part.latest_over(run.planned, run.step()), term.compute)

        return replace(term, compute=compute)


class StopChecker(ConditionChecker):
    """Checks the `stop_when` of a phase, which is looked at while the run goes on: what needs its end has no place."""

    latest = staticmethod(RunPart.latest)

    def metric(self, expr: Name) -> Term:
        """A metric that is known while the run goes on."""
        return _known_before_end(super().metric(expr), expr.id, expr.span)

    def function(self, expr: Call) -> Term:
        """A function that is known while the run goes on."""
        return _known_before_end(super().function(expr), expr.function, expr.name_span)


def _known_before_end(term: Term, name: str, span: Span) -> Term:
    if term.at_end:
        known = ", ".join(f"`{name}`" for name, forms in FUNCTIONS.items() if not forms[0].at_end)
        raise at(span, "MET405", f"`{name}` is known at the end of the run only", f"use {known}")
    return term

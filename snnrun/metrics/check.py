"""The checked `metrics` section and `stop_when` of phases: what a run has to compute, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from snnrun.equations.ast import Call, Expr, Name
from snnrun.equations.dag import Kind
from snnrun.equations.parse import parse_expression
from snnrun.errors import at, did_you_mean
from snnrun.metrics.calls import checked_call
from snnrun.metrics.during import during
from snnrun.metrics.expressions import ExpressionChecker, must_have, text_of
from snnrun.metrics.functions import FUNCTIONS
from snnrun.metrics.nonfinite import shown
from snnrun.metrics.objects import group_variable, naming_advice, synapse_variable
from snnrun.metrics.parts import RunPart
from snnrun.metrics.running import RunMetrics, Value, explained
from snnrun.metrics.terms import Condition, Metrics, Need, Term
from snnrun.model.network import Network
from snnrun.resolve.context import Context, Path
from snnrun.resolve.repeats import plan_of
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
    for name in context.experiment.metrics:
        with context.collecting(f"metrics.{name}"):
            checker = MetricChecker(context, network, terms, needs)
            terms[name] = checker.number(context.expression(("metrics", name)))
    context.report.stop_if_errors()
    read: dict[int, Condition] = {}  # repetitions share what they look at
    for phase, part in zip(network.phases, context.once(plan_of).parts, strict=True):
        if phase.stop_when is not None and id(phase.stop_when) not in read:
            path: Path = (*part.path, "stop_when")
            with context.collecting():
                stop = StopChecker(context, network, terms, needs, phase.stop_when.constants)
                read[id(phase.stop_when)] = Condition(path, stop.whole(parse_expression(context.text(path))))
    context.report.stop_if_errors()
    stops = {k: read[id(p.stop_when)] for k, p in enumerate(network.phases) if p.stop_when is not None}
    return Metrics(terms, stops, tuple(needs))


class MetricChecker(ExpressionChecker):
    """Checks a metric. Its terms are computed from a `RunMetrics`, and note there why a value is not finite.

    Args:
        context: The file.
        network: Its network.
        metrics: The metrics above this one.
        needs: The accumulators needed so far; those that this expression needs are added.
        constants: Names that have another value here than in the file.

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
    latest: Callable[[RunPart, Network, int], list[int]] | None = None

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
            value, dimension = self.constants[expr.id]
            return Term(dimension, lambda _: value)
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


class StopChecker(MetricChecker):
    """Checks the `stop_when` of a phase, which is looked at while the run goes on: what needs its end has no place."""

    latest = staticmethod(RunPart.begun)

    def whole(self, expr: Expr) -> Term:
        """A condition with one answer.

        Raises:
            ExperimentError: It is none, or one for each neuron.
        """
        term = self.condition(expr)
        if term.is_many:
            message = "this has one answer for each neuron"
            raise at(expr.span, "MET405", message, "say when the phase ends: `any(...)` or `all(...)`")
        return term

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

"""`during(expression, part)`: a metric of a part of the run instead of the whole."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from snnrun.equations.ast import Call, Expr, Name
from snnrun.errors import at, did_you_mean
from snnrun.metrics.expressions import must_have
from snnrun.metrics.parts import RunPart
from snnrun.metrics.running import RunMetrics, Value
from snnrun.metrics.terms import Term
from snnrun.resolve.context import Context
from snnrun.resolve.repeats import plan_of
from snnrun.units.dimensions import ONE

if TYPE_CHECKING:
    from snnrun.metrics.check import MetricChecker

EXAMPLE = "`during(mean_rate(out), test)` of a phase, or `during(mean_rate(out), 100 ms, 200 ms)`"


def during(checker: MetricChecker, expr: Call) -> Term:
    """A call of `during`: `(expression, phase)`, `(expression, from, to)`, or `(expression, phase, from, to)`.

    Raises:
        ExperimentError: MET410, there is no such part; or the expression is wrong.
    """
    if checker.in_during:
        raise at(expr.span, "MET410", "`during` has no place in `during`", "write each part of the run by itself")
    must_have(expr, 2, 3, 4, example="during(mean_rate(out), test)")
    context = checker.context
    part = RunPart()
    if len(expr.args) != 3:
        part = phase_part(context, expr.args[1])
    if len(expr.args) != 2:
        start, stop = (context.steps_of(arg, "a time of `during`") for arg in expr.args[-2:])
        part = replace(part, start=start, stop=stop)
        _must_lie_within(checker, part, expr.args[-1])
    inside = copy(checker)
    inside.part, inside.in_during = part, True
    inner = inside.number(expr.args[0])
    single = part.repeated is None or checker.latest is not None
    if not single and inner.is_many:
        message = f"this has several values for each repetition of `{part.repeated}`"
        raise at(expr.span, "MET406", message, "make one number of them, for example `mean(rates(out))`")

    def compute(run: RunMetrics) -> Value:
        if single:
            return run.in_round((checker.latest or RunPart.latest)(part, run.planned, run.step()), inner.compute)
        rounds = part.begun(run.planned, run.step())
        values = [np.ravel(run.in_round(k, inner.compute))[0] for k in rounds]
        return np.array(values, np.float64)

    return Term(inner.dimension, compute, inner.size if single else part.repeated, at_end=inner.at_end)


def repetitions(checker: MetricChecker, expr: Call) -> Term:
    """A call of `repetitions`: how often the run has gone through a phase, or through phases that are repeated.

    Raises:
        ExperimentError: MET410, there is no such phase.
    """
    must_have(expr, 1, example="repetitions(trial)")
    part = phase_part(checker.context, expr.args[0])
    return Term(ONE, lambda run: float(len(part.begun(run.planned, run.step()))))


def phase_part(context: Context, expr: Expr) -> RunPart:
    """The part of the run that a name stands for.

    Raises:
        ExperimentError: MET410.
    """
    if not isinstance(expr, Name):
        raise at(expr.span, "MET410", "write the name of a phase here, or two times", EXAMPLE)
    plan = context.once(plan_of)
    rounds = plan.stretches.get(expr.id)
    if rounds is None:
        advice = did_you_mean(expr.id, plan.stretches)
        if not plan.stretches:
            advice = "the run has no `phases`: write two times, for example `during(mean_rate(out), 100 ms, 200 ms)`"
        raise at(expr.span, "MET410", f"there is no phase `{expr.id}`", advice)
    return RunPart(tuple(rounds), repeated=plan.repeated.get(expr.id))


def _must_lie_within(checker: MetricChecker, part: RunPart, end: Expr) -> None:
    assert part.stop is not None
    if part.start >= part.stop:
        raise at(end.span, "MET410", "`during` ends before it begins", "write the earlier time first")
    lengths = [stop - start for start, stop in replace(part, start=0, stop=None).spans(checker.network)]
    if part.stop > max(lengths):
        what = "the phase" if part.rounds else "the run"
        raise at(end.span, "MET410", f"this lies after the end of {what}")

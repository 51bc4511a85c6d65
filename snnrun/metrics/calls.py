"""Calls of the functions of metrics: which form of a function is meant, and whether its arguments fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import UnionType
from typing import TYPE_CHECKING, Any

import numpy as np

from snnrun.equations.ast import Call, Expr, Name, Number, Quantity
from snnrun.equations.functions import FUNCTIONS as PLAIN_FUNCTIONS
from snnrun.errors import at, did_you_mean
from snnrun.metrics.expressions import must_have, text_of
from snnrun.metrics.functions import FUNCTIONS, Accumulator, Function, Input
from snnrun.metrics.parts import within
from snnrun.metrics.running import RunMetrics, Value, explained
from snnrun.metrics.samples import Moments
from snnrun.metrics.spikes import Train
from snnrun.metrics.terms import Need, Size, Term
from snnrun.model.network import Network, RateMonitor, SpikeMonitor, StateMonitor, SynapseEventMonitor
from snnrun.model.recorded import recorded_spans
from snnrun.source import Span

if TYPE_CHECKING:
    from snnrun.metrics.check import MetricChecker


def checked_call(checker: MetricChecker, expr: Call) -> Term:
    """A call of a function of metrics.

    Raises:
        ExperimentError: There is no such function, or its arguments do not fit.
    """
    forms = FUNCTIONS.get(expr.function)
    if forms is None:
        names = (*FUNCTIONS, "during", "repetitions", *PLAIN_FUNCTIONS)
        advice = did_you_mean(expr.function, names) or f"functions: {', '.join(names)}"
        raise at(expr.name_span, "EQ202", f"there is no function `{expr.function}` of monitors", advice)
    return _Call(checker, expr, _form(checker, expr, forms)).term()


def _form(checker: MetricChecker, expr: Call, forms: tuple[Function, ...]) -> Function:
    """The form that fits the arguments best, in what they are and then in how many there are."""
    given = [_kinds(checker, arg) for arg in expr.args]

    def fit(form: Function) -> tuple[int, bool]:
        wanted = (*form.inputs, *(None for _ in form.constants))
        return sum(kind in kinds for kind, kinds in zip(wanted, given, strict=False)), len(wanted) == len(given)

    return max(forms, key=fit)


def _kinds(checker: MetricChecker, arg: Expr) -> tuple[Input | None, ...]:
    """What an argument may be; None for a constant, and for a name that means nothing."""
    if isinstance(arg, Number | Quantity):
        return (None,)
    if not isinstance(arg, Name):
        return (Input.VALUES,)
    head, dot, _ = arg.id.partition(".")
    monitor = checker.monitors.get(head)
    if isinstance(monitor, StateMonitor):
        return (Input.STATE,)
    if monitor is not None and not dot:
        return (Input.SPIKES,)
    if arg.id in checker.network.synapses:
        return (Input.SYNAPSES, Input.VALUES)
    if head in checker.network.synapses and dot:
        return (Input.WEIGHTS, Input.VALUES)
    is_object = head in checker.context.populations or head in checker.network.synapses
    return (Input.VALUES if arg.id in checker.metrics or is_object else None,)


class _Call:
    """One call of one form of a function."""

    def __init__(self, checker: MetricChecker, expr: Call, form: Function) -> None:
        self.checker = checker
        self.expr = expr
        self.form = form

    def term(self) -> Term:
        """What it computes."""
        must_have(self.expr, self.form.arguments, example=self.form.example)
        inputs = self.expr.args[: len(self.form.inputs)]
        constants = self.expr.args[len(inputs) :]
        kind = self.form.inputs[0]
        match kind:
            case Input.SPIKES:
                monitors = [self.spike_monitor(arg) for arg in inputs]
                return self.of_spikes(monitors, self.values(constants))
            case Input.STATE:
                columns = [self.column(arg) for arg in inputs]
                return self.of_state(columns, self.values(constants))
            case Input.SYNAPSES:
                return self.of_synapses(inputs[0])
            case Input.WEIGHTS:
                return self.weights(inputs[0], constants)
            case Input.VALUES:
                return self.reduced(inputs[0], self.values(constants))

    def values(self, constants: tuple[Expr, ...]) -> list[Any]:
        """The constants after the inputs."""
        context = self.checker.context
        values = [read(context, arg) for read, arg in zip(self.form.constants, constants, strict=True)]
        if self.form.check is not None:
            self.form.check(self.expr, *values)
        return values

    def accumulated(
        self, make: Callable[[Network, int, int], Accumulator], inputs: list[tuple[Any, str]], size: Size | None
    ) -> Term:
        """What an accumulator of this call computes."""
        number = len(self.checker.needs)
        self.checker.needs.append(Need(make, tuple(inputs), self.checker.part))
        dimension = self.form.dimension
        if dimension is None:
            ((monitor, variable),) = inputs
            dimension = next(c.dimension for c in monitor.columns if c.name == variable)
        return Term(dimension, lambda run: run.accumulator(number).value(), size, self.form.at_end)

    def of_spikes(self, monitors: list[SpikeMonitor | SynapseEventMonitor], constants: list[Any]) -> Term:
        """Of the spikes of one or two monitors."""
        make, network, first = self.form.make, self.checker.network, monitors[0]
        assert make is not None
        if len({recorded_spans(network, monitor) for monitor in monitors}) > 1:
            self.refuse_times(monitors, "record", "give them the same `window`")

        def made(running: Network, start: int, stop: int) -> Accumulator:
            spans = [within(recorded_spans(running, m), start, stop) for m in monitors]
            trains = [Train(m.trains, own, running.dt) for m, own in zip(monitors, spans, strict=True)]
            return make(*trains, *constants)

        return self.accumulated(made, [(m, "") for m in monitors], first.trains if self.form.each else None)

    def spike_monitor(self, arg: Expr) -> SpikeMonitor | SynapseEventMonitor:
        """A monitor of spikes that has what the function needs."""
        monitor: SpikeMonitor | SynapseEventMonitor = self.monitor(arg, SpikeMonitor | SynapseEventMonitor, "spikes")
        name = self.expr.function
        if isinstance(arg, Name) and arg.id != monitor.name:
            raise at(arg.span, "NET221", f"`{name}` is of spikes, which have no variable", f"write `{monitor.name}`")
        if monitor.counts_only and not self.form.counts:
            message = f"`{monitor.name}` counts only; `{name}` needs the times of spikes"
            raise at(self.expr.span, "MET404", message, "remove `counts_only` from the monitor")
        if monitor.counts_only and self.checker.part is not None:
            message = f"`{monitor.name}` counts only; what it counts in a part of the run needs the times of spikes"
            raise at(self.expr.span, "MET404", message, "remove `counts_only` from the monitor")
        if isinstance(monitor, SynapseEventMonitor) and name != "count":
            message = f"`{monitor.name}` records events at synapses; `{name}` needs those of neurons"
            raise at(self.expr.span, "MET404", message, f"`count({monitor.name})` is how many there are")
        size, most = monitor.trains, self.form.most
        if most is not None and size > most:
            message = f"`{monitor.name}` watches {size:,} neurons; `{name}` takes at most {most:,}"
            raise at(self.expr.span, "MET405", message, "watch a subgroup")
        return monitor

    def of_state(self, columns: list[tuple[StateMonitor, str]], constants: list[Any]) -> Term:
        """Of the samples of one or two recorded variables."""
        make, first = self.form.make, columns[0][0]
        assert make is not None
        if len(columns) > 1:
            self.check_together(*(monitor for monitor, _ in columns))
        self.check_samples(first)
        size: Size | None = None
        if self.form.each:
            size = f"monitors.{first.name}" if first.number is None else first.number
        term = self.accumulated(lambda *_: make(*constants), columns, size)
        number = len(self.checker.needs) - 1

        def why(run: RunMetrics, _: Value) -> str | None:
            wrong = [run.nonfinite.why(monitor.name, variable) for monitor, variable in columns]
            accumulator = run.accumulator(number)
            if isinstance(accumulator, Moments) and accumulator.has_overflowed:
                wrong.append(f"`{text_of(self.expr)}` is too large for a number")
            return next(filter(None, wrong), None)

        return explained(term, why)

    def check_samples(self, monitor: StateMonitor) -> None:
        """Refuse more samples than the function takes."""
        steps = sum(stop - start for start, stop in recorded_spans(self.checker.network, monitor))
        samples = steps // monitor.every * (monitor.number or 1)
        if self.form.most is not None and samples > self.form.most:
            name = self.expr.function
            message = f"`{monitor.name}` takes {samples:,} samples; `{name}` keeps at most {self.form.most:,} in memory"
            raise at(self.expr.span, "MET405", message, "record fewer elements, or with a larger `dt`")

    def check_together(self, a: StateMonitor, b: StateMonitor) -> None:
        """Refuse two variables that are not sampled at the same times, in equally many elements."""
        if a.name == b.name:
            return
        network = self.checker.network
        times = [(m.every, m.slot, recorded_spans(network, m)) for m in (a, b)]
        if times[0] != times[1]:
            self.refuse_times([a, b], "sample", "give them the same `dt`, `when` and `window`")
        sizes = {m.number for m in (a, b)}
        if None in sizes or (len(sizes) > 1 and 1 not in sizes):
            message = f"`{a.name}` and `{b.name}` do not record equally many elements"
            raise at(self.expr.span, "MET406", message, "choose the same number of them with `indices`, or one")

    def refuse_times(self, monitors: list[Any], verb: str, advice: str) -> None:
        """Refuse two monitors that do not record at the same times."""
        a, b = monitors
        message = f"`{a.name}` and `{b.name}` do not {verb} at the same times"
        raise at(self.expr.span, "MET406", message, advice)

    def of_synapses(self, arg: Expr) -> Term:
        """Of all synapses of an object."""
        assert isinstance(arg, Name)
        reduce, path = self.form.reduce, self.checker.network.synapses[arg.id].path
        assert reduce is not None
        assert self.form.dimension is not None
        return Term(self.form.dimension, lambda run: float(reduce(run.final(path, "i"))))

    def weights(self, arg: Expr, ends: tuple[Expr, ...]) -> Term:
        """A variable of the synapses from some neurons, or from some to some; in creation order."""
        name = arg.id.partition(".")[0] if isinstance(arg, Name) else ""
        synapses = self.checker.network.synapses.get(name)
        if synapses is None:
            raise at(arg.span, "MET403", "write a variable of synapses here", "for example `stdp.w`")
        inner = self.checker.number(arg)
        chosen = []
        sides = (("source", "i", synapses.source), ("target", "j", synapses.target))
        for (what, index, side), end, neurons in zip(sides, ends, self.values(ends), strict=False):
            if neurons.group != side.group:
                message = f"the {what} of `{name}` is `{side.name}`"
                raise at(end.span, "MET403", message, f"name it or a subgroup of `{side.group}`")
            chosen.append((index, neurons.places(side.ids) >= 0))

        def compute(run: RunMetrics) -> Value:
            found = [among[np.ravel(run.final(synapses.path, index)).astype(np.int64)] for index, among in chosen]
            kept = np.logical_and.reduce(found)
            return np.ravel(inner.compute(run))[kept]

        return Term(inner.dimension, compute, text_of(self.expr))

    def reduced(self, arg: Expr, constants: list[Any]) -> Term:
        """One number of one value an element, without those that are NaN; NaN when there is none."""
        inner = self.checker.number(arg)
        name, reduce = self.expr.function, self.form.reduce
        assert reduce is not None
        if inner.size is None:
            raise at(
                self.expr.span,
                "MET407",
                f"this is one number already, `{name}` has nothing to choose from",
                f"write `{name}(v)` with the name of a monitor, or `{name}(rates(out))`",
            )

        def compute(run: RunMetrics) -> float:
            values = np.asarray(inner.compute(run), dtype=np.float64).ravel()
            values = values[~np.isnan(values)]
            return float(reduce(values, *constants)) if values.size else math.nan

        return Term(inner.dimension, compute, at_end=inner.at_end)

    # monitors

    def monitor(self, arg: Expr, wanted: type | UnionType, kind: str) -> Any:
        """The monitor that an argument names, with a variable after a dot or without."""
        if not isinstance(arg, Name):
            raise at(arg.span, "MET403", f"write the name of a `kind: {kind}` monitor here")
        name = arg.id.partition(".")[0]
        found = self.checker.monitors.get(name)
        if isinstance(found, wanted):
            return found
        others = [n for n, m in self.checker.monitors.items() if isinstance(m, wanted)]
        known = f"monitors of this kind: {', '.join(others)}" if others else None
        if found is None:
            advice = did_you_mean(name, others) or known
            raise at(arg.span, "MET403", f"there is no monitor `{name}`", advice)
        advice = known or f"add a `kind: {kind}` monitor"
        if isinstance(found, RateMonitor):
            advice = "rates are metrics of spikes: `mean_rate(out)`, or `mean(rates(out))`, of a `kind: spikes` monitor"
        raise at(arg.span, "MET403", f"`{name}` is not a `kind: {kind}` monitor", advice)

    def column(self, arg: Expr) -> tuple[StateMonitor, str]:
        """A monitor of state, and the variable of it that an argument names."""
        monitor = self.monitor(arg, StateMonitor, "state")
        assert isinstance(arg, Name)
        return monitor, _variable(monitor, arg.id.partition(".")[2], arg.span)


def _variable(monitor: StateMonitor, variable: str, span: Span) -> str:
    """The recorded variable of a name: the one after the dot, the only one, or the one called like the monitor."""
    names = [c.name for c in monitor.columns]
    if not variable and (len(names) == 1 or monitor.name in names):
        return names[0] if len(names) == 1 else monitor.name
    if not variable:
        message = f"`{monitor.name}` records several variables"
        raise at(span, "MET403", message, f"write `{monitor.name}.{names[0]}`")
    if variable not in names:
        raise at(span, "NET221", f"`{monitor.name}` does not record `{variable}`", did_you_mean(variable, names))
    return variable

"""The `metrics` section: expressions over monitors, checked before the run and computed after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from snnrun.engine.metrics import (
    SPIKE_FUNCTIONS,
    STATE_FUNCTIONS,
    WITH_WIDTH,
    Binned,
    Meter,
    Moments,
    SpikeUse,
    StateUse,
    Train,
)
from snnrun.equations.ast import COMPARISONS, LOGIC, Binary, Boolean, Call, Expr, ListOf, Name, Number, Quantity, Unary
from snnrun.equations.parse import parse_expression
from snnrun.errors import did_you_mean
from snnrun.network.context import Context, Path, at
from snnrun.network.ir import FloatArray, Network, SpikeMonitor, StateMonitor
from snnrun.records import dataclass
from snnrun.source import Span, Text
from snnrun.units.dimensions import FREQUENCY, ONE, TIME, Dimension

Value = float | FloatArray
_PLAIN_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": np.sqrt,
    "abs": np.abs,
    "log": np.log,
    "exp": np.exp,
    "log10": np.log10,
}
_NAMES = (*SPIKE_FUNCTIONS, *STATE_FUNCTIONS, *_PLAIN_FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Part:
    """A checked part of a metric: its dimension, how to compute it, and whether it is one value a neuron."""

    dimension: Dimension
    compute: Callable[[], Value]
    many: bool = False


@dataclass(slots=True)
class Measures:
    """All metrics of a file.

    Args:
        meter: The sink that feeds them.
        parts: By name, in the order of the file.
        finals: Reads a variable of a group as it is (set by whoever runs it).
        stops: For each phase that may end early, by number, what tells that it should.
        ran: The network as it ran, with the phases as long as they were, when one ended early.
    """

    meter: Meter = field(default_factory=Meter)
    parts: dict[str, Part] = field(default_factory=dict)
    finals: Callable[[str, str], Value] | None = None
    stops: dict[int, Callable[[], bool]] = field(default_factory=dict)
    ran: Network | None = None

    def values(self) -> dict[str, tuple[Value, Dimension]]:
        """All metrics in SI units."""
        with np.errstate(all="ignore"):
            return {name: (part.compute(), part.dimension) for name, part in self.parts.items()}

    def final(self, owner: str, name: str) -> Value:
        """A variable as it is."""
        assert self.finals is not None
        return self.finals(owner, name)

    def shorten(self, network: Network, step: int) -> None:
        """A phase ended early, at a step: what was counted until the end of the run is counted until then.

        Args:
            network: The network, its phases as long as they are now.
            step: Where the phase ended.
        """
        self.ran = network
        for use in (use for uses in self.meter.spike_uses.values() for use in uses):
            use.accumulator.train.spans = recorded_spans(network, use.monitor)
            if isinstance(use.accumulator, Binned):
                use.accumulator.cut(step)


def check_metrics(context: Context, network: Network) -> Measures:
    """Check the `metrics` section and set up what computes it.

    Raises:
        ExperimentError: Every metric that is wrong.
    """
    measures = Measures()
    for name in context.experiment.metrics:
        path: Path = ("metrics", name)
        with context.collecting(f"metrics.{name}"):
            measures.parts[name] = measure(context, network, measures, context.text(path))
    context.report.stop_if_errors()
    return measures


def measure(context: Context, network: Network, measures: Measures, text: Text) -> Part:
    """One expression over monitors."""
    return part_of(context, network, measures, parse_expression(text))


def part_of(
    context: Context,
    network: Network,
    measures: Measures,
    expr: Expr,
    constants: Mapping[str, tuple[float, Dimension]] | None = None,
) -> Part:
    """A parsed expression over monitors; `constants` are names that mean another value than the file's constants."""
    return _Metric(context, network, measures, constants or {}).part(expr)


class _Metric:
    def __init__(
        self,
        context: Context,
        network: Network,
        measures: Measures,
        constants: Mapping[str, tuple[float, Dimension]],
    ) -> None:
        self.context = context
        self.network = network
        self.measures = measures
        self.constants = constants
        self.monitors = {m.name: m for m in network.monitors}

    def part(self, expr: Expr) -> Part:
        match expr:
            case Number() | Quantity():
                typed = self.context.checker({}, "a metric").check(expr)
                return _constant(typed.value, typed.dimension)
            case Name():
                return self.name(expr)
            case Unary(op="-"):
                inner = self.part(expr.operand)
                return Part(inner.dimension, lambda: -inner.compute(), inner.many)
            case Binary():
                return self.binary(expr)
            case Call():
                return self.call(expr)
            case Boolean() | Unary() | ListOf():
                raise at(expr.span, "MET401", "a metric is a number computed from monitors")

    def name(self, expr: Name) -> Part:
        if expr.id in self.measures.parts:
            return self.measures.parts[expr.id]
        if expr.id in self.monitors:
            raise at(
                expr.span,
                "MET402",
                f"`{expr.id}` is a monitor: say what to compute of it",
                f"for example `mean_rate({expr.id})` or `max({expr.id})`",
            )
        group, _, variable = expr.id.partition(".")
        population = self.context.populations.get(group)
        if population is not None and variable:
            return self.final(expr, group, variable)
        if population is not None:
            raise at(expr.span, "MET402", f"`{expr.id}` is a group; metrics are computed from monitors")
        if expr.id in self.constants:
            return _constant(*self.constants[expr.id])
        typed = self.context.checker({}, "a metric", missing=self.explain).check(expr)
        if expr.id == "duration":
            return Part(typed.dimension, lambda: self.duration(typed.value))
        return _constant(typed.value, typed.dimension)

    def duration(self, planned: float) -> float:
        """How long the run is, or was when a phase ended early. [s]."""
        ran = self.measures.ran
        return planned if ran is None else ran.steps * ran.dt

    def explain(self, name: str) -> str | None:
        return did_you_mean(name, [*self.monitors, *self.context.constants])

    def final(self, expr: Name, group: str, variable: str) -> Part:
        """A variable of a group as it is at the end of the run."""
        members = self.context.populations[group].members
        member = members.get(variable)
        if member is None or member.stored is None:
            raise at(expr.span, "NET221", f"`{group}` has no variable `{variable}`", did_you_mean(variable, members))
        stored = member.stored
        many = not stored.variable.shared and self.network.groups[group].size > 1
        return Part(stored.dimension, lambda: self.measures.final(stored.variable.owner, variable), many)

    def binary(self, expr: Binary) -> Part:
        if expr.op in COMPARISONS or expr.op in LOGIC:
            raise at(expr.span, "MET401", "a metric is a number, not a condition")
        a, b = self.part(expr.left), self.part(expr.right)
        if expr.op == "*":
            return Part(a.dimension * b.dimension, lambda: a.compute() * b.compute(), a.many or b.many)
        if expr.op == "/":
            return Part(a.dimension / b.dimension, lambda: np.divide(a.compute(), b.compute())[()], a.many or b.many)
        if expr.op == "**":
            return self.power(expr, a, b)
        if a.dimension != b.dimension:
            verb = {"+": "add", "-": "subtract"}.get(expr.op, "combine")
            raise at(expr.span, "EQ203", f"cannot {verb} {a.dimension.describe()} and {b.dimension.describe()}")
        if expr.op in ("+", "-"):
            sign = 1.0 if expr.op == "+" else -1.0
            return Part(a.dimension, lambda: a.compute() + sign * b.compute(), a.many or b.many)
        raise at(expr.span, "MET401", f"`{expr.op}` has no place in a metric")

    def power(self, expr: Binary, a: Part, b: Part) -> Part:
        if not isinstance(expr.right, Number):
            raise at(expr.right.span, "EQ207", "an exponent in a metric must be a number")
        return Part(a.dimension**expr.right.value, lambda: np.power(a.compute(), b.compute()), a.many or b.many)

    def call(self, expr: Call) -> Part:
        name = expr.function
        if name in SPIKE_FUNCTIONS:
            return self.spikes(expr)
        if name in STATE_FUNCTIONS:
            return self.states(expr)
        if name in _PLAIN_FUNCTIONS:
            if len(expr.args) != 1:
                raise at(expr.span, "EQ206", f"`{name}` takes 1 argument, here it has {len(expr.args)}")
            return self.plain_function(expr)
        raise at(expr.name_span, "EQ202", f"there is no function `{name}` of monitors", did_you_mean(name, _NAMES))

    def plain_function(self, expr: Call) -> Part:
        inner = self.part(expr.args[0])
        function = _PLAIN_FUNCTIONS[expr.function]
        if expr.function == "abs":
            return Part(inner.dimension, lambda: function(inner.compute()), inner.many)
        if expr.function == "sqrt":
            from fractions import Fraction  # noqa: PLC0415

            return Part(inner.dimension ** Fraction(1, 2), lambda: function(inner.compute()), inner.many)
        if not inner.dimension.is_one:
            raise at(
                expr.args[0].span,
                "EQ204",
                f"`{expr.function}` wants a dimensionless argument, this is {inner.dimension.describe()}",
            )
        return Part(ONE, lambda: function(inner.compute()), inner.many)

    def monitor(self, expr: Expr, wanted: type, kind: str) -> tuple[Any, str | None]:
        """The monitor that an argument names, and the variable after a dot."""
        if not isinstance(expr, Name):
            raise at(expr.span, "MET403", f"write the name of a `kind: {kind}` monitor here")
        name, _, variable = expr.id.partition(".")
        found = self.monitors.get(name)
        if found is None:
            names = [n for n, m in self.monitors.items() if isinstance(m, wanted)]
            raise at(
                expr.span,
                "MET403",
                f"there is no monitor `{name}`",
                did_you_mean(name, names) or (f"monitors of this kind: {', '.join(names)}" if names else None),
            )
        if not isinstance(found, wanted):
            raise at(expr.span, "MET403", f"`{name}` is not a `kind: {kind}` monitor")
        return found, variable or None

    def spikes(self, expr: Call) -> Part:
        name = expr.function
        wanted = 2 if name in WITH_WIDTH else 1
        if len(expr.args) != wanted:
            raise at(
                expr.span,
                "EQ206",
                f"`{name}` takes {wanted} arguments, here it has {len(expr.args)}",
                f"for example `{name}(out, 50 ms)`" if wanted > 1 else None,
            )
        monitor, _ = self.monitor(expr.args[0], SpikeMonitor, "spikes")
        assert isinstance(monitor, SpikeMonitor)
        if monitor.counts_only and name not in ("count", "counts", "rates", "mean_rate"):
            raise at(expr.span, "MET404", f"`{monitor.name}` counts only; `{name}` needs the times of spikes")
        width = self.context.steps_of(expr.args[1], "the width of a bin", 1) if wanted > 1 else 1
        train = Train(monitor.source.size, recorded_spans(self.network, monitor), self.network.dt)
        accumulator = SPIKE_FUNCTIONS[name](train, width)
        self.measures.meter.spike_uses.setdefault(monitor.name, []).append(SpikeUse(monitor, accumulator))
        dimension = {"rates": FREQUENCY, "mean_rate": FREQUENCY, "first_spike": TIME}.get(name, ONE)
        return Part(dimension, accumulator.value, name in ("counts", "rates") and monitor.source.size > 1)

    def states(self, expr: Call) -> Part:
        if len(expr.args) != 1:
            raise at(expr.span, "EQ206", f"`{expr.function}` takes 1 argument, here it has {len(expr.args)}")
        monitor, variable = self.monitor(expr.args[0], StateMonitor, "state")
        assert isinstance(monitor, StateMonitor)
        column = self.column(monitor, variable, expr.args[0].span)
        accumulator = Moments(expr.function)
        self.measures.meter.state_uses.setdefault(monitor.name, []).append(StateUse(monitor, column, accumulator))
        dimension = next(c.dimension for c in monitor.columns if c.name == column)
        return Part(
            dimension, accumulator.value, expr.function == "last" and (monitor.ids is None or len(monitor.ids) > 1)
        )

    def column(self, monitor: StateMonitor, variable: str | None, span: Span) -> str:
        names = [c.name for c in monitor.columns]
        if variable is None and len(names) == 1:
            return names[0]
        if variable is None and monitor.name in names:
            return monitor.name
        if variable is None:
            raise at(
                span, "MET403", f"`{monitor.name}` records several variables", f"write `{monitor.name}.{names[0]}`"
            )
        if variable not in names:
            raise at(span, "NET221", f"`{monitor.name}` does not record `{variable}`", did_you_mean(variable, names))
        return variable


def recorded_spans(network: Network, monitor: SpikeMonitor) -> tuple[tuple[int, int], ...]:
    """The stretches of steps that a monitor records, as (first, step after the last), in order and not touching."""
    found: list[tuple[int, int]] = []
    for phase in network.phases or ():
        window = next(
            m.window for m in phase.network.monitors if isinstance(m, SpikeMonitor) and m.name == monitor.name
        )
        start, stop = max(phase.start, window.start), min(phase.stop, window.stop)
        if start >= stop:
            continue
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, stop))
    return tuple(found) if network.phases else ((monitor.window.start, monitor.window.stop),)


def _constant(value: float, dimension: Dimension) -> Part:
    return Part(dimension, lambda: value)


def numbers_of(values: Mapping[str, tuple[Value, Dimension]]) -> dict[str, tuple[Any, str]]:
    """Metrics with the symbol of their unit, for the writer."""
    return {name: (value, dimension.symbol) for name, (value, dimension) in values.items()}

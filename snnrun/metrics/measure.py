"""The `metrics` section: expressions over monitors, checked before the run and computed after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from snnrun.equations.ast import (
    COMPARISONS,
    LOGIC,
    Binary,
    Boolean,
    Call,
    Expr,
    ListOf,
    Name,
    Number,
    Quantity,
    Unary,
    is_zero,
)
from snnrun.errors import did_you_mean
from snnrun.metrics.accumulators import (
    EACH_NEURON,
    MOST_PAIRED,
    REDUCTIONS,
    SPIKE_FUNCTIONS,
    STATE_FUNCTIONS,
    WITH_WIDTH,
    Bins,
    Comoments,
    Counts,
    Meter,
    Moments,
    Pairwise,
    PopulationBins,
    SpikeUse,
    StateUse,
    Train,
    correlation_of,
)
from snnrun.metrics.remarks import Finiteness, Remark, shown
from snnrun.model.network import FloatArray, IntArray, Network, NeuronSubset, RateMonitor, SpikeMonitor, StateMonitor
from snnrun.model.recorded import recorded_spans
from snnrun.resolve.context import Context, Path, at
from snnrun.source import Span
from snnrun.units.dimensions import FREQUENCY, ONE, TIME, Dimension

Value = float | FloatArray
_DIMENSIONS = {
    **dict.fromkeys(("rates", "mean_rate"), FREQUENCY),
    **dict.fromkeys(("first_spike", "first_spikes"), TIME),
}
_PLAIN_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": np.sqrt,
    "abs": np.abs,
    "log": np.log,
    "exp": np.exp,
    "log10": np.log10,
}
_CORRELATION = "correlation"
_NAMES = (*SPIKE_FUNCTIONS, *STATE_FUNCTIONS, _CORRELATION, *_PLAIN_FUNCTIONS)
Size = int | str
"""A number of elements; where only building the network tells it, the path of what has them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A checked part of a metric.

    Args:
        dimension: Its dimension.
        compute: Computes it once the run is over.
        size: How many values it has, one an element; None for a single number that belongs to no element.
    """

    dimension: Dimension
    compute: Callable[[], Value]
    size: Size | None = None

    @property
    def is_many(self) -> bool:
        """Whether it may be more than one number."""
        return self.size not in (None, 1)


@dataclass(slots=True)
class Measures:
    """All metrics of a file.

    Args:
        meter: The sink that feeds them.
        parts: By name, in the order of the file.
        finals: Reads a variable of an object as it is (set by whoever runs it).
        counters: Reads how many spikes of each neuron of its group a monitor has counted (set likewise).
        stops: For each phase that may end early, by number, what tells that it should.
        ran: The network as it ran, with the phases as long as they were, when one ended early.
        reached: The step that the run reached, once it is over or was stopped.
    """

    meter: Meter = field(default_factory=Meter)
    parts: dict[str, Part] = field(default_factory=dict)
    finals: Callable[[str, str], Value] | None = None
    counters: Callable[[str], IntArray] | None = None
    stops: dict[int, Callable[[], bool]] = field(default_factory=dict)
    ran: Network | None = None
    reached: int | None = None
    _doubts: dict[Path, str] = field(default_factory=dict)
    _computing: Path = ()

    def values(self) -> dict[str, tuple[Value, Dimension]]:
        """All metrics in SI units."""
        found: dict[str, tuple[Value, Dimension]] = {}
        for name, part in self.parts.items():
            with self.computing(("metrics", name)):
                found[name] = part.compute(), part.dimension
        return found

    @contextmanager
    def computing(self, path: Path) -> Iterator[None]:
        """Around the computation of what stands at a place of the file: what is doubted then is so of that."""
        before, self._computing = self._computing, path
        self._doubts.pop(path, None)
        try:
            with np.errstate(all="ignore"):
                yield
        finally:
            self._computing = before

    def doubt(self, reason: str) -> None:
        """Something that is being computed comes from a value that is not finite; the first reason counts."""
        self._doubts.setdefault(self._computing, reason)

    def remarks(self, network: Network, values: Mapping[str, tuple[Value, str]]) -> list[Remark]:
        """What is to be told of recorded values and metrics that are not finite, once the run is over.

        A function that is not defined for what happened (`cv_isi` of a silent group) gives NaN, which is no remark.

        Args:
            network: The network.
            values: The metrics, as far as there are some.
        """
        found = list(self.meter.finiteness.remarks(network))
        for k, phase in enumerate(network.phases):
            path: Path = ("run", "phases", k, "stop_when")
            if path in self._doubts:
                message = f"`stop_when` of phase `{phase.name}` was not known when last looked at: {self._doubts[path]}"
                found.append(Remark("MET408", path, message, "a comparison with NaN never holds"))
        for name, (value, _) in values.items():
            path = ("metrics", name)
            finite = np.all(np.isfinite(value))
            doubt = self._doubts.get(path)
            if doubt is not None:
                said = "comes from values that are not finite" if finite else f"is {shown(value)}"
                found.append(Remark("MET408", path, f"metric `{name}` {said}: {doubt}"))
        return found

    def kinds(self) -> dict[str, tuple[Dimension, bool]]:
        """The dimension of each metric, and whether it is one number."""
        return {name: (part.dimension, part.size is None) for name, part in self.parts.items()}

    def final(self, owner: str, name: str) -> Value:
        """A variable as it is."""
        assert self.finals is not None
        return self.finals(owner, name)

    def counted(self, monitor: SpikeMonitor) -> IntArray:
        """Spikes so far of each neuron that a monitor watches, shape (neurons,)."""
        assert self.counters is not None
        return self.counters(monitor.name)[monitor.source.ids]

    def shorten(self, network: Network, step: int) -> None:
        """A phase ended early, at a step: what was counted until the end of the run is counted until then.

        Args:
            network: The network, its phases as long as they are now.
            step: Where the phase ended.
        """
        self.ran = network
        for use in (use for uses in self.meter.spike_uses.values() for use in uses):
            use.accumulator.train.spans = recorded_spans(network, use.monitor)
            if isinstance(use.accumulator, Bins):
                use.accumulator.cut(step)


def check_metrics(context: Context, network: Network) -> Measures:
    """Check the `metrics` section and set up what computes it.

    Raises:
        ExperimentError: Every metric that is wrong.
    """
    measures = Measures(Meter(finiteness=Finiteness.of(network)))
    for name in context.experiment.metrics:
        path: Path = ("metrics", name)
        with context.collecting(f"metrics.{name}"):
            measures.parts[name] = part_of(context, network, measures, context.expression(path))
    context.report.stop_if_errors()
    return measures


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
                return Part(inner.dimension, lambda: -inner.compute(), inner.size)
            case Binary():
                return self.binary(expr)
            case Call():
                return self.call(expr)
            case Boolean() | Unary() | ListOf():
                raise at(expr.span, "MET401", "a metric is a number computed from monitors")

    def name(self, expr: Name) -> Part:
        if expr.id in self.measures.parts:
            return self.metric(expr.id)
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
            return self.of_group(expr, group, variable)
        if population is not None:
            example = f"{expr.id}.{next(iter(population.members), 'v')}"
            raise at(
                expr.span,
                "MET402",
                f"`{expr.id}` is a group: say which of its variables",
                f"for example `mean({example})`, of its values at the end of the run",
            )
        if group in self.network.synapses and variable:
            return self.of_synapses(expr, group, variable)
        if group in self.network.synapses:
            raise at(
                expr.span,
                "MET402",
                f"`{expr.id}` are synapses: say what to compute of them",
                f"for example `count({expr.id})`, or `mean({expr.id}.w)` of a variable `w`",
            )
        if expr.id in self.constants:
            return _constant(*self.constants[expr.id])
        typed = self.context.checker({}, "a metric", missing=self.explain).check(expr)
        if expr.id == "duration":
            return Part(typed.dimension, lambda: self.duration(typed.value))
        return Part(typed.dimension, lambda: typed.value)

    def metric(self, name: str) -> Part:
        """Another metric."""
        part = self.measures.parts[name]

        def compute() -> Value:
            with self.measures.computing(()):  # its own doubts are told of it
                return part.compute()

        return self.doubted(replace(part, compute=compute), lambda value: f"`{name}` is {shown(value)}")

    def doubted(self, part: Part, why: Callable[[Value], str | None]) -> Part:
        """A part that tells, when it is not finite, why; None when it is so by definition."""

        def compute() -> Value:
            value = part.compute()
            reason = None if np.all(np.isfinite(value)) else why(value)
            if reason is not None:
                self.measures.doubt(reason)
            return value

        return replace(part, compute=compute)

    def operation(
        self, expr: Expr, dimension: Dimension, size: Size | None, compute: Callable[..., Value], *parts: Part
    ) -> Part:
        """A part computed from others; it tells when it makes something that is not finite of what is."""

        def computed() -> Value:
            values = [p.compute() for p in parts]
            result = compute(*values)
            if np.any(np.logical_and.reduce(np.broadcast_arrays(~np.isfinite(result), *map(np.isfinite, values)))):
                divided = isinstance(expr, Binary) and expr.op == "/" and np.any(np.equal(values[1], 0))
                what = "divides by 0" if divided else "is no finite number"
                self.measures.doubt(f"`{_text(expr)}` {what}")
            return result

        return Part(dimension, computed, size)

    def duration(self, planned: float) -> float:
        """How long the run is, or was when a phase ended early. [s]."""
        ran, dt = self.measures.ran, self.context.constants["dt"].exact
        assert dt is not None
        return planned if ran is None else float(Fraction(dt) * ran.steps)  # as the sum of durations is rounded

    def explain(self, name: str) -> str | None:
        return did_you_mean(name, [*self.monitors, *self.context.constants])

    def of_group(self, expr: Name, group: str, variable: str) -> Part:
        """A variable or subexpression of a group as it is at the end of the run."""
        population = self.context.populations[group]
        name, _, inner = variable.partition(".")
        part = population.subgroups.get(name) if inner else None
        if part is not None:
            group, variable = f"{group}.{name}", inner
        member = population.members.get(variable)
        if member is None:
            advice = did_you_mean(variable, [*population.members, *population.subgroups])
            if variable in population.subgroups:
                advice = f"`{expr.id}` is a subgroup: write `{expr.id}.{next(iter(population.members), 'v')}`"
            raise at(expr.span, "NET221", f"`{group}` has no variable `{variable}`", advice)
        shared = member.stored is not None and member.stored.variable.shared
        view = None if shared else part or population.view
        return self.final(population.path, variable, member.typed.dimension, view, stored=member.stored is not None)

    def of_synapses(self, expr: Name, name: str, variable: str) -> Part:
        """A variable or subexpression of synapses as it is at the end of the run."""
        synapses = self.network.synapses[name]
        dimensions = dict.fromkeys(("i", "j", "N_incoming", "N_outgoing"), ONE)
        dimensions |= {s.variable.name: s.dimension for s in synapses.stored if s.variable.name != "lastupdate"}
        dimensions |= {known: dimension for known, (_, dimension) in synapses.expressions.items()}
        if variable not in dimensions:
            advice = did_you_mean(variable, dimensions)
            raise at(expr.span, "NET221", f"`{name}` has no variable `{variable}`", advice)
        stored = variable not in synapses.expressions
        return self.final(synapses.path, variable, dimensions[variable], synapses.path, stored=stored)

    def final(
        self, owner: str, variable: str, dimension: Dimension, of: NeuronSubset | str | None, *, stored: bool
    ) -> Part:
        """A value at the end of the run: of some neurons, of synapses by their path, or one for all."""
        name = f"{owner.partition('.')[2]}.{variable}"

        def compute() -> Value:
            values = self.measures.final(owner, variable)
            if not isinstance(of, NeuronSubset) or of.whole or not np.ndim(values):
                return values
            return np.asarray(values)[of.ids]

        part = Part(dimension, compute, of.size if isinstance(of, NeuronSubset) else of)

        def why(value: Value) -> str | None:
            if stored and not np.any(np.isnan(value)):
                return None  # the file says that it is infinite
            return f"`{name}` is {shown(value)}"

        return self.doubted(part, why)

    def binary(self, expr: Binary) -> Part:
        if expr.op in COMPARISONS or expr.op in LOGIC:
            raise at(expr.span, "MET401", "a metric is a number, not a condition")
        a, b = self.part(expr.left), self.part(expr.right)
        size = _common_size(expr, a, b)
        if expr.op == "*":
            return self.operation(expr, a.dimension * b.dimension, size, np.multiply, a, b)
        if expr.op == "/":
            return self.operation(expr, a.dimension / b.dimension, size, np.divide, a, b)
        if expr.op == "**":
            return self.power(expr, a, b)
        dimension = common_dimension(expr, a, b)
        if dimension is None:
            verb = {"+": "add", "-": "subtract"}.get(expr.op, "combine")
            raise at(expr.span, "EQ203", f"cannot {verb} {a.dimension.describe()} and {b.dimension.describe()}")
        if expr.op in ("+", "-"):
            return self.operation(expr, dimension, size, np.add if expr.op == "+" else np.subtract, a, b)
        raise at(expr.span, "MET401", f"`{expr.op}` has no place in a metric")

    def power(self, expr: Binary, a: Part, b: Part) -> Part:
        if not isinstance(expr.right, Number):
            raise at(expr.right.span, "EQ207", "an exponent in a metric must be a number")
        return self.operation(expr, a.dimension**expr.right.value, a.size, np.power, a, b)

    def call(self, expr: Call) -> Part:
        name = expr.function
        if name in SPIKE_FUNCTIONS:
            return self.spikes(expr)
        if name == _CORRELATION:
            return self.correlation(expr)
        if name in STATE_FUNCTIONS:
            return self.reduced(expr) if self.is_computed(expr) else self.states(expr)
        if name in _PLAIN_FUNCTIONS:
            if len(expr.args) != 1:
                raise at(expr.span, "EQ206", f"`{name}` takes 1 argument, here it has {len(expr.args)}")
            return self.plain_function(expr)
        advice = did_you_mean(name, _NAMES) or f"functions: {', '.join(_NAMES)}"
        raise at(expr.name_span, "EQ202", f"there is no function `{name}` of monitors", advice)

    def plain_function(self, expr: Call) -> Part:
        inner = self.part(expr.args[0])
        function = _PLAIN_FUNCTIONS[expr.function]
        dimension = inner.dimension
        if expr.function == "sqrt":
            dimension = dimension ** Fraction(1, 2)
        elif expr.function != "abs" and not dimension.is_one:
            raise at(
                expr.args[0].span,
                "EQ204",
                f"`{expr.function}` wants a dimensionless argument, this is {dimension.describe()}",
            )
        return self.operation(expr, dimension, inner.size, function, inner)

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
            others = [n for n, m in self.monitors.items() if isinstance(m, wanted)]
            advice = f"monitors of this kind: {', '.join(others)}" if others else f"add a `kind: {kind}` monitor"
            if isinstance(found, RateMonitor):
                advice = (
                    "rates are metrics of spikes: `mean_rate(out)`, or `mean(rates(out))`, of a `kind: spikes` monitor"
                )
            raise at(expr.span, "MET403", f"`{name}` is not a `kind: {kind}` monitor", advice)
        return found, variable or None

    def spikes(self, expr: Call) -> Part:
        name = expr.function
        if name == "count" and len(expr.args) == 1 and isinstance(expr.args[0], Name):
            synapses = self.network.synapses.get(expr.args[0].id)
            if synapses is not None and synapses.name not in self.monitors:
                return Part(ONE, lambda: float(np.size(self.measures.final(synapses.path, "i"))))
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
            raise at(
                expr.span,
                "MET404",
                f"`{monitor.name}` counts only; `{name}` needs the times of spikes",
                "remove `counts_only` from the monitor",
            )
        width = self.context.steps_of(expr.args[1], "the width of a bin", 1) if wanted > 1 else 1
        train = Train(monitor.source.size, recorded_spans(self.network, monitor), self.network.dt)
        accumulator = SPIKE_FUNCTIONS[name](train, width)
        if monitor.counts_only and isinstance(accumulator, Counts):
            accumulator.counters = partial(self.measures.counted, monitor)
        self.measures.meter.spike_uses.setdefault(monitor.name, []).append(SpikeUse(monitor, accumulator))
        size = monitor.source.size if name in EACH_NEURON else None
        return Part(_DIMENSIONS.get(name, ONE), accumulator.value, size)

    def correlation(self, expr: Call) -> Part:
        """Of all pairs of neurons, of two populations, or of two variables."""
        names = [arg.id.partition(".")[0] for arg in expr.args if isinstance(arg, Name)]
        if any(isinstance(self.monitors.get(name), StateMonitor) for name in names):
            return self.variables(expr)
        if len(expr.args) not in (2, 3):
            advice = "write `correlation(out, 5 ms)`, `correlation(exc, inh, 5 ms)` or `correlation(v, w)`"
            raise at(expr.span, "EQ206", f"`{expr.function}` cannot take {len(expr.args)} arguments", advice)
        found = [self.monitor(arg, SpikeMonitor, "spikes")[0] for arg in expr.args[:-1]]
        width = self.context.steps_of(expr.args[-1], "the width of a bin", 1)
        trains = []
        for monitor in found:
            if monitor.counts_only:
                message = f"`{monitor.name}` counts only; `correlation` needs the times of spikes"
                raise at(expr.span, "MET404", message)
            trains.append(Train(monitor.source.size, recorded_spans(self.network, monitor), self.network.dt))
        if len(found) == 1:
            return self.pairs(expr, found[0], trains[0], width)
        if trains[0].spans != trains[1].spans:
            message = f"`{found[0].name}` and `{found[1].name}` do not record at the same times"
            raise at(expr.span, "MET406", message, "give them the same `window`")
        sides = (PopulationBins(trains[0], width), PopulationBins(trains[1], width))
        for monitor, side in zip(found, sides, strict=True):
            self.measures.meter.spike_uses.setdefault(monitor.name, []).append(SpikeUse(monitor, side))
        return Part(ONE, lambda: correlation_of(*sides))

    def pairs(self, expr: Call, monitor: SpikeMonitor, train: Train, width: int) -> Part:
        """Of all pairs of neurons of one monitor."""
        if train.size > MOST_PAIRED:
            raise at(
                expr.span,
                "MET405",
                f"`{monitor.name}` watches {train.size:,} neurons; all pairs of at most {MOST_PAIRED:,} are correlated",
                "watch a subgroup, or use `synchrony`",
            )
        accumulator = Pairwise(train, width, "correlation")
        self.measures.meter.spike_uses.setdefault(monitor.name, []).append(SpikeUse(monitor, accumulator))
        return Part(ONE, accumulator.value)

    def variables(self, expr: Call) -> Part:
        """Of two recorded variables over time."""
        if len(expr.args) != 2:
            message = f"`{expr.function}` of variables takes 2 arguments, here it has {len(expr.args)}"
            raise at(expr.span, "EQ206", message, "for example `correlation(vw.v, vw.w)`")
        both = Comoments()
        found: list[StateMonitor] = []
        columns: list[tuple[str, str]] = []
        for side, arg in enumerate(expr.args):
            monitor, variable = self.monitor(arg, StateMonitor, "state")
            column = self.column(monitor, variable, arg.span)
            found.append(monitor)
            columns.append((monitor.name, column))
            self.measures.meter.state_uses.setdefault(monitor.name, []).append(
                StateUse(monitor, column, both.half(side))
            )
        self.check_together(expr, *found)
        return self.doubted(Part(ONE, both.value), lambda _: next(filter(None, map(self.recorded, columns)), None))

    def check_together(self, expr: Call, a: StateMonitor, b: StateMonitor) -> None:
        """Two variables are sampled at the same times, and in equally many elements."""
        if a.name == b.name:
            return
        times = [(m.every, m.slot, recorded_spans(self.network, m)) for m in (a, b)]
        if times[0] != times[1]:
            message = f"`{a.name}` and `{b.name}` do not sample at the same times"
            raise at(expr.span, "MET406", message, "give them the same `dt`, `when` and `window`")
        sizes = {m.number for m in (a, b)}
        if None in sizes or (len(sizes) > 1 and 1 not in sizes):
            message = f"`{a.name}` and `{b.name}` do not record equally many elements"
            raise at(expr.span, "MET406", message, "choose the same number of them with `indices`, or one")

    def is_computed(self, expr: Call) -> bool:
        """Whether the argument is a part of a metric (`rates(out)`), not the name of a monitor."""
        if len(expr.args) != 1 or expr.function not in REDUCTIONS:
            return False
        arg = expr.args[0]
        if not isinstance(arg, Name):
            return not isinstance(arg, Number | Quantity)
        head, dot, _ = arg.id.partition(".")
        objects = self.context.populations.keys() | self.network.synapses.keys()
        recorded = isinstance(self.monitors.get(head), StateMonitor) if dot else head in self.monitors
        return not recorded and (arg.id in self.measures.parts or head in objects)

    def reduced(self, expr: Call) -> Part:
        """One number of one value a neuron: `mean(rates(out))`."""
        inner = self.part(expr.args[0])
        if inner.size is None:
            raise at(
                expr.span,
                "MET407",
                f"this is one number already, `{expr.function}` has nothing to choose from",
                f"write `{expr.function}(v)` with the name of a monitor, or `{expr.function}(rates(out))`",
            )
        function = REDUCTIONS[expr.function]

        def compute() -> float:
            values = np.asarray(inner.compute(), dtype=np.float64).ravel()
            values = values[~np.isnan(values)]
            return function(values) if values.size else math.nan

        return Part(inner.dimension, compute)

    def states(self, expr: Call) -> Part:
        if len(expr.args) != 1:
            raise at(expr.span, "EQ206", f"`{expr.function}` takes 1 argument, here it has {len(expr.args)}")
        monitor, variable = self.monitor(expr.args[0], StateMonitor, "state")
        assert isinstance(monitor, StateMonitor)
        column = self.column(monitor, variable, expr.args[0].span)
        accumulator = Moments(expr.function)
        self.measures.meter.state_uses.setdefault(monitor.name, []).append(StateUse(monitor, column, accumulator))
        dimension = next(c.dimension for c in monitor.columns if c.name == column)
        number: Size = f"monitors.{monitor.name}" if monitor.number is None else monitor.number
        part = Part(dimension, accumulator.value, number if expr.function == "last" else None)

        def why(_value: Value) -> str | None:
            overflow = None
            if math.isfinite(accumulator.smallest) and math.isfinite(accumulator.largest):
                overflow = f"`{_text(expr)}` is too large for a number"
            return self.recorded((monitor.name, column)) or overflow

        return self.doubted(part, why)

    def recorded(self, column: tuple[str, str]) -> str | None:
        """What is wrong with the values of a variable of a monitor, if any is not finite."""
        return self.measures.meter.finiteness.why(*column)

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


def common_dimension(expr: Binary, a: Part, b: Part) -> Dimension | None:
    """The dimension of two parts that are added or compared; None when they differ."""
    if is_zero(expr.left) or a.dimension == b.dimension:
        return b.dimension
    return a.dimension if is_zero(expr.right) else None


def _common_size(expr: Expr, a: Part, b: Part) -> Size | None:
    """How many values a combination has.

    Raises:
        ExperimentError: MET406, both have many values and not equally many.
    """
    if not (a.is_many and b.is_many) or a.size == b.size:
        return b.size if a.size is None or b.is_many else a.size
    first, second = (f"{s:,} values" if isinstance(s, int) else f"the values of `{s}`" for s in (a.size, b.size))
    raise at(
        expr.span,
        "MET406",
        f"{first} and {second} cannot be combined one by one",
        "make one number of each, for example `mean(rates(out))`",
    )


def _text(expr: Expr) -> str:
    """An expression as it stands in the file."""
    span = expr.span
    return " ".join(span.file.text[span.start : span.end].split())


def _constant(value: float, dimension: Dimension) -> Part:
    return Part(dimension, lambda: value)


def numbers_of(values: Mapping[str, tuple[Value, Dimension]]) -> dict[str, tuple[Any, str]]:
    """Metrics with the symbol of their unit, for the writer."""
    return {name: (value, dimension.symbol) for name, (value, dimension) in values.items()}

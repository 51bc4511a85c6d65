"""The metrics of a run: their accumulators, which it feeds with what it records, and their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from snnrun.errors import Diagnostic, RunError, RunWarning
from snnrun.metrics.functions import Accumulator
from snnrun.metrics.nonfinite import NonfiniteCounter, shown
from snnrun.metrics.parts import Rounds, RunPart, Side, takers_of
from snnrun.metrics.samples import TakesSamples
from snnrun.metrics.spikes import Bins, Counts, TakesSpikes
from snnrun.metrics.terms import Condition, Metrics, Term
from snnrun.model.network import FloatArray, IntArray, Network, SpikeMonitor, StateMonitor, SynapseEventMonitor
from snnrun.model.recorded import recorded_spans
from snnrun.resolve.context import Path
from snnrun.units.dimensions import TIME, Dimension
from snnrun.units.quantities import format_quantity

Value = float | FloatArray


class RunMetrics:
    """The metrics of one run: a sink that feeds their accumulators, and their values.

    Args:
        checked: The metrics of the file.
        network: The network that runs.

    Attributes:
        final: Reads a variable of an object as it is: (path of the object, name). Set by whoever runs the network.
        counters: Reads how many spikes of each neuron of its group a monitor has counted, by its name. Set likewise.
        step: The step that the run has reached. Set likewise.
        constants: The constants of the file as they are, by name. [SI] Set likewise.
        exhausted: The numbers of the loops that came to their end before their condition held. Set likewise.
        decided: What phases have decided so far, as plain data (`Timeline.facts`). Set likewise.
        known: Values of metrics that are not computed again, because they are known. [SI] Set likewise.
        ran: The network as it ran, with the phases as long as they were, when one ended early.
        reached: The step that the run reached, once it is over or was stopped.
    """

    def __init__(self, checked: Metrics, network: Network) -> None:
        self.checked = checked
        self.network = network
        self.nonfinite = NonfiniteCounter.of(network)
        self.final: Callable[[str, str], Value]
        self.counters: Callable[[str], IntArray]
        self.step: Callable[[], int] = lambda: network.steps
        self.constants: Callable[[], Mapping[str, float]] = dict
        self.exhausted: set[int] = set()
        self.decided: Callable[[], Mapping[str, Any]] = dict
        self.known: Mapping[str, Value] = {}
        self.ran: Network | None = None
        self.reached: int | None = None
        self._accumulators: list[Accumulator | Rounds] = []
        self._round: int | None = None
        self._of_spikes: dict[str, list[tuple[SpikeMonitor | SynapseEventMonitor, TakesSpikes | Side]]] = {}
        self._of_states: dict[str, list[tuple[StateMonitor, str, TakesSamples | Side]]] = {}
        self._reasons: dict[Path, str] = {}
        self._computing: Path = ()
        for need in checked.needs:
            takers: Sequence[Any]
            if need.part is None:
                accumulator = need.make(network, 0, network.steps)
                self._accumulators.append(accumulator)
                takers = takers_of(accumulator, need)
            else:
                rounds = Rounds(need, network)
                self._accumulators.append(rounds)
                takers = rounds.sides()
            for (monitor, variable), taker in zip(need.inputs, takers, strict=True):
                if isinstance(monitor, StateMonitor):
                    self._of_states.setdefault(monitor.name, []).append((monitor, variable, taker))
                    continue
                if isinstance(taker, Counts) and isinstance(monitor, SpikeMonitor) and monitor.counts_only:
                    taker.counters = partial(self._counted, monitor)
                self._of_spikes.setdefault(monitor.name, []).append((monitor, taker))

    def _counted(self, monitor: SpikeMonitor) -> IntArray:
        """Spikes so far of each neuron that a monitor watches, shape (neurons,)."""
        return self.counters(monitor.name)[monitor.source.ids]

    @property
    def planned(self) -> Network:
        """The network, its phases as long as they are now."""
        return self.ran or self.network

    # what is recorded

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Take spikes or other events of a monitor, shape (n,) each."""
        with np.errstate(all="ignore"):
            self.nonfinite.spikes(name, steps, ids, extras)
        for monitor, accumulator in self._of_spikes.get(name, ()):
            accumulator.spikes(steps, monitor.train_of(ids))

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Take samples of a monitor, shape (samples, elements) each; `first` is the number of the first."""
        with np.errstate(all="ignore"):
            self.nonfinite.states(name, data, first)
            if name in self._of_states:
                data = {variable: values.astype(np.float64, copy=False) for variable, values in data.items()}
            for monitor, variable, taker in self._of_states.get(name, ()):
                if not isinstance(taker, Side):
                    taker.samples(data[variable])
                    continue
                before = -(-monitor.window.start // monitor.every) + first
                taker.samples(data[variable], (before + np.arange(len(data[variable]))) * monitor.every)

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Rate monitors feed no metric."""

    def shorten(self, network: Network, step: int) -> None:
        """A phase ended early, at a step: what was counted until the end of the run is counted until then.

        Args:
            network: The network, its phases as long as they are now.
            step: Where the phase ended.
        """
        self.ran = network
        for monitor, taker in (pair for pairs in self._of_spikes.values() for pair in pairs):
            if isinstance(taker, Side):
                continue
            taker.train.spans = recorded_spans(network, monitor)
            if isinstance(taker, Bins):
                taker.cut(step)
        for accumulator in self._accumulators:
            if isinstance(accumulator, Rounds):
                accumulator.shorten(network, step)

    # what is computed

    def accumulator(self, number: int) -> Accumulator:
        """An accumulator; of a part of the run that of the round which is asked for now."""
        found = self._accumulators[number]
        if not isinstance(found, Rounds):
            return found
        assert self._round is not None
        return found.of(self._round)

    def in_round(self, number: int | None, compute: Callable[[RunMetrics], Value]) -> Value:
        """What something is in one round of a part of the run; NaN where there is none."""
        if number is None:
            return math.nan
        before, self._round = self._round, number
        try:
            return compute(self)
        finally:
            self._round = before

    def seconds_of(self, part: RunPart) -> float:
        """How long the part of the run is in the round that is asked for now. [s]."""
        assert self._round is not None
        first, last = part.spans(self.planned)[self._round]
        return float(Fraction(self.network.dt) * (last - first))

    def values(self, names: Iterable[str] | None = None) -> dict[str, tuple[Value, Dimension]]:
        """Metrics in SI units: all, or those with some names."""
        terms = {name: self.checked.terms[name] for name in (self.checked.terms if names is None else names)}
        return {name: (self._value(("metrics", name), term), term.unit) for name, term in terms.items()}

    @property
    def stops(self) -> dict[int, Callable[[], bool]]:
        """For each phase that may end early, by number, a function that returns whether it ends now."""
        return {k: partial(self._value, condition.path, condition.term) for k, condition in self.checked.stops.items()}

    @property
    def ends(self) -> dict[int, Callable[[], dict[str, float]]]:
        """For each phase at whose end constants are computed, by number, what returns their values. [SI]."""
        return {k: partial(self._measured, conditions) for k, conditions in self.checked.ends.items()}

    @property
    def untils(self) -> list[Callable[[], bool]]:
        """For each loop of the network, a function that returns whether its repetitions end now."""
        return [partial(self._value, condition.path, condition.term) for condition in self.checked.untils]

    def search(self) -> bool:
        """Whether the condition of the search holds, at the end of the run."""
        condition = self.checked.search
        assert condition is not None
        return bool(self._value(condition.path, condition.term))

    def _measured(self, conditions: Mapping[str, Condition]) -> dict[str, float]:
        """What the end of a phase computes.

        Raises:
            RunError: RUN320, a value is not finite.
        """
        found = {}
        for name, condition in conditions.items():
            value = float(self._value(condition.path, condition.term))
            if not math.isfinite(value):
                moment = format_quantity(self.step() * self.network.dt, TIME)
                reason = self._reasons.get(condition.path)
                message = f"`{name}` became {shown(value)} at the end of a phase, at t = {moment}"
                message += "" if reason is None else f": {reason}"
                raise RunError(Diagnostic("RUN320", message, condition.span, "what has no value is NaN"))
            found[name] = value
        return found

    def _value(self, path: Path, term: Term) -> Any:
        """The value of the expression at a place of the file; reasons why it is not finite are noted for that place."""
        self._reasons.pop(path, None)
        with self.computing(path), np.errstate(all="ignore"):
            return term.compute(self)

    @contextmanager
    def computing(self, path: Path) -> Iterator[None]:
        """While in it, note reasons for a place of the file; the empty path drops them, as they are noted elsewhere."""
        before, self._computing = self._computing, path
        try:
            yield
        finally:
            self._computing = before

    def note(self, reason: str) -> None:
        """Note why what is being computed is not finite; the first reason counts."""
        self._reasons.setdefault(self._computing, reason)

    def warnings(self, values: Mapping[str, tuple[Value, str]]) -> list[RunWarning]:
        """The warnings of recorded values and metrics that are not finite, once the run is over.

        A function that is not defined for what happened (`cv_isi` of a silent group) gives NaN without a warning.

        Args:
            values: The metrics, as far as there are some.
        """
        network = self.ran or self.network
        found = list(self.nonfinite.warnings(network))
        conditions = {c.path: network.phases[k].name.partition("[")[0] for k, c in self.checked.stops.items()}
        for path, name in conditions.items():
            if path in self._reasons:
                message = f"`stop_when` of phase `{name}` was not known when last looked at: {self._reasons[path]}"
                found.append(RunWarning("MET408", path, message, "a comparison with NaN never holds"))
        for k in sorted(self.exhausted):
            loop, path = network.loops[k], self.checked.untils[k].path
            message = f"`{loop.name}` was repeated {len(loop.rounds)} times, and `{loop.until}` never held"
            found.append(RunWarning("MET411", path, message, "raise `repeat`, the largest number of repetitions"))
        for name, (value, _) in values.items():
            path = ("metrics", name)
            reason = self._reasons.get(path)
            if reason is not None:
                said = "comes from values that are not finite" if np.all(np.isfinite(value)) else f"is {shown(value)}"
                found.append(RunWarning("MET408", path, f"metric `{name}` {said}: {reason}"))
        return found


def explained(term: Term, why: Callable[[RunMetrics, Value], str | None]) -> Term:
    """A term that notes why it is not finite when it is not; `why` returns None where that is its definition."""

    def compute(run: RunMetrics) -> Value:
        value: Value = term.compute(run)
        reason = None if np.all(np.isfinite(value)) else why(run, value)
        if reason is not None:
            run.note(reason)
        return value

    return replace(term, compute=compute)


def numbers_of(values: Mapping[str, tuple[Value, Dimension]]) -> dict[str, tuple[Any, str]]:
    """Metrics with the symbol of their unit, for the writer."""
    return {name: (value, dimension.symbol) for name, (value, dimension) in values.items()}

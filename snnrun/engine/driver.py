"""Runs a built network: short calls of the kernel, and between them progress, recording, hooks and a look for NaN.

The engine knows no files: recorded data go to a sink. Results do not depend on how the steps are cut into calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from snnrun.codegen.emit import SlotKey
from snnrun.engine.native import Crew, NativeKernel
from snnrun.engine.phases import begin, shortened, use_constants
from snnrun.engine.recording import Sink
from snnrun.engine.values import IMMUTABLE, Array, Built, value_now
from snnrun.equations.dag import Kind
from snnrun.errors import Diagnostic, RunError
from snnrun.network.ir import Monitor, Network, Phase, RateMonitor, SpikeMonitor, StateMonitor, Stored
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

CALL_SECONDS = 0.05  # Ctrl-C and progress wait for a call to return
FIRST_CALL = 64
GROWTH = 16.0  # of the next call, at most
MOST_STEPS = 1 << 20
SNAPSHOT_LIMIT = 256 * 2**20

Hook = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """A value that stopped being finite.

    Args:
        stored: The variable.
        index: Its element.
        step: The step in which it happened.
        last: Its last finite value. [SI]
        value: What it became.
    """

    stored: Stored
    index: int
    step: int
    last: float | None
    value: float


class Simulation:
    """One run of a built network.

    Args:
        built: The network in memory.
        kernel: Its machine code.
        sink: Where recorded data go.
        hooks: Functions to call every so many steps, at the start of the step.
        stops: For each phase that may end early, by number, what tells that it should.
        shorten: Called with the network as it then is and the step, when a phase ends early.
    """

    def __init__(
        self,
        built: Built,
        kernel: NativeKernel,
        sink: Sink,
        hooks: Mapping[int, tuple[Hook, ...]] | None = None,
        *,
        stops: Mapping[int, Callable[[], bool]] | None = None,
        shorten: Callable[[Network, int], None] = lambda _network, _step: None,
    ) -> None:
        self.built = built
        self.network = built.network
        self.arrays = built.arrays
        self.crew = Crew(kernel, built.network.threads)
        self.sink = sink
        self.hooks = dict(hooks or {})
        self.stops = dict(stops or {})
        self.ended: dict[int, int] = {}  # phases that ended early, and where
        self._shorten = shorten
        self.step = 0
        self._tables = built.tables()
        self._checked = _checked_variables(built)

    def run(self, progress: Callable[[int], None] = lambda _step: None, most: int | None = None) -> None:
        """Simulate to the end.

        Args:
            progress: Called with the step after every call of the kernel.
            most: At most this many steps a call (for tests).

        Raises:
            RunError: RUN301 when a variable becomes NaN or infinite; what was recorded before stays in the sink.
        """
        size = FIRST_CALL
        while self.step < self.network.steps:
            self._enter_phase()
            self._call_hooks()
            n = min(size, most or MOST_STEPS, self._to_next_stop())
            started = time.perf_counter()
            done = self._advance(n)
            elapsed = time.perf_counter() - started
            if done == size:
                size = int(min(MOST_STEPS, size * min(GROWTH, max(0.5, CALL_SECONDS / max(elapsed, 1e-9)))) + 1)
            self._look_at_stops()
            progress(self.step)

    def now(self, owner: str, name: str) -> Any:
        """A variable or subexpression of a group or of synapses as it is (`values.value_now`)."""
        begun = [phase for phase in self.network.phases if phase.start < max(self.step, 1)]
        network = begun[-1].network if begun else self.network
        return value_now(self.built, network, owner, name, self.step)

    def end_phase(self, number: int, step: int) -> None:
        """Let a phase end at a step that lies before its end."""
        self.network = shortened(self.network, number, step)
        self.ended[number] = step
        self._shorten(self.network, step)

    def state(self) -> dict[SlotKey, Array]:
        """A copy of everything that changes during a run."""
        return {k: a.copy() for k, a in self.arrays.items() if k.use not in IMMUTABLE and k.use != "record"}

    def restore(self, state: Mapping[SlotKey, Array], step: int) -> None:
        """Go back to a copy."""
        for key, array in state.items():
            self.arrays[key][...] = array
        self.step = step
        for phase in self.network.phases:
            if phase.start < step < phase.stop:
                use_constants(self.built, phase)
                self._tables = self.built.tables()

    # one call

    def _advance(self, n: int) -> int:
        before = {k: self.arrays[k].copy() for k in self._changing} if self._snapshot_fits() else None
        first = self.step
        done = self.crew.advance(first, n, self._tables)
        self.step += done
        if self._broken() is not None:
            self._fail(before, first, done)
        self._flush(first)
        return done

    def _snapshot_fits(self) -> bool:
        return sum(self.arrays[k].nbytes for k in self._changing) <= SNAPSHOT_LIMIT

    @cached_property
    def _changing(self) -> tuple[SlotKey, ...]:
        """What a call of the kernel changes, recordings left out: not the weights of synapses that never learn."""
        written = self.built.kernel.written
        mutable = (k for k in self.arrays if k.use not in IMMUTABLE and k.use != "record")
        return tuple(k for k in mutable if k.use != "variable" or k in written)

    def _enter_phase(self) -> None:
        """At the first step of a phase, set what it sets."""
        for phase in self.network.phases:
            if phase.start == self.step:
                begin(self.built, phase)
                self._tables = self.built.tables()
                self._checked = _checked_variables(self.built)

    def _look_at_stops(self) -> None:
        """End the phase when what it waits for has come; looked at every so many steps of it."""
        for number, holds in self.stops.items():
            phase = self.network.phases[number]
            if phase.start < self.step < phase.stop and self._to_next_look(phase) == 0 and holds():
                self.end_phase(number, self.step)

    def _to_next_look(self, phase: Phase) -> int:
        assert phase.stop_when is not None
        return (phase.start - self.step) % phase.stop_when.every

    def _call_hooks(self) -> None:
        for every, functions in self.hooks.items():
            if self.step % every == 0:
                for function in functions:
                    function(self.step)

    def _to_next_stop(self) -> int:
        """Steps until the end, the next call of Python, or a full buffer."""
        stops = [self.network.steps - self.step]
        stops += [every - self.step % every for every in self.hooks]
        stops += [p.stop - self.step for p in self.network.phases if p.stop > self.step]
        for number in self.stops:
            phase = self.network.phases[number]
            if phase.start <= self.step < phase.stop and phase.stop_when is not None:
                stops.append(self._to_next_look(phase) or phase.stop_when.every)
        for monitor in self.network.monitors:
            capacity = self.built.numbers.get(f"capacity:monitors.{monitor.name}")
            if isinstance(monitor, StateMonitor):
                stops.append(max(1, (capacity or 1) * monitor.every))
            elif isinstance(monitor, RateMonitor):
                stops.append(capacity or 1)
        return max(1, min(stops))

    # recording

    def _flush(self, first: int) -> None:
        """Hand over what the calls since step `first` recorded."""
        for monitor in self.network.monitors:
            self._flush_monitor(monitor, first)

    def _flush_monitor(self, monitor: Monitor, first: int) -> None:
        owner = f"monitors.{monitor.name}"
        count = self.arrays.get(SlotKey("count", owner))
        if count is None or not count[0]:
            return
        n = int(count[0])
        match monitor:
            case SpikeMonitor(columns=columns):
                extras = {c.name: self.arrays[SlotKey("record", owner, "." + c.name)][:n] for c in columns}
                steps, ids = (self.arrays[SlotKey("record", owner, part)][:n] for part in ("step", "id"))
                self.sink.spikes(monitor.name, steps, ids, extras)
            case StateMonitor(columns=columns):
                width = self.built.numbers[f"n:{owner}"]
                data = {
                    c.name: self.arrays[SlotKey("record", owner, c.name)][: n * width].reshape(n, width)
                    for c in columns
                }
                self.sink.states(monitor.name, data, _sample_number(monitor, first))
            case RateMonitor():
                spikes = self.arrays[SlotKey("record", owner, "number")][:n]
                self.sink.numbers(monitor.name, spikes, max(first - monitor.window.start, 0))
            case _:
                pass
        count[0] = 0
        room = self.arrays.get(SlotKey("room", owner))
        if room is not None:
            room[:] = 0

    # failures

    def _broken(self) -> tuple[Stored, int] | None:
        for stored, array in self._checked:
            if not np.isfinite(array).all():
                return stored, int(np.argmin(np.isfinite(array)))
        return None

    def _fail(self, before: dict[SlotKey, Array] | None, first: int, done: int) -> None:
        """Find the step in which a value stopped being finite, keep what was recorded before it, and stop."""
        if before is None:
            broken = self._broken()
            assert broken is not None
            self._flush(first)
            raise self._error(Failure(broken[0], broken[1], first + done - 1, None, np.nan), exact=False)
        low, high = 0, done  # finite after `low` steps, broken after `high`
        while high - low > 1:
            middle = (low + high) // 2
            self._replay(before, first, middle)
            low, high = (low, middle) if self._broken() is not None else (middle, high)
        self._replay(before, first, high)
        broken = self._broken()
        assert broken is not None
        stored, index = broken
        array = self._array(stored)
        value = float(array[index])
        self._replay(before, first, low)
        last = float(self._array(stored)[index])
        self._flush(first)
        raise self._error(Failure(stored, index, first + low, last, value), exact=True)

    def _replay(self, before: dict[SlotKey, Array], first: int, n: int) -> None:
        self.restore(before, first)
        if n:
            self.step += self.crew.advance(first, n, self._tables)

    def _array(self, stored: Stored) -> Array:
        return self.arrays[SlotKey("variable", stored.variable.owner, stored.variable.name)]

    def _error(self, failure: Failure, *, exact: bool) -> RunError:
        variable = failure.stored.variable
        section, _, name = variable.owner.partition(".")
        what = "neuron" if section == "groups" else "synapse"
        became = "NaN (not a number)" if np.isnan(failure.value) else "infinite"
        moment = format_quantity(failure.step * self.network.dt, TIME)
        when = f"at t = {moment}" if exact else f"before t = {moment}"
        where = "" if variable.shared else f" of {what} {failure.index}"
        last = ""
        if failure.last is not None:
            last = f"; its last finite value was {format_quantity(failure.last, failure.stored.dimension)}"
        return RunError(
            Diagnostic(
                "RUN301",
                f"`{variable.name}`{where} of `{name}` became {became} {when}{last}",
                None,
                "try a smaller `dt`, or another `method` (`exponential_euler`, `exact`)",
            )
        )


def _sample_number(monitor: StateMonitor, step: int) -> int:
    """Which sample of a monitor the first one at or after a step is."""
    beginning = -(-monitor.window.start // monitor.every)
    return max(-(-step // monitor.every), beginning) - beginning


def _checked_variables(built: Built) -> list[tuple[Stored, Array]]:
    """Floating-point variables that the network changes, and that are finite at the start."""
    written: set[tuple[str, str]] = set()
    network = built.network
    blocks = [g.update for g in network.groups.values()] + [g.reset for g in network.groups.values()]
    blocks += [s.update for s in network.synapses.values()]
    blocks += [p.block for s in network.synapses.values() for p in s.pathways]
    blocks += [i.block for i in network.inputs] + [o.block for o in network.operations]
    for block in blocks:
        written |= {(a.variable.owner, a.variable.name) for a in block.assignments}
    found: list[tuple[Stored, Array]] = []
    every = [s for g in network.groups.values() for s in g.stored]
    every += [s for x in network.synapses.values() for s in x.stored]
    for stored in every:
        key = (stored.variable.owner, stored.variable.name)
        array = built.arrays[SlotKey("variable", *key)]
        if stored.kind is Kind.FLOAT and key in written and np.isfinite(array).all():
            found.append((stored, array))
    return found

"""Runs a built network: short calls of the kernel, and between them progress, recording, hooks and a look for NaN.

The engine knows no files: recorded data go to a sink. Results do not depend on how the steps are cut into calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from snnrun.codegen.arguments import ArrayKey, ArrayUse
from snnrun.codegen.native import KernelThreads, NativeKernel, PythonKernel
from snnrun.engine.failures import failed
from snnrun.engine.monitors import drop, hand_over, longest_call
from snnrun.engine.moving import hold, lengthen_lists
from snnrun.engine.phases import begin, end, use_constants
from snnrun.engine.recording import Sink
from snnrun.engine.stopwatch import Stopwatch, Work
from snnrun.engine.timeline import Decisions, Timeline
from snnrun.engine.values import Array, Built, bring_up_to_date, value_now, wrong_refractory
from snnrun.engine.watch import Watch
from snnrun.errors import Diagnostic, RunError
from snnrun.model.network import Network
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

CALL_SECONDS = 0.05  # Ctrl-C and progress wait for a call to return
FIRST_CALL = 64
GROWTH = 16.0  # of the next call, at most
MOST_STEPS = 1 << 20

Hook = Callable[[int], None]
"""A Python function of the file, called with the number of the step."""


class Simulation:
    """One run of a built network.

    Args:
        built: The network in memory.
        kernel: Its machine code.
        sink: Where recorded data go.
        hooks: The functions that the hooks of the network call, by name.
        decisions: What is decided during the run; None where there is nothing to decide.
        stopwatch: What measures how long it is busy with what.
        shorten: Called with the network as it then is and the step, when a phase ends early.
    """

    def __init__(
        self,
        built: Built,
        kernel: NativeKernel | PythonKernel,
        sink: Sink,
        hooks: Mapping[str, Hook] | None = None,
        *,
        decisions: Decisions | None = None,
        stopwatch: Stopwatch | None = None,
        shorten: Callable[[Network, int], None] = lambda _network, _step: None,
    ) -> None:
        self.built = built
        self.timeline = Timeline(built.network, decisions or Decisions(), shorten)
        self.arrays = built.arrays
        self.threads = KernelThreads(kernel, built.network.threads)
        self.sink = sink
        self.stopwatch = stopwatch or Stopwatch()
        self.hooks = dict(hooks or {})
        self.step = 0
        self._tables = built.tables()
        self.watch = Watch(built)

    @property
    def network(self) -> Network:
        """The network, its phases as long as they are now."""
        return self.timeline.network

    def run(self, progress: Callable[[int], None] = lambda _step: None, most: int | None = None) -> None:
        """Simulate to the end.

        Args:
            progress: Called with the step after every call of the kernel.
            most: At most this many steps a call (for tests).

        Raises:
            RunError: RUN301 when a variable becomes NaN or infinite, RUN307 when a Poisson group has a rate that no
                step can have; what was recorded before stays in the sink.
        """
        size = FIRST_CALL
        self.watch.begin(self.step)
        try:
            self._run(size, progress, most)
        finally:
            self.settle()

    def settle(self) -> None:
        """Carry out what waits at synapses for the next spike of their source."""
        if any(array.key.use is ArrayUse.SEEN for array in self.built.kernel.arrays):
            with self.stopwatch.of(Work.KERNEL):
                self.threads.advance(self.step, 0, self._tables)

    def _run(self, size: int, progress: Callable[[int], None], most: int | None) -> None:
        while self.step < self.network.steps:
            self._enter_phase()
            self._call_hooks()
            n = min(size, most or MOST_STEPS, self._to_next_stop())
            started = time.perf_counter()
            done = self._advance(n)
            elapsed = time.perf_counter() - started
            if done == size:
                size = int(min(MOST_STEPS, size * min(GROWTH, max(0.5, CALL_SECONDS / max(elapsed, 1e-9)))) + 1)
            self._leave_phase()
            progress(self.step)

    def now(self, owner: str, name: str) -> Any:
        """A variable or subexpression of a group or of synapses as it is (`values.value_now`)."""
        self.settle()
        return value_now(self.built, self._constants_now(), owner, name, self.step)

    def _constants_now(self) -> Network:
        """The network with the constants that counted until this step."""
        return self.timeline.network_at(max(self.step - 1, 0))

    def state(self) -> dict[ArrayKey, Array]:
        """A copy of everything that changes during a run."""
        return {key: array.copy() for key, array in self.built.state.items()}

    def restore(self, state: Mapping[ArrayKey, Array], step: int) -> None:
        """Go back to a copy."""
        for key, array in state.items():
            if key.use is ArrayUse.ARRIVALS and len(array) > len(self.arrays[key]):
                hold(self.built, key.owner, len(array))
                self._tables = self.built.tables()
            self.arrays[key][: len(array)] = array
        if lengthen_lists(self.built):
            self._tables = self.built.tables()
        self.step = step
        phase = self.timeline.phase_at(step)
        if phase is not None and phase.start < step:
            phase = self.timeline.entered(step)
            assert phase is not None
            use_constants(self.built, phase, self.network)
            self._tables = self.built.tables()

    # one call

    def _advance(self, n: int) -> int:
        with self.stopwatch.of(Work.CHECKS):
            self.watch.copy(self.step)
        first, before = self.step, self.stopwatch.seconds[Work.KERNEL]
        with self.stopwatch.of(Work.KERNEL):
            done = self.threads.advance(first, n, self._tables)
        elapsed = self.stopwatch.seconds[Work.KERNEL] - before
        self.step += done
        phase = self.timeline.phase_at(self.step - 1)
        last = self.step == (self.network.steps if phase is None else phase.stop)
        if last:
            self.settle()
        with self.stopwatch.of(Work.CHECKS):
            wrong = self.watch.look(self.step, elapsed, last=last)
        if wrong:
            self._fail(first)
        self._flush(first)
        if lengthen_lists(self.built):
            self._tables = self.built.tables()
            self.watch.forget()
        self._look_at_refractory_times()
        return done

    def _look_at_refractory_times(self) -> None:
        """Times that change during the run are looked at between calls.

        Raises:
            RunError: RUN308, one of a neuron that has spiked is negative or NaN.
        """
        for group in self._constants_now().groups.values():
            if group.refractory is None or group.refractory.steady:
                continue
            wrong = wrong_refractory(self.built, self._constants_now(), group, self.step)
            if wrong is not None:
                moment = format_quantity(self.step * self.network.dt, TIME)
                message = f"the refractory time of neuron {wrong[0]} of `{group.name}` is {wrong[1]} at t = {moment}"
                raise RunError(Diagnostic("RUN308", message, group.refractory.span, "keep it from 0 on, with `clip`"))

    def _enter_phase(self) -> None:
        """At the first step of a phase, set what it sets."""
        phase = self.timeline.phase_at(self.step)
        if phase is not None and phase.start == self.step:
            self.settle()
            before = self.timeline.network_at(self.step - 1) if self.step else None
            phase = self.timeline.entered(self.step)
            assert phase is not None
            with self.stopwatch.of(Work.PHASES):
                begin(self.built, phase, self.network, before)
            self._tables = self.built.tables()
            self.watch.begin(self.step)

    def _leave_phase(self) -> None:
        """At the end of a phase, which may come early, set what it sets then."""
        self.timeline.look_at_stop(self.step)
        phase = self.timeline.leave(self.step)
        if phase is not None:
            self.settle()
            with self.stopwatch.of(Work.PHASES):
                end(self.built, phase, self.step)
            self.timeline.leave_repetitions(self.step)

    def _call_hooks(self) -> None:
        if not self.hooks:
            return
        acting = [h for h in self.timeline.network_at(self.step).hooks if h.acts and self.step % h.every == 0]
        for hook in acting:
            with self.stopwatch.of(Work.HOOKS):
                bring_up_to_date(self.built, self._constants_now(), self.step)
                self.hooks[hook.name](self.step)
            self.watch.begin(self.step)

    def _to_next_stop(self) -> int:
        """Steps until the end, the next call of Python, or a full buffer."""
        stops = self.timeline.steps_to_next_end(self.step)
        stops += [hook.every - self.step % hook.every for hook in self.network.hooks]
        for monitor in self.network.monitors:
            longest = longest_call(self.built, monitor)
            stops += [] if longest is None else [longest]
        return max(1, min(stops))

    # recording

    def _flush(self, first: int) -> None:
        """Hand over what the calls since step `first` recorded."""
        moved = [hand_over(self.built, first, self.sink, monitor) for monitor in self.network.monitors]
        if any(moved):
            self._tables = self.built.tables()

    # failures

    def _fail(self, first: int) -> None:
        """Find the step in which a value stopped being finite, keep what was recorded before it, and stop.

        Args:
            first: The first step whose recorded data were not handed over yet.
        """
        watch = self.watch
        if watch.copied_at is None:
            found = watch.found()
            assert found is not None
            self._flush(first)
            raise failed(self.built, self.network, found, watch.finite_at, self.step)
        low, high = watch.copied_at, self.step  # finite at the start of `low`, no longer at the start of `high`
        while high - low > 1:
            middle = first if low < first < high else (low + high) // 2
            self._replay(middle, keep=low >= first)
            if watch.found() is not None:
                high = middle
                continue
            if low >= first:
                self._flush(low)
            low = middle
            watch.take(low)
        self._replay(high, keep=False)
        found = watch.found()
        assert found is not None
        error = failed(self.built, self.timeline.network_at(low), found, low, high, watch.before)
        self.step = watch.restore()
        raise error

    def _replay(self, step: int, *, keep: bool) -> None:
        """Go from the copy to a step; what is recorded is dropped on the way, or kept to the end."""
        self.step = self.watch.restore()
        while self.step < step:
            n = min(step - self.step, self._to_next_stop())
            self.step += self.threads.advance(self.step, n, self._tables)
            if not keep:
                for monitor in self.network.monitors:
                    drop(self.built, monitor)
        self.settle()

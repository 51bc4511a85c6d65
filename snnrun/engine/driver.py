"""Runs a built network: short calls of the kernel, and between them progress, recording, hooks and a look for NaN.

The engine knows no files: recorded data go to a sink. Results do not depend on how the steps are cut into calls.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from snnrun.codegen.arguments import ArrayKey, ArrayUse
from snnrun.codegen.native import KernelThreads, NativeKernel, PythonKernel
from snnrun.engine.failures import failed
from snnrun.engine.monitors import drop, hand_over, longest_call
from snnrun.engine.moving import hold, lengthen_lists
from snnrun.engine.phases import begin, end, shortened, use_constants
from snnrun.engine.recording import Sink
from snnrun.engine.values import Array, Built, bring_up_to_date, value_now, wrong_refractory
from snnrun.engine.watch import Watch
from snnrun.errors import Diagnostic, RunError
from snnrun.model.network import Network, Phase
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

CALL_SECONDS = 0.05  # Ctrl-C and progress wait for a call to return
FIRST_CALL = 64
GROWTH = 16.0  # of the next call, at most
MOST_STEPS = 1 << 20

Hook = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What is decided while a network runs.

    Args:
        stops: For each phase that may end early, by number, whether it ends now.
        ends: For each phase at whose end constants are computed, by number, their values by name. [SI]
        untils: For each loop of the network, whether its repetitions end now.
        renew: Gives a phase with what the ends of phases before it have computed.
    """

    stops: Mapping[int, Callable[[], bool]] = field(default_factory=dict)
    ends: Mapping[int, Callable[[], dict[str, float]]] = field(default_factory=dict)
    untils: Sequence[Callable[[], bool]] = ()
    renew: Callable[[int, Mapping[int, Mapping[str, float]], Network], Phase] | None = None


class Simulation:
    """One run of a built network.

    Args:
        built: The network in memory.
        kernel: Its machine code.
        sink: Where recorded data go.
        hooks: Functions to call every so many steps, at the start of the step.
        decisions: What is decided during the run; None where there is nothing to decide.
        shorten: Called with the network as it then is and the step, when a phase ends early.
    """

    def __init__(
        self,
        built: Built,
        kernel: NativeKernel | PythonKernel,
        sink: Sink,
        hooks: Mapping[int, tuple[Hook, ...]] | None = None,
        *,
        decisions: Decisions | None = None,
        shorten: Callable[[Network, int], None] = lambda _network, _step: None,
    ) -> None:
        self.built = built
        self.network = built.network
        self.arrays = built.arrays
        self.threads = KernelThreads(kernel, built.network.threads)
        self.sink = sink
        self.hooks = dict(hooks or {})
        self.decisions = decisions or Decisions()
        self.ended: dict[int, int] = {}  # phases that ended early or were left out, and where
        self.measured: dict[int, dict[str, float]] = {}  # what the ends of phases have computed [SI]
        self.exhausted: set[int] = set()  # loops whose condition never held
        self._last_renewed: int | None = None
        self._shorten = shorten
        self._starts = [phase.start for phase in self.network.phases]
        self.step = 0
        self._tables = built.tables()
        self.watch = Watch(built)

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
            self._leave_phase()
            progress(self.step)

    def now(self, owner: str, name: str) -> Any:
        """A variable or subexpression of a group or of synapses as it is (`values.value_now`)."""
        return value_now(self.built, self._constants_now(), owner, name, self.step)

    def _constants_now(self) -> Network:
        """The network with the constants that counted until this step."""
        return self._network_at(max(self.step - 1, 0))

    def constants(self) -> dict[str, float]:
        """The constants of the file as they are now, by name; empty without phases. [SI]."""
        number = self._number_of(max(self.step - 1, 0))
        if number is None:
            return {}
        values = {name: value for name, (value, _) in self.network.phases[number].constants.items()}
        return values | self.measured.get(number, {})

    def end_phases(self, ends: Mapping[int, int]) -> None:
        """Let phases, by number, end at steps that lie before their ends."""
        if not ends:
            return
        self.network = shortened(self.network, ends)
        self._starts = [phase.start for phase in self.network.phases]
        self.ended |= ends
        self._shorten(self.network, max(ends.values()))

    def facts(self) -> dict[str, Any]:
        """What was decided until now, as plain data, for `recall`."""
        return {
            "ended": sorted(self.ended.items()),
            "measured": sorted(self.measured.items()),
            "exhausted": sorted(self.exhausted),
        }

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Go on from what another simulation of this network has decided."""
        self.end_phases({int(number): int(step) for number, step in facts["ended"]})
        self.measured = {int(number): dict(values) for number, values in facts["measured"]}
        self.exhausted |= set(facts["exhausted"])

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
        self.step = step
        number = self._number_of(step)
        if number is not None and self.network.phases[number].start < step:
            use_constants(self.built, self._renewed(number), self.network)
            self._tables = self.built.tables()

    # one call

    def _advance(self, n: int) -> int:
        self.watch.copy(self.step)
        first = self.step
        started = time.perf_counter()
        done = self.threads.advance(first, n, self._tables)
        elapsed = time.perf_counter() - started
        self.step += done
        phase = self._phase_of(self.step - 1)
        last = self.step == (self.network.steps if phase is None else phase.stop)
        if self.watch.look(self.step, elapsed, last=last):
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
        number = self._number_of(self.step)
        if number is not None and self.network.phases[number].start == self.step:
            before = self._network_at(self.step - 1) if self.step else None
            begin(self.built, self._renewed(number), self.network, before)
            self._tables = self.built.tables()
            self.watch.begin(self.step)

    def _look_at_stops(self) -> None:
        """End the phase when what it waits for has come; looked at every so many steps of it."""
        number = self._number_of(self.step - 1)
        if number is None or number not in self.decisions.stops:
            return
        phase = self.network.phases[number]
        if self.step < phase.stop and self._to_next_look(phase) == 0 and self.decisions.stops[number]():
            self.end_phases({number: self.step})

    def _leave_phase(self) -> None:
        """At the end of a phase, set what it sets then, and leave out repetitions that are not needed any more."""
        number = self._number_of(self.step - 1)
        if number is None or self.network.phases[number].stop != self.step:
            return
        if number in self.decisions.ends:
            self.measured[number] = self.decisions.ends[number]()
        end(self.built, self.network.phases[number], self.step)
        for k, holds in enumerate(self.decisions.untils):
            self._leave_repetition(k, number, holds)

    def _leave_repetition(self, loop: int, number: int, holds: Callable[[], bool]) -> None:
        """After a phase: when it was the last one of a repetition, ask whether there are more.

        Args:
            loop: Which of the network's loops.
            number: The phase.
            holds: Whether the repetitions end.
        """
        rounds = self.network.loops[loop].rounds
        k = bisect_right(rounds, number, key=itemgetter(0)) - 1
        if k < 0 or number > rounds[k][1] or self.network.phases[rounds[k][1]].stop != self.step:
            return
        if holds():
            self.end_phases(dict.fromkeys(range(rounds[k][1] + 1, rounds[-1][1] + 1), self.step))
        elif k + 1 == len(rounds):
            self.exhausted.add(loop)

    def _renewed(self, number: int) -> Phase:
        """A phase that begins or goes on, with what the ends of phases before it have computed."""
        if self.decisions.renew is None or not self.measured:
            return self.network.phases[number]
        phase = self.decisions.renew(number, self.measured, self.network)
        phases = list(self.network.phases)
        if self._last_renewed is not None:  # its network has done its work
            k = self._last_renewed
            phases[k] = replace(phases[k], network=self.built.network.phases[k].network)
        phases[number] = phase
        self.network, self._last_renewed = replace(self.network, phases=tuple(phases)), number
        return phase

    def _to_next_look(self, phase: Phase) -> int:
        assert phase.stop_when is not None
        return (phase.start - self.step) % phase.stop_when.every

    def _call_hooks(self) -> None:
        for every, functions in self.hooks.items():
            if self.step % every == 0:
                bring_up_to_date(self.built, self._constants_now(), self.step)
                for function in functions:
                    function(self.step)
                self.watch.begin(self.step)

    def _to_next_stop(self) -> int:
        """Steps until the end, the next call of Python, or a full buffer."""
        stops = [self.network.steps - self.step]
        stops += [every - self.step % every for every in self.hooks]
        phase = self._phase_of(self.step)
        if phase is not None:
            stops.append(phase.stop - self.step)
            if phase.stop_when is not None:
                stops.append(self._to_next_look(phase) or phase.stop_when.every)
        for monitor in self.network.monitors:
            longest = longest_call(self.built, monitor)
            stops += [] if longest is None else [longest]
        return max(1, min(stops))

    # recording

    def _flush(self, first: int) -> None:
        """Hand over what the calls since step `first` recorded."""
        for monitor in self.network.monitors:
            hand_over(self.built, first, self.sink, monitor)

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
        error = failed(self.built, self._network_at(low), found, low, high, watch.before)
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

    def _network_at(self, step: int) -> Network:
        """The network with the constants of a step."""
        phase = self._phase_of(step)
        return self.network if phase is None else phase.network

    def _phase_of(self, step: int) -> Phase | None:
        """The phase that a step lies in."""
        number = self._number_of(step)
        return None if number is None else self.network.phases[number]

    def _number_of(self, step: int) -> int | None:
        """The number of the phase that a step lies in; None where there is none."""
        number = bisect_right(self._starts, step) - 1  # of phases that were left out, the next one begins there too
        return number if number >= 0 and step < self.network.phases[number].stop else None

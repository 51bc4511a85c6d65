"""The phases of a run as they turn out: which ended early, which were left out, and what their ends computed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from snnrun.engine.phases import shortened
from snnrun.model.network import Network, Phase


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


class Timeline:
    """The phases of one run.

    Args:
        planned: The network as planned.
        decisions: What is decided during the run.
        shorten: Called with the network as it then is and the step, when a phase ends early.

    Attributes:
        network: The network, its phases as long as they are now.
        ended: Phases that ended early or were left out, by number, and the step after their last.
        measured: What the ends of phases have computed, by number and name. [SI]
        exhausted: The numbers of the loops that came to their end before their condition held.
    """

    def __init__(self, planned: Network, decisions: Decisions, shorten: Callable[[Network, int], None]) -> None:
        self.planned = planned
        self.decisions = decisions
        self.network = planned
        self.ended: dict[int, int] = {}
        self.measured: dict[int, dict[str, float]] = {}
        self.exhausted: set[int] = set()
        self._shorten = shorten
        self._last_renewed: int | None = None
        self._starts = [phase.start for phase in planned.phases]

    def number_at(self, step: int) -> int | None:
        """The number of the phase that a step lies in; None where there is none."""
        number = bisect_right(self._starts, step) - 1  # of phases that were left out, the next one begins there too
        return number if number >= 0 and step < self.network.phases[number].stop else None

    def phase_at(self, step: int) -> Phase | None:
        """The phase that a step lies in."""
        number = self.number_at(step)
        return None if number is None else self.network.phases[number]

    def network_at(self, step: int) -> Network:
        """The network with the constants of a step."""
        phase = self.phase_at(step)
        return self.network if phase is None else phase.network

    def constants_before(self, step: int) -> dict[str, float]:
        """The constants of the file as they are before a step, by name; empty without phases. [SI]."""
        number = self.number_at(max(step - 1, 0))
        if number is None:
            return {}
        values = {name: value for name, (value, _) in self.network.phases[number].constants.items()}
        return values | self.measured.get(number, {})

    def steps_to_next_end(self, step: int) -> list[int]:
        """Steps to the end of the phase, and to the next look at what ends it early."""
        phase = self.phase_at(step)
        if phase is None:
            return [self.network.steps - step]
        if phase.stop_when is None:
            return [phase.stop - step]
        return [phase.stop - step, _to_next_look(phase, step) or phase.stop_when.every]

    def entered(self, step: int) -> Phase | None:
        """The phase that begins with a step, or goes on there, with what ends of phases before it have computed."""
        number = self.number_at(step)
        if number is None or self.decisions.renew is None or not self.measured:
            return None if number is None else self.network.phases[number]
        phase = self.decisions.renew(number, self.measured, self.network)
        phases = list(self.network.phases)
        if self._last_renewed is not None:  # its network has done its work
            k = self._last_renewed
            phases[k] = replace(phases[k], network=self.planned.phases[k].network)
        phases[number] = phase
        self.network, self._last_renewed = replace(self.network, phases=tuple(phases)), number
        return phase

    def look_at_stop(self, step: int) -> None:
        """End the phase when what it waits for has come; looked at every so many steps of it."""
        number = self.number_at(step - 1)
        if number is None or number not in self.decisions.stops:
            return
        phase = self.network.phases[number]
        if step < phase.stop and _to_next_look(phase, step) == 0 and self.decisions.stops[number]():
            self.end_phases({number: step})

    def leave(self, step: int) -> Phase | None:
        """The phase that has ended before a step; what its end computes is computed."""
        number = self.number_at(step - 1)
        if number is None or self.network.phases[number].stop != step:
            return None
        if number in self.decisions.ends:
            self.measured[number] = self.decisions.ends[number]()
        return self.network.phases[number]

    def leave_repetitions(self, step: int) -> None:
        """After the end of a phase, leave out repetitions that are not needed any more; inner ones first."""
        number = self.number_at(step - 1)
        assert number is not None
        for loop, holds in enumerate(self.decisions.untils):
            rounds = self.network.loops[loop].rounds
            k = bisect_right(rounds, number, key=itemgetter(0)) - 1
            if k < 0 or number > rounds[k][1] or self.network.phases[rounds[k][1]].stop != step:
                continue
            if holds():
                self.end_phases(dict.fromkeys(range(rounds[k][1] + 1, rounds[-1][1] + 1), step))
            elif k + 1 == len(rounds):
                self.exhausted.add(loop)

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
        """Go on from what another run of this network has decided."""
        self.end_phases({int(number): int(step) for number, step in facts["ended"]})
        self.measured |= {int(number): dict(values) for number, values in facts["measured"]}
        self.exhausted |= set(facts["exhausted"])


def _to_next_look(phase: Phase, step: int) -> int:
    assert phase.stop_when is not None
    return (phase.start - step) % phase.stop_when.every

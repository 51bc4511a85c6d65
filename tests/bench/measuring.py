"""Runs all runners of a work in turn, several times, and sums up what they cost."""

from __future__ import annotations

import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environments import Peer
from processes import run_child
from works import MADE, Runner, Tool, Work

LONG = 25.0  # a runner whose warm run takes longer is run in the first round only [s]
VERY_LONG = 60.0  # a cold run that takes longer is not repeated warm, but for those that compile most of that time [s]
ERRORS = 5.0  # rates may differ by so many standard errors ...
FLOOR = 0.02  # ... or by this part of the rate, if that is more
PUBLISHED = 0.10  # rates may differ from those of a paper by this part
_NOT_YET = ("NET199", "No such option")  # what ours says to an option that it does not have


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure.

    Args:
        rounds: How often each runner runs.
        timeout: The longest that one run may take. [s]
        shrink: Factor for simulated times, 1 for the whole.
        seeds: Seeds of ours for the rates, at most.
    """

    rounds: int = 3
    timeout: float = 600.0
    shrink: float = 1.0
    seeds: int = 16


@dataclass(slots=True)
class Runs:
    """What the runs of one runner gave, in their order."""

    prepare_cold: list[float] = field(default_factory=list)
    prepare_warm: list[float] = field(default_factory=list)
    simulate: list[float] = field(default_factory=list)
    whole_cold: list[float] = field(default_factory=list)
    whole_warm: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    rates: dict[int, dict[str, float]] = field(default_factory=dict)
    stopped: str = ""

    def summary(self) -> dict[str, Any]:
        """Medians, with the smallest and largest where there are several."""
        lists = {name: getattr(self, name) for name in FIGURES}
        found = {name: statistics.median(values) for name, values in lists.items() if values}
        spread = {name: [min(values), max(values)] for name, values in lists.items() if len(values) > 1}
        return {"runs": len(self.simulate), **found, "range": spread, "missing": self.stopped}


FIGURES = ("prepare_cold", "prepare_warm", "simulate", "whole_cold", "whole_warm", "memory")


def measure(work: Work, peers: Mapping[Tool, Peer], plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures of one work.

    Args:
        work: The work.
        peers: The peers that can run, and those that cannot with their reasons.
        plan: How often, how long.
        say: Shows progress.
    """
    runs = {runner.key: Runs() for runner in work.runners}
    for runner in work.runners:
        if runner.tool in peers and peers[runner.tool].missing:
            runs[runner.key].stopped = peers[runner.tool].missing
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        room = _Room(work, peers, plan, Path(temporary), say)
        for number in range(1, plan.rounds + 1):
            for runner in work.runners:
                room.round(runner, number, runs[runner.key])
        ours = work.runners[0]
        for seed in range(plan.rounds + 1, min(work.seeds, plan.seeds) + 1):
            room.again(ours, seed, runs[ours.key])
    return {
        "size": work.size,
        "seconds": work.seconds * plan.shrink,
        "runners": {key: found.summary() for key, found in runs.items()},
        "rates": agreement(work, runs),
    }


@dataclass(frozen=True, slots=True)
class Process:
    """What one process took: all its seconds, those of its simulation, its memory in bytes."""

    seconds: float
    simulate: float
    memory: int


@dataclass(slots=True)
class _Room:
    """A temporary place where one work runs."""

    work: Work
    peers: Mapping[Tool, Peer]
    plan: Plan
    place: Path
    say: Callable[[str], None]

    def round(self, runner: Runner, number: int, runs: Runs) -> None:
        """Once with nothing compiled, once more; the number is the seed too."""
        if runs.stopped or (number > 1 and (not runs.whole_warm or runs.whole_warm[0] > LONG)):
            return
        cache = self.place / f"{runner.key}-cache"
        if runner.cached and (number == 1 or not runner.cold_once):
            shutil.rmtree(cache, ignore_errors=True)
            ended = self.once(runner, cache, number, runs, runs.prepare_cold, runs.whole_cold)
            if ended is not None and ended.seconds > VERY_LONG and not runner.cold_once:
                runs.memory.append(ended.memory)
                runs.simulate.append(ended.simulate)
                return
        if not runs.stopped:
            ended = self.once(runner, cache, number, runs, runs.prepare_warm, runs.whole_warm)
            if ended is not None:
                runs.memory.append(ended.memory)
                runs.simulate.append(ended.simulate)
        if not runner.cached and not runs.stopped:
            runs.prepare_cold.append(runs.prepare_warm[-1])
            runs.whole_cold.append(runs.whole_warm[-1])

    def again(self, runner: Runner, seed: int, runs: Runs) -> None:
        """One more seed for the rates."""
        if not runs.stopped:
            self.once(runner, self.place / f"{runner.key}-cache", seed, runs, None, None)

    def once(
        self, runner: Runner, cache: Path, seed: int, runs: Runs, prepare: list[float] | None, whole: list[float] | None
    ) -> Process | None:
        """One process; None when it failed."""
        command, environment = self.command(runner, cache, seed)
        ended = run_child(command, self.plan.timeout, environment)
        if ended.reason:
            runs.stopped = "not supported" if any(sign in ended.err for sign in _NOT_YET) else ended.reason
            self.say(f"  {runner.label}: {runs.stopped}")
            return None
        told = json.loads(ended.out.strip().splitlines()[-1])
        ours = runner.tool is Tool.SNNRUN
        before, simulate = spent_of_ours(told, written=self.work.written) if ours else spent_of_theirs(told)
        runs.rates[seed] = rates_of(told, self.work)
        if prepare is not None and whole is not None:
            prepare.append(before)
            whole.append(ended.seconds)
            state = "cold" if whole is runs.whole_cold else "warm"
            self.say(f"  {runner.label}, {state}: {before:.2f} s before, {simulate:.3f} s, whole {ended.seconds:.1f} s")
        return Process(ended.seconds, simulate, ended.memory)

    def command(self, runner: Runner, cache: Path, seed: int) -> tuple[Sequence[str | Path], dict[str, str]]:
        """The command of one process, and its variables."""
        seconds = self.work.seconds * self.plan.shrink
        if runner.tool is Tool.SNNRUN:
            words = [sys.executable, "-m", "snnrun", "run", self.work.file, "--json", "--no-plots", "--seed", str(seed)]
            # a folder of its own for each run: a sweep that is complete runs nothing again
            words += ["--out", self.place / f"results-{time.monotonic_ns()}", *self.work.sets(seconds)]
            words += [*runner.options, *self.work.options]
            return words, {"SNNRUN_CACHE_DIR": str(cache)}
        words = [self.peers[runner.tool].python, self.work.script_of(runner.tool), *runner.options]
        words += ["--folder", cache] if runner.cached else []
        words += ["--variant", self.work.variant] if self.work.variant else []
        words += ["--table", MADE / self.work.made] if self.work.made else []
        words += ["--size", f"{self.work.size:g}", "--seconds", f"{seconds:g}", "--seed", str(seed)]
        return words, {}


def spent_of_ours(told: Mapping[str, Any], *, written: bool) -> tuple[float, float]:
    """Seconds before and in the simulation, of the report of `snnrun run --json`; of a sweep, all points together.

    With `written`, what the writing of results takes after the last step counts as simulation.
    """
    spent = told["seconds"]
    code = spent["generate"] + spent["compile"]
    if "loop" in spent:  # of a sweep, points are checked and generated in the loop; kernels are compiled before it
        return spent["load"] + spent["compile"], spent["loop"]
    return spent["load"] + spent["check"] + code + spent["build"], spent["simulate"] + (
        spent["write"] if written else 0.0
    )


def spent_of_theirs(told: Mapping[str, Any]) -> tuple[float, float]:
    """The same, of the report of a peer's script."""
    return told["seconds"]["prepare"], told["seconds"]["simulate"]


def rates_of(told: Mapping[str, Any], work: Work) -> dict[str, float]:
    """The rates of one run; of a sweep, their mean over its points. [Hz]"""
    found = {}
    for name in work.metrics:
        value = told["metrics"][name]
        value = value["value"] if isinstance(value, Mapping) else value
        found[name] = statistics.fmean(value) if isinstance(value, list) else float(value)
    return found


def agreement(work: Work, runs: Mapping[str, Runs]) -> list[dict[str, Any]]:
    """Each peer's rates beside ours, and whether they agree.

    Means over seeds are compared. They may differ by `ERRORS` standard errors of their difference, with the spread
    between seeds that ours show, and at least by `FLOOR`; rates of a paper by `PUBLISHED`.
    """
    ours = runs[work.runners[0].key].rates
    rows: list[dict[str, Any]] = []
    for tool in dict.fromkeys(runner.tool for runner in work.runners[1:] if runner.tool is not Tool.SNNRUN):
        theirs = [rates for r in work.runners if r.tool is tool for rates in runs[r.key].rates.values()]
        for name in work.metrics:
            if ours and theirs:
                rows.append(_compared(tool.value, name, [r[name] for r in ours.values()], [r[name] for r in theirs]))
    for name, rate in zip(work.metrics, work.published, strict=False):
        if ours:
            mean = statistics.fmean(r[name] for r in ours.values())
            row = {"peer": "published", "metric": name, "ours": mean, "theirs": rate, "allowed": PUBLISHED * rate}
            rows.append({**row, "agree": abs(mean - rate) <= PUBLISHED * rate})
    return rows


def _compared(peer: str, name: str, ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    mean, other = statistics.fmean(ours), statistics.fmean(theirs)
    spread = statistics.stdev(ours) if len(ours) > 1 else 0.0
    allowed = max(ERRORS * spread * math.sqrt(1 / len(ours) + 1 / len(theirs)), FLOOR * max(mean, other))
    agree = abs(mean - other) <= allowed and mean > 0
    return {"peer": peer, "metric": name, "ours": mean, "theirs": other, "allowed": allowed, "agree": agree}

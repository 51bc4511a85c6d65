"""Where the time and the memory of a run go, by object and stage, and what may be changed (`snnrun run --profile`)."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from snnrun.codegen.arguments import RUN, ArrayUse
from snnrun.codegen.module import WAITING
from snnrun.engine.memory import expected_memory
from snnrun.engine.stopwatch import Work
from snnrun.engine.values import Built
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.model.network import Network, StateMonitor
from snnrun.running.stages import Prepared

_LEAST = 0.005  # share of a row of its own
_MOST = 20  # rows
_STAGES = {
    ("groups", "groups"): "update",
    ("synapses", "groups"): "update",
    ("synapses", "synapses"): "delivery",
    ("inputs", "groups"): "input",
    ("inputs", "synapses"): "input",
}
"""What an object does in a slot; monitors record, and what is not here is called as the slot."""
_BETWEEN = {
    Work.RESULTS: ("results", "writing"),
    Work.METRICS: ("recorded values", "metrics and checks"),
    Work.CHECKPOINTS: ("checkpoints", "writing"),
    Work.PHASES: ("phases", "setting values"),
    Work.HOOKS: ("operations", "Python functions"),
    Work.CHECKS: ("variables", "checks for NaN"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """How long an object was busy with a stage.

    Args:
        object: Its path in the file, or what acts for all objects.
        stage: The stage.
        seconds: How long, of the first thread. [s]
    """

    object: str
    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of a simulation went.

    Args:
        seconds: How long it took. [s]
        rows: What took how long, longest first; the last is what nothing measured. They add up to `seconds`.
        beside: How long another thread wrote results meanwhile. [s]
        memory: Bytes of the arrays of each object, largest first.
        expected: Bytes that the process takes at the peak, as estimated before the run, beside recordings.
        advice: What may be changed, where that is known.
    """

    seconds: float
    rows: tuple[Row, ...]
    beside: float
    memory: Mapping[str, int]
    expected: int
    advice: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "seconds": round(self.seconds, 6),
            "stages": [{"object": r.object, "stage": r.stage, "seconds": round(r.seconds, 6)} for r in self.rows],
            "beside": round(self.beside, 6),
            "memory": dict(self.memory),
            "memory_bytes": self.expected,
            "advice": list(self.advice),
        }

    def lines(self) -> Iterator[str]:
        """A table for a terminal of 80 columns."""
        yield f"profile of {self.seconds:.3f} s of simulation"
        shown = [row for row in self.rows[:-1] if row.seconds >= _LEAST * self.seconds][:_MOST]
        few = [row for row in self.rows[:-1] if row not in shown]
        rest = [Row("others", "", sum(r.seconds for r in few))] if few else []
        for row in [*shown, *rest, self.rows[-1]]:
            share = row.seconds / self.seconds if self.seconds else 0.0
            yield f"  {_cut(row.object, 36):36}  {_cut(row.stage, 18):18} {row.seconds:9.3f} s {share:6.1%}"
        if self.beside >= 0.001:
            yield f"  {'results, by another thread':36}  {'written meanwhile':18} {self.beside:9.3f} s"
        total = sum(self.memory.values())
        yield f"memory about {self.expected / 1e6:.3g} MB, beside recordings; arrays {total / 1e6:.3g} MB:"
        for name, size in [(n, s) for n, s in self.memory.items() if s >= 0.01 * total][:_MOST]:
            yield f"  {_cut(name, 36):36}  {'':18} {size / 1e6:9.3f} MB {size / total:5.1%}"
        for text in self.advice:
            yield from textwrap.wrap(f"advice: {text}", 80, subsequent_indent="  ", break_on_hyphens=False)


def profile_of(prepared: Prepared) -> Profile:
    """The profile of a run whose kernel measured the stages of its steps."""
    built, seconds = prepared.built, prepared.stopwatch.seconds
    rows = [*_kernel_rows(built, seconds[Work.KERNEL])]
    rows += [Row(*names, seconds[work]) for work, names in _BETWEEN.items() if seconds[work]]
    rows.sort(key=lambda row: -row.seconds)
    whole = seconds[Work.ALL]
    rows.append(Row("not attributed", "", max(0.0, whole - sum(row.seconds for row in rows))))
    known = _Known(built.network, whole, rows[:-1], bool(prepared.checked.experiment.metrics))
    advice = tuple(text for rule in _ADVICE for text in rule(known))
    expected = round(expected_memory(built.network, built.kernel))
    return Profile(whole, tuple(rows), seconds[Work.WRITING], _memory(built), expected, advice)


def brief(seconds: Mapping[Work, float]) -> str:
    """What a simulation was busy with, in one line for the log."""
    works = [work for work in Work if work is Work.KERNEL or (work is not Work.ALL and seconds[work] >= 0.001)]
    return ", ".join(f"{work} {seconds[work]:.3f} s" for work in works)


def _kernel_rows(built: Built, seconds: float) -> Iterator[Row]:
    """The time of the first thread in the kernel, divided as its clock says."""
    ticks = built.arrays[ArrayUse.LAPS.of(RUN)][0]
    found: dict[tuple[str, str], float] = {}
    for (about, slot), n in zip(built.kernel.laps, ticks, strict=False):
        name = ("threads", WAITING[1]) if (about, slot) == WAITING else (about, _stage(about, slot))
        found[name] = found.get(name, 0.0) + float(n)
    whole = sum(found.values()) or 1.0
    for (about, stage), n in found.items():
        if n and not (built.network.threads == 1 and about == "threads"):
            yield Row(about, stage, seconds * n / whole)


def _stage(about: str, slot: str) -> str:
    section = about.partition(".")[0]
    if section == "monitors":
        return "recording"
    return "statements" if section == "operations" else _STAGES.get((section, slot), slot or "delivery")


def _memory(built: Built) -> dict[str, int]:
    """Bytes of arrays by the object that owns them."""
    found: dict[str, int] = {}
    for key, array in built.arrays.items():
        name = ".".join(key.owner.split(".")[:2])
        found[name] = found.get(name, 0) + array.nbytes
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


# advice


@dataclass(frozen=True, slots=True)
class _Known:
    """What advice follows from."""

    network: Network
    seconds: float
    rows: list[Row]
    metrics: bool

    def share(self, choose: Callable[[Row], bool]) -> float:
        """The share of the time that some rows take."""
        return sum(row.seconds for row in self.rows if choose(row)) / (self.seconds or 1.0)


def _record_less(known: _Known) -> Iterator[str]:
    """Who records much."""
    samples = [(m, _samples(known.network, m)) for m in known.network.monitors if isinstance(m, StateMonitor)]
    total = sum(number for _, number in samples) or 1.0
    for monitor, own in samples:
        writing = known.share(lambda row: row.object == "results") * own / total
        path = f"monitors.{monitor.name}"
        share = writing + known.share(lambda row, path=path: row.object == path)  # type: ignore[misc]
        if share < 0.2:
            continue
        group = known.network.groups.get(monitor.source.removeprefix("groups."))
        what = ", ".join(f"`{c.name}`" for c in monitor.columns)
        everyone = group is not None and monitor.number == group.size
        whom = f"all of `{group.name}`" if everyone and group is not None else f"{monitor.number or 'its'} elements"
        ways = ["fewer (`indices`)", "less often (`dt`)"]
        ways += ["with `dtype: float32`"] if monitor.precision is Precision.DOUBLE else []
        yield f"{_words(share)} of the time is recording {what} of {whom}: record {', '.join(ways)}"


def _samples(network: Network, monitor: StateMonitor) -> float:
    steps = max(0, min(monitor.window.stop, network.steps) - monitor.window.start)
    return float(monitor.number or 0) * len(monitor.columns) * steps / monitor.every


def _wait_less(known: _Known) -> Iterator[str]:
    """Threads that wait."""
    share = known.share(lambda row: row.object == "threads")
    if share >= 0.3:
        yield f"{_words(share)} of the time the first thread waits for others: try fewer (`--threads`)"


def _use_threads(known: _Known) -> Iterator[str]:
    """Cores that are not used."""
    share = known.share(lambda row: row.stage in ("update", "delivery", "input", "thresholds", "resets"))
    if known.network.threads == 1 and (os.cpu_count() or 1) > 1 and known.network.neurons >= 2000 and share >= 0.5:
        yield f"{_words(share)} of the time is work that threads share: try `run.threads: 2`; results stay the same"


def _reorder(known: _Known) -> Iterator[str]:
    """Updates in strict math."""
    share = known.share(lambda row: row.stage == "update" and row.object.startswith("groups."))
    if known.network.math is Math.STRICT and share >= 0.5:
        yield f"{_words(share)} of the time is updating groups: `run.math: fast` may be quicker; it changes rounding"


def _compute_less(known: _Known) -> Iterator[str]:
    """Metrics and Python functions."""
    share = known.share(lambda row: row.object == "recorded values")
    if share >= 0.2 and known.metrics:
        yield f"{_words(share)} of the time is computing metrics: give them a monitor of fewer neurons or samples"
    share = known.share(lambda row: row.object == "operations")
    if share >= 0.2:
        yield f"{_words(share)} of the time is in Python functions: call them less often (`every`)"


_ADVICE: tuple[Callable[[_Known], Iterator[str]], ...] = (
    _record_less,
    _wait_less,
    _use_threads,
    _reorder,
    _compute_less,
)


def _words(share: float) -> str:
    """A share at the beginning of a sentence."""
    names = {0.25: "a quarter", 1 / 3: "a third", 0.5: "half", 2 / 3: "two thirds", 0.75: "three quarters"}
    return next((name for value, name in names.items() if abs(share - value) < 0.02), f"{share:.0%}")

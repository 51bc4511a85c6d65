"""What `snnrun run` says of a run or a sweep: lines for people, and reports for `--json`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnrun.cli.progress import bytes_text, number_text, time_text
from snnrun.engine.memory import expected_memory
from snnrun.engine.phases import ended_early, repetitions
from snnrun.errors import UnfinishedError
from snnrun.model.network import GroupKind, Network, SpikeMonitor, SynapseEventMonitor
from snnrun.model.recorded import recorded_spans
from snnrun.results.layout import RESULTS_FILE
from snnrun.running.folder import metrics_as_json
from snnrun.running.stages import Checked, Outcome, Prepared

if TYPE_CHECKING:
    from snnrun.sweep.local import SweepOutcome

LONG = 0.5  # a stage that takes longer is listed [s]


def headline(checked: Checked) -> str:
    """Name, size, duration and seed in one line."""
    network = checked.resolved.network
    neurons = sum(g.size for g in network.groups.values() if g.kind is GroupKind.NEURONS)
    parts = [network.name]
    if network.groups:
        parts.append(number_text(neurons, "neuron"))
    sources = sum(g.size for g in network.groups.values() if g.kind is not GroupKind.NEURONS)
    if sources:
        parts.append(number_text(sources, "input"))
    parts.append(f"{time_text(network.steps * network.dt)} at {time_text(network.dt)}")
    seed = checked.experiment.seed
    parts.append(f"seed {seed}" if isinstance(seed, int) else "a seed for each stream")
    return " · ".join(parts)


def built_line(prepared: Prepared, seconds: Mapping[str, float]) -> str:
    """What was done before the first step, and how long it took."""
    compiled, built = prepared.compiled, prepared.built
    if compiled.cached:
        code = "kernel from cache"
    elif not compiled.object:
        code = "kernel not compiled"
    else:
        code = f"compiled {seconds['compile']:.1f} s (first run of this structure)"
    parts = [f"checked {seconds['load'] + seconds['check']:.2f} s", code, f"built {seconds['build']:.2f} s"]
    if built.connectivity:
        parts.append(number_text(sum(w.size for w in built.connectivity.values()), "synapse"))
    memory = expected_memory(built.network, prepared.kernel)
    return " · ".join([*parts, f"memory about {bytes_text(memory)}"])


def run_lines(checked: Checked, outcome: Outcome) -> Iterator[str]:
    """A whole run: phases that ended early, spikes, metrics, files, time."""
    ran = outcome.ran
    if outcome.found is not None:
        yield f"search  {outcome.found.line}"
    for name, step in ended_early(checked.resolved.network, ran):
        yield f"{name}  ended at {time_text(step * ran.dt)}"
    for name, done, most in repetitions(ran):
        yield f"{name}  {number_text(done, 'repetition')} of at most {number_text(most)}"
    yield from _spike_lines(ran, outcome.counts)
    for name, (value, unit) in outcome.metrics.items():
        if np.ndim(value) == 0:
            yield f"{name} = {float(value):.6g}{'' if unit == '1' else f' {unit}'}"
    results = f"{RESULTS_FILE} {bytes_text((outcome.folder / RESULTS_FILE).stat().st_size)}"
    yield _folder_line(outcome.folder, [results], outcome.pictures, outcome.digest)
    if outcome.profile is not None:
        yield from outcome.profile.lines()
    slow = [f"{name} {spent:.1f} s" for name, spent in outcome.seconds.items() if spent >= LONG]
    total = f"{sum(outcome.seconds.values()):.2f} s"
    yield f"{total}: {', '.join(slow)}" if slow else total


def _spike_lines(network: Network, counts: Mapping[str, int]) -> Iterator[str]:
    """One line for each monitor of spikes or events: how many, of how many neurons, their rate."""
    monitors = {m.name: m for m in network.monitors}
    for name, count in counts.items():
        monitor = monitors[name]
        if isinstance(monitor, SynapseEventMonitor):
            yield f"{name}  {number_text(count, 'event')} at synapses of {monitor.synapses}"
        if not isinstance(monitor, SpikeMonitor):
            continue
        spans = recorded_spans(network, monitor)
        size, steps = monitor.source.size, sum(stop - start for start, stop in spans)
        rate = f" · {count / size / (steps * network.dt):.3g} Hz" if size * steps else ""
        what = "spike" if monitor.of_spikes else "event"
        yield f"{name}  {number_text(count, what)} of {number_text(size, 'neuron')}{rate}"


def stopped_line(outcome: Outcome) -> str:
    """Where the part of a run that was recorded before it stopped is."""
    if outcome.kept_old:
        return f"{path_text(outcome.folder)}  kept: the results of an earlier, whole run"
    state = "interrupted" if isinstance(outcome.problem, KeyboardInterrupt) else "failed"
    return f"{path_text(outcome.folder)}  what was recorded until then, marked {state}"


def sweep_lines(outcome: SweepOutcome) -> Iterator[str]:
    """A sweep: points, time, files."""
    before = outcome.points - outcome.missing - outcome.ran - outcome.reused
    found = [f"{number_text(before, 'point')} {'was' if before == 1 else 'were'} done before"] if before else []
    found += [f"{number_text(outcome.reused, 'point')} taken from earlier sweeps"] if outcome.reused else []
    if outcome.problem is None and not outcome.ran:
        every = "all " if not outcome.missing and len(found) == 1 else ""
        then = f"{outcome.made} were made again" if outcome.made else "`--force` runs them again"
        yield f"nothing to run: {every}{', '.join(found)}; {then}"
    elif outcome.problem is None:
        compiled = outcome.seconds["compile"]
        notes = ["one kernel" if outcome.kernels == 1 else f"{outcome.kernels} kernels"]
        notes += [f"compiled {compiled:.1f} s"] if compiled > LONG else []
        notes += [f"{outcome.workers} workers"] if outcome.workers > 1 else []
        again = "not simulated again: metrics and pictures from the recorded data"
        notes += [f"{number_text(outcome.presented, 'point')} {again}"] if outcome.presented else []
        notes += found
        each = outcome.loop_seconds / outcome.ran
        done = outcome.points - len(outcome.failed)
        yield (
            f"{number_text(done)} of {number_text(outcome.points)} points in {outcome.loop_seconds:.2f} s "
            f"({each * 1e3:.1f} ms each, {', '.join(notes)})"
        )
    if outcome.left_out:
        names = ", ".join(f"`{name}`" for name in outcome.left_out)
        yield f"note: {names}: too many values for a table, or not as many at every point; `keep: results` keeps them"
    tables = ["points.csv", "sweep.h5"] if outcome.digest else []  # none before the first point is done
    tables += ["points/"] if outcome.keep_results else []
    yield _folder_line(outcome.folder, tables, outcome.pictures, outcome.digest)


def _folder_line(folder: Path, tables: Sequence[str], pictures: Sequence[Path], digest: str) -> str:
    files = [*tables, *(f"plots/{p.name}" for p in pictures), *([f"digest {digest[:8]}"] if digest else [])]
    return f"{path_text(folder)}  {' · '.join(files)}".rstrip()


def path_text(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def run_report(outcome: Outcome) -> dict[str, Any]:
    """A run as `--json` prints it."""
    profile = {} if outcome.profile is None else {"profile": outcome.profile.as_json()}
    report = _report(outcome, _status(outcome))
    return report | {"counts": dict(outcome.counts), "simulated": outcome.simulated} | profile


def sweep_report(outcome: SweepOutcome) -> dict[str, Any]:
    """A sweep as `--json` prints it."""
    report = _report(outcome, "failed" if outcome.failed and outcome.problem is None else _status(outcome))
    report["seconds"]["loop"] = round(outcome.loop_seconds, 6)
    return report | {
        "counts": {},
        "points": outcome.points,
        "ran": outcome.ran,
        "reused": outcome.reused,
        "presented": outcome.presented,
        "missing": outcome.missing,
        "workers": outcome.workers,
        "failed": {str(k): reason for k, reason in outcome.failed.items()},
        "kernels": outcome.kernels,
    }


def _report(outcome: Outcome | SweepOutcome, status: str) -> dict[str, Any]:
    return {
        "folder": str(outcome.folder),
        "digest": outcome.digest,
        "status": status,
        "seconds": {name: round(spent, 6) for name, spent in outcome.seconds.items()},
        "metrics": metrics_as_json(outcome.metrics),
        "pictures": [str(p) for p in outcome.pictures],
    }


def _status(outcome: Outcome | SweepOutcome) -> str:
    if outcome.problem is None:
        return "complete"
    return "interrupted" if isinstance(outcome.problem, KeyboardInterrupt | UnfinishedError) else "failed"

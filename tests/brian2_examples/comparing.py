"""What the simulations of a script in Brian2 and of its experiments here have in common."""

from __future__ import annotations

import copy
import enum
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from running import as_stored, final, run_network

from snnrun.cli.imports import write_experiment
from snnrun.codegen.arguments import ArrayUse
from snnrun.errors import SnnrunError
from snnrun.importing.experiment import experiments_of
from snnrun.importing.records import Imported, ImportedPoint
from snnrun.importing.values import value_of
from snnrun.model.network import RateMonitor, SpikeMonitor, StateMonitor
from snnrun.running import pipeline
from snnrun.spec.nodes import MapNode, tree_of
from snnrun.spec.write_yaml import write_yaml

Arrays = dict[str, NDArray[Any]]

TOLERANCE = 1e-7
"""By how much values may differ, in parts of the largest one."""

SPREAD = 4.0
"""By how many standard deviations of the seeds a mean may be off."""


class End(enum.Enum):
    """What a comparison says."""

    IDENTICAL = "identical"
    STATISTICS = "equal in statistics"
    HOOK = "with a hook"
    DIFFERENT = "different"
    NOT = "not"
    COMPARTMENTS = "compartments"


@dataclass(frozen=True, slots=True)
class Row:
    """The outcome of one script.

    Args:
        script: Its name, with its folder.
        end: The outcome.
        about: Why.
        shortened: How much of it was compared.
        files: Number of files that it gives.
        points: Number of points of their sweeps.
        valid: Whether all files are valid.
    """

    script: str
    end: End
    about: str = ""
    shortened: str = ""
    files: int = 0
    points: int = 0
    valid: bool = False


def shortened(experiment: Imported, point: ImportedPoint, last: int, cap: float) -> dict[str, Any]:
    """The data of one point, up to a run of the script, each phase at most `cap` seconds long."""
    data = copy.deepcopy(experiment.data)
    data.pop("sweep", None)
    for name, value in point.values.items():
        put(data, name, value)
    run = data["run"]
    phases = run.pop("phases", None) or [{"name": "all", "duration": run.pop("duration")}]
    run["phases"] = phases[: point.runs.index(last) + 1]
    for phase in run["phases"]:
        seconds = value_of(str(phase["duration"]), {})
        if seconds is None or seconds > cap:
            phase["duration"] = f"{cap!r} s"
    if len(run["phases"]) == 1 and not {"set", "record"} & set(run["phases"][0]):
        run["duration"] = run.pop("phases")[0]["duration"]
    return data


def put(data: Any, name: str, value: Any) -> None:
    """Set the value of a constant, or at a path, as a sweep names it."""
    if name in data["constants"] if "constants" in data else False:
        data["constants"][name] = value
        return
    while True:
        if isinstance(data, list):
            step, _, name = name.partition(".")
            if not name:
                data[int(step)] = value
                return
            data = data[int(step)]
            continue
        step = max((k for k in data if name == k or name.startswith(f"{k}.")), key=len)
        if step == name:
            data[step] = value
            return
        data, name = data[step], name[len(step) + 1 :]


def ours(data: Mapping[str, Any], file: Path, seed: int) -> Arrays:
    """What a run of an experiment gives: `NAME/step`, `NAME/i`, `NAME/VARIABLE`."""
    root = tree_of({**data, "seed": seed})
    assert isinstance(root, MapNode)
    file.write_text(write_yaml(root), encoding="utf-8")
    network = as_stored(pipeline.check(pipeline.read(file)).resolved.network)
    with np.errstate(all="ignore"):
        memory, built = run_network(network)
    found: Arrays = {}
    for monitor in network.monitors:
        match monitor:
            case SpikeMonitor(name=name, columns=columns):
                found[f"{name}/step"], found[f"{name}/i"] = memory.spike_steps(name)
                found |= {f"{name}/{c.name}": memory.extra(name, c.name) for c in columns}
            case StateMonitor(name=name, columns=columns):
                found |= {f"{name}/{c.name}": memory.state(name, c.name) for c in columns}
            case RateMonitor(name=name, source=source):
                found[f"{name}/rate"] = memory.number(name) / (source.size * network.dt)
    for key in built.arrays:
        if key.use is ArrayUse.VARIABLE and key.owner.startswith(("groups.", "synapses.")):
            found[f"{key.owner.partition('.')[2]}/{key.name}"] = final(built, key.owner, key.name)
    for name, connectivity in built.connectivity.items():
        found[f"{name}/i"], found[f"{name}/j"] = connectivity.i, connectivity.j
    return found


def named(theirs: Mapping[str, NDArray[Any]], run: int, names: Mapping[str, str]) -> Arrays:
    """What Brian2 gave for one run, by the names of the file."""
    found = {}
    for path, values in theirs.items():
        number, _, rest = path.partition("/")
        key, _, name = rest.partition("/")
        if int(number) == run and key in names and name not in ("lastspike", "not_refractory"):
            found[f"{names[key]}/{name}"] = values
    return found


def differences(here: Arrays, there: Arrays) -> list[str]:
    """What is not identical, a line for each array of Brian2."""
    return [line for name in there if (line := _difference(name, here.get(name), there[name]))]


def _difference(name: str, here: NDArray[Any] | None, there: NDArray[Any]) -> str:
    if here is None or name.endswith("/count"):
        return ""
    if here.ndim == 2 and here.shape[1] == 1 and there.ndim == 2:  # one value for all neurons
        here = np.broadcast_to(here, (len(here), there.shape[1]))
    if here.size == 1 and there.ndim == 1:
        here = np.broadcast_to(here.reshape(-1), there.shape)
    if here.size == there.size == 0:
        return ""
    if here.shape != there.shape:
        return f"{name} has the shape {here.shape}, in Brian2 {there.shape}"
    a, b = np.asarray(here, float), np.asarray(there, float)
    allowed = 0.0 if name.endswith(("/step", "/i", "/j")) else TOLERANCE * np.max(np.abs(b), initial=0.0)
    wrong = ~((np.abs(a - b) <= allowed) | (np.isnan(a) & np.isnan(b)) | (a == b))
    if not wrong.any():
        return ""
    first = tuple(int(k) for k in np.argwhere(wrong)[0])
    return f"{name}{list(first)} is {a[first]:.9g}, in Brian2 {b[first]:.9g}"


def statistics(arrays: Arrays) -> dict[str, float]:
    """A few numbers of each array: how many spikes or synapses, and when; mean and spread of values."""
    found: dict[str, float] = {}
    for name, values in arrays.items():
        own, _, what = name.rpartition("/")
        numbers = np.asarray(values, float)
        if what == "i":
            found[f"number of {own}"] = float(len(numbers))
        elif what in ("step", "j") and len(numbers):
            found[f"mean {what} of {own}"] = float(np.mean(numbers))
        elif what not in ("step", "j", "count") and numbers.size:
            with np.errstate(all="ignore"):
                finite = numbers[np.isfinite(numbers)]
                found |= {f"mean {name}": float(np.mean(finite)), f"spread of {name}": float(np.std(finite))}
    return found


def off(here: Sequence[Arrays], there: Sequence[Arrays]) -> list[str]:
    """The statistics whose means differ by more than the seeds spread, a line each."""
    left, right = [statistics(a) for a in here], [statistics(a) for a in there]
    found = []
    for name in right[0]:
        a = np.array([s[name] for s in left if name in s])
        b = np.array([s[name] for s in right if name in s])
        if not len(a) or not len(b):
            continue
        spread = float(np.sqrt(np.mean([np.var(side, ddof=1) for side in (a, b) if len(side) > 1] or [0.0])))
        scale = max(
            abs(r.get(name.replace("spread of", "mean"), 0.0)) for r in [*right, {name: float(np.max(np.abs(b)))}]
        )
        if abs(np.mean(a) - np.mean(b)) > SPREAD * spread + TOLERANCE * scale:
            found.append(f"{name}: {np.mean(a):.6g}, in Brian2 {np.mean(b):.6g} ± {spread:.2g}")
    return found


def compared(script: str, prefix: Path, cap: float) -> Row:
    """The outcome of a script that `simulating.py` has recorded and run.

    Args:
        script: Its name.
        prefix: What the names of the files of `simulating.py` begin with.
        cap: How long each run lasted at most. [s]
    """
    recording = prefix.with_name(f"{prefix.name}.record.json")
    if not recording.is_file():
        return Row(script, End.NOT, "recording it takes too long")
    recorded = json.loads(recording.read_text(encoding="utf-8"))
    with np.load(f"{recording}.npz") as stored:
        experiments = experiments_of(recorded, dict(stored), script.rpartition("/")[2])
    if not experiments:
        problem = recorded["problem"]
        return Row(script, End.NOT, problem["error"] if problem else "it builds nothing of Brian2")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        row = Row(script, End.NOT, files=len(experiments), points=sum(len(e.points) for e in experiments))
        for experiment in experiments:
            file = folder / f"{experiment.data['name']}.yaml"
            write_experiment(experiment, file)
            try:
                pipeline.check(pipeline.read(file))
            except SnnrunError as error:
                return replace(row, about=str(error).partition("; ")[0])
        return _outcome(replace(row, valid=True), experiments, prefix, cap, folder)


def _outcome(row: Row, experiments: Sequence[Imported], prefix: Path, cap: float, folder: Path) -> Row:
    """Compare what valid experiments give with Brian2's runs."""
    if any(e.texts for e in experiments):
        return replace(row, end=End.HOOK, about="; ".join(text for e in experiments for _, text in e.notes))
    ends = json.loads(prefix.with_suffix(".json").read_text(encoding="utf-8"))
    theirs = []
    for seed in range(len(ends)):
        file = prefix.with_name(f"{prefix.name}.{seed}.npz")
        if file.is_file():
            with np.load(file) as stored:
                theirs.append(dict(stored))
    runs = {int(path.partition("/")[0]) for path in theirs[0]} if theirs else set()
    found: list[tuple[End, str]] = []
    for experiment in experiments:
        for point in experiment.points:
            last = [run for run in point.runs if run in runs]
            if last:
                data = shortened(experiment, point, last[-1], cap)
                there = [named(one, last[-1], point.names) for one in theirs]
                try:
                    found.append(_agreement(data, there, folder / f"run{last[-1]}.yaml"))
                except SnnrunError as error:
                    found.append((End.DIFFERENT, f"it does not run here: {error}"))
    if not found:
        return replace(row, end=End.NOT, about=f"Brian2: {ends[0]['error']}")
    worst = max(found, key=lambda f: list(End).index(f[0]))
    part = f"{cap * 1000:g} ms of each run" + (f", {len(found)} of {row.points} points" if row.points > 1 else "")
    return replace(row, end=worst[0], about=worst[1], shortened=part)


def _agreement(data: Mapping[str, Any], there: Sequence[Arrays], file: Path) -> tuple[End, str]:
    """How one run agrees with Brian2's."""
    here = [ours(data, file, 1)]
    lines = differences(here[0], there[0])
    if not lines:
        return End.IDENTICAL, ""
    if len(there) == 2 and not differences(there[0], there[1]):
        return End.DIFFERENT, lines[0]
    here += [ours(data, file, seed) for seed in range(2, len(there) + 1)]
    lines = off(here, there)
    return (End.DIFFERENT, lines[0]) if lines else (End.STATISTICS, "")

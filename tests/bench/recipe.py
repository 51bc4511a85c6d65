"""The microcircuit by its public recipe: how exact and how fast, into docs/benchmarks.json and the page.

python tests/bench/recipe.py

Accuracy: distributions over neurons of rates and coefficients of variation, and over pairs of neurons of correlations
of counts in bins of 2 ms, compared by the distance of Kolmogorov and Smirnov between realisations: those of one program
among themselves, and with those of the other. Speed: without recording.

Reference: Senk et al. 2026, doi:10.1088/2634-4386/ae379a; Dasbach et al. 2021, doi:10.3389/fnins.2021.757790.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from environments import ready
from numpy.typing import NDArray
from page import PAGE, page, read_snapshot
from processes import Ended, run_child
from saved_results import SNAPSHOT
from scipy.stats import ks_2samp
from works import EXPERIMENTS, PEERS, Tool

import snnrun

FILE = EXPERIMENTS / "benchmarks" / "microcircuit-recipe.yaml"
NAMES = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
NEURONS = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
SEEDS = (1, 2, 3)
SETTLING, SECONDS = 0.5, 10.5
SMALL = 0.1  # the scale that both programs run
_MOST = 3000.0
_PAIRED = 250  # neurons whose pairs are correlated
_BIN = 0.002

Spikes = Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
Observed = Mapping[tuple[str, str], NDArray[np.float64]]


def observe(spikes: Spikes, scale: float) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Rates [Hz], coefficients of variation and correlations of each population."""
    found = {}
    for name, full in zip(NAMES, NEURONS, strict=True):
        size = int(full * scale + 0.5)
        neurons, times = spikes[name]
        found[name, "rate"] = np.bincount(neurons, minlength=size) / (SECONDS - SETTLING)
        order = np.lexsort((times, neurons))
        gaps, alike = np.diff(times[order]), np.diff(neurons[order]) == 0
        groups = np.split(gaps[alike], np.flatnonzero(np.diff(neurons[order][1:][alike])) + 1)
        found[name, "CV"] = np.array([g.std() / g.mean() for g in groups if len(g) > 1])
        chosen = np.random.default_rng(1).choice(size, min(size, _PAIRED), replace=False)
        row = np.full(size, -1)
        row[chosen] = np.arange(len(chosen))
        counts = np.zeros((len(chosen), round((SECONDS - SETTLING) / _BIN)))
        taken = row[neurons] >= 0
        bins = np.minimum(((times[taken] - SETTLING) / _BIN + 1e-6).astype(int), counts.shape[1] - 1)
        np.add.at(counts, (row[neurons[taken]], bins), 1)
        active = counts[counts.any(axis=1)]
        found[name, "correlation"] = np.corrcoef(active)[np.triu_indices(len(active), 1)]
    return found


def distances(pairs: Sequence[tuple[Observed, Observed]]) -> dict[str, dict[str, float]]:
    """The mean distance over pairs of realisations, for each quantity and population."""
    return {
        what: {
            name: float(np.mean([ks_2samp(a[name, what], b[name, what]).statistic for a, b in pairs])) for name in NAMES
        }
        for what in ("rate", "CV", "correlation")
    }


def ours(scale: float, seed: int, folder: Path) -> Observed:
    """A realisation of ours."""
    done = _run(scale, seed, folder, ())
    run = snnrun.load(json.loads(done.out)["folder"])
    spikes = {name: (np.asarray(run.spikes[name].ids), np.asarray(run.spikes[name].times)) for name in NAMES}
    return observe(spikes, scale)


def theirs(seed: int, folder: Path, python: str) -> Observed:
    """A realisation of NEST."""
    target = folder / "spikes.npz"
    options = ["--threads", "2", "--size", f"{SMALL}", "--seconds", f"{SECONDS}", "--seed", str(seed)]
    command = [python, PEERS / "nest_microcircuit.py", *options]
    done = run_child(command, _MOST, {"SPIKES": str(target), "PYTHONPATH": str(PEERS)})
    assert done.code == 0, done.reason
    with np.load(target) as data:
        return observe({name: (data[f"{name}_i"], data[f"{name}_t"]) for name in NAMES}, SMALL)


def speed(threads: int, folder: Path) -> dict[str, float]:
    """Seconds of simulation for each simulated second, without recording; and what building took."""
    none = [x for key in ("monitors", "metrics", "plots") for x in ("--set", f"{key}=null")]
    said = json.loads(_run(1.0, 1, folder, ("--threads", str(threads), *none)).out)
    return {"factor": said["seconds"]["simulate"] / SECONDS, "build": said["seconds"]["build"]}


def _run(scale: float, seed: int, folder: Path, options: Sequence[str]) -> Ended:
    sets = ["--set", f"scale={scale}", "--set", f"seed={seed}", "--set", f"run.duration={SECONDS} s"]
    command = [sys.executable, "-P", "-m", "snnrun", "run", str(FILE), *sets, *options]
    done = run_child(
        [*command, "--no-plots", "--json", "--out", str(folder / f"{time.monotonic_ns()}")],
        _MOST,
        {"OMP_NUM_THREADS": "1"},
    )
    assert done.code == 0, done.reason
    return done


def measure() -> dict[str, Any]:
    """All of it; a few lines on stderr say how far it is."""
    nest = ready(Tool.NEST, _say)
    result: dict[str, Any] = {"seeds": len(SEEDS), "seconds": SECONDS - SETTLING, "small": SMALL}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as temporary:
        folder = Path(temporary)
        result["speed"] = {str(threads): speed(threads, folder) for threads in (1, 2)}
        _say(f"speed: {result['speed']}")
        full = [ours(1.0, seed, folder) for seed in SEEDS]
        result["full"] = distances(list(itertools.combinations(full, 2)))
        result["rates"] = {name: float(np.mean([o[name, "rate"].mean() for o in full])) for name in NAMES}
        _say(f"rates: {result['rates']}")
        if not nest.missing:
            a = [ours(SMALL, seed, folder) for seed in SEEDS]
            b = [theirs(seed, folder, nest.python) for seed in SEEDS]
            result["among"] = distances(list(itertools.combinations(b, 2)))
            result["between"] = distances(list(itertools.product(a, b)))
    return result


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Measure, and write the page."""
    data = {**read_snapshot(), "recipe": measure()}
    SNAPSHOT.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(data), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

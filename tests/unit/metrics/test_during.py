"""Metrics of parts of a run: those of monitors that record this part only, however the run is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnrun.engine import driver
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

ROUNDS = [(5, 25), (30, 50), (55, 75)]  # of the phase `on` [ms]
CALLS = {
    "count": "count(OUT)",
    "rate": "mean_rate(OUT)",
    "cv": "cv_isi(OUT)",
    "fano": "fano(OUT, 2 ms)",
    "synchrony": "synchrony(OUT, 2 ms)",
    "pairs": "correlation(OUT, 2 ms)",
    "populations": "correlation(SOME, OUT, 2 ms)",
    "variables": "correlation(V.v, V.w)",
    "mean": "mean(V.v)",
    "std": "std(V.w)",
    "low": "min(V.v)",
    "high": "max(V.v)",
    "median": "median(V.w)",
    "share": "percentile(V.v, 90)",
    "spread": "std(rates(OUT))/mean(counts(OUT))",
}


def monitors(suffix: str, window: str) -> str:
    return f"""
  out{suffix}: {{kind: spikes, source: cells{window}}}
  some{suffix}: {{kind: spikes, source: cells.some{window}}}
  v{suffix}: {{kind: state, source: cells, variables: [v, w], dt: 0.3 ms{window}}}"""


def calls(suffix: str, around: str = "{}") -> str:
    """All metrics of the monitors with a suffix."""
    found = []
    for name, call in CALLS.items():
        text = call.replace("OUT", f"out{suffix}").replace("SOME", f"some{suffix}").replace("V.", f"v{suffix}.")
        found.append(f"\n  {name}{suffix}: '{around.format(text)}'")
    return "".join(found)


WINDOWED = "".join(monitors(f"_{k}", f", window: [{a} ms, {b} ms]") for k, (a, b) in enumerate(ROUNDS))
FILE = f"""\
version: 1
name: parts
groups:
  cells:
    size: 10
    subgroups: {{some: '0:4'}}
    equations: |
      dv/dt = (1.6 - v)/(5*ms) + 0.3*xi*(5*ms)**-0.5 : 1
      dw/dt = (v - w)/(3*ms) : 1
    method: euler
    threshold: v > 1
    reset: v = 0
monitors:{monitors("", "")}{WINDOWED}
run:
  dt: 0.1 ms
  phases:
    - {{name: before, duration: 5 ms}}
    - repeat: 3
      name: trial
      phases: [{{name: on, duration: 20 ms}}, {{name: off, duration: 5 ms}}]
metrics:{calls("", "during({}, on)")}{"".join(calls(f"_{k}") for k in range(len(ROUNDS)))}
  first: during(first_spike(out), on)
  first_0: first_spike(out_0)
  first_1: first_spike(out_1)
  first_2: first_spike(out_2)
  seconds: during(duration, on)
  deviation: during(std(rates(out)), on)
  spikes: during(count(out), trial)
  length: during(duration, trial)
  window: during(count(out), 31 ms, 35 ms)
  early: during(count(out), on, 1 ms, 5 ms)
  each: during(counts(out), before)
  best: max(during(count(out), on))
  plain: std(rates(out))
  named: during(plain, on)
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def metrics(folder: Path, text: str = FILE, *overrides: str) -> dict[str, Any]:
    """All metrics of a run."""
    folder.mkdir(exist_ok=True)
    file = folder / "parts.yaml"
    file.write_text(text, encoding="utf-8")
    outcome = pipeline.run(pipeline.check(pipeline.read(file, overrides)), folder / "out", RunOptions(plots=False))
    assert outcome.problem is None
    return {name: value for name, (value, _) in outcome.metrics.items()}


def test_each_metric_of_a_phase_is_that_of_a_monitor_with_its_window(tmp_path: Path) -> None:
    found = metrics(tmp_path)
    for name in CALLS:
        expected = [found[f"{name}_{k}"] for k in range(len(ROUNDS))]
        assert np.all(np.isfinite(expected)), name
        assert len(set(expected)) > 1, name
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, err_msg=name)
    assert found["count"].sum() > 50


def test_times_count_from_the_beginning_of_the_part(tmp_path: Path) -> None:
    found = metrics(tmp_path)
    first = [found[f"first_{k}"] - a / 1000 for k, (a, _) in enumerate(ROUNDS)]
    np.testing.assert_allclose(found["first"], first, atol=1e-12)
    assert found["length"].tolist() == [0.025] * 3
    assert np.all(found["spikes"] >= found["count"])
    assert found["best"] == found["count"].max()
    np.testing.assert_array_equal(found["named"], found["deviation"])
    assert found["each"].shape == (10,)
    assert 0 < found["early"].sum() < found["count"].sum()


@pytest.mark.parametrize("most", [1, 7, 64])
def test_the_length_of_a_call_changes_no_metric_of_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    whole = metrics(tmp_path / "whole")
    monkeypatch.setattr(driver, "FIRST_CALL", most)
    monkeypatch.setattr(driver, "MOST_STEPS", most)
    cut = metrics(tmp_path / "cut")
    for name, value in whole.items():
        np.testing.assert_array_equal(cut[name], value, err_msg=name)


def test_phases_that_end_early_have_the_metrics_of_phases_of_that_length(tmp_path: Path) -> None:
    condition = "during(count(out), on) > 25 and during(count(out), trial) > 25"
    stop = f", stop_when: '{condition}', check: 0.7 ms}}"
    stopped = FILE.replace("name: on, duration: 20 ms}", f"name: on, duration: 40 ms{stop}")
    head = stopped.partition("  phases:")[0]
    ran = metrics(tmp_path / "a", stopped)
    steps = np.rint(ran["seconds"] * 10000)
    assert len(set(steps)) > 1
    assert np.all(steps % 7 == 0)
    phases = "    - {name: before, duration: 5 ms}\n"
    for k, n in enumerate(steps):
        phases += f"    - {{name: on{k}, duration: {n:.0f}*0.1*ms}}\n    - {{name: off{k}, duration: 5 ms}}\n"
    for k in range(3):
        text = f"{head}  phases:\n{phases}metrics:{calls('', f'during({{}}, on{k})')}\n"
        for name, value in metrics(tmp_path / f"b{k}", text).items():
            assert ran[name][k] == value, (name, k)


def test_a_part_that_is_not_reached_has_no_value(tmp_path: Path) -> None:
    condition = "during(count(out), trial) > 0 or count(out) > 5"  # the first is NaN > 0 in the phase before
    found = metrics(
        tmp_path, FILE.replace("before, duration: 5 ms", f"before, duration: 5 ms, stop_when: '{condition}'")
    )
    assert found["length"].tolist() == [0.025] * 3

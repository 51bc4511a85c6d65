"""A search at each point of a sweep gives a curve of thresholds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.worker import Worker

FILE = """\
version: 1
name: curve
constants: {I: 0, tau: 20 ms}
groups:
  cell: {size: 1, equations: "dv/dt = (I - v)/tau : 1", threshold: v > 1, reset: v = 0}
monitors:
  out: {kind: spikes, source: cell}
run: {dt: 0.1 ms, duration: 100 ms}
search: {constant: I, between: [0, 2], until: count(out) >= 1, tolerance: 0.001}
metrics: {rheobase: I}
sweep: {axes: {tau: [10 ms, 50 ms, 1 s]}}
"""


def test_each_point_has_its_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "kernels"))
    file = tmp_path / "curve.yaml"
    file.write_text(FILE, encoding="utf-8")
    worker = Worker(check_sweep(pipeline.check(pipeline.read(file))), tmp_path, RunOptions())
    for k, tau in enumerate((10, 50)):
        record = worker.run(k)
        exact = 1 / (1 - math.exp(-100 / tau))
        assert exact <= record.metrics["rheobase"][0] <= exact + 0.0011
    assert "RUN330" in worker.run(2).reason  # more than 2 would be needed

"""Metrics of samples in single precision."""

import numpy as np

import snnrun

FILE = """
version: 1
name: recorded
groups:
  g: {size: 50, equations: "dv/dt = (1 - v)/(3*ms) : 1", method: exact, initial: {v: "1000 + rand()"}}
monitors:
  v: {kind: state, source: g, variables: [v], dtype: float32, compression: gzip}
run: {duration: 5 ms, dt: 0.1 ms}
metrics: {mean: mean(v), spread: std(v), middle: median(v)}
"""


def test_they_are_computed_in_double_precision_from_what_was_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(FILE)
    run = snnrun.run("x.yaml", plots=False)
    recorded = run.traces["v"]["v"].values.si
    assert recorded.dtype == np.float32
    exact = recorded.astype(np.float64)
    for name, value in (("mean", exact.mean()), ("spread", exact.std()), ("middle", np.median(exact))):
        np.testing.assert_allclose(run.metrics[name].si, value, rtol=1e-12)

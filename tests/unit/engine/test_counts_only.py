"""Monitors that count only: metrics read their counters, and give what a monitor that keeps times gives."""

import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

FUNCTIONS = ("count", "counts", "rates", "mean_rate")
FILE = """\
version: 1
name: counted
constants: {drive: 1.5}
groups:
  cells:
    size: 40
    equations: "dv/dt = (drive - v)/(5*ms) + 0.2*xi*ms**-0.5 : 1"
    method: euler
    threshold: v > 1
    reset: v = 0
    subgroups: {some: [30, 7, 12]}
monitors:
  all: {kind: spikes, source: cells}
  all_counted: {kind: spikes, source: cells, counts_only: true}
  some: {kind: spikes, source: cells.some}
  some_counted: {kind: spikes, source: cells.some, counts_only: true}
  window: {kind: spikes, source: cells, window: [3.3 ms, 17 ms]}
  window_counted: {kind: spikes, source: cells, window: [3.3 ms, 17 ms], counts_only: true}
  part: {kind: spikes, source: cells}
  part_counted: {kind: spikes, source: cells, counts_only: true}
run:
  dt: 0.1 ms
  phases:
    - name: first
      duration: 1 s
      stop_when: count(STOP) >= 20
      check: 0.3 ms
      record: [all, all_counted, some, some_counted, window, window_counted]
    - {name: second, duration: 20 ms, set: {drive: 3}}
metrics:
"""
PAIRS = ("all", "some", "window", "part")


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def checked(tmp_path, text):
    file = tmp_path / "counted.yaml"
    file.write_text(text)
    return pipeline.check(pipeline.read(file))


def test_metrics_of_counters_are_those_of_the_spikes(tmp_path):
    lines = []
    for function in FUNCTIONS:
        for pair in PAIRS:
            lines += [f"  {function}_{m}: {function}({m})" for m in (pair, f"{pair}_counted")]
    lines.append("  both: count(all_counted)/count(all)")
    found = {}
    for stop in ("all", "all_counted"):
        one = checked(tmp_path, FILE.replace("STOP", stop) + "\n".join(lines) + "\n")
        found[stop] = pipeline.run(one, tmp_path / stop, RunOptions(plots=False)).metrics
        for function in FUNCTIONS:
            for pair in PAIRS:
                values, unit = found[stop][f"{function}_{pair}"]
                counted = found[stop][f"{function}_{pair}_counted"]
                assert np.all(np.sum(values) > 0)
                assert counted[1] == unit
                np.testing.assert_array_equal(counted[0], values)
        assert found[stop]["both"][0] == 1
    for name, (value, _) in found["all"].items():  # the phase ended at the same step
        np.testing.assert_array_equal(found["all_counted"][name][0], value)


@pytest.mark.parametrize(
    "metric",
    ["cv_isi(m)", "first_spike(m)", "first_spikes(m)", "fano(m, 1 ms)", "synchrony(m, 1 ms)", "correlation(m, 1 ms)"],
)
def test_metrics_of_times_are_refused(tmp_path, metric):
    text = f"""\
version: 1
groups: {{p: {{kind: poisson, size: 10, rates: 100 Hz}}}}
monitors: {{m: {{kind: spikes, source: p, counts_only: true}}}}
run: {{duration: 5 ms, dt: 0.1 ms}}
metrics: {{x: "{metric}"}}
"""
    with pytest.raises(ExperimentError) as caught:
        checked(tmp_path, text)
    (item,) = caught.value.diagnostics
    assert (item.code, item.span.line) == ("MET404", 5)

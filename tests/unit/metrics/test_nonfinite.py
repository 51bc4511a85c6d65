"""What is told at the end of a run: recorded values and metrics that are not finite, with their place and why."""

import json

import numpy as np
import pytest

from snnrun.engine import driver
from snnrun.running import pipeline
from snnrun.running.folder import located
from snnrun.running.options import RunOptions
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.local import run_sweep

FILE = """\
version: 1
name: warnings
groups:
  cells:
    size: 4
    equations: |
      dv/dt = (3 - v)/(2*ms) : 1
      x = (i - 1)/(t/ms - 3) : 1
      y = v*exp(i*300) : 1
      z = (i - 1)/(i - 1) : 1
      h = i*1e200 : 1
    threshold: v > 1
    reset: v = 0
monitors:
  out: {kind: spikes, source: cells}
  xs: {kind: state, source: cells, variables: [v, x], dt: 1 ms, window: [2 ms, 6 ms]}
  with: {kind: spikes, source: cells, variables: [z]}
  huge: {kind: state, source: cells, variables: [h]}
  late: {kind: state, source: cells, variables: [x], dt: 1 ms, window: [4 ms, 6 ms]}
run: {duration: 6 ms, dt: 0.1 ms}
metrics:
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def ran(tmp_path, *metrics, text=FILE):
    """The metrics of a run, and what is told of it as (code, text of the file that is blamed, message)."""
    file = tmp_path / "r.yaml"
    file.write_text(text + "".join(f"  {m}\n" for m in metrics) + ("" if metrics else "  n: count(out)\n"))
    checked = pipeline.check(pipeline.read(file))
    outcome = pipeline.run(checked, tmp_path / "out", RunOptions(plots=False))
    found = located(checked.document, outcome.warnings)
    log = (outcome.folder / "run.log").read_text()
    assert all(f"warning[{d.code}] {d.message}  ({d.span})" in log for d in found)
    blamed = [(d.code, d.span.file.text[d.span.start : d.span.end], d.message) for d in found]
    return {name: value for name, (value, _) in outcome.metrics.items()}, blamed


@pytest.mark.parametrize("most", [1, 7, 1 << 20])
def test_recorded_values_that_are_not_finite_are_told_with_number_place_and_time(tmp_path, monkeypatch, most):
    monkeypatch.setattr(driver, "MOST_STEPS", most)
    monkeypatch.setattr(driver, "FIRST_CALL", most)
    _, blamed = ran(tmp_path)
    # At t = 3 ms: -1/0, 0/0, 1/0, 2/0. At every spike of neuron 1: 0/0.
    (of_x, of_z) = blamed
    assert of_x[:2] == ("RUN310", "x")
    assert "`xs`: 4 of 16 values of `x` are not finite; the first is infinite, of neuron 0 at t = 3 ms" in of_x[2]
    assert of_z[:2] == ("RUN310", "z")
    # v = 3*(1 - exp(-t/2 ms)) passes 1 after 0.811 ms: in every ninth step, the first of them at 0.8 ms.
    assert "6 of 24 values of `z` are not finite" in of_z[2]
    assert "the first is NaN (not a number), of neuron 1 at t = 800 us" in of_z[2]


@pytest.mark.parametrize(
    ("metric", "value", "why"),
    [
        ("m: mean(xs.x)", np.nan, "4 of 16 values of `x` that `xs` recorded are not finite"),
        ("m: std(xs.x)", np.nan, "4 of 16 values of `x` that `xs` recorded are not finite"),
        ("m: max(xs.x)", np.nan, "4 of 16 values of `x` that `xs` recorded are not finite"),
        ("m: -min(xs.x)*2", np.nan, "4 of 16 values of `x` that `xs` recorded are not finite"),
        ("m: correlation(xs.v, xs.x)", np.nan, "4 of 16 values of `x` that `xs` recorded are not finite"),
        ("m: cells.z", [1, np.nan, 1, 1], "`cells.z` is not finite in 1 of 4 values"),
        ("m: mean(cells.z)", 1, "`cells.z` is not finite in 1 of 4 values"),
        ("m: max(cells.y)", np.inf, "`cells.y` is not finite in 1 of 4 values"),
        ("m: count(out)/(count(out) - count(out))", np.inf, "`count(out)/(count(out) - count(out))` divides by 0"),
        ("m: log(0*count(out))", -np.inf, "`log(0*count(out))` is no finite number"),
        ("m: exp(1000*count(out))", np.inf, "`exp(1000*count(out))` is no finite number"),
        ("m: std(huge)", np.nan, "`std(huge)` is too large for a number"),
        ("m: sqrt(-count(out))", np.nan, "`sqrt(-count(out))` is no finite number"),
        ("m: (count(out)*1e100)**4", np.inf, "`(count(out)*1e100)**4` is no finite number"),
    ],
)
def test_a_metric_that_is_not_finite_says_why_at_its_place(tmp_path, metric, value, why):
    values, blamed = ran(tmp_path, metric)
    np.testing.assert_array_equal(values["m"], value)
    (of_metric,) = [b for b in blamed if b[0] == "MET408"]
    assert of_metric[1] == metric.removeprefix("m: ")
    assert of_metric[2].startswith("metric `m` ")
    assert of_metric[2].endswith(why)


def test_a_metric_of_another_blames_that_one(tmp_path):
    _, blamed = ran(tmp_path, "a: max(xs.x)", "b: 2*a")
    assert [m for code, _, m in blamed if code == "MET408"] == [
        "metric `a` is not a number (NaN): 4 of 16 values of `x` that `xs` recorded are not finite",
        "metric `b` is not a number (NaN): `a` is not a number (NaN)",
    ]


def test_finite_metrics_and_those_that_are_nan_by_definition_are_not_told(tmp_path):
    text = FILE.replace("threshold: v > 1", "threshold: v > 9")
    metrics = ("a: max(xs.v)", "b: max(late.x)", "c: cv_isi(out)", "d: first_spikes(out)", "e: fano(out, 1 ms)*2")
    values, blamed = ran(tmp_path, *metrics, "f: last(xs.x)", text=text)
    assert np.isnan(values["c"])
    assert np.isnan(values["e"])
    assert np.all(np.isfinite(values["f"]))
    assert [code for code, _, _ in blamed] == ["RUN310"]


def test_variables_that_the_file_makes_infinite_are_not_told(tmp_path):
    text = FILE.replace("z = (i - 1)/(i - 1) : 1", "limit : 1").replace("variables: [z]", "variables: [limit]")
    text = text.replace("    threshold", "    initial: {limit: [1, inf, inf, inf]}\n    threshold")
    text = text.replace("[v, x], dt", "[limit], dt")
    values, blamed = ran(tmp_path, "a: max(xs)", "b: max(cells.limit)", text=text)
    assert values == {"a": np.inf, "b": np.inf}
    assert blamed == []


def test_a_monitor_that_records_nothing_is_told_once(tmp_path):
    text = FILE.replace("[4 ms, 6 ms]", "[8 ms, 9 ms]").replace("variables: [v, x], dt", "variables: [v], dt")
    file = tmp_path / "s.yaml"
    file.write_text(text.replace(", variables: [z]", "") + "  a: max(late.x)\n  b: mean(late.x)/2\n")
    checked = pipeline.check(pipeline.read(file))
    assert [w.code for w in checked.warnings if w.code == "NET225"] == ["NET225"]
    assert pipeline.run(checked, tmp_path / "out", RunOptions(plots=False)).warnings == ()


def test_a_stop_when_that_is_never_known_is_told(tmp_path):
    run = "run: {dt: 0.1 ms, phases: [{name: p, duration: 6 ms, stop_when: any(cells.z > 1), check: 1 ms}]}"
    _, blamed = ran(tmp_path, text=FILE.replace("run: {duration: 6 ms, dt: 0.1 ms}", run))
    (found,) = [b for b in blamed if b[0] == "MET408"]
    assert found[1] == "any(cells.z > 1)"
    assert "phase `p`" in found[2]
    assert "`cells.z` is not finite in 1 of 4 values" in found[2]


@pytest.mark.parametrize("keep", ["metrics", "results"])
@pytest.mark.parametrize("workers", [1, 2])
def test_points_of_a_sweep_tell_it_too(tmp_path, keep, workers):
    text = FILE.replace("name: warnings", "name: warnings\nconstants: {zero: 3}").replace("t/ms - 3)", "t/ms - zero)")
    file = tmp_path / "s.yaml"
    sweep = f"sweep: {{axes: {{zero: [9, 3, 8, 5]}}, keep: {keep}}}\n"
    file.write_text(f"{text}  top: max(xs.x)\n{sweep}".replace(", variables: [z]", ""))
    checked = pipeline.check(pipeline.read(file))

    def swept():
        return run_sweep(check_sweep(checked), tmp_path / "out", RunOptions(plots=False), workers=workers)

    outcome = swept()
    of_monitor, of_metric, _late = located(checked.document, outcome.warnings)
    assert of_monitor.message.startswith("point 1: monitor `xs`: 4 of 16 values of `x` are not finite")
    assert of_metric.message.endswith("recorded are not finite; so also at 1 other point")
    assert of_metric.span.file.text[of_metric.span.start : of_metric.span.end] == "max(xs.x)"
    log = (outcome.folder / "run.log").read_text()
    assert [k for k in range(4) if f"point {k}: warning[MET408] metric `top` is not a number" in log] == [1, 3]
    assert json.loads((outcome.folder / "metrics.json").read_text())["metrics"]["top"]["values"][1] is None
    assert swept().warnings == outcome.warnings  # nothing is left to run

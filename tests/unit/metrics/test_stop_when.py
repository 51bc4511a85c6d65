"""Phases that end when something has happened: at the right step, as a run of that length, however it is cut."""

import h5py
import numpy as np
import pytest

from snnrun.engine import driver
from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, RunOptions

FILE = """\
version: 1
name: stopped
constants: {tau: 10 ms, drive: 1.5, limit: 25}
groups:
  cells:
    size: 10
    subgroups: {few: '0:3'}
    equations: |
      dv/dt = (drive - v)/tau + 0.2*xi*tau**-0.5 : 1
      level : 1 (shared)
      ready : boolean (shared)
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {v: rand()}
operations:
  climb: {target: cells, every: 1 ms, do: "level += 1; ready = level > 20"}
monitors:
  out: {kind: spikes, source: cells}
  few: {kind: spikes, source: cells.few}
  v: {kind: state, source: cells, variables: [v], dt: 1 ms}
  r: {kind: rate, source: cells, bin: 3 ms}
run:
  dt: 0.1 ms
  phases:
    - {name: wait, duration: 1 s, stop_when: CONDITION, check: 0.7 ms}
    - {name: test, duration: 20 ms, set: {drive: 3}}
metrics:
  n: count(out)
  rate: mean_rate(out)
  own: count(out)/duration
  fano: fano(out, 4 ms)
  cv: cv_isi(out)
  mean: mean(v)
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def checked(tmp_path, condition, text=FILE):
    file = tmp_path / "s.yaml"
    file.write_text(text.replace("CONDITION", condition))
    return pipeline.check(pipeline.read(file))


def ran(tmp_path, condition, text=FILE):
    return pipeline.run(checked(tmp_path, condition, text), tmp_path / "out", RunOptions(plots=False))


def fixed(tmp_path, milliseconds, text=FILE):
    """The same with a duration and no condition."""
    text = text.replace("duration: 1 s, stop_when: CONDITION, check: 0.7 ms", f"duration: {milliseconds!r} ms")
    file = tmp_path / "f.yaml"
    file.write_text(text)
    return pipeline.run(pipeline.check(pipeline.read(file)), tmp_path / "fixed", RunOptions(plots=False))


@pytest.mark.parametrize(
    "condition",
    [
        "count(out) > limit",
        "cells.level >= 17",
        "cells.ready",
        "any(cells.v > 0.97) and count(out) > 3",
        "all(counts(out) >= 2)",
        "mean(v) > 0.45 and not (count(out) < 10)",
        "first_spike(out) > 0*ms and max(v) > 0.95",
    ],
)
def test_a_stopped_run_is_a_run_of_that_length(tmp_path, condition):
    outcome = ran(tmp_path, condition)
    stop = outcome.ran.phases[0].stop
    assert 0 < stop < 1000
    assert stop % 7 == 0
    same = fixed(tmp_path, stop / 10)
    assert outcome.digest == same.digest
    assert outcome.metrics.keys() == same.metrics.keys()
    for name, (value, unit) in outcome.metrics.items():
        assert unit == same.metrics[name][1]
        np.testing.assert_array_equal(value, same.metrics[name][0])
    with h5py.File(outcome.folder / "results.h5") as file:
        assert f'"duration": {(stop + 200) * 0.0001!r}'[:22] in file["snnrun"].attrs["description"]
    assert f"phase wait ended at {stop / 10000:.9g} s" in (outcome.folder / "run.log").read_text()


EVERY_METRIC = """\
metrics:
  count: count(out)
  counts: counts(out)
  rate: mean_rate(out)
  rates: rates(out)
  cv: cv_isi(out)
  first: first_spike(out)
  firsts: first_spikes(out)
  fano: fano(out, 2 ms)
  synchrony: synchrony(out, 2 ms)
  pairs: correlation(out, 2 ms)
  populations: correlation(some, others, 2 ms)
  variables: correlation(vw.v, vw.level)
  mean: mean(v)
  std: std(v)
  min: min(v)
  max: max(v)
  last: last(v)
  spread: std(rates(out))
  final: mean(cells.v)
  own: count(out)/duration
"""
WITH_EVERY_METRIC = (
    FILE[: FILE.index("metrics:")]
    .replace("{few: '0:3'}", "{few: '0:3', some: '0:5', others: '5:10'}")
    .replace(
        "  r: {",
        "  some: {kind: spikes, source: cells.some}\n  others: {kind: spikes, source: cells.others}\n"
        "  vw: {kind: state, source: cells, variables: [v, level], dt: 1 ms}\n  r: {",
    )
    + EVERY_METRIC
)
ONE_MORE = "    - {name: test, duration: 20 ms, set: {drive: 3}}\n"


@pytest.mark.parametrize(
    "then",
    [
        "",
        ONE_MORE,
        "    - {name: pause, duration: 5 ms, record: []}\n",
        "    - {name: pause, duration: 5 ms, record: []}\n" + ONE_MORE,
    ],
    ids=["the end", "more", "a pause", "more after a pause"],
)
@pytest.mark.parametrize("look", ["0.7 ms", "1.3 ms", "2 ms"])
def test_every_metric_of_a_stopped_run_is_that_of_a_run_of_that_length(tmp_path, then, look):
    text = WITH_EVERY_METRIC.replace(ONE_MORE, then)
    outcome = ran(tmp_path, "count(out) > limit", text.replace("check: 0.7 ms", f"check: {look}"))
    same = fixed(tmp_path, outcome.ran.phases[0].stop / 10, text)
    assert set(outcome.metrics) == {line.split(":")[0].strip() for line in EVERY_METRIC.splitlines()[1:]}
    for name, (value, _) in outcome.metrics.items():
        assert np.isfinite(value).all() or name.startswith("first"), name
        np.testing.assert_array_equal(value, same.metrics[name][0], err_msg=name)


def test_it_ends_at_the_first_look_after_the_condition_holds(tmp_path):
    outcome = ran(tmp_path, "count(out) > limit")
    with h5py.File(outcome.folder / "results.h5") as file:
        steps = np.rint(file["snnrun/spikes/out/timestamps"][...] * 10).astype(int)
    twenty_sixth = np.sort(steps)[25]  # the step that makes it more than 25
    assert outcome.ran.phases[0].stop == (twenty_sixth // 7 + 1) * 7


@pytest.mark.parametrize("most", [1, 5, 64, 1000])
def test_the_length_of_a_call_changes_nothing(tmp_path, monkeypatch, most):
    monkeypatch.setattr(driver, "FIRST_CALL", most)
    monkeypatch.setattr(driver, "MOST_STEPS", most)
    outcome = ran(tmp_path, "mean(v) > 0.45 and count(out) > 5")
    monkeypatch.undo()
    assert outcome.digest == ran(tmp_path / "..", "mean(v) > 0.45 and count(out) > 5").digest


def test_a_condition_that_never_holds_leaves_the_phase_its_length(tmp_path):
    outcome = ran(tmp_path, "count(out) < 0")
    assert outcome.ran.phases[0].stop == 10_000
    assert outcome.digest == fixed(tmp_path, 1000).digest


def test_a_checkpoint_after_the_end_of_a_phase_knows_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "MOST_STEPS", 20)
    whole = ran(tmp_path, "count(out) > limit")
    for kill_at in (10, 150, 250, 330):

        def progress(step, _steps, kill_at=kill_at):
            if step >= kill_at:
                raise SystemExit

        one = checked(tmp_path, "count(out) > limit")
        options = RunOptions(plots=False, checkpoint_every=0.0)
        with pytest.raises(SystemExit):
            pipeline.run(one, tmp_path / "k", options, callbacks=Callbacks(progress))
    one = checked(tmp_path, "count(out) > limit")
    notes = []
    again = pipeline.run(one, tmp_path / "k", RunOptions(plots=False), callbacks=Callbacks(note=notes.append))
    assert "continues" in notes[0]
    assert (again.digest, again.metrics) == (whole.digest, whole.metrics)


def test_a_constant_that_the_phase_sets_is_the_one_it_compares_with(tmp_path):
    text = FILE.replace("check: 0.7 ms", "check: 0.7 ms, set: {limit: 40}")
    low, high = (ran(tmp_path, "count(out) > limit", t).ran.phases[0].stop for t in (FILE, text))
    assert low < high


def test_points_of_a_sweep_share_a_phase_that_ends_early(tmp_path):
    from snnrun.sweep.experiments import check_sweep
    from snnrun.sweep.local import run_sweep

    tables = []
    for shared in ("", ", shared: wait"):
        sweep = f"sweep: {{axes: {{run.phases.1.set.drive: [1, 2, 3]}}{shared}}}\n"
        one = checked(tmp_path, "count(out) > limit", FILE + sweep)
        tables.append(run_sweep(check_sweep(one), tmp_path / "sweep", RunOptions(plots=False)).metrics)
    assert len(np.unique(tables[0]["n"][0])) == 3
    for name, (values, _) in tables[0].items():
        np.testing.assert_array_equal(tables[1][name][0], values)


@pytest.mark.parametrize(
    ("condition", "code", "marked"),
    [
        ("count(out)", "MET405", "count(out)"),
        ("cells.v > 1", "MET405", "cells.v > 1"),
        ("mean_rate(out) > 5*Hz", "MET405", "mean_rate"),
        ("count(out) > 5*ms", "EQ203", "count(out) > 5*ms"),
        ("count(oout) > 5", "MET403", "oout"),
        ("all(cells.v > 1, 2 > 1)", "EQ206", "all(cells.v > 1, 2 > 1)"),
        ("counts(out) > 1 or cells.ready", "MET405", "counts(out) > 1 or cells.ready"),
        ("cells.w > 1", "NET221", "cells.w"),
        ("rate > 5*Hz", "MET405", "rate"),  # a metric that is known at the end
        ("not (2*own + fano > 5*Hz)", "MET405", "fano"),
        ("any(counts(out) > counts(few))", "MET406", "counts(out) > counts(few)"),
    ],
)
def test_a_wrong_condition_is_marked(tmp_path, condition, code, marked):
    with pytest.raises(ExperimentError) as caught:
        checked(tmp_path, f'"{condition}"')
    (item,) = caught.value.diagnostics
    assert item.code == code
    assert item.span.file.text[item.span.start : item.span.end] == marked


def test_a_check_off_the_grid_is_refused(tmp_path):
    with pytest.raises(ExperimentError, match="NET102"):
        checked(tmp_path, "cells.ready", FILE.replace("check: 0.7 ms", "check: 0.75 ms"))

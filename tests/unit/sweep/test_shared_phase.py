"""Points that share their first phases: the bits of each alone, the work once, refusals where it would be wrong."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from snnrun.codegen.native import NativeKernel
from snnrun.errors import ExperimentError
from snnrun.results.sweep_table import read_sweep
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.local import run_sweep

FILE = """\
version: 1
name: branched
constants: {tau: 10 ms, drive: 1.3, strength: 2, wait: 10 ms, length: 20 ms}
groups:
  cells:
    size: 10
    equations: "dv/dt = (drive - v)/tau + 0.2*xi*tau**-0.5 : 1"
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {v: rand()}
synapses:
  net: {source: cells, target: cells, connect: {p: 0.5}, on_pre: v_post += 0.05, delay: rand()*4*ms}
operations:
  kick: {target: cells, every: 7 ms, do: v += 0.1*rand()}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v], dt: 1 ms}
  r: {kind: rate, source: cells, bin: 3 ms}
run:
  dt: 0.1 ms
  phases:
    - {name: settle, duration: 100 ms}
    - {name: quiet, duration: wait, set: {drive: 0.8}}
    - {name: test, duration: length, set: {drive: strength}}
metrics: {n: count(out), level: mean(v), cv: cv_isi(out)}
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


@pytest.fixture
def steps(monkeypatch):
    """Counts the steps that kernels take."""
    taken = []
    advance = NativeKernel.advance

    def counted(self, first, n, table):
        done = advance(self, first, n, table)
        taken.append(done)
        return done

    monkeypatch.setattr(NativeKernel, "advance", counted)
    return taken


def checked(tmp_path, sweep, text=FILE):
    file = tmp_path / "s.yaml"
    file.write_text(f"{text}sweep: {{{sweep}}}\n")
    return pipeline.check(pipeline.read(file))


def swept(tmp_path, sweep, text=FILE):
    out = Path(tempfile.mkdtemp(dir=tmp_path))  # sweeps of one folder take points over
    return run_sweep(check_sweep(checked(tmp_path, sweep, text)), out, RunOptions(plots=False))


def test_points_that_share_a_phase_have_the_bits_of_each_alone_and_half_the_work(tmp_path, steps):
    axes = "axes: {strength: [1.1, 1.5, 2, 3], length: [20 ms, 40 ms]}"
    apart = swept(tmp_path, axes)
    all_steps = sum(steps)
    steps.clear()
    together = swept(tmp_path, f"{axes}, shared: settle")
    assert apart.metrics["n"][0].min() > 20
    assert len(np.unique(apart.metrics["n"][0])) > 4
    for name, (values, unit) in apart.metrics.items():
        np.testing.assert_array_equal(together.metrics[name][0], values)
        assert together.metrics[name][1] == unit
    assert all_steps == 8 * 1100 + 4 * 200 + 4 * 400
    assert sum(steps) == all_steps - 7 * 1000


def test_results_that_are_kept_hold_the_shared_phase_too(tmp_path):
    axes = "axes: {strength: [1.1, 3]}, keep: results"
    apart, together = swept(tmp_path, axes), swept(tmp_path, f"{axes}, shared: quiet")
    assert read_sweep(together.folder).metrics["n"][0].shape == (2,)
    from snnrun.results.done import read_done

    for k in ("00000", "00001"):
        one, other = (read_done(outcome.folder / "points" / k).digest for outcome in (apart, together))
        assert one == other


@pytest.mark.parametrize(
    "axes",
    [
        "axes: {run.phases.2.set.drive: [1, 2]}",
        "axes: {wait: [10 ms, 20 ms]}",
        "axes: {run.phases.1.record: [[out], [out, v]]}",
        "zip: {wait: [10 ms, 20 ms], strength: [1, 2]}",
        "sample: {size: 4, ranges: {strength: [1, 2]}}",
    ],
)
def test_what_acts_later_can_be_swept(tmp_path, axes):
    sweep = check_sweep(checked(tmp_path, f"{axes}, shared: settle"))
    assert sweep.plan.shared == 0
    assert len({at_point.shared for at_point in sweep.ready.values()}) == 1


@pytest.mark.parametrize(
    ("axes", "marked"),
    [
        ("axes: {tau: [5 ms, 10 ms]}", "tau"),
        ("axes: {strength: [1, 2], drive: [1, 1.2]}", "drive"),
        ("axes: {groups.cells.method: [euler, heun]}", "groups.cells.method"),
        ("axes: {monitors.v.dt: [1 ms, 2 ms]}", "monitors.v.dt"),
        ("axes: {run.phases.0.duration: [100 ms, 90 ms]}", "run.phases.0.duration"),
        ("zip: {strength: [1, 2], seed: [1, 2]}", "strength"),
        ("sample: {size: 4, ranges: {tau: [5 ms, 10 ms]}}", "tau"),
        ("points: [{tau: 5 ms, strength: 1}, {tau: 6 ms, strength: 1}]", "points"),
        ("repeat: 3", "repeat"),
    ],
)
def test_what_acts_before_is_refused_at_its_place(tmp_path, axes, marked):
    with pytest.raises(ExperimentError) as caught:
        check_sweep(checked(tmp_path, f"{axes}, shared: settle"))
    (item,) = {d.message: d for d in caught.value.diagnostics}.values()
    assert item.code == "SWP707"
    assert item.span.file.text[item.span.start : item.span.end] == marked
    assert "before the end of phase `settle`" in item.message


def test_a_constant_of_a_later_phase_that_is_also_used_before_is_refused(tmp_path):
    text = FILE.replace("initial: {v: rand()}", "initial: {v: rand()/strength}")
    with pytest.raises(ExperimentError, match="SWP707"):
        check_sweep(checked(tmp_path, "axes: {strength: [1, 2]}, shared: settle", text))


def test_the_length_of_the_run_in_an_equation_is_used_before(tmp_path):
    text = FILE.replace("(drive - v)/tau", "(drive*duration/second - v)/tau")
    with pytest.raises(ExperimentError, match="SWP707"):
        check_sweep(checked(tmp_path, "axes: {length: [20 ms, 40 ms]}, shared: settle", text))

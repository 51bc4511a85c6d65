"""The points of a sweep: their table, what they share, points that fail, sweeps that stop and go on."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import xarray

from snnrun.engine import synapses as synapses_module
from snnrun.results.done import read_done
from snnrun.results.sweep_table import PointStatus, read_sweep
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.running.stages import Clock, Stage
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.local import run_sweep

TUTORIAL = Path(__file__).parents[3] / "experiments" / "tutorial"
FILE = """\
version: 1
name: swept
constants: {tau: 10 ms, gain: 2, growth: 0 Hz}
groups:
  cells:
    size: 3
    equations: |
      dv/dt = (gain - v)/tau + 0.3*xi*tau**-0.5 : 1
      dw/dt = w*w*growth : 1
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {v: rand(), w: 1}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v], dt: 1 ms}
run: {duration: 50 ms, dt: 0.1 ms}
metrics: {n: count(out), level: mean(v), highest: max(v)}
"""
GRID = "sweep: {axes: {tau: [5 ms, 10 ms, 20 ms], gain: [1.5, 3]}}\n"


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def swept(tmp_path, sweep, text=FILE, *, plots=False, formats=("png",), **options):
    file = tmp_path / "s.yaml"
    file.write_text(text + sweep)
    checked = pipeline.check(pipeline.read(file))
    return run_sweep(
        check_sweep(checked), tmp_path / "out", RunOptions(plots=plots, formats=formats), workers=1, **options
    )


def test_each_point_is_the_run_alone_bit_for_bit(tmp_path):
    outcome = swept(tmp_path, GRID)
    table = read_sweep(outcome.folder)
    assert table.metrics["n"][0].shape == (3, 2)
    assert len(np.unique(table.metrics["level"][0])) == 6
    for i, tau in enumerate(("5 ms", "10 ms", "20 ms")):
        for k, gain in enumerate(("1.5", "3")):
            file = tmp_path / "alone.yaml"
            file.write_text(FILE)
            checked = pipeline.check(pipeline.read(file, [f"tau={tau}", f"gain={gain}"]))
            alone = pipeline.run(checked, tmp_path / "alone", RunOptions(plots=False))
            for name, (value, unit) in alone.metrics.items():
                assert table.metrics[name][0][i, k] == value
                assert table.metrics[name][1] == unit


def test_values_share_one_kernel_and_sizes_do_too(tmp_path):
    assert swept(tmp_path, GRID).kernels == 1
    assert swept(tmp_path, "sweep: {axes: {groups.cells.size: [1, 2, 5], run.dt: [0.1 ms, 0.05 ms]}}\n").kernels == 1


def test_connections_that_no_value_changes_are_made_once(tmp_path, monkeypatch):
    made = []
    connect = synapses_module.connect

    def counted(*arguments, **options):
        made.append(arguments)
        return connect(*arguments, **options)

    monkeypatch.setattr(synapses_module, "connect", counted)
    file = TUTORIAL / "15-time-constant-sweep.yaml"
    checked = pipeline.check(pipeline.read(file))
    outcome = run_sweep(check_sweep(checked), tmp_path / "out", RunOptions(plots=False), workers=1)
    assert outcome.points == 30
    assert outcome.kernels == 1
    assert len(made) == 1
    rates = outcome.metrics["rate"][0]
    assert rates[-1] > rates[15] > rates[0] == 0  # a slow membrane reaches the threshold more often


def test_the_rate_of_demo_15_is_that_of_each_point_alone(tmp_path):
    file = TUTORIAL / "15-time-constant-sweep.yaml"
    checked = pipeline.check(pipeline.read(file))
    rates = run_sweep(check_sweep(checked), tmp_path / "out", RunOptions(plots=False)).metrics["rate"][0]
    for k, tau in ((0, "1 ms"), (17, None), (29, "10 ms")):
        one = pipeline.read(
            file, [f"tau={tau or 1 + 9 * k / 29} ms".replace(" ms ms", " ms"), "sweep=null", "plots=none"]
        )
        alone = pipeline.run(pipeline.check(one), tmp_path / "alone", RunOptions(plots=False))
        assert alone.metrics["rate"][0] == rates[k]


def test_the_table_opens_in_xarray_with_units(tmp_path):
    outcome = swept(tmp_path, GRID)
    with xarray.open_dataset(outcome.folder / "sweep.h5", engine="h5netcdf") as table:
        assert table["n"].dims == ("tau", "gain")
        np.testing.assert_array_equal(table["tau"], [0.005, 0.01, 0.02])
        assert table["tau"].attrs["units"] == "s"
        np.testing.assert_array_equal(table["gain"], [1.5, 3])
        assert (table["status"] == PointStatus.COMPLETE).all()
        assert float(table["level"].sel(tau=0.01, gain=3)) == outcome.metrics["level"][0][1, 1]


def test_the_list_of_points_holds_values_units_and_metrics(tmp_path):
    outcome = swept(tmp_path, GRID)
    with (outcome.folder / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["point", "tau [s]", "gain", "n", "level", "highest", "status"]
    assert [float(row["tau [s]"]) for row in rows] == [0.005, 0.005, 0.01, 0.01, 0.02, 0.02]
    assert [float(row["n"]) for row in rows] == outcome.metrics["n"][0].ravel().tolist()
    assert {row["status"] for row in rows} == {"complete"}


def test_zipped_parameters_are_coordinates_of_one_axis(tmp_path):
    outcome = swept(tmp_path, "sweep: {zip: {tau: [5 ms, 10 ms], gain: [2, 3]}}\n")
    with xarray.open_dataset(outcome.folder / "sweep.h5", engine="h5netcdf") as table:
        (axis,) = table["n"].dims
        np.testing.assert_array_equal(table["tau"], [0.005, 0.01])
        assert table["tau"].dims == (axis,)


def test_repetitions_differ_in_their_seed_only(tmp_path):
    outcome = swept(tmp_path, "sweep: {repeat: 3}\n")
    assert len(set(outcome.metrics["level"][0].tolist())) == 3


def test_kept_results_are_whole_runs_that_run_again(tmp_path):
    outcome = swept(tmp_path, "sweep: {axes: {tau: [5 ms, 10 ms]}, keep: results}\n")
    points = outcome.folder / "points"
    assert sorted(p.name for p in points.iterdir()) == ["00000", "00001"]  # and no `latest`
    for k, folder in enumerate(sorted(points.iterdir())):
        done = read_done(folder)
        assert done is not None
        again = pipeline.run(
            pipeline.check(pipeline.read(folder / "experiment.yaml")), tmp_path / "again", RunOptions(plots=False)
        )
        assert again.digest == done.digest
        assert again.metrics["level"][0] == outcome.metrics["level"][0][k]


FAILING = "sweep: {axes: {growth: [0 Hz, 100 Hz, 1 Hz]}}\n"


def test_a_point_that_fails_is_marked_and_the_others_go_on(tmp_path):
    outcome = swept(tmp_path, FAILING)
    assert list(outcome.failed) == [1]
    assert "`w` of neuron 0 of `cells` became infinite" in outcome.failed[1]
    table = read_sweep(outcome.folder)
    assert table.status.tolist() == [PointStatus.COMPLETE, PointStatus.FAILED, PointStatus.COMPLETE]
    assert np.isnan(table.metrics["n"][0]).tolist() == [False, True, False]
    assert json.loads((outcome.folder / "metrics.json").read_text())["metrics"]["n"]["values"][1] is None
    assert "point 1: [RUN301]" in (outcome.folder / "run.log").read_text()
    done = read_done(outcome.folder)
    assert done is not None
    assert done.status == "failed"


@pytest.mark.parametrize("keep", ["metrics", "results"])
def test_a_sweep_of_which_all_points_fail_leaves_its_folder(tmp_path, keep):
    outcome = swept(tmp_path, f"sweep: {{axes: {{growth: [100 Hz, 200 Hz]}}, keep: {keep}}}\n", plots=True)
    assert list(outcome.failed) == [0, 1]
    assert read_sweep(outcome.folder).status.tolist() == [PointStatus.FAILED] * 2
    assert (outcome.folder / "experiment.yaml").is_file()
    assert "failed" in (outcome.folder / "points.csv").read_text()


def stop_after(number):
    def stop(done, _points):
        if done == number:
            raise KeyboardInterrupt

    return stop


def test_a_sweep_that_is_stopped_keeps_its_points_and_goes_on(tmp_path):
    outcome = swept(tmp_path, GRID, progress=stop_after(2))
    assert isinstance(outcome.problem, KeyboardInterrupt)
    assert (outcome.ran, outcome.missing) == (2, 4)
    assert read_sweep(outcome.folder).status.ravel().tolist() == [1, 1, 0, 0, 0, 0]
    assert read_done(outcome.folder) is None
    whole = swept(tmp_path, GRID)
    assert whole.folder == outcome.folder
    assert (whole.ran, whole.missing) == (4, 0)
    (tmp_path / "reference").mkdir()
    reference = swept(tmp_path / "reference", GRID)
    assert whole.digest == reference.digest
    for name in ("sweep.h5", "points.csv", "metrics.json", "experiment.yaml", "run.log"):
        assert (whole.folder / name).read_bytes() == (reference.folder / name).read_bytes()


def test_a_complete_sweep_runs_nothing_and_draws_what_is_missing(tmp_path):
    first = swept(tmp_path, GRID, formats=("png",), plots=True)
    before = (first.folder / "DONE.json").read_bytes()
    again = swept(tmp_path, GRID, plots=True)
    assert (again.ran, again.digest, again.pictures) == (0, first.digest, first.pictures)
    assert (again.folder / "DONE.json").read_bytes() == before
    drawn = swept(tmp_path, GRID, formats=("png", "svg"), plots=True)
    assert drawn.ran == 0
    assert {p.suffix for p in drawn.pictures} == {".png", ".svg"}
    done = read_done(first.folder)
    assert {name for name in done.files if name.endswith(".svg")}


def test_a_complete_sweep_without_a_picture_is_found_again(tmp_path):
    text = "sweep: {axes: {tau: [5 ms, 10 ms]}, keep: results}\nplots: none\n"
    first = swept(tmp_path, text, plots=True)
    assert not (first.folder / "plots").exists()
    assert swept(tmp_path, text, plots=True).digest == first.digest


def test_a_point_that_failed_runs_again_only_when_asked(tmp_path, monkeypatch):
    from snnrun.errors import Diagnostic, RunError
    from snnrun.running import pipeline as stages

    prepare = stages.prepare
    ran = []

    def fails_at_20_ms(checked, *rest):
        tau = float(checked.resolved.context.constants["tau"].exact)
        ran.append(tau)
        if tau == 0.02:
            raise RunError(Diagnostic("RUN304", "not enough memory"))
        return prepare(checked, *rest)

    monkeypatch.setattr(stages, "prepare", fails_at_20_ms)
    axis = "sweep: {axes: {tau: [10 ms, 20 ms, 30 ms]}}\n"
    assert swept(tmp_path, axis).failed == {1: "[RUN304] not enough memory"}
    assert ran == [0.01, 0.02, 0.03]
    again = swept(tmp_path, axis)
    assert (again.ran, list(again.failed)) == (0, [1])
    retried = swept(tmp_path, axis, retry_failed=True)
    assert (retried.ran, list(retried.failed)) == (1, [1])
    monkeypatch.setattr(stages, "prepare", prepare)
    mended = swept(tmp_path, axis, retry_failed=True)
    assert (mended.ran, mended.failed) == (1, {})
    assert read_done(mended.folder).status == "complete"
    assert read_sweep(mended.folder).status.tolist() == [PointStatus.COMPLETE] * 3


def test_a_bug_at_one_point_does_not_cost_the_others(tmp_path, monkeypatch):
    from snnrun.running import pipeline as stages

    prepare = stages.prepare

    def buggy(checked, *rest):
        if float(checked.resolved.context.constants["tau"].exact) == 0.02:
            raise ZeroDivisionError("somewhere deep")
        return prepare(checked, *rest)

    monkeypatch.setattr(stages, "prepare", buggy)
    outcome = swept(tmp_path, "sweep: {axes: {tau: [10 ms, 20 ms, 30 ms]}}\n")
    assert outcome.failed == {1: "a bug of snnrun: ZeroDivisionError: somewhere deep"}


def test_the_digest_of_kept_results_is_that_of_what_was_recorded(tmp_path):
    """No metric tells these two sweeps apart."""
    digests = set()
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        text = FILE.replace("metrics: {n: count(out), level: mean(v), highest: max(v)}", f"seed: {seed}")
        digests.add(swept(tmp_path / name, "sweep: {axes: {tau: [5 ms, 10 ms]}, keep: results}\n", text).digest)
    assert len(digests) == 2


PANELS = """\
plots:
  - panels:
      - {kind: curve, x: tau, y: n}
      - {kind: curve, x: tau, y: level}
  - {kind: raster, monitor: out}
"""


def test_panels_of_curves_are_drawn_from_the_sweep_and_rasters_from_its_points(tmp_path):
    outcome = swept(tmp_path, "sweep: {axes: {tau: [5 ms, 10 ms]}, keep: results}\n" + PANELS, plots=True)
    assert [p.name for p in outcome.pictures] == ["curve.png"]
    assert outcome.pictures[0].is_file()
    for point in ("00000", "00001"):
        assert [p.name for p in (outcome.folder / "points" / point / "plots").iterdir()] == ["raster.png"]


def test_panels_of_a_sweep_and_of_a_point_do_not_go_together(tmp_path):
    from snnrun.errors import ExperimentError

    mixed = "plots:\n  - panels:\n      - {kind: curve, x: tau, y: n}\n      - {kind: raster, monitor: out}\n"
    with pytest.raises(ExperimentError, match="PLT506"):
        swept(tmp_path, "sweep: {axes: {tau: [5 ms]}}\n" + mixed)


def test_metrics_with_a_value_a_neuron_have_a_dimension_of_their_own(tmp_path):
    outcome = swept(tmp_path, GRID, FILE.replace("n: count(out)", "n: count(out), each: counts(out)"))
    assert outcome.left_out == ()
    table = read_sweep(outcome.folder)
    assert table.metrics["each"][0].shape == (3, 2, 3)
    assert np.array_equal(table.metrics["each"][0].sum(axis=-1), table.metrics["n"][0])
    assert table.metrics["n"][0].sum() > 0
    head = (outcome.folder / "points.csv").read_text().split("\n", 1)[0]
    assert "each" not in head
    plain = json.loads((outcome.folder / "metrics.json").read_text())["metrics"]["each"]["values"]
    assert np.array_equal(plain, table.metrics["each"][0])


def test_metrics_whose_length_changes_over_a_sweep_are_named_as_left_out(tmp_path):
    text = FILE.replace("n: count(out)", "n: count(out), each: counts(out)")
    outcome = swept(tmp_path, "sweep: {axes: {groups.cells.size: [3, 4]}}\n", text)
    assert outcome.left_out == ("each",)
    assert set(outcome.metrics) == {"n", "level", "highest"}


def test_the_digest_of_a_sweep_is_that_of_its_numbers(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, two = swept(tmp_path / "a", GRID), swept(tmp_path / "b", GRID)
    assert one.digest == two.digest
    for name in ("sweep.h5", "points.csv", "metrics.json", "experiment.yaml"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()


def test_the_time_of_a_stage_is_that_of_all_its_entries():
    clock = Clock()
    for _ in range(3):
        with clock.stage(Stage.BUILD):
            pass
    assert clock.seconds["build"] > 0
    assert clock.seconds["plot"] == 0

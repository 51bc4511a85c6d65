"""Points with names, whose absent values are the file's, and points that are the rows of a table."""

import math

import numpy as np
import pytest
import xarray

from snnrun.compare.folders import entry_at
from snnrun.compare.ranking import Formula, command_for, parameters_of, rank
from snnrun.results.sweep_table import read_sweep
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.local import run_sweep

FILE = """\
version: 1
name: forms
constants: {tau: 10 ms, twice: 2*tau, gain: 2, growth: 0 Hz, n: 3}
groups:
  cells:
    size: n
    equations: |
      dv/dt = (gain - v)/tau + 0*v/twice : 1
      dw/dt = w*w*growth : 1
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {w: 1}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v], dt: 1 ms}
run: {duration: 20 ms, dt: 0.1 ms}
metrics: {n_spikes: count(out), level: mean(v)}
"""
EQUATIONS = """
    slow:
      groups.cells.equations: |
        dv/dt = (gain - v)/(2*tau) : 1
        w = 0*twice*growth : 1
      groups.cells.initial: {v: 0.5}
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def sweep_of(tmp_path, sweep):
    file = tmp_path / "s.yaml"
    file.write_text(f"{FILE}sweep:\n  {sweep}\n")
    return check_sweep(pipeline.check(pipeline.read(file)))


def swept(tmp_path, sweep, out="out", **options):
    return run_sweep(sweep_of(tmp_path, sweep), tmp_path / out, RunOptions(plots=False), workers=1, **options)


def alone(tmp_path, *overrides):
    file = tmp_path / "alone.yaml"
    file.write_text(FILE)
    checked = pipeline.check(pipeline.read(file, overrides))
    return pipeline.run(checked, tmp_path / "alone", RunOptions(plots=False)).metrics["level"][0]


def test_points_with_names_are_the_runs_with_their_values_and_those_of_the_file(tmp_path):
    outcome = swept(
        tmp_path, "points:\n    plain: {}\n    strong drive: {gain: 4}\n    fast: {gain: 3, tau: 5 ms}" + EQUATIONS
    )
    table = read_sweep(outcome.folder)
    (axis,) = table.axes
    assert (axis.name, axis.unit, list(axis.values)) == ("points", None, ["plain", "strong drive", "fast", "slow"])
    levels = table.metrics["level"][0]
    assert levels[0] == alone(tmp_path)
    assert levels[1] == alone(tmp_path, "gain=4")
    assert levels[2] == alone(tmp_path, "gain=3", "tau=5 ms")
    t = np.arange(20) * 1e-3  # v starts at 0.5 and relaxes to 2 with 20 ms: it is at the threshold after 8.1 ms
    v = 2 - 1.5 * 0.995 ** (t / 1e-4)
    assert levels[3] == pytest.approx(
        np.mean(np.where(t < 8.2e-3, v, 2 - 2 * 0.995 ** ((t - 8.2e-3) / 1e-4))), rel=0.02
    )
    columns = {c.name: list(c.values) for c in table.coordinates}
    assert columns.keys() == {"gain", "tau", "groups.cells.initial"}  # no equations in a table
    assert columns["gain"] == [2, 4, 3, 2]
    assert columns["tau"] == [0.01, 0.01, 0.005, 0.01]
    head, *rows = (outcome.folder / "points.csv").read_text().splitlines()
    assert head == "point,points,gain,tau [s],groups.cells.initial,n_spikes,level,status"
    assert rows[1].startswith("1,strong drive,4,0.01,")
    with xarray.open_dataset(outcome.folder / "sweep.h5") as data:
        assert float(data["level"].sel(points="fast")) == levels[2]


def test_what_the_file_computes_from_other_values_is_not_said_in_the_table(tmp_path):
    outcome = swept(tmp_path, "points: {one: {twice: 5 ms}, two: {tau: 20 ms}}")
    columns = {c.name: list(c.values) for c in read_sweep(outcome.folder).coordinates}
    assert columns["twice"][0] == 0.005
    assert math.isnan(columns["twice"][1])  # it is 40 ms there, and 20 ms in the file
    assert columns["tau"] == [0.01, 0.02]


def test_names_stand_for_points_in_words_and_values_in_commands(tmp_path):
    plan = sweep_of(tmp_path, "points: {plain: {}, fast: {tau: 5 ms}}\n  axes: {gain: [2, 3]}").plan
    assert [plan.point(k).text for k in range(4)] == [
        "plain, gain = 2",
        "fast, gain = 2",
        "plain, gain = 3",
        "fast, gain = 3",
    ]
    assert dict(plan.point(2).settings) == {"gain": "3"}
    outcome = swept(tmp_path, "points: {plain: {}, fast: {tau: 5 ms}}\n  axes: {gain: [2, 3]}")
    best = rank([entry_at(outcome.folder)], Formula("level", "--by"), None, smallest=False, top=1).best[0]
    assert parameters_of(best).keys() == {"points", "gain"}
    file, *words = command_for(best)[2:]
    overrides = [word for word in words if word != "--set"]
    checked = pipeline.check(pipeline.read(tmp_path / file, overrides))
    again = pipeline.run(checked, tmp_path / "best", RunOptions(plots=False))
    assert again.metrics["level"][0] == best.value
    assert again.folder.parent.name == f"{outcome.folder.parent.name}-point-{best.point}"  # `latest` stays the sweep's


def test_more_names_keep_the_points_that_are_there_and_other_names_for_them_do_not_matter(tmp_path):
    assert swept(tmp_path, "points: {plain: {}, fast: {tau: 5 ms}}").ran == 2
    outcome = swept(tmp_path, "points: {default: {}, quick: {tau: 5 ms}, slow: {tau: 30 ms}}")
    assert (outcome.reused, outcome.ran) == (2, 1)
    outcome = swept(tmp_path, "axes: {tau: [5 ms, 10 ms, 30 ms]}")
    assert (outcome.reused, outcome.ran) == (3, 0)


TAU = (5.0, 7.1, 1e-5 * 1e6)
GAIN = (1.5, 2.0, 2.5)


def tables(folder):
    """The same table in several formats, and what the sweep says of it."""
    np.save(folder / "plain.npy", np.column_stack([TAU, GAIN]))
    np.save(folder / "named.npy", np.array(list(zip(TAU, GAIN, strict=True)), [("tau", "f8"), ("gain", "f8")]))
    np.savez(folder / "named.npz", tau=TAU, gain=GAIN, other=GAIN)
    rows = "\n".join(f"{t},{g},7" for t, g in zip(TAU, GAIN, strict=True))
    (folder / "heads.csv").write_text(f"tau [ms],gain,point\n{rows}\n")
    (folder / "plain.csv").write_text(f"{rows}\n")
    return {
        "plain.npy": "columns: [tau, gain], unit: {tau: ms}",
        "named.npy": "unit: {tau: ms}",
        "named.npz": "columns: [tau, gain], unit: {tau: ms}",
        "heads.csv": "columns: [tau, gain]",
        "plain.csv": "columns: [tau, gain, n], unit: {tau: ms}",
    }


def test_every_format_gives_the_points_of_the_list(tmp_path):
    listed = ", ".join(f"{{tau: {t} ms, gain: {g}}}" for t, g in zip(TAU, GAIN, strict=True))
    expected = sweep_of(tmp_path, f"points: [{listed}]").plan.axes[0]
    for name, keys in tables(tmp_path).items():
        axis = sweep_of(tmp_path, f"points: {{file: {name}, {keys}}}").plan.axes[0]
        assert axis.name == "points"
        for found, wanted in zip(axis.parameters, expected.parameters, strict=False):
            assert found.name == wanted.name
            assert found.dimension == wanted.dimension
            assert found.held == tuple(map(float, wanted.held))
    assert axis.parameters[2].held == (7, 7, 7)  # what is a whole number in the file is one here
    assert all(isinstance(value, int) for value in axis.parameters[2].held)


def test_parquet_tables_are_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"tau [ms]": list(TAU), "n": [1, 2, 3]}), tmp_path / "t.parquet")
    axis = sweep_of(tmp_path, "points: {file: t.parquet}").plan.axes[0]
    assert axis.parameters[0].held == (0.005, 0.0071, 0.01)
    assert axis.parameters[1].held == (1, 2, 3)


def test_the_rows_of_a_table_run_and_more_rows_keep_them(tmp_path):
    table = tmp_path / "theta.csv"
    table.write_text("tau [ms],gain,groups.cells.size\n5,1.5,2\n7.1,2,4\n")
    first = swept(tmp_path, "points: {file: theta.csv}")
    levels = read_sweep(first.folder).metrics["level"][0]
    assert levels[1] == alone(tmp_path, "tau=7.1 ms", "gain=2.0", "groups.cells.size=4")
    assert (first.folder / "theta.csv").read_bytes() == table.read_bytes()
    table.write_text(table.read_text() + "5,2.5,3\n")
    grown = swept(tmp_path, "points: {file: theta.csv}")
    assert (grown.reused, grown.ran) == (2, 1)
    assert grown.digest == swept(tmp_path, "points: {file: theta.csv}", out="other").digest


def test_points_that_fail_have_nan_and_a_reason_in_the_table(tmp_path):
    (tmp_path / "theta.csv").write_text("growth [Hz],gain\n0,2\n100,2\n")
    outcome = swept(tmp_path, "points: {file: theta.csv}")
    assert list(outcome.failed) == [1]
    rows = [line.split(",") for line in (outcome.folder / "points.csv").read_text().splitlines()]
    place = {name: k for k, name in enumerate(rows[0])}
    assert (rows[1][place["status"]], rows[1][place["reason"]]) == ("complete", "")
    assert (rows[2][place["level"]], rows[2][place["status"]]) == ("nan", "failed")
    assert "w" in ",".join(rows[2][place["reason"] :])
    with xarray.open_dataset(outcome.folder / "sweep.h5") as data:
        assert str(data["reason"].values[0]) == ""
        assert outcome.failed[1] == str(data["reason"].values[1])


def test_a_hundred_thousand_points_of_a_table_are_checked_at_once(tmp_path, monkeypatch):
    calls = []
    whole = pipeline.check
    monkeypatch.setattr(pipeline, "check", lambda *a: calls.append(a) or whole(*a))
    values = np.random.default_rng(1).uniform(1, 3, (100_000, 2))
    np.save(tmp_path / "theta.npy", values)
    plan = sweep_of(tmp_path, "points: {file: theta.npy, columns: [gain, growth], unit: {growth: mHz}}").plan
    assert plan.size == 100_000
    assert len(calls) < 20
    assert dict(plan.point(99_999).shown) == {
        "gain": f"{float(values[-1, 0])!r}",
        "growth": f"{float(values[-1, 1])!r} mHz",
    }


def test_the_text_of_a_value_is_read_as_the_number_that_the_table_of_the_sweep_holds(tmp_path):
    values = np.random.default_rng(1).uniform(1, 3, 200) * 10.0 ** np.arange(-100, 100)
    np.save(tmp_path / "theta.npy", values)
    for unit in ("ms", "second", "minute", "ms*ms/second"):
        plan = sweep_of(tmp_path, f"points: {{file: theta.npy, columns: [tau], unit: {{tau: {unit}}}}}").plan
        parameter = plan.axes[0].parameters[0]
        read = [pipeline.read(tmp_path / "s.yaml", [f"tau={parameter.shown(k)}"]) for k in range(0, 200, 37)]
        constants = [pipeline.check(document).resolved.context.constants["tau"].value for document in read]
        assert constants == list(parameter.held[::37])

"""Sweeps that grow: points that earlier sweeps of the experiment have run are taken over, and no others."""

import shutil

import numpy as np
import pytest

from snnrun.results.sweep_table import point_place, read_sweep
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.sweep import earlier
from snnrun.sweep.earlier import point_keys
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.local import create_sweep_folder, run_sweep

FILE = """\
version: 1
name: grows
constants: {tau: 10 ms, gain: 2, growth: 0 Hz}
groups:
  cells:
    size: 2
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
run: {duration: 20 ms, dt: 0.1 ms}
metrics: {n: count(out), level: mean(v)}
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def sweep_of(tmp_path, sweep, text=FILE):
    file = tmp_path / "s.yaml"
    file.write_text(f"{text}sweep: {sweep}\n")
    return check_sweep(pipeline.check(pipeline.read(file)))


def swept(tmp_path, sweep, text=FILE, out="out", **options):
    return run_sweep(sweep_of(tmp_path, sweep, text), tmp_path / out, RunOptions(plots=False), workers=1, **options)


def counts(outcome):
    return outcome.reused, outcome.ran


def test_a_longer_axis_a_second_axis_and_more_seeds_keep_the_points_with_the_bits_of_a_new_sweep(tmp_path):
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3.0]}}")) == (0, 2)
    assert counts(swept(tmp_path, "{axes: {gain: {linspace: [1.5, 4.5], num: 3}}}")) == (2, 1)
    # 0.01 s is what the file has for `tau`, and 1 its seed: three of these points are there.
    grown = "{axes: {gain: [3.0, 1.5, 4.5], tau: [5 ms, 0.01 s]}, repeat: 2}"
    outcome = swept(tmp_path, grown)
    assert counts(outcome) == (3, 9)
    fresh = swept(tmp_path, grown, out="other")
    assert counts(fresh) == (0, 12)
    assert outcome.digest == fresh.digest
    for name in ("sweep.h5", "points.csv", "metrics.json"):
        assert (outcome.folder / name).read_bytes() == (fresh.folder / name).read_bytes()
    assert counts(swept(tmp_path, grown)) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("growth: 0 Hz", "growth: 0.1 Hz"),
        ("count(out)", "count(out) + 1"),
        ("metrics: {", "metrics: {top: max(v), "),
        ("euler", "heun"),
        ("dt: 0.1 ms", "dt: 0.2 ms"),
        ("name: grows\n", "name: grows\nseed: 2\n"),
    ],
)
def test_a_file_that_differs_in_anything_else_is_run_anew(tmp_path, old, new):
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3]}}")) == (0, 2)
    text = FILE.replace(old, new)
    assert text != FILE
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3, 4]}}", text)) == (0, 3)


def test_words_and_pictures_of_a_sweep_of_metrics_may_change(tmp_path):
    swept(tmp_path, "{axes: {gain: [1.5, 3]}}")
    text = FILE + "description: Of what it is.\nplots: [{kind: curve, x: gain, y: n}]\n"
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3, 4]}}", text)) == (2, 1)


def test_points_of_another_program_are_run_again(tmp_path, monkeypatch):
    swept(tmp_path, "{axes: {gain: [1.5, 3]}}")
    monkeypatch.setattr(earlier, "program_hash", lambda: "another")
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3, 4]}}")) == (0, 3)


def test_points_that_failed_are_run_again(tmp_path):
    first = swept(tmp_path, "{axes: {growth: [0 Hz, 100 Hz]}}")
    assert list(first.failed) == [1]
    again = swept(tmp_path, "{axes: {growth: [100 Hz, 0 Hz]}}")
    assert counts(again) == (1, 1)
    assert list(again.failed) == [0]


def test_what_a_file_of_numbers_holds_is_part_of_the_point(tmp_path):
    text = FILE.replace("v: rand()", "v: {file: start.csv}")
    start = tmp_path / "start.csv"
    start.write_text("0.1\n0.2\n")
    swept(tmp_path, "{axes: {gain: [1.5, 3]}}", text)
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3, 4]}}", text)) == (2, 1)
    start.write_text("0.1\n0.3\n")
    assert counts(swept(tmp_path, "{axes: {gain: [1.5, 3, 4]}}", text)) == (0, 3)


def test_files_that_a_sweep_goes_through_are_in_its_folder_and_part_of_its_points(tmp_path):
    text = FILE.replace("v: rand()", "v: {file: one.csv}")
    for name, first in (("one", 0.1), ("two", 0.5)):
        (tmp_path / f"{name}.csv").write_text(f"{first}\n0.2\n")
    sweep = "{axes: {groups.cells.initial.v.file: [one.csv, ./two.csv]}}"
    outcome = swept(tmp_path, sweep, text)
    assert (outcome.folder / "two.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    stored = check_sweep(pipeline.check(pipeline.read(outcome.folder / "experiment.yaml")))
    assert run_sweep(stored, tmp_path / "other", RunOptions(plots=False), workers=1).digest == outcome.digest
    assert counts(swept(tmp_path, sweep, text)) == (0, 0)
    (tmp_path / "two.csv").write_text("0.9\n0.2\n")
    assert counts(swept(tmp_path, sweep, text)) == (1, 1)


def test_a_sweep_that_calls_python_takes_nothing_over(tmp_path):
    (tmp_path / "hooks.py").write_text("def look(network):\n    pass\n")
    text = FILE + "operations: {look: {call: 'hooks.py:look', every: 5 ms}}\n"
    sweep = sweep_of(tmp_path, "{axes: {gain: [1.5, 3]}}", text)
    assert point_keys(sweep) is None


def test_folders_of_points_are_taken_over_when_they_are_whole(tmp_path):
    first = swept(tmp_path, "{axes: {gain: [1.5, 3]}, keep: results}")
    (point_place(first.folder, 0) / "results.h5").write_bytes(b"")
    outcome = swept(tmp_path, "{axes: {tau: [20 ms, 10 ms], gain: [1.5, 3]}, keep: results}")
    assert counts(outcome) == (1, 3)
    fresh = swept(tmp_path, "{axes: {tau: [20 ms, 10 ms], gain: [1.5, 3]}, keep: results}", out="other")
    assert outcome.digest == fresh.digest
    assert sorted(p.name for p in point_place(outcome.folder, 3).iterdir()) == sorted(
        p.name for p in point_place(fresh.folder, 3).iterdir()
    )
    # Metrics alone are taken from a sweep that keeps results, not the other way round.
    assert counts(swept(tmp_path, "{axes: {gain: [3, 5]}}")) == (1, 1)
    swept(tmp_path, "{axes: {gain: [7, 8]}}")
    assert counts(swept(tmp_path, "{axes: {gain: [7, 9]}, keep: results}")) == (0, 2)


def test_a_taking_over_that_was_cut_short_goes_on(tmp_path):
    first = swept(tmp_path, "{axes: {gain: [1.5, 3, 4]}}")
    sweep = sweep_of(tmp_path, "{axes: {gain: [1.5, 3, 4, 5]}}")
    place, _ = create_sweep_folder(sweep, tmp_path / "out", RunOptions())
    assert earlier.take_over(sweep, place.path) == 3
    journal = next((place.path / "journal").iterdir())
    whole = journal.read_bytes()
    journal.write_bytes(whole[: whole.index(b"\n") + 40])  # one line and a part of the next
    outcome = swept(tmp_path, "{axes: {gain: [1.5, 3, 4, 5]}}")
    assert counts(outcome) == (2, 1)
    shutil.rmtree(first.folder)
    shutil.rmtree(outcome.folder)
    assert swept(tmp_path, "{axes: {gain: [1.5, 3, 4, 5]}}").digest == outcome.digest


@pytest.mark.parametrize(
    ("sweep", "changes", "same"),
    [
        ("{axes: {tau: [5 ms]}}", {"tau: 10 ms": "tau: 0.005*second"}, False),  # an expression is taken as it stands
        ("{axes: {tau: [5 ms]}}", {"tau: 10 ms": "tau: 5000.0 us"}, True),
        ("{axes: {tau: {linspace: [5 ms, 5.0 ms], num: 2}}}", {"tau: 10 ms": "tau: 5 ms"}, True),
        ("{axes: {gain: [2.0]}}", {}, False),  # a number of another kind
        ("{axes: {groups.cells.initial: [{v: 0.5, w: 1}]}}", {"rand()": "0.5"}, True),
        ("{axes: {groups.cells.initial: [{w: 1, v: 0.5}]}}", {"rand()": "0.5"}, False),  # in another order
        ("{axes: {groups.cells.refractory: [1 ms]}}", {"    reset": "    refractory: 1 ms\n    reset"}, False),
    ],
)
def test_keys_are_those_of_the_file_at_the_point(tmp_path, sweep, changes, same):
    text = FILE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    ours = point_keys(sweep_of(tmp_path, sweep)).of((0,))
    theirs = point_keys(sweep_of(tmp_path, "{axes: {growth: [0 Hz]}}", text)).of((0,))
    assert (ours == theirs) is same


def seeds(outcome):
    table = read_sweep(outcome.folder)
    assert [c.name for c in table.coordinates if not c.axis] == ["seed"]
    return next(np.asarray(c.values) for c in table.coordinates if c.name == "seed")


def test_each_point_has_a_seed_of_its_own_that_more_points_do_not_change(tmp_path):
    small = swept(tmp_path, "{axes: {gain: [1.5, 3]}, repeat: {num: 2, seeds: each}}")
    first = seeds(small)
    assert first.shape == (2, 2)
    assert len(np.unique(first)) == 4
    grown = swept(tmp_path, "{axes: {tau: [20 ms, 10 ms], gain: [4, 3, 1.5]}, repeat: {num: 3, seeds: each}}")
    assert counts(grown) == (4, 14)
    assert (seeds(grown)[1, ::-1, :2][:2] == first).all()
    assert len(np.unique(seeds(grown))) == 18
    table = read_sweep(grown.folder)
    assert [axis.name for axis in table.axes] == ["tau", "gain", "repeat"]
    assert table.axes[2].values.tolist() == [1, 2, 3]


def test_a_point_with_a_seed_of_its_own_is_the_run_alone_with_that_seed(tmp_path):
    outcome = swept(tmp_path, "{axes: {gain: [1.5, 3, 4, 5]}, repeat: {seeds: each}}")
    found = seeds(outcome)
    levels = read_sweep(outcome.folder).metrics["level"][0]
    for k, gain in enumerate(("1.5", "3", "4", "5")):
        (tmp_path / "alone.yaml").write_text(FILE)
        checked = pipeline.check(pipeline.read(tmp_path / "alone.yaml", [f"gain={gain}", f"seed={found[k]}"]))
        assert pipeline.run(checked, tmp_path / "alone", RunOptions(plots=False)).metrics["level"][0] == levels[k]
    rows = (outcome.folder / "points.csv").read_text().splitlines()
    assert rows[0] == "point,gain,seed,n,level,status"
    assert rows[1].split(",")[2] == str(found[0])


def test_another_seed_of_the_file_gives_other_seeds_and_common_ones_are_the_same_everywhere(tmp_path):
    sweep = "{axes: {gain: [1.5, 3]}, repeat: {num: 2, seeds: each}}"
    plans = [sweep_of(tmp_path, sweep, f"seed: {k}\n{FILE}").plan for k in (1, 2)]
    found = [[plan.seed_of(plan.index(k)) for k in range(4)] for plan in plans]
    assert not set(found[0]) & set(found[1])
    for repeat in ("2", "{num: 2}", "{num: 2, seeds: common}"):
        common = sweep_of(tmp_path, f"{{axes: {{gain: [1.5, 3]}}, repeat: {repeat}}}").plan
        assert [p.shown["seed"] for p in common.points()] == ["1", "2", "1", "2"]

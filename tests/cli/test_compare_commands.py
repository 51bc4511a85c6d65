"""`snnrun list`, `diff`, `verify` and `best`."""

import csv
import json
import os
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest
from cli_experiments import SMALL, write

from snnrun import __version__

SWEEP = (
    SMALL
    + """\
  cv: cv_isi(out)
sweep:
  axes: {drive: [1.5, 2, 3], tau: [5 ms, 10 ms]}
  repeat: 2
"""
)


@pytest.fixture
def run(snnrun, place):
    """Run an experiment and give its folder."""

    def call(text, name, *words):
        file = write(place / f"{name}.yaml", text)
        said = snnrun("run", file, "--no-plots", "--json", *words)
        assert said.code == 0, said.err
        return Path(json.loads(said.out)["folder"])

    return call


def tampered(folder, path, change):
    """Change recorded data, and everything that would give it away as damage."""
    with h5py.File(folder / "results.h5", "r+") as file:
        values = file[path][...]
        change(values)
        file[path][...] = values
    done = json.loads((folder / "DONE.json").read_text())
    done["files"].pop("results.h5")
    (folder / "DONE.json").write_text(json.dumps(done))


def rows_of(text):
    return [line.split() for line in text.strip().splitlines()]


# list


def test_list_shows_runs_and_sweeps_with_metrics_in_readable_units(snnrun, run):
    folder, sweep = run(SMALL, "small"), run(SWEEP, "swept")
    said = snnrun("list")
    assert (said.code, said.err) == (0, "")
    head, *rows = rows_of(said.out)
    assert head[:2] == ["name", "hash"]
    assert "[Hz]" in head
    assert {row[1] for row in rows} == {folder.name, sweep.name}
    rate = json.loads((folder / "metrics.json").read_text())["rate"]["value"]
    assert f"{rate:.5g}" in next(row for row in rows if row[1] == folder.name)
    assert "12" in next(row for row in rows if row[1] == sweep.name)


def test_list_as_json_has_si_values(snnrun, run):
    folder = run(SMALL, "small")
    found = json.loads(snnrun("list", "--json").out)
    (entry,) = found["results"]
    assert (Path(entry["folder"]), entry["kind"], entry["status"]) == (folder, "run", "complete")
    assert entry["metrics"]["rate"] == json.loads((folder / "metrics.json").read_text())["rate"]
    assert found["unfinished"] == []


def test_list_filters_by_conditions_with_units_and_sorts_by_formulas(snnrun, run):
    rates = {}
    for drive in (1.5, 2, 3):
        folder = run(SMALL, "small", "--set", f"drive={drive}")
        rates[folder.name] = json.loads((folder / "metrics.json").read_text())["rate"]["value"]
    between = sorted(rates.values())[1]

    def hashes(*words):
        said = snnrun("list", "--json", *words)
        assert said.code == 0, said.err
        return [entry["hash"] for entry in json.loads(said.out)["results"]]

    assert len(set(rates.values())) == 3
    assert set(hashes("--where", "rate + 0 >= 0 and 0 <= rate")) == set(rates)
    assert set(hashes("--where", f"rate > {between} Hz")) == {h for h, r in rates.items() if r > between}
    assert set(hashes("--where", f"rate*s <= {between} and drive < 2.5")) == {
        h for h, r in rates.items() if r <= between
    }
    assert hashes("--sort", "rate") == sorted(rates, key=rates.get)
    assert hashes("--sort=-rate", "--limit", 1) == [max(rates, key=rates.get)]
    assert hashes("--where", "drive == 2 and tau == 0.01 s") != []


def test_results_without_a_number_are_named_and_left_out(snnrun, run):
    good = run(SMALL, "small")
    vector = run(SMALL.replace("mean_rate(out)", "rates(out)").replace("small", "vector"), "vector")
    none = run(SMALL.partition("metrics")[0].replace("small", "none"), "none")
    for words in (["list", "--where", "rate >= 0 Hz", "--json"], ["best", "outputs", "--by", "rate", "--json"]):
        said = snnrun(*words)
        assert said.code == 0
        found = json.loads(said.out)
        assert [entry["folder"] for entry in found.get("results", found.get("best"))] == [str(good)]
        assert {Path(one["folder"]).parent.name: one["why"] for one in found["left_out"]} == {
            "none": "it has no `rate`",
            "vector": "`rate` has many values a run; one is wanted here",
        }
    said = snnrun("list", "--where", "rate >= 0 Hz")
    assert f"left out: {none}: it has no `rate`" in said.err
    assert f"left out: {vector}: `rate` has many values" in said.err
    only = snnrun("list", vector.parent, "--where", "rate >= 0 Hz")
    assert (only.code, "error[CMP203]" in only.err) == (2, True)


def test_columns_are_chosen_by_name_or_formula(snnrun, run):
    run(SMALL, "small", "--set", "drive=2")
    said = snnrun("list", "--columns", "name, rate, drive, max(rate, 1 Hz)/Hz")
    head, row = said.out.splitlines()
    assert head.split("  ")[0] == "name"
    assert [head.index(text) for text in ("rate [Hz]", "drive", "max(rate, 1 Hz)/Hz")] == sorted(
        head.index(text) for text in ("rate [Hz]", "drive", "max(rate, 1 Hz)/Hz")
    )
    assert row.split()[0] == "small"
    assert row.split()[2] == "2"
    assert "did you mean `rate`?" in snnrun("list", "--columns", "rat").err
    assert snnrun("list", "--columns", "rate", "--json").code == 2


def test_a_table_fits_its_terminal(snnrun, run, monkeypatch):
    run(SMALL, "small")
    run(SMALL.replace("small", "a-name-of-an-experiment-that-is-rather-long"), "long")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    for width in (40, 60):
        monkeypatch.setenv("COLUMNS", str(width))
        said = snnrun("list")
        assert max(map(len, said.out.splitlines())) <= width
        assert "no room for: " in said.err
        assert "when" in said.err
    assert " when " in snnrun("list", "--wide").out


@pytest.mark.parametrize(
    ("where", "code", "text"),
    [
        ("rat > 10 Hz", "CMP201", "did you mean `rate`?"),
        ("rate > 10", "EQ203", "cannot compare a frequency [Hz] and dimensionless"),
        ("rate > 10 mV", "EQ203", "cannot compare"),
        ("rate", "CMP202", "compare it: `rate > 10 Hz`"),
        ("rate >", "EQ103", "the text ends"),
        ("__import__('os')", "EQ101", "no strings"),
        ("open(rate)", "EQ202", "there is no function `open`"),
        ("rate > 10 Hz and 3", "CMP202", "a number where a condition is wanted"),
    ],
)
def test_wrong_conditions_are_shown_with_their_place(snnrun, run, where, code, text):
    run(SMALL, "small")
    said = snnrun("list", "--where", where)
    assert (said.code, said.out) == (2, "")
    assert f"error[{code}]" in said.err
    assert "--where:1:" in said.err
    assert text in said.err


def test_list_of_nothing_says_so(snnrun, place):
    said = snnrun("list")
    assert said.code == 4
    assert "there is no folder `outputs`" in said.err
    (place / "outputs").mkdir()
    said = snnrun("list")
    assert (said.code, said.out) == (0, "")
    assert "no results" in said.err


def test_list_names_what_is_not_finished(snnrun, run):
    folder = run(SMALL, "small")
    (folder / "DONE.json").unlink()
    assert str(folder) in snnrun("list").err
    assert json.loads(snnrun("list", "--json").out)["unfinished"] == [str(folder)]


def test_points_of_a_sweep_that_goes_on_are_no_runs(snnrun, run, place):
    folder = run(SWEEP + "  keep: results\n", "kept")
    (folder / "DONE.json").unlink()
    found = json.loads(snnrun("list", "--json").out)
    assert found["results"] == []
    assert found["unfinished"] == [str(folder)]
    # A folder of the user's that happens to hold an `experiment.yaml` is looked into.
    write(place / "experiment.yaml", SMALL)
    assert json.loads(snnrun("list", ".", "--json").out)["unfinished"] == [str(folder)]


def test_tables_hold_no_colour_in_pipes(snnrun, run, monkeypatch):
    run(SMALL, "small")
    assert "\x1b" not in snnrun("list").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in snnrun("list").out


# diff


def test_diff_of_two_spellings_is_nothing(snnrun, place):
    a = write(place / "a.yaml", SMALL)
    b = write(place / "b.yaml", SMALL.replace("tau: 10 ms", "tau: 0.01*second").replace("v > 1", "(v>1)"))
    said = snnrun("diff", a, b)
    assert (said.code, said.err) == (0, "")
    assert "same in meaning" in said.out
    assert json.loads(snnrun("diff", a, b, "--json").out) == {
        "command": "diff",
        "exit_code": 0,
        "errors": [],
        "same": True,
        "a": str(a),
        "b": str(b),
        "differences": [],
    }


def test_diff_names_what_differs_and_exits_1(snnrun, place):
    a, b = write(place / "a.yaml", SMALL), write(place / "b.yaml", SMALL.replace("tau: 10 ms", "tau: 20 ms"))
    said = snnrun("diff", a, b)
    assert said.code == 1
    assert rows_of(said.out)[-1] == ["constants.tau", "10", "ms", "20", "ms"]
    found = json.loads(snnrun("diff", a, b, "--json").out)
    assert found["differences"] == [{"place": "constants.tau", "a": "10 ms", "b": "20 ms"}]


def test_diff_shows_long_values_where_they_differ(snnrun, place):
    files = [write(place / f"{end}.yaml", f"{SMALL}description: {'very ' * 100}{end}\n") for end in ("long", "short")]
    said = snnrun("diff", *files).out
    assert "…very very" in said
    assert said.rstrip().endswith("very short")
    assert len(said.splitlines()[1]) < 400
    assert "very " * 100 + "long" in snnrun("diff", *files, "--wide").out
    found = json.loads(snnrun("diff", *files, "--json").out)["differences"]
    assert [d["a"] for d in found] == ["very " * 100 + "long"]


def test_diff_of_runs_shows_metrics_side_by_side(snnrun, run):
    a, b = run(SMALL, "small"), run(SMALL, "small", "--set", "drive=3")
    said = snnrun("diff", a, b)
    assert said.code == 1
    rates = [json.loads((f / "metrics.json").read_text())["rate"]["value"] for f in (a, b)]
    (pair,) = json.loads(snnrun("diff", a, b, "--json").out)["metrics"]
    assert pair["relative"] == pytest.approx(rates[1] / rates[0] - 1)
    assert f"{pair['relative'] * 100:+.3g} %" in said.out
    assert "the recorded data differ" in said.out


def test_diff_of_a_file_and_its_run_is_nothing(snnrun, run, place):
    folder = run(SMALL, "small")
    assert snnrun("diff", place / "small.yaml", folder).code == 0
    assert snnrun("diff", folder, folder).code == 0
    assert "bit for bit" in snnrun("diff", folder, folder).out


def test_diff_of_sweeps_compares_tables(snnrun, run):
    a, b = run(SWEEP, "a"), run(SWEEP.replace("size: 3", "size: 4"), "b")
    found = json.loads(snnrun("diff", a, b, "--json").out)
    rate = next(m for m in found["metrics"] if m["name"] == "rate")
    assert not rate["same"]
    tables = [np.array(json.loads((f / "metrics.json").read_text())["metrics"]["rate"]["values"]) for f in (a, b)]
    relative = (tables[1] - tables[0]) / tables[0]
    assert abs(rate["relative"]) == pytest.approx(np.abs(relative).max())
    assert relative[tuple(rate["place"])] == pytest.approx(rate["relative"])


def test_diff_of_a_wrong_file_shows_its_errors(snnrun, place):
    a, b = write(place / "a.yaml", SMALL), write(place / "b.yaml", SMALL.replace("v > 1", "w > 1"))
    said = snnrun("diff", a, b)
    assert said.code == 2
    assert "b.yaml:11" in said.err
    assert snnrun("diff", a, place / "nothing.yaml").code == 2


# verify


def test_a_run_is_verified_bit_equal(snnrun, run):
    folder = run(SMALL, "small")
    said = snnrun("verify", folder)
    assert said.code == 0
    assert "bit-equal" in said.out
    assert json.loads(snnrun("verify", folder, "--json").out)["equal"] is True
    assert sorted(p.name for p in folder.parent.iterdir()) == [folder.name, "latest"]


def test_verify_names_the_first_spike_that_differs(snnrun, run):
    folder = run(SMALL, "small")
    with h5py.File(folder / "results.h5") as file:
        times, ids = file["snnrun/spikes/out/timestamps"][...], file["snnrun/spikes/out/node_ids"][...]
    assert len(times) > 6
    tampered(folder, "snnrun/spikes/out/timestamps", lambda values: values.__setitem__(5, values[5] + 0.1))
    said = snnrun("verify", folder)
    assert said.code == 1
    first = json.loads(snnrun("verify", folder, "--json").out)["mismatches"][0]["first"]
    assert first["dataset"] == "spikes/out"
    assert first["time_s"] == pytest.approx(times[5] * 1e-3)
    assert first["element"] == ids[5]
    assert f"neuron {ids[5]}" in said.out
    assert "spikes/out" in said.out


STATE = SMALL.replace("metrics:", "metrics:\n  top: max(v)").replace(
    "  out: {kind: spikes, source: cells}\n",
    "  out: {kind: spikes, source: cells}\n  v: {kind: state, source: cells, variables: [v]}\n",
)


def test_verify_names_the_first_sample_and_the_neuron(snnrun, run):
    folder = run(STATE, "state")

    def change(values):
        values[200, 2] = np.nextafter(values[200, 2], 1)
        values[300, 0] += 1

    tampered(folder, "snnrun/states/v/v", change)
    said = snnrun("verify", folder, "--json")
    assert said.code == 1
    first = json.loads(said.out)["mismatches"][0]["first"]
    assert (first["dataset"], first["element"]) == ("snnrun/states/v/v", 2)
    assert first["time_s"] == pytest.approx(20e-3)
    assert first["stored"] == np.nextafter(first["now"], 1)


@pytest.mark.parametrize("harm", ["change", "truncate", "remove"])
def test_a_damaged_folder_is_reported_and_not_run(snnrun, run, harm):
    folder = run(SMALL, "small")
    file = folder / "metrics.json"
    if harm == "change":
        file.write_text(file.read_text().replace("rate", "ratE"))
    elif harm == "truncate":
        file.write_text(file.read_text()[:-3])
    else:
        file.unlink()
    said = snnrun("verify", folder)
    assert said.code == 1
    assert "is damaged" in said.out
    assert "metrics.json" in said.out
    found = json.loads(snnrun("verify", folder, "--json").out)
    assert [item["file"] for item in found["damage"]] == ["metrics.json"]
    assert (found["equal"], found["checked"]) == (False, 0)


def test_a_sweep_is_verified_by_some_of_its_points_or_all(snnrun, run):
    folder = run(SWEEP, "swept")
    some = json.loads(snnrun("verify", folder, "--json").out)
    assert (some["equal"], some["checked"], some["of"]) == (True, 5, 12)
    every = json.loads(snnrun("verify", folder, "--all", "--json").out)
    assert (every["equal"], every["checked"]) == (True, 12)


def test_verify_names_the_point_and_the_metric_that_differ(snnrun, run):
    folder = run(SWEEP, "swept")
    with h5py.File(folder / "sweep.h5", "r+") as file:
        values = file["rate"][...]
        values[1, 0, 1] = np.nextafter(values[1, 0, 1], 0)
        file["rate"][...] = values
    done = json.loads((folder / "DONE.json").read_text())
    done["files"].pop("sweep.h5")
    (folder / "DONE.json").write_text(json.dumps(done))
    said = snnrun("verify", folder, "--all", "--json")
    assert said.code == 1
    (mismatch,) = json.loads(said.out)["mismatches"]
    assert mismatch["place"] == "point 5 (drive = 2, tau = 5 ms, seed = 2)"
    assert list(mismatch["metrics"]) == ["rate"]
    assert mismatch["metrics"]["rate"]["stored"] == np.nextafter(mismatch["metrics"]["rate"]["now"], 0)


def test_verify_says_that_version_and_processor_differ(snnrun, run):
    folder = run(SMALL, "small")
    done = json.loads((folder / "DONE.json").read_text())
    done["versions"]["snnrun"] = "0.0.1"
    done["files"].pop("provenance.json")
    (folder / "DONE.json").write_text(json.dumps(done))
    provenance = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps({**provenance, "processor": "another one"}))
    said = snnrun("verify", folder)
    assert said.code == 0
    assert "made by snnrun 0.0.1" in said.err
    assert "another one" in said.err


def test_verify_of_an_affected_old_folder_says_why_it_differs(snnrun, run):
    folder = run(
        SMALL.replace("kind: spikes, source: cells", "kind: spikes, source: cells, counts_only: true"), "small"
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    tampered(folder, "snnrun/metrics/rate", lambda rate: rate.fill(0))
    done = json.loads((folder / "DONE.json").read_text())
    for version, is_old in (("0.1.0", True), (__version__, False)):
        (folder / "DONE.json").write_text(json.dumps(done | {"versions": {"snnrun": version}}))
        said = snnrun("verify", folder)
        assert said.code == 1
        assert f"rate: 0.0 stored, {metrics['rate']['value']!r} now" in said.out
        assert (f"made by snnrun 0.1.0, this is {__version__}" in said.out) == is_old
        assert ("metrics and `stop_when` of `counts_only` monitors were 0" in said.out) == is_old
        assert bool(json.loads(snnrun("verify", folder, "--json").out)["faults"]) == is_old


def test_verify_of_an_old_file_that_is_refused_now_says_so(snnrun, run):
    folder = run(SMALL, "small")
    done = json.loads((folder / "DONE.json").read_text())
    text = (folder / "experiment.yaml").read_text()
    (folder / "experiment.yaml").write_text(text.replace("method: exact", "method: nonsense"))
    del done["files"]["experiment.yaml"]
    (folder / "DONE.json").write_text(json.dumps(done | {"versions": {"snnrun": "0.1.0"}}))
    said = snnrun("verify", folder)
    assert said.code == 2
    assert "warning[CMP303]: snnrun 0.1.0 took this file" in said.err


def test_a_sweep_that_keeps_results_is_verified_bit_by_bit(snnrun, run):
    folder = run(SWEEP + "  keep: results\n", "kept")
    assert json.loads(snnrun("verify", folder, "--json").out)["equal"] is True
    tampered(
        folder / "points" / "00000",
        "snnrun/spikes/out/node_ids",
        lambda values: values.__setitem__(0, (values[0] + 1) % 3),
    )
    done = json.loads((folder / "DONE.json").read_text())
    done["files"] = {name: fact for name, fact in done["files"].items() if not name.startswith("points/00000")}
    (folder / "DONE.json").write_text(json.dumps(done))
    said = snnrun("verify", folder, "--json")
    assert said.code == 1
    (mismatch,) = json.loads(said.out)["mismatches"]
    assert mismatch["place"].startswith("point 0 (")
    assert mismatch["first"]["dataset"] == "spikes/out"


# best


def test_best_names_the_points_in_order_and_what_to_type(snnrun, run, monkeypatch):
    folder = run(SWEEP, "swept")
    with (folder / "points.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    by_rate = sorted(range(len(rows)), key=lambda k: -float(rows[k]["rate [Hz]"]))
    said = snnrun("best", folder, "--by", "rate", "--json", "--top", 3)
    found = json.loads(said.out)
    assert found["of"] == 12
    assert [item["value"] for item in found["best"]] == [float(rows[k]["rate [Hz]"]) for k in by_rate[:3]]
    best = found["best"][0]
    assert best["point"] == by_rate[0]
    assert best["parameters"]["drive"] == "3"
    text = snnrun("best", folder, "--by", "rate")
    assert shlex.split(text.err.strip().splitlines()[-1]) == best["command"]
    # The command runs that point alone: the same metric, bit for bit.
    alone = snnrun(*best["command"][1:], "--json", "--no-plots")
    assert json.loads(alone.out)["metrics"]["rate"]["value"] == best["value"]


def test_best_rounds_long_numbers_in_the_table_and_not_in_the_command(snnrun, run):
    folder = run(SWEEP.replace("tau: [5 ms, 10 ms]", "tau: {logspace: [5 ms, 10 ms], num: 3}"), "logs")
    said = snnrun("best", folder, "--by=-abs(drive - 2)*s - abs(tau - 7*ms)", "--top", 1)
    assert " 7.07107 ms " in said.out
    assert "'tau=7.0710678118654" in said.err


def test_best_takes_formulas_conditions_and_the_smallest(snnrun, run):
    folder = run(SWEEP, "swept")
    found = json.loads(snnrun("best", folder, "--by", "rate*tau", "--min", "--where", "drive > 1.9", "--json").out)
    assert found["of"] == 8
    assert found["best"][0]["unit"] == "1"
    assert all(item["parameters"]["drive"] != "1.5" for item in found["best"])
    values = [item["value"] for item in found["best"]]
    assert values == sorted(values)


def test_best_of_runs_below_a_folder(snnrun, run):
    folders = [run(SMALL, "small", "--set", f"drive={drive}") for drive in (1.5, 3)]
    found = json.loads(snnrun("best", "outputs", "--by", "rate", "--json").out)
    assert Path(found["best"][0]["folder"]) == folders[1]
    assert found["best"][0]["point"] is None
    assert found["best"][0]["command"] == ["snnrun", "run", str(folders[1] / "experiment.yaml")]


def test_best_by_an_unknown_metric_says_what_there_is(snnrun, run):
    folder = run(SWEEP, "swept")
    said = snnrun("best", folder, "--by", "rates")
    assert said.code == 2
    assert "did you mean `rate`?" in said.err


@pytest.mark.parametrize("command", [["verify"], ["best", "--by", "rate"]])
def test_wrong_folders_are_named(snnrun, run, place, command):
    folder = run(SMALL, "small")
    name, *rest = command
    said = snnrun(name, place / "outputs" / "smal", *rest)
    assert said.code == 4
    assert "did you mean `small`?" in said.err
    (place / "empty").mkdir()
    assert snnrun(name, place / "empty", *rest).code == 4
    if name == "verify":
        said = snnrun(name, folder.parent)
        assert said.code == 4
        assert "not a folder of results" in said.err
        assert str(folder) in said.err
        (folder / "DONE.json").unlink()
        assert "not finished" in snnrun(name, folder).err


@pytest.mark.parametrize("words", [["list", "--help"], ["diff", "--help"]])
def test_help_of_the_new_commands_answers(snnrun, words):
    said = snnrun(*words)
    assert said.code == 0
    assert "--json" in said.out


def test_looking_at_results_imports_no_compiler(process, run):
    run(SMALL, "small")
    script = (
        "import sys; sys.argv = ['snnrun', 'list']; from snnrun.cli.main import main\n"
        "try: main()\n"
        "finally: print('llvmlite' in sys.modules, 'matplotlib' in sys.modules, file=sys.stderr)"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stderr.split()[-2:] == ["False", "False"]

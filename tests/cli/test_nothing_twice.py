"""Nothing is simulated twice: complete results stay, and a change of the presentation is made from recorded data."""

import json
from pathlib import Path

import pytest
from cli_experiments import SMALL, place_in, write

from snnrun.engine.driver import Simulation
from snnrun.running import again, drawing
from snnrun.sweep.claims import Claims

RASTER = SMALL + "plots:\n  - {kind: raster, monitor: out}\n"
SWEEP = SMALL + "sweep: {axes: {drive: [1.5, 2, 3]}}\n"
KEPT = SMALL + "sweep: {axes: {drive: [1.5, 3]}, keep: results}\n"
OTHER_METRIC = ("rate: mean_rate(out)", "n: count(out)")


@pytest.fixture
def simulations(monkeypatch):
    """The number of simulations in this process, as a list of one number."""
    number = [0]
    run = Simulation.run

    def counted(self, *args):
        number[0] += 1
        return run(self, *args)

    monkeypatch.setattr(Simulation, "run", counted)
    return number


@pytest.fixture
def ran(snnrun, place):
    """Run an experiment; what `--json` prints."""

    def call(text, *words, code=0):
        said = snnrun("run", write(place / "one.yaml", text), "--json", *words)
        assert said.code == code, said.err
        return json.loads(said.out)

    return call


def pictures(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.png"))


def test_a_complete_run_is_said_to_be_complete_and_force_runs_it_again(snnrun, small, simulations):
    first = snnrun("run", small)
    second = snnrun("run", small)
    assert simulations == [1]
    assert "nothing to run: the results are complete (`--force` runs it again)" in second.err
    for line in ("rate = ", "spikes of 3 neurons", "plots/raster.png"):
        assert line in first.err
        assert line in second.err
    reports = [json.loads(snnrun("run", small, "--json", *words).out) for words in ([], ["--force"], ["--profile"])]
    assert [report["simulated"] for report in reports] == [False, True, True]
    assert simulations == [3]
    assert len({(r["digest"], str(r["counts"]), str(r["metrics"]), r["folder"]) for r in reports}) == 1


def test_other_plots_and_words_are_drawn_without_a_simulation_and_no_old_picture_stays(ran, snnrun, simulations):
    first = ran(RASTER, "--format", "png", "--format", "pdf")
    folder = Path(first["folder"])
    (folder / "notes.txt").write_text("mine")
    file = (folder / "results.h5").stat().st_ino
    second = ran(RASTER.replace("name: small", "name: small\ndescription: three").replace("raster", "isi"))
    assert (second["simulated"], second["folder"], second["digest"]) == (False, first["folder"], first["digest"])
    assert sorted(path.name for path in (folder / "plots").iterdir()) == ["isi.png"]
    assert (folder / "results.h5").stat().st_ino == file  # not even copied
    assert (folder / "notes.txt").read_text() == "mine"
    assert "description: three" in (folder / "experiment.yaml").read_text()
    assert "`description` and `plots` changed" in (folder / "run.log").read_text()
    assert ran(RASTER, "--no-plots")["pictures"] == []
    assert not (folder / "plots").exists()
    assert simulations == [1]
    assert snnrun("verify", folder).code == 0


def test_other_metrics_are_computed_from_recorded_data_and_every_command_shows_them(ran, snnrun, simulations, place):
    first = ran(SMALL, "--no-plots")
    second = ran(SMALL.replace(*OTHER_METRIC), "--no-plots")
    assert (second["simulated"], list(second["metrics"])) == (False, ["n"])
    assert second["folder"] == first["folder"]
    (listed,) = json.loads(snnrun("list", "--json").out)["results"]
    assert list(listed["metrics"]) == ["n"]
    assert snnrun("verify", second["folder"]).code == 0
    simulations[0] = 0
    fresh = ran(SMALL.replace(*OTHER_METRIC), "--no-plots", "--out", "other")
    assert (simulations, fresh["simulated"]) == ([1], True)
    assert (fresh["metrics"], fresh["digest"]) == (second["metrics"], second["digest"])
    said = snnrun("diff", second["folder"], fresh["folder"])
    assert said.code == 0, said.out
    assert ran(SMALL, "--no-plots", "--set", "metrics.twice=2*rate")["metrics"]["twice"]["value"] == pytest.approx(
        2 * first["metrics"]["rate"]["value"]
    )
    assert (
        "`cells.v` at the end of the run is not recorded"
        in snnrun("run", place / "one.yaml", "--no-plots", "--set", "metrics.end=mean(cells.v)").err
    )


def test_pictures_that_are_missing_damaged_or_of_another_size_are_drawn(ran, snnrun, simulations):
    folder = Path(ran(RASTER, "--no-plots")["folder"])
    assert len(ran(RASTER)["pictures"]) == 1
    whole = (folder / "plots/raster.png").read_bytes()
    assert len(ran(RASTER, "--format", "svg")["pictures"]) == 2
    (folder / "plots/raster.png").write_bytes(whole[:100])
    ran(RASTER)
    assert (folder / "plots/raster.png").read_bytes() == whole
    assert snnrun("plot", folder, "--size", "column").code == 0
    assert (folder / "plots/raster.png").read_bytes() != whole
    ran(RASTER)
    assert (folder / "plots/raster.png").read_bytes() == whole
    assert simulations == [1]


def test_another_style_file_of_the_same_name_draws_again(ran, place, simulations):
    styled = RASTER.replace("monitor: out}", "monitor: out, style: my.mplstyle}")
    write(place / "my.mplstyle", "axes.facecolor: white\n")
    folder = Path(ran(styled)["folder"])
    before = (folder / "plots/raster.png").read_bytes()
    write(place / "my.mplstyle", "axes.facecolor: grey\n")
    assert ran(styled)["folder"] == str(folder)
    assert (folder / "plots/raster.png").read_bytes() != before
    assert simulations == [1]


def test_an_error_or_a_kill_while_presenting_leaves_the_old_results_whole(ran, snnrun, place, monkeypatch):
    folder = Path(ran(RASTER)["folder"])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def killed(*_args, **_options):
        raise SystemExit(9)

    changed = RASTER.replace(*OTHER_METRIC).replace("raster", "isi")
    with monkeypatch.context() as patch:
        patch.setattr(again, "draw_after_run", killed)
        assert snnrun("run", write(place / "one.yaml", changed)).code == 9
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert snnrun("verify", folder).code == 0
    assert (ran(changed)["simulated"], pictures(folder)) == (False, ["plots/isi.png"])


def test_pictures_that_could_not_be_drawn_are_drawn_the_next_time(ran, snnrun, place, monkeypatch, simulations):
    folder = Path(ran(RASTER)["folder"])
    changed = RASTER.replace("raster", "isi")
    with monkeypatch.context() as patch:
        patch.setattr(drawing, "draw", lambda *_args, **_options: 1 / 0)
        assert snnrun("run", write(place / "one.yaml", changed)).code == 70
    assert pictures(folder) == []
    assert ran(changed)["simulated"] is False
    assert pictures(folder) == ["plots/isi.png"]
    assert simulations == [1]


def test_a_changed_program_and_python_functions_are_no_reason_to_trust_results(ran, snnrun, place, monkeypatch):
    assert ran(SMALL, "--no-plots")["simulated"]
    with monkeypatch.context() as patch:
        patch.setattr(again, "source_hash", lambda: "another")
        assert ran(SMALL, "--no-plots")["simulated"]
    write(place / "hook.py", "def poke(network, t):\n    pass\n")
    hooked = SMALL + 'operations: {poke: {every: 10 ms, call: "hook.py:poke"}}\n'
    assert ran(hooked, "--no-plots", "--allow-code")["simulated"]
    said = snnrun("run", place / "one.yaml", "--no-plots", "--allow-code")
    assert "it calls Python functions, which may read anything" in said.err


# sweeps


def test_other_plots_of_a_sweep_are_drawn_without_a_point(ran, snnrun, simulations, place):
    first = ran(SWEEP)
    simulations[0] = 0
    assert (
        "nothing to run: all 3 points were done before; `--force` runs them again"
        in snnrun("run", place / "one.yaml").err
    )
    second = ran(SWEEP + "plots:\n  - {kind: sweep, x: drive, y: rate, name: mine}\n")
    assert (second["folder"], second["ran"]) == (first["folder"], 0)
    assert pictures(second["folder"]) == ["plots/mine.png"]
    assert "tables and pictures were made again" in snnrun("run", write(place / "one.yaml", SWEEP)).err
    assert simulations == [0]
    assert snnrun("verify", first["folder"]).code == 0
    simulations[0] = 0
    assert ran(SWEEP, "--force", "--no-plots")["ran"] == 3
    assert simulations == [3]
    more = ran(SWEEP.replace(*OTHER_METRIC), "--no-plots")  # nothing else was recorded
    assert (more["ran"], more["folder"] != first["folder"]) == (3, True)


def test_points_that_keep_their_results_are_presented_again_back_and_forth(ran, snnrun, simulations):
    first = ran(KEPT, "--workers", "1")
    folder = first["folder"]
    before = pictures(folder)
    assert before == ["plots/rasters.png", "plots/rate.png", *(f"points/{k:05}/plots/raster.png" for k in range(2))]
    simulations[0] = 0
    second = ran(KEPT.replace(*OTHER_METRIC) + "plots:\n  - {kind: isi, monitor: out}\n", "--workers", "1")
    assert (second["folder"], second["ran"], second["presented"]) == (folder, 2, 2)
    assert pictures(folder) == [f"points/{k:05}/plots/isi.png" for k in range(2)]
    assert Path(folder, "points.csv").read_text().startswith("point,drive,n,status\n")
    third = ran(KEPT, "--workers", "1")
    assert (third["presented"], third["digest"], third["metrics"]) == (2, first["digest"], first["metrics"])
    assert pictures(folder) == before
    for k in range(2):
        assert list(json.loads(Path(folder, "points", f"{k:05}", "metrics.json").read_text())) == ["rate"]
    assert ran(KEPT)["ran"] == 0
    assert simulations == [0]
    assert snnrun("verify", folder, "--all").code == 0
    simulations[0] = 0
    text = KEPT.replace("[1.5, 3]", "[1.5, 3, 4]") + "plots:\n  - {kind: isi, monitor: out}\n"
    longer = ran(text, "--workers", "1")
    assert (longer["ran"], longer["presented"], simulations) == (3, 2, [1])
    assert pictures(longer["folder"]) == [f"points/{k:05}/plots/isi.png" for k in range(3)]


def test_a_sweep_that_stopped_goes_on_with_other_metrics(ran, snnrun, place, monkeypatch, simulations):
    from snnrun.sweep.worker import Worker

    run = Worker.run

    def stopping(self, k, *args):
        if k == 1:
            raise KeyboardInterrupt
        return run(self, k, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "run", stopping)
        assert snnrun("run", write(place / "one.yaml", KEPT), "--no-plots", "--workers", "1").code == 130
    simulations[0] = 0
    found = ran(KEPT.replace(*OTHER_METRIC), "--no-plots", "--workers", "1")
    assert (found["ran"], found["presented"], simulations) == (2, 1, [1])
    assert snnrun("verify", found["folder"], "--all").code == 0


def test_the_presentation_of_a_sweep_does_not_change_while_another_command_runs_its_points(ran, snnrun, place):
    folder = Path(ran(SWEEP, "--no-plots")["folder"])
    other = Claims(folder)
    assert other.take("0", [0])
    try:
        said = snnrun("run", write(place / "one.yaml", SWEEP + "plots: none\n"))
        assert (said.code, "error[SWP722]" in said.err) == (4, True)
        assert "plots" not in (folder / "experiment.yaml").read_text()
    finally:
        other.close()


# plot --from


def test_plot_from_a_file_presents_results_and_refuses_another_simulation(ran, snnrun, place, simulations):
    folder = Path(ran(RASTER)["folder"])
    other = write(place / "pictures.yaml", RASTER.replace("name: small\n", "").replace("raster", "isi"))
    said = snnrun("plot", folder, "--from", other, "--out", "mine", "--size", "column")
    assert (said.out, pictures(folder)) == ("mine/isi.png\n", ["plots/raster.png"])
    write(other, RASTER.replace("name: small\n", "").replace("raster", "isi").replace(*OTHER_METRIC))
    said = snnrun("plot", "outputs/small/latest", "--from", other)
    assert (said.code, said.out) == (0, f"{folder}/plots/isi.png\n")
    assert pictures(folder) == ["plots/isi.png"]
    assert list(json.loads((folder / "metrics.json").read_text())) == ["n"]
    assert snnrun("verify", folder).code == 0
    assert ran(RASTER.replace("raster", "isi").replace(*OTHER_METRIC))["simulated"] is False
    assert simulations == [2]  # the run and `verify`
    write(other, RASTER.replace("tau: 10 ms", "tau: 12 ms").replace("v > 1", "v > 2"))
    said = snnrun("plot", folder, "--from", other)
    assert said.code == 2
    assert "`constants.tau` is 12 ms; the results are of 10 ms" in said.err
    assert "`groups.cells.threshold` is v > 2; the results are of v > 1" in said.err
    write(other, RASTER.replace("mean_rate(out)", "max(cells.v)"))
    said = snnrun("plot", folder, "--from", other)
    assert (said.code, "error[CMP305]: `cells.v` at the end of the run" in said.err) == (2, True)
    assert pictures(folder) == ["plots/isi.png"]


def test_plot_from_a_file_presents_a_sweep_and_its_points(ran, snnrun, place, simulations):
    folder = Path(ran(KEPT, "--no-plots", "--workers", "1")["folder"])
    simulations[0] = 0
    plots = "plots:\n  - {kind: sweep, y: n, name: mine}\n"
    other = write(place / "pictures.yaml", KEPT.replace("name: small\n", "").replace(*OTHER_METRIC) + plots)
    assert "error[CMP305]" in snnrun("plot", folder, "--from", other, "--out", "x").err  # its table has no `n`
    said = snnrun("plot", folder, "--from", other)
    assert (said.code, said.out) == (0, f"{folder}/plots/mine.png\n")
    assert (folder / "points.csv").read_text().startswith("point,drive,n,status\n")
    assert snnrun("plot", folder, "--from", other, "--out", "mine").out == "mine/mine.png\n"
    write(other, KEPT.replace("name: small\n", "").replace("mean_rate(out)", "max(cells.v)"))
    assert place_in(other, "max(cells.v)") in snnrun("plot", folder, "--from", other).err
    assert simulations == [0]
    assert snnrun("verify", folder, "--all").code == 0


# --out-folder


def test_out_folder_is_the_exact_place_and_holds_one_experiment(ran, snnrun, place, simulations):
    first = ran(RASTER, "--out-folder", "here/it=1")
    assert (first["folder"], sorted(path.name for path in Path("here").iterdir())) == ("here/it=1", ["it=1"])
    assert ran(RASTER, "--out-folder", "here/it=1")["simulated"] is False
    assert ran(RASTER.replace("raster", "isi"), "--out-folder", "here/it=1")["pictures"] == ["here/it=1/plots/isi.png"]
    assert json.loads(snnrun("list", "here", "--json").out)["results"][0]["name"] == "small"
    assert snnrun("verify", "here/it=1").code == 0
    changed = SMALL.replace("tau: 10 ms", "tau: 11 ms")
    said = snnrun("run", write(place / "one.yaml", changed), "--out-folder", "here/it=1")
    assert (said.code, "error[ST116]" in said.err) == (4, True)
    assert ran(changed, "--out-folder", "here/it=1", "--force", "--no-plots")["simulated"]
    assert pictures("here") == []
    swept = ran(SWEEP, "--out-folder", "here/sweep", "--no-plots")
    assert (swept["folder"], sorted(path.name for path in Path("here").iterdir())) == ("here/sweep", ["it=1", "sweep"])
    assert ran(SWEEP, "--out-folder", "here/sweep", "--no-plots")["ran"] == 0
    assert snnrun("run", place / "one.yaml", "--out-folder", "here/it=1").code == 4
    assert ran(SWEEP, "--out-folder", "here/it=1", "--no-plots", "--force")["ran"] == 3
    assert not Path("here/it=1/results.h5").exists()


def test_out_folder_never_touches_what_is_not_its_own(ran, snnrun, place, small):
    (place / "empty").mkdir()
    assert ran(SMALL, "--out-folder", "empty", "--no-plots")["folder"] == "empty"
    write(place / "full" / "thesis.txt", "years of work")
    write(place / "full.txt", "a file")
    write(place / ".other.999999-tmp" / "x", "of another program")
    for taken in ("full", "full.txt", "."):
        said = snnrun("run", small, "--out-folder", taken, "--force")
        assert (said.code, "error[ST115]" in said.err) == (4, True), said.err
    assert (place / "full" / "thesis.txt").read_text() == "years of work"
    assert (place / ".other.999999-tmp" / "x").exists()
    assert "error[CMD101]" in snnrun("run", small, small, "--out-folder", "new").err
    assert "error[CMD101]" in snnrun("run", small, "--out-folder", "new", "--out", "other").err


def test_latest_names_what_the_last_command_gave(ran):
    first, second = ran(SMALL, "--no-plots"), ran(SMALL, "--no-plots", "--seed", "2")
    for words, report in (([], first), (["--seed", "2"], second), ([], first)):
        assert ran(SMALL, "--no-plots", *words)["simulated"] is False
        assert Path("outputs/small/latest").resolve() == Path(report["folder"]).resolve()


def test_files_that_a_user_added_stay_whatever_is_made_again(ran):
    folder = Path(ran(SMALL, "--no-plots")["folder"])
    write(folder / "notes.txt", "mine")
    write(folder / "thesis" / "figure.tex", "mine too")
    not_recorded = SMALL + "  v: mean(cells.v)\n"
    assert ran(SMALL.replace("name: small", "name: small\ndescription: other"), "--no-plots")["simulated"] is False
    for text, words in ((not_recorded, ()), (SMALL, ("--force",)), (SMALL, ("--seed", "7", "--force"))):
        for damage in ("", "results.h5", "DONE.json"):
            if damage:
                (folder / damage).unlink()
            ran(text, "--no-plots", "--out-folder", str(folder), "--force", *words)
            assert (folder / "notes.txt").read_text() == "mine"
            assert (folder / "thesis" / "figure.tex").read_text() == "mine too"


def test_results_that_nothing_says_what_they_are_of_are_replaced_by_force_only(ran, snnrun, small):
    ran(SMALL, "--no-plots", "--out-folder", "here")
    Path("here/DONE.json").unlink()
    said = snnrun("run", small, "--no-plots", "--out-folder", "here")
    assert (said.code, "holds results without `DONE.json`" in said.err, "--force" in said.err) == (4, True, True)
    assert ran(SMALL, "--no-plots", "--out-folder", "here", "--force")["simulated"]

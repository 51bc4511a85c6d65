"""`snnrun run`: folders, what is said, what is printed, exit codes."""

import json
import os
import signal
import time
from pathlib import Path

import h5py
import pytest
from cli_experiments import EXPLODES, LONG, SMALL, TUTORIAL, place_in, write

from snnrun.results.reader import Results

SECONDS = {"load", "check", "generate", "compile", "build", "simulate", "write", "plot"}
WHOLE = {"experiment.yaml", "results.h5", "metrics.json", "provenance.json", "run.log", "plots", "DONE.json"}


def run_json(snnrun, *words):
    said = snnrun("run", *words, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def status_of(folder):
    return json.loads((Path(folder) / "DONE.json").read_text())["status"]


def test_a_folder_holds_everything_and_latest_names_it(snnrun, small):
    said = snnrun("run", small)
    assert said.code == 0
    assert said.out == ""
    latest = Path("outputs/small/latest")
    folder = latest.resolve()
    assert {p.name for p in folder.iterdir()} == WHOLE
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".")] == []
    assert (folder / "plots" / "raster.png").read_bytes().startswith(b"\x89PNG")
    done = json.loads((folder / "DONE.json").read_text())
    assert done["status"] == "complete"
    assert set(done["files"]) >= {"results.h5", "experiment.yaml", "metrics.json", "plots/raster.png"}
    # tau ln 2 from reset to threshold: 6.93 ms, so 7 spikes in 50 ms from reset, one more from a high start
    rate = json.loads((folder / "metrics.json").read_text())["rate"]
    assert rate["unit"] == "Hz"
    assert 130 <= rate["value"] <= 170


def test_stderr_names_size_numbers_folder_and_pictures(snnrun, small):
    lines = snnrun("run", small).err.splitlines()
    assert lines[0] == "small · 3 neurons · 50 ms at 0.1 ms · seed 1"
    assert "checked" in lines[1]
    assert "built" in lines[1]
    assert any(line.startswith("out  ") and "spikes of 3 neurons" in line for line in lines)
    assert any(line.startswith("outputs/small/") and "plots/raster.png" in line and "digest" in line for line in lines)


def test_the_first_run_of_a_structure_says_that_it_compiled(snnrun, small, monkeypatch, tmp_path):
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "fresh"))
    assert "(first run of this structure)" in snnrun("run", small, "--no-plots").err
    assert "kernel from cache" in snnrun("run", small, "--no-plots", "--force").err


def test_json_is_one_object_on_stdout_and_nothing_on_stderr(snnrun, small):
    said = snnrun("run", small, "--json")
    assert said.err == ""
    assert said.out.count("\n") == 1
    found = json.loads(said.out)
    assert {"folder", "digest", "seconds", "metrics", "counts"} <= set(found)
    assert set(found["seconds"]) == SECONDS
    with Results.open(Path(found["folder"])) as results:
        assert found["counts"] == {"out": len(results.spikes("out").ids)}
        assert results.digest().sha256 == found["digest"]
    assert found["metrics"]["rate"] == {"value": found["counts"]["out"] / 3 / 0.05, "unit": "Hz"}


def test_quiet_says_nothing(snnrun, small):
    said = snnrun("run", small, "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")


def test_set_seed_and_out_change_the_run(snnrun, small):
    plain = run_json(snnrun, small)
    changed = run_json(snnrun, small, "--set", "groups.cells.size=5", "--set", "tau=5 ms")
    seeded = run_json(snnrun, small, "--seed", 7)
    moved = run_json(snnrun, small, "--out", "elsewhere/deep")
    assert len({plain["folder"], changed["folder"], seeded["folder"]}) == 3
    assert changed["counts"]["out"] > plain["counts"]["out"]
    assert seeded["digest"] != plain["digest"]
    assert moved["digest"] == plain["digest"]
    assert Path(moved["folder"]).parent == Path("elsewhere/deep/small")
    assert "size: 5" in (Path(changed["folder"]) / "experiment.yaml").read_text()


def test_no_plots_draws_nothing_and_other_formats_are_drawn(snnrun, small):
    assert run_json(snnrun, small, "--no-plots", "--out", "a")["pictures"] == []
    drawn = run_json(snnrun, small, "--format", "svg", "--format", "pdf", "--out", "b")["pictures"]
    assert {Path(p).suffix for p in drawn} == {".svg", ".pdf"}
    assert all(Path(p).is_file() for p in drawn)


def test_an_unknown_format_is_refused_before_anything_runs(snnrun, small):
    said = snnrun("run", small, "--format", "bmp")
    assert said.code == 2
    assert "use png, svg or pdf" in said.err
    assert not Path("outputs").exists()


def test_all_files_are_checked_before_the_first_one_runs(snnrun, small, place):
    wrong = write(place / "wrong.yaml", SMALL.replace("threshold: v > 1", "threshold: w > 1"))
    other = write(place / "other.yaml", SMALL.replace("name: small", "name: other"))
    said = snnrun("run", small, wrong, place / "missing.yaml", other, "--no-plots")
    assert said.code == 2
    assert "2 of 4 experiments have errors: nothing was run" in said.err
    assert "wrong.yaml" in said.err
    assert "missing.yaml" in said.err
    assert not Path("outputs").exists()
    report = json.loads(snnrun("run", small, wrong, "--no-plots", "--json").out)
    assert [one["status"] for one in report["runs"]] == ["not run", "not run"]
    found = json.loads(snnrun("run", small, other, "--no-plots", "--json").out)
    assert [Path(r["folder"]).parent.name for r in found["runs"]] == ["small", "other"]


def test_a_run_that_fails_does_not_stop_the_others(snnrun, small, place):
    bad = write(place / "bad.yaml", EXPLODES)
    said = snnrun("run", bad, small, "--no-plots")
    assert said.code == 3
    assert "1 of 2 experiments did not finish" in said.err
    assert Path("outputs/small/latest/DONE.json").is_file()


def test_a_folder_called_latest_is_an_error_before_anything_runs(snnrun, small, place):
    mine = place / "outputs" / "small" / "latest"
    mine.mkdir(parents=True)
    said = snnrun("run", small, "--no-plots")
    assert said.code == 4
    assert "error[ST114]" in said.err
    assert list(mine.parent.iterdir()) == [mine]


def test_the_same_file_twice_gives_the_same_bytes(snnrun, small):
    first = run_json(snnrun, small, "--out", "a")
    second = run_json(snnrun, small, "--out", "b")
    assert first["digest"] == second["digest"]
    assert Path(first["folder"]).name == Path(second["folder"]).name
    for name in ("results.h5", "metrics.json", "experiment.yaml", "plots/raster.png"):
        assert (Path(first["folder"]) / name).read_bytes() == (Path(second["folder"]) / name).read_bytes()


@pytest.mark.parametrize("demo", ["17-python-hook", "19-image"])
def test_a_run_folder_runs_again_by_itself(snnrun, demo, place):
    first = run_json(snnrun, TUTORIAL / f"{demo}.yaml", "--allow-code", "--no-plots")
    moved = place / "found in five years"
    Path(first["folder"]).rename(moved)
    again = run_json(snnrun, moved / "experiment.yaml", "--allow-code", "--no-plots")
    assert again["digest"] == first["digest"]
    assert Path(again["folder"]).name == Path(first["folder"]).name
    assert sum(first["counts"].values()) > 0


def test_files_of_a_base_in_another_folder_come_along(snnrun, place):
    write(
        place / "base" / "input.yaml",
        SMALL.replace("drive: 2", "drive: 2\narrays:\n  a: {file: ../data/a.csv, dt: 1 ms}"),
    )
    write(place / "data" / "a.csv", "1\n2\n")
    top = write(place / "top.yaml", "extends: base/input.yaml\nname: top\n")
    first = run_json(snnrun, top, "--no-plots")
    folder = Path(first["folder"])
    assert (folder / "data" / "a.csv").read_text() == "1\n2\n"
    assert "file: data/a.csv" in (folder / "experiment.yaml").read_text()
    again = run_json(snnrun, folder / "experiment.yaml", "--no-plots", "--out", "again")
    assert (again["digest"], Path(again["folder"]).name) == (first["digest"], folder.name)


def test_a_changed_file_of_the_experiment_is_another_run(snnrun, place):
    text = SMALL.replace("drive: 2", "drive: 2\narrays:\n  a: {file: a.csv, dt: 1 ms}")
    file = write(place / "x.yaml", text)
    write(place / "a.csv", "1\n2\n")
    first = run_json(snnrun, file, "--no-plots")
    write(place / "a.csv", "1\n3\n")
    assert run_json(snnrun, file, "--no-plots")["folder"] != first["folder"]


# stops and failures


def test_nan_ends_with_3_and_names_variable_neuron_and_time_and_keeps_what_was_recorded(snnrun, place):
    said = snnrun("run", write(place / "explodes.yaml", EXPLODES))
    assert said.code == 3
    assert "error[RUN301]: `v` of neuron 2 of `cells` became infinite at t = " in said.err
    assert "its last finite value was" in said.err
    folder = Path("outputs/explodes/latest").resolve()
    assert "marked failed" in said.err
    assert folder.name in said.err
    assert status_of(folder) == "failed"
    assert "became infinite" in (folder / "run.log").read_text()
    with h5py.File(folder / "results.h5") as results:
        data = results["snnrun/states/out/v"][...]
        assert results["snnrun"].attrs["status"] == "failed"
    assert len(data) > 10
    assert data[:, 2].max() > 1e10  # it was on its way
    assert (data[:, 0] == 1).all()
    assert json.loads((folder / "metrics.json").read_text()) == {}  # metrics are of whole runs


def test_a_failed_run_prints_its_errors_as_json(snnrun, place):
    said = snnrun("run", write(place / "explodes.yaml", EXPLODES), "--json")
    assert said.code == 3
    found = json.loads(said.out)
    assert found["status"] == "failed"
    assert [e["code"] for e in found["errors"]] == ["RUN301"]


def interrupted(background, file, *words):
    process = background("run", file, "--no-plots", *words)
    while "checked" not in (line := process.stderr.readline()):
        assert line, "the run ended early"
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def test_ctrl_c_ends_with_130_and_keeps_what_was_recorded(background, snnrun, place, small):
    assert snnrun("run", small, "--no-plots").code == 0  # the kernel is in the cache
    before = time.perf_counter()
    code, err = interrupted(background, write(place / "long.yaml", LONG))
    assert code == 130
    assert time.perf_counter() - before < 20
    assert "Traceback" not in err
    assert "interrupted at " in err
    assert "next: snnrun run" in err
    folder = Path("outputs/long/latest").resolve()
    assert status_of(folder) == "interrupted"
    with Results.open(folder) as results:
        times = results.spikes("out").times_s
    assert len(times) > 100
    assert (times[1:] >= times[:-1]).all()


def test_an_unfinished_run_never_takes_the_place_of_a_whole_one(background, snnrun, small, place, monkeypatch):
    first = run_json(snnrun, small)
    before = (Path(first["folder"]) / "DONE.json").read_bytes()

    from snnrun.engine.driver import Simulation

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Simulation, "run", stop)
        said = snnrun("run", small, "--force")
    assert said.code == 130
    assert "kept: the results of an earlier, whole run" in said.err
    assert (Path(first["folder"]) / "DONE.json").read_bytes() == before


@pytest.mark.parametrize("sweep", [None, "metrics", "results"])
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 75), ("SIGUSR1", 75)])
def test_a_signal_while_drawing_keeps_the_results_and_says_which_it_was(
    snnrun, small, monkeypatch, number, code, sweep
):
    from snnrun.running import drawing

    def stop(*_, **__):
        os.kill(os.getpid(), getattr(signal, number))
        time.sleep(5)

    # a shell may start this process with Ctrl-C switched off
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(drawing, "draw", stop)
    words = []
    if sweep is not None:
        write(small, small.read_text() + f"sweep: {{axes: {{drive: [2, 3]}}, keep: {sweep}}}\n")
        words = ["--workers", "1"]
    try:
        said = snnrun("run", small, *words)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.code == code, said.err
    if sweep == "results":
        assert "next: snnrun run " in said.err  # stopped at its first point
    else:
        assert "the results are complete, pictures are missing" in said.err
        assert status_of("outputs/small/latest") == "complete"


def test_ctrl_c_while_writing_waits_until_the_results_are_safe(snnrun, small, monkeypatch):
    from snnrun.running import final, folder

    # a shell may start this process with Ctrl-C switched off
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    finish, publish = final.finish, folder.publish

    def pressed(method):
        def interrupted(*arguments, **options):
            os.kill(os.getpid(), signal.SIGINT)
            return method(*arguments, **options)

        return interrupted

    monkeypatch.setattr(final, "finish", pressed(finish))
    monkeypatch.setattr(folder, "publish", pressed(publish))
    said = snnrun("run", small)
    assert said.code == 130
    assert "the results are complete, pictures are missing" in said.err
    assert status_of("outputs/small/latest") == "complete"
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_rates_of_phases_are_those_of_the_time_recorded(snnrun, place):
    two = "    - {name: off, duration: 50 ms, record: []}\n    - {name: on, duration: 50 ms}"
    phases = f"run:\n  dt: 0.1 ms\n  phases:\n{two}"
    text = SMALL.replace("run: {duration: 50 ms, dt: 0.1 ms}", phases)
    said = snnrun("run", write(place / "phases.yaml", text), "--json", "--no-plots")
    found = json.loads(said.out)
    assert found["counts"]["out"] > 0
    assert found["metrics"]["rate"]["value"] == pytest.approx(found["counts"]["out"] / 3 / 0.05)


def test_a_bug_while_drawing_keeps_the_results_and_shows_no_traceback(snnrun, small, monkeypatch):
    from snnrun.running import drawing

    def fail(*_, **__):
        raise ZeroDivisionError("in the drawing")

    monkeypatch.setattr(drawing, "draw", fail)
    said = snnrun("run", small)
    assert said.code == 70
    assert "Traceback" not in said.err
    assert "ZeroDivisionError: in the drawing" in said.err
    assert "next: snnrun plot outputs/small/" in said.err
    assert status_of("outputs/small/latest") == "complete"


def test_a_bug_ends_with_70_without_a_traceback(snnrun, small, monkeypatch):
    from snnrun.running import pipeline

    def fail(*_):
        raise ZeroDivisionError("somewhere deep")

    monkeypatch.setattr(pipeline, "prepare", lambda *_: fail())
    said = snnrun("run", small)
    assert said.code == 70
    assert "Traceback" not in said.err
    assert "error[BUG]" in said.err
    assert "--debug" in said.err
    assert not list(Path("outputs").rglob("*.h5"))


def test_debug_shows_the_traceback(small, process, place):
    wrong = write(place / "wrong.yaml", SMALL.replace("v > 1", "w > 1"))
    said = process("--debug", "run", wrong)
    assert said.code != 0
    assert "Traceback" in said.err
    assert "ExperimentError" in said.err


def test_no_memory_ends_with_3(snnrun, small, monkeypatch):
    from snnrun.engine import build

    def refuse(*_):
        raise MemoryError("Unable to allocate 8.00 EiB")

    monkeypatch.setattr(build, "build", refuse)
    said = snnrun("run", small)
    assert said.code == 3
    assert "not enough memory: Unable to allocate 8.00 EiB" in said.err


def test_a_place_that_cannot_be_written_ends_with_4(snnrun, small, place):
    write(place / "file", "this is no folder")
    said = snnrun("run", small, "--out", "file")
    assert said.code == 4
    assert "cannot write to `file/small`" in said.err
    assert "--out" in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_ends_with_4(snnrun, small, place):
    (place / "outputs").mkdir(mode=0o500)
    said = snnrun("run", small)
    assert said.code == 4
    assert "Permission denied" in said.err


# Python code


def test_code_is_refused_before_anything_runs(snnrun, place):
    said = snnrun("run", TUTORIAL / "17-python-hook.yaml")
    assert said.code == 2
    assert "error[HOK601]" in said.err
    assert "--allow-code" in said.err
    assert not Path("outputs").exists()


HOOKED = SMALL + "operations:\n  poke: {call: 'hook.py:poke', every: 10 ms}\n"


def test_validate_and_show_never_import_a_hook(snnrun, place):
    file = write(place / "hooked.yaml", HOOKED)
    write(place / "hook.py", "open('touched', 'w').close()\ndef poke(network, t): pass\n")
    for words in (["validate"], ["show"], ["show", "--resolved"], ["show", "--kernel"], ["run"]):
        snnrun(*words, file)
        assert not Path("touched").exists(), words
    assert snnrun("run", file, "--allow-code", "--no-plots").code == 0
    assert Path("touched").exists()
    assert not Path("__pycache__").exists()


def test_a_hook_with_phases_is_called_in_these_only(snnrun, place):
    phases = "{name: a, duration: 20 ms, repeat: 2}, {name: b, duration: 25 ms, stop_when: count(out) > 0, check: 5 ms}"
    phases += ", {name: c, duration: 20 ms}"  # b ends after 5 ms
    operations = "  other: {call: 'hook.py:other', every: 5 ms, phases: [c]}\n"
    file = write(place / "hooked.yaml", HOOKED.replace("every: 10 ms", "every: 10 ms, phases: [a, c]") + operations)
    code = "def {0}(network, t):\n    with open('said', 'a') as file:\n        file.write(f'{0} {{t*1e3:.0f}} ')\n"
    write(place / "hook.py", code.format("poke") + code.format("other"))
    changes = ["--set", f"run.phases=[{phases}]", "--set", "run.duration=null"]
    result = snnrun("run", file, "--allow-code", "--no-plots", *changes)
    assert result.code == 0, result.err
    assert (
        Path("said").read_text()
        == "poke 0 poke 10 poke 20 poke 30 other 45 poke 50 other 50 other 55 poke 60 other 60 "
    )


@pytest.mark.parametrize(
    ("code", "exit_code", "message"),
    [
        ("def other(): pass\n", 2, "has no function `poke`"),
        ("1/0\n", 2, "ZeroDivisionError"),
        ("def poke(network, t):\n    raise ValueError('no good')\n", 3, "`poke` of `hook.py` failed at t = 0"),
        ("def poke(network, t):\n    network.group('nobody')\n", 3, "nobody"),
        ("import sys\ndef poke(network, t):\n    sys.exit(5)\n", 3, "SystemExit"),
    ],
)
def test_a_hook_that_fails_says_which_and_when(snnrun, place, code, exit_code, message):
    file = write(place / "hooked.yaml", HOOKED)
    write(place / "hook.py", code)
    said = snnrun("run", file, "--allow-code", "--no-plots")
    assert said.code == exit_code
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_missing_hook_is_found_by_validate(snnrun, place):
    said = snnrun("validate", write(place / "hooked.yaml", HOOKED))
    assert said.code == 2
    assert "there is no file `hook.py`" in said.err


# pictures


def test_a_style_file_lies_beside_the_experiment_and_comes_along(snnrun, place):
    write(place / "paper.mplstyle", "axes.labelsize: 11\n")
    file = write(place / "styled.yaml", SMALL + "plots:\n  - {kind: raster, monitor: out, style: paper.mplstyle}\n")
    plain = run_json(snnrun, file, "--set", "plots.0.style=null", "--out", "plain")
    styled = run_json(snnrun, file)
    folder = Path(styled["folder"])
    assert (folder / "paper.mplstyle").is_file()
    picture = (folder / "plots" / "raster.png").read_bytes()
    assert picture != Path(plain["pictures"][0]).read_bytes()
    assert snnrun("plot", folder).code == 0
    assert (folder / "plots" / "raster.png").read_bytes() == picture


def test_a_missing_style_is_an_error_at_its_place(snnrun, place):
    file = write(place / "styled.yaml", SMALL + "plots:\n  - {kind: raster, monitor: out, style: none.mplstyle}\n")
    said = snnrun("run", file)
    assert said.code == 2
    assert place_in(file, "none.mpl") in said.err
    assert not Path("outputs").exists()


@pytest.mark.parametrize("options", ["size: [1 mm, 1 mm]", "neurons: a-b", "lines: {x: 1, y: nan}"])
def test_wrong_options_of_pictures_are_found_before_the_run(snnrun, place, options):
    file = write(place / "odd.yaml", SMALL + f"plots:\n  - {{kind: raster, monitor: out, {options}}}\n")
    said = snnrun("run", file)
    assert said.code == 2
    assert "odd.yaml:20:" in said.err
    assert not Path("outputs").exists()

"""Sweeps as commands: workers, stops and kills at any time, several commands on one folder."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from cli_experiments import SMALL, write

from snnrun.sweep.journal import Reader
from snnrun.sweep.store import read_state

SWEPT = SMALL.replace("name: small", "name: swept").replace("duration: 50 ms", "duration: 20 ms")
GRID = "sweep: {axes: {tau: {linspace: [5 ms, 20 ms], num: %d}, drive: {linspace: [1.5, 3], num: %d}}}\n"


def sweep_file(place, rows, columns, text=SWEPT):
    return write(place / "swept.yaml", text + GRID % (rows, columns))


def run_json(snnrun, *words, code=0):
    said = snnrun("run", *words, "--json")
    assert said.code == code, said.err
    return json.loads(said.out)


def whole(snnrun, file):
    """The digest of a sweep that nothing disturbs."""
    found = run_json(snnrun, file, "--no-plots", "--workers", 1, "--out", "undisturbed")
    assert found["failed"] == {}
    return found["digest"]


def check_nothing_lost_or_twice(folder, points):
    rows = (folder / "points.csv").read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(points))
    assert all(row.endswith(",complete") for row in rows[1:])
    assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []
    assert not (folder / "claims").exists()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_workers_changes_no_byte(snnrun, place, workers):
    file = sweep_file(place, 5, 4)
    expected = whole(snnrun, file)
    found = run_json(snnrun, file, "--no-plots", "--workers", workers)
    assert (found["digest"], found["ran"], found["workers"]) == (expected, 20, workers)
    for name in ("sweep.h5", "points.csv", "metrics.json"):
        one, other = (next(Path(out).glob(f"swept/*/{name}")) for out in ("undisturbed", "outputs"))
        assert one.read_bytes() == other.read_bytes()
    ran = {p.name.split("-")[-2] for p in Path(found["folder"], "journal").iterdir()}
    assert str(os.getpid()) not in ran or workers == 1


def test_kept_results_are_the_same_from_workers(snnrun, place):
    file = write(place / "kept.yaml", SWEPT + "sweep: {axes: {tau: [5 ms, 10 ms, 15 ms]}, keep: results}\n")
    one = run_json(snnrun, file, "--workers", 1, "--out", "a")
    two = run_json(snnrun, file, "--workers", 2, "--out", "b")
    assert one["digest"] == two["digest"]
    for k in range(3):
        a, b = (Path(found["folder"], "points", f"{k:05d}") for found in (one, two))
        assert (a / "results.h5").read_bytes() == (b / "results.h5").read_bytes()
        assert (a / "plots" / "raster.png").read_bytes() == (b / "plots" / "raster.png").read_bytes()


def test_a_tiny_sweep_starts_no_process(snnrun, place, monkeypatch):
    from snnrun.sweep import dispatch

    monkeypatch.setattr(dispatch, "START_S", 1e6)
    monkeypatch.setattr(dispatch, "cores", lambda: 2)
    assert run_json(snnrun, sweep_file(place, 2, 2), "--no-plots")["workers"] == 1


def test_a_long_sweep_starts_processes_without_being_told(snnrun, place, monkeypatch):
    from snnrun.sweep import dispatch

    monkeypatch.setattr(dispatch, "START_S", 1e-4)
    monkeypatch.setattr(dispatch, "cores", lambda: 2)
    found = run_json(snnrun, sweep_file(place, 4, 5), "--no-plots")
    assert (found["workers"], found["ran"]) == (2, 20)
    assert found["digest"] == whole(snnrun, place / "swept.yaml")


def wait_for_points(out, number):
    """Wait until so many points of the only sweep are on the disk; its folder."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for facts in Path(out).glob("*/[!.]*/sweep.json"):
            if not facts.parent.is_symlink() and read_state(facts.parent).done >= number:
                return facts.parent
        time.sleep(0.02)
    pytest.fail("no points")


def started(file, *words):
    command = [sys.executable, "-m", "snnrun", "run", str(file), "--no-plots", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended_well(process):
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err


def kill_commands(file, number, between, *words):
    """Start the command and kill it at a random time, and again until it is done; how often it was killed."""
    chance = random.Random(1)
    for kills in range(number):
        process = started(file, *words)
        try:
            process.wait(chance.uniform(*between))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        else:
            ended_well(process)
            return kills
    ended_well(started(file, *words))
    return number


def kill_workers(file, number, between, *words):
    """Start the command and kill workers of it at random times; how many."""
    chance = random.Random(1)
    process = started(file, *words)
    kills = 0
    while kills < number and process.poll() is None:
        time.sleep(chance.uniform(*between))
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = psutil.Process(process.pid).children()
            if workers:
                chance.choice(workers).kill()
                kills += 1
    ended_well(process)
    return kills


def check_kills(snnrun, place, kill, number, between, workers):
    """Kills at random times in a sweep of 1,000 points."""
    file = sweep_file(place, 25, 40)
    expected = whole(snnrun, file)
    kills = kill(file, number, between, "--workers", str(workers))
    folder = next(Path("outputs/swept").glob("*/DONE.json")).parent
    assert json.loads((folder / "DONE.json").read_text())["digest"] == expected
    check_nothing_lost_or_twice(folder, 1000)
    return kills


def test_a_command_that_is_killed_goes_on_where_it_was(snnrun, place):
    assert check_kills(snnrun, place, kill_commands, 4, (0.6, 1.6), 1) >= 1


def test_a_command_with_workers_that_is_killed_goes_on_where_it_was(snnrun, place):
    assert check_kills(snnrun, place, kill_commands, 2, (1.0, 2.5), 2) >= 1


def test_workers_that_are_killed_cost_nothing(snnrun, place):
    assert check_kills(snnrun, place, kill_workers, 2, (0.8, 2.0), 2) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_hundred_kills_lose_nothing(snnrun, place, workers, monkeypatch):
    """100 kills at random times in sweeps of 1,000 points; where one is done before, the next begins."""
    kills = 0
    for sweep in range(100):
        (place / f"{sweep}").mkdir()
        monkeypatch.chdir(place / f"{sweep}")
        kills += check_kills(snnrun, place / f"{sweep}", kill_commands, 100 - kills, (0.5, 1.5), workers)
        if kills >= 100:
            return
    pytest.fail(f"{kills} kills only")


HELD = """\
import time
from pathlib import Path

def wait(network, t):
    if any((folder / "held").exists() for folder in Path(__file__).parents):  # a worker calls a copy below it
        time.sleep(0.05)
"""


def held_sweep(place, rows, columns):
    """A sweep whose points take 50 ms and more while a file `held` is there."""
    write(place / "hook.py", HELD)
    write(place / "held", "")
    return sweep_file(place, rows, columns, SWEPT + "operations: {wait: {call: 'hook.py:wait', every: 20 ms}}\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_stops_a_sweep_and_the_same_command_goes_on(background, snnrun, place, number, code, workers):
    file = held_sweep(place, 10, 20)
    words = ("--allow-code", "--no-plots", "--workers", workers)
    process = background("run", file, *words)
    folder = wait_for_points("outputs", 5)
    pressed = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - pressed < 10
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "interrupted after " in err
    assert f"next: snnrun run {file} {' '.join(words)}" in err
    state = read_state(folder)
    assert state.status == "stopped"
    assert 0 < state.done < 200
    (place / "held").unlink()
    again = run_json(snnrun, file, "--allow-code", "--no-plots", "--workers", 1)
    assert again["ran"] == state.missing
    check_nothing_lost_or_twice(folder, 200)


def test_a_sweep_stopped_before_its_first_point_names_no_files(background, snnrun, place):
    file = held_sweep(place, 2, 2)
    write(place / "hook.py", HELD.replace("if any", "while any"))
    process = background("run", file, "--allow-code", "--no-plots", "--workers", "2")
    folder = wait_for_points("outputs", 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "interrupted after 0 of 4 points" in err
    assert f"{folder}\n" in err
    assert not any(words in err for words in ("nothing to run", "points.csv", "sweep.h5", "digest"))
    (place / "held").unlink()
    assert run_json(snnrun, file, "--allow-code", "--no-plots", "--workers", 1)["ran"] == 4


def test_eight_commands_on_one_folder_give_one_result(snnrun, place):
    file = sweep_file(place, 10, 20)
    expected = whole(snnrun, file)
    command = [sys.executable, "-m", "snnrun", "run", str(file), "--no-plots", "--json"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    said = [process.communicate(timeout=300) for process in processes]
    assert [p.returncode for p in processes] == [0] * 8, said
    assert all(err == "" for _, err in said)
    found = [json.loads(out) for out, _ in said]
    assert {f["digest"] for f in found} == {expected}
    check_nothing_lost_or_twice(Path(found[0]["folder"]), 200)
    # claims keep them from doing everything eight times; what a race lets through twice has the same bits
    assert sum(f["ran"] for f in found) < 400


DEADLY = """\
import os, signal

def die(network, t):
    if network.group("cells")["deadly"][0] > 0:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def deadly_sweep(place):
    """A sweep of four points of which the second one kills its process."""
    write(place / "hook.py", DEADLY)
    text = SWEPT.replace('"dv/dt = (drive - v)/tau : 1"', '"dv/dt = (drive - v)/tau : 1\\ndeadly : 1"')
    text = text.replace("initial: {v: rand()}", "initial: {v: rand(), deadly: int(drive == 3)}")
    text += "operations: {die: {call: 'hook.py:die', every: 10 ms}}\n"
    return write(place / "deadly.yaml", text + "sweep: {axes: {drive: [2, 3, 4, 5]}}\n")


def test_a_point_that_kills_its_process_is_marked_and_the_others_go_on(place, process, monkeypatch):
    file = deadly_sweep(place)
    words = ("run", file, "--allow-code", "--no-plots", "--json")
    watched = process(*words, "--workers", "2", "--out", "watched")
    assert watched.code == 3, watched.err
    found = json.loads(watched.out)
    assert list(found["failed"]) == ["1"]
    assert "the process that ran it was lost: killed by signal 9" in found["failed"]["1"]
    assert found["ran"] == 3
    # a command that runs points itself dies with it; the next one watches
    assert process(*words, "--workers", "1").code == -signal.SIGKILL
    again = process(*words, "--workers", "1")
    assert again.code == 3
    assert json.loads(again.out)["failed"] == found["failed"]
    assert json.loads(again.out)["digest"] == found["digest"]


def test_status_reads_the_disk(snnrun, place):
    file = sweep_file(place, 3, 2)
    found = run_json(snnrun, file, "--no-plots")
    said = snnrun("status", found["folder"])
    assert said.code == 0
    assert "6 points (tau 3 x drive 2) · complete" in said.out
    assert "6 done · 0 failed · 0 to go" in said.out
    plain = json.loads(snnrun("status", "outputs/swept/latest", "--json").out)
    assert (plain["status"], plain["done"], plain["missing"], plain["seconds_left"]) == ("complete", 6, 0, None)
    assert sum(1 for _ in Reader(Path(found["folder"])).new()) == 6


def test_status_of_a_run_and_of_nothing(snnrun, small, place):
    assert snnrun("run", small, "--no-plots").code == 0
    assert "complete" in snnrun("status", "outputs/small/latest").out
    said = snnrun("status", place)
    assert said.code == 4
    assert "error[ST111]" in said.err
    (place / "DONE.json").mkdir()
    said = snnrun("status", place)
    assert said.code == 4
    assert "`DONE.json` cannot be read: it is not a regular file" in said.err
    assert "Errno" not in said.err


def test_slurm_that_is_not_installed_is_an_error(snnrun, place, monkeypatch):
    monkeypatch.setenv("PATH", str(place))
    said = snnrun("run", sweep_file(place, 2, 2), "--slurm")
    assert said.code == 3
    assert "error[SWP715]: `--slurm` needs `scontrol`" in said.err


@pytest.mark.slow
def test_the_memory_of_a_hundred_thousand_points_is_that_of_a_thousand(place):
    """The command's memory while the points run, between the first tenth and the last."""
    text = SWEPT.replace("duration: 20 ms", "duration: 1 ms")
    file = sweep_file(place, 250, 400, text)
    command = started(file, "--workers", "2", "--quiet")
    process = psutil.Process(command.pid)
    sizes = []
    while command.poll() is None:
        folders = list(Path("outputs/swept").glob("*/sweep.json"))
        if folders and not list(folders[0].parent.glob("run.log")):
            done = sum(path.read_bytes().count(b"\n") for path in folders[0].parent.glob("journal/*"))
            with contextlib.suppress(psutil.Error):
                sizes.append((done, process.memory_info().rss, sum(p.memory_info().rss for p in process.children())))
        time.sleep(2)
    ended_well(command)
    folder = next(Path("outputs/swept").glob("*/DONE.json")).parent
    check_nothing_lost_or_twice(folder, 100_000)
    running = [size for size in sizes if 10_000 <= size[0] < 99_000]
    assert len(running) > 10
    for of_process in (1, 2):
        grown = running[-1][of_process] - running[0][of_process]
        assert grown < 8e6, [(done, *(f"{s / 1e6:.1f} MB" for s in rest)) for done, *rest in running]

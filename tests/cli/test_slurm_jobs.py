"""Runs and sweeps as jobs of the SLURM that `fake_slurm.py` is; `test_sweep_on_slurm.py` needs a real one."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cli_experiments import SMALL, write
from test_sweep_command import held_sweep, run_json, sweep_file, whole

from snnrun import __version__
from snnrun.errors import ExperimentError, RunError
from snnrun.results.folder import is_complete
from snnrun.sweep import slurm
from snnrun.sweep.job import Cluster, Needs, Work, job, named_options, split_options
from snnrun.sweep.store import read_state

PATIENCE_S = 60.0
PROGRAM = Path(__file__).with_name("fake_slurm.py")


class Fake:
    """A SLURM whose programs come first on the PATH."""

    def __init__(self, folder, monkeypatch):
        self.home = folder / "slurm"
        programs = folder / "bin"
        for made in (self.home, programs):
            made.mkdir()
        for name in ("sbatch", "squeue", "scontrol", "sacct", "scancel"):
            file = programs / name
            words = shlex.join([sys.executable, "-I", "-S", str(PROGRAM), name])
            file.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("FAKE_SLURM", str(self.home))
        self.set()

    def set(self, **config):
        (self.home / "config.json").write_text(json.dumps(config))

    def jobs(self):
        return sorted(int(folder.name) for folder in self.home.iterdir() if folder.name.isdigit())

    def tasks(self, number):
        folder = self.home / str(number)
        return [tuple(f.read_text().split("|")) for f in sorted(folder.iterdir()) if f.name.isdigit()]

    def warn(self):
        """What SLURM sends before the time limit."""
        (self.home / "signal").touch()

    def end(self):
        for number in self.jobs():
            (self.home / str(number) / "cancel").touch()
        until(lambda: all(state not in ("RUNNING", "PENDING") for n in self.jobs() for state, *_ in self.tasks(n)))


def until(enough):
    deadline = time.monotonic() + PATIENCE_S
    while not enough():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def fake(place, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(slurm, "TICK_S", 0.05)
    monkeypatch.setattr(slurm, "LOOK_S", 0.2)
    one = Fake(tmp_path_factory.mktemp("cluster"), monkeypatch)
    yield one
    one.end()


def logs(folder):
    return "".join(path.read_text() for path in sorted(Path(folder).glob("*.log")))


def test_a_sweep_is_submitted_and_waited_for(snnrun, place, fake):
    file = sweep_file(place, 2, 3)
    expected = whole(snnrun, file)
    submitted = run_json(snnrun, file, "--no-plots", "--slurm", "--workers", 2, code=5)
    assert (submitted["status"], submitted["job"], submitted["tasks"]) == ("submitted", "1", 2)
    waited = run_json(snnrun, file, "--no-plots", "--slurm", "--wait")
    assert (waited["digest"], waited["ran"]) == (expected, 0)
    until(lambda: logs(Path(submitted["folder"], "slurm")) == "3 points\n3 points\n")
    assert fake.jobs() == [1]
    assert run_json(snnrun, file, "--no-plots", "--slurm")["digest"] == expected
    done = json.loads(Path(submitted["folder"], "DONE.json").read_text())
    assert not any(name.startswith("slurm/") for name in done["files"])  # logs may grow later


def test_a_run_is_a_job_of_its_own_in_the_environment_of_the_setup(snnrun, place, fake):
    file = write(place / "one.yaml", SMALL.replace("small", "one"))
    here = run_json(snnrun, file, "--no-plots", "--out", "here")
    wrapped = f"cd /\nSNNRUN='env INSIDE=yes {sys.executable} -P -m snnrun'\n"
    setup = write(place / "my setup.sh", "#!/usr/bin/env bash\necho prepared\n" + wrapped)
    waited = snnrun("run", file, "--no-plots", "--slurm", "--wait", "--setup", setup)
    assert waited.code == 0, waited.err
    folder = next(Path("outputs/one").glob("[!.]*[0-9a-f]"))
    assert json.loads((folder / "DONE.json").read_text())["digest"] == here["digest"]
    assert folder.name == Path(here["folder"]).name
    assert logs(next(Path("outputs/one").glob(".*-slurm"))).startswith("prepared\n")
    again = snnrun("run", file, "--no-plots", "--slurm")
    assert "note:" not in again.err
    assert (again.code, fake.jobs()) == (0, [1])
    assert "the results are complete" in again.err


def test_a_run_that_is_stopped_before_the_time_limit_is_queued_again_and_continues(snnrun, place, fake):
    text = (
        SMALL.replace("small", "limited").replace("50 ms", "6000 s").replace("drive: 2", "drive: 1.0001")
    )  # few spikes
    file = write(place / "long.yaml", text)
    expected = run_json(snnrun, file, "--no-plots", "--out", "here")
    submitted = run_json(snnrun, file, "--no-plots", "--slurm", "--checkpoint-every", "50 ms", code=5)
    place = next(Path("outputs/limited").glob(".*-slurm"))
    until(lambda: list(place.parent.glob(".*checkpoint*/*")))
    fake.warn()
    waited = run_json(snnrun, file, "--no-plots", "--slurm", "--wait")
    assert waited["status"] == "complete"
    assert int(fake.tasks(submitted["job"])[0][2]) >= 1  # times that it was queued again
    log = logs(place)
    assert re.search(r"stopped at .* s, after a checkpoint(.|\n)*queued again(.|\n)*continues from", log), log
    assert json.loads(Path(waited["folder"], "DONE.json").read_text())["digest"] == expected["digest"]


def test_tasks_of_a_sweep_that_are_stopped_before_the_time_limit_are_queued_again(snnrun, place, fake):
    file = held_sweep(place, 2, 8)
    submitted = run_json(snnrun, file, "--no-plots", "--allow-code", "--slurm", "--workers", 1, code=5)
    folder = Path(submitted["folder"])
    until(lambda: read_state(folder).done >= 2)
    fake.warn()
    until(lambda: "queued again" in logs(folder / "slurm"))
    assert read_state(folder).done < 16
    (place / "held").unlink()
    done = run_json(snnrun, file, "--no-plots", "--allow-code", "--slurm", "--wait")
    assert (done["status"], done["failed"], fake.jobs()) == ("complete", {}, [1])


def test_a_task_that_no_point_ends_in_is_not_queued_again(snnrun, place, fake):
    file = held_sweep(place, 1, 2)
    words = ("--no-plots", "--allow-code", "--slurm", "--workers", 1, "--set", "run.duration=20 s")
    submitted = run_json(snnrun, file, *words, code=5)
    folder = Path(submitted["folder"])
    until(lambda: (state := read_state(folder)) is not None and state.running)
    fake.warn()
    said = snnrun("run", file, *words, "--wait")
    assert said.code == 75
    assert "job 1 ended (FAILED) with work left: its log says why" in said.err
    assert "next: the same command submits what is missing" in said.err
    log = logs(folder / "slurm")
    assert "error[RUN309]: stopped by SIGUSR1 before one of its points had ended" in log
    assert "--slurm-option --time=" in log
    assert [state for state, *_ in fake.tasks(1)] == ["FAILED"]


def test_a_job_that_ran_out_of_memory_says_so_and_the_next_one_has_what_is_missing(snnrun, place, fake):
    file = sweep_file(place, 1, 2)
    fake.set(ends="OUT_OF_MEMORY")
    said = snnrun("run", file, "--no-plots", "--slurm", "--wait")
    assert said.code == 75
    assert "job 1 ended (OUT_OF_MEMORY) with work left: ask for more memory with `--slurm-option --mem=" in said.err
    fake.set(accounting=False, cores=0)
    said = snnrun("run", file, "--no-plots", "--slurm", "--slurm-option", "--mem=2G")
    assert said.code == 5, said.err
    assert "note: job 1 ended (OUT_OF_MEMORY)" in said.err
    assert fake.jobs() == [1, 2]


def test_ctrl_c_ends_the_waiting_and_not_the_job(snnrun, place, fake, monkeypatch):
    file = held_sweep(place, 1, 4)

    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(slurm, "wait", press)
    said = snnrun("run", file, "--no-plots", "--allow-code", "--slurm", "--wait")
    assert said.code == 130
    assert "job 1 goes on: the same command waits for it again, `scancel 1` ends it" in said.err


def test_the_dry_run_shows_the_command_and_the_script_and_writes_nothing(snnrun, place, fake):
    setup = write(place / "setup.sh", "#SBATCH --partition=short --mem=1G\nmodule() { :; }\nmodule load python\n")
    file = sweep_file(place, 2, 3)
    words = ("--slurm", "--dry-run", "--setup", setup, "--slurm-option", "--cpus-per-task=4 --account=me")
    said = snnrun("run", file, *words)
    assert said.code == 0, said.err
    line = next(line for line in said.out.splitlines() if line.startswith("  submits"))
    sbatch = shlex.split(line)[1:]
    assert sbatch[:2] == ["sbatch", "--parsable"]
    assert {"--array=0-5", "--requeue", "--time=0:10:00", "--cpus-per-task=4", "--account=me"} <= set(sbatch)
    assert not any(word.startswith("--mem") for word in sbatch)
    assert "note: the estimate asks for 0:15:00 and the partition allows 0:10:00" in said.out
    shown = run_json(snnrun, file, *words)
    assert shown["sbatch"] == sbatch
    head = shown["script"].splitlines()
    assert head[:2] == ["#!/bin/bash", "#SBATCH --partition=short --mem=1G"]
    assert subprocess.run(["bash", "-n"], input=shown["script"], text=True, check=False).returncode == 0
    assert "module load python" in head
    assert not (place / "outputs").exists()
    assert fake.jobs() == []


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ("SNNRUN='echo snnrun 0.0.1 #'\n", f"this is snnrun 0.0.1, and the job was submitted by snnrun {__version__}"),
        ("SNNRUN=/nowhere/snnrun\n", "cannot run '/nowhere/snnrun'"),
    ],
)
def test_a_job_with_another_program_stops(snnrun, place, fake, setup, expected):
    file = sweep_file(place, 1, 2)
    said = snnrun("run", file, "--slurm", "--workers", 1, "--wait", "--setup", write(place / "setup.sh", setup))
    assert said.code == 75
    assert expected in said.err


REFUSALS = {
    "partition": ({}, ["--partition=no"], 3, "`sinfo` lists the partitions"),
    "memory": ({}, ["--mem=90G"], 3, "ask for less memory with `--slurm-option --mem=4G`"),
    "option": ({}, ["--nope"], 3, "nothing was submitted: mend what it names"),
    "full": ({"most_queued": 1}, [], 3, "submit fewer tasks with `--workers`"),
    "down": ({"down": ["sbatch"]}, [], 75, "`sbatch` cannot do it now"),
    "away": ({"down": ["squeue"]}, [], 75, "`squeue` cannot do it now"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_what_to_do_and_loses_nothing(snnrun, place, fake, case):
    config, extra, code, advice = REFUSALS[case]
    fake.set(**config)
    file = sweep_file(place, 1, 2)
    said = snnrun("run", file, "--no-plots", "--slurm", *(word for one in extra for word in ("--slurm-option", one)))
    assert said.code == code
    assert ("next: snnrun run" if code == 75 else "error[SWP716]") in said.err
    assert advice in said.err
    assert "Traceback" not in said.err
    assert fake.jobs() == []
    fake.set()
    assert snnrun("run", file, "--no-plots", "--slurm").code == 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--slurm-option", "--array=0-3"], "SWP720]: `--slurm-option` cannot give `--array`"),
        (["--slurm-option", "-Jname"], "SWP720]: `--slurm-option` cannot give `--job-name`"),
        (["--slurm-option", "long"], "SWP720]: `long` is no option for `sbatch`"),
        (["--setup", "nowhere.sh"], "SWP721]: cannot read `nowhere.sh`"),
        (["--wait", "--dry-run"], "`--wait` and `--dry-run` do not go together"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_submitted(snnrun, place, fake, words, expected):
    said = snnrun("run", sweep_file(place, 1, 2), "--slurm", *words)
    assert said.code == 2
    assert expected in said.err
    assert fake.jobs() == []


def test_an_array_has_no_more_tasks_than_the_cluster_allows(snnrun, place, fake):
    fake.set(most_tasks=3, ends="CANCELLED")
    said = snnrun("run", sweep_file(place, 2, 4), "--no-plots", "--slurm", "--workers", 8)
    assert said.code == 5, said.err
    assert "the cluster allows 3 tasks of an array (MaxArraySize), not 8" in said.err
    assert len(fake.tasks(1)) == 3


def job_in(place, tasks=1):
    return job(Work(place, place / "slurm", "x", ["units", "1"], Needs(1, 1e6), tasks), Cluster())


def test_of_two_submissions_at_once_one_is_made(place, fake):
    fake.set(slow=0.3)
    found = []
    both = [threading.Thread(target=lambda: found.append(slurm.submit(job_in(place)))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert fake.jobs() == [1]
    assert sorted(one.new for one in found) == [False, True]


def test_a_command_that_was_killed_while_it_submitted_has_not_lost_its_job(place, fake):
    fake.set(cores=0)
    (place / "slurm").mkdir()
    one = job_in(place)
    (place / "slurm" / "job.sh").write_text(one.script)
    slurm.call(*one.sbatch)  # and killed before it wrote anything
    assert slurm.submit(one) == slurm.Standing("1", (("PENDING", "Resources"),))
    assert slurm.submit(job_in(place / "elsewhere")).number == "2"


def test_a_program_that_does_not_answer_is_no_reason_to_give_up(place, fake, monkeypatch):
    fake.set(cores=0)
    one = job_in(place)
    slurm.submit(one)
    looked = []

    def finished(standing):
        looked.append(standing)
        fake.set(cores=0, down=["squeue"] if len(looked) > 1 else [])
        return len(looked) == 8

    assert slurm.wait(one, finished)
    assert all(standing.state == "waiting" for standing in looked)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("UNLIMITED", None), ("30", 30), ("2:30", 3), ("1:30:00", 90), ("2-00", 2880), ("1-12:30", 2190), ("", None)],
)
def test_times_of_slurm(text, minutes):
    assert slurm.minutes_of(text) == minutes


def test_options_are_known_by_their_long_names():
    words = split_options(["--time=5", "-p long -c 4", "--mem 2G --exclusive", "-t10"])
    assert named_options(words) == {
        "time": "10",
        "partition": "long",
        "cpus-per-task": "4",
        "mem": "2G",
        "exclusive": "",
    }
    with pytest.raises(ExperimentError, match="SWP720"):
        split_options(["'"])


def test_what_a_task_needs_becomes_what_it_asks_for(place):
    def asked(needs, extra=(), **allowed):
        return job(Work(place, place, "x", [], needs), Cluster(**allowed), extra).sbatch

    points = asked(Needs(7200, 1e9, side_by_side=True), extra=["-c", "4"])
    assert {"--time=1:35:00", "--mem=7200M"} <= set(points)  # 3 x 2 h / 4 + 5 min; 4 x (1.5 x 1 GB + 300 MB)
    threads = asked(Needs(60, 1e9, processors=4))
    assert {"--time=0:15:00", "--mem=1800M", "--cpus-per-task=4"} <= set(threads)
    assert not any(word.startswith("--mem") for word in asked(Needs(60, 1e9), memory=False))


def test_slurm_without_its_programs_is_an_error_and_a_dry_run_is_none(snnrun, place, monkeypatch):
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(RunError, match="SWP715"):
        slurm.cluster()
    said = snnrun("run", sweep_file(place, 1, 2), "--slurm", "--dry-run")
    assert said.code == 0
    assert "limits of the cluster are not known" in said.err


def test_a_folder_that_cannot_be_written_is_said(snnrun, place, fake):
    write(place / "outputs", "a file")
    said = snnrun("run", write(place / "one.yaml", SMALL), "--slurm")
    assert said.code == 4
    assert "error[ST104]: cannot write to" in said.err
    assert not is_complete(place / "outputs")

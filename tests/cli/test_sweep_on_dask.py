"""Sweeps on a real Dask cluster on this machine: workers and schedulers that are killed, points that kill."""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_experiments import write
from test_sweep_command import (
    SWEPT,
    check_nothing_lost_or_twice,
    deadly_sweep,
    held_sweep,
    run_json,
    started,
    sweep_file,
    wait_for_points,
    whole,
)

from snnrun.sweep.store import read_state

pytest.importorskip("distributed")

PATIENCE_S = 90.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A scheduler and workers of one thread, all on 127.0.0.1."""

    def __init__(self, folder):
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.processes = []
        self.scheduler = None
        self.file = ("--scheduler-file", str(folder / "scheduler.json"))

    def dask(self, *words):
        log = (self.folder / f"dask-{len(self.processes)}.log").open("w")
        command = [sys.executable, "-m", "dask", *words]
        environment = {**os.environ, "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "false"}
        one = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=self.folder, start_new_session=True
        )
        log.close()
        self.processes.append(one)
        return one

    def start_scheduler(self):
        port = self.address.rpartition(":")[2]
        self.scheduler = self.dask("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", *self.file)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), timeout=1):
                return
            assert time.monotonic() < deadline, (self.folder / "dask-0.log").read_text()
            time.sleep(0.1)

    def start_worker(self, *words):
        options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
        return self.dask("worker", self.address, *options, *words)

    def close(self):
        for one in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


@pytest.fixture
def cluster(place):
    (place / "cluster").mkdir()
    one = Cluster(place / "cluster")
    one.start_scheduler()
    yield one
    one.close()


def test_a_cluster_gives_the_same_bytes_and_runs_only_what_is_missing(snnrun, place, cluster):
    file = sweep_file(place, 5, 8)
    expected = whole(snnrun, file)
    cluster.start_worker()
    cluster.start_worker()
    found = run_json(snnrun, file, "--no-plots", "--scheduler", cluster.address)
    assert (found["digest"], found["ran"]) == (expected, 40)
    folder = Path(found["folder"])
    check_nothing_lost_or_twice(folder, 40)
    ran = {path.name.split("-")[-2] for path in (folder / "journal").iterdir()}
    assert str(os.getpid()) not in ran
    (folder / "DONE.json").unlink()
    journal = next((folder / "journal").iterdir())
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))
    again = run_json(snnrun, file, "--no-plots", "--scheduler", cluster.address)
    assert (again["digest"], again["ran"]) == (expected, 2)


def test_a_worker_of_the_cluster_that_is_killed_costs_nothing(snnrun, place, cluster):
    file = sweep_file(place, 25, 40)
    expected = whole(snnrun, file)
    doomed = cluster.start_worker("--no-nanny")
    cluster.start_worker("--no-nanny")
    process = started(file, "--scheduler", cluster.address)
    wait_for_points("outputs", 20)
    doomed.kill()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    folder = next(Path("outputs/swept").glob("*/DONE.json")).parent
    assert json.loads((folder / "DONE.json").read_text())["digest"] == expected
    check_nothing_lost_or_twice(folder, 1000)


def test_a_scheduler_that_is_killed_costs_nothing(snnrun, place, cluster):
    file = held_sweep(place, 10, 20)
    cluster.start_worker("--no-nanny")
    process = started(file, "--allow-code", "--scheduler", cluster.address)
    wait_for_points("outputs", 20)
    cluster.scheduler.kill()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 75, err
    assert "Traceback" not in err
    assert "error[SWP712]" in err
    assert "next: snnrun run" in err
    done = read_state(wait_for_points("outputs", 20)).done
    assert done < 200
    (place / "held").unlink()
    cluster.start_scheduler()
    cluster.start_worker("--no-nanny")
    found = run_json(snnrun, file, "--allow-code", "--no-plots", "--scheduler", cluster.address)
    assert found["ran"] <= 200 - done
    check_nothing_lost_or_twice(Path(found["folder"]), 200)
    alone = run_json(snnrun, file, "--allow-code", "--no-plots", "--workers", 1, "--out", "alone")
    assert found["digest"] == alone["digest"]


def test_a_point_that_kills_the_workers_of_a_cluster_is_marked_and_the_others_go_on(snnrun, place, cluster):
    file = deadly_sweep(place)
    cluster.start_worker()  # with a nanny, which starts the worker again
    found = run_json(snnrun, file, "--allow-code", "--no-plots", "--scheduler", cluster.file[1], code=3)
    assert list(found["failed"]) == ["1"]
    assert "the process that ran it was lost: KilledWorker" in found["failed"]["1"]
    assert found["missing"] == 0


def test_a_lost_scheduler_writes_no_log_of_the_client(snnrun, place, cluster):
    cluster.start_worker()
    file = sweep_file(place, 2, 2)
    run_json(snnrun, file, "--no-plots", "--scheduler", cluster.address)
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.utils"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR), name


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "No such file"), ("{}", "it has no `address`"), ("{", "Expecting")]
)
def test_a_file_that_names_no_scheduler_is_an_error(snnrun, place, text, reason):
    if text is not None:
        write(place / "scheduler.json", text)
    said = snnrun("run", sweep_file(place, 1, 2), "--scheduler", "scheduler.json")
    assert said.code == 3
    assert "error[SWP712]: `scheduler.json` names no scheduler: " + reason in said.err
    assert "dask scheduler --scheduler-file scheduler.json" in said.err


def test_a_scheduler_that_is_not_there_is_an_error(snnrun, place, monkeypatch):
    monkeypatch.setattr("snnrun.sweep.dask.REACH_S", 2.0)
    file = write(place / "s.yaml", SWEPT + "sweep: {axes: {tau: [5 ms, 10 ms]}}\n")
    said = snnrun("run", file, "--scheduler", f"tcp://127.0.0.1:{free_port()}")
    assert said.code == 3
    assert "error[SWP712]" in said.err
    assert "dask scheduler" in said.err


def test_a_worker_that_cannot_read_the_folder_is_an_error(snnrun, place, cluster, monkeypatch):
    from snnrun.sweep import dask

    cluster.start_worker()
    file = sweep_file(place, 2, 2)
    elsewhere = dask.DaskPool.__init__

    def lost(pool, address, folder, options):
        elsewhere(pool, address, folder / "not there", options)

    monkeypatch.setattr(dask.DaskPool, "__init__", lost)
    said = snnrun("run", file, "--no-plots", "--scheduler", cluster.address)
    assert said.code == 2
    assert "error[SWP714]" in said.err
    assert "--out" in said.err

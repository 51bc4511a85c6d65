"""Sweeps as array jobs of a real SLURM on this machine, without authentication, for these tests only."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from cli_experiments import write
from test_sweep_command import SWEPT, check_nothing_lost_or_twice, deadly_sweep, run_json, sweep_file, whole

from snnrun.sweep.store import read_state

PROGRAMS = ("sbatch", "squeue", "scancel", "sinfo", "slurmctld", "slurmd")
PATIENCE_S = 120.0
CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={d_port}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/d.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/d.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=2
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=main Nodes=node1 Default=YES MaxTime=INFINITE State=UP
"""

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason="SLURM is not installed"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    configuration = folder / "slurm.conf"
    user = pwd.getpwuid(os.geteuid()).pw_name
    facts = {"folder": folder, "user": user, "ctld_port": free_port(), "d_port": free_port(), "cores": os.cpu_count()}
    configuration.write_text(CONFIGURATION.format(**facts))
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    with (folder / "out.log").open("w") as log:
        commands = (["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", "node1"])
        daemons = [
            subprocess.Popen([*words, "-f", str(configuration)], stdout=log, stderr=log, env=environment)
            for words in commands
        ]
    deadline = time.monotonic() + PATIENCE_S
    while "idle" not in subprocess.run(["sinfo"], env=environment, capture_output=True, text=True, check=False).stdout:
        assert time.monotonic() < deadline, (folder / "ctld.log").read_text() + (folder / "d.log").read_text()
        time.sleep(0.2)
    yield configuration
    subprocess.run(["scancel", "--user", user], env=environment, check=False)
    time.sleep(1)
    for daemon in reversed(daemons):
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)


@pytest.fixture
def cluster(slurm, place, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(slurm))
    return place


def wait_until(folder, enough, patience=PATIENCE_S):
    deadline = time.monotonic() + patience
    while not enough(read_state(Path(folder))):
        logs = [path.read_text() for path in Path(folder, "slurm").glob("*.log")]
        assert time.monotonic() < deadline, (read_state(Path(folder)), logs)
        time.sleep(0.1)


def test_an_array_gives_the_same_bytes(snnrun, cluster):
    file = sweep_file(cluster, 5, 8)
    expected = whole(snnrun, file)
    submitted = run_json(snnrun, file, "--no-plots", "--slurm", "--workers", 3, code=5)
    assert (submitted["status"], submitted["tasks"]) == ("submitted", 3)
    folder = Path(submitted["folder"])
    wait_until(folder, lambda state: state.status == "complete")
    done = json.loads((folder / "DONE.json").read_text())
    assert (done["status"], done["digest"]) == ("complete", expected)
    logs = [path.read_text().strip() for path in sorted((folder / "slurm").glob("*.log"))]
    assert logs == ["14 points", "13 points", "13 points"]
    found = run_json(snnrun, file, "--no-plots", "--slurm", "--workers", 3)
    assert (found["status"], found["ran"], found["digest"]) == ("complete", 0, expected)
    for name in ("sweep.h5", "points.csv", "metrics.json"):
        assert (folder / name).read_bytes() == next(Path("undisturbed/swept").glob(f"*/{name}")).read_bytes()


def test_the_same_command_reports_and_goes_on_after_a_job_was_cancelled(snnrun, cluster):
    file = sweep_file(cluster, 25, 40)
    expected = whole(snnrun, file)
    words = (file, "--no-plots", "--slurm", "--workers", 2)
    submitted = run_json(snnrun, *words, "--slurm-option", "--time=10", code=5)
    folder = Path(submitted["folder"])
    wait_until(folder, lambda state: state.done >= 20)
    said = snnrun("run", *words)
    assert said.code == 5
    assert f"job {submitted['job']} is running" in said.err
    subprocess.run(["scancel", submitted["job"]], check=True)
    deadline = time.monotonic() + PATIENCE_S
    while (again := run_json(snnrun, *words, code=5))["status"] != "submitted":
        assert again["job"] == submitted["job"]
        assert time.monotonic() < deadline
        time.sleep(0.3)
    done = read_state(folder).done
    assert 20 <= done < 1000
    assert again["job"] != submitted["job"]
    wait_until(folder, lambda state: state.status == "complete")
    assert json.loads((folder / "DONE.json").read_text())["digest"] == expected
    check_nothing_lost_or_twice(folder, 1000)
    logs = [path.read_text() for path in (folder / "slurm").glob(f"{submitted['job']}_*.log")]
    assert any("stopped by SIGTERM" in log for log in logs), logs


def test_a_point_that_kills_its_process_is_marked_by_the_task(snnrun, cluster):
    file = deadly_sweep(cluster)
    submitted = run_json(snnrun, file, "--no-plots", "--allow-code", "--slurm", "--workers", 2, code=5)
    wait_until(submitted["folder"], lambda state: state.status == "failed")
    state = read_state(Path(submitted["folder"]))
    assert (state.done, list(state.failed)) == (3, [1])
    assert "killed by signal 9" in state.failed[1]


def test_an_option_that_slurm_refuses_is_an_error(snnrun, cluster):
    file = write(cluster / "s.yaml", SWEPT + "sweep: {axes: {tau: [5 ms, 10 ms]}}\n")
    said = snnrun("run", file, "--slurm", "--slurm-option", "--partition=nowhere")
    assert said.code == 3
    assert "error[SWP716]: `sbatch` refuses" in said.err
    assert "partition" in said.err

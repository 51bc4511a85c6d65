"""Runs that are killed or told to stop, and the same command again."""

import json
import random
import signal
import time

import h5py
import pytest
from cli_experiments import LONG, write

FILE = """\
version: 1
name: killed
constants: {tau: 10 ms, drive: 2}
groups:
  cells:
    size: 300
    equations: "dv/dt = (drive - v)/tau + 0.1*xi*tau**-0.5 : 1"
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {v: rand()}
synapses:
  net: {source: cells, target: cells, connect: {p: 0.1}, on_pre: v_post += 0.01, delay: rand()*3*ms}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v], indices: [0, 1], dt: 1 ms}
  r: {kind: rate, source: cells, bin: 10 ms}
run: {duration: 40 s, dt: 0.1 ms}
metrics: {rate: mean_rate(out), level: mean(v), cv: cv_isi(out)}
"""
OPTIONS = ("--no-plots", "--checkpoint-every", "10ms")


def waited(place, process, sign=".*-checkpoint/checkpoint.json"):
    """Wait until a run has a checkpoint."""
    end = time.monotonic() + 60
    while not list(place.glob(f"outputs/*/{sign}")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def killed_at_random(background, process, place):
    """Kill a run at random times; each time the same command must end as the undisturbed run does."""

    def trials(number):
        file = write(place / "killed.yaml", FILE)
        whole = json.loads(process("run", file, "--no-plots", "--json", "--out", "whole").out)
        started = time.monotonic()
        assert (
            json.loads(process("run", file, "--no-plots", "--json", "--out", "again").out)["digest"] == whole["digest"]
        )
        took = time.monotonic() - started
        chance = random.Random(1)
        went_on = 0
        for trial in range(number):
            victim = background("run", file, *OPTIONS, "--out", f"out{trial}")
            time.sleep(chance.uniform(0.1, 1.1) * took)
            victim.kill()
            victim.communicate()
            again = process("run", file, *OPTIONS, "--out", f"out{trial}")
            assert again.code == 0, again.err
            went_on += "continues from a checkpoint" in again.err
            folder = place / f"out{trial}" / "killed" / "latest"
            done = json.loads((folder / "DONE.json").read_text())
            assert (done["status"], done["digest"]) == ("complete", whole["digest"])
            assert json.loads((folder / "metrics.json").read_text()) == whole["metrics"]
            for path in (place / f"out{trial}").rglob("*.h5"):
                with h5py.File(path):
                    pass
            assert [p.name for p in folder.parent.resolve().iterdir() if p.name.startswith(".")] == []
        return went_on

    return trials


def test_killed_at_6_random_times_the_same_command_gives_the_same_bits(killed_at_random):
    assert killed_at_random(6) >= 1


@pytest.mark.slow
def test_killed_at_200_random_times_the_same_command_gives_the_same_bits(killed_at_random):
    assert killed_at_random(200) >= 50


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGHUP, 75), (signal.SIGINT, 130)],
    ids=["TERM", "USR1", "HUP", "INT"],
)
def test_a_signal_stores_a_checkpoint_and_says_how_to_go_on(background, process, place, number, code):
    file = write(place / "long.yaml", LONG)
    victim = background("run", file, *OPTIONS)
    waited(place, victim)
    sent = time.monotonic()
    victim.send_signal(number)
    _, err = victim.communicate(timeout=30)
    assert time.monotonic() - sent < 5  # a second on a machine that has time
    assert victim.returncode == code
    assert "after a checkpoint: the same command continues" in err
    assert "next: snnrun run long.yaml --no-plots --checkpoint-every 10ms" in err.replace(str(place) + "/", "")
    (folder,) = (place / "outputs" / "long").iterdir()  # no half of a result
    assert folder.name.endswith("-checkpoint")

    again = background("run", file, *OPTIONS)
    waited(place, again, f".*.{again.pid}-checkpoint/checkpoint.json")
    again.send_signal(signal.SIGINT)
    _, err = again.communicate(timeout=30)
    assert "note: continues from a checkpoint at" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_without_checkpoints_keeps_what_was_recorded(background, place, number):
    file = write(place / "killed.yaml", FILE.replace("duration: 40 s", "duration: 10000 s"))
    victim = background("run", file, "--no-plots")
    waited(place, victim, ".*-tmp/results.h5")
    victim.send_signal(number)
    victim.communicate(timeout=30)
    assert victim.returncode == 128 + number
    assert json.loads((place / "outputs/killed/latest/DONE.json").read_text())["status"] == "interrupted"


@pytest.mark.parametrize("text", ["10 mV", "-1 s", "soon", "1e400 s"])
def test_a_wrong_time_is_named(snnrun, place, text):
    said = snnrun("run", write(place / "killed.yaml", FILE), "--checkpoint-every", text)
    assert said.code == 2
    assert not (place / "outputs").exists()


def test_a_sweep_takes_no_checkpoints(snnrun, place):
    file = write(place / "killed.yaml", FILE + "sweep: {axes: {drive: [1, 2]}}\n")
    said = snnrun("run", file, "--checkpoint-every", "1 min")
    assert said.code == 2
    assert "SWP706" in said.err

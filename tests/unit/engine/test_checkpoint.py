"""Checkpoints: a run that was killed anywhere goes on with the same bits, and damaged checkpoints are not used."""

import json
import os

import numpy as np
import pytest

from snnrun.engine import driver
from snnrun.engine.checkpoint import Tape, play
from snnrun.engine.recording import Memory
from snnrun.errors import ExperimentError, StorageError
from snnrun.files import state_file
from snnrun.files.state_file import read_arrays
from snnrun.results.checkpoint import CheckpointFolder, store_arrays
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, RunOptions

# Everything that has a state of its own: delays of three kinds, Poisson groups and inputs, given spikes, plasticity,
# event-driven and summed variables, noise, shared variables, refractoriness, operations, phases, all monitors.
FILE = """\
version: 1
name: kept
constants: {tau: 10 ms, drive: 1.2, tau_pre: 15 ms}
groups:
  cells:
    size: 20
    equations: |
      dv/dt = (drive + total - v)/tau + 0.2*xi*tau**-0.5 : 1 (unless refractory)
      total : 1
      level : 1 (shared)
    method: euler
    threshold: v > 1
    reset: v = 0
    refractory: 2 ms
    initial: {v: rand()}
  noise: {kind: poisson, size: 30, rates: 40 Hz}
  given: {kind: spikes, size: 2, indices: [0, 1], times: [3 ms, 7 ms], period: 11 ms}
synapses:
  fixed: {source: noise, target: cells, connect: {p: 0.3}, on_pre: v_post += 0.1, delay: 1.5 ms}
  each: {source: given, target: cells, connect: all, on_pre: v_post += 0.05, delay: rand()*5*ms}
  stdp:
    source: cells
    target: cells
    connect: {where: i != j}
    equations: |
      w : 1
      dapre/dt = -apre/tau_pre : 1 (event-driven)
      dapost/dt = -apost/tau_pre : 1 (event-driven)
      total_post = 0.001*w : 1 (summed)
    on_pre: |
      v_post += 0.01*w
      apre += 0.1
      w = clip(w + apost, 0, 1)
    on_post: |
      apost -= 0.1
      w = clip(w + apre, 0, 1)
    initial: {w: rand()}
inputs:
  many: {target: cells, variable: v, size: 100, rate: 5 Hz, weight: 0.02}
operations:
  kick: {target: cells, every: 13 ms, do: level = rand()}
monitors:
  spikes: {kind: spikes, source: cells, variables: [v]}
  few: {kind: spikes, source: noise, counts_only: true}
  v: {kind: state, source: cells, variables: [v, level], dt: 0.3 ms}
  w: {kind: state, source: stdp, variables: [w], dt: 5 ms}
  r: {kind: rate, source: cells, bin: 2.5 ms}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 40 ms}
    - {name: silent, duration: 30 ms, set: {drive: 0.9, cells.v: 0.5}, record: [spikes, few]}
    - {name: last, duration: 50 ms, set: {drive: 1.4}}
metrics:
  n: count(spikes)
  cv: cv_isi(spikes)
  level: mean(v.v)
  spread: std(v.v)
  fano: fano(spikes, 5 ms)
"""
STEPS = 1200


class KilledError(BaseException):
    """The process is gone."""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("file") / "kept.yaml"
    file.write_text(FILE)
    return file


@pytest.fixture(scope="module")
def whole(file, tmp_path_factory):
    outcome = pipeline.run(
        pipeline.check(pipeline.read(file)), tmp_path_factory.mktemp("whole"), RunOptions(plots=False)
    )
    assert outcome.counts["spikes"] > 100
    assert all(np.isfinite(value) for value, _ in outcome.metrics.values())
    return outcome


@pytest.fixture(autouse=True)
def short_calls(monkeypatch):
    monkeypatch.setattr(driver, "FIRST_CALL", 17)
    monkeypatch.setattr(driver, "MOST_STEPS", 17)


def run(file, out, kill_at=None, every=0.0, overrides=()):
    """Run with a checkpoint after each call of the kernel; what it noted, and the outcome unless it was killed."""
    notes = []

    def progress(step, _steps):
        if kill_at is not None and step >= kill_at:
            raise KilledError

    checked = pipeline.check(pipeline.read(file, overrides))
    try:
        options = RunOptions(plots=False, checkpoint_every=every)
        outcome = pipeline.run(checked, out, options, callbacks=Callbacks(progress, note=notes.append))
    except KilledError:
        return notes, None
    return notes, outcome


def left(out):
    return [p for p in out.glob("*/.*") if "checkpoint" in p.name]


@pytest.mark.parametrize("tenth", range(1, 11))
def test_a_run_killed_at_any_tenth_goes_on_with_the_same_bits(file, whole, tmp_path, tenth):
    assert run(file, tmp_path, STEPS * tenth // 10)[1] is None
    assert len(left(tmp_path)) == 1
    notes, again = run(file, tmp_path)
    assert len(notes) == 1
    assert notes[0].startswith("continues from a checkpoint at ")
    assert again.digest == whole.digest
    assert again.metrics == whole.metrics
    assert again.counts == whole.counts
    assert left(tmp_path) == []


def test_a_run_killed_many_times_goes_on_each_time(file, whole, tmp_path):
    for kill_at in range(100, STEPS, 100):
        assert run(file, tmp_path, kill_at)[1] is None
    notes, again = run(file, tmp_path, every=None)  # takes none itself, and goes on all the same
    assert "continues" in notes[0]
    assert again.digest == whole.digest
    assert again.metrics == whole.metrics


def test_another_experiment_does_not_go_on_from_it(file, tmp_path):
    run(file, tmp_path, 600)
    notes, other = run(file, tmp_path, overrides=["drive=1.3"])
    assert notes == []
    assert other is not None


@pytest.mark.parametrize("damage", ["cut", "flip", "index", "gone", "foreign"])
def test_a_damaged_checkpoint_is_not_used(file, whole, tmp_path, damage):
    run(file, tmp_path, 600)
    (folder,) = left(tmp_path)
    state = next(folder.glob("state-*.npz"))
    match damage:
        case "cut":
            state.write_bytes(state.read_bytes()[:-100])
        case "flip":
            data = bytearray(state.read_bytes())
            data[len(data) // 2] ^= 1
            state.write_bytes(bytes(data))
        case "index":
            (folder / "checkpoint.json").write_text("{")
        case "gone":
            next(folder.glob("recorded-*.npz")).unlink()
        case "foreign":
            index = folder / "checkpoint.json"
            index.write_text(json.dumps(json.loads(index.read_text()) | {"state": "../../../kept.npz"}))
    notes, again = run(file, tmp_path)
    assert len(notes) == 1
    assert "starts anew" in notes[0]
    assert again.digest == whole.digest
    assert left(tmp_path) == []


def test_a_checkpoint_of_a_living_process_is_left_alone(file, tmp_path):
    run(file, tmp_path, 600)
    (folder,) = left(tmp_path)
    claim = json.loads((folder / ".claim.json").read_text())
    parent = os.getppid()
    import psutil

    claim |= {"pid": parent, "started": psutil.Process(parent).create_time()}
    (folder / ".claim.json").write_text(json.dumps(claim))
    theirs = folder.rename(folder.with_name(folder.name.replace(str(os.getpid()), str(parent))))
    notes, outcome = run(file, tmp_path)
    assert notes == []
    assert outcome is not None
    assert left(tmp_path) == [theirs]


def test_a_full_disk_costs_the_checkpoint_not_the_run(file, whole, tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state_file.np, "savez", full)
    notes, outcome = run(file, tmp_path)
    assert "cannot write the checkpoint `recorded-000001.npz`: No space left on device; the run continues" in notes
    assert outcome.digest == whole.digest
    assert left(tmp_path) == []


def test_arrays_come_back_as_they_were_and_nothing_else_is_read(tmp_path):
    arrays = {"a|b.c|": np.arange(5, dtype=np.uint8), "x": np.array([[np.nan, -0.0]]), "none": np.zeros((0, 3))}
    store_arrays(tmp_path / "a.npz", arrays, {"step": 3})
    found, description = read_arrays(tmp_path / "a.npz")
    assert description == {"step": 3}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()
    np.savez(tmp_path / "pickle.npz", description=np.array([{"a": 1}], dtype=object))
    for wrong in ("pickle.npz", "missing.npz"):
        with pytest.raises(ValueError, match="not a state of a run"):
            read_arrays(tmp_path / wrong)


def test_the_older_checkpoint_stays_until_the_newer_one_is_whole(tmp_path, monkeypatch):
    folder = CheckpointFolder(tmp_path / "run", "x")
    folder.save(1, {"a": np.zeros(1)}, {})
    replace = os.replace

    def broken(self, target):
        if target.name == "checkpoint.json":
            raise OSError(5, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", broken)
        with pytest.raises(StorageError, match="ST110"):
            folder.save(2, {"a": np.ones(1)}, {})
    assert CheckpointFolder(tmp_path / "run", "x").adopt() == 1
    assert CheckpointFolder(tmp_path / "run", "y").adopt() is None  # and what is of no use is removed
    assert left(tmp_path.parent) == []


def test_a_tape_joins_what_follows_and_keeps_gaps():
    tape, direct, played = Tape(), Memory(), Memory()
    for first in (0, 3, 10):
        for sink in (tape, direct):
            sink.states("v", {"v": np.arange(3.0).reshape(3, 1) + first}, first)
            sink.numbers("r", np.arange(3) + first, first)
            sink.spikes("s", np.array([first]), np.array([0]), {"v": np.array([0.5])})
    arrays, description = tape.joined()
    assert [(p["kind"], p["first"]) for p in description["parts"]] == [
        ("states", 0),
        ("states", 10),
        ("numbers", 0),
        ("numbers", 10),
        ("spikes", 0),
    ]
    play(arrays, json.loads(json.dumps(description)), played)
    np.testing.assert_array_equal(played.state("v", "v"), direct.state("v", "v"))
    np.testing.assert_array_equal(played.number("r"), direct.number("r"))
    np.testing.assert_array_equal(played.extra("s", "v"), direct.extra("s", "v"))


def test_python_functions_and_checkpoints_do_not_go_together(tmp_path):
    (tmp_path / "hook.py").write_text("def f(state):\n    pass\n")
    file = tmp_path / "h.yaml"
    file.write_text(FILE.replace("operations:\n", "operations:\n  py: {call: hook.py:f, every: 1 ms}\n"))
    with pytest.raises(ExperimentError, match="RUN306"):
        pipeline.run(pipeline.check(pipeline.read(file)), tmp_path, RunOptions(allow_code=True, checkpoint_every=1.0))

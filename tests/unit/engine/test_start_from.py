"""A run that begins with the state of another: the same as one long run, and refusals where the state does not fit."""

import zipfile

import h5py
import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.files.state_file import read_arrays, write_arrays
from snnrun.model import traces
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, RunOptions, ignore

FILE = """\
version: 1
name: begun
constants: {tau: 10 ms, drive: 1.3, tau_pre: 15 ms}
groups:
  cells:
    size: 12
    equations: |
      dv/dt = (drive + 0.05*i - v)/tau : 1 (unless refractory)
      level : 1 (shared)
    method: exact
    threshold: v > 1
    reset: v = 0
    refractory: 3 ms
    initial: {v: rand()}
synapses:
  stdp:
    source: cells
    target: cells
    connect: {p: 0.5}
    equations: |
      w : 1
      dapre/dt = -apre/tau_pre : 1 (event-driven)
      dapost/dt = -apost/tau_pre : 1 (event-driven)
    on_pre: |
      v_post += 0.01*w
      apre += 0.1
      w = clip(w + apost, 0, 1)
    on_post: |
      apost -= 0.1
      w = clip(w + apre, 0, 1)
    initial: {w: rand()}
operations:
  climb: {target: cells, every: 1 ms, do: level += 1}
monitors:
  out: {kind: spikes, source: cells}
run: {duration: LENGTH, dt: 0.1 ms, save_state: true}
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def run(folder, length, name="a", start=None, text=FILE, note=ignore):
    text = text.replace("LENGTH", length).replace("name: begun", f"name: {name}")
    if start is not None:
        text = text.replace("save_state: true", f"save_state: true, start_from: {start}")
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return pipeline.run(
        pipeline.check(pipeline.read(file)), folder / "outputs", RunOptions(plots=False), callbacks=Callbacks(note=note)
    )


def steps(outcome):
    with h5py.File(outcome.folder / "results.h5") as file:
        group = file["snnrun/spikes/out"]
        return np.stack([np.rint(group["timestamps"][...] * 10), group["node_ids"][...]]).astype(int)


@pytest.mark.parametrize("start", ["outputs/first/latest", "outputs/first/latest/state.npz"])
def test_two_halves_are_the_whole(tmp_path, start):
    whole = run(tmp_path, "100 ms", "whole")
    first = run(tmp_path, "50 ms", "first")
    second = run(tmp_path, "50 ms", "second", start)
    long, before, after = steps(whole), steps(first), steps(second)
    assert before.shape[1] > 20
    assert after.shape[1] > 20
    np.testing.assert_array_equal(np.concatenate([before, after + np.array([[500], [0]])], axis=1), long)
    one, other = (read_arrays(o.folder / "state.npz") for o in (whole, second))
    assert one[0].keys() == other[0].keys()
    assert {"groups.cells.v", "groups.cells.lastspike", "synapses.stdp.w", "synapses.stdp.apre"} < one[0].keys()
    for name, array in one[0].items():
        np.testing.assert_array_equal(other[0][name], array)


def check_halves(tmp_path, text, at=50):
    """Assert that a run split in two gives the spikes, and leaves the state, of the run in one; the first state."""
    whole = run(tmp_path, "100 ms", "whole", text=text)
    run(tmp_path, f"{at} ms", "first", text=text)
    second = run(tmp_path, f"{100 - at} ms", "second", "outputs/first/latest", text=text)
    long, after = steps(whole), steps(second)
    late = long[:, long[0] >= at * 10] - np.array([[at * 10], [0]])
    assert late.shape[1] > 20
    np.testing.assert_array_equal(after, late)
    one, other = (read_arrays(o.folder / "state.npz")[0] for o in (whole, second))
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(other[name], array, err_msg=name)
    return read_arrays(tmp_path / "outputs/first/latest/state.npz")[0]


@pytest.mark.parametrize("delay", ["7 ms", "1 ms + 9*rand()*ms"], ids=["one delay", "a delay each"])
@pytest.mark.parametrize("back", ["", "1 ms + 5*rand()*ms"], ids=["at once", "and back"])
@pytest.mark.parametrize("threads", [1, 2])
def test_spikes_on_their_way_arrive_in_the_second_half(tmp_path, delay, back, threads):
    size = 2000 * (threads - 1) or 120  # smaller ones run on one thread
    text = FILE.replace("    on_pre: |", f"    delay: {delay}\n    on_pre: |").replace("size: 12", f"size: {size}")
    text = text.replace("dt: 0.1 ms,", f"dt: 0.1 ms, threads: {threads},").replace("0.01*w", "0.002*w")
    text = text.replace("{p: 0.5}", f"{{p: {20 / size}}}").replace("0.05*i", "0.6*i/N")
    if back:
        head, tail = text.split("    on_post: |\n")
        block, rest = tail.split("    initial: {w")
        block = "".join(f"    {line}\n" for line in block.splitlines())
        text = f"{head}    on_post:\n      delay: {back}\n      do: |\n{block}    initial: {{w{rest}"
    state = check_halves(tmp_path, text)
    assert len(state["groups.cells:steps"]) > 5
    assert state["groups.cells:steps"].max() < 0


def test_traces_of_neurons_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "FROM", 0)
    text = FILE.replace("    on_pre: |", "    delay: 2 ms\n    on_pre: |")
    state = check_halves(tmp_path, text)
    assert "synapses.stdp.apre" not in state
    assert np.ptp(state["groups.cells.apre@stdp"]) > 0
    assert state["groups.cells.lastupdate_post@stdp"].min() < 0


GATES = """\
version: 1
name: begun
groups:
  src: {kind: spikes, size: 2, indices: [0, 1], times: [1 ms, 2 ms], period: 2.5 ms}
  tgt: {size: 9, equations: "x : 1"}
synapses:
  in:
    source: src
    target: tgt
    connect: all
    equations: |
      ds/dt = -s/(20*ms) : 1 (clock-driven)
      x_post = s : 1 (summed)
    on_pre: s += 1
monitors:
  out: {kind: spikes, source: src}
run: {duration: LENGTH, dt: 0.1 ms, save_state: true}
"""


def test_what_a_neuron_keeps_for_its_synapses_goes_on_and_a_state_of_each_synapse_is_refused(tmp_path):
    state = check_halves(tmp_path, GATES)
    assert state["groups.src.s@in"].min() > 0
    each = GATES.replace("run:", "operations: {o: {target: in, every: 5 ms, do: s = s}}\nrun:")
    run(tmp_path, "10 ms", "each", text=each)
    one, many = "one for all synapses of a neuron", "one value for each synapse"
    for text, begun, had, has in ((GATES, "each", many, one), (each, "first", one, many)):
        with pytest.raises(ExperimentError) as caught:
            run(tmp_path, "10 ms", "second", f"outputs/{begun}/latest", text=text)
        assert caught.value.diagnostics[0].message == f"in that run `s` of `synapses.in` had {had}, here it has {has}"


def test_events_on_their_way_arrive_in_the_second_half(tmp_path):
    text = FILE.replace("    initial: {v: rand()}", "    events: {low: v < 0.02}\n    initial: {v: rand()}")
    for number, delay in enumerate(["7 ms", "1 ms + 9*rand()*ms"]):
        ends = "source: cells, target: cells, connect: {p: 0.3}"
        kick = f"  kick{number}: {{{ends}, on_pre: {{do: v_post += 0.004, event: low, delay: {delay}}}}}\n"
        text = text.replace("operations:", f"{kick}operations:")
    state = check_halves(tmp_path, text)
    assert len(state["groups.cells.events.low:steps"]) > 5
    assert state["groups.cells.events.low:steps"].max() < 0


# Few synapses of a source share a delay, and statements only add: what arrives is in a ring of sums.
SUMS = """\
version: 1
name: begun
constants: {weight: 0.02}
groups:
  cells:
    size: SIZE
    equations: |
      dv/dt = (1.02 + 0.4*i/N - v)/(10*ms) : 1 (unless refractory)
      dg/dt = -g/(5*ms) : 1
      gain : 1
    threshold: v > 1
    reset: v = 0
    refractory: 3 ms
    initial: {v: rand(), gain: 0.5 + rand()}
synapses:
  net:
    source: cells
    target: cells
    connect: {p: 0.1}
    equations: "w : 1"
    on_pre: |
      g_post += 0.1*w*gain_pre
      v_post += weight*w/(1 + gain_post)
    delay: 1 ms + 9*rand()*ms
    initial: {w: rand() - 0.3}
monitors:
  out: {kind: spikes, source: cells}
run: {duration: LENGTH, dt: 0.1 ms, save_state: true MORE}
"""


@pytest.mark.parametrize("more", ["", ", precision: single", ", threads: 2"], ids=["double", "single", "threads"])
@pytest.mark.parametrize("at", [50, 3])
def test_sums_on_their_way_arrive_in_the_second_half(tmp_path, more, at, monkeypatch):
    from snnrun.engine import start

    size = 2000 if "threads" in more else 60  # smaller ones run on one thread
    text = SUMS.replace(" MORE", more).replace("SIZE", str(size)).replace("p: 0.1", f"p: {6 / size}")
    added = []
    plain = start._add_to_ring
    monkeypatch.setattr(start, "_add_to_ring", lambda *given: added.append(1) or plain(*given))
    check_halves(tmp_path, text, at=at)
    assert added


def test_sums_of_synapses_that_compiled_code_made_arrive_too(tmp_path, monkeypatch):
    from snnrun.connect import builder
    from snnrun.engine import start

    monkeypatch.setattr(builder, "WORTH_IT", 0)
    added = []
    plain = start._add_to_ring
    monkeypatch.setattr(start, "_add_to_ring", lambda *given: added.append(1) or plain(*given))
    check_halves(tmp_path, SUMS.replace(" MORE", "").replace("SIZE", "60"))
    assert added


def test_a_group_without_variables_must_have_room_for_its_spikes(tmp_path):
    text = FILE.replace("synapses:", "  noise: {kind: spikes, size: 9, indices: [8], times: [9 ms]}\nsynapses:", 1)
    text = text.replace(
        "operations:",
        "  in: {source: noise, target: cells, connect: all, on_pre: v_post += 0, delay: 3 ms}\noperations:",
    )
    run(tmp_path, "10 ms", "first", text=text)
    with pytest.raises(ExperimentError, match="`noise` had more neurons than here") as caught:
        run(
            tmp_path,
            "10 ms",
            "second",
            "outputs/first/latest",
            text=text.replace("size: 9, indices: [8]", "size: 4, indices: [3]"),
        )
    assert caught.value.diagnostics[0].code == "FIL204"


def test_delays_of_the_second_run_count_and_what_was_not_kept_is_said(tmp_path):
    text = FILE.replace("    on_pre: |", "    delay: DELAY\n    on_pre: |")
    run(tmp_path, "50 ms", "first", text=text.replace("DELAY", "4 ms"))
    notes = []
    shorter = text.replace("DELAY", "2 ms")
    run(tmp_path, "10 ms", "second", "outputs/first/latest", text=shorter, note=notes.append)
    assert notes == []
    run(tmp_path, "10 ms", "second", "outputs/first/latest", text=text.replace("DELAY", "6 ms"), note=notes.append)
    assert notes == ["of spikes of `cells` that are still on their way, that run kept those of its last 4 ms"]


def test_a_spike_on_its_way_arrives_when_its_delay_ends(tmp_path):
    text = """\
version: 1
name: begun
groups:
  input: {kind: spikes, size: 2, indices: [1, 0], times: [4.8 ms, 1 ms]}
  cells: {size: 2, equations: "v : 1"}
synapses:
  net: {source: input, target: cells, connect: one_to_one, on_pre: v_post += 1, delay: 3 ms}
monitors:
  v: {kind: state, source: cells, variables: [v], dt: 0.1 ms}
run: {duration: LENGTH, dt: 0.1 ms, save_state: true}
"""
    run(tmp_path, "5 ms", "first", text=text)
    later = text.replace("[4.8 ms, 1 ms]", "[90 ms, 90 ms]")
    second = run(tmp_path, "4 ms", "second", "outputs/first/latest", text=later)
    with h5py.File(second.folder / "results.h5") as file:
        v = file["report/v.v/data"][...]
    # sent 0.2 ms before the end of the first run, it arrives 2.8 ms after it
    np.testing.assert_array_equal(v[:, 0], 1)
    assert np.flatnonzero(np.diff(v[:, 1])).tolist() == [28]  # the sample after step 28 has it


def test_the_folder_of_such_a_run_runs_again_by_itself(tmp_path):
    run(tmp_path, "50 ms", "first")
    second = run(tmp_path, "50 ms", "second", "outputs/first/latest")
    moved = second.folder.rename(tmp_path / "elsewhere")
    import shutil

    shutil.rmtree(tmp_path / "outputs")
    again = pipeline.run(
        pipeline.check(pipeline.read(moved / "experiment.yaml")), tmp_path / "again", RunOptions(plots=False)
    )
    assert again.digest == second.digest


def test_another_state_is_another_run(tmp_path):
    run(tmp_path, "50 ms", "first")
    one = run(tmp_path, "20 ms", "second", "outputs/first/latest").folder
    run(tmp_path, "60 ms", "first")
    assert run(tmp_path, "20 ms", "second", "outputs/first/latest").folder != one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size: 12", "size: 13"), "had 12 values, here `cells` has 13"),
        (("level : 1", "levels : 1"), "had no variable `levels`"),
        (("seed: 1", "seed: 2"), "connected other neurons"),
        (("p: 0.5", "p: 0.6"), "connected other neurons"),
        (("dt: 0.1 ms", "dt: 0.05 ms"), "had `dt` 0.0001 s"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_where_it_is_named(tmp_path, change, message):
    text = FILE.replace("version: 1", "version: 1\nseed: 1")
    run(tmp_path, "10 ms", "first", text=text)
    text = text.replace(*change).replace("level +=", "levels +=" if "levels" in change[1] else "level +=")
    with pytest.raises(ExperimentError) as caught:
        run(tmp_path, "10 ms", "second", "outputs/first/latest", text=text)
    (item,) = caught.value.diagnostics
    assert item.code == "FIL204"
    assert message in item.message
    assert item.span.file.text[item.span.start : item.span.end] == "outputs/first/latest"


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("missing.npz", "FIL201"),
        ("outputs", "FIL201"),
        ("../first", "PTH103"),
        ("/etc", "PTH102"),
        ("broken.npz", "FIL203"),
        ("pickle.npz", "FIL203"),
        ("a.yaml", "FIL203"),
    ],
)
def test_what_is_no_state_is_refused(tmp_path, start, code):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    np.savez(tmp_path / "pickle.npz", description=np.array([{}], dtype=object))
    with pytest.raises(ExperimentError, match=code):
        run(tmp_path, "10 ms", "a", start)


TRAIN = """\
version: 1
name: begun
arrays: {shape: {values: [20 Hz, 20 Hz], dt: 1 s}}
groups:
  cells: {kind: poisson, size: 50, rates: 20 Hz}
monitors:
  out: {kind: spikes, source: cells}
run: {duration: LENGTH, dt: 0.1 ms, save_state: true}
"""


def first_spikes(found):
    """The first spike of each of the 50 neurons, in steps."""
    return [found[0][found[1] == k].min() for k in range(50)]


def test_poisson_neurons_keep_the_spikes_they_were_about_to_have(tmp_path):
    whole = steps(run(tmp_path, "1 s", "whole", text=TRAIN))
    run(tmp_path, "50 ms", "first", text=TRAIN)
    after = steps(run(tmp_path, "1 s", "second", "outputs/first/latest", text=TRAIN))
    later = whole[:, whole[0] >= 500]
    assert (np.array(first_spikes(after)) + 500).tolist() == first_spikes(later)


@pytest.mark.parametrize("rates", ["40 Hz", "shape(t)"])
def test_poisson_neurons_follow_the_rates_of_the_new_run(tmp_path, rates):
    run(tmp_path, "50 ms", "first", text=TRAIN.replace("rates: 20 Hz", f"rates: {rates}"))
    begun = steps(run(tmp_path, "1 s", "second", "outputs/first/latest", text=TRAIN))
    fresh = steps(run(tmp_path, "1 s", "fresh", text=TRAIN))
    np.testing.assert_array_equal(begun, fresh)


PARTS = """\
version: 1
name: begun
groups:
  cells:
    size: 4
    equations: |
      v : UNIT
      flag : boolean
    initial: {v: INITIAL}
run: {duration: 1 ms, dt: 0.1 ms, save_state: true}
"""
IN_VOLTS = PARTS.replace("UNIT", "volt").replace("INITIAL", "3*mV")


@pytest.mark.parametrize(
    ("unit", "value", "message"),
    [
        ("amp", "1*nA", "`groups.cells.v` was in [V], here it is in [A]"),
        ("1", "1", "`groups.cells.v` was in [V], here it is in [1]"),
        ("integer", "1", "`groups.cells.v` was a number, here it is an integer"),
        ("boolean", "true", "`groups.cells.v` was a number, here it is a boolean"),
    ],
)
def test_values_of_a_state_keep_their_unit_and_kind(tmp_path, unit, value, message):
    run(tmp_path, "", "first", text=IN_VOLTS)
    text = PARTS.replace("UNIT", unit).replace("INITIAL", value)
    with pytest.raises(ExperimentError) as caught:
        run(tmp_path, "", "second", "outputs/first/latest", text=text)
    (item,) = caught.value.diagnostics
    assert item.code == "FIL204"
    assert message in item.message


def change_state(folder, arrays=None, **description):
    """A state of four cells in which an array, or what is said of the arrays, is another."""
    found, said = read_arrays(run(folder, "", "first", text=IN_VOLTS).folder / "state.npz")
    said = {k: v for k, v in {**said, **description}.items() if v is not None}
    with (folder / "changed.npz").open("wb") as out:
        write_arrays(out, {**found, **(arrays or {})}, said)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("v", np.array([0, np.nan, 0, 0]), "not a number"),
        ("flag", np.array([0, 1, 2, 0], np.uint8), "neither true nor false"),
        ("v", np.zeros(4, complex), "not a list of numbers"),
        ("v", np.zeros((2, 2)), "not a list of numbers"),
    ],
)
def test_values_that_no_run_leaves_are_refused(tmp_path, name, array, words):
    change_state(tmp_path, {f"groups.cells.{name}": array})
    with pytest.raises(ExperimentError, match="FIL203") as caught:
        run(tmp_path, "", "second", "changed.npz", text=IN_VOLTS)
    assert words in caught.value.diagnostics[0].message


def test_a_state_without_units_is_taken_with_a_warning(tmp_path):
    change_state(tmp_path, units=None)
    file = tmp_path / "second.yaml"
    file.write_text(IN_VOLTS.replace("save_state: true", "start_from: changed.npz"))
    checked = pipeline.check(pipeline.read(file))
    assert [w.code for w in checked.warnings if w.code.startswith("FIL")] == ["FIL205"]


def test_a_state_that_claims_to_be_huge_is_refused(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("description.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ExperimentError, match="FIL203"):
        run(tmp_path, "1 ms", "a", "huge.npz")

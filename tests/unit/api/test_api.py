"""What `snnrun.load` and `snnrun.run` give is what the file holds, with units, and in the types of other packages."""

import subprocess
import sys

import numpy as np
import pytest

import snnrun
from snnrun.api.values import Values
from snnrun.errors import ExperimentError, StorageError
from snnrun.results.reader import Results

FILE = """
version: 1
name: small
constants: {tau: 5 ms}
arrays: {shown: {frames: frames.csv, each: 10 ms, pause: 5 ms, labels: [4, 7]}}
groups:
  cells:
    size: 3
    equations: "dv/dt = (20*mV - v)/tau : volt"
    threshold: v > (12 + 2*i)*mV
    reset: v = 0*mV
    method: exact
synapses:
  s:
    {source: cells, target: cells, equations: "w : 1", on_pre: v_post += w*mV, connect: {where: i != j},
     initial: {w: 0.1*j}}
monitors:
  out: {kind: spikes, source: cells, variables: [v]}
  v: {kind: state, source: cells, variables: [v], indices: [0, 2]}
  w: {kind: state, source: s, variables: [w], indices: "0:2", dt: 10 ms}
  r: {kind: rate, source: cells, bin: 5 ms}
  c: {kind: connectivity, source: s}
  arriving: {kind: events, source: s, event: on_pre, variables: [w, v_post]}
run: {duration: 50 ms, dt: 0.1 ms}
metrics: {rate: mean_rate(out), highest: max(v.v), each: counts(out)}
plots: [{kind: raster, monitor: out}]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("api") / "small.yaml"
    path.write_text(FILE, encoding="utf-8")
    (path.parent / "frames.csv").write_text("0,1\n1,0\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(file):
    return snnrun.run(file, out=file.parent / "outputs", progress=False)


def test_a_run_in_python_is_the_run_of_the_command_line(result, file):
    assert (result.name, result.status, result.seed, result.dt, result.duration) == ("small", "complete", 1, 1e-4, 0.05)
    again = snnrun.load(file.parent / "outputs" / "small" / "latest")
    assert again.digest == result.digest
    assert [p.name for p in again.pictures] == ["raster.png"]
    assert again.provenance["command"][0] == "snnrun.run"
    assert "20*mV" in again.experiment


def test_what_monitors_recorded_has_its_values_and_units(result):
    spikes = result.spikes["out"]
    with Results.open(result.folder) as stored:
        train, curve = stored.spikes("out"), stored.rates("r")
    np.testing.assert_array_equal(spikes.times.si, train.times_s)
    np.testing.assert_array_equal(spikes.of(1), train.times_s[train.ids == 1])
    assert np.all(spikes.variables["v"].to("mV") > 12 + 2 * spikes.ids)
    assert len(spikes) == result.counts["out"].sum() == result.metrics["each"].si.sum()
    trace = result.traces["v"]["v"]
    assert (trace.unit, trace.values.shape, trace.ids.tolist(), trace.pre) == ("V", (500, 2), [0, 2], None)
    assert float(result.metrics["highest"]) == np.max(trace.values)
    synapse = result.traces["w"]["w"]
    assert (synapse.pre.tolist(), synapse.post.tolist(), synapse.values.shape) == ([0, 0], [1, 2], (5, 2))
    np.testing.assert_array_equal(result.rates["r"].values, curve.values)
    connectivity = result.connectivity["c"]
    assert len(connectivity) == 6
    np.testing.assert_allclose(connectivity.to_matrix("w"), (1 - np.eye(3)) * [0, 0.1, 0.2])


def test_events_at_synapses_have_times_ends_and_values(result):
    events, pairs = result.synapse_events["arriving"], result.connectivity["c"]
    assert len(events) == 2 * len(result.spikes["out"])  # each neuron has two targets, without a delay
    assert np.array_equal(events.pre, pairs.pre[events.ids])
    assert np.array_equal(events.post, pairs.post[events.ids])
    assert np.array_equal(events.variables["w"].si, 0.1 * events.post)
    assert events.variables["v_post"].unit == "V"
    assert set(events.of(0).si) == set(result.spikes["out"].of(0).si)
    frame = events.to_pandas()
    assert list(frame) == ["time", "synapse", "pre", "post", "w", "v_post"]
    assert len(frame) == len(events)


def test_stimuli_have_the_times_and_labels_of_their_frames(result):
    shown = result.stimuli["shown"]
    assert shown.start.to("ms") == pytest.approx([0, 15])
    assert shown.stop.to("ms") == pytest.approx([10, 25])
    assert shown.labels.tolist() == [4, 7]
    assert list(shown.to_pandas()) == ["start", "stop", "label"]


def test_values_are_taken_as_arrays_and_convert_to_units_of_their_dimension():
    values = Values([0.001, -0.07], "V")
    np.testing.assert_array_equal(np.asarray(values), [0.001, -0.07])
    np.testing.assert_allclose(values.to("mV"), [1, -70], rtol=1e-15)
    assert (repr(values), repr(values[1]), float(values[0])) == ("<2 values in V>", "-70 mV", 0.001)
    with pytest.raises(ValueError, match=r"`ms` measures a time \[s\], these values are in V"):
        values.to("ms")
    with pytest.raises(ValueError, match="`volts` is not a unit"):
        values.to("volts")


def test_a_name_that_is_not_there_names_those_that_are(result):
    with pytest.raises(KeyError, match="no `nobody` among the monitors of spikes: out"):
        result.spikes["nobody"]
    with pytest.raises(KeyError, match="no `u` among the variables of `v`: v"):
        result.traces["v"]["u"]
    with pytest.raises(KeyError, match="no `nothing` among the metrics: "):
        result.metrics["nothing"]


def test_pandas_and_xarray_get_the_same_numbers(result):
    pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    frame = result.spikes["out"].to_pandas()
    assert list(frame.columns) == ["time", "neuron", "v"]
    np.testing.assert_array_equal(frame["time"], result.spikes["out"].times)
    trace = result.traces["v"]["v"]
    assert trace.to_pandas().loc[:, 2].to_numpy().tolist() == trace.values.si[:, 1].tolist()
    array = trace.to_xarray()
    assert (array.dims, array.attrs["units"], array.shape) == (("time", "element"), "V", (500, 2))
    assert result.traces["w"]["w"].to_xarray().post.to_numpy().tolist() == [1, 2]
    assert result.rates["r"].to_pandas().index.tolist() == result.rates["r"].times.si.tolist()
    assert len(result.connectivity["c"].to_pandas()) == 6


def test_neo_gets_trains_and_signals_with_units(result):
    pytest.importorskip("neo")
    block = result.to_neo()
    (segment,) = block.segments
    assert [len(train) for train in segment.spiketrains] == result.counts["out"].tolist()
    signal = segment.analogsignals[0]
    assert (str(signal.units.dimensionality), signal.shape) == ("V", (500, 2))
    assert float(signal.sampling_period.rescale("ms")) == pytest.approx(0.1)


def test_a_notebook_shows_summary_and_pictures(result):
    shown = result._repr_html_()
    assert shown.startswith("<pre>Run small: complete")
    assert shown.count("data:image/png;base64,") == 1


def test_a_sweep_is_a_grid_with_axes_and_points(file):
    swept = file.parent / "swept.yaml"
    swept.write_text(
        FILE.replace("name: small", "name: swept")
        + "sweep: {axes: {tau: [5 ms, 10 ms, 20 ms]}, repeat: 2, keep: results}\n",
        encoding="utf-8",
    )
    sweep = snnrun.run(swept, {"run.duration": "20 ms"}, out=file.parent / "outputs", plots=False, progress=False)
    assert (sweep.name, sweep.shape, len(sweep), list(sweep.axes)) == ("swept", (3, 2), 6, ["tau", "repeat"])
    np.testing.assert_allclose(sweep.axes["tau"].to("ms"), [5, 10, 20])
    assert sweep.metrics["rate"].unit == "Hz"
    assert sweep.metrics["each"].shape == (3, 2, 3)
    assert set(sweep.status.ravel()) == {"complete"}
    point = sweep.point(1, 0)
    assert float(point.metrics["rate"]) == sweep.metrics["rate"].si[1, 0]
    assert point.duration == 0.02
    assert [float(p.metrics["rate"]) for p in sweep.points()] == sweep.metrics["rate"].si.ravel().tolist()
    frame, data = sweep.to_pandas(), sweep.to_xarray()
    assert frame["rate [Hz]"].tolist() == sweep.metrics["rate"].si.ravel().tolist()
    assert data["rate"].sel(tau=0.01).to_numpy().tolist() == sweep.metrics["rate"].si[1].tolist()
    assert data["each"].dims == ("tau", "repeat", "each_element")
    with pytest.raises(IndexError, match="there are 6 points"):
        sweep.point(6)


def test_errors_of_the_file_carry_their_places(file):
    wrong = file.parent / "wrong.yaml"
    wrong.write_text(FILE.replace("20*mV - v", "20*ms - v"), encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        snnrun.run(wrong)
    assert "wrong.yaml:9:" in caught.value.__notes__[0]
    with pytest.raises(StorageError, match="CMP101"):
        snnrun.load(file.parent / "outputs" / "smaal")


def test_importing_the_package_imports_nothing_else():
    code = "import sys, snnrun; sys.exit(len([m for m in sys.modules if m.startswith(('snnrun.', 'numpy', 'h5py'))]))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

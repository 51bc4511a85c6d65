"""Programs that are not ours open what a run and a sweep write. Those that are not installed are skipped."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import h5py
import libsonata
import numpy as np
import pytest
import xarray as xr

from snnrun.results.reader import Results
from snnrun.results.sweep_table import Axis, Coordinate, read_sweep, write_sweep
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

pytestmark = pytest.mark.readers

FILE = """\
version: 1
name: readers
groups:
  cells:
    size: 5
    equations: "dv/dt = (30*mV*(1+i/4) - v)/(10*ms) : volt"
    method: exact
    threshold: v > 20*mV
    reset: v = 0*mV
synapses:
  rec:
    source: cells
    target: cells
    equations: "w : volt"
    on_pre: v_post += w
    connect: {p: 0.5}
    initial: {w: 0.1*mV}
    delay: 1 ms
monitors:
  out: {kind: spikes, source: cells, variables: [v]}
  v: {kind: state, source: cells, variables: [v]}
  some: {kind: state, source: cells, variables: [v], indices: [1, 3], dt: 1 ms, window: [10 ms, 40 ms]}
  single: {kind: state, source: cells, variables: [v], indices: [1, 3], dt: 1 ms, dtype: float32}
  wires: {kind: connectivity, source: rec, variables: [w]}
  rate: {kind: rate, source: cells, bin: 1 ms}
run: {duration: 50 ms, dt: 0.1 ms}
metrics: {rate: mean_rate(out), rates: rates(out)}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run with every kind of monitor."""
    place = tmp_path_factory.mktemp("readers")
    (place / "readers.yaml").write_text(FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(place / "kernels"))
        return pipeline.run(
            pipeline.check(pipeline.read(place / "readers.yaml")), place / "out", RunOptions(plots=False)
        ).folder


@pytest.fixture(scope="module")
def spikes(run):
    with Results.open(run) as results:
        train = results.spikes("out")
    assert len(train.ids) > 20
    return train


@pytest.fixture(scope="module")
def samples(run):
    with Results.open(run) as results:
        return results.states("some", "v")


@pytest.fixture
def sweep(tmp_path):
    """A table with text, repetitions, parameters along an axis, and a metric with one value a neuron."""
    axes = [Axis("sample", "1", np.arange(4)), Axis("method", None, ["euler", "rk2"]), Axis("repeat", "1", [1.0, 2.0])]
    rate = np.arange(16.0).reshape(4, 2, 2)
    each = np.arange(48.0).reshape(4, 2, 2, 3)
    along = [Coordinate("sample", "groups.exc.tau", "s", [0.001, 0.005, 0.002, 0.004])]
    write_sweep(tmp_path, axes, {"rate": (rate, "Hz"), "rates": (each, "Hz")}, np.ones((4, 2, 2)), coordinates=along)
    return tmp_path


def test_libsonata_reads_spikes_reports_and_edges(run, spikes, samples):
    file = str(run / "results.h5")
    found = libsonata.SpikeReader(file)["cells"].get()
    assert [(i, pytest.approx(t)) for i, t in found] == list(zip(spikes.ids, spikes.times_s * 1e3, strict=True))
    report = libsonata.SomaReportReader(file)["some.v"].get()
    assert np.allclose(report.data, samples.data)
    assert np.allclose(report.times, samples.times_s * 1e3)
    edges = libsonata.EdgePopulation(file, "", "rec")
    assert edges.size > 0


@pytest.mark.filterwarnings("ignore")
def test_bmtk_reads_spikes_reports_and_edges(run, spikes, samples, tmp_path):
    pytest.importorskip("bmtk")
    from bmtk.utils.reports import SpikeTrains
    from bmtk.utils.reports.compartment import CompartmentReport
    from bmtk.utils.sonata import File

    file = shutil.copy(run / "results.h5", tmp_path)  # bmtk keeps its files open
    trains = SpikeTrains.from_sonata(file)
    assert trains.populations == ["cells"]
    for neuron in range(5):
        own = trains.get_times(neuron, population="cells")
        assert np.allclose(own, spikes.times_s[spikes.ids == neuron] * 1e3)
        assert len(own) > 2
    report = CompartmentReport.load(file)
    assert sorted(report.populations) == ["single.v", "some.v", "v.v"]
    assert list(report.node_ids(population="some.v")) == [1, 3]
    assert [f(population="some.v") for f in (report.tstart, report.tstop, report.dt)] == [10.0, 40.0, 1.0]
    assert report.units(population="some.v") == "V"
    assert np.allclose(report.data(node_id=3, population="some.v").ravel(), samples.data[:, 1])
    # bmtk wants a table of types of each, and says so otherwise
    for what, column in (("edge", "template"), ("node", "pop_name")):
        (tmp_path / f"{what}.csv").write_text(f"{what}_type_id {column}\n-1 any\n")
    whole = File(data_files=[file], data_type_files=[str(tmp_path / f"{what}.csv") for what in ("edge", "node")])
    edges = whole.edges
    (name,) = edges.population_names
    with Results.open(run) as results:
        pairs = results.connectivity("wires")
    found = [(edge.source_node_id, edge.target_node_id) for edge in edges[name]]
    assert sorted(found) == sorted(zip(pairs.pre, pairs.post, strict=True))
    assert found
    for neuron in range(5):
        into = [edge.source_node_id for edge in edges[name].get_target(neuron)]
        assert sorted(into) == sorted(pairs.pre[pairs.post == neuron])
        out = [edge.target_node_id for edge in edges[name].get_source(neuron)]
        assert sorted(out) == sorted(pairs.post[pairs.pre == neuron])
    cells = whole.nodes["cells"]
    assert [(node.node_id, node["model_type"]) for node in cells] == [(k, b"point_neuron") for k in range(5)]


def test_pyfive_reads_all_but_the_views(run, spikes, samples):
    file = pytest.importorskip("pyfive").File(str(run / "results.h5"))
    assert np.allclose(file["spikes/cells/timestamps"][...], spikes.times_s * 1e3)
    report = file["report/single.v/data"]
    assert report.dtype == np.float32
    with Results.open(run) as results:
        assert np.array_equal(report[...], results.states("single", "v").data)
        pairs = results.connectivity("wires")
    assert np.array_equal(report[10:40], samples.data.astype(np.float32))
    assert np.array_equal(file["edges/rec/target_node_id"][...], pairs.post)
    assert np.array_equal(file["edges/rec/0/syn_weight"][...], pairs.values["w"])
    assert file["nodes/cells/node_type_id"][...].tolist() == [-1] * 5


def dumped(file, *options):
    program = shutil.which("h5dump")
    if program is None:
        pytest.skip("h5dump is not installed")
    done = subprocess.run([program, *options, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_h5dump_reads_every_byte_of_a_run(run, spikes):
    assert "H5T_STD_U32LE" in dumped(run / "results.h5", "-a", "/magic")
    text = dumped(run / "results.h5", "-A", "0", "-y", "-w", "1", "-d", "/spikes/cells/timestamps")
    numbers = re.findall(r"^\s+([\d.]+),?$", text, re.MULTILINE)
    assert np.allclose([float(n) for n in numbers], spikes.times_s * 1e3, rtol=1e-5)
    everything = dumped(run / "results.h5")
    with h5py.File(run / "results.h5") as file:
        names = []
        file.visit(names.append)
    assert len(names) > 20
    assert all(f'"{name.rpartition("/")[2]}"' in everything for name in names)


def test_h5dump_reads_a_sweep(sweep):
    text = dumped(sweep / "sweep.h5")
    assert all(name in text for name in ('"rate"', '"rates"', '"groups.exc.tau"', '"method"', "DIMENSION_LIST"))


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_reads_a_sweep_with_both_engines(sweep, engine):
    pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
    table = read_sweep(sweep)
    with xr.open_dataset(sweep / "sweep.h5", engine=engine) as data:
        assert data["rate"].dims == ("sample", "method", "repeat")
        assert data["rates"].dims == ("sample", "method", "repeat", "rates_element")
        assert np.array_equal(data["rates"].values, table.metrics["rates"][0])
        assert float(data["rate"].sel({"method": "rk2", "repeat": 2.0, "sample": 3})) == 15.0
        assert {"groups.exc.tau", "sample", "method", "repeat"} <= set(data.coords)
        assert data["groups.exc.tau"].attrs["units"] == "s"
        assert data["status"].dtype == np.int8


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_reads_what_a_run_sampled_with_both_engines(run, samples, engine):
    pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
    with xr.open_dataset(run / "results.h5", engine=engine, group="snnrun/states/some") as data:
        assert np.array_equal(data["v"].values, samples.data)
        assert data["v"].attrs["units"] == "V"
        assert np.allclose(data["time"].values.astype(float), samples.times_s * 1e3)


def test_one_value_a_neuron_has_no_place_in_points_csv_and_one_in_metrics_json(run, sweep):
    head = (sweep / "points.csv").read_text().split("\n", 1)[0]
    assert head == "point,sample,method,repeat,groups.exc.tau [s],rate [Hz],status"
    plain = json.loads((Path(run) / "metrics.json").read_text())
    assert len(plain["rates"]["value"]) == 5
    assert np.mean(plain["rates"]["value"]) == pytest.approx(plain["rate"]["value"])

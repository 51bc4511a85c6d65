"""The file a run leaves: exact times, any chunk length the same digest, SONATA and xarray readers open it."""

import hashlib
import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import libsonata
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from snnrun.errors import InternalError, StorageError
from snnrun.results.container import MemoryFile
from snnrun.results.grid import Grid
from snnrun.results.layout import (
    Column,
    ConnectivityChannel,
    Description,
    GroupFacts,
    MonitorKind,
    RateChannel,
    RecordingPlan,
    RunStatus,
    SpikeChannel,
    StateChannel,
    Subgroup,
    ValueType,
)
from snnrun.results.reader import Results
from snnrun.results.writer import ResultsWriter

DESCRIPTION = Description(
    "lif-demo",
    "LIF démo $x$",
    "3f9a1c02",
    7,
    1e-4,
    0.03,
    (GroupFacts("pop", 5, ("v", -0.05), ("v", -0.065), 0.005, (Subgroup("exc", 0, 4), Subgroup("inh", 4, 5))),),
)
PLAN = RecordingPlan(
    spikes=(
        SpikeChannel("out", "pop", 5, columns=(Column("v", "V"),)),
        SpikeChannel("total", "pop", 5, counts_only=True),
        SpikeChannel("silent", "pop", 5),
    ),
    states=(
        StateChannel(
            "trace", "pop", np.array([0, 3]), (Column("v", "V"), Column("on", "1", ValueType.BOOLEAN)), 0.0, 1e-4
        ),
        StateChannel(
            "weights",
            "syn",
            np.array([2, 9, 11]),
            (Column("w", "S"),),
            0.0,
            1e-3,
            np.array([0, 1, 2]),
            np.array([4, 3, 2]),
        ),
    ),
    rates=(RateChannel("rate", "pop", 5, 1e-3, 5e-3),),
    connectivities=(ConnectivityChannel("pairs", "syn", "pop", "pop", 5, 5),),
)
STEPS = np.array([1, 5, 138, 138, 299])
IDS = np.array([0, 4, 1, 2, 3])
SPIKE_V = np.array([-0.05, -0.049, -0.048, -0.047, -0.046])
TRACE = np.linspace(-0.07, -0.05, 600).reshape(300, 2)
FLAGS = np.arange(600).reshape(300, 2) % 3 == 0
WEIGHTS = np.linspace(0, 1e-9, 90).reshape(30, 3)
RATE = np.linspace(0, 40, 30)


def cuts(length: int, at: list[int]) -> list[slice]:
    edges = sorted({0, length, *(a % (length + 1) for a in at)})
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def record(path: Path, at: list[int] = (), status: RunStatus = RunStatus.COMPLETE):
    """Write everything once, cut into chunks at some places."""
    with ResultsWriter(path, PLAN, DESCRIPTION, {"format": 1}) as writer:
        for s in cuts(5, at):
            writer.add_spikes("out", STEPS[s], IDS[s], {"v": SPIKE_V[s]})
        for s in cuts(300, at):
            writer.add_states("trace", {"v": TRACE[s], "on": FLAGS[s]})
        for s in cuts(30, at):
            writer.add_states("weights", {"w": WEIGHTS[s]})
            writer.add_rates("rate", RATE[s])
        writer.put_counts("total", np.array([1, 1, 1, 1, 1]))
        writer.put_connectivity(
            "pairs", np.array([0, 0, 3]), np.array([1, 2, 4]), {"w": (np.array([1e-9, 2e-9, 3e-9]), "S")}
        )
        writer.put_series("fi", {"x": ([0.0, 1.0], "A", "current"), "y": ([5.0, 9.0], "Hz", "rate")})
        return writer.finish({"mean": (12.5, "Hz"), "each": (np.array([1.0, 2.0]), "Hz")}, status)


@pytest.fixture(scope="module")
def results_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "results.h5"
    record(path)
    return path


@given(k=st.integers(0, 10**8), tenths=st.integers(1, 1000))
def test_a_time_is_the_double_nearest_to_the_decimal_a_person_reads(k, tenths):
    dt_us = tenths * 5  # steps of 5 us: 0.005 ms, 0.025 ms, 0.1 ms, ...
    shown = f"{k * dt_us // 1000}.{k * dt_us % 1000:03d}"
    assert Grid.of(0.0, dt_us * 1e-6).milliseconds(np.array([k]))[0] == float(shown)


def test_step_12_at_a_tenth_of_a_millisecond_is_1_2_ms():
    assert 12 * 1e-4 * 1e3 != 1.2  # what a plain product gives
    grid = Grid.of(0.0, 0.1 * 1e-3)
    assert grid.milliseconds(np.array([12, 138])).tolist() == [1.2, 13.8]
    assert grid.seconds(np.array([12, 138])).tolist() == [0.0012, 0.0138]


def test_a_step_that_is_no_simple_fraction_stays_within_rounding():
    dt = 1e-4 * np.pi
    k = np.arange(0, 10**6, 997)
    assert np.allclose(Grid.of(0.0, dt).milliseconds(k), k * dt * 1e3, rtol=1e-15, atol=0)


def test_a_grid_that_starts_late_counts_from_its_start():
    assert Grid.of(0.1, 1e-4).milliseconds(np.array([0, 3])).tolist() == [100.0, 100.3]


def test_everything_recorded_reads_back(results_file):
    with Results.open(results_file) as results:
        assert results.description == DESCRIPTION
        assert results.status is RunStatus.COMPLETE
        assert [m.name for m in results.monitors()] == ["out", "total", "silent", "trace", "weights", "rate", "pairs"]
        out = results.spikes("out")
        assert out.times_s.tolist() == [1e-4, 5e-4, 0.0138, 0.0138, 0.0299]
        assert out.ids.tolist() == IDS.tolist()
        assert out.extras["v"].tolist() == SPIKE_V.tolist()
        trace = results.states("trace", "v")
        assert np.array_equal(trace.data, TRACE)
        assert trace.times_s[138] == 0.0138
        assert trace.ids.tolist() == [0, 3]
        assert np.array_equal(results.states("trace", "on").data, FLAGS)
        weights = results.states("weights", "w", elements=[1])
        assert weights.unit == "S"
        assert np.array_equal(weights.data, WEIGHTS[:, [1]])
        assert (weights.ids.tolist(), weights.pre.tolist(), weights.post.tolist()) == ([9], [1], [3])
        rate = results.rates("rate")
        assert np.array_equal(rate.values, RATE)
        assert (rate.bin, rate.smooth, rate.group, rate.size) == (1e-3, 5e-3, "pop", 5)
        pairs = results.connectivity("pairs")
        assert (pairs.pre.tolist(), pairs.post.tolist()) == ([0, 0, 3], [1, 2, 4])
        assert pairs.units == {"w": "S"}
        assert (pairs.source_size, pairs.target_size) == (5, 5)
        curve = results.series("fi")
        assert list(curve) == ["x", "y"]
        assert (curve["y"].values.tolist(), curve["y"].unit, curve["y"].label) == ([5.0, 9.0], "Hz", "rate")
        assert results.metrics["mean"].value == 12.5
        assert results.metrics["each"].value.tolist() == [1.0, 2.0]
        assert set(results.metrics) == {"mean", "each"}


def test_counts_come_from_spikes_or_from_the_stored_counts(results_file):
    with Results.open(results_file) as results:
        assert results.counts("out").tolist() == [1, 1, 1, 1, 1]
        assert results.counts("total").tolist() == [1, 1, 1, 1, 1]
        assert results.counts("silent").tolist() == [0, 0, 0, 0, 0]


def test_a_window_includes_its_beginning_and_not_its_end(results_file):
    with Results.open(results_file) as results:
        assert results.spikes("out", (0.0005, 0.0299)).ids.tolist() == [4, 1, 2]


@settings(max_examples=25, deadline=None)
@given(at=st.lists(st.integers(0, 300), max_size=12))
def test_chunk_lengths_change_neither_digest_nor_bytes(at, tmp_path_factory, results_file):
    path = tmp_path_factory.mktemp("chunks") / "results.h5"
    digest = record(path, at)
    assert path.read_bytes() == results_file.read_bytes()
    with Results.open(results_file) as results:
        assert results.digest() == digest


def test_the_digest_is_sha256_over_name_unit_type_shape_and_bytes(tmp_path):
    plan = RecordingPlan(spikes=(SpikeChannel("a", "g", 3),))
    with ResultsWriter(tmp_path / "r.h5", plan, DESCRIPTION) as writer:
        writer.add_spikes("a", np.array([10, 20]), np.array([2, 1]))
        found = writer.finish({}, "complete")
    ids = hashlib.sha256((2).to_bytes(8, "little") + (1).to_bytes(8, "little")).hexdigest()
    times = hashlib.sha256(np.array([1.0, 2.0], "<f8").tobytes()).hexdigest()
    lines = f"spikes/a/node_ids\x001\x00<u8\x002\x00{ids}\nspikes/a/timestamps\x00ms\x00<f8\x002\x00{times}\n"
    assert found.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_the_digest_sees_one_changed_bit_but_not_metrics_or_status(tmp_path):
    def digest(name, shift, metrics, status):
        with ResultsWriter(tmp_path / name, RecordingPlan(states=(PLAN.states[1],)), DESCRIPTION) as writer:
            values = WEIGHTS.copy()
            values[3, 1] = np.nextafter(values[3, 1], 1) if shift else values[3, 1]
            writer.add_states("weights", {"w": values})
            return writer.finish(metrics, status).sha256

    plain = digest("a", False, {}, "complete")
    assert digest("b", False, {"m": (1.0, "1")}, "failed") == plain
    assert digest("c", True, {}, "complete") != plain


def test_another_process_writes_the_same_bytes(tmp_path, results_file):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_results_writer as t; from pathlib import Path;"
        "t.record(Path(sys.argv[2]))"
    )
    other = tmp_path / "other.h5"
    subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(other)],
        check=True,
        env={
            "MALLOC_PERTURB_": "90",
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "TZ": "Asia/Tokyo",
            "PYTHONHASHSEED": "77",
        },
    )
    assert other.read_bytes() == results_file.read_bytes()


def test_a_recording_larger_than_memory_blocks_goes_to_disk_with_the_same_digest(tmp_path, monkeypatch):
    monkeypatch.setattr("snnrun.results.streams.WAITING_BYTES", 1 << 20)
    plan = RecordingPlan(
        states=(StateChannel("s", "g", np.arange(1000), (Column("v", "V"),), 0.0, 1e-4),),
        spikes=(SpikeChannel("a", "g", 1000),),
    )
    values = np.arange(700_000, dtype=float).reshape(700, 1000)
    steps = np.arange(300_000) // 100
    digests = []
    for name, chunk in (("one", 700), ("many", 13)):
        with ResultsWriter(tmp_path / name, plan, DESCRIPTION) as writer:
            for start in range(0, 700, chunk):
                writer.add_states("s", {"v": values[start : start + chunk]})
                assert writer._file.streams["snnrun/states/s/v"].pending_bytes < 2 << 20
            for start in range(0, 300_000, chunk * 100):
                part = steps[start : start + chunk * 100]
                writer.add_spikes("a", part, part % 1000)
            digests.append(writer.finish({}, "complete"))
        with Results.open(tmp_path / name) as results:
            assert results.digest() == digests[-1]
            assert np.array_equal(results.states("s", "v", [7]).data[:, 0], values[:, 7])
            assert np.array_equal(results.spikes("a").times_s, steps / 10_000)
            assert results.spikes("a", (0.1, 0.1001)).ids.tolist() == [0] * 100
    assert digests[0] == digests[1]


SINGLE = StateChannel("s", "g", np.arange(40), (Column("v", "V", ValueType.SINGLE),), 0.0, 1e-4)
TRACES = np.cumsum(np.random.default_rng(2).normal(size=(3000, 40)), axis=0).round(1)


def test_single_samples_are_a_report_of_their_own(tmp_path):
    with ResultsWriter(tmp_path / "r.h5", RecordingPlan(states=(SINGLE,)), DESCRIPTION) as writer:
        writer.add_states("s", {"v": TRACES.astype(np.float32)})
        digest = writer.finish({}, "complete")
    with h5py.File(tmp_path / "r.h5") as file:
        report = file["report/s.v/data"]
        assert report == file["snnrun/states/s/v"]
        assert (report.dtype, report.is_virtual, report.attrs["units"]) == (np.float32, False, "V")
    frame = libsonata.ElementReportReader(str(tmp_path / "r.h5"))["s.v"].get(node_ids=[7])
    assert np.array_equal(frame.data[:, 0], TRACES[:, 7].astype(np.float32))
    with Results.open(tmp_path / "r.h5") as results:
        assert results.digest() == digest
        assert results.states("s", "v").data.dtype == np.float32


@pytest.mark.parametrize("memory", [16 << 20, 1 << 18], ids=["in memory", "on the disk"])
def test_compression_changes_no_value_and_no_digest(tmp_path, monkeypatch, memory):
    monkeypatch.setattr("snnrun.results.streams.WAITING_BYTES", memory)
    spikes = SpikeChannel("a", "g", 40, columns=(Column("v", "V"),))
    digests, sizes = [], []
    for compressed in (False, True):
        path = tmp_path / f"{compressed}.h5"
        plan = RecordingPlan((replace(spikes, compressed=compressed),), (replace(SINGLE, compressed=compressed),))
        with ResultsWriter(path, plan, DESCRIPTION) as writer:
            for start in range(0, 3000, 37):
                writer.add_states("s", {"v": TRACES[start : start + 37]})
            writer.add_spikes("a", np.arange(3000), np.arange(3000) % 40, {"v": TRACES[:, 3]})
            digests.append(writer.finish({}, "complete"))
        with Results.open(path) as results:
            assert np.array_equal(results.states("s", "v").data, TRACES.astype(np.float32))
            assert np.array_equal(results.spikes("a").extras["v"], TRACES[:, 3])
        with h5py.File(path) as file:
            assert file["snnrun/states/s/v"].compression == ("gzip" if compressed else None)
            sizes.append(
                file["snnrun/states/s/v"].id.get_storage_size() + file["snnrun/spikes/a/v"].id.get_storage_size()
            )
    assert digests[0] == digests[1]
    assert sizes[1] < sizes[0] / 2


def test_a_column_is_read_without_most_of_the_others(tmp_path, monkeypatch):
    plan = RecordingPlan(states=(StateChannel("s", "g", np.arange(4000), (Column("v", "V"),), 0.0, 1e-4),))
    with ResultsWriter(tmp_path / "r.h5", plan, DESCRIPTION) as writer:
        for _ in range(6):
            writer.add_states("s", {"v": np.zeros((100, 4000))})
        writer.finish({}, "complete")
    with h5py.File(tmp_path / "r.h5") as file:
        rows, columns = file["snnrun/states/s/v"].chunks
        assert rows == 131
        assert columns == 1000


def test_samples_of_a_phase_that_does_not_record_are_missing(tmp_path):
    with ResultsWriter(tmp_path / "r.h5", RecordingPlan(states=(PLAN.states[0],)), DESCRIPTION) as writer:
        writer.add_states("trace", {"v": TRACE[:2], "on": FLAGS[:2]}, first=0)
        writer.add_states("trace", {"v": TRACE[5:7], "on": FLAGS[5:7]}, first=5)
        writer.finish({}, "complete")
    with Results.open(tmp_path / "r.h5") as results:
        trace = results.states("trace", "v")
        assert np.isnan(trace.data).all(axis=1).tolist() == [False, False, True, True, True, False, False]
        assert trace.times_s[5] == 0.0005


def test_a_variable_may_have_the_name_of_sonatas_own_tables(tmp_path):
    plan = RecordingPlan(
        spikes=(SpikeChannel("a", "g", 2, columns=(Column("timestamps", "1"),)),),
        states=(StateChannel("s", "g", np.array([0]), (Column("time", "s"), Column("pre", "1")), 0.0, 1e-4),),
    )
    with ResultsWriter(tmp_path / "r.h5", plan, DESCRIPTION) as writer:
        writer.add_spikes("a", np.array([3]), np.array([1]), {"timestamps": np.array([42.0])})
        writer.add_states("s", {"time": np.array([[9.0]]), "pre": np.array([[8.0]])})
        writer.finish({}, "complete")
    with Results.open(tmp_path / "r.h5") as results:
        assert results.spikes("a").extras["timestamps"].tolist() == [42.0]
        assert results.states("s", "time").data.tolist() == [[9.0]]
        assert results.states("s", "pre").data.tolist() == [[8.0]]


def test_libsonata_reads_spikes(results_file):
    reader = libsonata.SpikeReader(str(results_file))
    assert sorted(reader.get_population_names()) == ["pop"]
    assert reader["pop"].sorting == "by_time"
    assert reader["pop"].time_units == "ms"
    assert reader["pop"].get() == [(0, 0.1), (4, 0.5), (1, 13.8), (2, 13.8), (3, 29.9)]


def test_libsonata_reads_states(results_file):
    reader = libsonata.ElementReportReader(str(results_file))
    assert sorted(reader.get_population_names()) == ["trace.on", "trace.v", "weights.w"]
    report = reader["trace.v"]
    assert report.times == (0.0, 30.0, 0.1)
    assert (report.time_units, report.data_units, report.sorted) == ("ms", "V", True)
    assert list(report.get_node_ids()) == [0, 3]
    frame = report.get(node_ids=[3])
    assert np.array_equal(frame.data[:, 0], TRACE[:, 1].astype(np.float32))
    assert frame.times[138] == pytest.approx(13.8)  # it adds up the steps itself


def test_libsonata_reads_pairs(results_file):
    edges = libsonata.EdgePopulation(str(results_file), "", "syn")
    every = libsonata.Selection([0, 1, 2])
    assert (edges.size, edges.source, edges.target) == (3, "pop", "pop")
    assert edges.source_nodes(every).tolist() == [0, 0, 3]
    assert edges.target_nodes(every).tolist() == [1, 2, 4]
    assert edges.get_attribute("w", every).tolist() == [1e-9, 2e-9, 3e-9]


@pytest.mark.parametrize(
    ("group", "sizes"),
    [
        ("snnrun/spikes/out", {"timestamps": 5}),
        ("snnrun/spikes/silent", {"timestamps": 0}),
        ("spikes/pop", {"timestamps": 5}),
        ("nodes/pop", {"node": 5}),
        ("report/trace.v", {"time": 300, "element": 2}),
        ("report/trace.v/mapping", {"node_ids": 2, "index_pointers": 3, "index_pointer": 3, "start_stop_step": 3}),
        ("snnrun/states/trace", {"time": 300, "element": 2}),
        ("snnrun/states/weights", {"time": 30, "element": 3}),
        ("snnrun/rates/rate", {"time": 30}),
        ("snnrun/counts", {"total.neuron": 5}),
        ("snnrun/series/fi", {"row": 2}),
        ("snnrun/metrics", {"each.axis0": 2}),
        ("edges/syn", {"edge": 3}),
        ("edges/syn/indices/target_to_source", {"node": 5, "range": 3, "ends": 2}),
    ],
)
def test_xarray_opens_every_group_with_named_dimensions(results_file, group, sizes):
    with xr.open_dataset(results_file, engine="h5netcdf", group=group) as data:
        assert dict(data.sizes) == sizes


def test_xarray_sees_times_units_and_values(results_file):
    with xr.open_dataset(results_file, engine="h5netcdf", group="snnrun/states/trace") as data:
        assert data["v"].attrs["units"] == "V"
        assert float(data["v"].sel(time=13.8, element=3)) == TRACE[138, 1]
    with xr.open_dataset(results_file, engine="h5netcdf", group="spikes/pop") as data:
        assert data["timestamps"].attrs["units"] == "ms"
        assert data["node_ids"].sel(timestamps=29.9).item() == 3


def test_the_root_carries_sonatas_magic_and_the_sorting_is_an_enum(results_file):
    with h5py.File(results_file) as file:
        assert file.attrs["magic"] == 0x0A7A
        assert file.attrs["magic"].dtype == np.uint32
        assert file.attrs["version"].shape == (2,)
        kind = file["snnrun/spikes/out"].attrs.get_id("sorting").dtype
        assert h5py.check_enum_dtype(kind) == {"none": 0, "by_id": 1, "by_time": 2}


def test_spikes_out_of_order_are_not_called_sorted(tmp_path):
    with ResultsWriter(tmp_path / "r.h5", RecordingPlan(spikes=(SpikeChannel("a", "pop", 5),)), DESCRIPTION) as writer:
        writer.add_spikes("a", np.array([5]), np.array([0]))
        writer.add_spikes("a", np.array([4]), np.array([1]))
        writer.finish({}, "complete")
    assert libsonata.SpikeReader(str(tmp_path / "r.h5"))["pop"].sorting == "none"
    with Results.open(tmp_path / "r.h5") as results:
        assert results.spikes("a", (0.0004, 0.0005)).ids.tolist() == [1]


def test_an_existing_file_is_never_written_over(tmp_path, results_file):
    before = results_file.read_bytes()
    with pytest.raises(StorageError, match="ST105"):
        ResultsWriter(results_file, PLAN, DESCRIPTION)
    assert results_file.read_bytes() == before


def test_an_error_while_recording_leaves_no_file(tmp_path):
    path = tmp_path / "r.h5"
    plan = RecordingPlan(spikes=(SpikeChannel("a", "g", 2),))
    with pytest.raises(KeyboardInterrupt), ResultsWriter(path, plan, DESCRIPTION) as writer:  # noqa: PT012
        writer.add_spikes("a", np.arange(2_200_000), np.zeros(2_200_000, int))
        assert path.exists()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_nearly_full_disk_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1 << 20}))
    path = tmp_path / "r.h5"
    plan = RecordingPlan(spikes=(SpikeChannel("a", "g", 2),))
    with pytest.raises(StorageError, match="ST103"), ResultsWriter(path, plan, DESCRIPTION) as writer:
        writer.add_spikes("a", np.arange(2_200_000), np.zeros(2_200_000, int))
    assert not path.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w: w.add_spikes("out", STEPS, IDS),
        lambda w: w.add_spikes("total", STEPS, IDS),
        lambda w: w.add_spikes("silent", STEPS, IDS[:2]),
        lambda w: w.add_states("trace", {"v": TRACE}),
        lambda w: w.put_series("s", {"x": ([1.0], "1", "x"), "y": ([1.0, 2.0], "1", "y")}),
    ],
)
def test_data_that_does_not_fit_the_plan_is_our_bug(tmp_path, wrong):
    with pytest.raises(InternalError), ResultsWriter(tmp_path / "r.h5", PLAN, DESCRIPTION) as writer:
        wrong(writer)


def test_a_description_survives_json():
    assert Description.from_json(DESCRIPTION.to_json()) == DESCRIPTION


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"name": 1}', "null", DESCRIPTION.to_json().replace('"size": 5', '"size": null')]
)
def test_a_damaged_description_is_a_storage_error(text):
    with pytest.raises(StorageError, match="ST201"):
        Description.from_json(text)


def test_a_damaged_or_missing_file_is_a_storage_error(tmp_path, results_file):
    (tmp_path / "cut.h5").write_bytes(results_file.read_bytes()[:3000])
    (tmp_path / "empty.h5").write_bytes(b"")
    for name in ("cut.h5", "empty.h5", "missing.h5"):
        with pytest.raises(StorageError):
            Results.open(tmp_path / name)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with Results.open(tmp_path / "other.h5") as results, pytest.raises(StorageError):
        _ = results.description


def test_ways_out_of_the_file_are_refused(tmp_path, results_file):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["ids"] = np.arange(5, dtype="u8")
    (tmp_path / "raw.bin").write_bytes(bytes(40))
    for way in ("link", "soft", "virtual", "external"):
        path = tmp_path / f"{way}.h5"
        path.write_bytes(results_file.read_bytes())
        with h5py.File(path, "a") as file:
            group = file["snnrun/spikes/out"]
            del group["node_ids"]
            if way == "link":
                group["node_ids"] = h5py.ExternalLink("secret.h5", "ids")
            elif way == "soft":
                group["node_ids"] = h5py.SoftLink("/snnrun/spikes/out/timestamps")
            elif way == "virtual":
                layout = h5py.VirtualLayout((5,), "u8")
                layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "ids", (5,))
                group.create_virtual_dataset("node_ids", layout)
            else:
                group.create_dataset("node_ids", (5,), "u8", external=[(str(tmp_path / "raw.bin"), 0, 40)])
        with Results.open(path) as results, pytest.raises(StorageError, match="ST204"):
            results.spikes("out")


def test_an_unknown_monitor_names_those_there_are(results_file):
    with Results.open(results_file) as results, pytest.raises(StorageError) as caught:
        results.monitor("oops", MonitorKind.RATE)
    assert "`rate`" in caught.value.diagnostics[0].help


def test_a_file_that_hdf5_cannot_read_back_is_not_published(tmp_path, monkeypatch):
    """HDF5 1.14 left a wrong checksum behind when files in memory were copied."""

    def close(file):
        super(MemoryFile, file).close()
        file._image.getbuffer()[44] ^= 1  # of the checksum

    monkeypatch.setattr(MemoryFile, "close", close)
    with pytest.raises(StorageError, match="ST104"):
        record(tmp_path / "r.h5")
    assert list(tmp_path.iterdir()) == []


def test_no_object_of_a_file_notes_its_time(results_file):
    with h5py.File(results_file) as file:
        noted = [file["/"].id.get_create_plist().get_obj_track_times()]
        file.visititems(lambda _name, node: noted.append(node.id.get_create_plist().get_obj_track_times()))
    assert len(noted) > 20
    assert not any(noted)

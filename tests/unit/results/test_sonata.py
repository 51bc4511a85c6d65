"""SONATA's view of results: populations join, indices lead to edges, and one group of several monitors is one."""

import h5py
import libsonata
import numpy as np
import pytest
import xarray as xr

from snnrun.results.layout import (
    Column,
    ConnectivityChannel,
    Description,
    GroupFacts,
    RecordingPlan,
    SpikeChannel,
    StateChannel,
)
from snnrun.results.reader import Results
from snnrun.results.writer import ResultsWriter

GROUPS = (GroupFacts("input", 3, virtual=True), GroupFacts("pop", 6))
ABOUT = Description("sonata", "", "0" * 8, 1, 1e-4, 0.03, GROUPS)
PRE, POST = np.array([0, 0, 2, 0]), np.array([5, 1, 1, 4])
DELAYS = np.array([1.5e-3, 0.1e-3, 2e-3, 0.3e-3])
EVERY = libsonata.Selection([(0, 4)])


@pytest.fixture
def file(tmp_path):
    """A run with two monitors of parts of a group, one of all its spikes of a short time, and two of its synapses."""
    plan = RecordingPlan(
        spikes=(
            SpikeChannel("exc", "pop.exc", 6, columns=(Column("v", "V"),)),
            SpikeChannel("some", "pop", 6),
            SpikeChannel("inh", "pop.inh", 6),
            SpikeChannel("given", "input", 3),
            SpikeChannel("starts", "input", 3, events=True),
        ),
        states=(StateChannel("v", "pop", np.array([4, 1]), (Column("v", "V"),), 0.0, 1e-3),),
        connectivities=(
            ConnectivityChannel("pairs", "syn", "input", "pop.exc", 3, 6),
            ConnectivityChannel("more", "syn", "input", "pop.exc", 3, 6),
        ),
    )
    with ResultsWriter(tmp_path / "results.h5", plan, ABOUT) as writer:
        writer.add_spikes("exc", np.array([1, 8]), np.array([0, 3]), {"v": np.array([0.5, 0.25])})
        writer.add_spikes("some", np.array([1]), np.array([0]))
        writer.add_spikes("inh", np.array([4]), np.array([5]))
        writer.add_spikes("given", np.array([2]), np.array([2]))
        writer.add_spikes("starts", np.array([9]), np.array([1]))
        writer.add_states("v", {"v": np.arange(60.0).reshape(30, 2)})
        writer.put_connectivity("pairs", PRE, POST, {"w": (np.arange(4) * 1e-9, "S")})
        writer.put_connectivity("more", PRE, POST, {"delay": (DELAYS, "s"), "w": (np.arange(4) * 1e-9, "S")})
        for name, neurons in (("exc", np.arange(4)), ("some", np.array([0, 5])), ("inh", np.array([4, 5]))):
            writer.put_recorded(name, [(0.0, 0.03)], neurons)
        writer.finish({}, "complete")
    return str(tmp_path / "results.h5")


def test_monitors_of_parts_of_a_group_are_one_population(file):
    reader = libsonata.SpikeReader(file)
    assert sorted(reader.get_population_names()) == ["input", "pop"]
    assert reader["pop"].get() == [(0, 0.1), (3, 0.8), (5, 0.4)]  # `some` watches neurons that the others watch
    assert (reader["pop"].sorting, reader["pop"].time_units) == ("none", "ms")
    assert reader["input"].get() == [(2, 0.2)]  # and no other events
    with h5py.File(file) as h5:
        assert list(h5["spikes/pop"].attrs["monitors"]) == ["exc", "inh"]
        assert h5["spikes/pop/timestamps"].is_virtual
        assert h5["spikes/input/timestamps"] == h5["snnrun/spikes/given/timestamps"]


def test_nodes_edges_spikes_and_reports_join_by_name(file):
    edges = libsonata.EdgePopulation(file, "", "syn")
    spikes, report = libsonata.SpikeReader(file)["pop"], libsonata.ElementReportReader(file)["v.v"]
    assert (edges.source, edges.target) == ("input", "pop")
    source, target = (libsonata.NodePopulation(file, "", name) for name in (edges.source, edges.target))
    assert (source.size, target.size) == (3, 6)
    everyone = libsonata.Selection([(0, 3)])
    assert source.get_attribute("model_type", everyone).tolist() == ["virtual"] * 3
    assert target.get_attribute("model_type", everyone).tolist() == ["point_neuron"] * 3
    assert {node for node, _ in spikes.get()} < set(range(target.size))
    assert set(report.get_node_ids()) < set(range(target.size))
    with h5py.File(file) as h5:
        assert h5["report/v.v"].attrs["population"] == "pop"


def test_indices_lead_to_the_edges_of_each_node(file):
    edges = libsonata.EdgePopulation(file, "", "syn")
    for node in range(6):
        assert sorted(edges.afferent_edges(node).flatten()) == np.flatnonzero(node == POST).tolist()
    for node in range(3):
        assert sorted(edges.efferent_edges(node).flatten()) == np.flatnonzero(node == PRE).tolist()
    assert edges.connecting_edges([0, 2], [1]).flatten().tolist() == [1, 2]
    with h5py.File(file) as h5:
        for index in h5["edges/syn/indices"].values():
            assert index["node_id_to_range"] == index["node_id_to_ranges"]


def test_delays_are_in_ms_and_weights_have_sonatas_name_too(file):
    edges = libsonata.EdgePopulation(file, "", "syn")
    assert edges.attribute_names == {"w", "syn_weight", "delay"}
    assert edges.get_attribute("delay", EVERY).tolist() == [1.5, 0.1, 2.0, 0.3]
    assert np.array_equal(edges.get_attribute("syn_weight", EVERY), np.arange(4) * 1e-9)
    with Results.open(file) as results:
        assert results.connectivity("more").values["delay"].tolist() == DELAYS.tolist()
        assert results.connectivity("more").units["delay"] == "s"
        assert results.connectivity("pairs").target == "pop.exc"


def test_edges_onto_edges_and_of_nothing_are_no_edges(tmp_path):
    pairs = (
        ConnectivityChannel("nested", "onto", "pop", "syn", 6, 4),
        ConnectivityChannel("none", "syn", "pop", "pop", 6, 6),
    )
    with ResultsWriter(tmp_path / "r.h5", RecordingPlan(connectivities=pairs), ABOUT) as writer:
        writer.put_connectivity("nested", PRE, np.arange(4))
        writer.put_connectivity("none", PRE[:0], PRE[:0])
        writer.finish({}, "complete")
    with h5py.File(tmp_path / "r.h5") as h5:
        assert list(h5["edges"]) == ["syn"]
    edges = libsonata.EdgePopulation(str(tmp_path / "r.h5"), "", "syn")
    assert (edges.size, edges.afferent_edges(3).flatten().tolist()) == (0, [])


def test_xarray_opens_the_whole_file_as_a_tree(file):
    with xr.open_datatree(file, engine="h5netcdf") as tree:
        assert tree["edges/syn/0/delay"].values.tolist() == [1.5, 0.1, 2.0, 0.3]
        assert tree["report/v.v/mapping"].to_dataset(inherit=False)["time"].values.tolist() == [0.0, 30.0, 1.0]
        assert tree["report/v.v"]["data"].dims == ("time", "element")


def test_results_of_version_0_5_are_read_where_they_stand(file):
    with Results.open(file) as results:
        digest = results.digest()
    with h5py.File(file, "r+") as h5:
        spikes, edges = h5["snnrun/spikes"], h5["snnrun/edges"]
        del h5["spikes"], h5["edges"], h5["snnrun/spikes"], h5["snnrun/edges"]
        h5["spikes"], h5["edges"] = spikes, edges
        for pairs in edges.values():
            del pairs.attrs["source"], pairs.attrs["target"]
    with Results.open(file) as results:
        assert results.spikes("exc").ids.tolist() == [0, 3]
        assert results.connectivity("pairs").source == "input"
        assert results.digest() == digest

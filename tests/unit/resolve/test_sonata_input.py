"""SONATA files of others: the nodes give sizes and values, tables of types the rest, old files of spikes are read."""

import h5py
import numpy as np
import pytest
from data_files import checked, wired

from snnrun.errors import ExperimentError
from snnrun.results.layout import ConnectivityChannel, Description, GroupFacts, RecordingPlan, SpikeChannel
from snnrun.results.writer import ResultsWriter

NETWORK = """\
version: 1
groups:
  v1:
    size: {file: nodes.h5, population: v1}
    equations: |
      dv/dt = -v/tau : volt
      tau : second (constant)
      x : meter
    threshold: v > 1*mV
    initial:
      tau: {file: nodes.h5, population: v1, types: node_types.csv, column: tau_m, unit: ms}
      x: {file: nodes.h5, population: v1, column: x, unit: um}
  lgn: {kind: spikes, size: {file: nodes.h5, population: lgn}, file: spikes.h5}
synapses:
  s:
    source: lgn
    target: v1
    equations: "w : volt"
    on_pre: v_post += w
    connect: {file: edges.h5, types: edge_types.csv, to: {w: syn_weight, delay: delay}, unit: {w: mV, delay: ms}}
monitors:
  wires: {kind: connectivity, source: s, variables: [w, delay]}
run: {duration: 5 ms, dt: 0.1 ms}
"""
TYPES = 'node_type_id model_type pop_name tau_m\n10 point_process e4 20.0\n20 point_process "i 4" 5.5\n'
EDGE_TYPES = "edge_type_id,syn_weight,delay,dynamics_params\n7,0.5,1.0,a.json\n8,0.25,2.0,NULL\n"


@pytest.fixture
def place(tmp_path):
    """Files as those of bmtk: attributes partly of nodes, partly of types, one group of nodes, none of edges."""
    with h5py.File(tmp_path / "nodes.h5", "w") as h5:
        for name, kinds in (("v1", [10, 20, 10]), ("lgn", [1, 1])):
            nodes = h5.create_group(f"nodes/{name}")
            nodes["node_type_id"] = kinds
            nodes["node_group_id"], nodes["node_group_index"] = np.zeros(len(kinds), int), np.arange(len(kinds))[::-1]
            nodes["0/x"] = np.arange(1.0, len(kinds) + 1)
    with h5py.File(tmp_path / "edges.h5", "w") as h5:
        edges = h5.create_group("edges/lgn_to_v1")
        edges["source_node_id"], edges["target_node_id"], edges["edge_type_id"] = [0, 1, 1], [2, 0, 1], [8, 7, 8]
        edges["edge_group_id"], edges["edge_group_index"] = [0, 0, 1], [1, 0, 0]
        edges["0/syn_weight"] = [3.0, 4.0]
        edges.create_group("1")
    with h5py.File(tmp_path / "spikes.h5", "w") as h5:
        h5["spikes/gids"], h5["spikes/timestamps"] = [1, 0], [0.5, 1.5]
    (tmp_path / "node_types.csv").write_text(TYPES)
    (tmp_path / "edge_types.csv").write_text(EDGE_TYPES)
    return tmp_path


def network_of(place, text=NETWORK):
    return checked(place, text).resolved.network


def initial(network, group, name):
    """The values of a variable before the run."""
    (value,) = [line.value for line in network.groups[group].initial if line.variable.name == name]
    return value.payload.array


def test_nodes_give_sizes_and_values_of_nodes_or_of_their_types(place):
    network = network_of(place)
    assert {name: group.size for name, group in network.groups.items()} == {"v1": 3, "lgn": 2}
    assert initial(network, "v1", "tau").tolist() == [0.02, 0.0055, 0.02]
    assert np.allclose(initial(network, "v1", "x"), [3e-6, 2e-6, 1e-6], rtol=1e-15)


def test_old_files_of_spikes_have_no_populations(place):
    schedule = network_of(place).groups["lgn"].schedule
    assert (schedule.steps.tolist(), schedule.ids.tolist()) == ([5, 15], [1, 0])


WRONG = {
    ("population: v1}\n    eq", "population: v4}\n    eq"): ("FIL202", "no population `v4`; there is `lgn`, `v1`"),
    ("{file: nodes.h5, population: lgn}", "{file: nodes.h5}"): ("FIL202", "holds the populations `lgn`, `v1`"),
    ("{file: nodes.h5, population: lgn}", "{file: edges.h5}"): ("FIL202", "holds no `/nodes`"),
    ("{file: nodes.h5, population: lgn}", "{file: none.h5}"): ("FIL201", "there is no file `none.h5`"),
    ("column: tau_m", "column: tau"): ("FIL202", "have no `tau`; they have `x`, `model_type`, `pop_name`, `tau_m`"),
    ("column: tau_m", "column: pop_name"): ("FIL202", "its type 10 has `e4` as `pop_name`"),
    (", column: tau_m", ""): ("FIL202", "its nodes have attributes"),
    (", unit: ms}\n      x", "}\n      x"): ("NET147", "say in which unit"),
    ("types: node_types.csv", "types: edge_types.csv"): ("FIL202", "it has no column `node_type_id`"),
    ("to: {w: syn_weight", "to: {w: dynamics_params"): ("FIL202", "`a.json` as `dynamics_params`"),
    ("file: nodes.h5, population: v1, column: x", "file: a.csv, population: v1, column: x"): ("FIL202", "only SONATA"),
    ("file: nodes.h5, population: v1, column: x", "file: a.csv, types: b.csv, column: x"): ("FIL202", "only SONATA"),
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change[1][:30])
def test_what_is_wrong_is_said_with_what_there_is(place, change):
    code, words = WRONG[change]
    assert change[0] in NETWORK
    with pytest.raises(ExperimentError) as caught:
        network_of(place, NETWORK.replace(*change, 1))
    assert [(item.code, words in item.message + str(item.help)) for item in caught.value.diagnostics] == [(code, True)]


def test_a_type_without_a_number_is_refused(place):
    (place / "node_types.csv").write_text("node_type_id tau_m\n10 20.0\n")
    with pytest.raises(ExperimentError, match="type 20 has no `tau_m`"):
        network_of(place)


def test_edges_take_what_their_group_lacks_from_their_type(place):
    found = wired(place, "", NETWORK)
    assert list(zip(found["i"], found["j"], strict=True)) == [(0, 2), (1, 0), (1, 1)]
    assert found["w"] == [4e-3, 3e-3, 0.25e-3]
    assert found["delay"] == [20, 10, 20]  # steps of 0.1 ms


def test_results_are_such_an_input(place):
    plan = RecordingPlan(
        (SpikeChannel("out", "lgn", 2),), connectivities=(ConnectivityChannel("c", "s", "lgn", "v1", 2, 3),)
    )
    about = Description("a", "", "0" * 8, 1, 1e-4, 1.0, (GroupFacts("lgn", 2), GroupFacts("v1", 3)))
    with ResultsWriter(place / "results.h5", plan, about) as writer:
        writer.add_spikes("out", np.array([3, 7]), np.array([1, 0]))
        values = {"w": (np.array([3e-3, 2e-3]), "V"), "delay": (np.array([1e-3, 2e-3]), "s")}
        writer.put_connectivity("c", np.array([0, 1]), np.array([2, 0]), values)
        writer.finish({}, "complete")
    again = (
        NETWORK[: NETWORK.index("    initial:")]
        + """\
  lgn: {kind: spikes, size: {file: results.h5, population: lgn}, file: results.h5}
synapses:
  s:
    source: lgn
    target: v1
    equations: "w : volt"
    on_pre: v_post += w
    connect: {file: results.h5, to: {w: w, delay: delay}}
run: {duration: 5 ms, dt: 0.1 ms}
"""
    )
    again = again.replace("nodes.h5", "results.h5")
    network = network_of(place, again)
    assert {name: group.size for name, group in network.groups.items()} == {"v1": 3, "lgn": 2}
    assert (network.groups["lgn"].schedule.steps.tolist(), network.groups["lgn"].schedule.ids.tolist()) == (
        [3, 7],
        [1, 0],
    )
    found = wired(place, "", again)
    assert (found["i"], found["j"], found["w"], found["delay"]) == ([0, 1], [2, 0], [3e-3, 2e-3], [10, 20])

"""Results in the forms of others: everything is there, with units, and what stands in the way is said."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from snnrun.cli.export import export_file
from snnrun.errors import StorageError
from snnrun.export.finished import Finished
from snnrun.results.done import Done
from snnrun.results.folder import _file_records
from snnrun.results.layout import (
    Column,
    ConnectivityChannel,
    Description,
    GroupFacts,
    RateChannel,
    RecordingPlan,
    RunStatus,
    SpikeChannel,
    StateChannel,
    Stimulus,
    SynapseEventChannel,
)
from snnrun.results.provenance import collect
from snnrun.results.writer import ResultsWriter
from snnrun.running.identity import identity_of
from snnrun.spec.load import load

EXPERIMENT = """\
version: 1
name: small
description: Three neurons.
references: [https://doi.org/10.1007/s002850050140]
authors: [Ada Lovelace, {name: Josiah Carberry, orcid: 0000-0002-1825-0097, affiliation: Brown University}]
license: CC-BY-4.0
groups: {cells: {size: 3, equations: "dv/dt = -v/(10*ms) : volt"}}
run: {duration: 10 ms, dt: 1 ms}
"""
PLAN = RecordingPlan(
    spikes=(
        SpikeChannel("out", "cells", 3, columns=(Column("v", "V"),)),
        SpikeChannel("part", "cells.part", 3),
        SpikeChannel("high", "cells", 3, events=True),
        SpikeChannel("total", "cells", 3, counts_only=True),
    ),
    states=(
        StateChannel("v", "cells", np.array([0, 2]), (Column("v", "V"),), 0.0, 1e-3),
        StateChannel("once", "cells", np.arange(3), (Column("v", "V"),), 0.0, 10e-3),
        StateChannel("w", "syn", np.array([1]), (Column("w", "S"),), 0.0, 1e-3, np.array([0]), np.array([2])),
    ),
    rates=(RateChannel("rate", "cells", 3, 1e-3),),
    connectivities=(ConnectivityChannel("pairs", "syn", "cells", "cells", 3, 3),),
    synapse_events=(SynapseEventChannel("pre", "syn", (Column("w", "S"),), np.array([0, 1]), np.array([1, 2])),),
)
V = np.linspace(-0.07, -0.05, 20).reshape(10, 2)


def folder_of(place: Path, experiment: str = EXPERIMENT) -> Path:
    """A finished run of one spike of neuron 2 at 3 ms and two of neuron 0 at 1 ms and 4 ms."""
    place.mkdir(parents=True)
    about = Description("small", "Small", "0" * 8, 1, 1e-3, 0.01, (GroupFacts("cells", 3),))
    with ResultsWriter(place / "results.h5", PLAN, about) as writer:
        writer.add_spikes("out", np.array([1, 3, 4]), np.array([0, 2, 0]), {"v": np.array([0.1, 0.2, 0.3])})
        writer.add_spikes("part", np.array([1, 4]), np.array([0, 0]))
        writer.add_spikes("high", np.array([2]), np.array([1]))
        writer.put_counts("total", np.array([2, 0, 1]))
        writer.add_states("v", {"v": V})
        writer.add_states("once", {"v": V[:1, [0, 1, 1]]})
        writer.add_states("w", {"w": np.full((10, 1), 1e-9)})
        writer.add_rates("rate", np.arange(10.0))
        writer.put_connectivity("pairs", np.array([0, 1]), np.array([1, 2]), {"delay": (np.array([1e-3, 2e-3]), "s")})
        writer.add_synapse_events("pre", np.array([5]), np.array([1]), {"w": np.array([2e-9])})
        writer.put_stimulus("digits", Stimulus(np.array([0.0, 0.005]), np.array([0.004, 0.009]), np.array([7, 3])))
        writer.put_recorded("out", [(0.0, 0.01)], None)
        writer.put_recorded("part", [(0.0, 0.01)], np.array([0, 1]))
        digest = writer.finish({"rate": (100.0, "Hz"), "each": (np.array([2.0, 1.0]), "1")}, "complete")
    (place / "experiment.yaml").write_text(experiment)
    (place / "digits.npy").write_bytes(b"numbers")
    collect(("snnrun", "run", "small.yaml"), 1.7e9, 2.5, place).write(place)
    (place / "DONE.json").write_text(Done(RunStatus.COMPLETE, str(digest), _file_records(place), {}, {}).to_json())
    return place


@pytest.fixture
def folder(tmp_path):
    return folder_of(tmp_path / "run")


def read(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_csv_files_hold_everything_with_units(folder, tmp_path):
    out = tmp_path / "tables"
    export_file(folder, "csv", [], out)
    assert read(out / "spikes" / "out.csv") == [
        ["time [s]", "neuron", "v [V]"],
        ["0.001", "0", "0.1"],
        ["0.003", "2", "0.2"],
        ["0.004", "0", "0.3"],
    ]
    assert read(out / "events" / "high.csv")[1:] == [["0.002", "1"]]
    assert read(out / "counts" / "total.csv") == [["neuron", "spikes"], ["0", "2"], ["1", "0"], ["2", "1"]]
    head, *rows = read(out / "traces" / "v.v.csv")
    assert head == ["time [s]", "v 0 [V]", "v 2 [V]"]
    assert np.array_equal(np.array(rows, float)[:, 1:], V)
    assert read(out / "traces" / "w.w.csv")[0] == ["time [s]", "w 1 (0 to 2) [S]"]
    assert read(out / "rates" / "rate.csv")[2] == ["0.001", "1.0"]
    assert read(out / "connectivity" / "pairs.csv") == [
        ["pre", "post", "delay [s]"],
        ["0", "1", "0.001"],
        ["1", "2", "0.002"],
    ]
    assert read(out / "synapse_events" / "pre.csv")[1] == ["0.005", "1", "1", "2", "2e-09"]
    assert read(out / "stimuli" / "digits.csv")[1] == ["0.0", "0.004", "7"]
    assert read(out / "metrics.csv")[1:] == [
        ["each", "0", "2.0", "1"],
        ["each", "1", "1.0", "1"],
        ["rate", "0", "100.0", "Hz"],
    ]
    assert len(list(out.rglob("*.csv"))) == 12


def test_csv_of_spikes_is_an_input(folder, tmp_path):
    from snnrun.running import pipeline

    export_file(folder, "csv", [], tmp_path / "tables")
    (tmp_path / "again.yaml").write_text(
        "version: 1\ngroups:\n  g:\n    {kind: spikes, size: 3, file: tables/spikes/part.csv,\n"
        '     columns: [neuron, "time [s]"], unit: s}\nrun: {duration: 10 ms, dt: 1 ms}\n'
    )
    schedule = pipeline.check(pipeline.read(tmp_path / "again.yaml")).resolved.network.groups["g"].schedule
    assert (schedule.steps.tolist(), schedule.ids.tolist()) == ([1, 4], [0, 0])


def test_a_crate_says_who_made_what_from_what_and_with_what(folder, tmp_path):
    out = tmp_path / "crate"
    export_file(folder, "ro-crate", [], out)
    entities = {e["@id"]: e for e in json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]}
    root, run = entities["./"], entities["#run"]
    assert (root["name"], root["description"]) == ("small", "Three neurons.")
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    people = [entities[who["@id"]]["name"] for who in root["author"]]
    assert people == ["Ada Lovelace", "Josiah Carberry"]
    assert entities["https://orcid.org/0000-0002-1825-0097"]["affiliation"] == {"@id": "#affiliation1"}
    assert {part["@id"] for part in root["hasPart"]} == {p.name for p in folder.iterdir()}
    assert {part["@id"] for part in run["object"]} == {"experiment.yaml", "digits.npy"}
    assert {part["@id"] for part in run["result"]} == {"results.h5", "provenance.json", "DONE.json"}
    assert (run["startTime"], run["endTime"]) == ("2023-11-14T22:13:20+00:00", "2023-11-14T22:13:22+00:00")
    assert any(text.startswith("HDF5 ") for text in entities["#snnrun"]["softwareRequirements"])
    links = [
        link["@id"]
        for e in entities.values()
        for v in e.values()
        for link in (v if isinstance(v, list) else [v])
        if isinstance(link, dict)
    ]
    assert {link for link in links if link not in entities} == {"https://w3id.org/ro/crate/1.1"}
    assert Finished.read(out).digest == Finished.read(folder).digest


def test_a_crate_needs_authors_and_a_license_which_may_be_given_later(tmp_path):
    lines = [line for line in EXPERIMENT.splitlines() if not line.startswith(("authors", "license"))]
    folder = folder_of(tmp_path / "run", "\n".join(lines))
    with pytest.raises(StorageError, match=r"EXP808.*`authors` and `license`"):
        export_file(folder, "ro-crate", [], tmp_path / "crate")
    assert not (tmp_path / "crate").exists()
    export_file(folder, "ro-crate", ["authors=[Ada Lovelace]", "license=https://example.org/terms"], tmp_path / "crate")
    text = (tmp_path / "crate" / "ro-crate-metadata.json").read_text()
    assert '"https://example.org/terms"' in text


def test_nothing_is_written_over_and_sweeps_have_points(folder, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(StorageError, match="EXP805"):
        export_file(folder, "csv", [], tmp_path / "there")
    (folder / "sweep.h5").touch()
    with pytest.raises(StorageError, match="EXP806"):
        export_file(folder, "csv", [], tmp_path / "tables")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "there"]


def test_a_package_that_is_missing_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hdmf", None)
    monkeypatch.delitem(__import__("sys").modules, "snnrun.export.nwb", raising=False)
    with pytest.raises(StorageError, match="EXP807") as caught:
        export_file(folder, "nwb", [], tmp_path / "small.nwb")
    assert caught.value.diagnostics[0].help == "pip install 'snnrun[nwb]'"


def test_who_made_it_is_no_part_of_the_simulation(tmp_path):
    found = []
    for authors, license in (("[Ada Lovelace]", "CC0-1.0"), ("[Josiah Carberry]", "CC-BY-4.0")):
        (tmp_path / "x.yaml").write_text(
            f"version: 1\nauthors: {authors}\nlicense: {license}\ngroups: {{g: {{size: 2, equations: 'v : 1'}}}}\n"
            "run: {duration: 10 ms, dt: 1 ms}\n"
        )
        found.append(identity_of(load(tmp_path / "x.yaml"), {}))
    assert found[0].simulation == found[1].simulation
    assert found[0].presentation != found[1].presentation

"""NWB, neo and RO-Crate as their own programs read them: `make readers` installs these; without them it skips."""

import numpy as np
import pytest
from test_export_results import V, folder_of

from snnrun.cli.export import export_file

pytestmark = [pytest.mark.readers, pytest.mark.filterwarnings("ignore")]


def test_nwb_reads_units_series_tables_and_intervals(tmp_path):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: make readers")
    export_file(folder_of(tmp_path / "run"), "nwb", [], tmp_path / "small.nwb")
    with pynwb.NWBHDF5IO(str(tmp_path / "small.nwb"), "r") as io:
        file = io.read()
        units = file.units.to_dataframe()
        assert units["monitor"].tolist() == ["out"] * 3 + ["part"] * 2
        assert units["neuron"].tolist() == [0, 1, 2, 0, 1]
        assert [times.tolist() for times in units["spike_times"]] == [[0.001, 0.004], [], [0.003], [0.001, 0.004], []]
        assert file.units.resolution == 1e-3
        series = file.acquisition["traces.v.v"]
        assert (series.rate, series.unit, series.comments) == (1000.0, "V", "elements: [0, 2]")
        assert np.array_equal(series.data[:], V)
        tables = file.processing["misc"].data_interfaces
        assert tables["traces.once.v"]["values"][:].tolist() == V[0, [0, 1, 1]][:, None].tolist()
        assert tables["spikes.out"]["v"][:].tolist() == [0.1, 0.2, 0.3]
        assert tables["connectivity.pairs"].to_dataframe().to_numpy().tolist() == [[0, 1, 1e-3], [1, 2, 2e-3]]
        assert file.intervals["digits"].to_dataframe().to_numpy().tolist() == [[0.0, 0.004, 7], [0.005, 0.009, 3]]
        assert list(file.experimenter) == ["Lovelace, Ada", "Carberry, Josiah"]
        assert "CC-BY-4.0" in file.notes


def test_nwbinspector_finds_nothing_critical(tmp_path):
    inspector = pytest.importorskip("nwbinspector", reason="nwbinspector is not installed: make readers")
    export_file(folder_of(tmp_path / "run"), "nwb", [], tmp_path / "small.nwb")
    found = list(inspector.inspect_nwbfile(nwbfile_path=str(tmp_path / "small.nwb")))
    suggestions = {"BEST_PRACTICE_SUGGESTION"}
    serious = {message.check_function_name for message in found if message.importance.name not in suggestions}
    assert serious == {"check_subject_species_exists"}  # a model has none, and it is not critical


def test_neo_reads_trains_signals_and_epochs(tmp_path):
    neo = pytest.importorskip("neo", reason="neo is not installed: make readers")
    pytest.importorskip("nixio", reason="nixio is not installed: make readers")
    export_file(folder_of(tmp_path / "run"), "neo", [], tmp_path / "small.nix")
    file = neo.io.NixIO(str(tmp_path / "small.nix"), "ro")
    block = file.read_block()
    file.close()
    assert block.annotations["license"] == "CC-BY-4.0"
    (segment,) = block.segments
    out = [train for train in segment.spiketrains if train.annotations["monitor"] == "out"]
    assert [train.rescale("ms").magnitude.round(9).tolist() for train in out] == [[1, 4], [], [3]]
    signals = {signal.name: signal for signal in segment.analogsignals if signal.shape[0] > 1}
    assert np.array_equal(signals["cells.v"].magnitude, V)
    assert signals["cells.v"].sampling_rate.rescale("Hz").magnitude == pytest.approx(1000)
    assert signals["cells.rate"].magnitude[:, 0].tolist() == list(range(10))
    assert segment.epochs[0].labels.tolist() == ["7", "3"]


def test_the_library_of_ro_crate_reads_the_crate(tmp_path):
    rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed: make readers")
    export_file(folder_of(tmp_path / "run"), "ro-crate", [], tmp_path / "crate")
    crate = rocrate.ROCrate(tmp_path / "crate")
    assert (crate.name, crate.license.id) == ("small", "https://spdx.org/licenses/CC-BY-4.0")
    assert [who["name"] for who in crate.root_dataset["author"]] == ["Ada Lovelace", "Josiah Carberry"]
    assert crate.get("#run")["instrument"]["name"] == "snnrun"
    assert crate.get("results.h5") in crate.get("#run")["result"]

"""A recorded script becomes the file that a person would write. The recordings are those of the scripts beside them by
Brian2 2.11: `python snnrun/importing/recorder.py script.txt script.json`, run where Brian2 is installed, gives
script.json and script.json.npz, here script.npz."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from snnrun.cli.imports import import_script
from snnrun.compare.documents import Side, differences
from snnrun.errors import ExperimentError, StorageError
from snnrun.importing import script as scripts
from snnrun.importing.experiment import experiments_of
from snnrun.importing.values import quantity, value_of
from snnrun.running import pipeline
from snnrun.sweep.plan import plan_sweep
from snnrun.units.dimensions import ONE, TIME
from snnrun.units.quantities import dimension_of

HERE = Path(__file__).parent
SCRIPT = HERE / "script.txt"
VOLT = dimension_of("V")


def recorded(name: str = "script") -> tuple[dict, dict]:
    with np.load(HERE / f"{name}.npz") as arrays:
        return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8")), dict(arrays)


@pytest.fixture
def brian2(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Brian2 were here."""
    monkeypatch.setattr("snnrun.cli.imports.python_with_brian2", lambda _: "python")
    monkeypatch.setattr("snnrun.cli.imports.record", lambda *_: recorded())


def test_the_file_is_the_expected_one_and_valid(
    tmp_path: Path, brian2: None, capsys: pytest.CaptureFixture[str]
) -> None:
    import_script(SCRIPT, tmp_path, None, allow_code=True)
    written = tmp_path / "script.yaml"
    assert written.read_text(encoding="utf-8") == (HERE / "script.yaml").read_text(encoding="utf-8")
    checked = pipeline.check(pipeline.read(written))
    assert len(checked.resolved.network.phases) == 2
    shown = capsys.readouterr().err
    assert "line 62: the script ended here: IndexError" in shown
    assert f"next: snnrun run {written}" in shown
    with pytest.raises(StorageError, match="exists already"):
        import_script(SCRIPT, tmp_path, None, allow_code=True)


def test_networks_and_states_that_differ_in_values_are_points_of_a_sweep(
    tmp_path: Path, brian2: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("snnrun.cli.imports.record", lambda *_: recorded("loops"))
    import_script(HERE / "loops.txt", tmp_path, None, allow_code=True)
    for name, size in (("loops.yaml", 2), ("loops-2.yaml", 2)):
        assert (tmp_path / name).read_text(encoding="utf-8") == (HERE / name).read_text(encoding="utf-8")
        checked = pipeline.check(pipeline.read(tmp_path / name))
        assert checked.experiment.sweep is not None
        assert plan_sweep(checked.resolved.context, checked.experiment.sweep).size == size
    drive = np.arange(20) * 0.1
    assert np.array_equal(np.load(tmp_path / "loops_cells_I.npy"), np.where(np.arange(20) < 15, 2 * drive, drive))
    hooks = (tmp_path / "loops_hooks_n2.py").read_text(encoding="utf-8")
    assert "def kick(network, time):" in hooks
    assert "    #     quiet.x += 0.1\n" in hooks
    shown = capsys.readouterr()
    for text in (
        "line 45: `kick` in `loops_hooks_n2.py` is to be written",
        "the run takes whole steps: 1.3 ms",
        "1 of 3 runs repeat the values of another one",
    ):
        assert text in shown.err
    assert "line 26: set `cells.I`" in shown.err


def test_an_imported_network_means_the_same_as_one_written_by_hand(
    tmp_path: Path, brian2: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snnrun.cli.imports.record", lambda *_: recorded("cuba"))
    import_script(HERE / "cuba.txt", tmp_path, None, allow_code=True)
    imported = tmp_path / "cuba.yaml"
    assert len(imported.read_text(encoding="utf-8").splitlines()) <= 45
    assert differences(Side.read(imported), Side.read(HERE / "cuba_by_hand.yaml")) == []


def test_a_script_is_not_run_unless_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="IMP800") as caught:
        import_script(SCRIPT, tmp_path, None, allow_code=False)
    assert "--allow-code" in str(caught.value.diagnostics[0].help)
    assert not list(tmp_path.iterdir())


def test_a_python_without_brian2_is_named() -> None:
    if _has_brian2():
        pytest.skip("Brian2 is installed here")
    with pytest.raises(ExperimentError, match="Brian2 is not installed in") as caught:
        scripts.python_with_brian2(Path(sys.executable))
    assert "pip install brian2" in str(caught.value.diagnostics[0].help)


def _has_brian2() -> bool:
    import importlib.util

    return importlib.util.find_spec("brian2") is not None


def test_a_script_that_is_not_there_or_cannot_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no file"):
        scripts.must_exist(tmp_path / "no.py")
    (tmp_path / "empty.py").write_text("")
    if not _has_brian2():
        with pytest.raises(ExperimentError, match="No module named 'brian2'"):
            scripts.record(tmp_path / "empty.py", sys.executable)


def test_a_script_that_builds_nothing_gives_no_file(
    tmp_path: Path, brian2: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, arrays = recorded()
    empty = {**found, "records": [], "problem": {"line": 3, "error": "KeyError: 1"}}
    monkeypatch.setattr("snnrun.cli.imports.record", lambda *_: (empty, arrays))
    with pytest.raises(ExperimentError, match="has built no object of Brian2: it ended in line 3: KeyError"):
        import_script(SCRIPT, tmp_path, None, allow_code=True)


def test_what_has_no_counterpart_is_noted_and_left_out() -> None:
    found, arrays = recorded()
    group = next(record for record in found["records"] if record["op"] == "new")
    group["kind"] = "SpatialNeuron"
    (result,) = experiments_of(found, arrays, "script")
    notes = " ".join(text for _, text in result.notes)
    assert "`cells` has no counterpart (SpatialNeuron)" in notes
    assert "`plastic` has no counterpart (Synapses)" in notes
    assert set(result.data["groups"]) == {"noise", "given"}


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (0.02, TIME, "20 ms"),
        (1e-4, TIME, "0.1 ms"),
        (2.0, TIME, "2 s"),
        (-0.06, VOLT, "-60 mV"),
        (3 * 0.1 * 1e-3, VOLT, "300 uV"),
        (5.0, ONE, 5),
        (0.1, ONE, 0.1),
        (1 / 3, ONE, 1 / 3),
    ],
)
def test_values_are_written_as_people_write_them(value: float, dimension, text: object) -> None:
    assert quantity(value, dimension) == text
    if isinstance(text, str):
        assert value_of(text, {}) == pytest.approx(value, rel=1e-15)

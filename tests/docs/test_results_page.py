"""The Python blocks of the page about results run as they stand, one after the other."""

import re
import shutil
from pathlib import Path

import h5py
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def paths_of(group, above, found):
    """All paths, also those of objects with several names."""
    for name, node in group.items():
        found.add(f"{above}{name}")
        if isinstance(node, h5py.Group):
            paths_of(node, f"{above}{name}/", found)


@pytest.fixture
def tutorial(tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    monkeypatch.setenv("MPLBACKEND", "agg")
    for name in ("06-raster.yaml", "14-stdp.yaml", "15-time-constant-sweep.yaml"):
        shutil.copy(ROOT / "experiments" / "tutorial" / name, tmp_path)
    shutil.copy(ROOT / "experiments" / "features" / "synapse-events.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_python_block_runs(tutorial):
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        exec(compile(block, "docs/results.md", "exec"), {})
    assert (tutorial / "w.pdf").is_file()


def test_the_datasets_that_the_page_names_are_there(tutorial):
    from snnrun.api import run

    folders = [run(name, plots=False, progress=False).folder for name in ("06-raster.yaml", "14-stdp.yaml")]
    found = set()
    for folder in folders:
        with h5py.File(folder / "results.h5") as file:
            paths_of(file, "", found)
    named = re.findall(r"^\| `/([^`]*)`", PAGE, re.MULTILINE)
    assert len(named) >= 10
    for pattern in (
        "snnrun/spikes/spikes/timestamps",
        "snnrun/spikes/spikes/node_ids",
        "nodes/pair/node_id",
        "spikes/pair/timestamps",
        "snnrun/states/synapse/w",
        "report/synapse.w/data",
    ):
        assert pattern in found
    assert {"snnrun/recorded/spikes/time", "snnrun/metrics/rate", "snnrun/states/synapse/pre"} <= found

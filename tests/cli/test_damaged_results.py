"""Results that were damaged: told by the digests of `DONE.json`, and replaced when the same command runs again."""

import hashlib
import json
import shutil

import pytest
from cli_experiments import SMALL, write

from snnrun.sweep import local
from snnrun.sweep.journal import Journal

SWEEP = SMALL + "sweep: {axes: {drive: [1.5, 2, 3]}}\n"
KEPT = SMALL + "sweep: {axes: {drive: [1.5, 2, 3]}, keep: results}\n"


def truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def remove(file):
    file.unlink()


def to_a_link(file):
    """The same contents, in another place."""
    other = file.parent.parent / f"moved-{file.name}"
    file.rename(other)
    file.symlink_to(other)


def as_they_were(folder):
    """Digests of all files that have the same bytes in every run."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name in ("results.h5", "sweep.h5", "points.csv", "metrics.json", "experiment.yaml")
    }


@pytest.fixture
def folder_of(snnrun, place):
    def run(text, *words):
        said = snnrun("run", write(place / "one.yaml", text), "--json", *words)
        assert said.code == 0, said.err
        return place / json.loads(said.out)["folder"]

    return run


HARMS = [truncate, flip, remove, to_a_link]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["results.h5", "metrics.json", "experiment.yaml", "run.log"])
def test_a_damaged_file_of_a_run_is_replaced_by_running_again(snnrun, folder_of, harm, name):
    folder = folder_of(SMALL, "--no-plots")
    before = as_they_were(folder)
    harm(folder / name)
    assert folder_of(SMALL, "--no-plots") == folder
    assert as_they_were(folder) == before
    assert snnrun("verify", folder).code == 0
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_picture_of_a_run_is_drawn_again(folder_of):
    folder = folder_of(SMALL)
    picture = next((folder / "plots").iterdir())
    content = picture.read_bytes()
    truncate(picture)
    folder_of(SMALL)
    assert picture.read_bytes() == content


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["sweep.h5", "points.csv", "metrics.json", "experiment.yaml", "run.log"])
def test_a_damaged_table_of_a_sweep_is_made_again_from_the_journals(snnrun, folder_of, harm, name):
    folder = folder_of(SWEEP, "--no-plots")
    before = as_they_were(folder)
    journals = sorted((folder / "journal").iterdir())
    harm(folder / name)
    if name != "experiment.yaml":  # the command reads it only to run points
        assert json.loads(snnrun("status", folder, "--json").out)["status"] != "complete"
    assert folder_of(SWEEP, "--no-plots") == folder
    assert as_they_were(folder) == before
    assert sorted((folder / "journal").iterdir()) == journals  # no point was run again
    assert snnrun("verify", folder, "--all").code == 0


@pytest.mark.parametrize("harm", HARMS)
def test_damaged_points_of_a_sweep_run_again_and_the_others_do_not(snnrun, place, folder_of, harm):
    folder = folder_of(KEPT, "--no-plots")
    before = as_they_were(folder)
    harm(folder / "points" / "00001" / "results.h5")
    said = snnrun("run", place / "one.yaml", "--no-plots", "--json")
    assert json.loads(said.out)["ran"] == 1
    assert as_they_were(folder) == before
    assert snnrun("verify", folder, "--all").code == 0


def test_points_that_are_gone_run_again(snnrun, place, folder_of):
    folder = folder_of(KEPT, "--no-plots")
    before = as_they_were(folder)
    shutil.rmtree(folder / "points")
    assert json.loads(snnrun("run", place / "one.yaml", "--no-plots", "--json").out)["ran"] == 3
    assert as_they_were(folder) == before


@pytest.mark.parametrize("harm", [truncate, remove])
def test_a_damaged_picture_of_a_sweep_is_drawn_again(snnrun, folder_of, harm):
    folder = folder_of(SWEEP)
    picture = next((folder / "plots").iterdir())
    content = picture.read_bytes()
    harm(picture)
    folder_of(SWEEP)
    assert picture.read_bytes() == content
    assert snnrun("verify", folder).code == 0


def test_a_journal_cut_short_while_a_sweep_runs_is_not_a_complete_sweep(snnrun, place, folder_of, monkeypatch):
    file = write(place / "one.yaml", SWEEP)
    add = Journal.add

    def forgetful(journal, record):
        add(journal, record)
        if record.point == 2:
            for path in journal.path.glob("*.jsonl"):
                path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")

    monkeypatch.setattr(Journal, "add", forgetful)
    said = snnrun("run", file, "--no-plots", "--json", "--workers", "1")
    monkeypatch.setattr(Journal, "add", add)
    report = json.loads(said.out)
    assert said.code == 75
    assert (report["status"], report["missing"]) == ("interrupted", 2)
    assert "SWP711" in said.err
    folder = place / report["folder"]
    assert not (folder / "DONE.json").exists()
    again = snnrun("run", file, "--no-plots", "--json")
    assert again.code == 0
    assert json.loads(again.out)["ran"] == 2
    assert local.read_done(folder) is not None


def test_a_whole_result_stays(folder_of):
    folder = folder_of(SMALL, "--no-plots")
    inode = (folder / "results.h5").stat().st_ino
    folder_of(SMALL, "--no-plots")
    assert (folder / "results.h5").stat().st_ino == inode

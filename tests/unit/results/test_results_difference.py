"""The first place where two results differ, and files that are not as they were published."""

import json

import numpy as np
import pytest

from snnrun.results import layout
from snnrun.results.difference import first_difference
from snnrun.results.done import read_done
from snnrun.results.folder import claim
from snnrun.results.integrity import damage
from snnrun.results.layout import RunStatus
from snnrun.results.reader import Results
from snnrun.results.writer import ResultsWriter

ABOUT = layout.Description("x", "x", "0" * 8, 1, 1e-4, 0.1, (layout.GroupFacts("g", 4, None, None, None, ()),))
PLAN = layout.RecordingPlan(
    spikes=(layout.SpikeChannel("out", "g", 4, False, (layout.Column("v", "V"),)),),
    states=(layout.StateChannel("v", "g", np.array([1, 3]), (layout.Column("v", "V"),), 0.0, 1e-3),),
    rates=(layout.RateChannel("pop", "g", 4, 1e-3),),
    connectivities=(layout.ConnectivityChannel("wires", "s", "g", "g", 4, 4),),
)
STEPS, IDS, AT = np.array([10, 10, 25, 400]), np.array([0, 2, 1, 3]), np.array([0.1, 0.2, 0.3, 0.4])
SAMPLES = np.arange(20.0).reshape(10, 2)


def written(folder, *, steps=STEPS, ids=IDS, at=AT, samples=SAMPLES, rates=None, post=None):
    folder.mkdir()
    writer = ResultsWriter(folder / "results.h5", PLAN, ABOUT, {"math": "strict"})
    writer.add_spikes("out", steps, ids, {"v": at})
    writer.add_states("v", {"v": samples}, 0)
    writer.add_rates("pop", np.ones(5) if rates is None else rates)
    writer.put_connectivity("wires", np.array([0, 1]), np.array([2, 3]) if post is None else post, {})
    writer.finish({}, RunStatus.COMPLETE)
    return Results.open(folder)


@pytest.fixture
def reference(tmp_path):
    with written(tmp_path / "reference") as results:
        yield results


def first(reference, tmp_path, **changes):
    with written(tmp_path / "other", **changes) as other:
        return first_difference(reference, other)


def changed(values, place, value):
    copy = np.array(values)
    copy[place] = value
    return copy


def test_the_same_data_have_no_difference(reference, tmp_path):
    assert first(reference, tmp_path) is None


def test_the_earliest_time_wins_over_all_datasets(reference, tmp_path):
    found = first(reference, tmp_path, steps=changed(STEPS, 3, 401), samples=changed(SAMPLES, (4, 1), -1.0))
    assert (found.dataset, found.time, found.element) == ("snnrun/states/v/v", pytest.approx(4e-3), 3)
    assert (found.a, found.b) == (9.0, -1.0)


def test_connections_come_before_the_first_step(reference, tmp_path):
    found = first(reference, tmp_path, steps=changed(STEPS, 0, 9), post=np.array([2, 1]))
    assert (found.dataset, found.time, found.element) == ("edges/wires/target_node_id", None, 1)


def test_a_spike_without_partner_is_the_difference(reference, tmp_path):
    found = first(reference, tmp_path, steps=STEPS[[0, 1, 3]], ids=IDS[[0, 1, 3]], at=AT[[0, 1, 3]])
    assert (found.dataset, found.time, found.element) == ("spikes/out", pytest.approx(2.5e-3), 1)
    assert "only the first" in found.what


def test_a_spike_more_at_the_end_is_found(reference, tmp_path):
    found = first(reference, tmp_path, steps=STEPS[:3], ids=IDS[:3], at=AT[:3])
    assert (found.time, found.element) == (pytest.approx(40e-3), 3)


def test_a_variable_at_a_spike_is_found_with_its_spike(reference, tmp_path):
    found = first(reference, tmp_path, at=changed(AT, 1, 0.25))
    assert (found.dataset, found.time, found.element) == ("spikes/out/v", pytest.approx(1e-3), 2)
    assert (found.a, found.b) == (0.2, 0.25)


def test_a_zero_of_the_other_sign_is_a_difference(reference, tmp_path):
    assert SAMPLES[0, 0] == 0.0
    found = first(reference, tmp_path, samples=changed(SAMPLES, (0, 0), -0.0))
    assert (found.time, found.element) == (0.0, 1)


def test_rates_and_missing_rows_have_times(reference, tmp_path):
    found = first(reference, tmp_path, rates=changed(np.ones(5), 3, 2.0))
    assert (found.dataset, found.time, found.a, found.b) == ("snnrun/rates/pop/rate", pytest.approx(3e-3), 1.0, 2.0)
    (tmp_path / "other").rename(tmp_path / "moved")
    found = first(reference, tmp_path, samples=SAMPLES[:7])
    assert (found.dataset, found.time, found.what) == ("snnrun/states/v/v", pytest.approx(7e-3), "10 and 7 rows")


@pytest.fixture
def published(tmp_path):
    with claim(tmp_path / "x" / "12345678") as folder:
        with written(folder.path / "in") as results:
            digest = results.digest()
        (folder.path / "in" / "results.h5").rename(folder.path / "results.h5")
        (folder.path / "in").rmdir()
        (folder.path / "notes.txt").write_text("a")
        return folder.publish(RunStatus.COMPLETE, digest).path


def test_a_published_folder_is_whole_and_may_get_more_files(published):
    (published / "mine.txt").write_text("mine")
    assert damage(published, read_done(published)) == []


def test_each_kind_of_damage_is_named(published):
    (published / "notes.txt").write_text("b")
    assert [(d.file, "other contents" in d.what) for d in damage(published, read_done(published))] == [
        ("notes.txt", True)
    ]
    (published / "notes.txt").write_text("longer")
    assert "6 bytes, not 1" in damage(published, read_done(published))[0].what
    (published / "notes.txt").unlink()
    assert damage(published, read_done(published))[0].what == "is missing"


def test_large_results_are_checked_by_the_digest_of_their_data(published):
    done = json.loads((published / "DONE.json").read_text())
    del done["files"]["results.h5"]["sha256"]  # as of a file that is too large to hash twice
    (published / "DONE.json").write_text(json.dumps(done))
    assert damage(published, read_done(published)) == []
    content = bytearray((published / "results.h5").read_bytes())
    place = content.find(np.float64(9.0).tobytes() + np.float64(10.0).tobytes())
    assert place > 0
    content[place] ^= 1
    (published / "results.h5").write_bytes(content)
    (found,) = damage(published, read_done(published))
    assert found.file == "results.h5"

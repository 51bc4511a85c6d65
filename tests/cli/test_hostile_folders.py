"""Folders of results that are damaged, or made by somebody who means no good: each is a line, none stops the others."""

import json
import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from cli_experiments import SMALL, write

from snnrun.compare import folders
from snnrun.results.done import Done

SWEEP = SMALL + "sweep: {axes: {drive: [1.5, 2, 3]}}\n"
LIMIT_S = 120  # a command that waits for a pipe or reads a device without an end takes for ever


@pytest.fixture(autouse=True)
def _limit():
    def too_long(_number, _frame):
        raise AssertionError("the command hangs")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def results(snnrun, place):
    """A good run, and a copy of it that is to be spoilt."""
    said = snnrun("run", write(place / "small.yaml", SMALL), "--no-plots", "--json")
    good = place / json.loads(said.out)["folder"]
    bad = good.with_name("00000000")
    shutil.copytree(good, bad)
    return good, bad


def replaced(name, make):
    def spoil(folder):
        (folder / name).unlink()
        make(folder / name)

    return spoil


def entry(name, change):
    """A file that is changed, and the digest of it in `DONE.json` with it."""

    def spoil(folder):
        (folder / name).write_text(change((folder / name).read_text()))
        if name != "DONE.json":
            done = json.loads((folder / "DONE.json").read_text())
            done["files"].pop(name)
            (folder / "DONE.json").write_text(json.dumps(done))

    return spoil


def of_done(**changes):
    return entry("DONE.json", lambda text: json.dumps(json.loads(text) | changes))


def deep(depth=100_000):
    return "[" * depth + "]" * depth


def endless(file):
    """A terabyte of zeros that takes no room."""
    file.touch()
    os.truncate(file, 10**12)


SPOILT = {
    "done is nested": entry("DONE.json", lambda _text: deep()),
    "done is a list": entry("DONE.json", lambda _text: "[]"),
    "done is no text": replaced("DONE.json", lambda file: file.write_bytes(b"\xff\xfe\0")),
    "done is a pipe": replaced("DONE.json", os.mkfifo),
    "done is a device": replaced("DONE.json", lambda file: file.symlink_to("/dev/zero")),
    "done is a folder": replaced("DONE.json", Path.mkdir),
    "done is endless": replaced("DONE.json", endless),
    "done leads out": of_done(files={"../../../etc/passwd": {"bytes": 1}}),
    "done leads to the root": of_done(files={"/etc/passwd": {"bytes": 1}}),
    "done has no sizes": of_done(files={"metrics.json": {}}),
    "done has no times": of_done(timings={"load": [1]}),
    "metrics are nested": entry("metrics.json", lambda _text: '{"rate": {"unit": "Hz", "value": ' + deep() + "}}"),
    "a number is ragged": entry("metrics.json", lambda _text: '{"rate": {"unit": "Hz", "value": [1, [2]]}}'),
    "a unit is none": entry("metrics.json", lambda _text: '{"rate": {"unit": "m^(1/0)", "value": 1}}'),
    "metrics are a pipe": replaced("metrics.json", os.mkfifo),
    "metrics are a device": replaced("metrics.json", lambda file: file.symlink_to("/dev/zero")),
    "metrics are other ones": lambda folder: (folder / "metrics.json").write_text("{}"),
    "metrics are gone": lambda folder: (folder / "metrics.json").unlink(),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_bad_folder_is_a_line_of_the_table_and_best_leaves_it_out(snnrun, results, spoil):
    good, bad = results
    spoil(bad)
    said = snnrun("list")
    assert said.code == 0, said.err
    head, *rows = [line.split() for line in said.out.splitlines()]
    assert head[-1] == "why"
    assert [row[1] for row in rows] == [good.name, bad.name]
    assert rows[0][2] == "complete"
    assert rows[1][2] == ("damaged" if " is damaged: it " in said.out else "unreadable")
    best = snnrun("best", "outputs", "--by", "rate")
    assert best.code == 0, best.err
    assert f"left out: outputs/small/{bad.name}: " in best.err
    for words in (["best", bad, "--by", "rate"], ["diff", good, bad], ["status", bad], ["verify", bad], ["plot", bad]):
        assert snnrun(*words).code in (0, 1, 4), words


def test_a_number_of_400_digits_is_infinite_and_stops_nobody(snnrun, results):
    _, bad = results
    entry("metrics.json", lambda _text: '{"rate": {"unit": "Hz", "value": ' + "9" * 400 + "}}")(bad)
    found = json.loads(snnrun("list", "--json").out)["results"]
    assert len(found) == 2
    assert snnrun("best", "outputs", "--by", "rate").out.count("\n") == 2  # the head and the good one


def test_times_that_no_calendar_has_are_left_out(snnrun, results):
    _, bad = results
    for started in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", 5):
        plain = json.loads((bad / "provenance.json").read_text())
        (bad / "provenance.json").write_text(json.dumps({**plain, "started": started}))
        assert snnrun("list").code == 0


def test_a_folder_without_permission_is_a_line(snnrun, results, monkeypatch):
    _, bad = results
    (bad / "DONE.json").unlink()
    shutil.move(bad, bad.with_name("secret"))
    look = os.scandir

    def refuse(path):
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(folders.os, "scandir", refuse)
    found = json.loads(snnrun("list", "--json").out)
    assert [Path(item["folder"]).name for item in found["unreadable"]] == ["secret"]
    assert "Permission denied" in snnrun("list").out


def test_folders_as_deep_as_paths_may_be_are_looked_through(snnrun, results, place):
    deepest = place / "outputs"
    for _ in range(1500):
        deepest /= "d"
        deepest.mkdir()
    try:
        found = json.loads(snnrun("list", "--json").out)
    finally:
        os.removedirs(deepest)
    assert (len(found["results"]), found["unreadable"]) == (2, [])


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "..", "", "a//b", "x\0y", "a\\..\\..\\b"])
def test_names_that_lead_out_of_the_folder_are_refused(place, name):
    done = {"status": "complete", "digest": "", "files": {name: {"bytes": 1}}, "versions": {}, "timings": {}}
    write(place / "r" / "DONE.json", json.dumps(done))
    with pytest.raises(ValueError, match="outside the folder"):
        Done.read(place / "r")


def test_a_link_out_of_the_folder_is_damage_and_is_not_read(snnrun, results, place):
    _, bad = results
    secret = write(place / "secret", (bad / "metrics.json").read_text())
    (bad / "metrics.json").unlink()
    (bad / "metrics.json").symlink_to(secret)
    said = snnrun("verify", bad)
    assert said.code == 1
    assert "metrics.json is a link to another place" in said.out
    shutil.move(bad / "run.log", place / "elsewhere")
    (place / "plots").mkdir()
    (bad / "metrics.json").unlink()
    done = json.loads((bad / "DONE.json").read_text())
    done["files"]["through/secret"] = done["files"]["metrics.json"]
    (bad / "DONE.json").write_text(json.dumps(done))
    (bad / "through").symlink_to(place, target_is_directory=True)
    assert "through/secret is a link to another place" in snnrun("verify", bad).out


JOURNALS = {
    "a pipe": os.mkfifo,
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "endless": endless,
}


@pytest.mark.parametrize("make", JOURNALS.values(), ids=JOURNALS)
def test_status_of_a_sweep_with_strange_files_answers(snnrun, place, make):
    assert snnrun("run", write(place / "swept.yaml", SWEEP), "--no-plots").code == 0
    folder = (place / "outputs" / "small" / "latest").resolve()
    before = snnrun("status", folder, "--json")
    make(folder / "journal" / "zzz.jsonl")
    (folder / "claims").mkdir(exist_ok=True)
    make(folder / "claims" / "0.json")
    after = snnrun("status", folder, "--json")
    assert (after.code, json.loads(after.out)["done"]) == (before.code, 3) == (0, 3)


def test_facts_of_a_sweep_with_absurd_numbers_are_none(snnrun, place):
    assert snnrun("run", write(place / "swept.yaml", SWEEP), "--no-plots").code == 0
    folder = (place / "outputs" / "small" / "latest").resolve()
    facts = json.loads((folder / "sweep.json").read_text())
    for points in (10**12, int("9" * 400), -1, "many", [1]):
        (folder / "sweep.json").write_text(json.dumps({**facts, "points": points}))
        assert snnrun("status", folder).code == 0
    points = [[0, 10**18]]
    write(
        folder / "claims" / "1.json", json.dumps({"host": "h", "pid": 1, "started": 0, "workers": 1, "points": points})
    )
    (folder / "sweep.json").write_text(json.dumps(facts))
    assert snnrun("status", folder).code == 0


# flipped bits


@pytest.mark.parametrize(("text", "name"), [(SMALL, "results.h5"), (SWEEP, "sweep.h5")], ids=["run", "sweep"])
def test_flipped_bits_are_told_before_hdf5_opens_the_file(snnrun, place, text, name):
    said = snnrun("run", write(place / "one.yaml", text), "--no-plots", "--json")
    folder = place / json.loads(said.out)["folder"]
    whole = (folder / name).read_bytes()
    chance = random.Random(1)
    for _ in range(60):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(data)
        said = snnrun("plot", folder, "--out", place / "pictures")
        assert (said.code, "error[ST209]" in said.err) == (4, True)
        assert "`--damaged` reads it anyway" in said.err
    said = snnrun("verify", folder)
    assert (said.code, f"{name} has other contents" in said.out) == (1, True)


@pytest.mark.parametrize(("text", "name"), [(SMALL, "results.h5"), (SWEEP, "sweep.h5")], ids=["run", "sweep"])
def test_who_insists_on_damaged_results_gets_them_or_a_message(snnrun, place, text, name):
    said = snnrun("run", write(place / "one.yaml", text), "--no-plots", "--json")
    folder = place / json.loads(said.out)["folder"]
    whole = (folder / name).read_bytes()
    chance = random.Random(2)
    codes = []
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(20):
            data[chance.randrange(len(data) // 4)] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(data)
        said = snnrun("verify", folder, "--damaged")
        codes.append(said.code)
        assert said.code in (0, 1, 4), said.err
    assert 4 in codes
    (folder / name).write_bytes(whole + b"\0")  # harmless
    assert snnrun("plot", folder, "--out", place / "pictures").code == 4
    assert snnrun("plot", folder, "--out", place / "pictures", "--damaged").code == 0
    assert snnrun("verify", folder, "--damaged").code == 0


def test_drawing_damaged_results_again_does_not_vouch_for_them(snnrun, results):
    folder, _ = results
    (folder / "results.h5").write_bytes((folder / "results.h5").read_bytes() + b"\0")
    assert snnrun("plot", folder, "--damaged").code == 0
    said = snnrun("verify", folder)
    assert said.code == 1
    assert said.out.count("\n") == 2  # the pictures are as they were drawn
    assert "results.h5" in said.out


def test_list_and_best_and_diff_read_damaged_tables_only_when_told_to(snnrun, results):
    good, bad = results
    metrics = (bad / "metrics.json").read_text()
    (bad / "metrics.json").write_text(metrics + " ")
    assert len(json.loads(snnrun("list", "--json").out)["results"]) == 1
    assert len(json.loads(snnrun("list", "--json", "--damaged").out)["results"]) == 2
    assert snnrun("best", bad, "--by", "rate").code == 4
    assert snnrun("best", bad, "--by", "rate", "--damaged").code == 0
    assert snnrun("diff", good, bad).code == 4
    assert snnrun("diff", good, bad, "--damaged").code == 0


def test_a_state_with_flipped_bits_is_the_same_or_refused(snnrun, place):
    state = SMALL.replace("dt: 0.1 ms}", "dt: 0.1 ms, save_state: true}").replace("name: small", "name: first")
    folder = place / json.loads(snnrun("run", write(place / "first.yaml", state), "--no-plots", "--json").out)["folder"]
    start = f"dt: 0.1 ms, start_from: {folder.relative_to(place)}}}"
    second = write(place / "second.yaml", SMALL.replace("dt: 0.1 ms}", start))
    digest = json.loads(snnrun("run", second, "--no-plots", "--json").out)["digest"]
    whole = (folder / "state.npz").read_bytes()
    chance = random.Random(3)
    refused = 0
    for _ in range(40):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (folder / "state.npz").write_bytes(data)
        said = snnrun("run", second, "--no-plots", "--json")
        if said.code == 0:
            assert json.loads(said.out)["digest"] == digest
        else:
            assert (said.code, "FIL20" in said.err) == (2, True), said.err
            refused += 1
    assert refused > 10


def flipped(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("name", ["results.h5", "metrics.json", "experiment.yaml"])
def test_no_command_believes_the_digest_of_a_damaged_run(snnrun, results, name):
    good, bad = results
    flipped(bad / name)
    for words in (["diff", good, bad], ["diff", bad, good], ["diff", bad, bad], ["best", bad, "--by", "rate"]):
        said = snnrun(*words)
        assert (said.code, f"{name}` is damaged: it has other contents" in said.err) == (4, True), words
    line = next(line for line in snnrun("list").out.splitlines() if bad.name in line)
    assert line.split()[2] == "damaged"
    assert "damaged" in snnrun("status", bad).out
    assert snnrun("verify", bad).code == 1
    assert snnrun("diff", good, good).code == 0


def test_damaged_data_are_not_compared_by_who_insists(snnrun, results):
    good, bad = results
    flipped(bad / "results.h5")
    said = snnrun("diff", good, bad, "--damaged", "--json")
    assert (said.code, json.loads(said.out)["data"]) == (1, "damaged")
    assert "are damaged, and not compared" in snnrun("diff", bad, bad, "--damaged").out


def test_diff_reads_the_points_of_a_sweep_and_files_of_any_size(snnrun, place, monkeypatch):
    text = SWEEP.replace("3]}}", "3]}, keep: results}")
    folder = place / json.loads(snnrun("run", write(place / "one.yaml", text), "--no-plots", "--json").out)["folder"]
    assert snnrun("diff", folder, folder).code == 0
    flipped(folder / "points" / "00001" / "results.h5")
    said = snnrun("diff", folder, folder)
    assert (said.code, "points/00001/results.h5` is damaged" in said.err) == (4, True)
    assert snnrun("list").out.count("complete") == 1  # which does not look at points
    point = folder / "points" / "00000"
    monkeypatch.setattr(folders, "QUICK_BYTES", 100)
    flipped(point / "results.h5")
    assert "damaged" not in snnrun("list", point.parent).out  # larger than what is read to list it
    assert snnrun("diff", point, point).code == 4


def test_a_journal_that_is_cut_after_the_end_changes_no_table(snnrun, place):
    folder = place / json.loads(snnrun("run", write(place / "one.yaml", SWEEP), "--no-plots", "--json").out)["folder"]
    for journal in (folder / "journal").iterdir():
        journal.write_bytes(journal.read_bytes()[:-40])
    assert snnrun("verify", folder).code == 0
    assert snnrun("diff", folder, folder).code == 0
    again = json.loads(snnrun("run", place / "one.yaml", "--no-plots", "--json").out)
    assert again["ran"] <= 1
    assert snnrun("verify", folder, "--all").code == 0


def test_results_below_a_folder_whose_name_is_no_text_are_read(snnrun, place):
    assert snnrun("run", write(place / "small.yaml", SMALL), "--no-plots").code == 0
    (place / "above").mkdir()
    (place / "outputs").rename(place / "above" / os.fsdecode(b"o\xff"))
    assert snnrun("best", "above", "--by", "rate").code == 0
    assert len(json.loads(snnrun("list", "above", "--json").out)["results"]) == 1
    said = snnrun("list", "above")
    assert (said.code, "complete" in said.out) == (0, True)

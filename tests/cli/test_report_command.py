"""`snnrun report`: one page that holds everything, runs nothing foreign, and says what the results say."""

import csv
import io
import json
import math
import shutil
import statistics
import unicodedata

import numpy as np
import pytest
from cli_experiments import EXPLODES, SMALL, write
from PIL import Image
from report_pages import check_closed, parsed, rows, under

from snnrun.report import page as pages
from snnrun.report import pictures, sweep_section
from snnrun.report.listing import listing
from snnrun.spec.write_yaml import visible

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> \x1b[31m\x9b2J\u202egnp\u2066\u200b&amp;"
QUOTED = json.dumps(HOSTILE)
SEEDS = SMALL.replace("name: small", "name: seeds") + "sweep: {axes: {tau: [10 ms, 20 ms]}, repeat: 4}\n"
KEPT = SMALL.replace("name: small", "name: kept") + "sweep: {axes: {drive: [0.5, 1.5, 3]}, keep: results}\n"


@pytest.fixture
def run(snnrun, place):
    """Run a file and give the folder of its results."""

    def of(text, *words):
        file = write(place / "file.yaml", text)
        done = snnrun("run", file, "-q", "--json", *(words or ["--no-plots"]))
        return place / json.loads(done.out)["folder"]

    return of


@pytest.fixture
def report(snnrun, place):
    """Write a report and give the page."""

    def of(*folders):
        said = snnrun("report", *folders)
        assert said.code == 0, said.err
        return parsed(place / "report.html")

    return of


def test_a_run_is_shown_whole(run, report):
    folder = run(SMALL, "--format", "png")
    page = report(folder)
    check_closed(page)
    assert page.all("h1")[0].text == "small"
    assert rows(under(page, "Metrics"))[1][::2] == ["rate", "mean_rate(out)"]
    rate = json.loads((folder / "metrics.json").read_text())["rate"]["value"]
    assert rows(under(page, "Metrics"))[1][1] == f"{rate:.5g} Hz"
    assert rows(under(page, "Parameters"))[1:] == [["tau", "10 ms"], ["drive", "2"]]
    assert under(page, "File").text == (folder / "experiment.yaml").read_text()
    assert json.loads((folder / "provenance.json").read_text())["processor"] in under(page, "Provenance").text
    (picture,) = under(page, "Pictures").all("img")
    assert len(picture.attributes["src"]) > 4 * (folder / "plots" / "raster.png").stat().st_size // 3


def test_hostile_text_is_text(run, report):
    text = SMALL.replace("name: small", f"name: small\ndescription: {QUOTED}\nreferences: [{QUOTED}]")
    folder = run(text.replace("rate: mean_rate(out)", "rate: mean_rate(out)\nplots: none"))
    for name in ("provenance.json", "metrics.json"):
        plain = json.loads((folder / name).read_text())
        plain |= {"rate" + HOSTILE: plain["rate"]} if name == "metrics.json" else dict.fromkeys(plain, HOSTILE)
        (folder / name).write_text(
            json.dumps(plain | {"started": "2026-01-01T00:00:00+00:00"} if "python" in plain else plain)
        )
    (folder / "run.log").write_text(HOSTILE)
    page = report(folder, "--damaged")
    check_closed(page)
    assert page.text.count(visible(HOSTILE)) >= 6
    everything = (folder.parents[2] / "report.html").read_text(encoding="utf-8")
    assert not [c for c in everything if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")]


def test_a_report_depends_on_the_results_alone(run, report, place):
    folder = run(SMALL)
    report(folder)
    first = (place / "report.html").read_bytes()
    report(folder)
    assert (place / "report.html").read_bytes() == first


def test_the_points_of_a_sweep_are_its_table(run, report):
    folder = run(KEPT)
    table = under(report(folder), "Points")
    head, *lines = rows(table)
    assert head == ["point", "drive", "rate [Hz]", "status", "pictures"]
    with (folder / "points.csv").open() as file:
        expected = list(csv.DictReader(file))
    for line, cells in zip(lines, expected, strict=True):
        assert line[0] == cells["point"]
        assert float(line[1]) == float(cells["drive"])
        assert float(line[2]) == pytest.approx(float(cells["rate [Hz]"]), rel=1e-4)
        assert line[3] == "complete"
    assert "sortable" in table.all("table")[0].attributes["class"]
    assert len(table.all("img")) == 3


def test_seeds_have_their_spread(run, report):
    folder = run(SEEDS)
    head, *lines = rows(under(report(folder), "Spread over seeds"))
    assert head == ["tau [ms]", "rate [Hz]", "rate SD [Hz]", "rate 95 % CI [Hz]", "rate runs"]
    with (folder / "points.csv").open() as file:
        points = list(csv.DictReader(file))
    for line, tau in zip(lines, ("0.01", "0.02"), strict=True):
        rates = [float(p["rate [Hz]"]) for p in points if p["tau [s]"] == tau]
        sd = statistics.stdev(rates)
        half = 3.182446 * sd / math.sqrt(4)  # Student's t, three degrees of freedom
        assert len(set(rates)) > 1
        expected = [float(tau) * 1e3, statistics.mean(rates), sd, half, 4]
        assert [float(cell.lstrip("± ")) for cell in line] == pytest.approx(expected, rel=1e-4)


def test_runs_that_differ_in_their_seed_have_their_spread(run, report):
    folders = [run(SMALL, "--no-plots", "--seed", k) for k in (1, 2, 3)]
    other = run(SMALL, "--no-plots", "--set", "tau=12 ms")
    rates = [json.loads((f / "metrics.json").read_text())["rate"]["value"] for f in folders]
    page = report(*folders, other)
    ((_, seeds, mean, *_rest),) = rows(under(page, "Spread over seeds"))[1:]
    assert (seeds, float(mean)) == ("1, 2, 3", pytest.approx(statistics.mean(rates), rel=1e-4))
    assert len(rows(under(page, "Overview"))) == 5


def test_two_runs_are_compared(run, report):
    a, b = run(SMALL), run(SMALL, "--no-plots", "--set", "tau=12 ms")
    page = report(a, b)
    check_closed(page)
    differing, metrics = under(page, f"small {a.name} and small {b.name}").all("table")
    assert rows(differing)[1:] == [["constants.tau", "10 ms", "12 ms"]]
    assert rows(metrics)[1][0] == "rate"
    assert rows(metrics)[1][3].startswith("-")
    assert not [h for h in report(a, run(KEPT), b).all("h3") if " and kept" in h.text]  # of more than two, by name
    same = report(a, shutil.copytree(a, a.with_name("00000000")))
    assert "the same in meaning" in same.text
    assert "data are the same" in same.text


def test_failed_points_say_why(snnrun, place, report):
    fails = KEPT.replace("dv/dt = (drive - v)/tau : 1", "dv/dt = v*v*drive/tau : 1").replace("exact", "euler")
    file = write(
        place / "file.yaml", fails.replace("v > 1", "v > 1e300").replace("rand()", "1").replace("0.5, 1.5, 3", "0, 300")
    )
    assert snnrun("run", file, "-q", "--no-plots").code == 3
    page = report("outputs/kept/latest")
    lines = rows(under(page, "Points"))
    assert [line[3] for line in lines[1:]] == ["complete", "failed"]
    assert lines[0][4] == "reason"
    assert "became infinite" in lines[2][4]
    assert "bad" in page.all("h2")[0].all("span")[0].attributes["class"]


def test_a_run_that_stopped_says_when_and_why(snnrun, place, report):
    file = write(place / "file.yaml", EXPLODES.replace("1 s", "100 ms"))
    assert snnrun("run", file, "-q", "--no-plots").code == 3
    page = report("outputs/explodes/latest")
    (warning,) = [p.text for p in page.all("p") if p.attributes.get("class") == "warning"]
    assert warning.startswith("It failed after 11.")
    assert "became infinite" in warning


def test_parameters_are_shown_with_what_the_sweep_does(run, report):
    text = KEPT.replace("drive: 2", "drive: -2\n  half: drive/2").replace(
        "keep: results", "zip: {tau: [1 ms, 0.02 s, 5 ms]}"
    )
    rows_ = rows(under(report(run(text.replace("drive: [0.5, 1.5, 3]", "drive: [3, 0.5]"))), "Parameters"))
    assert rows_[1:] == [
        ["tau", "10 ms", "", "3 values, 1 to 20 ms"],
        ["drive", "-2", "", "2 values, 0.5 to 3"],
        ["half", "drive/2", "\u22121", ""],
    ]


def test_a_folder_stands_for_the_results_in_it(run, snnrun, report):
    folders = {run(SMALL).name, run(KEPT).name}
    broken = run(SMALL, "--no-plots", "--seed", 5)
    (broken / "metrics.json").write_text("{}")
    page = report("outputs")
    assert {line[0].split()[1] for line in rows(under(page, "Overview"))[1:]} == folders
    assert str(broken.name) in page.text
    assert "is damaged" in page.text


def test_what_has_no_results_is_refused_before_anything_is_written(run, snnrun, place):
    folder = run(SMALL)
    (folder / "run.log").write_text("changed")
    said = snnrun("report", "nowhere", folder, "there")
    assert said.code == 4
    assert [code in said.err for code in ("CMP101", "ST209")] == [True, True]
    assert said.err.count("error[") == 3
    assert not (place / "report.html").exists()
    assert "Damaged: run.log" in parsed_damaged(snnrun, place, folder).text


def parsed_damaged(snnrun, place, folder):
    assert snnrun("report", folder, "--damaged").code == 0
    return parsed(place / "report.html")


def test_only_a_report_is_replaced(run, snnrun, place):
    folder = run(SMALL)
    mine = write(place / "mine.html", "<p>mine</p>")
    said = snnrun("report", folder, "--out", mine)
    assert (said.code, "CMP304" in said.err, mine.read_text()) == (4, True, "<p>mine</p>")
    for _ in range(2):
        assert snnrun("report", folder, "--out", "own.html").code == 0
    assert snnrun("report", folder, "--out", "no/such/folder.html").code == 4


def test_large_pictures_are_made_smaller_and_too_many_left_out(run, report, place, monkeypatch):
    folder = run(SMALL, "--format", "png", "--format", "svg")
    monkeypatch.setattr(pictures, "LARGE", 10_000)
    monkeypatch.setattr(pictures, "_WIDTH", 200)
    (shown,) = under(report(folder), "Pictures").all("img")
    assert shown.attributes["src"].startswith("data:image/webp")
    monkeypatch.setattr(pages, "PICTURE_BYTES", 100)
    page = report(folder)
    assert not page.all("img")
    assert "the pictures before it fill the page" in page.text


def test_a_picture_that_is_no_longer_the_published_one_is_not_shown(run, report, place):
    folder = run(SMALL, "--format", "png")
    (secret,) = (folder / "plots").glob("*.png")
    target = secret.rename(place / "secret.png")
    secret.symlink_to(target)
    page = report(folder)
    assert not page.all("img")
    assert "link to another place" in page.text


def test_a_small_picture_shows_spikes_where_they_are(run):
    folder = run(KEPT.replace("[0.5, 1.5, 3]", "[1.5]"))
    from snnrun.report.small import HEIGHT, WIDTH, small_pictures
    from snnrun.results.reader import Results

    image = np.asarray(Image.open(io.BytesIO(small_pictures(folder, [0])[0].data)))
    assert image.shape == (HEIGHT, WIDTH)
    with Results.open(folder / "points" / "00000") as results:
        spikes = results.spikes("out")
    wanted = np.full((3, WIDTH), False)
    wanted[spikes.ids, (spikes.times_s / 0.05 * WIDTH).astype(int)] = True
    assert np.array_equal(image[[HEIGHT - 1, HEIGHT // 2, 0]] < 255, wanted)


@pytest.mark.parametrize("own", [True, False])
def test_damaged_points_have_no_picture_and_are_named(run, report, own):
    folder = run(KEPT, "--format", "png") if own else run(KEPT)
    (folder / "points" / "00000" / "DONE.json").unlink()
    (folder / "points" / "00002" / "results.h5").write_bytes(b"other")
    points = under(report(folder), "Points")
    assert [len(row.all("img")) for row in points.all("tr")[1:]] == [0, 1, 0]
    assert "2 of the points are damaged; they have no picture: 0, 2." in points.text


def test_a_large_sweep_shows_some_rows_and_says_so(run, report, monkeypatch):
    folder = run(KEPT)
    monkeypatch.setattr(sweep_section, "MOST_ROWS", 2)
    points = under(report(folder), "Points")
    assert [line[0] for line in rows(points)[1:]] == ["0", "2"]
    assert "2 of 3 points" in points.text


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nname: a # note\n",
        'a:\n  "b: \\"c": "d # e"\n  f: |\n    x: 1 # no\n\n    <b>\n  g: [1, 2.5e3, true]\n- k: 1\n',
        "a: 'it''s'\r\nb: |-\n",
        "\u202eevil: 1\n",
    ],
)
def test_colours_change_no_character(text, place):
    shown = parsed(write(place / "x.html", listing(text)))
    assert shown.text == visible(text)
    keys = [e.text for e in shown.all("span") if e.attributes["class"] == "key"]
    assert "x" not in keys

"""A report in a browser: opened, sorted, filtered, printed; nothing is loaded, and nothing hostile runs.

`make browser` installs what this needs. Pictures of the pages are in `outputs/browser` then.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_experiments import SMALL, write

playwright = pytest.importorskip("playwright.sync_api")
PROGRAM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium"),
    pytest.mark.filterwarnings("default"),
]
PICTURES = Path(__file__).parents[2] / "outputs" / "browser"
HOSTILE = json.dumps(
    "</style></script><script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1>\u202e\x1b[31m"
)
SWEEP = SMALL.replace("name: small", f"name: small\ndescription: {HOSTILE}") + (
    "  late: first_spike(out)\n"
    "sweep: {axes: {drive: [0.5, 1.5, 3], tau: [20 ms, 5 ms, 10 ms]}, repeat: 2, keep: results}\n"
    "plots: [{kind: raster, monitor: out}, {kind: sweep, y: rate}]\n"
)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as starter:
        one = starter.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a sweep and a run."""
    place = tmp_path_factory.mktemp("report")
    write(place / "small.yaml", SWEEP)
    write(place / "one.yaml", SMALL.replace("name: small", "name: one"))
    for words in (["run", "-q", "small.yaml", "one.yaml"], ["report", "outputs"]):
        subprocess.run([sys.executable, "-m", "snnrun", *words], cwd=place, check=True)
    return place / "report.html"


@pytest.fixture
def page(browser, report):
    """The report, opened; what it asked for and complained about is in `page.said`."""
    one = browser.new_page(viewport={"width": 1200, "height": 900})
    one.said = []
    one.on("request", lambda r: one.said.append(r.url) if not r.url.startswith("data:image/") else None)
    one.on("console", lambda m: one.said.append(m.text))
    one.on("pageerror", lambda e: one.said.append(str(e)))
    one.on("dialog", lambda d: one.said.append(d.message))
    one.goto(report.as_uri())
    yield one
    one.close()


def points(page):
    """The table of points."""
    return page.locator("h3:has-text('Points') ~ .table table").first


def column(page, name):
    """The texts of a column, of the rows that are shown."""
    heads = points(page).locator("thead th").all_inner_texts()
    k = next(k for k, head in enumerate(heads) if head.strip().split(" [")[0] == name)
    return [row.locator("td").nth(k).inner_text() for row in points(page).locator("tbody tr:visible").all()]


def numbers(texts):
    return [float(t.replace("\u2212", "-")) for t in texts if t != "\u2013"]


def picture(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_nothing_is_loaded_and_nothing_hostile_runs(page):
    assert page.said == [page.url]
    assert page.evaluate("window.hacked") is None
    assert "<script>window.hacked=1</script>" in page.inner_text("main")
    blocked = page.evaluate(
        """() => new Promise((done) => {
            const blocked = new Set();
            document.addEventListener("securitypolicyviolation", (event) => {
                blocked.add(event.effectiveDirective);
                if (blocked.size === 4) done([...blocked].sort());
            });
            const add = (name, keys) => document.body.append(Object.assign(document.createElement(name), keys));
            add("script", { textContent: "window.hacked = 1" });
            add("style", { textContent: "body { display: none }" });
            add("img", { src: "http://127.0.0.1:9/x.png" });
            fetch("http://127.0.0.1:9/").catch(() => 0);
            setTimeout(() => done([...blocked]), 3000);
        })"""
    )
    assert blocked == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
    assert page.evaluate("window.hacked") is None


def test_a_click_sorts_and_the_third_one_restores(page):
    before = column(page, "point")
    assert before == [str(k) for k in range(18)]
    head = points(page).locator("th", has_text="rate").locator("button")
    head.click()
    up = column(page, "rate")
    assert numbers(up) == sorted(numbers(up))
    head.press("Enter")
    assert numbers(column(page, "rate")) == sorted(numbers(up), reverse=True)
    head.click()
    assert column(page, "point") == before
    points(page).locator("th", has_text="tau").locator("button").click()
    assert numbers(column(page, "tau")) == [5.0] * 6 + [10.0] * 6 + [20.0] * 6
    late = points(page).locator("th", has_text="late").locator("button")
    for _ in range(2):
        late.click()
        assert column(page, "late")[-6:] == ["\u2013"] * 6  # silent points come last in both directions


@pytest.mark.parametrize(
    ("text", "rows", "said"),
    [
        ("", 18, "18 rows"),
        ("complete", 18, "18 rows"),
        ("nothing of it", 0, "0 of 18 rows"),
        ("tau = 5", 6, "6 of 18 rows"),
        ("tau <= 10 ms and drive != 3", 8, "8 of 18 rows"),
        ("rate = 0 AND tau=20", 2, "2 of 18 rows"),
        ("status = complete and point >= 16", 2, "2 of 18 rows"),
        ("status = failed", 0, "0 of 18 rows"),
        ("speed > 3", 18, 'there is no column "speed"'),
        ("tau > 3 mV", 18, '"3 mV" is not a number in ms'),
        ("status > 3", 18, '"status" holds texts: use = or !='),
    ],
)
def test_rows_are_filtered(page, text, rows, said):
    tools = page.locator("h3:has-text('Points') ~ .tools").first
    tools.locator("input").fill(text)
    assert (len(column(page, "point")), tools.locator("output").inner_text()) == (rows, said)


def test_pictures_of_points_are_small_until_they_are_clicked(page):
    small = points(page).locator("td.pictures img").nth(4)
    assert small.evaluate("i => i.complete && i.naturalWidth > 200")
    width = small.bounding_box()["width"]
    small.click()
    assert small.bounding_box()["width"] > 2 * width
    small.press("Enter")
    assert small.bounding_box()["width"] == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_is_readable_in_both_schemes_and_on_a_telephone(page, scheme, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    picture(page, f"{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    poor = page.evaluate(
        """() => {
            const parts = (text) => text.match(/[0-9.]+/g).map(Number);
            const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
                .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
                .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
            const ground = (e) => {
                const found = parts(getComputedStyle(e).backgroundColor);
                return found.length === 3 || found[3] > 0 ? found : ground(e.parentElement);
            };
            const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            return [...document.querySelectorAll("main *")]
                .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
                .map((e) => [ratio(light(parts(getComputedStyle(e).color)), light(ground(e))), e.outerHTML])
                .filter(([found]) => found < 4.5);
        }"""
    )
    assert poor == []  # contrast of WCAG 2, AA


def test_it_prints_whole(page):
    page.emulate_media(media="print")
    assert not page.locator(".tools").first.is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('pre, .table')].every(e => e.scrollHeight <= e.clientHeight + 1)"
    )
    paper = page.pdf(path=PICTURES / "print.pdf", format="A4") if PICTURES.exists() else page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    assert 2 <= paper.count(b"/Type /Page\n") <= 12

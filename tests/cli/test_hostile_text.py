"""Text that is not the program's own never reaches a terminal with codes or invisible marks in it."""

import json
import shutil
import unicodedata

import pytest
from cli_experiments import SMALL, write

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp\u2066\u2069\u200b\ufeff\u2028\U000e0041z"
QUOTED = json.dumps(HOSTILE).replace("\\udb40\\udc41", "\\U000e0041")  # as YAML spells it in plain ASCII

FILE = f"""\
version: 1
name: small
description: {QUOTED}
references: [{QUOTED}]
constants: {{tau: 10 ms, drive: 2}}
groups:
  cells:
    size: 3
    equations: "dv/dt = (drive - v)/tau : 1"
    method: exact
    threshold: v > 1
    reset: v = 0
    initial: {{v: rand()}}
monitors:
  out: {{kind: spikes, source: cells}}
run: {{duration: 50 ms, dt: 0.1 ms}}
metrics:
  rate: mean_rate(out)
plots: [{{kind: raster, monitor: out, title: {QUOTED}}}]
"""


def is_plain(text):
    """Whether a text holds printable characters and ends of lines only."""
    return not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")]


def check(said, *, json_too=False):
    assert is_plain(said.out), ascii(said.out)
    assert is_plain(said.err), ascii(said.err)
    if json_too:
        json.loads(said.out)


def edit(path, change):
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(change(plain) or plain))


def everywhere(value):
    """The same content with hostile text in every text and every name."""
    match value:
        case dict():
            return {k + HOSTILE: everywhere(v) for k, v in value.items()}
        case list():
            return [everywhere(v) for v in value]
        case str():
            return value + HOSTILE
    return value


@pytest.fixture
def file(place):
    return write(place / "small.yaml", FILE)


def test_what_a_file_says_is_shown_plainly(snnrun, file):
    for words in (
        ["validate", file],
        ["show", file],
        ["show", file, "--resolved"],
        ["show", file, "--kernel"],
        ["run", file],
        ["run", file, "--dry-run"],
        ["plot", "outputs/small/latest"],
        ["list"],
        ["report", "outputs"],
        ["best", "outputs", "--by", "rate"],
        ["diff", file, "outputs/small/latest"],
        ["verify", "outputs/small/latest"],
        ["status", "outputs/small/latest"],
        ["cache", "info"],
    ):
        said = snnrun(*words)
        assert said.code == 0, said.err
        check(said)
    assert is_plain((file.parent / "outputs/small/latest/run.log").read_text())


def test_the_resolved_file_keeps_every_character(snnrun, file, place):
    again = write(place / "again.yaml", snnrun("show", file, "--resolved").out)
    assert snnrun("diff", file, again).code == 0
    assert snnrun("show", again, "--resolved").out == snnrun("show", file, "--resolved").out


@pytest.mark.parametrize(
    "old", ["tau: 10 ms", "v > 1", "mean_rate(out)", "kind: spikes", "source: cells", "size: 3", "name: small"]
)
def test_errors_show_hostile_values_plainly(snnrun, place, old):
    key = old.partition(": ")[0]
    for new in (f"{key}: {QUOTED}", f"? {QUOTED}\n: 1"):
        check(snnrun("validate", write(place / "wrong.yaml", SMALL.replace(old, new))))
        check(snnrun("validate", place / "wrong.yaml", "--json"), json_too=True)


def test_names_of_files_folders_and_options_are_shown_plainly(snnrun, place):
    name = HOSTILE.replace("/", "")
    file = write(place / f"{name}.yaml", SMALL)
    for words in (
        ["validate", file],
        ["run", file, "--no-plots", "--out", place / name],
        ["list", place / name],
        ["list", place / f"{name}-not"],
        ["verify", place / name],
        ["verify", place / name / "small" / "latest"],
        ["plot", place / name / "small" / "latest"],
        ["status", place / name],
        ["best", place / name, "--by", "rate"],
        ["best", place / name, "--by", HOSTILE],
        ["list", place / name, "--where", HOSTILE],
        ["list", place / name, "--sort", HOSTILE],
        ["diff", file, place / name],
        ["validate", file, "--set", f"{HOSTILE}=1"],
        ["validate", file, "--set", f"tau={HOSTILE}"],
        ["run", file, "--format", HOSTILE],
        ["run", file, "--checkpoint-every", HOSTILE],
        ["new", HOSTILE],
        ["new", "x", "--like", HOSTILE],
        ["units", HOSTILE],
        ["units", "2*mV", HOSTILE],
        [HOSTILE],
        ["list", f"--{HOSTILE}"],
        ["list", "--limit", HOSTILE],
    ):
        check(snnrun(*words))


def test_what_results_say_is_shown_plainly(snnrun, place):
    swept = SMALL + "sweep: {axes: {drive: [1.5, 2, 3]}}\n"
    run = place / json.loads(snnrun("run", write(place / "a.yaml", SMALL), "--no-plots", "--json").out)["folder"]
    sweep = place / json.loads(snnrun("run", write(place / "b.yaml", swept), "--no-plots", "--json").out)["folder"]
    for folder in (run, sweep):
        for name in ("provenance.json", "metrics.json", "sweep.json"):
            if (folder / name).exists():
                edit(folder / name, lambda plain: {k: everywhere(v) for k, v in plain.items()})
        edit(
            folder / "DONE.json",
            lambda plain: plain | {"versions": everywhere(plain["versions"]) | {"snnrun": HOSTILE}},
        )
    edit(run / "metrics.json", lambda plain: {k + HOSTILE: {"value": 1, "unit": "Hz"} for k in plain})
    (run.parent / HOSTILE).mkdir()
    shutil.copytree(run, run.parent / HOSTILE / HOSTILE)
    (run.parent / HOSTILE / HOSTILE / "DONE.json").write_text("{" + HOSTILE)
    for words in (
        ["list"],
        ["list", "--damaged"],
        ["best", "outputs", "--by", "rate"],
        ["best", "outputs", "--by", "none", "--damaged"],
        ["verify", run],
        ["verify", run, "--damaged"],
        ["verify", sweep],
        ["verify", sweep, "--damaged"],
        ["verify", run.parent / HOSTILE / HOSTILE],
        ["diff", run, sweep, "--damaged"],
        ["status", run],
        ["status", sweep],
    ):
        check(snnrun(*words))
    for words in (["list", "--damaged"], ["status", sweep], ["verify", run], ["diff", run, sweep, "--damaged"]):
        check(snnrun(*words, "--json"), json_too=True)
    edit(run / "DONE.json", lambda plain: plain | {"files": everywhere(plain["files"]) | {"x\x1b[2J": {"bytes": 1}}})
    said = snnrun("verify", run)
    check(said)
    assert said.code == 4
    edit(run / "DONE.json", lambda plain: plain | {"files": {"x" + HOSTILE: {"bytes": 1}}})
    said = snnrun("verify", run)
    check(said)
    assert (said.code, "is missing" in said.out) == (1, True)

"""What docs/terminal.md says of `--json` is what commands print."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from snnrun.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
SHOWN = [
    (command, json.loads(block))
    for block, command in re.findall(r"(?ms)^```json\n(.*?)^```\n\nis what `snnrun (.*?) --json` prints", PAGE)
]
KEYS = {
    row[0].strip(" `"): re.findall(r"`(\w+)`", row[1])
    for row in (line.strip("|").split(" | ") for line in PAGE.partition("The keys of each command")[2].splitlines()[4:])
}
HEAD = ["command", "exit_code", "errors"]
NETWORK = """\
version: 1
groups: {cells: {size: 2, equations: "dv/dt = (2 - v)/(10*ms) : 1", threshold: v > 1, reset: v = 0}}
monitors: {out: {kind: spikes, source: cells}}
metrics: {rate: mean_rate(out)}
run: {duration: 20 ms, dt: 0.1 ms}
"""


@pytest.fixture
def answer(tmp_path, monkeypatch, capsys):
    """What a command prints, as an object."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "kernels"))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["snnrun", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        found = json.loads(capsys.readouterr().out)
        assert found["exit_code"] == ended.value.code
        assert list(found)[:3] == HEAD
        return found

    return call


@pytest.mark.parametrize(("command", "wanted"), SHOWN, ids=[command for command, _ in SHOWN])
def test_the_page_shows_what_is_printed(answer, command, wanted):
    assert answer(*shlex.split(command)) == wanted


def test_the_page_names_the_keys_of_each_command(answer):
    Path("net.yaml").write_text(NETWORK)
    Path("wrong.yaml").write_text(NETWORK.replace("size", "sise"))
    Path("sweep.yaml").write_text(f"{NETWORK}sweep: {{axes: {{groups.cells.size: [1, 2]}}}}\n")

    def keys(*words):
        return sorted(set(answer(*words)) - set(HEAD))

    assert keys("run", "net.yaml", "--no-plots") == sorted(KEYS["run"][:-1])
    assert answer("run", "net.yaml", "wrong.yaml")["errors"][0]["code"] == "FMT203"
    of_sweep = keys("run", "sweep.yaml", "--no-plots", "--workers", "1")
    assert of_sweep == sorted(set(KEYS["run"][:-1]) ^ set(KEYS["run` of a sweep"]))
    assert keys("run", "net.yaml", "--dry-run") == sorted(KEYS["run --dry-run"])
    assert answer("validate", "wrong.yaml")["errors"][0]["line"] == 2
    assert keys("diff", "net.yaml", "sweep.yaml") == sorted(KEYS["diff"][:4])
    assert keys("diff", "outputs/net/latest", "outputs/net/latest") == sorted(KEYS["diff"])
    assert keys("status", "outputs/net/latest") == sorted(KEYS["status"][:2])
    assert keys("status", "outputs/sweep/latest") == sorted(KEYS["status"])
    assert keys("new", "mine") == sorted(KEYS["new"][:2])
    assert keys("new", "--list") == ["templates"]
    for words in (
        ["validate", "net.yaml"],
        ["list"],
        ["verify", "outputs/net/latest"],
        ["best", "outputs", "--by", "rate"],
        ["library", "lif"],
        ["examples", "wang-2002"],
        ["explain", "EQ203"],
        ["cache", "clear"],
    ):
        name = " ".join(words[:2]) if words[0] == "cache" else words[0]
        assert keys(*words) == sorted(KEYS[name]), name

"""`snnrun run --profile`."""

import json

from cli_experiments import write

FILE = """\
version: 1
name: profiled
groups:
  NAME:
    {size: 2000, equations: "dv/dt = (1.1 - v)/(20*ms) : 1", method: exact, threshold: v > 1, reset: v = 0}
synapses:
  s: {source: NAME, target: NAME, connect: {i: [0, 1], j: [1, 2]}, equations: "w : 1"}
monitors:
  v: {kind: state, source: NAME, variables: [v]}
  few: {kind: state, source: s, variables: [w], indices: [0, 1]}
run: {dt: 0.1 ms, phases: [{name: a, duration: 10 ms}, {name: b, duration: 20 ms, set: {NAME.v: 0}}]}
"""
NAME = "a_group_with_a_name_that_is_far_too_long_for_a_table_of_eighty_columns"
FILE = FILE.replace("NAME", NAME)


def test_a_profile_adds_up_and_says_what_to_change(snnrun, place):
    file = write(place / "profiled.yaml", FILE)
    plain = json.loads(snnrun("run", file, "--no-plots", "--json").out)
    said = json.loads(snnrun("run", file, "--no-plots", "--json", "--profile", "--out", "again").out)
    assert said["digest"] == plain["digest"]
    assert "profile" not in plain
    found = said["profile"]
    rows = {(row["object"], row["stage"]): row["seconds"] for row in found["stages"]}
    assert abs(sum(rows.values()) - found["seconds"]) < 1e-3
    assert rows["monitors.v", "recording"] > 0
    assert rows["phases", "setting values"] > 0
    assert rows[f"groups.{NAME}", "update"] > 0
    assert list(rows)[-1] == ("not attributed", "")
    assert found["memory"][f"groups.{NAME}"] >= 16_000
    assert 0.9 * found["seconds"] <= said["seconds"]["simulate"]

    told = snnrun("run", file, "--no-plots", "--profile").err
    table = told[told.index("profile of") :].splitlines()[:-1]
    assert len(table) > 6
    assert max(map(len, table)) <= 80
    log = (place / said["folder"] / "run.log").read_text()
    assert "not attributed" in log


def test_without_it_the_log_says_in_a_line_what_took_how_long(snnrun, place):
    said = json.loads(snnrun("run", write(place / "profiled.yaml", FILE), "--no-plots", "--json").out)
    (line,) = [x for x in (place / said["folder"] / "run.log").read_text().splitlines() if x.startswith("simulation:")]
    assert "kernel 0." in line

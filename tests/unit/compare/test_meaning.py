"""Spelling and meaning of values, and of whole experiments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.compare.documents import Side, differences
from snnrun.compare.meaning import definitions_of, meaning_of

NOTHING = frozenset()
BASE = """\
version: 1
name: base
seed: 1
constants: {tau: 10 ms, gain: 2}
groups:
  lif:
    size: 4
    equations: |
      dv/dt = (x - v)/tau : 1
      x = gain*0.6 : 1
    method: exact
    threshold: v > 1
    reset: v = 0
    initial: {v: 0.1*i}
monitors:
  out: {kind: spikes, source: lif}
run: {duration: 50 ms, dt: 0.1 ms}
metrics: {rate: mean_rate(out)}
"""


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("10 ms", "0.01 s"),
        ("10*ms", "10 ms"),
        ("10 ms", "1e-2*second"),
        (1e-3, "0.001"),
        ("1e-3", "0.001"),
        (1, 1.0),
        (True, "True"),
        ("-70*mV", "-0.07 V"),
        ("v>1", "v > 1"),
        ("(v > 1)", "v > 1"),
        ("v = 0; w = 1", "v = 0\nw=1"),
        ("v += w  # on a spike", "v += w"),
        ("5e-5*siemens*cm**-2", "0.5 S/metre**2"),
        ("120*mA*60*ohm", "7.2 V"),
        ("k for k in range(i-3, i+4)  if k != i", "k for k in range(i - 3, i + 4) if k!=i"),
        ("0:800", "0:800"),
    ],
)
def test_two_spellings_of_one_meaning(a, b):
    assert meaning_of(a, NOTHING) == meaning_of(b, NOTHING)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("10 ms", "10 mV"),
        ("10 ms", "10.0000000001 ms"),
        ("v > 1", "v >= 1"),
        ("a - b", "b - a"),
        ("v = 0; w = 1", "w = 1; v = 0"),
        ("0:800", "0:801"),
        ("1/tau", "1/(2*tau)"),
        (True, "1"),
        ("rk2", "rk4"),
    ],
)
def test_two_meanings(a, b):
    assert meaning_of(a, NOTHING) != meaning_of(b, NOTHING)


def test_a_name_of_the_file_is_no_unit():
    assert meaning_of("2*m", NOTHING) == meaning_of("2*metre", NOTHING)
    assert meaning_of("2*m", frozenset({"m"})) != meaning_of("2*metre", frozenset({"m"}))
    # Right behind a number stands a unit, whatever the file calls `m`.
    assert meaning_of("2 m", frozenset({"m"})) == meaning_of("2 metre", frozenset({"m"}))


def test_a_tower_of_powers_is_left_as_it_stands():
    assert meaning_of("9**9**9", NOTHING) != meaning_of("9**9**8", NOTHING)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_every_double_means_itself(value):
    assert meaning_of(value, NOTHING) == meaning_of(repr(value), NOTHING)


def test_equations_are_compared_line_by_line():
    a = definitions_of("dv/dt = -v/tau : volt (unless refractory)\nw : 1", NOTHING)
    b = definitions_of("w : 1   # a weight\ndv/dt = -v / tau : V (unless refractory)", NOTHING)
    assert a == b
    assert set(a) == {"v", "w"}
    assert definitions_of("dv/dt = -v/tau : volt", NOTHING)["v"] != a["v"]


def side(tmp_path, text, name="one.yaml"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return Side.read(file)


def places(tmp_path, text):
    found = differences(side(tmp_path, BASE, "a.yaml"), side(tmp_path, text, "b.yaml"))
    return [d.place for d in found]


def test_an_experiment_is_itself_in_another_spelling(tmp_path):
    other = """\
# The same experiment, in other words.
run: {dt: 100 us, duration: 0.05 s}
monitors: {out: {source: lif, kind: spikes, counts_only: false}}
metrics: {"rate": "mean_rate( out )"}
groups:
  lif:
    kind: neurons
    equations: |
      x = gain*6e-1 : 1            # the drive
      dv/dt = (x-v)/tau : 1
    threshold: (v > 1)
    reset: v=0
    initial: {v: "0.1 * i"}
    method: 'exact'
    size: 4.0
constants:
  gain: 2
  tau: 0.01*second
name: base
version: 1
"""
    assert places(tmp_path, other) == []


def test_a_file_that_extends_another_is_compared_as_the_whole(tmp_path):
    (tmp_path / "parent.yaml").write_text(BASE.replace("tau: 10 ms", "tau: 7 ms"), encoding="utf-8")
    child = "version: 1\nextends: parent.yaml\nconstants: {tau: 10 ms}\n"
    assert places(tmp_path, child) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("tau: 10 ms", "tau: 11 ms", ["constants.tau"]),
        ("method: exact", "method: euler", ["groups.lif.method"]),
        ("    method: exact\n", "", ["groups.lif.method"]),
        ("x = gain*0.6", "x = gain*0.7", ["groups.lif.equations: x"]),
        ("seed: 1\n", "seed: 2\n", ["seed"]),
        ("seed: 1\n", "", []),
        ("name: base", "name: other", ["name"]),
        ("name: base\n", "", []),
        ("metrics: {rate: mean_rate(out)}\n", "", ["metrics.rate"]),
        ("out: {kind: spikes, source: lif}", "out: {kind: rate, source: lif, bin: 1 ms}", None),
    ],
)
def test_each_difference_is_named_by_its_place(tmp_path, old, new, expected):
    assert old in BASE
    text = BASE.replace(old, new)
    if expected is None:  # a monitor of another kind: not what `mean_rate` wants
        text = text.replace("metrics: {rate: mean_rate(out)}\n", "")
        found = places(tmp_path, text)
        assert "monitors.out.kind" in found
        assert "monitors.out.bin" in found
        return
    assert places(tmp_path, text) == expected


def test_both_values_are_shown_as_their_files_write_them(tmp_path):
    a = side(tmp_path, BASE, "a.yaml")
    b = side(tmp_path, BASE.replace("tau: 10 ms", "tau: 0.02*second").replace("    method: exact\n", ""), "b.yaml")
    shown = {d.place: (d.a, d.b) for d in differences(a, b)}
    assert shown == {"constants.tau": ("10 ms", "0.02*second"), "groups.lif.method": ("exact", "(auto)")}


def test_the_order_counts_where_the_format_says_so(tmp_path):
    two = BASE.replace("initial: {v: 0.1*i}", "initial: {v: 0.1*i, u: 2*v}").replace(
        "x = gain*0.6 : 1", "x = gain*0.6 : 1\n      u : 1"
    )
    swapped = two.replace("{v: 0.1*i, u: 2*v}", "{u: 2*v, v: 0.1*i}")
    found = differences(side(tmp_path, two, "a.yaml"), side(tmp_path, swapped, "b.yaml"))
    assert [(d.place, d.a, d.b) for d in found] == [("order of groups.lif.initial", "v, u", "u, v")]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("{linspace: [1 ms, 5 ms], num: 5}", "[1 ms, 2 ms, 0.003 s, 4 ms, 5*ms]", True),
        ("{range: [1 ms, 4 ms, 1 ms]}", "{linspace: [1 ms, 3 ms], num: 3}", True),
        ("{linspace: [1 ms, 5 ms], num: 5}", "{linspace: [1 ms, 5 ms], num: 6}", False),
        ("[1 ms, 2 ms]", "[2 ms, 1 ms]", False),
    ],
)
def test_axes_of_a_sweep_are_compared_by_value(tmp_path, a, b, same):
    texts = [f"{BASE}sweep: {{axes: {{tau: {axis}}}}}\n" for axis in (a, b)]
    found = differences(side(tmp_path, texts[0], "a.yaml"), side(tmp_path, texts[1], "b.yaml"))
    assert [d.place for d in found] == ([] if same else ["sweep: tau"])


def test_a_sweep_against_none_is_one_difference(tmp_path):
    (found,) = differences(
        side(tmp_path, BASE), side(tmp_path, f"{BASE}sweep: {{axes: {{tau: [1 ms, 2 ms]}}}}\n", "b.yaml")
    )
    assert (found.place, found.a, found.b) == ("sweep", None, "2 points (tau 2)")


def test_files_are_compared_by_their_contents(tmp_path):
    text = BASE.replace("run: {", "arrays: {drive: {file: data.csv, dt: 1 ms}}\nrun: {")
    for name, numbers in (("a", "1\n2\n"), ("b", "1\n2\n"), ("c", "1\n3\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.csv").write_text(numbers, encoding="utf-8")
    a, b, c = (side(tmp_path / name, text) for name in "abc")
    assert differences(a, b) == []
    assert [d.place for d in differences(a, c)] == ["contents of data.csv"]

"""TOML texts as trees with places."""

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnrun.errors import ExperimentError
from snnrun.source import SourceFile
from snnrun.spec.load_toml import parse_toml
from snnrun.spec.nodes import plain

SAMPLE = '''\
version = 1 # format
"quoted key" = 'x'
a.b.'c d' = [1, 2.5, -1e-3, 0x1F, 0o17, 0b11, 1_000, inf, true, false,
  "s", ] # tail
[groups.lif]
size = 3
equations = """
dv/dt = -v/tau : 1
"""
initial = {v = "1*mV", w = [1, {x = 2}], }
[groups."two words".deep]
x = 1
[[plots]]
kind = "raster"
[plots.labels]
x = "t"
[[plots]]
kind = "rate"
[groups.lif.constants]
q = "1 ms"
'''.replace(", }", "}")


def parse(text):
    return parse_toml(SourceFile("f.toml", text))


def test_tree_holds_what_tomllib_reads():
    assert plain(parse(SAMPLE)) == tomllib.loads(SAMPLE)


def test_keys_and_values_know_their_places():
    root = parse(SAMPLE)
    size = root.get("groups").get("lif").entries["size"]
    assert str(size.key.span) == "f.toml:6:1"
    assert str(size.value.span) == "f.toml:6:8"
    kind = root.get("plots").items[1].entries["kind"]
    assert SAMPLE[kind.value.span.start : kind.value.span.end] == '"rate"'
    assert kind.key.span.line == 18
    text = root.get("groups").get("lif").get("equations").text
    assert str(text.span(text.value.index("tau"), text.value.index("tau") + 3)) == "f.toml:8:12"


BROKEN = {
    "text without quotes": ("a = 1\ntau = 10 ms\n", (2, 10, "TML101")),
    "word without quotes": ("a = x\n", (1, 5, "TML101")),
    "no equals sign": ("a = 1\nb\n", (2, 2, "TML101")),
    "open quote": ('a = "x\nb = 1\n', (1, 7, "TML101")),
    "open list": ("a = [1,\nb = 1\n", (2, 1, "TML101")),
    "key twice": ("a = 1\nb = 2\na = 3\n", (3, 1, "TML104")),
    "table twice": ("[a]\nx = 1\n[a]\n", (3, 1, "TML104")),
    "date": ("a = 2001-01-01\n", (1, 5, "TML103")),
    "time": ("a = 10:20:00\n", (1, 5, "TML103")),
    "date and time": ("a = 2001-01-01 10:20:00Z\nb = 1\n", (1, 5, "TML103")),
    "nested lists": (f"a = {'[' * 70}{']' * 70}\n", (1, 68, "TML105")),
    "very deep lists": (f"a = {'[' * 50_000}", (1, 1, "TML105")),
    "very long dotted key": (f"{'a.' * 5000}b = 1\n", (1, 1, "TML105")),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_text_gives_an_error_at_its_place(case):
    text, expected = BROKEN[case]
    with pytest.raises(ExperimentError) as caught:
        parse(text)
    (item,) = caught.value.diagnostics
    assert item.span is not None
    assert (item.span.line, item.span.column, item.code) == expected
    assert item.help


def test_large_files_are_refused_before_parsing():
    with pytest.raises(ExperimentError) as caught:
        parse("a = 1\n" * 400_000)
    assert caught.value.diagnostics[0].code == "TML102"


def test_number_too_long_for_the_machine_is_an_error_of_ours():
    with pytest.raises(ExperimentError):
        parse(f"a = {'9' * 5000}\n")


scalars = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(alphabet=st.characters(max_codepoint=0x24F, exclude_categories=["Cc", "Cs"]), max_size=10),
)


def write(value):
    """A value in TOML, by a writer of the test's own."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(write(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write(key)} = {write(item)}" for key, item in value.items()) + "}"
    return repr(value)


keys = st.sampled_from(["a", "b.c", "d e", "é"])
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c-d", "e_f"]), trees, max_size=3))
def test_any_tree_reads_back(tree):
    text = "".join(f"{key} = {write(value)}\n" for key, value in tree.items())
    assert plain(parse(text)) == tree

"""Lookups in a document, changed copies of it, and its resolved text."""

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from snnrun.source import SourceFile, Text
from snnrun.spec.document import Document
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.nodes import MapNode, ScalarNode

SOURCE = """\
version: 1
constants:
  tau: 10 ms
  weight: 0.10
groups:
  lif:
    size: 3
    equations: |
      dv/dt = -v/tau : 1
      w : 1
    initial: {v: [1, 2, 3]}
plots:
  - {kind: raster}
functions:
  sigmoid(x): 1/(1 + exp(-x))
"""


def document_of(text):
    root = parse_yaml(SourceFile("f.yaml", text))
    assert isinstance(root, MapNode)
    return Document(root, Path("f.yaml"), Path.cwd())


@pytest.fixture
def document():
    return document_of(SOURCE)


def test_values_and_keys_are_found_by_path(document):
    assert str(document.span(("groups", "lif", "size"))) == "f.yaml:7:11"
    assert str(document.key_span(("groups", "lif", "size"))) == "f.yaml:7:5"
    assert str(document.span(("plots", 0, "kind"))) == "f.yaml:13:12"
    assert document.has(("groups", "lif", "initial", "v", 2))
    assert not document.has(("groups", "lif", "initial", "v", 3))
    assert not document.has(("groups", "lif", "size", "x"))
    assert document.keys(("constants",)) == ("tau", "weight")
    assert document.keys(("version",)) == ()
    with pytest.raises(KeyError):
        document.node(("groups", "foo"))
    with pytest.raises(KeyError):
        document.text(("groups",))


def test_numbers_have_the_text_the_user_wrote(document):
    assert document.text(("constants", "weight")).value == "0.10"
    assert document.node(("constants", "weight")).value == 0.1


def test_texts_lead_back_to_the_file(document):
    text = document.text(("groups", "lif", "equations"))
    start = text.value.index("w : 1")
    assert str(text.span(start, start + 1)) == "f.yaml:10:7"
    assert document.key_text(("functions", "sigmoid(x)")).value == "sigmoid(x)"


def test_nearest_span_of_a_missing_key_is_that_of_the_map_around_it(document):
    assert document.nearest_span(("groups", "lif", "reset")) == document.key_span(("groups", "lif"))
    assert document.nearest_span(("run", "dt")) == document.top_span()


def test_changed_copy_leaves_the_original_alone(document):
    before = document.plain()
    changed = document.with_values(
        {
            ("constants", "tau"): Text.plain("20 ms"),
            ("groups", "lif", "initial", "v", 1): 7,
            ("run", "threads"): 2,
            ("plots", 0, "kind"): "rate",
        }
    )
    assert document.plain() == before
    assert changed.plain()["constants"] == {"tau": "20 ms", "weight": 0.1}
    assert changed.plain()["groups"]["lif"]["initial"]["v"] == [1, 7, 3]
    assert changed.plain()["run"] == {"threads": 2}
    assert changed.plain()["plots"] == [{"kind": "rate"}]
    assert changed.text(("constants", "tau")).file.name == "<text>"


def test_changed_copy_shares_what_did_not_change(document):
    changed = document.with_values({("constants", "tau"): "20 ms"})
    assert changed.root.get("groups") is document.root.get("groups")
    assert changed.node(("constants", "weight")) is document.node(("constants", "weight"))


def test_text_values_follow_the_rules_of_plain_scalars(document):
    changed = document.with_values(
        {("constants", "tau"): Text.plain("1e-3"), ("constants", "weight"): Text.plain("on")}
    )
    assert changed.plain()["constants"] == {"tau": 0.001, "weight": "on"}


def test_none_removes_a_key(document):
    assert "weight" not in document.with_values({("constants", "weight"): None}).keys(("constants",))
    assert document.with_values({("constants", "nothing"): None}).plain() == document.plain()


def test_a_path_through_a_scalar_cannot_be_set(document):
    for path in [("version", "x"), ("plots", 5, "kind"), ("plots", "kind")]:
        with pytest.raises(KeyError):
            document.with_values({path: 1})


def test_resolved_text_reads_back_and_is_readable(document):
    text = document.to_yaml()
    assert document_of(text).plain() == document.plain()
    assert "    equations: |\n      dv/dt = -v/tau : 1\n      w : 1\n" in text
    assert "  weight: 0.10\n" in text
    assert "      v: [1, 2, 3]\n" in text
    assert document_of(text).to_yaml() == text


def test_long_lists_go_over_several_lines(document):
    changed = document_of(f"a: [{', '.join(['value'] * 100)}]\n")
    assert max(len(line) for line in changed.to_yaml().split("\n")) < 120


words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["on", "null", "~", "1e-3", "a: b", "a #b", "- x", "x\n", "\n", " x", "x ", "a\n\n b\n", "|", "> 1"]
    ),
    st.sampled_from(
        ["{a}", "[1] * nA", "*x", "&x", "!x", "%x", "@x", "0o17", ".inf", "---", "...", "=", "<<", "'", '"']
    ),
    st.sampled_from(
        [" a\nb", "a\n b", "a\n\n\n", "\ta\nb", "a \nb", "a\n \nb", "\x85a\n", "\u2028\n", "\ufeff\n", "a:"]
    ),
)
scalars = st.one_of(words, st.integers(), st.floats(), st.booleans())
trees = st.recursive(scalars, lambda t: st.lists(t, max_size=3) | st.dictionaries(words, t, max_size=3), max_leaves=8)


def node_of(value):
    """A tree of nodes made of plain data, as if TOML had held it."""
    base = document_of("x: 1\n")
    if isinstance(value, dict):
        inner = base.with_values({("m",): base.root})
        inner = inner.with_values({("m", "x"): None})
        for key, item in value.items():
            inner = inner.with_values({("m", key): node_of(item)})
        return inner.node(("m",))
    if isinstance(value, list):
        holder = document_of(f"m: [{', '.join('1' for _ in value)}]\n")
        for index, item in enumerate(value):
            holder = holder.with_values({("m", index): node_of(item)})
        return holder.node(("m",))
    return base.with_values({("x",): value}).node(("x",))


def same(a, b):
    """Equal with types, NaN equal to itself."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and a == b


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300)
@given(trees)
@example(["("])
def test_any_tree_survives_writing_and_reading(tree):
    document = document_of("k: 1\n").with_values({("k",): node_of(tree)})
    text = document.to_yaml()
    again = document_of(text)
    assert same(again.plain(), document.plain())
    assert again.to_yaml() == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_every_bit(number):
    document = document_of("k: 1\n").with_values({("k",): number})
    again = document_of(document.to_yaml()).node(("k",))
    assert isinstance(again, ScalarNode)
    assert again.value == number
    assert math.copysign(1, again.value) == math.copysign(1, number)

"""The place of each character of a scalar, whatever way it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.source import SourceFile, Text
from snnrun.spec.load_toml import parse_toml
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.nodes import MapNode, ScalarNode


def yaml_text(source: str, key: str = "k") -> Text:
    root = parse_yaml(SourceFile("f.yaml", source))
    assert isinstance(root, MapNode)
    node = root.get(key)
    assert isinstance(node, ScalarNode)
    return node.text


def toml_text(source: str) -> Text:
    node = parse_toml(SourceFile("f.toml", source)).get("k")
    assert isinstance(node, ScalarNode)
    return node.text


def assert_each_character_stands_where_it_says(text: Text, source: str) -> None:
    """Every character that is no line break, space or escape is found at its own offset."""
    assert len(text.offsets) == len(text.value) + 1
    assert list(text.offsets) == sorted(text.offsets)
    for char, at in zip(text.value, text.offsets, strict=False):
        if not char.isspace() and source[at] not in "\\'":
            assert source[at] == char


YAML_FORMS = {
    "plain": ("k: v + w\n", "v + w"),
    "plain over lines": ("k: a +\n   b\n\n   c\nx: 1\n", "a + b\nc"),
    "single quotes": ("k: 'it''s v'\n", "it's v"),
    "single over lines": ("k: 'a\n  b\n\n  c'\n", "a b\nc"),
    "double quotes": ('k: "v\\tw \\x41 \\u00e9 \\U0001F600 z"\n', "v\tw A é \U0001f600 z"),
    "double with a line continued": ('k: "a \\\n   b\\\n   c"\n', "a bc"),
    "double with a continued empty line": ('k: "a\\\n\n   b"\n', "a\nb"),
    "double over lines": ('k: "a\n  b\n\n  c"\n', "a b\nc"),
    "literal": ("k: |\n  a\n    b\n\n  c\n", "a\n  b\n\nc\n"),
    "literal kept": ("k: |+ # why\n  a\n\n\nx: 1\n", "a\n\n\n"),
    "literal stripped": ("k: |-\n  a\n  b\n", "a\nb"),
    "literal indented by hint": ("k: |2\n    a\n  b\n", "  a\nb\n"),
    "literal without a last line break": ("k: |\n  a", "a"),
    "folded": ("k: >\n  a\n  b\n\n  c\n", "a b\nc\n"),
    "folded with deeper lines": ("k: >-\n  a\n    b\n  c\n  d\n", "a\n  b\nc d"),
    "anchored": ("k: &x v + w\n", "v + w"),
    "windows line ends": ("k: |\r\n  a\r\n  b\r\n", "a\nb\n"),
    "windows line ends folded": ("k: a\r\n   b\r\n", "a b"),
    "not ascii": ("é: 1\nk: µ + é\n", "µ + é"),
    "empty": ('k: ""\n', ""),
    "key in a nested list": ("x: [1, 2]\nk: 'q'\n", "q"),
}


@pytest.mark.parametrize("form", YAML_FORMS)
def test_characters_of_a_yaml_scalar_stand_where_they_say(form):
    source, value = YAML_FORMS[form]
    text = yaml_text(source)
    assert text.value == value
    assert_each_character_stands_where_it_says(text, source)
    places = [at for char, at in zip(value, text.offsets, strict=False) if not char.isspace()]
    assert len(set(places)) == len(places)


TOML_FORMS = {
    "basic": ('k = "v + w"\n', "v + w"),
    "escapes": ('k = "a\\tb \\u00e9 \\U0001F600 \\\\ z"\n', "a\tb é \U0001f600 \\ z"),
    "literal": ("k = 'a\\b'\n", "a\\b"),
    "basic lines": ('k = """\na\n  b\n"""\n', "a\n  b\n"),
    "basic lines continued": ('k = """a \\\n    b"""\n', "a b"),
    "literal lines": ("k = '''\na\nb'''\n", "a\nb"),
    "quotes inside": ('k = """a ""b"""""\n', 'a ""b""'),
    "windows line ends": ('k = """\r\na\r\nb"""\r\n', "a\nb"),
    "number": ("k = 1_000\n", "1_000"),
}


@pytest.mark.parametrize("form", TOML_FORMS)
def test_characters_of_a_toml_scalar_stand_where_they_say(form):
    source, value = TOML_FORMS[form]
    text = toml_text(source)
    assert text.value == value
    assert_each_character_stands_where_it_says(text, source)


def test_a_word_deep_in_a_block_is_found_on_its_own_line():
    source = "groups:\n  a:\n    k: |\n      dv/dt = -v/tau : 1\n      w : foo\n"
    root = parse_yaml(SourceFile("f", source))
    groups = root.get("groups").get("a").get("k").text
    start = groups.value.index("foo")
    span = groups.span(start, start + 3)
    assert (span.line, span.column) == (5, 11)
    assert source[span.start : span.end] == "foo"


line = st.text(alphabet="ab +-*/()é", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.lists(line, min_size=1, max_size=5), st.integers(1, 6))
def test_every_character_of_a_literal_block_maps_to_itself(lines, indent):
    source = "k: |\n" + "".join(f"{' ' * indent}{text}\n" for text in lines)
    text = yaml_text(source)
    assert text.value == "".join(f"{text}\n" for text in lines)
    assert all(source[at] == char for char, at in zip(text.value, text.offsets, strict=False))


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20))
def test_double_quoted_texts_keep_their_places(value):
    if "\ufeff" in value or "\ufffe" in value or "\uffff" in value:
        return
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    source = f'k: "{escaped}"\n'
    text = yaml_text(source)
    assert text.value == value
    assert len(set(text.offsets)) == len(value) + 1
    for char, at in zip(text.value, text.offsets, strict=False):
        assert source[at] == ("\\" if char in '\\"' else char)

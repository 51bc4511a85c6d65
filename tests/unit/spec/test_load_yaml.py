"""YAML texts as trees with places, and every way to break them as one clear error."""

import time

import pytest

from snnrun.errors import ExperimentError
from snnrun.source import SourceFile
from snnrun.spec.load_yaml import DEPTH_LIMIT, NODE_LIMIT, parse_yaml
from snnrun.spec.nodes import MapNode, plain


def parse(text):
    return parse_yaml(SourceFile("f.yaml", text))


def problems(text):
    """(line, column, code, marked text) of each diagnostic."""
    with pytest.raises(ExperimentError) as caught:
        parse(text)
    found = []
    for item in caught.value.diagnostics:
        assert item.span is not None
        assert item.help
        found.append((item.span.line, item.span.column, item.code, text[item.span.start : item.span.end]))
    return found


def test_tree_holds_the_data_in_the_order_of_the_file():
    root = parse("b: 1\na: [x, {c: 2.5}]\n'on': on\nn: yes\n")
    assert plain(root) == {"b": 1, "a": ["x", {"c": 2.5}], "on": "on", "n": "yes"}
    assert isinstance(root, MapNode)
    assert list(root.entries) == ["b", "a", "on", "n"]


def test_keys_and_values_know_their_places():
    source = "g:\n  a: {size: 3}  # c\n  b: [1, x y]\n"
    root = parse(source)
    entry = root.get("g").entries["a"].value.entries["size"]
    assert source[entry.key.span.start : entry.key.span.end] == "size"
    assert source[entry.value.span.start : entry.value.span.end] == "3"
    items = root.get("g").get("b")
    assert source[items.span.start : items.span.end] == "[1, x y]"
    assert str(items.items[1].span) == "f.yaml:3:10"


def test_aliases_stand_for_their_anchors():
    assert plain(parse("a: &x {k: 1}\nb: *x\nc: [*x, *x]\n")) == {"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}] * 2}


def test_keys_are_always_texts():
    assert plain(parse("1: a\ntrue: b\nnull: c\n")) == {"1": "a", "true": "b", "null": "c"}


BROKEN = {
    "equation without quotes": ("e: dv/dt = -v/tau : 1\n", (1, 4, "YML115", "dv/dt = -v/tau : 1")),
    "equation before a comment": ("e: dv/dt = -v : 1  # leak\n", (1, 4, "YML115", "dv/dt = -v : 1")),
    "equation in braces": ("g: {s: 1, e: dv/dt = -v : 1, r: v}\n", (1, 14, "YML115", "dv/dt = -v : 1")),
    "statement with commas in braces": ("o: {do: x = clip(x, 0, 1)}\n", (1, 9, "YML114", "x = clip(x, 0, 1)")),
    "nested calls in braces": (
        "o: {do: x = clip(x, 0, max(1, 2)), every: 3}\n",
        (1, 9, "YML114", "x = clip(x, 0, max(1, 2))"),
    ),
    "call and more in braces": ("o: {do: clip(x, 0, 1)*2}\n", (1, 9, "YML114", "clip(x, 0, 1)*2")),
    "call in a list": ("o: [clip(x, 0, 1), y]\n", (1, 5, "YML114", "clip(x, 0, 1)")),
    "lone word in braces": ("a: {b, c: 1}\n", (1, 5, "YML110", "b")),
    "list that goes on": ("C: [1, 2] * nA\n", (1, 4, "YML116", "[1, 2] * nA")),
    "list that goes on at once": ("C: [1, 2]*nA # c\n", (1, 4, "YML116", "[1, 2]*nA")),
    "condition that begins with >": ("t: > 1*mV\n", (1, 4, "YML116", "> 1*mV")),
    "reserved first character": ("t: @x\n", (1, 4, "YML116", "@x")),
    "reserved in braces": ("t: {a: %x, b: 1}\n", (1, 8, "YML116", "%x")),
    "key twice": ("a: 1\nb: 2\na: 3\n", (3, 1, "YML102", "a")),
    "second document": ("a: 1\n---\nb: 1\n", (2, 1, "YML103", "---")),
    "tag": ("a: !!python/object:os.system x\n", (1, 4, "YML104", "!!python/object:os.system")),
    "unknown alias": ("a: *b\n", (1, 4, "YML107", "*b")),
    "alias of itself": ("a: &x [1, *x]\n", (1, 11, "YML107", "*x")),
    "key that is a list": ("? [1, 2]\n: 3\n", (1, 3, "YML108", "[")),
    "merge key": ("a: &x {k: 1}\nb:\n  <<: *x\n", (3, 3, "YML109", "<<")),
    "tab as indentation": ("a:\n\tb: 1\n", (2, 1, "YML113", "\t")),
    "tab after spaces": ("a:\n  b: 1\n \tc: 2\n", (3, 2, "YML113", "\t")),
    "open quote": ('a: 1\nb: "x\n', (2, 4, "YML112", '"')),
    "open list": ("a: [1, 2\nb: 3\n", (2, 2, "YML111", ":")),
    "wrong indentation": ("a: 1\n  b: 2\n", (2, 3, "YML111", "b")),
    "empty": ("", (1, 1, "YML101", "")),
    "comment only": ("# nothing\n", (1, 1, "YML101", "")),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_text_gives_one_error_at_its_place(case):
    text, expected = BROKEN[case]
    assert problems(text) == [expected]


def test_help_for_an_equation_shows_the_quoted_line():
    with pytest.raises(ExperimentError) as caught:
        parse("equations: dv/dt = -v/tau : 1\n")
    advice = caught.value.diagnostics[0].help
    assert 'equations: "dv/dt = -v/tau : 1"' in advice
    assert "use a block" in advice


def test_problems_of_the_tree_are_reported_together():
    assert [code for *_, code, _ in problems("a: !t 1\na: 2\n<<: 3\nb: {c}\n")] == [
        "YML104",
        "YML102",
        "YML109",
        "YML110",
    ]


def assert_quick(text):
    start = time.process_time()
    found = problems(text)
    assert time.process_time() - start < 2
    return found


HOSTILE = {
    "brackets": "[" * 100_000,
    "brackets behind comments": "[ # ]\n" * 100_000,
    "braces": "{a: " * 100_000,
    "dashes": "- " * 100_000,
    "questions": "? " * 100_000,
    "indentation": "".join(f"{' ' * n}a:\n" for n in range(1000)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_deep_nesting_is_an_error_and_no_crash(case):
    found = assert_quick(HOSTILE[case])
    assert [code for *_, code, _ in found] in (["YML105"], ["YML108"])


def test_nesting_up_to_the_limit_is_fine():
    text = "[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT
    assert parse(text) is not None
    assert problems(f"[{text}]")[0][2] == "YML105"


def test_depth_counts_what_aliases_hold():
    half = DEPTH_LIMIT // 2 + 1
    text = f"a: &x {'[' * half}{']' * half}\nb: {'[' * half}*x{']' * half}\n"
    assert problems(text)[0][2] == "YML105"


def test_alias_bomb_is_an_error():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert assert_quick("\n".join(lines))[0][2] == "YML106"


def test_node_limit_counts_plain_values_too():
    assert assert_quick(f"a: [{'1,' * (NODE_LIMIT + 1)}]")[0][2] == "YML106"


def test_windows_line_ends_do_not_move_places():
    assert problems("a: 1\r\nb: @x\r\n") == [(2, 4, "YML116", "@x")]

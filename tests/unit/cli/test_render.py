"""Diagnostics in the terminal: the caret stands below the place, whatever the line holds."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.cli.render import WIDTH, clean, columns_of, render, render_one, wants_colour
from snnrun.errors import Diagnostic, Severity
from snnrun.source import SourceFile, Span


def at(text, word, name="experiments/lif.yaml"):
    file = SourceFile(name, text)
    start = text.index(word)
    return Span(file, start, start + len(word))


def marked(rendered):
    """The part of the excerpt that stands above the carets, by columns of a terminal."""
    lines = rendered.split("\n")
    caret_line = next(line for line in lines if line.strip(" |^") == "" and "^" in line)
    text_line = lines[lines.index(caret_line) - 1]
    first, last = caret_line.index("^"), caret_line.rindex("^") + 1
    column, found = 0, ""
    for char in text_line:
        if first <= column < last:
            found += char
        column += columns_of(char)
    return found


def test_an_error_looks_like_the_design():
    text = "\n" * 13 + "  dv/dt = (v + I) / tau\n"
    item = Diagnostic(
        "EQ203",
        "cannot add `v` and `I`: `v` is a voltage [V], `I` is a current [A]",
        at(text, "v + I"),
        "multiply `I` by a resistance, for example `R*I` with `R: 100 Mohm`",
    )
    expected = """\
error[EQ203]: cannot add `v` and `I`: `v` is a voltage [V], `I` is a current [A]
  --> experiments/lif.yaml:14:12
   |
14 |   dv/dt = (v + I) / tau
   |            ^^^^^
   help: multiply `I` by a resistance, for example `R*I` with `R: 100 Mohm`"""
    assert render_one(item) == expected


def test_a_warning_is_one_line_with_its_place():
    item = Diagnostic("EQ301", "`tau` is not used", at("a: 1\ntau: 2\n", "tau"), "remove it", Severity.WARNING)
    assert render_one(item) == "warning[EQ301]: experiments/lif.yaml:2:1: `tau` is not used (remove it)"


def test_an_error_without_a_place_has_no_excerpt():
    assert render_one(Diagnostic("FIL101", "no file", None, "look")) == "error[FIL101]: no file\n   help: look"


def test_line_numbers_of_any_length_keep_the_bars_aligned():
    lines = render_one(Diagnostic("X1", "m", at("\n" * 99_999 + "ab", "b"))).split("\n")
    assert {line.index("|") for line in lines[2:]} == {7}
    assert lines[1].startswith("      -->")


LINES = {
    "tabs": ("\t\tv = \tw\n", "w", "w"),
    "tab in the place": ("v\t= w\n", "v\t=", "v    ="),
    "wide": ("名前: 値 bad\n", "bad", "bad"),
    "wide place": ("名前: 値段 x\n", "値段", "値段"),
    "combining": ("e\u0301e\u0301 bad\n", "bad", "bad"),
    "emoji": ("😀😀 bad\n", "bad", "bad"),
    "control": ("a\x1b[31m\x07 bad\n", "bad", "bad"),
    "direction marks": ("\u202e\u2066a bad\n", "bad", "bad"),
    "windows": ("a: bad\r\n", "bad", "bad"),
}


@pytest.mark.parametrize("case", LINES)
def test_caret_stands_below_the_place(case):
    text, word, shown = LINES[case]
    rendered = render_one(Diagnostic("X1", "m", at(text, word)))
    assert marked(rendered) == shown
    assert "\x1b" not in rendered
    assert "\x07" not in rendered
    assert "\u202e" not in rendered


def test_place_over_several_lines_is_marked_on_its_first():
    file = SourceFile("f", "a: |\n  one\n  two\n")
    assert marked(render_one(Diagnostic("X1", "m", Span(file, 3, 12)))) == "|"


def test_place_at_the_end_of_a_line_has_a_caret_behind_it():
    file = SourceFile("f", "a: [1\n")
    lines = render_one(Diagnostic("X1", "m", Span(file, 5, 5))).split("\n")
    assert lines[-1].index("^") == lines[-2].rindex("1") + 1


@pytest.mark.parametrize("before", [0, 10, 90, 500, 5000])
@pytest.mark.parametrize("length", [1, 30, 99, 400])
@pytest.mark.parametrize("after", [0, 10, 5000])
def test_long_lines_are_cut_around_the_place(before, length, after):
    word = "w" * length
    text = "b" * before + word + "a" * after
    rendered = render_one(Diagnostic("X1", "m", at(text, word)))
    assert max(columns_of(line) for line in rendered.split("\n")) <= WIDTH + 6
    assert set(marked(rendered)) <= {"w", "…"}
    assert marked(rendered).startswith("w")
    excerpt = rendered.split("\n")[3]
    assert ("b" in excerpt) == (before > 0)


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_any_text_and_place_can_be_shown(text, start, length):
    start = min(start, len(text))
    item = Diagnostic("X1", text, Span(SourceFile(text, text), start, min(start + length, len(text))), text)
    rendered = render_one(item)
    assert not any(ord(char) < 32 and char != "\n" for char in rendered)
    assert len(rendered.split("\n")) <= 6


def test_messages_are_one_clean_line():
    assert clean("a\nb\x1b[31mc\x1b]0;title\x07d\x9b\u202e") == "a bcd"


def test_colours_are_only_codes_around_the_same_text():
    item = Diagnostic("X1", "m", at("a: bad\n", "bad"), "help")
    coloured = render_one(item, colour=True)
    assert "\x1b[1;31m" in coloured
    plain = coloured
    for code in ("\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[1m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == render_one(item)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_colour_needs_a_terminal_and_no_objection(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    assert wants_colour(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Terminal())


def test_errors_are_set_apart_and_warnings_are_not():
    place = at("a: bad\n", "bad")
    warning = Diagnostic("W1", "w", place, None, Severity.WARNING)
    error = Diagnostic("E1", "e", place)
    stream = io.StringIO()
    render([warning, warning, error, error], stream)
    assert stream.getvalue().count("\n\n") == 2
    assert stream.getvalue().startswith("warning[W1]: experiments/lif.yaml:1:4: w\nwarning")


def test_a_stream_that_cannot_write_a_character_gets_a_question_mark():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render([Diagnostic("E1", "é")], stream)
    stream.flush()
    assert stream.buffer.getvalue() == b"error[E1]: ?\n"


def test_many_errors_that_say_the_same_are_shown_once_with_their_places():
    file = SourceFile("a.yaml", "".join(f"x{k}: delay(y)\n" for k in range(9)))
    spans = [Span(file, file.text.index(f"x{k}"), file.text.index(f"x{k}") + 2) for k in range(9)]
    other = Diagnostic("EQ204", "units differ", at("z: 1\n", "z", "b.yaml"), "look")
    few = [Diagnostic("NET110", "unknown", span) for span in spans[:3]]
    many = [Diagnostic("EQ204", "units differ", span, "look") for span in spans]
    stream = io.StringIO()
    render([*many[:2], *few, other, *many[2:]], stream)
    first, *others = stream.getvalue().split("\n\n")
    assert "also at: line 2, b.yaml:1:1, line 3, line 4, line 5 and 4 more\n" in first
    assert len(others) == 3

"""The place in the file of each character of a scalar.

A scalar of YAML or TOML is not a plain slice of its file: quotes, escapes, folds and the indentation of blocks are
undone. Each style has a small scanner here that walks the source and the value together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

from snnrun.source import Span


class ScalarStyle(Enum):
    """How a scalar is written."""

    PLAIN = auto()
    """YAML without quotes."""
    SINGLE = auto()
    """YAML `'text'`."""
    DOUBLE = auto()
    """YAML `"text"`."""
    LITERAL = auto()
    """YAML `|` block."""
    FOLDED = auto()
    """YAML `>` block."""
    TOML_BASIC = auto()
    '''TOML `"text"` or `"""text"""`.'''
    TOML_LITERAL = auto()
    """TOML `'text'` or `'''text'''`."""
    GIVEN = auto()
    """Characters as they are (an option's value, a TOML number)."""


_Located = Iterator[tuple[str, int]]
"""Characters of a value, each with its offset in the source."""

_HEX_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}
_BREAKS: Final = "\n\r\x85\u2028\u2029"
_TOML_CONTINUATION: Final = re.compile(r"\\[ \t]*\r?\n[ \t\r\n]*")
_BLOCK_LINE: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")


def scalar_offsets(style: ScalarStyle, literal: str, span: Span) -> tuple[int, ...] | range:
    """The offset in the source of each character of a scalar and of its end; shape (len(literal) + 1,).

    When source and value do not fit together (a line break of old YAML), all characters stand at the scalar's start:
    a coarse place, never a wrong text.
    """
    raw = span.file.text[span.start : span.end]
    opening = _opening(style, raw)
    if raw[opening : len(raw) - opening] == literal:  # a plain slice, as most are
        first = span.start + opening
        return range(first, first + len(literal) + 1)
    offsets = [at + span.start for at in _SCANNERS[style](raw, literal)]
    if len(offsets) != len(literal):
        return (span.start,) * (len(literal) + 1)
    end = offsets[-1] + 1 if offsets else span.start + opening
    return (*offsets, end)


def _opening(style: ScalarStyle, raw: str) -> int:
    """How many characters stand before the first of the value."""
    match style:
        case ScalarStyle.SINGLE | ScalarStyle.DOUBLE:
            return 1
        case ScalarStyle.TOML_BASIC | ScalarStyle.TOML_LITERAL:
            return 3 if raw[:3] in ("'''", '"""') else 1
        case _:
            return 0


def _checked(located: _Located, literal: str) -> list[int]:
    """The offsets, or nothing when the scanner's text is not the parser's."""
    pairs = list(located)
    if "".join(char for char, _ in pairs) != literal:
        return []
    return [at for _, at in pairs]


def _given(raw: str, literal: str) -> list[int]:
    return list(range(len(literal))) if raw == literal else []


def _plain(raw: str, literal: str) -> list[int]:
    return _checked(_fold(raw, 0, len(raw), None), literal)


def _single(raw: str, literal: str) -> list[int]:
    return _checked(_fold(raw, 1, len(raw) - 1, _quote_escape), literal)


def _double(raw: str, literal: str) -> list[int]:
    return _checked(_fold(raw, 1, len(raw) - 1, _backslash_escape), literal)


_Escape = Callable[[str, int], tuple[str, int] | None]
"""From source and offset to the characters an escape stands for and the offset after it."""


def _quote_escape(raw: str, at: int) -> tuple[str, int] | None:
    return ("'", at + 2) if raw.startswith("''", at) else None


def _backslash_escape(raw: str, at: int) -> tuple[str, int] | None:
    if raw[at] != "\\" or at + 1 >= len(raw):
        return None
    kind = raw[at + 1]
    if kind in _BREAKS:
        after = at + (3 if raw.startswith("\r\n", at + 1) else 2)
        while after < len(raw) and raw[after] in " \t":
            after += 1
        return "", after
    return _character_escape(raw, at, kind)


_NAMED_ESCAPES: Final = {
    "0": "\0",
    "a": "\x07",
    "b": "\x08",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\x0b",
    "f": "\x0c",
    "r": "\r",
    "e": "\x1b",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}


def _character_escape(raw: str, at: int, kind: str) -> tuple[str, int]:
    """An escape that stands for one character; one that is not known gives itself and so fails the check."""
    width = _HEX_ESCAPES.get(kind)
    if width is None:
        return _NAMED_ESCAPES.get(kind, kind), at + 2
    digits = raw[at + 2 : at + 2 + width]
    try:
        return chr(int(digits, 16)), at + 2 + width
    except (ValueError, OverflowError):
        return kind, at + 2


def _fold(raw: str, at: int, end: int, escape: _Escape | None) -> _Located:
    """Characters of a flow scalar: one line break is a space, n are n - 1 line breaks, blanks around them vanish."""
    while at < end:
        if raw[at] in " \t" or raw[at] in _BREAKS:
            after, breaks = _blank_run(raw, at, end)
            if not breaks:
                yield from ((raw[k], k) for k in range(at, after))
            elif len(breaks) == 1:
                yield " ", breaks[0]
            else:
                yield from (("\n", k) for k in breaks[1:])
            at = after
            continue
        found = escape(raw, at) if escape else None
        if found is None:
            yield raw[at], at
            at += 1
            continue
        chars, after = found
        yield from ((char, at) for char in chars)
        if not chars:
            # An escaped line break: empty lines after it are kept as line breaks.
            after, breaks = _blank_run(raw, after, end)
            yield from (("\n", k) for k in breaks)
        at = after


def _blank_run(raw: str, at: int, end: int) -> tuple[int, list[int]]:
    """The end of a run of blanks and the offsets of the line breaks in it."""
    breaks = []
    while at < end:
        if raw[at] in _BREAKS:
            breaks.append(at)
            at += 2 if raw.startswith("\r\n", at) else 1
        elif raw[at] in " \t":
            at += 1
        else:
            break
    return at, breaks


def _block_lines(raw: str) -> list[tuple[int, str]]:
    """Lines of a block after its header, each with the offset of its first character."""
    lines = []
    start = None
    for found in _BLOCK_LINE.finditer(raw):
        if start is not None:
            lines.append((start, raw[start : found.start()]))
        start = found.end()
    if start is not None:
        lines.append((start, raw[start:]))
    return lines


def _literal(raw: str, literal: str) -> list[int]:
    """A `|` block: each line of the value is the end of a line of the source."""
    offsets: list[int] = []
    lines = _block_lines(raw)
    values = literal.split("\n")
    for number, value in enumerate(values):
        start, line = lines[number] if number < len(lines) else (len(raw), "")
        if not line.endswith(value):
            return []
        first = start + len(line) - len(value)
        offsets.extend(range(first, first + len(value)))
        if number < len(values) - 1:
            offsets.append(start + len(line))
    return offsets


def _folded(raw: str, literal: str) -> list[int]:
    """A `>` block: lines of the source in order, with blanks and line breaks of the value between them."""
    offsets: list[int] = []
    lines = _block_lines(raw)
    indent = min((len(line) - len(line.lstrip(" ")) for _, line in lines if line.strip(" ")), default=0)
    at = 0
    breaks: list[int] = []
    for start, line in lines:
        content = line[indent:]
        if content.strip(" \t"):
            found = literal.find(content, at)
            if found < 0 or literal[at:found].strip(" \n"):
                return []
            offsets.extend(_spread(breaks, found - at, start))
            offsets.extend(range(start + indent, start + len(line)))
            at = found + len(content)
            breaks = []
        breaks.append(start + len(line))
    offsets.extend(_spread(breaks, len(literal) - at, len(raw)))
    return offsets


def _spread(breaks: list[int], count: int, default: int) -> list[int]:
    """Offsets for `count` characters that folding made of some line breaks."""
    places = breaks[-count:] if count else []
    return [places[0] if places else default] * (count - len(places)) + places


def _toml_basic(raw: str, literal: str) -> list[int]:
    return _checked(_toml(raw, escapes=True), literal)


def _toml_literal(raw: str, literal: str) -> list[int]:
    return _checked(_toml(raw, escapes=False), literal)


def toml_value(raw: str, *, escapes: bool) -> str:
    """The text that a TOML string, given with its quotes, stands for."""
    return "".join(char for char, _ in _toml(raw, escapes=escapes))


def _toml(raw: str, *, escapes: bool) -> _Located:
    """Characters of a TOML string: a line break right after three quotes does not count, a double break is one."""
    quotes = 3 if raw[:3] in ("'''", '"""') else 1
    at, end = quotes, len(raw) - quotes
    if quotes == 3:
        at += 2 if raw.startswith("\r\n", at) else raw.startswith("\n", at)
    while at < end:
        if escapes and raw[at] == "\\":
            found = _TOML_CONTINUATION.match(raw, at, end)
            if found:
                at = found.end()
                continue
            char, after = _character_escape(raw, at, raw[at + 1])
            yield char, at
            at = after
        elif raw.startswith("\r\n", at):
            yield "\n", at
            at += 2
        else:
            yield raw[at], at
            at += 1


_SCANNERS: Final[dict[ScalarStyle, Callable[[str, str], list[int]]]] = {
    ScalarStyle.PLAIN: _plain,
    ScalarStyle.SINGLE: _single,
    ScalarStyle.DOUBLE: _double,
    ScalarStyle.LITERAL: _literal,
    ScalarStyle.FOLDED: _folded,
    ScalarStyle.TOML_BASIC: _toml_basic,
    ScalarStyle.TOML_LITERAL: _toml_literal,
    ScalarStyle.GIVEN: _given,
}

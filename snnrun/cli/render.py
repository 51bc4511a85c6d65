"""Diagnostics for the terminal: the line, a caret below the place, and what to do.

    error[EQ203]: cannot add `v` and `I`: `v` is a voltage [V], `I` is a current [A]
      --> experiments/lif.yaml:14:31
       |
    14 |   dv/dt = (v + I) / tau
       |            ^^^^^
       help: multiply `I` by a resistance, for example `R*I` with `R: 100 Mohm`

A warning is one line. Plain text with a few colour codes: no library is loaded to say that a file is wrong.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TextIO

from snnrun.errors import Diagnostic, Severity
from snnrun.source import Span

WIDTH: Final = 100
"""Columns of an excerpt; longer lines are cut around the place."""

_TAB: Final = "    "
_JOINERS: Final = frozenset("\u200c\u200d")  # invisible, but some scripts need them
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ZERO_WIDTH: Final = frozenset({"Mn", "Me", "Cf"})
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


class _Colour(Enum):
    """Colour codes of the terminal."""

    ERROR = "\x1b[1;31m"
    WARNING = "\x1b[1;33m"
    PLACE = "\x1b[1;34m"
    HELP = "\x1b[1;36m"
    STRONG = "\x1b[1m"


_FEW: Final = 5
"""Errors that say the same of other places and are shown each by itself."""
_MOST_PLACES: Final = 5
_RESET: Final = "\x1b[0m"


def render(diagnostics: Iterable[Diagnostic], stream: TextIO, *, colour: bool | None = None) -> None:
    """Write diagnostics, an empty line between those that have an excerpt; many that say the same once.

    Args:
        diagnostics: In the order to show.
        stream: Where to, usually stderr.
        colour: Whether to use colour codes; None: as `wants_colour` says.
    """
    is_coloured = wants_colour(stream) if colour is None else colour
    alike: dict[object, list[Diagnostic]] = {}
    for number, item in enumerate(diagnostics):
        same = (item.code, item.message, item.help) if item.severity is Severity.ERROR and item.span else number
        alike.setdefault(same, []).append(item)
    shown = []
    for group in alike.values():
        apart = group if len(group) <= _FEW else group[:1]
        shown += [render_one(item, () if apart is group else group[1:], colour=is_coloured) for item in apart]
    text = ""
    for number, block in enumerate(shown):
        gap = "\n" if number and ("\n" in block or "\n" in shown[number - 1]) else ""
        text += f"{gap}{block}\n"
    stream.write(encodable(text, stream))


def say(text: str) -> None:
    """Write lines on stderr, safe in any terminal and in an encoding that it takes."""
    _write(text, sys.stderr)


def put(text: str) -> None:
    """Write lines on stdout, safe in any terminal and in an encoding that it takes."""
    _write(text, sys.stdout)


_answer: dict[str, Any] = {}


def put_json(content: dict[str, Any]) -> None:
    """Keep what a command answers with `--json`; it is written at the end of the command."""
    _answer.update(content)


def take_answer() -> dict[str, Any]:
    """What was kept, which is then forgotten."""
    taken = dict(_answer)
    _answer.clear()
    return taken


def write_answer(command: str, code: int, errors: Iterable[Diagnostic]) -> None:
    """Write the JSON object of a command on stdout: the same shape for all commands, and for errors.

    Args:
        command: Its name.
        code: Its exit code.
        errors: The errors that ended it.
    """
    head = {"command": command, "exit_code": code, "errors": [error.as_json() for error in errors]}
    put(json.dumps(head | take_answer()))


def _write(text: str, stream: TextIO) -> None:
    stream.write(encodable("".join(f"{clean(line)}\n" for line in text.split("\n")), stream))


def encodable(text: str, stream: TextIO) -> str:
    """The text as the stream's encoding can show it; `?` for what it cannot."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding, "replace")


def wants_colour(stream: TextIO) -> bool:
    """Whether to write colour codes: to a terminal, without `NO_COLOR`, not to a dumb terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def render_one(item: Diagnostic, others: Sequence[Diagnostic] = (), *, colour: bool = False, width: int = WIDTH) -> str:
    """One diagnostic as text, without a line break at its end.

    Args:
        item: The diagnostic.
        others: Errors that say the same of other places.
        colour: Whether to use colour codes.
        width: Columns of an excerpt.
    """
    paint = _Paint(colour)
    kind = _Colour.ERROR if item.severity is Severity.ERROR else _Colour.WARNING
    head = paint(f"{item.severity.value}[{clean(item.code)}]", kind)
    message = clean(item.message)
    if item.severity is Severity.WARNING:
        places = [str(place) for place in (*item.users[::-1], item.span) if place is not None]
        place = f" {clean(' → '.join(places))}:" if places else ""
        advice = f" ({clean(item.help)})" if item.help else ""
        return f"{head}:{place} {message}{advice}"
    lines = [f"{head}: {paint(message, _Colour.STRONG)}"]
    margin = "  "
    if item.span is not None:
        margin = " " * max(len(str(item.span.line)), 2)
        lines += _excerpt(item.span, paint, margin, width)
    if others:
        places = [clean(_place(other.span, item.span)) for other in others]
        more = f" and {len(places) - _MOST_PLACES:,} more" if len(places) > _MOST_PLACES else ""
        lines.append(f"{margin} {paint('also at:', _Colour.HELP)} {', '.join(places[:_MOST_PLACES])}{more}")
    if item.users:
        users = ", ".join(clean(str(user)) for user in item.users)
        lines.append(f"{margin} {paint('used at:', _Colour.HELP)} {users}")
    if item.help:
        lines.append(f"{margin} {paint('help:', _Colour.HELP)} {clean(item.help)}")
    return "\n".join(lines)


def _place(span: Span | None, first: Span | None) -> str:
    """A place: its line, in the source of the first one."""
    alike = span is not None and first is not None and span.file is first.file
    return f"line {span.line}" if alike and span is not None else str(span)


@dataclass(frozen=True, slots=True)
class _Paint:
    """Wraps text in colour codes, or not.

    Args:
        active: Whether to use them.
    """

    active: bool

    def __call__(self, text: str, colour: _Colour) -> str:
        return f"{colour.value}{text}{_RESET}" if self.active else text


def _excerpt(span: Span, paint: _Paint, margin: str, width: int) -> list[str]:
    """The place, the line, and the caret below it."""
    kind = _Colour.ERROR
    line = span.file.line_text(span.line)
    first = min(span.column - 1, len(line))
    last = min(max(first + span.end - span.start, first), len(line))
    if not line.strip() and span.start == span.end:
        return [f"{margin}{paint('-->', _Colour.PLACE)} {clean(str(span))}"]
    before, marked, after = _columns(line[:first]), _columns(line[first:last]), _columns(line[last:])
    before, marked, after = _trimmed(before, marked, after, width)
    carets = "^" * max(columns_of(marked), 1)
    number = f"{span.line:>{len(margin)}}"
    bar = paint("|", _Colour.PLACE)
    return [
        f"{margin}{paint('-->', _Colour.PLACE)} {clean(str(span))}",
        f"{margin} {bar}",
        f"{paint(number, _Colour.PLACE)} {bar} {(before + marked + after).rstrip()}",
        f"{margin} {bar} {' ' * columns_of(before)}{paint(carets, kind)}",
    ]


def clean(text: str) -> str:
    """A text that is safe on a terminal: one line, no control codes, no invisible characters.

    All text that is not the program's own goes through here: names and descriptions in files and results, folders.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROL.sub("", text).replace("\n", " ").replace("\t", " ")
    return "".join(char for char in text if _is_shown(char))


def _columns(text: str) -> str:
    """A part of a line as it is shown: tabs as spaces, nothing that moves the cursor."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text.replace("\t", _TAB) if _is_shown(char))


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in _UNPRINTABLE or char in _JOINERS


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(_column_count(char) for char in text)


def _column_count(char: str) -> int:
    if unicodedata.category(char) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _trimmed(before: str, marked: str, after: str, width: int) -> tuple[str, str, str]:
    """A long line cut to its place and what fits around it, `…` where text is left out."""
    if columns_of(before) + columns_of(marked) + columns_of(after) <= width:
        return before, marked, after
    if columns_of(marked) > width * 2 // 3:
        marked = _first_columns(marked, width * 2 // 3 - 1) + "…"
        after = ""
    space = width - columns_of(marked)
    if columns_of(before) > space * 2 // 3:
        before = "…" + _last_columns(before, space // 2 - 1)
    rest = width - columns_of(before) - columns_of(marked)
    if columns_of(after) > rest:
        after = _first_columns(after, rest - 1) + "…"
    return before, marked, after


def _first_columns(text: str, count: int) -> str:
    total = 0
    for number, char in enumerate(text):
        total += _column_count(char)
        if total > count:
            return text[:number]
    return text


def _last_columns(text: str, count: int) -> str:
    return _first_columns(text[::-1], count)[::-1]

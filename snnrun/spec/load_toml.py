"""TOML text to the tree of nodes: codes `TML1xx`.

`tomllib` decides what is TOML but gives no places, and every message about a value needs its place. So it reads the
text first; a scanner that relies on the text being valid then builds the tree with the place of every key and value.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from typing import Final

from snnrun.errors import Diagnostic, ExperimentError, Report, at
from snnrun.source import SourceFile, Span, Text
from snnrun.spec.load_yaml import DEPTH_LIMIT
from snnrun.spec.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from snnrun.spec.scalar_text import ScalarStyle, toml_value

SIZE_LIMIT: Final = 2**20
"""The largest TOML file, in characters: `tomllib` needs about a second for it."""

_KEY_PART: Final = r"""(?>[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY: Final = re.compile(_KEY_PART + r"(?>[ \t]*+\.[ \t]*+" + _KEY_PART + "){" + str(DEPTH_LIMIT) + "}")
_WHERE: Final = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN: Final = re.compile(r"[^\s,\]}#]+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d[0-9:.]*(?:[Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d[0-9:.]*")
_BASIC: Final = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_LITERAL: Final = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}|'[^'\n]*'")
_ADVICE: Final = (
    ("Invalid value", "a text needs quotes in TOML"),
    ("after a statement", "one `key = value` a line; a text needs quotes in TOML"),
    ("Expected '=' after a key", "write `key = value`"),
    ("Invalid initial character for a key", "write `key = value`; quote keys with other characters than letters"),
    ("Unterminated string", "close the text with the same quotes; several lines need three quotes"),
    ("Illegal character", "close the text with the same quotes; several lines need three quotes"),
    ("Unclosed array", "close the list with `]`, with a comma between its items"),
    ("Unclosed inline table", "close the table with `}` and keep it on one line"),
    ("Unescaped '\\' in a string", "write two backslashes, or single quotes '...'"),
)
_TWICE: Final = ("overwrite", "declare", "mutate", "Duplicate")


def parse_toml(file: SourceFile) -> MapNode:
    """The tree of a TOML text.

    Raises:
        ExperimentError: It is not TOML, nested too deeply, or holds dates.
    """
    _check_size(file)
    try:
        tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as problem:
        raise ExperimentError(_explain(str(problem), file)) from None
    except RecursionError:
        raise ExperimentError(_too_deep(file, 0)) from None
    except ValueError as problem:
        raise at(Span(file, 0, 1), "TML101", f"this is not TOML: {problem}") from None
    scanner = _Scanner(file)
    root = scanner.document()
    scanner.report.stop_if_errors()
    return root


def _check_size(file: SourceFile) -> None:
    if len(file.text) > SIZE_LIMIT:
        advice = "keep large tables in files of their own (npy, csv, h5), or write the experiment in YAML"
        message = f"`{file.name}` is larger than {SIZE_LIMIT // 2**20} MiB, the limit for TOML"
        raise ExperimentError(Diagnostic("TML102", message, None, advice))
    found = _LONG_KEY.search(file.text)
    if found:
        raise ExperimentError(_too_deep(file, found.start()))


def _too_deep(file: SourceFile, at: int) -> Diagnostic:
    message = f"tables and lists are nested more than {DEPTH_LIMIT} deep"
    return Diagnostic("TML105", message, Span(file, at, at + 1), "put the table into a file of its own")


def _explain(problem: str, file: SourceFile) -> Diagnostic:
    """The diagnostic for what `tomllib` says, at the place it names."""
    found = _WHERE.fullmatch(problem)
    what = found["what"] if found else problem
    at = len(file.text)
    if found and found["line"]:
        line, column = int(found["line"]), int(found["column"])
        at = min(_line_start(file, line) + column - 1, len(file.text))
    if any(word in what for word in _TWICE):
        start = file.text.rfind("\n", 0, max(at - 1, 0)) + 1
        span = Span(file, start, start + len(file.line_text(file.line_of(start))))
        return Diagnostic("TML104", "this key or table stands twice", span, "remove one of them")
    advice = next((words for sign, words in _ADVICE if sign in what), "check quotes, brackets and commas")
    message = f"this is not TOML: {what[:1].lower()}{what[1:]}"
    return Diagnostic("TML101", message, Span(file, at, min(at + 1, len(file.text))), advice)


@dataclass(slots=True)
class _Table:
    """A table that may still grow.

    Args:
        span: Its header, or the whole of an inline table.
        entries: From key to the key's node and its value.
    """

    span: Span
    entries: dict[str, tuple[ScalarNode, _Value]] = field(default_factory=dict)

    def finish(self) -> MapNode:
        """The table as a node."""
        entries = {key: Entry(node, _finish(value)) for key, (node, value) in self.entries.items()}
        return MapNode(entries, self.span)


@dataclass(slots=True)
class _Tables:
    """A list of tables `[[name]]`."""

    span: Span
    items: list[_Table]


_Value = _Table | _Tables | Node


def _finish(value: _Value) -> Node:
    match value:
        case _Table():
            return value.finish()
        case _Tables(span=span, items=items):
            return ListNode(tuple(item.finish() for item in items), span)
        case _:
            return value


class _Scanner:
    """Scans a TOML text that is known to be valid.

    Args:
        file: The source.
    """

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.text = file.text
        self.at = 0
        self.report = Report()

    def document(self) -> MapNode:
        """The whole text."""
        root = _Table(Span(self.file, 0, len(self.text)))
        # The root is the first level, as it is in YAML.
        table, depth = root, 0
        while self._skip(_BLANK) < len(self.text):
            if self.text.startswith("[", self.at):
                table, depth = self._header(root)
            else:
                self._pair(table, depth)
        return root.finish()

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return self.at

    def _header(self, root: _Table) -> tuple[_Table, int]:
        """The table that `[a.b]` or `[[a.b]]` begins, and its depth."""
        start = self.at
        is_list = self.text.startswith("[[", start)
        self.at += 2 if is_list else 1
        keys = self._keys()
        self.at += 2 if is_list else 1
        span = Span(self.file, start, self.at)
        *parents, last = keys
        table = self._inner(root, parents)
        known = table.entries.get(last.literal)
        if not is_list:
            return self._inner(table, [last]), len(keys)
        if known is None:
            known = (last, _Tables(span, []))
            table.entries[last.literal] = known
        tables = known[1]
        assert isinstance(tables, _Tables)
        tables.items.append(_Table(span))
        return tables.items[-1], len(keys) + 1

    def _inner(self, table: _Table, keys: list[ScalarNode]) -> _Table:
        """The table below another one, made where it is missing."""
        for key in keys:
            known = table.entries.setdefault(key.literal, (key, _Table(key.span)))[1]
            if isinstance(known, _Tables):
                known = known.items[-1]
            assert isinstance(known, _Table)
            table = known
        return table

    def _keys(self) -> list[ScalarNode]:
        """A dotted key."""
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(self._key())
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _key(self) -> ScalarNode:
        if self.text[self.at] in "\"'":
            return self._string()
        start = self.at
        end = self._skip(_BARE)
        name = self.text[start:end]
        return ScalarNode(name, Span(self.file, start, end), name, ScalarStyle.GIVEN)

    def _pair(self, table: _Table, depth: int) -> None:
        """One `key = value`."""
        *parents, last = self._keys()
        self.at += 1
        self._skip(_SPACE)
        value = self._value(depth + len(parents) + 1)
        self._inner(table, parents).entries[last.literal] = (last, value)

    def _value(self, depth: int) -> Node:
        if depth + (self.text[self.at] in "[{") > DEPTH_LIMIT:
            raise ExperimentError(_too_deep(self.file, self.at))
        match self.text[self.at]:
            case '"' | "'":
                return self._string()
            case "[":
                return self._list(depth)
            case "{":
                return self._inline(depth)
            case _:
                return self._token()

    def _string(self) -> ScalarNode:
        start = self.at
        is_basic = self.text[start] == '"'
        end = self._skip(_BASIC if is_basic else _LITERAL)
        style = ScalarStyle.TOML_BASIC if is_basic else ScalarStyle.TOML_LITERAL
        literal = toml_value(self.text[start:end], escapes=is_basic)
        return ScalarNode(literal, Span(self.file, start, end), literal, style)

    def _list(self, depth: int) -> ListNode:
        start = self.at
        self.at += 1
        items = []
        while self.text[self._skip(_BLANK)] != "]":
            items.append(self._value(depth + 1))
            if self.text[self._skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1
        return ListNode(tuple(items), Span(self.file, start, self.at))

    def _inline(self, depth: int) -> MapNode:
        start = self.at
        self.at += 1
        table = _Table(Span(self.file, start, start))
        while self.text[self._skip(_BLANK)] != "}":
            self._pair(table, depth)
            if self.text[self._skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1
        table.span = Span(self.file, start, self.at)
        return table.finish()

    def _token(self) -> ScalarNode:
        """A number, a boolean, or a date, which is an error."""
        start = self.at
        if _DATE.match(self.text, start):
            span = Span(self.file, start, self._skip(_DATE))
            message = f"`{self.text[start : self.at]}` is a date, which no key of an experiment takes"
            self.report.error("TML103", message, span, "quote it if it is a text")
            return self._scalar(0, span)
        span = Span(self.file, start, self._skip(_TOKEN))
        return self._scalar(_number(self.text[start : self.at]), span)

    def _scalar(self, value: str | float | bool, span: Span) -> ScalarNode:
        literal = self.text[span.start : span.end]
        text = Text(literal, self.file, tuple(range(span.start, span.end + 1)))
        return ScalarNode(value, span, literal, ScalarStyle.GIVEN, text)


def _number(word: str) -> str | int | float | bool:
    """The value of a word without quotes; a number too large for the machine stays text."""
    if word in ("true", "false"):
        return word == "true"
    digits = word.replace("_", "")
    if digits.lstrip("+-") in ("inf", "nan"):
        return float(digits)
    if digits.startswith(("0x", "0o", "0b")):
        return int(digits, 0)
    if re.fullmatch(r"[+-]?\d+", digits):
        return int(digits)
    number = float(digits)
    return word if math.isinf(number) else number


def _line_start(file: SourceFile, line: int) -> int:
    """The offset of the first character of a 1-based line."""
    at = 0
    for _ in range(line - 1):
        at = file.text.find("\n", at) + 1
    return at

"""What a problem in a YAML text means to the person who wrote it.

PyYAML says where its parser stopped; the cause is often before that place (a text with `: ` or commas needs quotes).
"""

from __future__ import annotations

import re
from typing import Final

import yaml
from yaml.reader import ReaderError

from snnrun.errors import Diagnostic
from snnrun.source import SourceFile, Span
from snnrun.spec.nodes import ScalarNode

_VALUE_ON_LINE: Final = re.compile(
    r"""(?P<lead>[\s{\[,-]*(?:"[^"]*"|'[^']*'|[^\s:][^:]*?):[ \t]+)(?P<value>.*?)[ \t]*(?:[ \t]#.*)?$"""
)
_COMMENT: Final = re.compile(r"[ \t]#")
_FLOW_VALUE: Final = re.compile(r"""[{,][ \t]*(?P<key>\w+):[ \t]+(?P<value>[^\s"'{}\[\],][^{},]*)$""")
_FLOW_END: Final = re.compile(r"[,}\]]")
_MEANING: Final = (
    (
        "found a tab character",
        "a tab stands where the indentation is",
        "indent with spaces: YAML does not allow tabs there",
    ),
    (
        "could not find expected ':'",
        "this line should be `key: value`",
        "put a colon and a space after the key, or indent the line to the text it belongs to",
    ),
    (
        "did not find expected key",
        "this line does not fit into the map around it",
        "check the indentation and the quotes: after a quoted text nothing may follow on the line",
    ),
    (
        "did not find expected '-' indicator",
        "this line does not fit into the list around it",
        "begin each item with `- ` in the same column",
    ),
    (
        "expected ',' or '}'",
        "the map in braces is broken here",
        "close it with `}`, and quote texts that hold brackets, braces, commas or `: `",
    ),
    (
        "expected ',' or ']'",
        "the list in brackets is broken here",
        "close it with `]`, and quote texts that hold brackets, braces, commas or `: `",
    ),
    (
        "block sequence entries are not allowed",
        "a list item `- ` cannot begin here",
        "put the list on the lines below its key, or write `[a, b]`",
    ),
    ("unknown escape character", "this backslash escape is not known", "write `\\\\` for a backslash, or use '...'"),
    ("invalid Unicode character escape", "this escape is not a character", "write the character itself"),
    ("expected hexadecimal number", "this escape is not complete", "write `\\\\` for a backslash, or use '...'"),
    ("duplicate %YAML", "a second %YAML line", "remove it"),
    ("unknown directive", "this directive is not known", "remove the line that begins with `%`"),
    ("found incompatible YAML document", "this version of YAML is not supported", "remove the %YAML line"),
)


def explain(problem: yaml.YAMLError, file: SourceFile, offset: int) -> Diagnostic:
    """The diagnostic for an error of the YAML parser.

    Args:
        problem: What the parser raised.
        file: The source.
        offset: Where the YAML begins in it.
    """
    if isinstance(problem, yaml.MarkedYAMLError) and problem.problem_mark is not None:
        at = problem.problem_mark.index + offset
        context = problem.context_mark.index + offset if problem.context_mark is not None else None
        return _explain_marked(file, problem.problem or "", at, context)
    at = problem.position + offset if isinstance(problem, ReaderError) else 0
    return Diagnostic("YML111", "this is not YAML", _one(file, at), "check the characters at this place")


def _explain_marked(file: SourceFile, problem: str, at: int, context: int | None) -> Diagnostic:
    """The diagnostic for a problem at a place; `context` is where the part it is in begins."""
    start = at if context is None else context
    if "mapping values are not allowed" in problem:
        return _two_colons(file, at)
    if "cannot start any token" in problem:
        return _bad_start(file, at)
    if "alphabetic or numeric" in problem or "did not find the expected '>'" in problem:
        return _list_with_more(file, start) or _unquoted(file, start, "this text needs quotes")
    if "comment or line break" in problem or "indentation indicators" in problem:
        return _unquoted(file, start, f"a text cannot begin with `{file.text[start : start + 1]}` without quotes")
    if "unexpected end of stream" in problem or "document indicator" in problem:
        return Diagnostic("YML112", "this quote is never closed", _one(file, start), "close it with the same quote")
    cut = (_flow_colon(file, at) or _list_with_more(file, at)) if "expected" in problem else None
    return cut or _from_table(file, problem, at, start)


def _from_table(file: SourceFile, problem: str, at: int, start: int) -> Diagnostic:
    """The diagnostic for a problem that the parser's words tell well enough."""
    for pattern, message, advice in _MEANING:
        if pattern in problem:
            code = "YML113" if "tab" in message else "YML111"
            is_far = "broken here" in message and file.line_of(start) != file.line_of(at)
            begin = f" (it begins on line {file.line_of(start)})" if is_far else ""
            return Diagnostic(code, message + begin, _one(file, at), advice)
    return Diagnostic("YML111", f"this is not YAML: {problem}", _one(file, at), "check quotes, colons and indentation")


def _bad_start(file: SourceFile, at: int) -> Diagnostic:
    """A character no value begins with: a tab before the first word of a line, or one that needs quotes."""
    begin = _line_start(file, at)
    end = begin + len(file.text[begin : _line_end(file, at)]) - len(file.text[begin : _line_end(file, at)].lstrip())
    if "\t" in file.text[begin:end] and at <= end:
        _, message, advice = _MEANING[0]
        return Diagnostic("YML113", message, _one(file, file.text.index("\t", begin)), advice)
    return _unquoted(file, at, f"a text cannot begin with `{file.text[at : at + 1]}` without quotes")


def flow_text_with_commas(first: Span, key: ScalarNode | None) -> Diagnostic:
    """The diagnostic for a text in `{...}` or `[...]` that is cut at a comma within its parentheses.

    Args:
        first: The text up to its first comma.
        key: Its key, in a map.
    """
    text = first.file.text
    depth, end = 0, first.start
    while end < len(text) and text[end] not in "\r\n" and not (depth == 0 and text[end] in ",}]"):
        depth += (text[end] == "(") - (text[end] == ")")
        end += 1
        if text[end - 1] == ")" and depth == 0 and re.match(r"[ \t]*[,}\]\r\n#]|[ \t]*$", text[end:]):
            break
    whole = _COMMENT.split(text[first.start : end])[0].rstrip()
    advice = _quoting(key.literal, whole) if key else f'quote this text: `"{whole}"`'
    message = "this text holds commas, which here begin the next entry"
    if "," not in whole:
        message = "this text opens a parenthesis that it does not close"
    return Diagnostic("YML114", message, Span(first.file, first.start, first.start + len(whole)), advice)


def _two_colons(file: SourceFile, at: int) -> Diagnostic:
    """A second `: ` on a line: an equation without quotes, or a line that is indented too far."""
    start = _line_start(file, at)
    found = _VALUE_ON_LINE.match(file.text[start : _line_end(file, at)])
    if found and start + found.start("value") <= at:
        first = start + found.start("value")
        key = found["lead"].strip(" \t{[,-:")
        advice = _quoting(key, found["value"])
        span = Span(file, first, first + len(found["value"]))
        return Diagnostic("YML115", "a text that holds `: ` needs quotes", span, advice)
    key_start = start + len(file.text[start:at]) - len(file.text[start:at].lstrip())
    advice = "give it the indentation of the lines around it; a key above needs a space after its colon"
    span = Span(file, key_start, max(at, key_start + 1))
    return Diagnostic("YML111", "a key cannot stand here", span, advice)


def _flow_colon(file: SourceFile, at: int) -> Diagnostic | None:
    """A second `: ` in a value of a map in braces: `{equations: dv/dt = -v/tau : 1}`."""
    start = _line_start(file, at)
    found = _FLOW_VALUE.search(file.text[start:at])
    if file.text[at : at + 1] != ":" or not found:
        return None
    first = start + found.start("value")
    rest = re.compile(r"[^,}\r\n]*").match(file.text, at)
    whole = _COMMENT.split(file.text[first : rest.end() if rest else at])[0].rstrip()
    advice = _quoting(found["key"], whole)
    return Diagnostic("YML115", "a text that holds `: ` needs quotes", Span(file, first, first + len(whole)), advice)


def _list_with_more(file: SourceFile, at: int) -> Diagnostic | None:
    """A text after `key: ` that begins like a list and goes on behind it: `C: [1, 2] * nA`."""
    start = _line_start(file, at)
    found = _VALUE_ON_LINE.match(file.text[start : _line_end(file, at)])
    if not found or start + found.start("value") >= at or not found["value"].startswith("["):
        return None
    first = start + found.start("value")
    if "]" not in file.text[first:at]:
        return None
    key = found["lead"].strip(" \t{[,-:")
    span = Span(file, first, first + len(found["value"]))
    return Diagnostic("YML116", "a text that begins with `[` needs quotes", span, _quoting(key, found["value"]))


def _quoting(key: str, value: str) -> str:
    """Help for a value that needs quotes."""
    quoted = f"'{value}'" if '"' in value else f'"{value}"'
    return f"quote this text or use a block: `{key}: {quoted}`, or `{key}: |` with the text indented below it"


def _unquoted(file: SourceFile, at: int, message: str) -> Diagnostic:
    before = file.text[_line_start(file, at) : at]
    value = file.text[at : _line_end(file, at)]
    if before.count("{") + before.count("[") > before.count("}") + before.count("]"):
        value = _FLOW_END.split(value)[0]
    value = _COMMENT.split(value)[0].strip()
    return Diagnostic("YML116", message, Span(file, at, at + len(value)), f'quote this text: `"{value}"`')


def _one(file: SourceFile, at: int) -> Span:
    at = min(max(at, 0), len(file.text))
    return Span(file, at, min(at + 1, len(file.text)))


def _line_start(file: SourceFile, at: int) -> int:
    return file.text.rfind("\n", 0, at) + 1


def _line_end(file: SourceFile, at: int) -> int:
    end = file.text.find("\n", at)
    end = len(file.text) if end < 0 else end
    return end - 1 if file.text[max(end - 1, at) : end] == "\r" else end

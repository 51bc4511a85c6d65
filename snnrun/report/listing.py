"""The text of an experiment with colours: keys, texts, numbers, comments, and texts of several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from snnrun.report.markup import Html, element, joined

MOST: Final = 300_000
"""Characters of a text that are shown."""
_KEY: Final = re.compile(
    r"""(?P<lead>\s*(?:- )*)(?P<key>"(?:[^"\\]|\\.)*"|[^\s"'#\[\]{},:][^:#"]{0,200}?)(?=:(?:\s|$))"""
)
_BLOCK: Final = re.compile(r"(?:^|[:-]\s+)[|>][-+0-9]*\s*$")
_TOKEN: Final = re.compile(
    r"""(?P<comment>(?:^|(?<=\s))\#.*)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
    |(?P<number>(?<![\w.])[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?(?!\w|-\w)|\b(?:true|false|null)\b)""",
    re.VERBOSE,
)


def listing(text: str) -> Html:
    """A YAML text as a block of code; its characters stay the same."""
    rest = f"\n… {len(text) - MOST:,} more characters" if len(text) > MOST else ""
    return element("pre", element("code", joined(_lines(text[:MOST]), "\n"), rest))


def _lines(text: str) -> Iterator[Html]:
    block: int | None = None  # indentation of the key whose text these lines are
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if block is not None and line.strip() and indent <= block:
            block = None
        if block is not None:
            yield element("span", line, class_="text") if line else Html()
            continue
        if _BLOCK.search(line):
            block = indent
        yield joined(_parts(line))


def _parts(line: str) -> Iterator[str]:
    key = _KEY.match(line)
    if key is not None:
        yield key["lead"]
        yield element("span", key["key"], class_="key")
    yield from _tokens(line[key.end() :] if key is not None else line)


def _tokens(text: str) -> Iterator[str]:
    end = 0
    for found in _TOKEN.finditer(text):
        yield text[end : found.start()]
        yield element("span", found[0], class_=found.lastgroup)
        end = found.end()
    yield text[end:]

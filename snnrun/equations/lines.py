"""Lines of equations before they are parsed: which name each defines, and where its parts stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from snnrun.equations.model import colon_of
from snnrun.equations.parse import split_lines
from snnrun.source import Span, Text

_HEAD = re.compile(r"\s*(?:d(?P<changing>[^\W\d]\w*)\s*/\s*dt|(?P<name>[^\W\d]\w*))\s*(?P<op>\+?=(?!=)|(?=:)|$)")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of equations.

    Args:
        text: The whole line.
        name: Offsets of the name that it defines or adds to; None where it cannot be read.
        body: Offset of its right-hand side, or of its colon where it has none.
        colon: Offset of the colon before its unit; the end of the line where it has no colon.
        adds: Whether it is `name += expression`, which adds to the definition of the name.
    """

    text: Text
    name: tuple[int, int] | None
    body: int
    colon: int
    adds: bool

    @property
    def defines(self) -> str | None:
        """The name that it defines or adds to."""
        return None if self.name is None else self.text.value[slice(*self.name)]

    @property
    def name_span(self) -> Span:
        """The place of the name."""
        return self.text.span(*(self.name or (0, None)))


def read_lines(text: Text) -> list[Line]:
    """The lines of a text of equations, without lines that hold a comment alone."""
    return [_line(piece) for piece in split_lines(text, "\n")]


def _line(text: Text) -> Line:
    code = _COMMENT.sub(lambda found: " " * len(found[0]), text.value)
    colon = colon_of(text)
    found = _HEAD.match(code if colon < 0 else code[: colon + 1])
    end = len(code.rstrip()) if colon < 0 else colon
    if found is None:
        return Line(text, None, 0, end, adds=False)
    name = found.span("changing" if found["changing"] else "name")
    return Line(text, name, min(found.end(), end), end, adds=found["op"] == "+=")

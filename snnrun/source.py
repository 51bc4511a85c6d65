"""Files as text, and places in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """One text a person wrote: a file, or the value of an option such as `--set tau=5 ms`.

    Args:
        name: What to call it in messages (a path as the user typed it, or the option).
        text: The whole text.
        used_at: The place that names it, when it is a model that an object uses.
    """

    name: str
    text: str
    used_at: Span | None = None
    _starts: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the beginnings of the lines once."""
        starts = [0]
        for offset, char in enumerate(self.text):
            if char == "\n":
                starts.append(offset + 1)
        object.__setattr__(self, "_starts", starts)

    def line_of(self, offset: int) -> int:
        """The 1-based line that holds a character offset."""
        return bisect_right(self._starts, offset)

    def column_of(self, offset: int) -> int:
        """The 1-based column of a character offset in its line."""
        return offset - self._starts[self.line_of(offset) - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a 1-based line, without its line break."""
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters of one source.

    Args:
        file: The source.
        start: First character offset.
        end: Offset after the last character; equal to `start` for a point.
    """

    file: SourceFile
    start: int
    end: int

    @property
    def line(self) -> int:
        """1-based line of the first character."""
        return self.file.line_of(self.start)

    @property
    def column(self) -> int:
        """1-based column of the first character."""
        return self.file.column_of(self.start)

    def up_to(self, last: Span) -> Span:
        """From here to the end of another place; the other place alone where that is no piece of one source."""
        if last.file is not self.file or last.end < self.start:
            return last
        return Span(self.file, self.start, max(last.end, self.end))

    def __str__(self) -> str:
        """`file:line:column`, as editors and terminals understand it."""
        return f"{self.file.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a user's text that knows where each of its characters stands in the source.

    A YAML scalar is not a plain slice of its file (indentation of `|` blocks, folds, escapes), so the place of each
    character is kept.

    Args:
        value: The text as the format means it.
        file: The source it came from.
        offsets: For each character of `value`, its offset in the source, and one more entry for the end;
            shape (len(value) + 1,). A range where the text is a plain slice.
    """

    value: str
    file: SourceFile
    offsets: tuple[int, ...] | range

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The place in the source of `value[start:end]`."""
        if end is None:
            end = len(self.value)
        start = min(max(start, 0), len(self.value))
        first = self.offsets[start]
        if end <= start:
            return Span(self.file, first, first)
        last = self.offsets[min(end, len(self.value)) - 1] + 1
        return Span(self.file, first, max(last, first))

    @classmethod
    def plain(cls, value: str, name: str = "<text>") -> Text:
        """A text that is its own source (an option's value, a test)."""
        return cls(value, SourceFile(name, value), range(len(value) + 1))

    def slice(self, start: int, end: int) -> Text:
        """The part `value[start:end]`, with its places."""
        return Text(self.value[start:end], self.file, self.offsets[start : end + 1])

    def places(self) -> tuple[Span, ...]:
        """The pieces of sources that hold it."""
        return (self.span(),)


@dataclass(frozen=True, slots=True)
class JoinedText(Text):
    """A text whose parts stand in several places; made by `join`.

    Args:
        parts: The parts in order, each with the offset in `value` at which it begins.
    """

    parts: tuple[tuple[int, Text], ...] = ()

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The place of `value[start:end]`; of a range over several parts, that in the first of them."""
        if end is None:
            end = len(self.value)
        index = max(bisect_right(self.parts, start, key=lambda part: part[0]) - 1, 0)
        begin, part = self.parts[index]
        return part.span(start - begin, end - begin)

    def slice(self, start: int, end: int) -> Text:
        """The part `value[start:end]`, with its places."""
        inside = [
            part.slice(max(start - begin, 0), end - begin)
            for begin, part in self.parts
            if begin < end and begin + len(part.value) > start
        ]
        if not inside:
            place = self.span(start, start)
            return Text("", place.file, (place.start,))
        return inside[0] if len(inside) == 1 else join(inside)

    def places(self) -> tuple[Span, ...]:
        """The pieces of sources that hold it."""
        return tuple(part.span() for _, part in self.parts)


def join(pieces: Iterable[Text | str]) -> Text:
    """Texts as one, each with its own places; a `str` between them has the place of the end of the text before it."""
    parts: list[tuple[int, Text]] = []
    value = ""
    for piece in pieces:
        if isinstance(piece, str):
            place = parts[-1][1].span(len(parts[-1][1].value), None)
            text = Text(piece, place.file, (place.start,) * (len(piece) + 1))
        else:
            text = piece
        inner = text.parts if isinstance(text, JoinedText) else ((0, text),)
        parts += [(len(value) + begin, part) for begin, part in inner if part.value]
        value += text.value
    return JoinedText(value, parts[0][1].file, (), tuple(parts))

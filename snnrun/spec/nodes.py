"""The tree of an experiment file: maps, lists and scalars, each knowing its place in the source."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from snnrun.source import SourceFile, Span, Text
from snnrun.spec.scalar_text import ScalarStyle, scalar_offsets


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value: text, number, boolean or nothing.

    Args:
        value: The value by the rules of the file's format.
        span: Its place, quotes and block indicator included.
        literal: The characters of the value, with quotes, escapes and indentation undone.
        style: How it is written, from which the place of each character follows.
        given: Its text, when it does not stand in a file as such (a sweep's value).
    """

    value: str | int | float | bool | None
    span: Span
    literal: str
    style: ScalarStyle
    given: Text | None = None

    @property
    def places(self) -> tuple[Span, ...]:
        """Its places: several where it was joined from the texts of models."""
        return (self.span,) if self.given is None else (self.span, *self.given.places())

    @property
    def text(self) -> Text:
        """The characters of the value, each with its place in the source (computed at each call)."""
        if self.given is not None:
            return self.given
        offsets = scalar_offsets(self.style, self.literal, self.span)
        return Text(self.literal, self.span.file, offsets)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a map.

    Args:
        key: The key, always as text.
        value: What it holds.
    """

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A map, in the order of the file.

    Args:
        entries: From the key's text to the entry.
        span: From its first to its last character.
    """

    entries: Mapping[str, Entry]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        entry = self.entries.get(key)
        return None if entry is None else entry.value


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list.

    Args:
        items: Its values in order.
        span: From its first to its last character.
    """

    items: tuple[Node, ...]
    span: Span


Node = MapNode | ListNode | ScalarNode
"""Any value of an experiment file."""

Path = tuple[str | int, ...]
"""Where a value is in the tree: keys of maps and indices of lists, from the root."""


def with_keys(node: Node, renamed: Mapping[Path, str], dropped: Collection[Path] = (), path: Path = ()) -> Node:
    """A tree with other keys, each at its place; a key whose new name its map has already is left out.

    Args:
        node: The tree.
        renamed: New names of keys, by their paths.
        dropped: Paths of keys that are left out.
        path: The path of the tree.
    """
    match node:
        case MapNode(entries=entries):
            kept = {}
            for key, entry in entries.items():
                place = (*path, key)
                name = renamed.get(place, key)
                if place not in dropped and (name == key or name not in entries):
                    kept[name] = Entry(entry.key, with_keys(entry.value, renamed, dropped, place))
            return MapNode(kept, node.span)
        case ListNode(items=items):
            changed = [with_keys(item, renamed, dropped, (*path, k)) for k, item in enumerate(items)]
            return ListNode(tuple(changed), node.span)
        case _:
            return node


def plain(node: Node) -> object:
    """The tree as Python's dicts, lists and scalars."""
    match node:
        case ScalarNode(value=value):
            return value
        case ListNode(items=items):
            return [plain(item) for item in items]
        case MapNode(entries=entries):
            return {key: plain(entry.value) for key, entry in entries.items()}


def tree_of(data: object) -> Node:
    """Python's dicts, lists and scalars as a tree whose values stand nowhere."""
    nowhere = Span(SourceFile("", ""), 0, 0)
    if isinstance(data, dict):
        keys = ((str(key), value) for key, value in data.items())
        return MapNode({k: Entry(scalar(k, SourceFile("", k)), tree_of(v)) for k, v in keys}, nowhere)
    if isinstance(data, list | tuple):
        return ListNode(tuple(tree_of(item) for item in data), nowhere)
    assert data is None or isinstance(data, str | int | float | bool)
    return scalar(data, SourceFile("", data if isinstance(data, str) else repr(data)))


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every value of the tree with its path, parents before children, in the order of the file."""
    yield path, node
    match node:
        case ListNode(items=items):
            for index, item in enumerate(items):
                yield from walk(item, (*path, index))
        case MapNode(entries=entries):
            for key, entry in entries.items():
                yield from walk(entry.value, (*path, key))
        case ScalarNode():
            pass


def child(node: Node | None, step: str | int) -> Node | None:
    """The value at a key of a map or an index of a list, or None."""
    match node:
        case MapNode():
            return node.get(str(step))
        case ListNode(items=items) if isinstance(step, int) and 0 <= step < len(items):
            return items[step]
        case _:
            return None


def items(node: Node) -> Sequence[Node]:
    """The values of a list or a map."""
    match node:
        case ListNode(items=found):
            return found
        case MapNode(entries=entries):
            return [entry.value for entry in entries.values()]
        case ScalarNode():
            return ()


def dotted(path: Path) -> str:
    """A path as the user writes it in options: `groups.exc.size`."""
    return ".".join(str(step) for step in path)


def describe(node: Node) -> str:
    """What a value is, in words for a message."""
    match node:
        case MapNode():
            return "a map"
        case ListNode():
            return "a list"
        case ScalarNode(value=None):
            return "empty"
        case ScalarNode(value=bool()):
            return "true or false"
        case ScalarNode(value=int() | float()):
            return "a number"
        case ScalarNode():
            return "a text"


def scalar(value: str | float | bool | None, file: SourceFile) -> ScalarNode:
    """A value that a program sets, with the whole of a source as its place."""
    literal = file.text
    text = Text(literal, file, tuple(range(len(literal) + 1)))
    return ScalarNode(value, Span(file, 0, len(literal)), literal, ScalarStyle.GIVEN, text)

"""Other names for what a model defines or reads, in its keys and in all its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from snnrun.equations.lines import Line, read_lines
from snnrun.source import Text, join
from snnrun.spec.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from snnrun.spec.scalar_text import ScalarStyle

NAMED: Final = ("constants", "initial", "linked")
"""The maps of an object whose keys are names of its variables and constants."""

_PLAIN: Final = frozenset({"method", "file", "dataset", "column", "event", "precision", "kind"})  # hold no expressions
# A number goes with the unit after it, a name with what follows its dots; of these only the name can be renamed.
_WORD: Final = re.compile(
    r"#[^\n]*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:[ \t]*[^\W\d]\w*)?"
    r"|(?P<name>[^\W\d]\w*)(?P<rest>(?:\.\w+)*[ \t]*\(?)"
)
_ENDS: Final = re.compile(r"(?P<stem>\w+)(?P<end>_pre|_post)")


def names_in_model(model: MapNode) -> set[str]:
    """The names that a model defines or reads, without those of functions."""
    found: set[str] = set()
    for key, text in _texts(model):
        if key == "equations":
            for line in read_lines(text):
                found |= {line.defines} if line.defines else set()
                found |= {name for name, _, _ in _names(line.text.slice(line.body, line.colon))}
        else:
            found |= {name for name, _, _ in _names(text)}
    for key in NAMED:
        part = model.get(key)
        found |= set(part.entries) if isinstance(part, MapNode) else set()
    ends = (_ENDS.fullmatch(name) for name in found)
    return found | {end["stem"] for end in ends if end}


def renamed(model: MapNode, names: Mapping[str, str]) -> MapNode:
    """A model with other names.

    Args:
        model: Its keys.
        names: From old to new name; `v` also stands for `v_pre` and `v_post`, unless these are named themselves.
    """
    entries = {key: Entry(entry.key, _node(key, entry.value, names)) for key, entry in model.entries.items()}
    return MapNode(entries, model.span)


def _node(key: str, node: Node, names: Mapping[str, str]) -> Node:
    """A value at or below a key with other names."""
    if key in _PLAIN:
        return node
    match node:
        case ScalarNode(value=str()):
            text = _equations(node.text, names) if key == "equations" else _text(node.text, names)
            return ScalarNode(text.value, node.span, text.value, ScalarStyle.GIVEN, text)
        case ListNode(items=items):
            return ListNode(tuple(_node(key, item, names) for item in items), node.span)
        case MapNode(entries=entries):
            found = {}
            for name, entry in entries.items():
                new = names.get(name, name) if key in NAMED else name
                label = entry.key if new == name else _key(entry.key, new)
                found[new] = Entry(label, _node("" if key in NAMED else name, entry.value, names))
            return MapNode(found, node.span)
    return node


def _key(key: ScalarNode, name: str) -> ScalarNode:
    text = _replaced(key.text, [(0, len(key.text.value), name)])
    return replace(key, value=name, literal=name, style=ScalarStyle.GIVEN, given=text)


def _equations(text: Text, names: Mapping[str, str]) -> Text:
    """Equations with other names; units keep theirs."""
    parts: list[Text | str] = []
    for line in read_lines(text):
        parts += [*_line(line, names), "\n"]
    return join(parts) if parts else text


def _line(line: Line, names: Mapping[str, str]) -> Iterator[Text]:
    head = line.text.slice(0, line.body)
    new = None if line.name is None else _new_name(line.text.value[slice(*line.name)], names)
    yield head if line.name is None or new is None else _replaced(head, [(*line.name, new)])
    yield _text(line.text.slice(line.body, line.colon), names)
    yield line.text.slice(line.colon, len(line.text.value))


def _text(text: Text, names: Mapping[str, str]) -> Text:
    """An expression or statements with other names."""
    changes = [(start, end, new) for name, start, end in _names(text) if (new := _new_name(name, names)) is not None]
    return _replaced(text, changes) if changes else text


def _new_name(name: str, names: Mapping[str, str]) -> str | None:
    if name in names:
        return names[name]
    found = _ENDS.fullmatch(name)
    return names[found["stem"]] + found["end"] if found and found["stem"] in names else None


def _replaced(text: Text, changes: list[tuple[int, int, str]]) -> Text:
    """A text with other words at some places, in order; a new word has the place of the old one."""
    parts: list[Text] = []
    done = 0
    for start, end, new in changes:
        place = text.span(start, end)
        offsets = (*(place.start for _ in new[:-1]), place.end - 1, place.end)
        parts += [text.slice(done, start), Text(new, place.file, offsets)]
        done = end
    return join([*parts, text.slice(done, len(text.value))])


def _names(text: Text) -> Iterator[tuple[str, int, int]]:
    """The names in an expression or statements that are no functions, each with its offsets."""
    for found in _WORD.finditer(text.value):
        if found["name"] and not found["rest"].endswith("("):
            yield found["name"], *found.span("name")


def _texts(node: Node, key: str = "") -> Iterator[tuple[str, Text]]:
    """The texts that may hold names, each with the key above it."""
    match node:
        case ScalarNode(value=str()) if key not in _PLAIN:
            yield key, node.text
        case ListNode(items=items):
            for item in items:
                yield from _texts(item, key)
        case MapNode(entries=entries):
            for name, entry in entries.items():
                yield from _texts(entry.value, "" if key in NAMED else name)
        case _:
            pass

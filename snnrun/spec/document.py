"""One experiment file as a tree with places: what the stages after loading read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from snnrun.source import SourceFile, Span, Text
from snnrun.spec import nodes
from snnrun.spec.core_schema import number_literal, resolve_plain
from snnrun.spec.nodes import Entry, ListNode, MapNode, Node, ScalarNode, child
from snnrun.spec.read_values import ReadValues
from snnrun.spec.scalar_text import ScalarStyle

Value = Text | Node | str | int | float | bool | None
"""What `Document.with_values` puts at a path; None removes the key."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant that an object has from a model.

    Args:
        model: The name of the model.
        default: The value that it has unless the object gives another.
    """

    model: str
    default: ScalarNode


@dataclass(frozen=True, slots=True)
class Document:
    """The merged tree of an experiment: the file, what it extends, and the options that change it.

    Args:
        root: The tree.
        path: The experiment file, as the user named it.
        data_root: The folder that holds every file the experiment may read (absolute, links resolved).
        folders: The folder of each source that is a file; a source that is an option has none.
        parameters: The constants that objects have from models, by their paths.
        read_values: Where the values that are read are noted, if they are.
    """

    root: MapNode
    path: Path
    data_root: Path
    folders: Mapping[SourceFile, Path] = field(default_factory=dict)
    parameters: Mapping[nodes.Path, Parameter] = field(default_factory=dict)
    read_values: ReadValues | None = field(default=None, compare=False, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the experiment file."""
        return self.path.parent

    def folder_of(self, path: nodes.Path) -> Path:
        """The folder of the file that holds a value: file names in it are relative to this folder."""
        return self.folders.get(self.span(path).file, self.folder)

    def has(self, path: nodes.Path) -> bool:
        """Whether there is a value at a path."""
        return self._find(path) is not None

    def find(self, path: nodes.Path) -> Node | None:
        """The value at a path, or None."""
        if self.read_values is not None:
            self.read_values.paths.add(path)
        return self._find(path)

    def _find(self, path: nodes.Path) -> Node | None:
        node: Node | None = self.root
        for step in path:
            node = child(node, step)
            if node is None:
                return None
        return node

    def node(self, path: nodes.Path) -> Node:
        """The value at a path.

        Raises:
            KeyError: There is none.
        """
        node = self.find(path)
        if node is None:
            raise KeyError(path)
        return node

    def span(self, path: nodes.Path = ()) -> Span:
        """The place of a value.

        Raises:
            KeyError: There is none.
        """
        node = self._find(path)
        if node is None:
            raise KeyError(path)
        return node.span

    def key_span(self, path: nodes.Path) -> Span:
        """The place of the key of a value; that of the value itself for items of lists and the root."""
        if path and isinstance(self._find(path[:-1]), MapNode):
            return self.key_node(path).span
        return self.span(path)

    def key_text(self, path: nodes.Path) -> Text:
        """The key of a value as a text with places (`sigmoid(x)` under `functions`)."""
        return self.key_node(path).text

    def key_node(self, path: nodes.Path) -> ScalarNode:
        """The key of a value in a map.

        Raises:
            KeyError: The path ends in a list or there is no such value.
        """
        parent = self._find(path[:-1])
        if not path or not isinstance(parent, MapNode):
            raise KeyError(path)
        return parent.entries[str(path[-1])].key

    def nearest_span(self, path: nodes.Path) -> Span:
        """The place of a value, or that of the key of the nearest value around it that exists."""
        node = self._find(path)
        if node is not None:
            return node.span
        while path and not self.has(path):
            path = path[:-1]
        return self.key_span(path) if path else self.top_span()

    def top_span(self) -> Span:
        """The place of the first key, for messages about the file as a whole."""
        for entry in self.root.entries.values():
            return entry.key.span
        return self.root.span

    def text(self, path: nodes.Path) -> Text:
        """A text or number as the user wrote it, each character with its place.

        Raises:
            KeyError: There is no scalar at this path.
        """
        node = self.node(path)
        if not isinstance(node, ScalarNode):
            raise KeyError(path)
        return node.text

    def keys(self, path: nodes.Path) -> tuple[str, ...]:
        """The keys of the map at a path; none when there is no map."""
        node = self._find(path)
        return tuple(node.entries) if isinstance(node, MapNode) else ()

    def walk(self) -> Iterator[tuple[nodes.Path, Node]]:
        """Every value with its path, in the order of the file."""
        return nodes.walk(self.root)

    def plain(self) -> dict[str, object]:
        """The whole tree as Python's dicts, lists and scalars."""
        data = nodes.plain(self.root)
        assert isinstance(data, dict)
        return data

    def with_values(
        self, values: Mapping[nodes.Path, Value], keys: Mapping[nodes.Path, Text] | None = None
    ) -> Document:
        """The document with other values at some paths; only the maps and lists on the way are copied.

        Args:
            values: From path to value. A `Text` is read as an unquoted YAML scalar is; None removes the key. Maps
                that are missing on the way are made, and a list grows by one item.
            keys: The texts of keys that are new, where a user wrote them (in an option).

        Raises:
            KeyError: A path leads through a scalar or past the end of a list.
        """
        root: Node = self.root
        for change in _grouped(values, keys or {}).items():
            root = _changed(root, change)
        assert isinstance(root, MapNode)
        return replace(self, root=root, read_values=None)

    def with_keys(self, renamed: Mapping[nodes.Path, str], dropped: Collection[nodes.Path] = ()) -> Document:
        """The document with other names for some keys, and without others; see `nodes.with_keys`."""
        root = nodes.with_keys(self.root, renamed, dropped)
        assert isinstance(root, MapNode)
        return replace(self, root=root, read_values=None)

    def to_yaml(self) -> str:
        """The resolved file: no `extends`, always the same text for the same tree, reads back to the same data."""
        from snnrun.spec.write_yaml import write_yaml  # noqa: PLC0415 - checking a file does not write one

        return write_yaml(self.root)


@dataclass(slots=True)
class _Changes:
    """New values below one value: either one for itself or some for its parts."""

    value: Node | None = None
    is_leaf: bool = False
    key: Text | None = None
    parts: dict[str | int, _Changes] = field(default_factory=dict)


def _grouped(values: Mapping[nodes.Path, Value], keys: Mapping[nodes.Path, Text]) -> dict[str | int, _Changes]:
    """The changes as a tree, so that each map on the way is copied once."""
    top = _Changes()
    for path, value in values.items():
        at = top
        for depth, step in enumerate(path, start=1):
            at = at.parts.setdefault(step, _Changes())
            at.key = keys.get(path[:depth])
        at.is_leaf = True
        at.value = None if value is None else _as_node(value)
    return top.parts


def _changed(node: Node | None, change: tuple[str | int, _Changes]) -> Node:
    """A copy of a map or list with one of its parts changed."""
    step, changes = change
    old = None if node is None else child(node, step)
    new = changes.value if changes.is_leaf else old
    for part in changes.parts.items():
        new = _changed(new, part)
    if node is None and isinstance(step, int) and new is not None:
        node = ListNode((), new.span)
    if isinstance(node, ListNode):
        return _list_with(node, step, new)
    if node is not None and not isinstance(node, MapNode):
        raise KeyError(step)
    return _map_with(node, str(step), new, changes.key)


def _list_with(node: ListNode, step: str | int, new: Node | None) -> ListNode:
    if not isinstance(step, int) or not 0 <= step <= len(node.items):
        raise KeyError(step)
    middle = () if new is None else (new,)
    return ListNode((*node.items[:step], *middle, *node.items[step + 1 :]), node.span)


def _map_with(node: MapNode | None, key: str, new: Node | None, text: Text | None) -> MapNode:
    entries = {} if node is None else dict(node.entries)
    if new is None:
        entries.pop(key, None)
    else:
        old = entries.get(key)
        entries[key] = Entry(_key_for(key, text, new.span), new) if old is None else Entry(old.key, new)
    if node is not None:
        return MapNode(entries, node.span)
    assert new is not None
    return MapNode(entries, new.span)


def _key_for(key: str, text: Text | None, place: Span) -> ScalarNode:
    """A key that no file holds; its place is that of its text, or else of its value."""
    if text is None:
        text = Text(key, place.file, (place.start,) * (len(key) + 1))
        return ScalarNode(key, place, key, ScalarStyle.GIVEN, text)
    return ScalarNode(key, text.span(), key, ScalarStyle.GIVEN, text)


def _as_node(value: Text | Node | str | float | bool) -> Node:
    if isinstance(value, ScalarNode | MapNode | ListNode):
        return value
    if isinstance(value, Text):
        return ScalarNode(resolve_plain(value.value), value.span(), value.value, ScalarStyle.GIVEN, value)
    literal = value if isinstance(value, str) else number_literal(value)
    return nodes.scalar(value, SourceFile(f"value {literal}", literal))

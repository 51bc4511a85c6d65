"""`extends`: an experiment file that starts from others. Codes `EXT1xx`.

Maps merge deeply, lists and scalars replace, `null` removes a key. A file may extend files below the data root only
(the folder of the experiment file, unless the user names another): no absolute paths, no way out by `..` or links.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from snnrun.errors import at
from snnrun.source import SourceFile, Text
from snnrun.spec.nodes import Entry, ListNode, MapNode, Node, ScalarNode, describe
from snnrun.spec.paths import resolve_file

_DEPTH_LIMIT: Final = 8
_FILE_LIMIT: Final = 64


@dataclass(slots=True)
class Extension:
    """Follows `extends` from the experiment file to all it starts from.

    Args:
        read: Reads and parses one file: from path and name to its source and tree.
        data_root: The folder all files must be in.
        folders: Filled with the folder of each source.
    """

    read: Callable[[Path, str], tuple[SourceFile, MapNode]]
    data_root: Path
    folders: dict[SourceFile, Path] = field(default_factory=dict)
    _open: list[Path] = field(default_factory=list)
    _count: int = 0

    def load(self, path: Path, name: str) -> MapNode:
        """The tree of a file merged with all it extends, without the key `extends`.

        Raises:
            ExperimentError: A file is missing or broken, the files extend each other in a cycle, or a path leads out.
        """
        source, root = self.read(path, name)
        self.folders[source] = Path(name).parent
        self._open.append(path.resolve())
        merged: MapNode | None = None
        for text in _named_files(root):
            base = self._base(text, Path(name).parent)
            merged = base if merged is None else merge(merged, base)
        self._open.pop()
        own = MapNode({key: entry for key, entry in root.entries.items() if key != "extends"}, root.span)
        return own if merged is None else merge(merged, own)

    def _base(self, text: Text, folder: Path) -> MapNode:
        path = resolve_file(text, folder, self.data_root)
        self._count += 1
        if path.resolve() in self._open:
            cycle = " → ".join(p.name for p in (*self._open, path))
            raise at(
                text.span(), "EXT101", f"files extend each other in a cycle: {cycle}", "remove one of these `extends`"
            )
        if len(self._open) >= _DEPTH_LIMIT or self._count > _FILE_LIMIT:
            message = f"more than {_DEPTH_LIMIT} files extend each other, or more than {_FILE_LIMIT} in all"
            raise at(text.span(), "EXT102", message, "merge some of these files")
        if not path.is_file():
            advice = f"the path is relative to the folder `{folder}`"
            raise at(text.span(), "EXT103", f"there is no file `{text.value}` to extend", advice)
        return self.load(path, str(path))


def merge(base: MapNode, over: MapNode) -> MapNode:
    """Two maps as one: maps merge deeply, lists and scalars replace, an empty value (`null`) removes the key."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        old = entries.get(key)
        if old is not None and isinstance(entry.value, ScalarNode) and entry.value.value is None:
            del entries[key]
        elif old is not None and isinstance(old.value, MapNode) and isinstance(entry.value, MapNode):
            entries[key] = Entry(entry.key, merge(old.value, entry.value))
        else:
            entries[key] = entry
    return MapNode(entries, over.span)


def _named_files(root: MapNode) -> list[Text]:
    """The files that `extends` names, in order."""
    node = root.get("extends")
    if node is None:
        return []
    named: tuple[Node, ...] = node.items if isinstance(node, ListNode) else (node,)
    texts = []
    for item in named:
        if not isinstance(item, ScalarNode) or not isinstance(item.value, str):
            message = f"`extends` needs a file name or a list of file names, this is {describe(item)}"
            raise at(item.span, "EXT104", message, "write `extends: base.yaml`")
        texts.append(item.text)
    return texts

"""A tree of nodes as YAML text that people can read and that loads to the same data.

PyYAML's emitter quotes by YAML 1.1 (`on`, `1e-3`) and has no short lists in block maps; the texts here are kept with
results and compared, so they must be the same with every version of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from snnrun.spec.core_schema import number_literal, resolve_plain
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode

_WIDTH: Final = 110
# What no eye sees: marks that turn the direction of writing, spaces of no width, tags, characters without a meaning.
_UNSEEN: Final = (
    r"\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff"
    r"\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
_ODD: Final = rf"\x00-\x1f\x7f-\xa0{_UNSEEN}"
_PLAIN: Final = re.compile(rf"[A-Za-z0-9_.+\-/^()=](?:[^{_ODD}]*[^\s{_ODD}])?")
_NOT_PLAIN: Final = re.compile(r": |:$| #|^- |^-$|^---|^\.\.\.|^\? |\t")
_FLOW_MARKS: Final = re.compile(r"[,\[\]{}:#]")
_BLOCK: Final = re.compile(rf"[^\x00-\x08\x0b-\x1f\x7f-\x9f{_UNSEEN}]*")
_ESCAPED: Final = re.compile(rf"[\\\"{_ODD}]")
_NOT_SEEN: Final = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_UNSEEN}]")
_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def visible(text: str) -> str:
    """A text with an escape in place of each control code and each character that no eye sees; lines stay."""
    return text if text.isascii() and text.isprintable() else _NOT_SEEN.sub(_escape, text)


def write_yaml(root: MapNode, *, compact: bool = False) -> str:
    """The text of a whole file; maps and multi-line texts as blocks, short lists on one line.

    Args:
        root: The file.
        compact: Whether short maps within the sections of the file stand on one line too.
    """
    return "".join(f"{line}\n" if line else "\n" for line in _map_lines(root, "", compact=compact))


def _map_lines(node: MapNode, indent: str, *, compact: bool) -> Iterator[str]:
    for name, entry in node.entries.items():
        key = _one_line(name, in_flow=False)
        yield from _value_lines(f"{indent}{key}:", entry.value, indent + "  ", compact=compact)


def _value_lines(lead: str, node: Node, indent: str, *, compact: bool) -> Iterator[str]:
    """Lines of one value after `key:` or `-`.

    Args:
        lead: What stands before the value on its first line.
        node: The value.
        indent: Of lines below.
        compact: Whether short maps stand on one line.
    """
    block = _block_text(node, indent)
    if block is not None:
        yield f"{lead} {block[0]}"
        yield from block[1:]
        return
    flow = _flow(node, maps=compact and len(indent) > 2)
    if flow is not None and len(lead) + 1 + len(flow) <= _WIDTH:
        yield f"{lead} {flow}"
    elif isinstance(node, MapNode):
        yield lead
        yield from _map_lines(node, indent, compact=compact)
    elif isinstance(node, ListNode):
        yield lead
        for item in node.items:
            yield from _item_lines(item, indent, compact=compact)
    else:
        yield f"{lead} {_scalar(node, in_flow=False)}"


def _item_lines(node: Node, indent: str, *, compact: bool) -> Iterator[str]:
    """Lines of one item of a list; a map begins on the line of its dash."""
    if not isinstance(node, MapNode) or not node.entries:
        yield from _value_lines(f"{indent}-", node, indent + "  ", compact=compact)
        return
    for number, line in enumerate(_map_lines(node, indent + "  ", compact=compact)):
        yield f"{indent}- {line[len(indent) + 2 :]}" if number == 0 else line


def _flow(node: Node, *, maps: bool) -> str | None:
    """A list of scalars, or of such lists, or anything empty, on one line; with `maps` a map of these too."""
    match node:
        case MapNode(entries=entries):
            values = [_part(entry.value, maps=maps) for entry in entries.values()]
            if (entries and not maps) or None in values:
                return None
            keys = [_one_line(name, in_flow=True) for name in entries]
            return f"{{{', '.join(f'{key}: {value}' for key, value in zip(keys, values, strict=True))}}}"
        case ScalarNode():
            return None
        case ListNode(items=items):
            parts = [_part(item, maps=maps) for item in items]
            return None if None in parts else f"[{', '.join(filter(None, parts))}]"


def _part(node: Node, *, maps: bool) -> str | None:
    """A value within a list or map on one line; None where it has to stand on several."""
    if not isinstance(node, ScalarNode):
        return _flow(node, maps=maps)
    is_block = maps and isinstance(node.value, str) and "\n" in node.value
    return None if is_block else _scalar(node, in_flow=True)


def _block_text(node: Node, indent: str) -> list[str] | None:
    """A text of several lines as a `|` block: header and lines; None for anything else."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    text = node.value
    body = text.rstrip("\n")
    if "\n" not in text or not body.strip() or not _BLOCK.fullmatch(text):
        return None
    lines = body.split("\n")
    if any(line and not line.strip() for line in lines):
        return None
    endings = len(text) - len(body)
    chomping = "-" if endings == 0 else ("" if endings == 1 else "+")
    hint = "2" if lines[0].startswith((" ", "\t")) or not lines[0] else ""
    filled = [f"{indent}{line}" if line else "" for line in lines]
    return [f"|{hint}{chomping}", *filled, *[""] * max(endings - 1, 0)]


def _scalar(node: ScalarNode, *, in_flow: bool) -> str:
    value = node.value
    if isinstance(value, str):
        return _one_line(value, in_flow=in_flow)
    if value is None:
        return "null"
    if same(resolve_plain(node.literal), value):
        return node.literal
    return number_literal(value)


def same(a: object, b: object) -> bool:
    """Whether two scalars are the same value of the same type (NaN is NaN)."""
    return type(a) is type(b) and (a == b or (a != a and b != b))  # noqa: PLR0124 - NaN is not itself


def _one_line(text: str, *, in_flow: bool) -> str:
    """A text on one line, without quotes where it then still is the same text."""
    plain = _PLAIN.fullmatch(text) and not _NOT_PLAIN.search(text) and resolve_plain(text) == text
    cut = in_flow and (_FLOW_MARKS.search(text) or text.count("(") != text.count(")"))
    if plain and isinstance(resolve_plain(text), str) and not cut:
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code > 0xFFFF:
        return f"\\U{code:08X}"
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"

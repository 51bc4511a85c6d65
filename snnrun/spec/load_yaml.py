"""YAML text to the tree of nodes: codes `YML1xx`.

PyYAML's C parser gives events with their places; the tree is built here from them, with an explicit stack. So depth
and number of nodes are limited while reading, and 100,000 brackets reach neither the parser's nor Python's stack.
Scalars follow the core schema of YAML 1.2. Tags, merge keys, several documents and duplicate keys are errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from snnrun.errors import Report, at
from snnrun.source import SourceFile, Span
from snnrun.spec.core_schema import resolve_plain
from snnrun.spec.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from snnrun.spec.scalar_text import ScalarStyle
from snnrun.spec.yaml_problems import explain, flow_text_with_commas

DEPTH_LIMIT: Final = 64
"""The deepest nesting of maps and lists."""

NODE_LIMIT: Final = 100_000
"""The most values of one file, each alias counted as all it stands for."""

_STYLES: Final = {
    None: ScalarStyle.PLAIN,
    "": ScalarStyle.PLAIN,
    "'": ScalarStyle.SINGLE,
    '"': ScalarStyle.DOUBLE,
    "|": ScalarStyle.LITERAL,
    ">": ScalarStyle.FOLDED,
}


def parse_yaml(file: SourceFile, start: int = 0) -> Node:
    """The tree of a YAML text.

    Args:
        file: The source.
        start: Where the YAML begins in it (after `path=` of an option).

    Raises:
        ExperimentError: With every problem of the tree, or the first one of the syntax.
    """
    builder = _Builder(file, start)
    try:
        for event in _events(file.text[start:]):
            builder.take(event)
    except yaml.YAMLError as problem:
        if isinstance(problem, yaml.MarkedYAMLError) and "nesting depth" in (problem.problem or ""):
            place = problem.problem_mark.index + start if problem.problem_mark is not None else start
            builder.too_deep(Span(file, place - 1, place))  # newer parsers have a limit of their own, and look ahead
        else:
            builder.report.extend([explain(problem, file, start)])
    builder.report.stop_if_errors()
    if builder.root is None:
        begin = Span(file, start, start)
        raise at(begin, "YML101", "the file is empty", "begin with `version: 1`")
    return builder.root.node


def _events(text: str) -> Iterator[Event]:
    """The parser's events; by libyaml where PyYAML was built with it."""
    parser = yaml.CLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)
    try:
        while parser.check_event():
            event = parser.get_event()
            if event is not None:
                yield event
    finally:
        parser.dispose()


@dataclass(frozen=True, slots=True)
class _Counted:
    """A finished node, how many values it holds with aliases expanded, and how deep it is nested."""

    node: Node
    values: int
    depth: int


@dataclass(slots=True)
class _Open:
    """A map or list that is still being read."""

    start: int
    is_map: bool
    is_flow: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: ScalarNode | None = None
    skip_value: bool = False
    count: int = 1
    depth: int = 1


class _Builder:
    """Takes events one by one and builds the tree.

    Args:
        file: The source.
        offset: Added to the parser's positions.
    """

    def __init__(self, file: SourceFile, offset: int) -> None:
        self.file = file
        self.offset = offset
        self.report = Report()
        self.root: _Counted | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Counted | None] = {}
        self._documents = 0
        self._explained_to = 0

    def take(self, event: Event) -> None:
        """Add one event to the tree."""
        # Scalars first: they are nearly all of a large file.
        if isinstance(event, ScalarEvent):
            if event.tag is not None:
                self._report_tag(event)
            self._add(_Counted(self._scalar(event), 1, 0), event.anchor, event)
        elif isinstance(event, CollectionStartEvent):
            if event.tag is not None:
                self._report_tag(event)
            self._open(event)
        elif isinstance(event, CollectionEndEvent):
            self._close(event)
        elif isinstance(event, AliasEvent):
            self._add(self._alias(event), None, event)
        elif isinstance(event, DocumentStartEvent):
            self._begin_document(event)

    def _start(self, event: Event) -> int:
        return self.offset + (event.start_mark.index if event.start_mark is not None else 0)

    def _end(self, event: Event) -> int:
        return self.offset + (event.end_mark.index if event.end_mark is not None else 0)

    def _span(self, event: Event) -> Span:
        first, last = event.start_mark, event.end_mark
        assert first is not None
        assert last is not None
        return Span(self.file, first.index + self.offset, last.index + self.offset)

    def _fail(self, code: str, message: str, span: Span, help: str) -> None:
        self.report.error(code, message, span, help)
        self.report.stop_if_errors()

    def _begin_document(self, event: Event) -> None:
        self._documents += 1
        if self._documents > 1:
            advice = "put each experiment into a file of its own; `extends` shares what they have in common"
            self._fail(
                "YML103", "a second document begins here, one file holds one experiment", self._span(event), advice
            )

    def _report_tag(self, event: Event) -> None:
        at = self._start(event)
        start = max(self.file.text.find("!", at), at)
        end = start
        while end < len(self.file.text) and self.file.text[end] not in " \t\r\n,[]{}":
            end += 1
        advice = "remove the tag; quote the text if it should begin with `!` (`not` is the operator of conditions)"
        message = f"tags such as `{self.file.text[start:end]}` are not allowed"
        self.report.error("YML104", message, Span(self.file, start, end), advice)

    def _scalar(self, event: ScalarEvent) -> ScalarNode:
        style = _STYLES[event.style]
        span = self._span(event)
        literal = event.value
        if style is not ScalarStyle.PLAIN or event.anchor is not None or event.tag is not None:
            span = self._trimmed(span, event)
        value = resolve_plain(literal) if style is ScalarStyle.PLAIN else literal
        node = ScalarNode(value, span, literal, style)
        if "(" in literal and style is ScalarStyle.PLAIN:
            self._check_flow_text(node)
        return node

    def _trimmed(self, span: Span, event: ScalarEvent) -> Span:
        """The span without the anchor or tag before a scalar and without line breaks after a block."""
        text, start, end = self.file.text, span.start, span.end
        if event.anchor is not None or event.tag is not None:
            while start < end and text[start] in "&!":
                while start < end and text[start] not in " \t\r\n":
                    start += 1
                while start < end and text[start] in " \t\r\n":
                    start += 1
        if event.style in ("|", ">"):
            end = start + len(text[start:end].rstrip())
        return Span(self.file, start, max(start, end))

    def _check_flow_text(self, node: ScalarNode) -> None:
        """Find a text that a flow map or list has cut at its commas: `{do: x = clip(x, 0, 1)}`."""
        if not self._stack or not self._stack[-1].is_flow:
            return
        if node.span.start < self._explained_to or node.literal.count("(") <= node.literal.count(")"):
            return
        problem = flow_text_with_commas(node.span, self._stack[-1].key if self._stack[-1].is_map else None)
        self.report.extend([problem])
        self._explained_to = problem.span.end if problem.span else node.span.end

    def _alias(self, event: AliasEvent) -> _Counted:
        name = event.anchor or ""
        span = self._span(event)
        if name not in self._anchors:
            advice = f"quote the text if `*` is part of it; an alias needs an anchor `&{name}` before it"
            self._fail("YML107", f"there is no anchor `&{name}` before this alias", span, advice)
        found = self._anchors[name]
        if found is None:
            self._fail("YML107", f"the alias `*{name}` holds itself", span, "write out what should stand here")
        assert found is not None
        return found

    def _open(self, event: CollectionStartEvent) -> None:
        is_map = isinstance(event, MappingStartEvent)
        start = self._start(event)
        if len(self._stack) >= DEPTH_LIMIT:
            self.too_deep(Span(self.file, start, start + 1))
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None and not self._stack[-1].skip_value:
            self._fail("YML108", "a key must be a text", Span(self.file, start, start + 1), "quote it if it is one")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(start, is_map, bool(event.flow_style), event.anchor))

    def too_deep(self, span: Span) -> None:
        """Report a place that is nested too deep."""
        advice = "name parts under `constants` or `arrays`, or put the table into a file"
        self._fail("YML105", f"maps and lists are nested more than {DEPTH_LIMIT} deep", span, advice)

    def _close(self, event: Event) -> None:
        done = self._stack.pop()
        end = self._end(event)
        if not done.is_flow:
            end = done.start + len(self.file.text[done.start : end].rstrip())
        span = Span(self.file, done.start, max(end, done.start))
        node: Node = MapNode(done.entries, span) if done.is_map else ListNode(tuple(done.items), span)
        self._add(_Counted(node, done.count, done.depth), done.anchor, event)

    def _add(self, counted: _Counted, anchor: str | None, event: Event) -> None:
        """Put a finished node into the map or list that is open."""
        node, values, depth = counted.node, counted.values, counted.depth
        if anchor is not None:
            self._anchors[anchor] = counted
        if not self._stack:
            self.root = counted
            return
        parent = self._stack[-1]
        parent.count += values
        if depth >= parent.depth:
            parent.depth = depth + 1
        if parent.count > NODE_LIMIT:
            advice = "keep large tables in files of their own (npy, csv, h5)"
            message = f"the file holds more than {NODE_LIMIT:,} values, aliases expanded"
            self._fail("YML106", message, self._span(event), advice)
        if len(self._stack) + depth > DEPTH_LIMIT:
            self.too_deep(self._span(event))
        if not parent.is_map:
            parent.items.append(node)
        elif parent.key is None and not parent.skip_value:
            self._take_key(parent, node)
        else:
            self._take_value(parent, node)

    def _take_key(self, parent: _Open, node: Node) -> None:
        if not isinstance(node, ScalarNode):
            self._fail("YML108", "a key must be a text", node.span, "write the key itself, not an alias of a map")
            return
        if node.literal == "<<" and node.style is ScalarStyle.PLAIN:
            advice = "use `extends: base.yaml` to start from another file, or an alias for a whole value"
            self.report.error("YML109", "merge keys `<<` are not part of YAML 1.2", node.span, advice)
            parent.skip_value = True
            return
        earlier = parent.entries.get(node.literal)
        if earlier is not None:
            advice = f"the first one is on line {earlier.key.span.line}; remove one of them"
            self.report.error("YML102", f"the key `{node.literal}` stands twice in this map", node.span, advice)
        parent.key = node

    def _take_value(self, parent: _Open, node: Node) -> None:
        key = parent.key
        parent.key = None
        if parent.skip_value or key is None:
            parent.skip_value = False
            return
        if parent.is_flow and self._has_no_colon(key, node):
            self._explain_lone_key(key)
        if key.literal not in parent.entries:
            parent.entries[key.literal] = Entry(key, node)

    def _has_no_colon(self, key: ScalarNode, value: Node) -> bool:
        """Whether an entry of a flow map is a lone text, as the pieces of a text with commas are."""
        if not isinstance(value, ScalarNode) or value.value is not None or value.literal:
            return False
        return ":" not in self.file.text[key.span.end : value.span.end]

    def _explain_lone_key(self, key: ScalarNode) -> None:
        if key.span.start < self._explained_to:
            return
        advice = 'write `key: value`; quote a text that holds commas (`do: "a, b"`) or use a block instead of `{...}`'
        self.report.error("YML110", f"`{key.literal}` has no value in this map", key.span, advice)

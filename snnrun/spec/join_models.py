"""Models and the object that uses them as one map of keys.

Equations are joined by name and statements one after the other; maps are joined key by key. What the object gives
itself counts before what its models give; of its models, two may not give the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from snnrun.equations.lines import Line, read_lines
from snnrun.errors import Report
from snnrun.source import Span, Text, join
from snnrun.spec.nodes import Entry, MapNode, Node, ScalarNode, walk
from snnrun.spec.scalar_text import ScalarStyle

_STATEMENTS: Final = ("reset", "on_pre", "on_post")
_MOST_NAMED: Final = 6
_MAPS: Final = ("constants", "initial", "events", "linked", "subgroups")
_ORDERED: Final = ("constants", "initial")  # whose values may name those before them
_NOISE: Final = re.compile(r"\bxi(?:_\w+)?\b")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_LOOSE: Final = re.compile(r"[<>!]|==|\b(?:and|or|not)\b")  # binds less than `+`


@dataclass(frozen=True, slots=True)
class Part:
    """One of the models of an object.

    Args:
        name: What to call it.
        keys: What it gives.
        place: Where the object names it.
    """

    name: str
    keys: MapNode
    place: Span


@dataclass(slots=True)
class _Joining:
    """One object and its models.

    Args:
        parts: The models, in order.
        own: What the object gives itself.
        inner: Whether it is a model itself, which may add to lines of others.
    """

    parts: Sequence[Part]
    own: MapNode
    inner: bool
    report: Report = field(default_factory=Report)
    _givers: dict[str, Part] = field(default_factory=dict)
    _clashes: dict[tuple[str, Span], tuple[Part, dict[str, str]]] = field(default_factory=dict)

    def joined(self) -> MapNode:
        """All keys, those of the models first.

        Raises:
            ExperimentError: USE104 for what two models give, USE108 for what is added to nothing.
        """
        own_names = _defined(self.own)
        entries: dict[str, Entry] = {}
        for key in dict.fromkeys([*(k for part in self.parts for k in part.keys.entries), *self.own.entries]):
            own = self.own.entries.get(key)
            if own is not None and _is_null(own.value):
                continue
            given = [(part, part.keys.entries[key]) for part in self.parts if key in part.keys.entries]
            value = self._value(key, own, given, own_names)
            if value is not None:
                entries[key] = Entry((own or given[0][1]).key, value)
        self._report_clashes()
        self.report.stop_if_errors()
        return MapNode(entries, self.own.span)

    def _value(
        self, key: str, own: Entry | None, given: list[tuple[Part, Entry]], own_names: frozenset[str]
    ) -> Node | None:
        values = [(part, entry.value) for part, entry in given]
        nodes = [*(value for _, value in values), *([] if own is None else [own.value])]
        for node in nodes:
            if isinstance(node, ScalarNode) and isinstance(node.value, str) and not node.value.strip():
                return node  # the check of the format says that it is empty
        if key == "equations" and all(isinstance(node, ScalarNode) and isinstance(node.value, str) for node in nodes):
            return self._equations(own, values, own_names)
        if key in _STATEMENTS and values:
            return self._statements(key, own, values)
        if key in _MAPS and all(isinstance(node, MapNode) for node in nodes):
            return self._maps(key, own, values, own_names)
        return self._one(key, own, given)

    def _one(self, key: str, own: Entry | None, given: list[tuple[Part, Entry]]) -> Node:
        """A value that only one can give."""
        if own is not None:
            return own.value
        for part, _ in given:
            self._claim(part, key, f"give `{key}` here, and that counts")
        return given[0][1].value

    def _claim(self, part: Part, what: str, advice: str) -> None:
        """Note that a model gives something; another one that does so too is a clash."""
        other = self._givers.setdefault(what, part)
        if other is not part:
            self._clashes.setdefault((other.name, part.place), (part, {}))[1][what] = advice

    def _define(self, part: Part, name: str) -> None:
        """Note that a model defines a name."""
        self._claim(part, name, f"rename it in one of them: `{{model: {part.name}, rename: {{{name}: {name}_2}}}}`")

    def _report_clashes(self) -> None:
        """Report what two models give: the names that they define first."""
        for (other, place), (part, found) in self._clashes.items():
            names = sorted(found, key=lambda what: not found[what].startswith("rename"))
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED])
            message = f"`{other}` and `{part.name}` both have {shown}{more}"
            self.report.error("USE104", message, place, found[names[0]])

    # maps

    def _maps(self, key: str, own: Entry | None, values: list[tuple[Part, Node]], own_names: frozenset[str]) -> MapNode:
        """Maps as one; what the object defines in its equations, the models have no constants for."""
        entries: dict[str, Entry] = {}
        mine: Mapping[str, Entry] = own.value.entries if own is not None and isinstance(own.value, MapNode) else {}
        for part, value in values:
            assert isinstance(value, MapNode)
            for name, entry in value.entries.items():
                if name in mine:
                    entries.setdefault(name, mine[name])  # where the model has it, with the value of the object
                if name in mine or (key == "constants" and name in own_names):
                    continue
                if key == "constants":
                    self._define(part, name)
                else:
                    self._claim(part, f"{key}.{name}", f"give `{name}` in `{key}` here, and that counts")
                entries.setdefault(name, entry)
        entries = {name: entry for name, entry in {**entries, **mine}.items() if not _is_null(entry.value)}
        place = (own.value if own is not None else values[0][1]).span
        return MapNode(_in_order(entries) if key in _ORDERED else entries, place)

    # equations

    def _equations(self, own: Entry | None, values: list[tuple[Part, Node]], own_names: frozenset[str]) -> Node | None:
        """All lines, each `name += ...` within the line that defines the name."""
        lines = [line for part, value in values for line in self._lines(part, value, own_names)]
        lines += read_lines(_text_of(own.value)) if own is not None else ()
        defined = {line.defines: line for line in lines if not line.adds}
        added: dict[str, list[Line]] = {}
        kept = []
        for line in lines:
            if not line.adds or (self.inner and line.defines not in defined):
                kept.append(line)
            elif self._may_add(line, defined.get(line.defines)):
                added.setdefault(str(line.defines), []).append(line)
        texts = [line.text if line.adds else _with_terms(line, added.get(line.defines or "", [])) for line in kept]
        place = own.value if own is not None else values[0][1]
        return _joined_lines(texts, place.span) if texts else None

    def _lines(self, part: Part, value: Node, own_names: frozenset[str]) -> Iterator[Line]:
        """The lines of a model that the object does not replace."""
        for line in read_lines(_text_of(value)):
            name = line.defines
            if name in own_names and not line.adds:
                continue
            if name is not None and not line.adds:
                self._define(part, name)
            for noise in _NOISE.findall(line.text.value[: line.colon]):
                self._claim(part, noise, f"rename one, so that they are independent: `rename: {{{noise}: xi_2}}`")
            yield line

    def _may_add(self, line: Line, found: Line | None) -> bool:
        """Whether a line can add to the definition of its name, if there is one; reports when not."""
        name = line.defines
        if line.colon < len(line.text.value.rstrip()) and ":" in line.text.value[line.colon :]:
            message = "a line with `+=` has no unit of its own"
            advice = f"remove `{line.text.value[line.colon :].strip()}`: it is that of `{name}`"
            self.report.error("USE108", message, line.text.span(line.colon), advice)
        elif found is None:
            message = f"nothing defines `{name}`, to which this line adds"
            advice = f"use a model of neurons that has `{name}`, rename it, or add a line `{name} = ... : unit`"
            self.report.error("USE108", message, line.name_span, advice)
        elif not _is_assigned(found):
            kind = "differential equation" if found.body < found.colon else "parameter"
            message = f"`{name}` is a {kind}, to which no line can add"
            advice = f"lines `name = ... : unit` can be added to; `{name}` stands at {found.name_span}"
            self.report.error("USE108", message, line.name_span, advice)
        else:
            return True
        return False

    # statements

    def _statements(self, key: str, own: Entry | None, values: list[tuple[Part, Node]]) -> Node:
        """Statements one after the other, those of the object last; named pathways beside each other."""
        given: list[tuple[str, Node]] = [(part.name, value) for part, value in values]
        given += [("own", own.value)] if own is not None else []
        if len(given) == 1:
            return given[0][1]
        if all(isinstance(value, ScalarNode) for _, value in given):
            return _joined_lines([_text_of(value) for _, value in given], given[-1][1].span)
        if key == "reset" or any(not isinstance(value, MapNode | ScalarNode) for _, value in given):
            return given[-1][1]
        if all(isinstance(value, ScalarNode) or "do" in value.entries for _, value in given):  # type: ignore[union-attr]
            for part, value in values:
                for option in set(value.entries) - {"do"} if isinstance(value, MapNode) else ():
                    self._claim(part, f"{key}.{option}", "write the pathways here, each with a name and its delay")
            return self._pathway(given)
        return self._pathways(key, given)

    def _pathway(self, given: list[tuple[str, Node]]) -> MapNode:
        """One pathway of several texts, the delay and order of the last that has them."""
        entries: dict[str, Entry] = {}
        texts = []
        for _, value in given:
            do = value
            if isinstance(value, MapNode):
                entries |= value.entries
                do = value.entries["do"].value
            texts.append(_text_of(do))
        statements = _joined_lines(texts, given[-1][1].span)
        entries["do"] = Entry(entries["do"].key, statements)
        return MapNode(entries, given[-1][1].span)

    def _pathways(self, key: str, given: list[tuple[str, Node]]) -> MapNode:
        """Named pathways; one without a name has that of its model."""
        entries: dict[str, Entry] = {}
        for name, value in given:
            named = isinstance(value, MapNode) and "do" not in value.entries
            found = (
                value.entries if named and isinstance(value, MapNode) else {name: Entry(_new_key(name, value), value)}
            )
            for pathway, entry in found.items():
                if pathway in entries:
                    message = f"`{key}` has two pathways `{pathway}`"
                    self.report.error("USE104", message, entry.key.span, "rename one of them")
                entries[pathway] = entry
        return MapNode(entries, given[-1][1].span)


def join_models(parts: Sequence[Part], own: MapNode, *, inner: bool = False) -> MapNode:
    """What an object is with its models.

    Args:
        parts: The models, in order.
        own: The keys of the object itself, without `use`.
        inner: Whether the object is a model itself, which may add to lines of others.

    Raises:
        ExperimentError: USE104 for what two models give, USE108 for lines that add to nothing.
    """
    return _Joining(parts, own, inner).joined()


def _defined(keys: MapNode) -> frozenset[str]:
    """The names that the equations and constants of an object define."""
    found: set[str] = set()
    equations, constants = keys.get("equations"), keys.get("constants")
    if isinstance(equations, ScalarNode) and isinstance(equations.value, str):
        found |= {str(line.defines) for line in read_lines(equations.text) if line.defines and not line.adds}
    if isinstance(constants, MapNode):
        found |= set(constants.entries)
    return frozenset(found)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _is_assigned(line: Line) -> bool:
    """Whether it is `name = expression`, not a parameter or a differential equation."""
    assert line.name is not None
    return line.body < line.colon and not line.text.value[: line.name[0]].strip()


def _text_of(node: Node) -> Text:
    """The text of a value, without line breaks at its end."""
    assert isinstance(node, ScalarNode)
    text = node.text
    return text.slice(0, len(text.value.rstrip()))


def _with_terms(line: Line, terms: Sequence[Line]) -> Text:
    """A line with what others add to it."""
    if not terms:
        return line.text
    pieces: list[Text | str] = [line.text.slice(0, len(line.text.value[: line.colon].rstrip()))]
    for term in terms:
        body = term.text.value[term.body : term.colon]
        start = term.body + len(body) - len(body.lstrip())
        text = term.text.slice(start, term.body + len(body.rstrip()))
        pieces += [" + (", text, ")"] if _LOOSE.search(text.value) else [" + ", text]
    return join([*pieces, " ", line.text.slice(line.colon, len(line.text.value))])


def _joined_lines(texts: Sequence[Text], place: Span) -> ScalarNode:
    """Texts one a line as one value."""
    text = join(piece for text in texts for piece in (text, "\n")) if len(texts) > 1 else texts[0]
    return ScalarNode(text.value, place, text.value, ScalarStyle.GIVEN, text)


def _new_key(name: str, value: Node) -> ScalarNode:
    text = Text(name, value.span.file, (value.span.start,) * (len(name) + 1))
    return ScalarNode(name, text.span(), name, ScalarStyle.GIVEN, text)


def _in_order(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Values so that each stands after those that it names; those that name each other stay as they are."""
    found: dict[str, Entry] = {}
    waiting = list(reversed(entries))
    opened: set[str] = set()
    while waiting:
        name = waiting[-1]
        needed = [] if name in opened else [n for n in _words(entries[name].value) if n in entries and n not in found]
        if needed:
            opened.add(name)
            waiting += [other for other in reversed(needed) if other not in opened]
        if waiting[-1] == name:
            found.setdefault(name, entries[waiting.pop()])
    return found


def _words(node: Node) -> Iterator[str]:
    """The words of a value, each once."""
    texts = (part.literal for _, part in walk(node) if isinstance(part, ScalarNode))
    yield from dict.fromkeys(word for text in texts for word in _WORD.findall(text))

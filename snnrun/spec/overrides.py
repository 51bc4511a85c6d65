"""Options that change one value of the file: `--set groups.exc.size=400`. Codes `SET1xx`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from snnrun.errors import ExperimentError, Report, at, did_you_mean
from snnrun.source import SourceFile, Span, Text
from snnrun.spec import nodes
from snnrun.spec.core_schema import resolve_plain
from snnrun.spec.document import Document
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode, child, describe
from snnrun.spec.read import check_characters
from snnrun.spec.scalar_text import ScalarStyle
from snnrun.spec.vocabulary import TOP_LEVEL, has_free_names, may_append, may_grow

_STEP: Final = re.compile(r"[^.]+")


def apply_overrides(
    document: Document, options: Sequence[str], expand: Callable[[Document], Document] = lambda document: document
) -> Document:
    """The document with the values of some options `path=value`, later ones on top of earlier ones.

    Args:
        document: The file as written.
        options: The options.
        expand: Makes of it the document whose paths options may name.

    Raises:
        ExperimentError: With every option that has no `=`, no such path or a broken value.
    """
    report = Report()
    for option in options:
        try:
            document = _apply(document, option, expand)
        except ExperimentError as problem:
            report.extend(problem.diagnostics)
    report.stop_if_errors()
    return document


def _apply(document: Document, option: str, expand: Callable[[Document], Document]) -> Document:
    file = SourceFile(f"--set {option}", option)
    check_characters(file)
    name, equals, value = option.partition("=")
    if not equals:
        span = Span(file, 0, len(option))
        advice = f"write `--set {option or 'path'}=value`"
        raise at(span, "SET101", f"`{option}` has no `=`", advice)
    start = len(name) + 1 + len(value) - len(value.lstrip())
    dotted = Text(name, file, tuple(range(len(name) + 1)))
    known = document if "use" in name.split(".")[2:3] else expand(document)
    path = find_path(known, dotted, adding=True)
    given = _value(file, start)
    if given is None and not known.has(path):
        raise at(dotted.span(), "SET104", f"there is no `{nodes.dotted(path)}` to remove")
    if given is None and not document.has(path):
        given = nodes.scalar(None, file)  # takes away what a model gives
    return document.with_values({path: given}, _keys(path, dotted))


def _keys(path: nodes.Path, dotted: Text) -> dict[nodes.Path, Text]:
    """The places of the keys of a path in the option that names it."""
    keys: dict[nodes.Path, Text] = {}
    at = len(dotted.value)
    for depth in range(len(path), 0, -1):
        step = str(path[depth - 1])
        start = dotted.value.rfind(step, 0, at)
        if start < 0:
            break
        keys[path[:depth]] = dotted.slice(start, start + len(step))
        at = start
    return keys


def _value(file: SourceFile, start: int) -> Node | None:
    """The value of an option, as YAML would read it after `key: `; None when it is empty or `null`."""
    literal = file.text[start:].rstrip()
    if literal[:1] in ("[", "{", '"', "'"):
        return parse_yaml(file, start)
    if "\n" in literal:
        # A whole text from a script: as it is, line breaks included.
        return ScalarNode(literal, Span(file, start, start + len(literal)), literal, ScalarStyle.GIVEN)
    value = resolve_plain(literal)
    if value is None:
        return None
    return ScalarNode(value, Span(file, start, start + len(literal)), literal, ScalarStyle.GIVEN)


def find_path(document: Document, dotted: Text, *, adding: bool = False) -> nodes.Path:
    """The path that a dotted name means: `groups.exc.size`, `plots.0.kind`, or the bare name of a constant.

    A key that the file leaves out is found too when the format knows its map (`run.threads`), but a name of the
    user's own (a constant, a group) must exist.

    Args:
        document: The experiment.
        dotted: The name, with its place.
        adding: Whether a metric, a parameter of a sweep or a plot may be new.

    Raises:
        ExperimentError: There is no such path, with the nearest name that exists.
    """
    steps = [(found[0], found.start(), found.end()) for found in _STEP.finditer(dotted.value)]
    if not steps or re.search(r"\.\.|^\.|\.$|\s", dotted.value.strip()):
        advice = "write names with dots between them, as in `groups.exc.size`"
        raise at(dotted.span(), "SET102", f"`{dotted.value}` is not a path", advice)
    steps = [(name.strip(), first, last) for name, first, last in steps]
    if len(steps) == 1 and document.has(("constants", steps[0][0])):
        return ("constants", steps[0][0])
    try:
        return _follow(document.root, steps, dotted, adding=adding)
    except ExperimentError as error:
        first = error.diagnostics[0]
        if len(steps) < 2 or steps[0][0] in TOP_LEVEL:
            raise
        raise at(first.span, first.code, first.message, meant_path(document, dotted.value) or first.help) from None


def meant_path(document: Document, name: str) -> str | None:
    """A help line with the path that a wrong one may mean: `groups.cell.size` for `cell.size`, `C` for `cell.C`."""
    *outer, last = name.split(".")
    paths = [path for path, _ in document.walk() if path and path[0] != "sweep"]
    same = [path for path in paths if str(path[-1]) == last]
    best = max(same, key=lambda path: (len(set(outer) & set(map(str, path))), -len(path)), default=None)
    if best is not None:
        return f"did you mean `{_short(best)}`?"
    if near := did_you_mean(name, [_short(path) for path in paths]):
        return near
    owner = next((path for path in paths if outer and len(path) == 2 and path[1] == outer[-1]), None)
    if owner is None:
        return None
    names = document.keys(owner)
    return did_you_mean(last, names) or f"`{_short(owner)}` has: {', '.join(names)}; a value to vary can be a constant"


def _short(path: nodes.Path) -> str:
    """A path as options and sweeps name it."""
    return str(path[1]) if path[0] == "constants" and len(path) == 2 else ".".join(map(str, path))


def _follow(root: Node, steps: list[tuple[str, int, int]], dotted: Text, *, adding: bool) -> nodes.Path:
    path: nodes.Path = ()
    node: Node | None = root
    while steps:
        count = _matching(node, [name for name, _, _ in steps])
        names = node.entries if isinstance(node, MapNode) else {}
        can_grow = adding and may_grow(path) and (node is None or isinstance(node, MapNode))
        if can_grow and count == 1 and steps[0][0] not in names:
            return (*path, ".".join(step for step, _, _ in steps))
        if adding and may_append(path) and len(steps) == 1 and steps[0][0] == str(_length(node)):
            return (*path, _length(node))
        name = ".".join(step for step, _, _ in steps[:count])
        place = dotted.span(steps[0][1], steps[count - 1][2])
        step = _step(node, path, name, place, is_last=len(steps) == count)
        node = child(node, step)
        path = (*path, step)
        steps = steps[count:]
    return path


def _length(node: Node | None) -> int:
    """The number of items of a list, which may not be there yet; -1 for other values."""
    return len(node.items) if isinstance(node, ListNode) else 0 if node is None else -1


def _matching(node: Node | None, names: list[str]) -> int:
    """How many of the names are one key: keys of `sweep.axes` hold dots themselves."""
    if isinstance(node, MapNode):
        for count in range(1, len(names) + 1):
            if ".".join(names[:count]) in node.entries:
                return count
    return 1


def _step(node: Node | None, path: nodes.Path, name: str, place: Span, *, is_last: bool) -> str | int:
    """The key or index that one name means.

    Raises:
        ExperimentError: There is no such key or index.
    """
    if isinstance(node, ListNode):
        return _index(node, path, name, place)
    if isinstance(node, ScalarNode):
        message = f"`{nodes.dotted(path)}` is {describe(node)}, it has no `{name}`"
        raise at(place, "SET103", message, f"write `{nodes.dotted(path)}=value`")
    known: list[str] = [] if node is None else list(node.entries)
    if name in known or (path and not _has_free_names(path, known)) or (not path and name in TOP_LEVEL and is_last):
        return name
    if not path and name in TOP_LEVEL and (not has_free_names((name,)) or may_grow((name,))):
        return name
    candidates = [*known, *TOP_LEVEL] if not path else known
    if not path and is_last and node is not None:
        constants = node.get("constants")
        candidates += list(constants.entries) if isinstance(constants, MapNode) else []
    where = f"in `{nodes.dotted(path)}`" if path else "in this experiment"
    shown = ", ".join(list(dict.fromkeys(candidates))[:12])
    advice = did_you_mean(name, candidates) or (f"known here: {shown}" if candidates else None)
    raise at(place, "SET103", f"there is no `{name}` {where}", advice)


def _has_free_names(path: nodes.Path, keys: list[str]) -> bool:
    """Whether the user chooses the names in a map; `on_pre: {do, delay}` is one pathway, not a map of pathways."""
    return has_free_names(path) and not (path[-1] in ("on_pre", "on_post") and "do" in keys)


def _index(node: ListNode, path: nodes.Path, name: str, place: Span) -> int:
    if name.isascii() and name.isdigit() and len(name) < 10 and int(name) < len(node.items):
        return int(name)
    number = len(node.items)
    advice = f"it has {'1 item' if number == 1 else f'{number} items'}; the first is `{nodes.dotted((*path, 0))}`"
    if may_append(path):
        advice += f", a new one `{nodes.dotted((*path, number))}`"
    raise at(place, "SET103", f"`{nodes.dotted(path)}` has no item `{name}`", advice)

"""Synapses as Brian2 has them: pathways, connection rules, delays."""

from __future__ import annotations

from collections.abc import Mapping

from snnrun.equations.parse import parse_generator
from snnrun.export.expressions import CannotExportError
from snnrun.export.page import Page
from snnrun.export.refused import refused_names
from snnrun.model.network import Synapses
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode
from snnrun.spec.nodes import Path as FilePath

_KEYS = (
    *("source", "target", "equations", "on_pre", "on_post", "delay", "connect", "initial", "method", "constants"),
    "multisynaptic_index",
)


def synapses(page: Page, name: str) -> None:
    """A synapses object: its model, its connections, delays and values."""
    page.trying(("synapses", name), lambda: _write_synapses(page, page.network.synapses[name]))


def _write_synapses(page: Page, synapses: Synapses) -> None:
    path: FilePath = ("synapses", synapses.name)
    variable = page.objects["synapses", synapses.name]
    page.leftover(path, _KEYS)
    page.speak_of(synapses.name, synapses.source.group, synapses.target.group)
    ends = [end.group for end in (synapses.source, synapses.target) if end.section == "groups"]
    refused_names(page, path, {name for end in ends for name in page.context.populations[end].members})
    words = [page.view(synapses.source), page.view(synapses.target)]
    equations = page.equations((*path, "equations"))
    if equations:
        words.append(f"model={page.block(equations)}")
    sides = {side: _pathways(page, (*path, side)) for side in ("on_pre", "on_post")}
    for side, found in sides.items():
        if list(found) == [side]:
            words.append(f"{side}={found[side]}")
        elif found:
            words.append(f"{side}={{{', '.join(f'{key!r}: {text}' for key, text in found.items())}}}")
    events = {
        key: str(page.context.text((*place, "event")).value)
        for side in sides
        for key, place in _keys(page, (*path, side))
        if page.document.has((*place, "event"))
    }
    if events:
        words.append(f"on_event={events!r}")
    if page.document.has((*path, "multisynaptic_index")):
        words.append(f"multisynaptic_index={str(page.context.text((*path, 'multisynaptic_index')).value)!r}")
    if synapses.integration is not None:
        words.append(f"method={synapses.integration.method!r}")
    page.create(variable, "Synapses", [*words, *page.common(path)])
    for side in sides:
        _orders(page, synapses.name, variable, (*path, side))
    _sums(page, synapses, variable)
    rules = page.document.node((*path, "connect"))
    places = [(*path, "connect", k) for k in range(len(rules.items))] if isinstance(rules, ListNode) else []
    for place in places or [(*path, "connect")]:
        _connect(page, variable, place)
    _delays(page, variable, path, sides)
    page.initial(variable, (*path, "initial"))


def _pathways(page: Page, path: FilePath) -> dict[str, str]:
    """The statements of each pathway of a side; of a side with one without a name by the name of the side."""
    node = page.document.find(path)
    if node is None:
        return {}
    if isinstance(node, MapNode) and not page.document.has((*path, "do")):
        return {key: page.block(page.statements(_do(page, (*path, key)))) for key in node.entries}
    return {str(path[-1]): page.block(page.statements(_do(page, path)))}


def _do(page: Page, path: FilePath) -> FilePath:
    return (*path, "do") if page.document.has((*path, "do")) else path


def _keys(page: Page, path: FilePath) -> list[tuple[str, FilePath]]:
    """The pathways of a side: Brian2's name of each, and its place."""
    node = page.document.find(path)
    if not isinstance(node, MapNode):
        return [] if node is None else [(str(path[-1]).removeprefix("on_"), path)]
    if page.document.has((*path, "do")):
        return [(str(path[-1]).removeprefix("on_"), path)]
    return [(key, (*path, key)) for key in node.entries]


def _orders(page: Page, name: str, variable: str, path: FilePath) -> None:
    for key, place in _keys(page, path):
        side = str(path[-1])
        number = page.order(
            ("synapses", "synapses", name, side if place == path else f"{side}.{key}"), (*place, "order")
        )
        if number:
            page.put(f"{variable}.{key}.order = {number}")


def _sums(page: Page, synapses: Synapses, variable: str) -> None:
    """Let sums be computed before all equations also where they go into a part, or into a group with an order."""
    first = min(group.order for group in page.network.groups.values())
    for summed in synapses.summed:
        group = summed.target.owner.removeprefix("groups.")
        end = synapses.source if summed.target.reach == "pre" else synapses.target
        if group in page.network.groups and (page.network.groups[group].order > first or not end.whole):
            name = f"{summed.target.name}_{summed.target.reach}"
            page.put(f"{variable}.summed_updaters[{name!r}].order = {first - 1}")


def _delays(page: Page, variable: str, path: FilePath, sides: Mapping[str, Mapping[str, str]]) -> None:
    for side in sides:
        for key, place in _keys(page, (*path, side)):
            own, top = (*place, "delay"), (*path, "delay")
            given = own if page.document.has(own) else top if side == "on_pre" and page.document.has(top) else None
            if given is not None:
                if isinstance(page.document.node(given), MapNode):
                    raise CannotExportError("a delay with an axonal and a dendritic part")
                text = page.list_of(given) if isinstance(page.document.node(given), ListNode) else page.assigned(given)
                page.put(f"{variable}.{key}.delay = {text}")


def _connect(page: Page, variable: str, path: FilePath) -> None:
    node = page.document.node(path)
    for key in ("source", "target", "delay", "initial", "positions", "matrix", "file"):
        if page.document.has((*path, key)):
            page.note(path, f"write it in Python: `connect` of Brian2 has no `{key}`")
            return
    page.trying(path, lambda: page.put(f"{variable}.connect({_rule_words(page, path, node)})"))


def _rule_words(page: Page, path: FilePath, node: Node) -> str:
    keys = page.document.keys(path)
    name = constant_text(node) if isinstance(node, ScalarNode) else _named(page, path)
    if name == "all":
        return ""
    if name == "one_to_one":
        return "j='i'"
    more = [f"{key}={page.plain_or_text((*path, key))}" for key in ("p", "n") if key in keys]
    if "pairs" in keys:
        pairs = page.document.node((*path, "pairs"))
        assert isinstance(pairs, ListNode)
        columns = [[page.constant((*path, "pairs", k, end)) for k in range(len(pairs.items))] for end in (0, 1)]
        return ", ".join([f"i=[{', '.join(columns[0])}], j=[{', '.join(columns[1])}]", *more])
    if "i" in keys and "j" in keys:
        ends = [f"{end}={page.indices((*path, end))}" for end in ("i", "j")]
        return ", ".join([*ends, *more])
    for end in ("j", "i"):
        if end in keys:
            found = parse_generator(page.context.text((*path, end)))
            text = (page.words.generator if end == "j" else page.words.sources)(found)
            skip = ["skip_if_invalid=True"] if page.document.has((*path, "skip_if_invalid")) else []
            return ", ".join([f"{end}={text!r}", *more, *skip])
    for key, of, end in (("fixed_indegree", "N_pre", "i"), ("fixed_outdegree", "N_post", "j")):
        if key in keys:
            if "multapses" in keys or "autapses" in keys:
                raise CannotExportError(f"`{key}` with multapses or without autapses")
            return f"{end}='k for k in sample({of}, size={page.value((*path, key))})'"
    if "where" in keys or more:
        where = [f"condition={page.value((*path, 'where'))!r}"] if "where" in keys else []
        return ", ".join([*where, *more])
    raise CannotExportError(f"the rule `{', '.join(keys)}`")


def constant_text(node: ScalarNode) -> str:
    """The word of a scalar."""
    return str(node.value)


def _named(page: Page, path: FilePath) -> str:
    node = page.document.find((*path, "rule"))
    return str(node.value) if isinstance(node, ScalarNode) else ""

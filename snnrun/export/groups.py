"""Groups, their parts, events and links as Brian2 has them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from snnrun.export.expressions import CannotExportError
from snnrun.export.page import METHODS, Page
from snnrun.export.refused import refused_names
from snnrun.model.network import Group, GroupKind
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode
from snnrun.spec.nodes import Path as FilePath

_KEYS = frozenset(
    """
    kind size subgroups dt order constants equations threshold reset refractory method initial events linked rates
    indices times file dataset population columns unit period duplicates
    """.split()  # noqa: SIM905 - a list of words
)
"""Keys of groups that the script follows, or whose values are in the network."""

_UPDATERS = {"groups": "state_updater", "thresholds": "thresholder['spike']", "resets": "resetter['spike']"}
"""What of a group acts in a slot."""


def group(page: Page, name: str) -> None:
    """A group, and the parts of it that have names."""
    group = page.network.groups[name]
    page.leftover(("groups", name), _KEYS)
    page.speak_of(name)
    write = {
        GroupKind.NEURONS: partial(_neurons, page),
        GroupKind.POISSON: partial(_poisson, page),
        GroupKind.SPIKES: partial(_schedule, page),
    }[group.kind]
    page.trying(("groups", name), lambda: write(group))


def _neurons(page: Page, group: Group) -> None:
    path: FilePath = ("groups", group.name)
    words = [f"{group.size}"]
    refused_names(page, path)
    equations = page.equations((*path, "equations"))
    words.append(f"model={page.block(equations or [''])}")
    if page.document.has((*path, "threshold")):
        words.append(f"threshold={page.value((*path, 'threshold'))!r}")
    if page.document.has((*path, "reset")):
        words.append(f"reset={page.block(page.statements((*path, 'reset')))}")
    if page.document.has((*path, "refractory")):
        words.append(f"refractory={page.value((*path, 'refractory'))!r}")
    elif any("lastspike" in text or "not_refractory" in text for text in words):
        words.append("refractory=0*ms")  # Brian2 has these variables of groups with a refractory time only
    if group.integration is not None:
        if group.integration.method not in METHODS:
            raise CannotExportError(f"the method `{group.integration.method}`")
        words.append(f"method={group.integration.method!r}")
    events = {name: _event(page, (*path, "events", name)) for name in page.document.keys((*path, "events"))}
    if events:
        conditions = ", ".join(f"{name!r}: {page.value(place)!r}" for name, place in events.items())
        words.append(f"events={{{conditions}}}")
    words += page.common(path)
    page.create(page.objects["groups", group.name], "NeuronGroup", words)
    for slot, updater in _UPDATERS.items():
        number = page.orders.get((slot, "groups", group.name, ""))
        if number is not None and (slot == "groups" or page.document.has((*path, slot.removesuffix("s")))):
            page.put(f"{page.objects['groups', group.name]}.{updater}.order = {number}")
    for name in events:
        _on_event(page, page.objects["groups", group.name], name, (*path, "events", name))
    _subgroups(page, group)
    page.initial(page.objects["groups", group.name], (*path, "initial"))


def links(page: Page) -> None:
    """What variables `(linked)` in equations of groups are, once all groups are there."""
    for name in page.network.groups:
        path: FilePath = ("groups", name, "linked")
        for variable in page.document.keys(path):
            page.trying((*path, variable), partial(partial(_link, page), name, variable, (*path, variable)))


def _link(page: Page, group: str, variable: str, path: FilePath) -> None:
    source, name = page.links(group)[variable]
    words = [page.target(source), repr(name)]
    if page.document.has((*path, "index")):
        page.speak_of(group)
        words.append(f"index={_index_words(page, (*path, 'index'), group)}")
    elif source in page.network.groups and page.network.groups[source].size == 1 < page.network.groups[group].size:
        words.append(f"index=np.zeros({page.network.groups[group].size}, int)")
    page.put(f"{page.objects['groups', group]}.{variable} = linked_var({', '.join(words)})")


def _index_words(page: Page, path: FilePath, group: str) -> str:
    if isinstance(page.document.node(path), ListNode):
        return f"np.array({page.indices(path)})"
    size = page.network.groups[group].size
    names = {**page.python.names, "i": f"np.arange({size})", "N": str(size)}
    return page.value(path, replace(page.python, names=names, shadowed=page.words.shadowed))


def _event(page: Page, path: FilePath) -> FilePath:
    """The place of the condition of an event."""
    return (*path, "condition") if isinstance(page.document.node(path), MapNode) else path


def _on_event(page: Page, variable: str, name: str, path: FilePath) -> None:
    if page.document.has((*path, "do")):
        number = page.order(("resets", "groups", str(path[1]), name), (*path, "order"))
        order = f", order={number}" if number else ""
        text = page.block(page.statements((*path, "do")))
        page.put(f"{variable}.run_on_event({name!r}, {text}, when='resets'{order})")


def _poisson(page: Page, group: Group) -> None:
    path: FilePath = ("groups", group.name)
    node = page.document.node((*path, "rates"))
    rates = repr(page.value((*path, "rates"))) if isinstance(node, ScalarNode) else page.list_of((*path, "rates"))
    page.create(
        page.objects["groups", group.name], "PoissonGroup", [f"{group.size}", f"rates={rates}", *page.common(path)]
    )
    _subgroups(page, group)


def _schedule(page: Page, group: Group) -> None:
    _spikes(page, group, page.objects["groups", group.name], range(group.size))
    for part in group.subgroups.values():
        if isinstance(part.members, range) and part.members.step == 1:
            _spikes(page, group, page.part(part), part.members)  # Brian2 has no parts of such a group


def _spikes(page: Page, group: Group, variable: str, members: range) -> None:
    """A group of those spikes that are of some neurons, counted from 0."""
    assert group.schedule is not None
    path: FilePath = ("groups", group.name)
    dt = page.network.dt
    ids, steps = group.schedule.ids, group.schedule.steps
    kept = (ids >= members.start) & (ids < members.stop)
    numbers = page.numbers(f"{variable}.indices", ids[kept] - members.start)
    times = page.numbers(f"{variable}.times", steps[kept] * dt, "second")
    words = [f"{len(members)}", numbers, times]
    if group.schedule.period:
        words.append(f"period={group.schedule.period * dt!r}*second")
    more = [word for word in page.common(path, variable) if not word.startswith("namespace")]
    page.create(variable, "SpikeGeneratorGroup", [*words, *more])


def _subgroups(page: Page, group: Group) -> None:
    for part in group.subgroups.values():
        variable = page.part(part)
        if isinstance(part.members, range) and part.members.step == 1:
            bounds = f"{part.members.start}:{part.members.stop}"
            page.put(f"{variable} = {page.objects['groups', group.name]}[{bounds}]")

"""Groups, their parts, events and links as Brian2 has them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from snnrun.export.expressions import CannotExportError
from snnrun.export.page import METHODS, Page
from snnrun.model.network import Group, GroupKind
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode, dotted
from snnrun.spec.nodes import Path as FilePath

_KEYS = frozenset(
    """
    kind size subgroups dt order constants equations threshold reset refractory method initial events linked rates
    indices times file dataset population columns unit period duplicates
    """.split()  # noqa: SIM905 - a list of words
)
"""Keys of groups that the script follows, or whose values are in the network."""


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
    node = page.document.node(path)
    whole = (*path, "from") if isinstance(node, MapNode) else path
    source, _, name = str(page.context.text(whole).value).strip().rpartition(".")
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
        order = f", when='resets', order={page.value((*path, 'order'))}" if page.document.has((*path, "order")) else ""
        page.put(f"{variable}.run_on_event({name!r}, {page.block(page.statements((*path, 'do')))}{order})")


def _poisson(page: Page, group: Group) -> None:
    path: FilePath = ("groups", group.name)
    node = page.document.node((*path, "rates"))
    rates = repr(page.value((*path, "rates"))) if isinstance(node, ScalarNode) else page.list_of((*path, "rates"))
    page.create(
        page.objects["groups", group.name], "PoissonGroup", [f"{group.size}", f"rates={rates}", *page.common(path)]
    )
    _subgroups(page, group)


def _schedule(page: Page, group: Group) -> None:
    assert group.schedule is not None
    path: FilePath = ("groups", group.name)
    dt = page.network.dt
    ids = page.numbers(f"{dotted(path)}.indices", group.schedule.ids)
    times = page.numbers(f"{dotted(path)}.times", group.schedule.steps * dt, "second")
    words = [f"{group.size}", ids, times]
    if group.schedule.period:
        words.append(f"period={group.schedule.period * dt!r}*second")
    more = [word for word in page.common(path) if not word.startswith("namespace")]
    page.create(page.objects["groups", group.name], "SpikeGeneratorGroup", [*words, *more])
    _subgroups(page, group)


def _subgroups(page: Page, group: Group) -> None:
    for part in group.subgroups.values():
        variable = page.part(part)
        if isinstance(part.members, range) and part.members.step == 1:
            bounds = f"{part.members.start}:{part.members.stop}"
            page.put(f"{variable} = {page.objects['groups', group.name]}[{bounds}]")

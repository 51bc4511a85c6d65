"""Poisson inputs, operations and monitors as Brian2 has them."""

from __future__ import annotations

from snnrun.export.expressions import CannotExportError
from snnrun.export.page import Page
from snnrun.model.network import StateMonitor, SynapseChoice, as_array
from snnrun.spec.nodes import ListNode, dotted
from snnrun.spec.nodes import Path as FilePath


def poisson_input(page: Page, name: str) -> None:
    """A Poisson input."""
    path: FilePath = ("inputs", name)
    page.leftover(path, _INPUT)
    poisson = next(i for i in page.network.inputs if i.name == name)

    def write() -> None:
        words = [
            page.view(poisson.target),
            repr(poisson.variable.name),
            str(poisson.size),
            f"rate={page.constant((*path, 'rate'))}",
            f"weight={page.value((*path, 'weight'))!r}",
        ]
        number = page.orders.get(("synapses", "inputs", name, ""))
        words += [f"order={number}"] if number is not None else []
        page.create(page.objects["inputs", name], "PoissonInput", words)

    page.trying(path, write)


def operation(page: Page, name: str) -> None:
    """An operation with a period."""
    path: FilePath = ("operations", name)
    if page.document.has((*path, "call")):
        page.note(path, "a Python function: make it a `network_operation`")
        return
    if not page.document.has((*path, "every")):
        page.note(path, "Brian2 has no operation at given times: make it a `network_operation`")
        return

    page.leftover(path, _OPERATION)

    def write() -> None:
        target = str(page.context.text((*path, "target")).value).strip()
        page.speak_of(target.partition(".")[0])
        variable = page.target(target)
        statements = page.statements((*path, "do"))
        if any(line.startswith("delay") for line in statements):
            raise CannotExportError("an operation on delays")
        words = [page.block(statements), f"dt={page.constant((*path, 'every'))}"]
        slot = next(o.slot for o in page.network.operations if o.name == name).value
        if slot != "start":
            words.append(f"when={slot!r}")
        number = page.order((slot, "operations", name, ""), (*path, "order"))
        words += [f"order={number}"] if number else []
        own = page.objects["operations", name]
        page.create(own, f"{variable}.run_regularly", [*words, f"name={own!r}"])

    page.trying(path, write)


_INPUT = ("kind", "target", "variable", "size", "rate", "weight")
_OPERATION = ("target", "every", "do", "when", "order")
_STORED = ("compression", "dtype")  # how results are stored
_MONITOR = {
    "spikes": ("kind", "source", "variables", *_STORED),
    "events": ("kind", "source", "variables", "event", *_STORED),
    "state": ("kind", "source", "variables", "indices", "dt", "when", "order", *_STORED),
    "rate": ("kind", "source"),
    "others": ("kind", "source", "variables", "event", "condition", "delays", "indices"),
}
_ELSEWHERE = {
    "window": "set `active` of the monitor between two runs",
    "indices": "the monitor records all neurons",
    "bin": "the monitor has a value a step: use `smooth_rate`",
    "smooth": "use `smooth_rate`",
    "dtype": "the monitor records float64",
    "compression": "a script keeps what it records in memory",
}


def monitor(page: Page, name: str) -> None:
    """A monitor."""
    path: FilePath = ("monitors", name)
    model = page.checked.experiment.monitors[name]
    page.leftover(path, _MONITOR[model.kind if model.kind in _MONITOR else "others"], _ELSEWHERE)
    writers = {"spikes": _spike_monitor, "state": _state_monitor, "rate": _rate_monitor}
    if page.document.has((*path, "event")) and model.source not in page.network.synapses:
        writers["events"] = _spike_monitor
    if model.kind == "connectivity":
        variable = page.objects["synapses", model.source]
        page.put(f"# `{name}`: the pairs are {variable}.i and {variable}.j")
        return
    write = writers.get(model.kind)
    if write is None:
        page.note(path, f"Brian2 has no monitor of this kind: `{model.kind}`")
        return
    page.trying(path, lambda: write(page, name, path, page.target(model.source)))


def _spike_monitor(page: Page, name: str, path: FilePath, source: str) -> None:
    words, kind = [source], "SpikeMonitor"
    if page.document.has((*path, "event")):
        words.append(repr(str(page.context.text((*path, "event")).value)))
        kind = "EventMonitor"
    variables = page.document.node((*path, "variables")) if page.document.has((*path, "variables")) else None
    if isinstance(variables, ListNode):
        words.append(f"variables=[{', '.join(repr(str(v.value)) for v in variables.items)}]")  # type: ignore[union-attr]
    page.create(page.objects["monitors", name], kind, [*words, f"name={page.objects['monitors', name]!r}"])


def _state_monitor(page: Page, name: str, path: FilePath, source: str) -> None:

    monitor = next(m for m in page.network.monitors if m.name == name)
    assert isinstance(monitor, StateMonitor)
    chosen = monitor.ids.numbers if isinstance(monitor.ids, SynapseChoice) else monitor.ids
    if monitor.ids is not None and chosen is None:
        raise CannotExportError("synapses that are chosen by a condition or a slice: write `record=S['i < 3']`")
    ids = None if chosen is None else as_array(chosen)
    whole = ids is None or (monitor.source.startswith("groups.") and len(ids) == _size(page, monitor.source))
    record = "True" if whole or ids is None else page.numbers(f"{dotted(path)}.indices", ids)
    words = [source, f"[{', '.join(repr(c.name) for c in monitor.columns)}]", f"record={record}"]
    if page.document.has((*path, "dt")):
        words.append(f"dt={page.constant((*path, 'dt'))}")
    if monitor.slot.value != "start":
        words.append(f"when={monitor.slot.value!r}")
    number = page.order((monitor.slot.value, "monitors", name, ""), (*path, "order"))
    words += [f"order={number}"] if number else []
    page.create(page.objects["monitors", name], "StateMonitor", [*words, f"name={page.objects['monitors', name]!r}"])


def _size(page: Page, path: str) -> int:
    return page.network.groups[path.partition(".")[2]].size


def _rate_monitor(page: Page, name: str, _path: FilePath, source: str) -> None:
    number = page.orders.get(("end", "monitors", name, ""))
    order = [f"order={number}"] if number is not None else []
    page.create(
        page.objects["monitors", name],
        "PopulationRateMonitor",
        [source, *order, f"name={page.objects['monitors', name]!r}"],
    )

"""Monitors of the file to those of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from snnrun.equations.dag import Kind, Node, Variable
from snnrun.errors import at, did_you_mean
from snnrun.kernels.arithmetic import Precision
from snnrun.model.choice import numbered_synapses
from snnrun.model.elapsed import up_to_date
from snnrun.model.expected import exact_total
from snnrun.model.network import (
    SPIKE,
    ConnectivityMonitor,
    Monitor,
    NeuronSubset,
    RateMonitor,
    Recorded,
    Slot,
    SpikeMonitor,
    StateMonitor,
    SynapseChoice,
    SynapseEventMonitor,
    Synapses,
    Window,
    chosen,
    part,
)
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import AlreadyReported, Context, Path, Population
from snnrun.resolve.events import known_event, known_pathway
from snnrun.resolve.group_names import group_scope
from snnrun.resolve.moments import before_step, is_before_groups
from snnrun.resolve.names import Derived
from snnrun.resolve.selection import choose_synapses, select_indices
from snnrun.resolve.synapse_names import HIDDEN, delay_names, values_at_events, values_of_synapses
from snnrun.spec import models
from snnrun.units.dimensions import TIME, Dimension


def resolve_monitors(context: Context, synapses: Mapping[str, Synapses], steps: int) -> tuple[Monitor, ...]:
    """All monitors, in the order of the file."""
    found: list[Monitor] = []
    for name, model in context.experiment.monitors.items():
        with context.collecting(f"monitors.{name}"):
            try:
                found.append(_Monitor(context, name, synapses, steps).build(model))
            except AlreadyReported:
                context.failed.add(f"monitors.{name}")
    return tuple(found)


class _Monitor:
    def __init__(self, context: Context, name: str, synapses: Mapping[str, Synapses], steps: int) -> None:
        self.context = context
        self.name = name
        self.path: Path = ("monitors", name)
        self.synapses = synapses
        self.steps = steps

    def build(self, model: models.Monitor) -> Monitor:
        names = getattr(model, "variables", None) or []
        for k, name in enumerate(names):
            if name in names[:k]:
                message = f"monitor `{self.name}`: `{name}` is named twice"
                raise self.context.error("NET221", message, (*self.path, "variables", k), "remove one of them")
        return _READERS[type(model)](self, model)

    def window(self) -> Window:
        path = (*self.path, "window")
        if not self.context.document.has(path):
            return Window(0, self.steps)
        start, stop = (self.context.steps((*path, k), "`window`") for k in (0, 1))
        if stop <= start:
            raise self.context.error("NET220", "the window ends before it begins", path)
        return Window(min(start, self.steps), min(stop, self.steps))

    def spiking_view(self) -> NeuronSubset:
        view = self.context.view((*self.path, "source"), f"the source of monitor `{self.name}`")
        if not self.context.populations[view.group].has_spikes:
            raise self.context.error(
                "NET173",
                f"`{view.group}` never spikes: it has no threshold",
                (*self.path, "source"),
                "add `threshold:` to the group",
            )
        return self.watched(view)

    def watched(self, view: NeuronSubset) -> NeuronSubset:
        """The neurons of the source that `indices` names."""
        path = (*self.path, "indices")
        if not self.context.document.has(path):
            return view
        positions = select_indices(self.context, path, view.size, f"monitor `{self.name}`")
        size = self.context.populations[view.group].view.size
        return part(view.group, view.name, chosen(view.members, positions), size)

    def spikes(self, model: models.SpikeMonitor) -> SpikeMonitor:
        view = self.spiking_view()
        known = _recordable(self.context.populations[view.group])
        columns = self.columns(model.variables or [], known, view.group)
        compressed = not model.counts_only and model.compression == "gzip"
        return SpikeMonitor(self.name, view, columns, model.counts_only, self.window(), compressed=compressed)

    def events(self, model: models.EventMonitor) -> SpikeMonitor | SynapseEventMonitor:
        source = self.context.text((*self.path, "source")).value.strip()
        if source in self.context.experiment.synapses and model.event is not None:
            return self.events_at_synapses(model, self.synapses_named())
        view = self.context.view((*self.path, "source"), f"the source of monitor `{self.name}`")
        population = self.context.populations[view.group]
        condition, event = None, SPIKE
        if model.condition is not None:
            condition = self.condition(view)
        else:
            event = known_event(self.context, population, (*self.path, "event"))
        view = self.spiking_view() if condition is None and event == SPIKE else self.watched(view)
        columns = self.columns(model.variables or [], _recordable(population), view.group)
        compressed = model.compression == "gzip"
        return SpikeMonitor(self.name, view, columns, False, self.window(), condition, event, compressed)

    def events_at_synapses(self, model: models.EventMonitor, synapses: Synapses) -> SynapseEventMonitor:
        pathway = known_pathway(self.context, synapses, (*self.path, "event"))
        columns = self.columns(model.variables or [], values_at_events(self.context, synapses), synapses.name)
        graph = self.context.graph
        now = tuple(replace(c, node=up_to_date(graph, c.node, synapses.elapsed, before=False)) for c in columns)
        return SynapseEventMonitor(
            self.name,
            synapses.name,
            (pathway.name, pathway.post),
            now,
            self.chosen_synapses(model, synapses),
            self.window(),
            model.compression == "gzip",
        )

    def chosen_synapses(
        self, model: models.EventMonitor | models.StateMonitor, synapses: Synapses
    ) -> SynapseChoice | None:
        """The synapses that `indices` names; None for all."""
        path = (*self.path, "indices")
        if not self.context.document.has(path) or model.indices == "all":
            return None
        views = {"N_pre": synapses.source, "N_post": synapses.target}
        ends = {name: view.size for name, view in views.items() if view.counted}
        ids = choose_synapses(self.context, path, ends, f"monitor `{self.name}`")
        size = exact_total(synapses)
        if size is not None and ids.condition is None:
            numbered_synapses(ids, size)  # what can be said before the run
        return ids

    def condition(self, view: NeuronSubset) -> Node:
        scope = group_scope(self.context, view, f"the condition of monitor `{self.name}`", self.name, guarded=False)
        expr = self.context.expression((*self.path, "condition"))
        return self.context.checker(scope.symbols, scope.place).condition(expr, scope.place).node

    def columns(
        self, names: list[str], known: Mapping[str, tuple[Node, Dimension]], source: str
    ) -> tuple[Recorded, ...]:
        found = []
        for k, name in enumerate(names):
            if name not in known:
                raise self.context.error(
                    "NET221",
                    f"`{source}` has no variable `{name}`",
                    (*self.path, "variables", k),
                    did_you_mean(name, known),
                )
            found.append(Recorded(name, *known[name]))
        return tuple(found)

    def state(self, model: models.StateMonitor) -> StateMonitor:
        every = 0  # that of its source
        if model.dt is not None:
            every = self.context.steps((*self.path, "dt"), f"`dt` of monitor `{self.name}`", 1)
        slot = Slot(model.when)
        source = self.context.text((*self.path, "source")).value.strip()
        if source in self.context.experiment.synapses:
            return self.state_of_synapses(model, every or 1, slot)
        view = self.context.view((*self.path, "source"), f"the source of monitor `{self.name}`")
        every = every or self.context.populations[view.group].every
        known = _recordable(self.context.populations[view.group])
        columns = self.sampled(
            self.columns(model.variables, known, view.group), before=is_before_groups(self.context, model)
        )
        ids = view.members
        path = (*self.path, "indices")
        if self.context.document.has(path):
            ids = chosen(ids, select_indices(self.context, path, view.size, f"monitor `{self.name}`"))
        if all(isinstance(c.node.payload, Variable) and c.node.payload.shared for c in columns):
            ids = ids[:1]
        return StateMonitor(
            self.name, f"groups.{view.group}", columns, ids, every, self.window(), slot, **self.stored(model, columns)
        )

    def stored(self, model: models.StateMonitor, columns: tuple[Recorded, ...]) -> dict[str, Any]:
        """Its place in the slot, and how samples are stored.

        Raises:
            ExperimentError: NET227, float32 cannot hold whole numbers.
        """
        precision = Precision.SINGLE if model.dtype == "float32" else Precision.DOUBLE
        whole = next((c.name for c in columns if c.node.kind is Kind.INT), None)
        if precision is Precision.SINGLE and whole is not None:
            raise self.context.error(
                "NET227",
                f"monitor `{self.name}`: `{whole}` is a whole number, which `float32` rounds from 16,777,217 on",
                (*self.path, "dtype"),
                f"record `{whole}` with a monitor of its own, without `dtype`",
            )
        return {"order": model.order, "precision": precision, "compressed": model.compression == "gzip"}

    def sampled(self, columns: tuple[Recorded, ...], *, before: bool) -> tuple[Recorded, ...]:
        """What is sampled before the step shows the `constant over dt` values of this step, not of the one before."""
        if not before:
            return columns
        return tuple(replace(c, node=before_step(self.context, c.node)) for c in columns)

    def synapses_named(self) -> Synapses:
        text = self.context.text((*self.path, "source"))
        found = self.synapses.get(text.value.strip())
        if found is None:
            if f"synapses.{text.value.strip()}" in self.context.failed:
                raise AlreadyReported
            raise at(
                text.span(),
                "NET110",
                f"there are no synapses `{text.value}`",
                did_you_mean(text.value, self.context.experiment.synapses),
            )
        return found

    def connectivity(self, model: models.ConnectivityMonitor) -> ConnectivityMonitor:
        """The pairs, with the variables and delays asked for, or with all variables."""
        synapses = self.synapses_named()
        variables = [
            s.variable.name
            for s in synapses.stored
            if s.variable.name not in (*HIDDEN, *synapses.moving) and not s.variable.shared
        ]
        if model.variables is None:
            return ConnectivityMonitor(self.name, synapses.name, tuple(variables))
        delays = delay_names(synapses)
        for k, name in enumerate(model.variables):
            if name in variables or name in delays:
                continue
            path = (*self.path, "variables", k)
            if name in synapses.expressions:
                message = f"`{name}` is a subexpression; a connectivity monitor stores variables"
                raise self.context.error("NET221", message, path, "record it with a `kind: state` monitor")
            known = [*variables, *delays]
            advice = None if name.startswith("delay") else did_you_mean(name, known)
            advice = advice or (f"there are: {', '.join(known)}" if known else None)
            raise self.context.error("NET221", f"`{synapses.name}` has no variable `{name}`", path, advice)
        asked = model.variables
        return ConnectivityMonitor(
            self.name,
            synapses.name,
            tuple(name for name in asked if name in variables),
            tuple((name, delays[name]) for name in asked if name not in variables),
        )

    def state_of_synapses(self, model: models.StateMonitor, every: int, slot: Slot) -> StateMonitor:
        synapses = self.synapses_named()
        known = values_of_synapses(self.context, synapses)
        for k, name in enumerate(model.variables):
            if name in known or name not in delay_names(synapses):
                continue
            if any(place.startswith("operations.") for place in self.context.failed):
                raise AlreadyReported  # it may change the delay
            message = f"no operation changes `{name}` of `{synapses.name}`: there is nothing to follow"
            advice = "store it with a `kind: connectivity` monitor"
            raise self.context.error("NET221", message, (*self.path, "variables", k), advice)
        graph, before = self.context.graph, is_before_groups(self.context, model)
        columns = self.sampled(self.columns(model.variables, known, synapses.name), before=before)
        columns = tuple(replace(c, node=up_to_date(graph, c.node, synapses.elapsed, before=before)) for c in columns)
        ids = self.chosen_synapses(model, synapses)
        stored = self.stored(model, columns)
        return StateMonitor(self.name, synapses.path, columns, ids, every, self.window(), slot, **stored)

    def rate(self, model: models.RateMonitor) -> RateMonitor:
        view = self.spiking_view()
        clocked = with_clock(self.context, self.context.populations[view.group])
        width = clocked.steps((*self.path, "bin"), "`bin`", 1) if model.bin is not None else 1
        smooth = None
        if model.smooth is not None:
            smooth = self.context.constant((*self.path, "smooth"), TIME, "`smooth`")
            if not 0 < smooth < np.inf:
                raise self.context.error("NET222", "`smooth` must be positive and finite", (*self.path, "smooth"))
        return RateMonitor(self.name, view, width * clocked.every, smooth, self.window())


_READERS: dict[type, Callable[[_Monitor, Any], Monitor]] = {
    models.SpikeMonitor: _Monitor.spikes,
    models.StateMonitor: _Monitor.state,
    models.RateMonitor: _Monitor.rate,
    models.EventMonitor: _Monitor.events,
    models.ConnectivityMonitor: _Monitor.connectivity,
}
"""What reads each kind of monitor."""


def _recordable(population: Population) -> Mapping[str, tuple[Node, Dimension]]:
    """What monitors of a group may record."""
    members = population.members
    return Derived(members, lambda name: (members[name].typed.node, members[name].typed.dimension))

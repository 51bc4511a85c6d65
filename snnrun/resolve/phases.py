"""Phases of a run: what each sets at its start, what records in it, and what ends it early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from snnrun.equations.ast import names_in
from snnrun.equations.dag import is_fixed
from snnrun.equations.scope import Typed
from snnrun.errors import Attempts, did_you_mean
from snnrun.model.network import ConnectivityMonitor, GroupKind, Initial, Network, Phase, StopWhen, Window
from snnrun.resolve.constants import phase_steps
from snnrun.resolve.context import Context, Path, known
from snnrun.resolve.initial import phase_values, replaced
from snnrun.resolve.rates import refuse_impossible_writes
from snnrun.resolve.settings import must_be_read, readers, reads, setting_of
from snnrun.source import SourceFile, Text
from snnrun.spec import models
from snnrun.spec.document import Document
from snnrun.spec.nodes import Node, ScalarNode, scalar

Again = Callable[[Document], tuple[Network, Context]]
"""Resolves the file with other values, with the same phases; its context has the names as they then are."""

_CHECK = 0.01  # between two checks of `stop_when` [s]


def resolve_phases(context: Context, network: Network, again: Again) -> tuple[Phase, ...]:
    """The phases of the run, in order. What a phase sets stays so in the phases after it."""
    found: list[Phase] = []
    settings: dict[Path, Text | Node] = {}
    start = 0
    for k, model in enumerate(context.experiment.run.phases or ()):
        stop = start + phase_steps(context, k)
        with context.collecting():
            new = _settings(context, k, model)
            settings |= new
            now, names = _with_settings(context, network, settings, again)
            _input_rates_stand_still(context, (network, now), k, new)
            refuse_impossible_writes(names, now, start, stop)
            sets = [line for setting in new for line in _rates_again(context, now, setting)]
            sets += _variables(context, names, now, k, model)
            stop_when = _stop_when(context, names.constants, k) if model.stop_when is not None else None
            recording, alters = _recording(context, now, model, k), frozenset(_altered(context, now, new))
            found.append(Phase(model.name, start, stop, tuple(sets), recording, stop_when, alters))
        start = stop
    return tuple(found)


def _altered(context: Context, network: Network, settings: Iterable[Path]) -> Iterator[str]:
    """The synapses objects whose statements read, also through variables of both ends, what a phase sets."""
    places = {path[:3] for setting in settings for path in readers(context, setting)}
    for synapses in network.synapses.values():
        texts: list[Path] = [("synapses", synapses.name, key) for key in ("equations", "on_pre", "on_post")]
        texts += [("groups", end.group, "equations") for end in (synapses.source, synapses.target)]
        if not places.isdisjoint(texts):
            yield synapses.name


def _variables(
    context: Context, names: Context, network: Network, number: int, model: models.Phase
) -> list[tuple[str, Initial]]:
    """The values of variables that a phase sets, by their objects."""
    sizes = {p.path: p.view.size for p in context.populations.values()}
    lines: dict[str, list[Initial]] = {}
    for name in model.set or {}:
        if setting_of(context, name) is None:
            path: Path = ("run", "phases", number, "set", name)
            for owner, line in phase_values(names, network, path, f"phase `{model.name}`"):
                lines.setdefault(owner, []).append(line)
    for owner, own in lines.items():
        context.report.extend(replaced(own, sizes.get(owner)))
    return [(owner, line) for owner, own in lines.items() for line in own]


def _input_rates_stand_still(
    context: Context, networks: tuple[Network, Network], number: int, settings: Iterable[Path]
) -> None:
    """Refuse to set the rate of an input where it differs between steps or neurons: one kernel serves all phases."""
    for setting in settings:
        inputs = [i for n in networks for i in n.inputs if setting == ("inputs", i.name, "rate")]
        if any(not is_fixed(i.probability) for i in inputs):
            raise context.error(
                "NET135",
                f"a phase sets the rate of input `{setting[1]}` to one value for another: it cannot follow `t` or `i`",
                ("run", "phases", number, "set", f"{setting[1]}.rate"),
                "write the change into the expression, for example `10*Hz + 90*Hz*int(t > 1*second)`",
            )


def _settings(context: Context, number: int, model: models.Phase) -> dict[Path, Text | Node]:
    """The values of the file that a phase sets, by their places."""
    found: dict[Path, Text | Node] = {}
    attempts = Attempts()
    for name in model.set or {}:
        setting = attempts.attempt(partial(setting_of, context, name))
        if setting is not None:
            place: Path = ("run", "phases", number, "set", name)
            value = attempts.attempt(partial(_value_for, context, setting, place))
            if value is not None:
                found[setting] = value
    attempts.stop_if_errors()
    return found


def _value_for(context: Context, setting: Path, path: Path) -> Text | Node:
    """What stands at a place of the file in a phase."""
    must_be_read(context, setting, path)
    if "constants" not in setting:
        return context.document.node(path)
    name = ".".join(str(path[-1]).split(".")[-1:])
    if not isinstance(context.document.node(path), ScalarNode):
        raise context.error("NET143", f"the constant `{name}` takes one value, not a list or a map", path)
    old = (context.constants if setting[0] == "constants" else context.own_constants[setting[:2]])[name]
    typed = context.checker({}, "a phase").value(context.expression(path), old.dimension, f"`{name}`")
    known(typed, context.document.span(path), f"`{name}`")
    return context.text(path)


def _rates_again(context: Context, network: Network, setting: Path) -> Iterator[tuple[str, Initial]]:
    """The rates of Poisson groups that are stored and computed from what a phase sets."""
    for group in network.groups.values():
        if group.kind is GroupKind.POISSON and reads(context, setting, ("groups", group.name, "rates")):
            yield from ((group.path, line) for line in group.initial if line.variable.name == "rates")


def _stop_when(context: Context, values: Mapping[str, Typed], number: int) -> StopWhen:
    """What ends a phase early; the condition itself is checked with the metrics."""
    path: Path = ("run", "phases", number, "stop_when")
    every = max(1, round(_CHECK / context.dt))
    if context.document.has((*path[:-1], "check")):
        every = context.steps((*path[:-1], "check"), "`check`", 1)
    used = sorted(names_in(context.expression(path)) & values.keys())
    for name in used:
        context.uses.note(("constants", name), context.text(path).span())
    return StopWhen(context.text(path).value, every, {n: (values[n].value, values[n].dimension) for n in used})


def _with_settings(
    context: Context, network: Network, settings: dict[Path, Text | Node], again: Again
) -> tuple[Network, Context]:
    """The network with other values of the file, and names as they then are: the same structure, other values."""
    if not settings:
        return network, context
    text = f"{network.steps} * ({context.text(('run', 'dt')).value})"
    length = scalar(text, SourceFile("run.duration", text))
    changes: dict[Path, Any] = {**settings, ("run", "phases"): None, ("run", "duration"): length}
    now, names = again(context.document.with_values(changes))
    context.report.extend(names.report.warnings)
    context.uses.add(names.uses)
    return now, replace(names, document=context.document)


def _recording(context: Context, network: Network, model: models.Phase, number: int) -> Network:
    """The network with only those monitors switched on that record in a phase."""
    if model.record is None:
        return network
    known = {m.name for m in network.monitors}
    for k, name in enumerate(model.record):
        if name not in known:
            raise context.error(
                "NET110",
                f"there is no monitor `{name}`",
                ("run", "phases", number, "record", k),
                did_you_mean(name, known),
            )
    monitors = tuple(
        m if m.name in model.record or isinstance(m, ConnectivityMonitor) else replace(m, window=Window(0, 0))
        for m in network.monitors
    )
    return replace(network, monitors=monitors)

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
from snnrun.resolve.repeats import Part, plan_of
from snnrun.resolve.settings import must_be_read, readers, reads, setting_of
from snnrun.source import SourceFile, Text
from snnrun.spec import models
from snnrun.spec.document import Document
from snnrun.spec.nodes import Node, ScalarNode, scalar

Again = Callable[[Document], tuple[Network, Context]]
"""Resolves the file with other values, with the same phases; its context has the names as they then are."""

_CHECK = 0.01  # between two checks of `stop_when` [s]


def resolve_phases(context: Context, network: Network, again: Again) -> tuple[Phase, ...]:
    """The phases of the run, in order. What a phase sets stays so in the phases after it.

    Repetitions in which the same was set before share their networks.
    """
    if context.experiment.run.phases is None:
        return ()
    reader = _PhaseReader(context, network, again)
    parts, found, start = context.once(plan_of).parts, list[Phase](), 0
    lengths = {path: phase_steps(context, path) for path in dict.fromkeys(part.path for part in parts)}
    for part in parts:
        stop = start + lengths[part.path]
        read = reader.read(part)
        if read is not None:
            phase, names = read
            with context.collecting():
                refuse_impossible_writes(names, phase.network, start, stop)
            found.append(replace(phase, name=part.name, start=start, stop=stop))
        start = stop
    return tuple(found)


class _PhaseReader:
    """Reads the phases of a file; each once for all repetitions that find the same settings.

    Args:
        context: The resolution.
        network: The network with the values of the file.
        again: Resolves the file with other values.
    """

    def __init__(self, context: Context, network: Network, again: Again) -> None:
        self.context = context
        self.network = network
        self.again = again
        self.set_by: dict[Path, Path] = {}  # which phase of the file has set each value of the file
        self.settings: dict[Path, Text | Node] = {}
        self._new: dict[Path, dict[Path, Text | Node]] = {}
        self._networks: dict[frozenset[tuple[Path, Path]], tuple[Network, Context]] = {}
        self._read: dict[object, tuple[Phase, Context] | None] = {}

    def read(self, part: Part) -> tuple[Phase, Context] | None:
        """A phase, to be given its name and steps, and the names as they then are; None when it has errors."""
        path = part.path
        if path not in self._new:
            self._new[path] = {}
            with self.context.collecting():
                self._new[path] = _settings(self.context, path, part.model)
        new = self._new[path]
        self.settings |= new
        self.set_by |= dict.fromkeys(new, path)
        key = (path, frozenset(self.set_by.items()))
        if key not in self._read:
            self._read[key] = None
            with self.context.collecting():
                self._read[key] = self._phase(part, new)
        return self._read[key]

    def _phase(self, part: Part, new: Mapping[Path, Text | Node]) -> tuple[Phase, Context]:
        context, path, model = self.context, part.path, part.model
        now, names = self._with_settings()
        _input_rates_stand_still(context, (self.network, now), path, new)
        sets = [line for setting in new for line in _rates_again(context, now, setting)]
        sets += _variables(context, names, now, path, model)
        stop_when = _stop_when(context, names.constants, path) if model.stop_when is not None else None
        recording = _recording(context, now, model, path)
        if any(i.phases is not None for i in context.experiment.inputs.values()):
            from snnrun.resolve.limited import only_active  # noqa: PLC0415 - few inputs act in some phases only

            recording = only_active(context, recording, path)
        alters = frozenset(_altered(context, now, new))
        return Phase(part.name, 0, 0, tuple(sets), recording, stop_when, alters), names

    def _with_settings(self) -> tuple[Network, Context]:
        """The network with the values set until now: the same structure, other values."""
        if not self.settings:
            return self.network, self.context
        key = frozenset(self.set_by.items())
        if key not in self._networks:
            text = f"{self.network.steps} * ({self.context.text(('run', 'dt')).value})"
            length = scalar(text, SourceFile("run.duration", text))
            changes: dict[Path, Any] = {**self.settings, ("run", "phases"): None, ("run", "duration"): length}
            now, names = self.again(self.context.document.with_values(changes))
            self.context.report.extend(names.report.warnings)
            self.context.uses.add(names.uses)
            self._networks[key] = now, replace(names, document=self.context.document)
        return self._networks[key]


def _altered(context: Context, network: Network, settings: Iterable[Path]) -> Iterator[str]:
    """The synapses objects whose statements read, also through variables of both ends, what a phase sets."""
    places = {path[:3] for setting in settings for path in readers(context, setting)}
    for synapses in network.synapses.values():
        texts: list[Path] = [("synapses", synapses.name, key) for key in ("equations", "on_pre", "on_post")]
        texts += [(end.section, end.group, "equations") for end in (synapses.source, synapses.target)]
        if not places.isdisjoint(texts):
            yield synapses.name


def _variables(
    context: Context, names: Context, network: Network, place: Path, model: models.Phase
) -> list[tuple[str, Initial]]:
    """The values of variables that a phase sets, by their objects."""
    sizes = {p.path: p.view.size for p in context.populations.values()}
    lines: dict[str, list[Initial]] = {}
    for name in model.set or {}:
        if setting_of(context, name) is None:
            path: Path = (*place, "set", name)
            for owner, line in phase_values(names, network, path, f"phase `{model.name}`"):
                lines.setdefault(owner, []).append(line)
    for owner, own in lines.items():
        context.report.extend(replaced(own, sizes.get(owner)))
    return [(owner, line) for owner, own in lines.items() for line in own]


def _input_rates_stand_still(
    context: Context, networks: tuple[Network, Network], place: Path, settings: Iterable[Path]
) -> None:
    """Refuse to set the rate of an input where it differs between steps or neurons: one kernel serves all phases."""
    for setting in settings:
        inputs = [i for n in networks for i in n.inputs if setting == ("inputs", i.name, "rate")]
        if any(not is_fixed(i.probability) for i in inputs):
            raise context.error(
                "NET135",
                f"a phase sets the rate of input `{setting[1]}` to one value for another: it cannot follow `t` or `i`",
                (*place, "set", f"{setting[1]}.rate"),
                "write the change into the expression, for example `10*Hz + 90*Hz*int(t > 1*second)`",
            )


def _settings(context: Context, path: Path, model: models.Phase) -> dict[Path, Text | Node]:
    """The values of the file that a phase sets, by their places."""
    found: dict[Path, Text | Node] = {}
    attempts = Attempts()
    for name in model.set or {}:
        setting = attempts.attempt(partial(setting_of, context, name))
        if setting is not None:
            place: Path = (*path, "set", name)
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


def _stop_when(context: Context, values: Mapping[str, Typed], place: Path) -> StopWhen:
    """What ends a phase early; the condition itself is checked with the metrics."""
    path: Path = (*place, "stop_when")
    every = max(1, round(_CHECK / context.dt))
    if context.document.has((*place, "check")):
        every = context.steps((*place, "check"), "`check`", 1)
    used = sorted(names_in(context.expression(path)) & values.keys())
    for name in used:
        context.uses.note(("constants", name), context.text(path).span())
    return StopWhen(context.text(path).value, every, {n: (values[n].value, values[n].dimension) for n in used})


def _recording(context: Context, network: Network, model: models.Phase, place: Path) -> Network:
    """The network with only those monitors switched on that record in a phase."""
    if model.record is None:
        return network
    known = {m.name for m in network.monitors}
    for k, name in enumerate(model.record):
        if name not in known:
            raise context.error(
                "NET110",
                f"there is no monitor `{name}`",
                (*place, "record", k),
                did_you_mean(name, known),
            )
    monitors = tuple(
        m if m.name in model.record or isinstance(m, ConnectivityMonitor) else replace(m, window=Window(0, 0))
        for m in network.monitors
    )
    return replace(network, monitors=monitors)

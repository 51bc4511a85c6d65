"""Phases of a run: what each sets at its start, what records in it, and what ends it early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from snnrun.equations.ast import names_in
from snnrun.equations.dag import is_fixed
from snnrun.errors import Attempts, did_you_mean
from snnrun.model.network import ConnectivityMonitor, GroupKind, Initial, Loop, Network, Phase, StopWhen, Window
from snnrun.resolve.constants import phase_steps
from snnrun.resolve.context import Context, Path, known
from snnrun.resolve.initial import phase_values, replaced
from snnrun.resolve.rates import refuse_impossible_writes
from snnrun.resolve.repeats import Part, plan_of
from snnrun.resolve.settings import must_be_read, readers, reads, setting_of
from snnrun.source import SourceFile, Text
from snnrun.spec import models
from snnrun.spec.document import Document
from snnrun.spec.nodes import Node, ScalarNode, dotted, scalar
from snnrun.units.quantities import base_units

Again = Callable[[Document], tuple[Network, Context]]
"""Resolves the file with other values, with the same phases; its context has the names as they then are."""

Measured = Mapping[int, Mapping[str, float]]
"""By the number of a phase, the constants that its end has computed. [SI]"""

_CHECK = 0.01  # between two checks of `stop_when` [s]


class PhaseReader:
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
        self.parts = [] if context.experiment.run.phases is None else context.once(plan_of).parts
        places = {part.path: part.model for part in self.parts}
        self._lengths = {path: phase_steps(context, path) for path in places}
        self._new: dict[Path, dict[Path, Text | Node]] = {}  # what each phase of the file sets
        self._measured: dict[Path, dict[str, Path]] = {}  # the constants that its end computes, and their places
        for path, model in places.items():
            self._new[path], self._measured[path] = {}, {}
            with context.collecting():
                self._new[path] = _settings(context, path, model)
            with context.collecting():
                self._measured[path] = _measured(context, path, model)
        self._networks: dict[object, tuple[Network, Context]] = {}

    def read(self) -> tuple[Phase, ...]:
        """The phases of the run, in order. What a phase sets stays so in the phases after it.

        What the ends of phases compute has the values of the file. Phases with errors are left out.
        """
        state, found, start = _Settings(), list[Phase](), 0
        known: dict[object, tuple[Phase, Context] | None] = {}
        for part in self.parts:
            stop = start + self._lengths[part.path]
            state.begin(part.path, self._new[part.path])
            key = (part.path, state.key, frozenset(state.new))
            if key not in known:
                known[key] = None
                with self.context.collecting():
                    known[key] = self._phase(part, state, state.key)
            read = known[key]
            if read is not None:
                phase, names = read
                with self.context.collecting():
                    refuse_impossible_writes(names, phase.network, start, stop)
                found.append(replace(phase, name=part.name, start=start, stop=stop))
            state.end(dict.fromkeys(self._measured[part.path].values()))
            start = stop
        return tuple(found)

    def renewed(self, number: int, measured: Measured, now: Network) -> Phase:
        """A phase with the values that the ends of phases before it have computed.

        Args:
            number: Which phase.
            measured: For each phase that has ended, the values of its constants. [SI]
            now: The network with its phases as long as they are.

        Raises:
            ExperimentError: With these values the file is wrong.
        """
        state = _Settings()
        for k, part in enumerate(self.parts[: number + 1]):
            if k < number and now.phases[k].start == now.phases[k].stop:
                continue
            state.begin(part.path, self._new[part.path])
            if k < number:
                places = self._measured[part.path]
                values = measured.get(k, {})
                state.end({place: self._text(name, values[name]) for name, place in places.items() if name in values})
        phase, names = self._phase(self.parts[number], state, None)
        old = now.phases[number]
        refuse_impossible_writes(names, phase.network, old.start, old.stop)
        self.context.report.stop_if_errors()
        return replace(phase, name=old.name, start=old.start, stop=old.stop)

    def _text(self, name: str, value: float) -> Node:
        text = f"{value!r}{base_units(self.context.constants[name].dimension)}"
        return scalar(text, SourceFile(f"constants.{name}", text))

    def _phase(self, part: Part, state: _Settings, key: object) -> tuple[Phase, Context]:
        context, path, model = self.context, part.path, part.model
        now, names = self._with(state.settings, key)
        _input_rates_stand_still(context, (self.network, now), path, self._new[path])
        sets = [line for setting in state.new for line in _rates_again(context, now, setting)]
        sets += _variables(context, names, now, (*path, "set"), model.set, f"phase `{model.name}`")
        stop_when = _stop_when(context, path) if model.stop_when is not None else None
        variables = {n: v for n, v in (model.at_end or {}).items() if n not in context.experiment.constants}
        ends = _variables(context, names, now, (*path, "at_end"), variables, f"the end of phase `{model.name}`")
        recording = _recording(context, now, model, path)
        if any(x.phases is not None for x in _with_phases(context)):
            from snnrun.resolve.limited import only_active  # noqa: PLC0415 - few inputs act in some phases only

            recording = only_active(context, recording, path)
        alters = frozenset(_altered(context, now, state.new))
        constants = {n: (names.constants[n].value, names.constants[n].dimension) for n in context.experiment.constants}
        measures = tuple(self._measured[path])
        phase = Phase(part.name, 0, 0, tuple(sets), recording, stop_when, alters, tuple(ends), measures, constants)
        return phase, names

    def _with(self, settings: Mapping[Path, Text | Node | None], key: object) -> tuple[Network, Context]:
        """The network with the values set until now: the same structure, other values.

        Args:
            settings: The values by their places; None for those that stand in the file.
            key: What it is remembered by; None to compute it.
        """
        values = {place: value for place, value in settings.items() if value is not None}
        if not values:
            return self.network, self.context
        if key is None or key not in self._networks:
            text = f"{self.network.steps} * ({self.context.text(('run', 'dt')).value})"
            length = scalar(text, SourceFile("run.duration", text))
            changes: dict[Path, Any] = {**values, ("run", "phases"): None, ("run", "duration"): length}
            now, names = self.again(self.context.document.with_values(changes))
            if key is None:
                return now, replace(names, document=self.context.document)
            self.context.report.extend(names.report.warnings)
            self.context.uses.add(names.uses)
            self._networks[key] = now, replace(names, document=self.context.document)
        return self._networks[key]


class _Settings:
    """The values of the file that phases have set until now, by their places; None for those that stand in the file.

    Attributes:
        new: The places that have another value in the phase that begins than in the one before.
    """

    def __init__(self) -> None:
        self.settings: dict[Path, Text | Node | None] = {}
        self.new: list[Path] = []
        self._set_by: dict[Path, Path] = {}
        self._measured: list[Path] = []

    @property
    def key(self) -> frozenset[tuple[Path, Path]]:
        """Which phase of the file has set each value."""
        return frozenset(self._set_by.items())

    def begin(self, path: Path, new: Mapping[Path, Text | Node]) -> None:
        """A phase of the file sets values."""
        self.settings |= new
        self._set_by |= dict.fromkeys(new, path)
        self.new = [*dict.fromkeys([*self._measured, *new])]
        self._measured = []

    def end(self, measured: Mapping[Path, Text | Node | None]) -> None:
        """The end of a phase computes values, which are not known before the run (None)."""
        for place, value in measured.items():
            if value is not None:
                self.settings[place] = value
        self._measured = list(measured)


def _with_phases(context: Context) -> Iterator[models.PoissonInput | models.Operation | models.CallOperation]:
    """What may act in some phases only."""
    yield from context.experiment.inputs.values()
    yield from context.experiment.operations.values()


def _altered(context: Context, network: Network, settings: Iterable[Path]) -> Iterator[str]:
    """The synapses objects whose statements read, also through variables of both ends, what a phase sets."""
    places = {path[:3] for setting in settings for path in readers(context, setting)}
    for synapses in network.synapses.values():
        texts: list[Path] = [("synapses", synapses.name, key) for key in ("equations", "on_pre", "on_post")]
        texts += [(end.section, end.group, "equations") for end in (synapses.source, synapses.target)]
        if not places.isdisjoint(texts):
            yield synapses.name


def _variables(
    context: Context, names: Context, network: Network, section: Path, values: Iterable[str] | None, place: str
) -> list[tuple[str, Initial]]:
    """The values of variables that a phase sets, by their objects."""
    sizes = {p.path: p.view.size for p in context.populations.values()}
    lines: dict[str, list[Initial]] = {}
    for name in values or ():
        if setting_of(context, name) is None:
            for owner, line in phase_values(names, network, (*section, name), place):
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


def _measured(context: Context, path: Path, model: models.Phase) -> dict[str, Path]:
    """The constants that the end of a phase computes, with their places; their values are checked with the metrics."""
    found: dict[str, Path] = {}
    attempts = Attempts()
    for name in model.at_end or {}:
        setting = attempts.attempt(partial(setting_of, context, name))
        if setting is not None:
            place: Path = (*path, "at_end", name)
            attempts.attempt(partial(_must_be_measurable, context, name, setting, place))
            found[name] = setting
    attempts.stop_if_errors()
    return found


def _must_be_measurable(context: Context, name: str, setting: Path, place: Path) -> None:
    if setting[0] != "constants":
        message = f"`at_end` sets constants of the file and variables, `{name}` is neither"
        raise context.key_error("NET243", message, place, "let it be a constant, and set this constant")
    if not isinstance(context.document.node(place), ScalarNode):
        raise context.error("NET143", f"the constant `{name}` takes one value, not a list or a map", place)
    must_be_read(context, setting, place, measured=True)
    for reader in readers(context, setting):
        if "delay" in reader:
            message = f"`{name}` is used by `{dotted(reader)}`: delays are computed before the run"
            raise context.key_error("NET243", message, place, "set the delay itself: `set: {synapses.delay: ...}`")
    _note_names(context, place)


def _stop_when(context: Context, place: Path) -> StopWhen:
    """What ends a phase early; the condition itself is checked with the metrics."""
    path: Path = (*place, "stop_when")
    every = max(1, round(_CHECK / context.dt))
    if context.document.has((*place, "check")):
        every = context.steps((*place, "check"), "`check`", 1)
    _note_names(context, path)
    return StopWhen(context.text(path).value, every)


def loops_of(context: Context) -> tuple[Loop, ...]:
    """What is repeated until a condition holds; the conditions are checked with the metrics."""
    found = []
    for path, name, rounds in context.once(plan_of).loops:
        place: Path = (*path, "repeat_until")
        _note_names(context, place)
        found.append(Loop(name, rounds, context.text(place).value))
    return tuple(found)


def _note_names(context: Context, place: Path) -> None:
    """Note which constants an expression over monitors uses."""
    for name in sorted(names_in(context.expression(place)) & context.constants.keys()):
        context.uses.note(("constants", name), context.text(place).span())


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

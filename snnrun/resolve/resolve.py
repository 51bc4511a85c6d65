"""From the checked file to the network: names looked up, dimensions checked, everything in SI units.

Input: `Document` and `Experiment`. Output: `Network`. All errors of the file are collected and raised together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from snnrun.equations.ast import Expr, names_in
from snnrun.equations.check import OPEN, Typed, UserFunction
from snnrun.equations.dag import Kind, is_fixed, kind_of
from snnrun.equations.parse import MAX_LEVELS, parse_expression
from snnrun.errors import Diagnostic, ExperimentError, did_you_mean
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.model.network import (
    ConnectivityMonitor,
    GroupKind,
    Initial,
    Network,
    Phase,
    StopWhen,
    Window,
)
from snnrun.resolve.arrays import resolve_arrays
from snnrun.resolve.context import MOST_STEPS, TOO_MANY, Context, Path, at, known
from snnrun.resolve.delay_settings import with_parts
from snnrun.resolve.events import resolve_monitors, resolve_operations, with_hidden_values
from snnrun.resolve.groups import resolve_groups
from snnrun.resolve.initial import phase_values, replaced
from snnrun.resolve.inputs import resolve_inputs
from snnrun.resolve.rates import refuse_impossible_writes
from snnrun.resolve.settings import must_be_read, reads, setting_of
from snnrun.resolve.synapses import resolve_synapses
from snnrun.resolve.unused import warn_of_silent_monitors
from snnrun.source import SourceFile, Text
from snnrun.spec import models
from snnrun.spec.check import parse_experiment
from snnrun.spec.document import Document
from snnrun.spec.models import Experiment
from snnrun.spec.nodes import Node, ScalarNode, scalar
from snnrun.units.dimensions import TIME

_CHECK = 0.01  # between two looks at `stop_when` [s]
_WHOLE = 2.0**63  # whole numbers from here on are kept as floating-point numbers


@dataclass(frozen=True, slots=True)
class Resolved:
    """What `resolve` finds.

    Args:
        network: The network.
        warnings: Diagnostics that do not stop the run.
        context: Names and values, for metrics and plots of the same file.
    """

    network: Network
    warnings: tuple[Diagnostic, ...]
    context: Context


def resolve(
    document: Document,
    experiment: Experiment,
    open: frozenset[str] = frozenset(),
    floats: frozenset[Path] = frozenset(),
    *,
    phases: Sequence[models.Phase] | None = None,
) -> Resolved:
    """The network of an experiment.

    Args:
        document: The file.
        experiment: Its checked shape.
        open: Constants whose values are not looked at: the network holds for all of the same kind (whole or not).
        floats: Constants that do not count as whole numbers, by their places.
        phases: The phases of the run, where these values are those of one of them.

    Raises:
        ExperimentError: Every error of the file, each with its place.
        ValueNeededError: What the network is depends on the value of an open constant.
    """
    whole = phases is None
    context = Context(
        document, experiment, phases=experiment.run.phases or () if phases is None else phases, open=open, floats=floats
    )
    _constants(context)
    _functions(context)
    if _some_become_floats(context):
        return resolve(document, experiment, open, context.floats, phases=phases)
    steps = _run(context)
    if "dt" not in context.constants:
        context.report.stop_if_errors()
    resolve_arrays(context)
    with context.collecting("constants.duration"):
        steps = _duration(context)
    groups = resolve_groups(context)
    synapses = resolve_synapses(context)
    inputs = resolve_inputs(context)
    operations, hooks = resolve_operations(context, synapses, steps)
    synapses = with_hidden_values(synapses, operations)
    monitors = resolve_monitors(context, synapses, steps)
    context.report.stop_if_errors()
    assert groups.keys() == experiment.groups.keys(), "a group was left out without a word"
    assert synapses.keys() == experiment.synapses.keys(), "synapses were left out without a word"
    network = Network(
        name=str(experiment.name),
        graph=context.graph,
        dt=context.dt,
        steps=steps,
        seeds=context.seeds,
        groups=groups,
        synapses=synapses,
        inputs=inputs,
        operations=operations,
        hooks=hooks,
        monitors=monitors,
        arrays=context.arrays,
        math=Math(experiment.run.math.value),
        precision=Precision(experiment.run.precision.value),
        threads=experiment.run.threads,
    )
    if experiment.run.start_from is not None:
        from snnrun.resolve.start import resolve_start  # noqa: PLC0415 - few runs begin so

        with context.collecting():
            network = replace(network, start=resolve_start(context, network))
    if whole and not experiment.run.phases:
        with context.collecting():
            refuse_impossible_writes(context, network, 0, steps)
    if experiment.sweep is not None and context.document.has(("run", "threads")):
        message = "`run.threads` does nothing in a sweep: points run side by side, each on one thread"
        span = context.document.key_span(("run", "threads"))
        context.report.warn("NET226", message, span, "leave it out; `--workers` says how many run at once")
    parts = _phases(context, network)
    with context.collecting():
        network, parts = with_parts(network, parts)
        network = replace(network, phases=parts)
    context.report.stop_if_errors()
    warn_of_silent_monitors(context, network)
    return Resolved(network, tuple(context.report.warnings), context)


def _constants(context: Context) -> None:
    """Constants in any order; each may use the others."""
    pending = dict.fromkeys(context.experiment.constants)
    open_names: list[str] = []

    def visit(name: str) -> None:
        path: Path = ("constants", name)
        if name in open_names:  # a circle
            circle = " -> ".join([*open_names[open_names.index(name) :], name])
            raise context.error("NET104", f"these constants use each other: {circle}", path)
        if len(open_names) == MAX_LEVELS:
            raise context.error("NET104", f"more than {MAX_LEVELS} constants use one another in a row", path)
        expr = context.expression(path)
        open_names.append(name)
        for used in sorted(names_in(expr)):
            if used in pending and used != name:
                visit(used)
            elif used == name:
                raise at(
                    expr.span,
                    "NET104",
                    f"the constant `{name}` uses itself",
                    "a unit of this name is meant? write it directly after a number: `10 m`",
                )
        if name in pending:
            del pending[name]
            typed = context.checker({}, "the constants", missing=_explain).check(expr)
            if typed.exact is None:
                raise at(expr.span, "NET103", f"the constant `{name}` is not constant")
            context.constants[name] = _named(context, name, typed, expr)
        open_names.pop()

    for name in list(context.experiment.constants):
        if name in pending:
            with context.collecting(f"constants.{name}"):
                try:
                    visit(name)
                finally:
                    for unresolved in (name, *open_names):
                        pending.pop(unresolved, None)
                    context.failed |= {f"constants.{unresolved}" for unresolved in open_names}
                    open_names.clear()


def _explain(name: str) -> str | None:
    if name in ("t", "i", "j", "v"):
        return f"`{name}` changes during the run; constants may use constants only"
    if "." in name:
        return "values of arrays are known after the constants; use them in `groups` and `run`"
    return None


def _named(context: Context, name: str, typed: Typed, expr: Expr) -> Typed:
    try:
        value = value_of(typed)
    except OverflowError:
        raise at(expr.span, "EQ210", "this constant is too large (over 1e308)") from None
    if name in context.open:
        return Typed(context.graph.parameter(name, kind_of(value)), typed.dimension, OPEN)
    value = float(value) if ("constants", name) in context.floats else value
    named = Typed(context.graph.constant(name, value), typed.dimension, typed.exact)
    context.note_uses(("constants", name), named)
    return named


def value_of(typed: Typed) -> float:
    """A constant as graphs hold it: an int where it is computed from whole numbers and is one.

    Raises:
        OverflowError: It is too large.
    """
    number = typed.value
    whole = typed.node.kind is Kind.INT and number.is_integer() and abs(number) < _WHOLE
    return int(typed.exact) if whole else number  # type: ignore[arg-type] # a constant has a value


def _some_become_floats(context: Context) -> bool:
    """Whether a constant is a whole number, but a phase sets it to one that is not: then it never counts as whole."""
    found: set[Path] = set()
    for k, phase in enumerate(context.experiment.run.phases or ()):
        for name in phase.set or {}:
            path: Path = ("run", "phases", k, "set", name)
            whole = name in context.constants and context.constants[name].node.kind is Kind.INT
            if whole and isinstance(context.document.node(path), ScalarNode):
                with suppress(ExperimentError):  # reported where the phase is read
                    typed = context.checker({}, "a phase").check(context.expression(path))
                    if typed.node.kind is Kind.FLOAT:
                        found.add(("constants", name))
    context.floats |= found
    return bool(found)


def _functions(context: Context) -> None:
    for signature in context.experiment.functions:
        path: Path = ("functions", signature)
        name, _, rest = signature.partition("(")
        parameters = tuple(p.strip() for p in rest.rstrip(") ").split(",") if p.strip())
        with context.collecting(f"functions.{name.strip()}"):
            body = parse_expression(context.text(path))
            context.functions[name.strip()] = UserFunction(name.strip(), parameters, body)


def _run(context: Context) -> int:
    with context.collecting():
        context.dt = context.constant(("run", "dt"), TIME, "`dt`")
        if not (context.dt > 0 and math.isfinite(context.dt)):
            raise context.error("NET105", f"`dt` must be positive, this is {context.dt:g} s", ("run", "dt"))
        exact = context.checker({}, "`dt`").check(context.expression(("run", "dt"))).exact
        context.constants["dt"] = Typed(
            context.graph.constant("dt", context.dt), TIME, exact if exact is not None else Fraction(context.dt)
        )
    return 0


def _duration(context: Context) -> int:
    run = context.experiment.run
    if run.phases is not None and run.duration is not None:
        raise context.key_error(
            "NET106",
            "the run has `phases` and a `duration`",
            ("run", "duration"),
            "the phases have their own durations",
        )
    if run.phases is not None:
        value = sum((_length(context, ("run", "phases", k, "duration")) for k in range(len(run.phases))), Fraction(0))
        lengths = [_phase_steps(context, k) for k in range(len(run.phases))]
        steps = sum(lengths)
        if steps > MOST_STEPS:
            last = next(k for k in range(len(lengths)) if sum(lengths[: k + 1]) > MOST_STEPS)
            raise context.error(
                "NET102",
                f"up to here the phases have {sum(lengths[: last + 1]):.3g} steps, {TOO_MANY}",
                ("run", "phases", last, "duration"),
            )
    elif run.duration is not None:
        value, steps = _length(context, ("run", "duration")), context.steps(("run", "duration"), "`duration`", 1)
    else:
        raise context.key_error("NET106", "the run has no `duration`", ("run",), "add `duration: 1 s`")
    context.constants["duration"] = Typed(context.graph.constant("duration", float(value)), TIME, value)
    return steps


def _length(context: Context, path: Path) -> Fraction:
    exact = context.checker({}, "`duration`").value(context.expression(path), TIME, "`duration`").exact
    return Fraction(exact) if exact is not None and math.isfinite(exact) else Fraction(0)


def _phase_steps(context: Context, number: int) -> int:
    return context.steps(("run", "phases", number, "duration"), "`duration`", 1)


def _phases(context: Context, network: Network) -> tuple[Phase, ...]:
    """The parts of the run. What a phase sets stays so in the phases after it."""
    found: list[Phase] = []
    sizes = {p.path: p.view.size for p in context.populations.values()}
    settings: dict[Path, Text | Node] = {}
    start = 0
    for k, model in enumerate(context.experiment.run.phases or ()):
        stop = start + _phase_steps(context, k)
        with context.collecting():
            new = _settings(context, k, model)
            settings |= new
            now, then = _with_settings(context, network, settings)
            _input_rates_stand_still(context, (network, now), k, new)
            refuse_impossible_writes(then, now, start, stop)
            sets = [line for setting in new for line in _rates_again(context, now, setting)]
            own: dict[str, list[Initial]] = {}
            for name in model.set or {}:
                if setting_of(context, name) is None:
                    place: Path = ("run", "phases", k, "set", name)
                    for owner, line in phase_values(then, now, place, f"phase `{model.name}`"):
                        own.setdefault(owner, []).append(line)
            for owner, lines in own.items():
                context.report.extend(replaced(lines, sizes.get(owner)))
                sets += [(owner, line) for line in lines]
            stop_when = _stop_when(context, then.constants, k) if model.stop_when is not None else None
            found.append(Phase(model.name, start, stop, tuple(sets), _recording(context, now, model, k), stop_when))
        start = stop
    return tuple(found)


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
    problems: list[Diagnostic] = []
    for name in model.set or {}:
        path: Path = ("run", "phases", number, "set", name)
        try:
            setting = setting_of(context, name)
            if setting is not None:
                found[setting] = _value_for(context, setting, path)
        except ExperimentError as error:
            problems += error.diagnostics
    if problems:
        raise ExperimentError(*problems)
    return found


def _value_for(context: Context, setting: Path, path: Path) -> Text | Node:
    """What stands at a place of the file in a phase."""
    must_be_read(context, setting, path)
    if "constants" not in setting:
        return context.document.node(path)
    name = ".".join(str(path[-1]).split(".")[-1:])
    if not isinstance(context.document.node(path), ScalarNode):
        raise context.error("NET143", f"the constant `{name}` takes one value, not a list or a map", path)
    old = context.constants[name] if setting[0] == "constants" else context.populations[str(setting[1])].symbols[name]
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
        context.note_use(("constants", name), context.text(path).span())
    return StopWhen(context.text(path).value, every, {n: (values[n].value, values[n].dimension) for n in used})


def _with_settings(context: Context, network: Network, settings: dict[Path, Text | Node]) -> tuple[Network, Context]:
    """The network with other values of the file, and names as they then are: the same structure, other values."""
    if not settings:
        return network, context
    text = f"{network.steps} * ({context.text(('run', 'dt')).value})"
    length = scalar(text, SourceFile("run.duration", text))
    changes: dict[Path, Any] = {**settings, ("run", "phases"): None, ("run", "duration"): length}
    document = context.document.with_values(changes)
    found = resolve(document, parse_experiment(document), floats=context.floats, phases=context.phases)
    context.report.extend(found.warnings)
    for definition, spans in found.context.uses.items():
        context.uses.setdefault(definition, {}).update(spans)
    return found.network, replace(found.context, document=context.document)


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

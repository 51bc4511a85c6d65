"""From the checked file to the network: names looked up, dimensions checked, everything in SI units.

Input: `Document` and `Experiment`. Output: `Network`. All errors of the file are collected and raised together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from snnrun.equations.dag import variables_of
from snnrun.errors import Diagnostic
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.model.network import (
    Network,
    Phase,
)
from snnrun.resolve.arrays import resolve_arrays
from snnrun.resolve.constants import (
    resolve_constants,
    resolve_duration,
    resolve_functions,
    resolve_step,
    some_become_floats,
)
from snnrun.resolve.context import Context, Path
from snnrun.resolve.delay_settings import Divide, division_of, with_parts
from snnrun.resolve.groups import resolve_groups
from snnrun.resolve.inputs import resolve_inputs
from snnrun.resolve.monitors import resolve_monitors
from snnrun.resolve.moving_delays import refuse_with_states, with_moving_delays
from snnrun.resolve.operations import resolve_operations
from snnrun.resolve.phases import Measured, PhaseReader, loops_of
from snnrun.resolve.rates import refuse_impossible_writes
from snnrun.resolve.repeats import phases_of
from snnrun.resolve.synapse_names import with_hidden
from snnrun.resolve.synapses import resolve_synapses
from snnrun.resolve.unused import warn_of_silent_monitors
from snnrun.spec import models
from snnrun.spec.check import parse_experiment
from snnrun.spec.document import Document
from snnrun.spec.models import Experiment

Renew = Callable[[int, Measured, Network], Phase]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What `resolve` finds.

    Args:
        network: The network.
        warnings: Diagnostics that do not stop the run.
        context: Names and values, for metrics and plots of the same file.
        renew: Gives a phase with what the ends of phases before it have computed (`PhaseReader.renewed`); None where
            they compute nothing.
    """

    network: Network
    warnings: tuple[Diagnostic, ...]
    context: Context
    renew: Renew | None = None


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
    run = experiment.run
    context = Context(
        document, experiment, phases=phases_of(run) if phases is None else phases, open=open, floats=floats
    )
    resolve_constants(context)
    resolve_functions(context)
    if some_become_floats(context):
        return resolve(document, experiment, open, context.floats, phases=phases)
    network = _network(context)
    if phases is None and not run.phases:
        with context.collecting():
            refuse_impossible_writes(context, network, 0, network.steps)
    if experiment.sweep is not None and document.has(("run", "threads")):
        message = "`run.threads` does nothing in a sweep: points run side by side, each on one thread"
        span = document.key_span(("run", "threads"))
        context.report.warn("NET226", message, span, "leave it out; `--workers` says how many run at once")

    def again(changed: Document) -> tuple[Network, Context]:
        found = resolve(changed, parse_experiment(changed), floats=context.floats, phases=context.phases)
        return found.network, found.context

    renew: Renew | None = None
    if run.phases is not None:
        reader = PhaseReader(context, network, again)
        parts = reader.read()
        with context.collecting():
            divide = division_of(network, parts)
            network, parts = with_parts(divide, network, parts)
            network = replace(network, phases=parts, loops=loops_of(context))
            if any(part.measures for part in parts):
                renew = partial(_renewed, reader, divide)
    context.report.stop_if_errors()
    warn_of_silent_monitors(context, network)
    return Resolved(network, tuple(context.report.warnings), context, renew)


def _renewed(reader: PhaseReader, divide: Divide, number: int, measured: Measured, now: Network) -> Phase:
    phase = reader.renewed(number, measured, now)
    return replace(phase, network=divide(phase.network))


def _sets(context: Context, synapses: str, name: str) -> bool:
    """Whether a phase sets a variable of synapses, or any of their delays (`delay`)."""
    places = [place.split(".") for p in context.phases for place in (*(p.set or ()), *(p.at_end or ()))]
    return any(place[0] == synapses and name in place[1:] for place in places)


def _network(context: Context) -> Network:
    """The network without its phases: objects in the order in which they need each other."""
    experiment, steps = context.experiment, 0
    resolve_step(context)
    if "dt" not in context.constants:
        context.report.stop_if_errors()
    resolve_arrays(context)
    with context.collecting("constants.duration"):
        steps = resolve_duration(context)
    groups = resolve_groups(context)
    synapses = resolve_synapses(context)
    inputs = resolve_inputs(context)
    operations, hooks = resolve_operations(context, synapses, steps)
    used = variables_of(*(node for o in operations for node in o.block.values))
    synapses = with_moving_delays(context, with_hidden(synapses, used), operations)
    monitors = resolve_monitors(context, synapses, steps)
    if any(array.presentations is not None for array in context.arrays.values()):
        from snnrun.resolve.stimuli import times_known  # noqa: PLC0415 - few files have stimuli

        context.arrays.update(times_known(context, context.arrays))
    context.report.stop_if_errors()
    assert groups.keys() == experiment.groups.keys(), "a group is missing, and no error says so"
    assert synapses.keys() == experiment.synapses.keys(), "synapses are missing, and no error says so"
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
        math=Math(experiment.run.math),
        precision=Precision(experiment.run.precision),
        threads=experiment.run.threads,
    )
    if any(s.elapsed.assignments for s in synapses.values()):
        from snnrun.model.traces import with_traces  # noqa: PLC0415 - most files have no event-driven equations

        network = with_traces(network, partial(_sets, context))
    if any(s.update.assignments for s in synapses.values()):
        from snnrun.model.of_sources import with_variables_of_sources  # noqa: PLC0415 - few have clock-driven equations

        network = with_variables_of_sources(network, partial(_sets, context))
    refuse_with_states(context, network)
    if experiment.run.start_from is None:
        return network
    from snnrun.resolve.start import resolve_start  # noqa: PLC0415 - few runs begin so

    with context.collecting():
        return replace(network, start=resolve_start(context, network))
    return network

"""Faults of earlier versions that made results wrong without a message; `verify` lists those that may matter.

Each has a text and a test whether results of an experiment may be affected. A test may be true where the results are
right; it is never false where the file shows that they may be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.equations.dag import Node, Op, is_fixed, walk
from snnrun.equations.methods.exact import CHAINED
from snnrun.equations.methods.table import METHODS
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    ConnectivityMonitor,
    Generated,
    Group,
    GroupKind,
    Monitor,
    Network,
    SpikeMonitor,
    StateMonitor,
    Synapses,
)
from snnrun.running.stages import Checked
from snnrun.spec.nodes import plain

_QUOTIENTS = frozenset({Op.DIV, Op.FLOORDIV, Op.MOD})
_DRAWS = frozenset({Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.POISSON})
_NEVER_S = 1e4  # the time since the last spike of neurons without one [s]
_LANES = 64  # neurons: threads got multiples of this number


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of an earlier version.

    Args:
        checked: Its experiment.
        command: The command line that made it.
    """

    checked: Checked
    command: Sequence[str]

    @property
    def network(self) -> Network:
        """Its network."""
        return self.checked.resolved.network

    @property
    def groups(self) -> Iterable[Group]:
        """Its groups."""
        return self.network.groups.values()

    @property
    def synapses(self) -> Iterable[Synapses]:
        """Its synapses objects."""
        return self.network.synapses.values()

    def text(self, *path: str) -> str:
        """All that the file says below a place, as one text."""
        node = self.checked.document.find(path)
        return "" if node is None else str(plain(node))

    def says(self, section: str, *words: str) -> bool:
        """Whether a section of the file has one of some words."""
        return any(word in self.text(section) for word in words)

    def warned(self, code: str) -> bool:
        """Whether checking the file gives a warning."""
        return any(warning.code == code for warning in self.checked.warnings)


@dataclass(frozen=True, slots=True)
class KnownFault:
    """A fault of earlier versions.

    Args:
        text: What was wrong.
        affects: Whether the results of a run may be wrong.
        mended: The version that is free of it.
    """

    text: str
    affects: Callable[[StoredRun], bool]
    mended: str = "0.2.0"


def known_faults(checked: Checked, version: str, command: Sequence[str]) -> list[str]:
    """The faults that may have made results of an earlier version wrong.

    Args:
        checked: The experiment.
        version: The version that computed them.
        command: The command line that computed them.
    """
    run = StoredRun(checked, command)
    return [
        f"{fault.text} (mended in {fault.mended})"
        for fault in FAULTS
        if _number(version) < _number(fault.mended) and fault.affects(run)
    ]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit() and len(part) < 9)


def _divides_by_zero(run: StoredRun) -> bool:
    """Whether a denominator of the file is 0 as it stands, or because its terms cancel."""
    quotients = (node for node in run.checked.resolved.context.graph.nodes() if node.op in _QUOTIENTS)
    return any(node.args[1].op is Op.LITERAL and node.args[1].payload == 0 for node in quotients)


def _threads(run: StoredRun) -> bool:
    network = run.network
    threads = max(network.threads, 8 if any(word.startswith("--threads") for word in run.command) else 1)
    on_spikes = any(
        network.groups[s.target.group].kind is GroupKind.SPIKES
        for s in run.synapses
        for p in s.pathways
        if p.post and s.target.section == "groups"
    )
    small = any(g.size < _LANES * threads and g.size % 8 for g in run.groups)
    return threads > 1 and (small or on_spikes)


def _same_names(run: StoredRun) -> bool:
    for s in run.synapses:
        pre, post = ({p.name for p in s.pathways if p.post is side} for side in (False, True))
        if pre & post and any(p.delay is not None for p in s.pathways):
            return True
    return False


def _event_driven(run: StoredRun) -> bool:
    """Whether something other than events may read such variables; plain plasticity rules were right."""
    network = run.network
    readers = bool(network.operations or network.phases or network.hooks)
    return any(
        readers or s.summed or s.update.assignments or any(_watches(m, s) for m in network.monitors)
        for s in run.synapses
        if "event-driven" in run.text("synapses", s.name)
    )


def _watches(monitor: Monitor, synapses: Synapses) -> bool:
    if isinstance(monitor, StateMonitor):
        return monitor.source == synapses.path
    return isinstance(monitor, ConnectivityMonitor) and monitor.synapses == synapses.name


def _generated(run: StoredRun) -> Iterator[Generated]:
    return (c.rule for s in run.synapses for c in s.connect if isinstance(c.rule, Generated))


def _draws(*nodes: Node | None) -> bool:
    return any(node.op in _DRAWS for node in walk(*(n for n in nodes if n is not None)))


def _list_order(run: StoredRun) -> bool:
    network = run.network
    parts = [view for g in run.groups for view in g.subgroups.values()]
    parts += [m.source for m in network.monitors if isinstance(m, SpikeMonitor)]
    return any(np.any(np.diff(view.ids) < 0) for view in parts)


def _part_of_a_group(run: StoredRun) -> bool:
    inputs = any(not item.target.whole for item in run.network.inputs)
    operations = (run.checked.experiment.operations or {}).values()
    return inputs or any("." in str(getattr(o, "target", "")) for o in operations)


def _long_refractory(run: StoredRun) -> bool:
    if run.says("metrics", "lastspike"):
        return True
    dt = run.network.dt
    steps = [g.refractory.steps for g in run.groups if g.refractory is not None]
    return any(
        node is not None and (not is_fixed(node) or float(evaluate(node, Environment(dt=dt))) * dt >= _NEVER_S)
        for node in steps
    )


def _method(run: StoredRun, name: str) -> bool:
    objects: list[Any] = [*run.groups, *run.synapses]
    return any(o.integration is not None and o.integration.method == name for o in objects)


def _chained(run: StoredRun) -> bool:
    """Whether `auto` takes `exact` for a chain of equations with coefficients that may change."""
    objects: list[Any] = [*run.groups, *run.synapses]
    return any(
        o.integration is not None
        and o.integration.method == "exact"
        and "exact" not in run.text(*o.path.split("."), "method")
        and METHODS["exact"].advance(o.integration.system).note == CHAINED
        for o in objects
    )


def _later_lists(run: StoredRun) -> bool:
    """Whether a connect rule after the first may have values or delays in a list."""
    return any(
        len(s.connect) > 1
        and ("[" in run.text("synapses", s.name, "delay") or any(r.initial or r.delay for r in s.connect[1:]))
        for s in run.synapses
    )


def _counted(run: StoredRun) -> bool:
    monitors = run.network.monitors
    return any(isinstance(m, SpikeMonitor) and m.counts_only for m in monitors) and (
        bool(run.checked.metrics.terms) or run.says("run", "stop_when")
    )


def _half_steps(run: StoredRun) -> bool:
    known = all(p.delay is None or is_fixed(p.delay) for s in run.synapses for p in s.pathways)
    return run.warned("NET162") or not known


FAULTS: Sequence[KnownFault] = (
    KnownFault("on several threads, spikes of small groups were recorded and delivered twice", _threads),
    KnownFault("`on_pre` and `on_post` pathways of one name took each other's delay", _same_names),
    KnownFault(
        "event-driven variables read outside events, also by monitors, were as old as the last event",
        _event_driven,
    ),
    KnownFault(
        "numbers drawn in a text with `for` were drawn once a source",
        lambda run: any(_draws(r.element, r.condition, r.p, r.size) for r in _generated(run)),
    ),
    KnownFault(
        "`n`, and values of the target, were not what the text of a connect rule says",
        lambda run: any(True for _ in _generated(run)),
    ),
    KnownFault("subgroups and monitors given as lists were sorted", _list_order),
    KnownFault(
        "`i` and `N` counted in the whole group in operations and inputs on a subgroup",
        _part_of_a_group,
    ),
    KnownFault("metrics and `stop_when` of `counts_only` monitors were 0", _counted),
    KnownFault(
        "refractory times of 10,000 s and more silenced neurons, or did nothing; `lastspike` began at -10,000 s",
        _long_refractory,
    ),
    KnownFault("`milstein` took the drift into its support point", lambda run: _method(run, "milstein")),
    KnownFault(
        "noise whose strength depends on time took `heun` under `auto`",
        lambda run: _method(run, "euler") and run.says("groups", "xi"),
    ),
    KnownFault(
        "`auto` took `euler` for equations that have an exact solution, as each feeds the next",
        _chained,
    ),
    KnownFault("delays of (nearly) half a step were rounded in several ways", _half_steps),
    KnownFault(
        "what phases set did not reach delays, values of other settings, and lists of rates",
        lambda run: run.says("run", "'set'"),
    ),
    KnownFault(
        "time that was not recorded counted as 0 Hz in rates",
        lambda run: run.says("run", "'record'") or run.says("monitors", "'window'", "'indices'"),
    ),
    KnownFault(
        "samples that are NaN were left out of `min`, `max` and `correlation`, or not, as the chunks were cut",
        lambda run: run.says("metrics", "min(", "max(", "correlation("),
    ),
    KnownFault(
        "whole numbers of `range` and `linspace` became floating-point numbers",
        lambda run: run.says("sweep", "'range'", "'linspace'"),
    ),
    KnownFault(
        "numbers of files were taken as SI values, further columns dropped, parts of numbers cut",
        lambda run: bool(run.checked.resolved.context.files),
    ),
    KnownFault(
        "lists of values and delays of later connect rules were cut, or taken for the first rule",
        _later_lists,
    ),
    KnownFault(
        "a state was taken for variables of another unit",
        lambda run: run.warned("FIL205"),
    ),
    KnownFault(
        "Poisson rates above one spike a step were clipped, negative ones were 0",
        lambda run: any(g.kind is GroupKind.POISSON and g.intervals is None for g in run.groups),
    ),
    KnownFault(
        "a variable that became infinite and was reset in the same step went unnoticed",
        lambda run: (
            any(g.threshold is not None and g.reset.assignments and g.integration is not None for g in run.groups)
            and run.says("groups", "exp(", "**")
        ),
    ),
    KnownFault(
        "spikes with different delays added amounts with the constants of the phase in which they were sent",
        lambda run: any(phase.alters for phase in run.network.phases),
        "0.3.0",
    ),
    KnownFault("0/0 of terms that cancel was 0", _divides_by_zero, "0.3.0"),
    KnownFault(
        "operations on subgroups set no shared variable unless neuron 0 was a member; values of neurons in them were "
        "those of neuron 0",
        lambda run: any(a.variable.shared for o in run.network.operations for a in o.block.assignments),
        "0.4.0",
    ),
    KnownFault(
        "a sweep through names of files kept its points when the content of a file had changed",
        lambda run: run.says("sweep", "file'"),
        "0.4.0",
    ),
    KnownFault(
        "`poisson` and `binomial` with an argument that is impossible gave a huge negative number",
        lambda run: bool(run.network.graph.amounts),
        "0.5.0",
    ),
)
"""All of them, those that change most results first."""

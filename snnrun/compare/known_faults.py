"""Faults that made results wrong without a word and are mended since: what `verify` says of results of older versions.

One line a fault: the version that mended it, what was wrong, and whether an experiment may be affected. A test may say
yes where the results are right, never the other way round, as far as the file tells.
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
    SpikeMonitor,
    StateMonitor,
    Synapses,
)
from snnrun.run.stages import Checked
from snnrun.spec.nodes import plain

_DRAWS = frozenset({Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.POISSON})
_NEVER_S = 1e4  # what stood for "has never spiked" [s]
_LANES = 64  # neurons a thread that are always shared out evenly


@dataclass(frozen=True, slots=True)
class KnownFault:
    """A fault of earlier versions.

    Args:
        mended: The version that is free of it.
        text: What was wrong.
        affects: Whether the results of an experiment, run by a command, may be wrong.
    """

    mended: str
    text: str
    affects: Callable[[Checked, Sequence[str]], bool]


def known_faults(checked: Checked, version: str, command: Sequence[str]) -> list[str]:
    """What may be wrong in results of an earlier version.

    Args:
        checked: The experiment.
        version: The version that made them.
        command: The command line that made them.
    """
    return [
        f"{fault.text} (mended in {fault.mended})"
        for fault in FAULTS
        if _number(version) < _number(fault.mended) and fault.affects(checked, command)
    ]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit() and len(part) < 9)


def _groups(checked: Checked) -> Iterable[Group]:
    return checked.resolved.network.groups.values()


def _synapses(checked: Checked) -> Iterable[Synapses]:
    return checked.resolved.network.synapses.values()


def _warned(checked: Checked, *codes: str) -> bool:
    return any(warning.code in codes for warning in checked.warnings)


def _texts(checked: Checked, *path: str) -> str:
    """All that the file says below a place, as one text."""
    node = checked.document.find(path)
    return "" if node is None else str(plain(node))


def _has(checked: Checked, section: str, *words: str) -> bool:
    text = _texts(checked, section)
    return any(word in text for word in words)


def _threads(checked: Checked, command: Sequence[str]) -> bool:
    network = checked.resolved.network
    threads = max(network.threads, 8 if any(word.startswith("--threads") for word in command) else 1)
    on_spikes = any(
        p.post and network.groups[s.target.group].kind is GroupKind.SPIKES
        for s in _synapses(checked)
        for p in s.pathways
    )
    small = any(g.size < _LANES * threads and g.size % 8 for g in _groups(checked))
    return threads > 1 and (small or on_spikes)


def _same_names(checked: Checked) -> bool:
    for s in _synapses(checked):
        pre, post = ({p.name for p in s.pathways if p.post is side} for side in (False, True))
        if pre & post and any(p.delay is not None for p in s.pathways):
            return True
    return False


def _event_driven(checked: Checked) -> bool:
    """Whether something beside events may read such variables; plain rules of plasticity were right."""
    network = checked.resolved.network
    readers = bool(network.operations or network.phases or network.hooks)
    return any(
        readers or s.summed or s.update.assignments or any(_watches(m, s) for m in network.monitors)
        for s in _synapses(checked)
        if "event-driven" in _texts(checked, "synapses", s.name)
    )


def _watches(monitor: Monitor, synapses: Synapses) -> bool:
    if isinstance(monitor, StateMonitor):
        return monitor.source == synapses.path
    return isinstance(monitor, ConnectivityMonitor) and monitor.synapses == synapses.name


def _generated(checked: Checked) -> Iterator[Generated]:
    return (c.rule for s in _synapses(checked) for c in s.connect if isinstance(c.rule, Generated))


def _draws(*nodes: Node | None) -> bool:
    return any(node.op in _DRAWS for node in walk(*(n for n in nodes if n is not None)))


def _list_order(checked: Checked) -> bool:
    network = checked.resolved.network
    parts = [view for g in _groups(checked) for view in g.subgroups.values()]
    parts += [m.source for m in network.monitors if isinstance(m, SpikeMonitor)]
    return any(np.any(np.diff(view.ids) < 0) for view in parts)


def _part_of_a_group(checked: Checked) -> bool:
    inputs = any(not item.target.whole for item in checked.resolved.network.inputs)
    operations = (checked.experiment.operations or {}).values()
    return inputs or any("." in str(getattr(o, "target", "")) for o in operations)


def _long_refractory(checked: Checked) -> bool:
    if _has(checked, "metrics", "lastspike"):
        return True
    dt = checked.resolved.network.dt
    steps = [g.refractory.steps for g in _groups(checked) if g.refractory is not None]
    return any(
        node is not None and (not is_fixed(node) or float(evaluate(node, Environment(dt=dt))) * dt >= _NEVER_S)
        for node in steps
    )


def _method(checked: Checked, name: str) -> bool:
    objects: list[Any] = [*_groups(checked), *_synapses(checked)]
    return any(o.integration is not None and o.integration.method == name for o in objects)


def _chained(checked: Checked) -> bool:
    """Whether `auto` takes `exact` for equations that feed one into the next with coefficients that may change."""
    objects: list[Any] = [*_groups(checked), *_synapses(checked)]
    return any(
        o.integration is not None
        and o.integration.method == "exact"
        and "exact" not in _texts(checked, *o.path.split("."), "method")
        and METHODS["exact"].advance(o.integration.system).note == CHAINED
        for o in objects
    )


def _later_lists(checked: Checked) -> bool:
    """Whether a connect rule after the first may have values or delays in a list."""
    return any(
        len(s.connect) > 1
        and ("[" in _texts(checked, "synapses", s.name, "delay") or any(r.initial or r.delay for r in s.connect[1:]))
        for s in _synapses(checked)
    )


def _counted(checked: Checked) -> bool:
    monitors = checked.resolved.network.monitors
    return any(isinstance(m, SpikeMonitor) and m.counts_only for m in monitors) and (
        bool(checked.metrics.terms) or _has(checked, "run", "stop_when")
    )


def _half_steps(checked: Checked) -> bool:
    known = all(p.delay is None or is_fixed(p.delay) for s in _synapses(checked) for p in s.pathways)
    return _warned(checked, "NET162") or not known


FAULTS: Sequence[KnownFault] = (
    KnownFault("0.2.0", "on several threads, spikes of small groups were recorded and delivered twice", _threads),
    KnownFault(
        "0.2.0", "`on_pre` and `on_post` pathways of one name took each other's delay", lambda c, _: _same_names(c)
    ),
    KnownFault(
        "0.2.0",
        "event-driven variables read outside events, also by monitors, were as old as the last event",
        lambda c, _: _event_driven(c),
    ),
    KnownFault(
        "0.2.0",
        "numbers drawn in a text with `for` were drawn once a source",
        lambda c, _: any(_draws(r.element, r.condition, r.p, r.size) for r in _generated(c)),
    ),
    KnownFault(
        "0.2.0",
        "`n`, and values of the target, were not what the text of a connect rule says",
        lambda c, _: any(True for _ in _generated(c)),
    ),
    KnownFault("0.2.0", "subgroups and monitors given as lists were sorted", lambda c, _: _list_order(c)),
    KnownFault(
        "0.2.0",
        "`i` and `N` counted in the whole group in operations and inputs on a subgroup",
        lambda c, _: _part_of_a_group(c),
    ),
    KnownFault("0.2.0", "metrics and `stop_when` of `counts_only` monitors were 0", lambda c, _: _counted(c)),
    KnownFault(
        "0.2.0",
        "refractory times of 10,000 s and more silenced neurons, or did nothing; `lastspike` began at -10,000 s",
        lambda c, _: _long_refractory(c),
    ),
    KnownFault("0.2.0", "`milstein` took the drift into its support point", lambda c, _: _method(c, "milstein")),
    KnownFault(
        "0.2.0",
        "noise whose strength depends on time took `heun` under `auto`",
        lambda c, _: _method(c, "euler") and _has(c, "groups", "xi"),
    ),
    KnownFault(
        "0.2.0",
        "`auto` took `euler` for equations that have an exact solution, as each feeds the next",
        lambda c, _: _chained(c),
    ),
    KnownFault("0.2.0", "delays of (nearly) half a step were rounded in several ways", lambda c, _: _half_steps(c)),
    KnownFault(
        "0.2.0",
        "what phases set did not reach delays, values of other settings, and lists of rates",
        lambda c, _: _has(c, "run", "'set'"),
    ),
    KnownFault(
        "0.2.0",
        "time that was not recorded counted as 0 Hz in rates",
        lambda c, _: _has(c, "run", "'record'") or _has(c, "monitors", "'window'", "'indices'"),
    ),
    KnownFault(
        "0.2.0",
        "samples that are NaN were left out of `min`, `max` and `correlation`, or not, as the chunks were cut",
        lambda c, _: _has(c, "metrics", "min(", "max(", "correlation("),
    ),
    KnownFault(
        "0.2.0",
        "whole numbers of `range` and `linspace` became floating-point numbers",
        lambda c, _: _has(c, "sweep", "'range'", "'linspace'"),
    ),
    KnownFault(
        "0.2.0",
        "numbers of files were taken as SI values, further columns dropped, parts of numbers cut",
        lambda c, _: bool(c.resolved.context.files),
    ),
    KnownFault(
        "0.2.0",
        "lists of values and delays of later connect rules were cut, or taken for the first rule",
        lambda c, _: _later_lists(c),
    ),
    KnownFault(
        "0.2.0",
        "a state was taken for variables of another unit",
        lambda c, _: _warned(c, "FIL205"),
    ),
    KnownFault(
        "0.2.0",
        "Poisson rates above one spike a step were clipped, negative ones were 0",
        lambda c, _: any(g.kind is GroupKind.POISSON and g.intervals is None for g in _groups(c)),
    ),
    KnownFault(
        "0.2.0",
        "a variable that became infinite and was reset in the same step went unnoticed",
        lambda c, _: (
            any(g.threshold is not None and g.reset.assignments and g.integration is not None for g in _groups(c))
            and _has(c, "groups", "exp(", "**")
        ),
    ),
)
"""All of them, those that change most results first."""

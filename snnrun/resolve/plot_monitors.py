"""What a plot is drawn from: its monitors, their variables and neurons, and the spikes that it marks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snnrun.errors import ExperimentError, did_you_mean
from snnrun.model.network import (
    ConnectivityMonitor,
    Monitor,
    Network,
    RateMonitor,
    SpikeMonitor,
    StateMonitor,
    SynapseEventMonitor,
)
from snnrun.resolve.plot import Plot
from snnrun.units.dimensions import TIME, Dimension

_KINDS: dict[type, str] = {
    SpikeMonitor: "spikes",
    StateMonitor: "state",
    RateMonitor: "rate",
    ConnectivityMonitor: "connectivity",
    SynapseEventMonitor: "events",
}


def drawn_monitors(plot: Plot) -> list[Monitor]:
    """The monitors that a plot is drawn from: those it names, those of its sources, or all that it can draw.

    Raises:
        ExperimentError: There is none, or one does not fit.
    """
    kind = plot.kind
    if not kind.monitors or (kind.sweep is None and plot.of_sweep):
        return []
    if "monitor" in plot.keys and "source" in plot.keys:
        raise plot.error("PLT512", "`monitor` and `source` do not go together", "source", help="keep one of them")
    key = next((key for key in ("monitor", "source") if key in plot.keys), "kind")
    fit = [m for m in plot.network.monitors if _fits(plot, m)]
    match key:
        case "monitor":
            found = [_named(plot, k, name) for k, name in enumerate(plot.listed("monitor"))]
        case "source":
            found = [m for k, name in enumerate(plot.listed("source")) for m in _of_source(plot, k, name, fit)]
        case _:
            found = _suggested(plot, fit)
    if len({m.name for m in found}) < len(found):
        raise plot.error("PLT512", "a monitor is named twice", key)
    if kind.most is not None and len(found) > kind.most and key != "kind":
        message = f"a {kind.name} plot shows one monitor, here are {len(found)}"
        raise plot.error("PLT512", message, key, help="use `panels`")
    return found[: kind.most]


def _fits(plot: Plot, monitor: Monitor) -> bool:
    """Whether the kind of a plot draws a monitor."""
    if isinstance(monitor, SpikeMonitor) and monitor.counts_only:
        return False
    if plot.kind.of_synapses and isinstance(monitor, StateMonitor) and not monitor.source.startswith("synapses."):
        return False
    return _KINDS[type(monitor)] in plot.kind.monitors


def _needs(plot: Plot) -> str:
    kinds = " or ".join(f"`kind: {kind}`" for kind in plot.kind.monitors)
    return f"a plot of kind `{plot.kind.name}` needs a {kinds} monitor"


def _named(plot: Plot, number: int, name: str) -> Monitor:
    """A monitor that a plot names."""
    place = plot.key_of("monitor", number)
    found = plot.monitors.get(name)
    if found is None:
        raise plot.error("PLT501", f"there is no monitor `{name}`", *place, help=did_you_mean(name, plot.monitors))
    if "spikes" in plot.kind.monitors:
        _refuse_counts(plot, found, *place)
    if not _fits(plot, found):
        of = " of synapses" if plot.kind.of_synapses else ""
        raise plot.error("PLT502", f"{_needs(plot)}{of}, `{name}` is another kind", *place)
    return found


def _refuse_counts(plot: Plot, monitor: Monitor, *place: str | int) -> None:
    """Refuse a monitor without times of spikes."""
    if isinstance(monitor, SpikeMonitor) and monitor.counts_only:
        message = f"`{monitor.name}` counts only: there are no times of spikes to draw"
        raise plot.error("PLT502", message, *place, help="remove `counts_only` from the monitor")


def _ranked(plot: Plot, monitors: Sequence[Monitor]) -> list[Monitor]:
    """Monitors in the order of the kinds that a plot draws."""
    return sorted(monitors, key=lambda m: plot.kind.monitors.index(_KINDS[type(m)]))


def _of_source(plot: Plot, number: int, name: str, fit: Sequence[Monitor]) -> list[Monitor]:
    """The monitors of a group or of synapses."""
    found = [m for m in fit if name in _sources(m)]
    if not found:
        message, place = f"{_needs(plot)}, and none records `{name}`", plot.key_of("source", number)
        raise plot.error("PLT502", message, *place, help=f"add one of `{name}`")
    return _ranked(plot, found)[: plot.kind.most]


def _suggested(plot: Plot, fit: Sequence[Monitor]) -> list[Monitor]:
    """The monitors that are drawn when none is named; those without values only where there are no others."""
    if not fit:
        raise plot.error("PLT502", f"{_needs(plot)}, and there is none", "kind")
    if plot.kind.one_kind:
        ranked = _ranked(plot, fit)
        fit = [m for m in ranked if type(m) is type(ranked[0])]
    if plot.kind.one_variable:
        fit = [m for m in fit if columns_of(plot.network, m)] or fit
    return list(fit)


def check_variables(plot: Plot, drawn: Sequence[Monitor]) -> None:
    """Check `variables`: they are recorded, each is named once, and as many as the kind shows.

    Raises:
        ExperimentError: They are not.
    """
    kind, names = plot.kind.name, plot.listed("variables")
    if "variables" in plot.keys and not drawn:
        message = f"`variables` is for a {kind} of a monitor"
        raise plot.error("PLT512", message, "variables", help="name a monitor")
    if plot.kind.one_variable and drawn and not columns_of(plot.network, drawn[0]):
        message = f"`{drawn[0].name}` stores pairs without values: the synapses have no variables"
        key = "monitor" if "monitor" in plot.keys else "kind"
        raise plot.error("PLT504", message, key, help="`variables: [delay]` of the monitor stores delays")
    if len(set(names)) < len(names):
        raise plot.error("PLT512", "a variable is named twice", "variables")
    if plot.kind.one_variable and len(names) > 1:
        raise plot.error("PLT512", f"a {kind} plot shows one variable", "variables", help="use `panels`")
    if "variables" in plot.keys and not names:
        raise plot.error("PLT512", "no variable is named", "variables")
    for k, name in enumerate(names):
        for monitor in drawn:
            known = columns_of(plot.network, monitor)
            if name not in known:
                advice = did_you_mean(name, known) or f"it records {', '.join(known)}"
                message = f"`{monitor.name}` does not record `{name}`"
                raise plot.error("PLT504", message, *plot.key_of("variables", k), help=advice)


def check_neurons(plot: Plot, drawn: Sequence[Monitor]) -> None:
    """Check `neurons`: `all`, a number of them, a slice, or a list of recorded ones.

    Raises:
        ExperimentError: It is none of these, or selects no neuron.
    """
    if "neurons" not in plot.keys:
        return
    value = plot.plain["neurons"]
    if not drawn:
        message = f"`neurons` is for a {plot.kind.name} of a monitor"
        raise plot.error("PLT512", message, "neurons", help="name a monitor")
    wrong = f"`neurons: {value}` is not `all`, a number, a slice such as `0:100` or a list"
    if isinstance(value, list):
        _check_list(plot, drawn, value, wrong)
    elif isinstance(value, str) and value != "all":
        chosen = _slice(value)
        if chosen is None:
            raise plot.error("PLT505", wrong, "neurons")
        size = max(size_of(plot.network, m) for m in drawn)
        if size and not range(*chosen.indices(size)):
            raise plot.error("PLT505", f"`{value}` selects none of {size} neurons", "neurons")
    elif isinstance(value, bool) or not (value == "all" or (isinstance(value, int) and value > 0)):
        raise plot.error("PLT505", wrong, "neurons")


def _check_list(plot: Plot, drawn: Sequence[Monitor], numbers: list[object], wrong: str) -> None:
    """Check a list of neurons."""
    for k, number in enumerate(numbers):
        if isinstance(number, bool) or not isinstance(number, int):
            raise plot.error("PLT505", wrong, "neurons", k)
        if not any(_watches(plot.network, m, number) for m in drawn):
            names = ", ".join(dict.fromkeys(f"`{m.name}`" for m in drawn))
            raise plot.error("PLT505", f"neuron {number} is not recorded by {names}", "neurons", k)
    if len(set(numbers)) < len(numbers):
        raise plot.error("PLT505", "a neuron is named twice", "neurons")
    if not numbers:
        raise plot.error("PLT505", "no neuron is named", "neurons")


def _slice(text: str) -> slice | None:
    """`a:b` or `a:b:c`; None when the text is none."""
    parts = text.split(":")
    if not 2 <= len(parts) <= 3:
        return None
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        return None
    return None if len(numbers) > 2 and numbers[2] == 0 else slice(*numbers)


def check_marks(plot: Plot) -> None:
    """Check `marks`: one monitor of spikes, or none; where they begin trials, a monitor or a stimulus.

    Raises:
        ExperimentError: It is not.
    """
    names = plot.listed("marks") if plot.plain.get("marks") is not False else []
    of_trials = "period" in plot.kind.options
    stimuli = [array.name for array in plot.network.arrays.values() if array.presentations is not None]
    for k, name in enumerate(names):
        found, place = plot.monitors.get(name), plot.key_of("marks", k)
        if found is None and name == "none" and not of_trials:
            continue
        if found is None and of_trials and name in stimuli:
            _refuse_unknown_times(plot, name, *place)
            continue
        if found is None:
            raise _no_marks(plot, name, place, stimuli if of_trials else ["none"])
        if not isinstance(found, SpikeMonitor):
            raise plot.error("PLT502", f"`marks` is a `kind: spikes` monitor, `{name}` is another kind", *place)
        _refuse_counts(plot, found, *place)
    if len(names) > 1:
        raise plot.error("PLT512", "`marks` is one monitor", "marks")
    if "marks" in plot.keys and "period" in plot.keys:
        raise plot.error("PLT512", "trials begin at `marks` or with `period`, not both", "period")


def _no_marks(plot: Plot, name: str, place: tuple[str | int, ...], others: Sequence[str]) -> ExperimentError:
    """The error for `marks` that are neither a monitor of spikes nor one of the other names."""
    of_trials = "period" in plot.kind.options
    what = "spike monitor or stimulus" if of_trials else "spike monitor"
    known = [*(m.name for m in plot.monitors.values() if isinstance(m, SpikeMonitor)), *others]
    meaning = "trials begin at its spikes or frames; `period: 1 s` makes trials of equal length"
    advice = did_you_mean(name, known) or f"known: {', '.join(f'`{k}`' for k in known)}"
    help = f"{advice} ({meaning})" if of_trials else advice
    return plot.error("PLT501", f"`marks`: there is no {what} `{name}`", *place, help=help)


def _refuse_unknown_times(plot: Plot, stimulus: str, *place: str | int) -> None:
    shown = plot.network.arrays[stimulus].presentations
    if shown is not None and not shown.known:
        message = f"`{stimulus}` is read at another time than `t`, so it is not known when its frames are shown"
        advice = f"read it at `t`; `repeat` of `{stimulus}` shows the frames again"
        raise plot.error("PLT513", message, *place, help=advice)


# what monitors record


def columns_of(network: Network, monitor: Monitor) -> dict[str, Dimension]:
    """The variables in a monitor's results with their dimensions."""
    if isinstance(monitor, ConnectivityMonitor):
        known = network.synapses[monitor.synapses].dimensions
        names = [*monitor.variables, *(name for name, _ in monitor.delays)]
        return {name: known.get(name, TIME) for name in names}
    if isinstance(monitor, StateMonitor | SpikeMonitor | SynapseEventMonitor):
        return {c.name: c.dimension for c in monitor.columns}
    return {}


def size_of(network: Network, monitor: Monitor) -> int:
    """Neurons of the whole group that a monitor watches; 0 where only building tells."""
    if isinstance(monitor, StateMonitor):
        section, _, name = monitor.source.partition(".")
        return network.groups[name].size if section == "groups" else 0
    if isinstance(monitor, SpikeMonitor | RateMonitor):
        return network.groups[monitor.source.group].size
    return 0


def _sources(monitor: Monitor) -> tuple[str, ...]:
    """What a monitor watches, by the names it has in the file."""
    match monitor:
        case ConnectivityMonitor() | SynapseEventMonitor():
            return (monitor.synapses,)
        case StateMonitor():
            return (monitor.source.partition(".")[2],)
        case _:
            return (monitor.source.name, monitor.source.group)


def _watches(network: Network, monitor: Monitor, neuron: int) -> bool:
    if isinstance(monitor, StateMonitor):
        return not isinstance(monitor.ids, range | np.ndarray) or neuron in monitor.ids
    if isinstance(monitor, SpikeMonitor | RateMonitor):
        if monitor.source.whole:
            return 0 <= neuron < network.groups[monitor.source.group].size
        return neuron in monitor.source.members
    return True

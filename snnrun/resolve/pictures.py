"""The `plots` section as plain data in SI units, checked before anything runs: names, units, what it is drawn from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from snnrun.errors import ExperimentError, at, did_you_mean
from snnrun.model.network import ConnectivityMonitor, Monitor, Network, RateMonitor, SpikeMonitor, StateMonitor
from snnrun.resolve.context import Context, Path
from snnrun.resolve.delays import TOLERANCE, warn_between_steps
from snnrun.resolve.files import find_file
from snnrun.spec import models
from snnrun.spec.models import PLOT_FACTS, PlotKind
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode, plain
from snnrun.units.dimensions import FREQUENCY, LENGTH, ONE, TIME, Dimension
from snnrun.units.quantities import format_quantity

Metrics = Mapping[str, tuple[Dimension, bool]]
"""The metrics of a file: dimension of each, and whether it is one number."""

_KINDS: dict[type, str] = {
    SpikeMonitor: "spikes",
    StateMonitor: "state",
    RateMonitor: "rate",
    ConnectivityMonitor: "connectivity",
}
_AXES = ("x", "y", "z")
_ANY = None  # the dimension of an axis that is not known before the run
_LARGEST = 1e30  # a limit beyond it cannot be drawn [SI]


def resolve_plots(context: Context, network: Network, metrics: Metrics) -> list[dict[str, Any]] | None:
    """The pictures of the file; None when it leaves the choice to the program.

    Raises:
        ExperimentError: Every option that is wrong, and every picture of what is not recorded.
    """
    plots = context.experiment.plots
    if plots is None:
        return None
    if plots == "none":
        return []
    found: list[dict[str, Any]] = []
    for k in range(len(plots)):
        path: Path = ("plots", k)
        with context.collecting(f"plots.{k}"):
            found.append(_picture(context, network, metrics, path))
    context.report.stop_if_errors()
    return found


def _picture(context: Context, network: Network, metrics: Metrics, path: Path) -> dict[str, Any]:
    node = context.document.node(path)
    assert isinstance(node, MapNode)
    if "panels" not in node.entries:
        return _Plot(context, network, metrics, path).resolved()
    panels = node.get("panels")
    assert isinstance(panels, ListNode)
    whole: dict[str, Any] = {key: plain(entry.value) for key, entry in node.entries.items() if key != "panels"}
    if "size" in whole:
        whole["size"] = _size(context, (*path, "size"))
    if "style" in whole:
        whole["style"] = _style(context, (*path, "style"))
    plots = []
    for k in range(len(panels.items)):
        panel: Path = (*path, "panels", k)
        for key in ("size", "style", "name"):
            if context.document.has((*panel, key)):
                raise context.key_error("PLT510", f"`{key}` is one for all panels of a picture", (*panel, key))
        plots.append(_Plot(context, network, metrics, panel).resolved())
    _check_panels(context, path, plots)
    return {**whole, "panels": plots}


class _Plot:
    """One plot of the file."""

    def __init__(self, context: Context, network: Network, metrics: Metrics, path: Path) -> None:
        self.context = context
        self.network = network
        self.metrics = metrics
        self.path = path
        self.swept = swept(context.experiment)
        self.monitors = {m.name: m for m in network.monitors}
        node = context.document.node(path)
        assert isinstance(node, MapNode)
        self.keys = {key: (*path, key) for key in node.entries}
        self.plain: dict[str, Any] = {key: plain(entry.value) for key, entry in node.entries.items()}
        self.kind: PlotKind = PlotKind(self.plain["kind"])
        self.facts = PLOT_FACTS[self.kind]

    def resolved(self) -> dict[str, Any]:
        """Its options as plain data in SI units."""
        found = self.plain
        self.check_sweep()
        drawn = self.drawn()
        if "source" in found:
            del found["source"]
            found["monitor"] = [m.name for m in drawn]
        self.check_variables(drawn)
        self.check_neurons(drawn)
        self.check_marks()
        x, y = self.dimensions(drawn)
        for key, dimension in (("xlim", x), ("vlines", x), ("ylim", y), ("lines", y), ("bin", x), ("period", x)):
            if key in found:
                found[key] = self.quantities(key, dimension)
        self.check_values()
        if "size" in found:
            found["size"] = _size(self.context, self.keys["size"])
        if "style" in found:
            found["style"] = _style(self.context, self.keys["style"])
        self.check_labels(drawn)
        return found

    def error(self, code: str, message: str, *keys: str | int, help: str | None = None) -> ExperimentError:
        """An error at a key of this plot."""
        return self.context.error(code, message, (*self.path, *keys), help)

    def listed(self, key: str) -> list[str]:
        """A name or list of names."""
        value = self.plain.get(key)
        return [] if value is None else [value] if isinstance(value, str) else [str(v) for v in value]

    def key_of(self, key: str, number: int) -> tuple[str | int, ...]:
        """The place of an item of a key that is one name or a list."""
        return (key, number) if isinstance(self.plain[key], list) else (key,)

    @property
    def of_sweep(self) -> bool:
        """Whether it shows the sweep of the file."""
        return of_sweep(self.plain, self.swept)

    # where it is drawn from

    def check_sweep(self) -> None:
        """A picture of a sweep needs one, with what it shows."""
        kind = self.kind.value
        if self.facts.sweep and not self.swept:
            raise self.error("PLT511", f"a {kind} plot shows a sweep, and this file has none", "kind")
        keep = self.context.experiment.sweep.keep.value if self.context.experiment.sweep is not None else ""
        if self.kind is PlotKind.RASTERS and keep != "results":
            message = "a rasters plot shows the spikes of each point, and the sweep keeps metrics alone"
            raise self.error("PLT511", message, "kind", help="add `keep: results` to the sweep")
        log = self.listed("log")
        for k, axis in enumerate(log):
            if axis not in _AXES or (axis == "z" and "z" not in self.facts.options):
                raise self.error("PLT509", f"there is no axis `{axis}`", *self.key_of("log", k), help="name `x` or `y`")
        if not {"x", "y"} <= self.facts.options:
            return
        for key in _AXES:
            for k, name in enumerate(self.listed(key)):
                self.check_quantity(key, k, name)
        if self.of_sweep and self.facts.sweep is not False:
            self.check_axes_of_sweep()
        elif self.kind is PlotKind.CURVE:
            self.check_columns()
        elif self.kind is PlotKind.HEATMAP:
            for key in ("x", "y", "z", "log"):
                if key in self.keys:
                    message = f"`{key}` is for a heatmap of a sweep; this one shows a variable over time"
                    raise self.error(
                        "PLT511", message, key, help="remove it, or name no monitor in a file with a sweep"
                    )

    def check_quantity(self, key: str, number: int, name: str) -> None:
        """A quantity of an axis: a metric, a swept parameter, or a variable of a group."""
        known = [*self.metrics, *axis_names(self.context.experiment)]
        group, _, variable = name.partition(".")
        population = self.context.populations.get(group)
        if name in known or (population is not None and variable in population.members):
            return
        message = f"`{name}` is neither a metric nor swept nor a variable of a group"
        raise self.error("PLT503", message, *self.key_of(key, number), help=did_you_mean(name, known))

    def check_axes_of_sweep(self) -> None:
        """Parameters lie along x (and y of a heatmap), metrics of one number along y (or z)."""
        axes = axis_names(self.context.experiment)
        is_map = self.kind is PlotKind.HEATMAP
        single = [name for name, (_, one) in self.metrics.items() if one]
        if not single:
            raise self.error("PLT511", "there is no metric of one number to show", "kind", help="add it to `metrics`")
        for key in _AXES:
            for k, name in enumerate(self.listed(key)):
                place = self.key_of(key, k)
                if key == "x" and name not in axes:
                    raise self.error("PLT503", f"`{name}` is not swept, and x shows what is", *place)
                if key == "y" and is_map and name not in axes:
                    raise self.error("PLT503", f"`{name}` is not swept, and y of a heatmap shows what is", *place)
                may = [*single, *(axes if key != "z" and self.kind is not PlotKind.CURVE else ())]
                if key != "x" and not (key == "y" and is_map) and name not in may:
                    many = name in self.metrics
                    message = f"`{name}` has a value for each neuron" if many else f"`{name}` is no metric"
                    raise self.error("PLT503", message, *place, help="use a metric that is one number")
        y = self.listed("y")
        if len(y) > 1 and self.kind is not PlotKind.CURVE:
            raise self.error("PLT512", f"a {self.kind.value} plot shows one quantity along y", "y")
        if len({self.metrics[name][0] for name in y if name in self.metrics}) > 1:
            raise self.error("PLT513", "these have different units and cannot share an axis", "y", help="use `panels`")
        if self.plain.get("x") is not None and self.plain.get("x") in y:
            raise self.error("PLT512", "x and y show the same", "y")
        sizes = axes_of(self.context.experiment)
        if is_map and sizes != 2:
            help = "use `kind: curve`" if sizes == 1 else "use `kind: sweep`"
            raise self.error("PLT511", f"a heatmap shows two parameters, and this sweep has {sizes}", "kind", help=help)

    def check_columns(self) -> None:
        """A curve of one run: metrics with one value a neuron, or variables of a group."""
        names = [(key, k, name) for key in ("x", "y") for k, name in enumerate(self.listed(key))]
        if not self.listed("x") or len(self.listed("y")) != 1:
            message = "a curve of one run shows one quantity along x and one along y"
            raise self.error("PLT511", message, "y" if "y" in self.keys else "kind", help="write `x: ..., y: ...`")
        for key, k, name in names:
            if name in self.metrics and self.metrics[name][1]:
                message = f"`{name}` is one number, and a curve needs one a neuron"
                raise self.error("PLT511", message, *self.key_of(key, k), help="for example `rates(out)`")

    def drawn(self) -> list[Monitor]:
        """The monitors that it is drawn from."""
        if not self.facts.monitors or (self.kind is PlotKind.HEATMAP and self.of_sweep):
            return []
        if "monitor" in self.keys and "source" in self.keys:
            raise self.error("PLT512", "`monitor` and `source` do not go together", "source", help="keep one of them")
        fit = [m for m in self.network.monitors if self.fits(m)]
        key = "monitor" if "monitor" in self.keys else "source"
        if "monitor" in self.keys:
            found = [self.named(k, name) for k, name in enumerate(self.listed("monitor"))]
        elif "source" in self.keys:
            found = [m for k, name in enumerate(self.listed("source")) for m in self.of_source(k, name, fit)]
        else:
            found, key = self.suggested(fit), "kind"
        if len({m.name for m in found}) < len(found):
            raise self.error("PLT512", "a monitor is named twice", key)
        if self.facts.most is not None and len(found) > self.facts.most and key != "kind":
            message = f"a {self.kind.value} plot shows one monitor, here are {len(found)}"
            raise self.error("PLT512", message, key, help="use `panels`")
        return found[: self.facts.most]

    def fits(self, monitor: Monitor) -> bool:
        """Whether this kind draws a monitor."""
        if isinstance(monitor, SpikeMonitor) and monitor.counts_only:
            return False
        if self.kind is PlotKind.WEIGHTS and isinstance(monitor, StateMonitor) and not _of_synapses(monitor):
            return False
        return _KINDS[type(monitor)] in self.facts.monitors

    def needs(self) -> str:
        """What monitors it needs, for messages."""
        kinds = " or ".join(f"`kind: {kind}`" for kind in self.facts.monitors)
        return f"a plot of kind `{self.kind.value}` needs a {kinds} monitor"

    def named(self, number: int, name: str) -> Monitor:
        """A monitor that it names."""
        place = self.key_of("monitor", number)
        found = self.monitors.get(name)
        if found is None:
            advice = did_you_mean(name, self.monitors)
            raise self.error("PLT501", f"there is no monitor `{name}`", *place, help=advice)
        if isinstance(found, SpikeMonitor) and found.counts_only and "spikes" in self.facts.monitors:
            message = f"`{name}` counts only: there are no times of spikes to draw"
            raise self.error("PLT502", message, *place, help="remove `counts_only` from the monitor")
        if not self.fits(found):
            of = " of synapses" if self.kind is PlotKind.WEIGHTS else ""
            raise self.error("PLT502", f"{self.needs()}{of}, `{name}` is another kind", *place)
        return found

    def of_source(self, number: int, name: str, fit: Sequence[Monitor]) -> list[Monitor]:
        """The monitors of a group or of synapses; of weights those at the end of the run come first."""
        found = [m for m in fit if name in _sources(m)]
        if not found:
            place = self.key_of("source", number)
            raise self.error(
                "PLT502", f"{self.needs()}, and none records `{name}`", *place, help=f"add one of `{name}`"
            )
        ranked = sorted(found, key=lambda m: self.facts.monitors.index(_KINDS[type(m)]))
        return ranked[: self.facts.most]

    def suggested(self, fit: Sequence[Monitor]) -> list[Monitor]:
        """All that it can draw; of rates, those that have bins of their own come before spikes."""
        if self.kind in (PlotKind.RATE, PlotKind.WEIGHTS):
            ranked = sorted(fit, key=lambda m: self.facts.monitors.index(_KINDS[type(m)]))
            fit = [m for m in ranked if type(m) is type(ranked[0])]
        if self.kind is PlotKind.WEIGHTS:
            fit = [m for m in fit if not isinstance(m, ConnectivityMonitor) or m.variables or m.delays] or fit
        if not fit:
            raise self.error("PLT502", f"{self.needs()}, and there is none", "kind")
        return list(fit)

    # what it shows of them

    def check_variables(self, drawn: Sequence[Monitor]) -> None:
        """Variables that are recorded, each once, as many as the kind shows."""
        names = self.listed("variables")
        one = self.kind in (PlotKind.WEIGHTS, PlotKind.HEATMAP)
        if "variables" in self.keys and not drawn:
            raise self.error("PLT512", "`variables` is for a heatmap of a monitor", "variables", help="name a monitor")
        if self.kind is PlotKind.WEIGHTS and isinstance(drawn[0], ConnectivityMonitor) and not columns_of(drawn[0]):
            message = f"`{drawn[0].name}` stores pairs without values: the synapses have no variables"
            key = "monitor" if "monitor" in self.keys else "kind"
            raise self.error("PLT504", message, key, help="`variables: [delay]` of the monitor stores delays")
        if len(set(names)) < len(names):
            raise self.error("PLT512", "a variable is named twice", "variables")
        if one and len(names) > 1:
            message = f"a {self.kind.value} plot shows one variable"
            raise self.error("PLT512", message, "variables", help="use `panels`")
        if "variables" in self.keys and not names:
            raise self.error("PLT512", "no variable is named", "variables")
        for k, name in enumerate(names):
            for monitor in drawn:
                known = columns_of(monitor)
                if name not in known:
                    advice = did_you_mean(name, known) or f"it records {', '.join(known)}"
                    message = f"`{monitor.name}` does not record `{name}`"
                    raise self.error("PLT504", message, *self.key_of("variables", k), help=advice)

    def check_neurons(self, drawn: Sequence[Monitor]) -> None:
        """A number of neurons, a slice, or a list of recorded ones."""
        if "neurons" not in self.keys:
            return
        value = self.plain["neurons"]
        if not drawn:
            raise self.error("PLT512", "`neurons` is for a heatmap of a monitor", "neurons", help="name a monitor")
        wrong = f"`neurons: {value}` is not `all`, a number, a slice such as `0:100` or a list"
        if isinstance(value, list):
            for k, number in enumerate(value):
                if isinstance(number, bool) or not isinstance(number, int):
                    raise self.error("PLT505", wrong, "neurons", k)
                if not any(_watches(self.network, m, number) for m in drawn):
                    message = f"neuron {number} is not recorded by {_quoted(drawn)}"
                    raise self.error("PLT505", message, "neurons", k)
            if len(set(value)) < len(value):
                raise self.error("PLT505", "a neuron is named twice", "neurons")
            if not value:
                raise self.error("PLT505", "no neuron is named", "neurons")
        elif isinstance(value, str) and value != "all":
            chosen = _slice(value)
            if chosen is None:
                raise self.error("PLT505", wrong, "neurons")
            size = max((_size_of(self.network, m) for m in drawn), default=0)
            if size and not range(*chosen.indices(size)):
                raise self.error("PLT505", f"`{value}` selects none of {size} neurons", "neurons")
        elif isinstance(value, bool) or not (value == "all" or (isinstance(value, int) and value > 0)):
            raise self.error("PLT505", wrong, "neurons")

    def check_marks(self) -> None:
        """One monitor of spikes, or none."""
        names = self.listed("marks") if self.plain.get("marks") is not False else []
        for k, name in enumerate(names):
            found = self.monitors.get(name)
            if found is None and not (name == "none" and self.kind is PlotKind.TRACES):
                advice = did_you_mean(name, self.monitors)
                raise self.error("PLT501", f"there is no monitor `{name}`", *self.key_of("marks", k), help=advice)
            if found is not None and not isinstance(found, SpikeMonitor):
                message = f"`marks` is a `kind: spikes` monitor, `{name}` is another kind"
                raise self.error("PLT502", message, *self.key_of("marks", k))
            if isinstance(found, SpikeMonitor) and found.counts_only:
                message = f"`{name}` counts only: there are no times of spikes to draw"
                raise self.error("PLT502", message, *self.key_of("marks", k))
        if len(names) > 1:
            raise self.error("PLT512", "`marks` is one monitor", "marks")
        if "marks" in self.keys and "period" in self.keys:
            raise self.error("PLT512", "trials begin at `marks` or with `period`, not both", "period")

    # numbers

    def dimensions(self, drawn: Sequence[Monitor]) -> tuple[Dimension | None, Dimension | None]:
        """Of x and y; None where they are not known before the run."""
        match self.kind:
            case PlotKind.RASTER | PlotKind.RASTERS | PlotKind.IMAGE:
                return TIME, ONE
            case PlotKind.RATE | PlotKind.PSTH:
                return TIME, FREQUENCY
            case PlotKind.ISI:
                return TIME, ONE
            case PlotKind.TRACES:
                return TIME, self.one_dimension(drawn)
            case PlotKind.WEIGHTS:
                names = self.listed("variables") or list(columns_of(drawn[0]))[:1]
                return columns_of(drawn[0], self.network)[names[0]], ONE
            case PlotKind.HEATMAP if drawn:
                return TIME, ONE
            case PlotKind.CURVE | PlotKind.HEATMAP | PlotKind.SWEEP:
                return self.dimension_of("x"), self.dimension_of("y")
            case _:
                return _ANY, _ANY

    def one_dimension(self, drawn: Sequence[Monitor]) -> Dimension | None:
        """The dimension that all traces share, where something needs one."""
        found = {
            dimension
            for m in drawn
            for name, dimension in columns_of(m, self.network).items()
            if name in (self.listed("variables") or columns_of(m))
        }
        if len(found) == 1:
            return found.pop()
        for key in ("overlay", "ylim", "lines"):
            if self.plain.get(key):
                message = f"`{key}` needs variables of one unit, and these have several"
                raise self.error("PLT513", message, key, help="name those of one unit with `variables`")
        return _ANY

    def dimension_of(self, key: str) -> Dimension | None:
        """The dimension of a metric, of a constant, or of a variable of a group."""
        names = self.listed(key)
        if not names or names[0] == "duration":
            return _ANY
        name = names[0]
        if name in self.metrics:
            return self.metrics[name][0]
        if name.startswith("run."):
            return TIME if name in ("run.duration", "run.dt") else _ANY
        constant = self.context.constants.get(name)
        if constant is not None:
            return constant.dimension
        group, _, variable = name.partition(".")
        population = self.context.populations.get(group)
        member = population.members.get(variable) if population is not None else None
        return member.typed.dimension if member is not None else _ANY

    def quantities(self, key: str, dimension: Dimension | None) -> Any:
        """The numbers of an option, of the dimension of its axis. [SI]."""
        node = self.context.document.node(self.keys[key])
        if isinstance(node, MapNode):
            return {
                name: [self.number((*self.keys[key], name, k), dimension) for k in range(len(entry.value.items))]
                if isinstance(entry.value, ListNode)
                else self.number((*self.keys[key], name), dimension)
                for name, entry in node.entries.items()
            }
        if isinstance(node, ListNode):
            return [self.number((*self.keys[key], k), dimension) for k in range(len(node.items))]
        return self.number(self.keys[key], dimension)

    def number(self, path: Path, dimension: Dimension | None) -> float:
        """A constant of a dimension that a picture can show."""
        expr = self.context.expression(path)
        typed = self.context.checker({}, "a plot").check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", "this must be a constant")
        if dimension is not None and not typed.fits(dimension):
            raise at(
                expr.span, "PLT513", f"this is {typed.dimension.describe()}, and the axis shows {dimension.describe()}"
            )
        if not abs(typed.value) < _LARGEST:
            raise at(expr.span, "PLT514", "this number is too large to draw")
        return typed.value

    def check_values(self) -> None:
        """Limits in order, positive widths, one way to say what a bin is."""
        found = self.plain
        for key in ("xlim", "ylim"):
            if key in found and not found[key][1] - found[key][0] > 1e-9 * max(abs(v) for v in found[key]):
                raise self.error("PLT514", f"`{key}` is [from, to], with room between the two", key)
        for key in ("bin", "period"):
            if key in found:
                self.check_width(key, found[key])
        if "bin" in found:
            found["bin"] = self.whole_steps(found["bin"])
        if found.get("bins", 0) > _MOST_BINS:
            raise self.error("PLT514", f"more than {_MOST_BINS:,} bins cannot be seen", "bins")
        span = found.get("period", self.network.steps * self.network.dt)
        if self.kind in _OVER_TIME and found.get("bins", 0) > span / self.network.dt * (1 + 1e-6):
            raise self.error("PLT514", "there are more `bins` than steps: spikes fall on steps", "bins")
        if "bin" in found and "bins" in found:
            raise self.error("PLT512", "`bin` and `bins` do not go together", "bins", help="keep one of them")
        for key in ("bin", "bins"):
            if (
                key in found
                and self.kind is PlotKind.RATE
                and not any(isinstance(m, SpikeMonitor) for m in self.drawn())
            ):
                message = f"`{key}` is for monitors of spikes; a `kind: rate` monitor has bins of its own"
                raise self.error("PLT512", message, key)

    def check_width(self, key: str, seconds: float) -> None:
        """A bin or a period is a step or more, and there are not more of them than can be seen."""
        dt = self.network.dt
        if not seconds > 0:
            raise self.error("PLT514", f"`{key}` must be above zero", key)
        if seconds < 0.999 * dt:
            step = format_quantity(dt, TIME)
            raise self.error("PLT514", f"`{key}` is shorter than a step: spikes fall on steps of {step}", key)
        if self.network.steps * dt / seconds > _MOST_BINS * 1.001:
            many = "trials" if key == "period" else "bins"
            raise self.error("PLT514", f"more than {_MOST_BINS:,} {many} of this `{key}` are in the run", key)

    def whole_steps(self, bin: float) -> float:
        """The width of a bin in whole steps, or spikes would fall unevenly into them. [s]."""
        dt = self.network.dt
        steps = max(np.floor(bin / dt + 0.5 + TOLERANCE), 1.0)
        what = f"the `bin` of this {self.kind.value} plot"
        span = self.context.document.span(self.keys["bin"])
        warn_between_steps(self.context, [bin], np.array([int(steps)]), span, what)
        return float(steps * dt)

    def check_labels(self, drawn: Sequence[Monitor]) -> None:
        """Words for what the picture names."""
        if "labels" not in self.keys:
            return
        known = label_names(self.kind, drawn, self.network, self.plain)
        if self.kind in (PlotKind.CURVE, PlotKind.SWEEP, PlotKind.RASTERS) or not drawn:
            known |= {*self.metrics, *axis_names(self.context.experiment)}
        for name in self.plain["labels"]:
            if name not in known:
                message = f"this picture names nothing `{name}`"
                advice = did_you_mean(name, known) or f"it names {', '.join(sorted(known))}"
                raise self.error("PLT515", message, "labels", name, help=advice)


_MOST_BINS = 100_000
_OVER_TIME = (PlotKind.RASTER, PlotKind.RATE, PlotKind.PSTH, PlotKind.IMAGE)


def label_names(kind: PlotKind, drawn: Sequence[Monitor], network: Network, plot: Mapping[str, Any]) -> set[str]:
    """What a picture names, so that it may be called otherwise: axes, monitors, groups, variables, curves by number."""
    names = {"x"}
    if kind not in (PlotKind.RASTER, PlotKind.CONNECTIVITY, PlotKind.WEIGHTS):
        names.add("y")
    if kind in (PlotKind.HEATMAP, PlotKind.SWEEP):
        names.add("z")
    if kind is PlotKind.CONNECTIVITY:
        return {"y", "source", "target"}
    if kind is PlotKind.WEIGHTS:
        return {"x", "y"}
    if kind is PlotKind.TRACES:
        names |= {m.name for m in drawn if len(drawn) > 1}
        names |= set(plot.get("variables") or [c for m in drawn for c in columns_of(m)])
        names |= {f"neuron {k}" for m in drawn for k in range(min(_size_of(network, m), _MOST_CURVES))}
    if kind in (PlotKind.RASTER, PlotKind.RATE, PlotKind.PSTH, PlotKind.ISI, PlotKind.RASTERS):
        for m in drawn:
            assert isinstance(m, SpikeMonitor | RateMonitor)
            several = (
                sum(isinstance(o, SpikeMonitor | RateMonitor) and o.source.name == m.source.name for o in drawn) > 1
            )
            group = network.groups[m.source.group]
            parts = {f"{group.name}.{part}" for part in group.subgroups} if m.source.name == group.name else set()
            names |= {m.name if several else m.source.name} | parts
        if kind is PlotKind.RASTER and len(drawn) == 1 and not network.groups[_group_of(drawn[0])].subgroups:
            names.add("y")
    return names


_MOST_CURVES = 1000


def _group_of(monitor: Monitor) -> str:
    assert isinstance(monitor, SpikeMonitor | RateMonitor)
    return monitor.source.group


def columns_of(monitor: Monitor, network: Network | None = None) -> dict[str, Dimension]:
    """The variables in a monitor's results; their dimensions when the network is given."""
    if isinstance(monitor, ConnectivityMonitor):
        names = [*monitor.variables, *(name for name, _ in monitor.delays)]
        if network is None:
            return dict.fromkeys(names, ONE)
        stored = {s.variable.name: s.dimension for s in network.synapses[monitor.synapses].stored}
        return {name: stored.get(name, TIME) for name in names}
    if isinstance(monitor, StateMonitor):
        return {c.name: c.dimension for c in monitor.columns}
    return {}


def _of_synapses(monitor: StateMonitor) -> bool:
    return monitor.source.startswith("synapses.")


def _sources(monitor: Monitor) -> tuple[str, ...]:
    """What a monitor watches, by the names it has in the file."""
    match monitor:
        case ConnectivityMonitor():
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


def _size_of(network: Network, monitor: Monitor) -> int:
    """Neurons of the whole group; 0 where only building tells."""
    if isinstance(monitor, StateMonitor):
        section, _, name = monitor.source.partition(".")
        return network.groups[name].size if section == "groups" else 0
    if isinstance(monitor, SpikeMonitor | RateMonitor):
        return network.groups[monitor.source.group].size
    return 0


def _quoted(monitors: Sequence[Monitor]) -> str:
    return ", ".join(f"`{m.name}`" for m in monitors)


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


def _size(context: Context, path: Path) -> Any:
    node = context.document.node(path)
    if isinstance(node, ScalarNode):
        return node.value
    assert isinstance(node, ListNode)
    found = []
    for k in range(len(node.items)):
        expr = context.expression((*path, k))
        typed = context.checker({}, "a plot").check(expr)
        if typed.exact is None or typed.dimension != LENGTH:
            raise at(expr.span, "PLT513", "a size is a length", "write `[85 mm, 60 mm]`")
        if not _SMALLEST_M <= typed.value <= _LARGEST_M:
            raise at(expr.span, "PLT514", "a picture is between 2 cm and 1 m wide and high")
        found.append(typed.value)
    return found


_SMALLEST_M, _LARGEST_M = 0.02, 1.0


def _style(context: Context, path: Path) -> str:
    """The path of a style file, which lies beside or below the experiment."""
    if isinstance(context.document.node(path), ListNode):
        raise context.error("PLT508", "a picture has one style file", path)
    return str(find_file(context, path))


def axis_names(experiment: models.Experiment) -> tuple[str, ...]:
    """What lies along the axes of a sweep: its parameters, and those of a `zip` together."""
    names = swept(experiment)
    zipped = list((experiment.sweep.zip or {}) if experiment.sweep is not None else {})
    return (*names, "+".join(zipped)) if len(zipped) > 1 else names


def axes_of(experiment: models.Experiment) -> int:
    """How many axes a sweep has, repetitions left out."""
    sweep = experiment.sweep
    if sweep is None:
        return 0
    axes = [name for name in sweep.axes or {} if name not in ("seed", "repeat")]
    return len(axes) + bool(sweep.zip) + bool(sweep.points) + bool(sweep.sample)


def of_sweep(plot: Mapping[str, Any], parameters: Collection[str]) -> bool:
    """Whether a picture shows a whole sweep: a metric against a parameter, not the curve of one run.

    Args:
        plot: The picture, as plain data.
        parameters: What the sweep changes.
    """
    if "panels" in plot:
        return any(of_sweep(panel, parameters) for panel in plot["panels"])
    kind = plot.get("kind")
    if kind in ("sweep", "rasters"):
        return True
    if kind not in ("curve", "heatmap") or not parameters:
        return False
    if any(plot.get(key) is not None for key in ("monitor", "source", "variables", "neurons")):
        return False
    x = plot.get("x")
    return x is None or x in parameters or all(part in parameters for part in str(x).split("+"))


def _check_panels(context: Context, path: Path, panels: list[dict[str, Any]]) -> None:
    """Pictures of a sweep and of its points are made from different results."""
    parameters = swept(context.experiment)
    if parameters and len({of_sweep(panel, parameters) for panel in panels}) > 1:
        raise context.error(
            "PLT506",
            "these panels belong to the whole sweep and to single points of it",
            (*path, "panels"),
            "make two pictures of them",
        )


def swept(experiment: models.Experiment) -> tuple[str, ...]:
    """Names of the parameters that a sweep changes."""
    sweep = experiment.sweep
    if sweep is None:
        return ()
    names = [*(sweep.axes or {}), *(sweep.zip or {}), *(sweep.sample.ranges if sweep.sample else {})]
    for point in sweep.points or []:
        names += list(point)
    return tuple(dict.fromkeys([*names, *(["repeat"] if sweep.repeat > 1 else [])]))

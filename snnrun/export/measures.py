"""Metrics as Brian2 and numpy compute them after a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from snnrun.equations.ast import Call, Expr, Name
from snnrun.export.expressions import CannotExportError, Printed, Printer
from snnrun.export.page import Page
from snnrun.spec.nodes import Path as FilePath

_TIME = "defaultclock.t"
_SPIKES: dict[str, str] = {
    "count": "{0}.num_spikes",
    "counts": "{0}.count[:]",
    "mean_rate": "{0}.num_spikes/len({0}.count)/" + _TIME,
    "rates": "{0}.count[:]/" + _TIME,
    "first_spike": "(min({0}.t) if {0}.num_spikes else nan*second)",
    "cv_isi": (
        "np.mean([np.std(gaps)/np.mean(gaps) for gaps in map(np.diff, {0}.spike_trains().values()) if len(gaps) > 1])"
    ),
}
_VALUES = {
    "mean": "np.mean({0})",
    "std": "np.std({0})",
    "min": "np.min({0})",
    "max": "np.max({0})",
    "median": "np.median({0})",
    "percentile": "np.percentile({0}, {1})",
}


@dataclass(slots=True)
class MeasurePrinter(Printer):
    """Prints metrics as Python.

    Args:
        spikes: Python variables of spike monitors, by name.
        samples: What holds the samples of recorded variables: `v`, `vw.w` → `vw.w`.
        sizes: Python variables of synapses, by name.
        members: What holds the values of variables at the end: `cells.v` → `cells.v[:]`.
        left_out: Metrics that are not in the script.
    """

    spikes: Mapping[str, str] | None = None
    samples: Mapping[str, str] | None = None
    sizes: Mapping[str, str] | None = None
    members: Callable[[str], str | None] | None = None
    left_out: Collection[str] = ()

    def _call(self, expr: Expr, local: Mapping[str, Printed]) -> Printed:
        assert isinstance(expr, Call)
        first = expr.args[0].id if expr.args and isinstance(expr.args[0], Name) else ""
        assert self.spikes is not None
        assert self.samples is not None
        assert self.sizes is not None
        if first in self.spikes:
            if expr.function not in _SPIKES or len(expr.args) > 1:
                raise CannotExportError(f"the metric `{expr.function}`")
            return _SPIKES[expr.function].format(self.spikes[first]), 6
        if expr.function == "count" and first in self.sizes:
            return f"len({self.sizes[first]})", 9
        if expr.function == "last" and first in self.samples:
            return f"{self.samples[first]}[:, -1]", 9
        if expr.function in _VALUES and len(expr.args) == 1 + (expr.function == "percentile"):
            inner = [self._inner_text(arg, local) for arg in expr.args]
            return _VALUES[expr.function].format(*inner), 9
        return Printer._call(self, expr, local)  # noqa: SLF001 - its own; `super()` does not know classes with slots

    def _inner_text(self, expr: Expr, local: Mapping[str, Printed]) -> str:
        assert self.samples is not None
        if isinstance(expr, Name) and expr.id in self.samples:
            return self.samples[expr.id]
        return self._print(expr, local)[0]

    def _name(self, name: str, local: Mapping[str, Printed]) -> Printed:
        assert self.members is not None
        if name in self.left_out:
            raise CannotExportError(f"the metric `{name}`")
        if name == "duration":
            return _TIME, 9
        found = self.members(name)
        return (found, 9) if found else Printer._name(self, name, local)  # noqa: SLF001


def measures(page: Page) -> None:
    """All metrics, in a dictionary."""
    names = page.document.keys(("metrics",))
    if not names:
        return
    page.section("Metrics")
    page.put("metrics = {}")
    printer = _printer(page)
    for name in names:
        path: FilePath = ("metrics", name)
        noted = len(page.notes)
        page.trying(path, partial(_measure, page, printer, path))
        if len(page.notes) > noted:
            printer.left_out = {*printer.left_out, name}
        printer.names = {**printer.names, name: f"metrics[{name!r}]"}
    page.put("for name, value in metrics.items():", "    print(name, '=', value)")


def _measure(page: Page, printer: MeasurePrinter, path: FilePath) -> None:
    page.put(f"metrics[{str(path[1])!r}] = {page.value(path, printer)}")


def _printer(page: Page) -> MeasurePrinter:
    models = page.checked.experiment.monitors
    spikes, samples = dict[str, str](), dict[str, str]()
    for name, model in models.items():
        variable = page.objects["monitors", name]
        if variable not in page.created:
            continue
        if model.kind in ("spikes", "events"):
            spikes[name] = variable
        for recorded in getattr(model, "variables", None) or () if model.kind == "state" else ():
            samples[f"{name}.{recorded}"] = f"{variable}.{recorded}"
            samples.setdefault(str(recorded), f"{variable}.{recorded}")
    sizes = {name: page.objects["synapses", name] for name in page.document.keys(("synapses",))}
    base = replace(page.python)
    return MeasurePrinter(
        base.functions, base.known, base.arrays, base.shadowed, dict(base.names), spikes, samples, sizes,
        partial(_member, page),
    )  # fmt: skip


def _member(page: Page, name: str) -> str | None:
    """The values of a variable of an object at the end of the run."""
    owner, _, variable = name.rpartition(".")
    if not owner:
        return None
    if owner in page.network.synapses:
        return f"{page.objects['synapses', owner]}.{variable}[:]"
    population = page.context.populations.get(owner.partition(".")[0])
    if population is None or variable not in population.members:
        return None
    return f"{page.target(owner)}.{variable}[:]"

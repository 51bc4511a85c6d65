"""The parts of the page about one folder of results."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

import numpy as np

from snnrun.compare.folders import Kind, Measured
from snnrun.model.network import GroupKind, Network
from snnrun.report.listing import listing
from snnrun.report.markup import Html, element, escaped, joined
from snnrun.report.numbers import quantity
from snnrun.report.pictures import Room, image, pictures_of
from snnrun.report.subject import Subject
from snnrun.report.sweep_section import points_table, seeds_table
from snnrun.report.tables import Column, facts, table
from snnrun.sweep.points import Plan
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import quantity_of

_MOST_GROUPS: Final = 50


def section(subject: Subject, number: int, room: Room) -> Html:
    """All that the page says of one folder.

    Args:
        subject: The folder.
        number: Which one it is; its heading is `r<number>`.
        room: What pictures may take.
    """
    entry = subject.entry
    state = element("span", subject.status, class_="state" if subject.is_whole else "state bad")
    parts = [element("h2", subject.name, " ", state, id=f"r{number}")]
    parts += [element("p", text, class_="warning") for text in subject.warnings]
    parts += _words(subject)
    parts.append(facts(_facts(subject)))
    parts += _part("Pictures", _pictures(subject, room))
    parts += _part("Metrics", _metrics(subject))
    if entry.kind is Kind.SWEEP:
        parts += _part("Spread over seeds", seeds_table(entry))
        parts += _part("Points", points_table(entry, room, damaged=subject.damaged))
    parts += _part("Parameters", _parameters(subject))
    parts += _part("File", listing(subject.text))
    parts += _part("Provenance", facts(_provenance(subject)))
    parts += _part("Log", element("pre", subject.log) if subject.log else Html())
    return element("section", parts)


def _part(head: str, content: Html) -> Iterator[Html]:
    if content:
        yield element("h3", head)
        yield content


def _words(subject: Subject) -> Iterator[Html]:
    """Description and references."""
    if subject.side is None:
        return
    experiment = subject.side.checked.experiment
    for paragraph in (experiment.description or "").split("\n\n"):
        if paragraph.strip():
            yield element("p", element("bdi", " ".join(paragraph.split())))
    references = experiment.references or ()
    for reference in (references,) if isinstance(references, str) else references:
        yield element("p", element("bdi", reference), class_="reference")


def _facts(subject: Subject) -> Iterator[tuple[str, str]]:
    """What was simulated."""
    side = subject.side
    if side is not None:
        network, experiment = side.checked.resolved.network, side.checked.experiment
        yield from _sizes(network)
        length = f"{quantity(network.steps * network.dt, TIME)} in {network.steps:,} steps"
        yield "Duration", f"{length} of {quantity(network.dt, TIME)}"
        yield "Phases", ", ".join(p.name for p in network.phases) if len(network.phases) > 1 else ""
        seed = experiment.seed
        yield "Seed", str(seed) if isinstance(seed, int) else "one for each stream: see the file"
        yield "Sweep", "" if side.plan is None else side.plan.describe()
    entry = subject.entry
    yield "Started", "" if entry.started is None else entry.started.strftime("%Y-%m-%d %H:%M:%S %z")
    yield "Folder", element("code", str(entry.path))


def _sizes(network: Network) -> Iterator[tuple[str, str]]:
    names = {GroupKind.NEURONS: "Neurons", GroupKind.POISSON: "Poisson sources", GroupKind.SPIKES: "Given spikes"}
    for kind, name in names.items():
        groups = [g for g in network.groups.values() if g.kind is kind]
        shown = [f"{g.name} {g.size:,}" for g in groups[:_MOST_GROUPS]]
        yield name, ", ".join([*shown, *(["…"] if len(groups) > len(shown) else [])])
    shown = [f"{s.name} ({s.source.name} → {s.target.name})" for s in network.synapses.values()]
    yield "Synapses", ", ".join([*shown[:_MOST_GROUPS], *(["…"] if len(shown) > _MOST_GROUPS else [])])


def _pictures(subject: Subject, room: Room) -> Html:
    entry = subject.entry
    figures = []
    for picture in pictures_of(entry.path, entry.done, room, damaged=subject.damaged):
        shown = image(picture) if picture.data else escaped("")
        words = f"{picture.name} is not shown: {picture.why}." if picture.why else picture.name
        figures.append(element("figure", shown, element("figcaption", words)))
    return element("div", figures, class_="figures") if figures else Html()


def _metrics(subject: Subject) -> Html:
    """Each metric with its unit and its formula; of many values their extent."""
    entry, formulas = subject.entry, {} if subject.side is None else subject.side.checked.experiment.metrics
    names = list(entry.metrics)
    measured = [entry.metrics[name] for name in names]
    columns = [Column("metric", names)]
    if entry.kind is Kind.RUN:
        columns.append(Column("value", [_value(m) for m in measured]))
    else:
        columns.append(Column("smallest to largest", [quantity(m.extent, m.dimension) for m in measured]))
        columns.append(Column("median", [_median(m) for m in measured]))
        columns.append(Column("values", [_count(m) for m in measured]))
    cells = [element("code", str(formulas[n])) if n in formulas else "" for n in names]
    columns.append(Column("formula", cells, kind="value"))
    return table(columns) if names else Html()


def _value(measured: Measured) -> str:
    if not measured.values.ndim:
        return quantity(float(measured.values), measured.dimension)
    return f"{quantity(measured.extent, measured.dimension)} ({_count(measured)} values)"


def _median(measured: Measured) -> str:
    finite = measured.values[np.isfinite(measured.values)]
    return quantity(float(np.median(finite)), measured.dimension) if finite.size else ""


def _count(measured: Measured) -> str:
    finite, size = int(np.isfinite(measured.values).sum()), measured.values.size
    return f"{size:,}" if finite == size else f"{finite:,} of {size:,}"


def _parameters(subject: Subject) -> Html:
    """The constants of the file, and what the sweep changes."""
    if subject.side is None:
        return Html()
    checked, plan = subject.side.checked, subject.side.plan
    swept = _swept(plan)
    known = checked.resolved.context.constants
    rows = []
    for name in checked.experiment.constants:
        written = subject.side.shown(("constants", name), None) or ""
        typed = known.get(name)
        value = float(typed.value) if typed is not None and typed.exact is not None else math.nan
        shown = "" if typed is None or math.isnan(value) else quantity(value, typed.dimension)
        if quantity_of(written) == value or shown.replace("−", "-") == written:
            shown = ""
        rows.append((name, written, shown, swept.pop(name, "")))
    rows += [(name, "", "", text) for name, text in swept.items()]
    heads = ("name", "in the file", "value", "in the sweep")
    return table(Column(head, [row[k] for row in rows]) for k, head in enumerate(heads)) if rows else Html()


def _swept(plan: Plan | None) -> dict[str, str]:
    """The parameters of a sweep, each with the number of its values, and the smallest and largest of numbers."""
    found = {}
    for axis in plan.axes if plan is not None else ():
        for values in axis.parameters:
            numbers = [n for n in values.numbers if isinstance(n, float) and not math.isnan(n)]
            ends = "" if values.dimension is None else f", {quantity((min(numbers), max(numbers)), values.dimension)}"
            found[values.name] = f"{axis.length:,} values{ends if numbers else ''}"
    return found


def _provenance(subject: Subject) -> Iterator[tuple[str, str]]:
    """Where the results come from."""
    found, done = subject.provenance, subject.entry.done
    command = found.get("command")
    if isinstance(command, list):
        yield "Command", element("code", shlex.join(map(str, command)))
    yield "Started", str(found.get("started", ""))
    timings = ", ".join(f"{stage} {seconds:.3g} s" for stage, seconds in done.timings.items() if seconds >= 0.005)
    total = found.get("duration_s")
    yield "Time", f"{total:.3g} s ({timings})" if isinstance(total, int | float) else timings
    for name, key in (("System", "system"), ("Processor", "processor"), ("Python", "python")):
        yield name, str(found.get(key, ""))
    yield "Packages", ", ".join(_packages(found.get("packages"), done.versions))
    yield "Commit", _commit(found.get("git"))
    yield "Digest of the data", element("code", done.digest) if done.digest else ""


def _packages(found: Any, versions: Mapping[str, str]) -> Iterable[str]:
    packages = found if isinstance(found, dict) else {}
    return (f"{name} {version}" for name, version in chain((packages or versions).items()))


def _commit(found: Any) -> str:
    if not isinstance(found, dict):
        return ""
    dirty = found.get("dirty")
    changed = ", with changes" if dirty is True else "" if dirty is False else ", perhaps with changes"
    return joined([element("code", str(found.get("commit", ""))), changed])

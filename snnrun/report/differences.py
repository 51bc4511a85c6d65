"""Results beside each other: all metrics, their spread over seeds, and what differs between two folders."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

import numpy as np

from snnrun.compare.documents import differences
from snnrun.compare.folders import Kind
from snnrun.compare.side_by_side import Extent, side_by_side
from snnrun.report.markup import Html, element
from snnrun.report.numbers import NONE, Spread, quantity
from snnrun.report.subject import Subject
from snnrun.report.sweep_section import spread_columns
from snnrun.report.tables import Column, table
from snnrun.units.dimensions import Dimension


def overview(subjects: Sequence[Subject]) -> Html:
    """A row for each folder: what it is, and its metrics that are one number."""
    links = [element("a", s.name, href=f"#r{k}") for k, s in enumerate(subjects)]
    columns = [Column("experiment", links), Column("status", [s.status for s in subjects])]
    columns.append(Column("started", [_when(s) for s in subjects]))
    seeds = [_seed(s) for s in subjects]
    columns.append(Column("seed", seeds, [float(seed) if seed else math.nan for seed in seeds]))
    columns += [Column.of(n, _values(subjects, n, d), d) for n, d in _metrics(subjects)]
    return table(columns, sortable=len(subjects) > 2)


def _when(subject: Subject) -> str:
    return "" if subject.entry.started is None else subject.entry.started.strftime("%Y-%m-%d %H:%M")


def _seed(subject: Subject) -> str:
    seed = None if subject.side is None else subject.side.checked.experiment.seed
    return str(seed) if isinstance(seed, int) else ""


def _metrics(subjects: Sequence[Subject]) -> list[tuple[str, Dimension]]:
    runs = [s.entry for s in subjects if s.entry.kind is Kind.RUN]
    found = ((n, m.dimension) for entry in runs for n, m in entry.metrics.items() if not m.values.ndim)
    return list(dict.fromkeys(found))


def _values(subjects: Sequence[Subject], name: str, dimension: Dimension) -> list[float]:
    """A metric of each run; NaN for what has none."""
    found = [s.entry.metrics.get(name) if s.entry.kind is Kind.RUN else None for s in subjects]
    return [
        float(m.values) if m is not None and m.dimension == dimension and not m.values.ndim else np.nan for m in found
    ]


def seeds_of_runs(subjects: Sequence[Subject]) -> Html:
    """The spread of metrics over runs that differ in their seeds only; empty where there are none."""
    alike: dict[str, list[Subject]] = {}
    for subject in subjects:
        if subject.side is not None and subject.entry.kind is Kind.RUN:
            same = {k: v for k, v in subject.side.tree.items() if k not in ("seed", "name", "description")}
            alike.setdefault(json.dumps(same, sort_keys=True), []).append(subject)
    groups = [group for group in alike.values() if len(_one_a_seed(group)) > 1]
    if not groups:
        return Html()
    columns = [Column("experiment", [g[0].entry.name for g in groups])]
    columns.append(Column("seeds", [", ".join(sorted(map(_seed, _one_a_seed(g)), key=float)) for g in groups]))
    for name, dimension in _metrics([s for g in groups for s in g]):
        spreads = [Spread.of(_values(_one_a_seed(g), name, dimension)) for g in groups]
        columns += spread_columns(name, spreads, dimension)
    return table(columns)


def _one_a_seed(group: Sequence[Subject]) -> list[Subject]:
    return list({_seed(s): s for s in group if _seed(s)}.values())


def compared(a: Subject, b: Subject) -> Html:
    """What differs between two folders: their files in meaning, their metrics, their data."""
    return element("section", element("h3", f"{a.name} and {b.name}"), _compared(a, b))


def _compared(a: Subject, b: Subject) -> Iterator[Html]:
    if a.side is None or b.side is None:
        yield element("p", "Their files cannot be compared: this version of snnrun does not take both.")
    else:
        found = differences(a.side, b.side)
        yield element("p", "The experiments are the same in meaning." if not found else "Differences of the files:")
        columns = [Column("place", [d.place for d in found])]
        for subject, texts in ((a, [d.a for d in found]), (b, [d.b for d in found])):
            cells = [NONE if t is None else element("code", t) for t in texts]
            columns.append(Column(subject.name, cells, kind="value"))
        if found:
            yield table(columns)
    pairs = side_by_side(a.entry, b.entry)
    if pairs:
        columns = [Column("metric", [p.name for p in pairs])]
        columns.append(Column(a.name, [_side(p.a, p.dimension) for p in pairs]))
        columns.append(Column(b.name, [_side(p.b, p.dimension) for p in pairs]))
        columns.append(Column("difference", [p.change for p in pairs]))
        yield table(columns)
    same = a.entry.done.digest == b.entry.done.digest
    yield element("p", "The digests of the recorded data are the same." if same else "The recorded data differ.")


def _side(side: Extent | None, dimension: Dimension) -> str:
    return NONE if side is None else quantity((side.low, side.high), dimension)

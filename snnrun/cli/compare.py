"""`snnrun list`, `diff`, `verify` and `best`: results compared."""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnrun.cli.progress import Bar, Line, number_text, time_text
from snnrun.cli.render import put, put_json, say
from snnrun.cli.tables import Column, quantity_column, shortened, values_text, write_table
from snnrun.compare.folders import (
    Entry,
    Found,
    Kind,
    Measured,
    Unreadable,
    entry_at,
    is_whole,
    results_below,
)
from snnrun.errors import Diagnostic, ExperimentError, StorageError
from snnrun.files.writing import as_json
from snnrun.results.layout import DONE_FILE, EXPERIMENT_FILE, RunStatus
from snnrun.units.dimensions import ONE, Dimension

if TYPE_CHECKING:
    from snnrun.compare.conditions import Formula, LeftOut
    from snnrun.compare.documents import Difference
    from snnrun.compare.side_by_side import Extent, Pair
    from snnrun.compare.verify import Mismatch, Verdict

_DIFFERENT = 1  # exit code: something differs, or there is no result
_HASH = 8
_LONGEST = 160  # characters of a value in a table
_NAMED = 3  # folders in a line


# list


def list_results(
    root: Path,
    where: str | None,
    sort: str | None,
    limit: int | None,
    chosen: str | None,
    *,
    wide: bool,
    damaged: bool,
    json: bool,
) -> None:
    """List the results below a folder, the newest first, and the folders that cannot be read."""
    condition = None if where is None else _formula(where, "--where")
    found = results_below(root, damaged=damaged)
    entries = found.entries
    unfinished = found.unfinished if condition is None else []
    holds, left_out = ({}, []) if condition is None else condition.over(entries, condition.holds)
    meeting = entries if condition is None else [e for e in entries if e.path in holds and holds[e.path].any()]
    shown = _sorted(meeting, sort)
    shown = shown if limit is None else shown[:limit]
    if json:
        put_json(
            {
                "results": [_entry_json(entry, holds.get(entry.path)) for entry in shown],
                "unfinished": [str(path) for path in unfinished],
                "unreadable": [{"folder": str(bad.path), "why": bad.why} for bad in found.unreadable],
                "left_out": [one.as_json() for one in left_out],
            }
        )
        return
    if not entries and not found.unreadable:
        say(f"no results below {root}")
    elif entries and not shown:
        say(f"none of {number_text(len(entries))} results meets the condition")
    columns = _columns(shown, holds)
    if chosen is not None:
        columns = _chosen(chosen, columns, shown)
    write_table([_with_unreadable(column, found.unreadable) for column in columns], wide=wide)
    _say_left_out(left_out)
    if unfinished:
        say(f"{number_text(len(unfinished))} not finished: {', '.join(map(str, unfinished[:3]))}")


def _formula(text: str, option: str) -> Formula:
    from snnrun.compare.conditions import Formula  # a list without one is read without the language of expressions

    return Formula(text, option)


def _say_left_out(left_out: Sequence[LeftOut]) -> None:
    """Name the results without a value, those with the same reason in one line."""
    reasons: dict[str, list[Path]] = {}
    for one in left_out:
        reasons.setdefault(one.why, []).append(one.path)
    for why, paths in reasons.items():
        more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
        say(f"left out: {', '.join(map(str, paths[:_NAMED]))}{more}: {why}")


def _sorted(entries: list[Entry], sort: str | None) -> list[Entry]:
    """Sorted by name, by time (the newest first), or by a formula (ascending, a sweep by its smallest point)."""
    newest = sorted(entries, key=lambda e: "" if e.started is None else e.started.isoformat(), reverse=True)
    if sort is None or sort == "when":
        return newest
    if sort == "name":
        return sorted(newest, key=lambda e: e.name)
    formula = _formula(sort, "--sort")
    values, _ = formula.over(newest, formula.numbers)
    lowest = {path: Measured(found.values, ONE).extent[0] for path, found in values.items()}
    return sorted(newest, key=lambda e: low if math.isfinite(low := lowest.get(e.path, math.inf)) else math.inf)


def _columns(entries: Sequence[Entry], holds: Mapping[Path, NDArray[np.bool_]]) -> list[Column]:
    """A row for each result: what it is, then its metrics, of which the last have the least room."""
    names = dict.fromkeys((n, m.dimension) for e in entries for n, m in e.metrics.items() if _is_plain(e, m))
    complete = all(e.done.status is RunStatus.COMPLETE for e in entries)
    columns = [
        Column("name", [e.name for e in entries]),
        Column("hash", [e.hash for e in entries]),
        Column("points", [_points(e, holds.get(e.path)) for e in entries], right=True),
        Column("status", [e.done.status.value for e in entries], rank=2 if complete else 0),
        Column("when", [_when(e) for e in entries], rank=3),
    ]
    for number, (name, dimension) in enumerate(names):
        cells = [e.metrics[name].extent if _has(e, name, dimension) else None for e in entries]
        columns.append(quantity_column(name, dimension, cells, rank=1 if number == 0 else 3 + number))
    return [*columns, Column("why", [""] * len(entries))]


def _chosen(text: str, columns: Sequence[Column], entries: Sequence[Entry]) -> list[Column]:
    """The columns that `--columns` names: of those above, or of any formula that `--sort` takes."""
    known = {column.head.partition(" [")[0]: column for column in columns}
    chosen = []
    for name in re.split(r"\s*,\s*(?![^(]*\))", text.strip()):
        if name in known:
            chosen.append(replace(known[name], rank=0))
            continue
        formula = _formula(name, "--columns")
        values, _ = formula.over(entries, formula.numbers)
        dimensions = list(dict.fromkeys(found.dimension or ONE for found in values.values()))
        if len(dimensions) > 1:
            raise formula.mixed(dimensions)
        cells = [Measured(values[e.path].values, ONE).extent if e.path in values else None for e in entries]
        chosen += [quantity_column(name, dimension, cells) for dimension in dimensions]
    return chosen


def _with_unreadable(column: Column, unreadable: Sequence[Unreadable]) -> Column:
    """A column with the folders that cannot be read, of which there is little to say."""
    said: dict[str, Callable[[Unreadable], str]] = {
        "name": lambda bad: bad.path.parent.name,
        "hash": lambda bad: bad.path.name,
        "status": lambda bad: "damaged" if bad.damaged else "unreadable",
        "why": lambda bad: bad.why,
    }
    of = said.get("" if column.right else column.head, lambda _: "")
    return replace(column, cells=[*column.cells, *map(of, unreadable)])


def _is_plain(entry: Entry, measured: Measured) -> bool:
    return measured.values.shape == entry.shape


def _has(entry: Entry, name: str, dimension: Dimension) -> bool:
    measured = entry.metrics.get(name)
    return measured is not None and measured.dimension == dimension and _is_plain(entry, measured)


def _points(entry: Entry, holds: NDArray[np.bool_] | None) -> str:
    if entry.table is None:
        return ""
    size = entry.table.status.size
    return f"{size:,}" if holds is None else f"{int(np.broadcast_to(holds, entry.shape).sum()):,} of {size:,}"


def _when(entry: Entry) -> str:
    return "" if entry.started is None else entry.started.strftime("%Y-%m-%d %H:%M")


def _entry_json(entry: Entry, holds: NDArray[np.bool_] | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "folder": str(entry.path),
        "name": entry.name,
        "hash": entry.hash,
        "kind": entry.kind.value,
        "status": entry.done.status.value,
        "started": None if entry.started is None else entry.started.isoformat(),
        "digest": entry.done.digest,
    }
    if entry.table is not None:
        found["points"] = int(entry.table.status.size)
        if holds is not None:
            found["meeting"] = np.flatnonzero(np.broadcast_to(holds, entry.shape)).tolist()
    found["metrics"] = {name: _metric_json(entry, m) for name, m in entry.metrics.items()}
    return found


def _metric_json(entry: Entry, measured: Measured) -> dict[str, Any]:
    unit = measured.dimension.symbol
    if entry.kind is Kind.RUN:
        return {"value": as_json(measured.values), "unit": unit}
    low, high = measured.extent
    return {"min": as_json(low), "max": as_json(high), "unit": unit}


# diff

_DATA = {
    "same": "the recorded data are the same, bit for bit",
    "differ": "the recorded data differ",
    "damaged": "the recorded data are damaged, and not compared",
}


def diff(first: Path, second: Path, *, wide: bool, damaged: bool, json: bool) -> None:
    """Show what differs between two experiments or results; exit 1 when something does."""
    from snnrun.compare.documents import Side, differences
    from snnrun.compare.side_by_side import side_by_side

    files = [_experiment_of(path) for path in (first, second)]
    a, b = (
        entry_at(path, damaged=damaged, whole=True) if path.is_dir() and os.path.lexists(path / DONE_FILE) else None
        for path in (first, second)
    )
    found = differences(Side.read(files[0]), Side.read(files[1]))
    pairs = side_by_side(a, b) if a is not None and b is not None else []
    data = "" if a is None or b is None else _data(a, b, damaged=damaged)
    same = not found and data in ("", "same") and all(pair.same for pair in pairs)
    if json:
        report: dict[str, Any] = {"same": same, "a": str(first), "b": str(second)}
        report["differences"] = [{"place": d.place, "a": d.a, "b": d.b} for d in found]
        if data:
            report["data"] = data
            report["metrics"] = [_pair_json(pair) for pair in pairs]
        put_json(report)
    else:
        _write_differences(first, second, found, wide=wide)
        if data:
            _write_pairs(pairs, data)
    if not same:
        sys.exit(_DIFFERENT)


def _data(a: Entry, b: Entry, *, damaged: bool) -> str:
    """Whether recorded data are the `same`, `differ`, or are `damaged` and cannot be compared."""
    if damaged and not (is_whole(a) and is_whole(b)):
        return "damaged"
    return "same" if a.done.digest == b.done.digest else "differ"


def _experiment_of(path: Path) -> Path:
    """The experiment a path means: itself, or that of a folder of results."""
    if path.is_dir() and not (path / EXPERIMENT_FILE).is_file():
        entry_at(path)  # raises an error that says what is wrong
    if not path.exists():
        raise ExperimentError(Diagnostic("CMP101", f"there is no file or folder `{path}`"))
    return path / EXPERIMENT_FILE if path.is_dir() else path


def _write_differences(first: Path, second: Path, found: Sequence[Difference], *, wide: bool) -> None:
    if not found:
        put("the experiments are the same in meaning")
        return
    sides = [_sides(d, None if wide else _LONGEST) for d in found]
    write_table(
        [
            Column("", [d.place for d in found]),
            Column(str(first), [a for a, _ in sides]),
            Column(str(second), [b for _, b in sides]),
        ],
        wide=wide,
    )


def _sides(difference: Difference, longest: int | None) -> tuple[str, str]:
    """Two values, long ones from a little before the place where they differ."""
    a, b = ("–" if side is None else side for side in (difference.a, difference.b))
    if longest is None or max(len(a), len(b)) <= longest:
        return a, b
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
    start = max(alike - longest // 4, 0)
    return _part(a, start, longest), _part(b, start, longest)


def _part(text: str, start: int, longest: int) -> str:
    if start + longest >= len(text):
        return f"…{text[start:]}" if start else text
    return f"{'…' if start else ''}{text[start : start + longest]}…"


def _write_pairs(pairs: Sequence[Pair], data: str) -> None:
    if pairs:
        put("")
        sides = [[_side_text(side, p.dimension) for side in (p.a, p.b)] for p in pairs]
        write_table(
            [
                Column("metric", [p.name for p in pairs]),
                Column("first", [texts[0] for texts in sides], right=True),
                Column("second", [texts[1] for texts in sides], right=True),
                Column("difference", [p.change for p in pairs]),
            ]
        )
    put(_DATA[data])


def _side_text(side: Extent | None, dimension: Dimension) -> str:
    return "–" if side is None else values_text([side.low, side.high], dimension)


def _pair_json(pair: Pair) -> dict[str, Any]:
    sides = [
        None if s is None else {"min": as_json(s.low), "max": as_json(s.high), "count": s.count}
        for s in (pair.a, pair.b)
    ]
    return {
        "name": pair.name,
        "unit": pair.dimension.symbol,
        "a": sides[0],
        "b": sides[1],
        "same": pair.same,
        "relative": pair.relative,
        "place": None if pair.place is None else list(pair.place),
    }


# verify


def verify_folder(folder: Path, *, everything: bool, allow_code: bool, damaged: bool, json: bool) -> None:
    """Run a folder's experiment again; exit 1 when its files are damaged or other bits come out."""
    from snnrun.compare.verify import SAMPLE, verify

    line = Line(quiet=json)
    line.show("running again ...")
    bars: list[Bar] = []

    def progress(done: int, number: int) -> None:
        if number > 1:
            bars[:] = bars or [Bar(line, number, None)]
            bars[0].update(done, number)

    with tempfile.TemporaryDirectory(prefix="snnrun-verify-") as scratch:
        number = None if everything else SAMPLE
        verdict = verify(
            folder, Path(scratch), number=number, allow_code=allow_code, damaged=damaged, progress=progress
        )
    line.clear()
    if json:
        put_json(_verdict_json(verdict))
    else:
        _write_verdict(verdict)
    if not verdict.equal:
        sys.exit(_DIFFERENT)


def _write_verdict(verdict: Verdict) -> None:
    name = shlex.quote(str(verdict.folder))
    if verdict.damage:
        put(f"{name} is damaged")
        for item in verdict.damage:
            put(f"  {item.file} {item.what}")
        say(f"next: snnrun run {shlex.quote(str(verdict.folder / EXPERIMENT_FILE))}")
        return
    what = "the run" if not verdict.is_sweep else f"{verdict.checked:,} of {verdict.of:,} points"
    if verdict.equal:
        put(f"{name}  bit-equal: {what}, run again · digest {verdict.digest[:_HASH]}")
        for text in verdict.unlike:
            say(f"note: {text}")
        if verdict.checked < verdict.of:
            say("`--all` runs every point again")
        return
    put(f"{name}  differs: {len(verdict.mismatches):,} of {what}" if verdict.is_sweep else f"{name}  differs")
    for mismatch in verdict.mismatches[:3]:
        for text in _mismatch_lines(mismatch, verdict):
            put(f"  {text}")
    for text in verdict.unlike:
        put(f"  {text}")
    if verdict.faults:
        put("  that version had faults that may be the reason:")
    for text in verdict.faults:
        put(f"    {text}")


def _mismatch_lines(mismatch: Mismatch, verdict: Verdict) -> list[str]:
    lines = [mismatch.place] if verdict.is_sweep else []
    first = mismatch.first
    if first is not None:
        when = "" if first.time is None else f" at {time_text(first.time)}"
        which = "" if first.element is None else f", {_element(first.dataset)} {first.element}"
        values = "" if first.a is None else f": {first.a!r} stored, {first.b!r} now"
        lines.append(f"first difference: {first.dataset}, {first.what}{when}{which}{values}")
    for name, (old, new) in list(mismatch.metrics.items())[:4]:
        lines.append(f"{name}: {_value_text(old)} stored, {_value_text(new)} now")
    return lines


def _element(dataset: str) -> str:
    return "synapse" if dataset.startswith("edges/") else "element" if dataset.startswith("snnrun/states") else "neuron"


def _value_text(value: Any) -> str:
    if value is None:
        return "nothing"
    return repr(float(value)) if np.ndim(value) == 0 else f"{np.size(value)} values"


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "folder": str(verdict.folder),
        "equal": verdict.equal,
        "digest": verdict.digest,
        "damage": [{"file": item.file, "what": item.what} for item in verdict.damage],
        "checked": verdict.checked,
        "of": verdict.of,
        "mismatches": [
            {
                "place": m.place,
                "metrics": {
                    name: {"stored": as_json(old), "now": as_json(new)} for name, (old, new) in m.metrics.items()
                },
                "first": None
                if m.first is None
                else {
                    "dataset": m.first.dataset,
                    "what": m.first.what,
                    "time_s": m.first.time,
                    "element": m.first.element,
                    "stored": as_json(m.first.a),
                    "now": as_json(m.first.b),
                },
            }
            for m in verdict.mismatches
        ],
        "unlike": list(verdict.unlike),
        "faults": [] if verdict.equal else list(verdict.faults),
    }


# best


def best(
    root: Path, by: str, where: str | None, *, smallest: bool, top: int, wide: bool, damaged: bool, json: bool
) -> None:
    """Show the best points of a sweep, or the best runs and points below a folder."""
    from snnrun.compare.ranking import command_for, parameters_of, rank

    formula = _formula(by, "--by")
    condition = None if where is None else _formula(where, "--where")
    if os.path.lexists(root / DONE_FILE):
        found = Found([entry_at(root, damaged=damaged)], [], [])
    else:
        found = results_below(root, damaged=damaged)
    entries = found.entries
    for bad in found.unreadable:
        say(f"left out: {bad.path}: {bad.why}")
    if not entries:
        raise StorageError(Diagnostic("CMP102", f"there are no results in or below `{root}`"))
    ranking = rank(entries, formula, condition, smallest=smallest, top=top)
    points = [(candidate, parameters_of(candidate), command_for(candidate)) for candidate in ranking.best]
    if json:
        listed = [
            {
                "folder": str(c.entry.path),
                "point": c.point,
                "value": c.value,
                "unit": c.dimension.symbol,
                "parameters": parameters,
                "command": words,
            }
            for c, parameters, words in points
        ]
        put_json({"by": by, "best": listed, "of": ranking.of, "left_out": [one.as_json() for one in ranking.left_out]})
        return
    if not points:
        say("nothing to rank: no finished point has a number there")
        sys.exit(_DIFFERENT)
    _say_left_out(ranking.left_out)
    names = dict.fromkeys(name for _, parameters, _ in points for name in parameters)
    columns = [Column("rank", [str(k + 1) for k in range(len(points))], right=True)]
    columns.append(quantity_column(by, points[0][0].dimension, [[c.value] for c, _, _ in points]))
    columns += [
        Column(name, [shortened(parameters.get(name, "")) for _, parameters, _ in points], right=True, rank=1 + k)
        for k, name in enumerate(names)
    ]
    columns.append(Column("point", ["" if c.point is None else str(c.point) for c, _, _ in points], right=True))
    if len(entries) > 1:
        columns.append(Column("folder", [str(c.entry.path) for c, _, _ in points]))
    write_table(columns, wide=wide)
    say(f"{number_text(ranking.of)} compared; to run the best one alone:")
    say(" ".join(shlex.quote(word) for word in points[0][2]))

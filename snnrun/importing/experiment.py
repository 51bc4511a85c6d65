"""What a recorded Brian2 script builds, as the data of an experiment file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from snnrun.importing.records import Imported, Record, Script
from snnrun.importing.steps import STEPS
from snnrun.importing.values import KEPT, dimension_of, quantity, value_of
from snnrun.units.dimensions import TIME, Dimension

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_BUILT_IN = frozenset({"pi", "e", "inf", "t", "dt", "i", "j", "N"})

Known = Mapping[str, tuple[float, Dimension]]
"""Constants: value in SI units, and dimension."""


def experiment_of(recorded: Mapping[str, Any], arrays: Mapping[str, np.ndarray], name: str) -> Imported:
    """The experiment that a recorded script builds.

    Args:
        recorded: What `recorder.py` wrote.
        arrays: The arrays beside it.
        name: Name of the experiment.
    """
    records: list[Record] = recorded["records"]
    runs = [record for record in records if record["op"] == "run"]
    script = _begun(records, runs, arrays, name)
    if recorded["problem"] is not None:
        script.note(recorded["problem"]["line"], f"the script ended here: {recorded['problem']['error']}")
    if not runs:
        script.note(None, "the script runs nothing")
        return script.result
    for record in records:
        step = STEPS.get(record["op"])
        if step is None:
            script.note(record["line"], f"`{record['op']}` is left out")
        elif record["op"] in ("run", "new") or script.owner(record) in script.used - script.absent:
            step(script, record)
    _finish(script, name, recorded, runs)
    return script.result


def _begun(records: list[Record], runs: list[Record], arrays: Mapping[str, np.ndarray], name: str) -> Script:
    called: dict[str, str] = {k: v for run in runs for k, v in run["called"].items()}
    names: dict[str, str] = {}
    for record in records:
        if record["op"] == "new":
            wanted = str(called.get(record["name"], record["name"]))
            names[record["name"]] = record["name"] if wanted in names.values() else wanted
    used = frozenset(o for run in runs for o in run["objects"])
    parts = {n: part for run in runs for n, part in run["parts"].items() if part.get("object") in used}
    kinds = {r["name"]: r["kind"] for r in records if r["op"] == "new"}
    methods = {k: v for run in runs for k, v in run["methods"].items()}
    return Script(arrays, name, names, kinds, used, parts, methods)


def _finish(script: Script, name: str, recorded: Mapping[str, Any], runs: list[Record]) -> None:
    for item in script.sections["synapses"].values():
        rules = item["connect"]
        item["connect"] = rules[0] if len(rules) == 1 else rules
    texts = " ".join([*_texts(script.sections), *_texts(script.phases)])
    constants = _constants(script, texts, recorded["assignments"], runs[0]["line"] or 10**9)
    run: dict[str, Any] = {"dt": quantity(runs[-1]["dt"], TIME)}
    if len(script.phases) == 1:
        run = {"duration": script.phases[0]["duration"], **run}
    else:
        for phase in script.phases:
            changed = {k: v for k, v in phase.pop("set", {}).items() if "." in k or k in constants}
            if changed:
                phase["set"] = changed
        run["phases"] = script.phases
    data: dict[str, Any] = {"version": 1, "name": name}
    if recorded.get("doc"):
        data["description"] = " ".join(recorded["doc"].strip().partition("\n\n")[0].split())
    data |= {"constants": constants, "arrays": _timed_arrays(script, texts), **script.sections, "run": run}
    script.result.data = {k: v for k, v in data.items() if v not in ({}, [])}


def _texts(value: Any) -> Iterator[str]:
    """All texts among values, and the constants that phases set."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (_texts(item) if key != "set" else [*item, *_texts(item)])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _timed_arrays(script: Script, texts: str) -> dict[str, Any]:
    found = {}
    words = set(_IDENTIFIER.findall(texts))
    for name, value in script.first.items():
        if "timed_array" in value and name in words:
            array = value["timed_array"]
            values = script.numbers(array) if "array" in array else None
            entry = {"values": values} if isinstance(values, list) else script.file_of(array, name)
            found[name] = {**entry, "dt": quantity(value["dt"], TIME)}
    return found


def _constants(script: Script, texts: str, assignments: Mapping[str, Any], line: int) -> dict[str, Any]:
    """The constants that texts use, as the script writes them where that has the same value."""
    known: dict[str, tuple[float, Dimension]] = {
        name: (float(value["number"]), dimension_of(value["dims"]))
        for name, value in script.first.items()
        if "number" in value and not isinstance(value["number"], bool) and name not in _BUILT_IN
    }
    written = {name: text for name in known if (text := _text_of(name, known, assignments, line)) is not None}
    wanted: set[str] = set()
    pending = [n for n in _IDENTIFIER.findall(texts) if n in known]
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending += [n for n in _IDENTIFIER.findall(written.get(name, "")) if n in known]
    order = sorted(wanted, key=lambda n: (assignments.get(n, [[10**9]])[-1][0], n))
    return {n: _constant(written.get(n), quantity(*known[n]), known) for n in order}


def _text_of(name: str, known: Known, assignments: Mapping[str, Any], line: int) -> str | None:
    """The text of a constant's last assignment before the first run, where it has the constant's value."""
    value, dimension = known[name]
    for at, text in reversed(assignments.get(name, [])):
        words = set(_IDENTIFIER.findall(text))
        others = {k: v for k, v in known.items() if k in words and k != name}
        if at < line and "\n" not in text:
            found = value_of(text, others, dimension)
            if found is not None and abs(found - value) <= KEPT * abs(value):
                return str(text)
    return None


def _constant(text: str | None, number: str | float, known: Known) -> str | int | float:
    """A constant as it is written; a plain quantity such as `20*ms` as `20 ms`."""
    if text is None:
        return number
    plain = re.fullmatch(r"(-?\d+\.?\d*(?:e-?\d+)?) *\* *([A-Za-z]+\d?)", text)
    if plain and plain[2] not in known:
        return f"{plain[1].rstrip('.')} {plain[2]}"
    return number if re.fullmatch(r"-?\d+\.?", text) else text

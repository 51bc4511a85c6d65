"""What a recorded Brian2 script builds, as the data of an experiment file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from snnrun.importing.networks import networks, points, shared_runs
from snnrun.importing.records import Imported, ImportedPoint, Record, Script, owner_of
from snnrun.importing.steps import STEPS
from snnrun.importing.sweeps import families, merged, replaced
from snnrun.importing.values import KEPT, quantity, recorded_dimension, value_of
from snnrun.units.dimensions import TIME, Dimension

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_BUILT_IN = frozenset({"pi", "e", "inf", "t", "dt", "i", "j", "N"})

Known = Mapping[str, tuple[float, Dimension]]
"""Constants: value in SI units, and dimension."""


def experiments_of(recorded: Mapping[str, Any], arrays: Mapping[str, np.ndarray], name: str) -> list[Imported]:
    """The experiments that a recorded script runs: one, unless it builds networks that differ in more than values.

    Args:
        recorded: What `recorder.py` wrote.
        arrays: The arrays beside it.
        name: Name of the first experiment; the others have a number behind it.
    """
    found: list[Imported] = []
    for network in networks(recorded["records"]):
        built = [_experiment(list(point), recorded, arrays, name) for point in points(network)]
        built[0].notes += _readings(network)
        shared = shared_runs(network)
        phases = built[0].data["run"].get("phases", [])
        families_of = families(built)
        if len(families_of) == 1 and 0 < shared <= len(phases):
            found.append(merged(built, phases[shared - 1]["name"]))
        else:
            found += built
    found = [merged(family) if len(family) > 1 else family[0] for family in families(found)]
    for number, experiment in enumerate(found[1:], start=2):
        _number(experiment, f"{name}-{number}", number)
    if recorded["problem"] is not None and found:
        problem = recorded["problem"]
        found[0].notes.append((problem["line"], f"the script ended here: {problem['error']}"))
    return found


def _readings(network: list[Record]) -> list[tuple[int | None, str]]:
    """Notes where a script reads what is recorded and then runs again."""
    last = max(k for k, record in enumerate(network) if record["op"] in ("run", "again"))
    text = "what is recorded is read here, and there is nothing: values of later runs that follow from it are others"
    return list(dict.fromkeys((record["line"], text) for record in network[:last] if record["op"] == "read"))


def _number(experiment: Imported, name: str, number: int) -> None:
    """Give an experiment and its files names of their own."""
    experiment.data["name"] = name
    for files in (experiment.arrays, experiment.texts):
        for file in list(files):
            stem, dot, ending = file.rpartition(".")
            renamed = f"{stem}_n{number}{dot}{ending}"
            files[renamed] = files.pop(file)  # type: ignore[assignment]
            experiment.data = replaced(experiment.data, file, renamed)
            experiment.notes = [(line, text.replace(file, renamed)) for line, text in experiment.notes]


def _experiment(
    records: list[Record], recorded: Mapping[str, Any], arrays: Mapping[str, np.ndarray], name: str
) -> Imported:
    """The experiment of the records that lead to one result."""
    runs = [record for record in records if record["op"] == "run"]
    script = _begun(records, runs, arrays, name)
    for record in records:
        step = STEPS.get(record["op"])
        if step is not None and (record["op"] in ("run", "new") or owner_of(record) in script.used - script.absent):
            step(script, record)
            _tell(script, record)
    _finish(script, name, recorded, runs)
    script.result.points = [ImportedPoint({}, script.runs or [runs[-1]["number"]], dict(script.names))]
    return script.result


def _tell(script: Script, record: Record) -> None:
    """Say what became of a record."""
    match record["op"]:
        case "new" if record["name"] in script.used - script.absent:
            text = f"{record['kind']} `{script.names[record['name']]}`"
        case "new":
            return
        case "run":
            text = f"run: {script.value(record['duration'])}"
        case op:
            variable = f".{record['variable']}" if "variable" in record else ""
            text = f"{op} `{script.names[str(owner_of(record))]}{variable}`"
    line = (record["line"], text)
    if line not in script.result.converted:
        script.result.converted.append(line)


def _begun(records: list[Record], runs: list[Record], arrays: Mapping[str, np.ndarray], name: str) -> Script:
    called: dict[str, str] = {k: v for run in runs for k, v in run["called"].items()}
    names: dict[str, str] = {}
    for record in records:
        if record["op"] == "new":
            own = re.sub(r"\W", "_", record["name"].partition("#")[0])
            wanted = str(called.get(record["name"], own))
            taken = set(names.values())
            names[record["name"]] = next(n for n in _names(wanted, own) if n not in taken)
    used = frozenset(o for run in runs for o in run["objects"])
    parts = {n: part for run in runs for n, part in run["parts"].items() if part.get("object") in used}
    kinds = {r["name"]: r["kind"] for r in records if r["op"] == "new"}
    methods = {k: v for run in runs for k, v in run["methods"].items()}
    return Script(arrays, name, names, kinds, used, parts, methods)


def _names(wanted: str, own: str) -> Iterator[str]:
    """Names for an object, the best first."""
    yield from (wanted, own)
    yield from (f"{wanted}_{k}" for k in count(2))


def _finish(script: Script, name: str, recorded: Mapping[str, Any], runs: list[Record]) -> None:
    for item in script.sections["synapses"].values():
        rules = item["connect"]
        item["connect"] = rules[0] if len(rules) == 1 else rules
    script.first = {**script.scoped, **script.first}
    texts = " ".join([*_texts(script.sections), *_texts(script.phases)])
    _blame_functions(script, texts)
    constants = _constants(script, texts, recorded["assignments"], runs[0]["line"] or 10**9)
    dt = quantity(runs[-1]["dt"], TIME)
    for operation in script.sections["operations"].values():
        operation["every"] = operation["every"] or dt
    run: dict[str, Any] = {"dt": dt}
    if not script.phases:
        script.phases = [{"name": "phase_1", "duration": dt}]
        script.note(None, "the script runs nothing: the file runs one step")
    if len(script.phases) == 1:
        run = {"duration": script.phases[0]["duration"], **run}
    else:
        for phase in script.phases:
            if phase["record"] == list(script.sections["monitors"]):
                del phase["record"]
            changed = {k: v for k, v in phase.pop("set", {}).items() if "." in k or k in constants}
            if changed:
                phase["set"] = changed
        run["phases"] = script.phases
    data: dict[str, Any] = {"version": 1, "name": name}
    if recorded.get("doc"):
        data["description"] = " ".join(recorded["doc"].strip().partition("\n\n")[0].split())
    data |= {"constants": constants, "arrays": _timed_arrays(script, texts), **script.sections, "run": run}
    script.result.data = {k: v for k, v in data.items() if v not in ({}, [])}


def _blame_functions(script: Script, texts: str) -> None:
    """Say which Python functions texts call."""
    for name, value in script.first.items():
        if "function" in value and re.search(rf"\b{name}\s*\(", texts):
            script.note(value["line"] or None, f"the Python function `{name}` is left out: write it under `functions`")


def _texts(value: Any) -> Iterator[str]:
    """All texts among values that may use constants."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "kind":
                yield from _texts(item)
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
        name: (float(value["number"]), recorded_dimension(value["dims"]))
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
    return number if re.fullmatch(r"-?\d*\.?\d*(?:e-?\d+)?", text) else text

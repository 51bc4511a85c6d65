"""What a script does with its objects: connections, assignments, operations, runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from snnrun.importing.objects import given_spikes, new
from snnrun.importing.records import FEW, Record, Script, owner_of
from snnrun.importing.values import quantity
from snnrun.units.dimensions import TIME

_ALIGNED = 1e-4
"""How far from a whole number of steps Brian2 takes a time for one."""

_IS_CALL = re.compile(r"\w\s*\(|[ij]\b")
"""A text of a probability that may be above 1, which Brian2 takes for 1."""

_ZERO = re.compile(r"-?0(\.0*)?(\s*\*?\s*[A-Za-z]\w*)?")


def _connect(script: Script, record: Record) -> None:
    item = script.sections["synapses"][script.names[record["target"]]]
    rule: dict[str, Any] = {}
    p = record["p"]
    p = script.value(p) if p is not None else 1
    if p not in (1, 1.0):
        rule["p"] = f"clip({p}, 0, 1)" if isinstance(p, str) and _IS_CALL.search(p) else p
    if isinstance(record["condition"], str):
        rule["where"] = record["condition"]
    for side in ("i", "j"):
        if isinstance(record[side], str):
            rule[side] = _generator(record[side])
        elif isinstance(record[side], dict):
            rule[side] = script.value(record[side])
            if rule[side] is None:
                rule[side] = [int(k) for k in script.arrays[record[side]["array"]].ravel()]
    if record["skip_if_invalid"] is True and ("i" in rule or "j" in rule):
        rule["skip_if_invalid"] = True
    n = script.value(record["n"])
    if n not in (1, 1.0, None):
        rule["n"] = n
    if rule == {"j": "i"}:
        item["connect"].append("one_to_one")
    else:
        item["connect"].append(rule or "all")


def _generator(text: str) -> str:
    """A text of a connection; one that is an index under a condition as a generator of one index."""
    only = re.fullmatch(r"(.+?)\s+if\s+(.+)", text.strip(), re.DOTALL)
    return f"{only[1]} for once in range(1) if {only[2]}" if only and not re.search(r"\sfor\s", text) else text


def _set_spikes(script: Script, record: Record) -> None:
    group = script.sections["groups"][script.names[record["target"]]]
    if script.phases:
        script.note(record["line"], "other spikes of a generator after a run are left out")
        return
    given_spikes(script, script.names[record["target"]], group, record)


def _run_on_event(script: Script, record: Record) -> None:
    group = script.sections["groups"][script.names[record["target"]]]
    group.setdefault("events", {}).setdefault(record["event"], {})["do"] = script.value(record["code"])


def _run_regularly(script: Script, record: Record) -> None:
    target = script.reference(record["target"])
    item = {"target": target, "every": script.value(record["dt"]), "do": script.value(record["code"])}
    if record["when"] != "start":
        item["when"] = script.slot(record["when"], record)
    name = f"{target.replace('.', '_')}_operation"
    count = sum(1 for other in script.sections["operations"] if other.startswith(name))
    script.sections["operations"][name if not count else f"{name}_{count + 1}"] = item


def _set(script: Script, record: Record) -> None:
    target, variable = record["target"], record["variable"]
    owner = owner_of(record)
    assert owner is not None
    name = script.names[owner]
    section = _section_of(script, owner)
    if section is None:
        return
    item = script.sections[section].get(name)
    if item is None:
        return
    pathway = target.partition(":")[2] if isinstance(target, str) else ""
    is_whole = record["item"] is None and record["target"] == owner
    use_all = "all" in record and _needs_all(script, record, item.get("initial", {}).get(variable))
    where = {} if use_all else _where(script, record)
    if where is None:
        return
    if use_all:
        value = script.series(record["all"], f"{name}_{variable}")
    elif not is_whole and script.series(record["value"], "") is None:
        script.note(record["line"], f"the assignment of `{variable}` to some elements is left out")
        return
    else:
        value = script.series(record["value"], f"{name}_{variable}", whole=is_whole and item.get("kind") != "poisson")
    if variable == "delay" and section == "synapses":
        _set_delay(script, item, pathway, record, value)
        return
    if isinstance(value, str) and _is_integer(item, variable) and not value.isdecimal():
        value = f"int({value})"
    path = f"{name}.{variable}"
    if script.phases:
        script.changes[path] = [{**where, "value": value}] if where else value
        return
    if section == "groups" and item.get("kind") == "poisson" and variable == "rates" and not where:
        item["rates"] = value
        return
    if not where and _ZERO.fullmatch(str(value)) and variable not in item.get("initial", {}):
        return
    initial = item.setdefault("initial", {})
    if not where:
        initial[variable] = value
        return
    before = initial.get(variable)
    rules = before if isinstance(before, list) and before and isinstance(before[0], dict) else []
    if before is not None and not rules:
        rules = [{"value": before}]
    initial[variable] = [*rules, {**where, "value": value}]


def _needs_all(script: Script, record: Record, before: Any) -> bool:
    """Whether an assignment to some elements needs numbers of a file, where no rule can stand."""
    chosen = record["item"]
    by_number = isinstance(chosen, dict) and "array" in chosen and script.arrays[chosen["array"]].size > FEW
    return by_number or script.value(record["value"]) is None or (isinstance(before, dict) and "file" in before)


def _is_integer(item: Record, variable: str) -> bool:
    """Whether equations declare a variable as an integer."""
    return re.search(rf"^\s*{variable}\s*:\s*integer\b", item.get("equations", ""), re.MULTILINE) is not None


def _section_of(script: Script, owner: str) -> str | None:
    kind = script.kinds.get(owner, "")
    return "synapses" if kind == "Synapses" else "groups" if kind.endswith("Group") else None


def _where(script: Script, record: Record) -> dict[str, Any] | None:
    """Which elements an assignment is about: {} for all, None where it cannot be said."""
    target, chosen = record["target"], record["item"]
    rule: dict[str, Any] = {}
    if isinstance(target, dict) and ("start" in target or "indices" in target):
        rule["subgroup"] = script.reference(target).rpartition(".")[2]
    if chosen is None or chosen is True:
        return rule
    if isinstance(chosen, str):
        return {**rule, "where": chosen}
    chosen = chosen.get("list", [chosen])
    parts = [_chosen(script, name, part) for name, part in zip("ijk", chosen, strict=False)]
    if None in parts:
        script.note(record["line"], f"the assignment of `{record['variable']}` to some elements is left out")
        return None
    text = " and ".join(filter(None, parts))
    return {**rule, "where": text} if text else rule


def _chosen(script: Script, name: str, chosen: Record) -> str | None:
    """The condition that an index is a number, in a slice, or one of a few; None where it cannot be said."""
    if "slice" in chosen:
        start, stop, step = chosen["slice"]
        first, last = f"{name} >= {start}", f"{name} < {stop}"
        every = f"({name} - {start or 0}) % {step} == 0"
        return " and ".join([first] * bool(start) + [last] * (stop is not None) + [every] * (step not in (None, 1)))
    if "number" in chosen and not isinstance(chosen["number"], bool):
        return f"{name} == {chosen['number']}"
    if "array" in chosen and script.arrays[chosen["array"]].size <= FEW:
        numbers = script.arrays[chosen["array"]]
        numbers = np.flatnonzero(numbers) if numbers.dtype == bool else numbers.ravel()
        return " or ".join(f"{name} == {int(k)}" for k in numbers)
    return None


def _set_delay(script: Script, item: dict[str, Any], pathway: str, record: Record, value: Any) -> None:
    if record["item"] is not None:
        if isinstance(record["item"], str) and isinstance(value, str | int | float):
            before = item.get("delay", 0)
            item["delay"] = f"int({record['item']})*({value}) + int(not ({record['item']}))*({before or '0*second'})"
            return
        script.note(record["line"], "a delay of some synapses is left out")
        return
    for key in ("on_pre", "on_post"):
        paths = item.get(key)
        if isinstance(paths, dict) and "do" not in paths and pathway in paths:
            code = paths[pathway]
            paths[pathway] = {**(code if isinstance(code, dict) else {"do": code}), "delay": value}
            return
    if pathway == "post":
        code = item["on_post"]
        item["on_post"] = {**(code if isinstance(code, dict) else {"do": code}), "delay": value}
    else:
        item["delay"] = value


def _run(script: Script, record: Record) -> None:
    values = {k: v for k, v in record["values"].items() if isinstance(v, dict)}
    if not script.phases:
        script.first = values
    else:
        for name, value in values.items():
            if "number" in value and value != script.before.get(name) and name in script.first:
                script.changes[name] = script.value(value)
    script.before = values
    steps = _steps(script, record)
    if steps > 0:
        duration = script.value(record["duration"])
        if abs(steps * record["dt"] - record["duration"]["number"]) > _ALIGNED * record["dt"]:
            duration = quantity(steps * record["dt"], TIME)
            script.note(record["line"], f"the run takes whole steps: {duration}")
        phase: dict[str, Any] = {"name": f"phase_{len(script.phases) + 1}", "duration": duration}
        if script.changes:
            phase["set"] = dict(script.changes)
        monitors = {script.names[o] for o in record["objects"]}
        phase["record"] = [name for name in script.sections["monitors"] if name in monitors]
        script.phases.append(phase)
        script.runs.append(record["number"])
        script.changes = {}


def _steps(script: Script, record: Record) -> int:
    """The steps of a run: those that begin before its end, as Brian2 counts them."""
    script.time += float(record["duration"]["number"])
    end = script.time / float(record["dt"])
    last = round(end) if abs(end - round(end)) < _ALIGNED else math.ceil(end)
    before, script.steps = script.steps, last
    return last - before


def _link(script: Script, record: Record) -> None:
    section = _section_of(script, record["target"]) or "groups"
    group = script.sections[section][script.names[record["target"]]]
    source = f"{script.reference(record['source'])}.{record['of']}"
    index = script.value(record["index"])
    group.setdefault("linked", {})[record["variable"]] = source if index is None else {"from": source, "index": index}


STEPS: dict[str, Callable[[Script, Record], None]] = {
    "new": new,
    "connect": _connect,
    "link": _link,
    "set": _set,
    "run_regularly": _run_regularly,
    "set_spikes": _set_spikes,
    "run_on_event": _run_on_event,
    "run": _run,
}
"""What carries out a record, by its operation."""

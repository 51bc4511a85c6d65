"""What a script does with its objects: connections, assignments, operations, runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from snnrun.importing.objects import new
from snnrun.importing.records import FEW, Record, Script


def _connect(script: Script, record: Record) -> None:
    item = script.sections["synapses"][script.names[record["target"]]]
    rule: dict[str, Any] = {}
    p = record["p"]
    p = script.value(p) if p is not None else 1
    if p not in (1, 1.0):
        rule["p"] = p
    if isinstance(record["condition"], str):
        rule["where"] = record["condition"]
    for side in ("i", "j"):
        if isinstance(record[side], str):
            rule[side] = record[side]
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
    owner = script.owner(record)
    assert owner is not None
    name = script.names[owner]
    section = _section_of(script, owner)
    if section is None:
        return
    item = script.sections[section].get(name)
    if item is None:
        return
    pathway = target.partition(":")[2] if isinstance(target, str) else ""
    value = script.series(
        record["value"], f"{name}_{variable}", whole=record["item"] is None and record["target"] == owner
    )
    if variable == "delay" and section == "synapses":
        _set_delay(script, item, pathway, record, value)
        return
    where = _where(script, record)
    if where is None:
        return
    path = f"{name}.{variable}"
    if script.phases:
        script.changes[path] = [{**where, "value": value}] if where else value
        return
    if section == "groups" and item.get("kind") == "poisson" and variable == "rates" and not where:
        item["rates"] = value
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
    if isinstance(chosen, dict) and "slice" in chosen:
        start, stop, step = chosen["slice"]
        parts = (
            [f"i >= {start}"] * bool(start)
            + [f"i < {stop}"] * (stop is not None)
            + [f"i % {step} == 0"] * (step not in (None, 1))
        )
        return {**rule, "where": " and ".join(parts)} if parts else rule
    if isinstance(chosen, dict) and "number" in chosen and not isinstance(chosen["number"], bool):
        return {**rule, "where": f"i == {chosen['number']}"}
    if isinstance(chosen, dict) and "array" in chosen and script.arrays[chosen["array"]].size <= FEW:
        return {**rule, "where": " or ".join(f"i == {int(k)}" for k in script.arrays[chosen["array"]].ravel())}
    script.note(record["line"], f"the assignment of `{record['variable']}` to some elements is left out")
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
    duration = record["duration"]
    if duration["number"] > 0:
        phase = {"name": f"phase_{len(script.phases) + 1}", "duration": script.value(duration)}
        if script.changes:
            phase["set"] = dict(script.changes)
        script.phases.append(phase)
        script.changes = {}


def _link(script: Script, record: Record) -> None:
    group = script.sections["groups"][script.names[record["target"]]]
    source = f"{script.reference(record['source'])}.{record['of']}"
    index = script.value(record["index"])
    group.setdefault("linked", {})[record["variable"]] = source if index is None else {"from": source, "index": index}


STEPS: dict[str, Callable[[Script, Record], None]] = {
    "new": new,
    "connect": _connect,
    "link": _link,
    "set": _set,
    "run_regularly": _run_regularly,
    "run_on_event": _run_on_event,
    "run": _run,
}
"""What carries out a record, by its operation."""

"""The objects of a script: groups, inputs, synapses and monitors."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from snnrun.importing.records import Record, Script


def new(script: Script, record: Record) -> None:
    """Write an object that takes part in a run."""
    if record["name"] not in script.used:
        return
    name, make = script.names[record["name"]], _MAKERS.get(record["kind"])
    ends = [record["given"].get(key) for key in ("source", "target")]
    if make is None or any(isinstance(end, dict) and end.get("object") in script.absent for end in ends):
        script.absent.add(record["name"])
        script.note(record["line"], f"`{name}` has no counterpart ({record['kind']})")
        return
    make(script, name, record["given"], record)


def _neurongroup(script: Script, name: str, given: Record, record: Record) -> None:
    group: dict[str, Any] = {"size": script.value(given["N"])}
    _equations(script, group, given)
    script.take(group, given, {"threshold": "threshold", "reset": "reset", "refractory": "refractory"})
    if group.get("refractory") is False:
        del group["refractory"]
    if "method" in given and isinstance(given["method"], str):
        group["method"] = script.method(given["method"], record)
    elif record["name"] in script.methods and "d" in group.get("equations", "") and "/dt" in group.get("equations", ""):
        group["method"] = script.methods[record["name"]]
    if "equations" not in group and "threshold" not in group:
        group["equations"] = "unused : 1"  # a group has variables or spikes
    if "events" in given:
        group["events"] = {k: {"condition": v} for k, v in given["events"]["map"].items()}
    script.common(group, given)
    script.sections["groups"][name] = group


def _poissongroup(script: Script, name: str, given: Record, _record: Record) -> None:
    group = {
        "kind": "poisson",
        "size": script.value(given["N"]),
        "rates": script.series(given["rates"], f"{name}_rates", whole=False),
    }
    script.common(group, given)
    script.sections["groups"][name] = group


def _spikegeneratorgroup(script: Script, name: str, given: Record, _record: Record) -> None:
    group = {"kind": "spikes", "size": script.value(given["N"])}
    given_spikes(script, name, group, given)
    script.take(group, given, {"period": "period"})
    script.common(group, given)
    script.sections["groups"][name] = group


def given_spikes(script: Script, name: str, group: dict[str, Any], given: Record) -> None:
    """Write the spikes of a generator, in a file where they are many."""
    for key in ("indices", "times", "file", "columns", "unit"):
        group.pop(key, None)
    few = {key: script.value(given[key]) for key in ("indices", "times")}
    if all(values is not None for values in few.values()):
        group |= few
        return
    columns = (np.atleast_1d(script.arrays[given[key]["array"]]).astype(float) for key in ("indices", "times"))
    file = f"{script.stem}_{name}.npy"
    script.result.arrays[file] = np.stack(np.broadcast_arrays(*columns), axis=1)
    group |= {"file": file, "columns": [0, 1], "unit": "s"}


def _poissoninput(script: Script, name: str, given: Record, _record: Record) -> None:
    item = {
        "target": script.reference(given["target"]),
        "variable": given["target_var"],
        "size": script.value(given["N"]),
    }
    script.take(item, given, {"rate": "rate", "weight": "weight"})
    script.sections["inputs"][name] = item


def _synapses(script: Script, name: str, given: Record, record: Record) -> None:
    item: dict[str, Any] = {"source": script.reference(given["source"])}
    item["target"] = script.reference(given.get("target", given["source"]))
    _equations(script, item, given)
    script.take(item, given, {"multisynaptic_index": "multisynaptic_index"})
    delay, events = given.get("delay"), given.get("on_event", {})
    delays = delay["map"] if isinstance(delay, dict) and "map" in delay else {}
    for key in ("on_pre", "on_post"):
        if key in given:
            item[key] = _pathways(script, given[key], key.removeprefix("on_"), delays, events)
    if delay is not None and not delays:
        item["delay"] = script.series(delay, f"{name}_delay")
    if (
        "/dt" in item.get("equations", "")
        and "clock-driven" in item["equations"]
        and isinstance(given.get("method"), str)
    ):
        item["method"] = script.method(given["method"], record)
    script.common(item, given, dt=False)
    if "dt" in given:
        script.note(record["line"], "`dt` of synapses is left out")
    item["connect"] = []
    script.sections["synapses"][name] = item


def _statemonitor(script: Script, name: str, given: Record, record: Record) -> None:
    item: dict[str, Any] = {"kind": "state", "source": script.reference(given["source"])}
    variables = given["variables"]
    if variables is True:
        variables = {"list": variables_of(script.item(given["source"]))}
    names = variables["list"] if isinstance(variables, dict) and "list" in variables else [variables]
    others = _of_target(script, script.item(given["source"]), names)
    if others:
        script.note(record["line"], f"`{name}` leaves out `{', '.join(others)}`: record it from the target's group")
    item["variables"] = [known for known in names if known not in others]
    if not item["variables"]:
        return
    _recorded(script, item, given)
    script.take(item, given, {"dt": "dt"})
    if isinstance(given.get("when"), str) and given["when"] != "start":
        item["when"] = script.slot(given["when"], record)
    script.sections["monitors"][name] = item


def _spikemonitor(script: Script, name: str, given: Record, _record: Record) -> None:
    item: dict[str, Any] = {"kind": "spikes", "source": script.reference(given["source"])}
    _monitored(script, item, given)
    script.sections["monitors"][name] = item


def _eventmonitor(script: Script, name: str, given: Record, _record: Record) -> None:
    item = {"kind": "events", "source": script.reference(given["source"]), "event": given["event"]}
    _monitored(script, item, given)
    script.sections["monitors"][name] = item


def _populationratemonitor(script: Script, name: str, given: Record, _record: Record) -> None:
    script.sections["monitors"][name] = {"kind": "rate", "source": script.reference(given["source"])}


def _networkoperation(script: Script, name: str, given: Record, record: Record) -> None:
    """Write an operation that calls a function which is still to be written."""
    function = given["function"]
    called, file = function["function"], f"{script.stem}_hooks.py"
    script.result.texts[file] = script.result.texts.get(file, _HOOKS.format(script.stem)) + _HOOK.format(
        called, script.stem, function["line"], textwrap.indent(function["text"].rstrip(), "    # ")
    )
    every = script.value(given["dt"]) if "dt" in given else None
    item = {"call": f"{file}:{called}", "every": every}
    if isinstance(given.get("when"), str) and given["when"] != "start":
        item["when"] = script.slot(given["when"], record)
    script.sections["operations"][called if name.startswith("networkoperation") else name] = item
    script.note(record["line"], f"`{called}` in `{file}` is to be written: it stands in line {function['line']}")


def _equations(script: Script, item: dict[str, Any], given: Record) -> None:
    text = script.equations(given.get("model") or "")
    if text:
        item["equations"] = text


def _of_target(script: Script, source: Record, names: list[str]) -> list[str]:
    """Names that synapses do not have, but their target."""
    target = script.sections["groups"].get(str(source.get("target", "")).partition(".")[0], {})
    return [name for name in names if name not in variables_of(source) and name in variables_of(target)]


def variables_of(item: Record) -> list[str]:
    """The variables that the equations of an object define."""
    found = (_DEFINES.match(line) for line in item.get("equations", "").splitlines())
    return [match[1] or match[2] for match in found if match]


def _pathways(script: Script, plain: Any, side: str, delays: Record, events: Any) -> Any:
    event = {"map": {side: events}} if isinstance(events, str) else events
    chosen = event.get("map", {}) if isinstance(event, dict) else {}
    if isinstance(plain, str):
        extra = {
            k: v
            for k, v in (("delay", script.value(delays.get(side))), ("event", chosen.get(side)))
            if v not in (None, "spike")
        }
        return {"do": script.value(plain), **extra} if extra else script.value(plain)
    found = {}
    for name, code in plain["map"].items():
        extra = {
            k: v
            for k, v in (("delay", script.value(delays.get(name))), ("event", chosen.get(name)))
            if v not in (None, "spike")
        }
        found[name] = {"do": script.value(code), **extra} if extra else script.value(code)
    return found


def _recorded(script: Script, item: dict[str, Any], given: Record) -> None:
    chosen = given.get("record", True)
    if isinstance(chosen, dict):
        found = (
            chosen["number"]
            if "number" in chosen
            else script.arrays[chosen["array"]].tolist()
            if "array" in chosen
            else None
        )
        if found is not None and not isinstance(found, bool):
            item["indices"] = [int(k) for k in np.atleast_1d(found)]
    elif chosen is False:
        item["counts_only"] = True


def _monitored(script: Script, item: dict[str, Any], given: Record) -> None:
    variables = given.get("variables")
    if variables is not None:
        item["variables"] = variables["list"] if isinstance(variables, dict) else [variables]
    _recorded(script, item, given)


_DEFINES = re.compile(r"\s*(?:d(\w+)/dt|(\w+)\s*[=:])")
_HOOKS = '"""Python functions of {0}.py."""\n'
_HOOK = """

def {0}(network, time):
    # In line {2} of {1}.py:
    #
{3}
    raise NotImplementedError("write {0}")
"""
_MAKERS: dict[str, Callable[[Script, str, Record, Record], None]] = {
    "NeuronGroup": _neurongroup,
    "PoissonGroup": _poissongroup,
    "SpikeGeneratorGroup": _spikegeneratorgroup,
    "PoissonInput": _poissoninput,
    "Synapses": _synapses,
    "StateMonitor": _statemonitor,
    "SpikeMonitor": _spikemonitor,
    "EventMonitor": _eventmonitor,
    "PopulationRateMonitor": _populationratemonitor,
    "NetworkOperation": _networkoperation,
}

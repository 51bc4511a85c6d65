"""Runs the experiment files of the cases with Brian2 and checks that they describe what the data holds.

    python check_cases.py [CASE ...]

The data comes from the scripts, the files are written by hand: this reads each file in the plainest way, as Brian2
objects, and compares what they record with the data. It reads only what the cases use and nothing of snnrun. Rows of
a monitor must agree as in the test: integers exactly, traces to 1e-9 of their largest value.
"""

# ruff: noqa: T201 - a script that reports on the terminal

from __future__ import annotations

import ast
import gc
import operator
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from brian2 import (
    BrianLogger,
    Network,
    NeuronGroup,
    Quantity,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    defaultclock,
    prefs,
)
from brian2.units import allunits, stdunits
from make_reference import DATA
from recording import Recording

CASES = DATA.parent / "cases"
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg,
}  # fmt: skip
ONE_SOURCE = {"all": {}, "one_to_one": {"j": "i"}}


class Model:
    """The Brian2 objects of one experiment file."""

    def __init__(self, tree: dict[str, Any]) -> None:
        defaultclock.dt = quantity(tree["run"]["dt"], {})
        self.tree = tree
        self.constants: dict[str, Any] = {}
        for name, text in tree.get("constants", {}).items():
            self.constants[name] = quantity(text, self.constants)
        for name, array in tree.get("arrays", {}).items():
            unit = quantity("1 " + array.get("unit", ""), {})
            self.constants[name] = TimedArray(np.array(array["values"]) * unit, dt=quantity(array["dt"], {}))
        self.groups = {name: self.group(name, group) for name, group in tree["groups"].items()}
        self.synapses = {name: self.connect(name, item) for name, item in tree.get("synapses", {}).items()}
        for item in tree.get("operations", {}).values():
            target = self.groups.get(item["target"]) or self.synapses[item["target"]]
            when, order = item.get("when", "start"), item.get("order", 0)
            target.run_regularly(item["do"], dt=quantity(item["every"], {}), when=when, order=order)
        self.monitors = {name: self.monitor(item) for name, item in tree["monitors"].items()}

    def group(self, name: str, group: dict[str, Any]) -> Any:
        """A neuron group or a spike source."""
        name = f"b_{name}"  # synapses are named `a_`: see `variables_summed_synaptic_state`
        if group.get("kind") == "spikes":
            times = quantities(group["times"])
            extra = {key: quantity(group[key], {}) for key in ("period", "dt") if key in group}
            return SpikeGeneratorGroup(group["size"], group["indices"], times, name=name, **extra)
        refractory = group.get("refractory", False)
        if refractory and looks_like_quantity(refractory):
            refractory = quantity(refractory, {})
        neurons = NeuronGroup(
            group["size"], group["equations"], threshold=group.get("threshold"), reset=group.get("reset"),
            refractory=refractory, namespace=self.constants, name=name, **optional(group, "method"),
            **({"dt": quantity(group["dt"], {})} if "dt" in group else {}),
        )  # fmt: skip
        self.initialise(neurons, group.get("initial", {}))
        return neurons

    def initialise(self, target: Any, initial: dict[str, Any]) -> None:
        """Initial values in the order written."""
        for variable, value in initial.items():
            if isinstance(value, list) and isinstance(value[0], dict):
                for rule in value:
                    getattr(target, variable)[rule.get("where", slice(None))] = rule["value"]
            else:
                self.assign(target, variable, value)

    def assign(self, target: Any, variable: str, value: Any) -> None:
        """One value, list or expression for a variable."""
        if isinstance(value, list):
            value = quantities(value)
        elif isinstance(value, str) and (value.startswith("[") or looks_like_quantity(value)):
            value = quantity(value, self.constants)
        setattr(target, variable, value)

    def part(self, reference: str) -> tuple[Any, int]:
        """A group or subgroup and the index it starts at."""
        name, _, subgroup = reference.partition(".")
        if not subgroup:
            return self.groups[name], 0
        first, last = map(int, self.tree["groups"][name]["subgroups"][subgroup].split(":"))
        return self.groups[name][first:last], first

    def connect(self, name: str, item: dict[str, Any]) -> Synapses:
        """Synapses with pathways, connections, values and delays."""
        arguments: dict[str, Any] = optional(item, "method")
        pathways: dict[str, dict[str, Any]] = {}
        for side in ("on_pre", "on_post"):
            if isinstance(item.get(side), dict):
                pathways |= item[side]
                arguments[side] = {key: pathway["do"] for key, pathway in item[side].items()}
            elif side in item:
                arguments[side] = item[side]
        synapses = Synapses(
            self.part(item["source"])[0], self.part(item["target"])[0], item.get("equations", ""),
            namespace=self.constants, name=f"a_{name}", **arguments,
        )  # fmt: skip
        rules = item["connect"] if isinstance(item["connect"], list) else [item["connect"]]
        for rule in rules:
            synapses.connect(**self.rule(rule))
        self.initialise(synapses, item.get("initial", {}))
        if "delay" in item:
            self.assign(synapses.pre, "delay", item["delay"])
        for key, pathway in pathways.items():
            if "delay" in pathway:
                self.assign(getattr(synapses, key), "delay", pathway["delay"])
            if "order" in pathway:
                getattr(synapses, key).order = pathway["order"]
        return synapses

    def rule(self, rule: Any) -> dict[str, Any]:
        """The arguments of `connect` for one rule."""
        if isinstance(rule, str):
            return ONE_SOURCE[rule]
        if "pairs" in rule:
            pairs = np.array(rule["pairs"])
            return {"i": pairs[:, 0], "j": pairs[:, 1]}
        return {"condition" if key == "where" else key: value for key, value in rule.items()}

    def monitor(self, item: dict[str, Any]) -> Any:
        """A spike or state monitor; nothing for connectivity."""
        if item["kind"] == "connectivity":
            return None
        if item["kind"] == "spikes":
            return SpikeMonitor(self.part(item["source"])[0], item.get("variables"))
        source = self.groups.get(item["source"]) or self.synapses[item["source"]]
        extra = optional(item, "when") | optional(item, "order")
        if "dt" in item:
            extra["dt"] = quantity(item["dt"], {})
        return StateMonitor(source, item["variables"], record=item.get("indices", True), **extra)

    def run(self) -> None:
        """All phases."""
        monitors = [monitor for monitor in self.monitors.values() if monitor is not None]
        objects = [*self.groups.values(), *self.synapses.values(), *monitors]
        network = Network(*objects)
        for phase in self.tree["run"].get("phases", [self.tree["run"]]):
            for path, value in phase.get("set", {}).items():
                group, variable = path.split(".")
                self.assign(self.groups[group], variable, value)
            network.run(quantity(phase["duration"], {}))

    def recording(self) -> Recording:
        """Everything the monitors recorded, every sample."""
        recording = Recording()
        for name, item in self.tree["monitors"].items():
            if item["kind"] == "connectivity":
                recording.connectivity(name, self.synapses[item["source"]])
            elif item["kind"] == "spikes":
                first = self.part(item["source"])[1]
                recording.spikes(name, self.monitors[name], item.get("variables", ()), first=first)
            else:
                recording.state(name, self.monitors[name], item["variables"])
        return recording


def optional(item: dict[str, Any], key: str) -> dict[str, Any]:
    """The entry as a keyword argument, if there is one."""
    return {key: item[key]} if key in item else {}


def looks_like_quantity(text: str) -> bool:
    """Whether a text starts with a number followed by a unit (`10 ms`)."""
    words = text.split()
    return len(words) == 2 and words[0].lstrip("-").replace(".", "", 1).isdigit()


def quantity(text: Any, constants: dict[str, Any]) -> Any:
    """The value of a quantity: arithmetic of numbers, units and constants, and lists of them."""
    text = str(text).strip()
    if looks_like_quantity(text):
        text = text.replace(" ", "*", 1)
    return value_of(ast.parse(text, mode="eval").body, constants)


def value_of(node: ast.expr, constants: dict[str, Any]) -> Any:
    """The value of one node of arithmetic."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return constants[name] if name in constants else getattr(stdunits, name, None) or getattr(allunits, name)
        case ast.UnaryOp(op=sign, operand=operand):
            return OPERATORS[type(sign)](value_of(operand, constants))
        case ast.BinOp(left=left, op=sign, right=right):
            return OPERATORS[type(sign)](value_of(left, constants), value_of(right, constants))
        case ast.List(elts=elements):
            return np.array([value_of(element, constants) for element in elements])
    raise ValueError(ast.dump(node))


def quantities(values: list[Any]) -> Any:
    """A list of numbers or of quantities as one array."""
    parsed = [quantity(value, {}) if isinstance(value, str) else value for value in values]
    return Quantity(parsed) if any(isinstance(value, Quantity) for value in parsed) else parsed


def monitor_of(array: str, names: list[str]) -> str:
    """The monitor of an array `samples_<monitor>` or `state_<monitor>_<variable>`."""
    if array.startswith("samples_"):
        return array.removeprefix("samples_")
    monitors = [name.removeprefix("samples_") for name in names if name.startswith("samples_")]
    return max((monitor for monitor in monitors if array.startswith(f"state_{monitor}_")), key=len)


def difference(recording: Recording, path: Path) -> str:
    """What differs from the data, whose traces may be subsampled."""
    with np.load(path, allow_pickle=False) as stored:
        if set(stored.files) != set(recording.arrays):
            return f"other names: {sorted(set(stored.files) ^ set(recording.arrays))}"
        for name in stored.files:
            theirs, ours = stored[name], np.asarray(recording.arrays[name])
            if name.startswith(("samples_", "state_")):
                samples = f"samples_{monitor_of(name, stored.files)}"
                kept = np.searchsorted(recording.arrays[samples], stored[samples])
                ours = ours[..., kept]
            if theirs.shape != ours.shape:
                return f"{name}: shape {ours.shape} against {theirs.shape}"
            if theirs.size and not np.allclose(ours, theirs, rtol=0.0, atol=1e-9 * np.abs(theirs).max()):
                return f"{name}: different values"
    return ""


def main() -> int:
    """Check the named cases, all without names."""
    prefs.codegen.target = "numpy"
    BrianLogger.log_level_error()
    failures = 0
    for name in sys.argv[1:] or sorted(path.stem for path in CASES.glob("*.yaml")):
        gc.collect()
        model = Model(yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8")))
        model.run()
        found = difference(model.recording(), DATA / f"{name}.npz")
        failures += bool(found)
        print(f"{name}: {found or 'the same'}", flush=True)
        del model
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs a Brian2 script without simulating it and writes what it builds: `python recorder.py SCRIPT.py OUT.json`.

This file runs in the Python that has Brian2 and uses nothing else of snnrun. Constructors, `connect`, assignments of
variables, `run`, `store` and `restore` are wrapped: each call is one record, in the order of the script. A `run` stores
the values of all names that texts of the network use, and advances the clock only. Arrays go to OUT.json.npz.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import runpy
import sys
import traceback
import types
from functools import partial
from pathlib import Path
from typing import Any

os.environ["MPLBACKEND"] = "Agg"
sys.argv, ARGUMENTS = [sys.argv[1]], sys.argv[1:]

import brian2  # noqa: E402
import numpy as np  # noqa: E402
from brian2 import only  # noqa: E402
from brian2.core.functions import Function  # noqa: E402
from brian2.core.magic import MagicNetwork  # noqa: E402
from brian2.core.variables import LinkedVariable, VariableView  # noqa: E402
from brian2.equations import Equations  # noqa: E402
from brian2.groups.group import Group  # noqa: E402
from brian2.synapses.synapses import SynapticPathway  # noqa: E402
from brian2.units.fundamentalunits import Quantity, get_dimensions  # noqa: E402

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
CONSTRUCTED = {
    "NeuronGroup": (
        "N",
        "model",
        "method",
        "threshold",
        "reset",
        "refractory",
        "events",
        "namespace",
        "dt",
        "order",
        "method_options",
    ),
    "PoissonGroup": ("N", "rates", "dt", "namespace", "order"),
    "SpikeGeneratorGroup": ("N", "indices", "times", "dt", "period", "order"),
    "PoissonInput": ("target", "target_var", "N", "rate", "weight"),
    "Synapses": (
        "source",
        "target",
        "model",
        "on_pre",
        "on_post",
        "on_event",
        "delay",
        "multisynaptic_index",
        "namespace",
        "method",
        "order",
        "dt",
    ),
    "StateMonitor": ("source", "variables", "record", "dt", "when", "order"),
    "SpikeMonitor": ("source", "variables", "record"),
    "EventMonitor": ("source", "event", "variables", "record"),
    "PopulationRateMonitor": ("source",),
    "SpatialNeuron": ("morphology",),
    "NetworkOperation": ("function", "dt", "when"),
}


class Recorder:
    """What the script has done so far."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.names: set[str] = set()
        self.kept: list[Any] = []  # the objects of these names
        self.depth = 0  # of calls of Brian2 within recorded calls
        self.time = 0.0

    def add(self, op: str, **fields: Any) -> None:
        """Store one record, unless Brian2 itself makes the call."""
        if self.depth == 0:
            frame: types.FrameType | None = inspect.currentframe()
            while frame is not None and frame.f_code.co_filename != ARGUMENTS[0]:
                frame = frame.f_back
            self.records.append({"op": op, "line": frame.f_lineno if frame else None, **fields})

    def name_of(self, value: Any) -> str | None:
        """The name of an object of the script, or of a reference to it."""
        name = None if isinstance(value, only.Subgroup) else getattr(value, "name", None)
        return name if isinstance(name, str) and name in self.names else None

    def plain(self, value: Any) -> Any:
        """A value as JSON: texts, numbers with their dimensions, lists, references to objects."""
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, Equations):
            return str(value)
        if isinstance(value, dict):
            return {"map": {str(k): self.plain(v) for k, v in value.items()}}
        if isinstance(value, brian2.TimedArray):
            return self.timed_array(value)
        if self.name_of(value):
            return {"object": value.name}
        if isinstance(value, only.Subgroup):
            return self.subgroup(value)
        if isinstance(value, slice):
            return {"slice": [None if v is None else int(v) for v in (value.start, value.stop, value.step)]}
        if isinstance(value, only.Clock):
            return self.number(value.dt)
        if isinstance(value, types.FunctionType | Function):
            inner: Any = getattr(value, "pyfunc", value)
            return {"function": getattr(inner, "__name__", "f")}
        if isinstance(value, VariableView):
            value = value[:]
        if isinstance(value, list | tuple) and any(isinstance(v, str) for v in value):
            return {"list": [self.plain(v) for v in value]}
        try:
            return self.number(value)
        except (TypeError, ValueError, only.DimensionMismatchError):
            return {"unknown": repr(value)[:80]}

    def number(self, value: Any) -> dict[str, Any]:
        """A number, or numbers, in SI units, with the exponents of the base units."""
        array = np.asarray(value)
        if array.dtype.kind not in "bifu":
            raise TypeError(array.dtype)
        dims = [float(d) for d in get_dimensions(value)._dims]  # noqa: SLF001 - there is no other way
        if array.ndim == 0:
            return {"number": array.item(), "dims": dims}
        key = f"a{len(self.arrays)}"
        self.arrays[key] = array
        return {"array": key, "dims": dims, "shape": list(array.shape)}

    def timed_array(self, array: Any) -> dict[str, Any]:
        """A timed array as JSON."""
        values = self.number(Quantity(np.asarray(array.values), dim=array.dim))
        return {"timed_array": values, "dt": float(array.dt), "name": array.name}

    def subgroup(self, group: Any) -> dict[str, Any]:
        """A part of a group as JSON."""
        source = group.source
        indices = group.variables.get("_sub_idx") if hasattr(group, "variables") else None
        if getattr(group, "contiguous", True) and hasattr(group, "start"):
            return {"object": self.name_of(source), "start": int(group.start), "stop": int(group.stop)}
        listed = [] if indices is None else [int(k) for k in indices.get_value()]
        return {"object": self.name_of(source), "indices": listed}

    def run(self, objects: Any, duration: Any, frame: Any) -> None:
        """Record a run: its objects, and the values of all names that their texts use."""
        every = list(objects)
        texts = " ".join(json.dumps(record) for record in self.records) + " ".join(
            text for found in ASSIGNED.values() for _, text in found
        )
        names = set(IDENTIFIER.findall(texts))
        scope: dict[str, Any] = {}
        levels = []
        while frame is not None:
            levels.append(frame)
            frame = frame.f_back
        for level in reversed([f for f in levels if f.f_code.co_filename == ARGUMENTS[0]]):
            scope |= {**level.f_globals, **level.f_locals}
        called = {value.name: name for name, value in scope.items() if self.name_of(value) and name.isidentifier()}
        parts = {n: self.plain(v) for n, v in scope.items() if isinstance(v, only.Subgroup) and n.isidentifier()}
        units = {n for n, v in vars(brian2).items() if isinstance(v, Quantity)}
        values = {}
        for name in sorted(names & set(scope)):
            value = scope[name]
            own = name not in units or value is not getattr(brian2, name)
            if own and isinstance(
                value,
                int | float | np.number | Quantity | brian2.TimedArray | np.ndarray | Function | types.FunctionType,
            ):
                if isinstance(value, types.FunctionType) and value.__module__ != "__main__":
                    continue
                values[name] = self.plain(value)
        known = [o.name for o in every if self.name_of(o)]
        codes = {o.name: int(o.N) for o in every if self.name_of(o) and isinstance(o, only.NeuronGroup)}
        methods = {
            o.name: str(o.state_updater.method_choice)
            for o in every
            if self.name_of(o)
            and getattr(o, "state_updater", None) is not None
            and isinstance(o.state_updater.method_choice, str)
        }
        self.add(
            "run",
            duration=self.plain(duration),
            values=values,
            objects=known,
            called=called,
            parts=parts,
            sizes=codes,
            methods=methods,
            dt=float(brian2.defaultclock.dt),
        )


REC = Recorder()
ASSIGNED: dict[str, list[list[Any]]] = {}


def is_continued(line: str) -> bool:
    """Whether a line of equations goes on in the next one."""
    text = line.partition("#")[0].strip()
    return bool(text) and ":" not in text


def wrap_constructor(cls: Any, fields: tuple[str, ...]) -> None:
    """Record each construction of a class with the arguments that the script gives."""
    made = cls.__init__
    signature = inspect.signature(made)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        outer = REC.depth == 0
        model = bound.arguments.get("model")
        if isinstance(model, str) and any(is_continued(line) for line in model.splitlines()):
            bound.arguments["model"] = Equations(model)  # which has one line an equation
        written = (
            {name: REC.plain(bound.arguments[name]) for name in fields if bound.arguments.get(name) is not None}
            if outer
            else {}
        )
        REC.depth += 1
        try:
            made(self, *args, **kwargs)
        finally:
            REC.depth -= 1
        if outer and type(self) is cls:
            REC.names.add(self.name)
            REC.kept.append(self)
            REC.add("new", kind=cls.__name__, name=self.name, given=written)

    cls.__init__ = __init__


def wrap(cls: Any, method: str, record: Any) -> None:
    """Record each call of a method."""
    inner = getattr(cls, method)
    signature = inspect.signature(inner)

    def outer(self: Any, *args: Any, **kwargs: Any) -> Any:
        record(self, *args, **kwargs)
        if "level" in signature.parameters:  # how many frames lie between the script and Brian2
            bound = signature.bind(self, *args, **kwargs)
            bound.arguments["level"] = bound.arguments.get("level", 0) + 1
            args, kwargs = bound.args[1:], bound.kwargs
        REC.depth += 1
        try:
            return inner(self, *args, **kwargs)
        finally:
            REC.depth -= 1

    setattr(cls, method, outer)


def set_item(view: Any, item: Any, value: Any, *_: Any, **__: Any) -> None:
    """Record `group.variable[item] = value`."""
    group = view.group
    target = REC.name_of(group)
    if isinstance(group, SynapticPathway):
        target = f"{group.synapses.name}:{group.objname}"
    if isinstance(group, only.Subgroup):
        target = REC.plain(group)
    if isinstance(item, slice) and item == slice(None):
        item = None
    REC.add("set", target=target, variable=view.name, item=REC.plain(item), value=REC.plain(value))


def connect(
    synapses: Any,
    condition: Any = None,
    i: Any = None,
    j: Any = None,
    p: Any = 1.0,
    n: Any = 1,
    skip_if_invalid: Any = False,
    **_: Any,
) -> None:
    """Record a rule of connections."""
    fields = {"condition": condition, "i": i, "j": j, "p": p, "n": n, "skip_if_invalid": skip_if_invalid}
    REC.add("connect", target=REC.name_of(synapses), **{k: REC.plain(v) for k, v in fields.items()})


def run_regularly(
    group: Any, code: Any, dt: Any = None, clock: Any = None, when: Any = "start", order: Any = 0, **_: Any
) -> None:
    """Record an operation."""
    every = dt if dt is not None else clock.dt if clock is not None else group.dt
    target = REC.name_of(group) or REC.plain(group)
    REC.add("run_regularly", target=target, code=code, dt=REC.plain(every), when=when, order=order)


def run_on_event(group: Any, event: Any, code: Any, **_: Any) -> None:
    """Record the statements of an event."""
    REC.add("run_on_event", target=REC.name_of(group), event=event, code=code)


def network_run(network: Any, duration: Any, *_: Any, **__: Any) -> None:
    """Record a run of a network."""
    REC.run(network.objects, duration, inspect.currentframe())
    network.t_ = float(network.t_) + float(duration)


def magic_run(_network: Any, duration: Any, *_: Any, **__: Any) -> None:
    """Record a run of all objects."""
    REC.run(list(REC.kept), duration, inspect.currentframe())


def set_attribute(group: Any, name: str, value: Any, *_: Any, **__: Any) -> None:
    """Record `group.variable = linked_var(...)`."""
    if isinstance(value, LinkedVariable):
        REC.add(
            "link",
            target=REC.name_of(group),
            variable=name,
            source=REC.plain(value.group),
            of=value.name,
            index=REC.plain(value.index),
        )


def store(name: str, _network: Any, which: str = "default", *_: Any, **__: Any) -> None:
    """Record `store` or `restore`."""
    REC.add(name, which=which)


def nothing(*_: Any, **__: Any) -> None:
    """Show no picture."""


def install() -> None:
    """Wrap what scripts call."""
    for name, fields in CONSTRUCTED.items():
        if hasattr(only, name):
            wrap_constructor(getattr(only, name), fields)
    wrap(VariableView, "set_item", set_item)
    wrap(only.Synapses, "connect", connect)
    wrap(Group, "run_regularly", run_regularly)
    wrap(only.NeuronGroup, "__setattr__", set_attribute)
    wrap(only.NeuronGroup, "run_on_event", run_on_event)
    only.Network.run = network_run
    MagicNetwork.run = magic_run
    for name in ("store", "restore"):
        wrap(only.Network, name, partial(store, name))
    try:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - Brian2 does not need it

        plt.show = nothing
    except ImportError:
        stub = types.ModuleType("matplotlib")
        sys.modules["matplotlib"] = stub
    brian2.prefs.codegen.target = "numpy"
    brian2.BrianLogger.suppress_hierarchy("brian2")


def assignments(script: str) -> dict[str, list[list[Any]]]:
    """The texts of top-level assignments `name = expression`, by name: line and text."""
    found: dict[str, list[list[Any]]] = {}
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
                pairs = list(zip(target.elts, value.elts, strict=True))
            for name, expression in pairs:
                if isinstance(name, ast.Name):
                    found.setdefault(name.id, []).append([node.lineno, ast.get_source_segment(script, expression)])
    return found


def main() -> None:
    """Run the script and write what it did."""
    script, out = ARGUMENTS
    text = Path(script).read_text(encoding="utf-8")
    ASSIGNED.update(assignments(text))
    install()
    sys.path.insert(0, str(Path(script).resolve().parent))
    problem = None
    try:
        runpy.run_path(script, run_name="__main__")
    except BaseException as error:  # noqa: BLE001 - the script's own problem; what it has built so far counts
        where = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
        problem = {"error": f"{type(error).__name__}: {error}", "line": where[-1] if where else None}
    found = {
        "brian2": brian2.__version__,
        "records": REC.records,
        "problem": problem,
        "assignments": ASSIGNED,
        "doc": ast.get_docstring(ast.parse(text)),
    }
    Path(out).write_text(json.dumps(found), encoding="utf-8")
    np.savez(out + ".npz", **REC.arrays)  # type: ignore[arg-type] # no option of savez is among the names


if __name__ == "__main__":
    main()

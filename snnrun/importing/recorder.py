"""Runs a Brian2 script without simulating it and writes what it builds: `python recorder.py SCRIPT.py OUT.json`.

This file runs in the Python that has Brian2 and uses nothing else of snnrun. Constructors, `connect`, assignments of
variables, `run`, `store` and `restore` are wrapped: each call is one record, in the order of the script. A `run` stores
the values of all names that texts of the network use, and advances the clock only. Arrays go to OUT.json.npz. Objects
have keys: their name, and a number where the script gives a name again. Everything runs in one process and as Python,
also what the script wants to be compiled, or in processes of its own.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import runpy
import sys
import traceback
import types
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

os.environ["MPLBACKEND"] = "Agg"
sys.argv, ARGUMENTS = [sys.argv[1]], sys.argv[1:]

import brian2  # noqa: E402
import numpy as np  # noqa: E402
from brian2 import only  # noqa: E402
from brian2.core.functions import Function  # noqa: E402
from brian2.core.magic import MagicNetwork, collect  # noqa: E402
from brian2.core.variables import LinkedVariable, VariableView  # noqa: E402
from brian2.devices.device import RuntimeDevice  # noqa: E402
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


def script_frames() -> list[types.FrameType]:
    """The frames of the script in the stack of calls, the innermost first."""
    found, frame = [], inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename == ARGUMENTS[0]:
            found.append(frame)
        frame = frame.f_back
    return found


class Recorder:
    """What the script has done so far."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.objects: dict[str, Any] = {}  # by key; kept, so that Brian2 does not use their names again
        self.keys: dict[int, str] = {}
        self.words: set[str] = set()
        self.depth = 0  # of calls of Brian2 within recorded calls
        self.runs = 0

    def add(self, op: str, **fields: Any) -> dict[str, Any]:
        """Store one record, unless Brian2 itself makes the call."""
        frames = script_frames()
        record = {"op": op, "line": frames[0].f_lineno if frames else None, **fields}
        if self.depth == 0:
            self.records.append(record)
            if op != "run":
                self.words |= set(IDENTIFIER.findall(json.dumps(fields)))
        return record

    def enter(self, made: Any) -> str:
        """The key of a new object."""
        count = sum(1 for key in self.objects if key.partition("#")[0] == made.name)
        key = f"{made.name}#{count + 1}" if count else str(made.name)
        self.objects[key], self.keys[id(made)] = made, key
        return key

    def key_of(self, value: Any) -> str | None:
        """The key of an object of the script, or of a weak reference to it."""
        return self.keys.get(id(getattr(getattr(value, "__repr__", None), "__self__", value)))

    def plain(self, value: Any) -> Any:
        """A value as JSON: texts, numbers with their dimensions, lists, references to objects."""
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, Equations):
            return str(value)
        if isinstance(value, dict):
            return {"map": {str(k): self.plain(v) for k, v in value.items()}}
        if isinstance(value, brian2.TimedArray):
            values = self.number(Quantity(np.asarray(value.values), dim=value.dim))
            return {"timed_array": values, "dt": float(value.dt)}
        if key := self.key_of(value):
            return {"object": key}
        if isinstance(value, only.Subgroup):
            return self.subgroup(value)
        if isinstance(value, slice):
            return {"slice": [None if v is None else int(v) for v in (value.start, value.stop, value.step)]}
        if isinstance(value, only.Clock):
            return self.number(value.dt)
        if isinstance(value, types.FunctionType | Function):
            return function(value)
        if isinstance(value, VariableView):
            value = value[:]
        if isinstance(value, list | tuple) and any(isinstance(v, str) for v in value):
            return {"list": [self.plain(v) for v in value]}
        if isinstance(value, tuple) and any(isinstance(v, slice) for v in value):
            return {"list": [self.plain(v) for v in value]}
        try:
            return self.number(value)
        except (TypeError, ValueError, only.DimensionMismatchError):
            return {"unknown": repr(value)[:80]}

    def number(self, value: Any) -> dict[str, Any]:
        """A number, or numbers, in SI units, with the exponents of the base units."""
        array = np.array(value)  # as it is now: the script may change it later
        if array.dtype.kind not in "bifu":
            raise TypeError(array.dtype)
        dims = [float(d) for d in get_dimensions(value)._dims]  # noqa: SLF001 - there is no other way
        if array.ndim == 0:
            return {"number": array.item(), "dims": dims}
        key = f"a{len(self.arrays)}"
        self.arrays[key] = array
        return {"array": key, "dims": dims, "shape": list(array.shape)}

    def subgroup(self, group: Any) -> dict[str, Any]:
        """A part of a group as JSON."""
        source = self.key_of(group.source)
        indices = group.variables.get("_sub_idx") if hasattr(group, "variables") else None
        if getattr(group, "contiguous", True) and hasattr(group, "start"):
            return {"object": source, "start": int(group.start), "stop": int(group.stop)}
        return {"object": source, "indices": [] if indices is None else [int(k) for k in indices.get_value()]}

    def run(self, objects: list[Any], duration: Any, scope: dict[str, Any], namespace: Any = None) -> None:
        """Record a run: its objects, and the values of all names that their texts use.

        Args:
            objects: What takes part.
            duration: Its duration.
            scope: The names of the script.
            namespace: The names that texts may use; None for those of the script.
        """
        mine = [o for o in objects if self.key_of(o)]
        self.runs += 1
        self.add(
            "run",
            number=self.runs,
            duration=self.plain(duration),
            values=self.values(scope if namespace is None else dict(namespace)),
            objects=[self.key_of(o) for o in mine],
            called={self.key_of(v): n for n, v in scope.items() if self.key_of(v) and n.isidentifier()},
            parts={n: self.plain(v) for n, v in scope.items() if isinstance(v, only.Subgroup) and n.isidentifier()},
            methods={
                self.key_of(o): o.state_updater.method_choice
                for o in mine
                if isinstance(getattr(getattr(o, "state_updater", None), "method_choice", None), str)
            },
            dt=float(brian2.defaultclock.dt),
        )

    def values(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The values of the names that texts use, but for units."""
        kinds = int | float | np.number | Quantity | brian2.TimedArray | np.ndarray | Function | types.FunctionType
        found = {}
        for name in sorted(self.words & set(scope)):
            value = scope[name]
            is_unit = isinstance(value, Quantity) and value is getattr(brian2, name, None)
            is_foreign = isinstance(value, types.FunctionType) and value.__module__ != "__main__"
            if isinstance(value, kinds) and not is_unit and not is_foreign and value is not getattr(brian2, name, None):
                found[name] = self.plain(value)
        return found


def function(value: Any) -> dict[str, Any]:
    """A Python function as JSON: its name, its text and its line in the script."""
    inner = inspect.unwrap(getattr(value, "pyfunc", None) or value)
    try:
        lines, first = inspect.getsourcelines(inner)
    except (OSError, TypeError):
        lines, first = [], 0
    return {"function": getattr(inner, "__name__", "f"), "text": "".join(lines), "line": first}


REC = Recorder()


def wrap_constructor(cls: Any, fields: tuple[str, ...]) -> None:
    """Record each construction of a class with the arguments that the script gives."""
    made = cls.__init__
    signature = inspect.signature(made)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        outer = REC.depth == 0
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
            if "unknown" in str(written.get("record")):
                written["record"] = REC.plain(np.asarray(self.record))  # such as the synapses of some neurons
            REC.add("new", kind=cls.__name__, name=REC.enter(self), given=written)

    cls.__init__ = __init__


def wrap(cls: Any, method: str, record: Any, hidden: int = 1) -> None:
    """Record each call of a method, and unless `hidden` is 0 none of the calls in it."""
    inner = getattr(cls, method)
    signature = inspect.signature(inner)

    def outer(self: Any, *args: Any, **kwargs: Any) -> Any:
        record(self, *args, **kwargs)
        if "level" in signature.parameters:  # how many frames lie between the script and Brian2
            bound = signature.bind(self, *args, **kwargs)
            bound.arguments["level"] = bound.arguments.get("level", 0) + 1
            args, kwargs = bound.args[1:], bound.kwargs
        REC.depth += hidden
        try:
            return inner(self, *args, **kwargs)
        finally:
            REC.depth -= hidden

    setattr(cls, method, outer)


def set_item(inner: Any, view: Any, item: Any, value: Any, *args: Any, **kwargs: Any) -> None:
    """Record `group.variable[item] = value`, and all values of the variable where it is about some elements."""
    group = view.group
    target: Any = REC.key_of(group)
    if isinstance(group, SynapticPathway):
        target = f"{REC.key_of(group.synapses)}:{group.objname}"
    if isinstance(group, only.Subgroup):
        target = REC.plain(group)
    chosen = None if isinstance(item, slice) and item == slice(None) else item
    record = REC.add("set", target=target, variable=view.name, item=REC.plain(chosen), value=REC.plain(value))
    inner(view, item, value, *args, **kwargs)
    some = chosen is not None or isinstance(group, only.Subgroup)
    if REC.depth == 0 and some:
        owner = group.source if isinstance(group, only.Subgroup) else group
        if isinstance(owner, only.NeuronGroup):
            record["all"] = REC.plain(getattr(owner, view.name)[:])


def wrap_set_item() -> None:
    """Record assignments of variables."""
    inner = VariableView.set_item
    level = list(inspect.signature(inner).parameters).index("level") - 3

    def outer(self: Any, item: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > level:
            args = (*args[:level], args[level] + 2, *args[level + 1 :])
        else:
            kwargs["level"] = kwargs.get("level", 0) + 2  # how many frames lie between the script and Brian2
        set_item(inner, self, item, value, *args, **kwargs)

    VariableView.set_item = outer


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
    REC.add("connect", target=REC.key_of(synapses), **{k: REC.plain(v) for k, v in fields.items()})


def run_regularly(
    group: Any, code: Any, dt: Any = None, clock: Any = None, when: Any = "start", order: Any = 0, **_: Any
) -> None:
    """Record an operation."""
    every = dt if dt is not None else clock.dt if clock is not None else group.dt
    target = REC.key_of(group) or REC.plain(group)
    REC.add("run_regularly", target=target, code=code, dt=REC.plain(every), when=when, order=order)


def set_spikes(group: Any, indices: Any, times: Any, *_: Any, **__: Any) -> None:
    """Record other spikes of a generator."""
    REC.add("set_spikes", target=REC.key_of(group), indices=REC.plain(indices), times=REC.plain(times))


def run_on_event(group: Any, event: Any, code: Any, **_: Any) -> None:
    """Record the statements of an event."""
    REC.add("run_on_event", target=REC.key_of(group), event=event, code=code)


def set_attribute(group: Any, name: str, value: Any, *_: Any, **__: Any) -> None:
    """Record `group.variable = linked_var(...)`."""
    if isinstance(value, LinkedVariable):
        REC.add(
            "link",
            target=REC.key_of(group),
            variable=name,
            source=REC.plain(value.group),
            of=value.name,
            index=REC.plain(value.index),
        )


def objects_of(network: Any) -> list[Any]:
    """The objects of a network; of the magic one those that Brian2 finds from the script."""
    if not isinstance(network, MagicNetwork):
        return list(network.objects)
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_code.co_filename != ARGUMENTS[0]:
        frame, level = frame.f_back, level + 1
    return list(collect(level=level))


def script_scope() -> dict[str, Any]:
    """The names of the script where it is."""
    scope: dict[str, Any] = {}
    for frame in reversed(script_frames()):
        scope |= {**frame.f_globals, **frame.f_locals}
    return scope


def network_run(network: Any, duration: Any, *args: Any, namespace: Any = None, **_: Any) -> None:
    """Record a run."""
    REC.run(objects_of(network), duration, script_scope(), args[2] if len(args) > 2 else namespace)
    if not isinstance(network, MagicNetwork):
        network.t_ = float(network.t_) + float(duration)


def state(op: str, network: Any, name: str = "default", *_: Any, **__: Any) -> None:
    """Record `store` or `restore`."""
    REC.add(op, which=name, objects=[key for o in objects_of(network) if (key := REC.key_of(o))])


def device_run(_device: Any, *_: Any, run_args: Any = None, **__: Any) -> None:
    """Record a repeated run of a compiled program, with other values of some variables."""
    for view, value in dict(run_args or {}).items():
        if isinstance(view, VariableView):
            REC.add("set", target=REC.key_of(view.group), variable=view.name, item=None, value=REC.plain(value))
    REC.runs += 1
    REC.add("again", number=REC.runs)


def nothing(*_: Any, **__: Any) -> None:
    """Do what a device or a picture would do: nothing."""


class InProcess:
    """A pool of processes, or of joblib, in this process."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, calls: Any) -> list[Any]:
        """Call what joblib's `delayed` has put off."""
        return [function(*args, **kwargs) for function, args, kwargs in calls]

    def starmap(self, call: Any, values: Any, *_: Any) -> list[Any]:
        """The values of a function of several arguments."""
        return [call(*value) for value in values]

    def imap(self, call: Any, values: Any, *_: Any) -> list[Any]:
        """The values of a function."""
        return [call(value) for value in values]

    map = imap_unordered = imap
    close = join = terminate = nothing


def wrap_reading(cls: Any) -> None:
    """Record that the script reads what a monitor has recorded, which is nothing."""
    inner = cls.__getattr__

    def __getattr__(self: Any, name: str) -> Any:
        caller = sys._getframe(1)  # noqa: SLF001 - of each access, so it has to be fast
        if caller.f_code.co_filename == ARGUMENTS[0] and REC.runs and (key := REC.key_of(self)):
            REC.add("read", target=key)
        return inner(self, name)

    cls.__getattr__ = __getattr__


def replace_modules() -> None:
    """Let scripts draw nothing, start no process, and use Brian2's Python code."""
    for name, attribute, stub in (
        ("matplotlib.pyplot", "show", nothing),
        ("matplotlib.pyplot", "savefig", nothing),
        ("multiprocessing", "Pool", InProcess),
        ("joblib", "Parallel", InProcess),
    ):
        with suppress(ImportError):
            setattr(importlib.import_module(name), attribute, stub)
    for module in (brian2, only, brian2.devices, brian2.devices.device):
        module.set_device = nothing
    for name in ("build", "reinit", "activate", "delete", "insert_code"):
        setattr(RuntimeDevice, name, nothing)
    RuntimeDevice.run = device_run
    brian2.prefs.codegen.target = "numpy"
    brian2.BrianLogger.suppress_hierarchy("brian2")


def install() -> None:
    """Wrap what scripts call."""
    for name, fields in CONSTRUCTED.items():
        if hasattr(only, name):
            wrap_constructor(getattr(only, name), fields)
    wrap_set_item()
    wrap(only.Synapses, "connect", connect)
    wrap(Group, "run_regularly", run_regularly)
    wrap(only.SpikeGeneratorGroup, "set_spikes", set_spikes)
    for cls in (only.NeuronGroup, only.Synapses):
        wrap(cls, "__setattr__", set_attribute, hidden=0)
    wrap(only.NeuronGroup, "run_on_event", run_on_event)
    for cls in (only.EventMonitor, only.StateMonitor, only.PopulationRateMonitor):
        wrap_reading(cls)
    only.Network.run = MagicNetwork.run = network_run
    for name in ("store", "restore"):
        wrap(only.Network, name, partial(state, name))
    replace_modules()


def assignments(script: str) -> dict[str, list[list[Any]]]:
    """The texts of assignments `name = expression`, by name in the order of lines: line and text."""
    found: dict[str, list[list[Any]]] = {}
    for node in sorted(ast.walk(ast.parse(script)), key=lambda n: getattr(n, "lineno", 0)):
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
    assigned = assignments(text)
    REC.words |= {word for lines in assigned.values() for _, part in lines for word in IDENTIFIER.findall(part)}
    install()
    np.random.seed(0)  # noqa: NPY002 - that of scripts, so that a script gives the same file each time
    sys.path.insert(0, str(Path(script).resolve().parent))
    problem = None
    try:
        scope = runpy.run_path(script, run_name="__main__")
        if REC.runs == 0 and REC.objects:
            REC.run(list(REC.objects.values()), 0 * brian2.second, scope)
    except BaseException as error:  # noqa: BLE001 - the script's own problem; what it has built so far counts
        where = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
        problem = {"error": f"{type(error).__name__}: {error}", "line": where[-1] if where else None}
    found = {
        "brian2": brian2.__version__,
        "records": REC.records,
        "problem": problem,
        "assignments": assigned,
        "doc": ast.get_docstring(ast.parse(text)),
    }
    Path(out).write_text(json.dumps(found), encoding="utf-8")
    np.savez(out + ".npz", **REC.arrays)  # type: ignore[arg-type] # no option of savez is among the names


if __name__ == "__main__":
    main()

"""Records scripts of Brian2, and runs them for a short time; needs Brian2 and `recorder.py` of snnrun.

    python simulating.py RECORDER.py TASKS.json

A task `{"script": path, "out": prefix, "cap": 0.1, "runs": 8, "seconds": 60, "seeds": 4}` gives OUT.record.json, what
`recorder.py` writes, and what the script simulates: each `run` lasts `cap` seconds of the network's time at most, and
the script ends after `runs` of them. What monitors hold, and what variables and synapses are at the end, goes to
OUT.SEED.npz as `RUN/KEY/NAME`, for the last run before each `restore` and at the end; objects have the keys of
`recorder.py`, runs its numbers. The script is run with several seeds, unless two give the same. OUT.json says how each
seed ended, and how much time of the processor it took, at most `seconds`. All runs are processes that begin where
Brian2 is loaded.
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SEED_STEP = 1000


class EnoughError(Exception):
    """As many runs as wanted are over."""


class Simulation:
    """A script that is simulated.

    Args:
        recorder: The module that records scripts.
        task: The script, and how long it may run.
        seed: Number of the seed; 0 leaves those of the script as they are.
    """

    def __init__(self, recorder: Any, task: dict[str, Any], seed: int) -> None:
        self.recorder, self.task, self.seed = recorder, task, seed
        self.found: dict[str, np.ndarray] = {}
        self.pending: dict[frozenset[str], tuple[int, list[Any]]] = {}
        self.values: dict[int, dict[str, np.ndarray]] = {}  # of groups and synapses, at the end of each run
        self.waits = False  # whether the program is to run again with other values
        self.built: tuple[Any, Any, dict[str, Any]] | None = None

    def install(self) -> None:
        """Let runs be short, and keep what they give."""
        b, only = self.recorder.brian2, self.recorder.only
        inner = {cls: cls.run for cls in (only.Network, self.recorder.MagicNetwork)}
        self.recorder.install()
        run = inner[only.Network]

        def simulate(network: Any, duration: Any, *args: Any, **kwargs: Any) -> None:
            if self.recorder.REC.depth:  # that of the magic network calls the other one
                run(network, duration, *args, **{**kwargs, "level": kwargs.get("level", 0) + 1})
                return
            objects = self.recorder.objects_of(network)
            capped = min(float(duration), self.task["cap"]) * b.second
            self.count(objects)
            scope = self.recorder.script_scope()
            if self.waits and self.built is None:
                self.built = only.Network(*objects), capped, scope
                self.built[0].store("built")
            if self.waits:
                network = self.built[0]
            kwargs = {"namespace": kwargs.get("namespace"), "level": kwargs.get("level", 0) + 2}
            if self.waits:
                kwargs = {"namespace": scope}
            self.call(inner.get(type(network), run), network, capped, **kwargs)

        only.Network.run = self.recorder.MagicNetwork.run = simulate
        restore = only.Network.restore

        def restoring(network: Any, *args: Any, **kwargs: Any) -> Any:
            self.dump({key for o in self.recorder.objects_of(network) if (key := self.recorder.REC.key_of(o))})
            return restore(network, *args, **kwargs)

        only.Network.restore = restoring
        for module in (b, only, b.devices, b.devices.device):
            module.set_device = self.set_device
        self.recorder.RuntimeDevice.run = lambda _device, *_, run_args=None, **__: self.again(run, run_args or {})
        if self.seed:
            self.change_seeds()

    def change_seeds(self) -> None:
        """Let the seeds that the script sets be others."""
        set_seed = np.random.seed

        def seed(value: int | None = None) -> None:
            set_seed(None if value is None else (int(value) + SEED_STEP * self.seed) % 2**32)

        np.random.seed = self.recorder.brian2.seed = self.recorder.only.seed = seed

    def set_device(self, *_: Any, build_on_run: bool = True, **__: Any) -> None:
        """Whether the program runs again later."""
        self.waits = not build_on_run

    def call(self, run: Any, network: Any, duration: Any, **kwargs: Any) -> None:
        """Simulate, without records of what Brian2 calls."""
        self.recorder.REC.depth += 1
        try:
            run(network, duration, **kwargs)
        except Exception:
            number = self.recorder.REC.runs  # what a run gave that failed does not count
            self.pending = {keys: kept for keys, kept in self.pending.items() if kept[0] != number}
            raise
        else:
            for number, objects in self.pending.values():
                if number == self.recorder.REC.runs:
                    self.values[number] = self.all_of([o for o in objects if not is_monitor(o)])
        finally:
            self.recorder.REC.depth -= 1

    def count(self, objects: list[Any]) -> None:
        """Note that a run begins."""
        record = self.recorder.REC
        if record.runs >= self.task["runs"]:
            raise EnoughError
        record.runs += 1
        self.pending[frozenset(key for o in objects if (key := record.key_of(o)))] = record.runs, objects

    def again(self, run: Any, values: dict[Any, Any]) -> None:
        """Run the program again with other values."""
        assert self.built is not None
        network, duration, scope = self.built
        self.pending.clear()
        self.call(lambda *_: network.restore("built"), network, duration)
        for view, value in values.items():
            setattr(view.group, view.name, value)
        self.count(list(network.objects))
        self.call(run, network, duration, namespace=scope)
        self.dump(None)

    def dump(self, among: set[str] | None) -> None:
        """Keep what the last runs of networks gave that have some of these objects; None: of all."""
        for keys, (number, objects) in list(self.pending.items()):
            if among is None or keys & among:
                del self.pending[keys]
                values = self.values.get(number) or self.all_of([o for o in objects if not is_monitor(o)])
                values |= self.all_of([o for o in objects if is_monitor(o)])
                self.found |= {f"{number}/{name}": value for name, value in values.items()}

    def all_of(self, objects: list[Any]) -> dict[str, np.ndarray]:
        """Contents of objects, `KEY/NAME`."""
        return {
            f"{key}/{name}": np.array(values)
            for made in objects
            if (key := self.recorder.REC.key_of(made))
            for name, values in contents(self.recorder.brian2, made).items()
        }


def is_monitor(made: Any) -> bool:
    """Whether an object is a monitor."""
    return type(made).__name__.endswith("Monitor")


def contents(b: Any, made: Any) -> dict[str, Any]:
    """What a monitor has recorded, or the variables of a group or of synapses."""
    if isinstance(made, b.PopulationRateMonitor):
        return {"rate": made.rate}
    if isinstance(made, b.StateMonitor):
        return {name: np.atleast_2d(np.asarray(getattr(made, name))).T for name in made.record_variables}
    if isinstance(made, b.EventMonitor):
        found = {"count": made.count[:]}
        if made.record:
            step = np.rint(np.asarray(made.t) / float(made.clock.dt)).astype(int)
            extra = {n: getattr(made, n)[:] for n in made.record_variables if n not in ("t", "i")}
            found |= {"step": step, "i": made.i[:], **extra}
        return found
    if isinstance(made, b.NeuronGroup | b.Synapses):
        eqs = made.equations
        found = {n: getattr(made, n)[:] for n in (*eqs.diff_eq_names, *eqs.parameter_names) if n in made.variables}
        if isinstance(made, b.Synapses):
            found = {k: v for k, v in found.items() if np.size(v) == len(made)}
            found |= {"i": made.i[:], "j": made.j[:]}
        return {name: np.asarray(values) for name, values in found.items()}
    return {}


def load(path: str) -> Any:
    """The module of a file."""
    spec = importlib.util.spec_from_file_location("recorder", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["recorder"] = module
    spec.loader.exec_module(module)
    return module


def begin(recorder: Any, task: dict[str, Any]) -> None:
    """Let this process run a script as if it had been started for it."""
    signal.setitimer(signal.ITIMER_PROF, task["seconds"])
    recorder.ARGUMENTS[:] = [task["script"], f"{task['out']}.record.json"]
    sys.argv = [task["script"]]
    os.chdir(Path(task["script"]).parent)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def simulate(recorder: Any, task: dict[str, Any], seed: int) -> None:
    """Run the script and store what it gives."""
    began, error = time.process_time(), ""
    simulation = Simulation(recorder, task, seed)
    simulation.install()
    np.random.seed(seed)  # noqa: NPY002 - that of the script
    sys.path.insert(0, str(Path(task["script"]).parent))
    try:
        runpy.run_path(task["script"], run_name="__main__")
        if recorder.REC.runs == 0:
            simulation.count(list(recorder.REC.objects.values()))
    except EnoughError:
        pass
    except BaseException as problem:  # noqa: BLE001 - the comparison says what it was
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
    simulation.dump(None)
    np.savez(f"{task['out']}.{seed}.npz", **simulation.found)
    end = {"error": error, "seconds": round(time.process_time() - began, 1)}
    Path(f"{task['out']}.{seed}.json").write_text(json.dumps(end))


def apart(work: Any, recorder: Any, task: dict[str, Any], *args: Any) -> None:
    """Do some work in a process of its own."""
    if (child := os.fork()) == 0:
        begin(recorder, task)
        work(recorder, task, *args)
        os._exit(0)
    os.waitpid(child, 0)


def stored(task: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """What a seed gave."""
    with np.load(f"{task['out']}.{seed}.npz") as found:
        return dict(found)


def do(recorder: Any, task: dict[str, Any]) -> None:
    """Record a script, and run it with each seed."""
    ends = []
    apart(lambda module, _: module.main(), recorder, task)
    for seed in range(task["seeds"]):
        apart(simulate, recorder, task, seed)
        end = Path(f"{task['out']}.{seed}.json")
        if not end.is_file():
            ends.append({"error": f"takes longer than {task['seconds']} s", "seconds": task["seconds"]})
            break
        ends.append(json.loads(end.read_text()))
        if seed == 1:
            a, b = stored(task, 0), stored(task, 1)
            if a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a):
                break
    Path(f"{task['out']}.json").write_text(json.dumps(ends))


def main() -> None:
    """Do all tasks, one after the other."""
    tasks = json.loads(Path(sys.argv[2]).read_text())
    recorder = load(sys.argv[1])
    recorder.brian2.prefs.codegen.target = "numpy"
    for task in tasks:
        do(recorder, task)


if __name__ == "__main__":
    main()

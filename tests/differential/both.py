"""One experiment in both programs, and what differs."""

from __future__ import annotations

import enum
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from rules import known
from running import as_stored, native

from snnrun.codegen.kernel import generate
from snnrun.codegen.native import PythonKernel
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.equations.dag import Variable
from snnrun.errors import RunError, Severity, SnnrunError
from snnrun.export.brian2 import export
from snnrun.model.network import Network, RateMonitor, SpikeMonitor, StateMonitor
from snnrun.running import pipeline
from snnrun.running.stages import Checked

TOLERANCE = 1e-9
"""By how much values may differ, in parts of the largest one of a monitor's variable."""

SECONDS = 120
"""What Brian2 may take for one network."""

Arrays = dict[str, NDArray[Any]]


class End(enum.Enum):
    """How an experiment ended."""

    SAME = "the same in both"
    UNLIKE = "unlike"
    GROWING = "unlike, as last digits grow"
    REFUSED = "refused here"
    STOPPED = "stopped here, as values became infinite"
    NOT_EXPORTED = "not exported in full"
    FAILED = "refused by Brian2"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an experiment.

    Args:
        end: How it ended.
        about: Why, a line each.
        theirs: What Brian2 recorded.
    """

    end: End
    about: list[str] = field(default_factory=list)
    theirs: Arrays = field(default_factory=dict)


class Brian2:
    """A process that runs one script after the other in Brian2.

    Args:
        python: The Python that has it.
        folder: Where scripts and results are put.
    """

    def __init__(self, python: str | Path, folder: Path) -> None:
        self._python, self._folder = str(python), folder
        self._process: subprocess.Popen[str] | None = None

    def run(self, script: str, arrays: Arrays) -> tuple[str, Arrays]:
        """What a script recorded, or why there is nothing."""
        (self._folder / "script.py").write_text(script, encoding="utf-8")
        if arrays:
            np.savez(self._folder / "numbers.npz", **arrays)
        out = self._folder / "recorded.npz"
        out.unlink(missing_ok=True)
        task = {"script": str(self._folder / "script.py"), "out": str(out), "seconds": SECONDS}
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.close()
            return "the process ended", {}
        error = json.loads(answer)["error"]
        if error:
            return error, {}
        with np.load(out) as stored:
            return "", dict(stored)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [self._python, str(Path(__file__).with_name("brian2_process.py"))]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        return self._process


def text_of(experiment: dict[str, Any]) -> str:
    """An experiment as the text of a file."""
    return yaml.safe_dump(experiment, sort_keys=False, width=110)


def compare(text: str, brian2: Brian2, folder: Path, *, compiled: bool = False) -> Outcome:
    """Run an experiment in both."""
    file = folder / "experiment.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        checked = pipeline.check(pipeline.read(file))
        script = export(checked, "numbers.npz")
        if script.notes:
            return Outcome(End.NOT_EXPORTED, [f"{place}: {why}" for place, why in script.notes])
        ours = recorded(checked, compiled=compiled)
    except RunError as error:
        return Outcome(End.STOPPED, [str(error)])
    except SnnrunError as error:
        wrong = [item for item in error.diagnostics if item.severity is Severity.ERROR]
        return Outcome(End.REFUSED, [f"[{item.code}] {item.message}" for item in wrong])
    error, theirs = brian2.run(script.text, dict(script.arrays))
    if error:
        return Outcome(End.FAILED, [error])
    found = differences(ours, theirs)
    if not found:
        return Outcome(End.SAME, [], theirs)
    grows = known("Last digits") and _grows(file, ours)
    return Outcome(End.GROWING if grows else End.UNLIKE, found, theirs)


def _grows(file: Path, ours: Arrays) -> bool:
    """Whether a change of the last digits of a constant changes the results beyond the tolerance, too."""
    for value in ("-65.00000000000003 mV", "-64.99999999999997 mV"):
        try:
            near = recorded(pipeline.check(pipeline.read(file, [f"constants.El={value}"])))
        except SnnrunError:
            continue
        if differences(near, ours):
            return True
    return False


def recorded(checked: Checked, *, compiled: bool = False) -> Arrays:
    """What our monitors recorded: `MONITOR/step`, `MONITOR/i`, `MONITOR/VARIABLE`."""
    network = as_stored(checked.resolved.network)
    kernel, memory = generate(network), Memory()
    with np.errstate(all="ignore"):
        runs = native(kernel) if compiled else PythonKernel(kernel.text)
        Simulation(build(network, kernel), runs, memory).run()
    found: Arrays = {}
    for monitor in network.monitors:
        for key, values in _of(monitor, network, memory).items():
            found[f"{monitor.name}/{key}"] = values
    return found


def _of(monitor: Any, network: Network, memory: Memory) -> Arrays:
    match monitor:
        case SpikeMonitor(name=name, columns=columns):
            step, i = memory.spike_steps(name)
            return {"step": step, "i": i, **{c.name: memory.extra(name, c.name) for c in columns}}
        case StateMonitor(name=name, columns=columns):
            return {c.name: _wide(memory.state(name, c.name), c.node, monitor, network) for c in columns}
        case RateMonitor(name=name):
            return {}
    return {}


def _wide(values: NDArray[Any], node: Any, monitor: StateMonitor, network: Network) -> NDArray[Any]:
    """Samples of a shared variable once for each neuron, as Brian2 has them."""
    payload = node.payload
    if monitor.source.startswith("groups.") and isinstance(payload, Variable) and payload.shared:
        return np.repeat(values[:, :1], network.groups[monitor.source.removeprefix("groups.")].size, axis=1)
    return values


def differences(ours: Arrays, theirs: Arrays) -> list[str]:
    """What differs, a line for each array."""
    return [line for name in theirs if (line := _difference(name, ours.get(name), theirs[name]))]


def _difference(name: str, ours: NDArray[Any] | None, theirs: NDArray[Any]) -> str:
    if ours is None:
        return f"{name} is not there"
    if ours.size == theirs.size == 0:
        return ""
    if ours.shape != theirs.shape:
        return f"{name} has the shape {ours.shape}, in Brian2 {theirs.shape}"
    off = np.abs(np.asarray(ours, float) - np.asarray(theirs, float))
    allowed = 0.0 if name.endswith(("/step", "/i")) else TOLERANCE * np.max(np.abs(theirs), initial=0.0)
    wrong = ~(off <= allowed)
    if not wrong.any():
        return ""
    first = tuple(int(k) for k in np.argwhere(wrong)[0])
    return f"{name}{list(first)} is {ours[first]!r}, in Brian2 {theirs[first]!r}"

"""Runs experiments for tests: by the compiled kernel, by the oracle, and in the terms of the reference data."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.cache import obtain
from snnrun.codegen.kernel import generate
from snnrun.codegen.module import Kernel
from snnrun.codegen.native import NativeKernel, PythonKernel
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.engine.values import Built
from snnrun.equations.dag import Variable
from snnrun.kernels.arithmetic import Math
from snnrun.model.network import ConnectivityMonitor, Monitor, Network, SpikeMonitor, StateMonitor
from snnrun.resolve.resolve import Resolved, resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load


@dataclass(frozen=True, slots=True)
class Spikes:
    """The spikes of one monitor.

    Attributes:
        i: Neuron of the whole group, shape (spikes,).
        step: Step of the spike, shape (spikes,). [dt]
        variables: Values at the spike by variable, each of shape (spikes,). [SI]
    """

    i: NDArray[np.int64]
    step: NDArray[np.int64]
    variables: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Trace:
    """All samples of one state monitor.

    Attributes:
        step: Step each sample was taken at, shape (samples,). [dt]
        variables: Samples by variable, each of shape (elements, samples). [SI]
    """

    step: NDArray[np.int64]
    variables: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The synapses of one object in creation order, source `i` and target `j`, each of shape (synapses,)."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run recorded, each kind by the name of its monitor."""

    spikes: Mapping[str, Spikes]
    states: Mapping[str, Trace]
    connectivity: Mapping[str, Pairs]


@contextmanager
def as_file(experiment: Path | str) -> Iterator[Path]:
    """The file of an experiment that is given as a path or as YAML text."""
    if isinstance(experiment, Path):
        yield experiment
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "experiment.yaml"
        text = experiment if "version:" in experiment else f"version: 1\n{experiment}"
        if "\nname:" not in text:
            text = f"name: test\n{text}"
        path.write_text(text, encoding="utf-8")
        yield path


def resolved(experiment: Path | str, *overrides: str) -> Resolved:
    """A file or text as far as `resolve`."""
    with as_file(experiment) as path:
        document = load(path, overrides)
        return resolve(document, parse_experiment(document))


def network_of(experiment: Path | str, *overrides: str) -> Network:
    """The network of a file or text."""
    return resolved(experiment, *overrides).network


@functools.cache
def _loaded(text: str, structure: str, math: Math, _processor: str) -> NativeKernel:
    return NativeKernel(obtain(text, structure, math).object)


def native(kernel: Kernel) -> NativeKernel:
    """A loaded kernel; each is compiled and loaded once a process."""
    return _loaded(kernel.text, kernel.structure, kernel.math, os.environ.get("NUMBA_CPU_NAME", ""))


def simulation_of(network: Network) -> tuple[Simulation, Memory]:
    """A run that is ready to start, and where its recordings go."""
    kernel = generate(network)
    memory = Memory()
    return Simulation(build(network, kernel), native(kernel), memory), memory


def run_network(network: Network, most: int | None = None) -> tuple[Memory, Built]:
    """Run a network by its kernel; at most `most` steps a call."""
    simulation, memory = simulation_of(network)
    simulation.run(most=most)
    return memory, simulation.built


def final(built: Built, owner: str, name: str) -> NDArray[np.float64]:
    """A variable as it is now, one value an element as the user counts them (one in all where it is shared)."""
    values = built.arrays[ArrayUse.VARIABLE.of(owner, name)].astype(np.float64)
    section, _, own = owner.partition(".")
    return built.connectivity[own].in_creation_order(values) if section == "synapses" else values


def run_kernel(experiment: Path | str, *overrides: str, most: int | None = None) -> Memory:
    """Run a file or text by its kernel."""
    return run_network(network_of(experiment, *overrides), most)[0]


def run_plain(experiment: Path | str, *overrides: str) -> Memory:
    """Run a file or text by its kernel as plain Python: a run of few steps is over before one is compiled."""
    network, memory = network_of(experiment, *overrides), Memory()
    kernel = generate(network)
    with np.errstate(all="ignore"):
        Simulation(build(network, kernel), PythonKernel(kernel.text), memory).run()
    return memory


def run_oracle(experiment: Path | str, *overrides: str) -> Memory:
    """Run a file or text by the oracle."""
    from oracle import interpret

    return interpret(network_of(experiment, *overrides))


def sample_steps(monitor: StateMonitor, steps: int) -> NDArray[np.int64]:
    """The steps at which a state monitor samples."""
    every = np.arange(min(monitor.window.stop, steps))
    return every[(every >= monitor.window.start) & (every % monitor.every == 0)]


def as_stored(network: Network) -> Network:
    """A network whose monitors record event-driven variables as the last event left them, as Brian2's do."""

    def stored(monitor: Monitor) -> Monitor:
        synapses = {s.path: s for s in network.synapses.values()}.get(getattr(monitor, "source", ""))
        if not isinstance(monitor, StateMonitor) or synapses is None:
            return monitor
        columns = []
        for c in monitor.columns:
            known = synapses.expressions.get(c.name)
            kind = next((s.kind for s in synapses.stored if s.variable.name == c.name), None)
            node = known[0] if kind is None else network.graph.variable(Variable(synapses.path, c.name), kind)
            columns.append(replace(c, node=node))
        return replace(monitor, columns=tuple(columns))

    return replace(network, monitors=tuple(stored(m) for m in network.monitors))


def run_case(path: Path) -> Recorded:
    """Run an experiment file and give what it recorded."""
    network = as_stored(network_of(path))
    memory, built = run_network(network)
    spikes: dict[str, Spikes] = {}
    states: dict[str, Trace] = {}
    connectivity: dict[str, Pairs] = {}
    for monitor in network.monitors:
        match monitor:
            case SpikeMonitor(name=name, columns=columns):
                step, i = memory.spike_steps(name)
                spikes[name] = Spikes(i, step, {c.name: memory.extra(name, c.name) for c in columns})
            case StateMonitor(name=name, columns=columns):
                variables = {c.name: memory.state(name, c.name).T for c in columns}
                if all(isinstance(c.node.payload, Variable) and c.node.payload.shared for c in columns):
                    size = network.groups[monitor.source.removeprefix("groups.")].size  # Brian2 repeats shared values
                    variables = {k: np.repeat(v, size, axis=0) for k, v in variables.items()}
                states[name] = Trace(sample_steps(monitor, network.steps), variables)
            case ConnectivityMonitor(name=name, synapses=synapses):
                wiring = built.connectivity[synapses]
                created = np.argsort(wiring.created)
                connectivity[name] = Pairs(wiring.pre[created], wiring.post[created])
            case _:
                pass
    return Recorded(spikes, states, connectivity)

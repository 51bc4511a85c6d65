"""Compares the kernel's run of a network with the oracle's, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from oracle import Oracle
from running import network_of, run_network

from snnrun.codegen.arguments import ArrayUse
from snnrun.model.network import Network, RateMonitor, SpikeMonitor, StateMonitor, SynapseEventMonitor


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are alike; any NaN equals any other."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if a.dtype.kind == "f" and a.dtype == b.dtype:
        bits = f"i{a.itemsize}"
        return bool(np.all((a.view(bits) == b.view(bits)) | (np.isnan(a) & np.isnan(b))))
    return bool(np.array_equal(a, b))


def differences(network: Network, most: int | None = None) -> tuple[list[str], int]:
    """What differs between kernel and oracle, and how much was compared (spikes and samples)."""
    memory, built = run_network(network, most)
    oracle = Oracle(network)
    oracle.run()
    found: list[str] = []
    compared = 0

    def check(what: str, a: Any, b: Any) -> None:
        nonlocal compared
        compared += np.size(a)
        if not same_bits(a, b):
            found.append(f"{what}: kernel {np.shape(a)}, oracle {np.shape(b)}")

    for monitor in network.monitors:
        name = monitor.name
        match monitor:
            case SpikeMonitor(counts_only=counts_only, columns=columns):
                check(f"{name}: counts", built.arrays[ArrayUse.COUNTS.of(f"monitors.{name}")], oracle.counts[name])
                if not counts_only:
                    kernel, slow = memory.spike_steps(name), oracle.memory.spike_steps(name)
                    check(f"{name}: steps", kernel[0], slow[0])
                    check(f"{name}: neurons", kernel[1], slow[1])
                for column in columns:
                    check(
                        f"{name}.{column.name}", memory.extra(name, column.name), oracle.memory.extra(name, column.name)
                    )
            case SynapseEventMonitor(columns=columns):
                check(f"{name}: count", built.counts(name).sum(), oracle.arrived[name])
                kernel, slow = memory.spike_steps(name), oracle.memory.spike_steps(name)
                check(f"{name}: steps", kernel[0], slow[0])
                check(f"{name}: synapses", kernel[1], slow[1])
                for c in columns:
                    check(f"{name}.{c.name}", memory.extra(name, c.name), oracle.memory.extra(name, c.name))
            case StateMonitor(columns=columns):
                for column in columns:
                    check(
                        f"{name}.{column.name}", memory.state(name, column.name), oracle.memory.state(name, column.name)
                    )
            case RateMonitor():
                check(name, memory.number(name), oracle.memory.number(name))
            case _:
                pass
    for (owner, variable), array in oracle.arrays.items():
        stored = built.arrays[ArrayUse.VARIABLE.of(owner, variable)]
        section, _, name = owner.partition(".")
        if section == "synapses":
            stored = built.connectivity[name].in_creation_order(stored)
        plain = array[oracle.wirings[name].order] if section == "synapses" and len(array) == len(stored) > 1 else array
        # what kernels do not ask for stays double
        check(f"{owner}.{variable} in the end", stored.astype(plain.dtype), plain)
    for name, wiring in built.connectivity.items():
        made = oracle.wirings[name].made
        for end, plain in (("pre", made.pre), ("post", made.post)):
            check(f"{name}: {end}", wiring.in_creation_order(getattr(wiring, end)), plain)
    return found, compared


def assert_agreement(experiment: Path | str, *overrides: str, spikes: int = 0) -> None:
    """Kernel and oracle agree on everything, and there was something to agree on.

    Args:
        experiment: A file, or YAML text.
        overrides: Options `path=value`.
        spikes: At least so many spikes must occur in each spike monitor.
    """
    network = network_of(experiment, *overrides)
    found, compared = differences(network)
    assert not found
    assert compared > 0
    if spikes:
        memory, _ = run_network(network)
        for monitor in network.monitors:
            recorded = isinstance(monitor, SynapseEventMonitor)
            if recorded or (isinstance(monitor, SpikeMonitor) and not monitor.counts_only):
                assert len(memory.spike_steps(monitor.name)[0]) >= spikes, monitor.name

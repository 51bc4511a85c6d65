"""The number of threads and the length of calls change no bit of what is recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from running import native, network_of, run_network

from snnrun.codegen import kernel as kernel_module
from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.kernel import generate
from snnrun.codegen.module import Kernel
from snnrun.connect import builder
from snnrun.engine import build, monitors, synapses
from snnrun.engine.build import partition
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory
from snnrun.model.network import Network

# Sizes that eight threads cannot share evenly; recurrent, so that every kind of work depends on every other.
DIVIDED = """
name: divided
seed: 3
constants: {tau: 8 ms, w: 0.09}
groups:
  pop:
    size: 203
    equations: |
      dv/dt = (drive - v + g)/tau + 0.25*xi*tau**-0.5 : 1 (unless refractory)
      dg/dt = -g/(4*ms) : 1
      drive : 1
      around : 1
      near : 1
      gain : 1 (shared)
    threshold: v > 1
    reset: v = 0
    refractory: 1 ms + (i % 3)*ms
    method: heun
    initial: {drive: 0.85 + 0.3*rand(), v: rand()}
    subgroups: {left: "0:120", odd: "i % 2 == 1"}
  input: {kind: poisson, size: 90, rates: (20 + i)*Hz}
  clock: {kind: spikes, size: 70, indices: [3, 69, 40, 3], times: [2 ms, 5 ms, 5 ms, 9.1 ms], period: 11 ms}
inputs:
  noise: {kind: poisson, target: pop.odd, variable: g, size: 40, rate: 30 Hz, weight: 0.04}
synapses:
  recurrent:
    source: pop.left
    target: pop
    connect: {p: 0.2, where: i != j}
    equations: |
      u : 1
      dtrace/dt = -trace/(9*ms) : 1 (event-driven)
    on_pre: {forward: {do: "g_post += w*u*int(rand() < 0.7); trace += 0.1", delay: (1 + 3*rand())*ms}}
    on_post: {back: {do: "u = clip(u + 0.02*trace - 0.001*gain_post, 0, 2)", delay: 0.2*i*ms/10}}
    initial: {u: 0.5 + rand()}
  feed: {source: input, target: pop.odd, connect: {p: 0.3}, on_pre: g += 0.2, delay: 0.7 ms}
  beat: {source: clock, target: pop, connect: {j: "k for k in sample(203, p=0.2)"}, on_pre: v = v + 0.05*(1 - v)}
  gap:
    source: pop
    target: pop
    connect: {p: 0.05}
    equations: "around_post = 0.01*(v_pre - v_post) : 1 (summed)"
  lattice:
    source: pop
    target: pop
    connect: {where: abs(i - j) < 20}
    equations: |
      dh/dt = (0.1*(v_pre - v_post) - h)/(3*ms) : 1 (clock-driven)
      near_post = h*v_pre : 1 (summed)
    method: euler
operations:
  raise: {target: pop, every: 5 ms, do: "gain = gain + 0.1"}
  change: {target: pop, every: 5 ms, do: "drive = drive*(0.99 + 0.02*rand())"}
monitors:
  spikes: {kind: spikes, source: pop, variables: [v, g]}
  odd: {kind: spikes, source: pop.odd}
  input: {kind: spikes, source: input}
  clock: {kind: spikes, source: clock}
  v: {kind: state, source: pop, variables: [v, g, around, near], indices: "0:203:17", dt: 0.5 ms}
  u: {kind: state, source: recurrent, variables: [u], indices: [0, 5, 900, 77], dt: 1 ms}
  rate: {kind: rate, source: pop, bin: 1 ms}
run: {duration: 60 ms, dt: 0.1 ms}
"""
# Statements that one thread must carry out for all: writes to sources, reads of what they write, sums over sources.
UNDIVIDED = """
name: undivided
seed: 4
groups:
  pop:
    size: 150
    equations: |
      dv/dt = (drive - v)/(7*ms) : 1
      drive : 1
      total : 1
      sent : 1
    threshold: v > 1
    reset: v = 0
    method: exact
    initial: {drive: 1.1 + 0.5*rand()}
synapses:
  back:
    source: pop
    target: pop
    connect: {p: 0.1}
    equations: "total_pre = 0.001*v_post : 1 (summed)"
    on_pre: {out: {do: "sent_pre += 1; v_post = clip(v_post - 0.001*v_pre, -1, 2)", delay: (0.5 + 0.1*(j % 7))*ms}}
monitors:
  spikes: {kind: spikes, source: pop, variables: [v, sent]}
  state: {kind: state, source: pop, variables: [v, total, sent], indices: [0, 64, 149], dt: 0.3 ms}
run: {duration: 60 ms, dt: 0.1 ms}
"""


def recorded(text: str, threads: int, most: int | None = None) -> dict[str, np.ndarray]:
    return recordings(run_network(replace(network_of(text), threads=threads), most)[0])


def recordings(memory: Memory) -> dict[str, np.ndarray]:
    data: dict[str, np.ndarray] = {}
    for name in memory.spike_parts:
        data[f"{name} steps"], data[f"{name} ids"] = memory.spike_steps(name)
        for column in memory.spike_parts[name][0][2]:
            data[f"{name}.{column}"] = memory.extra(name, column)
    for name, parts in memory.state_parts.items():
        data |= {f"{name}.{column}": memory.state(name, column) for column in parts[0]}
    return data | {name: memory.number(name) for name in memory.number_parts}


@pytest.mark.parametrize("text", [DIVIDED, UNDIVIDED], ids=["divided", "undivided"])
def test_results_are_the_same_for_any_number_of_threads(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "GRAIN", 8)
    one = recorded(text, 1)
    assert all(len(values) > 5 and np.ptp(values) > 0 for values in one.values()), "something happens everywhere"
    assert len(one["spikes ids"]) > 300
    for threads, most in ((2, None), (3, 7), (4, 1000), (8, 1)):
        several = recorded(text, threads, most)
        assert several.keys() == one.keys()
        for name, values in one.items():
            np.testing.assert_array_equal(several[name], values, err_msg=f"{name}, {threads} threads")


def test_a_long_step_in_pieces_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "GRAIN", 8)
    network = network_of(DIVIDED)
    whole = generate(network)
    monkeypatch.setattr(kernel_module, "MANY", 6)
    pieces = generate(network)
    assert "piece_0" not in whole.text
    assert "piece_4" in pieces.text
    for threads in (1, 3):
        one, several = (everything(network, kernel, threads) for kernel in (whole, pieces))
        for name, values in one.items():
            np.testing.assert_array_equal(several[name], values, err_msg=name)


# Every neuron spikes at every step, so that a small buffer of spikes is full after a few.
CROWDED = """
name: crowded
groups:
  pop:
    size: 67
    equations: "dv/dt = (2 + 0.1*i - v)/(0.02*ms) : 1"
    threshold: v > 0.5
    reset: v = 0
    method: exact
    subgroups: {some: "10:20"}
synapses: {back: {source: pop, target: pop, connect: {p: 0.2}, on_pre: v_post += 0.001, delay: 0.3 ms}}
monitors: {spikes: {kind: spikes, source: pop}, some: {kind: spikes, source: pop.some}}
run: {duration: 20 ms, dt: 0.1 ms}
"""


def test_a_full_buffer_ends_a_call_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "GRAIN", 8)
    roomy = recorded(CROWDED, 1)
    assert len(roomy["spikes ids"]) == 67 * 200
    monkeypatch.setattr(monitors, "SPIKE_BUFFER", 1)
    for threads in (1, 2, 3, 5):
        memory, _ = run_network(replace(network_of(CROWDED), threads=threads))
        parts = [len(steps) for steps, _, _ in memory.spike_parts["spikes"]]
        assert max(parts) <= 3 * 67  # as many as there is room for
        assert len(parts) >= 200 / 3
        steps, ids = memory.spike_steps("spikes")
        np.testing.assert_array_equal(steps, roomy["spikes steps"])
        np.testing.assert_array_equal(ids, roomy["spikes ids"])


LEARNING = """
  learn:
    source: input
    target: pop
    connect: {p: 0.4}
    equations: |
      u : 1
      dtrace/dt = -trace/(9*ms) : 1 (event-driven)
    on_pre: {forward: {do: "g_post += 0.02*u; v_post += 0.001*g_post; trace += 0.1", delay: 0.4 ms}}
    on_post: u = clip(u + 0.02*trace, 0, 2)
    initial: {u: rand()}
"""
LEARNT = """
  learnt: {kind: state, source: learn, variables: [u, trace], indices: [0, 5, 900, 77], dt: 1 ms}
"""


@pytest.mark.parametrize("worth_it", [builder.WORTH_IT, 0], ids=["by numpy", "by compiled code"])
def test_results_are_the_same_for_any_number_of_bands(worth_it: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets are served one band after the other; each sees the same events in the same order."""
    text = DIVIDED.replace("\nsynapses:\n", f"\nsynapses:{LEARNING}").replace("\nmonitors:\n", f"\nmonitors:{LEARNT}")
    monkeypatch.setattr(build, "GRAIN", 8)
    monkeypatch.setattr(builder, "WORTH_IT", worth_it)
    one = recorded(text, 1)
    assert all(len(values) > 5 and np.ptp(values) > 0 for values in one.values()), "something happens everywhere"
    monkeypatch.setattr(synapses, "SHORTEST_ROW", 1)
    for most, threads, bands in ((1024, 1, 4), (256, 2, 7)):
        monkeypatch.setattr(synapses, "BAND_BYTES", most)
        _, built = run_network(replace(network_of(text), threads=threads, steps=1))
        assert built.numbers[IntUse.BANDS.of("synapses.learn")] == bands  # of 203 or 104 neurons with two variables
        assert built.numbers[IntUse.BANDS.of("synapses.feed")] > 1
        assert built.numbers[IntUse.BANDS.of("synapses.recurrent")] == 1
        several = recorded(text, threads)
        for name, values in one.items():
            np.testing.assert_array_equal(several[name], values, err_msg=f"{name}, {threads} threads, {bands} bands")


def test_every_neuron_belongs_to_one_thread() -> None:
    for size in (1, 63, 64, 65, 1000, 12_500):
        for threads in (1, 2, 3, 8, 40):
            bounds = partition(size, threads)
            assert (bounds[0], bounds[-1], len(bounds)) == (0, size, threads + 1)
            assert np.all(np.diff(bounds) >= 0)
            assert np.all(bounds[:-1] % 64 == 0) or np.all(bounds[bounds % 64 != 0] == size)


def shares(size: int) -> dict[str, str]:
    """Sections of a network in which every kind of group has `size` neurons, with every kind of pathway and monitor."""
    n = size
    return {
        "groups": f"""
  cells{n}:
    size: {size}
    equations: |
      dv/dt = (drive - v)/(3*ms) + 0.1*xi*ms**-0.5 : 1 (unless refractory)
      drive : 1
      around : 1
      heard : 1
    threshold: v > 1
    reset: v = 0
    refractory: (0.5 + 0.1*(i % 4))*ms
    method: heun
    initial: {{drive: 1 + 0.3*rand(), v: 1.2*rand()}}
    subgroups: {{last: "i >= {size} - 3"}}
  noise{n}: {{kind: poisson, size: {size}, rates: 800 Hz}}
  clock{n}:
    kind: spikes
    size: {size}
    indices: [{size // 2}, 0, {size - 1}, {size // 3}]
    times: [0.2 ms, 0.3 ms, 0.4 ms, 0.5 ms]
    period: 0.7 ms
""",
        "inputs": f"""
  hum{n}: {{kind: poisson, target: cells{n}, variable: heard, size: 9, rate: 600 Hz, weight: 0.1}}
""",
        "synapses": f"""
  feed{n}: {{source: noise{n}, target: cells{n}, connect: {{p: 0.3}}, on_pre: v += 0.05, delay: 0.2 ms}}
  beat{n}: {{source: clock{n}, target: cells{n}, connect: {{p: 0.5}}, on_pre: v += 0.07}}
  apart{n}:
    source: cells{n}
    target: cells{n}
    connect: {{p: 0.3}}
    on_pre: {{do: heard += 0.01, delay: (0.1 + 0.4*rand())*ms}}
  learn{n}:
    source: noise{n}
    target: cells{n}
    connect: {{p: 0.2}}
    equations: |
      u : 1
      around_post = 0.01*u*v_post : 1 (summed)
    on_pre: {{do: u += 0.1*rand(), delay: (0.1 + 0.4*rand())*ms}}
    on_post: {{do: u *= 0.9, delay: 0.1*(1 + i % 3)*ms}}
  back{n}:
    source: cells{n}
    target: clock{n}
    connect: {{p: 0.4}}
    equations: "u : 1"
    on_pre: u += 1
    on_post: u = 0.5*u + 0.25
  up{n}:
    source: cells{n}
    target: noise{n}
    connect: {{p: 0.1}}
    equations: "u : 1"
    on_pre: u += 1
    on_post: {{first: u *= 0.7, second: heard_pre += 0.01*u}}
""",
        "operations": f"  push{n}: {{target: cells{n}, every: 0.9 ms, do: drive *= 0.99}}\n",
        "monitors": f"""
  spikes{n}: {{kind: spikes, source: cells{n}, variables: [v, heard]}}
  last{n}: {{kind: spikes, source: cells{n}.last, counts_only: true}}
  noise{n}: {{kind: spikes, source: noise{n}}}
  clock{n}: {{kind: spikes, source: clock{n}}}
  rate{n}: {{kind: rate, source: cells{n}, bin: 0.1 ms}}
  state{n}: {{kind: state, source: cells{n}, variables: [v, heard, around, drive], dt: 0.4 ms}}
  learn{n}: {{kind: state, source: learn{n}, variables: [u], dt: 0.5 ms}}
  back{n}: {{kind: state, source: back{n}, variables: [u], dt: 0.3 ms}}
  up{n}: {{kind: state, source: up{n}, variables: [u], dt: 0.3 ms, when: end}}
""",
    }


def all_shares(sizes: list[int]) -> str:
    parts = [shares(size) for size in sizes]
    sections = "".join(f"{name}:\n" + "".join(part[name] for part in parts) for name in parts[0])
    return f"name: shares\nseed: 6\n{sections}run: {{duration: 1.5 ms, dt: 0.1 ms}}\n"


def everything(network: Network, kernel: Kernel, threads: int) -> dict[str, np.ndarray]:
    """All that was recorded and counted, and the variables at the end."""
    memory = Memory()
    built = build.build(replace(network, threads=threads), kernel)
    Simulation(built, native(kernel), memory).run()
    data = recordings(memory)
    for key, array in built.arrays.items():
        if key.use is ArrayUse.COUNTS:
            data[f"{key.owner} counts"] = array
        if key.use is ArrayUse.VARIABLE:
            section, _, name = key.owner.partition(".")
            synaptic = section == "synapses"
            data[f"{key.owner}.{key.name}"] = built.connectivity[name].in_creation_order(array) if synaptic else array
    return data


SIZES = [[n, n + 50, n + 100, n + 150] for n in range(1, 51)]
ROUND = [64 * k + d for k in range(4, 9) for d in (-1, 0, 1)]


@pytest.mark.parametrize("sizes", [*SIZES, *(ROUND[k : k + 4] for k in range(0, 12, 4))], ids=lambda s: f"{s[0]}")
def test_every_size_gives_the_same_for_every_number_of_threads(sizes: list[int]) -> None:
    network = network_of(all_shares(sizes))
    kernel = generate(network)
    one = everything(network, kernel, 1)
    large = {f"{name}{sizes[-1]}" for name in ("spikes", "noise", "clock", "rate", "state", "learn", "back", "up")}
    assert all(len(values) > 2 and np.ptp(values) > 0 for name, values in one.items() if name.split(".")[0] in large)
    for threads in (2, 4, 6, 8) if sizes[0] % 2 else (3, 5, 7, 8):
        several = everything(network, kernel, threads)
        assert several.keys() == one.keys()
        wrong = [name for name, values in one.items() if not np.array_equal(several[name], values)]
        assert not wrong, f"{threads} threads"

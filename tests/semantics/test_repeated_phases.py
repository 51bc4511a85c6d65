"""Repeated phases do what the same phases do when they are written one after the other."""

from __future__ import annotations

import numpy as np
from agreement import assert_agreement
from running import network_of, run_network

FILE = """
constants: {I: 0, n: 2}
groups:
  cell:
    size: 4
    equations: |
      dv/dt = (I + 0.2*i - v)/(10*ms) + 0.1*xi/(10*ms)**0.5 : 1
      w : 1
    threshold: v > 1
    reset: v = 0
synapses:
  s: {source: cell, target: cell, connect: {where: i != j}, on_pre: v_post += 0.05, delay: 1 ms}
monitors:
  out: {kind: spikes, source: cell}
  trace: {kind: state, source: cell, variables: [v, w], dt: 0.5 ms}
run:
  dt: 0.1 ms
  phases: PHASES
"""
ON = "set: {I: 2, cell.v: 0.3*rand(), cell.w: w + 1}, record: [out]"
REPEATED = f"""
    - {{name: first, duration: 5 ms}}
    - repeat: n
      phases:
        - {{name: on, duration: 15 ms, {ON}}}
        - {{name: off, duration: 3 ms, set: {{I: 0, s.delay: 2 ms}}, repeat: 2}}
    - {{name: last, duration: 10 ms, set: {{I: 1.5}}, repeat: n}}
"""
NAMES = ["first", "on[0]", "off[0][0]", "off[0][1]", "on[1]", "off[1][0]", "off[1][1]", "last[0]", "last[1]"]


def written_out() -> str:
    """The same phases, one by one."""
    off = "duration: 3 ms, set: {I: 0, s.delay: 2 ms}"
    lines = ["{name: first, duration: 5 ms}"]
    for k in range(2):
        lines += [f"{{name: on{k}, duration: 15 ms, {ON}}}"]
        lines += [f"{{name: off{k}x, {off}}}", f"{{name: off{k}y, {off}}}"]
    lines += [f"{{name: last{k}, duration: 10 ms, set: {{I: 1.5}}}}" for k in range(2)]
    return "".join(f"\n    - {line}" for line in lines)


def test_repetitions_are_phases_one_after_the_other() -> None:
    network = network_of(FILE.replace("PHASES", REPEATED))
    assert [phase.name for phase in network.phases] == NAMES
    assert [phase.stop for phase in network.phases] == [50, 200, 230, 260, 410, 440, 470, 570, 670]
    assert network.steps == 670


def test_phases_that_are_written_out_give_the_same_bits() -> None:
    texts = (FILE.replace("PHASES", phases).replace("rand()", "i") for phases in (REPEATED, written_out()))
    repeated, written = (run_network(network_of(text))[0] for text in texts)
    for name in ("v", "w"):
        np.testing.assert_array_equal(repeated.state("trace", name), written.state("trace", name))
    np.testing.assert_array_equal(repeated.spike_steps("out"), written.spike_steps("out"))
    assert len(repeated.spike_steps("out")[0]) > 10
    assert repeated.state("trace", "w")[-1].tolist() == [2.0] * 4


def test_kernel_and_oracle_agree() -> None:
    assert_agreement(FILE.replace("PHASES", REPEATED), spikes=10)


def test_repetitions_that_find_the_same_settings_share_their_network() -> None:
    phases = network_of(FILE.replace("PHASES", REPEATED), "n=50").phases
    assert len(phases) == 201
    assert len({id(phase.network) for phase in phases}) == 5  # `on` finds the delay of 1 ms, and from then on 2 ms


def test_random_numbers_of_a_repetition_are_its_own() -> None:
    network = network_of(FILE.replace("PHASES", REPEATED).replace("record: [out]", "record: [trace]"))
    memory, _ = run_network(network)
    v = memory.state("trace", "v")
    first, second = v[10], v[10 + 42]  # at the start of on[0] and of on[1]
    assert np.all((first >= 0) & (first < 0.3) & (second >= 0) & (second < 0.3))
    assert not np.any(first == second)

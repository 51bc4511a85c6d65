"""Operations that act in some phases only."""

from __future__ import annotations

import numpy as np
from agreement import assert_agreement
from running import network_of, run_network

FILE = """
constants: {I: 1.5}
groups:
  cell:
    size: 4
    equations: |
      dv/dt = (I - v)/(10*ms) : 1
      n : integer
      flag : boolean
      k : 1
    threshold: v > 1
    reset: v = 0
    subgroups: {first: "0:2"}
synapses:
  s: {source: cell, target: cell, connect: all, equations: "w : 1", on_pre: v_post += 0.01*w}
operations:
  learn: {target: cell.first, every: 1 ms, do: n += 1, phases: [on]}
  grow: {target: s, every: 0.5 ms, do: w += 0.1*rand(); v_post += 0.01, phases: [trial]}
  mark: {target: cell, at: [2 ms, 8 ms], do: flag = not flag, phases: [before, off], when: end}
  always: {target: cell, every: 1 ms, do: k += 0.1}
monitors:
  out: {kind: spikes, source: cell}
  cells: {kind: state, source: cell, variables: [v, n, flag, k], dt: 0.5 ms}
  w: {kind: state, source: s, variables: [w], dt: 0.5 ms}
run:
  dt: 0.1 ms
  phases:
    - {name: before, duration: 5 ms}
    - repeat: 3
      name: trial
      phases: [{name: on, duration: 4 ms, set: {I: 2}}, {name: off, duration: 2 ms, set: {I: 1}}]
    - {name: after, duration: 5 ms}
"""


def test_kernel_and_oracle_agree() -> None:
    assert_agreement(FILE, spikes=4)


def test_operations_act_in_their_phases() -> None:
    memory, _ = run_network(network_of(FILE))
    n, w = memory.state("cells", "n"), memory.state("w", "w")
    assert n[-1].tolist() == [12, 12, 0, 0]  # 4 times in each of three repetitions
    assert np.diff(n[:, 0])[:9].tolist() == [0] * 9
    flag = memory.state("cells", "flag")[:, 0]
    assert flag[4] == 0  # before the end of the step at 2 ms
    assert np.all(flag[5:] == 1)  # 8 ms lie in `on`
    assert np.all(w[:10] == 0)  # operations act before samples are taken
    assert np.all(np.diff(w, axis=0)[9:45] > 0)
    assert np.all(w[45:] == w[-1])

"""Many objects of few kinds: the kernel's text grows with the kinds, and computes what it would one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from agreement import assert_agreement
from running import network_of, run_network
from test_threads import recordings

from snnrun.codegen import blocks
from snnrun.codegen.kernel import generate
from snnrun.engine import build
from snnrun.model.network import Network

GROUP = """
  g{k}:
    size: {size}
    equations: |
      dv/dt = (g - v)/(10*ms) + 0.1*xi/sqrt(ms) : 1
      dg/dt = -g/(3*ms) : 1
    threshold: v > 1
    reset: v = 0
    method: euler
    initial: {{v: rand()}}
"""
KINDS = [
    "{connect: all, on_pre: g += 0.%d, delay: 0.2 ms}",
    '{equations: "w : 1", connect: one_to_one, initial: {w: 0.1*%d}, on_pre: "g += w; w = 0.9*w + 0.01*v_post"}',
    '{equations: "u : 1", connect: {p: 0.5}, on_pre: v = v + 0.0%d*(2 - v)*(1 + u), on_post: u += 0.01}',
]


def chain(objects: int) -> str:
    """Eight groups and synapses between them, of three kinds in turn."""
    groups = "".join(GROUP.format(k=k, size=9 + k % 2) for k in range(8))
    ends = [f"source: g{k % 8}, target: g{(k + 2) % 8}" for k in range(objects)]
    synapses = "".join(f"  s{k}: {{{ends[k]}, " + (KINDS[k % 3] % (1 + k % 5))[1:] + "\n" for k in range(objects))
    inputs = "".join(f"  i{k}: {{target: g{k}, variable: g, size: 50, rate: 150 Hz, weight: 0.3}}\n" for k in range(8))
    monitors = "".join(
        f"  m{k}: {{kind: spikes, source: g{k}}}\n  v{k}: {{kind: state, source: g{k}, variables: [v, g]}}\n"
        for k in range(8)
    )
    return (
        f"name: chain\nrun: {{duration: 5 ms, dt: 0.1 ms}}\ngroups:{groups}synapses:\n{synapses}"
        f"inputs:\n{inputs}monitors:\n{monitors}"
    )


@pytest.fixture(scope="module")
def network() -> Network:
    return network_of(chain(36))


def test_the_text_grows_with_kinds(network: Network) -> None:
    few, many = generate(network).text, generate(network_of(chain(72))).text
    assert few.count("\n") == many.count("\n")
    assert few.count("deliver_s0_on_pre(") == 2  # made and called


def test_kernel_and_oracle_give_the_same_bits(network: Network) -> None:
    assert_agreement(chain(36), spikes=2)


def test_a_call_each_and_threads_give_the_same_bits(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "GRAIN", 8)
    found = [recordings(run_network(replace(network, threads=threads))[0]) for threads in (1, 3)]
    monkeypatch.setattr(blocks, "ALIKE", 10_000)
    assert generate(network).text.count("deliver_s0_on_pre(") == 13
    found.append(recordings(run_network(network)[0]))
    for other in found[1:]:
        for name, values in found[0].items():
            np.testing.assert_array_equal(other[name], values, err_msg=name)

"""Delays in two parts: statements act at the synapse after the axonal part, amounts arrive after the dendritic part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from running import network_of, run_network, run_plain

from snnrun.errors import ExperimentError

PAIR = """
groups:
  src: {kind: spikes, size: 2, indices: [0, 1], times: [1 ms, 2 ms]}
  out: {size: 2, equations: "x : 1\\ny : 1", threshold: t >= 1.25*ms and t < 1.35*ms}
synapses:
  syn:
    source: src
    target: out
    connect: all
    equations: "w : 1\\npost : second\\npre : second"
    on_pre: x_post += w; w = w + 1; pre = t
    on_post: post = t; w = w + 10
    delay: {axonal: 0.2 ms, dendritic: 0.3*ms + 0.5*ms*j}
    initial: {w: 1}
monitors:
  x: {kind: state, source: out, variables: [x], when: end}
  w: {kind: state, source: syn, variables: [w, pre, post], when: end}
run: {duration: 4 ms, dt: 0.1 ms}
"""


def test_amounts_are_those_of_the_synapse_and_arrive_after_both_parts() -> None:
    memory = run_plain(PAIR)
    x = memory.state("x", "x")
    changes = {(int(k) + 1, int(j)): float(np.diff(x, axis=0)[k, j]) for k, j in np.argwhere(np.diff(x, axis=0))}
    # source 0 at 1 ms, at the synapses at 1.2 ms with w = 1; source 1 at 2 ms, at the synapses at 2.2 ms with w = 11
    assert changes == {(15, 0): 1.0, (20, 1): 1.0, (25, 0): 11.0, (30, 1): 11.0}
    np.testing.assert_allclose(memory.state("w", "pre")[-1] * 1e3, [1.2, 1.2, 2.2, 2.2], rtol=1e-12)
    # the targets spike at 1.3 ms; their spikes come back along the dendrites
    np.testing.assert_allclose(memory.state("w", "post")[-1] * 1e3, [1.6, 2.1, 1.6, 2.1], rtol=1e-12)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ("{axonal: 0.7 ms, dendritic: 0 ms}", "0.7 ms"),
        ("{axonal: 0.7 ms}", "0.7 ms"),
    ],
)
def test_without_a_dendritic_part_it_is_a_delay_like_any_other(parts: str, whole: str) -> None:
    text = PAIR.replace("on_post: post = t; w = w + 10", "on_post: {do: post = t; w = w + 10, delay: 0.4 ms}")
    one, other = (
        run_plain(text.replace("{axonal: 0.2 ms, dendritic: 0.3*ms + 0.5*ms*j}", delay)) for delay in (parts, whole)
    )
    np.testing.assert_array_equal(one.state("x", "x"), other.state("x", "x"))
    np.testing.assert_array_equal(one.state("w", "w"), other.state("w", "w"))


REFRACTORY = """
groups:
  src: {kind: spikes, size: 1, indices: 0, times: 1 ms}
  out:
    size: 1
    equations: "dv/dt = 0*Hz : 1 (unless refractory)"
    threshold: t >= THEN and t < THEN + 0.1*ms
    refractory: 0.5 ms
synapses:
  syn: {source: src, target: out, connect: all, on_pre: v_post += 1, delay: {dendritic: 1 ms}}
monitors:
  v: {kind: state, source: out, variables: [v], when: end}
run: {duration: 3 ms, dt: 0.1 ms}
"""


@pytest.mark.parametrize(("then", "v"), [("0.95*ms", 1.0), ("1.75*ms", 0.0)])
def test_neurons_that_are_refractory_when_an_amount_arrives_do_not_take_it(then: str, v: float) -> None:
    assert run_plain(REFRACTORY.replace("THEN", then)).state("v", "v")[-1, 0] == v


def test_threads_and_calls_change_nothing() -> None:
    text = """
seed: 3
groups:
  src: {kind: poisson, size: 100, rates: 200 Hz}
  out:
    size: 150
    equations: "dv/dt = -v/(5*ms) : 1 (unless refractory)"
    threshold: v > 0.8
    reset: v = 0
    refractory: 1 ms
    method: exact
synapses:
  syn:
    source: src
    target: out
    connect: {p: 0.3}
    equations: "w : 1"
    on_pre: v_post += w; w = 0.99*w
    on_post: w = w + 0.01
    delay: {axonal: 1*ms + 1*ms*rand(), dendritic: 2*ms*rand()}
    initial: {w: 0.2*rand()}
monitors:
  s: {kind: spikes, source: out}
  v: {kind: state, source: out, variables: [v], dt: 0.5 ms}
run: {duration: 30 ms, dt: 0.1 ms}
"""
    network = network_of(text)
    one, two = (run_network(replace(network, threads=n), most=13 * n)[0] for n in (1, 2))
    assert len(one.spike_steps("s")[0]) > 100
    np.testing.assert_array_equal(one.spike_steps("s"), two.spike_steps("s"))
    np.testing.assert_array_equal(one.state("v", "v"), two.state("v", "v"))


@pytest.mark.parametrize("option", ["run.save_state=true"])
def test_a_state_has_no_place_for_what_is_on_its_way(option: str) -> None:
    with pytest.raises(ExperimentError, match="NET177"):
        network_of(PAIR, option)

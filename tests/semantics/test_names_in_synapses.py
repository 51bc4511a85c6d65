"""Initial values, pathways, operations and phases of synapses know the same names, and these mean the same."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, resolved, run_network

from snnrun.engine.values import value_now
from snnrun.errors import ExperimentError

TEXT = """
groups:
  a: {size: 4, equations: "x : 1", threshold: "t_in_timesteps == 5", initial: {x: i + 1}, subgroups: {last: "2:4"}}
  b: {size: 3, equations: "v : 1\\nw : 1", initial: {v: 10*i}, subgroups: {odd: [2, 0]}}
synapses:
  s:
    source: a.last
    target: b.odd
    equations: "w : 1\\ntwice = 2*i : 1"
    connect: [all, {i: 1, j: 0}]
    PLACE
run:
  dt: 0.1 ms
  PARTS
"""
PAIRS = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (1, 0)])  # in the order in which they are made
I, J = PAIRS.T
NAMES = {
    "i + 10*j": I + 10 * J,
    "N_incoming": np.array([3, 2, 3, 2, 3]),
    "N_outgoing": np.array([2, 2, 3, 3, 3]),
    "N_pre + 10*N_post": np.full(5, 22),
    "x_pre": np.array([3, 4])[I],
    "v_post": np.array([20, 0])[J],
    "v": np.array([20, 0])[J],
    "twice": 2 * I,
    "w + t_in_timesteps*0": np.zeros(5),
}


def weights(place: str = "", parts: str = "duration: 2 ms", more: str = "") -> np.ndarray:
    network = network_of(TEXT.replace("PLACE", place).replace("PARTS", parts) + more)
    built = run_network(network)[1]
    return np.asarray(value_now(built, built.network, "synapses.s", "w", 0))


@pytest.mark.parametrize("name", NAMES)
def test_everything_written_about_synapses_knows_the_same_names(name: str) -> None:
    phases = 'phases: [{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {s.w: "VALUE"}}]'.replace(
        "VALUE", name
    )
    assert np.array_equal(weights(f'initial: {{w: "{name}"}}'), NAMES[name])
    assert np.array_equal(weights(f'on_pre: "w = {name}"'), NAMES[name])
    assert np.array_equal(weights(parts=phases), NAMES[name])
    for when in ("start", "end"):
        more = f'operations: {{o: {{target: s, at: 1 ms, do: "w = {name}", when: {when}}}}}'
        assert np.array_equal(weights(more=more), NAMES[name])


def test_a_phase_chooses_synapses_by_their_indices() -> None:
    phases = "phases: [{name: a, duration: 1 ms, set: {s.w: [{where: i == 1 and j == 0, value: 3 + x_pre}]}}]"
    assert weights(parts=phases).tolist() == [0, 0, 7, 0, 7]


@pytest.mark.parametrize("name", ["y_pre", "y_post", "k"])
def test_an_unknown_name_is_told_alike_everywhere(name: str) -> None:
    told = []
    for place, more in (
        (f'on_pre: "w = {name}"', ""),
        ("", f'operations: {{o: {{target: s, at: 0 ms, do: "w = {name}"}}}}'),
    ):
        with pytest.raises(ExperimentError) as caught:
            resolved(TEXT.replace("PLACE", place).replace("PARTS", "duration: 1 ms") + more)
        told.append([(d.code, d.help) for d in caught.value.diagnostics])
    assert told[0] == told[1]

"""A column of a timed array that does not exist is refused where the file tells, and never another one in silence."""

from __future__ import annotations

import pytest
from running import network_of, resolved, run_network

from snnrun.engine.values import value_now
from snnrun.errors import ExperimentError

TEXT = """
constants: {k: 3}
functions: {"at(column)": "I(t, column)"}
arrays: {I: {values: [[1, 2, 3]], unit: Hz, dt: 1 ms}}
groups:
  g:
    size: SIZE
    equations: |
      v : Hz
      w = EQUATION : Hz
    subgroups: {d: [3, 1, 0]}
    initial: {v: "INITIAL"}
  p: {kind: poisson, size: 3, rates: "RATES"}
synapses: {s: {source: p, target: g, connect: {i: 2, j: 0}, on_pre: "v_post = SYNAPSE"}}
operations: {o: {target: g.d, at: 0 ms, do: "v = OPERATION"}}
run: {duration: 1 ms, dt: 0.1 ms}
"""
PLAIN = {
    "SIZE": "4",
    "EQUATION": "I(t, clip(i, 0, 2))",
    "INITIAL": "I(t, i % 3)",
    "RATES": "I(t, i)",
    "SYNAPSE": "I(t, i)",
    "OPERATION": "I(t, i)",
}


def text(**changes: str) -> str:
    found = TEXT
    for name, value in (PLAIN | changes).items():
        found = found.replace(name, value)
    return found


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("EQUATION", "I(t, i)", "`I` has columns 0 to 2, this is 3, of neuron 3"),
        ("EQUATION", "I(t, i-1)", "`I` has columns 0 to 2, this is -1, of neuron 0"),
        ("EQUATION", "at(i)", "in `at(...)`: `I` has columns 0 to 2, this is 3, of neuron 3"),
        ("EQUATION", "I(t, k)", "`I` has columns 0 to 2, this is 3"),
        ("INITIAL", "I(t, 2*i)", "`I` has columns 0 to 2, this is 4, of neuron 2"),
        ("RATES", "I(t, i + 1)", "`I` has columns 0 to 2, this is 3, of neuron 2"),
        ("SYNAPSE", "I(t, k)", "`I` has columns 0 to 2, this is 3"),
        ("OPERATION", "I(t, N - i)", "`I` has columns 0 to 2, this is 3, of neuron 0"),
        ("OPERATION", "I(t, -1)", "`I` has columns 0 to 2, this is -1"),
    ],
)
def test_a_column_that_does_not_exist_is_refused(place: str, value: str, message: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        resolved(text(**{place: value}))
    assert [(d.code, d.message) for d in caught.value.diagnostics] == [("NET153", message)]
    assert caught.value.diagnostics[0].span is not None


def test_the_last_of_very_many_neurons_is_tried_without_memory_for_all() -> None:
    resolved(text(SIZE="15000000", EQUATION="I(t, i // 5000000)", INITIAL="0*Hz"))
    with pytest.raises(ExperimentError) as caught:
        resolved(text(SIZE="15000001", EQUATION="I(t, i // 5000000)", INITIAL="0*Hz"))
    assert caught.value.diagnostics[0].message == "`I` has columns 0 to 2, this is 3, of neuron 15000000"


def test_columns_that_exist_are_those_of_their_neurons() -> None:
    built = run_network(network_of(text()))[1]
    assert value_now(built, built.network, "groups.g", "w", 0).tolist() == [1, 2, 3, 3]
    assert value_now(built, built.network, "groups.g", "v", 0).tolist() == [3, 2, 3, 1]  # i of the subgroup [3, 1, 0]


def test_an_array_without_its_time_is_told_how_to_call_it() -> None:
    with pytest.raises(ExperimentError) as caught:
        resolved(text(EQUATION="I"))
    assert caught.value.diagnostics[0].help == "`I` is a timed array: write `I(t, i)`"

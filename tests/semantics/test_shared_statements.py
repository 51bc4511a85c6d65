"""Operations that assign variables of the group and of its neurons: each statement sees those before it."""

from __future__ import annotations

import numpy as np
import pytest
from running import run_plain

from snnrun.errors import ExperimentError

GROUP = """
groups:
  pop:
    size: 5
    equations: "v : 1\\nown : 1\\nI : amp (shared)\\nn : integer (shared)"
    subgroups: {odd: [1, 3]}
    initial: {I: 2*nA}
operations:
  o: {target: pop, every: 1 ms, do: "DO"}
monitors:
  m: {kind: state, source: pop, variables: [v, own], dt: 1 ms}
  shared: {kind: state, source: pop, variables: [I, n], dt: 1 ms}
run: {duration: 4 ms, dt: 0.1 ms}
"""


def recorded(do: str, *overrides: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    memory = run_plain(GROUP.replace("DO", do), *overrides)
    return memory.state("m", "v"), memory.state("shared", "I") * 1e9, memory.state("m", "own")


def test_a_neuron_sees_the_number_that_its_group_drew() -> None:
    v, current, _ = recorded("I = rand()*nA; v = v + I/nA")
    assert len(np.unique(current)) == 4
    np.testing.assert_allclose(v, np.repeat(np.cumsum(current)[:, None], 5, axis=1), rtol=1e-12)


def test_statements_act_in_the_order_written() -> None:
    v, current, _ = recorded("v = v + I/nA; I = I + 1*nA; v = v + I/nA; n = n + 1")
    old = 2 + np.arange(4.0)
    np.testing.assert_allclose(current[:, 0], old + 1, rtol=1e-12)
    np.testing.assert_allclose(v[:, 0], np.cumsum(2 * old + 1), rtol=1e-12)


def test_a_local_name_is_one_number_where_a_shared_variable_is_computed_from_it() -> None:
    v, current, own = recorded("x = rand(); y = rand(); I = x*nA; v = x; own = y")
    np.testing.assert_allclose(v, np.repeat(current, 5, axis=1), rtol=1e-12)
    assert len(np.unique(own)) == 20


def test_a_subgroup_sets_what_is_shared() -> None:
    v, current, _ = recorded("I = I + 1*nA; v = v + I/nA", "operations.o.target=pop.odd")
    np.testing.assert_allclose(current[:, 0], [3, 4, 5, 6], rtol=1e-12)
    np.testing.assert_allclose(v[-1], [0, 18, 0, 18, 0], rtol=1e-12)


@pytest.mark.parametrize("do", ["I = v*nA", "x = own; I = x*nA; v = 1", "I = i*nA"])
def test_what_differs_between_neurons_is_no_value_of_a_shared_variable(do: str) -> None:
    with pytest.raises(ExperimentError, match="EQ218"):
        recorded(do)

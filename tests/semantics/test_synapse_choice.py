"""Which synapses a monitor samples; expected numbers follow from the order of `all`: by source, then by target."""

from __future__ import annotations

import tracemalloc

import pytest
from running import network_of, run_kernel

from snnrun.errors import ExperimentError

FILE = """
groups: {{a: {{size: 4, equations: "v : 1", threshold: v > 1}}, b: {{size: 3, equations: "v : 1"}}}}
synapses:
  s: {{source: a, target: b, connect: {connect}, equations: "w : 1", initial: {{w: 10*i + j}}}}
monitors:
  m: {{kind: state, source: s, variables: [w], indices: {indices}}}
run: {{duration: 0.1 ms, dt: 0.1 ms}}
"""


def sampled(indices: str, connect: str = "all") -> list[float]:
    return run_kernel(FILE.format(indices=indices, connect=connect)).state("m", "w")[0].tolist()


@pytest.mark.parametrize(
    ("indices", "weights"),
    [
        ('"i < 2 and j == 2"', [2, 12]),
        ('"i == N_pre - 1"', [30, 31, 32]),
        ('"-2:"', [31, 32]),
        ('"1:8:3"', [1, 11, 21]),
        ("[3, -1, 0]", [10, 32, 0]),
        ("5", [12]),
        ("all", [10 * i + j for i in range(4) for j in range(3)]),
    ],
)
def test_synapses_are_chosen_by_number_slice_or_condition(indices: str, weights: list[float]) -> None:
    assert sampled(indices) == weights


@pytest.mark.parametrize("indices", ["12", "-13", '"0:13"', '"12:"', '"i > 3"', '"3:3"'])
@pytest.mark.parametrize("connect", ["all", "{p: 1}"])
def test_synapses_that_are_not_there_are_refused(indices: str, connect: str) -> None:
    with pytest.raises(ExperimentError) as error:
        sampled(indices, connect)
    assert [(d.code, d.span is not None) for d in error.value.diagnostics] == [("NET120", True)]


@pytest.mark.parametrize("indices", ["12", '"0:13"', '"5:5"'])
def test_where_the_number_is_known_the_check_refuses(indices: str) -> None:
    with pytest.raises(ExperimentError):
        network_of(FILE.format(indices=indices, connect="all"))


@pytest.mark.parametrize("indices", ['"i < 2"', '"0:10"', "[0, -1]"])
def test_choosing_takes_no_memory_before_the_run(indices: str) -> None:
    network_of(FILE.format(indices=indices, connect="{p: 0.5}"))
    tracemalloc.start()
    network_of(FILE.format(indices=indices, connect="{p: 0.5}"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


@pytest.mark.parametrize("indices", ["w > 3", "v_pre > 0", "t > 1*ms"])
def test_a_choice_reads_indices_only(indices: str) -> None:
    with pytest.raises(ExperimentError):
        network_of(FILE.format(indices=indices, connect="all"))

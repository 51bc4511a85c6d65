"""What has the same name shares nothing else; and which names there may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from running import run_kernel

from snnrun.errors import ExperimentError
from snnrun.running import pipeline

PATHWAYS = """
groups:
  a: {{kind: spikes, size: 3, indices: [0, 1, 2], times: [1 ms, 1 ms, 2 ms]}}
  b: {{kind: spikes, size: 3, indices: [0, 1, 2], times: [5 ms, 5 ms, 5.5 ms]}}
  cell: {{size: 3, equations: "dv/dt = -v/(5*ms) : 1", threshold: v > 1, reset: v = 0}}
synapses:
  syn:
    source: a
    target: b
    equations: "w : 1\\nd : second"
    connect: all
    on_pre: {{{first}: {{do: w += 1, delay: {pre}}}}}
    on_post: {{{second}: {{do: w += 10, delay: {post}}}}}
    initial: {{d: 0.3*ms*(1 + i + j)}}
  sent:
    source: a
    target: cell
    connect: all
    on_pre: {{{first}: {{do: v_post += 0.5, delay: {pre}}}}}
    on_post: {{{second}: {{do: v_post += 0.1, delay: {post}}}}}
monitors:
  w: {{kind: state, source: syn, variables: [w]}}
  v: {{kind: state, source: cell, variables: [v]}}
run: {{duration: 15 ms, dt: 0.1 ms}}
"""
RANDOM, EACH = "rand()*4*ms", "0.1*ms*(1 + i)"


def test_pathways_of_one_name_keep_their_own_delays() -> None:
    text = PATHWAYS.format(first="p", second="p", pre="7 ms", post="2.3 ms")
    w = run_kernel(text).state("w", "w")
    # neurons 0: w += 1 at 1 + 7 ms, w += 10 at 5 + 2.3 ms; a sample at the start of a step shows what was before it
    np.testing.assert_array_equal(w[[73, 74, 80, 81], 0], [0, 10, 10, 11])


@pytest.mark.parametrize(("pre", "post"), [("7 ms", RANDOM), (RANDOM, "2.3 ms"), (RANDOM, RANDOM), (EACH, RANDOM)])
def test_pathways_of_one_name_do_what_pathways_of_two_names_do(pre: str, post: str) -> None:
    same, other = (run_kernel(PATHWAYS.format(first="p", second=name, pre=pre, post=post)) for name in ("p", "q"))
    for monitor, variable in (("w", "w"), ("v", "v")):
        assert np.ptp(other.state(monitor, variable)) > 0
        np.testing.assert_array_equal(same.state(monitor, variable), other.state(monitor, variable))


def test_pathways_of_one_name_draw_numbers_of_their_own() -> None:
    ids, times = list(range(50)), ", ".join(["1 ms"] * 50)
    memory = run_kernel(f"""
groups:
  a: {{kind: spikes, size: 50, indices: {ids}, times: [{times}]}}
synapses:
  syn:
    source: a
    target: a
    equations: "x : 1\\ny : 1"
    connect: one_to_one
    on_pre: {{p: x = rand()}}
    on_post: {{p: y = rand()}}
monitors: {{m: {{kind: state, source: syn, variables: [x, y]}}}}
run: {{duration: 2 ms, dt: 0.1 ms}}
""")
    x, y = memory.state("m", "x")[-1], memory.state("m", "y")[-1]
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.6  # beyond 0.6 once in 10^5
    assert not np.any(x == y)


LONG = "n" * 200


def test_a_monitor_may_have_any_name_and_names_may_be_long(tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    file.write_text(f"""
version: 1
name: {LONG}
constants: {{{LONG}: 3}}
groups:
  {LONG}: {{kind: poisson, size: {LONG}, rates: 100 Hz}}
  cell: {{size: 1, equations: "v : 1"}}
monitors:
  in: {{kind: spikes, source: {LONG}}}
  not: {{kind: state, source: cell, variables: [v]}}
run: {{duration: 1 ms, dt: 0.1 ms}}
metrics: {{n: count(in)/2, all: "correlation(in, in, 1 ms)", v: max(not), again: max(not.v)}}
""")
    checked = pipeline.check(pipeline.read(file))
    assert [m.name for m in checked.resolved.network.monitors] == ["in", "not"]
    file.write_text(file.read_text().replace(LONG, LONG + "n"))
    with pytest.raises(ExperimentError) as caught:
        pipeline.check(pipeline.read(file))
    assert any("at most 200" in str(d.help) for d in caught.value.diagnostics)

"""Synapses from a group that never spikes are made, and a warning says that their pathway never acts."""

from __future__ import annotations

import pytest
from running import resolved, run_kernel

from snnrun.errors import ExperimentError

FILE = """
groups: {{a: {{size: 5, equations: "v : 1"}}, b: {{size: 4, equations: "v : 1", threshold: v > 1, initial: {{v: 2}}}}}}
synapses: {{s: {{source: a, target: b, connect: all, equations: "w : 1", {pathways}}}}}
monitors: {{m: {{kind: state, source: s, variables: [w], when: end}}}}
run: {{duration: 0.2 ms, dt: 0.1 ms}}
"""


def test_the_synapses_are_made_and_the_other_pathway_acts() -> None:
    text = FILE.format(pathways="on_pre: v_post += 1, on_post: w += 1")
    weights = run_kernel(text).state("m", "w")
    assert weights.shape == (2, 20)
    assert weights[-1].tolist() == [2.0] * 20
    (warning,) = resolved(text).context.report.warnings
    assert (warning.code, warning.span is not None) == ("NET173", True)


def test_what_the_silent_pathway_does_is_checked() -> None:
    with pytest.raises(ExperimentError, match="`nothing`"):
        resolved(FILE.format(pathways="on_pre: v_post += nothing"))


def test_a_source_of_given_spikes_may_have_none() -> None:
    text = "groups: {g: {kind: spikes, size: 2, indices: [], times: []}}\nrun: {duration: 1 ms, dt: 0.1 ms}\n"
    schedule = resolved(text).network.groups["g"].schedule
    assert schedule is not None
    assert len(schedule.steps) == 0

"""docs/language.md is what the tables say, and every example on it is an expression."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnrun.cli import language
from snnrun.equations.draws import DISTRIBUTIONS
from snnrun.equations.functions import FUNCTION_NAMES, REDUCTIONS
from snnrun.equations.model import FLAGS
from snnrun.running import pipeline

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
MODEL = """
version: 1
groups:
  cell:
    size: 4
    equations: |
      dv/dt = -v/(10*ms) + {noise}*mV*ms**-0.5 : volt (unless refractory)
      x = {text} : 1
    threshold: v > 10*mV and not_refractory and t - lastspike > 1*ms and t_in_timesteps >= 0
    refractory: 1 ms
    reset: v = 0*mV
synapses:
  syn:
    source: cell
    target: cell
    equations: "w : 1"
    connect: {{where: i != j and N_pre == N_post}}
    on_pre: v_post += w*mV*N_incoming/N_outgoing*int(v_pre > v_post)
operations:
  all: {{target: syn, every: 1 ms, do: "w = {of_synapses}"}}
run: {{duration: 2 ms, dt: 0.1 ms}}
"""


def check(tmp_path, text="1.0", of_synapses="1.0", noise="xi"):
    file = tmp_path / "page.yaml"
    file.write_text(MODEL.format(text=text, of_synapses=of_synapses, noise=noise))
    return pipeline.check(pipeline.read(file))


def test_the_committed_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == language.language_page(), "snnrun schema --language > docs/language.md"


def test_every_function_is_on_the_page():
    page = language.language_page()
    assert all(f"`{name}(" in page for name in FUNCTION_NAMES)
    assert language.FLAG_MEANINGS.keys() == frozenset().union(*FLAGS.values())
    assert language.REDUCED.keys() == REDUCTIONS.keys()


VOLTAGES = ("mean", "min")  # examples that are voltages; the others have no unit


@pytest.mark.parametrize("name", REDUCTIONS)
def test_examples_of_reductions_are_expressions(tmp_path, name):
    text = language.REDUCED[name]
    if name.startswith("sum_"):
        check(tmp_path, of_synapses=text)
    else:
        check(tmp_path, text=f"({text})/mV" if name in VOLTAGES else f"1.0*({text})")


def test_examples_of_random_numbers_are_expressions(tmp_path):
    for distribution in DISTRIBUTIONS.values():
        if not distribution.once:
            assert distribution.name in distribution.example
    check(tmp_path, text="gamma(2, 10*ms)/second + choice(-1, 1) + lognormal(0, 0.6)", noise="(xi_a + xi_b)")


METRICS = """
version: 1
groups:
  inputs: {kind: poisson, size: 4, rates: 10 Hz, subgroups: {early: "0:2"}}
  cell: {size: 3, equations: "v : 1\\nw : 1", threshold: v > 1}
synapses:
  syn: {source: inputs, target: cell, equations: "w : 1", connect: all, on_pre: v_post += w}
  stdp: {source: inputs, target: cell, equations: "w : 1", connect: all, on_pre: v_post += w}
monitors:
  out: {kind: spikes, source: cell}
  exc: {kind: spikes, source: cell}
  inh: {kind: spikes, source: cell}
  vw: {kind: state, source: cell, variables: [v, w]}
run: {duration: 100 ms, dt: 0.1 ms}
metrics:
"""


def test_examples_of_metrics_are_metrics(tmp_path):
    rows = [row[0].strip("`") for row in language._metrics() if "digits" not in row[0]]  # which needs stimuli
    assert len(rows) > 20
    file = tmp_path / "metrics.yaml"
    file.write_text(METRICS + "".join(f"  m{k}: '{text}'\n" for k, text in enumerate(rows)))
    assert len(pipeline.check(pipeline.read(file)).metrics.terms) == len(rows)

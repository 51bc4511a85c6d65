"""Words of Brian2, NEST and PyNN in a file get the word of this format as help."""

import pytest

from snnrun.errors import ExperimentError
from snnrun.running.pipeline import check, read
from snnrun.spec.foreign_words import of_model
from snnrun.spec.library import library_names


def helps(tmp_path, text):
    (tmp_path / "a.yaml").write_text(f"version: 1\nrun: {{duration: 1 ms}}\n{text}\n", encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        check(read(tmp_path / "a.yaml"))
    return [item.help for item in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("NeuronGroup: {a: {size: 1}}", "groups"),
        ("Synapses: {a: {}}", "synapses"),
        ("SpikeMonitor: {a: {}}", "monitors"),
        ("groups: {a: {N: 3, threshold: t > 1*ms}}", "size"),
        ("groups: {a: {size: 3, eqs: 'v : 1'}}", "equations"),
        ("groups: {a: {size: 3, thresh: t > 1*ms}}", "threshold"),
        ("groups: {a: {size: 3, threshold: t > 1*ms, t_ref: 2 ms}}", "refractory"),
        ("groups: {a: {size: 3, threshold: t > 1*ms, tau_m: 2 ms}}", "constants"),
        ("groups: {a: {size: 3, kind: poisson, rate: 2 Hz}}", "rates"),
        ("groups: {a: {size: 3, kind: PoissonGroup, rates: 2 Hz}}", "poisson"),
        ("groups: {a: {size: 3, threshold: t > 1*ms}}\nmonitors: {m: {kind: StateMonitor, source: a}}", "state"),
        ("groups: {a: {size: 3, equations: 'dv/dt = -v/(5*ms) : 1', method: linear}}", "exact"),
        ("groups: {a: {size: 3, use: iaf_psc_exp}}", "use: [lif, exponential_current]"),
        ("groups: {a: {size: 3, kind: iaf_psc_alpha}}", "use: [lif, alpha_current]"),
    ],
)
def test_a_word_of_another_tool_gets_ours(tmp_path, text, word):
    assert any(f"`{word}`" in (help or "") for help in helps(tmp_path, text))


@pytest.mark.parametrize("name", ["iaf_cond_exp", "aeif_cond_alpha", "hh_psc_alpha", "izhikevich", "stdp_synapse"])
def test_models_that_are_offered_exist(name):
    offered = of_model(name).removeprefix("did you mean `use: ").removesuffix("`?").strip("[]").split(", ")
    assert set(offered) <= set(library_names())

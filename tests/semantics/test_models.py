"""Networks of models: the same as those written out, with constants that are set, swept and checked as others are."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, resolved, run_network

from snnrun.errors import ExperimentError
from snnrun.model.digest import digest_of, whole_network
from snnrun.spec.load import load

USED = """
constants: {T: 10 ms}
groups:
  cells:
    use: [lif, {model: exponential_conductance, rename: {g: g_e, tau_g: tau_e, E_g: E_e}}]
    size: 4
    constants: {I_ext: 350 pA, tau: T}
    initial: {v: E_L + i*mV}
synapses:
  s:
    source: cells
    target: cells
    connect: {where: i != j}
    constants: {w: 2 nS, d: 1 ms}
    on_pre: g_e_post += w
    delay: d + i*0.5*ms
monitors:
  out: {kind: spikes, source: cells}
  state: {kind: state, source: cells, variables: [v, I]}
run: {duration: 30 ms, dt: 0.1 ms}
"""
WRITTEN = """
constants: {T: 10 ms}
groups:
  cells:
    size: 4
    constants:
      {R: 100 Mohm, E_L: -70 mV, V_th: -50 mV, V_reset: -60 mV, t_ref: 2 ms, tau_e: 5 ms, E_e: 0 mV,
       I_ext: 350 pA, tau: T}
    equations: |
      dv/dt = (E_L - v + R*I)/tau : volt (unless refractory)
      I = I_ext + g_e*(E_e - v) : amp
      dg_e/dt = -g_e/tau_e : siemens
    threshold: v > V_th
    reset: v = V_reset
    refractory: t_ref
    initial: {v: E_L + i*mV}
synapses:
  s:
    source: cells
    target: cells
    connect: {where: i != j}
    on_pre: g_e_post += 2*nS
    delay: 1*ms + i*0.5*ms
monitors:
  out: {kind: spikes, source: cells}
  state: {kind: state, source: cells, variables: [v, I]}
run: {duration: 30 ms, dt: 0.1 ms}
"""


def recorded(text):
    memory, _ = run_network(network_of(text))
    steps = np.concatenate(memory.spike_steps("out"))
    return steps, memory.state("state", "v"), memory.state("state", "I")


def test_a_network_of_models_is_the_network_written_out():
    used, written = recorded(USED), recorded(WRITTEN)
    assert used[0].size > 4
    for a, b in zip(used, written, strict=True):
        assert np.array_equal(a, b)


def test_the_resolved_file_is_the_same_network(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f"version: 1\nname: a\n{USED}", encoding="utf-8")
    again = load(path).to_yaml()
    assert "use:" not in again
    whole = [digest_of([whole_network(network_of(text))]) for text in (USED, again.partition("name: a\n")[2])]
    assert whole[0] == whole[1]


def test_phases_set_constants_of_models_in_groups_and_synapses():
    phases = "run: {dt: 0.1 ms, phases: [{name: a, duration: 15 ms}, {name: b, duration: 15 ms, set: {SET}}]}"
    text = USED.replace("run: {duration: 30 ms, dt: 0.1 ms}", phases)
    plain = recorded(USED)
    for name, value in (("cells.I_ext", "0.5 nA"), ("cells.tau_e", "9 ms"), ("s.w", "9 nS"), ("s.d", "2 ms")):
        _, v, current = recorded(text.replace("{SET}", f"{{{name}: {value}}}"))
        assert np.array_equal(v[:150], plain[1][:150])
        assert not np.array_equal(current, plain[2])


def test_a_constant_of_the_file_with_the_name_of_a_parameter_is_warned_of():
    text = USED.replace("constants: {T: 10 ms}", "constants: {T: 10 ms, R: 5 Mohm, E_e: 1 mV}").replace(
        "tau: T}", "tau: T, E_e: E_e}"
    )
    found = [w for w in resolved(text).warnings if w.code == "NET231"]
    assert [w.message for w in found] == [
        "`R` of `cells` is the `100 Mohm` of the model `lif`, not the constant of the file"
    ]


def test_constants_of_synapses_hide_those_of_the_file_and_not_their_variables():
    text = USED.replace("constants: {T: 10 ms}", "constants: {T: 10 ms, w: 100 nS}")
    assert np.array_equal(recorded(text)[1], recorded(USED)[1])


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{w: 2 nS, d: 1 ms}", "{w: 2 mS*volt, d: 1 ms}", "EQ203"),
        ("{w: 2 nS, d: 1 ms}", "{w: t*2*nS/second, d: 1 ms}", "EQ201"),
        ("{w: 2 nS, d: 1 ms}", "{w: 2 nS, d: 1 ms, v_pre: 1 mV}", "NET170"),
        ("I_ext: 350 pA", "I_ext: 350 pS", "EQ209"),
    ],
)
def test_wrong_constants_are_refused(old, new, code):
    with pytest.raises(ExperimentError) as caught:
        resolved(USED.replace(old, new))
    assert code in {item.code for item in caught.value.diagnostics}

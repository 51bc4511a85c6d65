"""Models of the library against their papers: closed forms where there are any, else patterns and values of Brian2 2.9.

Three networks, as each is compiled once: neurons, what spikes cause in neurons, and synapses that change.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from running import final, network_of, run_network

MS = 20  # steps of 0.05 ms

NEURONS = """
groups:
  lif:
    use: lif
    size: 4
    equations: "I_ext : amp"
    initial: {I_ext: "[150, 210, 300, 500]*pA"}
  eif:
    use: eif
    size: 5
    equations: "I_ext : amp"
    initial: {I_ext: (-59.9 + 65 - 3.48)*mV/R*(0.98 + 0.04*i) + 400*pA*int(i > 1)*(i - 1)}
  adex: {use: adex, size: 1, constants: {I_ext: 1 nA}}
  patterns:
    use: adex
    size: 6
    equations: |
      C : farad (constant)
      g_L : siemens (constant)
      E_L : volt (constant)
      a : siemens (constant)
      tau_w : second (constant)
      b : amp (constant)
      V_reset : volt (constant)
      I_ext : amp (constant)
    constants: {V_T: -50 mV}
    initial:
      C: "[200, 200, 130, 200, 200, 100]*pF"
      g_L: "[10, 12, 18, 10, 12, 10]*nS"
      E_L: "[-70, -70, -58, -58, -70, -65]*mV"
      a: "[2, 2, 4, 2, -10, 10]*nS"
      tau_w: "[30, 300, 150, 120, 300, 90]*ms"
      b: "[0, 60, 120, 100, 0, 100]*pA"
      V_reset: "[-58, -58, -50, -46, -58, -47]*mV"
      I_ext: "[500, 500, 400, 210, 300, 180]*pA"
      v: E_L
  izhikevich:
    use: izhikevich
    size: 5
    equations: |
      a : Hz (constant)
      b : 1 (constant)
      c : volt (constant)
      d : volt (constant)
    initial:
      a: "[0.02, 0.02, 0.02, 0.1, 0.02]/ms"
      b: "[0.2, 0.2, 0.2, 0.2, 0.25]"
      c: "[-65, -55, -50, -65, -65]*mV"
      d: "[8, 4, 2, 2, 2]*mV"
      v: c
      u: b*v
    constants: {I_ext: 10 mV}
  hodgkin_huxley:
    use: hodgkin_huxley
    size: 5
    equations: "I_ext : amp"
    initial: {I_ext: "[0, 1.2, 1.24, 2, 4]*nA"}
  wang_buzsaki:
    use: wang_buzsaki
    size: 5
    equations: "I_ext : amp"
    initial: {I_ext: "[0.03, 0.034, 0.2, 1, 2]*nA"}
monitors: {MONITORS}
run: {duration: 500 ms, dt: 0.05 ms}
"""
GROUPS = ("lif", "eif", "adex", "patterns", "izhikevich", "hodgkin_huxley", "wang_buzsaki")


@cache
def neurons():
    """The steps of the spikes of each neuron, by group."""
    monitors = "".join(f"\n  {name}: {{kind: spikes, source: {name}}}" for name in GROUPS)
    network = network_of(NEURONS.replace("{MONITORS}", monitors))
    memory, _ = run_network(network)
    return {name: _by_neuron(*memory.spike_steps(name), network.groups[name].size) for name in GROUPS}


def _by_neuron(steps, ids, size):
    return [steps[ids == k] for k in range(size)]


def test_lif_has_the_f_i_curve_of_its_closed_form():
    tau, resistance, rest, threshold, reset, refractory = 20e-3, 100e6, -70e-3, -50e-3, -60e-3, 2e-3
    silent, *firing = neurons()["lif"]
    assert silent.size == 0  # 15 mV above rest are below the threshold
    for steps, current in zip(firing, (210e-12, 300e-12, 500e-12), strict=True):
        limit = rest + resistance * current
        period = refractory + tau * np.log((limit - reset) / (limit - threshold))
        assert np.diff(steps) * 0.05e-3 == pytest.approx(period, abs=0.05e-3)


def test_eif_begins_to_fire_at_its_rheobase_and_has_the_rate_of_its_integral():
    tau, resistance, rest, v_t, delta = 10e-3, 100e6, -65e-3, -59.9e-3, 3.48e-3
    rheobase = (v_t - rest - delta) / resistance
    below, above, *firing = neurons()["eif"]
    assert below.size == 0
    assert above.size > 0
    for k, steps in enumerate(firing, start=2):
        current = rheobase * (0.98 + 0.04 * k) + 400e-12 * (k - 1)
        v = np.linspace(-68e-3, -30e-3, 200_001)
        slope = (rest - v + delta * np.exp((v - v_t) / delta) + resistance * current) / tau
        period = 1.7e-3 + np.trapezoid(1 / slope, v)
        assert np.diff(steps).mean() * 0.05e-3 == pytest.approx(period, rel=0.02)


def test_adex_has_the_spikes_of_brian2():
    (steps,) = neurons()["adex"]
    assert (steps.size, list(steps[:3]), steps[-1], steps.sum()) == (17, [238, 513, 833], 9814, 75081)


def test_adex_has_the_firing_patterns_of_naud_2008():
    sums = [int(steps.sum()) for steps in neurons()["patterns"]]
    assert sums == [252134, 32988, 37587, 37007, 207294, 608]  # of Brian2
    tonic, adapting, initial, bursting, accelerating, transient = (np.diff(s) for s in neurons()["patterns"])
    assert np.ptp(tonic[8:]) <= 2
    assert np.all(np.diff(adapting[:6]) > 0)
    assert adapting[-1] > 5 * adapting[0]
    assert np.all(initial[:2] < 0.2 * initial[2:].min())
    assert np.ptp(initial[4:]) <= 2
    assert np.all(bursting[2::2] > 20 * bursting[3::2])
    assert np.all(np.diff(accelerating) <= 1)
    assert accelerating[-1] < 0.6 * accelerating[0]
    assert transient.size == 0


def test_izhikevich_has_the_firing_patterns_of_its_paper():
    of_brian2 = [(12, 55350), (17, 77538), (46, 222212), (67, 330411), (40, 182788)]
    for steps, (number, total) in zip(neurons()["izhikevich"], of_brian2, strict=True):
        assert steps.size == number
        assert abs(int(steps.sum()) - total) <= number  # a spike may be a step away, by the last bits
    regular, bursting, chattering, fast, low = (np.diff(steps) * 0.05 for steps in neurons()["izhikevich"])
    assert regular[0] < 0.6 * regular[1]
    assert np.ptp(regular[1:]) < 0.1
    assert bursting[0] < 0.1 * bursting[2:].min()
    assert np.count_nonzero(chattering > 40) > 6
    assert np.count_nonzero(chattering < 6) > 30
    assert fast[4:].max() < 8
    assert low[0] < 0.3 * low[-1]


def test_hodgkin_huxley_fires_as_the_squid_does():
    assert [(s.size, int(s.sum())) for s in neurons()["hodgkin_huxley"]] == [
        (0, 0),
        (2, 547),
        (3, 1375),
        (34, 169916),
        (42, 206314),
    ]  # of Brian2
    at_10 = neurons()["hodgkin_huxley"][3]
    assert 1 / (np.diff(at_10)[5:].mean() * 0.05e-3) == pytest.approx(68.3, rel=0.03)  # 68.3 Hz with short steps


def test_wang_buzsaki_has_the_f_i_curve_of_its_paper():
    assert [(s.size, int(s.sum())) for s in neurons()["wang_buzsaki"]] == [
        (0, 0),  # the rheobase is 0.16 uA/cm2
        (2, 14476),
        (26, 131555),
        (83, 413566),
        (127, 634658),
    ]  # of Brian2


CURRENTS = {"exponential_current": "I_syn", "alpha_current": "h_syn", "double_exponential_current": "h_syn"}
CONDUCTANCES = {
    "exponential_conductance": "g",
    "alpha_conductance": "h_g",
    "double_exponential_conductance": "h_g",
    "nmda": "h_nmda",
}
CURRENT = """
  NAME: {use: [lif, NAME], size: 1, constants: {V_th: 1 volt}}
"""
CLAMPED = """
  NAME: {use: [lif, NAME], size: 5, equations: "v : volt", initial: {v: (i - 3.5)*20*mV}, threshold: null, reset: null,
    refractory: null}
"""
SYNAPSES = "  to_NAME: {source: one, target: NAME, connect: all, on_pre: VARIABLE_post += WEIGHT}\n"
MONITOR = "  NAME: {kind: state, source: NAME, variables: [v, I, SEEN]}\n"


@cache
def responses():
    """What a spike causes from its time on: the recording, whose samples are 0.05 ms apart, by kind and variable."""
    groups, synapses, monitors = "  one: {kind: spikes, size: 1, indices: [0], times: [1 ms]}\n", "", ""
    for name, variable in (CURRENTS | CONDUCTANCES).items():
        seen = "I_syn" if name in CURRENTS else "g_nmda" if name == "nmda" else "g"
        groups += (CURRENT if name in CURRENTS else CLAMPED).strip("\n").replace("NAME", name) + "\n"
        weight = "100*pA" if name in CURRENTS else "3*nS"
        synapses += SYNAPSES.replace("NAME", name).replace("VARIABLE", variable).replace("WEIGHT", weight)
        monitors += MONITOR.replace("NAME", name).replace("SEEN", seen)
    text = f"groups:\n{groups}synapses:\n{synapses}monitors:\n{monitors}run: {{duration: 60 ms, dt: 0.05 ms}}\n"
    memory, _ = run_network(network_of(text))
    return lambda name, variable: memory.state(name, variable)[21:]


def times():
    return np.arange(responses()("nmda", "v").shape[0])[:, None] * 0.05e-3


def filtered(t, decay, tau=20e-3, resistance=100e6):
    """The potential of a membrane that a current exp(-t/decay) charges."""
    return resistance / tau * (np.exp(-t / decay) - np.exp(-t / tau)) / (1 / tau - 1 / decay)


def peak_of(rise, decay):
    """The largest value of exp(-t/decay) - exp(-t/rise)."""
    at = np.log(decay / rise) * rise * decay / (decay - rise)
    return np.exp(-at / decay) - np.exp(-at / rise)


def test_exponential_and_double_exponential_currents_have_the_potentials_of_their_closed_forms():
    seen, t = responses(), times()
    assert seen("exponential_current", "I_syn") == pytest.approx(1e-10 * np.exp(-t / 5e-3), rel=1e-9)
    v = seen("exponential_current", "v") + 70e-3
    assert v == pytest.approx(1e-10 * filtered(t, 5e-3), rel=1e-9, abs=1e-14)
    v = seen("double_exponential_current", "v") + 70e-3
    expected = 1e-10 / peak_of(1e-3, 5e-3) * (filtered(t, 5e-3) - filtered(t, 1e-3))
    assert v == pytest.approx(expected, rel=1e-8, abs=1e-14)


def test_alpha_currents_have_the_potential_of_their_closed_form():
    seen, t, tau, tau_syn = responses(), times(), 20e-3, 5e-3
    current = 1e-10 * np.e * t / tau_syn * np.exp(-t / tau_syn)
    assert seen("alpha_current", "I_syn") == pytest.approx(current, rel=1e-9, abs=1e-24)
    k = 1 / tau_syn - 1 / tau
    rise = (1 - np.exp(-k * t) * (1 + k * t)) / k**2
    expected = 1e-10 * 100e6 * np.e / (tau * tau_syn) * np.exp(-t / tau) * rise
    assert seen("alpha_current", "v") + 70e-3 == pytest.approx(expected, rel=1e-8, abs=1e-14)


def test_conductances_have_their_closed_forms_and_the_weight_as_their_peak():
    seen, t = responses(), times()
    decay, rise = np.exp(-t / 5e-3), np.exp(-t / 1e-3)
    forms = {
        "exponential_conductance": decay,
        "alpha_conductance": np.e * t / 5e-3 * decay,
        "double_exponential_conductance": (decay - rise) / peak_of(1e-3, 5e-3),
    }
    for name, form in forms.items():
        g = seen(name, "g")
        assert g == pytest.approx(3e-9 * np.broadcast_to(form, g.shape), rel=1e-9, abs=1e-22)
        assert g.max() == pytest.approx(3e-9, rel=1e-3)
        assert seen(name, "I") == pytest.approx(g * -seen(name, "v"), rel=1e-12, abs=1e-24)


def test_nmda_has_the_block_of_jahr_and_stevens():
    seen = responses()
    g, v = seen("nmda", "g_nmda")[1:], seen("nmda", "v")[1:]
    assert g.max() == pytest.approx(3e-9, rel=1e-3)
    opened = seen("nmda", "I")[1:] / (-g * v)
    assert v[0] == pytest.approx([-70e-3, -50e-3, -30e-3, -10e-3, 10e-3])
    assert opened[0] == pytest.approx([0.0445, 0.1385, 0.3572, 0.6576, 0.869], abs=1e-4)
    assert opened == pytest.approx(1 / (1 + np.exp(-62 * v) / 3.57), rel=1e-12)
    assert np.ptp(opened, axis=0).max() < 1e-12


SHIFTS = np.array([-40, -20, -10, -1, 1, 10, 20, 40])  # of the spike of the target [ms]
RATES = np.array([10, 10, 20, 20, 40, 40])  # [Hz]
OFFSETS = np.array([10, -10, 10, -10, 10, -10])  # [ms]
PLASTIC = """
groups:
  early: {kind: spikes, size: 8, EARLY}
  late: {kind: spikes, size: 8, LATE}
  before: {kind: spikes, size: 6, BEFORE}
  after: {kind: spikes, size: 6, AFTER}
  beat: {kind: spikes, size: 1, indices: [0], times: [0 ms], period: 10 ms}
  slow: {kind: spikes, size: 1, indices: [0], times: [0 ms], period: 50 ms}
  cell: {size: 2, equations: "v : 1", threshold: v >= 1, reset: v -= 1}
synapses:
  pairs: {use: stdp_pair, source: early, target: late, connect: one_to_one, initial: {w: 0.5}}
  triplets: {use: stdp_triplet, source: before, target: after, connect: one_to_one, initial: {w: 5}}
  depressing: {use: tsodyks_markram, source: slow, target: cell, connect: {i: 0, j: 0}}
  facilitating:
    use: tsodyks_markram
    source: slow
    target: cell
    connect: {i: 0, j: 0}
    constants: {U: 0.1, tau_facil: 500 ms, tau_rec: 100 ms}
  scaled:
    use: synaptic_scaling
    source: beat
    target: cell
    connect: all
    initial: {w: 0.05 + 0.55*j}
    constants: {tau_rate: 0.5 second, beta: 0.05}
    on_pre: v_post += w
monitors:
  release: {kind: state, source: depressing, variables: [r, x, u], dt: 50 ms}
  release_2: {kind: state, source: facilitating, variables: [r], dt: 50 ms}
  weights: {kind: state, source: scaled, variables: [w], dt: 10 ms}
  spikes: {kind: spikes, source: cell}
run: {duration: 6 s, dt: 0.1 ms}
"""


def trains(offset):
    """The times of one second of spikes of each rate, shifted [ms]."""
    return [50 + offset * shift + np.arange(rate) * 1000 / rate for rate, shift in zip(RATES, OFFSETS, strict=True)]


def listed(spikes):
    indices = [k for k, train in enumerate(spikes) for _ in train]
    values = [f"{time:g}" for train in spikes for time in train]
    return f'indices: {indices}, times: "[{", ".join(values)}]*ms"'


@cache
def plastic():
    spikes = {
        "EARLY": [[100] for _ in SHIFTS],
        "LATE": [[100 + shift] for shift in SHIFTS],
        "BEFORE": trains(0),
        "AFTER": trains(1),
    }
    text = PLASTIC
    for name, found in spikes.items():
        text = text.replace(name, listed(found))
    return run_network(network_of(text))


def test_pairs_of_spikes_have_the_window_of_song_2000():
    change = final(plastic()[1], "synapses.pairs", "w") - 0.5
    expected = np.where(SHIFTS > 0, 0.005, -0.00525) * np.exp(-np.abs(SHIFTS) / 20)
    assert change == pytest.approx(expected, rel=1e-9)


def test_triplets_are_the_sums_over_pairs_and_triplets_of_spikes_of_pfister_2006():
    def summed(now, others, tau):
        return sum(np.exp(-(now - other) / tau) for other in others if other < now)

    changes = final(plastic()[1], "synapses.triplets", "w") - 5
    for change, pre, post in zip(changes, trains(0), trains(1), strict=True):
        gain = sum(summed(t, pre, 16.8) * (5e-10 + 6.2e-3 * summed(t, post, 125)) for t in post)
        loss = sum(summed(t, post, 33.7) * (7e-3 + 2.3e-4 * summed(t, pre, 101)) for t in pre)
        assert change == pytest.approx(gain - loss, rel=1e-9)
    per_pair = changes / RATES
    assert np.all(np.diff(per_pair[::2]) > 0)  # more frequent pairs gain more
    assert per_pair[1] < 0 < per_pair[5]  # and post before pre loses at 10 Hz and gains at 40 Hz


def test_releases_have_the_steady_state_of_tsodyks_1998():
    memory, _ = plastic()
    for name, use, facilitation, recovery in (("release", 0.5, 10, 800), ("release_2", 0.1, 500, 100)):
        r = memory.state(name, "r")[:, 0]
        kept, missing = np.exp(-50 / facilitation), np.exp(-50 / recovery)
        u = use / (1 - (1 - use) * kept)
        x = (1 - missing) / (1 - (1 - u) * missing)
        assert r[1] == pytest.approx(use)
        assert r[-1] == pytest.approx(u * x, rel=1e-6)


def test_scaling_brings_the_target_to_its_rate_from_below_and_above():
    memory, _ = plastic()
    weights = memory.state("weights", "w")
    assert weights[0] == pytest.approx([0.05, 0.6])
    assert weights[-100:].mean(axis=0) == pytest.approx([0.2, 0.2], rel=0.03)  # 100 spikes a second of this weight
    steps, neurons = memory.spike_steps("spikes")
    late = [np.count_nonzero(neurons[steps >= 50_000] == k) for k in (0, 1)]
    assert late == pytest.approx([20, 20], abs=1)

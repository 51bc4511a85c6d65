"""Computes with NEST what the blocks of docs/from-nest.md give: python make_values.py, in an environment that has NEST.

For each block its membrane potential every 0.5 ms [mV] and its spikes [ms] go to values.npz; of the plastic synapse
its weights.
"""

from __future__ import annotations

from pathlib import Path

import nest
import numpy as np

SPIKES = (10.0, 30.0, 31.0, 32.0, 33.0)
TSODYKS = {"synapse_model": "tsodyks2_synapse", "U": 0.5, "u": 0.5, "x": 1.0, "tau_rec": 100.0, "tau_fac": 50.0}
RUNS = {
    "iaf-psc-delta": ("iaf_psc_delta", {"I_e": 500.0}, 0.5, {}),
    "iaf-psc-exp": ("iaf_psc_exp", {"I_e": 380.0}, 200.0, {}),
    "iaf-psc-alpha": ("iaf_psc_alpha", {"I_e": 380.0}, 200.0, {}),
    "iaf-cond-exp": ("iaf_cond_exp", {"I_e": 240.0}, 20.0, {}),
    "aeif-cond-exp": ("aeif_cond_exp", {"I_e": 700.0}, 30.0, {}),
    "hh-psc-alpha": ("hh_psc_alpha", {"I_e": 650.0}, 200.0, {}),
    "tsodyks2-synapse": ("iaf_psc_exp", {"V_th": 1e3}, 200.0, TSODYKS),
}


def neuron(model, parameters, weight, synapse):
    """The potential and the spikes of a neuron with given input."""
    nest.ResetKernel()
    nest.resolution = 0.1
    cell = nest.Create(model, params=parameters)
    source = nest.Create("spike_generator", params={"spike_times": SPIKES})
    if synapse:  # only neurons have such synapses
        source.spike_times = [time - 1 for time in SPIKES]
        relay = nest.Create("parrot_neuron")
        nest.Connect(source, relay, syn_spec={"delay": 1.0})
        source = relay
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 0.1})
    spikes = nest.Create("spike_recorder")
    nest.Connect(source, cell, syn_spec={"weight": weight, "delay": 1.0, **synapse})
    nest.Connect(meter, cell)
    nest.Connect(cell, spikes)
    nest.Simulate(60.0)
    return np.asarray(meter.events["V_m"])[4::5], np.asarray(spikes.events["times"])


def plastic():
    """The weight after each spike of the source."""
    nest.ResetKernel()
    nest.resolution = 0.1
    cells = nest.Create("parrot_neuron", 2)
    for cell, times in zip(cells, ([10.0, 30.0, 50.0, 70.0, 75.0], [15.0, 25.0, 52.0, 68.0, 71.0]), strict=True):
        nest.Connect(nest.Create("spike_generator", params={"spike_times": times}), cell)
    rule = {"lambda": 0.1, "alpha": 1.05, "mu_plus": 0.0, "mu_minus": 0.0, "tau_plus": 20.0, "Wmax": 2.0}
    nest.CopyModel("stdp_synapse", "plastic", {**rule, "weight": 1.0, "delay": 1.0})
    nest.Connect(cells[0], cells[1], syn_spec={"synapse_model": "plastic", "receptor_type": 1})
    synapse = nest.GetConnections(cells[0], cells[1])
    found = []
    for _ in range(80):
        nest.Simulate(1.0)
        found.append(synapse.weight)
    return np.array([found[time] for time in (20, 40, 60, 73, 78)])


def main():
    """Store all values."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    values = {"stdp-synapse/w": plastic()}
    for name, run in RUNS.items():
        values[f"{name}/v"], values[f"{name}/spikes"] = neuron(*run)
    np.savez_compressed(Path(__file__).with_name("values.npz"), **values)


if __name__ == "__main__":
    main()

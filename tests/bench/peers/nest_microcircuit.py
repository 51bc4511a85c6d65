"""The network of experiments/benchmarks/microcircuit.yaml in NEST; where `SPIKES` names a file, that of
microcircuit-recipe.yaml, whose spikes go there.

A delay below one step becomes one step, as there; drawn again, as published, layer 5 of a small column spikes more
(10.2 Hz instead of 9.0 at a tenth of the size, three seeds each).
"""

import os

import nest
import numpy as np
from nest_session import Session
from potjans_diesmann import BACKGROUND, NAMES, WEIGHT, mean_delay, mean_weight, neurons, synapses

SPIKES = os.environ.get("SPIKES")
SETTLING = 500.0 if SPIKES else 200.0  # ms
MEANS = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)  # of V at the start, in the recipe [mV]
DEVIATIONS = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)
session = Session()
sizes = neurons(session.size)
neuron = {
    "C_m": 250.0,
    "tau_m": 10.0,
    "tau_syn_ex": 0.5,
    "tau_syn_in": 0.5,
    "t_ref": 2.0,
    "E_L": -65.0,
    "V_th": -50.0,
    "V_reset": -65.0,
}
populations = [nest.Create("iaf_psc_exp", int(size), params=neuron) for size in sizes]
for number, population in enumerate(populations):
    begin = (MEANS[number], DEVIATIONS[number]) if SPIKES else (-58.0, 10.0)
    population.V_m = nest.random.normal(*begin)
for (target, source), number in np.ndenumerate(synapses(session.size)):
    if number == 0:
        continue
    mean, delay = mean_weight(target, source), mean_delay(source)
    drawn = nest.random.normal(delay, 0.5 * delay)
    low, high = (-np.inf, 0.0) if mean < 0 else (0.0, np.inf)
    nest.Connect(
        populations[source],
        populations[target],
        {"rule": "fixed_total_number", "N": int(number)},
        {
            "weight": nest.math.redraw(nest.random.normal(mean, 0.1 * abs(mean)), min=low, max=high),
            "delay": nest.math.redraw(drawn, min=0.05, max=np.inf) if SPIKES else nest.math.max(drawn, 0.1),
        },
    )
recorders = []
for population, trains in zip(populations, BACKGROUND, strict=True):
    background = nest.Create("poisson_generator", params={"rate": 8.0 * trains})
    nest.Connect(background, population, syn_spec={"weight": WEIGHT, "delay": 0.1})
    recorders.append(nest.Create("spike_recorder", params={"start": SETTLING}))
    nest.Connect(population, recorders[-1])

session.run()
late = (session.duration - SETTLING) / 1e3
rates = [recorder.n_events / size / late for recorder, size in zip(recorders, sizes, strict=True)]
session.report({f"rate_{name}": rate for name, rate in zip(NAMES, rates, strict=True)})
if SPIKES:
    trains = {}
    for name, recorder, population in zip(NAMES, recorders, populations, strict=True):
        trains[f"{name}_i"] = np.asarray(recorder.events["senders"]) - population[0].global_id
        trains[f"{name}_t"] = np.asarray(recorder.events["times"]) / 1e3
    np.savez(SPIKES, **trains)

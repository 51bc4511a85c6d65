"""The network of experiments/benchmarks/microcircuit.yaml in NEST.

A delay below one step becomes one step, as there; drawn again, as published, layer 5 of a small column spikes more
(10.2 Hz instead of 9.0 at a tenth of the size, three seeds each).
"""

import nest
import numpy as np
from nest_session import Session
from potjans_diesmann import BACKGROUND, NAMES, WEIGHT, mean_delay, mean_weight, neurons, synapses

SETTLING = 200.0  # ms
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
for population in populations:
    population.V_m = nest.random.normal(-58.0, 10.0)
for (target, source), number in np.ndenumerate(synapses(session.size)):
    if number == 0:
        continue
    mean, delay = mean_weight(target, source), mean_delay(source)
    low, high = (-np.inf, 0.0) if mean < 0 else (0.0, np.inf)
    nest.Connect(
        populations[source],
        populations[target],
        {"rule": "fixed_total_number", "N": int(number)},
        {
            "weight": nest.math.redraw(nest.random.normal(mean, 0.1 * abs(mean)), min=low, max=high),
            "delay": nest.math.max(nest.random.normal(delay, 0.5 * delay), 0.1),
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

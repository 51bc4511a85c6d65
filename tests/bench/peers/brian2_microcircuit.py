"""The network of experiments/benchmarks/microcircuit.yaml in Brian2.

All synapses are one object; their pairs, weights and delays are drawn here by numpy.
"""

import numpy as np
from brian2 import Hz, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, ms, mV, pA, pF, second
from brian2_session import Session
from potjans_diesmann import BACKGROUND, NAMES, mean_delay, mean_weight, neurons, synapses

session = Session()
SETTLING = 0.2 * second
C, tau_m, tau_syn = 250 * pF, 10 * ms, 0.5 * ms
El, Vt, Vr = -65 * mV, -50 * mV, -65 * mV
sizes = neurons(session.size)
first = np.concatenate([[0], np.cumsum(sizes)])

pop = NeuronGroup(
    int(first[-1]),
    """
    dv/dt = (El - v)/tau_m + I/C : volt (unless refractory)
    dI/dt = -I/tau_syn : amp
    """,
    method="exact",
    threshold="v > Vt",
    reset="v = Vr",
    refractory=2 * ms,
)
pop.v = "-58*mV + 10*mV*randn()"
inputs = [
    PoissonInput(pop[first[k] : first[k + 1]], "I", int(BACKGROUND[k]), 8 * Hz, weight=mean_weight(0, 0) * pA)
    for k in range(8)
]

draw = np.random.default_rng(session.seed)
pre, post, weight, delay = [], [], [], []
for (target, source), number in np.ndenumerate(synapses(session.size)):
    if number == 0:
        continue
    pre.append(draw.integers(first[source], first[source + 1], number, dtype=np.int32))
    post.append(draw.integers(first[target], first[target + 1], number, dtype=np.int32))
    mean = mean_weight(target, source)
    weight.append(draw.normal(mean, 0.1 * abs(mean), number))
    delay.append(np.clip(draw.normal(mean_delay(source), 0.5 * mean_delay(source), number), 0.1, 10.0))
local = Synapses(pop, pop, "w : amp (constant)", on_pre="I_post += w")
local.connect(i=np.concatenate(pre), j=np.concatenate(post))
local.w = np.concatenate(weight) * pA
local.delay = np.concatenate(delay) * ms
del pre, post, weight, delay
spikes = SpikeMonitor(pop)

session.run(inputs)
late = np.asarray(spikes.i)[np.asarray(spikes.t / second) >= SETTLING / second]
counts = np.bincount(late, minlength=first[-1])
rates = [counts[first[k] : first[k + 1]].mean() / (session.duration - SETTLING) for k in range(8)]
session.report({f"rate_{name}": rate for name, rate in zip(NAMES, rates, strict=True)})

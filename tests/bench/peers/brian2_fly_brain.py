"""The network of experiments/benchmarks/fly-brain.yaml in Brian2."""

import numpy as np
from brian2 import Hz, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, ms, mV
from brian2_session import Session

session = Session()
N = int(session.size)
v0, threshold, tau, taug, weight = -52 * mV, -45 * mV, 20 * ms, 5 * ms, 0.275 * mV

brain = NeuronGroup(
    N,
    """
    dv/dt = (v0 - v + g)/tau : volt (unless refractory)
    dg/dt = -g/taug : volt (unless refractory)
    """,
    method="exact",
    threshold="v > threshold",
    reset="v = v0; g = 0*mV",
    refractory=2.2 * ms,
)
brain.v = v0
taste = PoissonInput(brain[:200], "v", 1, 150 * Hz, weight=250 * weight)
connectome = Synapses(brain, brain, "w : 1", on_pre="g_post += w*weight", delay=1.8 * ms)
with np.load(session.table) as table:
    connectome.connect(i=table["source"], j=table["target"])
    connectome.w = table["synapses"]
spikes = SpikeMonitor(brain)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

"""The network of experiments/benchmarks/cuba.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms, mV
from brian2_session import Session

session = Session()
N = int(session.size)
taum, taue, taui = 20 * ms, 5 * ms, 10 * ms
Vt, Vr, El = -50 * mV, -60 * mV, -49 * mV
we, wi = 60 * 0.27 / 10 * mV, -20 * 4.5 / 10 * mV

pop = NeuronGroup(
    N,
    """
    dv/dt = (ge + gi - (v - El))/taum : volt (unless refractory)
    dge/dt = -ge/taue : volt
    dgi/dt = -gi/taui : volt
    """,
    method="exact",
    threshold="v > Vt",
    reset="v = Vr",
    refractory=5 * ms,
)
pop.v = "Vr + rand()*(Vt - Vr)"
exc = Synapses(pop[: N * 4 // 5], pop, on_pre="ge += we")
inh = Synapses(pop[N * 4 // 5 :], pop, on_pre="gi += wi")
exc.connect(p=80 / N)
inh.connect(p=80 / N)
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

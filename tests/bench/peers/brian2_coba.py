"""The network of experiments/benchmarks/coba.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms, mV
from brian2_session import Session

session = Session()
N = int(session.size)
taum, taue, taui = 20 * ms, 5 * ms, 10 * ms
Vt, Vr, El, Ee, Ei, I = -50 * mV, -60 * mV, -60 * mV, 0 * mV, -80 * mV, 20 * mV
we, wi = 6 / 10, 67 / 10

pop = NeuronGroup(
    N,
    """
    dv/dt = (ge*(Ee - v) + gi*(Ei - v) - (v - El) + I)/taum : volt (unless refractory)
    dge/dt = -ge/taue : 1
    dgi/dt = -gi/taui : 1
    """,
    method="euler",
    threshold="v > Vt",
    reset="v = Vr",
    refractory=5 * ms,
)
pop.v = "El + (randn()*5 - 5)*mV"
pop.ge = "(randn()*1.5 + 4)*10.*0.1"
pop.gi = "(randn()*12 + 20)*10.*0.1"
exc = Synapses(pop[: N * 4 // 5], pop, on_pre="ge += we")
inh = Synapses(pop[N * 4 // 5 :], pop, on_pre="gi += wi")
exc.connect(p=80 / N)
inh.connect(p=80 / N)
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

"""The network of experiments/benchmarks/brunel.yaml in Brian2."""

from brian2 import NeuronGroup, PoissonInput, SpikeMonitor, Synapses, ms, mV
from brian2_session import Session

session = Session()
N = int(session.size)
g, eta, p = 5, 2, 0.1
tau, theta, J = 20 * ms, 20 * mV, 0.1 * mV
CE = p * 0.8 * N
nu = eta * theta / (J * CE * tau)

pop = NeuronGroup(
    N,
    "dv/dt = -v/tau : volt (unless refractory)",
    method="exact",
    threshold="v > theta",
    reset="v = 0*mV",
    refractory=2 * ms,
)
external = PoissonInput(pop, "v", int(CE), nu, weight=J)
exc = Synapses(pop[: N * 4 // 5], pop, on_pre="v += J", delay=1.5 * ms)
inh = Synapses(pop[N * 4 // 5 :], pop, on_pre="v -= g*J", delay=1.5 * ms)
exc.connect(p=p)
inh.connect(p=p)
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

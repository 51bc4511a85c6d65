"""The network of experiments/benchmarks/record-state.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, I = 20 * ms, 1.02

pop = NeuronGroup(N, "dv/dt = (I - v)/tau : 1", method="exact", threshold="v > 1", reset="v = 0")
pop.v = "rand()"
spikes = SpikeMonitor(pop)
states = StateMonitor(pop, "v", record=True)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

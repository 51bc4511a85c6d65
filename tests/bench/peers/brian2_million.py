"""The network of experiments/benchmarks/million.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, I, sigma = 20 * ms, 0.9, 0.1

pop = NeuronGroup(N, "dv/dt = (I - v)/tau + sigma*xi*tau**-0.5 : 1", method="euler", threshold="v > 1", reset="v = 0")
pop.v = "rand()"
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

"""The network of experiments/benchmarks/delays.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, I, sigma, weight = 20 * ms, 1.02, 0.1, 0.002

pop = NeuronGroup(
    N,
    "dv/dt = (I - v)/tau + sigma*xi*tau**-0.5 : 1 (unless refractory)",
    method="euler",
    threshold="v > 1",
    reset="v = 0",
    refractory=5 * ms,
)
pop.v = "rand()"
random = Synapses(pop, pop, "w : 1", on_pre="v_post = clip(v_post + w, -1, 2)")
random.connect(p=200 / N)
random.w = "weight*(rand() - 0.5)"
random.delay = "10*ms*rand()"
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

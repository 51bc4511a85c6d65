"""The network of experiments/benchmarks/record-spikes.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, tauw, b = 10 * ms, 100 * ms, 0.01

pop = NeuronGroup(
    N,
    """
    dv/dt = (I - w - v)/tau : 1
    dw/dt = -w/tauw : 1
    I : 1
    """,
    method="euler",
    threshold="v > 1",
    reset="v = 0; w += b",
)
pop.I = "1.6 + 0.4*rand()"
pop.v = "rand()"
spikes = SpikeMonitor(pop, variables=["v", "w", "I"])

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

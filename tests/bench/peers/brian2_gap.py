"""The networks of experiments/benchmarks/gap.yaml and gap-sparse.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, coupling = 10 * ms, 0.05

pop = NeuronGroup(
    N,
    """
    dv/dt = (v0 - v + Igap)/tau : 1
    v0 : 1
    Igap : 1
    """,
    method="euler",
    threshold="v > 1",
    reset="v = 0",
)
pop.v0 = "1.05 + 0.5*i/N"
pop.v = "rand()"
gap = Synapses(
    pop,
    pop,
    """
    w : 1
    Igap_post = w*(v_pre - v_post) : 1 (summed)
    """,
)
partners = 50 if session.variant == "sparse" else N
gap.connect(p=partners / N)
gap.w = coupling / partners
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

"""The networks of experiments/benchmarks/nmda.yaml, clock-euler.yaml and clock-exact.yaml in Brian2."""

from brian2 import Hz, NeuronGroup, PoissonGroup, SpikeMonitor, Synapses, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, taus, taux = 10 * ms, 100 * ms, 2 * ms
alpha = (0.5 if session.variant == "nmda" else 0.02) / ms
weight = 10 / N
OPEN = {"nmda": "alpha*x*(1 - s)", "euler": "alpha*x", "exact": "alpha*x"}

source = PoissonGroup(N, rates=20 * Hz)
neuron = NeuronGroup(
    100,
    """
    dv/dt = (gs*(1 - v) - v)/tau : 1
    gs : 1
    """,
    method="euler",
    threshold="v > 0.7",
    reset="v = 0",
)
neuron.v = "0.7*rand()"
synapses = Synapses(
    source,
    neuron,
    f"""
    ds/dt = -s/taus + {OPEN[session.variant]} : 1 (clock-driven)
    dx/dt = -x/taux : 1 (clock-driven)
    gs_post = weight*s : 1 (summed)
    """,
    on_pre="x += 1",
    method="exact" if session.variant == "exact" else "euler",
)
synapses.connect()
spikes = SpikeMonitor(neuron)

session.run()
session.report({"rate": spikes.num_spikes / 100 / session.duration})

"""The network of experiments/benchmarks/stdp.yaml in Brian2."""

from brian2 import Hz, NeuronGroup, PoissonGroup, SpikeMonitor, StateMonitor, Synapses, ms, mV
from brian2_session import Session

session = Session()
N = int(session.size)
taum, taue, taupre, taupost = 10 * ms, 5 * ms, 20 * ms, 20 * ms
Ee, vt, vr, El = 0 * mV, -54 * mV, -60 * mV, -74 * mV
gmax = 0.01
dApre = 0.01 * gmax
dApost = -0.01 * gmax * taupre / taupost * 1.05

source = PoissonGroup(N, rates=15 * Hz)
neuron = NeuronGroup(
    1,
    """
    dv/dt = (ge*(Ee - v) + El - v)/taum : volt
    dge/dt = -ge/taue : 1
    """,
    method="euler",
    threshold="v > vt",
    reset="v = vr",
)
plastic = Synapses(
    source,
    neuron,
    """
    w : 1
    dApre_trace/dt = -Apre_trace/taupre : 1 (event-driven)
    dApost_trace/dt = -Apost_trace/taupost : 1 (event-driven)
    """,
    on_pre="""
    ge += w
    Apre_trace += dApre
    w = clip(w + Apost_trace, 0, gmax)
    """,
    on_post="""
    Apost_trace += dApost
    w = clip(w + Apre_trace, 0, gmax)
    """,
)
plastic.connect()
plastic.w = "rand()*gmax"
inputs = SpikeMonitor(source)
output = SpikeMonitor(neuron)
weights = StateMonitor(plastic, "w", record=[0, 1])

session.run()
session.report(
    {"input_rate": inputs.num_spikes / N / session.duration, "output_rate": output.num_spikes / session.duration}
)

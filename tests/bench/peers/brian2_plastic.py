"""The network of experiments/benchmarks/plastic.yaml in Brian2."""

from brian2 import Hz, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, ms, mV
from brian2_session import Session

session = Session()
N = int(session.size)
tau, taup, p, delay = 20 * ms, 20 * ms, 0.1, 1.5 * ms
threshold, reset = 20 * mV, 10 * mV
w0, wmax, g = 0.1 * mV, 0.3 * mV, 5
dApre, dApost = 0.001 * mV, -0.00105 * mV

pop = NeuronGroup(
    N,
    "dv/dt = -v/tau : volt (unless refractory)",
    method="exact",
    threshold="v > threshold",
    reset="v = reset",
    refractory=2 * ms,
)
pop.v = "rand()*threshold"
external = PoissonInput(pop, "v", 1000, 11 * Hz, weight=w0)
excitatory, inhibitory = pop[: N * 4 // 5], pop[N * 4 // 5 :]
plastic = Synapses(
    excitatory,
    excitatory,
    """
    w : volt
    dApre_trace/dt = -Apre_trace/taup : volt (event-driven)
    dApost_trace/dt = -Apost_trace/taup : volt (event-driven)
    """,
    on_pre="""
    v_post += w
    Apre_trace += dApre
    w = clip(w + Apost_trace, 0*mV, wmax)
    """,
    on_post="""
    Apost_trace += dApost
    w = clip(w + Apre_trace, 0*mV, wmax)
    """,
    delay=delay,
)
plastic.connect(p=p)
plastic.w = w0
exc = Synapses(excitatory, inhibitory, on_pre="v_post += w0", delay=delay)
exc.connect(p=p)
inh = Synapses(inhibitory, pop, on_pre="v_post -= g*w0", delay=delay)
inh.connect(p=p)
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

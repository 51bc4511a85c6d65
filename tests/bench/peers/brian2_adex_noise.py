"""The network of experiments/benchmarks/adex-noise.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms, mV, nA, nS, pF
from brian2_session import Session

session = Session()
N = int(session.size)
C, gL, EL, VT, DeltaT = 281 * pF, 30 * nS, -70.6 * mV, -50.4 * mV, 2 * mV
Vcut = VT + 5 * DeltaT
tauw, a, b = 144 * ms, 4 * nS, 0.0805 * nA
I, sigma, taum = 0.5 * nA, 7 * mV, C / gL
Ee, Ei, taue, taui = 0 * mV, -80 * mV, 5 * ms, 10 * ms
we, wi = 2 * nS, 20 * nS
shortest, longest = 0.5 * ms, 5 * ms

pop = NeuronGroup(
    N,
    """
    dv/dt = (gL*(EL - v) + gL*DeltaT*exp((v - VT)/DeltaT) - w + Isyn + I)/C + sigma*sqrt(2/taum)*xi : volt
    dw/dt = (a*(v - EL) - w)/tauw : amp
    dge/dt = -ge/taue : siemens
    dgi/dt = -gi/taui : siemens
    Isyn = ge*(Ee - v) + gi*(Ei - v) : amp
    """,
    method="euler",
    threshold="v > Vcut",
    reset="v = EL; w += b",
)
pop.v = "EL + rand()*(VT - EL)"
pop.w = "rand()*2*b"
exc = Synapses(pop[: N * 4 // 5], pop, on_pre="ge += we")
inh = Synapses(pop[N * 4 // 5 :], pop, on_pre="gi += wi")
for synapses in (exc, inh):
    synapses.connect(p=100 / N)
    synapses.delay = "shortest + rand()*(longest - shortest)"
spikes = SpikeMonitor(pop)

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

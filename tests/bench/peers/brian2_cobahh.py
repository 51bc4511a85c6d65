"""The network of experiments/benchmarks/cobahh.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, Synapses, cm, ms, msiemens, mV, nS, siemens, ufarad, umetre
from brian2_session import Session

session = Session()
N = int(session.size)
area = 20000 * umetre**2
Cm, gl = 1 * ufarad * cm**-2 * area, 5e-5 * siemens * cm**-2 * area
g_na, g_kd = 100 * msiemens * cm**-2 * area, 30 * msiemens * cm**-2 * area
El, EK, ENa, VT, Ee, Ei = -60 * mV, -90 * mV, 50 * mV, -63 * mV, 0 * mV, -80 * mV
taue, taui = 5 * ms, 10 * ms
we, wi = 6 * nS, 67 * nS

pop = NeuronGroup(
    N,
    """
    dv/dt = (gl*(El-v) + ge*(Ee-v) + gi*(Ei-v) - g_na*(m*m*m)*h*(v-ENa) - g_kd*(n*n*n*n)*(v-EK))/Cm : volt
    dm/dt = alpha_m*(1-m) - beta_m*m : 1
    dn/dt = alpha_n*(1-n) - beta_n*n : 1
    dh/dt = alpha_h*(1-h) - beta_h*h : 1
    dge/dt = -ge/taue : siemens
    dgi/dt = -gi/taui : siemens
    alpha_m = 0.32*(mV**-1)*4*mV/exprel((13*mV-v+VT)/(4*mV))/ms : Hz
    beta_m = 0.28*(mV**-1)*5*mV/exprel((v-VT-40*mV)/(5*mV))/ms : Hz
    alpha_h = 0.128*exp((17*mV-v+VT)/(18*mV))/ms : Hz
    beta_h = 4./(1+exp((40*mV-v+VT)/(5*mV)))/ms : Hz
    alpha_n = 0.032*(mV**-1)*5*mV/exprel((15*mV-v+VT)/(5*mV))/ms : Hz
    beta_n = .5*exp((10*mV-v+VT)/(40*mV))/ms : Hz
    """,
    method="exponential_euler",
    threshold="v > -20*mV",
    refractory=3 * ms,
)
pop.v = "El + (randn()*5 - 5)*mV"
pop.ge = "(randn()*1.5 + 4)*10.*nS"
pop.gi = "(randn()*12 + 20)*10.*nS"
exc = Synapses(pop[: N * 4 // 5], pop, on_pre="ge += we")
inh = Synapses(pop[N * 4 // 5 :], pop, on_pre="gi += wi")
exc.connect(p=80 / N)
inh.connect(p=80 / N)
spikes = SpikeMonitor(pop)
trace = StateMonitor(pop, "v", record=[1, 10, 100])

session.run()
session.report({"rate": spikes.num_spikes / N / session.duration})

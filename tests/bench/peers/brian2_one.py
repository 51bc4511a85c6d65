"""The network of experiments/benchmarks/one.yaml in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, defaultclock, ms
from brian2_session import Session

session = Session()
defaultclock.dt = 0.01 * ms
tau, I = 20 * ms, 1.02

neuron = NeuronGroup(1, "dv/dt = (I - v)/tau : 1", method="euler", threshold="v > 1", reset="v = 0")
spikes = SpikeMonitor(neuron)

session.run()
session.report({"rate": spikes.num_spikes / session.duration})

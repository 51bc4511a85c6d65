"""The sweep of experiments/tutorial/15-time-constant-sweep.yaml in Brian2, as its tutorial writes it.

Only at run time: the loop goes through `store` and `restore`, which a standalone program does not have.
"""

import time

from brian2 import Hz, NeuronGroup, PoissonGroup, SpikeMonitor, Synapses, linspace, ms, restore, run, second, store
from brian2_session import Session

session = Session()
weight = 0.1
source = PoissonGroup(100, rates=10 * Hz)
neuron = NeuronGroup(1, "dv/dt = -v/tau : 1", threshold="v > 1", reset="v = 0", method="exact")
drive = Synapses(source, neuron, on_pre="v += weight")
drive.connect()
spikes = SpikeMonitor(neuron)
store()

tau = 10 * ms
run(0 * second)
prepared = time.perf_counter()
rates = []
for tau in linspace(1, 10, int(session.size)) * ms:  # noqa: B007 - the equations read it
    restore()
    run(session.duration)
    rates.append(spikes.num_spikes / session.duration)
session.seconds = {"prepare": prepared - session.started, "simulate": time.perf_counter() - prepared}
session.report({"rate": sum(rates) / len(rates)})

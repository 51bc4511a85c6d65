"""The trials of experiments/benchmarks/trials.yaml in Brian2: one program for all of them, or `store` and `restore`."""

import time

from brian2 import Hz, Network, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, collect, device, ms, second, seed
from brian2_session import Session

TRIALS = 200
session = Session()
N = int(session.size)
tau, taug, p = 20 * ms, 5 * ms, 0.1

pop = NeuronGroup(
    N,
    """
    dv/dt = (g - v)/tau + 0.2*xi*tau**-0.5 : 1
    dg/dt = -g/taug : 1
    """,
    method="euler",
    threshold="v > 1",
    reset="v = 0",
)
pop.v = "rand()"
external = PoissonInput(pop, "g", 100, 50 * Hz, weight=0.05)
random = Synapses(pop, pop, on_pre="g_post -= 0.02", delay=1 * ms)
random.connect(p=p)
spikes = SpikeMonitor(pop)

network = Network(collect())
rates = []
if session.standalone:
    seed()  # each run draws its own numbers
    network.run(session.duration)
    device.build(directory=session.folder, compile=True, run=False)
    prepared = time.perf_counter()
    for _ in range(TRIALS):
        device.run()
        rates.append(spikes.num_spikes / N / session.duration)
else:
    network.store()
    network.run(0 * second)
    prepared = time.perf_counter()
    for _ in range(TRIALS):
        network.restore()
        network.run(session.duration)
        rates.append(spikes.num_spikes / N / session.duration)
session.seconds = {"prepare": prepared - session.started, "simulate": time.perf_counter() - prepared}
session.report({"rate": sum(rates) / len(rates)})

"""The network that tests/bench/made.py makes, a chain of groups with ten synapses objects each, in Brian2."""

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms
from brian2_session import Session

session = Session()
N = int(session.size)
tau, taug = 20 * ms, 5 * ms

groups = []
for _ in range(N):
    group = NeuronGroup(
        20,
        """
        dv/dt = (g - v)/tau : 1
        dg/dt = (I - g)/taug : 1
        I : 1
        """,
        method="exact",
        threshold="v > 1",
        reset="v = 0",
    )
    group.I = "0.8 + 0.4*rand()"
    group.v = "rand()"
    group.g = "I"
    groups.append(group)

objects = []
for k in range(N):
    for step in (1, 2):
        pair = groups[k], groups[(k + step) % N]
        excite = Synapses(*pair, on_pre="g_post += 0.05")
        excite.connect(p=0.2)
        inhibit = Synapses(*pair, on_pre="g_post -= 0.05")
        inhibit.connect(p=0.2)
        late = Synapses(*pair, on_pre="v_post += 0.01")
        late.connect()
        late.delay = "1*ms + 2*ms*rand()"
        weighted = Synapses(*pair, "w : 1", on_pre="g_post += w")
        weighted.connect(j="i")
        weighted.w = "0.1*rand()"
        plastic = Synapses(
            *pair,
            """
            w : 1
            da/dt = -a/tau : 1 (event-driven)
            """,
            on_pre="g_post += w; a += 0.001",
            on_post="w = clip(w + a, 0, 0.02)",
        )
        plastic.connect()
        plastic.w = "0.02*rand()"
        objects += [excite, inhibit, late, weighted, plastic]
spikes = SpikeMonitor(groups[0])

session.run(*groups, *objects)
session.report({"rate": spikes.num_spikes / 20 / session.duration})

"""The network of experiments/benchmarks/brunel.yaml in NEST.

Every neuron gets the same number of inputs (NEST's usual form of this network, and its faster one); the number is the
mean of that of the experiment file.
"""

import nest
from nest_session import Session

session = Session()
N = int(session.size)
g, eta, p, delay = 5.0, 2.0, 0.1, 1.5
tau, theta, J = 20.0, 20.0, 0.1  # ms, mV, mV
NE = N * 4 // 5
CE, CI = int(p * NE), int(p * (N - NE))
nu = eta * theta / (J * CE * tau)  # 1/ms

neuron = {"C_m": 1.0, "tau_m": tau, "t_ref": 2.0, "E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "V_th": theta}
pop = nest.Create("iaf_psc_delta", N, params=neuron)
external = nest.Create("poisson_generator", params={"rate": 1e3 * nu * CE})
spikes = nest.Create("spike_recorder")
exc = {"synapse_model": "static_synapse", "weight": J, "delay": delay}
inh = {"synapse_model": "static_synapse", "weight": -g * J, "delay": delay}
nest.Connect(external, pop, syn_spec=exc)
nest.Connect(pop, spikes)
nest.Connect(pop[:NE], pop, {"rule": "fixed_indegree", "indegree": CE}, exc)
nest.Connect(pop[NE:], pop, {"rule": "fixed_indegree", "indegree": CI}, inh)

session.run()
session.report({"rate": spikes.n_events / N / session.duration * 1e3})

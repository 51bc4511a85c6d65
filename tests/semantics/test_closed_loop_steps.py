"""What is decided between phases acts in kernels as in the reference simulator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from oracle import Oracle
from running import native, resolved

from snnrun.codegen.kernel import generate
from snnrun.engine.build import build
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Memory, Tee
from snnrun.engine.stopwatch import Stopwatch, Work
from snnrun.engine.timeline import Decisions
from snnrun.metrics.check import check_metrics
from snnrun.model.network import Network, Phase

FILE = """
constants: {I: 1.2, w0: 0.1, tau: 10 ms}
groups:
  cell:
    size: 5
    equations: |
      dv/dt = (I - v)/tau + 0.1*xi*tau**-0.5 : 1
      a : 1
    threshold: v > 1
    reset: v = a
  drive: {kind: poisson, size: 5, rates: 100*Hz*I}
synapses:
  s:
    source: drive
    target: cell
    connect: all
    equations: |
      w : 1
      dx/dt = -x/tau : 1 (clock-driven)
    on_pre: v_post += (w0 + w)*x; x += 0.1
    initial: {x: 0.2}
monitors:
  out: {kind: spikes, source: cell}
  v: {kind: state, source: cell, variables: [v, a], dt: 1 ms}
  x: {kind: state, source: s, variables: [x, w], dt: 1 ms}
run:
  dt: 0.1 ms
  phases:
    - repeat: 6
      repeat_until: count(out) >= 20
      phases:
        - name: trial
          duration: 15 ms
          stop_when: during(count(out), trial) > 12
          check: 1 ms
          at_end: {I: I*(1 + count(out)/20), w0: w0/2, cell.a: 0.5*a + 0.1*i, s.w: w + 0.1*x}
        - {name: pause, duration: 3 ms, set: {tau: 10*ms*w0/0.1, cell.v: 0.3*rand()}}
    - {name: test, duration: 10 ms}
"""


def run(text: str) -> tuple[Memory, Network]:
    """What the kernel records, and the network with its phases as they were."""
    found = resolved(text)
    network = found.network
    metrics = check_metrics(found.context, network).start(network)
    kernel, memory, renewed = generate(network), Memory(), dict[int, Phase]()

    def renew(number, measured, now):
        assert found.renew is not None
        renewed[number] = found.renew(number, measured, now)
        return renewed[number]

    decisions = Decisions(metrics.stops, metrics.ends, metrics.untils, renew)
    simulation = Simulation(
        build(network, kernel),
        native(kernel),
        Tee({Work.RESULTS: memory, Work.METRICS: metrics}, Stopwatch()),
        decisions=decisions,
        shorten=metrics.shorten,
    )
    metrics.final, metrics.step = simulation.now, lambda: simulation.step
    metrics.constants = lambda: simulation.timeline.constants_before(simulation.step)
    simulation.run()
    phases = [replace(renewed.get(k, p), start=p.start, stop=p.stop) for k, p in enumerate(simulation.network.phases)]
    return memory, replace(simulation.network, phases=tuple(phases))


def test_kernel_and_oracle_agree() -> None:
    memory, network = run(FILE)
    lengths = [phase.stop - phase.start for phase in network.phases]
    assert 0 in lengths  # repetitions that were left out
    assert any(0 < n < 150 for n in lengths[::2])  # trials that were stopped
    assert len({phase.constants["I"][0] for phase in network.phases}) > 3
    oracle = Oracle(network)
    oracle.run()
    np.testing.assert_array_equal(memory.spike_steps("out"), oracle.memory.spike_steps("out"))
    assert len(memory.spike_steps("out")[0]) > 50
    for monitor, variable in (("v", "v"), ("v", "a"), ("x", "x"), ("x", "w")):
        np.testing.assert_array_equal(memory.state(monitor, variable), oracle.memory.state(monitor, variable))

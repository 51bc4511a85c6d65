"""Operations and monitors act in every slot of a step, on the values of that moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from running import network_of, run_network, run_plain

SLOTS = ["start", "groups", "thresholds", "synapses", "resets", "end"]
SPIKE = """
groups:
  src: {kind: spikes, size: 1, indices: [0], times: [1 ms]}
  pop: {size: 1, equations: "dv/dt = 1/ms : 1", method: euler, threshold: v > 1.05, reset: v = 0}
synapses:
  syn: {source: src, target: pop, connect: all, on_pre: v += 0.5}
monitors:
  MONITORS
run: {duration: 1.5 ms, dt: 0.1 ms}
"""


def test_a_monitor_sees_what_each_slot_has_done() -> None:
    monitors = [f"{slot}: {{kind: state, source: pop, variables: [v], when: {slot}}}" for slot in SLOTS]
    memory = run_plain(SPIKE.replace("MONITORS", "\n  ".join(monitors)))
    step = {slot: memory.state(slot, "v")[10, 0] for slot in SLOTS}
    # v is 1.1 after the equations of step 10; then the synapse adds 0.5, and the spike of this step resets it
    expected = {"start": 1.0, "groups": 1.1, "thresholds": 1.1, "synapses": 1.6, "resets": 0.0, "end": 0.0}
    assert step == pytest.approx(expected, abs=1e-12)


LATE = """
groups:
  pop: {{size: 2, equations: "v : 1", threshold: v > 0.5, reset: v = 0}}
  chance: {{kind: poisson, size: 2, rates: [0 Hz, 0 Hz]}}
operations:
  raise: {{target: pop, at: 1 ms, do: v = 1, when: {slot}, order: {order}}}
  rate: {{target: chance, at: 1 ms, do: rates = 10*kHz, when: {slot}, order: {order}}}
monitors:
  s: {{kind: spikes, source: pop}}
  c: {{kind: spikes, source: chance}}
run: {{duration: 1.3 ms, dt: 0.1 ms}}
"""


@pytest.mark.parametrize(
    ("slot", "order", "first"),
    [("start", 0, 10), ("groups", -1, 10), ("groups", 0, 10), ("thresholds", -1, 10), ("thresholds", 0, 11)],
)
def test_a_threshold_sees_what_an_operation_wrote_before_it(slot: str, order: int, first: int) -> None:
    memory = run_plain(LATE.format(slot=slot, order=order))
    assert memory.spike_steps("s")[0].tolist() == [first] * 2
    assert memory.spike_steps("c")[0].tolist() == np.repeat(np.arange(first, 13), 2).tolist()


BOTH = """
groups:
  src: {kind: spikes, size: 1, indices: [0, 0], times: [0.4 ms, 1 ms]}
  tgt: {size: 1, equations: "z : 1"}
synapses:
  syn:
    source: src
    target: tgt
    connect: all
    equations: |
      dx/dt = -x/(2*ms) : 1 (event-driven)
      dy/dt = -y/(2*ms) : 1 (clock-driven)
    method: exact
    on_pre: x += 1; y += 1
operations:
  OPERATIONS
monitors:
  MONITORS
run: {duration: 3 ms, dt: 0.1 ms}
"""


def test_an_event_driven_variable_is_what_a_clock_driven_one_is_in_every_slot() -> None:
    at = "[0.3 ms, 0.7 ms, 1 ms, 1.9 ms]"
    operations = [
        f"{slot}{k}: {{target: syn, at: {at}, when: {slot}, order: {k - 5}, do: x = x + 0.1; y = y + 0.1}}"
        for slot in SLOTS
        for k in (3, 7)
    ]
    names = {f"{slot}{k}": (slot, k - 5) for slot in SLOTS for k in (2, 4, 8)}
    monitors = [
        f"{name}: {{kind: state, source: syn, variables: [x, y], when: {slot}, order: {order}}}"
        for name, (slot, order) in names.items()
    ]
    text = BOTH.replace("OPERATIONS", "\n  ".join(operations)).replace("MONITORS", "\n  ".join(monitors))
    memory = run_plain(text)
    for name in names:
        np.testing.assert_allclose(memory.state(name, "x"), memory.state(name, "y"), rtol=1e-12, err_msg=name)
        assert np.any(memory.state(name, "x") > 1)


def test_operations_in_all_slots_do_the_same_for_any_number_of_threads() -> None:
    from networks import SCHEDULE

    sizes = ("groups.early.size=130", "groups.late.size=150", "run.duration=6 ms")
    network = network_of(SCHEDULE, *sizes)
    one, two = (run_network(replace(network, threads=n), most=7 * n)[0] for n in (1, 2))
    for name in ("se", "sl", "sc"):
        assert len(one.spike_steps(name)[0])
        np.testing.assert_array_equal(one.spike_steps(name), two.spike_steps(name), err_msg=name)
    for name, variable in (("m1", "v"), ("m2", "kick"), ("m3", "sum"), ("w1", "x"), ("w2", "y")):
        np.testing.assert_array_equal(one.state(name, variable), two.state(name, variable), err_msg=name)

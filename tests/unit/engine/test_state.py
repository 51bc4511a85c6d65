"""What a run changes: one answer for checkpoints, for the copy before a failure, and for parts that sweeps share."""

from __future__ import annotations

from running import network_of, simulation_of

from snnrun.codegen.arguments import ArrayKey, ArrayUse


def test_names_of_arrays_in_checkpoints_can_be_read_back() -> None:
    for use in ArrayUse:
        for key in (use.of("run"), use.of("synapses.s.on_pre", "v")):
            assert ArrayKey.from_text(key.text) == key
    assert ArrayUse.LENGTHS.of("groups.x").text == "number|groups.x|"  # as checkpoints have it


def test_weights_that_do_not_learn_are_no_part_of_the_state() -> None:
    network = network_of("""
name: x
groups:
  in: {kind: poisson, size: 3, rates: 100 Hz}
  out:
    size: 4
    equations: |
      dv/dt = (drive - v)/(5*ms) : 1 (unless refractory)
      drive : 1
      total : 1
    threshold: v > 1
    reset: v = 0
    refractory: 1 ms
synapses:
  fixed: {source: in, target: out, connect: all, equations: "w : 1", on_pre: v_post += w, delay: 1 ms}
  learning: {source: in, target: out, connect: all, equations: "w : 1", on_pre: w += 0.1}
  summed: {source: out, target: out, connect: all, equations: "total_post = v_pre : 1 (summed)"}
run: {duration: 1 ms, dt: 0.1 ms}
""")
    built = simulation_of(network)[0].built
    state = {(key.owner, key.name) for key in built.state if key.use is ArrayUse.VARIABLE}
    assert state == {
        ("groups.in", "nextspike"),
        ("groups.out", "v"),
        ("groups.out", "total"),
        ("groups.out", "lastspike"),
        ("groups.out", "not_refractory"),
        ("synapses.learning", "w"),
    }

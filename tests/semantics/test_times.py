"""From times to steps: one rule for equal quantities, and a warning where a time lies between two steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from running import final, network_of, resolved, run_kernel, run_network

from snnrun.codegen.arguments import ArrayUse

SPELLINGS = ["{} ms", "{}*ms", "{}e-3*second", "{}e-3 s", "{}*1000 us", "{}*10*dt", "{} ms + 0 ms", "{}*step"]
WANTED = {0.05: 1, 0.15: 2, 0.25: 3, 0.35: 4, 0.45: 5, 0.1495: 1, 0.1489: 1, 0.14995: 2, 0.3: 3, 0.7: 7}


def rounded(delay: float) -> int:
    """floor(delay/dt + 0.5 + 1e-3) with decimal numbers: dt is 0.1 ms, delays have five digits."""
    return (round(delay * 1e5) + 5010) // 10000


def delays_of(rules: str, delay: str = "", size: int = 1) -> list[int]:
    """The delay of each synapse in steps, measured: when a spike at 10 ms acts."""
    built = run_network(
        network_of(f"""
constants: {{step: 1 ms}}
groups:
  src: {{kind: spikes, size: 1, indices: 0, times: 10 ms}}
  t: {{size: {size}, equations: "arrival : 1", initial: {{arrival: -1}}}}
synapses:
  s: {{source: src, target: t, connect: {rules}, on_pre: arrival_post = t_in_timesteps{delay}}}
run: {{duration: 20 ms, dt: 0.1 ms}}
""")
    )[1]
    return (np.atleast_1d(final(built, "groups.t", "arrival")).astype(int) - 100).tolist()


def test_the_rule_is_the_documented_one() -> None:
    assert {delay: rounded(delay) for delay in WANTED} == WANTED


def test_equal_delays_give_equal_steps_however_they_are_written() -> None:
    cases = [(delay, spelling.format(delay)) for delay in WANTED for spelling in SPELLINGS]
    rules = ", ".join(f"{{i: 0, j: {k}, delay: {text}}}" for k, (_, text) in enumerate(cases))
    assert delays_of(f"[{rules}]", size=len(cases)) == [WANTED[delay] for delay, _ in cases]


@pytest.mark.parametrize("text", ["0.15 ms", "150 us", "1.5*dt", "0.15*step"])
def test_a_uniform_delay_follows_the_same_rule(text: str) -> None:
    assert delays_of("all", f", delay: {text}") == [2]


def test_lists_of_delays_follow_the_same_rule() -> None:
    for listed in ("[0.15 ms, 250 us, 3.5*dt]", '"[0.15, 0.25, 0.35]*ms"'):
        assert delays_of("all", f", delay: {listed}", size=3) == [2, 3, 4]


def test_delays_of_large_networks_follow_the_same_rule() -> None:
    """The compiled connecting of large networks, 0.05 ms apart: every second delay is a half."""
    network = network_of("""
groups:
  src: {kind: spikes, size: 1000, indices: 0, times: 0 ms}
  t: {size: 1000, equations: "x : 1"}
synapses: {s: {source: src, target: t, connect: all, on_pre: x_post += 1, delay: (j % 40)*0.05*ms}}
run: {duration: 0.1 ms, dt: 0.1 ms}
""")
    built = run_network(network)[1]
    delays = next(a for k, a in built.arrays.items() if k.use is ArrayUse.DELAYS)
    wiring = built.connectivity["s"]
    if len(delays) == wiring.size:
        found = np.asarray(delays)
    else:
        starts = next(a for k, a in built.arrays.items() if k.use is ArrayUse.STARTS).reshape(1000, -1)
        found = np.concatenate([np.repeat(np.arange(starts.shape[1] - 1), np.diff(row)) for row in starts])
    assert found.tolist() == [(5 * (j % 40) + 5) // 10 for j in wiring.post]


def test_refractory_times_follow_timestep_however_they_are_written() -> None:
    for text in ("0.15 ms", "150 us", "1.5*dt", "0.15*step"):
        steps, _ = run_kernel(f"""
constants: {{step: 1 ms}}
groups: {{g: {{size: 1, equations: "v : 1", threshold: v < 1, refractory: {text}}}}}
monitors: {{m: {{kind: spikes, source: g}}}}
run: {{duration: 2 ms, dt: 0.1 ms}}
""").spike_steps("m")
        assert np.unique(np.diff(steps)).tolist() == [math.floor(1.5 + 0.001)]


def warnings_of(text: str) -> list[tuple[str, int, str]]:
    found = resolved(f"version: 1\nname: test\n{text}").warnings
    return [(w.code, w.span.line, w.message) for w in found if w.span is not None]


def test_times_between_two_steps_are_named_with_what_they_become() -> None:
    found = warnings_of("""
groups:
  src: {kind: spikes, size: 1, indices: [0, 0], times: [10 ms, 10.19 ms]}
  t:
    size: 3
    equations: "x : 1"
    threshold: x > 1
    refractory: 0.15 ms
synapses:
  s:
    source: src
    target: t
    connect: all
    on_pre: x_post += 1
    delay: [0.15 ms, 1 ms, 0.34 ms]
  r: {source: src, target: t, connect: all, on_pre: x_post += 1, delay: 0.1 ms}
run: {duration: 20 ms, dt: 0.1 ms}
""")
    assert [(code, line) for code, line, _ in found] == [("NET162", 5), ("NET162", 10), ("NET162", 17)]
    for (_, _, message), words in zip(
        found,
        ("10.19 ms * 10.1 ms (101 steps)", "150 us * 100 us (1 step)", "150 us * 200 us (2 steps); 2 of 3"),
        strict=True,
    ):
        assert all(part in message for part in words.split(" * ")), message


def test_times_on_the_grid_give_no_warning_though_binary_numbers_miss_them() -> None:
    lines = ", ".join(f"{{i: 0, j: {k}, delay: {k / 10:g} ms}}" for k in range(50))
    assert not warnings_of(f"""
groups:
  src: {{kind: spikes, size: 1, indices: 0, times: [{", ".join(f"{k / 10:g} ms" for k in range(50))}]}}
  t: {{size: 50, equations: "x : 1", threshold: x > 1, refractory: 0.7 ms}}
synapses: {{s: {{source: src, target: t, connect: [{lines}], on_pre: x_post += 1}}}}
run: {{duration: 20 ms, dt: 0.1 ms}}
""")

"""Given spikes by formula: even trains of each neuron, moved by chance, and one list for all."""

from __future__ import annotations

import numpy as np
import pytest
from running import network_of, run_network

from snnrun.errors import ExperimentError
from snnrun.running import pipeline


def spikes(times: str, *, more: str = "", size: int = 3, duration: str = "100 ms") -> dict[int, list[int]]:
    """The steps at which each neuron spikes."""
    network = network_of(f"""
seed: 5
constants: {{rate: 50 Hz}}
groups: {{g: {{kind: spikes, size: {size}, times: {times}{more}}}}}
run: {{duration: {duration}, dt: 0.1 ms}}
""")
    schedule = network.groups["g"].schedule
    assert schedule is not None
    assert np.all(np.diff(schedule.steps) >= 0)
    return {k: schedule.steps[schedule.ids == k].tolist() for k in range(size)}


def test_a_list_or_a_range_may_be_that_of_all_neurons() -> None:
    assert spikes("{range: [10 ms, 40 ms, 10 ms]}", more=", indices: all") == {k: [100, 200, 300] for k in range(3)}
    assert spikes("[3 ms, 1 ms]", more=", indices: all", size=2) == {0: [10, 30], 1: [10, 30]}
    assert spikes("{range: [10 ms, 40 ms, 10 ms]}", more=", indices: 1") == {0: [], 1: [100, 200, 300], 2: []}


def test_neurons_spike_at_even_intervals_of_their_own() -> None:
    found = spikes('{every: "(1 + i)/rate", from: "5*ms*i", until: 75 ms}')
    assert found == {0: [0, 200, 400, 600], 1: [50, 450], 2: [100, 700]}


def test_the_end_is_left_out_whatever_the_last_digits_are() -> None:
    assert spikes("{every: 0.1 ms}", size=1, duration="1 s")[0] == list(range(10000))
    assert spikes("{every: 1/(300*Hz), until: 30 ms}", size=1)[0] == [k * 100 // 3 for k in range(9)]
    assert spikes("{every: 10 ms, from: 20 ms, until: 20 ms}", size=1)[0] == []


def test_an_infinite_interval_is_silence_and_a_period_repeats() -> None:
    assert spikes("{every: 1/(rate*i)}", size=2) == {0: [], 1: [0, 200, 400, 600, 800]}
    text = "groups: {g: {kind: spikes, size: 1, times: {every: 2 ms, from: 1 ms}, period: 5 ms}}\n"
    text += "monitors: {s: {kind: spikes, source: g}}\nrun: {duration: 14 ms, dt: 0.1 ms}"
    memory, _ = run_network(network_of(text))
    assert memory.spike_steps("s")[0].tolist() == [10, 30, 60, 80, 110, 130]


def test_jitter_moves_each_spike_by_a_normal_number_of_its_own() -> None:
    found = spikes("{every: 5 ms, from: 10 ms, until: 2 s, jitter: 0.5 ms}", size=50, duration="2.1 s")
    moved = np.array([found[k] for k in range(50)]) / 10 - np.arange(10, 2000, 5)
    assert moved.shape == (50, 398)
    assert moved.mean() == pytest.approx(
        -0.05, abs=4 * 0.5 / np.sqrt(moved.size)
    )  # steps begin 0.05 ms before, on average
    assert moved.std() == pytest.approx(np.sqrt(0.25 + 0.01 / 12), rel=4 / np.sqrt(2 * moved.size))
    assert np.corrcoef(moved[:, :-1].ravel(), moved[:, 1:].ravel())[0, 1] == pytest.approx(0, abs=4 / 140)
    assert np.corrcoef(moved[:-1].ravel(), moved[1:].ravel())[0, 1] == pytest.approx(0, abs=4 / 140)


def test_spikes_that_jitter_moves_out_of_the_run_are_left_out() -> None:
    found = spikes("{every: 99.9 ms, jitter: 1 ms}", size=200)
    first = [steps for k in found for steps in found[k] if steps < 500]
    assert 60 < len(first) < 140, "about half of those at 0 s"
    assert all(0 <= step < 1000 for k in found for step in found[k])


def test_expressions_may_draw_numbers_that_are_the_same_whatever_else_is_there() -> None:
    one = spikes('{every: 20 ms, from: "rand()*20*ms"}')
    assert len({steps[0] for steps in one.values()}) == 3
    assert all(np.diff(steps).tolist() == [200] * (len(steps) - 1) for steps in one.values())
    assert spikes('{every: 20 ms, from: "rand()*20*ms"}', size=4)[1] == one[1]


def test_a_phase_may_not_change_what_the_list_is_made_of() -> None:
    text = """
version: 1
constants: {rate: 50 Hz}
groups: {g: {kind: spikes, size: 1, times: {every: 1/rate}}}
run: {dt: 0.1 ms, phases: [{name: a, duration: 1 s}, {name: b, duration: 1 s, set: {rate: 20 Hz}}]}
"""
    with pytest.raises(ExperimentError, match="NET145"):
        network_of(text)
    steady = network_of(text.replace(", set: {rate: 20 Hz}", "")).groups["g"].schedule
    assert steady is not None
    assert len(steady.steps) == 100, "they go on through all phases"


def test_a_sweep_of_the_rate_makes_a_list_for_each_point(tmp_path) -> None:
    from snnrun.sweep.plan import plan_sweep

    (tmp_path / "x.yaml").write_text(
        """
version: 1
constants: {rate: 50 Hz}
groups: {g: {kind: spikes, size: 1, times: {every: 1/rate}}}
monitors: {s: {kind: spikes, source: g}}
run: {dt: 0.1 ms, duration: 1 s}
metrics: {n: count(s)}
sweep: {axes: {rate: [10 Hz, 50 Hz], run.duration: [1 s, 2 s]}}
""",
        encoding="utf-8",
    )
    checked = pipeline.check(pipeline.read(tmp_path / "x.yaml"))
    assert checked.experiment.sweep is not None
    assert plan_sweep(checked.resolved.context, checked.experiment.sweep).size == 4

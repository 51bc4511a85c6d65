"""The numbers behind pictures: units, bins, intervals, curves with fewer points."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.plot.heatmap import cell_edges
from snnrun.plot.histogram import population_rate, time_edges
from snnrun.plot.isi import intervals, variation
from snnrun.plot.options import options_from
from snnrun.plot.psth import _aligned_rate
from snnrun.plot.quantities import plain, pretty_unit, readable, round_step, time_scale
from snnrun.plot.raster import spread
from snnrun.plot.source import Band
from snnrun.plot.traces import thinned

ISI = options_from({"kind": "isi"})


@pytest.mark.parametrize(
    ("largest", "unit", "label"),
    [
        (-0.07, "V", "x (mV)"),
        (1.5, "V", "x (V)"),
        (3e-9, "A", "x (nA)"),
        (2e-6, "S/m**2", "x (µS/m²)"),
        (5e7, "ohm", "x (MΩ)"),
        (40.0, "Hz", "x (Hz)"),
        (0.01, "s", "x (ms)"),
        (3.0, "s", "x (s)"),
        (2e-6, "s", "x (µs)"),
        (0.003, "1", "x"),
        (0.003, "V**2", "x (V²)"),
        (0.0, "V", "x (V)"),
        (np.nan, "V", "x (V)"),
    ],
)
def test_units_suit_the_data(largest, unit, label):
    assert readable([0.0, largest], unit).label("x") == label


@given(st.floats(1e-14, 1e11))
def test_shown_numbers_lie_between_one_and_a_thousand(value):
    shown = float(readable([value], "V")(value))
    assert 0.99 < shown < 1000.01


def test_long_runs_are_in_seconds():
    assert (time_scale(2.0).unit, time_scale(2.1).unit) == ("ms", "s")


def test_units_are_printed_as_in_a_paper():
    assert pretty_unit("kg*m**2/(s**3*A)") == "kg·m²/(s³·A)"
    assert pretty_unit("V/s**0.5") == "V/s^0.5"


def test_texts_of_users_are_one_line_without_control_characters():
    assert plain("a\nb\x1b[31mc\u202e") == "a b [31mc"
    assert len(plain("x" * 1000)) == 200


@given(st.floats(1e-9, 1e9))
def test_round_steps_are_one_two_or_five_and_not_above(value):
    step = round_step(value)
    mantissa = step / 10 ** np.floor(np.log10(step * 1.0000001))
    assert min(abs(mantissa - m) for m in (1, 2, 5)) < 1e-6
    assert value / 2.6 < step <= value * 1.0001


@given(st.integers(0, 999), st.sampled_from([1e-3, 2e-3, 5e-3]))
def test_a_spike_on_the_edge_of_a_bin_belongs_to_the_later_bin(step, width):
    edges = time_edges((0.0, 0.1), options_from({"kind": "rate", "bin": width}), 1e-4, 1)
    rate = population_rate(np.array([step * 1e-4]), edges, 1, 1e-4, np.array([[0.0, 0.1]]))
    assert np.flatnonzero(rate).tolist() == [step // round(width / 1e-4)]
    assert rate.sum() * width == pytest.approx(1)


def test_the_last_bin_is_as_wide_as_what_is_left():
    edges = time_edges((0.0, 0.0105), options_from({"kind": "rate", "bin": 2e-3}), 1e-4, 1)
    assert edges.tolist() == pytest.approx([0, 0.002, 0.004, 0.006, 0.008, 0.01, 0.0105])
    assert population_rate(np.array([0.0102]), edges, 1, 1e-4, np.array([[0.0, 0.0105]]))[-1] == pytest.approx(2000)


def test_intervals_are_between_spikes_of_the_same_neuron():
    times, rows = np.array([0.001, 0.002, 0.004, 0.003, 0.009]), np.array([0, 1, 0, 1, 1])
    lengths, rows = intervals(Band("g", "k", np.arange(3), times, rows, np.array([[0.0, 0.1]])), 1e-4)
    assert lengths.tolist() == pytest.approx([0.003, 0.001, 0.006])
    assert rows.tolist() == [0, 1, 1]


def test_variation_is_nought_for_a_clock_and_one_for_a_poisson_process():
    assert variation(np.full(30, 0.01), np.repeat([0, 1, 2], 10)).startswith("CV 0.00")
    lengths = np.random.default_rng(1).exponential(0.01, 40_000)
    text = variation(lengths, np.repeat(np.arange(40), 1000))
    # The mean of 40 estimates, each with a standard error of about 1/sqrt(1000).
    assert float(text.split()[1].rstrip(",")) == pytest.approx(1.0, abs=0.02)
    assert variation(np.array([0.01]), np.array([0])) == "n = 1"


@pytest.mark.parametrize("bins", [1, 7, 99, 1000])
def test_bins_by_number_are_whole_steps_so_that_a_steady_rate_is_level(bins):
    dt, steps = 1e-4, 1000
    options = options_from({"kind": "rate", "bins": bins})
    edges = time_edges((0.2, 0.2 + steps * dt), options, dt, steps)
    assert len(edges) == bins + 1
    spikes = 0.2 + np.arange(steps) * dt  # one in every step
    rate = population_rate(spikes, edges, 1, dt, np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(rate, 1 / dt, rtol=1e-9)


def test_a_psth_counts_only_observed_time():
    spikes = np.arange(10) * 0.01 + 0.0025
    band = Band("g", "k", np.arange(1), spikes, np.zeros(10, int), np.array([[0.0, 0.1]]))
    rate, seconds = _aligned_rate(band, np.array([0.0, 0.05]), np.array([0.0, 0.03, 0.06]), 1e-4)
    # Second trial: its last 10 ms lie beyond the run.
    assert rate.tolist() == pytest.approx([6 / 0.06, 5 / 0.05])
    assert seconds.tolist() == pytest.approx([0.06, 0.05])


@given(st.integers(8_001, 40_000))
def test_a_thinned_curve_keeps_its_extremes_ends_and_gaps(n):
    t = np.arange(n) * 1e-4
    y = np.sin(t * 7)
    y[n // 3] = 50.0
    y[n // 2] = -50.0
    y[n // 4 : n // 4 + 60] = np.nan
    x, short = thinned(t, y)
    assert len(short) <= 8_010
    assert np.nanmax(short) == 50
    assert np.nanmin(short) == -50
    assert np.isnan(short).any()
    assert np.all(np.diff(x) >= 0)


def test_edges_lie_halfway_between_centres():
    assert cell_edges(np.array([1.0, 2.0, 4.0])).tolist() == [0.5, 1.5, 3.0, 5.0]
    assert cell_edges(np.array([0.0, 1.0]), centred=False).tolist() == [0, 1, 2]
    assert cell_edges(np.array([3.0])).tolist() == [1.5, 4.5]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=9).map(sorted))
def test_names_of_thin_groups_are_pushed_apart_in_order(places):
    moved = spread(places, 8.0, 0.0, 100.0)
    assert all(b - a >= 8.0 - 1e-9 for a, b in itertools.pairwise(moved))
    assert min(moved) >= -1e-9
    assert max(moved) <= 100 + 1e-9


@pytest.mark.parametrize(
    ("neurons", "expected"),
    [(None, [2, 5, 7, 9]), (2, [2, 5]), ("5:9", [5, 7]), ([9, 2], [2, 9]), ("all", [2, 5, 7, 9]), ("-3:", [7, 9])],
)
def test_neurons_are_a_number_a_slice_or_a_list(neurons, expected):
    assert options_from({"kind": "raster", "neurons": neurons}).pick(np.array([2, 5, 7, 9])).tolist() == expected

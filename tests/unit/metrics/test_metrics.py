"""Metrics: each against a plain computation on whole recordings, however the recording is cut into chunks."""

import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnrun.errors import ExperimentError
from snnrun.metrics.functions import FUNCTIONS
from snnrun.metrics.samples import ROWS, Comoments, Moments
from snnrun.metrics.spikes import Accuracy, Pairwise, PopulationBins, PopulationPair, Train
from snnrun.model.network import Presentations
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.sweep.experiments import check_sweep
from snnrun.units.dimensions import ONE
from snnrun.units.names import lookup_unit

DT = 0.25e-3  # a power of two times a decimal: no step is special


@st.composite
def recordings(draw):
    """A spike train as matrix (steps, neurons) of zeros and ones, and the ends of chunks of steps."""
    start = draw(st.integers(0, 50))
    steps = draw(st.integers(2, 60))
    size = draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    density = draw(st.sampled_from([0.0, 0.02, 0.2, 0.6]))
    spikes = (np.random.default_rng(seed).random((steps, size)) < density).astype(np.int64)
    cuts = sorted(draw(st.lists(st.integers(0, steps), max_size=6)))
    return start, spikes, [0, *cuts, steps]


def of_spikes(name, train, width):
    """The accumulator of a function of one monitor of spikes."""
    form = FUNCTIONS[name][0]
    return form.make(train, *[width for _ in form.constants])


def feed(name, start, spikes, ends, width=1):
    """What an accumulator makes of a recording that comes in chunks."""
    steps, size = spikes.shape
    accumulator = of_spikes(name, Train(size, ((start, start + steps),), DT), width)
    for a, b in pairwise(ends):
        when, who = np.nonzero(spikes[a:b])
        accumulator.spikes(when + a + start, who)
    return accumulator.value()


def started(file):
    """The metrics of a run of a file that begins."""
    checked = pipeline.check(pipeline.read(file))
    return checked.metrics.start(checked.resolved.network)


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b, rel=1e-9, abs=1e-12)


@given(recordings())
def test_counts_and_rates(recording):
    start, spikes, ends = recording
    seconds = len(spikes) * DT
    assert feed("count", *recording) == spikes.sum()
    np.testing.assert_array_equal(feed("counts", *recording), spikes.sum(axis=0))
    np.testing.assert_allclose(feed("rates", start, spikes, ends), spikes.sum(axis=0) / seconds, rtol=1e-12)
    assert same(feed("mean_rate", start, spikes, ends), spikes.sum() / spikes.shape[1] / seconds)


@given(recordings())
def test_first_spike_is_a_time_of_the_run(recording):
    start, spikes, _ = recording
    fired = np.flatnonzero(spikes.any(axis=1))
    assert same(feed("first_spike", *recording), (start + fired[0]) * DT if len(fired) else math.nan)


@given(recordings())
def test_cv_isi_is_the_mean_over_neurons_with_two_intervals(recording):
    _, spikes, _ = recording
    gaps = [np.diff(np.flatnonzero(train)) for train in spikes.T]
    each = [g.std() / g.mean() for g in gaps if len(g) >= 2]
    assert same(feed("cv_isi", *recording), float(np.mean(each)) if each else math.nan)


SPANS = ((3, 13), (20, 41))  # what a monitor records that is switched off between two phases


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.lists(st.integers(0, 41), max_size=5))
def test_stretches_that_are_not_recorded_count_for_nothing(seed, width, cuts):
    spikes = (np.random.default_rng(seed).random((41, 4)) < 0.3).astype(np.int64)
    for a, b in ((0, 3), (13, 20)):
        spikes[a:b] = 0
    parts = [spikes[a:b] for a, b in SPANS]

    def value(name):
        accumulator = of_spikes(name, Train(4, SPANS, DT), width)
        for a, b in pairwise([0, *sorted(cuts), 41]):
            when, who = np.nonzero(spikes[a:b])
            accumulator.spikes(when + a, who)
        return accumulator.value()

    assert same(value("mean_rate"), spikes.sum() / 4 / (31 * DT))
    gaps = [np.concatenate([np.diff(np.flatnonzero(p[:, n])) for p in parts]) for n in range(4)]
    each = [g.std() / g.mean() for g in gaps if len(g) >= 2]
    assert same(value("cv_isi"), float(np.mean(each)) if each else math.nan)
    counts = np.concatenate([binned(p, width) for p in parts])
    fired = counts.sum(axis=0) > 0
    assert same(value("fano"), float(np.mean(counts.var(axis=0)[fired] / counts.mean(axis=0)[fired])))


def binned(spikes, width):
    bins = len(spikes) // width
    return spikes[: bins * width].reshape(bins, width, spikes.shape[1]).sum(axis=1)


@given(recordings(), st.integers(1, 9))
def test_fano_is_variance_over_mean_of_counts_in_whole_bins(recording, width):
    start, spikes, ends = recording
    counts = binned(spikes, width)
    fired = counts.sum(axis=0) > 0
    wanted = math.nan
    if len(counts) >= 2 and fired.any():
        wanted = float(np.mean(counts.var(axis=0)[fired] / counts.mean(axis=0)[fired]))
    assert same(feed("fano", start, spikes, ends, width), wanted)


@given(recordings(), st.integers(1, 9))
def test_synchrony_compares_the_population_with_its_neurons(recording, width):
    start, spikes, ends = recording
    counts = binned(spikes, width)
    wanted = math.nan
    if len(counts) >= 2 and counts.var(axis=0).mean() > 0:
        wanted = math.sqrt(counts.mean(axis=1).var() / counts.var(axis=0).mean())
    assert same(feed("synchrony", start, spikes, ends, width), wanted)


def test_synchrony_is_1_for_equal_trains_and_small_for_independent_ones():
    rng = np.random.default_rng(5)
    one = (rng.random((5000, 1)) < 0.1).astype(np.int64)
    many = (rng.random((5000, 200)) < 0.1).astype(np.int64)
    assert feed("synchrony", 0, np.repeat(one, 20, axis=1), [0, 5000], 10) == pytest.approx(1)
    assert 0.05 < feed("synchrony", 0, many, [0, 5000], 10) < 0.09  # 1/sqrt(200) = 0.071


@given(recordings())
def test_first_spikes_of_each_neuron(recording):
    start, spikes, _ = recording
    wanted = [(start + np.flatnonzero(train)[0]) * DT if train.any() else math.nan for train in spikes.T]
    np.testing.assert_array_equal(feed("first_spikes", *recording), wanted)


def fed(accumulator, start, spikes, ends):
    for a, b in pairwise(ends):
        when, who = np.nonzero(spikes[a:b])
        accumulator.spikes(when + a + start, who)
    return accumulator


@given(recordings(), st.integers(1, 9))
def test_correlation_of_pairs_is_pearsons_of_their_counts(recording, width):
    start, spikes, ends = recording
    counts = binned(spikes, width)
    wanted = math.nan
    if len(counts) >= 2:
        varying = np.flatnonzero(counts.var(axis=0) > 0)
        if len(varying) >= 2:
            matrix = np.corrcoef(counts[:, varying].T)
            wanted = float(np.mean(matrix[np.triu_indices(len(varying), 1)]))
    train = Train(spikes.shape[1], ((start, start + len(spikes)),), DT)
    assert same(fed(Pairwise(train, width), start, spikes, ends).value(), wanted)


@given(recordings(), recordings(), st.integers(1, 9))
def test_correlation_of_two_populations_is_pearsons_of_their_counts(one, other, width):
    start = one[0]
    steps = min(len(one[1]), len(other[1]))
    counts, sides = [], []
    for _, spikes, ends in (one, other):
        train = Train(spikes.shape[1], ((start, start + steps),), DT)
        side = PopulationBins(train, width)
        fed(side, start, spikes[:steps], [*(e for e in ends if e < steps), steps])
        counts.append(binned(spikes[:steps], width).sum(axis=1))
        sides.append(side)
        assert side.filled()[1].sum() == counts[-1].sum()
    varies = steps // width >= 2 and all(c.std() > 0 for c in counts)
    assert same(PopulationPair(tuple(sides)).value(), np.corrcoef(*counts)[0, 1] if varies else math.nan)


def test_the_bins_of_two_populations_take_room_for_their_spikes_alone(tmp_path):
    text = FILE.replace("METRIC", "correlation(out, out, 0.1 ms)").replace("duration: 100 ms", "duration: 1e11 s")
    file = tmp_path / "m.yaml"
    file.write_text(text)
    tracemalloc.start()
    try:
        metrics = started(file)
        metrics.spikes("out", np.array([3, 5, 10**15 - 1]), np.array([0, 2, 2]), {})
        ((value, _),) = metrics.values().values()
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert value == pytest.approx(1)


def test_pairs_that_share_a_part_of_their_spikes_have_that_correlation():
    # Each train copies each spike of a mother train with probability c; all have the rate c times hers, and any two of
    # them the correlation c (Kuhn, Aertsen & Rotter 2003, single-input process).
    rng = np.random.default_rng(11)
    mother = rng.random((400_000, 1)) < 0.01
    trains = (mother & (rng.random((400_000, 12)) < 0.3)).astype(np.int64)
    train = Train(12, ((0, 400_000),), DT)
    found = fed(Pairwise(train, 100), 0, trains, [0, 400_000]).value()
    assert found == pytest.approx(0.3, abs=0.03)
    assert trains.sum() > 10_000
    alone = (rng.random((100_000, 12)) < 0.003).astype(np.int64)
    train = Train(12, ((0, 100_000),), DT)
    assert abs(fed(Pairwise(train, 100), 0, alone, [0, 100_000]).value()) < 0.02


@st.composite
def two_variables(draw):
    rows, columns = draw(st.integers(1, 2 * ROWS + 5)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(-70e-3, 1e-3, (rows, columns))
    y = draw(st.sampled_from([-2.0, 0.0, 0.5])) * x + rng.normal(1e-9, 1e-3, (rows, columns))
    cuts = [sorted(draw(st.lists(st.integers(0, rows), max_size=4))) for _ in range(2)]
    return x, y, *cuts


def comoment(x, y, x_cuts=(), y_cuts=()):
    both = Comoments()
    for side, data, cuts in ((0, x, x_cuts), (1, y, y_cuts)):
        for a, b in pairwise([0, *cuts, len(data)]):
            both.sides[side].samples(data[a:b])
    return both.value()


@settings(deadline=None, max_examples=40)
@given(two_variables())
def test_correlation_of_variables_is_the_mean_over_elements(drawn):
    x, y, x_cuts, y_cuts = drawn
    found = comoment(x, y, x_cuts, y_cuts)
    if len(x) < 2:
        assert math.isnan(found)
        return
    wanted = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, y.T, strict=True)])
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    assert found == comoment(x, y)


def test_one_variable_goes_with_all_of_another_and_constants_take_no_part():
    t = np.linspace(0, 1, 3000)[:, None]
    many = np.concatenate([t, -t, np.full_like(t, 0.1)], axis=1)
    assert comoment(t, many[:, :1]) == pytest.approx(1)
    assert comoment(t, many[:, 1:2]) == pytest.approx(-1)
    assert comoment(t, many) == pytest.approx(0, abs=1e-12)
    assert math.isnan(comoment(t, many[:, 2:]))
    assert math.isnan(comoment(t[:0], t[:0]))


def test_a_poisson_train_has_cv_and_fano_near_1_and_a_clock_has_0():
    rng = np.random.default_rng(7)
    poisson = (rng.random((200_000, 10)) < 0.005).astype(np.int64)
    clock = np.zeros((1000, 2), dtype=np.int64)
    clock[::10] = 1
    assert feed("cv_isi", 0, poisson, [0, 200_000]) == pytest.approx(1, abs=0.03)
    assert feed("fano", 0, poisson, [0, 200_000], 1000) == pytest.approx(1, abs=0.15)
    assert feed("cv_isi", 0, clock, [0, 1000]) == 0
    assert feed("fano", 0, clock, [0, 1000], 50) == 0


@st.composite
def samples(draw):
    rows = draw(st.integers(1, 3 * ROWS))
    columns = draw(st.integers(1, 3))
    offset = draw(st.sampled_from([0.0, -70e-3, 1e6]))
    data = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(offset, 1e-3, (rows, columns))
    return data, [0, *sorted(draw(st.lists(st.integers(0, rows), max_size=5))), rows]


def moment(of, data, ends):
    accumulator = Moments(of)
    for a, b in pairwise(ends):
        accumulator.samples(data[a:b])
    return accumulator.value()


@settings(deadline=None, max_examples=40)
@given(samples())
def test_moments_of_samples(sampled):
    data, ends = sampled
    assert moment("mean", data, ends) == pytest.approx(data.mean(), rel=1e-12)
    assert moment("std", data, ends) == pytest.approx(data.std(), rel=1e-6, abs=1e-15)
    assert moment("min", data, ends) == data.min()
    assert moment("max", data, ends) == data.max()
    np.testing.assert_array_equal(moment("last", data, ends), data[-1] if data.shape[1] > 1 else data[-1, 0])


@settings(deadline=None, max_examples=40)
@given(samples())
def test_moments_have_the_same_bits_however_the_samples_are_cut(sampled):
    data, ends = sampled
    for of in ("mean", "std", "min", "max"):
        assert moment(of, data, ends) == moment(of, data, [0, len(data)])


@pytest.mark.parametrize("of", ["mean", "std", "min", "max", "last"])
def test_no_samples_give_nan(of):
    assert math.isnan(moment(of, np.zeros((0, 2)), [0, 0]))


@pytest.mark.parametrize("of", ["mean", "std", "min", "max"])
@pytest.mark.parametrize("ends", [[0, 4], [0, 1, 4], [0, 3, 4], [0, 1, 2, 3, 4]])
def test_a_sample_that_is_nan_counts_however_the_samples_are_cut(of, ends):
    assert math.isnan(moment(of, np.array([[1.0], [2.0], [math.nan], [3.0]]), ends))


@settings(deadline=None, max_examples=40)
@given(samples(), st.floats(0, 100))
def test_percentiles_of_samples_are_those_of_numpy(sampled, percent):
    data, ends = sampled
    form = FUNCTIONS["percentile"][0]
    found = form.make(percent)
    middle = FUNCTIONS["median"][0].make()
    for a, b in pairwise(ends):
        for accumulator in (found, middle):
            accumulator.samples(data[a:b])
            accumulator.value()  # reading a value on the way changes nothing
    assert found.value() == pytest.approx(np.percentile(data, percent), rel=1e-12, abs=1e-15)
    assert middle.value() == pytest.approx(np.median(data), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("values", "percent", "wanted"),
    [
        ([], 50, math.nan),
        ([1.0, math.nan, 2.0], 50, math.nan),
        ([3.0], 99, 3.0),
        ([4.0, 1.0], 25, 1.75),
        ([1.0, 2.0, 4.0, 8.0], 50, 3.0),
        ([1.0, 2.0, 4.0, 8.0], 100, 8.0),
        ([1.0, 2.0, math.inf], 50, 2.0),
        ([1.0, math.inf, math.inf], 75, math.inf),
        ([-math.inf, -math.inf], 10, -math.inf),
    ],
)
def test_percentiles_interpolate_between_the_nearest_values(values, percent, wanted):
    accumulator = FUNCTIONS["percentile"][0].make(percent)
    accumulator.samples(np.array(values).reshape(-1, 1))
    assert same(accumulator.value(), wanted)


def test_a_correlation_with_a_sample_that_is_not_finite_is_nan():
    both = Comoments()
    data = np.random.default_rng(1).normal(size=(5, 2))
    both.sides[0].samples(data)
    data[3, 1] = math.inf
    both.sides[1].samples(data)
    with np.errstate(all="ignore"):
        assert math.isnan(both.value())


def test_reading_a_value_twice_changes_nothing():
    accumulator = Moments("mean")
    accumulator.samples(np.array([[1.0], [2.0]]))
    assert (accumulator.value(), accumulator.value()) == (1.5, 1.5)


# expressions

FILE = """\
version: 1
constants: {tau: 10 ms, level: 3 mV}
groups:
  cells:
    size: 4
    equations: |
      dv/dt = (20*mV - v)/tau : volt
      w : amp
      distance = 20*mV - v : volt
    method: exact
    threshold: v > 10*mV
    reset: v = 0*mV
  more: {kind: poisson, size: 3, rates: 10 Hz}
  crowd: {kind: poisson, size: 3000, rates: 10 Hz}
synapses:
  links:
    source: cells
    target: cells
    connect: all
    equations: |
      weight : volt
      dtrace/dt = -trace/tau : 1 (event-driven)
      fourfold = 4*weight : volt
      double = 2*trace : 1
    on_pre: trace += 1
  pairs: {source: cells, target: cells, connect: one_to_one, equations: "weight : volt", on_pre: weight = 0*mV}
monitors:
  out: {kind: spikes, source: cells}
  totals: {kind: spikes, source: cells, counts_only: true}
  v: {kind: state, source: cells, variables: [v]}
  vw: {kind: state, source: cells, variables: [v, w]}
  two: {kind: state, source: cells, variables: [v], indices: [0, 1]}
  slow: {kind: state, source: cells, variables: [v], dt: 1 ms}
  late: {kind: spikes, source: cells, window: [50 ms, 100 ms]}
  others: {kind: spikes, source: more}
  crowd: {kind: spikes, source: crowd}
  rate: {kind: rate, source: cells, bin: 1 ms}
run: {duration: 100 ms, dt: 0.1 ms}
metrics:
  m: "METRIC"
"""


def checked(tmp_path, metric):
    file = tmp_path / "m.yaml"
    file.write_text(FILE.replace("METRIC", metric))
    return pipeline.check(pipeline.read(file))


@pytest.mark.parametrize(
    ("metric", "symbol"),
    [
        ("median(vw.w)", "amp"),
        ("sum(rates(out))", "Hz"),
        ("sum(int(counts(out) > 1))", "1"),
        ("int(max(v)/mV)", "1"),
        ("max(weights(links.weight, cells))", "volt"),
        ("percentile(v, 90) - median(rates(out))*0*mV/Hz", "volt"),
        ("count(out)", "1"),
        ("count(out)/duration", "Hz"),
        ("mean_rate(out)*tau", "1"),
        ("rates(out)", "Hz"),
        ("first_spike(out)", "s"),
        ("max(v) - min(v)", "V"),
        ("std(vw.w)", "A"),
        ("max(vw.v)*mean(vw.w)", "W"),
        ("max(v)/level", "1"),
        ("sqrt(max(v)*max(v))", "V"),
        ("abs(-max(v))", "V"),
        ("log(max(v)/mV)", "1"),
        ("max(min(v), std(v), 0)", "V"),
        ("arctan2(max(v), min(v)) + round(max(v)/mV)", "1"),
        ("max(v)**2", "V**2"),
        ("cells.v", "V"),
        ("fano(out, 50 ms) + synchrony(out, 5*dt) + cv_isi(out)", "1"),
        ("mean_rate(totals)", "Hz"),
        ("3 mV", "V"),
        ("first_spikes(out)", "s"),
        ("mean(rates(out)) + std(rates(out)*2)", "Hz"),
        ("max(cells.v)", "V"),
        ("min(first_spikes(out))", "s"),
        ("mean(rates(out)/mean_rate(others))", "1"),
        ("correlation(out, 5 ms)", "1"),
        ("correlation(out, others, 5 ms)", "1"),
        ("correlation(vw.v, vw.w)", "1"),
        ("correlation(v, vw.w)", "1"),
        ("mean(links.weight)", "V"),
        ("count(links)/count(pairs)", "1"),
        ("max(links.fourfold*links.weight)", "V**2"),
        ("std(links.N_incoming)", "1"),
        ("min(cells.distance)", "V"),
        ("mean(more.rates)", "Hz"),
    ],
)
def test_the_unit_of_a_metric_follows_from_its_parts(tmp_path, metric, symbol):
    shown = checked(tmp_path, metric).metrics.terms["m"].dimension
    wanted = {"1": ONE, "V**2": lookup_unit("volt").dimension ** 2}
    assert shown == (wanted[symbol] if symbol in wanted else lookup_unit(symbol).dimension)


@pytest.mark.parametrize(
    ("metric", "code", "marked"),
    [
        ("count(out) + first_spike(out)", "EQ203", "count(out) + first_spike(out)"),
        ("max(v) - max(vw.w)", "EQ203", "max(v) - max(vw.w)"),
        ("mean(ou)", "MET403", "ou"),
        ("count(v)", "MET403", "v"),
        ("mean(out)", "MET403", "out"),
        ("count(rate)", "MET403", "rate"),
        ("mean(vw)", "MET403", "vw"),
        ("mean(vw.x)", "NET221", "vw.x"),
        ("cv_isi(totals)", "MET404", "cv_isi(totals)"),
        ("counts(out, 3)", "EQ206", "counts(out, 3)"),
        ("fano(out)", "EQ206", "fano(out)"),
        ("fano(out, 3 mV)", "EQ209", "3 mV"),
        ("fano(out, 0.15 ms)", "NET102", "0.15 ms"),
        ("fano(out, 0 ms)", "NET102", "0 ms"),
        ("meen_rate(out)", "EQ202", "meen_rate"),
        ("out", "MET402", "out"),
        ("cells", "MET402", "cells"),
        ("cells.x", "NET221", "cells.x"),
        ("taau", "EQ201", "taau"),
        ("log(max(v))", "EQ204", "max(v)"),
        ("exp(first_spike(out))", "EQ204", "first_spike(out)"),
        ("count(out) > 3", "MET401", "count(out) > 3"),
        ("count(out)**mean_rate(out)", "EQ207", "mean_rate(out)"),
        ("count()", "EQ206", "count()"),
        ("count(3)", "MET403", "3"),
        ("count(out.v)", "NET221", "out.v"),
        ("weights(links.weight)", "EQ206", "weights(links.weight)"),
        ("weights(links.weight, more)", "MET403", "more"),
        ("weights(links.weight, cells, crowd)", "MET403", "crowd"),
        ("weights(links.weight, cels)", "NET110", "cels"),
        ("weights(links.weight, 3)", "MET403", "3"),
        ("weights(links.x, cells)", "NET221", "links.x"),
        ("weights(cells.v, cells)", "MET403", "cells.v"),
        ("weights(v, cells)", "MET403", "v"),
        ("weights(links.weight, cells)*weights(links.weight, cells, cells)", "MET406", None),
        ("median(count(out))", "MET407", "median(count(out))"),
        ("sum(count(out))", "MET407", "sum(count(out))"),
        ("int(max(v))", "EQ209", "int(max(v))"),
        ("sum(counts(out) > 1)", "MET401", "counts(out) > 1"),
        ("median(v, 3)", "EQ206", "median(v, 3)"),
        ("percentile(v)", "EQ206", "percentile(v)"),
        ("percentile(v, 3 mV)", "EQ209", "3 mV"),
        ("percentile(rates(out), 101)", "MET409", "101"),
        ("percentile(v, -1)", "MET409", "-1"),
        ("percentile(v, count(out))", "EQ202", "count"),
        ("log(percentile(v, 90))", "EQ204", "percentile(v, 90)"),
        ("any(counts(out) > 3)", "MET401", "any(counts(out) > 3)"),
        ("count(out", "EQ1", None),
        ("mean(count(out))", "MET407", "mean(count(out))"),
        ("max(mean_rate(out)*tau)", "MET407", "max(mean_rate(out)*tau)"),
        ("rates(out) - rates(others)", "MET406", "rates(out) - rates(others)"),
        ("last(rates(out))", "MET403", "rates(out)"),
        ("correlation(out)", "EQ206", "correlation(out)"),
        ("correlation(out, 3 mV)", "EQ209", "3 mV"),
        ("correlation(out, 0.15 ms)", "NET102", "0.15 ms"),
        ("correlation(totals, 5 ms)", "MET404", "correlation(totals, 5 ms)"),
        ("correlation(crowd, 5 ms)", "MET405", "correlation(crowd, 5 ms)"),
        ("correlation(out, late, 5 ms)", "MET406", "correlation(out, late, 5 ms)"),
        ("correlation(out, vw.v, 5 ms)", "MET403", "vw.v"),
        ("correlation(vw.v)", "EQ206", "correlation(vw.v)"),
        ("correlation(vw.v, out)", "MET403", "out"),
        ("correlation(vw.v, two)", "MET406", "correlation(vw.v, two)"),
        ("correlation(v, slow)", "MET406", "correlation(v, slow)"),
        ("correlation(outt, 5 ms)", "MET403", "outt"),
        ("links", "MET402", "links"),
        ("mean(links)", "MET402", "links"),
        ("mean(links.x)", "NET221", "links.x"),
        ("mean(links.lastupdate)", "NET221", "links.lastupdate"),
        ("mean(links.weight - pairs.weight)", "MET406", "links.weight - pairs.weight"),
        ("mean(links.weight*cells.v)", "MET406", "links.weight*cells.v"),
        ("mean(cells.u)", "NET221", "cells.u"),
        ("mean(cells.u.v)", "NET221", "cells.u.v"),
    ],
)
def test_a_wrong_metric_is_marked_at_its_place(tmp_path, metric, code, marked):
    with pytest.raises(ExperimentError) as caught:
        checked(tmp_path, metric)
    (item,) = caught.value.diagnostics
    assert item.code.startswith(code)
    assert item.span.line == FILE.split("METRIC", maxsplit=1)[0].count("\n") + 1
    if marked is not None:
        assert item.span.file.text[item.span.start : item.span.end] == marked


def test_a_misspelled_name_is_met_with_the_right_one(tmp_path):
    for metric, meant in (
        ("meen_rate(out)", "mean_rate"),
        ("count(outt)", "out"),
        ("taau", "tau"),
        ("max(vw.vv)", "v"),
    ):
        with pytest.raises(ExperimentError) as caught:
            checked(tmp_path, metric)
        assert caught.value.diagnostics[0].help == f"did you mean `{meant}`?"


def test_a_median_keeps_so_many_samples_at_most(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(FILE.replace("METRIC", "median(v)").replace("duration: 100 ms", "duration: 4000 s"))  # 4 neurons
    with pytest.raises(ExperimentError, match="keeps at most 134,217,728") as caught:
        pipeline.check(pipeline.read(file))
    assert caught.value.diagnostics[0].code == "MET405"


def test_all_wrong_metrics_are_shown_at_once(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(FILE.replace('m: "METRIC"', "a: count(x)\n  b: count(out)\n  c: mean(out)"))
    with pytest.raises(ExperimentError) as caught:
        pipeline.check(pipeline.read(file))
    assert [d.code for d in caught.value.diagnostics] == ["MET403", "MET403"]


def test_a_metric_may_use_those_above_it(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(FILE.replace('m: "METRIC"', "a: count(out)\n  b: a/duration"))
    metrics = started(file)
    metrics.spikes("out", np.array([3, 4]), np.array([0, 1]), {})
    (a, _), (b, unit) = metrics.values().values()
    assert (a, b, unit.symbol) == (2, 20, "Hz")


def test_one_number_of_one_value_a_neuron_leaves_neurons_without_a_value_out(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(
        FILE.replace(
            'm: "METRIC"',
            "each: first_spikes(out)\n  a: mean(each)\n  b: max(counts(out))\n  c: std(rates(out))\n"
            "  d: median(each)\n  e: percentile(counts(out), 90)\n  f: median(first_spikes(others))\n"
            "  g: sum(int(counts(out) > 0))\n  h: sum(counts(out))\n  i: int(-1.5*b)",
        )
    )
    metrics = started(file)
    metrics.spikes("out", np.array([3, 5, 9]), np.array([0, 2, 2]), {})
    values = {name: value for name, (value, _) in metrics.values().items()}
    np.testing.assert_allclose(values["each"], [3e-4, math.nan, 5e-4, math.nan])
    assert values["a"] == pytest.approx(4e-4)
    assert values["b"] == 2
    assert values["c"] == pytest.approx(np.std([10, 0, 20, 0]))
    assert values["d"] == pytest.approx(4e-4)
    assert values["e"] == pytest.approx(np.percentile([1, 0, 2, 0], 90))
    assert math.isnan(values["f"])  # no neuron has a value
    assert (values["g"], values["h"], values["i"]) == (2, 3, -3)


def test_the_rate_and_regularity_of_a_driven_neuron_follow_from_theory(tmp_path, monkeypatch):
    """A leaky neuron towards 20 mV with threshold 10 mV fires every tau*ln 2, in whole steps: CV 0, Fano near 0."""
    file = tmp_path / "m.yaml"
    metrics = "rate: mean_rate(out)\n  cv: cv_isi(out)\n  same: correlation(out, 10 ms)\n  first: first_spike(out)"
    file.write_text(FILE.replace('m: "METRIC"', metrics))
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "kernels"))
    checked = pipeline.check(pipeline.read(file))
    outcome = pipeline.run(checked, tmp_path / "out", RunOptions(plots=False))
    values = {name: value for name, (value, _) in outcome.metrics.items()}
    # The step after which v passes the threshold, from the exact solution; the reset follows in the same step.
    period = math.ceil(10e-3 * math.log(2) / 1e-4)
    assert outcome.counts["out"] == 4 * (1000 // period)
    assert values["rate"] == pytest.approx((1000 // period) / 0.1)
    assert values["cv"] == 0
    assert values["same"] == pytest.approx(1)  # all four neurons do the same
    assert values["first"] == pytest.approx((period - 1) * 1e-4)


ENDS = """\
version: 1
name: ends
groups:
  a: {size: 6, equations: "x : 1", subgroups: {low: "0:2", mid: "2:5", some: [4, 1]}}
  b: {size: 3, equations: "x : 1", subgroups: {last: "2:3"}}
synapses:
  ab: {source: a, target: b, connect: all, equations: "w : volt", initial: {w: (10*i + j)*mV}}
  from_mid: {source: a.mid, target: b, connect: all, equations: "w : 1", initial: {w: 10*i + j}}
  one: {source: a, target: b, connect: {where: i == 5 and j == 2}, equations: "w : 1", initial: {w: 7}}
run: {duration: 1 ms, dt: 0.1 ms}
metrics:
"""


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("weights(ab.w, a.low)", [0, 1e-3, 2e-3, 10e-3, 11e-3, 12e-3]),
        ("mean(weights(ab.w, a.low))", 6e-3),
        ("std(weights(ab.w, a.low, b.last))", 5e-3),
        ("weights(ab.w, a.some, b.last)", [12e-3, 42e-3]),  # in creation order
        ("percentile(weights(ab.w, a, b), 50)", np.median([10 * i + j for i in range(6) for j in range(3)]) * 1e-3),
        ("weights(from_mid.w, a.some)", [20, 21, 22]),  # neuron 4 of `a` is the third of `a.mid`; neuron 1 is not in it
        ("min(weights(from_mid.w, a.low))", math.nan),
        ("sqrt(mean(weights(one.w, a, b.last)))", math.sqrt(7)),
        ("max(hypot(weights(one.w, a, b.last), 3), 4*2, 2)", [8]),
        ("round(mean(weights(one.w, a, b.last))) + erf(0)", 7),
        ("max(weights(one.w, a.low))", math.nan),
        ("min(2*weights(ab.w, a.mid) + 1*mV)", 41e-3),
    ],
)
def test_weights_are_those_of_the_synapses_between_some_neurons(tmp_path, metric, wanted):
    values = metrics_of_a_run(tmp_path, ENDS + f"  m: {metric}\n")
    np.testing.assert_allclose(values["m"], wanted, rtol=1e-12)


def metrics_of_a_run(tmp_path, text):
    file = tmp_path / "r.yaml"
    file.write_text(text)
    outcome = pipeline.run(pipeline.check(pipeline.read(file)), tmp_path / "out", RunOptions(plots=False))
    return {name: value for name, (value, _) in outcome.metrics.items()}


def test_checked_metrics_are_used_twice_with_accumulators_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "kernels"))
    file = tmp_path / "m.yaml"
    several = "n: count(out)\n  cv: cv_isi(out)\n  m: mean(v)\n  p: percentile(v, 10)\n  c: correlation(vw.v, vw.w)"
    file.write_text(FILE.replace('m: "METRIC"', several))
    checked = pipeline.check(pipeline.read(file))
    first, again = (pipeline.run(checked, tmp_path / k, RunOptions(plots=False)).metrics for k in "ab")
    assert first["n"][0] > 0
    assert {name: str(value) for name, value in first.items()} == {name: str(value) for name, value in again.items()}
    one, other = (checked.metrics.start(checked.resolved.network) for _ in range(2))
    one.spikes("out", np.array([3]), np.array([0]), {})
    assert [run.accumulator(0).value() for run in (one, other)] == [1, 0]


VARIABLES = """\
version: 1
constants: {factor: 2}
groups:
  many:
    size: 4
    equations: |
      x : 1
      squared = factor*x**2 + t/second : 1
    initial: {x: i + 1}
  one: {size: 1, equations: "x : 1\\ny = x + 1 : 1\\nz : 1 (shared)", initial: {x: 7, z: 3}}
  firing: {size: 2, equations: "x : 1", threshold: "False", initial: {x: 10*(i + 1)}}
synapses:
  links:
    source: firing
    target: many
    connect: all
    equations: |
      w : 1
      total = w + x_pre + x_post : 1
    on_pre: w = 0
    initial: {w: i + 0.5*j}
  none: {source: firing, target: many, connect: {where: i > 5}, equations: "w : 1", on_pre: w = 0}
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_variables_and_subexpressions_of_groups_and_synapses_at_the_end(tmp_path, threads):
    metrics = {
        "mean_squared": ("mean(many.squared)", 2 * np.mean(np.arange(1, 5) ** 2) + 0.01),
        "squared": ("many.squared", 2 * np.arange(1, 5) ** 2 + 0.01),
        "mean_one": ("mean(one.x)", 7),
        "of_one": ("max(one.y)", 8),
        "one": ("one.x", 7),
        "shared": ("one.z", 3),
        "spread_of_one": ("std(one.x)", 0),
        "ratio": ("mean(many.x/one.x)", 2.5 / 7),
        "number": ("count(links)", 8),
        "mean_w": ("mean(links.w)", 0.5 + 0.75),
        "std_w": ("std(links.w)", np.std([i + 0.5 * j for i in range(2) for j in range(4)])),
        "min_w": ("min(links.w)", 0),
        "max_w": ("max(links.w)", 2.5),
        "all_w": ("links.w", [i + 0.5 * j for i in range(2) for j in range(4)]),
        "total": ("max(links.total)", 2.5 + 20 + 4),
        "sources": ("max(links.i)", 1),
        "incoming": ("mean(links.N_incoming)", 2),
        "no_synapses": ("count(none)", 0),
        "mean_of_none": ("mean(none.w)", math.nan),
    }
    lines = "".join(f'  {name}: "{text}"\n' for name, (text, _) in metrics.items())
    run = f"run: {{duration: 10 ms, dt: 0.1 ms, threads: {threads}}}\n"
    values = metrics_of_a_run(tmp_path, f"{VARIABLES}{run}metrics:\n{lines}")
    for name, (_, wanted) in metrics.items():
        np.testing.assert_allclose(values[name], wanted, err_msg=name)


PARTS = """
version: 1
groups:
  g: {size: 6, equations: "v : 1\\nq = 2*v : 1\\nk : 1 (shared)", initial: {v: i**2, k: 3}, subgroups: {d: [5, 0, 3]}}
  p: {kind: poisson, size: 4, rates: "i*Hz", subgroups: {h: "2:4"}}
synapses: {s: {source: g, target: p.h, connect: all, equations: "w : 1", initial: {w: 1 + i}}}
monitors: {s: {kind: connectivity, source: s}, g: {kind: rate, source: p}}
run: {dt: 0.1 ms, PHASES}
metrics:
  v: g.d.v
  q: max(g.d.q)
  k: g.d.k
  rates: p.h.rates
  ratio: mean(g.d.v)/mean(g.v)
  w: mean(s.w)
"""


def test_a_metric_of_a_subgroup_has_its_neurons_in_their_order(tmp_path):
    """A monitor that is no `kind: state` monitor hides nothing of the object whose name it has."""
    values = metrics_of_a_run(tmp_path, PARTS.replace("PHASES", "duration: 1 ms"))
    wanted = {"v": [25, 0, 9], "q": 50, "k": 3, "rates": [2, 3], "ratio": (34 / 3) / (55 / 6), "w": 3.5}
    for name, value in wanted.items():
        np.testing.assert_allclose(values[name], value, err_msg=name)


def test_a_condition_of_a_subgroup_ends_a_phase(tmp_path):
    phases = 'phases: [{name: a, duration: 5 ms, stop_when: "mean(g.d.v) > 11", check: 1 ms}]'
    values = metrics_of_a_run(tmp_path, PARTS.replace("PHASES", phases) + "  t: duration/second\n")
    assert values["t"] == pytest.approx(1e-3)


def test_a_subgroup_alone_and_the_metric_of_a_rate_are_told_what_to_write(tmp_path):
    for metric, meant in (("mean(g.d)", "`g.d.v`"), ("max(r)", "mean_rate(out)")):
        text = PARTS.replace("PHASES", "duration: 1 ms").replace("g: {kind: rate", "r: {kind: rate")
        with pytest.raises(ExperimentError) as caught:
            metrics_of_a_run(tmp_path, f"{text}  wrong: {metric}\n")
        assert meant in caught.value.diagnostics[0].help


def test_a_subexpression_at_the_end_has_the_constants_of_the_last_phase(tmp_path):
    phases = "[{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {factor: 5}}]"
    run = f"run: {{dt: 0.1 ms, phases: {phases}}}\nmetrics: {{m: max(many.squared)}}\n"
    assert metrics_of_a_run(tmp_path, VARIABLES + run)["m"] == pytest.approx(5 * 16 + 0.002)


def test_a_sweep_over_sizes_passes_one(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(
        "version: 1\nconstants: {n: 2}\ngroups: {c: {size: n, equations: 'v : 1', initial: {v: i}}}\n"
        "run: {duration: 1 ms, dt: 0.1 ms}\nmetrics: {m: mean(c.v)}\nsweep: {axes: {n: [1, 2, 3]}}\n"
    )
    sweep = check_sweep(pipeline.check(pipeline.read(file)))
    assert len(sweep.ready) == 3


@pytest.mark.parametrize(
    ("window", "record", "why"),
    [
        ("[1 s, 2 s]", "", "its window lies after the end of the run"),
        ("[60 ms, 70 ms]", "out", "no phase that names it in `record` lies in its window"),
        (None, "other", "no phase names it in `record`"),
    ],
)
def test_a_monitor_that_records_nothing_has_no_rate_and_is_warned_of(tmp_path, window, record, why):
    line = f", window: {window}" if window else ""
    run = "duration: 50 ms"
    if record:
        run = f"phases: [{{name: a, duration: 50 ms, record: [{record}]}}, {{name: b, duration: 50 ms, record: []}}]"
    text = f"""\
version: 1
groups: {{g: {{size: 5, equations: "dv/dt = (2-v)/(10*ms) : 1", threshold: v > 1, reset: v = 0}}}}
monitors:
  out: {{kind: spikes, source: g{line}}}
  other: {{kind: spikes, source: g}}
metrics: {{rate: mean_rate(out), each: rates(out), cv: cv_isi(out), fano: "fano(out, 5 ms)", first: first_spike(out)}}
run: {{dt: 0.1 ms, {run}}}
"""
    (tmp_path / "silent.yaml").write_text(text)
    checked = pipeline.check(pipeline.read(tmp_path / "silent.yaml"))
    warned = next(w for w in checked.warnings if w.code == "NET225" and "`out`" in w.message)
    assert why in warned.message
    assert warned.span.line == 4
    outcome = pipeline.run(checked, tmp_path / "out", RunOptions(plots=False))
    assert all(np.isnan(value).all() for value, _ in outcome.metrics.values())
    assert outcome.counts["out"] == 0


def test_accuracy_is_the_part_of_frames_that_the_neurons_of_their_labels_tell() -> None:
    # six frames of 10 steps, 5 apart; neuron 0 answers to label 4, neuron 1 to 7, neuron 2 is silent at first
    shown = Presentations(np.arange(6) * 15, np.arange(6) * 15 + 10, np.array([4, 7, 4, 7, 4, 7]), 5)
    told = Accuracy(Train(3, ((0, 90),), 1e-3), shown, 0, 45)
    told.spikes(np.array([1, 2, 16, 31, 32]), np.array([0, 0, 1, 0, 1]))
    told.spikes(np.array([40, 45, 46, 60, 61, 75]), np.array([2, 1, 2, 0, 2, 0]))  # 40 is in a pause
    assert told.value() == pytest.approx(2 / 3)  # the last frame, a 7, is taken for a 4
    assert math.isnan(Accuracy(Train(3, ((0, 50),), 1e-3), shown, 0, 45).value())  # none after 45 is whole
    assert math.isnan(Accuracy(Train(3, ((50, 90),), 1e-3), shown, 0, 45).value())  # none before

"""Time that was not recorded is left out of averages and hatched; a run that was stopped says so."""

import numpy as np
import plot_synthetic as synthetic
import pytest
from matplotlib.patches import Rectangle
from test_plot_pictures import all_axes, figure_of, texts_of

from snnrun.plot.histogram import smoothed
from snnrun.plot.observed import gaps, seconds_in, together
from snnrun.results.layout import (
    GroupFacts,
    MonitorKind,
    RateChannel,
    RecordingPlan,
    SpikeChannel,
    Stimulus,
    runs_of,
)
from snnrun.results.reader import Results
from snnrun.results.writer import ResultsWriter
from snnrun.running import pipeline
from snnrun.running.options import Callbacks, RunOptions

N = 10
RECORDED = ((0.0, 0.1), (0.15, 0.2))  # of 200 ms [s]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Each of ten neurons spikes every 10 ms, recorded for 100 ms and, after a pause, for 50 ms."""
    path = tmp_path_factory.mktemp("observed")
    inside = np.concatenate([np.arange(a, b) for a, b in ((0, 1000), (1500, 2000))])
    steps = np.repeat(inside[inside % 10 == 0], 1)
    ids = steps // 10 % N

    def fill(writer):
        writer.add_spikes("out", steps, ids)
        writer.add_rates("r", np.concatenate([np.full(10, 100.0), np.full(5, np.nan), np.full(5, 100.0)]))
        for name in ("out", "r"):
            writer.put_recorded(name, RECORDED, None)

    plan = RecordingPlan(spikes=(SpikeChannel("out", "g", N),), rates=(RateChannel("r", "g", N, 0.01),))
    return synthetic.write(path, plan, synthetic.about("pause", 0.2, GroupFacts("g", N)), fill)


def hatched(axes):
    """From when to when an axes is hatched, in its units, in order."""
    boxes = [a for a in axes.get_children() if isinstance(a, Rectangle) and a.get_hatch()]
    return sorted((round(b.get_x(), 6), round(b.get_x() + b.get_width(), 6)) for b in boxes)


def foot(figure):
    return figure.get_supxlabel().split("\n")


@pytest.mark.parametrize(
    ("plot", "panel", "span"),
    [
        ({"kind": "raster", "bin": 0.02}, 1, (0, 200)),
        ({"kind": "rate", "monitor": "out", "bin": 0.02}, 0, (0, 200)),
        ({"kind": "rate", "monitor": "r"}, 0, (0, 200)),
        ({"kind": "psth", "bin": 0.02}, 0, (0, 200)),
    ],
)
def test_rates_are_per_observed_second_and_gaps_are_hatched(folder, plot, panel, span):
    figure = figure_of(folder, plot)
    axes = figure.axes[panel]
    values, edges, _ = next(p for p in axes.patches if hasattr(p, "get_data")).get_data()
    seen = seconds_in(edges * 1e-3, np.array(RECORDED))
    assert np.isnan(values[seen < 1e-9]).all()
    assert (seen < 1e-9).any()
    assert np.allclose(values[seen > 1e-9], 100.0)  # also where a bin was recorded in part
    starts = [start for start, _ in hatched(axes)]
    assert starts == [100]
    assert axes.get_xlim() == span
    assert "hatched: not recorded" in foot(figure)


def test_a_psth_averages_over_the_trials_that_were_recorded(folder):
    axes = figure_of(folder, {"kind": "psth", "period": 0.05, "bin": 0.01}).axes[0]
    values, _, _ = axes.patches[0].get_data()
    assert np.allclose(values, 100.0)  # three trials of four
    assert hatched(axes) == []


def test_time_beyond_a_trial_is_hatched(folder):
    axes = figure_of(folder, {"kind": "psth", "period": 0.05, "bin": 0.01, "xlim": [-0.01, 0.08]}).axes[0]
    assert hatched(axes) == [(-10, 0), (50, 80)]


def test_the_bins_of_an_image_have_the_width_asked_for(folder):
    axes = figure_of(folder, {"kind": "image", "bin": 0.03}).axes[0]
    (image,) = axes.images
    assert image.get_extent() == pytest.approx([0, 210, -0.5, 9.5])
    # One spike each millisecond, from 0 to 100 and from 150 to 200 ms.
    assert np.asarray(image.get_array()).sum(axis=0).tolist() == [30, 30, 30, 10, 0, 30, 20]
    assert axes.get_xlim() == (0, 200)


def test_an_interval_over_a_gap_is_none(folder):
    axes = figure_of(folder, {"kind": "isi", "bin": 0.001}).axes[0]
    values, edges, _ = axes.patches[0].get_data()
    assert values[np.isclose(edges[:-1], 10)] == pytest.approx(1.0)
    assert values.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["raster", "image", "rate"])
def test_limits_beyond_the_run_show_that_nothing_was_recorded_there(folder, kind):
    figure = figure_of(folder, {"kind": kind, "monitor": "out", "xlim": [0.05, 0.3]})
    assert hatched(figure.axes[0]) == [(100, 150), (200, 300)]
    assert "hatched: not recorded" in foot(figure)


@pytest.mark.parametrize("kind", ["raster", "image"])
def test_pictures_of_spikes_are_hatched_where_none_could_be(folder, kind):
    figure = figure_of(folder, {"kind": kind, "monitor": "out"})
    assert hatched(figure.axes[0]) == [(100, 150)]


@pytest.mark.parametrize(("reached", "stop"), [(0.02, 21.0), (0.198, 200.0)])
def test_a_stopped_run_says_so_and_its_pictures_end_there(tmp_path, reached, stop):
    plan = RecordingPlan(spikes=(SpikeChannel("out", "g", N),), rates=(RateChannel("r", "g", N, 0.01),))
    tmp_path.mkdir(exist_ok=True)
    steps = np.arange(0, round(reached / 1e-4), 10)
    with ResultsWriter(tmp_path / "results.h5", plan, synthetic.about("x", 0.2, GroupFacts("g", N))) as writer:
        writer.add_spikes("out", steps, steps // 10 % N)
        writer.add_rates("r", np.full(int(reached / 0.01), 100.0))
        writer.put_reached(reached)
        for name in ("out", "r"):
            writer.put_recorded(name, [(0.0, reached)], None)
        writer.finish({}, "interrupted")
    for plot in ({"kind": "raster"}, {"kind": "rate", "monitor": "out"}, {"kind": "rate"}, {"kind": "image"}):
        figure = figure_of(tmp_path, plot)
        assert f"interrupted at {reached * 1e3:.4g} ms of 200 ms" in foot(figure)
        assert figure.axes[-1].get_xlim() == pytest.approx((0, stop))
        assert hatched(figure.axes[-1]) == [(reached * 1e3, stop)]


def test_neurons_that_are_not_watched_do_not_lower_a_rate(tmp_path):
    plan = RecordingPlan(spikes=(SpikeChannel("out", "g", 100),))

    def fill(writer):
        writer.add_spikes("out", np.arange(0, 2000, 100), np.full(20, 7))
        writer.put_recorded("out", [(0.0, 0.2)], np.array([7, 8]))

    folder = synthetic.write(tmp_path, plan, synthetic.about("x", 0.2, GroupFacts("g", 100)), fill)
    with Results.open(folder) as results:
        assert results.watched("out").tolist() == [7, 8]
    values, _, _ = figure_of(folder, {"kind": "rate", "bin": 0.2}).axes[0].patches[0].get_data()
    assert values == pytest.approx([50.0])  # 20 spikes of 2 neurons in 0.2 s
    (marks,) = figure_of(folder, {"kind": "raster"}).axes[0].lines
    assert set(marks.get_ydata()) == {0}


def test_runs_of_numbers_keep_their_order():
    assert runs_of(np.array([5, 6, 2, 7, 8, 9])).tolist() == [[5, 7], [2, 3], [7, 10]]
    assert runs_of(np.zeros(0, int)).shape == (0, 2)


def test_gaps_are_what_stretches_leave_of_a_span():
    stretches = together([np.array([[1.0, 2.0], [5.0, 6.0]]), np.array([[1.5, 3.0]]), np.zeros((0, 2))])
    assert stretches.tolist() == [[1, 3], [5, 6]]
    assert gaps(stretches, (0.0, 5.5)).tolist() == [[0, 1], [3, 5]]
    assert gaps(np.zeros((0, 2)), (0.0, 1.0)).tolist() == [[0, 1]]


def test_smoothing_keeps_a_constant_rate_and_its_gaps():
    rate = np.full(50, 7.0)
    rate[20:30] = np.nan
    assert np.allclose(smoothed(rate, 1e-3, 3e-3), rate, equal_nan=True)
    pulse = np.zeros(201)
    pulse[100] = 1.0
    expected = np.exp(-0.5 * (np.arange(-100, 101) / 5) ** 2) / np.sqrt(2 * np.pi) / 5
    assert np.allclose(smoothed(pulse, 1e-3, 5e-3), expected, atol=5e-5)
    assert smoothed(np.array([3.0, 5.0]), 1e-3, 1.0) == pytest.approx([4.0, 4.0], rel=1e-5)


PHASES = """\
version: 1
name: phases
groups:
  cells: {size: 5, equations: "dv/dt = (2 - v)/(10*ms) : 1", threshold: v > 1, reset: v = 0, subgroups: {two: [1, 3]}}
monitors:
  early: {kind: spikes, source: cells}
  all: {kind: spikes, source: cells}
  r: {kind: rate, source: cells.two, bin: 5 ms}
  v: {kind: state, source: cells, variables: [v], window: [20 ms, 80 ms]}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 50 ms, record: [early, all, v]}
    - {name: second, duration: 30 ms, record: [all]}
    - {name: third, duration: 20 ms}
metrics: {rate: mean_rate(early), whole: mean_rate(all)}
"""


def test_results_say_what_each_monitor_recorded(tmp_path):
    (tmp_path / "phases.yaml").write_text(PHASES)
    checked = pipeline.check(pipeline.read(tmp_path / "phases.yaml"))
    outcome = pipeline.run(checked, tmp_path / "out", RunOptions(plots=False))
    period = 10e-3 * np.log(2)  # from 0 to 1 towards 2
    with Results.open(outcome.folder) as results:
        found = {m.name: (results.recorded(m.name) * 1e3).round(9).tolist() for m in results.monitors()}
        assert results.watched("r").tolist() == [1, 3]
        assert results.watched("all") is None
        spikes = len(results.spikes("early").ids)
    assert found == {"early": [[0, 50], [80, 100]], "all": [[0, 100]], "r": [[80, 100]], "v": [[20, 50]]}
    assert outcome.metrics["rate"][0] == pytest.approx(spikes / 5 / 0.07)
    assert outcome.metrics["rate"][0] == pytest.approx(1 / period, rel=0.1)


def test_results_of_a_run_that_was_interrupted_say_how_far_it_got(tmp_path):
    (tmp_path / "phases.yaml").write_text(PHASES.replace("duration: 20 ms", "duration: 100 s"))
    checked = pipeline.check(pipeline.read(tmp_path / "phases.yaml"))

    def stop(step, _steps):
        if step > 900:
            raise KeyboardInterrupt

    outcome = pipeline.run(checked, tmp_path / "out", callbacks=Callbacks(stop))
    assert isinstance(outcome.problem, KeyboardInterrupt)
    with Results.open(outcome.folder) as results:
        assert 0.08 < results.reached < 50
        assert results.recorded("early")[-1].tolist() == [pytest.approx(0.08), results.reached]
        assert results.description.duration == pytest.approx(100.08)
        names = [m.name for m in results.monitors() if m.kind is not MonitorKind.CONNECTIVITY]
    assert "v" in names
    figure = figure_of(outcome.folder, {"kind": "raster"})
    assert any(line.startswith("interrupted at ") for line in foot(figure))
    assert any(hatched(axes) for axes in all_axes(figure))
    assert texts_of(figure)


def test_trials_of_a_psth_may_be_the_frames_of_a_stimulus(tmp_path):
    def fill(writer):
        writer.add_spikes("out", np.array([12, 512, 1013, 1700]), np.zeros(4, np.int64))
        start = np.array([0.0, 0.05, 0.1, 5.0])  # the last one is never reached
        writer.put_stimulus("shown", Stimulus(start, start + 0.03, np.arange(4)))

    plan = RecordingPlan(spikes=(SpikeChannel("out", "g", 1),))
    folder = synthetic.write(tmp_path, plan, synthetic.about("shown", 0.2, GroupFacts("g", 1)), fill)
    axes = figure_of(folder, {"kind": "psth", "marks": "shown", "bin": 0.001, "xlim": [0.0, 0.05]}).axes[0]
    assert axes.get_xlabel() == "Time from begin of frame (ms)"
    assert axes.get_ylabel() == "Rate per neuron (Hz)"
    values, edges, _ = axes.patches[0].get_data()
    at = np.searchsorted(edges, 1.2, side="right") - 1
    assert values[at] == pytest.approx(1000.0), "each trial has its spike after 1.2 or 1.3 ms"
    assert np.sum(values) == pytest.approx(1000.0), "and no other"

"""Scatter plots: what is drawn are the recorded values, a line for each neuron, or a point for each spike."""

import h5py
import matplotlib as mpl
import numpy as np
import pytest
from test_plot_pictures import figure_of

from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

FILE = """\
version: 1
name: planes
groups:
  cells:
    size: 12
    equations: |
      dv/dt = (20*mV - v)/(10*ms) : volt
      dw/dt = -w/(5*ms) : 1
      c = 2*nA*w : amp
      n : integer
    method: exact
    threshold: v > 10*mV
    reset: "v = 0*mV; w += 1; n += 1"
    initial: {v: i*mV/2}
  quiet: {size: 3, equations: "dv/dt = -v/ms : volt", method: exact, threshold: v > 1*volt, reset: v = 0*volt}
synapses:
  s: {source: cells, target: quiet, connect: {pairs: [[8, 0], [11, 1]]}, equations: "x : 1", on_pre: x = 2*x + 1}
monitors:
  at: {kind: events, source: s, event: on_pre, variables: [x, w_pre]}
  all: {kind: state, source: cells, variables: [v, w, c], dt: 1 ms}
  v: {kind: state, source: cells, variables: [v], dt: 1 ms, indices: [2, 5]}
  w: {kind: state, source: cells, variables: [w, n], dt: 1 ms, indices: [2, 5]}
  out: {kind: spikes, source: cells, variables: [v, w, c]}
  silent: {kind: spikes, source: quiet, variables: [v]}
run:
  dt: 0.1 ms
  phases:
    - {name: a, duration: 20 ms}
    - {name: b, duration: 20 ms, record: [out]}
    - {name: c, duration: 20 ms}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scatter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(path / "kernels"))
        (path / "f.yaml").write_text(FILE)
        yield pipeline.run(pipeline.check(pipeline.read(path / "f.yaml")), path / "out", RunOptions(plots=False)).folder


def plot(folder, **options):
    figure = figure_of(folder, {"kind": "scatter", **options})
    return figure, figure.axes[0]


def checked(folder, text, experiment):
    """The plain data of a plot of a file."""
    file = folder.parent / "checked.yaml"
    file.write_text(experiment + f"plots: [{{kind: scatter, {text}}}]\n")
    return pipeline.check(pipeline.read(file)).plots[0]


def stored(folder, path):
    with h5py.File(folder / "results.h5") as file:
        return file[path][...]


def test_a_line_for_each_neuron_in_the_units_of_the_axes_with_gaps_where_nothing_was_recorded(folder):
    _, axes = plot(folder, x="v.v", y="w.w")
    results = Results.open(folder)
    v, w = results.states("v", "v"), results.states("w", "w")
    results.close()
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["neuron 2", "neuron 5"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("v (mV)", "w")
    for k, line in enumerate(axes.lines):
        x, y = line.get_data()
        np.testing.assert_allclose(x, v.data[:, k] * 1e3, rtol=1e-6)
        np.testing.assert_allclose(y, w.data[:, k], rtol=1e-6)
        assert np.flatnonzero(np.isnan(x)).tolist() == list(range(20, 40))  # the phase that records spikes alone


def test_a_point_for_each_event_at_a_synapse(folder):
    _, axes = plot(folder, x="at.x", y="at.w_pre", neurons=[0, 1])
    with Results.open(folder) as results:
        events = results.synapse_events("at")
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["synapse 0", "synapse 1"]
    for synapse, line in enumerate(axes.lines):
        mine = events.ids == synapse
        assert line.get_xdata()[:3].tolist() == [0, 1, 3]  # before the statements
        np.testing.assert_array_equal(line.get_xdata(), events.extras["x"][mine])
        np.testing.assert_array_equal(line.get_ydata(), events.extras["w_pre"][mine])


def test_whole_numbers_are_not_drawn_where_they_were_not_recorded(folder):
    _, axes = plot(folder, x="w.n", y="w.n", neurons=[2])
    (line,) = axes.lines
    assert np.flatnonzero(np.isnan(line.get_xdata())).tolist() == list(range(20, 40))
    assert np.nanmax(line.get_xdata()) > 3
    (axes,) = figure_of(folder, {"kind": "traces", "monitor": "w", "variables": ["n"], "marks": False}).axes
    for line in axes.lines:
        assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == list(range(20, 40))


def test_a_point_for_each_spike(folder):
    _, axes = plot(folder, x="out.v", y="out.c", neurons=[3], labels={"x": "Voltage"})
    results = Results.open(folder)
    train = results.spikes("out")
    results.close()
    (line,) = axes.lines
    mine = train.ids == 3
    assert mine.sum() > 3
    np.testing.assert_allclose(line.get_xdata(), train.extras["v"][mine] * 1e3)
    np.testing.assert_allclose(line.get_ydata(), train.extras["c"][mine] * 1e12)
    assert line.get_linestyle() == "None"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Voltage", "c (pA)")


def test_colours_show_time_or_a_third_variable(folder):
    figure, axes = plot(folder, x="all.v", y="all.w", z="time", neurons=2)
    (lines,) = axes.collections
    assert isinstance(lines, mpl.collections.LineCollection)
    shown = np.ma.filled(lines.get_array().astype(float), np.nan)
    assert np.nanmax(shown) == pytest.approx(59)
    assert len(lines.get_segments()) == 2 * 59  # between the 60 samples of each
    assert figure.axes[1].get_ylabel() == "Time (ms)"
    figure, axes = plot(folder, x="out.v", y="out.w", z="out.c")
    (points,) = axes.collections
    assert len(points.get_offsets()) == len(stored(folder, "snnrun/spikes/out/node_ids"))
    assert figure.axes[1].get_ylabel() == "c (pA)"


def test_of_many_sampled_neurons_a_few_are_drawn_and_of_spikes_all(folder):
    figure, axes = plot(folder, x="all.v", y="all.w")
    assert len(axes.lines) == 5
    assert "5 of 12 neurons, chosen at random" in figure.get_supxlabel()
    figure, axes = plot(folder, x="all.v", y="all.w", neurons="all")
    assert len(axes.lines) == 12
    assert axes.get_legend() is None
    assert "low indices are dark" in figure.get_supxlabel()
    _, axes = plot(folder, x="out.v", y="out.w")
    assert len(axes.lines) == 12


def test_logarithmic_axes_lines_and_limits(folder):
    _, axes = plot(folder, x="v.v", y="w.w", log=["y"], xlim=[0.0, 5e-3], lines={"rest": 0.5}, vlines={"limit": [1e-3]})
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    assert axes.get_xlim() == pytest.approx((0, 5))
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["neuron 2", "neuron 5", "rest", "limit"]


def test_nothing_recorded_is_told(folder):
    figure, _ = plot(folder, x="silent.v", y="silent.v")
    assert "no spikes in 'silent'" in [t.get_text() for t in figure.findobj(mpl.text.Text)]


def test_a_variable_that_one_monitor_records_needs_no_monitor(folder):
    text = FILE.replace("variables: [v, w, c], dt: 1 ms", "variables: [v, u], dt: 1 ms").replace(
        "c = 2*nA*w : amp", "c = 2*nA*w : amp\n      u = 2*w : 1"
    )
    plain = checked(folder, "x: all.v, y: u, labels: {neuron 2: one}", text)
    assert (plain["x"], plain["y"]) == ("all.v", "all.u")

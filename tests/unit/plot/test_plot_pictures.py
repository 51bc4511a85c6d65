"""Pictures: the right marks at the right places, readable units, nothing overlaps, the same bytes each time."""

import itertools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import plot_synthetic as synthetic
import pytest
from matplotlib.figure import Figure
from PIL import Image

from snnrun.errors import ExperimentError, StorageError
from snnrun.plot.curve import Curve, Curves, Quantity, draw_curves
from snnrun.plot.draw import compose, draw, file_names, suggested
from snnrun.plot.options import Options, picture_from
from snnrun.plot.page import round_ticks
from snnrun.plot.points import Points, student
from snnrun.plot.quantities import Scale
from snnrun.plot.source import Source
from snnrun.plot.style import PALETTE, SPIKE, style_context
from snnrun.results.layout import Column, GroupFacts, RecordingPlan, SpikeChannel, StateChannel
from snnrun.results.reader import Results
from snnrun.results.sweep_table import Axis, SweepTable

RUNS = {
    "thirty": synthetic.thirty_neurons,
    "one": synthetic.one_neuron,
    "hh": synthetic.hodgkin_huxley,
    "syn": synthetic.synapses,
    "net": lambda folder: synthetic.network(folder, 800, 200),
    "layers": lambda folder: synthetic.layers(folder, 7_000),
    "silent": synthetic.silent,
    "tau": synthetic.tau_sweep,
    "seeds": lambda folder: synthetic.tau_sweep(folder, 10),
    "plane": synthetic.plane_sweep,
    "listed": synthetic.listed_sweep,
    "bands": synthetic.bands_sweep,
    "decades": synthetic.decades_sweep,
    "cube": synthetic.cube_sweep,
    "few": lambda folder: synthetic.cube_sweep(folder, few=True),
    "sampled": synthetic.sampled_sweep,
    "kept": synthetic.kept_sweep,
}
MORE = [  # beside those of test_plot_sizes.py
    ("layers", {"kind": "raster"}),
    ("hh", {"kind": "traces"}),
    ("net", {"kind": "rate"}),
    ("thirty", {"kind": "curve", "x": "v0", "y": "rates(spikes)"}),
    ("tau", {"kind": "curve", "x": "tau", "y": "rate"}),
    ("plane", {"kind": "curve", "x": "eta", "y": "rate"}),
    ("plane", {"kind": "heatmap", "z": "rate"}),
    ("plane", {"kind": "sweep", "y": "latency"}),
    ("bands", {"kind": "sweep", "y": "rate"}),
    ("decades", {"kind": "sweep", "y": "latency"}),
    ("decades", {"kind": "curve", "x": "tau", "y": "latency", "log": ["x", "y"]}),
    ("decades", {"kind": "heatmap", "z": "latency", "log": ["x", "y", "z"]}),
    ("cube", {"kind": "sweep", "y": "rate"}),
    ("few", {"kind": "sweep", "y": "rate"}),
    ("sampled", {"kind": "sweep", "y": "rate"}),
    ("listed", {"kind": "sweep", "y": "rate"}),
    ("hh", {"panels": [{"kind": "rate", "monitor": "spikes"}, {"kind": "traces", "variables": ["v"]}]}),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    made = {}

    def folder(name):
        if name not in made:
            made[name] = RUNS[name](root / name)
        return made[name]

    return folder


def figure_of(folder: Path, plot: dict):
    """The figure of one plot, laid out."""
    source = Source.open(folder)
    with style_context():
        figure = compose(source, picture_from(plot))
        figure.canvas.draw()
    source.close()
    return figure


def all_axes(figure):
    return [axes for part in [figure, *figure.subfigs] for axes in part.get_axes() if axes.figure is part]


def texts_of(figure):
    return [t.get_text() for axes in all_axes(figure) for t in axes.texts] + [t.get_text() for t in figure.texts]


@pytest.mark.parametrize("size", ["column", "page"])
@pytest.mark.parametrize(("run", "plot"), MORE)
def test_no_labels_overlap_or_leave_the_page(folders, run, plot, size):
    figure = figure_of(folders(run), {**plot, "size": size})
    page = figure.bbox
    for axes in all_axes(figure):
        renderer = figure.canvas.get_renderer()
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = [
                tick.label1.get_window_extent(renderer)
                for tick in axis.get_major_ticks()
                if tick.label1.get_visible() and tick.label1.get_text() and low - 1e-9 <= tick.get_loc() <= high + 1e-9
            ]
            assert not any(a.overlaps(b) for a, b in itertools.combinations(shown, 2))
            label = axis.label.get_window_extent(renderer)
            if axis.label.get_text():
                assert not any(label.overlaps(tick) for tick in shown)
                assert label.x0 >= page.x0 - 1
                assert label.x1 <= page.x1 + 1
                assert label.y0 >= page.y0 - 1
                assert label.y1 <= page.y1 + 1
    # Whatever is drawn at the rim would be cut: the outermost pixels are paper.
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()


@pytest.mark.parametrize("run", RUNS)
def test_without_options_everything_recorded_gets_a_picture(folders, run, tmp_path):
    expected = {
        "thirty": ["raster", "if-curve"],
        "one": ["raster", "traces"],
        "hh": ["raster", "traces"],
        "syn": ["traces", "connectivity"],
        "net": ["raster", "rate", "connectivity"],
        "layers": ["raster"],
        "silent": ["raster", "traces", "connectivity"],
        "plane": ["rate", "latency"],
        "decades": ["latency"],
        "kept": ["rasters"],
    }.get(run, ["rate"])
    written = draw(folders(run), None, tmp_path / "plots")
    assert [path.name for path in written] == [f"{name}.png" for name in expected]
    for path in written:
        with Image.open(path) as picture:
            assert picture.size[0] == pytest.approx(0.18 / 0.0254 * 200, abs=1)
            assert np.unique(np.asarray(picture.convert("L"))).size > 5
    assert sorted(p.name for p in (tmp_path / "plots").iterdir()) == sorted(p.name for p in written)


def test_the_same_results_give_the_same_bytes_in_every_format_and_process(folders, tmp_path):
    plots = [{"kind": "raster"}, {"kind": "connectivity"}]
    folder = folders("net")
    first = draw(folder, plots, tmp_path / "a", ("png", "svg", "pdf"))
    assert len(first) == 6
    program = (
        "import sys; from pathlib import Path; from snnrun.plot.draw import draw;"
        "plots=[{'kind':'raster'},{'kind':'connectivity'}];"
        "draw(Path(sys.argv[1]), plots, Path(sys.argv[2]), ('png','svg','pdf'))"
    )
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\nsvg.hashsalt: other\n")
    subprocess.run(
        [sys.executable, "-c", program, str(folder), str(tmp_path / "b")],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "9", "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_heavy_marks_are_pixels_inside_vector_files(tmp_path):
    folder = synthetic.network(tmp_path / "net")
    svg, pdf = draw(folder, [{"kind": "raster"}], tmp_path, ("svg", "pdf"))
    assert "<image" in svg.read_text()
    assert svg.stat().st_size < 1_500_000
    assert pdf.stat().st_size < 1_500_000


def test_drawing_leaves_the_callers_matplotlib_settings_alone(folders, tmp_path):
    imported = "matplotlib.pyplot" in sys.modules  # by another test
    with mpl.rc_context({"font.size": 17}):
        draw(folders("one"), None, tmp_path)
        assert mpl.rcParams["font.size"] == 17
    assert ("matplotlib.pyplot" in sys.modules) == imported


def test_a_raster_has_one_mark_a_spike_at_its_time_in_milliseconds(folders):
    figure = figure_of(folders("thirty"), {"kind": "raster"})
    raster, rate = figure.axes
    (marks,) = raster.lines
    with_source = Source.open(folders("thirty"))
    train = with_source.results.spikes("spikes")
    with_source.close()
    assert len(train.ids) > 100
    assert np.allclose(marks.get_xdata(), train.times_s * 1e3)
    assert np.array_equal(marks.get_ydata(), train.ids)
    assert raster.get_ylabel() == "Neuron index"
    assert rate.get_xlabel() == "Time (ms)"
    assert raster.get_xlim() == rate.get_xlim() == (0, 100)


def test_the_rate_below_the_raster_integrates_to_the_number_of_spikes(folders):
    figure = figure_of(folders("thirty"), {"kind": "raster"})
    values, edges, _ = figure.axes[1].patches[0].get_data()
    source = Source.open(folders("thirty"))
    spikes = len(source.results.spikes("spikes").ids)
    source.close()
    assert np.sum(values * np.diff(edges) * 1e-3) * 30 == pytest.approx(spikes)


def test_limits_of_a_raster_choose_the_bins_of_its_rates(folders):
    figure = figure_of(folders("net"), {"kind": "raster", "monitor": "exc_spikes", "xlim": [0.1, 0.15]})
    rate = figure.axes[1].patches[0].get_data()
    train = Results.open(folders("net")).spikes("exc_spikes")
    seen = np.sum((train.times_s > 0.1 - 5e-5) & (train.times_s < 0.15 - 5e-5))
    assert rate.edges[[0, -1]] == pytest.approx([100, 150])
    assert np.ptp(np.diff(rate.edges)) < 1e-6
    assert len(rate.values) >= 50
    assert np.sum(rate.values * np.diff(rate.edges)) * 1e-3 * 800 == pytest.approx(seen)


def test_groups_are_stacked_in_their_own_colours_and_named(folders):
    figure = figure_of(folders("layers"), {"kind": "raster"})
    raster = figure.axes[0]
    assert [t.get_text() for t in raster.texts] == ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
    assert len({t.get_color() for t in raster.texts}) == 8
    boxes = [t.get_window_extent() for t in raster.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_group_has_the_same_colour_in_every_picture(folders):
    raster = figure_of(folders("net"), {"kind": "raster"}).axes[0]
    rate = figure_of(folders("net"), {"kind": "rate", "monitor": ["inh_spikes", "exc_spikes"]}).axes[0]
    of_raster = {text.get_text(): text.get_color() for text in raster.texts}
    of_rate = {p.get_label(): mpl.colors.to_hex(p.get_edgecolor()).upper() for p in rate.patches}
    assert of_raster == of_rate
    assert len(of_raster) == 2


def test_lines_of_several_groups_end_where_their_bins_end(folders):
    raster = figure_of(folders("net"), {"kind": "raster"}).axes[1]
    monitors = ["inh_spikes", "exc_spikes"]
    others = [figure_of(folders("net"), {"kind": kind, "monitor": monitors}).axes[0] for kind in ("rate", "isi")]
    for axes in (raster, *others):
        assert len(axes.patches) > 1
        for patch in axes.patches:
            assert patch.get_data().baseline is None  # with one it would fall to zero
            assert not patch.get_fill()


@pytest.mark.parametrize("kind", ["psth", "isi", "rate"])
def test_every_monitor_of_a_list_is_drawn(folders, kind):
    axes = figure_of(folders("net"), {"kind": kind, "monitor": ["exc_spikes", "inh_spikes"]}).axes[0]
    assert len([p for p in axes.patches if hasattr(p, "get_data")]) == 2
    assert [t.get_text().split(":")[0] for t in axes.get_legend().get_texts()] == ["exc", "inh"]
    renamed = {"kind": kind, "monitor": ["exc_spikes", "inh_spikes"], "labels": {"inh": "other"}}
    axes = figure_of(folders("net"), renamed).axes[0]
    assert [t.get_text().split(":")[0] for t in axes.get_legend().get_texts()] == ["exc", "other"]


def twelve(folder):
    """Twelve neurons sampled by one monitor, and two of them by another."""
    v = np.arange(12) * 1e-3 + np.sin(np.arange(100) * 0.1)[:, None] * 1e-3

    def fill(writer):
        writer.add_states("v", {"v": v})
        writer.add_states("two", {"v": v[:, [3, 7]]})

    channels = (
        StateChannel("v", "g", np.arange(12), (Column("v", "V"),), 0.0, 1e-4),
        StateChannel("two", "g", np.array([3, 7]), (Column("v", "V"),), 0.0, 1e-4),
    )
    return synthetic.write(
        folder, RecordingPlan(states=channels), synthetic.about("x", 0.01, GroupFacts("g", 12)), fill
    )


@pytest.mark.parametrize(
    ("neurons", "drawn"),
    [("all", range(12)), ("0:12", range(12)), ("2:11:4", [2, 6, 10]), ([1, 5], [1, 5]), (3, [0, 1, 2])],
)
def test_traces_draw_the_neurons_that_are_asked_for(tmp_path, neurons, drawn):
    figure = figure_of(twelve(tmp_path), {"kind": "traces", "monitor": "v", "neurons": neurons})
    levels = [round(float(np.mean(line.get_ydata()))) for line in figure.axes[0].lines]
    assert levels == list(drawn)
    assert len({line.get_color() for line in figure.axes[0].lines}) == len(levels)
    assert "chosen at random" not in figure.get_supxlabel()


def test_traces_of_many_neurons_are_a_random_choice_that_is_said(tmp_path):
    figure = figure_of(twelve(tmp_path), {"kind": "traces", "monitor": "v"})
    levels = [round(float(np.mean(line.get_ydata()))) for line in figure.axes[0].lines]
    assert len(set(levels)) == 5
    assert "v: 5 of 12 neurons, chosen at random" in figure.get_supxlabel()
    assert len(set(np.diff(levels))) > 1  # no even stride


def test_traces_of_several_monitors_have_a_row_each(tmp_path):
    figure = figure_of(twelve(tmp_path), {"kind": "traces", "monitor": ["two", "v"], "neurons": "all"})
    assert [len(axes.lines) for axes in figure.axes] == [2, 12]
    assert [axes.get_title(loc="right") for axes in figure.axes] == ["two", "v"]


def test_a_long_recording_is_averaged_for_a_heatmap_and_that_is_said(tmp_path):
    data = np.zeros((5000, 2))
    data[::8] = 8.0  # every eighth sample would show nothing but these, or none

    def fill(writer):
        writer.add_states("v", {"v": data})

    channel = StateChannel("v", "g", np.arange(2), (Column("v", "1"),), 0.0, 1e-4)
    folder = synthetic.write(
        tmp_path, RecordingPlan(states=(channel,)), synthetic.about("x", 0.5, GroupFacts("g", 2)), fill
    )
    figure = figure_of(folder, {"kind": "heatmap"})
    assert np.allclose(figure.axes[0].collections[0].get_array()[:, :-1], 1.0)
    assert "each column is the mean of 8 samples" in figure.get_supxlabel()


def test_many_spikes_become_an_image_that_is_dark_where_they_are(tmp_path):
    plan = RecordingPlan(spikes=(SpikeChannel("out", "g", 1000),))
    steps = np.repeat(np.arange(0, 500), 400)

    def fill(writer):
        writer.add_spikes("out", steps, np.tile(np.arange(400), 500))

    folder = synthetic.write(tmp_path, plan, synthetic.about("x", 0.1, GroupFacts("g", 1000)), fill)
    raster = figure_of(folder, {"kind": "raster"}).axes[0]
    (picture,) = raster.images
    alpha = picture.get_array()[..., 3]
    rows, columns = alpha.shape
    assert alpha[: rows * 39 // 100, : columns * 49 // 100].mean() > 0.5
    assert alpha[rows * 41 // 100 :].max() == 0
    assert alpha[:, columns * 51 // 100 :].max() == 0


def test_traces_are_in_millivolts_with_threshold_reset_spikes_and_refractory_periods(folders):
    (axes,) = figure_of(folders("one"), {"kind": "traces"}).axes
    assert axes.get_ylabel() == "v (mV)"
    labels = [t.get_text() for t in axes.get_legend().get_texts()]
    assert set(labels) == {"threshold", "reset", "spike"}
    by_label = {line.get_label(): line for line in axes.lines}
    assert by_label["threshold"].get_ydata()[0] == pytest.approx(-50)
    assert by_label["reset"].get_ydata()[0] == pytest.approx(-65)
    red = [line for line in axes.lines if line.get_color() == SPIKE]
    source = Source.open(folders("one"))
    times = source.results.spikes("out").times_s
    source.close()
    assert [line.get_xdata()[0] for line in red] == pytest.approx((times * 1e3).tolist())
    assert {line.get_linestyle() for line in red} == {"-."}
    assert len(times) >= 4
    widths = [patch.get_width() for patch in axes.patches]
    assert widths == pytest.approx([5.0] * len(times))


def test_monitors_of_one_group_have_colours_of_their_own(folders):
    above, below = figure_of(folders("one"), {"kind": "raster"}).axes
    colours = {line.get_color() for line in above.lines if line.get_marker() == "|"}
    assert len(colours) == 2
    assert {mpl.colors.to_hex(p.get_edgecolor()) for p in below.patches} == {mpl.colors.to_hex(c) for c in colours}


def test_marked_events_have_no_refractory_period(folders):
    (axes,) = figure_of(folders("one"), {"kind": "traces", "marks": "above"}).axes
    assert len(axes.patches) == 0
    assert "event" in {t.get_text() for t in axes.get_legend().get_texts()}
    assert sum(line.get_color() == SPIKE for line in axes.lines) >= 4


def test_spikes_that_carry_the_variable_are_dots_on_its_trace(folders):
    axes = figure_of(folders("hh"), {"kind": "traces", "variables": ["v"]}).axes[0]
    (dots,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert dots.get_ydata().tolist() == pytest.approx([-40, -38, -39])


def test_each_variable_has_its_own_unit(folders):
    figure = figure_of(folders("hh"), {"kind": "traces"})
    assert [axes.get_ylabel() for axes in figure.axes] == ["v (mV)", "m", "g (µS)"]


def test_lines_limits_and_labels_are_drawn_where_asked(folders):
    plot = {
        "kind": "traces",
        "variables": ["v"],
        "marks": False,
        "lines": {"rest": -0.06},
        "vlines": {"cleft": [0.0068, 0.0118]},
        "xlim": [0, 0.03],
        "ylim": [-0.08, 0.05],
        "labels": {"neuron 0": "first", "neuron 2": "third"},
    }
    (axes,) = figure_of(folders("hh"), plot).axes
    assert axes.get_xlim() == (0, 30)
    assert axes.get_ylim() == (-80, 50)
    names = [t.get_text() for t in axes.get_legend().get_texts()]
    assert names == ["first", "neuron 1", "third", "rest", "cleft"]
    upright = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert upright == pytest.approx([6.8, 11.8])


def test_a_sweep_over_seeds_is_a_mean_with_its_confidence_interval(folders):
    from scipy.stats import t

    (axes,) = figure_of(folders("seeds"), {"kind": "curve", "x": "tau", "y": "rate"}).axes
    source = Source.open(folders("seeds"))
    values = source.table.metrics["rate"][0]
    source.close()
    (line,) = axes.lines
    assert np.allclose(line.get_ydata(), values.mean(axis=1))
    band, sample = axes.collections
    corners = band.get_paths()[0].vertices
    half = t.ppf(0.975, 9) * values.std(1, ddof=1) / np.sqrt(10)
    assert corners[:, 1].max() == pytest.approx((values.mean(1) + half).max(), rel=1e-4)
    assert sample.get_label() == "95 % CI, 10 seeds"
    assert axes.get_xlabel() == "tau (ms)"
    assert axes.get_ylabel() == "rate (Hz)"


def test_fewer_than_three_values_have_no_interval():
    values = np.array([[1.0, 2.0, np.nan, np.nan], [1.0, 2.0, 3.0, np.nan], [np.nan] * 4])
    table = SweepTable(
        (Axis("tau", "s", [1.0, 2.0, 3.0]), Axis("repeat", "1", range(4))),
        (),
        {"m": (values, "1")},
        np.ones((3, 4)),
        None,
    )
    points = Points.of(table, "m")
    assert np.array_equal(points.values, [1.5, 2.0, np.nan], equal_nan=True)
    assert np.isnan(points.half[[0, 2]]).all()
    assert points.half[1] == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)


def test_quantiles_of_students_distribution_are_right():
    from scipy.stats import t

    freedom = np.array([1, 2, 5, 10, 30, 31, 50, 100, 1000])
    assert np.allclose(student(freedom), t.ppf(0.975, freedom), rtol=3e-5)


def sweep_figure(folders, run, **options):
    return figure_of(folders(run), {"kind": "sweep", **options})


def test_a_second_parameter_makes_one_curve_a_value(folders):
    (axes,) = sweep_figure(folders, "bands", y="rate").axes
    curves = axes.lines[:3]
    assert [line.get_label() for line in curves] == ["tau = 5 ms", "tau = 10 ms", "tau = 20 ms"]
    assert axes.get_xlabel() == "I (nA)"
    # A point without a value is a gap; where a run did not finish there is a cross at the floor.
    assert [int(np.isnan(line.get_ydata()).sum()) for line in curves] == [1, 1, 1]
    (crosses, *circles) = axes.lines[3:]
    assert np.allclose(crosses.get_xdata(), np.linspace(0, 2, 12)[[4, 9]])
    assert [line.get_label() for line in circles] in ([], ["no value (NaN)"])
    assert crosses.get_label() == "did not finish"


def test_many_values_of_a_second_parameter_are_a_scale_of_colours(folders):
    figure = figure_of(folders("decades"), {"kind": "curve", "x": "tau", "y": "latency"})
    axes, bar = figure.axes
    curves = [line for line in axes.lines if line.get_label() not in ("did not finish", "no value (NaN)")]
    assert len(curves) == 10
    assert len({tuple(line.get_color()) for line in curves}) == 10
    assert bar.get_ylabel() == "J"
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")


def test_two_long_parameters_are_a_heatmap_with_what_is_missing_hatched(folders):
    figure = sweep_figure(folders, "decades", y="latency")
    axes, bar = figure.axes
    mesh, failed, absent, empty = axes.collections
    assert mesh.get_array().shape == (10, 13)
    assert [len(c.get_paths()) for c in (failed, absent, empty)] == [2, 9, 1]
    assert failed.get_hatch()
    assert absent.get_hatch()
    assert failed.get_hatch() != absent.get_hatch()
    assert empty.get_hatch() is None
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["failed", "not run", "no value"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("tau (ms)", "J", "latency (ms)")
    # The cells of a geometric series look equally wide: the edges are a geometric series too.
    ratios = np.diff(np.log(mesh.get_coordinates()[0, :, 0]))
    assert np.allclose(ratios, ratios[0])


def test_scales_are_as_asked_when_something_is_asked(folders):
    axes = sweep_figure(folders, "decades", y="latency", log=[]).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    figure = figure_of(folders("decades"), {"kind": "heatmap", "z": "latency", "log": "z"})
    assert figure.axes[0].get_xscale() == "linear"
    assert figure.axes[1].get_yscale() == "log"


@pytest.mark.parametrize(("run", "panels", "is_map"), [("cube", 4, True), ("few", 3, False)])
def test_three_parameters_are_small_multiples_that_share_their_scales(folders, run, panels, is_map):
    figure = sweep_figure(folders, run, y="rate")
    titled = [axes for axes in figure.axes if axes.get_title()]
    assert len(titled) == panels
    assert len({axes.get_xlim() for axes in titled}) == 1
    assert len({axes.get_ylim() for axes in titled}) == 1
    if is_map:
        assert [axes.get_title() for axes in titled] == [f"sigma = {s}" for s in ("0.1", "0.2", "0.5", "1")]
        assert len({axes.collections[0].get_clim() for axes in titled}) == 1
        assert figure.axes[-1].get_ylabel() == "rate (Hz)"
    else:
        assert [axes.get_title() for axes in titled] == ["sigma = 0.1", "sigma = 0.2", "sigma = 0.5"]
        (legend,) = figure.legends
        texts = [t.get_text() for t in legend.get_texts()]
        assert texts == ["El = −70 mV", "El = −60 mV", "El = −50 mV", "did not finish"]


def test_a_sample_is_the_metric_against_each_parameter(folders):
    figure = sweep_figure(folders, "sampled", y="rate")
    assert [axes.get_xlabel() for axes in figure.axes] == ["tau (ms)", "g", "exc.size", "noise (pA)"]
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "linear", "linear", "log"]
    source = Source.open(folders("sampled"))
    tau, rate = source.table.coordinates[0].values, source.table.metrics["rate"][0]
    source.close()
    dots, crosses = figure.axes[0].lines
    assert np.allclose(dots.get_xdata(), tau * 1e3)
    assert np.array_equal(dots.get_ydata(), rate, equal_nan=True)
    assert np.allclose(crosses.get_xdata(), tau[[3, 50]] * 1e3)


def test_a_page_of_rasters_shows_the_spikes_of_each_point(folders):
    figure = figure_of(folders("kept"), {"kind": "rasters"})
    shown = [axes for axes in figure.axes if axes.get_visible()]
    titles = [axes.get_title().replace("\u00a0", " ") for axes in shown]
    assert titles == ["drive = 5 pA", "drive = 20 pA", "drive = 60 pA", "drive = 0 A", "drive = 10 pA"]
    for k in range(3):
        with Results.open(folders("kept") / "points" / f"{k:05d}") as results:
            number = len(results.spikes("e").ids) + len(results.spikes("i").ids)
        assert sum(len(line.get_xdata()) for line in shown[k].lines) == number > 5
    assert [t.get_text() for axes in shown[3:] for t in axes.texts] == ["no spikes", "no results"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["exc", "inh"]


def test_a_page_of_rasters_without_kept_results_says_so(folders):
    (text,) = [t for t in texts_of(figure_of(folders("tau"), {"kind": "rasters"})) if "keep" in t]
    assert "keep: results" in text.replace("\n", " ")


def test_the_curve_of_a_run_is_the_stored_series(folders):
    (axes,) = figure_of(folders("thirty"), {"kind": "curve", "x": "v0", "y": "rates(spikes)"}).axes
    assert axes.get_xlabel() == "v0"
    assert axes.get_ylabel() == "rates(spikes) (Hz)"
    assert axes.lines[0].get_xdata()[-1] == 3
    assert axes.lines[0].get_marker() == "o"


def test_connectivity_shows_every_pair_in_both_panels(folders):
    columns, matrix = figure_of(folders("syn"), {"kind": "connectivity"}).axes
    source = Source.open(folders("syn"))
    pairs = source.results.connectivity("pairs")
    source.close()
    segments = columns.collections[0].get_segments()
    assert [(int(s[0][1]), int(s[1][1])) for s in segments] == list(zip(pairs.pre, pairs.post, strict=True))
    assert np.array_equal(matrix.lines[0].get_xdata(), pairs.pre)
    assert np.array_equal(matrix.lines[0].get_ydata(), pairs.post)
    assert [t.get_text() for t in columns.get_xticklabels()] == ["Source\npop", "Target\npop"]


def test_too_many_pairs_are_a_random_choice_that_is_said_and_stays(folders):
    drawn = []
    for _ in range(2):
        columns = figure_of(folders("net"), {"kind": "connectivity"}).axes[0]
        assert columns.get_title() == "2,000 of 16,000 synapses, chosen at random"
        drawn.append([(int(s[0][1]), int(s[1][1])) for s in columns.collections[0].get_segments()])
    assert drawn[0] == drawn[1]
    source = Source.open(folders("net"))
    pairs = source.results.connectivity("pairs")
    source.close()
    every = list(zip(pairs.pre.tolist(), pairs.post.tolist(), strict=True))
    places, rest = [], iter(enumerate(every))
    for pair in drawn[0]:
        places.append(next(k for k, other in rest if other == pair))
    # An even stride would have gaps of 8 alone; those of a random choice are as various as intervals of chance.
    assert np.std(np.diff(places)) == pytest.approx(8, rel=0.1)


def test_weights_are_counted_once_each_and_stand_at_their_pair(folders):
    figure = figure_of(folders("syn"), {"kind": "weights", "monitor": "pairs"})
    source = Source.open(folders("syn"))
    pairs = source.results.connectivity("pairs")
    source.close()
    assert figure.axes[0].patches[0].get_data().values.sum() == len(pairs.pre)
    assert figure.axes[0].get_xlabel() == "w (nS)"
    shown = figure.axes[1].images[0].get_array()
    assert shown[pairs.post[3], pairs.pre[3]] == pytest.approx(pairs.values["w"][3] * 1e9)


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        ({"kind": "raster"}, "no spikes in 'out'"),
        ({"kind": "rate"}, "no spikes in 'out'"),
        ({"kind": "psth"}, "no spikes in 'out'"),
        ({"kind": "image"}, "no spikes in 'out'"),
        ({"kind": "isi"}, "no neuron spiked twice in 'out'"),
        ({"kind": "traces"}, "all values in 'v' are NaN"),
        ({"kind": "heatmap"}, "all values of 'v' are NaN"),
        ({"kind": "connectivity"}, "no connections in 'pairs'"),
        ({"kind": "weights", "monitor": "pairs"}, "no values of 'w' in 'pairs'"),
    ],
)
def test_nothing_to_draw_is_said_in_the_picture(folders, plot, message):
    figure = figure_of(folders("silent"), plot)
    assert any(message in text for text in texts_of(figure))
    assert not any(axes.axison for axes in figure.axes)


def test_title_hash_and_seed_are_on_the_page(folders):
    figure = figure_of(folders("one"), {"kind": "raster"})
    assert figure.get_suptitle() == "LIF neuron with a refractory period"
    assert figure.get_supxlabel() == "3f9a1c02 · seed 1"
    assert figure_of(folders("one"), {"kind": "raster", "title": "mine"}).get_suptitle() == "mine"


@pytest.mark.parametrize("text", ["$\\frac{1}{0}$", "$x", "cost $5 and $6", "a\nb\x1b[31m", "数" * 40, "x" * 500])
def test_any_text_of_a_user_can_be_drawn_and_is_not_mathematics(folders, tmp_path, text):
    plot = {"kind": "traces", "title": text, "lines": {text: -0.06}, "labels": {"x": text, "v": text}}
    (path,) = draw(folders("one"), [plot], tmp_path, ("svg",))
    assert path.stat().st_size > 1000
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = figure_of(folders("one"), plot)
    assert not any(t.get_parse_math() for t in figure.findobj(mpl.text.Text))


def test_an_unknown_format_is_an_error(folders, tmp_path):
    with pytest.raises(ExperimentError, match="PL105"):
        draw(folders("one"), None, tmp_path, ("gif",))


@pytest.mark.parametrize(
    "plot",
    [
        {"kind": "raster", "monitor": "nothing"},
        {"kind": "traces", "variables": ["u"]},
        {"kind": "connectivity"},
        {"kind": "curve"},
        {"kind": "sweep"},
        {"kind": "weights"},
    ],
)
def test_pictures_of_what_was_not_recorded_are_storage_errors(folders, tmp_path, plot):
    with pytest.raises(StorageError):
        draw(folders("one"), [plot], tmp_path)


def test_pictures_of_a_run_from_a_sweep_are_storage_errors(folders, tmp_path):
    with pytest.raises(StorageError, match="ST208"):
        draw(folders("tau"), [{"kind": "raster"}], tmp_path)
    with pytest.raises(StorageError, match="ST202"):
        draw(tmp_path, None, tmp_path)


def test_a_style_file_changes_looks_and_nothing_else(folders, tmp_path):
    style = tmp_path / "paper.mplstyle"
    style.write_text("# mine\naxes.labelsize: 11\naxes.prop_cycle: cycler('color', ['009E73', 'D55E00'])\n")
    plain, styled = (
        draw(folders("one"), None, tmp_path / s, style=path)[0] for s, path in (("a", None), ("b", str(style)))
    )
    assert plain.read_bytes() != styled.read_bytes()
    for line in (
        "backend: module://os",
        "text.usetex: True",
        "savefig.directory: /",
        "svg.hashsalt: x",
        "nonsense: 1",
        "axes.prop_cycle: cycler('color', [__import__('os').getcwd()])",
        "axes.labelsize: [",
        "keymap.save: s",
    ):
        style.write_text(line + "\n")
        with pytest.raises(ExperimentError, match="PL104"):
            draw(folders("one"), None, tmp_path / "c", style=str(style))


def test_styles_of_matplotlib_are_known_by_name_and_add_up(folders, tmp_path):
    (tmp_path / "large.mplstyle").write_text("axes.labelsize: 20\n")
    plot = {"kind": "raster", "monitor": "exc_spikes", "style": ["dark_background", str(tmp_path / "large.mplstyle")]}
    (path,) = draw(folders("net"), [plot], tmp_path)
    with Image.open(path) as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (0, 0, 0)
    with style_context(plot["style"]):
        assert mpl.rcParams["axes.labelsize"] == 20
    with pytest.raises(ExperimentError, match="PL104") as caught:
        draw(folders("net"), [plot], tmp_path, style="dark-background")
    assert "dark_background" in caught.value.diagnostics[0].help


def test_file_names_tell_pictures_apart():
    plots = [
        {"kind": "raster", "monitor": "a"},
        {"kind": "raster", "monitor": "b"},
        {"kind": "traces"},
        {"kind": "isi", "name": "../../etc/passwd"},
        {"panels": [{"kind": "rate"}, {"kind": "curve"}]},
        {"kind": "psth", "name": "x"},
        {"kind": "psth", "name": "x"},
    ]
    names = file_names([picture_from(p) for p in plots])
    assert names == ["raster-a", "raster-b", "traces", "_.._etc_passwd", "rate-curve", "x", "x-2"]


def test_suggested_pictures_put_all_groups_into_one_raster(folders):
    source = Source.open(folders("net"))
    first = suggested(source)[0]
    source.close()
    assert first.panels[0].monitor == ("exc_spikes", "inh_spikes")


@pytest.mark.parametrize("size", ["column", "page"])
@pytest.mark.parametrize(
    ("run", "plot"),
    [
        ("thirty", {"kind": "image"}),
        ("layers", {"kind": "image"}),
        ("thirty", {"kind": "image", "bins": 5000}),
        ("hh", {"kind": "heatmap", "variables": ["v"]}),
        ("syn", {"kind": "weights", "monitor": "pairs"}),
    ],
)
def test_cells_are_not_smaller_than_pixels(folders, run, plot, size):
    figure = figure_of(folders(run), {**plot, "size": size})
    checked = 0
    for axes in all_axes(figure):
        if axes.get_label() == "<colorbar>":
            continue
        box = axes.get_window_extent()
        for image in [*axes.images, *axes.collections]:
            shape = np.shape(image.get_array())
            if len(shape) == 2:
                assert shape[1] <= box.width / figure.dpi * 200
                assert shape[0] <= box.height / figure.dpi * 200
                checked += 1
    assert checked == 1


def test_one_neuron_has_whole_numbers_along_its_axis(folders):
    figure = figure_of(folders("one"), {"kind": "image"})
    axes = figure.axes[0]
    assert [tick for tick in axes.get_yticks() if -0.5 <= tick <= 0.5] == [0]


def test_a_threshold_has_the_look_of_no_trace(folders):
    (axes, *_) = figure_of(folders("one"), {"kind": "traces"}).axes
    (threshold,) = (line for line in axes.lines if line.get_label() == "threshold")
    assert threshold.get_color() not in PALETTE
    assert threshold.is_dashed()


@pytest.mark.parametrize(("low", "high"), [(-0.5, 0.5), (-0.5, 1.5), (-0.5, 199.5), (6.5, 7.5), (-0.5, 2.5)])
def test_small_axes_of_numbers_have_ticks_at_whole_ones_and_two_where_there_are(low, high):
    figure = mpl.figure.Figure((1, 0.8))
    axes = figure.add_subplot()
    axes.set_ylim(low, high)
    round_ticks(axes, integer_y=True)
    seen = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert all(tick == round(tick) for tick in seen)
    assert len(seen) >= min(2, round(high - low))


def test_points_without_a_value_keep_their_place_on_the_axis():
    axes = Figure().subplots()
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([np.nan, 5.0, 6.0, np.nan])
    lost = np.array([True, False, False, False])
    found = Curves([Curve(x, y, None, "", lost)], Quantity("x", "1"), Quantity("y", "1"), of=1)
    draw_curves(axes, found, Options("curve"), Scale(1.0, "1"))
    low, high = axes.get_xlim()
    assert low <= 1
    assert high >= 4
    marked = {line.get_label(): list(line.get_xdata()) for line in axes.lines[1:]}
    assert marked == {"did not finish": [1.0], "no value (NaN)": [4.0]}

"""Pictures for print: without title and foot, with scale bars, stacked traces, legends at any place, one scale."""

import numpy as np
import plot_sizes as sizes
import pytest
from matplotlib.colors import to_rgb
from test_plot_sizes import faults, source_of, texts_in

from snnrun.plot.draw import compose
from snnrun.plot.options import picture_from
from snnrun.plot.style import style_context

__all__ = ["source_of"]  # a fixture


def drawn(source, **plot):
    with style_context():
        figure = compose(source, picture_from({**sizes.PLOTS[plot["kind"]], "size": "column", **plot}))
        figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize(
    ("footer", "foot"), [("all", "mean of 4 trials\n3f9a1c02 · seed 1"), ("notes", "mean of 4 trials"), ("none", "")]
)
def test_title_and_foot_are_left_out_where_asked(source_of, footer, foot):
    figure = drawn(source_of("psth", 4), kind="psth", title="none", footer=footer)
    assert (figure.get_suptitle(), figure.get_supxlabel()) == ("", foot)


def test_stacked_traces_are_their_values_and_so_much_higher_and_are_named(source_of):
    figure = drawn(source_of("traces", 4), kind="traces", variables=["v"], offset=0.03, labels={"neuron 2": "mine"})
    (axes,) = figure.axes
    samples = source_of("traces", 4).run().states("v", "v").data
    curves = [line for line in axes.lines if line.get_linestyle() == "-"]
    for k, line in enumerate(curves):
        assert line.get_ydata() == pytest.approx(samples[:, k] * 1e3 + 30 * k)
    assert [t.get_text() for t in axes.get_yticklabels()] == ["neuron 0", "neuron 1", "mine", "neuron 3"]
    assert axes.get_ylabel() == "v, 30 mV apart"
    assert axes.get_legend() is None


@pytest.mark.parametrize("size", ["column", "page"])
def test_scale_bars_have_their_lengths_and_stand_outside_the_data(source_of, size):
    figure = drawn(source_of("traces", 1), kind="traces", variables=["v"], scale_bars=[0.02, 0.01], size=size)
    (axes,) = figure.axes
    bars = [line for line in axes.lines if not line.get_clip_on()]
    assert [np.ptp(bars[1].get_xdata()), np.ptp(bars[0].get_ydata())] == pytest.approx([20, 10])
    assert [t.get_text() for t in axes.texts] == ["10 mV", "20 ms"]
    assert not any(text.get_window_extent().overlaps(axes.get_window_extent()) for text in axes.texts)
    assert not any(axes.spines[side].get_visible() for side in axes.spines)
    assert faults(figure) == []


@pytest.mark.parametrize("place", ["above", "below", "right", "none", "upper right"])
def test_a_legend_stands_where_it_is_asked_for(source_of, place):
    figure = drawn(source_of("rate", 4), kind="rate", legend=place)
    (axes,) = figure.axes
    found = [*figure.legends, *filter(None, [axes.get_legend()])]
    assert len(found) == (place != "none")
    if place == "upper right":
        assert axes.get_window_extent().contains(*found[0].get_window_extent().min)
    else:
        assert faults(figure) == []


def test_twelve_traces_have_twelve_colours_and_names_and_room_at_85_mm(source_of):
    figure = drawn(source_of("traces", 5_000), kind="traces", variables=["v"], neurons=12, marks="none")
    (axes,) = figure.axes
    curves = [line for line in axes.lines if line.get_label().startswith("neuron")]
    assert len({line.get_color() for line in curves}) == len({line.get_label() for line in curves}) == 12
    assert axes.get_window_extent().height / figure.dpi > 1.0
    assert faults(figure) == []


def test_weights_of_several_times_share_their_bins_and_their_colours(source_of):
    source = source_of("weights", 4)
    figure = drawn(source, kind="weights", times=[0.0, 0.2], size="page")
    first, last = (patch.get_data() for patch in figure.axes[0].patches)
    assert first.edges == pytest.approx(last.edges)
    assert first.values.sum() == last.values.sum() == 80
    images = [axes.images[0] for axes in figure.axes[1:3]]
    assert images[0].get_clim() == images[1].get_clim()
    trace = source.run().states("w", "w")
    pair = trace.post * 4 + trace.pre
    means = [
        np.bincount(pair, row, minlength=16) / np.bincount(pair, minlength=16) for row in trace.data[[0, -1]] * 1e9
    ]
    for image, mean in zip(images, means, strict=True):
        assert np.ma.filled(image.get_array(), np.nan).ravel() == pytest.approx(mean)
    assert images[0].get_clim() == pytest.approx((float(np.min(means)), float(np.max(means))))
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["0 ms", "199 ms"]


def test_connections_have_the_colour_of_their_weight_on_the_scale_asked_for(source_of):
    source = source_of("connectivity", 4)
    figure = drawn(source, kind="connectivity", z="w", zlim=[0.0, 1e-8], colourmap="gray")
    pairs = source.run().connectivity("pairs")
    grey = [float(colour[0]) for colour in figure.axes[0].collections[0].get_colors()]
    assert np.corrcoef(grey, pairs.values["w"])[0, 1] > 0.999
    assert figure.axes[1].images[0].get_clim() == pytest.approx((0.0, 10.0))  # nS


def test_colours_are_those_of_the_names_or_of_the_list(source_of):
    named = drawn(source_of("raster", 4), kind="raster", colours={"inhibitory": "red"})
    assert {text.get_color() for text, _ in texts_in(named) if text.get_text() == "inhibitory"} == {"red"}
    listed = drawn(source_of("raster", 4), kind="raster", colours=["red", "lime"], parts=["spikes"])
    (axes,) = listed.axes
    assert [to_rgb(text.get_color()) for text in axes.texts] == [(1, 0, 0), (0, 1, 0)]

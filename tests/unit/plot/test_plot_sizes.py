"""Every kind of plot at 85 mm and 180 mm, with nothing, one neuron, few and many: all can be read, also on black."""

import itertools

import numpy as np
import plot_sizes as sizes
import pytest
from matplotlib.colors import to_rgb
from matplotlib.legend import Legend
from matplotlib.text import Text

from snnrun.plot.draw import compose
from snnrun.plot.options import picture_from
from snnrun.plot.source import Source
from snnrun.plot.style import style_context
from snnrun.plot_kinds import PLOT_KINDS

SMALLEST_INCH = 0.35
"""An axes that is lower or narrower cannot be read."""


@pytest.fixture(scope="module")
def source_of(tmp_path_factory):
    """The results for a kind of plot and a number of neurons."""
    root, opened = tmp_path_factory.mktemp("sizes"), {}

    def source(kind, n):
        make = sizes.sweep if kind in sizes.OF_SWEEP else sizes.run
        key = (make.__name__, n)
        if key not in opened:
            opened[key] = Source.open(make(root / f"{make.__name__}{n}", n))
        return opened[key]

    yield source
    for each in opened.values():
        each.close()


def drawn(source, kind, *, style=(), laid_out=True, **options):
    with style_context(style):
        figure = compose(source, picture_from({"kind": kind, **sizes.PLOTS[kind], **options}))
        if laid_out:  # without the drawing, which takes longer
            figure.get_layout_engine().execute(figure)
            for axes in figure.axes:
                axes.get_tightbbox()  # moves labels
    return figure


def texts_in(figure):
    """Every text that can be seen, with its box in pixels."""
    in_legends = {id(text) for legend in figure.findobj(Legend) for text in legend.get_texts()}  # placed with their box
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and id(artist) not in in_legends):
        axes = text.axes
        if text.get_visible() and text.get_text().strip() and (axes is None or axes.axison):
            yield text, text.get_window_extent()


def ticks_in_view(axis):
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    return [
        tick.label1.get_window_extent()
        for tick in axis.get_major_ticks()
        if tick.label1.get_visible() and tick.label1.get_text() and low - room <= tick.get_loc() <= high + room
    ]


def faults(figure):
    """What cannot be read: texts off the page or on each other, legends over data, axes without room."""
    page, found = figure.bbox, []
    outside = {id(t) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for t in axis.get_ticklabels()}
    for text, box in [*texts_in(figure), *((legend, legend.get_window_extent()) for legend in figure.findobj(Legend))]:
        leaves = box.x0 < page.x0 - 1 or box.x1 > page.x1 + 1 or box.y0 < page.y0 - 1 or box.y1 > page.y1 + 1
        if leaves and id(text) not in outside:
            found.append(f"off the page: {text}")
    boxes = [axes.get_window_extent() for axes in figure.axes]
    found += ["axes overlap" for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]
    for axes, box in zip(figure.axes, boxes, strict=True):
        colorbar = hasattr(axes, "_colorbar")
        if min(box.height, 1e9 if colorbar else box.width) < SMALLEST_INCH * figure.dpi:
            found.append(f"no room: {box.width / figure.dpi:.2f} x {box.height / figure.dpi:.2f} inch")
        legend = axes.get_legend()
        if legend is not None and any(legend.get_window_extent().overlaps(other.shrunk(0.99, 0.99)) for other in boxes):
            found.append("the legend lies over data")
        for axis in (axes.xaxis, axes.yaxis):
            shown = ticks_in_view(axis)
            found += ["numbers overlap" for a, b in itertools.combinations(shown, 2) if a.overlaps(b)]
            label = axis.label.get_window_extent()
            if axis.label.get_text() and any(label.overlaps(tick) for tick in shown):
                found.append(f"on its numbers: {axis.label.get_text()}")
    return found


def test_every_kind_has_a_picture_here():
    assert set(sizes.PLOTS) == set(PLOT_KINDS)


@pytest.mark.parametrize(
    ("kind", "n"), [(kind, n) for kind in sizes.PLOTS for n in sizes.NUMBERS if kind != "sweep" or n < 2]
)
def test_pictures_can_be_read(source_of, kind, n):
    source = source_of(kind, n)
    assert faults(drawn(source, kind, size="column")) == []
    if n:  # otherwise it is a message
        assert faults(drawn(source, kind, size="page")) == []


def contrast(a, b):
    """The ratio of two colours' luminance (WCAG 2)."""
    linear = [np.where((c := np.array(to_rgb(x))) <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for x in (a, b)]
    low, high = sorted(float(np.dot(c, (0.2126, 0.7152, 0.0722))) for c in linear)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("kind", sizes.PLOTS)
def test_dark_styles_leave_nothing_dark_on_black(source_of, kind):
    figure = drawn(source_of(kind, 4), kind, style=["dark_background"], size="column", laid_out=False)
    assert to_rgb(figure.get_facecolor()) == (0, 0, 0)
    colours = {text.get_color() for text, _ in texts_in(figure)}
    colours |= {line.get_color() for axes in figure.axes for line in axes.lines if len(line.get_xdata()) > 1}
    colours.discard("black")  # lines in the colour of the ground between groups
    assert {colour for colour in colours if contrast(colour, "black") < 2.5} == set()
    for image in (image for axes in figure.axes for image in axes.images):
        if kind in ("image", "connectivity"):
            assert to_rgb(image.cmap(0.0)) == (0, 0, 0)

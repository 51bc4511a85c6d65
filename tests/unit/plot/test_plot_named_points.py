"""Pictures of sweeps whose points have names: names in the legend, or along the axis with nothing between them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from snnrun.plot.curve import draw_curve
from snnrun.plot.options import options_from
from snnrun.plot.source import Source
from snnrun.plot.sweep import Form, draw_sweep, layout_of
from snnrun.results.sweep_table import Axis, Coordinate, SweepTable

NAMES = ["tonic", "bursting", "silent", "fast"]
DRIVE = Axis("drive", "A", np.array([1.0, 2.0, 3.0]))
POINTS = Axis("points", None, NAMES)
ALONG = (Coordinate("points", "tau", "s", np.array([0.01, 0.02, 0.03, 0.04])),)


def table(*axes):
    shape = tuple(len(axis.values) for axis in axes)
    rates = np.arange(np.prod(shape), dtype=float).reshape(shape)
    return SweepTable(axes, ALONG, {"rate": (rates, "Hz")}, np.ones(shape, np.int8), None)


def texts(axes):
    return [text.get_text() for text in axes.get_xticklabels()]


@pytest.mark.parametrize("axes", [(DRIVE, POINTS), (POINTS, DRIVE)])
def test_numbers_lie_along_x_and_names_are_in_the_legend(axes):
    found = layout_of(table(*axes), options_from({"kind": "sweep"}))
    assert (found.form, found.x.name) == (Form.CURVES, "drive")
    figure = Figure()
    draw_sweep(figure, Source(None, table(*axes), None), options_from({"kind": "sweep"}))
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert labels == NAMES


def test_names_alone_lie_along_x_without_a_line_between_them():
    for kind, draw in (("sweep", draw_sweep), ("curve", draw_curve)):
        figure = Figure()
        draw(figure, Source(None, table(POINTS), None), options_from({"kind": kind, "y": "rate"}))
        axes = figure.axes[0]
        assert texts(axes) == NAMES
        (line,) = axes.lines
        assert line.get_linestyle() == "None"
        assert line.get_ydata().tolist() == [0, 1, 2, 3]


def test_repetitions_of_names_are_bars():
    figure = Figure()
    repeated = table(POINTS, Axis("repeat", "1", np.array([1.0, 2.0, 3.0])))
    draw_curve(figure, Source(None, repeated, None), options_from({"kind": "curve", "y": "rate"}))
    bars = [c.get_segments() for c in figure.axes[0].collections if hasattr(c, "get_segments")]
    half = 4.3027 / np.sqrt(3)  # Student's t with 2 degrees of freedom, of 1, 2, 3 with a deviation of 1
    np.testing.assert_allclose(bars[0][0][:, 1], [1 - half, 1 + half], rtol=1e-4)

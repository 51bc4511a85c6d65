"""Legends, outside the data unless a corner is asked for, and scale bars instead of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from snnrun.plot.options import Options
from snnrun.plot.page import LETTERS_PER_INCH, AnyFigure, as_well_as_can_be, fitting, folded, inches, widths
from snnrun.plot.quantities import Scale
from snnrun.plot.style import ink

_BESIDE: dict[str, Any] = {"right": "outside right upper", "below": "outside lower left"}
"""Places of legends that belong to a figure rather than to one pair of axes."""
_TWO_LINES = 0.35  # of a legend [inch]


def legend(axes: Axes, options: Options, *, always: bool = False) -> None:
    """A legend when there is more than one thing to tell apart: outside the data, unless a corner is asked for."""
    handles, labels = axes.get_legend_handles_labels()
    if options.legend == "none" or not labels or (len(labels) < 2 and not always):
        return
    if options.legend in _BESIDE:
        figure = axes.get_figure()
        assert figure is not None
        legend_beside(figure, handles, labels, options)
        return
    if options.legend != "above":
        corner: Any = options.legend
        axes.legend(handles, [fitting(label, 2.0) for label in labels], loc=corner)
        return
    room = inches(axes)[0]
    most = max(room - 0.35, 0.5) / 0.06 / LETTERS_PER_INCH  # beside the line, at the smaller size of legends
    labels = [folded(label, most) for label in labels]
    longest = max(int(widths(line)[-1]) for label in labels for line in label.split("\n"))
    columns = max(1, min(len(labels), int(room / (0.35 + 0.068 * longest))))
    axes.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2, columnspacing=1.0
    )


def legend_height(figure: AnyFigure, place: str) -> float:
    """The height of legends above or below axes, without two lines, for which a page has room. [inch]."""
    above = [found for axes in figure.axes if (found := axes.get_legend()) is not None]
    legends = {"above": above, "below": figure.legends}.get(place, [])
    with as_well_as_can_be():
        heights = [found.get_window_extent().height / figure.dpi for found in legends]
    return sum(max(height - _TWO_LINES, 0.0) for height in heights)


def legend_beside(figure: AnyFigure, handles: Sequence[Artist], labels: Sequence[str], options: Options) -> None:
    """One legend of a figure, right of all axes or below them; what was in it before stays in it."""
    found = dict(zip(labels, handles, strict=True))
    for before in figure.legends[:]:
        old = dict(zip((t.get_text() for t in before.get_texts()), before.legend_handles, strict=True))
        found = {label: handle for label, handle in old.items() if handle is not None} | found
        before.remove()
    if options.legend == "none" or not found:
        return
    names = [fitting(label, 2.0) for label in found]
    room = 0.8 * float(figure.bbox.width / figure.dpi)
    longest = max(int(widths(name)[-1]) for name in names)
    columns = 1 if options.legend == "right" else max(1, min(len(names), int(room / (0.35 + 0.068 * longest))))
    figure.legend(list(found.values()), names, loc=_BESIDE.get(options.legend, _BESIDE["below"]), ncols=columns)


def draw_scale_bars(axes: Axes, options: Options, x: Scale | None, y: Scale | None) -> None:
    """Bars of a length along x, below the axes, and along y, right of them, instead of the lines with numbers."""
    if not options.scale_bars:
        return
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(left=False, bottom=False, labelleft=options.offset is not None, labelbottom=False)
    axes.set_xlabel("")
    right, low = axes.get_xlim()[1], axes.get_ylim()[0]
    look: dict[str, Any] = {"color": ink(), "linewidth": 1.2, "clip_on": False, "solid_capstyle": "butt"}
    text: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7}
    if x is not None:
        length = float(x(options.scale_bars[0]))
        axes.plot([right - length, right], [-0.03, -0.03], transform=axes.get_xaxis_transform(), **look)
        place: dict[str, Any] = {"xy": (right - length / 2, -0.03), "xycoords": axes.get_xaxis_transform()}
        axes.annotate(x.text(options.scale_bars[0]), **place, xytext=(0, -3), ha="center", va="top", **text)
    if y is not None and len(options.scale_bars) > 1:
        height = float(y(options.scale_bars[1]))
        axes.plot([1.01, 1.01], [low, low + height], transform=axes.get_yaxis_transform(), **look)
        place = {"xy": (1.01, low + height / 2), "xycoords": axes.get_yaxis_transform()}
        axes.annotate(y.text(options.scale_bars[1]), **place, xytext=(3, 0), ha="left", va="center", **text)

"""The options of one picture, from the plain data of the file's `plots:` section."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.errors import Diagnostic, ExperimentError
from snnrun.plot_kinds import OPTIONS, Form


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a picture. [m]; no height: what suits the kind."""

    width: float
    height: float | None = None


PAGE = Size(0.180)
_WIDTHS = {"column": Size(0.085), "page": PAGE}


@dataclass(frozen=True, slots=True)
class Options:
    """What a plot asks for; None or empty means: choose from the data.

    Args:
        kind: The kind of plot, by its name.
        monitor: The monitors to draw.
        variables: Variables of a state or connectivity monitor.
        neurons: Neurons to draw: how many, a slice such as `0:100` (of all: `:`), or a list; None for the usual ones.
        x: Quantity along x (curve, heatmap, sweep).
        y: Quantity along y.
        more_y: Further quantities along y, of the same unit (curve).
        z: Metric shown as colour (heatmap, sweep).
        xlim: Limits along x. [SI]
        ylim: Limits along y. [SI]
        size: Size of the picture.
        title: Its title instead of the experiment's.
        labels: Other words for axes (`x`, `y`, `z`), groups, variables, metrics and the like.
        style: Styles of matplotlib and style files, the later ones over the earlier ones.
        bin: Width of a time bin. [s]
        bins: Number of bins.
        marks: Spike monitor whose spikes are marked; False in the file (here `no_marks`) for none.
        no_marks: Mark no spikes.
        lines: Horizontal lines: label and SI value.
        vlines: Vertical lines: label and SI value.
        overlay: Draw all variables of traces in one pair of axes.
        period: Period to fold time with (psth). [s]
        log: Logarithmic axes, any of `x`, `y`, `z`; None: as the values of a sweep are spread.
        name: Name of the picture's file.
        zlim: Limits of the colours of values. [SI]
        times: When the values are drawn (weights). [s]
        offset: Distance between traces that stand above each other. [SI]
        scale_bars: Lengths of the bars instead of axes, along x and perhaps along y. [SI]
        parts: The parts that are drawn, all when empty.
        legend: Where the legend stands: `above` the axes, `below`, `right`, a corner inside, or `none`.
        colours: Colours by the names of what is drawn.
        cycle: Colours in the order of what is drawn.
        colourmap: The map of colours of values.
        footer: What stands at the foot: `all`, `notes` or `none`.
    """

    kind: str
    monitor: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    neurons: int | slice | tuple[int, ...] | None = None
    x: str | None = None
    y: str | None = None
    more_y: tuple[str, ...] = ()
    z: str | None = None
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    size: Size | None = None
    title: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    style: tuple[str, ...] = ()
    bin: float | None = None
    bins: int | None = None
    marks: str | None = None
    no_marks: bool = False
    lines: tuple[tuple[str, float], ...] = ()
    vlines: tuple[tuple[str, float], ...] = ()
    overlay: bool = False
    period: float | None = None
    log: tuple[str, ...] | None = None
    name: str | None = None
    zlim: tuple[float, float] | None = None
    times: tuple[float, ...] = ()
    offset: float | None = None
    scale_bars: tuple[float, ...] = ()
    parts: tuple[str, ...] = ()
    legend: str = "above"
    colours: Mapping[str, str] = field(default_factory=dict)
    cycle: tuple[str, ...] = ()
    colourmap: str | None = None
    footer: str = "all"

    def colour(self, name: str, otherwise: str) -> str:
        """The colour of a part of the picture: the one that the plot gives it, or its usual one."""
        return self.colours.get(name, otherwise)

    def has(self, part: str) -> bool:
        """Whether a part of the picture is drawn."""
        return not self.parts or part in self.parts

    def label(self, name: str) -> str:
        """What a part of the picture is called: by the label that the plot gives it, or by its own name."""
        return self.labels.get(name, name)

    def visible(self, span: tuple[float, float]) -> tuple[float, float]:
        """A span, with what limits along x show beside it."""
        low, high = self.xlim or span
        return min(span[0], low), max(span[1], high)

    def is_log(self, axis: str, *, suggested: bool = False) -> bool:
        """Whether an axis is logarithmic: as asked for, or as its values suggest."""
        return suggested if self.log is None else axis in self.log

    def pick(self, available: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ones of some neurons that this plot asks for, in their order."""
        match self.neurons:
            case None:
                return available
            case int(n):
                return available[:n]
            case slice():
                low, high, step = self.neurons.indices(int(available.max(initial=-1)) + 1)
                return available[np.isin(available, np.arange(low, high, step))]
            case tuple():
                return available[np.isin(available, self.neurons)]


@dataclass(frozen=True, slots=True)
class Picture:
    """One file: panels beside each other, mostly one.

    Args:
        panels: The plots in it.
        size: Its size.
        title: Its title instead of the experiment's; empty for none.
        style: Styles of matplotlib and style files.
        name: Name of its file.
        footer: What stands at the foot: `all`, `notes` or `none`.
    """

    panels: tuple[Options, ...]
    size: Size | None = None
    title: str | None = None
    style: tuple[str, ...] = ()
    name: str | None = None
    footer: str = "all"


def picture_from(plain: Mapping[str, Any]) -> Picture:
    """A picture from one item of `plots:`, checked by `resolve.plots`."""
    whole = _read({key: value for key, value in plain.items() if key != "panels"})
    panels = tuple(options_from(panel) for panel in plain.get("panels", [plain]))
    return Picture(panels, **{key: whole[key] for key in ("size", "title", "style", "name", "footer") if key in whole})


def options_from(plain: Mapping[str, Any]) -> Options:
    """The options of one plot from plain data."""
    found = _read(plain)
    y, marks, colours = found.pop("y", ()), found.pop("marks", None), found.pop("colours", None)
    no_marks = marks is False or marks == "none"
    found |= {"colours": colours} if isinstance(colours, Mapping) else {"cycle": colours or ()}
    found |= {"marks": None if no_marks else marks, "no_marks": no_marks}
    return Options(**found, y=y[0] if y else None, more_y=y[1:])


def _read(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given; a `source` has become its monitors."""
    given = [option for option in OPTIONS if plain.get(option.name) is not None and option.name != "source"]
    return {option.name: _READ[option.form](plain[option.name]) for option in given}


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _neurons(value: Any) -> int | slice | tuple[int, ...]:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        bounds = value.split(":") if value != "all" else [""] * 2
        return slice(*(int(bound) if bound.strip() else None for bound in bounds))
    return tuple(value)


def _size(value: Any) -> Size:
    return _WIDTHS[value] if isinstance(value, str) else Size(*value)


def _lines(value: Any) -> tuple[tuple[str, float], ...]:
    """Lines with their labels: one number or a list of them, or a map from labels to either."""
    labelled = value if isinstance(value, Mapping) else {"": value}
    return tuple(
        (label, position)
        for label, positions in labelled.items()
        for position in (positions if isinstance(positions, Sequence) else [positions])
    )


_READ: dict[Form, Callable[[Any], Any]] = {
    Form.VALUE: lambda value: value,
    Form.NAMES: _names,
    Form.NEURONS: _neurons,
    Form.NUMBERS: tuple,
    Form.LINES: _lines,
    Form.SIZE: _size,
    Form.TITLE: lambda value: "" if value == "none" else value,
    Form.COLOURS: lambda value: value if isinstance(value, Mapping) else tuple(value),
}


def size_from(text: str) -> Size:
    """A size as an option of the command line: `column`, `page`, or `120x80` in millimetres.

    Raises:
        ExperimentError: It is none of these.
    """
    if text in _WIDTHS:
        return _WIDTHS[text]
    lengths = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", text)
    if lengths is None:
        message = f"`{text}` is no size: write `column`, `page`, or width x height in millimetres such as `120x80`"
        raise ExperimentError(Diagnostic("PL103", message))
    size = Size(float(lengths[1]) / 1000, float(lengths[2]) / 1000)
    if not all(0.02 <= length <= 1 for length in (size.width, size.height or 0)):
        raise ExperimentError(Diagnostic("PL103", "`size` is `column`, `page` or between 2 cm and 1 m wide and high"))
    return size

"""A figure's frame: size, title, foot, and files whose bytes depend on the data alone."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from snnrun.errors import Diagnostic, ExperimentError
from snnrun.files.writing import replacing
from snnrun.plot.options import Options, Size
from snnrun.plot.quantities import Scale, plain
from snnrun.plot.style import FAINT, ink
from snnrun.results.layout import Description, FloatArray, IntArray, storage_error

if TYPE_CHECKING:
    from matplotlib.axis import Axis as MatplotlibAxis

AnyFigure = Figure | SubFigure
"""The figure that a plot is drawn into: a whole one, or a part of one."""

_M_PER_INCH = 0.0254
_FORMATS = ("png", "svg", "pdf")
_NO_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_TICK_SPACING_INCH = 0.42
LETTERS_PER_INCH = 13.0  # of the title's font
_FOOT_LETTERS_PER_INCH = 24.0
_WIDE_LETTERS = 0x2E80
_CHOICE = 1  # seed of every random choice of what is drawn


def new_figure(size: Size, proportion: float) -> Figure:
    """An empty figure; a size without height gets its width times a proportion."""
    height = size.height if size.height is not None else size.width * proportion
    figure = Figure(figsize=(size.width / _M_PER_INCH, height / _M_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def add_frame(figure: Figure, title: str, descriptions: Sequence[Description]) -> None:
    """Add the title, if there is one, and at the foot the hash and the seed of each run."""
    width = figure.get_figwidth()
    if title:
        line = fitting(title, 1.7 * width)
        lines = textwrap.wrap(line, max(int(width * LETTERS_PER_INCH * len(line) / max(int(widths(line)[-1]), 1)), 8))
        figure.suptitle("\n".join(lines))
    if descriptions:
        _foot(figure, plain(", ".join(f"{about.hash[:8]} · seed {about.seed}" for about in descriptions)))


def save(figure: Figure, stem: Path, formats: Sequence[str]) -> list[Path]:
    """Write a figure in some formats, each file whole or not at all, and return their paths.

    Raises:
        ExperimentError: A format is not known.
        StorageError: A file cannot be written.
    """
    paths = []
    for kind in formats:
        if kind not in _FORMATS:
            raise ExperimentError(Diagnostic("PL105", f"no pictures in `{kind}`", None, "use " + ", ".join(_FORMATS)))
        path = stem.with_name(f"{stem.name}.{kind}")
        try:
            with replacing(path) as temporary, as_well_as_can_be():
                figure.savefig(temporary, format=kind, metadata=_NO_METADATA[kind])
        except OSError as error:
            raise storage_error("ST104", f"cannot write `{path.name}`: {error.strerror}") from error
        paths.append(path)
    return paths


@contextmanager
def as_well_as_can_be() -> Iterator[None]:
    """Without matplotlib's warnings of what cannot be drawn better."""
    with warnings.catch_warnings():
        # A user's label may hold letters the bundled font lacks; a box is drawn for them.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        # A page of stamp size has no room for axes.
        warnings.filterwarnings("ignore", message=r"constrained_layout not applied")
        yield


def add_note(figure: AnyFigure, text: str) -> None:
    """Add a line at the foot of the page, above the hash and the seed."""
    root = figure.get_figure(root=True)
    assert isinstance(root, Figure)
    foot = root.get_supxlabel()
    lines = textwrap.wrap(plain(text), max(int(root.get_figwidth() * _FOOT_LETTERS_PER_INCH), 20))
    if lines and "\n".join(lines) not in foot:
        _foot(root, "\n".join([*lines, *([foot] if foot else [])]))


def without_foot(figure: Figure) -> None:
    """Take away what stands at the foot of the page."""
    if figure.get_supxlabel():
        figure.supxlabel("").set_in_layout(False)


def _foot(figure: Figure, text: str) -> None:
    figure.supxlabel(text, x=0.995, ha="right", multialignment="right", fontsize=5, color=FAINT)


def show_message(figure: AnyFigure, message: str) -> None:
    """Write why there is nothing to draw in the middle of the figure."""
    axes = figure.add_subplot()
    axes.set_axis_off()
    text = "\n".join(textwrap.wrap(plain(message), max(int(inches(axes)[0] * LETTERS_PER_INCH * 0.9), 16)))
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=9, color=FAINT, transform=axes.transAxes)


def round_ticks(axes: Axes, *, integer_x: bool = False, integer_y: bool = False, named_y: bool = False) -> None:
    """Ticks at round numbers, as many as there is room for without overlap; names along y stay."""
    width, height = inches(axes)
    _locate(axes.xaxis, width, integer_x)
    if not named_y:
        _locate(axes.yaxis, height * 1.3, integer_y)


def side_by_side(figure: AnyFigure, number: int) -> list[Axes]:
    """Axes beside each other, or below each other where the figure is higher than wide."""
    box = figure.bbox
    shape = (number, 1) if box.height > box.width else (1, number)
    panels: list[Axes] = figure.subplots(*shape, squeeze=False).ravel().tolist()
    return panels


def inches(axes: Axes) -> tuple[float, float]:
    """About the width and height of an axes: the grid of subplots is known before the layout has run."""
    figure = axes.get_figure()
    assert figure is not None
    box = axes.get_position()
    return box.width * figure.bbox.width / figure.dpi, box.height * figure.bbox.height / figure.dpi


def cells_in(area: AnyFigure | Axes) -> tuple[int, int]:
    """How many cells an image may have across and up: matplotlib leaves out cells smaller than a pixel.

    The room for names, ticks and colour bars is known only once the layout has run; a part is left for them.
    """
    root = area.get_figure(root=True)
    assert root is not None
    dpi = rcParams["savefig.dpi"]
    dpi = root.dpi if isinstance(dpi, str) else dpi
    if isinstance(area, Axes):
        width, height = (0.65 * length for length in inches(area))
    else:
        width, height = (0.5 * length / root.dpi for length in (area.bbox.width, area.bbox.height))
    return max(int(width * dpi), 10), max(int(height * dpi), 10)


def _locate(axis: MatplotlibAxis, length: float, integer: bool) -> None:
    if axis.get_scale() == "log":
        low, high = sorted(abs(v) for v in axis.get_view_interval())
        narrow = low > 0 and high / low < 100  # fewer than two decades need more than powers of ten
        axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
        return
    count = max(2, min(8, int(length / _TICK_SPACING_INCH)))
    low, high = sorted(axis.get_view_interval())
    least = 1 if integer and high - low < 2 else 2  # an axis of one neuron has one whole number
    axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 5, 10], integer=integer, min_n_ticks=least))


def apply_limits(axes: Axes, options: Options, x: Scale | None, y: Scale | None) -> None:
    """The limits a plot asks for, where its axes are quantities."""
    if options.xlim is not None and x is not None:
        axes.set_xlim(*x(options.xlim))
    if options.ylim is not None and y is not None:
        axes.set_ylim(*y(options.ylim))


def fitting(text: str, length: float) -> str:
    """A user's text, cut to about a length in inches at the size of labels; letters of East Asia are twice as wide."""
    line = plain(text)
    room = max(int(length * LETTERS_PER_INCH), 8)
    words, opening, unit = line.rpartition(" (")
    kept = opening + unit if words and unit.endswith(")") and len(unit) < room // 2 else ""  # a unit is never cut
    words = line.removesuffix(kept)
    ends = widths(words)
    room -= len(kept)
    return line if ends[-1] <= room else words[: int(np.searchsorted(ends, room)) - 1] + "…" + kept


def folded(text: str, length: float) -> str:
    """A text in one line or two of about a length in inches; what is longer is cut."""
    line = plain(text)
    end = int(np.searchsorted(widths(line), max(int(length * LETTERS_PER_INCH), 8)))
    space = line.rfind(" ", 1, end)
    if end > len(line) or space < 0:
        return fitting(line, length)
    return line[:space] + "\n" + fitting(line[space + 1 :], length)


def widths(line: str) -> IntArray:
    """Width of each beginning of a line, from the empty one on, in usual letters; shape (len(line) + 1,)."""
    return np.cumsum([0, *(2 if ord(char) >= _WIDE_LETTERS else 1 for char in line)])


def name_axes(axes: Axes, options: Options, x: str | None, y: str | None) -> None:
    """Axis labels, or the ones a plot asks for."""
    if x is not None:
        axes.set_xlabel(fitting(options.labels.get("x", x), inches(axes)[0]))
    if y is not None:
        axes.set_ylabel(fitting(options.labels.get("y", y), inches(axes)[1]))


def draw_lines(axes: Axes, options: Options, x: Scale, y: Scale | None) -> None:
    """The lines a plot asks for: labelled horizontal ones, dashed vertical ones."""
    for label, value in options.lines if y is not None else ():
        assert y is not None
        axes.axhline(value * y.factor, color=FAINT, linewidth=0.8, zorder=1.5, label=plain(label) or None)
    seen = set()
    for label, value in options.vlines:
        shown = plain(label) if label not in seen else ""
        seen.add(label)
        axes.axvline(value * x.factor, color=ink(), linewidth=0.7, linestyle="--", zorder=1.5, label=shown or None)


def draw_bins(axes: Axes, values: FloatArray, edges: FloatArray, *, filled: bool, **look: Any) -> None:
    """A histogram: filled, or a line, which does not fall to zero where the bins end."""
    axes.stairs(values, edges, fill=filled, baseline=0 if filled else None, **look)


def add_colorbar(figure: AnyFigure, colours: ScalarMappable, axes: Axes | list[Axes], label: str) -> None:
    """The scale of colours beside some axes, with round ticks."""
    bar = figure.colorbar(colours, ax=axes, label=plain(label), aspect=25, pad=0.02)
    bar.outline.set_linewidth(0.6)
    if isinstance(colours.norm, LogNorm):
        narrow = float(colours.norm.vmax or 1) / float(colours.norm.vmin or 1) < 100
        bar.locator = LogLocator(base=10, subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=8)
        bar.formatter = FuncFormatter(lambda value, _: f"{value:g}")
        bar.minorformatter = NullFormatter()
    else:
        bar.locator = MaxNLocator(6, steps=[1, 2, 5, 10])
    bar.update_ticks()


def norm_of(values: FloatArray, options: Options, scale: Scale) -> Normalize:
    """The scale of colours that holds all of some values as shown, or that has the limits asked for."""
    limits = None if options.zlim is None else scale(options.zlim)
    finite = values[np.isfinite(values)]
    if options.is_log("z"):
        finite = finite[finite > 0]
        if limits is not None and limits[0] > 0:
            return LogNorm(float(limits[0]), float(limits[1]))
        if limits is None and finite.size:
            return LogNorm(float(finite.min()), float(finite.max()))
    if limits is not None:
        return Normalize(float(limits[0]), float(limits[1]))
    return Normalize(float(finite.min()), float(finite.max())) if finite.size else Normalize(0.0, 1.0)


def share_scales(figures: Sequence[AnyFigure]) -> None:
    """Give figures with the same axes, one for each run, the same limits and the same scales of colours."""
    if len({len(figure.axes) for figure in figures}) != 1:  # one has a message instead
        return
    for alike in zip(*(figure.axes for figure in figures), strict=True):
        drawn = [
            found for axes in alike for found in (*axes.images, *axes.collections) if found.get_array() is not None
        ]
        norms = [found.norm for found in drawn if isinstance(found.norm, Normalize)]
        limits = [float(v) for norm in norms for v in (norm.vmin, norm.vmax) if v is not None]
        for norm in norms:
            norm.vmin, norm.vmax = min(limits), max(limits)
    for alike in zip(*([a for a in figure.axes if not hasattr(a, "_colorbar")] for figure in figures), strict=True):
        for name in ("x", "y"):
            ends = np.array([getattr(axes, f"get_{name}lim")() for axes in alike])
            for axes in alike:
                getattr(axes, f"set_{name}lim")(ends[:, 0].min(), ends[:, 1].max())


def some_of(number: int, most: int) -> IntArray:
    """Which of many things are drawn: all, or a random choice that is the same each time; ascending.

    Every so many of them would show a regularity that the things do not have.
    """
    if number <= most:
        return np.arange(number)
    return np.sort(np.random.default_rng(_CHOICE).choice(number, most, replace=False))


def share_text(shown: int, number: int, things: str) -> str:
    """The note for a random choice: `2,000 of 100,000 synapses, chosen at random`."""
    return f"{shown:,} of {number:,} {things}, chosen at random"

"""The kinds of plots, one record each: their options, what they are drawn from, and what their axes show.

A new kind is a record here and a module of its name in `plot/`. The file format, the checks and the drawing read this
table, so it knows none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """How an option is written, which says how it is read."""

    VALUE = "value"  # as it stands
    NAMES = "names"  # one or a list
    NEURONS = "neurons"
    NUMBERS = "numbers"
    LINES = "lines"
    SIZE = "size"
    TITLE = "title"  # a text, or `none`
    COLOURS = "colours"  # a list, or a map from names


@dataclass(frozen=True, slots=True)
class Option:
    """A key of a plot in the file.

    Args:
        name: The key; `Options` of `plot/options.py` has a field of this name.
        form: How it is written.
        axes: The axes whose dimension its numbers have, one for all or one each; `t` is time.
        common: Whether every kind has it.
        whole: Whether it is of a whole picture, so that a panel has none.
        positive: Whether its numbers must be above zero.
    """

    name: str
    form: Form = Form.VALUE
    axes: tuple[str, ...] = ()
    common: bool = False
    whole: bool = False
    positive: bool = False


OPTIONS = (
    Option("kind", common=True),
    Option("monitor", Form.NAMES),
    Option("source", Form.NAMES),
    Option("variables", Form.NAMES),
    Option("neurons", Form.NEURONS),
    Option("x"),
    Option("y", Form.NAMES),
    Option("z"),
    Option("log", Form.NAMES),
    Option("xlim", Form.NUMBERS, ("x",)),
    Option("ylim", Form.NUMBERS, ("y",)),
    Option("zlim", Form.NUMBERS, ("z",)),
    Option("bins"),
    Option("bin", axes=("x",)),
    Option("period", axes=("x",)),
    Option("marks"),
    Option("lines", Form.LINES, ("y",)),
    Option("vlines", Form.LINES, ("x",)),
    Option("times", Form.NUMBERS, ("t",)),
    Option("overlay"),
    Option("offset", axes=("y",), positive=True),
    Option("scale_bars", Form.NUMBERS, ("x", "y"), positive=True),
    Option("parts", Form.NAMES),
    Option("legend"),
    Option("colours", Form.COLOURS),
    Option("colourmap"),
    Option("title", Form.TITLE, common=True),
    Option("labels", common=True),
    Option("size", Form.SIZE, common=True, whole=True),
    Option("style", Form.NAMES, common=True, whole=True),
    Option("footer", common=True, whole=True),
    Option("name", common=True, whole=True),
)
"""The options of all kinds."""

COMMON_OPTIONS = frozenset(option.name for option in OPTIONS if option.common)
_SPIKES = ("spikes",)
_NAMED = frozenset({"legend", "colours"})
_HISTOGRAM = frozenset({"monitor", "source", "neurons", "bins", "bin", "xlim", "ylim", "lines", "vlines"}) | _NAMED
_AXES = frozenset({"x", "y", "log", "xlim", "ylim", "lines", "vlines", "legend"})
_SHADES = frozenset({"zlim", "colourmap"})


class Axis(Enum):
    """What an axis shows, which gives it its dimension."""

    TIME = "time"
    INTERVAL = "interval"  # between two spikes
    NUMBER = "number"  # of a neuron, or how many
    RATE = "rate"
    VARIABLE = "variable"  # the recorded variables that are drawn
    OTHER = "other"  # of a dimension that is not known before the run


class Names(Enum):
    """What the options `x` and `y` name."""

    QUANTITIES = "quantities"  # metrics, swept parameters, variables of groups
    RECORDED = "recorded"  # recorded variables, `monitor.variable`, of the same elements at the same times
    STORED = "stored"  # `z`: a value that is stored with the pairs of a connectivity monitor


class Series(Enum):
    """What the parts of a picture are called by, so that `labels` may call them otherwise."""

    GROUPS = "groups"
    VARIABLES = "variables"  # and the neurons of each
    NEURONS = "neurons"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of plot.

    Args:
        name: Its name in the file; `plot/NAME.py` has its function `draw_NAME(figure, source, options)`.
        meaning: What it shows.
        options: Its keys, beside those that every plot has.
        monitors: The kinds of monitors that it is drawn from, the better ones first; none when it is drawn from none.
        most: How many monitors it draws; None for any number.
        one_kind: Whether it draws monitors of one kind, the first that there is, when none is named.
        of_synapses: Whether state monitors must be of synapses.
        one_variable: Whether it draws one variable.
        sweep: Whether it is of a sweep (True), of one run (False), or of either (None).
        results: Whether a sweep must keep the results of its points.
        axes: What `x`, `y` and `z` name.
        parameters: How many parameters of a sweep it shows; None for any number.
        y_parameter: Whether y may show a parameter of the sweep beside a metric.
        several_y: Whether y may show several quantities.
        x: What the horizontal axis shows when no option names it.
        y: The same of the vertical axis.
        labels: The axes that `labels` may call otherwise.
        overlaid: Whether several runs are drawn over each other rather than beside each other.
        series: What else `labels` may call otherwise.
        parts: The parts of the picture, of which `parts` chooses.
        proportion: Height over width.
        narrow: The same where the page is narrow.
    """

    name: str
    meaning: str
    options: frozenset[str]
    monitors: tuple[str, ...] = ()
    most: int | None = None
    one_kind: bool = False
    of_synapses: bool = False
    one_variable: bool = False
    sweep: bool | None = False
    results: bool = False
    axes: Names | None = None
    parameters: int | None = None
    y_parameter: bool = False
    several_y: bool = False
    x: Axis = Axis.TIME
    y: Axis = Axis.NUMBER
    labels: tuple[str, ...] = ("x", "y")
    overlaid: bool = False
    series: Series | None = None
    parts: tuple[str, ...] = ()
    proportion: float = 0.52
    narrow: float = 0.75

    @property
    def all_options(self) -> frozenset[str]:
        """Its keys in the file."""
        return COMMON_OPTIONS | self.options


_TABLE = (
    Kind(
        "raster",
        "spikes over time, one row a neuron",
        (_HISTOGRAM | {"parts"}) - {"ylim", "lines", "legend"},
        _SPIKES,
        labels=("x",),
        series=Series.GROUPS,
        parts=("spikes", "rate"),
        proportion=0.62,
        narrow=0.9,
    ),
    Kind(
        "traces",
        "recorded variables over time",
        frozenset({"monitor", "source", "variables", "neurons", "marks", "overlay", "xlim", "ylim", "lines", "vlines"})
        | {"offset", "scale_bars"}
        | _NAMED,
        ("state",),
        y=Axis.VARIABLE,
        series=Series.VARIABLES,
    ),
    Kind(
        "rate",
        "mean rate of a population over time",
        (_HISTOGRAM | {"scale_bars"}) - {"neurons"},
        ("rate", "spikes"),
        one_kind=True,
        y=Axis.RATE,
        overlaid=True,
        series=Series.GROUPS,
    ),
    Kind(
        "psth",
        "rate over the time of a trial, averaged over trials",
        _HISTOGRAM | {"marks", "period", "scale_bars"},
        _SPIKES,
        y=Axis.RATE,
        overlaid=True,
        series=Series.GROUPS,
    ),
    Kind(
        "isi",
        "histogram of inter-spike intervals",
        _HISTOGRAM,
        _SPIKES,
        x=Axis.INTERVAL,
        overlaid=True,
        series=Series.GROUPS,
    ),
    Kind(
        "curve",
        "metrics of a sweep against a parameter, or one value a neuron against another",
        _AXES | {"colours", "colourmap"},
        sweep=None,
        axes=Names.QUANTITIES,
        several_y=True,
        overlaid=True,
    ),
    Kind(
        "weights",
        "values of synapses: their histogram and their matrix",
        frozenset({"monitor", "source", "variables", "bins", "xlim", "ylim", "lines", "vlines", "times", "parts"})
        | _NAMED
        | _SHADES,
        ("connectivity", "state"),
        most=1,
        one_kind=True,
        of_synapses=True,
        one_variable=True,
        x=Axis.VARIABLE,
        parts=("histogram", "matrix"),
        proportion=0.46,
        narrow=0.75,
    ),
    Kind(
        "connectivity",
        "which neurons are connected",
        frozenset({"monitor", "source", "z", "parts"}) | _SHADES,
        ("connectivity",),
        most=1,
        axes=Names.STORED,
        x=Axis.OTHER,
        y=Axis.OTHER,
        labels=("y", "z", "source", "target"),
        parts=("lines", "matrix"),
        proportion=0.46,
        narrow=0.75,
    ),
    Kind(
        "heatmap",
        "a metric over two parameters of a sweep, or a variable over time and neurons",
        _AXES | _SHADES | {"z", "monitor", "source", "variables", "neurons"},
        ("state",),
        most=1,
        one_variable=True,
        sweep=None,
        axes=Names.QUANTITIES,
        parameters=2,
        labels=("x", "y", "z"),
        proportion=0.6,
    ),
    Kind(
        "sweep",
        "a metric over all parameters of a sweep, as suits their number",
        _AXES | _SHADES | {"z", "colours"},
        sweep=True,
        axes=Names.QUANTITIES,
        y_parameter=True,
        labels=("x", "y", "z"),
    ),
    Kind(
        "rasters",
        "a small raster for each point of a sweep",
        frozenset({"monitor", "source", "neurons", "xlim"}) | _NAMED,
        _SPIKES,
        sweep=True,
        results=True,
        series=Series.GROUPS,
    ),
    Kind(
        "image",
        "spikes as a grey picture, one column a time bin and one row a neuron",
        _HISTOGRAM - {"lines", "vlines", "legend", "colours"},
        _SPIKES,
        most=1,
    ),
    Kind(
        "scatter",
        "one recorded variable against another, at samples or at spikes: phase planes",
        _AXES | _SHADES | {"z", "neurons", "colours"},
        axes=Names.RECORDED,
        labels=("x", "y", "z"),
        series=Series.NEURONS,
        proportion=0.62,
        narrow=0.85,
    ),
)
PLOT_KINDS = {kind.name: kind for kind in _TABLE}


def is_file_name(style: str) -> bool:
    """Whether a style is a file; otherwise it is a style of matplotlib."""
    return style.endswith(".mplstyle") or "/" in style


def default_variable(names: Iterable[str]) -> str:
    """The stored variable of synapses that is drawn when none is named: a weight, or one that is no delay."""
    return min(names, key=lambda name: (name not in {"w", "weight"}, name == "delay"))

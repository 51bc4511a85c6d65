"""The options of one picture, from the plain data of the file's `plots:` section."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.errors import Diagnostic, ExperimentError, did_you_mean

_COLUMN_M = 0.085
_PAGE_M = 0.180


class Kind(StrEnum):
    """The kinds of pictures."""

    RASTER = "raster"
    TRACES = "traces"
    RATE = "rate"
    PSTH = "psth"
    ISI = "isi"
    CURVE = "curve"
    CONNECTIVITY = "connectivity"
    WEIGHTS = "weights"
    RASTERS = "rasters"
    HEATMAP = "heatmap"
    IMAGE = "image"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a picture. [m]; no height: what suits the kind."""

    width: float
    height: float | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a plot asks for; None or empty means: choose from the data.

    Args:
        kind: The kind of picture.
        monitors: The monitors to draw.
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
        labels: Names for curves, in order, or for the axes `x`, `y` and for groups.
        style: A matplotlib style file.
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
    """

    kind: Kind
    monitors: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    neurons: int | slice | tuple[int, ...] | None = None
    x: str | None = None
    y: str | None = None
    more_y: tuple[str, ...] = ()
    z: str | None = None
    xlim: tuple[float | None, float | None] | None = None
    ylim: tuple[float | None, float | None] | None = None
    size: Size | None = None
    title: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    style: str | None = None
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

    def curve_label(self, position: int, otherwise: str) -> str:
        """The name of a curve: by its position in a list of labels, by its own name, or its own name itself."""
        return self.labels.get(str(position), self.labels.get(otherwise, otherwise))

    def visible(self, span: tuple[float, float]) -> tuple[float, float]:
        """A span, with what limits along x show beside it."""
        low, high = self.xlim or (None, None)
        return min(span[0], span[0] if low is None else low), max(span[1], span[1] if high is None else high)

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
        title: Its title instead of the experiment's.
        style: A matplotlib style file.
        name: Name of its file.
    """

    panels: tuple[Options, ...]
    size: Size | None = None
    title: str | None = None
    style: str | None = None
    name: str | None = None


_PICTURE_KEYS = ("panels", "size", "title", "style", "name")
_KEYS = (
    *("kind", "monitor", "variables", "neurons", "x", "y", "z", "xlim", "ylim", "size", "title", "labels", "style"),
    *("bin", "bins", "marks", "lines", "vlines", "overlay", "period", "log", "name"),
)


def picture_from(plain: Mapping[str, Any]) -> Picture:
    """A picture from one item of `plots:`.

    Raises:
        ExperimentError: A key or value is not known.
    """
    if "panels" not in plain:
        options = options_from(plain)
        return Picture((options,), options.size, options.title, options.style, options.name)
    _check_keys(plain, _PICTURE_KEYS)
    panels = plain["panels"]
    if not isinstance(panels, Sequence) or isinstance(panels, str) or not 0 < len(panels) <= 12:
        raise _wrong("`panels` is a list of 1 to 12 plots")
    return Picture(
        tuple(options_from(panel) for panel in panels),
        _size(plain.get("size")),
        _text(plain, "title"),
        _text(plain, "style"),
        _text(plain, "name"),
    )


def options_from(plain: Mapping[str, Any]) -> Options:
    """The options of one plot.

    Raises:
        ExperimentError: A key or value is not known.
    """
    _check_keys(plain, _KEYS)
    marks = plain.get("marks")
    return Options(
        kind=_kind(plain.get("kind")),
        monitors=_names(plain.get("monitor")),
        variables=_names(plain.get("variables")),
        neurons=_neurons(plain.get("neurons")),
        x=_text(plain, "x"),
        y=next(iter(_names(plain.get("y"))), None),
        more_y=_names(plain.get("y"))[1:],
        z=_text(plain, "z"),
        xlim=_limits(plain.get("xlim"), "xlim"),
        ylim=_limits(plain.get("ylim"), "ylim"),
        size=_size(plain.get("size")),
        title=_text(plain, "title"),
        labels=_labels(plain.get("labels")),
        style=_text(plain, "style"),
        bin=_positive(plain.get("bin"), "bin"),
        bins=_count(plain.get("bins")),
        marks=marks if isinstance(marks, str) and marks != "none" else None,
        no_marks=marks is False or marks == "none",
        lines=_lines(plain.get("lines"), "lines"),
        vlines=_lines(plain.get("vlines"), "vlines"),
        overlay=plain.get("overlay") is True,
        period=_positive(plain.get("period"), "period"),
        log=None if plain.get("log") is None else _names(plain["log"]),
        name=_text(plain, "name"),
    )


def _check_keys(plain: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in plain:
        if key not in known:
            raise ExperimentError(Diagnostic("PL101", f"unknown key `{key}` of a plot", None, did_you_mean(key, known)))


def _kind(value: Any) -> Kind:
    try:
        return Kind(value)
    except ValueError:
        known = [k.value for k in Kind]
        hint = did_you_mean(str(value), known) or "one of " + ", ".join(known)
        raise ExperimentError(Diagnostic("PL102", f"no picture of kind `{value}`", None, hint)) from None


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value)


def _text(plain: Mapping[str, Any], key: str) -> str | None:
    value = plain.get(key)
    return None if value is None else str(value)


def _neurons(value: Any) -> int | slice | tuple[int, ...] | None:
    if value is None:
        return None
    if value == "all":
        return slice(None)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    try:
        if isinstance(value, str) and 1 <= value.count(":") <= 2:
            return slice(*(int(part) if part.strip() else None for part in value.split(":")))
        if isinstance(value, Sequence) and not isinstance(value, str):
            return tuple(int(v) for v in value)
    except (ValueError, TypeError):
        pass
    raise _wrong(f"`neurons: {value}` is not a number, a slice such as `0:100` or a list")


def _limits(value: Any, key: str) -> tuple[float | None, float | None] | None:
    if value is None:
        return None
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        low, high = (None if v is None else _number(v, key) for v in value)
        return low, high
    raise _wrong(f"`{key}` is a list of two numbers")


def _size(value: Any) -> Size | None:
    if value is None:
        return None
    if value == "column":
        return Size(_COLUMN_M)
    if value == "page":
        return Size(_PAGE_M)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        width, height = (_number(v, "size") for v in value)
        if 0.02 <= width <= 1 and 0.02 <= height <= 1:
            return Size(width, height)
    raise _wrong("`size` is `column`, `page` or [width, height] between 2 cm and 1 m")


def size_from(text: str) -> Size:
    """A size as an option of the command line: `column`, `page`, or `120x80` in millimetres.

    Raises:
        ExperimentError: It is none of these.
    """
    measures = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", text)
    if measures is not None:
        found = _size([float(measures[1]) / 1000, float(measures[2]) / 1000])
    elif text in ("column", "page"):
        found = _size(text)
    else:
        raise _wrong(f"`{text}` is no size: write `column`, `page`, or width x height in millimetres such as `120x80`")
    assert found is not None
    return found


def _labels(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(k): str(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(k): str(v) for k, v in enumerate(value)}
    raise _wrong("`labels` is a list or a map of texts")


def _lines(value: Any, key: str) -> tuple[tuple[str, float], ...]:
    if value is None:
        return ()
    if isinstance(value, Mapping):
        pairs = [(str(label), position) for label, position in value.items()]
        return tuple((label, _number(v, key)) for label, p in pairs for v in (p if isinstance(p, Sequence) else [p]))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(("", _number(v, key)) for v in value)
    return (("", _number(value, key)),)


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise _wrong(f"`{key}` has `{value}` where a number is expected")
    return float(value)


def _positive(value: Any, key: str) -> float | None:
    if value is None:
        return None
    number = _number(value, key)
    if number <= 0:
        raise _wrong(f"`{key}` must be above zero")
    return number


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 100_000:
        raise _wrong("`bins` is a whole number from 1 to 100000")
    return value


def _wrong(message: str) -> ExperimentError:
    return ExperimentError(Diagnostic("PL103", message))

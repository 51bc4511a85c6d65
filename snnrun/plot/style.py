"""The style of all pictures, independent of the matplotlib settings of the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler

from snnrun.errors import Diagnostic, ExperimentError
from snnrun.results.layout import Description

# Okabe & Ito 2008, the strong ones first; yellow is left out, it cannot be seen as a thin mark on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
INK = "#222222"
FAINT = "#8A8A8A"
SPIKE = "#D62828"

_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.formatter.useoffset": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=list(PALETTE)),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.dpi": 100,
    "figure.titlesize": 9,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "image.cmap": "viridis",
    "image.interpolation": "nearest",
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 0.9,
    "path.simplify": True,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "snnrun",
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": INK,
    "xtick.labelsize": 7,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": INK,
    "ytick.labelsize": 7,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}

# What a style file may set: style_context, not programs to run, places to write to, or what makes bytes differ.
_STYLE_GROUPS = frozenset(
    {"axes", "axes3d", "contour", "errorbar", "figure", "font", "grid", "hist", "image", "legend", "lines"}
    | {"markers", "patch", "path", "polaraxes", "savefig", "scatter", "text", "xtick", "ytick", "xaxis", "yaxis"}
)
_FORBIDDEN = frozenset({"savefig.directory", "text.usetex", "text.latex.preamble", "text.parse_math"})
_PLAIN_CYCLE = re.compile(r"""cycler\(\s*(?:color\s*=|['"]color['"]\s*,)\s*\[[\w\s'"#.,-]*\]\s*\)""")
_STYLE_BYTES = 1 << 16
_LARGEST = {"dpi": 1200.0, "size": 100.0, "labelsize": 100.0, "titlesize": 100.0, "fontsize": 100.0, "linewidth": 100.0}
"""The largest numbers of settings whose name ends so: more cannot be drawn, or hides the picture."""


def ink() -> str:
    """The colour of texts and thin lines, light in dark styles."""
    return str(mpl.rcParams["text.color"])


@contextmanager
def style_context(style: str | None) -> Iterator[None]:
    """Our settings on top of matplotlib's defaults, and a style file's on top of ours; the caller's come back after."""
    chosen: dict[str, Any] = {**_SETTINGS, **(style_settings(Path(style)) if style else {})}
    groups = _STYLE_GROUPS | {"svg", "pdf"}
    defaults: dict[str, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if k.partition(".")[0] in groups}
    wanted: Any = {**defaults, **chosen}
    with mpl.rc_context(wanted):
        yield


def style_settings(path: Path) -> Mapping[str, Any]:
    """The settings of a matplotlib style file.

    Raises:
        ExperimentError: It cannot be read, or sets what a picture must not depend on.
    """
    try:
        with path.open("rb") as source:
            text = source.read(_STYLE_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong_style(f"cannot read the style `{path.name}`") from error
    if len(text) > _STYLE_BYTES:
        raise _wrong_style(f"the style `{path.name}` is longer than 64 kB")
    wanted: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, colon, value = line.partition(":")
        key = key.strip()
        if not key or key.startswith("#"):
            continue
        if not colon or key not in mpl.rcParamsDefault:
            raise _wrong_style(f"{path.name}:{number}: matplotlib has no setting `{key}`")
        if key.partition(".")[0] not in _STYLE_GROUPS or key in _FORBIDDEN:
            raise _wrong_style(f"{path.name}:{number}: `{key}` is not for a picture's style to set")
        wanted[key] = _setting(path, number, key, _without_comment(value))
        most = _LARGEST.get(key.rpartition(".")[2])
        if most is not None and isinstance(wanted[key], int | float) and not 0 <= wanted[key] <= most:
            raise _wrong_style(f"{path.name}:{number}: `{key}` must lie between 0 and {most:g}, not {wanted[key]:g}")
    return wanted


def _setting(path: Path, number: int, key: str, value: str) -> Any:
    # Some versions of matplotlib evaluate the text of a cycler as Python.
    if "cycler" in value and _PLAIN_CYCLE.fullmatch(value) is None:
        raise _wrong_style(f"{path.name}:{number}: write `cycler('color', [...])` with a list of colours")
    try:
        settings: Any = mpl.RcParams({key: value})
        return settings[key]
    except (ValueError, TypeError, KeyError) as error:
        raise _wrong_style(f"{path.name}:{number}: `{value[:60]}` is no value for `{key}`") from error


def _without_comment(value: str) -> str:
    """The value before a ` #` comment; a quoted `"#rrggbb"` is not one."""
    quoted = False
    for place, char in enumerate(value):
        if char in "\"'":
            quoted = not quoted
        elif char == "#" and not quoted:
            value = value[:place]
            break
    stripped = value.strip()
    return stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] == '"' else stripped


def group_colours(description: Description) -> dict[str, str]:
    """One colour for each group, or for each subgroup of a group that has some; the same in every picture."""
    colours: dict[str, str] = {}
    count = 0
    for group in description.groups:
        colours[group.name] = PALETTE[count % len(PALETTE)]
        for part in group.subgroups:
            colours[f"{group.name}.{part.name}"] = PALETTE[count % len(PALETTE)]
            count += 1
        count += not group.subgroups
    return colours


def _wrong_style(message: str) -> ExperimentError:
    return ExperimentError(Diagnostic("PL104", message))

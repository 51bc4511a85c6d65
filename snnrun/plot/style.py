"""The style of all pictures, independent of the matplotlib settings of the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, is_color_like, to_hex, to_rgb

from snnrun.errors import Diagnostic, ExperimentError, did_you_mean
from snnrun.plot_kinds import is_file_name
from snnrun.results.layout import Description

# Okabe & Ito 2008, the strong ones first; yellow is left out, it cannot be seen as a thin mark on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
_MORE = ("#882255", "#999933", "#332288", "#8C510A", "#44AA99", "#F781BF", "#7FBC41", "#B2182B")
"""Further colours for curves that all have a name."""
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
    "savefig.facecolor": "auto",
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


def palette() -> tuple[str, ...]:
    """The colours of groups and curves, in order: those of the style."""
    return tuple(to_hex(colour).upper() for colour in mpl.rcParams["axes.prop_cycle"].by_key().get("color", PALETTE))


def distinct(count: int) -> list[str]:
    """A colour for each of some curves, none twice: of the palette while there are enough, else from dark to light."""
    own = palette()
    known = own if is_dark() else (*own, *(colour for colour in _MORE if colour not in own))
    return list(known[:count]) if count <= len(known) else [to_hex(shades()(k / (count - 1))) for k in range(count)]


def ink() -> str:
    """The colour of texts and thin lines, light in dark styles."""
    return to_hex(mpl.rcParams["text.color"])


def paper() -> str:
    """The colour behind the data."""
    return to_hex(mpl.rcParams["axes.facecolor"])


def is_dark() -> bool:
    """Whether data are drawn on a dark ground."""
    return float(np.dot(to_rgb(paper()), (0.299, 0.587, 0.114))) < 0.5


def shades() -> Colormap:
    """The map of colours for lines and points: without the end that cannot be seen on the ground."""
    low, high = (0.25, 1.0) if is_dark() else (0.0, 0.9)
    return ListedColormap(mpl.colormaps[mpl.rcParams["image.cmap"]](np.linspace(low, high, 256)))


def counts_map() -> Colormap:
    """The map of colours for numbers of spikes or synapses: from the ground to the colour of thin lines."""
    if paper() == "#ffffff":
        return mpl.colormaps["Greys"]
    return LinearSegmentedColormap.from_list("counts", [paper(), ink()])


def empty() -> str:
    """The colour of a cell without a value."""
    return to_hex(LinearSegmentedColormap.from_list("empty", [paper(), ink()])(0.12))


@contextmanager
def style_context(styles: Sequence[str] = ()) -> Iterator[None]:
    """Our settings on top of matplotlib's defaults, and styles on top of ours; the caller's come back after.

    Args:
        styles: Names of styles of matplotlib or style files, the later ones over the earlier ones.

    Raises:
        ExperimentError: There is no such style, or it sets what a picture must not depend on.
    """
    chosen = dict(_SETTINGS)
    for style in styles:
        chosen |= style_settings(style)
    groups = _STYLE_GROUPS | {"svg", "pdf"}
    defaults: dict[str, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if k.partition(".")[0] in groups}
    wanted: Any = {**defaults, **chosen}
    with mpl.rc_context(wanted):
        yield


def style_settings(style: str) -> Mapping[str, Any]:
    """The settings of a style of matplotlib, by its name, or of a style file.

    Raises:
        ExperimentError: There is none, or it sets what a picture must not depend on.
    """
    if is_file_name(style):
        return _settings_of_file(Path(style))
    # Styles of the machine's user would make pictures differ between machines.
    known = {path.stem: path for path in (Path(mpl.get_data_path()) / "stylelib").glob("*.mplstyle")}
    if style not in known:
        public = sorted(name for name in known if not name.startswith("_"))
        advice = did_you_mean(style, public) or f"matplotlib has {', '.join(public)}"
        raise ExperimentError(
            Diagnostic("PL104", f"there is no style `{style}`", None, f"{advice}; a style file ends with `.mplstyle`")
        )
    settings = mpl.rc_params_from_file(known[style], use_default_template=False)
    return {k: v for k, v in settings.items() if k.partition(".")[0] in _STYLE_GROUPS and k not in _FORBIDDEN}


def check_look(key: str, value: str) -> None:
    """Check what an option of a plot names.

    Args:
        key: `style`, `colours` or `colourmap`.
        value: A style, a colour, or a map of colours.

    Raises:
        ExperimentError: Matplotlib has none of this name, or a style sets what a picture must not depend on.
    """
    if key == "style":
        style_settings(value)
    elif key == "colours" and not is_color_like(value):
        help = did_you_mean(value, mpl.colors.get_named_colors_mapping()) or "write `#0072B2`, `black` or `tab:blue`"
        raise ExperimentError(Diagnostic("PLT517", f"matplotlib has no colour `{value}`", None, help))
    elif key == "colourmap" and value not in mpl.colormaps:
        help = did_you_mean(value, mpl.colormaps) or "for example `viridis`, `magma`, `cividis`, `gray`, `RdBu`"
        raise ExperimentError(Diagnostic("PLT517", f"matplotlib has no map of colours `{value}`", None, help))


def _settings_of_file(path: Path) -> Mapping[str, Any]:
    """The settings of a style file."""
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
    count, known = 0, palette()
    for group in description.groups:
        colours[group.name] = known[count % len(known)]
        for part in group.subgroups:
            colours[f"{group.name}.{part.name}"] = known[count % len(known)]
            count += 1
        count += not group.subgroups
    return colours


def _wrong_style(message: str) -> ExperimentError:
    return ExperimentError(Diagnostic("PL104", message))

"""The two pictures of the page: how many times more the peers take, and how our costs move with size."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from table import peers_of, ratios
from works import RUNNERS

from snnrun.plot.style import FAINT, PALETTE, style_context

WIDTH = 6.7  # full width of a page [in]
_PANELS = {"simulate": "Simulation", "whole_cold": "Whole process, empty caches", "whole_warm": "Whole process, warm"}
_MARKERS = {"brian2-cpp": "o", "brian2-cython": "s", "nest": "^", "nest-2": "v"}


def save(figure: Figure, data: Any, path: Path) -> None:
    """Write a picture that says which data it was drawn from; few colours keep it small."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=150)
    note = PngInfo()
    note.add_text("Description", data_digest(data))
    Image.open(drawn).convert("RGB").quantize(48, dither=Image.Dither.NONE).save(path, optimize=True, pnginfo=note)


def data_digest(data: Any) -> str:
    """SHA-256 of data as JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def drawn_from(path: Path) -> str:
    """The digest of the data a picture was drawn from."""
    with Image.open(path) as image:
        return str(image.info.get("Description", ""))


def ratio_data(works: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """By panel, runner and work: how many times longer than ours, one thread and strict, it takes."""
    found: dict[str, dict[str, dict[str, float]]] = {panel: {} for panel in _PANELS}
    for name, work in works.items():
        for key in peers_of(name):
            if key in work["runners"]:
                for panel, value in ratios(work, key).items():
                    if panel in found:
                        found[panel].setdefault(key, {})[name] = value
    return found


def draw_ratios(works: Mapping[str, Any]) -> Figure:
    """One row a work, one mark a peer, one panel a measure; to the right of the line ours is faster."""
    data = ratio_data(works)
    names = [name for name in works if any(name in row for panel in data.values() for row in panel.values())]
    everything = [value for panel in data.values() for row in panel.values() for value in row.values()]
    with style_context():
        figure = Figure(figsize=(WIDTH, 1.0 + 0.26 * max(len(names), 1)), layout="constrained")
        axes = figure.subplots(1, len(_PANELS), sharey=True)
        for axis, (panel, title) in zip(axes, _PANELS.items(), strict=True):
            axis.axvline(1, color=FAINT, linewidth=0.6)
            for key, values in data[panel].items():
                k = list(_MARKERS).index(key)
                where = [names.index(name) for name in values]
                label = RUNNERS[key].label if panel == "simulate" else None
                marks = {"marker": _MARKERS[key], "markersize": 4.5, "linestyle": "none", "color": PALETTE[k]}
                axis.plot(
                    list(values.values()), where, label=label, markeredgecolor="white", markeredgewidth=0.4, **marks
                )
            axis.set_title(title)
            _decades(axis, "x", [*everything, 1.0])
            axis.tick_params(axis="y", length=0)
        axes[0].set_yticks(range(len(names)), names)
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        axes[1].set_xlabel("Times as long as snnrun on one thread")
        figure.legend(loc="outside lower center", ncols=len(_MARKERS))
        return figure


def draw_scaling(scaling: Mapping[str, Any]) -> Figure:
    """Left: cost of a neuron in a step; right: cost of a synaptic event."""
    panels = {
        "neurons": ("Neurons", "Time per neuron and step (ns)"),
        "synapses": ("Synapses", "Time per synaptic event (ns)"),
    }
    with style_context():
        figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
        for axis, (size, (across, up)) in zip(figure.subplots(1, 2), panels.items(), strict=True):
            costs = []
            for k, (name, points) in enumerate(scaling[size].items()):
                known = [(p[size], p["seconds"] * 1e9) for p in points if "seconds" in p]
                costs += [cost for _, cost in known]
                style = {"marker": "o", "markersize": 3.5, "color": PALETTE[k]}
                axis.plot([n for n, _ in known], [cost for _, cost in known], label=name, **style)
            axis.set_xscale("log")
            axis.set_xlabel(across)
            axis.set_ylabel(up)
            _decades(axis, "y", costs or [1.0])
            axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)  # above the curves
        return figure


def _decades(axis: Axes, which: str, values: list[float]) -> None:
    """A logarithmic axis with plain numbers at 1, 2, 5, 10, ... or at decades when there are many."""
    low, high = min(values) / 1.4, max(values) * 1.4
    (axis.set_xscale if which == "x" else axis.set_yscale)("log")
    (axis.set_xlim if which == "x" else axis.set_ylim)(low, high)
    steps = (1,) if high / low > 300 else (1, 3) if high / low > 30 else (1, 2, 5)
    ticks = [m * 10.0**e for e in range(-4, 6) for m in steps if low <= m * 10.0**e <= high]
    scale = axis.xaxis if which == "x" else axis.yaxis
    scale.set_ticks(ticks)
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale.set_minor_formatter(NullFormatter())
    scale.set_tick_params(which="minor", length=0)

"""Stimuli: pictures or rows of numbers that are shown one after the other, `{frames, each, pause, labels}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

import numpy as np

from snnrun.equations.exact import WIDEST
from snnrun.files.npy import Unreadable
from snnrun.model.network import FloatArray, IntArray, Presentations, TimedArray
from snnrun.resolve.context import Context, Path
from snnrun.resolve.files import PICTURE_ENDINGS, find_file, find_pictures, picture_of, reading
from snnrun.resolve.series import read_series
from snnrun.resolve.tables import in_units, read_numbers, whole_numbers
from snnrun.spec.models import FramesArray
from snnrun.spec.nodes import ScalarNode
from snnrun.units.dimensions import ONE

MOST_PIXELS = 2**27
"""Pixels of all frames together: 1 GiB as numbers."""


def read_stimuli(context: Context, path: Path, model: FramesArray) -> TimedArray:
    """Frames as a timed array: each holds for `each`, then all values are 0 for `pause`; 0 after the last one too.

    Raises:
        ExperimentError: FIL201 and FIL202 for files, NET102 for times, NET155 for labels.
    """
    name = str(path[-1])
    frames, own = _frames(context, path, model)
    values, dimension = in_units(context, path, frames.reshape(len(frames), -1), own, "frames")
    labels = _labels(context, path, len(values)) if model.labels is not None else None
    times = 1 if model.repeat is None else context.integer((*path, "repeat"), f"`repeat` of `{name}`", 1)
    if values.size * times > MOST_PIXELS:
        message = f"the frames have {values.size * times:,} values, at most {MOST_PIXELS:,} are taken"
        raise context.error("FIL202", message, (*path, "repeat"))
    if times > 1:
        values, labels = np.tile(values, (times, 1)), None if labels is None else np.tile(labels, times)
    each = context.steps((*path, "each"), f"`each` of `{name}`", 1)
    pause = context.steps((*path, "pause"), f"`pause` of `{name}`") if model.pause is not None else 0
    starts = np.arange(len(values), dtype=np.int64) * (each + pause)
    presentations = Presentations(starts, starts + each, labels, pause)
    steps, rows = starts, values
    if pause:
        steps = np.stack([starts, starts + each], axis=1).reshape(-1)
        rows = np.zeros((2 * len(values), values.shape[1]))
        rows[::2] = values
    else:
        steps, rows = np.append(steps, starts[-1] + each), np.vstack([values, np.zeros_like(values[:1])])
    return TimedArray(name, rows, 0.0, dimension, context.dt * steps.astype(np.float64), presentations=presentations)


def times_known(context: Context, arrays: Mapping[str, TimedArray]) -> dict[str, TimedArray]:
    """Timed arrays; a stimulus that is read at another time than `t` does not know when its frames are shown."""
    found = dict(arrays)
    for name, array in arrays.items():
        places = context.array_functions[name].elsewhere
        if array.presentations is not None and places:
            found[name] = replace(array, presentations=replace(array.presentations, known=False))
            message = f"`{name}` is read at another time than `t`, so the times of its frames are not stored"
            context.report.warn("NET164", message, places[0], "write `repeat` to show the frames again and again")
    return found


def _frames(context: Context, path: Path, model: FramesArray) -> tuple[FloatArray, str | None]:
    """The frames, shape (frames, ...), and the unit that their file says."""
    place = (*path, "frames")
    text = context.text(place).value
    files = find_pictures(context, place)
    if files is None and FilePath(text).suffix.lower() not in PICTURE_ENDINGS:
        frames, own = read_numbers(context, path, "frames")
        if frames.ndim not in (2, 3):
            shape = " x ".join(map(str, frames.shape))
            message = f"frames are rows of pixels or pictures: 2 or 3 dimensions, this file has {shape}"
            raise context.error("FIL202", message, place)
        return frames, own
    found: list[FloatArray] = []
    pixels = 0
    with reading(context, place):
        for file in files or [find_file(context, place)]:
            picture = picture_of(file, model)
            found += list(picture) if picture.ndim == 3 else [picture]
            pixels += picture.size
            if pixels > MOST_PIXELS:
                raise Unreadable(f"the pictures have more than {MOST_PIXELS:,} pixels", "choose a smaller `resize`")
            if found[-1].shape != found[0].shape:
                shapes = (" x ".join(map(str, frame.shape)) for frame in (found[0], found[-1]))
                message = "pictures differ in size: {} at first, {} in `{}`".format(*shapes, file.name)
                raise Unreadable(message, "add `resize: [rows, columns]`")
    return np.stack(found), None


def _labels(context: Context, path: Path, frames: int) -> IntArray:
    """One whole number a frame, from a list or a file."""
    place = (*path, "labels")
    node = context.document.node(place)
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and not node.value.lstrip().startswith("["):
        numbers, _ = read_numbers(context, path, "labels")
        with reading(context, place):
            labels = whole_numbers(numbers.reshape(-1), "labels")
    else:
        numbers, _ = read_series(context, place, ONE, "a label")
        if not np.array_equal(numbers, np.floor(numbers)) or np.any(np.abs(numbers) > WIDEST):
            raise context.error("NET155", "labels are whole numbers within 2**53", place)
        labels = numbers.astype(np.int64)
    if len(labels) != frames:
        raise context.error("NET155", f"there are {len(labels)} labels and {frames} frames", place)
    return labels

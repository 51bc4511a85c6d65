"""Numbers from files that an experiment names: npy, csv, h5, and pictures. Nothing in them is ever executed."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np

from snnrun.errors import ExperimentError
from snnrun.network.context import Context, Path
from snnrun.network.ir import FloatArray
from snnrun.source import Text
from snnrun.spec.nodes import MapNode
from snnrun.spec.paths import resolve_file

MAX_PIXELS = 64_000_000
MAX_BYTES = 4 * 2**30
PICTURES = ("PNG", "JPEG", "TIFF", "GIF")


def find_file(context: Context, path: Path, name: Text | None = None) -> FilePath:
    """The file that a text names; `name` is that part of it which is the file's name.

    Raises:
        ExperimentError: FIL201 when it is missing or too large.
    """
    text = name or context.text(path)
    file = resolve_file(text, context.document.folder_of(path), context.document.data_root)
    if not file.is_file():
        raise context.error(
            "FIL201",
            f"there is no file `{text.value}`",
            path,
            f"paths are relative to the experiment file, here: {file.parent.name or '.'}/",
        )
    if file.stat().st_size > MAX_BYTES:
        raise context.error("FIL201", f"the file `{text.value}` is larger than 4 GiB", path)
    context.files[text.value] = file
    return file


def read_numbers(context: Context, path: Path) -> FloatArray:
    """The numbers of a `{file: ..., dataset: ...}` map.

    Returns:
        The array as it is in the file.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    at_file = (*path, "file")
    file = find_file(context, at_file)
    node = context.document.node(path)
    dataset = None
    if isinstance(node, MapNode) and node.get("dataset") is not None:
        dataset = context.text((*path, "dataset")).value
    try:
        array = _read(file, dataset)
    except (OSError, ValueError, KeyError, UnicodeDecodeError) as problem:
        raise _unreadable(context, at_file, problem) from None
    if array.size == 0:
        raise context.error("FIL202", "the file holds no numbers", at_file)
    return array


def _unreadable(context: Context, path: Path, problem: Exception) -> ExperimentError:
    return context.error("FIL202", f"this file cannot be read: {str(problem).splitlines()[0][:160]}", path)


def _read(file: FilePath, dataset: str | None) -> FloatArray:
    suffix = file.suffix.lower()
    if suffix == ".npy":
        return np.asarray(np.load(file, allow_pickle=False), dtype=np.float64)
    if suffix in (".csv", ".txt"):
        return np.loadtxt(file, delimiter=",", dtype=np.float64, ndmin=1)
    if suffix in (".h5", ".hdf5"):
        return _read_h5(file, dataset)
    raise ValueError(f"files of numbers end in .npy, .csv, .txt or .h5, not `{suffix}`")


def _read_h5(file: FilePath, dataset: str | None) -> FloatArray:
    import h5py  # noqa: PLC0415 - only when a file needs it

    if dataset is None:
        raise ValueError("name the data set: `dataset: /path/in/file`")
    with h5py.File(file, "r", locking=False) as h5:
        link = h5.get(dataset, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ValueError("links to other files are not followed")
        found = h5[dataset]
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"`{dataset}` is not a data set")
        return np.asarray(found[...], dtype=np.float64)


def read_picture(file: FilePath, channel: str, resize: tuple[int, int] | None) -> FloatArray:
    """One channel of a picture as numbers from 0 to 1.

    Args:
        file: A PNG, JPEG, TIFF or GIF file.
        channel: `red`, `green`, `blue`, `alpha` or `luminance` (ITU-R 601 weights).
        resize: Rows and columns, or None.

    Returns:
        Shape (rows, columns), or (frames, rows, columns) for an animation.

    Raises:
        ValueError: It is no such picture, or has more than 64 million pixels.
    """
    from PIL import Image, ImageSequence  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(file, formats=PICTURES) as picture:
            frames_number = getattr(picture, "n_frames", 1)
            if picture.width * picture.height * frames_number > MAX_PIXELS:
                raise ValueError(f"the picture has more than {MAX_PIXELS:,} pixels")
            frames = [_channel(frame, channel, resize) for frame in ImageSequence.Iterator(picture)]
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        reason = str(problem).replace(str(file), file.name)
        raise ValueError(f"this is no picture that can be read ({reason})") from None
    return frames[0] if len(frames) == 1 else np.stack(frames)


def _channel(frame: object, channel: str, resize: tuple[int, int] | None) -> FloatArray:
    from PIL import Image  # noqa: PLC0415

    assert isinstance(frame, Image.Image)
    rgba = frame.convert("RGBA")
    if resize is not None:
        rgba = rgba.resize((resize[1], resize[0]), Image.Resampling.BOX)
    values = np.asarray(rgba, dtype=np.float64) / 255.0
    if channel == "luminance":
        return values[..., 0] * 0.299 + values[..., 1] * 0.587 + values[..., 2] * 0.114
    return np.ascontiguousarray(values[..., ("red", "green", "blue", "alpha").index(channel)])

"""Files that an experiment names: found below its folder, read within limits. Nothing in them is ever executed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from snnrun.errors import ExperimentError
from snnrun.files.npy import Unreadable
from snnrun.model.network import FloatArray
from snnrun.resolve.context import Context, Path
from snnrun.source import Text
from snnrun.spec.models import FramesArray, ImageArray
from snnrun.spec.paths import resolve_file

MAX_PIXELS = 32_000_000  # of a picture, all frames together
MAX_VALUES = 8_000_000  # of what is made from it
MAX_BYTES = 4 * 2**30
PICTURES = ("PNG", "JPEG", "TIFF", "GIF")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif")


def find_file(context: Context, path: Path, name: Text | None = None) -> FilePath:
    """The file that a text names; `name` is that part of it which is the file's name.

    Raises:
        ExperimentError: FIL201 when it is missing or too large.
    """
    text = name or context.text(path)
    file = resolve_file(text, context.document.folder_of(path), context.document.data_root)
    if not file.is_file():
        what = f"`{text.value}` is not a regular file" if file.exists() else f"there is no file `{text.value}`"
        raise context.error(
            "FIL201",
            what,
            path,
            f"paths are relative to the experiment file, here: {file.parent.name or '.'}/",
        )
    if file.stat().st_size > MAX_BYTES:
        raise context.error("FIL201", f"the file `{text.value}` is larger than 4 GiB", path)
    context.files[text.value] = file
    return file


def find_pictures(context: Context, path: Path) -> list[FilePath] | None:
    """The pictures in the folder that a text names, by their names, in which numbers count by their value.

    Returns:
        Their paths; None when the text does not name a folder.

    Raises:
        ExperimentError: FIL201 when the folder has none.
    """
    text = context.text(path)
    folder = resolve_file(text, context.document.folder_of(path), context.document.data_root)
    if not folder.is_dir():
        return None
    names = [f.name for f in folder.iterdir() if f.suffix.lower() in PICTURE_ENDINGS and not f.name.startswith(".")]
    if not names:
        raise context.error("FIL201", f"the folder `{text.value}` has no pictures ({', '.join(PICTURE_ENDINGS)})", path)
    inside = text.value.rstrip("/")
    return [find_file(context, path, Text.plain(f"{inside}/{name}")) for name in sorted(names, key=_by_number)]


def _by_number(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


@contextmanager
def reading(context: Context, path: Path, help: str | None = None) -> Iterator[None]:
    """Around the reading of a file of a user: whatever goes wrong in it is an error at the file's name.

    Raises:
        ExperimentError: FIL202.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except ExperimentError:
        raise
    except Unreadable as problem:
        raise context.error("FIL202", f"this file cannot be used: {problem}", path, problem.help or help) from None
    except MemoryError:
        raise context.error("FIL202", "this file needs more memory than there is", path) from None
    except Exception as problem:  # noqa: BLE001 - parsers of foreign formats raise anything when a file is damaged
        reason = (str(problem).splitlines() or [""])[0] or type(problem).__name__
        for file in context.files.values():
            reason = reason.replace(str(file), file.name)
        raise context.error("FIL202", f"this file cannot be read: {reason[:160]}", path, help) from None


def picture_of(file: FilePath, model: ImageArray | FramesArray) -> FloatArray:
    """A picture as an array wants it: its channel, size, brightness and orientation; the shape of `read_picture`."""
    size = (model.resize[0], model.resize[1]) if model.resize else None
    values = read_picture(file, model.channel, size)
    if model.invert:
        values = 1.0 - values
    if model.flip in ("vertical", "both"):
        values = values[..., ::-1, :]
    if model.flip in ("horizontal", "both"):
        values = values[..., :, ::-1]
    return values


def read_picture(file: FilePath, channel: str, resize: tuple[int, int] | None) -> FloatArray:
    """One channel of a picture as numbers from 0 to 1.

    Args:
        file: A PNG, JPEG, TIFF or GIF file.
        channel: `red`, `green`, `blue`, `alpha` or `luminance` (ITU-R 601 weights).
        resize: Rows and columns, or None.

    Returns:
        Shape (rows, columns), or (frames, rows, columns) for an animation.

    Raises:
        Unreadable: It is not such a picture, or has more than 32 million pixels, or more than 8 million are wanted.
    """
    from PIL import Image, ImageSequence  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # of one frame; Pillow refuses what has more than twice as many
    try:
        with Image.open(file, formats=PICTURES) as picture:
            picture.verify()
        with Image.open(file, formats=PICTURES) as picture:
            _must_be_small(picture, resize)
            frames = [_channel(frame, channel, resize) for frame in ImageSequence.Iterator(picture)]
    except Image.DecompressionBombError:
        raise _too_large() from None
    return frames[0] if len(frames) == 1 else np.stack(frames)


def _too_large() -> Unreadable:
    return Unreadable(f"the picture has more than {MAX_PIXELS:,} pixels", "make it smaller")


def _must_be_small(picture: Any, resize: tuple[int, int] | None) -> None:
    pixels = picture.width * picture.height
    frames = getattr(picture, "n_frames", 1) if pixels <= MAX_PIXELS else 1
    if pixels * frames > MAX_PIXELS:
        raise _too_large()
    rows, columns = resize or (picture.height, picture.width)
    if rows * columns * frames > MAX_VALUES:
        raise Unreadable(f"it would become more than {MAX_VALUES:,} numbers", "choose a smaller `resize`")


def _channel(frame: object, channel: str, resize: tuple[int, int] | None) -> FloatArray:
    from PIL import Image  # noqa: PLC0415

    assert isinstance(frame, Image.Image)
    rgba = frame.convert("RGBA")
    if resize is not None:
        rgba = rgba.resize((resize[1], resize[0]), Image.Resampling.BOX)
    values = np.asarray(rgba)
    if channel != "luminance":
        return values[..., ("red", "green", "blue", "alpha").index(channel)] / 255.0
    found = np.empty(values.shape[:2])
    for row, line in zip(found, values, strict=True):  # by lines: a large picture fits into memory once, not five times
        red, green, blue = (line[:, k] / 255.0 for k in range(3))
        row[:] = red * 0.299 + green * 0.587 + blue * 0.114
    return found

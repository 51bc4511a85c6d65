"""Pictures inside the page: files of a folder, each of limited size, up to a limit for all."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from snnrun.files.reading import read_bytes, reason_of
from snnrun.report.markup import Html, element
from snnrun.results.done import Done
from snnrun.results.folder import PICTURES

LARGE: Final = 1_000_000
"""Bytes of a picture from which it is made smaller."""
_MOST_READ: Final = 64 << 20
_MOST_PIXELS: Final = 100_000_000
_WIDTH: Final = 1600  # of a picture that is made smaller [pixels]
_TYPES: Final = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a folder.

    Args:
        name: Its name without ending.
        data: Its bytes; empty where it is not shown.
        type: Their media type.
        why: Why it is not shown.
    """

    name: str
    data: bytes
    type: str = "image/png"
    why: str = ""


@dataclass(slots=True)
class Room:
    """What pictures may still take.

    Args:
        left: Bytes.
        full: Whether some found no room.
    """

    left: int
    full: bool = False

    def takes(self, size: int) -> bool:
        """Whether there is room for some bytes, which then are taken."""
        if size > self.left:
            self.full = True
            return False
        self.left -= size
        return True


def image(picture: Picture, **attributes: str) -> Html:
    """An image element."""
    text = base64.b64encode(picture.data).decode("ascii")
    return element("img", src=f"data:{picture.type};base64,{text}", alt=picture.name, **attributes)


def pictures_of(folder: Path, done: Done, room: Room, *, damaged: bool = False) -> list[Picture]:
    """The pictures that a folder was published with, one for each name, in the order of names.

    Args:
        folder: The folder.
        done: Its `DONE.json`.
        room: What they may take.
        damaged: Whether pictures that changed since then are shown too.
    """
    return [_picture(folder, done, name, room, damaged=damaged) for name in chosen(done)]


def chosen(done: Done) -> list[str]:
    """The files of pictures: of each picture the PNG, else the SVG, else what there is."""
    found: dict[str, str] = {}
    order = {suffix: k for k, suffix in enumerate(_TYPES)}
    for name in sorted(done.files, key=lambda n: order.get(Path(n).suffix, len(order))):
        if name.startswith(f"{PICTURES}/"):
            found.setdefault(str(Path(name).with_suffix("")), name)
    return [found[stem] for stem in sorted(found)]


def _picture(folder: Path, done: Done, name: str, room: Room, *, damaged: bool) -> Picture:
    path = folder / name
    kind = _TYPES.get(path.suffix)
    if kind is None:
        return Picture(path.name, b"", why="a page cannot show it: `snnrun plot` draws it as PNG")
    broken = [] if damaged else done.damage(folder, (name,))
    if broken:
        return Picture(path.name, b"", why=f"it {broken[0].what}")
    try:
        data = read_bytes(path, _MOST_READ)
        if len(data) > LARGE and kind == "image/png":
            data, kind = _smaller(data), "image/webp"
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return Picture(path.name, b"", why=reason_of(error))
    if len(data) > LARGE:
        return Picture(path.name, b"", why=f"it has {len(data):,} bytes: `snnrun plot` draws it as PNG")
    if not room.takes(len(data)):
        return Picture(path.name, b"", why="the pictures before it fill the page")
    return Picture(path.stem, data, kind)


def _smaller(data: bytes) -> bytes:
    """A large picture with fewer pixels.

    Raises:
        OSError: It is not a picture.
        ValueError: It has too many pixels.
    """
    with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            raise ValueError(f"it has {picture.width:,} x {picture.height:,} pixels")
        picture.thumbnail((_WIDTH, 2 * _WIDTH), reducing_gap=2.0)
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=80)
        return out.getvalue()

"""Files of numpy (npy, npz), read without trusting them: no Python objects, memory limited by the size of the file."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from snnrun.files.reading import open_regular

ROOM = 64 * 2**20  # bytes that any file may expand to
EXPANSION = 64  # times its own size that a larger file may expand to


class Unreadable(ValueError):
    """A file of a user is damaged, of another format than it says, or cannot be used.

    Args:
        message: What is wrong with it, as the end of a sentence.
        help: What the user can do.
    """

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


def must_have_room(values: int, file_bytes: int) -> None:
    """Refuse a small file that claims to hold a large array.

    Args:
        values: Number of values of 8 bytes that it claims to hold.
        file_bytes: Size of the file.

    Raises:
        Unreadable: The values take more than 64 MiB and more than 64 times the size of the file.
    """
    if 8 * values > max(ROOM, EXPANSION * file_bytes):
        raise Unreadable(f"it claims to hold {values:,} numbers in {file_bytes:,} bytes")


def read_npy(stream: IO[bytes], size: int) -> NDArray[Any]:
    """An array in the npy format, if its header fits the bytes that follow.

    Args:
        stream: A stream at the beginning of the array.
        size: Bytes from there to the end.

    Raises:
        Unreadable: It holds Python objects, or its size does not fit its header.
    """
    start = stream.tell()
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(np.lib.format.read_magic(stream))
    if read_header is None:
        raise Unreadable("it has an unknown version of the npy format")
    try:
        shape, fortran, dtype = read_header(stream)
    except Exception:  # noqa: BLE001 - numpy evaluates it as a Python literal, which can raise anything
        raise Unreadable("its header is damaged") from None
    if dtype.hasobject:
        raise Unreadable("it holds Python objects, which are never read", "store plain numbers")
    count = math.prod(shape)
    rest = size - (stream.tell() - start)
    if count * dtype.itemsize != rest or min(shape, default=0) < 0:
        raise Unreadable(f"its header says {count:,} numbers of {dtype.itemsize} bytes, {rest:,} bytes follow")
    flat = np.empty(count, dtype)
    if rest and stream.readinto(flat.view(np.uint8).data) != rest:  # type: ignore[attr-defined] # of buffered files
        raise Unreadable("it is cut short")
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def read_npz(file: Path) -> list[tuple[str, NDArray[Any]]]:
    """The arrays of an npz file with their names, in its order.

    Raises:
        Unreadable: One of them is not an array, or they are far larger than the file.
        OSError: It cannot be read, or is not a regular file.
        zipfile.BadZipFile: It is damaged.
    """
    with open_regular(file) as whole, zipfile.ZipFile(whole) as archive:
        members = archive.infolist()
        must_have_room(sum(member.file_size for member in members) // 8, file.stat().st_size)
        arrays = []
        for member in members:
            with archive.open(member) as stream:
                arrays.append((member.filename.removesuffix(".npy"), read_npy(stream, member.file_size)))
    return arrays

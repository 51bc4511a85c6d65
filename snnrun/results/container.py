"""Creating and opening HDF5 files of results: deterministic bytes, no locks, no links to other files."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snnrun.results.done import RUN_AGAIN, refuse_damaged
from snnrun.results.layout import Column, storage_error

# HDF5 1.8's format: read by every reader in use, and half the size of the oldest format for small files.
_FORMAT = (h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V110)
_DIMENSION_ONLY = "This is a netCDF dimension but not a netCDF variable."
_RESERVE_BYTES = 32 << 20
_AHEAD_BYTES = 64 << 20  # of disk space that is allocated at a time
_METADATA_BYTES = 1 << 20
SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")


class MemoryFile(h5py.File):  # type: ignore[misc]  # h5py has no types
    """A new file that lives in memory; `save` writes it."""

    def __init__(self) -> None:
        self._image = io.BytesIO()
        access = _access()
        access.set_fileobj_driver(h5py.h5fd.fileobj_driver, self._image)
        super().__init__(h5py.h5f.create(b"results", h5py.h5f.ACC_TRUNC, _without_times(h5py.h5p.FILE_CREATE), access))

    def save(self, path: Path) -> None:
        """Close it and write it to the disk with one write, whose failure is an ordinary error.

        Raises:
            OSError: It cannot be written, or HDF5 cannot read back what it has made; then nothing is written.
        """
        self.close()
        with h5py.File(self._image, "r") as file:
            _read_back(file)
        with path.open("xb") as out:
            out.write(self._image.getbuffer())


def _read_back(file: h5py.File) -> None:
    """Open every object of a file, so that an unreadable file is not published.

    Raises:
        OSError: An object cannot be read.
    """
    try:
        file.visititems(lambda _name, node: node.attrs.keys() and None)
    except (RuntimeError, KeyError, ValueError) as error:
        raise OSError(errno.EIO, f"HDF5 {h5py.version.hdf5_version} wrote what it cannot read ({error})") from error


def create_on_disk(path: Path) -> h5py.File:
    """A new file; fails if it exists."""
    access = _access()
    access.set_file_locking(False, True)
    made = h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_EXCL, _without_times(h5py.h5p.FILE_CREATE), access)
    return h5py.File(made)


def require_group(file: h5py.File, path: str) -> h5py.Group:
    """A group; it and those above it are made where they are missing."""
    node = file
    for part in path.split("/"):
        if part not in node:
            h5py.h5g.create(node.id, part.encode(), gcpl=_without_times(h5py.h5p.GROUP_CREATE))
        node = node[part]
    return node


def _access() -> Any:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(*_FORMAT)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return access


def _without_times(kind: Any) -> Any:
    """Properties of a new object without a time of creation (HDF5 before 2.0 stores one): equal data, equal bytes."""
    properties = h5py.h5p.create(kind)
    properties.set_obj_track_times(False)
    return properties


def reserve(path: Path, needed: int) -> int:
    """Allocate the disk space of the next writes: HDF5 crashes at close when one of its own writes fails.

    Returns:
        The bytes allocated: more than `needed` where there is plenty of space.

    Raises:
        StorageError: The disk or the quota has less than `needed` bytes and a reserve.
    """
    free = shutil.disk_usage(path.parent).free
    if free < needed + _RESERVE_BYTES:
        raise storage_error(
            "ST103",
            f"no space left for `{path.name}`: {free >> 20} MB free in its folder",
            "free some space, or record less (`indices`, `dt`, `window` of the monitors)",
        )
    taken = max(needed, min(_AHEAD_BYTES, (free - _RESERVE_BYTES) // 16))
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as handle:
            os.posix_fallocate(handle.fileno(), handle.seek(0, os.SEEK_END), taken + _METADATA_BYTES)
    return taken


def close_on_disk(file: h5py.File, path: Path) -> None:
    """Flush, give back reserved space that is not used, close, and read back.

    Raises:
        OSError: It cannot be written, or HDF5 cannot read back what it has made.
    """
    file.flush()
    size = file.id.get_filesize()
    if path.stat().st_size > size:
        os.truncate(path, size)
    file.close()
    with h5py.File(path, "r", locking=False) as written:
        _read_back(written)


def dimension(group: h5py.Group, name: str, size: int) -> h5py.Dataset:
    """A netCDF dimension without coordinates; it takes no space in the file, whatever its size."""
    scale = group.create_dataset(name, (size,), ">f4")
    scale.make_scale(f"{_DIMENSION_ONLY}{size:10d}")
    return scale


def coordinate(dataset: h5py.Dataset) -> h5py.Dataset:
    """Make a vector the coordinate variable of the dimension with its name (netCDF)."""
    dataset.make_scale(dataset.name.rpartition("/")[2])
    return dataset


def attach(dataset: h5py.Dataset, scales: tuple[h5py.Dataset, ...]) -> None:
    """Attach dimension scales to the axes of a dataset."""
    for axis, scale in enumerate(scales):
        h5py.h5ds.attach_scale(dataset.id, scale.id, axis)


def single_precision_view(group: h5py.Group, name: str, full: h5py.Dataset) -> h5py.Dataset:
    """A virtual dataset of 4-byte floats that shows another dataset of the same file; it holds no data."""
    return _virtual(group, name, [full], h5py.h5t.IEEE_F32LE)


def joined_view(group: h5py.Group, name: str, parts: Sequence[h5py.Dataset]) -> h5py.Dataset:
    """A virtual dataset that shows datasets of the same file and type one after the other; it holds no data."""
    return _virtual(group, name, parts, parts[0].id.get_type())


def _virtual(group: h5py.Group, name: str, parts: Sequence[h5py.Dataset], type: Any) -> h5py.Dataset:
    shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
    space = h5py.h5s.create_simple(shape)
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_obj_track_times(False)
    first = 0
    for part in parts:
        if part.size:
            space.select_hyperslab((first, *(0 for _ in shape[1:])), part.shape)
            layout.set_virtual(space, b".", part.name.encode(), h5py.h5s.create_simple(part.shape))
        first += part.shape[0]
    if not first or 0 in shape:
        return group.create_dataset(name, shape, type)
    space.select_all()
    return h5py.Dataset(h5py.h5d.create(group.id, name.encode(), type, space, layout))


def variable(
    group: h5py.Group, name: str, values: NDArray[Any], unit: str | None, scales: tuple[h5py.Dataset, ...] = ()
) -> h5py.Dataset:
    """A dataset with its unit and its dimension scales."""
    dataset = group.create_dataset(name, data=values)
    if unit is not None:
        dataset.attrs["units"] = unit
    attach(dataset, scales)
    return dataset


def write_attributes(node: h5py.Group, attributes: Mapping[str, Any]) -> None:
    """Write attributes, sorted by name."""
    for key in sorted(attributes):
        node.attrs[key] = attributes[key]


def open_for_reading(path: Path, *, damaged: bool = False) -> h5py.File:
    """Open a file without a lock, after checking it against the `DONE.json` beside it.

    Args:
        path: The file.
        damaged: Whether it is opened even if it is not as it was published.

    Raises:
        StorageError: It does not exist, is damaged, or is not an HDF5 file.
    """
    if not path.is_file():
        raise storage_error("ST202", f"there are no results at `{path}`")
    if not damaged:
        refuse_damaged(path)
    try:
        return h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError) as error:
        raise storage_error("ST203", f"`{path}` is damaged or not an HDF5 file", RUN_AGAIN) from error


def object_at(file: h5py.File, path: str) -> h5py.Group | h5py.Dataset | None:
    """The object at a path, or None; anything that could lead to another file is refused.

    Raises:
        StorageError: The path has a link, or ends at a virtual dataset or one with external storage.
    """
    node: h5py.Group | h5py.Dataset = file
    for part in path.strip("/").split("/"):
        if not isinstance(node, h5py.Group):
            return None
        link = node.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise storage_error("ST204", f"`{path}` is a link, and links in results are not followed")
        node = node[part]
    if isinstance(node, h5py.Dataset) and (node.is_virtual or node.external):
        raise storage_error("ST204", f"`{path}` has its data in another file, which is not read")
    return node


def text_attribute(node: h5py.Group | h5py.Dataset, name: str, default: str = "") -> str:
    """A text attribute, or `default` where it is missing."""
    value = node.attrs.get(name, default)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def column_plain(column: Column) -> list[str]:
    """Name, unit and type of a column, for JSON."""
    return [column.name, column.unit, column.type.value]


def little_endian(values: NDArray[Any]) -> NDArray[Any]:
    """The same values, contiguous and little-endian; booleans become bytes."""
    array = np.asarray(values, order="C")  # keeps a scalar a scalar, unlike ascontiguousarray
    if array.dtype.kind == "b":
        return array.astype("|u1")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)

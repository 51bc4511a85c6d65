"""HDF5 files of users. All are opened here, and nothing in them makes the program read another file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.files.npy import Unreadable, must_have_room


class Folder:
    """A group of an HDF5 file. Only objects in the file itself can be read through it.

    External links, soft links (which may lead to external ones), virtual datasets and external storage are refused.
    """

    def __init__(self, group: Any, file_bytes: int) -> None:
        self._group = group
        self._file_bytes = file_bytes

    def folders(self) -> list[str]:
        """Names of its subgroups."""
        return [name for name in self._group if isinstance(_child(self._group, name), _h5py().Group)]

    def columns(self) -> list[str]:
        """Names of its datasets."""
        return [name for name in self._group if isinstance(_child(self._group, name), _h5py().Dataset)]

    def has(self, name: str) -> bool:
        """Whether it holds an object of this name."""
        return name in self._group

    def folder(self, path: str) -> Folder:
        """A group below this one.

        Raises:
            Unreadable: There is none, or the path leads to another file.
        """
        found = self._find(path)
        if not isinstance(found, _h5py().Group):
            raise Unreadable(f"`{path}` is a dataset, not a group")
        return Folder(found, self._file_bytes)

    def numbers(self, path: str) -> NDArray[Any]:
        """All numbers of a dataset, with its shape and type.

        Raises:
            Unreadable: There is none, its numbers are in another file, or it is too large for a file of this size.
        """
        found = self._dataset(path)
        if found.shape is None:
            raise Unreadable(f"the dataset `{path}` is empty")
        must_have_room(int(np.prod(found.shape, dtype=object)), self._file_bytes)
        return np.asarray(found[...])

    def text(self, path: str, attribute: str) -> str | None:
        """A text attribute of a dataset, or None.

        Raises:
            Unreadable: The attribute is not a text.
        """
        value = self._dataset(path).attrs.get(attribute)
        if value is None:
            return None
        value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if not isinstance(value, str):
            raise Unreadable(f"the attribute `{attribute}` of `{path}` is not a text")
        return value

    def unit(self, path: str) -> str | None:
        """The unit of a dataset's numbers: its attribute `unit` or `units`, in any case; None without one.

        Raises:
            Unreadable: The attribute is not a text, or two of them differ.
        """
        names = [name for name in self._dataset(path).attrs if name.lower() in ("unit", "units")]
        found = {(self.text(path, name) or "").strip() for name in names} - {""}
        if len(found) > 1:
            raise Unreadable(f"the attributes {' and '.join(f'`{name}`' for name in names)} of `{path}` differ")
        return found.pop() if found else None

    def _dataset(self, path: str) -> Any:
        found = self._find(path)
        if not isinstance(found, _h5py().Dataset):
            raise Unreadable(f"`{path}` is a group, not a dataset")
        if found.is_virtual or found.external:
            raise Unreadable(f"the dataset `{path}` keeps its numbers in another file, which is not read")
        return found

    def _find(self, path: str) -> Any:
        node = self._group
        for part in path.strip("/").split("/"):
            node = _child(node, part)
            if node is None:
                near = ", ".join(f"`{name}`" for name in list(self._group)[:8])
                raise Unreadable(f"there is no `{path}` in it" + (f"; there is {near}" if near else ""))
        return node


def _h5py() -> Any:
    import h5py  # noqa: PLC0415 - only when a file needs it

    return h5py


def _child(node: Any, name: str) -> Any:
    """The object that a group holds under a name, in the same file; None if there is none."""
    h5py = _h5py()
    link = node.get(name, getlink=True) if name and isinstance(node, h5py.Group) else None
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise Unreadable(f"`{name}` is a link, and links in HDF5 files are not followed: store the data itself")
    return node[name]


@contextmanager
def open_hdf5(file: Path) -> Iterator[Folder]:
    """The root group of an HDF5 file of a user.

    Raises:
        Unreadable: It is damaged, or not an HDF5 file.
    """
    try:
        h5 = _h5py().File(file, "r", locking=False)
    except OSError:
        raise Unreadable("it is damaged or not an HDF5 file") from None
    with h5:
        yield Folder(h5, file.stat().st_size)

"""Arrays and a description in one file: an npz, whose zip archive has a checksum of each array."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from snnrun.files.npy import read_npz
from snnrun.files.reading import from_json

_DESCRIPTION = "description"
_ARRAY = "array."
_DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    NotImplementedError,
    MemoryError,
    OverflowError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_arrays(out: BinaryIO, arrays: Mapping[str, NDArray[Any]], description: Mapping[str, Any]) -> None:
    """Write arrays and a description, which must be plain data for JSON."""
    text = np.frombuffer(json.dumps(description, sort_keys=True).encode(), np.uint8)
    np.savez(out, allow_pickle=False, **{_ARRAY + k: a for k, a in arrays.items()}, **{_DESCRIPTION: text})


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of a file, and their description. Nothing in the file is executed.

    Raises:
        ValueError: It is missing, damaged, or not a file of `write_arrays`.
    """
    try:
        arrays = dict(read_npz(path))
        description = from_json(arrays.pop(_DESCRIPTION).tobytes())
        if not isinstance(description, dict):
            raise TypeError(_DESCRIPTION)
        return {k.removeprefix(_ARRAY): array for k, array in arrays.items()}, description
    except _DAMAGED as error:
        raise ValueError(f"`{path.name}` is damaged, or not a state of a run") from error

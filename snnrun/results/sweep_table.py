"""The table of a sweep: `sweep.h5` by the CF conventions (xarray opens it) and `points.csv`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.errors import StorageError
from snnrun.files.writing import replacing
from snnrun.results.container import (
    MemoryFile,
    attach,
    coordinate,
    dimension,
    little_endian,
    object_at,
    open_for_reading,
    text_attribute,
)
from snnrun.results.layout import POINTS_FILE, RESULTS_FILE, SWEEP_FILE, Description, storage_error

_TEXT = h5py.string_dtype()
_WHOLE = 2**53  # from here on float64 does not hold every integer


class PointStatus(IntEnum):
    """Status of a point of a sweep."""

    MISSING = 0
    COMPLETE = 1
    FAILED = 2


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One swept parameter, or the points of a list.

    Args:
        name: The parameter's path in the file, such as `tau` or `groups.exc.size`.
        unit: SI unit; `1` when dimensionless, None when the values are texts.
        values: Its values: SI numbers or texts, shape (n,).
        label: Longer name for pictures; the name itself when empty.
    """

    name: str
    unit: str | None
    values: Sequence[Any] | NDArray[Any]
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Coordinate:
    """A parameter that varies along an axis of another name (`zip`, `points`, `sample`), or along all axes.

    Args:
        axis: The axis it varies along; empty for the seed where each point has its own.
        name: The parameter's path in the file.
        unit: SI unit; `1` when dimensionless, None when the values are texts.
        values: Its values, shape (n,), or that of the grid.
    """

    axis: str
    name: str
    unit: str | None
    values: Sequence[Any] | NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class SweepTable:
    """The table of a sweep.

    Args:
        axes: The axes of the grid, in order.
        coordinates: Parameters along an axis of another name.
        metrics: For each metric its values in SI units and its unit; shape of the grid, and one axis more for metrics
            with one value a neuron.
        status: Status of each point, shape of the grid.
        description: Title and description of the experiment, if they are stored.
        reasons: Why points failed, by their numbers.
    """

    axes: tuple[Axis, ...]
    coordinates: tuple[Coordinate, ...]
    metrics: dict[str, tuple[NDArray[Any], str]]
    status: NDArray[np.int8]
    description: Description | None
    reasons: Mapping[int, str] = field(default_factory=dict)


def write_sweep(
    folder: Path,
    axes: Sequence[Axis],
    metrics: Mapping[str, tuple[ArrayLike, str]],
    status: ArrayLike,
    *,
    coordinates: Sequence[Coordinate] = (),
    description: Description | None = None,
    reasons: Mapping[int, str] | None = None,
) -> tuple[Path, Path]:
    """Write `sweep.h5` and `points.csv`, replacing earlier ones, and return their paths.

    Args:
        folder: The folder of the sweep.
        axes: The axes of the grid.
        metrics: For each metric its values and unit; shape of the grid, and one axis more at the end for metrics with
            one value a neuron, which are left out of `points.csv`.
        status: A `PointStatus` for each point, shape of the grid.
        coordinates: Parameters along an axis of another name.
        description: Title and description of the experiment, for pictures.
        reasons: Why points failed, by their numbers.

    Raises:
        StorageError: A file cannot be written, or a name cannot be one of a dataset.
        ValueError: A shape is not that of the grid.
    """
    shape = tuple(len(axis.values) for axis in axes)
    states = np.asarray(status, dtype=np.int8)
    for name, values in [("status", states), *((name, value) for name, (value, _) in metrics.items())]:
        grid = np.shape(values)[: len(shape)]
        if grid != shape or np.ndim(values) > len(shape) + (name != "status"):
            raise ValueError(f"`{name}` has shape {np.shape(values)}, the grid {shape}")
    table = SweepTable(
        tuple(axes),
        tuple(coordinates),
        {name: (np.asarray(values), unit) for name, (values, unit) in metrics.items()},
        states,
        description,
        dict(reasons or {}),
    )
    return _write_hdf5(folder / SWEEP_FILE, table), _write_csv(folder / POINTS_FILE, table)


def point_place(folder: Path, number: int) -> Path:
    """The folder for the results of a point of a sweep."""
    return folder / "points" / f"{number:05d}"


def point_folder(folder: Path, number: int) -> Path | None:
    """The folder with the results of a point of a sweep; None when they are not kept."""
    found = point_place(folder, number)
    return found if (found / RESULTS_FILE).is_file() else None


def read_sweep(folder: Path, *, damaged: bool = False) -> SweepTable:
    """The table in a sweep's folder.

    Args:
        folder: The folder.
        damaged: Whether it is read even if it is not as it was published.

    Raises:
        StorageError: There is none, or it cannot be read.
    """
    with open_for_reading(folder / SWEEP_FILE, damaged=damaged) as file:
        try:
            names: list[str] = json.loads(text_attribute(file, "axes", "[]"))
            along: list[list[str]] = json.loads(text_attribute(file, "coordinates", "[]"))
            metric_names: list[str] = json.loads(text_attribute(file, "metrics", "[]"))
            about = text_attribute(file, "description")
            return SweepTable(
                axes=tuple(Axis(n, *_column(file, n), label=_label(file, n)) for n in names),
                coordinates=tuple(Coordinate(axis, n, *_column(file, n)) for axis, n in along),
                metrics={
                    n: (_dataset(file, n)[...], text_attribute(_dataset(file, n), "units", "1")) for n in metric_names
                },
                status=_dataset(file, "status")[...],
                description=Description.from_json(about) if about else None,
                reasons={} if "reason" in {*names, *(n for _, n in along)} else _reasons(file),
            )
        except StorageError:
            raise
        except Exception as error:  # a damaged file can make HDF5 raise anything
            raise storage_error("ST205", f"`{folder / SWEEP_FILE}` is not a sweep of this program") from error


def _write_hdf5(path: Path, table: SweepTable) -> Path:
    file = MemoryFile()
    file.attrs["Conventions"] = "CF-1.11"
    file.attrs["axes"] = json.dumps([axis.name for axis in table.axes])
    file.attrs["coordinates"] = json.dumps([[c.axis, c.name] for c in table.coordinates])
    file.attrs["metrics"] = json.dumps(list(table.metrics))
    if table.description is not None:
        file.attrs["title"] = table.description.title
        file.attrs["description"] = table.description.to_json()
    scales = {}
    for axis in table.axes:
        scales[axis.name] = coordinate(_parameter(file, axis.name, axis.unit, axis.values, axis.label))
    for c in table.coordinates:
        attach(_parameter(file, c.name, c.unit, c.values, ""), (scales[c.axis],) if c.axis else tuple(scales.values()))
    dimensions = tuple(scales.values())
    others = " ".join(c.name for c in table.coordinates)
    for name, (values, unit) in table.metrics.items():
        dataset = file.create_dataset(_free(file, name), data=little_endian(values))
        dataset.attrs["units"] = unit
        dataset.attrs["long_name"] = name
        if others:
            dataset.attrs["coordinates"] = others  # of CF: parameters along an axis of another name
        if dataset.ndim > len(dimensions):
            each = dimension(file, _free(file, f"{name}_element"), dataset.shape[-1])
            attach(dataset, (*dimensions, each))
        else:
            attach(dataset, dimensions)
    status = file.create_dataset(_free(file, "status"), data=table.status)
    status.attrs["long_name"] = "what became of the point"
    status.attrs["flag_values"] = np.array([s.value for s in PointStatus], np.int8)
    status.attrs["flag_meanings"] = " ".join(s.name.lower() for s in PointStatus)
    attach(status, dimensions)
    if table.reasons:
        texts = [table.reasons.get(k, "") for k in range(table.status.size)]
        shaped = np.array(texts, dtype=object).reshape(table.status.shape)
        reason = file.create_dataset(_free(file, "reason"), data=shaped, dtype=_TEXT)
        reason.attrs["long_name"] = "why the point failed"
        attach(reason, dimensions)
    return _saved(file, path)


def _saved(file: MemoryFile, path: Path) -> Path:
    try:
        with replacing(path) as temporary:
            file.save(temporary)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def _parameter(file: h5py.File, name: str, unit: str | None, values: Any, label: str) -> h5py.Dataset:
    if unit is None:
        dataset = file.create_dataset(_free(file, name), data=[str(v) for v in values], dtype=_TEXT)
    else:
        dataset = file.create_dataset(_free(file, name), data=little_endian(np.asarray(values)))
        dataset.attrs["units"] = unit
    dataset.attrs["long_name"] = label or name
    return dataset


def _free(file: h5py.File, name: str) -> str:
    if not name or "/" in name or name == "." or name in file:
        raise storage_error("ST102", f"`{name}` cannot name a column of the sweep's table")
    return name


def _write_csv(path: Path, table: SweepTable) -> Path:
    try:
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(_rows(table))
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return storage_error("ST104", f"cannot write `{path.name}`: {error.strerror}")


def _rows(table: SweepTable) -> Iterator[list[str]]:
    """A header and one row for each point; the last axis varies fastest."""
    parameters = [(a.name, a.unit) for a in table.axes] + [(c.name, c.unit) for c in table.coordinates]
    single = {n: metric for n, metric in table.metrics.items() if metric[0].ndim == table.status.ndim}
    metrics = [(name, unit) for name, (_, unit) in single.items()]
    last = ["reason"] if table.reasons else []
    yield ["point", *(_header(*p) for p in parameters), *(_header(*m) for m in metrics), "status", *last]
    place = {axis.name: k for k, axis in enumerate(table.axes)}
    columns: list[tuple[int | None, list[str]]] = [(place[axis.name], _cells(axis)) for axis in table.axes]
    columns += [(place.get(c.axis), _cells(c)) for c in table.coordinates]
    for number, index in enumerate(np.ndindex(table.status.shape)):
        cells = [column[number if k is None else index[k]] for k, column in columns]
        cells += [_cell(array[index]) for array, _ in single.values()]
        reason = [table.reasons.get(number, "")] if table.reasons else []
        yield [str(number), *cells, PointStatus(int(table.status[index])).name.lower(), *reason]


def _header(name: str, unit: str | None) -> str:
    return name if unit in {None, "1"} else f"{name} [{unit}]"


def _cells(parameter: Axis | Coordinate) -> list[str]:
    """A parameter's values as text; dimensionless values that are all integers are written without a point."""
    values = np.ravel(parameter.values).tolist() if parameter.unit is not None else list(parameter.values)
    whole = parameter.unit == "1" and all(v == v // 1 and abs(v) < _WHOLE for v in values)
    return [_cell(int(v) if whole else v) for v in values]


def _cell(value: Any) -> str:
    """Text from which the same float is read back."""
    plain = value.item() if isinstance(value, np.generic) else value
    return repr(plain) if isinstance(plain, float) else str(plain)


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    node = object_at(file, name)
    if not isinstance(node, h5py.Dataset):
        raise KeyError(name)
    return node


def _column(file: h5py.File, name: str) -> tuple[str | None, NDArray[Any]]:
    dataset = _dataset(file, name)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return None, np.asarray(dataset.asstr()[...], dtype=object)
    return text_attribute(dataset, "units", "1"), dataset[...]


def _reasons(file: h5py.File) -> dict[int, str]:
    dataset = object_at(file, "reason")
    if not isinstance(dataset, h5py.Dataset) or h5py.check_string_dtype(dataset.dtype) is None:
        return {}  # no point failed
    return {k: str(text) for k, text in enumerate(np.ravel(dataset.asstr()[...])) if text}


def _label(file: h5py.File, name: str) -> str:
    return text_attribute(_dataset(file, name), "long_name")

"""The results of a sweep in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.api.runs import Run
from snnrun.api.values import Table, Values, package
from snnrun.results.done import Done
from snnrun.results.layout import POINTS_FILE
from snnrun.results.sweep_table import PointStatus, point_folder, read_sweep


class Sweep:
    """The table of a sweep: `metrics` over a grid of `axes`.

    Attributes:
        axes: The values of each axis, shape (its length,); texts where a parameter is no number.
        coordinates: Parameters that vary along an axis of another name: the axis, and the values.
        metrics: Each metric in the shape of the grid; one axis more for a metric with a value a neuron.
        status: What became of each point: `complete`, `failed` or `missing`, shape of the grid.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        table = read_sweep(folder)
        self.name = table.description.name if table.description is not None else folder.parent.name
        self.digest = Done.read(folder).digest
        self.axes = {a.name: _values(a.values, a.unit) for a in table.axes}
        self.coordinates = {c.name: (c.axis, _values(c.values, c.unit)) for c in table.coordinates}
        metrics = {name: Values(values, unit) for name, (values, unit) in table.metrics.items()}
        self.metrics = Table(list(metrics), metrics.__getitem__, "metrics")
        self.status = np.array([s.name.lower() for s in PointStatus])[table.status]

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self.status.shape

    def __len__(self) -> int:
        return int(self.status.size)

    def point(self, *index: int) -> Run:
        """The results of one point; only sweeps with `keep: results` have them.

        Args:
            index: Its place on each axis, or its number in the table.

        Raises:
            IndexError: There is no such point.
            FileNotFoundError: Its results were not kept.
        """
        number = int(np.ravel_multi_index(index, self.shape)) if len(index) > 1 else index[0]
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self)} points, from 0")
        folder = point_folder(self.folder, number)
        if folder is None:
            raise FileNotFoundError(f"point {number} has no results of its own: `sweep: {{keep: results}}` keeps them")
        return Run(folder)

    def points(self) -> Iterator[Run]:
        """The results of every point, in the order of the table."""
        return (self.point(number) for number in range(len(self)))

    def to_pandas(self) -> Any:
        """A DataFrame with a row a point, as `points.csv`: parameters and metrics in SI units, and the status."""
        pandas = package("pandas", "to_pandas")
        return pandas.read_csv(self.folder / POINTS_FILE, index_col="point")

    def to_xarray(self) -> Any:
        """A Dataset of the metrics over the axes; units are attributes `units`."""
        xarray = package("xarray", "to_xarray")
        coordinates = {name: (name, *_plain(values)) for name, values in self.axes.items()}
        coordinates |= {name: (axis, *_plain(values)) for name, (axis, values) in self.coordinates.items()}
        axes = tuple(self.axes)
        variables: dict[str, Any] = {"status": (axes, self.status)}
        for name, values in self.metrics.items():
            more = (f"{name}_element",) if values.si.ndim > len(axes) else ()
            variables[name] = ((*axes, *more), values.si, {"units": values.unit})
        return xarray.Dataset(variables, coordinates, attrs={"title": self.name})

    def __repr__(self) -> str:
        sizes = " x ".join(f"{name} {len(values)}" for name, values in self.axes.items())
        done = int(np.sum(self.status == "complete"))
        head = f"Sweep {self.name}: {done} of {len(self)} points ({sizes}), {self.folder}"
        return "\n".join([head, *(f"  {name} {values!r}" for name, values in self.metrics.items())])


def _values(values: Any, unit: str | None) -> Any:
    return np.asarray(values, dtype=object) if unit is None else Values(values, unit)


def _plain(values: Any) -> tuple[Any, dict[str, str]]:
    return (values.si, {"units": values.unit}) if isinstance(values, Values) else (values, {})

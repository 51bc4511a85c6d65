"""A sweep's table opens in xarray and as text, and reads back."""

import csv

import numpy as np
import pytest
import xarray as xr

from snnrun.errors import StorageError
from snnrun.results.layout import Description
from snnrun.results.sweep_table import Axis, Coordinate, PointStatus, read_sweep, write_sweep

TAU = np.linspace(1e-3, 10e-3, 4)
RATE = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0], [7.0, 0.1 + 0.2]])
STATUS = np.where(np.isnan(RATE), PointStatus.FAILED, PointStatus.COMPLETE)
ABOUT = Description("lif", "LIF", "3f9a1c02", 1, 1e-4, 0.3)


@pytest.fixture
def folder(tmp_path):
    axes = [Axis("tau", "s", TAU, "membrane time constant"), Axis("model", None, ["cuba", "coba"])]
    write_sweep(tmp_path, axes, {"rate": (RATE, "Hz")}, STATUS, description=ABOUT)
    return tmp_path


def test_xarray_sees_axes_units_and_names(folder):
    with xr.open_dataset(folder / "sweep.h5", engine="h5netcdf") as data:
        assert data["rate"].dims == ("tau", "model")
        assert (data["rate"].attrs["units"], data["tau"].attrs["units"]) == ("Hz", "s")
        assert data["tau"].attrs["long_name"] == "membrane time constant"
        assert float(data["rate"].sel(tau=TAU[2], model="coba")) == 6.0
        assert data.attrs["Conventions"].startswith("CF-")
        assert data["status"].sel(model="coba").values.tolist() == [1, 2, 1, 1]


def test_parameters_of_a_list_of_points_are_coordinates(tmp_path):
    points = [Axis("point", "1", np.arange(3))]
    along = [Coordinate("point", "g", "1", [4.0, 5.0, 6.0]), Coordinate("point", "eta", "1", [0.9, 2.0, 2.0])]
    write_sweep(tmp_path, points, {"rate": ([1.0, 2.0, 3.0], "Hz")}, [1, 1, 0], coordinates=along)
    with xr.open_dataset(tmp_path / "sweep.h5", engine="h5netcdf") as data:
        assert set(data.coords) == {"point", "g", "eta"}
        assert data["rate"].dims == ("point",)
    table = read_sweep(tmp_path)
    assert [(c.axis, c.name, list(c.values)) for c in table.coordinates] == [
        ("point", "g", [4.0, 5.0, 6.0]),
        ("point", "eta", [0.9, 2.0, 2.0]),
    ]


def test_a_table_reads_back(folder):
    table = read_sweep(folder)
    assert [(a.name, a.unit, a.label) for a in table.axes] == [
        ("tau", "s", "membrane time constant"),
        ("model", None, "model"),
    ]
    assert list(table.axes[1].values) == ["cuba", "coba"]
    assert np.array_equal(table.axes[0].values, TAU)
    assert np.array_equal(table.metrics["rate"][0], RATE, equal_nan=True)
    assert table.metrics["rate"][1] == "Hz"
    assert np.array_equal(table.status, STATUS)
    assert table.description == ABOUT


def test_points_are_one_row_each_and_give_the_same_doubles_back(folder):
    with (folder / "points.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["point", "tau [s]", "model", "rate [Hz]", "status"]
    assert len(rows) == 1 + RATE.size
    assert [float(row[3]) for row in rows[1:]] == pytest.approx(RATE.ravel().tolist(), rel=0, abs=0, nan_ok=True)
    assert rows[4][2:] == ["coba", "nan", "failed"]


def test_whole_values_of_parameters_without_unit_are_written_whole(tmp_path):
    axes = [Axis("k", "1", [1.0, 2.0]), Axis("tau", "s", [1.0, 2.0]), Axis("big", "1", [1.0, 2.0**60])]
    along = [Coordinate("k", "half", "1", [0.5, 1.0]), Coordinate("k", "n", "1", np.array([3.0, -4.0]))]
    write_sweep(tmp_path, axes, {"rate": (np.ones((2, 2, 2)), "Hz")}, np.ones((2, 2, 2)), coordinates=along)
    lines = (tmp_path / "points.csv").read_text().splitlines()
    assert lines[1] == "0,1,1.0,1.0,0.5,3,1.0,complete"
    assert lines[8] == f"7,2,2.0,{2.0**60!r},1.0,-4,1.0,complete"


def test_the_same_table_gives_the_same_bytes_and_replaces_the_old_one(folder):
    before = (folder / "sweep.h5").read_bytes()
    axes = [Axis("tau", "s", TAU, "membrane time constant"), Axis("model", None, ["cuba", "coba"])]
    write_sweep(folder, axes, {"rate": (RATE, "Hz")}, STATUS, description=ABOUT)
    assert (folder / "sweep.h5").read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == ["points.csv", "sweep.h5"]


def test_a_metric_named_like_an_axis_or_a_path_is_refused(tmp_path):
    for name in ("tau", "a/b", ""):
        with pytest.raises(StorageError, match="ST102"):
            write_sweep(tmp_path, [Axis("tau", "s", [1.0])], {name: ([1.0], "Hz")}, [1])


def test_values_that_do_not_fit_the_grid_are_refused(tmp_path):
    with pytest.raises(ValueError, match="shape"):
        write_sweep(tmp_path, [Axis("tau", "s", TAU)], {"rate": ([1.0, 2.0], "Hz")}, [1, 1, 1, 1])


def test_a_missing_table_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="ST202"):
        read_sweep(tmp_path)

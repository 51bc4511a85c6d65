"""Datasets of HDF5 files that say their unit in an attribute: it is used, or refused where it contradicts."""

import h5py
import numpy as np
import pytest
from data_files import SPIKING, WIRED, checked, problem, schedule, wired

START = """\
version: 1
groups:
  a: {size: 3, equations: "v : volt\\nx : 1", initial: {VALUE}}
run: {duration: 1 ms, dt: 0.1 ms}
"""
ARRAY = """\
version: 1
arrays: {stimulus: {file: d.h5, dataset: d, dt: 1 ms, MORE}}
groups:
  a: {size: 3, equations: "v = stimulus(t)/UNIT : 1"}
run: {duration: 1 ms, dt: 0.1 ms}
"""
EDGES = "{file: d.h5, dataset: d, to: {w: 2}, UNIT}"
MATRIX = [[0, 1.5, 0, 0], [0, 0, 0, -2], [3, 0, 0, 0]]


def store(folder, data, **attributes):
    with h5py.File(folder / "d.h5", "w") as file:
        file["d"] = data
        file["d"].attrs.update(attributes)


def initial(folder, line):
    """The values that a line of `initial` gives. [SI]"""
    (found,) = checked(folder, START.replace("VALUE", line)).resolved.network.groups["a"].initial
    return found.value.payload.array.tolist()


@pytest.mark.parametrize("name", ["unit", "units", "Units"])
@pytest.mark.parametrize("more", ["", ", unit: mV", ", unit: 0.001*volt"])
def test_the_unit_of_initial_values_is_that_of_their_dataset(tmp_path, name, more):
    store(tmp_path, [1.0, 2.0, 3.0], **{name: "mV"})
    assert initial(tmp_path, f"v: {{file: d.h5, dataset: d{more}}}") == pytest.approx([1e-3, 2e-3, 3e-3], rel=1e-15)


def test_the_unit_of_the_entries_of_a_matrix_is_that_of_its_dataset(tmp_path):
    store(tmp_path, MATRIX, units=np.bytes_("mV"))
    found = wired(tmp_path, "{matrix: d.h5, dataset: d, to: w}")
    assert found["w"] == pytest.approx([1.5e-3, -2e-3, 3e-3], rel=1e-15)


def test_the_unit_of_values_of_edges_is_that_of_their_table(tmp_path):
    store(tmp_path, [[0, 1, 2.0], [2, 3, 4.0]], units="mV")
    assert wired(tmp_path, EDGES.replace(", UNIT", ""))["w"] == pytest.approx([2e-3, 4e-3], rel=1e-15)


def test_the_unit_of_an_array_is_that_of_its_dataset(tmp_path):
    store(tmp_path, [1.0, 2.0], units="mS/cm**2")
    array = checked(tmp_path, ARRAY.replace(", MORE", "").replace("UNIT", "(siemens/metre**2)"))
    assert array.resolved.network.arrays["stimulus"].values.tolist() == pytest.approx([10, 20], rel=1e-15)


def test_the_unit_of_a_table_of_spikes_is_that_of_its_times(tmp_path):
    store(tmp_path, [[0, 0.2], [1, 0.5]], unit="milliseconds")
    assert schedule(tmp_path, "file: d.h5, dataset: d")[:2] == ([2, 5], [0, 1])


def sonata(path, *units):
    """Edges in as many groups as there are units, one each."""
    n = len(units)
    with h5py.File(path, "w") as file:
        folder = file.create_group("edges/only")
        folder["source_node_id"], folder["target_node_id"] = np.arange(n), np.arange(n)
        folder["edge_group_id"], folder["edge_group_index"] = np.arange(n), np.zeros(n, int)
        for k, unit in enumerate(units):
            folder[f"{k}/weight"] = [2.0]
            folder[f"{k}/weight"].attrs["units"] = unit


def test_units_of_sonata_edges_are_those_of_all_groups(tmp_path):
    sonata(tmp_path / "e.h5", "mV", "mV")
    assert wired(tmp_path, "{file: e.h5, to: {w: weight}}")["w"] == pytest.approx([2e-3, 2e-3], rel=1e-15)
    text = WIRED.replace("CONNECT", "{file: e.h5, to: {w: weight}, unit: {w: volt}}")
    assert "its numbers are in `mV`" in problem(tmp_path, text, "NET147").message
    sonata(tmp_path / "e.h5", "mV", "uV")
    text = WIRED.replace("CONNECT", "{file: e.h5, to: {w: weight}}")
    assert "`weight` in different units" in problem(tmp_path, text, "FIL202").message


@pytest.mark.parametrize(
    ("data", "text", "unit"),
    [
        ([1.0, 2.0, 3.0], START.replace("VALUE", "v: {file: d.h5, dataset: d, unit: volt}"), "mV"),
        ([1.0, 2.0, 3.0], START.replace("VALUE", "v: {file: d.h5, dataset: d, unit: mV}"), "nA"),
        ([1.0, 2.0, 3.0], START.replace("VALUE", "v: {file: d.h5, dataset: d}"), "nA"),
        ([1.0, 2.0, 3.0], START.replace("VALUE", "x: {file: d.h5, dataset: d}"), "mV"),
        ([1.0, 2.0, 3.0], START.replace("VALUE", "v: {file: d.h5, dataset: d}"), "furlongs"),
        ([1.0, 2.0, 3.0], START.replace("VALUE", "x: {file: d.h5, dataset: d}"), "1/("),
        (MATRIX, WIRED.replace("CONNECT", "{matrix: d.h5, dataset: d, to: w, unit: volt}"), "mV"),
        (MATRIX, WIRED.replace("CONNECT", "{matrix: d.h5, dataset: d, to: w}"), "ms"),
        ([[0, 1, 2.0]], WIRED.replace("CONNECT", EDGES).replace("UNIT", "unit: {w: volt}"), "mV"),
        ([[0, 1, 2.0]], WIRED.replace("CONNECT", EDGES).replace("to: {w: 2}, UNIT", "to: {delay: 2}"), "mV"),
        ([1.0, 2.0], ARRAY.replace("MORE", "unit: nA").replace("UNIT", "nA"), "mV"),
        ([[0, 0.2]], SPIKING.replace("SPIKES", "file: d.h5, dataset: d, unit: ms"), "s"),
    ],
)
def test_a_unit_that_contradicts_or_is_not_known_is_refused_with_its_name(tmp_path, data, text, unit):
    store(tmp_path, data, units=unit)
    assert f"the file says that its numbers are in `{unit}`" in problem(tmp_path, text, "NET147").message


@pytest.mark.parametrize("unit", ["1", "none", "dimensionless", "", " "])
def test_numbers_without_a_unit_may_say_so(tmp_path, unit):
    store(tmp_path, [1.0, 2.0, 3.0], units=unit)
    assert initial(tmp_path, "x: {file: d.h5, dataset: d}") == [1, 2, 3]


def test_a_unit_that_is_not_known_gives_way_to_that_of_the_experiment_with_a_warning(tmp_path):
    store(tmp_path, [1.0, 2.0, 3.0], units="millivolt (mV)")
    found = checked(tmp_path, START.replace("VALUE", "v: {file: d.h5, dataset: d, unit: mV}"))
    (warning,) = found.warnings
    assert "`millivolt (mV)`, which is not a known unit; `mV` counts" in warning.message
    assert warning.span.file.text[warning.span.start : warning.span.end] == "mV"


def test_two_attributes_that_differ_and_one_that_is_no_text_are_refused(tmp_path):
    text = START.replace("VALUE", "v: {file: d.h5, dataset: d}")
    store(tmp_path, [1.0, 2.0, 3.0], units="mV", unit="V")
    assert "differ" in problem(tmp_path, text, "FIL202").message
    store(tmp_path, [1.0, 2.0, 3.0], units=3.5)
    assert "is not a text" in problem(tmp_path, text, "FIL202").message


def test_a_table_with_named_columns_has_no_unit_of_its_own(tmp_path):
    store(tmp_path, np.zeros(3, [("a", "f8"), ("b", "f8")]), units="mV")
    text = START.replace("VALUE", "v: {file: d.h5, dataset: d, column: a}")
    assert "does not say of which of its columns" in problem(tmp_path, text, "FIL202").message

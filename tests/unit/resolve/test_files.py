"""Numbers from files: their units, their limits, and that no file leads out of the experiment's folder."""

import io
import os
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from data_files import PLAIN, SPIKING, WIRED, checked, problem, wired
from PIL import Image

from snnrun.engine.values import Built, set_group
from snnrun.errors import ExperimentError

# Units


def initial(folder, size=3, value="{file: f.npy, unit: mV}", line="v : volt"):
    """The values that `initial` gives to the variable `v` of a group."""
    text = PLAIN.replace(
        'size: 3, equations: "v : volt"', f'size: {size}, equations: "{line}", initial: {{v: {value}}}'
    )
    network = checked(folder, text).resolved.network
    group = network.groups["a"]
    lines = group.initial
    kinds = {"float": np.float64, "int": np.int64, "bool": np.uint8}
    stored = next(s for s in group.stored if s.variable == lines[0].variable)
    values = np.zeros(size, kinds[stored.kind.value])

    class Arrays(Built):
        def variable(self, _variable):
            return values

    for each in lines:
        set_group(Arrays(network, None), network, group, each)
    return values.tolist()


def wrong_initial(folder, code, value="{file: f.npy, unit: mV}", line="v : volt", size=3):
    text = PLAIN.replace(
        'size: 3, equations: "v : volt"', f'size: {size}, equations: "{line}", initial: {{v: {value}}}'
    )
    return problem(folder, text, code)


def test_numbers_of_a_file_have_the_unit_that_the_experiment_says(tmp_path):
    np.save(tmp_path / "f.npy", [-70.0, -65.0, -60.0])
    assert initial(tmp_path) == pytest.approx([-0.07, -0.065, -0.06], rel=1e-15)
    assert initial(tmp_path, value="{file: f.npy}", line="v : 1") == [-70, -65, -60]


def test_numbers_without_a_unit_enter_no_variable_with_a_dimension(tmp_path):
    np.save(tmp_path / "f.npy", [-70.0, -65.0, -60.0])
    found = wrong_initial(tmp_path, "NET147", "{file: f.npy}")
    assert "`v` is a voltage [V]: say in which unit its file is" in found.message
    assert "unit: ..." in found.help
    assert "the unit of `v`" in wrong_initial(tmp_path, "EQ209", "{file: f.npy, unit: nA}").message
    assert wrong_initial(tmp_path, "EQ209", "{file: f.npy, unit: mV}", "v : 1")
    for unit in ("0*mV", "-1*mV"):
        assert wrong_initial(tmp_path, "NET147", f"{{file: f.npy, unit: {unit}}}")


def test_a_timed_array_without_unit_has_no_dimension(tmp_path):
    np.save(tmp_path / "f.npy", [1.0, 2.0])
    text = PLAIN.replace("groups:", "arrays: {drive: {file: f.npy, dt: 0.5 ms}}\ngroups:")
    text = text.replace('"v : volt"', '"dv/dt = drive(t)/(10*ms) : volt"', 1)
    assert problem(tmp_path, text, "EQ209")
    checked(tmp_path, text.replace("dt: 0.5 ms", "dt: 0.5 ms, unit: mV"))


# Columns of a table

TABLES = {
    "f.csv": lambda p: p.write_text("v,u\n1,4\n2,5\n3,6\n"),
    "f.tsv": lambda p: p.write_text("v\tu\n1\t4\n2\t5\n3\t6\n"),
    "f.npz": lambda p: np.savez(p, v=[1, 2, 3], u=[4, 5, 6]),
    "f.npy": lambda p: np.save(p, np.array([(1, 4), (2, 5), (3, 6)], [("v", "f8"), ("u", "f8")])),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_column_is_chosen_by_its_name(tmp_path, name):
    TABLES[name](tmp_path / name)
    assert initial(tmp_path, value=f"{{file: {name}, column: u}}", line="v : 1") == [4, 5, 6]
    assert wrong_initial(tmp_path, "FIL202", f"{{file: {name}, column: x}}", "v : 1")
    assert wrong_initial(tmp_path, "FIL202", f"{{file: {name}}}", "v : 1").help == "choose one: `column: name`"


def test_a_table_without_names_has_numbers_for_them(tmp_path):
    (tmp_path / "f.csv").write_text("1,4\n2,5\n3,6\n")
    assert initial(tmp_path, value="{file: f.csv, column: 1}", line="v : 1") == [4, 5, 6]


# Whole numbers and lists


@pytest.mark.parametrize(
    ("values", "line", "code", "words"),
    [
        ("[1, 2.9, 3]", "v : integer", "EQ213", "not a whole number: 2.9"),
        ("[1, 2, 9223372036854775807]", "v : integer", "EQ213", "beyond 2**53"),
        ("[1, 2, 1e300]", "v : integer", "EQ213", "beyond 2**53"),
        ("9007199254740993", "v : integer", "EQ213", "beyond 2**53"),
        ("2**62", "v : integer", "EQ213", "beyond 2**53"),
        ("2.5", "v : integer", "EQ213", "not a whole number"),
        ("'[1, 2.9, 3]'", "v : integer", "EQ213", "not a whole number"),
        ("'[1, 2, 3]/2'", "v : integer", "EQ213", "not a whole number"),
        ("[1, 0, 2]", "v : boolean", "EQ205", "true or false"),
        ("[true, 0.5, false]", "v : boolean", "EQ213", "not a whole number"),
        ("[1, true, 2]", "v : 1", "EQ205", ""),
        ("[1, 2]", "v : integer", "NET141", "the list has 2 values, 3 are needed"),
        ("[1, 2, 3, 4]", "v : 1", "NET141", "the list has 4 values, 3 are needed"),
        ("'[1, 2]'", "v : 1", "NET141", "has 2 values, 3 values are needed"),
        ("'[1, 2, 3] + [1, 2]'", "v : 1", "NET141", "has 2 values"),
        ("[1, 2, 3]", "v : 1 (shared)", "NET141", "1 are needed"),
    ],
)
def test_lists_are_taken_as_written_or_refused(tmp_path, values, line, code, words):
    assert words in wrong_initial(tmp_path, code, values, line).message


def test_lists_that_fit(tmp_path):
    assert initial(tmp_path, value="[1, -2.0, 9007199254740992]", line="v : integer") == [1, -2, 2**53]
    assert initial(tmp_path, value="'[1, 2, 3]*i'", line="v : integer") == [0, 2, 6]
    assert initial(tmp_path, value="'[1, 2, 3]*mV'") == pytest.approx([1e-3, 2e-3, 3e-3], rel=1e-15)
    assert initial(tmp_path, value="[true, 0, 1]", line="v : boolean") == [1, 0, 1]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("int(1e300)", "EQ210", "too large"),
        ("poisson(-1)", "EQ210", "must be between 0 and 4.5e15, this is -1"),
        ("poisson(1e16)", "EQ210", "this is 1e+16"),
    ],
)
def test_a_constant_that_is_no_whole_number_is_refused(tmp_path, value, code, words):
    assert words in wrong_initial(tmp_path, code, value, "v : integer").message


@pytest.mark.parametrize(
    ("value", "index"),
    [
        ("int(i*1e300)", 1),
        ("int(i*1e300) + 1", 1),
        ("poisson(1 - i)", 2),
        ("int(log(1.0*i))", 0),
        ("int(2.0**(62 + i))", 1),
    ],
)
def test_what_becomes_no_whole_number_is_refused_when_it_is_computed(tmp_path, value, index):
    with pytest.raises(ExperimentError, match=f"is no whole number at index {index}"):
        initial(tmp_path, value=value, line="v : integer")


def test_a_condition_leaves_out_what_would_be_no_whole_number(tmp_path):
    rules = "[{value: 7}, {where: i > 0, value: int(10*log(1.0*i))}]"
    assert initial(tmp_path, value=rules, line="v : integer") == [7, 0, 6]


@pytest.mark.parametrize(
    ("numbers", "line", "words"),
    [
        ([1, 2.9, 3], "v : integer", "in row 2 stands 2.9"),
        ([1, 2, 1e300], "v : integer", "in row 3 stands 1"),
        (np.array([1, 2, 2**63 - 1]), "v : integer", "in row 3 stands 9.22"),
        (np.array([1, 2, 2**64 - 1], np.uint64), "v : integer", "in row 3"),
        ([1, 0, 2], "v : boolean", "must be 0 or 1, in row 3 stands 2"),
        ([0.5, 0, 1], "v : boolean", "in row 1 stands 0.5"),
        ([1, np.nan, 2], "v : 1", "must be finite, in row 2 stands nan"),
        ([1, 2, -np.inf], "v : 1", "must be finite, in row 3 stands -inf"),
        (np.array([1, 2, 3j]), "v : 1", "complex numbers"),
        (np.array(["1", "2", "3"]), "v : 1", "does not hold numbers"),
        (np.array([1, 2, 3], "M8[s]"), "v : 1", "does not hold numbers"),
        (np.zeros(0), "v : 1", "no numbers"),
    ],
)
def test_numbers_of_a_file_are_taken_as_they_are_or_refused(tmp_path, numbers, line, words):
    np.save(tmp_path / "f.npy", numbers)
    assert words in wrong_initial(tmp_path, "FIL202", "{file: f.npy}", line).message


def test_an_array_of_objects_is_never_loaded(tmp_path):
    np.save(tmp_path / "f.npy", np.array([print, 1, 2], object), allow_pickle=True)
    assert "Python objects" in wrong_initial(tmp_path, "FIL202", "{file: f.npy}", "v : 1").message


LISTS = {
    "{i: 0, j: 0, n: 3, delay: [1 ms, 2 ms]}": "the list of delays has 2 values, 3 synapses are made",
    "{i: 0, j: 0, n: 3, initial: {k: [1, 2, 3, 4]}}": "the list for `k` has 4 values, 3 synapses are made",
    "{i: 0, j: 0, n: 3, initial: {k: '[1, 2]'}}": "the list for `k` has 2 values, 3 synapses are made",
    "{i: 0, j: 0, n: 3, initial: {k: {file: two.npy}}}": "the list for `k` has 2 values, 3 synapses are made",
    "[{i: 0, j: 0}, {fixed_indegree: 2, initial: {k: [1, 2]}}]": "the list for `k` has 2 values, 8 synapses are made",
    "[{i: 0, j: 0}, {file: e.csv, initial: {k: [1]}}]": "the list for `k` has 1 value, 2 synapses are made",
}


@pytest.mark.parametrize("connect", LISTS)
def test_lists_of_a_rule_have_one_value_for_each_of_its_synapses(tmp_path, connect):
    np.save(tmp_path / "two.npy", [1, 2])
    (tmp_path / "e.csv").write_text("0,0\n1,1\n")
    assert LISTS[connect] in problem(tmp_path, WIRED.replace("CONNECT", connect), "NET141").message


@pytest.mark.parametrize("line", ["delay: [1 ms, 2 ms, 3 ms]", "initial: {k: [1, 2, 3]}"])
def test_lists_of_all_synapses_have_one_value_for_each(tmp_path, line):
    text = WIRED.replace("    connect: CONNECT", f"    {line}\n    connect: CONNECT")
    for connect in ("[{i: 0, j: 0}, {i: 1, j: 1}]", "[one_to_one, {i: 1, j: 1}]"):
        a_to_a = text.replace("target: b", "target: a").replace("    on_pre: v_post += w\n", "")
        whole = text if "one_to_one" not in connect else a_to_a
        if whole is a_to_a and "delay" in line:
            continue
        found = problem(tmp_path, whole.replace("CONNECT", connect), "NET141")
        assert "3 values, " in found.message


def test_lists_of_a_second_rule_are_its_own(tmp_path):
    found = wired(tmp_path, "[{i: 0, j: 0}, {i: [1, 2], j: [1, 2], delay: [0.1 ms, 0.3 ms], initial: {k: [5, 6]}}]")
    assert found["k"] == [0, 5, 6]
    assert found["delay"] == [0, 1, 3]


def test_a_list_for_synapses_made_by_chance_is_refused_once_they_are_made(tmp_path):
    with pytest.raises(ExperimentError, match="the list for `k` has 2 values, 12 synapses are made"):
        wired(tmp_path, "{where: i >= 0, initial: {k: [1, 2]}}")


# Matrices

MATRIX = [[0, 1.5, 0, 0], [0, 0, 0, -2], [3, 0, 0, 0]]


@pytest.mark.parametrize(
    ("name", "write", "more"),
    [
        ("m.npy", lambda p: np.save(p, MATRIX), ""),
        ("m.npy", lambda p: np.save(p, np.asfortranarray(np.array(MATRIX, "f4"))), ""),
        ("m.csv", lambda p: np.savetxt(p, MATRIX, delimiter=","), ""),
        ("m.tsv", lambda p: np.savetxt(p, MATRIX, delimiter="\t"), ""),
        ("m.h5", lambda p: h5py.File(p, "w").create_dataset("a/m", data=MATRIX).file.close(), ", dataset: a/m"),
    ],
)
def test_entries_of_a_matrix_go_where_they_are_sent(tmp_path, name, write, more):
    write(tmp_path / name)
    found = wired(tmp_path, f"{{matrix: {name}{more}, to: w, unit: mV}}")
    assert (found["i"], found["j"]) == ([0, 1, 2], [1, 3, 0])
    assert found["w"] == pytest.approx([1.5e-3, -2e-3, 3e-3], rel=1e-15)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("", "NET188", "nothing says whether the entries of the matrix are `w`"),
        (", to: w", "NET147", "say in which unit"),
        (", to: w, unit: nA", "EQ209", "the unit of `w`"),
        (", to: x", "NET140", "`x` is not a variable"),
        (", unit: mV", "NET188", "`unit` needs `to`"),
        (", to: k", "FIL202", "`k`, an integer, must be whole numbers"),
        (", to: w, unit: mV, initial: {w: 1 mV}", "NET188", "given twice"),
    ],
)
def test_what_is_asked_of_a_matrix_must_fit(tmp_path, options, code, words):
    np.save(tmp_path / "m.npy", MATRIX)
    assert words in problem(tmp_path, WIRED.replace("CONNECT", f"{{matrix: m.npy{options}}}"), code).message


def test_a_matrix_may_only_say_who_is_connected(tmp_path):
    np.save(tmp_path / "m.npy", np.sign(np.abs(MATRIX)))
    found = wired(tmp_path, "{matrix: m.npy, initial: {w: 2 mV}}")
    assert found["w"] == [0.002] * 3
    assert found["warnings"] == []
    np.save(tmp_path / "m.npy", MATRIX)
    text = WIRED.replace("    connect", "    initial: {w: 2 mV}\n    connect")
    found = wired(tmp_path, "{matrix: m.npy}", text)
    assert found["w"] == [0.002] * 3
    assert found["warnings"] == ["the entries of the matrix are only used as zero or not"]


@pytest.mark.parametrize(("bad", "words"), [(np.nan, "row 2, column 4 stands nan"), (1j, "complex"), (np.inf, "inf")])
def test_a_matrix_holds_finite_real_numbers(tmp_path, bad, words):
    matrix = np.array(MATRIX, type(bad))
    matrix[1, 3] = bad
    np.save(tmp_path / "m.npy", matrix)
    connect = "{matrix: m.npy, to: w, unit: mV}"
    assert words in problem(tmp_path, WIRED.replace("CONNECT", connect), "FIL202").message


# Ways out of an HDF5 file


def external_link(file, path, secret):
    file[path] = h5py.ExternalLink(str(secret), path)


def soft_link(file, path, secret):
    file["out"] = h5py.ExternalLink(str(secret), path)
    file[path] = h5py.SoftLink("/out")


def parent_link(file, path, secret):
    top = path.strip("/").split("/")[0]
    file[top] = h5py.ExternalLink(str(secret), top)


def virtual(file, path, secret):
    with h5py.File(secret) as source:
        shape, kind = source[path].shape, source[path].dtype
    layout = h5py.VirtualLayout(shape, kind)
    layout[...] = h5py.VirtualSource(str(secret), path, shape)
    file.create_virtual_dataset(path, layout)


def raw_storage(file, path, secret):
    with h5py.File(secret) as source:
        values = source[path][...]
    raw = secret.with_suffix(".raw")
    raw.write_bytes(values.tobytes())
    file.create_dataset(path, values.shape, values.dtype, external=[(str(raw), 0, values.nbytes)])


WAYS = [external_link, soft_link, parent_link, virtual, raw_storage]
ARRAY = PLAIN.replace("groups:", "arrays: {drive: {file: f.h5, dataset: d/x, dt: 0.5 ms}}\ngroups:")
VALUES = PLAIN.replace('size: 3, equations: "v : volt"', 'size: 3, equations: "v : 1", initial: {v: INITIAL}')
VALUES = VALUES.replace("INITIAL", "{file: f.h5, dataset: d/x}")
USES = {
    "array": (ARRAY, {"d/x": [1.0, 2.0, 3.0]}, "d/x"),
    "initial": (VALUES, {"d/x": [1.0, 2.0, 3.0]}, "d/x"),
    "matrix": (WIRED.replace("CONNECT", "{matrix: f.h5, dataset: d/x, to: w, unit: mV}"), {"d/x": MATRIX}, "d/x"),
    "table of edges": (WIRED.replace("CONNECT", "{file: f.h5, dataset: d/x}"), {"d/x": [[0, 1], [1, 2]]}, "d/x"),
    "edges": (
        WIRED.replace("CONNECT", "{file: f.h5}"),
        {"edges/p/source_node_id": [0, 1], "edges/p/target_node_id": [1, 2]},
        "edges/p/source_node_id",
    ),
    "weights of edges": (
        WIRED.replace("CONNECT", "{file: f.h5, to: {w: w}, unit: {w: mV}}"),
        {"edges/p/source_node_id": [0, 1], "edges/p/target_node_id": [1, 2], "edges/p/0/w": [1.0, 2.0]},
        "edges/p/0/w",
    ),
    "table of spikes": (
        SPIKING.replace("SPIKES", "file: f.h5, dataset: d/x, unit: ms"),
        {"d/x": [[0, 0.1], [1, 0.2]]},
        "d/x",
    ),
    "spikes": (
        SPIKING.replace("SPIKES", "file: f.h5"),
        {"spikes/p/node_ids": [0, 1], "spikes/p/timestamps": [0.1, 0.2]},
        "spikes/p/timestamps",
    ),
}


@pytest.mark.parametrize("use", USES)
def test_an_hdf5_file_that_holds_its_numbers_is_read(tmp_path, use):
    text, data, _ = USES[use]
    with h5py.File(tmp_path / "f.h5", "w") as file:
        for path, values in data.items():
            file[path] = values
    checked(tmp_path, text)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("use", USES)
def test_no_hdf5_file_leads_to_another_one(tmp_path, use, way):
    text, data, hidden = USES[use]
    folder = tmp_path / "experiment"
    folder.mkdir()
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        for path, values in data.items():
            file[path] = values
    with h5py.File(folder / "f.h5", "w") as file:
        way(file, hidden, secret)
        for path, values in data.items():
            if path != hidden and way is not parent_link:
                file[path] = values
    with h5py.File(folder / "f.h5") as file:
        np.testing.assert_array_equal(file[hidden][...], data[hidden])  # HDF5 itself would read it
    found = problem(folder, text, "FIL202")
    assert "not followed" in found.message or "in another file, which is not read" in found.message


# Files that are not what they seem


def header(shape, dtype="<f8", data=b""):
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def hdf5(write):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        write(file)
    return out.getvalue()


def large_png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


BROKEN = {
    "empty.npy": (b"", "cannot be read"),
    "no-magic.npy": (b"1,2,3\n", "cannot be read"),
    "huge.npy": (header("(1000000000000,)"), "its header says 1,000,000,000,000 numbers of 8 bytes, 0 bytes follow"),
    "overflow.npy": (header("(9223372036854775807, 9223372036854775807)"), "its header says"),
    "negative.npy": (header("(-3,)", data=b"\0" * 24), "c"),
    "short.npy": (header("(3,)", data=b"\0" * 16), "its header says 3 numbers of 8 bytes, 16 bytes follow"),
    "malformed.npy": (header("(1+1)"), "its header is damaged"),
    "nested.npy": (header("(" * 5000), "its header is damaged"),
    "long-header.npy": (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b" " * 50, "its header is damaged"),
    "compound.npy": (npy(np.zeros(3, [("a", "f8")])), "it is a table with the columns `a`"),
    "no-zip.npz": (b"PK\x03\x04 nothing", "cannot be read"),
    "bomb.npz": (zipped("v.npy", header("(20000000,)", data=bytes(160_000_000))), "it claims to hold"),
    "claim.npz": (zipped("v.npy", header("(1000000000000,)")), "its header says"),
    "no-table.npz": (zipped("v.txt", b"hello"), "cannot be read"),
    "latin.csv": ("größe\n1\n2\n3\n".encode("latin-1"), "not text in UTF-8"),
    "utf16.csv": ("1\n2\n3\n".encode("utf-16"), "not text in UTF-8"),
    "nul.csv": (b"1\n2\x00\n3\n", "stands"),
    "ragged.csv": (b"1\n2,3\n4\n", "its rows differ in length: 1 numbers at first, 2 in row 2"),
    "wide.csv": (b"1," * 400_000 + b"1\n", "the file holds an array of shape (400001,), 3 values are needed"),
    "words.csv": (b"a" * 900_000 + b"\n", "cannot be"),
    "no-hdf5.h5": (b"hello", "it is damaged or not an HDF5 file"),
    "cut.h5": (hdf5(lambda f: f.create_dataset("x", data=np.arange(3.0)))[:600], "c"),
    "huge.h5": (hdf5(lambda f: f.create_dataset("x", (10**12,), "f8", chunks=(1000,))), "it claims to hold"),
    "compound.h5": (hdf5(lambda f: f.create_dataset("x", (3,), [("a", "f8")])), "it is a table with the columns `a`"),
    "text.h5": (hdf5(lambda f: f.create_dataset("x", data=["a", "b", "c"])), "does not hold numbers"),
    "null.h5": (hdf5(lambda f: f.create_dataset("x", data=h5py.Empty("f8"), dtype="f8")), "the dataset `x` is empty"),
    "none.h5": (hdf5(lambda f: f.create_dataset("x", (0,), "f8")), "it holds no numbers"),
    "group.h5": (hdf5(lambda f: f.create_group("x")), "`x` is a group, not a dataset"),
    "other.h5": (hdf5(lambda f: f.create_group("y")), "there is no `x` in it; there is `y`"),
    "numbers.dat": (b"1\n2\n3\n", "`.dat` is not a known ending"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_an_error_at_its_name(tmp_path, name):
    content, words = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    dataset = ", dataset: x" if name.endswith(".h5") else ""
    code = "NET141" if name == "wide.csv" else "FIL202"
    found = wrong_initial(tmp_path, code, f"{{file: {name}{dataset}}}", "v : 1")
    assert words in found.message
    assert str(tmp_path) not in found.message
    assert found.span.file.text[found.span.start : found.span.end] == name


def growing_gif():
    """Its second frame lies far outside of the first."""
    out = io.BytesIO()
    first, second = (Image.fromarray(np.full((5, 6), k, np.uint8)) for k in (0, 9))
    first.save(out, "GIF", save_all=True, append_images=[second])
    data = bytearray(out.getvalue())
    descriptor = data.index(b",", data.index(b",") + 1)  # of the second frame: left, top, width, height
    data[descriptor + 1 : descriptor + 5] = struct.pack("<HH", 60000, 60000)
    return bytes(data)


PICTURE = PLAIN.replace("groups:", "arrays: {page: {image: NAME, dt: 0.5 ms}}\ngroups:")


def png(size=(4, 3), mode="L"):
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (b"", "", "cannot"),
        (b"hello", "", "cannot"),
        (png()[:40], "", "cannot"),
        (png()[:-20], "", "cannot"),
        (large_png(), "", "more than 32,000,000 pixels"),
        (growing_gif(), "", "more than 32,000,000 pixels"),
        (png(), ", resize: [100000, 100000]", "more than 8,000,000 numbers"),
    ],
)
def test_a_broken_picture_is_an_error_at_its_name(tmp_path, content, more, words):
    (tmp_path / "p.png").write_bytes(content)
    found = problem(tmp_path, PICTURE.replace("NAME", f"p.png{more}"), "FIL202")
    assert words in found.message
    assert str(tmp_path) not in found.message


def test_names_that_are_too_long_and_things_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    (tmp_path.parent / "outside.npy").write_bytes(b"")
    (tmp_path / "link.npy").symlink_to(tmp_path.parent / "outside.npy")
    for name, code in (
        ("pipe.npy", "FIL201"),
        ("folder.npy", "FIL201"),
        ("zero.npy", "PTH103"),
        ("link.npy", "PTH103"),
        ("../outside.npy", "PTH103"),
        ("a" * 256 + ".npy", "PTH101"),
        ("ä" * 130 + ".npy", "PTH101"),
        ("a/" * 3000 + "x.npy", "PTH101"),
    ):
        assert wrong_initial(tmp_path, code, f'{{file: "{name}"}}', "v : 1")

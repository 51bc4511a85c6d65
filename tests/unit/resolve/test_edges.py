"""Synapses and spikes from tables: every format gives the same, every doubt is an error at the file's name."""

import h5py
import numpy as np
import pytest
from data_files import SPIKING, WIRED, problem, schedule, wired

# Four synapses of three sources and four targets: weights in mV, delays in ms.
I, J = [0, 1, 1, 2], [3, 0, 1, 1]
WEIGHT, DELAY = [0.5, 1.5, -2.0, 4.0], [0.1, 0.4, 0.2, 0.3]
TO = "to: {w: weight, delay: delay}, unit: {w: mV, delay: ms}"
BY_NUMBER = "to: {w: 2, delay: 3}, unit: {w: mV, delay: ms}"
ROWS = "".join(f"{i},{j},{w},{d}\n" for i, j, w, d in zip(I, J, WEIGHT, DELAY, strict=True))


def columns(order=("i", "j", "weight", "delay")):
    known = {"i": np.array(I), "j": np.array(J), "weight": np.array(WEIGHT), "delay": np.array(DELAY)}
    return {name: known[name] for name in order}


def write_npy(path):
    np.save(path, np.column_stack([I, J, WEIGHT, DELAY]))


def write_structured(path):
    table = np.zeros(4, [("i", "i4"), ("j", "u2"), ("weight", "f4"), ("delay", "f8")])
    for name, values in columns().items():
        table[name] = values
    np.save(path, table)


def write_npz(path):
    np.savez(path, **columns(("delay", "i", "weight", "j")))


def write_parquet(path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({**columns(), "label": ["a", "b", "c", "d"]}), path)


def write_dataset(path):
    with h5py.File(path, "w") as file:
        file["deep/table"] = np.column_stack([I, J, WEIGHT, DELAY])


def write_compound(path):
    with h5py.File(path, "w") as file:
        table = np.zeros(4, [("i", "i8"), ("j", "i8"), ("weight", "f8"), ("delay", "f8")])
        for name, values in columns().items():
            table[name] = values
        file["table"] = table


def population(file, name, ids, index, groups):
    """Edges of a SONATA population whose variables lie in groups."""
    folder = file.create_group(f"edges/{name}")
    folder["source_node_id"], folder["target_node_id"] = I, J
    folder["edge_type_id"] = np.zeros(4, int)
    folder["edge_group_id"], folder["edge_group_index"] = ids, index
    for group, values in groups.items():
        for column, numbers in values.items():
            folder[f"{group}/{column}"] = numbers
    return folder


def write_sonata(path):
    with h5py.File(path, "w") as file:
        population(file, "only", [0] * 4, [0, 1, 2, 3], {0: {"weight": WEIGHT, "delay": DELAY}})


def write_groups(path):
    """Two populations; the edges of one lie in two groups, in another order."""
    with h5py.File(path, "w") as file:
        population(file, "other", [0] * 4, [0, 1, 2, 3], {0: {"weight": [9.0] * 4, "delay": [9.0] * 4}})
        groups = {
            0: {"weight": [-2.0, 0.5], "delay": [0.2, 0.1]},
            1: {"weight": [4.0, 1.5], "delay": [0.3, 0.4]},
        }
        population(file, "mine", [0, 1, 0, 1], [1, 1, 0, 0], groups)


def text(content):
    return lambda path: path.write_text(content, encoding="utf-8")


FILES = {
    "header": ("e.csv", text("i,j,weight,delay\n" + ROWS), TO),
    "header of numpy": ("e.csv", text("# i,j,weight,delay\n" + ROWS), TO),
    "a comment above the header": ("e.csv", text("# made by hand\n\ni,j,weight,delay\n" + ROWS), TO),
    "names in the second comment": ("e.csv", text("# made by hand\n# i,j,weight,delay\n" + ROWS), TO),
    "other names": ("e.csv", text("pre,post,weight,delay\n" + ROWS), TO),
    "names in another order": (
        "e.csv",
        text(
            "delay,target,source,weight\n"
            + "".join(f"{d},{j},{i},{w}\n" for i, j, w, d in zip(I, J, WEIGHT, DELAY, strict=True))
        ),
        TO,
    ),
    "chosen names": (
        "e.csv",
        text(
            "weight,from cell,to cell,delay\n"
            + "".join(f"{w},{i},{j},{d}\n" for i, j, w, d in zip(I, J, WEIGHT, DELAY, strict=True))
        ),
        f"columns: [from cell, to cell], {TO}",
    ),
    "quotes and a byte order mark": ("e.csv", text('\ufeff"i","j","weight","delay"\r\n' + ROWS), TO),
    "no header": ("e.csv", text(ROWS), BY_NUMBER),
    "tabs": ("e.tsv", text("i\tj\tweight\tdelay\n" + ROWS.replace(",", "\t")), TO),
    "spaces": ("e.txt", text("i j weight delay\n" + ROWS.replace(",", "  ")), TO),
    "npy": ("e.npy", write_npy, BY_NUMBER),
    "npy with names": ("e.npy", write_structured, TO),
    "npz": ("e.npz", write_npz, TO),
    "parquet": ("e.parquet", write_parquet, TO),
    "dataset": ("e.h5", write_dataset, f"dataset: /deep/table, {BY_NUMBER}"),
    "compound dataset": ("e.h5", write_compound, f"dataset: table, {TO}"),
    "sonata": ("e.h5", write_sonata, TO),
    "sonata with populations and groups": ("e.h5", write_groups, f"population: mine, {TO}"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_table_of_edges_gives_the_same_synapses(tmp_path, name):
    file, write, options = FILES[name]
    write(tmp_path / file)
    found = wired(tmp_path, f"{{file: {file}, {options}}}")
    assert found["i"] == I
    assert found["j"] == J
    assert found["w"] == pytest.approx([1e-3 * w for w in WEIGHT], rel=1e-15)
    assert found["delay"] == [1, 4, 2, 3]  # steps of 0.1 ms
    assert found["warnings"] == (["column `label` of the file: not used"] if name == "parquet" else [])


def test_a_table_of_one_edge_and_of_two_columns(tmp_path):
    (tmp_path / "e.csv").write_text("2,3\n")
    found = wired(tmp_path, "{file: e.csv}")
    assert (found["i"], found["j"]) == ([2], [3])


def test_columns_that_nobody_takes_are_named(tmp_path):
    (tmp_path / "e.csv").write_text("i,j,weight,delay\n" + ROWS)
    found = wired(tmp_path, "{file: e.csv, to: {w: weight}, unit: {w: mV}}")
    assert found["warnings"] == ["column `delay` of the file: not used"]
    write_sonata(tmp_path / "e.h5")
    assert wired(tmp_path, "{file: e.h5}")["warnings"] == ["columns `delay`, `weight` of the file: not used"]


def test_integers_and_booleans_are_taken_when_they_are_such(tmp_path):
    (tmp_path / "e.csv").write_text("i,j,k,on\n0,1,7,1\n2,2,-3.0,0\n")
    found = wired(tmp_path, "{file: e.csv, to: {k: k, on: on}}")
    assert found["k"] == [7, -3]
    assert found["on"] == [1, 0]


def test_a_rule_of_a_list_gets_its_own_part_of_the_values(tmp_path):
    (tmp_path / "e.csv").write_text("i,j,weight,delay\n" + ROWS)
    found = wired(tmp_path, f"[{{i: 0, j: 0, delay: 0.5 ms}}, {{file: e.csv, {TO}}}, {{i: [2, 2], j: [2, 3]}}]")
    assert found["w"] == pytest.approx([0.0, *(1e-3 * w for w in WEIGHT), 0.0, 0.0])
    assert found["delay"] == [5, 1, 4, 2, 3, 0, 0]


BAD = {
    "i,j,weight\n0,1,0.5\n1,0,nan\n": ("FIL202", "row 2 stands nan"),
    "i,j,weight\n0,1,0.5\n1.5,0,1\n": (
        "FIL202",
        "source indices must be whole numbers within 2**53, in row 2 stands 1.5",
    ),
    "i,j,weight\n0,1,0.5\n1,1e300,1\n": ("FIL202", "target indices must be whole numbers"),
    "i,j,weight\n0,1,0.5\n1,9,1\n": ("NET184", "target index 9 is outside 0 to 3"),
    "i,j,weight\n0,1,0.5\n1,2\n": ("FIL202", "rows differ in length"),
    "i,j,weight\n0,1,0.5\n1,two,1\n": ("FIL202", "in row 2, column 2 stands 'two'"),
    "i,j,weight\n0,1,0.5\n1,,1\n": ("FIL202", "in row 2, column 2"),
    "i;j;weight\n0;1;0.5\n": ("FIL202", "separated by commas"),
    "i,j,mass\n0,1,0.5\n": ("FIL202", "it has no column `weight`; its columns are `i`, `j`, `mass`"),
    "a,b,weight\n0,1,0.5\n": ("FIL202", "its columns are `a`, `b`, `weight`"),
    "i,j,j,weight\n0,1,1,0.5\n": ("FIL202", "two columns are called `j`"),
    "i,j,weight\n": ("FIL202", "it holds no numbers"),
    "": ("FIL202", "it holds no numbers"),
    "i,j,weight\n0,1\n": ("FIL202", "its first line names 3 columns, 2 follow"),
}


@pytest.mark.parametrize("content", BAD)
def test_a_wrong_table_says_where(tmp_path, content):
    (tmp_path / "e.csv").write_text(content)
    code, words = BAD[content]
    connect = "{file: e.csv, to: {w: weight}, unit: {w: mV}}"
    found = problem(tmp_path, WIRED.replace("CONNECT", connect), code)
    assert words in found.message
    assert found.span.file.text[found.span.start : found.span.end] == "e.csv"


WRONG = {
    "{file: e.csv, to: {w: weight}}": ("NET147", "say in which unit"),
    "{file: e.csv, to: {w: weight}, unit: {w: nS}}": ("EQ209", "the unit of `w`"),
    "{file: e.csv, to: {w: weight}, unit: {w: 0*mV}}": ("NET147", "a unit is a positive quantity"),
    "{file: e.csv, to: {w: weight}, unit: {w: mV, delay: ms}}": ("NET188", "gives no column to `delay`"),
    "{file: e.csv, to: {x: weight}}": ("NET140", "`x` is not a variable"),
    "{file: e.csv, to: {delay: delay}}": ("NET147", "the delay is a time"),
    "{file: e.csv, to: {k: weight}}": (
        "FIL202",
        "values of `k`, an integer, must be whole numbers within 2**53, in row 1 stands 0.5",
    ),
    "{file: e.csv, to: {on: delay}}": ("FIL202", "values of `on`, a boolean, must be whole"),
    "{file: e.csv, to: {w: weight}, unit: {w: mV}, initial: {w: 1 mV}}": ("NET188", "`w` is given twice"),
    "{file: e.csv, to: {delay: delay}, unit: {delay: ms}, delay: 1 ms}": ("NET188", "`delay` is given twice"),
    "{file: e.csv, to: {delay: weight}, unit: {delay: ms}}": ("FIL202", "a delay is negative in row 3"),
    "{file: e.csv, columns: [i, i]}": ("FIL202", "both columns are `i`"),
    "{file: e.csv, population: x}": ("FIL202", "only SONATA files"),
    "{file: e.csv, dataset: x}": ("FIL202", "only HDF5 files have a `dataset`"),
}


@pytest.mark.parametrize("connect", WRONG)
def test_what_is_asked_of_a_table_must_fit(tmp_path, connect):
    (tmp_path / "e.csv").write_text("i,j,weight,delay\n" + ROWS)
    code, words = WRONG[connect]
    assert words in problem(tmp_path, WIRED.replace("CONNECT", connect), code).message


def test_columns_of_npz_and_of_sonata_are_equally_long(tmp_path):
    np.savez(tmp_path / "e.npz", i=[0, 1], j=[0])
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file["edges/p/source_node_id"], file["edges/p/target_node_id"] = [0, 1], [0]
    for name, words in (("e.npz", "`i` has 2, `j` 1 values"), ("e.h5", "equally long")):
        assert words in problem(tmp_path, WIRED.replace("CONNECT", f"{{file: {name}}}"), "FIL202").message


def test_a_sonata_file_with_populations_wants_one_of_them(tmp_path):
    write_groups(tmp_path / "e.h5")
    found = problem(tmp_path, WIRED.replace("CONNECT", "{file: e.h5}"), "FIL202")
    assert "`mine`, `other`" in found.message
    assert found.help == "choose one: `population: name`"
    found = problem(tmp_path, WIRED.replace("CONNECT", "{file: e.h5, population: mime}"), "FIL202")
    assert "no population `mime`" in found.message


@pytest.mark.parametrize(
    ("ids", "index", "words"),
    [
        ([0, 0, 0, 2], [0, 1, 2, 3], "names the group 2"),
        ([0, 0, 0, 0], [0, 1, 2, 9], "leads out"),
        ([0, 0, 0, 0], [0, 1, 2, -1], "leads out"),
        ([0, 0, 0], [0, 1, 2], "equally long"),
        ([0, 0, 0, 1], [0, 1, 2, 0], "group 1 have no `weight`"),
    ],
)
def test_groups_of_sonata_edges_are_checked(tmp_path, ids, index, words):
    with h5py.File(tmp_path / "e.h5", "w") as file:
        population(file, "p", ids, index, {0: {"weight": WEIGHT}, 1: {"delay": DELAY}})
    text = WIRED.replace("CONNECT", "{file: e.h5, to: {w: weight}, unit: {w: mV}}")
    assert words in problem(tmp_path, text, "FIL202").message


def write_spikes(path, group="spikes/p", unit="ms", factor=1.0):
    with h5py.File(path, "a") as file:
        file[f"{group}/node_ids"] = np.array([2, 0, 1], np.uint64)
        file[f"{group}/timestamps"] = np.array([0.1, 0.3, 0.1]) * factor
        if unit:
            file[f"{group}/timestamps"].attrs["units"] = unit


SPIKES = "2,0.1\n0,0.3\n1,0.1\n"  # neuron, time in ms


@pytest.mark.parametrize(
    ("name", "write", "options"),
    [
        ("s.csv", text(SPIKES), "unit: ms"),
        ("s.csv", text("neuron,time\n" + SPIKES), "unit: ms"),
        ("s.csv", text("t,i\n0.1,2\n0.3,0\n0.1,1\n"), "unit: ms"),
        ("s.csv", text("t,i\n0.0001,2\n0.0003,0\n0.0001,1\n"), "unit: s"),
        ("s.csv", text("when,who\n0.1,2\n0.3,0\n0.1,1\n"), "columns: [who, when], unit: ms"),
        ("s.tsv", text(SPIKES.replace(",", "\t")), "unit: ms"),
        ("s.npy", lambda p: np.save(p, [[2, 0.1], [0, 0.3], [1, 0.1]]), "unit: ms"),
        ("s.npz", lambda p: np.savez(p, senders=[2, 0, 1], times=[0.1, 0.3, 0.1]), "unit: ms"),
        ("s.h5", write_spikes, "period: 1 ms"),
        ("s.h5", lambda p: write_spikes(p, unit="s", factor=1e-3), "unit: s"),
        ("s.h5", lambda p: write_spikes(p, unit=None), "unit: ms"),
        ("s.h5", lambda p: write_spikes(p, unit="milliseconds"), "period: 1 ms"),
        ("s.h5", lambda p: write_spikes(p, unit="seconds", factor=1e-3), "period: 1 ms"),
        ("s.h5", lambda p: write_spikes(p, unit="microseconds", factor=1e3), "unit: us"),
    ],
)
def test_every_table_of_spikes_gives_the_same_spikes(tmp_path, name, write, options):
    write(tmp_path / name)
    assert schedule(tmp_path, f"file: {name}, {options}") == ([1, 1, 3], [1, 2, 0], [])


def test_spikes_of_one_of_several_populations(tmp_path):
    write_spikes(tmp_path / "s.h5", "spikes/a", factor=2)
    write_spikes(tmp_path / "s.h5", "spikes/b")
    assert schedule(tmp_path, "file: s.h5, population: b")[:2] == ([1, 1, 3], [1, 2, 0])
    found = problem(tmp_path, SPIKING.replace("SPIKES", "file: s.h5"), "FIL202")
    assert "`a`, `b`" in found.message


@pytest.mark.parametrize(
    ("content", "options", "code", "words"),
    [
        (SPIKES, "", "NET147", "say in which unit"),
        (SPIKES, "unit: mV", "EQ209", "the unit of the time of a spike"),
        ("2.5,0.1\n", "unit: ms", "FIL202", "neurons must be whole numbers within 2**53, in row 1 stands 2.5"),
        ("2,0.1\n1e19,1\n", "unit: ms", "FIL202", "neurons must be whole numbers within 2**53, in row 2 stands 1e+19"),
        ("2,0.1\n-1,1\n", "unit: ms", "NET160", "neuron -1 is outside 0 to 2"),
        ("2,0.1\n1,inf\n", "unit: ms", "FIL202", "times must be finite, in row 2 stands inf"),
        ("2,0.1\n1,1e300\n", "unit: ms", "NET161", "later than any run"),
        ("2\n", "unit: ms", "FIL202", "it has one column"),
        (SPIKES, "unit: ms, columns: [1, 1]", "FIL202", "both columns are `1`"),
    ],
)
def test_wrong_spikes_are_refused(tmp_path, content, options, code, words):
    (tmp_path / "s.csv").write_text(content)
    assert words in problem(tmp_path, SPIKING.replace("SPIKES", f"file: s.csv, {options}"), code).message


def test_a_unit_that_contradicts_the_file_is_refused(tmp_path):
    write_spikes(tmp_path / "s.h5")
    found = problem(tmp_path, SPIKING.replace("SPIKES", "file: s.h5, unit: s"), "NET147")
    assert "the file says that its numbers are in `ms`" in found.message


def test_a_third_column_of_spikes_is_named(tmp_path):
    (tmp_path / "s.csv").write_text("neuron,time,trial\n2,0.1,7\n")
    assert schedule(tmp_path, "file: s.csv, unit: ms")[2] == ["column `trial` of the file: not used"]


def test_parquet_without_its_package_is_refused_with_advice(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "e.parquet").write_bytes(b"PAR1")
    found = problem(tmp_path, WIRED.replace("CONNECT", "{file: e.parquet}"), "FIL202")
    assert "pip install 'snnrun[parquet]'" in found.help

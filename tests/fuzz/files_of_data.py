"""Files of numbers, pictures and states as strangers make them: of wrong shapes and kinds, lying, damaged."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
import zlib

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def array(dice: random.Random) -> np.ndarray:
    """Numbers of any shape and kind; more often such as may well be right."""
    if dice.random() < 0.6:
        shape = dice.choice([(5,), (5,), (5, 5), (5, 2), (2,)])
        values = np.array([dice.choice([0, 1, 2, 3, 4]) for _ in range(int(np.prod(shape)))]).reshape(shape)
        return values.astype(dice.choice(["f8", "i8", "i8", "u1", "f4"]))
    shape = dice.choice([(0,), (1,), (5,), (6,), (5, 5), (5, 2), (2, 5), (0, 5), (3, 3, 3), ()])
    kind = dice.choice(["f8", "f4", "i8", "u1", "?", "c16", "U3", "S2", "M8[s]", ">f8", "f2", "u8", "i4,f8"])
    values = np.array(
        [dice.choice([0, 1, 2, -1, 0.5, 2.9, np.nan, np.inf, 1e300, 4, 3]) for _ in range(int(np.prod(shape)))]
    )
    with np.errstate(all="ignore"):
        if kind == "i4,f8":
            return np.zeros(shape, kind)
        try:
            return (
                np.nan_to_num(values).astype(kind).reshape(shape)
                if kind[0] not in "fc>"
                else values.astype(kind).reshape(shape)
            )
        except (ValueError, TypeError):
            return values.reshape(shape)


def npy(dice: random.Random) -> bytes:
    """An array, or a file whose head lies."""
    if dice.random() < 0.15:
        return npy_bomb(dice)
    stream = io.BytesIO()
    np.save(stream, array(dice), allow_pickle=False)
    return stream.getvalue()


def npy_bomb(dice: random.Random) -> bytes:
    """A head that promises more, or other things, than there are."""
    shape = dice.choice(
        ["(10**12,)", "(1000000000000,)", "(-1,)", "(1, 2", "('a',)", "(2**62, 2**62)", "(99999, 99999)"]
    )
    descr = dice.choice(["'<f8'", "'|O'", "'<f8;'", "None", "[('a', '<f8')]", "'V1000000000'"])
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(dice.randint(0, 64))


_HEADS = (["i", "j", "w", "delay"], ["neuron", "time", "w"], ["source", "target"], ["pre", "post", "i", "j"])


def csv(dice: random.Random) -> bytes:
    """Text with columns."""
    columns = dice.randint(1, 4)
    if dice.random() < 0.5:
        cells = [[dice.choice(["0", "1", "2", "3", "4"]) for _ in range(columns)] for _ in range(5)]
        if dice.random() < 0.4:
            dice.choice(cells)[dice.randrange(columns)] = dice.choice(
                ["-1", "2.9", "1e300", "nan", "5", "", "x", "1e-9"]
            )
        head = [",".join(dice.choice(_HEADS)[:columns])] if dice.random() < 0.7 else []
        return "\n".join([*head, *(",".join(row) for row in cells)]).encode()
    rows = [
        ",".join(
            str(dice.choice([0, 1, 2, 4, 5, -1, 1.5, "nan", "", "1e400", "x", '"', "é", 0.001])) for _ in range(columns)
        )
        for _ in range(dice.randint(0, 6))
    ]
    if dice.random() < 0.5:
        rows.insert(
            0, ",".join(dice.choice(["i", "j", "w", "delay", "time", "index", "", "i"]) for _ in range(columns))
        )
    text = "\n".join(rows)
    return text.encode(dice.choice(["utf-8", "utf-16", "latin-1"]), "replace")


def h5(dice: random.Random) -> bytes:
    """Datasets, SONATA's spikes and edges among them, with links, attributes and storage of all kinds."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name in _DATASETS:
            if dice.random() < 0.8:
                _put(dice, file, name)
        for name in dice.sample([*file, "spikes/all", "edges/e", "spikes/all/timestamps"], 2):
            if name in file and dice.random() < 0.5:
                file[name].attrs[dice.choice(["unit", "units", "magic", "version"])] = dice.choice(_ATTRIBUTES)
        if dice.random() < 0.3:
            file["link"] = h5py.SoftLink("/data" if dice.random() < 0.5 else "/link")
        if dice.random() < 0.3:
            file["outside"] = h5py.ExternalLink("/etc/hostname", "/x")
        if dice.random() < 0.1:
            layout = h5py.VirtualLayout(shape=(5,), dtype="f8")
            layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(5,))
            file.create_virtual_dataset("virtual", layout)
    return stream.getvalue()


_DATASETS = (
    "data", "spikes/all/node_ids", "spikes/all/timestamps", "spikes/more/node_ids", "edges/e/source_node_id",
    "edges/e/target_node_id", "edges/e/edge_type_id", "edges/e/0/syn_weight", "edges/e/0/delay", "edges/f/x",
)  # fmt: skip
_ATTRIBUTES = ("ms", "mV", "", "apple", b"\xff\xfe", 7, 1.5, [1, 2], np.array(["ms", "s"], "S2"), h5py.Empty("f8"))


def _put(dice: random.Random, file: h5py.File, name: str) -> None:
    """Write a dataset, of a kind that is usual three times of four."""
    values = array(dice)
    if values.dtype.kind in "UM":
        values = np.arange(5)
    kind = dice.randrange(12)
    if kind == 0:
        file.create_dataset(name, data=h5py.Empty("f8"))
    elif kind == 1:
        file.create_dataset(name, shape=(10**12,), dtype="f8", chunks=(1024,))  # nothing of it is stored
    elif kind == 2:
        file.create_dataset(name, shape=(3,), dtype=h5py.vlen_dtype(np.int64))
    elif kind == 3:
        file.create_dataset(name, data=["a", "1", "é"], dtype=h5py.string_dtype())
    elif kind == 4 and values.ndim:
        file.create_dataset(name, data=values, chunks=True, compression="gzip", maxshape=(None,) * values.ndim)
    elif kind == 5:
        file.create_group(name)
    else:
        file[name] = values


def npz(dice: random.Random) -> bytes:
    """A table with a vector a column, or an archive of something else."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        usual = list(dice.choice(_HEADS)) if dice.random() < 0.5 else []
        for _ in range(len(usual) or dice.randint(0, 4)):
            name = usual.pop() if usual else dice.choice(["i", "j", "w", "time", "neuron", "i", "../x", "", "é", "a/b"])
            kind = dice.randrange(16)
            data = bytes(10**6) if kind == 0 else dice.randbytes(40) if kind == 1 else npy(dice)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a name that is there twice
                archive.writestr(dice.choice([f"{name}.npy", f"{name}.npy", f"{name}.npy", name or "x"]), data)
    return stream.getvalue()


def parquet(dice: random.Random) -> bytes:
    """A table with columns of all kinds."""
    rows = dice.choice([0, 1, 3, 5])
    kinds = (
        pa.array(range(rows)),
        pa.array([k / 2 for k in range(rows)]),
        pa.array([None, *range(1, rows)][:rows], pa.int32()),
        pa.array([float("nan")] * rows),
        pa.array(["x"] * rows),
        pa.array([[1, 2]] * rows, pa.list_(pa.int64())),
        pa.array([{"a": 1}] * rows, pa.struct([("a", pa.int64())])),
        pa.array([True] * rows),
        pa.array([2**64 - 1] * rows, pa.uint64()),
        pa.array([1] * rows, pa.timestamp("ms")),
        pa.array([1] * rows, pa.int64()).dictionary_encode(),
        pa.nulls(rows),
    )
    columns = [dice.choice(kinds[:2] if dice.random() < 0.6 else kinds) for _ in range(dice.randint(0, 4))]
    names = [dice.choice(["i", "j", "w", "time", "neuron", "", "é"]) for _ in columns]
    names = dice.choice(_HEADS)[: len(columns)] if dice.random() < 0.7 else names
    columns = columns[: len(names)]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names), stream, compression=dice.choice(["none", "snappy", "gzip"]))
    return stream.getvalue()


def image(dice: random.Random) -> bytes:
    """A picture, or one that says that it is huge."""
    if dice.random() < 0.3:
        size = dice.choice([(0, 0), (100_000, 100_000), (2**31 - 1, 1), (1, 2**32 - 1)])
        head = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, dice.choice([0, 2, 3, 6, 9]), 0, 0, 0)
        chunks = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
        return b"\x89PNG\r\n\x1a\n" + chunks + dice.randbytes(20)
    stream = io.BytesIO()
    mode = dice.choice(["L", "RGB", "RGBA", "1", "P", "I;16", "LA"])
    Image.new(mode, (dice.randint(1, 6), dice.randint(1, 6))).save(stream, "PNG")
    return stream.getvalue()


def state(dice: random.Random, data: bytes) -> bytes:
    """A state of a run with one of its arrays replaced, renamed or taken out."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    name = dice.choice(list(arrays))
    change = dice.randrange(5)
    old = arrays.pop(name)
    if change == 0:
        arrays[name] = array(dice)
    elif change == 1:
        arrays[name + dice.choice(["x", ".v", "/"])] = old
    elif change == 2 and old.dtype.kind in "iufb":
        with np.errstate(all="ignore"):
            changed = old.astype("f8") * dice.choice([0, -1, 1])
            arrays[name] = changed.astype(dice.choice(["f8", "i8", "f4", "u1", "?", "c16"]))
    elif change == 3:
        arrays[name] = np.repeat(np.atleast_1d(old), 2, axis=0)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def damaged(dice: random.Random, data: bytes) -> bytes:
    """The same bytes, cut short or with some changed; often as they are."""
    if not data or dice.random() < 0.7:
        return data
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)

"""Cases: an experiment, a table or a folder of results with something changed at random, and a command to try on it."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import files_of_data
import yaml

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ("experiments", "tests/cases", "tests/equivalence/cases", "snnrun/cli/templates")

WILD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 10, 1000, 10**6, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30,
    -(2**63), 0.5, -0.5, 1e-300, 5e-324, 1e300, 1e308, "2e308", ".inf", "-.inf", ".nan", "inf", "nan", "1/0", "0/0",
    "log(0)", "sqrt(-1)", "exp(1000)", "int(exp(1000))", "1e400", "0x10", "1_000", "01", "1e5 s", "1e15 s", "1e300 s",
    "-1 ms", "0 ms", "0.05 ms", "1 ms", "0.15 ms", "1 s", "10 mV", "-70*mV", "1 Hz", "1e9 Hz", "nS**1e308", "mV**-3",
    "1 apple", "", " ", "\t", "all", "none", "one_to_one", "i", "j", "t", "dt", "N", "i < 3", "i == j", "0:10", "-5:",
    "::0", "5:2", "0:99999999999", "rand()", "randn()", "poisson(-1)", "v", "w", "v_post", "v_pre", "g", "g.v", "g.",
    ".g", "..", "../x", "/etc/passwd", "x" * 65, "x" * 300, "é", "名", "\u202ex", "\x1b[31mred", "a\x00b", "\x7f",
    "a\nb", "'", '"', "{", "[", "}", "]", "#", ":", "- a", "? a", "*a", "&a b", "!x y", "%", "@", "`", "~", "=", "<<",
    "__import__('os')", "max(v)", "f(f(f(1)))", "1 if 2 else 3", "lambda: 1", "a.b.c", "1 +", "(1", "1)", "((((1))))",
    "x = 1", "v += 1", "v = v + w_post", "dv/dt = -v/ms : 1", "dv/dt = exp(v)/ms : volt", "w : 1", "w : apple",
    "w : 1 (constant, shared)", "I_post = w : 1 (summed)", "dx/dt = x*xi/ms : 1 (event-driven)", "v > 1", "True",
    [], {}, [1], [1, 2, 3], ["1 ms", "2 ms"], [[1, 2], [3, 4]], [[]], [None], {"a": 1}, {"kind": "spikes"}, {"p": 0.5},
    {"p": 2}, {"p": "1/i"}, {"j": "i + 1"}, {"i": [0, 1], "j": [1, 5]}, {"where": "i != j"}, {"fixed_indegree": 5},
    {"fixed_total": 10**12}, {"range": [0, 1, 0]}, {"range": [1, 4, 1]}, {"linspace": [0, 1], "num": 10**9},
    {"logspace": [0, 1], "num": 3}, {"file": "missing.npy"}, {"file": "."}, {"file": "/dev/zero"}, {"value": 1},
    {"do": "v += 1", "delay": "1 ms"}, {"subgroup": "a", "value": 1}, {"matrix": "m.npy"},
)  # fmt: skip
"""Values that are put in the place of others."""
WORDS = ("equations", "threshold", "reset", "size", "kind", "source", "target", "connect", "on_pre", "on_post", "delay",
         "initial", "method", "refractory", "variables", "indices", "window", "dt", "bin", "every", "at", "do", "where",
         "p", "n", "i", "j", "phases", "duration", "stop_when", "set", "record", "axes", "zip", "repeat", "sample",
         "plots", "metrics", "constants", "functions", "arrays", "groups", "synapses", "monitors", "operations",
         "events", "linked", "precision", "subgroups", "order", "when", "unit", "values", "file", "seed", "name",
         "version", "extends", "x", "y", "z", "labels", "neurons", "monitor", "N", "model", "")  # fmt: skip
TOKENS = ("+", "-", "*", "/", "//", "%", "**", "<", "==", "and", "not", "(", ")", ",", "i", "j", "v", "t", "dt", "ms",
          "mV", "1", "0", "2.5", "1e308", "exp(", "log(", "rand()", "xi", "int(", "clip(", "_post", "_pre", ":", "=",
          "+=", " : 1", "\n", "(constant)", "(summed)", "(event-driven)", "(shared)", "dx/dt", "é")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """What is tried.

    Args:
        name: What it was made of, and how.
        arguments: Those of `snnrun`, to be run in a folder that holds the files.
        files: Contents by name.
        folder: A folder of results to copy beside the files, with the name `results`, before they are written.
        run: Whether it is an experiment that can be run when it passes its check.
    """

    name: str
    arguments: tuple[str, ...]
    files: dict[str, bytes]
    folder: Path | None = None
    run: bool = False

    def lay_out(self, at: Path) -> None:
        """Write the files to an empty folder."""
        if self.folder is not None:
            shutil.copytree(self.folder, at / "results", symlinks=True)
        for name, data in self.files.items():
            path = at / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


# experiments


@cache
def seeds() -> tuple[tuple[str, str], ...]:
    """Name and text of all experiment files that the project has."""
    found = []
    for top in SEEDS:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".yaml", ".toml") and path.stat().st_size < 20_000:
                found.append((str(path.relative_to(ROOT)), path.read_bytes().decode("utf-8", "replace")))
    return tuple(found)


@cache
def trees() -> tuple[tuple[str, Any], ...]:
    """Those that are YAML and can be read, as plain data."""
    found = []
    for name, text in seeds():
        try:
            tree = json.loads(json.dumps(yaml.safe_load(text), default=str)) if name.endswith(".yaml") else None
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            continue  # also those that hold themselves, or are nested too deep for plain data
        if isinstance(tree, dict) and len(list(_places(tree))) < 2000:
            found.append((name, tree))
    return tuple(found)


def _seed(dice: random.Random, found: tuple[tuple[str, Any], ...]) -> tuple[str, Any]:
    """One of the files; those that are wrong already, which hide what comes after, less often."""
    for _ in range(4):
        name, content = dice.choice(found)
        if "invalid" not in name:
            break
    return name, content


def _number(dice: random.Random, most: int) -> int:
    """How many changes: more often few."""
    return 1 if dice.random() < 0.6 else dice.randint(2, most)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, part in parts:
        yield from _places(part, (*path, step))


def _get(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _wild(dice: random.Random) -> Any:
    return json.loads(json.dumps(dice.choice(WILD)))


def _token_soup(dice: random.Random, text: str) -> str:
    """A text with a token put in, taken out, or doubled."""
    pieces = re.findall(r"\w+|\s+|[^\w\s]", text) or [""]
    at = dice.randrange(len(pieces))
    change = dice.randrange(4)
    if change == 0:
        pieces.insert(at, dice.choice(TOKENS))
    elif change == 1:
        pieces[at] = dice.choice(TOKENS)
    elif change == 2:
        pieces.pop(at)
    else:
        pieces[at:at] = pieces[at : at + dice.randint(1, 6)]
    return "".join(pieces)


def _change(dice: random.Random, tree: Any) -> str:
    """Change one place of a tree; what was done."""
    places = list(_places(tree))
    if not places:
        tree["groups"] = _wild(dice)
        return "groups put in"
    path = dice.choice(places)
    parent, step = _get(tree, path[:-1]), path[-1]
    where = ".".join(map(str, path))[:60]
    change = dice.randrange(9)
    old = parent[step]
    if dice.random() < 0.5:
        _gentle(dice, parent, step)
        return f"{where} = {parent[step]!r:.60}" if _has(parent, step) else f"{where} taken out"
    if change == 0:
        del parent[step]
        return f"{where} taken out"
    if change == 1 and isinstance(parent, dict):
        parent[dice.choice(WORDS)] = parent.pop(step)
        return f"{where} under another key"
    if change == 2:
        other = _get(tree, dice.choice(places))
        parent[step] = json.loads(json.dumps(other, default=str))
        return f"{where} from another place"
    if change == 3 and isinstance(parent, dict):
        parent[dice.choice(WORDS)] = _wild(dice)
        return f"a key beside {where}"
    if change == 4:
        _, donor = dice.choice(trees())
        parent[step] = json.loads(json.dumps(_get(donor, dice.choice(list(_places(donor)))), default=str))
        return f"{where} from another file"
    if change in (5, 6) and isinstance(old, str):
        parent[step] = _token_soup(dice, old)
        return f"{where} = {parent[step]!r:.60}"
    parent[step] = _wild(dice)
    return f"{where} = {parent[step]!r:.60}"


_CHOICES: dict[str, tuple[Any, ...]] = {
    "method": ("auto", "exact", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein"),
    "when": ("start", "groups", "thresholds", "synapses", "resets", "end"),
    "connect": ("all", "one_to_one", {"p": 0.5}, {"j": "i"}, {"fixed_indegree": 2}, {"where": "i != j"}),
    "refractory": ("1 ms", "0 ms", "0.25 ms", "v > 0", "rand()*2*ms", "1e6 s"),
    "indices": ("all", [0], "0:2", "i < 2", 0, "-1", [1, 0]),
    "variables": (["v"], ["w"], ["v", "w"], ["i"], ["lastspike"], ["delay"]),
    "neurons": ("all", [0], "0:2", 0, [1, 0]),
    "delay": ("0 ms", "1 ms", "0.25 ms", "rand()*ms", ["1 ms"], "i*ms"),
    "window": (["0 ms", "1 ms"], ["5 ms", "20 ms"], ["1 s", "2 s"]),
    "math": ("strict", "fast"), "precision": ("double", "single"), "threads": (1, 2, 3), "size": (1, 2, 3, 7, 64, 65),
    "kind": ("spikes", "state", "rate", "connectivity", "raster", "traces", "psth", "isi", "weights", "curve", "image"),
    "counts_only": (True, False), "repeat": (1, 2), "seed": (0, 1, 2**64 - 1), "order": (-1, 0, 1),
    "initial": ({"v": "rand()"}, {"v": 0}, {"w": "i"}, {}),
    "reset": ("v = 0", "v -= 1", "v = 0; w += 1"), "threshold": ("v > 1", "v > 10*mV", "rand() < 0.1", "t > 1*ms"),
}  # fmt: skip


def _has(parent: Any, step: Any) -> bool:
    return step in parent if isinstance(parent, dict) else step < len(parent)


def _gentle(dice: random.Random, parent: Any, step: Any) -> None:
    """Change a value to one that may well be right."""
    old = parent[step]
    if step in _CHOICES and dice.random() < 0.7:
        parent[step] = json.loads(json.dumps(dice.choice(_CHOICES[step])))
    elif isinstance(old, bool):
        parent[step] = not old
    elif isinstance(old, int | float):
        parent[step] = dice.choice([0, 1, 2, 3, 5, 0.5, 2 * old, old + 1, -old])
    elif isinstance(old, str) and re.search(r"\d", old):
        parts = re.split(r"(\d+(?:\.\d+)?)", old)
        k = dice.randrange(1, len(parts), 2)
        parts[k] = dice.choice(["0", "0.05", "0.1", "0.25", "1", "2", "3", "10", "100"])
        parent[step] = "".join(parts)
    elif isinstance(old, list) and old:
        k = dice.randrange(len(old))
        parent[step] = dice.choice([old[:k] + old[k + 1 :], old[:k] + old[k:][:1] + old[k:], old[::-1]])
    else:
        del parent[step]


def _as_yaml(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, default=str, indent=1).encode("utf-8", "surrogatepass")


def tree_case(dice: random.Random) -> Case:
    """A file of the project with one to three places of its tree changed."""
    name, tree = _seed(dice, trees())
    tree = json.loads(json.dumps(tree, default=str))
    done = [_change(dice, tree) for _ in range(_number(dice, 3))]
    return _experiment(f"{name}: {'; '.join(done)}", "x.yaml", _as_yaml(tree), dice)


def text_case(dice: random.Random) -> Case:
    """A file of the project with characters or lines changed."""
    name, text = _seed(dice, seeds())
    for _ in range(_number(dice, 4)):
        lines = text.split("\n")
        at = dice.randrange(len(lines))
        change = dice.randrange(6)
        if change == 0:
            lines.insert(dice.randrange(len(lines)), lines[at])
        elif change == 1:
            lines.pop(at)
        elif change == 2:
            lines[at] = _token_soup(dice, lines[at])
        elif change == 3:
            k = dice.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:k] + str(dice.choice(WILD)) + lines[at][k + dice.randint(0, 3) :]
        elif change == 4:
            lines[at] = "  " + lines[at]
        else:
            _, other = dice.choice(seeds())
            lines.insert(at, dice.choice(other.split("\n")))
        text = "\n".join(lines)
    data = text.encode("utf-8", "replace")
    if dice.random() < 0.1:
        k = dice.randrange(len(data) + 1)
        data = data[:k] + dice.randbytes(dice.randint(1, 4)) + data[k:]
    return _experiment(f"{name}: text", "x" + Path(name).suffix, data, dice)


def option_case(dice: random.Random) -> Case:
    """A file of the project with `--set` options."""
    name, tree = _seed(dice, trees())
    options: list[str] = []
    for _ in range(_number(dice, 2)):
        path = ".".join(str(step) for step in dice.choice(list(_places(tree)) or [("run",)]))
        if dice.random() < 0.3:
            path = _token_soup(dice, path)
        value = dice.choice(WILD)
        text = value if isinstance(value, str) else json.dumps(value)
        options += ["--set", f"{path}={text}".replace("\x00", "")]
    case = _experiment(f"{name}: {' '.join(options)!r:.100}", "x.yaml", _as_yaml(tree), dice)
    return Case(case.name, (*case.arguments, *options), case.files, run=False)


def unit_case(dice: random.Random) -> Case:
    """An expression of units."""
    text = dice.choice(["120*mA*60*ohm", "nS", "1 ms", "mV**2/ohm", "1e3 Hz"])
    for _ in range(dice.randint(0, 4)):
        text = _token_soup(dice, text) if dice.random() < 0.7 else f"({text})**{dice.choice(WILD)}"
    return Case(f"units {text!r}", ("units", "--", text.replace("\x00", "")), {})


def _experiment(name: str, file: str, data: bytes, dice: random.Random) -> Case:
    command = "show" if dice.random() < 0.1 else "validate"
    files = {file: data}
    for beside in ("m.npy", "edges-with-header.csv"):
        files[beside] = (ROOT / "tests/cases/faults" / beside).read_bytes()
    return Case(name, (command, file), files, run=command == "validate")


# tables

_TABLES = """
version: 1
arrays: {{a: {{file: FILE, dt: 1 ms{array}}}}}
groups:
  src: {{kind: spikes, size: 5, {spikes}}}
  n: {{size: 5, equations: "x : 1\\nI = a(t) : 1\\nk : integer", threshold: x > 10, initial: {{{initial}}}}}
synapses:
  syn: {{source: src, target: n, equations: "w : 1", connect: {connect}, on_pre: x_post += w}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""


def table_case(dice: random.Random) -> Case:
    """An experiment that reads a file of numbers, in each way there is, and the file."""
    makers: dict[str, Callable[[random.Random], bytes]] = {
        "npy": files_of_data.npy,
        "csv": files_of_data.csv,
        "h5": files_of_data.h5,
        "npz": files_of_data.npz,
        "tsv": files_of_data.csv,
        "parquet": files_of_data.parquet,
        "png": files_of_data.image,
    }
    ending = dice.choice(list(makers))
    file = f"data.{ending}"
    data = files_of_data.damaged(dice, makers[ending](dice))
    use = 0 if ending == "png" else dice.randrange(5)
    names = ["data", "data", "data", "/data", "edges/e/0/delay", "link", "outside", "virtual", "x", "spikes"]
    dataset = (
        f", dataset: {dice.choice(names)}" if ending == "h5" and dice.random() < (0.2 if use in (1, 4) else 0.9) else ""
    )
    given = "indices: [0], times: [0.2 ms]"
    text = _TABLES.format(
        array=f"{dataset}" if use == 0 else "",
        spikes=f"file: {file}{dataset}" if use == 1 else given,
        initial=f"{dice.choice('xk')}: {{file: {file}{dataset}}}" if use == 2 else "",
        connect=f"{{matrix: {file}{dataset}}}" if use == 3 else f"{{file: {file}{dataset}}}" if use == 4 else "all",
    )
    key = "image" if ending == "png" else "file"
    if use == 0 and (ending == "png" or dice.random() < 0.5):
        text = text.replace("a(t)", "a(t, i)")
    text = text.replace("file: FILE", f"{key}: {file}" if use == 0 else "values: [1, 2]")
    name = f"{('array', 'spikes', 'initial', 'matrix', 'edges')[use]} from {file}: {data[:40]!r}"
    return Case(name, ("validate", "x.yaml"), {"x.yaml": text.encode(), file: data}, run=True)


# results


@dataclass(slots=True)
class Library:
    """Folders of results that are damaged in copies.

    Args:
        folders: A run and a sweep, each complete.
    """

    folders: list[Path] = field(default_factory=list)

    def case(self, dice: random.Random) -> Case:
        """A folder of results with a file damaged, cut, replaced or taken away."""
        folder = dice.choice(self.folders)
        if dice.random() < 0.15:
            return self._state(dice)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in (".h5", ".json", ".csv", ".yaml"))
        path = dice.choice(files)
        data = path.read_bytes()
        change = dice.randrange(5)
        if change == 0:
            data = data[: dice.randrange(len(data) + 1)]
        elif change == 1 and path.suffix == ".json":
            tree = json.loads(data)
            done = _change(dice, tree) if isinstance(tree, dict) else ""
            data = json.dumps(tree).encode()
            return self._case(dice, folder, path, data, done)
        elif change == 2:
            data = dice.choice([b"", b"[" * 100_000, b"{}", b"9" * 400, b"\x00" * 100, b"null", b'{"a": ' * 5000])
        else:
            data = files_of_data.damaged(dice, data)
        return self._case(dice, folder, path, data, f"damaged ({change})")

    def _state(self, dice: random.Random) -> Case:
        """A run that begins with a state that something was done to."""
        path = self.folders[0] / "state.npz"
        data = path.read_bytes()
        data = files_of_data.state(dice, data) if dice.random() < 0.7 else files_of_data.damaged(dice, data)
        experiment = (
            (self.folders[0] / "experiment.yaml").read_text().replace("save_state: true", "start_from: state.npz")
        )
        return Case("a state", ("validate", "x.yaml"), {"x.yaml": experiment.encode(), "state.npz": data}, run=True)

    def _case(self, dice: random.Random, folder: Path, path: Path, data: bytes, done: str) -> Case:
        command = dice.choice([("plot", "results"), ("verify", "results"), ("list", "."), ("best", ".", "--by", "m"),
                               ("status", "results"), ("diff", "results", "results")])  # fmt: skip
        inside = str(Path("results") / path.relative_to(folder))
        return Case(f"{' '.join(command)}: {inside} {done}", command, {inside: data}, folder)


KINDS: dict[str, tuple[float, Callable[[random.Random], Case]]] = {
    "tree": (0.45, tree_case),
    "text": (0.2, text_case),
    "option": (0.1, option_case),
    "unit": (0.05, unit_case),
    "table": (0.12, table_case),
}
"""Share of the cases, and what makes one; the rest are results (`Library`)."""


def make(seed: int, number: int, library: Library, kind: str | None = None) -> tuple[str, Case]:
    """Case of a number; the same for the same seed and library.

    Returns:
        Its kind and the case.
    """
    dice = random.Random(f"{seed} {number}")
    share = dice.random()
    for name, (part, maker) in KINDS.items():
        if kind == name or (kind is None and share < part):
            return name, maker(dice)
        share -= part
    return "results", library.case(dice)

"""Runs random experiments here and in Brian2 and says where they differ: `make fuzz N=1000 SEED=1`.

    python tests/differential --n 1000 --seed 1
    python tests/differential --file experiment.yaml      one file
    python tests/differential --freeze 40                 make the cases of the test again

An experiment that differs is made smaller and stored in `--keep`, with its script. One number alone:
`--first 523 --n 1`.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
sys.path[:0] = [str(HERE.parent / "equivalence"), str(HERE.parent / "bench")]

from both import Brian2, End, Outcome, compare, text_of  # noqa: E402 - tests/equivalence must be found first
from draw_experiment import experiment  # noqa: E402
from environments import ready  # noqa: E402
from shrinking import shrunk  # noqa: E402
from works import Tool  # noqa: E402

WRONG = (End.UNLIKE, End.FAILED, End.NOT_EXPORTED, End.REFUSED)
"""Ends that are faults: of the program, of the export, or of the generator."""


def main() -> int:
    """Try experiments on all processors; 1 when some differ."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=1000, help="how many experiments")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="number of the first one")
    options.add_argument("--file", type=Path, help="this file instead")
    options.add_argument("--freeze", type=int, default=0, help="store so many short ones for the test")
    options.add_argument("--keep", type=Path, default=Path("outputs/fuzz"), help="where those that differ are stored")
    options.add_argument("--no-shrink", dest="shrink", action="store_false", help="store them as they were drawn")
    options.add_argument("--compiled", action="store_true", help="compile our kernels (slower for runs this short)")
    options.add_argument("--python", help="a Python that has Brian2, instead of an environment that is made")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = options.parse_args()
    python = given.python or _environment()
    if given.file is not None:
        with _peer(python) as (brian2, folder):
            outcome = compare(given.file.read_text(encoding="utf-8"), brian2, folder, compiled=given.compiled)
        _say("\n".join([outcome.end.value, *outcome.about]))
        return int(outcome.end in WRONG)
    return _freeze(given, python) if given.freeze else _search(given, python)


def _environment() -> str:
    peer = ready(Tool.BRIAN2, _say)
    if peer.missing:
        raise SystemExit(f"no Brian2: {peer.missing}")
    return peer.python


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _peer(python: str) -> Iterator[tuple[Brian2, Path]]:
    with tempfile.TemporaryDirectory(prefix="snnrun-differential-") as folder:
        brian2 = Brian2(python, Path(folder))
        try:
            yield brian2, Path(folder)
        finally:
            brian2.close()


def _search(given: argparse.Namespace, python: str) -> int:
    started = time.perf_counter()
    ends: collections.Counter[End] = collections.Counter()
    tasks = ((given, python, number) for number in range(given.first, given.first + given.n))
    with multiprocessing.get_context("fork").Pool(given.processes) as pool:
        for done, (end, report) in enumerate(pool.imap_unordered(_try, tasks), 1):
            ends[end] += 1
            if report:
                _say(report)
            if done % 100 == 0 or done == given.n:
                _say(
                    f"{done} in {time.perf_counter() - started:.0f} s: "
                    + " · ".join(f"{n} {e.value}" for e, n in ends.items())
                )
    return int(any(ends[end] for end in WRONG))


def _freeze(given: argparse.Namespace, python: str) -> int:
    """Store short experiments in which neurons spike, with what Brian2 recorded."""
    stored: dict[str, np.ndarray] = {}
    number = given.first
    CASES.mkdir(exist_ok=True)
    for old in CASES.glob("*"):
        old.unlink()
    with _peer(python) as (brian2, folder):
        while len(list(CASES.glob("*.yaml"))) < given.freeze:
            text = text_of(experiment(given.seed, number, 100))
            outcome = compare(text, brian2, folder)
            spiking = sum(v.size for k, v in outcome.theirs.items() if k.startswith("s_a") and k.endswith("/v"))
            if outcome.end is End.SAME and spiking:
                (CASES / f"{number:03}.yaml").write_text(text, encoding="utf-8")
                stored |= {f"{number:03}/{key}": values for key, values in outcome.theirs.items()}
            number += 1
    np.savez_compressed(CASES / "brian2.npz", **stored)
    return 0


_open: list[tuple[Brian2, Path]] = []  # the peer of this process of the pool, kept from one experiment to the next


def _try(task: tuple[argparse.Namespace, str, int]) -> tuple[End, str]:
    """How an experiment ended, and what is to be said about it."""
    given, python, number = task
    if not _open:
        folder = Path(tempfile.mkdtemp(prefix="snnrun-differential-"))
        _open.append((Brian2(python, folder), folder))
    brian2, folder = _open[0]
    made = experiment(given.seed, number)
    outcome = compare(text_of(made), brian2, folder, compiled=given.compiled)
    return outcome.end, _report(given, number, made, outcome, brian2, folder) if outcome.end in WRONG else ""


def _report(
    given: argparse.Namespace, number: int, made: dict[str, object], outcome: Outcome, brian2: Brian2, folder: Path
) -> str:
    """Make an experiment smaller, store it, and say how it ended."""

    def as_before(smaller: dict[str, object]) -> bool:
        found = compare(text_of(smaller), brian2, folder, compiled=given.compiled)
        return found.end is outcome.end and _kind(found) == _kind(outcome)

    least = shrunk(made, as_before) if given.shrink else made
    compare(text_of(least), brian2, folder)
    given.keep.mkdir(parents=True, exist_ok=True)
    kept = given.keep / f"{given.seed}-{number}.yaml"
    kept.write_text(text_of(least), encoding="utf-8")
    script = folder / "script.py"
    if script.exists():
        kept.with_suffix(".py").write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    _say(
        "\n  ".join([f"--seed {given.seed} --first {number} --n 1: {outcome.end.value}", str(kept), *outcome.about[:3]])
    )


def _kind(outcome: Outcome) -> str:
    """What stays when an experiment becomes smaller: how it ended, but not with which values."""
    return "" if outcome.end is End.UNLIKE else outcome.about[0][:30]


if __name__ == "__main__":
    sys.exit(main())

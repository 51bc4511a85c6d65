"""Makes a case, tries it, and says what was wrong."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from judge import Ended, call, faults_of
from mutants import Library, make

_RUN = """
version: 1
constants: {tau: 10 ms}
groups:
  g: {size: 5, equations: "dv/dt = (1.2 - v)/tau : 1", threshold: v > 1, reset: v = 0, initial: {v: rand()}}
monitors: {s: {kind: spikes, source: g}, v: {kind: state, source: g, variables: [v]}}
run: {duration: 20 ms, dt: 0.1 ms}
metrics: {m: mean_rate(s)}
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that ended otherwise than documented."""

    seed: int
    number: int
    case: str
    fault: str
    output: str

    def __str__(self) -> str:
        head = f"--seed {self.seed} --first {self.number} --cases 1: {self.fault}\n  {self.case}"
        return head + "".join(f"\n  | {line}" for line in self.output.strip().splitlines()[:6])


def prepare(seed: int) -> Library:
    """Import what the commands need, so that children have it, and run what results are damaged of."""

    folder = Path(tempfile.mkdtemp(prefix="snnrun-fuzz-"))
    atexit.register(_remove, folder, os.getpid())
    for name, text in (
        ("run", _RUN.replace("dt: 0.1 ms}", "dt: 0.1 ms, save_state: true}")),
        ("sweep", _RUN + "sweep: {axes: {tau: [10 ms, 20 ms]}, keep: results}\n"),
    ):
        (folder / f"{name}.yaml").write_text(text)
        command = [sys.executable, "-m", "snnrun", "run", f"{name}.yaml", "--out", "out", "--no-plots"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Library([next((folder / "out" / name).glob("????????")) for name in ("run", "sweep")])


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def try_case(
    seed: int, number: int, kind: str | None, keep: Path | None, runs: float, library: Library
) -> tuple[str, int, list[Finding]]:
    """Try one case.

    Args:
        seed: Of all cases.
        number: Of this case.
        kind: Only a case of this kind.
        keep: Folder that the files of a failing case are copied to.
        runs: Share of the experiments that pass their check that are also run.
        library: Results to damage.

    Returns:
        Its kind, its exit code, and what was wrong.
    """
    found, case = make(seed, number, library, kind)
    with tempfile.TemporaryDirectory(prefix="snnrun-fuzz-") as folder:
        at = Path(folder)
        case.lay_out(at)
        command = case.arguments[0]
        ended = call(case.arguments, at)
        faults = faults_of(ended, command)
        if case.run and not faults and ended.code == 0 and _short(ended) and number % 1000 < 1000 * runs:
            command = "run"
            ended = call(("run", case.arguments[1], "--out", "out"), at)
            faults = faults_of(ended, command)
        if faults and keep is not None:
            shutil.copytree(at, keep / f"{seed}-{number}", dirs_exist_ok=True, symlinks=True)
    return (
        found,
        ended.code,
        [Finding(seed, number, f"{command}: {case.name}", "; ".join(faults), ended.output)] if faults else [],
    )


def _short(ended: Ended) -> bool:
    """Whether `validate` says that the run is small: few neurons for a short time."""
    found = re.search(r"valid · .*?([\d,]+) neurons?, ([\d.e+-]+) (\w+)", ended.output)
    if found is None:
        return False
    seconds = float(found[2]) * {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}.get(found[3], 1e9)
    return int(found[1].replace(",", "")) <= 2000 and seconds <= 1.1

"""Two installations of snnrun on the same work, in turn: `make bench AGAINST=PROGRAM`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from works import ROOT

PAIRED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("coba", "cuba", "cobahh", "brunel", "stdp", "adex-noise"), ()),
    "microcircuit": ("--set", "scale=0.1"),
}
COLD, KEPT, WARM = "empty cache", "other kernels cached", "warm"
"""Nothing kept at all; what kernels of any structure share is kept, not this kernel; the kernel is kept."""


@dataclass
class Side:
    """One installation.

    Args:
        program: Its `snnrun`.
        place: A folder of its own.
        whole: Seconds of the whole process, by state of the cache; a list of rounds each.
        simulate: Seconds of the simulate stage of warm runs.
        digests: Of all runs.
    """

    program: str
    place: Path
    whole: dict[str, list[float]] = field(default_factory=dict)
    simulate: list[float] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)

    def run(self, work: str, state: str) -> None:
        """Run a work once and keep what it took."""
        cache = self.place / "cache"
        for file in cache.glob("*") if state != WARM else ():
            if state == COLD or is_generated(file):
                file.unlink()
        file = ROOT / "experiments" / "benchmarks" / f"{work}.yaml"
        out = str(self.place / f"out-{time.monotonic_ns()}")
        words = ("run", str(file), "--no-plots", "--json", "--threads", "1", "--out", out)
        started = time.perf_counter()
        done = subprocess.run(
            [self.program, *words, *PAIRED[work]],
            env={**os.environ, "SNNRUN_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        )
        self.whole.setdefault(state, []).append(time.perf_counter() - started)
        report = json.loads(done.stdout)
        self.digests.add(report["digest"])
        if state == WARM:
            self.simulate.append(report["seconds"]["simulate"])


def is_generated(file: Path) -> bool:
    """Whether a file of the cache is the kernel of one structure, not something that kernels share."""
    lines = file.read_bytes().split(b"\n", 2)
    return file.suffix == ".kernel" and not (len(lines) > 1 and json.loads(lines[1]).get("function"))


def pair(other: str, works: list[str], rounds: int, say: Callable[[str], None]) -> int:
    """Run works with this installation and another one in turn, and print medians; 1 when digests differ.

    Args:
        other: The program `snnrun` of the other installation.
        works: Names of `PAIRED`.
        rounds: How often each runs in each state of the cache.
        say: Takes a line about what is being done.
    """
    ours = str(Path(sys.executable).parent / "snnrun")
    head = f"{'':14}{'simulate':>26}" + "".join(f"{state:>28}" for state in (COLD, KEPT, WARM))
    lines = [head, f"{'':14}" + f"{'this':>9}{'other':>9}{'ratio':>8}" + f"{'this':>11}{'other':>9}{'ratio':>8}" * 3]
    differ = []
    for work in works:
        say(work)
        with tempfile.TemporaryDirectory(prefix="snnrun-pair-") as folder:
            sides = [Side(ours, Path(folder) / "this"), Side(other, Path(folder) / "other")]
            for _ in range(rounds):
                for state in (COLD, KEPT, WARM):
                    for side in sides:
                        side.run(work, state)
        columns = [
            [side.simulate for side in sides],
            *([s.whole[state] for s in sides] for state in (COLD, KEPT, WARM)),
        ]
        cells = []
        for mine, others in columns:
            a, b = statistics.median(mine), statistics.median(others)
            cells.append(f"{a:9.3f}{b:9.3f}{a / b:8.2f}")
        lines.append(f"{work:14}" + "  ".join(cells))
        if sides[0].digests != sides[1].digests:
            differ.append(f"DIGESTS DIFFER  {work}: {sides[0].digests}, {sides[1].digests}")
    sys.stdout.write("\n".join([*lines, *differ]) + "\n")
    return 1 if differ else 0

"""What features of groups cost: a benchmark with and without each of them, run in turn.

python tests/bench/features.py            # into docs/benchmarks.json and the page
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from page import PAGE, page, read_snapshot
from saved_results import SNAPSHOT
from works import ROOT

ROUNDS = 7
BASE = ROOT / "experiments" / "benchmarks" / "coba.yaml"
_NEVER = {"events": {"far": "v > 0*mV"}}
_RARE = {"events": {"near": "v > Vt - 0.2*mV and v < Vt"}}
_SHARED = {"size": 1, "equations": "dx/dt = -x/(1*second) : volt", "initial": {"x": "1*mV"}, "method": "exact"}
_MORE = {"size": "size", "equations": "dw/dt = (sin(2*pi*5*Hz*t) - w)/(50*ms) : 1", "method": "euler"}
_LINK = "\nx : volt (linked)"

FEATURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "plain": ("coba as it is", {}),
    "event": ("an event that no neuron has", {"groups.pop": _NEVER}),
    "events": ("an event of neurons near the threshold, with a monitor", {"groups.pop": _RARE, "monitors": {
        "near": {"kind": "events", "source": "pop", "event": "near", "window": ["0 ms", "0.1 ms"]}}}),
    "shared": ("a group of one neuron", {"groups": {"one": _SHARED}}),
    "link": ("the same, read by all neurons through a link", {"groups": {"one": _SHARED}, "groups.pop": {
        "linked": {"x": "one.x"}}}),
    "more": ("4,000 neurons more, with one equation", {"groups": {"more": _MORE}}),
    "clock": ("the same, with a time step of 1 ms", {"groups": {"more": {**_MORE, "dt": "1 ms"}}}),
}  # fmt: skip
"""What is measured: its words on the page, and what is put into the file."""


def file_of(name: str) -> dict[str, Any]:
    """The benchmark with a feature, as plain data."""
    data: dict[str, Any] = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    for path, more in FEATURES[name][1].items():
        node = data
        for key in path.split("."):
            node = node[key]
        node.update(more)
    if name == "link":
        pop = data["groups"]["pop"]
        pop["equations"] = pop["equations"].replace("+ I)", "+ I + x)").rstrip() + _LINK
    return data


def measure() -> dict[str, Any]:
    """Seconds of simulation with each feature: the median and the quartiles of runs in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in FEATURES}
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        place = Path(temporary)
        for name in FEATURES:
            (place / f"{name}.yaml").write_text(yaml.safe_dump({**file_of(name), "name": name}, sort_keys=False))
        for number in range(ROUNDS + 1):
            for name in FEATURES:
                taken = _simulate(place / f"{name}.yaml", place / f"out-{time.monotonic_ns()}")
                if number:  # the first one compiles
                    seconds[name].append(taken)
    return {name: {"seconds": statistics.median(s), "runs": sorted(s)} for name, s in seconds.items()}


def _simulate(file: Path, out: Path) -> float:
    command = [sys.executable, "-m", "snnrun", "run", str(file), "--no-plots", "--json", "--out", str(out)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    return float(found["seconds"]["simulate"])


def main() -> int:
    """Measure, and write the page."""
    data = read_snapshot()
    data["features"] = {
        name: {
            "what": FEATURES[name][0],
            "seconds": round(row["seconds"], 5),
            "runs": [round(x, 5) for x in row["runs"]],
        }
        for name, row in measure().items()
    }
    SNAPSHOT.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(data), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

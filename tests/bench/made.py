"""Files of benchmarks that are too large to keep: made with a seed, in a folder that git ignores.

python tests/bench/made.py            # make bench-data: all of it
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from works import MADE, WORKS

FLY = 138_639  # neurons of the brain of a fruit fly, doi:10.1038/s41586-024-07763-9
PARTNERS = 108.9  # on average: 15.1 million connections
NEUROPILS = 78
SENSORY = 200  # the first neurons of the table
EXCITATORY = 0.65  # part of the neurons


def connectome(size: int, seed: int = 1) -> dict[str, NDArray[np.int32]]:
    """A random table with the numbers of a fly's brain: `source`, `target`, `synapses` (the signed number of contacts).

    Numbers of partners and of contacts have a long tail (lognormal). Nine of ten partners are in the neuron's own
    neuropil. Neurons stand in no order, as in the tables of the fly.
    """
    draw = np.random.default_rng(seed)
    share = draw.lognormal(0.0, 1.0, size)
    number = draw.poisson(share * (PARTNERS / share.mean()))
    source = np.repeat(np.arange(size), number)
    # places in the brain, neuropil by neuropil -> neurons; the sensory ones are together
    order = np.concatenate([np.arange(SENSORY), draw.permutation(np.arange(SENSORY, size))])
    place = np.empty(size, np.int64)
    place[order] = np.arange(size)
    width = max(size // NEUROPILS, 1)
    first = np.minimum(place[source] // width, max(NEUROPILS - 1, 0)) * width
    local = np.minimum(first + draw.integers(0, width, source.size), size - 1)
    far = draw.integers(0, size, source.size)
    target = order[np.where(draw.random(source.size) < 0.9, local, far)]
    contacts = np.ceil(draw.lognormal(0.2, 1.4, source.size))
    sign = np.where(draw.random(size) < EXCITATORY, 1, -1)
    columns = {"source": source, "target": target, "synapses": sign[source] * contacts}
    return {name: column.astype(np.int32) for name, column in columns.items()}


def chain(groups: int) -> dict[str, Any]:
    """An experiment of many small objects: a chain of groups, each with ten synapses objects of five kinds."""
    neuron = {
        "size": 20,
        "equations": "dv/dt = (g - v)/tau : 1\ndg/dt = (I - g)/taug : 1\nI : 1",
        "method": "exact",
        "threshold": "v > 1",
        "reset": "v = 0",
        "initial": {"I": "0.8 + 0.4*rand()", "v": "rand()", "g": "I"},
    }
    trace = "w : 1\nda/dt = -a/tau : 1 (event-driven)"
    kinds: dict[str, dict[str, Any]] = {
        "excite": {"connect": {"p": 0.2}, "on_pre": "g += 0.05"},
        "inhibit": {"connect": {"p": 0.2}, "on_pre": "g -= 0.05"},
        "late": {"connect": "all", "delay": "1*ms + 2*ms*rand()", "on_pre": "v += 0.01"},
        "weighted": {"connect": "one_to_one", "equations": "w : 1", "initial": {"w": "0.1*rand()"}, "on_pre": "g += w"},
        "plastic": {
            "connect": "all",
            "equations": trace,
            "initial": {"w": "0.02*rand()"},
            "on_pre": "g += w\na += 0.001",
            "on_post": "w = clip(w + a, 0, 0.02)",
        },
    }
    synapses = {
        f"{kind}{k}_{step}": {"source": f"g{k}", "target": f"g{(k + step) % groups}", **what}
        for k in range(groups)
        for step in (1, 2)
        for kind, what in kinds.items()
    }
    return {
        "version": 1,
        "name": "chain",
        "seed": 1,
        "constants": {"tau": "20 ms", "taug": "5 ms"},
        "groups": {f"g{k}": neuron for k in range(groups)},
        "synapses": synapses,
        "monitors": {"spikes": {"kind": "spikes", "source": "g0"}},
        "run": {"duration": "1 s", "dt": "0.1 ms"},
        "metrics": {"rate": "mean_rate(spikes)"},
    }


class _Plain(yaml.SafeDumper):
    """Writes what stands in several places in full, as the format has no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def make(name: str, folder: Path = MADE) -> Path:
    """The file with this name, made now when there is none: `connectome-SIZE.npz` or `chain-GROUPS.yaml`."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"new-{name}"
        size = int(path.stem.rpartition("-")[2])
        if path.suffix == ".npz":
            np.savez(aside, allow_pickle=False, **connectome(size))
        else:
            aside.write_text(yaml.dump(chain(size), Dumper=_Plain, sort_keys=False), encoding="utf-8")
        aside.replace(path)
    return path


def main() -> int:
    """Make all."""
    for work in WORKS:
        if work.made:
            sys.stdout.write(f"{make(work.made)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

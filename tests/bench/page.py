"""docs/benchmarks.md and its pictures, from docs/benchmarks.json; no figure is written by hand.

python tests/bench/page.py            # draw and write again
python tests/bench/page.py --take     # the same, after taking the results of `make bench`
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bounds import BEYOND
from measuring import ERRORS, FLOOR, LONG, PUBLISHED
from saved_results import SNAPSHOT, load_results
from table import HEADER, ratio_text, ratios, rows, seconds_text
from works import BY_NAME, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
RATIOS = ROOT / "docs" / "images" / "benchmarks-ratios.png"
WANTED = 3.0  # times as fast as Brian2's standalone program in the loop over time
_CPP = "brian2-cpp"
SCALING = ROOT / "docs" / "images" / "benchmarks-scaling.png"

SETTLED = 0.5  # s of the microcircuit's recipe that are dropped
KS_SETS = {"full": "full size", "among": "NEST and NEST", "between": "snnrun and NEST"}

HOW = """\
# Benchmarks

<!-- Made from docs/benchmarks.json by tests/bench/page.py; do not edit. -->

The same networks in snnrun, [Brian2](https://briansimulator.org) and [NEST](https://www.nest-simulator.org), run in
turn on one machine, with the same time step, the same simulated time and the same recordings. The files are in
`experiments/benchmarks/` (and the tutorial's sweep over time constants), the peers' scripts in `tests/bench/peers/`;
large tables and generated files are made with a seed (`make bench-data`).

```sh
make bench                              # everything, about an hour; results in outputs/bench/
make bench WORKS="coba brunel" ROUNDS=5 # some works, more rounds; other works keep their results
make bench QUICK=1                      # does it all work? kept apart, in outputs/bench-quick/
make bench-page                         # this page from the results
```

The first call makes environments for the peers in `.bench/`, with the newest versions that the Pythons of the machine
allow. A peer that cannot be installed is left out and named.
"""


def page(data: Mapping[str, Any]) -> str:
    """The text of the page."""
    parts = [
        HOW,
        _machine(data),
        _costs(data["works"]),
        _rates(data["works"]),
        _scaling(data["scaling"]),
        _limit(data["limit"]),
        _bounds(data["limit"].get("bounds", {}), data["works"]),
        _features(data.get("features", {})),
        _recipe(data.get("recipe", {})),
    ]
    return "\n".join(part for part in parts if part)


def _machine(data: Mapping[str, Any]) -> str:
    m = data["machine"]
    caches = ", ".join(f"{name} {_bytes(size)}" for name, size in m["caches"].items())
    lines = [
        "## The machine\n",
        f"- {m['processor']}, {m['cores']} cores; caches: {caches or 'unknown'}; {m['memory_gb']} GB of memory",
        f"- {m['system']}, {m['compiler']}; {m['load']:g} processes wanted to run when the measurement began",
    ]
    lines += [f"- {_versions(versions)}" for versions in data["versions"].values()]
    return "\n".join(lines) + "\n"


def _versions(versions: Mapping[str, str]) -> str:
    first = next(name for name in versions if name != "Python")
    rest = [f"{name} {version}" for name, version in versions.items() if name != first]
    return f"{first} {versions[first]} ({', '.join(rest)})"


def _costs(works: Mapping[str, Any]) -> str:
    head = [*HEADER[:8], *(f"{name} ×" for name in HEADER[8:])]
    text = f"""\
## What a run costs

- *Prepare*: all before the first step: reading, checking, code, compiling, connecting. *Simulate*: the loop over time.
- *Process*: from start to end of the whole process, imports included. *Cold*: nothing compiled before (an empty kernel
  cache, a fresh build folder); *warm*: the same command again. NEST compiles nothing, so both are the same.
  Of the works whose name begins with `record`, writing to disk is part of *simulate* for snnrun; Brian2's results are
  in memory.
- *Memory*: the largest resident set of the warm process.
- *×*: how many times more it takes than snnrun on one thread in strict arithmetic; above 1, ours is faster or smaller.
- Medians of up to {_most_runs(works)} runs; what takes longer than {LONG:g} s runs once. Brian2's standalone programs
  are compiled with its own defaults, `-O3 -ffast-math -march=native`, and run on one thread.

![How many times longer the peers take](images/benchmarks-ratios.png)
"""
    return text + "\n" + _table(head, rows(works), 2) + _slowest(works)


def _slowest(works: Mapping[str, Any]) -> str:
    """Where the simulation is not much faster than the fastest peer's."""
    found = {name: ratios(work, _CPP)["simulate"] for name, work in works.items() if _is_compared(work)}
    below = [f"{name} ({ratio_text(ratio)})" for name, ratio in found.items() if ratio < WANTED]
    return (
        f"\nLess than {WANTED:g} times as fast as Brian2's standalone program: {', '.join(below)}.\n" if below else ""
    )


def _is_compared(work: Mapping[str, Any]) -> bool:
    return _CPP in work["runners"] and "simulate" in ratios(work, _CPP)


def _most_runs(works: Mapping[str, Any]) -> int:
    return max((runner["runs"] for work in works.values() for runner in work["runners"].values()), default=0)


def _rates(works: Mapping[str, Any]) -> str:
    cells = [
        [name, row["metric"], row["peer"], *(f"{row[k]:.3g}" for k in ("ours", "theirs", "allowed")), _verdict(row)]
        for name, work in works.items()
        for row in work["rates"]
    ]
    text = f"""\
## Do they simulate the same?

Mean firing rates over seeds. They may differ by {ERRORS:g} standard errors, which the spread between our seeds gives,
and by {FLOOR:.0%} at least; from rates that a paper gives, by {PUBLISHED:.0%}. `make bench` fails when they differ by
more.
"""
    head = ["work", "metric", "peer", "ours (Hz)", "theirs (Hz)", "allowed (Hz)", "agree"]
    return text + "\n" + _table(head, cells, 3) if cells else ""


def _verdict(row: Mapping[str, Any]) -> str:
    return "yes" if row["agree"] else "**no**"


def _scaling(scaling: Mapping[str, Any]) -> str:
    if not scaling:
        return ""
    text = """\
## How the cost moves with size

One thread, strict, double precision unless the file says otherwise. A neuron in a step: networks without connections
(`--set p=0`). A synaptic event: a run, less the same run without synapses, over the number of events.

![Cost per neuron and step, and per synaptic event, against size](images/benchmarks-scaling.png)
"""
    neurons = [
        [name, f"{point['neurons']:g}", _cost(point)] for name, points in scaling["neurons"].items() for point in points
    ]
    synapses = [
        [name, f"{point['synapses'] / 1e6:.3g} M", _cost(point), *_built(point)]
        for name, points in scaling["synapses"].items()
        for point in points
    ]
    first = _table(["work", "neurons", "per neuron and step (ns)"], neurons, 1)
    second = _table(["work", "synapses", "per event (ns)", "built (s)", "memory (GB)"], synapses, 1)
    return f"{text}\n{first}\n{second}"


def _cost(point: Mapping[str, Any]) -> str:
    return f"{point['seconds'] * 1e9:.2f}" if "seconds" in point else point["missing"]


def _built(point: Mapping[str, Any]) -> list[str]:
    return [f"{point['build']:.2f}", f"{point['memory'] / 1e9:.2f}"] if "build" in point else ["", ""]


def _limit(limit: Mapping[str, Any]) -> str:
    if not limit.get("works"):
        return ""
    sums, quotients = limit["sums"] / 1e9, limit["quotients"] / 1e9
    text = f"""\
## Against the limit

Operations and bytes of the update of one neuron, counted in the machine code of its loop. One core of this machine did
{sums:.1f} billion additions or multiplications of doubles a second, and {quotients:.2f} billion divisions, in tiny
loops; the bandwidth is that of a loop that reads two arrays and writes one of them, as large together as the network.
All three go on at once, so the limit is the longest of the times. What was measured holds more than the update: finding
spikes, recording them, resets.
"""
    head = [
        "work",
        "neurons",
        "sums",
        "divisions",
        "bytes",
        "bandwidth (GB/s)",
        "sums (ns)",
        "divisions (ns)",
        "bytes (ns)",
    ]
    cells = []
    for row in limit["works"]:
        if "missing" in row:
            cells.append([row["work"], f"{row['size']:,}", row["missing"], *[""] * 8])
            continue
        counts = [
            f"{row['sums']:.0f}",
            f"{row['quotients']:.0f}",
            f"{row['bytes']:.0f}",
            f"{row['bandwidth'] / 1e9:.0f}",
        ]
        limits = ("arithmetic", "division", "memory")
        times = [f"{row[k] * 1e9:.2f}" for k in (*limits, "measured")]
        distance = row["measured"] / max(row[k] for k in limits)
        cells.append([row["work"], f"{row['size']:,}", *counts, *times, f"{distance:.1f}"])
    return text + "\n" + _table([*head, "measured (ns)", "over the limit ×"], cells, 1)


def _bounds(bounds: Mapping[str, Any], works: Mapping[str, Any]) -> str:
    """How far whole works are from the least that their models ask for."""
    if not bounds:
        return ""
    text = """\
The other works, against the least that their models ask for: operations and bytes of one unit, counted by hand from the
equations (`tests/bench/bounds.py`), times the number of units, at the same rates. State is read and written once, an
index goes with what it leads to, a step waits for the one before. All else that a work does is not in the limit.
"""
    head = [
        "work",
        "unit",
        "limited by",
        "units (10⁶)",
        "sums",
        "bytes",
        "limit (s)",
        "simulate (s)",
        "over the limit ×",
    ]
    cells = []
    for name, row in bounds.items():
        measured = works[name]["runners"]["snnrun"]["simulate"]
        figures = [f"{row['number'] / 1e6:.3g}", f"{row['sums']:g}", f"{row['bytes']:g}"]
        times = [f"{row['seconds']:.3g}", seconds_text(measured), ratio_text(measured / row["seconds"])]
        cells.append([name, row["unit"], row["by"], *figures, *times])
    beyond = "".join(f"\n- `{name}`: {what}." for name, what in BEYOND.items() if name in bounds)
    beyond = f"\nWhat takes the time where a work is far from its limit:\n{beyond}\n" if beyond else ""
    return text + "\n" + _table(head, cells, 3) + beyond


def _features(features: Mapping[str, Any]) -> str:
    """What features of groups cost."""
    if not features:
        return ""
    runs = max(len(row["runs"]) for row in features.values())
    text = f"""\
## What events, links and time steps of groups cost

The loop over time of `coba` (4,000 neurons, 10,000 steps) with something added, one thread; medians of {runs} runs in
turn (`make bench-features`). What is not used costs nothing: kernels of other files keep their text.
"""
    plain = features["plain"]["seconds"]
    cells = [
        [row["what"], f"{row['seconds'] * 1e3:.1f}", f"{(row['seconds'] - plain) * 1e2:+.2f}"]
        for row in features.values()
    ]
    return text + "\n" + _table(["added", "simulate (ms)", "more a step (µs)"], cells, 1)


_OTHERS = (
    ("van Albada et al. 2018", "NEST", "12 nodes, 2 Xeon E5-2680v3 each", "DC", 2.465),
    ("Knight & Nowotny 2018", "GeNN", "Tesla V100", "Poisson", 1.838),
    ("Rhodes et al. 2019", "SpiNNaker 1", "12 boards", "Poisson", 1.0),
    ("Knight et al. 2021", "GeNN", "Titan RTX", "Poisson", 0.7),
    ("Kurth et al. 2022", "NEST", "2 EPYC 7702, 128 cores", "DC", 0.67),
    ("Golosio et al. 2023", "GeNN", "RTX 4090", "Poisson", 0.272),
    ("Kauth et al. 2023", "neuroAIx", "35 FPGAs", "DC", 0.05),
)
"""Real-time factors of the column as Senk et al. 2026, doi:10.1088/2634-4386/ae379a, list them."""


def _recipe(recipe: Mapping[str, Any]) -> str:
    """The microcircuit by its public recipe."""
    if not recipe:
        return ""
    text = f"""\
## The microcircuit by its public recipe

The column at full size as the recipe of Senk et al. 2026 has it (`experiments/benchmarks/microcircuit-recipe.yaml`,
`make bench-recipe`): membrane potentials begin as drawn for each population, delays are drawn again, Poisson input, the
first {SETTLED * 1e3:g} ms dropped, {recipe["seconds"]:g} s simulated, single precision. Speed is measured without
recording; the energy of a synaptic event, which the recipe wants too, is not measured. Machines differ by orders of
magnitude in size: this one has two cores.
"""
    factors = [
        ("this page", "snnrun", f"{n} of 2 cores", "Poisson", row["factor"]) for n, row in recipe["speed"].items()
    ]
    cells = [[*row[:4], f"{row[4]:.3g}"] for row in sorted([*_OTHERS, *factors], key=lambda row: row[4])]
    text += "\n" + _table(["who", "program", "machine", "input", "real-time factor"], cells, 4)
    sets = [(recipe[k], what) for k, what in KS_SETS.items() if k in recipe]
    if not sets:
        return text
    text += f"""
Distances of Kolmogorov and Smirnov between realisations of {recipe["seconds"]:g} s (the recipe wants 15 minutes), means
over the pairs of {recipe["seeds"]} seeds: of snnrun at full size among themselves; at a scale of {recipe["small"]:g} of
NEST among themselves, and between snnrun and NEST. Where the last two are alike, realisations of the two programs
differ as those of one do.
"""
    head = ["population", "rate (Hz)", *(f"{what}, {of}" for _, of in sets for what in ("rate", "CV", "correlation"))]
    cells = [
        [name, f"{rate:.3g}", *(f"{found[what][name]:.3f}" for found, _ in sets for what in found)]
        for name, rate in recipe["rates"].items()
    ]
    return text + "\n" + _table(head, cells, 1)


def _table(head: Sequence[str], cells: Sequence[Sequence[str]], left: int) -> str:
    """A Markdown table; the first columns to the left, the others to the right."""
    marks = ["---" if k < left else "---:" for k in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *cells)) + "\n"


def _bytes(size: int) -> str:
    return f"{size / 2**20:g} MB" if size >= 2**20 else f"{size / 2**10:g} kB"


def read_snapshot() -> dict[str, Any]:
    """docs/benchmarks.json."""
    data: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    return data


def main() -> int:
    """Write the page and its pictures."""
    from pictures import draw_ratios, draw_scaling, save

    if "--take" in sys.argv[1:]:
        kept = {name: part for name, part in read_snapshot().items() if name in ("features", "recipe")}
        shutil.copyfile(load_results(quick="--quick" in sys.argv[1:]).folder / "results.json", SNAPSHOT)
        SNAPSHOT.write_text(json.dumps({**read_snapshot(), **kept}, indent=1) + "\n", encoding="utf-8")
    data = read_snapshot()
    PAGE.write_text(page(data), encoding="utf-8")
    save(draw_ratios(data["works"]), data["works"], RATIOS)
    if data["scaling"]:
        save(draw_scaling(data["scaling"]), data["scaling"], SCALING)
    sys.stderr.write(f"{PAGE.relative_to(ROOT)}: {len(data['works'])} of {len(BY_NAME)} works\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

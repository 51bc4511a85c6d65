"""Random experiments over the whole format, as far as both programs can be asked the same."""

from __future__ import annotations

from typing import Any

from choices import SMALL, Choices, Sketch
from draw_groups import links, neurons, poisson, spikes
from draw_synapses import onto_synapses, synapses
from rules import known

SLOTS = ("start", "groups", "thresholds", "synapses", "resets", "end")
LONGEST = 300
"""Steps of a run at most."""


def experiment(seed: int, number: int, longest: int = LONGEST) -> dict[str, Any]:
    """An experiment without random numbers, as it stands in a file.

    Args:
        seed: Of all experiments.
        number: Of this one.
        longest: Steps of its run at most.
    """
    choose = Choices(seed, number)
    dt = choose.one((0.1, 0.05, 0.2))
    sketch = Sketch(choose, dt, choose.whole(50, longest) // 10 * 10, _beginning(dt, choose))
    for k in range(choose.whole(1, 3)):
        neurons(sketch, f"a{k}")
    links(sketch)
    spikes(sketch, "as")
    if choose.chance(20):
        poisson(sketch, "ap")
    for k in range(choose.whole(1, 4)):
        synapses(sketch, f"b{k}")
    if choose.chance(10):
        onto_synapses(sketch, "c")
    if choose.chance(10):
        _input(sketch)
    for k in range(choose.whole(0, 3)):
        _operation(sketch, k)
    _monitors(sketch)
    _run(sketch)
    return sketch.finished()


def _beginning(dt: float, choose: Choices) -> dict[str, Any]:
    constants = {
        "El": "-65 mV", "VT": "-50 mV", "Vr": "-70 mV", "tau": choose.one(("10 ms", "5 ms", "20 ms")), "Cm": "100 pF",
        "gL": "10 nS",
    }  # fmt: skip
    sections = ("functions", "arrays", "groups", "inputs", "synapses", "operations", "monitors")
    objects: dict[str, Any] = {section: {} for section in sections}
    return {"version": 1, "constants": constants, **objects, "run": {"dt": f"{dt:g} ms"}, "plots": "none"}


def _input(sketch: Sketch) -> None:
    """A Poisson input all of whose trains spike in each step: its sum is no matter of chance."""
    group = sketch.choose.one(sketch.neurons)
    made = {
        "target": group.name,
        "variable": "tr",
        "size": sketch.choose.whole(1, 3),
        "rate": f"{0.999999999999 / (sketch.dt * group.steps)!r} kHz",
        "weight": "0.013",
    }
    sketch.add("inputs", "ai", made)


def _operation(sketch: Sketch, number: int) -> None:
    choose = sketch.choose
    group = choose.one(sketch.neurons)
    small = SMALL[group.units["I"]]
    slot = choose.one(SLOTS)
    statements = ["v += 0.31*mV", "v = clip(v, -75*mV, -40*mV)", "k += 1", "tr = tr*0.9"]
    if "held" not in sketch.file["groups"][group.name]["equations"] or not known("Held values"):
        statements += [f"I += {small}", f"I += {small}*k"]
    made: dict[str, Any] = {
        "target": group.end(choose)[0],
        "every": sketch.time(choose.one((10, 7, 25, 1, 4))),
        "do": choose.one(statements),
    }
    if slot != "start" or choose.chance(30):
        made["when"] = slot
    order = (number + 1) * choose.one((-15, 15))
    if slot != "start" or choose.chance(30):
        made["order"] = -abs(order) if slot == "thresholds" else order
    sketch.add("operations", f"op{number}", made)


def _monitors(sketch: Sketch) -> None:
    choose = sketch.choose
    for group in sketch.neurons:
        made: dict[str, Any] = {"kind": "spikes", "source": group.name, "variables": ["v", "tr"]}
        sketch.add("monitors", f"s_{group.name}", made)
        seen = sorted({"v", "I", "tr", "k", *choose.some(sorted(group.units), 60)} & set(group.units))
        made = {"kind": "state", "source": group.name, "variables": seen, "indices": "all"}
        if choose.chance(40):
            made["when"] = choose.one(SLOTS)
        if choose.chance(20):
            made["order"] = choose.one((3, -6, 12))
        if choose.chance(20):
            made["dt"] = sketch.time(group.steps * choose.one((2, 5)))
        sketch.add("monitors", f"v_{group.name}", made)
        for event in group.events:
            made = {"kind": "events", "source": group.name, "event": event, "variables": ["v", "tr", "k"]}
            sketch.add("monitors", f"e_{group.name}_{event}", made)
    for group in sketch.sources:
        sketch.add("monitors", f"s_{group.name}", {"kind": "spikes", "source": group.name})
    for name, variables in sketch.synapses.items():
        made = {"kind": "state", "source": name, "variables": variables, "indices": "all"}
        if choose.chance(30):
            made["when"] = choose.one(("end", "synapses"))
        sketch.add("monitors", f"w_{name}", made)


def _run(sketch: Sketch) -> None:
    choose = sketch.choose
    if not choose.chance(35):
        sketch.file["run"]["duration"] = sketch.time(sketch.steps)
        return
    first = choose.whole(1, sketch.steps // 60 - 1 if sketch.steps >= 120 else 1) * 30
    phases: list[dict[str, Any]] = [
        {"name": "first", "duration": sketch.time(first)},
        {"name": "second", "duration": sketch.time(30)},
    ]
    group = choose.one(sketch.neurons)
    changes = {
        **({"tau": "8 ms"} if "/tau" in repr(sketch.file["groups"]) else {}),
        f"{group.name}.k": "1 + i",
        f"{group.name}.v": "El + 1.7*mV*i",
        **{f"{name}.w": "1.1 + 0.1*j" for name in sketch.synapses},
    }
    chosen = choose.some(sorted(changes), 40)
    if chosen:
        phases[1]["set"] = {name: changes[name] for name in chosen}
    if choose.chance(30):
        phases[1]["repeat"] = 2
    if choose.chance(30):
        phases[0]["record"] = choose.some(sorted(sketch.file["monitors"]), 60)
    sketch.file["run"]["phases"] = phases

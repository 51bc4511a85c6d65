"""Random groups: neurons with equations, given spikes, Poisson neurons whose rates leave no choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from choices import SMALL, Choices, Neurons, Sketch
from rules import known

STEPPED = ("euler", "rk2", "rk4", "heun", "milstein")
LINEAR = ("exact", *STEPPED, "exponential_euler", "auto")


@dataclass(frozen=True)
class Model:
    """Equations of neurons with a voltage `v`.

    Args:
        lines: Equations; `{input}` is where currents are added, `{flag}` where a flag of `v` may stand.
        methods: Methods that both programs have for them while the input does not change within a step.
        drive: Unit of what is added.
        states: Units of its variables besides `v`.
        initial: Their values at the start.
    """

    lines: tuple[str, ...]
    methods: tuple[str, ...]
    drive: str
    states: dict[str, str]
    initial: dict[str, str]


MODELS = {
    "leaky": Model(("dv/dt = (El - v + {input})/tau : volt{flag}",), LINEAR, "volt", {}, {}),
    "current": Model(
        ("dv/dt = (gL*(El - v) + {input} + y)/Cm : volt{flag}", "dy/dt = -y/(7*ms) : amp"),
        LINEAR,
        "amp",
        {"y": "amp"},
        {"y": "20*pA*i"},
    ),
    "adapting": Model(
        ("dv/dt = (El - v + {input} - u)/tau : volt{flag}", "du/dt = (0.2*(v - El) - u)/(30*ms) : volt"),
        ("euler", "exponential_euler", "rk2", "rk4"),
        "volt",
        {"u": "volt"},
        {},
    ),
    "conductance": Model(
        (
            "dv/dt = (gL*(El - v) + ge*(0*mV - v) + {input})/Cm : volt{flag}",
            "dge/dt = -ge/(5*ms) : siemens",
        ),
        ("euler", "exponential_euler", "rk2", "rk4", "heun"),
        "amp",
        {"ge": "siemens"},
        {"ge": "2*nS"},
    ),
    "exponential": Model(
        ("dv/dt = (El - v + {input} + 2*mV*exp(clip((v - VT)/(4*mV), -20, 4)))/tau : volt{flag}",),
        ("euler", "rk2", "rk4", "heun"),
        "volt",
        {},
        {},
    ),
    "gated": Model(
        (
            "dv/dt = (gL*(El - v) - 4*nS*q**4*(v + 80*mV) + {input})/Cm : volt{flag}",
            "dq/dt = alpha*(1 - q) - beta*q : 1",
            "alpha = 0.1/exprel(-(v + 55*mV)/(10*mV))/ms : Hz",
            "beta = 0.125*exp(-(v + 65*mV)/(80*mV))/ms : Hz",
        ),
        ("euler", "exponential_euler", "rk4"),
        "amp",
        {"q": "1"},
        {"q": "0.3"},
    ),
    "quadratic": Model(
        (
            "dv/dt = 0.04*v**2/(ms*mV) + 5*v/ms + 140*mV/ms - u/ms + ({input})/tau : volt{flag}",
            "du/dt = 0.02*(0.2*v - u)/ms : volt",
        ),
        ("euler", "rk2", "heun"),
        "volt",
        {"u": "volt"},
        {"u": "-13*mV"},
    ),
    "stored": Model(("v : volt",), (), "volt", {}, {}),
}
INPUT = {"volt": ("{0:g}*mV + {1:g}*mV*i", 12.0, 26.0), "amp": ("{0:g}*pA + {1:g}*pA*i", 120.0, 300.0)}
THRESHOLDS = ("v > VT", "v > VT + 1.3*mV*i", "v > VT and t > 3*ms", "v/mV + 49.7 > 0.1*sin(t/ms)", "not (v <= VT)")
RESETS = (
    "v = Vr",
    "v = Vr; {drive} += {small}",
    "v -= 15.1*mV",
    "step_ = 9.7*mV; v = v - step_",
    "v = Vr + 2*mV*sin(i + 1)\ntr += 1",
)
REFRACTORY = ("2 ms", "2.05 ms", "v > -55.3*mV", "2*ms + 1.1*ms*i", "rest", "0.3 ms")
EVENTS = ("v > VT - 3.1*mV", "v < El - 2.03*mV", "tr > 1.51", "tr > 0.53 and v < -60.1*mV", "k > 2")
DONE = ("tr = 0", "k += 1", "{drive} -= {small}", "v -= 1.1*mV", "k = 0; v = v + 0.51*mV")


def neurons(sketch: Sketch, name: str) -> None:
    """Draw a group with equations."""
    choose = sketch.choose
    model = MODELS[choose.one(sorted(MODELS))] if choose.chance(70) else MODELS["leaky"]
    group = Neurons(name, choose.whole(1, 5), choose.one((1, 1, 1, 2, 3)))
    lines, inputs, within = _more_lines(sketch, model, group)
    flag = " (unless refractory)" if choose.chance(40) else ""
    made: dict[str, Any] = {"size": group.size}
    if group.steps > 1:
        made["dt"] = sketch.time(group.steps)
    made["equations"] = "\n".join([*(line.format(input=" + ".join(inputs), flag=flag) for line in model.lines), *lines])
    if model.methods:
        made["method"] = choose.one([m for m in model.methods if not within or m in STEPPED])
    small = SMALL[model.drive]
    made["threshold"] = choose.one(THRESHOLDS)
    made["reset"] = choose.one(RESETS).format(drive="I", small=small)
    if choose.chance(60):
        made["refractory"] = choose.one(REFRACTORY)
    elif flag:
        made["refractory"] = sketch.time(group.steps * choose.whole(1, 30))
    group.refractory = "refractory" in made
    if made.get("refractory") == "rest":
        made["equations"] += "\nrest : second"
        group.units["rest"] = "second"
    if group.refractory and choose.chance(20):
        made["threshold"] += " and not_refractory"
    group.units |= {"v": "volt", "I": model.drive, "tr": "1", "k": "1", **model.states}
    group.written = ["v", "I", "tr", "k"]
    made["initial"] = _initial(choose, model, group)
    _events(choose, group, made, small)
    _parts(choose, group, made)
    if len(sketch.neurons) and choose.chance(20):
        made["order"] = choose.one((5, 10))
    sketch.add("groups", name, made)
    sketch.neurons.append(group)


def _more_lines(sketch: Sketch, model: Model, group: Neurons) -> tuple[list[str], list[str], bool]:
    """Further equations, what is added to the voltage, and whether `exact` does not fit that."""
    choose, unit = sketch.choose, model.drive
    small = SMALL[unit]
    lines, inputs, within = (
        [f"I : {unit}", "dtr/dt = -tr/(13*ms) : 1" if model.methods else "tr : 1", "k : 1"],
        ["I"],
        False,
    )
    if choose.chance(30):
        lines.append("z = 2*v - El : volt")
        group.units["z"] = "volt"
    if choose.chance(20):
        lines.append(f"wave = 3*{small}*sin(2*pi*50*Hz*t) : {unit} (shared)")
        inputs.append("wave")
        within = True
    if choose.chance(20):
        lines.append(f"held = I*(1 + 0.1*cos(2*pi*30*Hz*t)) : {unit} (constant over dt)")
        inputs[0] = "held"
    if choose.chance(20):
        lines.append("gain : 1 (constant)")
        inputs.append(f"gain*{small}")
        group.units["gain"] = "1"
    if choose.chance(15):
        lines += ["whole : integer", "on : boolean"]
        inputs.append(f"{small}*int(on)*whole")
    if choose.chance(15):
        lines.append(f"common : {unit} (shared)")
        inputs.append("common")
    if choose.chance(20):
        inputs.append(_array(sketch, group, small))
        within = True
    if choose.chance(15):
        sketch.file["functions"]["bend(x)"] = "x/(1 + abs(x))"
        inputs.append(f"{small}*bend(tr - 0.3*k)")
        within = True
    return lines, inputs, within


def _array(sketch: Sketch, group: Neurons, small: str) -> str:
    """A timed array for a group, and how equations read it."""
    choose, name = sketch.choose, f"seen_{group.name}"
    wide = choose.chance(50)
    rows = choose.whole(2, 5)
    values: list[Any] = [
        [choose.number(-2, 2) for _ in range(group.size)] if wide else choose.number(-2, 2) for _ in range(rows)
    ]
    sketch.add("arrays", name, {"values": values, "dt": sketch.time(choose.whole(3, 40))})
    return f"{small}*{name}(t{', i' if wide else ''})"


def _initial(choose: Choices, model: Model, group: Neurons) -> dict[str, Any]:
    pattern, low, high = INPUT[model.drive]
    found: dict[str, Any] = {
        "v": choose.one(
            (
                f"El + {choose.number(0.1, 5):g}*mV*i",
                [f"{-70 + choose.number(0, 15):g} mV" for _ in range(group.size)],
                [{"value": "El"}, {"where": "i > 1", "value": "El + 3.3*mV"}],
            )
        ),
        "I": pattern.format(choose.number(low, high), choose.number(0, high / 10)),
    }
    given = {"gain": "0.5 + 0.1*i", "rest": "1*ms + 0.71*ms*i"}
    found |= {name: value for name, value in given.items() if name in group.units}
    return found | model.initial


def _events(choose: Choices, group: Neurons, made: dict[str, Any], small: str) -> None:
    events: dict[str, Any] = {}
    for name in choose.some(("burst", "low"), 30):
        condition = choose.one(EVENTS)
        if group.refractory and choose.chance(30):
            condition += " and not_refractory"
        events[name] = condition
        if choose.chance(70):
            events[name] = {"condition": condition, "do": choose.one(DONE).format(drive="I", small=small)}
            if choose.chance(40):
                events[name]["order"] = choose.whole(1, 3)
    if events:
        made["events"] = events
        group.events = list(events)


def _parts(choose: Choices, group: Neurons, made: dict[str, Any]) -> None:
    if group.size > 1 and choose.chance(40):
        first = choose.whole(0, group.size - 1)
        last = choose.whole(first + 1, group.size)
        made["subgroups"] = {"p": f"{first}:{last}"}
        group.parts["p"] = (first, last)


def spikes(sketch: Sketch, name: str) -> None:
    """Draw a group of given spikes."""
    choose = sketch.choose
    group = Neurons(name, choose.whole(1, 4), choose.one((1, 1, 1, 2)))
    last = sketch.steps // group.steps - 2
    period = choose.whole(last // 4, last) if choose.chance(20) else 0
    given = {
        (choose.whole(0, (period or last) - 1), choose.whole(0, group.size - 1)) for _ in range(choose.whole(1, 20))
    }
    made: dict[str, Any] = {
        "kind": "spikes",
        "size": group.size,
        "times": [sketch.time(step * group.steps) for step, _ in sorted(given)],
        "indices": [neuron for _, neuron in sorted(given)],
    }
    if period:
        made["period"] = sketch.time(period * group.steps)
    if group.steps > 1:
        made["dt"] = sketch.time(group.steps)
    _parts(choose, group, made)
    sketch.add("groups", name, made)
    sketch.sources.append(group)


def poisson(sketch: Sketch, name: str) -> None:
    """Draw Poisson neurons that spike in a step with probability 0 or 1."""
    choose = sketch.choose
    group = Neurons(name, choose.whole(1, 3))
    rates = choose.one(("{rate}*int(t > 2*ms and t < 2.5*ms)", "{rate}*int(sin(t/ms + i) > 0.951)"))
    sketch.add(
        "groups", name, {"kind": "poisson", "size": group.size, "rates": rates.format(rate=f"{1 / sketch.dt:g}*kHz")}
    )
    sketch.sources.append(group)


def links(sketch: Sketch) -> None:
    """Let groups read variables of groups that come after them."""
    choose = sketch.choose
    for k, group in enumerate(sketch.neurons[:-1]):
        if not choose.chance(50):
            continue
        other = choose.one(sketch.neurons[k + 1 :])
        made = sketch.file["groups"][group.name]
        variable = choose.one(sorted(set(other.units) & {"v", "I", "tr", "z", "k"}))
        source, size = other.end(choose)
        index = choose.one(("same", f"(i*2 + 1) % {size}", [choose.whole(0, size - 1) for _ in range(group.size)]))
        if group.refractory and known("Faults of Brian2"):
            source, size, index = other.name, other.size, "same"
        if index == "same" and size != group.size:
            if group.refractory:
                continue
            index = f"i % {size}"
        from_ = f"{source}.{variable}"
        made["linked"] = {"L": from_ if index == "same" else {"from": from_, "index": index}}
        unit = other.units[variable]
        made["equations"] += f"\nL : {unit} (linked)"
        group.units["L"] = unit
        effect = {"volt": "0.1*(L - El)", "amp": "L*10*Mohm", "1": "0.5*mV*L"}[unit]
        if choose.chance(50):
            made["threshold"] = f"{made['threshold']} and v > VT - 3*mV - {effect}"
        for event in made.get("events", {}).values():
            if isinstance(event, dict) and "do" in event and choose.chance(50):
                event["do"] += f"; v += 0.1*({effect})"
        if made.get("method") in ("euler", "rk2", "rk4", "heun") and choose.chance(50):
            place = {"volt": "I", "amp": "I"}[group.units["I"]]
            term = effect if group.units["I"] == "volt" else f"1*nS*({effect})"
            first, *rest = made["equations"].split("\n")
            if f" + {place}" in first:
                made["equations"] = "\n".join([first.replace(f" + {place}", f" + {place} + {term}", 1), *rest])

"""Random synapses: every form of connection, delay, pathway and equation."""

from __future__ import annotations

from typing import Any

from choices import SMALL, Choices, Neurons, Sketch
from rules import known

WHERE = ("i != j", "i < j", "abs(i - j) <= 1", "(i + j) % 2 == 0", "i == 99")
TARGETS = (
    "k for k in range(i, i + 2)",
    "k for k in range(0, N_post) if k != i",
    "k for k in range(i - 2, i + 3, 2)",
    "i + 1",
)
SOURCES = ("k for k in range(j, j + 2)", "k for k in range(0, N_pre) if k != j")
EQUATIONS = {
    "plain": ((), {}, ("{effect}",), ()),
    "plastic": (
        ("da/dt = -a/(20*ms) : 1 (event-driven)", "db/dt = -b/(15*ms) : 1 (event-driven)"),
        {},
        ("a += 0.11", "w = clip(w + 0.7*b, 0, 9)", "{effect}"),
        ("b -= 0.05", "w = clip(w + 0.6*a, 0, 9)"),
    ),
    "clocked": (("dx/dt = -x/(7*ms) : 1 (clock-driven)",), {}, ("x += 1", "{effect}*x"), ()),
    "two clocked": (
        (
            "dx/dt = (rise - x)/(7*ms) : 1 (clock-driven)",
            "drise/dt = -rise/(3*ms) : 1 (clock-driven)",
            "both = x + rise : 1",
        ),
        {},
        ("rise += 1.3", "{effect}*both"),
        (),
    ),
    "summed": (
        ("dx/dt = -x/(7*ms) : 1 (clock-driven)", "total_post = {sum} : {unit} (summed)"),
        {},
        ("x += 0.31",),
        (),
    ),
    "gap": (("total_post = {gap} : {unit} (summed)",), {}, (), ()),
    "short-term": (
        ("dR/dt = (1 - R)/(80*ms) : 1 (event-driven)", "dU/dt = (0.2 - U)/(50*ms) : 1 (event-driven)"),
        {"R": "1", "U": "0.2"},
        ("U += 0.2*(1 - U)", "used = U*R", "R -= used", "{effect}*used*2"),
        (),
    ),
    "flagged": (
        ("c : 1 (constant)", "s : 1 (shared)", "n : integer (constant)", "sum_ = c + 0.5*s + n : 1"),
        {"c": "0.3 + 0.1*j", "s": "0.7", "n": "i + 2*j"},
        ("{effect}*sum_",),
        ("w += 0.01*c",),
    ),
    "gated": ((), {}, ("{effect}*int(tr_pre > 0.71)",), ()),
    "counted": ((), {"w": "3/N_incoming + 0.1*i/N_outgoing"}, ("{effect}",), ()),
}


def synapses(sketch: Sketch, name: str) -> None:
    """Draw a synapses object."""
    choose = sketch.choose
    source = choose.one([*sketch.sources, *sketch.neurons])
    target = choose.one(sketch.neurons)
    kind = choose.one(sorted(EQUATIONS))
    if (kind == "gated" and source in sketch.sources) or (kind == "gap" and source in sketch.sources):
        kind = "plain"
    if kind in ("summed", "gap") and not _make_room(sketch, target):
        kind = "plain"
    (pre_end, n), (post_end, m) = source.end(choose), target.end(choose)
    if kind in ("summed", "gap"):
        post_end, m = target.name, target.size
    drive = target.units["I"]
    lines, initial, pre, post = EQUATIONS[kind]
    small = SMALL[drive]
    words = {
        "unit": drive,
        "sum": f"w*x*{small}",
        "gap": "0.1*(v_pre - v_post)" if drive == "volt" else "1*nS*(v_pre - v_post)",
        "effect": _effect(choose, target),
    }
    made: dict[str, Any] = {
        "source": pre_end,
        "target": post_end,
        "equations": "\n".join(["w : 1", *(line.format(**words) for line in lines)]),
        "connect": _connect(choose, n, m),
        "initial": {"w": f"{choose.number(0.5, 6):g}*(1 + 0.1*i + 0.05*j)", **initial},
    }
    if any("clock-driven" in line for line in lines):
        made["method"] = choose.one(("exact", "euler", "exponential_euler", "rk2", "rk4"))
    if choose.chance(15):
        made["multisynaptic_index"] = "nth"
        made["initial"]["w"] += " + 0.2*nth"
    done = [statement.format(**words) for statement in pre]
    if kind in ("plain", "counted", "flagged") and choose.chance(50):
        _several(sketch, made, source, target, done)
    elif done:
        _single(sketch, made, source, done)
    if post:
        made["on_post"] = "\n".join(post)
        if target.events and choose.chance(30):
            made["on_post"] = {"do": made["on_post"], "event": choose.one(target.events)}
        if choose.chance(30):
            delay = sketch.time(target.steps * choose.whole(1, 20))
            made["on_post"] = {**_as_map(made["on_post"]), "delay": delay}
    sketch.add("synapses", name, made)
    sketch.synapses[name] = ["w"]


def _as_map(pathway: Any) -> dict[str, Any]:
    return pathway if isinstance(pathway, dict) else {"do": pathway}


def _effect(choose: Choices, target: Neurons) -> str:
    """A statement that adds to a variable of the target; factors may follow it."""
    options = ["v"] * 3 + ["tr", *(name for name in ("ge", "y", "u") if name in target.units)]
    name = choose.one(options)
    return f"{name}_post += w*{SMALL[target.units[name]]}"


def _make_room(sketch: Sketch, target: Neurons) -> bool:
    """Give the target a variable for sums, unless it has one."""
    made = sketch.file["groups"][target.name]
    if "total" in target.units or "I" not in made["equations"].split("\n")[0]:
        return False
    unit = target.units["I"]
    made["equations"] = made["equations"].replace(" + I", " + I + total", 1) + f"\ntotal : {unit}"
    target.units["total"] = unit
    return "+ total" in made["equations"]


def _connect(choose: Choices, n: int, m: int) -> Any:
    rule = choose.one(("all", "where", "pairs", "targets", "sources", "one_to_one", "list", "several"))
    match rule:
        case "where":
            return {"where": choose.one(WHERE)} | ({"n": 2} if choose.chance(15) else {})
        case "pairs":
            found = [[choose.whole(0, n - 1), choose.whole(0, m - 1)] for _ in range(choose.whole(1, 8))]
            return {"pairs": found}
        case "list":
            found = [(choose.whole(0, n - 1), choose.whole(0, m - 1)) for _ in range(choose.whole(1, 8))]
            return {"i": [i for i, _ in found], "j": [j for _, j in found]}
        case "targets":
            return {"j": choose.one(TARGETS), "skip_if_invalid": True}
        case "sources":
            return {"i": choose.one(SOURCES), "skip_if_invalid": True}
        case "one_to_one" if n == m:
            return "one_to_one"
        case "several":
            return [{"where": "i < j"}, {"i": choose.whole(0, n - 1), "j": choose.whole(0, m - 1)}]
    return "all"


def _delay(sketch: Sketch, source: Neurons) -> Any:
    """A delay of every form; between two steps it is never half a one."""
    steps = sketch.choose.whole(1, 40)
    assert known("Half a step")
    step, part = (f"{round(sketch.dt * source.steps * share, 9):g}*ms" for share in (1, 0.37))
    return sketch.choose.one(
        (
            None, sketch.time(steps * source.steps), f"5.1*{step}", f"4*{step} + 3*{step}*i", f"2*{step}*(j + 1)",
            "0 ms", f"{part}*(i + 2*j)", "200 ms", f"7*{step} + {part}*sin(i + 3*j)",
        )
    )  # fmt: skip


def _single(sketch: Sketch, made: dict[str, Any], source: Neurons, done: list[str]) -> None:
    """One pathway, whose delay stands at the top or in it."""
    choose = sketch.choose
    made["on_pre"] = "\n".join(done)
    if source.events and choose.chance(40):
        made["on_pre"] = {"do": made["on_pre"], "event": choose.one(source.events)}
    delay = _delay(sketch, source)
    if delay is not None:
        if choose.chance(30):
            made["on_pre"] = {**_as_map(made["on_pre"]), "delay": delay}
        else:
            made["delay"] = delay


def _several(sketch: Sketch, made: dict[str, Any], source: Neurons, target: Neurons, done: list[str]) -> None:
    """Several pathways with orders of their own."""
    choose = sketch.choose
    pathways: dict[str, Any] = {}
    orders = iter((-3, -2, 2) if choose.chance(50) else (3, -2, -5))
    for k in range(choose.whole(2, 3)):
        more = (f"I_post += 0.05*{SMALL[target.units['I']]}", "tr_post += 0.11", "k_post += 1", "w *= 1.02")
        pathway: dict[str, Any] = {"do": "\n".join(done) if k == 0 else choose.one(more)}
        delay = _delay(sketch, source)
        if delay is not None:
            pathway["delay"] = delay
        if choose.chance(80):
            pathway["order"] = next(orders)
        if source.events and choose.chance(40):
            pathway["event"] = choose.one([*source.events, "spike"])
        pathways[f"p{k}"] = pathway
    made["on_pre"] = pathways


def onto_synapses(sketch: Sketch, name: str) -> None:
    """Draw synapses whose target are synapses."""
    choose = sketch.choose
    source = choose.one([*sketch.sources, *sketch.neurons])
    end, _ = source.end(choose)
    target = choose.one(sorted(sketch.synapses))
    made: dict[str, Any] = {
        "source": end,
        "target": target,
        "equations": "h : 1",
        "connect": choose.one(("all", {"where": "(i + j) % 2 == 0"})),
        "initial": {"h": "0.01 + 0.003*i"},
        "on_pre": choose.one(("w_post += h", "w_post *= 1.01")),
    }
    delay = _delay(sketch, source)
    if delay is not None:
        made["delay"] = delay
    sketch.add("synapses", name, made)

"""The page about the language of expressions (Markdown), made from the tables that expressions are read with.

The values of examples are computed when the page is made. A test keeps `docs/language.md` as this makes it, and reads
every example as a file would.
"""

from __future__ import annotations

from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph
from snnrun.equations.draws import DISTRIBUTIONS
from snnrun.equations.functions import FUNCTIONS, REDUCTIONS, SPECIAL_FUNCTIONS
from snnrun.equations.model import FLAGS
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope
from snnrun.metrics.functions import FUNCTIONS as METRICS
from snnrun.metrics.functions import Input
from snnrun.model.evaluate import Environment, evaluate
from snnrun.source import Text
from snnrun.units.names import PREFIXES, base_units

OPERATORS = (
    ("a + b, a - b, -a", "sum and difference; of equal units", "3*mV - 1*mV"),
    ("a*b, a/b", "product and quotient; a quotient is never a whole number: `1/2` is 0.5", "7/2"),
    ("a//b, a % b", "floor of the quotient, and what is left, with the sign of b, as in Python", "-7 // 2 + (-7) % 3"),
    ("a**b", "power; of a quantity with a constant exponent", "2**10"),
    ("< <= > >= == !=", "comparisons of equal units; they give a condition", "int(3*mV > 2000*uV)"),
    ("and or not", "of conditions; `not` binds tighter than `and`, `and` tighter than `or`", "int(not 1 > 2 or 1 > 2)"),
)
"""Operators, from loose to tight in each line as Python has them: text, meaning, example."""

_EXAMPLES = {
    "sqrt": "sqrt(9*mV*mV)/mV",
    "abs": "abs(-3*mV)/mV",
    "sign": "sign(-3*mV)",
    "clip": "clip(7, 0, 5)",
    "min": "min(3*mV, 2*mV, 5*mV)/mV",
    "max": "max(3, 7/2)",
    "hypot": "hypot(3*um, 4*um)/um",
    "arctan2": "arctan2(1, -1)/pi",
    "floor": "floor(-2.5)",
    "ceil": "ceil(-2.5)",
    "round": "round(2.5)",
    "rint": "rint(3.5)",
    "int": "int(-2.7)",
}


def function_examples() -> dict[str, str]:
    """An example of each function of constants, by name."""
    return {name: _EXAMPLES.get(name, f"{name}(0.5)") for name in [*FUNCTIONS, "int"]}


REDUCED = {
    "sum": "v/sum(v)",
    "mean": "v - mean(v)",
    "min": "min(v, 0*mV) - min(v)",
    "max": "exp((v - max(v))/mV)",
    "argmin": "i - argmin(v)",
    "argmax": "int(i == argmax(v))",
    "sum_post": "w/sum_post(w)",
    "sum_pre": "w/sum_pre(w)",
}
"""An example of each reduction: of a group with `v : volt`, or of synapses with `w : 1`."""

NAMES = (
    ("t, dt", "everywhere", "the time at the start of the step, and the step"),
    ("t_in_timesteps", "everywhere", "the number of the step"),
    ("i, N", "groups", "the index of the neuron, and how many there are; in a subgroup those of the subgroup"),
    ("lastspike", "groups", "the time of the neuron's last spike; -10000 s before the first"),
    ("not_refractory", "groups", "whether the neuron may spike"),
    ("xi, xi_a", "equations", "white noise, one process for each name and neuron"),
    ("i, j", "synapses", "the indices of source and target"),
    ("N_pre, N_post", "synapses", "how many sources and targets there are"),
    ("N_incoming, N_outgoing", "synapses", "how many synapses the target has, and the source"),
    (
        "v_pre, v_post",
        "synapses",
        "a variable of the source or target; without ending: the synapse's, then the target's",
    ),
    ("pi, e, inf", "everywhere", "constants"),
    ("true, false", "everywhere", "truth values"),
)

FLAG_MEANINGS = {
    "unless refractory": "the variable keeps its value while its neuron is refractory",
    "shared": "one value for the whole object",
    "event-driven": "of synapses: computed when a spike arrives, in closed form",
    "clock-driven": "of synapses: computed in every step",
    "constant over dt": "computed at the start of the step and stored",
    "summed": "`x_post = ...`: the sum over the synapses of each target (`x_pre`: of each source) is the neuron's `x`",
    "constant": "nothing changes it during the run",
    "linked": "a variable of another group, see `linked`",
}


def shown(text: str) -> str:
    """The value of an expression of constants."""
    node = Checker(Graph(), Scope({})).check(parse_expression(Text.plain(text))).node
    return f"{float(evaluate(node, Environment())):.6g}"


def language_page() -> str:
    """The page."""
    sections = [
        _HEAD,
        _table("Operators", ("operator", "gives", "example"), [(f"`{o}`", m, _valued(x)) for o, m, x in OPERATORS]),
        _table("Functions", ("function", "gives", "dimensions", "example"), _functions()),
        _table("Random numbers", ("function", "gives", "dimension", "example"), _draws(), _OF_DRAWS),
        _table("All elements together", ("function", "gives", "example"), _reductions(), _OF_REDUCTIONS),
        _table("Names", ("name", "where", "means"), [(f"`{n}`", w, m) for n, w, m in NAMES]),
        _table("Flags of equations", ("flag", "of", "means"), _flags()),
        _table("Units", ("what", "names"), _units(), _OF_UNITS),
        _table("Metrics", ("function", "of"), _metrics(), _OF_METRICS),
    ]
    return "\n".join(sections)


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]], text: str = "") -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, tuple("---" for _ in head), *rows)]
    return "\n".join([f"## {title}", "", *([text, ""] if text else []), *lines, ""])


def _valued(text: str) -> str:
    return f"`{text}` is {shown(text)}"


def _functions() -> list[tuple[str, ...]]:
    examples = function_examples()
    rows = [(f"`{f.signature}`", f.meaning, f.rule.value, _valued(examples[f.name])) for f in FUNCTIONS.values()]
    integer, timestep = SPECIAL_FUNCTIONS["int"], SPECIAL_FUNCTIONS["timestep"]
    rows.append((f"`{integer[0]}`", integer[1], "dimensionless", _valued(examples["int"])))
    rows.append((f"`{timestep[0]}`", timestep[1], "times", "`timestep(t, dt)`"))
    return sorted(rows)


def _draws() -> list[tuple[str, ...]]:
    return [(f"`{d.signature}`", d.meaning, d.rule, f"`{d.example}`") for d in DISTRIBUTIONS.values()]


def _reductions() -> list[tuple[str, ...]]:
    return [(f"`{signature}`", meaning, f"`{REDUCED[name]}`") for name, (signature, meaning) in REDUCTIONS.items()]


def _flags() -> list[tuple[str, ...]]:
    return [
        (f"`({flag})`", ", ".join(role.value for role, flags in FLAGS.items() if flag in flags), meaning)
        for flag, meaning in FLAG_MEANINGS.items()
    ]


def _units() -> list[tuple[str, ...]]:
    prefixed, plain = base_units()
    names = {"with prefixes": prefixed, "without": plain, "prefixes": tuple(p for p in PREFIXES if p)}
    return [(what, ", ".join(f"`{name}`" for name in listed)) for what, listed in names.items()]


_INPUTS = {
    Input.SPIKES: ("out", "a monitor of spikes"),
    Input.STATE: ("vw.v", "a variable of a monitor of state"),
    Input.SYNAPSES: ("syn", "synapses"),
    Input.WEIGHTS: ("syn.w", "a variable of synapses, from some neurons (to some)"),
    Input.VALUES: ("cell.v", "one value an element, at the end"),
}


def _metrics() -> list[tuple[str, ...]]:
    rows = {}
    for forms in METRICS.values():
        for form in forms:
            call = form.example or f"{form.name}({', '.join(_INPUTS[i][0] for i in form.inputs)})"
            rows[f"`{call}`"] = " and ".join(dict.fromkeys(_INPUTS[i][1] for i in form.inputs))
    return sorted(rows.items())


_HEAD = """\
# The language of expressions

This page is made from the tables that expressions are read with (`snnrun schema --language`). Expressions stand in
equations, statements, thresholds, initial values, connections, metrics, and wherever a number may. Names of the file
shadow functions and units; right after a number a unit is a unit: `10 m`.
"""
_OF_DRAWS = """\
A number is a function of the seed, of the use, of the element and of the step: it depends neither on threads nor on
what else is drawn. Where arguments allow no number, such as a negative scale, it is NaN, which ends the run."""
_OF_REDUCTIONS = """\
In equations these take the values at the start of the step; in a threshold or an event's condition, those that it
tests; in a reset or an event's `do`, those before it; in an operation, those that the statements before have made. An
operation on a subgroup takes the subgroup, one on synapses all synapses, in the order of their creation."""
_OF_UNITS = (
    "Short units take prefixes (`mV`, `nS`, `um`, `Mohm`), long names too (`mvolt`); powers are written `um**2`."
)
_OF_METRICS = """\
Of the monitors `out` and `vw`, the synapses `syn` and the group `cell`. Expressions of metrics know the operators and
functions above too. [What each gives](sweeps.md)."""

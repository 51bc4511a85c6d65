"""How many synapses rules will make, before they make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from snnrun.equations.dag import Variable, is_fixed, walk
from snnrun.network.evaluate import Environment, evaluate
from snnrun.network.ir import All, Connect, FixedDegree, Generated, IntArray, OneToOne, Pairs, Seeds, Synapses
from snnrun.network.ranges import target_ranges

_SAMPLE = 1 << 16  # pairs on which a condition is tried
_GOLDEN = (5**0.5 - 1) / 2


def expected_synapses(rule: Connect) -> float | None:
    """Expected number of synapses of a rule; None where only running it tells (it depends on neurons' values)."""
    pairs = rule.source.size * rule.target.size
    match rule.rule:
        case All() as every:
            return _expected_of_pairs(rule, every)
        case OneToOne():
            return rule.source.size
        case Pairs(pre=pre, n=n):
            return len(pre) * n
        case FixedDegree(of=of, number=number):
            return number * {"in": rule.target.size, "out": rule.source.size, "total": 1}[of]
        case Generated(variable=None):
            return rule.source.size
        case Generated() as generated if generated.size is not None and is_fixed(generated.size):
            return rule.source.size * float(evaluate(generated.size, Environment()))
        case _:
            return None if pairs else 0


def exact_synapses(rule: Connect) -> int | None:
    """How many synapses a rule makes, where that does not depend on chance or on neurons' values."""
    match rule.rule:
        case All(where=None, p=None, n=None):
            return rule.source.size * rule.target.size
        case OneToOne() | Pairs() | FixedDegree():
            return int(expected_synapses(rule) or 0)
        case _:
            return None


def exact_total(synapses: Synapses) -> int | None:
    """How many synapses an object has, where that does not depend on chance or on neurons' values."""
    numbers = [number for rule in synapses.connect if (number := exact_synapses(rule)) is not None]
    return sum(numbers) if len(numbers) == len(synapses.connect) else None


def synapses_of(synapses: Synapses) -> float:
    """Expected synapses of an object; where only running its rules tells, as many as there could be."""
    expected = ((expected_synapses(r), r.source.size * r.target.size) for r in synapses.connect)
    return float(sum(most if known is None else known for known, most in expected))


def _expected_of_pairs(rule: Connect, every: All) -> float | None:
    """The number of pairs, times the mean of what a sample of them makes."""
    n, targets = rule.source.size, rule.target.size
    asked = [x for x in (every.where, every.p, every.n) if x is not None]
    if all(is_fixed(x) for x in asked):
        chance, number = (1.0 if x is None else float(evaluate(x, Environment())) for x in (every.p, every.n))
        holds = every.where is None or bool(evaluate(every.where, Environment()))
        return n * targets * chance * number * holds
    if any(isinstance(x.payload, Variable) and x.payload.name not in ("i", "j") for x in walk(*asked)):
        return None
    sources = np.arange(n, dtype=np.int64)
    if n > _SAMPLE:  # evenly spread ones stand for all
        sources = ((np.arange(_SAMPLE) + 0.5) * (n / _SAMPLE)).astype(np.int64)
    low, high = np.zeros(len(sources), np.int64), np.full(len(sources), targets, np.int64)
    if every.where is not None:
        env = _environment(sources, sources * 0)
        owner = next((x.payload.owner for x in walk(*asked) if isinstance(x.payload, Variable)), "")
        low, high = target_ranges(every.where, owner, lambda x: evaluate(x, env), len(sources), targets)
    ends = np.cumsum(high - low)
    total = int(ends[-1]) if n else 0
    if not total:
        return 0
    # multiples of the golden ratio spread evenly, and have no rhythm that rows could share
    spread = np.arange(_SAMPLE) * _GOLDEN % 1 * total
    place = spread.astype(np.int64) if total > _SAMPLE else np.arange(total)
    row = np.searchsorted(ends, place, side="right")
    i, j = sources[row], low[row] + place - (ends[row] - (high - low)[row])
    env = _environment(i, j)
    made = np.ones(len(i))
    for x in asked:
        made = made * evaluate(x, env)
    return total * (n / len(sources)) * float(made.mean())


def _environment(i: IntArray, j: IntArray) -> Environment:
    def read(variable: Variable) -> Any:
        return {"i": i, "j": j}[variable.name]

    return Environment(read=read, index={"pre": i, "post": j}, elements=j, step=i, seeds=Seeds(1, 1, 1, 1))

"""How many synapses rules will make, before they make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from snnrun.equations.dag import Node, Op, Variable, is_fixed, walk
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    All,
    Connect,
    FixedDegree,
    Generated,
    IntArray,
    OneToOne,
    Pairs,
    Seeds,
    Synapses,
    elements_at,
)
from snnrun.model.ranges import target_ranges

_SAMPLE = 1 << 16  # pairs on which a condition is tried
_GOLDEN = (5**0.5 - 1) / 2


def expected_synapses(rule: Connect) -> float | None:
    """Expected number of synapses of a rule; None where only running it tells (it depends on neurons' values).

    Raises:
        ExperimentError: NET182, a pair that was tried has a probability outside 0 to 1.
    """
    sources, targets = rule.source.size, rule.target.size
    pairs = _expected_pairs(rule, sources, targets)
    if pairs is None or rule.n is None or isinstance(rule.rule, All):
        return pairs
    return pairs * float(evaluate(rule.n, Environment())) if is_fixed(rule.n) else None


def _expected_pairs(rule: Connect, sources: int, targets: int) -> float | None:
    match rule.rule:
        case All() as every:
            return _expected_of_all(rule, every)
        case OneToOne():
            return sources
        case Pairs(pre=pre):
            return len(pre)
        case FixedDegree() as fixed:
            return _expected_degrees(rule, fixed)
        case Generated(variable=None, of=of):
            return sources if of == "out" else targets
        case Generated(size=size, of=of) if size is not None and is_fixed(size):
            return (sources if of == "out" else targets) * float(evaluate(size, Environment()))
        case _:
            return None if sources * targets else 0


def _expected_degrees(rule: Connect, fixed: FixedDegree) -> float | None:
    if is_fixed(fixed.number):
        size = {"in": rule.target.size, "out": rule.source.size, "total": 1}[fixed.of]
        return float(evaluate(fixed.number, Environment())) * size
    if _reads_neurons(fixed.number):
        return None
    size = rule.target.size if fixed.of == "in" else rule.source.size
    some = _spread(size)
    numbers = np.broadcast_to(evaluate(fixed.number, _environment(rule, some, some)), some.shape)
    return size * float(np.mean(numbers))


def exact_synapses(rule: Connect) -> int | None:
    """How many synapses a rule makes, where that does not depend on chance or on neurons' values."""
    if rule.n is not None and not is_fixed(rule.n):
        return None
    if not (rule.source.counted and rule.target.counted) and not isinstance(rule.rule, Pairs):
        return None
    match rule.rule:
        case All(where=None, p=None) | OneToOne() | Pairs():
            return int(expected_synapses(rule) or 0)
        case FixedDegree(number=number) if is_fixed(number):
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


def _expected_of_all(rule: Connect, every: All) -> float | None:
    """The number of pairs, times the mean of what a sample of them makes."""
    n, targets = rule.source.size, rule.target.size
    asked = [x for x in (every.where, every.p, rule.n) if x is not None]
    if all(is_fixed(x) for x in asked):
        chance, number = (1.0 if x is None else float(evaluate(x, Environment())) for x in (every.p, rule.n))
        holds = every.where is None or bool(evaluate(every.where, Environment()))
        return n * targets * chance * number * holds
    if any(_reads_neurons(x) for x in asked):
        return None
    sources = _spread(n)
    low, high = np.zeros(len(sources), np.int64), np.full(len(sources), targets, np.int64)
    if every.where is not None:
        env = _environment(rule, sources, sources * 0)
        owner = next((x.payload.owner for x in walk(*asked) if isinstance(x.payload, Variable)), "")
        low, high = target_ranges(every.where, owner, lambda x: evaluate(x, env), len(sources), targets)
    ends = np.cumsum(high - low)
    total = int(ends[-1]) if n else 0
    if not total:
        return 0
    place = _spread(total)
    row = np.searchsorted(ends, place, side="right")
    i, j = sources[row], low[row] + place - (ends[row] - (high - low)[row])
    env = _environment(rule, i, j)
    made = np.ones(len(i))
    if every.where is not None:
        made = made * evaluate(every.where, env)
    if every.p is not None:
        tried = made > 0
        i, j, made = i[tried], j[tried], made[tried]
        env = _environment(rule, i, j)
        from snnrun.model.rule_values import probabilities  # noqa: PLC0415 - few rules compute one for each pair

        made = made * probabilities(rule, every.p, i, j, env)
    if rule.n is not None:
        made = made * evaluate(rule.n, env)
    return total * (n / len(sources)) * float(made.sum()) / len(place)


def _reads_neurons(node: Node) -> bool:
    """Whether a value needs more than the indices of a pair: variables, or timed arrays."""
    return any(
        x.op is Op.TIMED or (isinstance(x.payload, Variable) and x.payload.name not in ("i", "j")) for x in walk(node)
    )


def _spread(size: int) -> IntArray:
    """Indices below a size: all, or as many as are tried, spread without a rhythm that rows could share."""
    if size <= _SAMPLE:
        return np.arange(size, dtype=np.int64)
    # multiples of the golden ratio spread evenly
    return (np.arange(_SAMPLE) * _GOLDEN % 1 * size).astype(np.int64)


def _environment(rule: Connect, i: IntArray, j: IntArray) -> Environment:
    def read(variable: Variable) -> Any:
        return {"i": i, "j": j}[variable.name]

    pre = elements_at(rule.source.members, np.minimum(i, rule.source.size - 1))
    post = elements_at(rule.target.members, np.minimum(j, rule.target.size - 1))
    return Environment(read=read, index={"pre": pre, "post": post}, elements=j, row=i, seeds=Seeds(1, 1, 1, 1))

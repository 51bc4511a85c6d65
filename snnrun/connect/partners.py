"""How each rule of `connect` finds partners: from the rule as the file has it to numbers of synapses and a sampling.

The draws are those of `kernels.connect`. Where conditions or numbers are graphs of the model, numpy evaluates them
(`pairs.py`), and the pairs that are left are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from snnrun.connect import pairs
from snnrun.connect.runs import (
    Partners,
    Sampling,
    TargetFinder,
    count_by_chance,
    given,
    listed,
    room_for_draws,
)
from snnrun.equations.dag import Node, Op, Variable, is_fixed
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.kernels import connect as kernels
from snnrun.kernels import functions
from snnrun.kernels.streams import signed, stream_key
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import All, Connect, FixedDegree, Generated, IntArray, OneToOne, Pairs
from snnrun.model.rule_values import Ground, degrees, own_partners

BLOCK = 1 << 16  # candidate pairs looked at together: what numpy makes of them stays in the cache


def plan(rules: Sequence[Connect], ground: Ground, threads: int) -> list[Partners]:
    """How each rule finds its targets, with the numbers of synapses of all sources.

    Raises:
        ExperimentError: NET182, NET183, NET186, NET190: a probability, number or index that is impossible.
    """
    if threads == 1 or len(rules) == 1:
        return [partners_of(rule, ground) for rule in rules]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda rule: partners_of(rule, ground), rules))


def is_listed(rule: Connect) -> bool:
    """Whether the pairs of a rule are held in memory while its object is made."""
    incoming = isinstance(rule.rule, FixedDegree) and rule.rule.of == "in"
    return incoming or sampling_of(rule) is Sampling.LISTED


def sampling_of(rule: Connect) -> Sampling:
    """How a rule finds partners."""
    match rule.rule:
        case _ if rule.n is not None:
            return Sampling.LISTED
        case FixedDegree(of="total", multapses=False):
            return Sampling.LISTED
        case FixedDegree(multapses=multapses):
            return Sampling.REPEATED if multapses else Sampling.DIFFERENT
        case OneToOne():
            return Sampling.EVERY
        case All(where=where, p=p) if (p is None or is_fixed(p)) and (where is None or _others(where)):
            return _of_chance(p)
        case _:
            return Sampling.LISTED


def _others(where: Node) -> bool:
    """Whether a condition is `i != j`."""
    names = [a.payload.name for a in where.args if isinstance(a.payload, Variable)]
    return where.op is Op.NE and sorted(names) == ["i", "j"]


def _of_chance(p: Node | None) -> Sampling:
    """How partners with one fixed probability are found."""
    return Sampling.CHANCE if p is not None and 0 < _chance(p) < 1 else Sampling.EVERY


def _chance(p: Node) -> float:
    return float(evaluate(p, Environment()))


def partners_of(rule: Connect, ground: Ground) -> Partners:
    """How one rule finds its targets; raises what `plan` raises."""
    if sampling_of(rule) is Sampling.LISTED:
        i, j = _listed_pairs(rule, ground)
        return listed(rule, i.astype(np.int32), rule.target.ids[j].astype(np.int32))
    match rule.rule:
        case FixedDegree() as fixed:
            return _of_degree(rule, fixed, ground)
        case All(where=where) as every:
            own = np.full(rule.source.size, -1, np.int64)
            if where is not None:
                own[: rule.target.size] = np.arange(rule.source.size)[: rule.target.size]
            return _of_all(rule, every, ground, own)
        case _:
            k = np.arange(rule.source.size, dtype=np.int64)
            return Partners(rule, Sampling.EVERY, k * 0 + 1, k * 0 - 1, low=k, high=k + 1)


def pairs_of(rule: Connect, ground: Ground) -> tuple[IntArray, IntArray]:
    """Source and target neurons of a rule's synapses as they are created, shape (synapses,) each."""
    i, j = _pairs(partners_of(rule, ground), ground)
    return rule.source.ids[i], rule.target.ids[j]


def _of_all(
    rule: Connect,
    every: All,
    ground: Ground,
    own: IntArray,
    candidates: tuple[IntArray, IntArray] | None = None,
) -> Partners:
    """All candidates, or each with a fixed probability."""
    low, high = (None, None) if candidates is None else candidates
    chance = None if every.p is None else _chance(every.p)
    if chance is not None and not 0 <= chance <= 1:
        message = f"a probability lies between 0 and 1, this is {chance:g}"
        raise ExperimentError(Diagnostic("NET182", message, rule.span))
    if _of_chance(every.p) is Sampling.EVERY:
        size = np.full(rule.source.size, rule.target.size) if low is None or high is None else high - low
        counts = size - (own >= 0) if chance != 0 else np.zeros_like(size)
        return Partners(rule, Sampling.EVERY, counts.astype(np.int64), own, low=low, high=high)
    assert chance is not None
    with np.errstate(all="ignore"):
        scale = 1.0 / float(functions.log1p(np.float64(-chance)))
    found = Partners(rule, Sampling.CHANCE, own * 0, own, stream_key(rule.stream), scale, low, high)
    return replace(found, counts=count_by_chance(rule, found, ground.seeds))


def _of_degree(rule: Connect, fixed: FixedDegree, ground: Ground) -> Partners:
    """A number of synapses for each neuron, or in all."""
    sampling, key = sampling_of(rule), stream_key(rule.stream)
    if fixed.of == "in":
        own = own_partners(rule.target, rule.source, allowed=fixed.autapses)
        turned = replace(rule, source=rule.target, target=rule.source)
        j, i = _pairs(Partners(turned, sampling, degrees(rule, fixed, ground), own, key), ground)
        return listed(rule, i.astype(np.int32), rule.target.ids[j].astype(np.int32))
    own = own_partners(rule.source, rule.target, allowed=fixed.autapses)
    if fixed.of == "out":
        return Partners(rule, sampling, degrees(rule, fixed, ground), own, key)
    counts = np.zeros(rule.source.size, np.int64)
    number = int(evaluate(fixed.number, Environment()))
    arrays = _of_total(rule, own, ground) | {"number": number, "counts": counts}
    given(kernels.share, arrays, free=0, work=number)()
    return Partners(rule, sampling, counts, own, stream_key(f"{rule.stream}.1"))


def _of_total(rule: Connect, own: IntArray, ground: Ground) -> dict[str, object]:
    """What kernels are told of a number of synapses in all."""
    return {
        "sources": rule.source.size,
        "targets": rule.target.size,
        "seed": signed(ground.seeds.connect),
        "stream": signed(stream_key(rule.stream)),
        "own": own,
        "draws": room_for_draws(0, 0)["draws"],
    }


def _pairs(partners: Partners, ground: Ground) -> tuple[IntArray, IntArray]:
    """Source and target index of all synapses, as created."""
    if partners.listed is not None:
        i = np.repeat(np.arange(len(partners.counts), dtype=np.int64), partners.counts)
        j = partners.rule.target.places(partners.listed)
        if partners.created is not None:
            back = np.argsort(partners.created)
            i, j = i[back], j[back]
        return i, j
    finder = TargetFinder([partners.numbered()], partners.rule.source.size, ground.seeds)
    found = list(finder.pairs(max(1, finder.size)))
    return found[0] if found else (np.zeros(0, np.int64), np.zeros(0, np.int64))


def _listed_pairs(rule: Connect, ground: Ground) -> tuple[IntArray, IntArray]:
    """Source and target index of the synapses of a rule that needs graphs, as created."""
    if not rule.source.size or not rule.target.size:  # an end is synapses of which there are none
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    match rule.rule:
        case Generated() as text:
            return pairs.generated(rule, text, ground)
        case Pairs(pre=i, post=j):
            return pairs.repeated(rule, ground, i, j, np.arange(len(i), dtype=np.int64), np.zeros_like(i))
        case All() as every:
            return pairs.repeated(rule, ground, *_pairs_where(rule, every, ground))
        case FixedDegree(of="total") as fixed:
            return _different_pairs(rule, fixed, ground)
        case _:
            i, j = _pairs(partners_of(replace(rule, n=None), ground), ground)
            return pairs.repeated(rule, ground, i, j)


def _pairs_where(rule: Connect, every: All, ground: Ground) -> tuple[IntArray, IntArray]:
    """The pairs for which a condition holds, each with a probability."""
    fixed = every.p is None or is_fixed(every.p)
    none = np.full(rule.source.size, -1, np.int64)
    candidates = All(p=every.p) if fixed else All()
    within = _of_all(rule, candidates, ground, none, pairs.ranges(rule, ground))
    parts = [(none[:0], none[:0])]
    for i, j in TargetFinder([within.numbered()], rule.source.size, ground.seeds).pairs(BLOCK):
        parts.append(pairs.kept(rule, ground, i, j, every.where, None if fixed else every.p))
    return np.concatenate([i for i, _ in parts]), np.concatenate([j for _, j in parts])


def _different_pairs(rule: Connect, fixed: FixedDegree, ground: Ground) -> tuple[IntArray, IntArray]:
    """The first different pairs drawn, or all but those where they are more than half."""
    number = int(evaluate(fixed.number, Environment()))
    sources, targets = rule.source.size, rule.target.size
    own = own_partners(rule.source, rule.target, allowed=fixed.autapses)
    few = min(number, sources * targets - int(np.count_nonzero(own >= 0)) - number)
    chosen = np.empty(few, np.int64)
    table = np.full(2 << few.bit_length(), -1, np.int64)
    arrays = _of_total(rule, own, ground) | {"few": few, "table": table, "mask": len(table) - 1, "chosen": chosen}
    given(kernels.different_pairs, arrays, free=0, work=few)()
    if few == number:
        flat = np.sort(chosen)
    else:
        left = np.ones(sources * targets, dtype=bool)
        left[chosen] = False
        left[np.flatnonzero(own >= 0) * targets + own[own >= 0]] = False
        flat = np.flatnonzero(left)
    return flat // targets, flat % targets

"""Pairs of rules whose conditions and numbers are graphs of the model: numpy evaluates them at candidates.

A draw that belongs to a pair is number k of a row, so a synapse does not depend on how the work is cut;
docs/decisions/0020 says what rows and k are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.equations.dag import Node
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.kernels import random
from snnrun.kernels.streams import stream_key
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import All, Connect, FloatArray, Generated, IntArray
from snnrun.model.ranges import target_ranges
from snnrun.model.rule_values import Ground, environment_of_pairs, probabilities, why_impossible

MOST_CANDIDATES = 2**31  # values of all loops of a generator text


def ranges(rule: Connect, ground: Ground) -> tuple[IntArray, IntArray] | None:
    """The first possible target of each source and the one after its last; None where all targets are possible."""
    assert isinstance(rule.rule, All)
    if rule.rule.where is None:
        return None
    i = np.arange(rule.source.size, dtype=np.int64)
    env = environment_of_pairs(rule, ground, i, i * 0)
    with np.errstate(all="ignore"):
        return target_ranges(
            rule.rule.where, ground.owner, lambda n: evaluate(n, env), rule.source.size, rule.target.size
        )


def kept(
    rule: Connect, ground: Ground, i: IntArray, j: IntArray, where: Node | None, p: Node | None
) -> tuple[IntArray, IntArray]:
    """The pairs for which a condition holds, each with a probability.

    Raises:
        ExperimentError: NET182, a probability is not between 0 and 1.
    """
    with np.errstate(all="ignore"):
        if where is not None:
            keep = np.broadcast_to(evaluate(where, environment_of_pairs(rule, ground, i, j)), i.shape)
            i, j = i[keep], j[keep]
        if p is not None:
            chance = probabilities(rule, p, i, j, environment_of_pairs(rule, ground, i, j))
            keep = _uniform(rule, ground, j, i) < chance
            i, j = i[keep], j[keep]
    return i, j


def repeated(
    rule: Connect, ground: Ground, i: IntArray, j: IntArray, k: IntArray | None = None, row: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """Each pair as often as the rule's `n` says.

    Raises:
        ExperimentError: NET183, a number is negative.
    """
    if rule.n is None:
        return i, j
    with np.errstate(all="ignore"):
        n = np.broadcast_to(evaluate(rule.n, environment_of_pairs(rule, ground, i, j, k, row)), i.shape)
    if np.any(n < 0):
        at = int(np.argmin(n))
        message = f"i = {i[at]}, j = {j[at]} shall have {n[at]} synapses: {why_impossible(n[at])}"
        raise ExperimentError(Diagnostic("NET183", message, rule.span))
    return np.repeat(i, n), np.repeat(j, n)


def generated(rule: Connect, text: Generated, ground: Ground) -> tuple[IntArray, IntArray]:
    """The partners of each neuron (a row), as a text generates them.

    Raises:
        ExperimentError: NET190 for an index that does not exist, or a loop that cannot be; NET182, NET183 as above.
    """
    with np.errstate(all="ignore"):
        return _Generator(rule, text, ground).pairs()


def _uniform(rule: Connect, ground: Ground, k: Any, row: Any, part: int = 0) -> FloatArray:
    """Uniform number k of a row; `part` separates uses within one rule."""
    stream = stream_key(rule.stream if part == 0 else f"{rule.stream}.{part}")
    drawn: FloatArray = random.uniform(k, row, ground.seeds.connect, stream)
    return drawn


class _Generator:
    """Carries out a generator text."""

    def __init__(self, rule: Connect, text: Generated, ground: Ground) -> None:
        self.rule = rule
        self.text = text
        self.ground = ground
        self.outgoing = text.of == "out"

    def pairs(self) -> tuple[IntArray, IntArray]:
        rule = self.text
        own = self.rule.source if self.outgoing else self.rule.target
        neurons = np.arange(own.size, dtype=np.int64)
        row, k, loop = neurons, neurons * 0, {}
        if rule.variable is not None:
            row, k, value = self.candidates(neurons)
            loop = {str(rule.variable.payload): value}
        env = environment_of_pairs(self.rule, self.ground, *self.ends(row, row * 0), k, row, loop)
        partner = np.array(np.broadcast_to(evaluate(rule.element, env), row.shape))
        found = _Found(row, partner, k, loop)
        if rule.condition is not None:
            found = found.where(np.broadcast_to(evaluate(rule.condition, self.seen_from(found)), row.shape))
        found = found.where(self.existing(found))
        i, j = self.ends(found.row, found.partner)
        if rule.p is not None:
            chance = probabilities(self.rule, rule.p, i, j, self.seen_from(found))
            keep = _uniform(self.rule, self.ground, found.k, found.row) < chance
            i, j, found = i[keep], j[keep], found.where(keep)
        return repeated(self.rule, self.ground, i, j, found.k, found.row)

    def ends(self, row: IntArray, partner: IntArray) -> tuple[IntArray, IntArray]:
        """Source and target."""
        return (row, partner) if self.outgoing else (partner, row)

    def seen_from(self, found: _Found) -> Environment:
        return environment_of_pairs(
            self.rule, self.ground, *self.ends(found.row, found.partner), found.k, found.row, found.loop
        )

    def candidates(self, neurons: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Rows, positions within them, and values of the loop variable; shape (candidates,) each."""
        rule = self.text
        assert rule.bounds is not None
        env = environment_of_pairs(self.rule, self.ground, *self.ends(neurons, neurons * 0), neurons * 0, neurons)
        start, stop, step = (np.broadcast_to(evaluate(b, env), neurons.shape) for b in rule.bounds)
        if np.any(step == 0):
            raise self.failed("the step of `range` is zero")
        counts = np.maximum(0, -((start - stop) // step))
        if counts.sum(dtype=np.float64) > MOST_CANDIDATES:
            raise self.failed(f"the loop goes through {counts.sum(dtype=np.float64):.3g} values: too many")
        row = np.repeat(neurons, counts)
        k = np.arange(len(row), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        value = start[row] + k * step[row]
        if rule.size is None:
            return row, k, value
        size = np.broadcast_to(evaluate(rule.size, env), neurons.shape)
        wrong = (size > counts) | (size < 0)
        if np.any(wrong):
            worst = int(np.argmax(wrong))
            name = "i" if self.outgoing else "j"
            raise self.failed(f"`sample` takes {size[worst]} of {counts[worst]} candidates for {name} = {worst}")
        order = np.lexsort((_uniform(self.rule, self.ground, k, row, part=1), row))
        rank = np.empty_like(order)
        rank[order] = k
        keep = rank < size[row]
        return row[keep], k[keep], value[keep]

    def existing(self, found: _Found) -> Any:
        """Which partners exist; others are refused unless they are to be left out."""
        most = (self.rule.target if self.outgoing else self.rule.source).size
        outside = (found.partner < 0) | (found.partner >= most)
        if np.any(outside) and not self.text.skip_if_invalid:
            at = int(np.argmax(outside))
            word, own = ("target", "i") if self.outgoing else ("source", "j")
            raise self.failed(
                f"{word} index {found.partner[at]} (of {own} = {found.row[at]}) is outside 0 to {most - 1}",
                f"add `skip_if_invalid: true` to leave such {word}s out",
            )
        return ~outside

    def failed(self, message: str, help: str | None = None) -> ExperimentError:
        return ExperimentError(Diagnostic("NET190", message, self.rule.span, help))


@dataclass(frozen=True, slots=True)
class _Found:
    """Partners of a generator text: the neuron, its partner, the position among its candidates, loop variables."""

    row: IntArray
    partner: IntArray
    k: IntArray
    loop: dict[str, IntArray]

    def where(self, keep: Any) -> _Found:
        loop = {name: values[keep] for name, values in self.loop.items()}
        return _Found(self.row[keep], self.partner[keep], self.k[keep], loop)

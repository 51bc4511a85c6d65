"""What connect rules compute before their pairs are known: probabilities, numbers of partners, who is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.equations.dag import Node, Variable
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import Connect, FixedDegree, FloatArray, IntArray, NeuronSubset, Seeds, TimedArray

Read = Callable[[Variable, IntArray, IntArray], Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What rules are evaluated on.

    Args:
        owner: Path of the synapses object.
        read: Value of a neuron's variable for (source ids, target ids) of pairs, both counted in whole groups.
    """

    owner: str
    read: Read
    seeds: Seeds
    dt: float
    arrays: dict[str, TimedArray]


def _neurons(subset: NeuronSubset, places: IntArray) -> IntArray:
    """The elements at places of a subset; those outside it become the first and the last, for what is checked later."""
    if not subset.size:  # it is synapses of which there are none
        return np.zeros_like(places)
    return subset.ids[np.clip(places, 0, subset.size - 1)]


def environment_of_pairs(
    rule: Connect,
    ground: Ground,
    i: IntArray,
    j: IntArray,
    k: IntArray | None = None,
    row: IntArray | None = None,
    loop: dict[str, Any] | None = None,
) -> Environment:
    """What the leaves of graphs stand for at pairs of a rule.

    Args:
        rule: The rule.
        ground: What it is evaluated on.
        i: Source index of each pair within the rule's source, shape (pairs,).
        j: Target index within its target, shape (pairs,).
        k: Number of each pair's random draw within its row, shape (pairs,); None for `j`.
        row: The row that numbers are drawn for, shape (pairs,); None for `i`.
        loop: Values of loop variables by name, shape (pairs,) each.
    """
    pre, post = _neurons(rule.source, i), _neurons(rule.target, j)

    def read(variable: Variable) -> Any:
        if variable.owner == ground.owner:
            hidden = {"i": i, "j": j}
            if variable.name not in hidden:
                message = f"`{variable.name}` is not known before the synapses exist"
                raise ExperimentError(Diagnostic("NET190", message, rule.span))
            return hidden[variable.name]
        return ground.read(variable, pre, post)

    return Environment(
        read=read,
        index={"pre": pre, "post": post, **(loop or {})},
        elements=j if k is None else k,
        row=i if row is None else row,
        dt=ground.dt,
        seeds=ground.seeds,
        arrays=ground.arrays,
    )


def probabilities(rule: Connect, p: Node, i: IntArray, j: IntArray, env: Environment) -> FloatArray:
    """The probability of each pair, shape (pairs,).

    Raises:
        ExperimentError: NET182, one is not between 0 and 1; it names the pair.
    """
    chance: FloatArray = np.broadcast_to(evaluate(p, env), i.shape)
    wrong = ~((chance >= 0) & (chance <= 1))
    if np.any(wrong):
        at = int(np.argmax(wrong))
        message = f"a probability lies between 0 and 1, for i = {i[at]}, j = {j[at]} it is {chance[at]:g}"
        raise ExperimentError(Diagnostic("NET182", message, rule.span, "limit it with `clip`"))
    return chance


def degrees(rule: Connect, fixed: FixedDegree, ground: Ground) -> IntArray:
    """Synapses of each target (`fixed_indegree`) or source (`fixed_outdegree`), shape (neurons,).

    Raises:
        ExperimentError: NET186, a number is negative, or larger than there are partners; it names the neuron.
    """
    incoming = fixed.of == "in"
    own, partners = (rule.target, rule.source) if incoming else (rule.source, rule.target)
    neurons = np.arange(own.size, dtype=np.int64)
    ends = (neurons * 0, neurons) if incoming else (neurons, neurons * 0)
    env = environment_of_pairs(rule, ground, *ends, neurons, neurons * 0)
    numbers = np.array(np.broadcast_to(evaluate(fixed.number, env), neurons.shape), dtype=np.int64)
    most = partners.size - (own_partners(own, partners, allowed=fixed.autapses) >= 0)
    wrong = (numbers < 0) | ((numbers > most) & ((most == 0) | (not fixed.multapses)))
    if np.any(wrong):
        k = int(np.argmax(wrong))
        name, word = ("j", "sources") if incoming else ("i", "targets")
        many = numbers[k] > 0
        why = f"only {most[k]} different {word} exist" if many else why_impossible(numbers[k])
        help = "allow several synapses a pair with `multapses: true`" if many and most[k] else None
        message = f"neuron {name} = {k} shall have {numbers[k]} synapses: {why}"
        raise ExperimentError(Diagnostic("NET186", message, rule.span, help))
    return numbers


def why_impossible(number: np.int64) -> str:
    """Why there cannot be a number of synapses that is below 0; the lowest is made of NaN."""
    if number == np.iinfo(np.int64).min:
        return "it is NaN, or an argument of a random number is impossible"
    return "it is negative"


def own_partners(own: NeuronSubset, partners: NeuronSubset, *, allowed: bool) -> IntArray:
    """The index of each neuron of a view within another, where it is there and may not be its own partner; else -1.

    Args:
        own: The neurons.
        partners: Whom they could meet.
        allowed: Whether a neuron may meet itself.
    """
    if allowed or own.group != partners.group:
        return np.full(own.size, -1, dtype=np.int64)
    return partners.places(own.ids)

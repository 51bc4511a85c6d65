"""Checked experiments that many points of a sweep share.

Most sweeps change values of constants, and at most of these values the equations, dimensions and kernels are the same.
So the file is checked once with such constants open: they are `dag.Parameter`s, and a check that needs the value of one
raises an error, after which points are checked one by one. Each point then puts its values into the checked network.
Conditions on values alone are checked for all values at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.dag import CHANGING, Kind, Node, Op, Parameter, ValueNeededError
from snnrun.equations.scope import Typed
from snnrun.metrics.check import check_metrics
from snnrun.model.digest import whole_network
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import Seeds
from snnrun.resolve.context import Limit
from snnrun.running import pipeline
from snnrun.running.stages import Checked
from snnrun.spec.document import Document


@dataclass(slots=True)
class Template:
    """A checked experiment whose open constants get the values of one point after the other.

    Args:
        checked: The experiment; its network is that of the point it was last given.
        limits: Conditions on values, as nodes with a function that tells which values are wrong.
        computed: Graphs of constants that depend on an open one: at values that are not finite the file is checked.
    """

    checked: Checked
    limits: list[Limit]
    computed: list[Node]

    @classmethod
    def of(cls, document: Document, names: frozenset[str]) -> Template:
        """The template of a file.

        Raises:
            ValueNeededError: The value of a constant decides what the experiment is.
            ExperimentError: The file is wrong.
        """
        checked = pipeline.check(document, names)
        if checked.search is not None or checked.resolved.network.phases or checked.resolved.network.hooks:
            raise ValueNeededError  # phases have networks of their own; Python functions may read any value
        context = checked.resolved.context
        return cls(checked, context.limits, list(_computed(context.graph.nodes())))

    def put(self, values: Mapping[str, Any]) -> None:
        """Give open constants values: numbers, or for `wrong` arrays of them, shape (n,)."""
        constants = self.checked.resolved.context.constants
        for name, value in values.items():
            node = constants[name].node
            assert isinstance(node.payload, Parameter)
            node.payload.value = value
            if isinstance(value, int | float):
                constants[name] = Typed(node, constants[name].dimension, float(value))

    def at(self, values: Mapping[str, float], seed: int | None) -> Checked:
        """The experiment at a point, valid until the next call.

        Raises:
            ExperimentError: A metric is wrong there.
        """
        self.put(values)
        resolved = self.checked.resolved
        if seed is not None:
            resolved = replace(resolved, network=replace(resolved.network, seeds=Seeds(seed, seed, seed, seed)))
        return replace(self.checked, resolved=resolved, metrics=check_metrics(resolved.context, resolved.network))

    def fits(self, checked: Checked, values: Mapping[str, float], seed: int | None) -> bool:
        """Whether it gives the network that checking the file of a point gave."""
        ours = self.at(values, seed).resolved.network
        return whole_network(ours) == whole_network(checked.resolved.network)

    def doubtful(self, values: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.bool_]:
        """At which of n values the file may be wrong, shape (n,)."""
        self.put(values)
        env = Environment(dt=self.checked.resolved.context.dt)
        found = np.zeros(n, np.bool_)
        with np.errstate(all="ignore"):
            for node, wrong in self.limits:
                found |= wrong(evaluate(node, env))
            for node in self.computed:
                found |= ~np.isfinite(evaluate(node, env))
                if node.op in (Op.FLOORDIV, Op.MOD):
                    found |= np.equal(evaluate(node.args[1], env), 0)
        return found


def _computed(nodes: Iterator[Node]) -> Iterator[Node]:
    """The nodes whose values follow from constants, an open one among them."""
    follows: dict[int, bool] = {}  # whether an open constant is below; none for what is not constant
    for node in nodes:
        if (
            node.op in CHANGING
            or node.op in (Op.EXPONENTIAL, Op.PROPAGATOR)
            or any(id(a) not in follows for a in node.args)
        ):
            continue
        follows[id(node)] = isinstance(node.payload, Parameter) or any(follows[id(a)] for a in node.args)
        if follows[id(node)] and node.kind is not Kind.BOOL:
            yield node

"""What every integration method works on and gives back.

A method turns a `System` (right-hand sides as graphs) into the new value of each state variable as a graph of the
values at the start of the step. It reads no values, so one text serves every parameter set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from snnrun.equations.dag import Graph, Kind, Node, Op, Variable, variables_of, walk
from snnrun.equations.derive import NotLinear, split_noise


class MethodError(Exception):
    """The method does not fit the equations.

    Args:
        variable: The state variable whose equation does not fit.
        reason: Why, as the end of the sentence "`method` does not fit: ...".
    """

    def __init__(self, variable: str, reason: str) -> None:
        self.variable = variable
        self.reason = reason
        super().__init__(f"{variable}: {reason}")


@dataclass(frozen=True, slots=True)
class System:
    """The differential equations of one object, integrated together.

    Args:
        graph: The graph that the nodes belong to.
        rhs: Right-hand side of each state variable, subexpressions already put in. [unit of the variable / s]
        frozen: State variables that keep their values while `active` is false (`unless refractory`).
        active: Truth value per element, or None when nothing is ever frozen.
        fixed: Variables that no statement changes during a run (parameters).
        dt: The step. [s]
        stop: What ends the step of an element early, for methods that divide it: its threshold. None for nothing.
        tolerance: Relative error of a part that such methods allow; None for their own.
    """

    graph: Graph
    rhs: Mapping[Variable, Node]
    frozen: frozenset[Variable]
    active: Node | None
    fixed: frozenset[Variable]
    dt: Node
    stop: Node | None = None
    tolerance: Node | None = None

    def state(self, variable: Variable) -> Node:
        """The value of a state variable at the start of the step."""
        return self.graph.variable(variable)

    @property
    def has_noise(self) -> bool:
        """Whether any right-hand side holds `xi`."""
        return any(n.op is Op.NOISE for n in walk(*self.rhs.values()))

    def hold(self, updates: Mapping[Variable, Node]) -> dict[Variable, Node]:
        """Keep the values of frozen variables; valid for methods that read start-of-step values only."""
        if self.active is None:
            return dict(updates)
        return {
            v: self.graph.select(self.active, new, self.state(v)) if v in self.frozen else new
            for v, new in updates.items()
        }

    def with_frozen_rhs(self) -> dict[Variable, Node]:
        """Right-hand sides that are zero where frozen, for methods with several stages."""
        if self.active is None:
            return dict(self.rhs)
        zero = self.graph.literal(0.0)
        return {
            v: self.graph.select(self.active, self.graph.as_float(f), zero) if v in self.frozen else f
            for v, f in self.rhs.items()
        }

    def at_stage(self, node: Node, values: Mapping[Variable, Node], offset: Node | None = None) -> Node:
        """A right-hand side with state variables replaced, and time moved by `offset` seconds."""
        g = self.graph

        def replace(n: Node) -> Node | None:
            if n.op is Op.VARIABLE:
                return values.get(n.payload)  # type: ignore[call-overload, no-any-return]
            if n.op is Op.TIME and offset is not None:
                return g.add(n, offset)
            return None

        return g.substitute(node, replace)

    def drift_and_noise(self) -> tuple[dict[Variable, Node], dict[Variable, dict[Node, Node]]]:
        """Drift f and noise coefficients g of every variable.

        Raises:
            MethodError: When noise enters other than as a factor.
        """
        drift: dict[Variable, Node] = {}
        noise: dict[Variable, dict[Node, Node]] = {}
        for variable, rhs in self.with_frozen_rhs().items():
            try:
                drift[variable], noise[variable] = split_noise(self.graph, rhs)
            except NotLinear:
                raise MethodError(variable.name, "`xi` must stand as a factor of a sum's term") from None
        return drift, noise

    def is_multiplicative(self) -> bool:
        """Whether a noise coefficient depends on a state variable. One that depends on time alone is additive."""
        _, noise = self.drift_and_noise()
        for coefficients in noise.values():
            for g in coefficients.values():
                inner = _without_gate(g, self.active)
                if variables_of(inner) & set(self.rhs):
                    return True
        return False

    def increment(self, leaf: Node) -> Node:
        """The Wiener increment dW = sqrt(dt) * N(0, 1) of a noise leaf."""
        return self.graph.mul(self.graph.function("sqrt", (self.dt,)), leaf)


def _without_gate(node: Node, active: Node | None) -> Node:
    return node.args[1] if node.op is Op.SELECT and node.args[0] is active else node


@dataclass(frozen=True, slots=True)
class Update:
    """New values of the state variables, and why they are computed so.

    Args:
        values: The value at the end of the step of each state variable.
        note: One line for `snnrun show`.
    """

    values: Mapping[Variable, Node]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """One integration method.

    Args:
        name: As the file says it.
        advance: Makes the update, or raises MethodError.
        summary: One line: order, what it is for.
    """

    name: str
    advance: Callable[[System], Update]
    summary: str


def refuse_noise(system: System) -> None:
    """Refuse equations with noise, for methods that do not integrate it.

    Raises:
        MethodError: Some right-hand side holds `xi`.
    """
    if system.has_noise:
        raise MethodError(next(iter(system.rhs)).name, "it does not integrate noise (`xi`)")


def float_update(system: System, values: Mapping[Variable, Node]) -> dict[Variable, Node]:
    """Every new value as FLOAT."""
    return {v: system.graph.as_float(n) for v, n in values.items() if n.kind in {Kind.FLOAT, Kind.INT}}

"""The `stop_when` of phases: conditions over monitors and variables, looked at while a run goes on.

They have accumulators of their own, and are looked at every so many steps of simulated time, so when a phase ends
depends neither on how the run is cut into calls nor on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.equations.ast import COMPARISONS, LOGIC, Binary, Boolean, Call, Expr, Name, Unary
from snnrun.equations.dag import Kind
from snnrun.equations.parse import parse_expression
from snnrun.metrics.measure import Measures, common_dimension, part_of
from snnrun.model.network import Network
from snnrun.resolve.context import Context, Path, at
from snnrun.units.dimensions import Dimension

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_REDUCE: dict[str, Callable[[Any], Any]] = {"any": np.any, "all": np.all}
# What needs the length of the recording, which is not known yet, or bins that are not full yet.
_LATER = frozenset({"rates", "mean_rate", "fano", "synchrony", "correlation"})


@dataclass(frozen=True, slots=True)
class _Truth:
    """A checked condition: how to find out, and whether it is one answer a neuron."""

    holds: Callable[[], Any]
    many: bool = False


def check_stops(context: Context, network: Network, measures: Measures) -> None:
    """Check the `stop_when` of all phases, and set up what tells that they hold.

    Raises:
        ExperimentError: Every condition that is wrong.
    """
    for k, phase in enumerate(network.phases):
        if phase.stop_when is None:
            continue
        path: Path = ("run", "phases", k, "stop_when")
        with context.collecting():
            expr = parse_expression(context.text(path))
            truth = _Condition(context, network, measures, phase.stop_when.constants).truth(expr)
            if truth.many:
                raise at(
                    expr.span,
                    "MET405",
                    "this has one answer for each neuron",
                    "say when the phase ends: `any(...)` or `all(...)`",
                )
            measures.stops[k] = _told(truth, measures, path)
    context.report.stop_if_errors()


def _told(truth: _Truth, measures: Measures, path: Path) -> Callable[[], bool]:
    def holds() -> bool:
        with measures.computing(path):
            return bool(truth.holds())

    return holds


class _Condition:
    def __init__(
        self,
        context: Context,
        network: Network,
        measures: Measures,
        constants: Mapping[str, tuple[float, Dimension]],
    ) -> None:
        self.context = context
        self.network = network
        self.measures = measures
        self.constants = constants

    def truth(self, expr: Expr) -> _Truth:
        """A condition."""
        match expr:
            case Boolean():
                return _Truth(lambda: expr.value)
            case Unary(op="not"):
                inner = self.truth(expr.operand)
                return _Truth(lambda: np.logical_not(inner.holds()), inner.many)
            case Binary() if expr.op in LOGIC:
                a, b = self.truth(expr.left), self.truth(expr.right)
                both = np.logical_and if expr.op == "and" else np.logical_or
                return _Truth(lambda: both(a.holds(), b.holds()), a.many or b.many)
            case Binary() if expr.op in COMPARISONS:
                return self.comparison(expr)
            case Call(function="any" | "all"):
                if len(expr.args) != 1:
                    raise at(expr.span, "EQ206", f"`{expr.function}` takes 1 argument, here it has {len(expr.args)}")
                inner, reduce = self.truth(expr.args[0]), _REDUCE[expr.function]
                return _Truth(lambda: reduce(inner.holds()))
            case Name() if self.is_flag(expr.id):
                part = part_of(self.context, self.network, self.measures, expr, self.constants)
                return _Truth(lambda: np.not_equal(part.compute(), 0), part.is_many)
            case _:
                raise at(expr.span, "MET405", "this is a number, not a condition", "compare it: `count(out) > 100`")

    def comparison(self, expr: Binary) -> _Truth:
        for call in (*_calls(expr.left), *_calls(expr.right)):
            if call.function in _LATER:
                raise at(
                    call.name_span,
                    "MET405",
                    f"`{call.function}` is known at the end of the run only",
                    "use `count`, `counts`, `first_spike`, `cv_isi`, or `mean`, `std`, `min`, `max`, `last` of a state",
                )
        a, b = (
            part_of(self.context, self.network, self.measures, side, self.constants) for side in (expr.left, expr.right)
        )
        if common_dimension(expr, a, b) is None:
            raise at(expr.span, "EQ203", f"cannot compare {a.dimension.describe()} and {b.dimension.describe()}")
        compare = _COMPARE[expr.op]
        return _Truth(lambda: compare(a.compute(), b.compute()), a.is_many or b.is_many)

    def is_flag(self, name: str) -> bool:
        """Whether a name is a boolean variable of a group."""
        group, _, variable = name.partition(".")
        population = self.context.populations.get(group)
        member = population.members.get(variable) if population is not None else None
        return member is not None and member.stored is not None and member.stored.kind is Kind.BOOL


def _calls(expr: Expr) -> list[Call]:
    """All calls in an expression."""
    match expr:
        case Call():
            return [expr, *(c for a in expr.args for c in _calls(a))]
        case Binary():
            return _calls(expr.left) + _calls(expr.right)
        case Unary():
            return _calls(expr.operand)
        case _:
            return []

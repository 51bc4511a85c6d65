"""Conditions and formulas over metrics of results, such as `rate > 10 Hz and cv < 0.5`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from snnrun.compare.folders import Entry, Measured
from snnrun.equations.ast import Call, Expr, Name, walk
from snnrun.equations.calls import must_count
from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph
from snnrun.equations.functions import FUNCTIONS
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope
from snnrun.errors import ExperimentError, at, did_you_mean
from snnrun.metrics.expressions import ExpressionChecker
from snnrun.metrics.terms import Term
from snnrun.source import Text
from snnrun.units.dimensions import Dimension

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Results for which a formula has no meaning.

    Args:
        path: Their folder.
        why: The reason.
    """

    path: Path
    why: str

    def as_json(self) -> dict[str, str]:
        """A plain dictionary for `--json`."""
        return {"folder": str(self.path), "why": self.why}


class Unknown(Exception):
    """A name that some results do not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """The value of a formula: numbers with a dimension, or truth values (dimension None), any shape."""

    values: NDArray[Any]
    dimension: Dimension | None


class Formula:
    """A parsed text over metrics, parameters and constants of results.

    Args:
        text: As the user wrote it.
        option: Where it was given, for messages: `--where`.
    """

    def __init__(self, text: str, option: str) -> None:
        self.text = text
        self.expr = parse_expression(Text.plain(text, option))

    def numbers(self, entry: Entry) -> Evaluated | None:
        """Its values for some results, None when they lack a name that it uses.

        Raises:
            ExperimentError: It is a condition, or its dimensions do not fit.
        """
        return self._of(entry, ExpressionChecker.number)

    def holds(self, entry: Entry) -> NDArray[np.bool_] | None:
        """Where it is true, shape () or that of the grid; None when the results lack a name that it uses.

        Raises:
            ExperimentError: It is a number, or its dimensions do not fit.
        """
        found = self._of(entry, ExpressionChecker.condition)
        return None if found is None else np.asarray(found.values, dtype=np.bool_)

    def _of(self, entry: Entry, check: Callable[[ExpressionChecker, Expr], Term]) -> Evaluated | None:
        try:
            term = check(_EntryChecker(entry), self.expr)
        except Unknown:
            return None
        with np.errstate(all="ignore"):
            return Evaluated(np.asarray(term.compute(None)), term.dimension)

    def over(
        self, entries: Sequence[Entry], evaluate: Callable[[Entry], T | None]
    ) -> tuple[dict[Path, T], list[LeftOut]]:
        """What the formula gives for each of some results, and those for which it has no meaning.

        Args:
            entries: The results.
            evaluate: `numbers` or `holds` of this formula.

        Raises:
            ExperimentError: It has no meaning for any of them.
        """
        values: dict[Path, T] = {}
        left_out: list[LeftOut] = []
        first: ExperimentError | None = None
        for entry in entries:
            try:
                found = evaluate(entry)
            except ExperimentError as error:
                first = first or error
                left_out.append(LeftOut(entry.path, error.diagnostics[0].message))
                continue
            if found is None:
                missing = next(name.id for name in _names(self.expr) if not _has(entry, name.id))
                left_out.append(LeftOut(entry.path, f"it has no `{missing}`"))
            else:
                values[entry.path] = found
        if entries and not values:
            raise first or self.unknown(list(entries))
        return values, left_out

    def unknown(self, entries: list[Entry]) -> ExperimentError:
        """The error of a formula with a name that no results have."""
        name = next((n for n in _names(self.expr) if not any(_has(entry, n.id) for entry in entries)), None)
        if name is None:
            return at(self.expr.span, "CMP201", "no results have all of these at once")
        known = list(dict.fromkeys(n for entry in entries for n in (*entry.metrics, *entry.parameters)))
        advice = did_you_mean(name.id, known) or (f"there are {', '.join(f'`{n}`' for n in known)}" if known else None)
        return at(name.span, "CMP201", f"no results here have a metric `{name.id}`", advice)

    def mixed(self, dimensions: list[Dimension]) -> ExperimentError:
        """The error of a formula whose dimension differs between results."""
        kinds = " and ".join(dimension.describe() for dimension in dimensions[:2])
        return at(self.expr.span, "EQ203", f"this is {kinds} in different results, which have no order")


def _has(entry: Entry, name: str) -> bool:
    try:
        _EntryChecker(entry).name(Name(name, Text.plain(name, "name").span()))
    except Unknown:
        return False
    return True


def _names(expr: Expr) -> list[Name]:
    return [part for part in walk(expr) if isinstance(part, Name)]


class _EntryChecker(ExpressionChecker):
    """Formulas over one folder of results."""

    number_wanted = condition_wanted = "CMP202"
    comparison = "rate > 10 Hz"

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def name(self, expr: Name) -> Term:
        """A metric, then a swept parameter, a constant of the experiment, a unit."""
        entry = self.entry
        for known in (entry.metrics, entry.parameters):
            if expr.id in known:
                return self.single(known[expr.id], expr)
        constant = entry.constant(expr.id)
        if constant is not None:
            return self.single(constant, expr)
        try:
            typed = Checker(Graph(), Scope({})).check(expr)
        except ExperimentError:
            raise Unknown(expr.id) from None
        return Term(typed.dimension, lambda _: typed.value)

    def single(self, measured: Measured, expr: Name) -> Term:
        """A quantity with one value a run."""
        if measured.values.shape not in ((), self.entry.shape):
            message = f"`{expr.id}` has many values a run; one is wanted here"
            raise at(expr.span, "CMP203", message, "define a metric that makes one of them, such as `mean_rate(out)`")
        return Term(measured.dimension, lambda _: measured.values)

    def function(self, expr: Call) -> Term:
        """There are functions of numbers only."""
        if expr.function in FUNCTIONS:
            must_count(expr, 2)  # of what a run measured there is one value
        advice = ", ".join(FUNCTIONS)
        raise at(expr.name_span, "EQ202", f"there is no function `{expr.function}` here", advice)

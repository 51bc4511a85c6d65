"""What checking the expressions over monitors gives: values that may be used by any number of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snnrun.model.network import Network, SpikeMonitor, StateMonitor, SynapseEventMonitor
from snnrun.resolve.context import Path
from snnrun.source import Span
from snnrun.units.dimensions import Dimension

if TYPE_CHECKING:
    from snnrun.metrics.functions import Accumulator
    from snnrun.metrics.parts import RunPart
    from snnrun.metrics.running import RunMetrics

Size = int | str
"""A number of elements; where only building the network tells it, a text that is the same for the same elements."""


@dataclass(frozen=True, slots=True)
class Term:
    """A checked expression.

    Args:
        dimension: Its dimension; None for a condition.
        compute: Its value in SI units, or whether it holds; what it is given is what the names are read from.
        size: How many values it has, one an element; None for a single one that belongs to no element.
        at_end: Whether it is known at the end of a run only.
    """

    dimension: Dimension | None
    compute: Callable[[Any], Any]
    size: Size | None = None
    at_end: bool = False

    @property
    def is_many(self) -> bool:
        """Whether it may be more than one value."""
        return self.size not in (None, 1)

    @property
    def unit(self) -> Dimension:
        """The dimension of a number."""
        assert self.dimension is not None
        return self.dimension


@dataclass(frozen=True, slots=True)
class Need:
    """An accumulator that a run has to make.

    Args:
        make: Makes it for a network and the steps from a first one to the one after the last.
        inputs: What it is fed with: monitors, and of a state monitor which variable.
        part: The part of the run that it is of; None for the whole run.
    """

    make: Callable[[Network, int, int], Accumulator]
    inputs: tuple[tuple[SpikeMonitor | SynapseEventMonitor | StateMonitor, str], ...]
    part: RunPart | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition of a phase, or what its end computes.

    Args:
        path: Where it stands in the file.
        term: What it computes.
        span: The same, for messages.
    """

    path: Path
    term: Term
    span: Span


@dataclass(frozen=True, slots=True)
class Metrics:
    """The checked metrics of a file.

    Args:
        terms: By name, in the order of the file.
        stops: The conditions of phases that may end early, by number.
        ends: What the ends of phases compute, by number of the phase and name of the constant.
        untils: The condition of each loop of the network.
        search: The condition of the search.
        needs: The accumulators that a run has to make.
    """

    terms: Mapping[str, Term] = field(default_factory=dict)
    stops: Mapping[int, Condition] = field(default_factory=dict)
    ends: Mapping[int, Mapping[str, Condition]] = field(default_factory=dict)
    untils: tuple[Condition, ...] = ()
    search: Condition | None = None
    needs: tuple[Need, ...] = ()

    def start(self, network: Network) -> RunMetrics:
        """The metrics of a run that begins, with accumulators of its own."""
        from snnrun.metrics.running import RunMetrics  # noqa: PLC0415 - only to run

        return RunMetrics(self, network)

    def kinds(self) -> dict[str, tuple[Dimension, bool]]:
        """The dimension of each metric, and whether it is one number."""
        return {name: (term.unit, term.size is None) for name, term in self.terms.items()}

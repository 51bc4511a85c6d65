"""Warnings at the end of a run: recorded values and metrics that are not finite.

A variable that stops being finite ends a run (`engine.watch`). Subexpressions and metrics do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from snnrun.equations.dag import Op
from snnrun.errors import RunWarning
from snnrun.model.network import FloatArray, IntArray, Network, SpikeMonitor, StateMonitor, SynapseEventMonitor
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

_WITH_COLUMNS = SpikeMonitor | StateMonitor | SynapseEventMonitor


@dataclass(slots=True)
class Count:
    """How many values of a recorded variable are not finite.

    Args:
        values: How many values were recorded.
        wrong: How many of them are not finite.
        first: The first of these: step or number of the sample, place among the elements, value.
    """

    values: int = 0
    wrong: int = 0
    first: tuple[int, int, float] | None = None

    @property
    def share(self) -> str:
        """How many are not finite, for messages."""
        return f"{self.wrong:,} of {self.values:,} values"


@dataclass(slots=True)
class NonfiniteCounter:
    """Counts recorded values that are not finite.

    Args:
        stored: Monitors and their variables that are no subexpressions: they are infinite only where the file says so,
            which needs no warning.
        counts: By monitor and variable.
    """

    stored: frozenset[tuple[str, str]] = frozenset()
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network) -> Self:
        """The counter of the recordings of a network."""
        monitors = [m for m in network.monitors if isinstance(m, _WITH_COLUMNS)]
        return cls(frozenset((m.name, c.name) for m in monitors for c in m.columns if c.node.op is Op.VARIABLE))

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Count in variables recorded with spikes, shape (n,) each."""
        for variable, values in extras.items():
            found = self._count(name, variable, values)
            if found is not None:
                k = int(np.argmax(found))
                self.counts[name, variable].first = int(steps[k]), int(ids[k]), float(values[k])

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Count in samples, shape (samples, elements) each."""
        for variable, values in data.items():
            found = self._count(name, variable, values)
            if found is not None:
                row, column = (int(k) for k in np.unravel_index(int(np.argmax(found)), values.shape))
                self.counts[name, variable].first = first + row, column, float(values[row, column])

    def _count(self, name: str, variable: str, values: FloatArray) -> FloatArray | None:
        """Count; return which are not finite when they are the first of the variable."""
        seen = self.counts.setdefault((name, variable), Count())
        seen.values += values.size
        if np.isfinite(values.sum()):  # a sum is quick; it may also overflow by itself
            return None
        wrong = np.isnan(values) if (name, variable) in self.stored else ~np.isfinite(values)
        count = int(np.count_nonzero(wrong))
        is_first = count > 0 and not seen.wrong
        seen.wrong += count
        return wrong if is_first else None

    def why(self, monitor: str, variable: str) -> str | None:
        """Why something that is computed from a variable is not finite; None when the variable is."""
        seen = self.counts.get((monitor, variable))
        if seen is None or not seen.wrong:
            return None
        return f"{seen.share} of `{variable}` that `{monitor}` recorded are not finite"

    def warnings(self, network: Network) -> Iterator[RunWarning]:
        """A warning for each variable with values that are not finite."""
        for monitor in network.monitors:
            if not isinstance(monitor, _WITH_COLUMNS):
                continue
            for k, column in enumerate(monitor.columns):
                seen = self.counts.get((monitor.name, column.name))
                if seen is None or seen.first is None:
                    continue
                number, element, value = seen.first
                if isinstance(monitor, StateMonitor):
                    beginning = -(-monitor.window.start // monitor.every)
                    number = (beginning + number) * monitor.every
                    who = _recorded_element(monitor, element)
                else:
                    who = f"{'synapse' if isinstance(monitor, SynapseEventMonitor) else 'neuron'} {element}"
                became = "NaN (not a number)" if np.isnan(value) else "infinite"
                when = format_quantity(number * network.dt, TIME)
                yield RunWarning(
                    "RUN310",
                    ("monitors", monitor.name, "variables", k),
                    f"monitor `{monitor.name}`: {seen.share} of `{column.name}` are not finite; "
                    f"the first is {became}, of {who} at t = {when}",
                    "look at what it is computed from: denominators that become 0, `log` of 0, `exp` of large numbers",
                )


def _recorded_element(monitor: StateMonitor, column: int) -> str:
    if isinstance(monitor.ids, range | np.ndarray):
        return f"neuron {int(monitor.ids[column])}"
    return f"synapse {column} of those recorded"


def shown(value: object) -> str:
    """What a value that is not finite is, for messages."""
    values = np.asarray(value, dtype=np.float64)
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong < values.size:
        return f"not finite in {wrong:,} of {values.size:,} values"
    return "not a number (NaN)" if np.isnan(values).all() else "infinite" if np.isinf(values).all() else "not finite"

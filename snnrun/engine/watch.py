"""Looks for values that stopped being finite, and keeps a state to go back to: within a share of the time of a run.

Values that are not finite stay so until a statement overwrites them. The kernel looks at those (`codegen/lost.py`); the
others are looked at here, between its calls. Small networks are looked at and copied before every call, so that nothing
is recorded after a failure. Large ones are as often as their share of the time allows, and at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from snnrun.codegen.arguments import FIRST_AMOUNT, RUN, ArrayKey, ArrayUse
from snnrun.engine.values import Array, Built
from snnrun.equations.dag import Kind
from snnrun.model.network import Group, PoissonInput, Stored

SHARE = 0.01  # of the time of a run, for looking and for copying together
SMALL = 1 << 20  # bytes that are looked at and copied before every call
MOST = 256 * 2**20  # bytes that are copied at all
_SPEED = 2e9  # bytes a second, a low guess of how fast memory is read and copied


@dataclass(frozen=True, slots=True)
class Found:
    """A value that is not finite, a rate that no step can have, or an amount that no random number can have.

    Args:
        what: The variable, the Poisson group or input, or the number of the node that a random number cannot have.
        element: Its number; of synapses, in the order of storage.
        value: The value; of a rate, the probability of a spike in a step.
    """

    what: Stored | Group | PoissonInput | int
    element: int
    value: float


@dataclass
class Watch:
    """What is looked at in one run.

    Args:
        built: The network in memory.
        finite_at: The last step at whose start all values were known to be finite.
        copied_at: The step of the copy; None without one.
    """

    built: Built
    finite_at: int = 0
    copied_at: int | None = None
    _copy: dict[ArrayKey, Array] = field(default_factory=dict)
    _checked: list[tuple[Stored, Array]] = field(default_factory=list)
    _allowed: float = 0.0  # seconds

    def begin(self, step: int) -> None:
        """Look at the arrays as they now are: at the start, and where a phase or a hook changed them."""
        self._checked = list(_checked(self.built))
        self.finite_at = step
        self.copied_at = None
        _list_anew(self.built)

    def forget(self) -> None:
        """Drop the copy: arrays have been replaced by longer ones."""
        self.__dict__.pop("_state", None)
        self._copy.clear()
        self.copied_at = None

    # looking

    def found(self) -> Found | None:
        """What is not finite now, or was when it was overwritten."""
        return self._noted() or self._standing()

    def look(self, step: int, seconds: float, *, last: bool) -> bool:
        """Whether something is wrong after a call of the kernel, as far as it is known.

        Args:
            step: The step after the call.
            seconds: How long it took.
            last: Whether to look at everything in any case.
        """
        self._allowed += SHARE * seconds
        if self._noted() is not None:
            return True
        size = sum(a.nbytes for _, a in self._checked)
        if not (last or self._affordable(size)):
            return False
        with self._spending():
            wrong = self._standing() is not None
        if not wrong:
            self.finite_at = step
        return wrong

    def _noted(self) -> Found | None:
        """The first failure that the kernel noted, of the lowest element."""
        notes = self.built.arrays[ArrayUse.FAILURE.of(RUN)]
        values = self.built.arrays[ArrayUse.FAILED_VALUE.of(RUN)]
        found = [
            (int(s), int(e), int(code), float(v[0])) for (s, e, code, *_), v in zip(notes, values, strict=True) if s
        ]
        if not found:
            return None
        _, element, code, value = min(found)
        if code <= FIRST_AMOUNT:
            return Found(FIRST_AMOUNT - code, element, value)
        network = self.built.network
        sources: list[Group | PoissonInput] = [*network.groups.values(), *network.inputs]
        what = network.stored[code] if code >= 0 else sources[-1 - code]
        return Found(what, element, value)

    def _standing(self) -> Found | None:
        for stored, array in self._checked:
            with np.errstate(all="ignore"):
                if np.isfinite(array.sum()):  # a sum is quick; it may also overflow by itself
                    continue
            finite = np.isfinite(array)
            if not finite.all():
                element = int(np.argmin(finite))
                return Found(stored, element, float(array[element]))
        return None

    # copying

    def copy(self, step: int) -> None:
        """Keep the state at the start of a step, known to be finite, if there is time for it."""
        size = sum(array.nbytes for array in self._state.values())
        if self.finite_at != step or size > MOST or not self._affordable(2 * size):
            return
        with self._spending():
            self.take(step)

    def take(self, step: int) -> None:
        """Keep the state at the start of a step."""
        for key, array in self._state.items():
            kept = self._copy.get(key)
            if kept is None or kept.shape != array.shape:
                self._copy[key] = array.copy()
            else:
                np.copyto(kept, array)
        self.copied_at = step

    def restore(self) -> int:
        """Go back to the copy; gives its step."""
        assert self.copied_at is not None
        for key, kept in self._copy.items():
            np.copyto(self.built.arrays[key], kept)
        self.built.arrays[ArrayUse.FAILURE.of(RUN)][:] = 0
        _list_anew(self.built)
        return self.copied_at

    def before(self, key: ArrayKey) -> Array:
        """An array as it was at the step of the copy."""
        return self._copy.get(key, self.built.arrays[key])

    @cached_property
    def _state(self) -> dict[ArrayKey, Array]:
        return self.built.state

    # time

    def _affordable(self, size: int) -> bool:
        return size <= SMALL or size / _SPEED <= self._allowed

    def _spending(self) -> _Spending:
        return _Spending(self)

    def spend(self, seconds: float) -> None:
        """Take seconds off what is allowed."""
        self._allowed = max(0.0, self._allowed - seconds)


class _Spending:
    """Counts the time of a block."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.watch.spend(time.perf_counter() - self.started)


def _list_anew(built: Built) -> None:
    """Let kernels find out again which neurons move: their variables may have been changed between two calls."""
    for key, array in built.arrays.items():
        if key.use is ArrayUse.MOVING_NUMBER:
            array[:] = 0


def _checked(built: Built) -> Iterator[tuple[Stored, Array]]:
    """Floating-point variables that may change, and that are finite now."""
    for stored in built.network.stored:
        key = ArrayUse.VARIABLE.of(stored.variable.owner, stored.variable.name)
        array = built.arrays[key]
        if stored.kind is Kind.FLOAT and built.changes(key) and np.isfinite(array).all():
            yield stored, array

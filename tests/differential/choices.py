"""Choices, and what is drawn so far."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

DIMENSIONS = {"volt": "mV", "amp": "pA", "siemens": "nS", "1": "1", "second": "ms"}
"""Units that equations name, and in which values of them are written."""

SMALL = {"volt": "0.37*mV", "amp": "11.3*pA", "siemens": "0.23*nS", "1": "0.13", "second": "0.07*ms"}
"""A change of a variable that does not carry it away."""


class Choices:
    """What chance chooses.

    Args:
        seed: Of all experiments.
        number: Of this experiment.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"{seed} {number}")

    def one(self, options: Sequence[T]) -> T:
        """One of them."""
        return self._random.choice(options)

    def chance(self, percent: int) -> bool:
        """Whether something is there."""
        return self._random.randrange(100) < percent

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._random.randint(low, high)

    def number(self, low: float, high: float) -> float:
        """A number with two digits after the point."""
        return self.whole(round(low * 100), round(high * 100)) / 100

    def some(self, options: Sequence[T], percent: int) -> list[T]:
        """Each of them with a chance."""
        return [option for option in options if self.chance(percent)]


@dataclass
class Neurons:
    """A group that was drawn.

    Args:
        name: Its name.
        size: Number of neurons.
        steps: Its time step in steps of the run.
        units: Unit of each variable and subexpression that anybody may read.
        written: Variables that statements may change, one value a neuron.
        parts: First and last index of its subgroups.
        events: Its custom events.
        refractory: Whether its neurons can be refractory.
    """

    name: str
    size: int
    steps: int = 1
    units: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    refractory: bool = False

    def end(self, choose: Choices) -> tuple[str, int]:
        """The group or a part of it, as an end of synapses or a target of operations, and its size."""
        if self.parts and choose.chance(40):
            part = choose.one(sorted(self.parts))
            first, last = self.parts[part]
            return f"{self.name}.{part}", last - first
        return self.name, self.size


@dataclass
class Sketch:
    """An experiment that is being drawn.

    Args:
        choose: Who chooses.
        dt: Time step. [ms]
        steps: Length of the run in steps.
        file: The experiment as far as it is drawn.
        neurons: Its groups with equations.
        sources: Its groups of given spikes and of Poisson neurons.
        synapses: Variables of each synapses object.
        rules: Names of the differences that this experiment may show; see `rules.py`.
    """

    choose: Choices
    dt: float
    steps: int
    file: dict[str, Any]
    neurons: list[Neurons] = field(default_factory=list)
    sources: list[Neurons] = field(default_factory=list)
    synapses: dict[str, list[str]] = field(default_factory=dict)

    def time(self, steps: float) -> str:
        """So many steps as a quantity."""
        return f"{round(steps * self.dt, 9):g} ms"

    def add(self, section: str, name: str, value: Any) -> None:
        """Put an object into the file."""
        self.file.setdefault(section, {})[name] = value

    def finished(self) -> dict[str, Any]:
        """The experiment, without constants, functions and arrays that nothing uses."""
        found = {key: value for key, value in self.file.items() if value not in ({}, [])}
        while True:
            text = repr({key: value for key, value in found.items() if key not in ("constants", "functions", "arrays")})
            text += repr(list(found.get("constants", {}).values())) + repr(list(found.get("functions", {}).values()))
            words = set(re.findall(r"\w+", text))
            smaller = dict(found)
            for key in ("constants", "functions", "arrays"):
                kept = {n: v for n, v in found.get(key, {}).items() if re.match(r"\w+", n)[0] in words}  # type: ignore[index]
                if kept:
                    smaller[key] = kept
                else:
                    smaller.pop(key, None)
            if smaller == found:
                return found
            found = smaller

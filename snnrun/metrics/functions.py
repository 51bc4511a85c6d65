"""The functions of metrics, one record each: what they take, what computes them, and the dimension of the result.

A function of what a monitor records has an accumulator, which a run makes and feeds. A function of values at the end of
the run reduces them to one number. One name may have several forms, which take different things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Protocol

import numpy as np

from snnrun.equations.ast import Call, Expr, Name
from snnrun.errors import at
from snnrun.metrics.samples import Comoments, Moments, Percentile, percentile_of
from snnrun.metrics.spikes import (
    Accuracy,
    Counts,
    Fano,
    FirstSpike,
    FirstSpikes,
    Intervals,
    Pairwise,
    PopulationPair,
    Response,
    Synchrony,
    response_to_label,
)
from snnrun.model.network import FloatArray, NeuronSubset, Presentations
from snnrun.resolve.context import Context
from snnrun.units.dimensions import FREQUENCY, ONE, TIME, Dimension

MOST_PAIRED = 2000  # neurons of which all pairs are correlated
MOST_LABELS = 12  # that a message names
MOST_KEPT = 2**27  # samples that are kept in memory: 1 GiB


class Accumulator(Protocol):
    """Computes something of what monitors record; with two inputs it has `sides`, of which each takes one."""

    def value(self) -> float | FloatArray:
        """The result so far, in SI units."""


class Input(Enum):
    """What a function takes."""

    SPIKES = "spikes"  # the name of a monitor of spikes
    STATE = "state"  # a variable of a monitor of state: `v`, `vw.w`
    SYNAPSES = "synapses"  # the name of synapses
    WEIGHTS = "weights"  # a variable of synapses: `stdp.w`
    VALUES = "values"  # an expression with one value an element


def _bin_width(context: Context, expr: Expr) -> int:
    """The width of a bin in steps."""
    return context.steps_of(expr, "the width of a bin", 1)


def _stimulus(context: Context, expr: Expr) -> Presentations:
    """The presentations of a stimulus."""
    array = context.arrays.get(expr.id) if isinstance(expr, Name) else None
    if array is None or array.presentations is None:
        stimuli = [name for name, a in context.arrays.items() if a.presentations is not None]
        advice = f"stimuli are: {', '.join(stimuli)}" if stimuli else "an array with `frames` is one"
        raise at(expr.span, "MET403", "write the name of a stimulus here", advice)
    context.uses.note(("arrays", array.name), expr.span)
    if not array.presentations.known:
        message = f"`{array.name}` is read at another time than `t`, so it is not known when its frames are shown"
        raise at(expr.span, "MET403", message, f"read it at `t`; `repeat` of `{array.name}` shows the frames again")
    return array.presentations


def _must_be_shown(call: Call, shown: Presentations, label: int) -> None:
    """Refuse a label that no frame has."""
    name, place = call.args[-2], call.args[-1].span
    assert isinstance(name, Name)
    if shown.labels is None:
        raise at(place, "MET409", f"the frames of `{name.id}` have no labels", f"give `{name.id}` a key `labels`")
    known = sorted(set(shown.labels.tolist()))
    if label not in known:
        some = ", ".join(map(str, known[:MOST_LABELS])) + ", ..." * (len(known) > MOST_LABELS)
        raise at(place, "MET409", f"no frame of `{name.id}` has the label {label}", f"labels are: {some}")


def _label(context: Context, expr: Expr) -> int:
    """A label of frames."""
    value = context.constant_of(expr, ONE, "the label")
    if not value.is_integer():
        raise at(expr.span, "MET409", f"a label is a whole number, this is {value:g}")
    return int(value)


def _labelled(context: Context, expr: Expr) -> Presentations:
    """The presentations of a stimulus whose frames have labels."""
    shown = _stimulus(context, expr)
    if shown.labels is None:
        raise at(expr.span, "MET403", "the frames of this stimulus have no labels", "add `labels` to the array")
    return shown


def _moment(context: Context, expr: Expr) -> int:
    """A time in steps."""
    return context.steps_of(expr, "a time")


def _percent(context: Context, expr: Expr) -> float:
    """A number from 0 to 100."""
    value = context.constant_of(expr, ONE, "the percentile")
    if not 0 <= value <= 100:
        raise at(expr.span, "MET409", f"a percentile is a number from 0 to 100, this is {value:g}", "50 is the median")
    return value


def _neurons(context: Context, expr: Expr) -> NeuronSubset:
    """A group or subgroup."""
    if not isinstance(expr, Name):
        raise at(expr.span, "MET403", "write the name of a group or subgroup here")
    return context.view_named(expr.id, expr.span, "the end of synapses")


@dataclass(frozen=True, slots=True)
class Function:
    """One form of a function of metrics.

    Args:
        name: Its name.
        inputs: What it takes.
        make: Makes its accumulator from the `Train` of each monitor of spikes, and from the constants.
        reduce: Where the input is not recorded: its value from the values of the input, and from the constants.
        constants: What reads the arguments after the inputs.
        dimension: Dimension of the result; None for that of the input.
        each: Whether it has one value an element.
        counts: Whether it does with the number of spikes of each neuron, without their times.
        at_end: Whether it is known at the end of a run only: it needs the length of the recording, or whole bins.
        most: The largest number of neurons that a monitor of spikes may watch, or of samples of a variable.
        example: A call, for messages.
        check: Refuses constants that do not go together.
    """

    name: str
    inputs: tuple[Input, ...]
    make: Callable[..., Accumulator] | None = None
    reduce: Callable[..., float] | None = None
    constants: tuple[Callable[[Context, Expr], Any], ...] = ()
    dimension: Dimension | None = ONE
    each: bool = False
    counts: bool = False
    at_end: bool = False
    most: int | None = None
    example: str | None = None
    check: Callable[..., None] | None = None

    @property
    def arguments(self) -> int:
        """How many arguments it takes."""
        return len(self.inputs) + len(self.constants)


def _of_spikes(name: str, make: Callable[..., Accumulator], **options: Any) -> Function:
    return Function(name, (Input.SPIKES,), make, **options)


def _of_counts(name: str, of: Callable[..., Any], **options: Any) -> Function:
    return Function(name, (Input.SPIKES,), partial(Counts, of=of), counts=True, **options)


def _of_state(name: str) -> Function:
    return Function(name, (Input.STATE,), partial(Moments, name), dimension=None, each=name == "last")


def _of_values(name: str, reduce: Callable[..., Any]) -> Function:
    return Function(name, (Input.VALUES,), reduce=reduce, dimension=None)


_RESPONSE: dict[str, Any] = {
    "dimension": FREQUENCY,
    "each": True,
    "at_end": True,
    "example": "response(out, digits, 3)",
}
_ACCURACY: dict[str, Any] = {"at_end": True, "example": "accuracy(out, digits, 35 s, 40 s)"}
_PERCENTILE: dict[str, Any] = {"constants": (_percent,), "dimension": None, "example": "percentile(rates(out), 90)"}
_WEIGHTS: dict[str, Any] = {"dimension": None, "each": True, "example": "weights(stdp.w, inputs.early)"}
_BINNED: dict[str, Any] = {"constants": (_bin_width,), "at_end": True}
_TABLE = (
    _of_counts("count", lambda counts, _: float(counts.sum())),
    Function("count", (Input.SYNAPSES,), reduce=np.size),
    _of_counts("counts", lambda counts, _: counts.astype(np.float64), each=True),
    _of_counts("rates", lambda counts, train: counts / train.seconds, dimension=FREQUENCY, each=True, at_end=True),
    _of_counts(
        "mean_rate", lambda counts, t: float(counts.sum()) / t.size / t.seconds, dimension=FREQUENCY, at_end=True
    ),
    _of_spikes("response", Response, constants=(_stimulus,), **_RESPONSE),
    _of_spikes("response", response_to_label, constants=(_stimulus, _label), check=_must_be_shown, **_RESPONSE),
    _of_spikes("accuracy", Accuracy, constants=(_labelled, _moment, _moment), **_ACCURACY),
    _of_spikes("cv_isi", Intervals),
    _of_spikes("first_spike", FirstSpike, dimension=TIME),
    _of_spikes("first_spikes", FirstSpikes, dimension=TIME, each=True),
    _of_spikes("fano", Fano, **_BINNED, example="fano(out, 50 ms)"),
    _of_spikes("synchrony", Synchrony, **_BINNED, example="synchrony(out, 50 ms)"),
    _of_spikes("correlation", Pairwise, **_BINNED, most=MOST_PAIRED, example="correlation(out, 5 ms)"),
    Function("correlation", (Input.SPIKES,) * 2, PopulationPair.of, **_BINNED, example="correlation(exc, inh, 5 ms)"),
    Function("correlation", (Input.STATE,) * 2, Comoments, at_end=True, example="correlation(vw.v, vw.w)"),
    Function("weights", (Input.WEIGHTS,), constants=(_neurons,), **_WEIGHTS),
    Function("weights", (Input.WEIGHTS,), constants=(_neurons, _neurons), **_WEIGHTS),
    *(_of_state(name) for name in ("mean", "std", "min", "max", "last")),
    _of_values("sum", np.sum),
    _of_values("mean", np.mean),
    _of_values("std", np.std),
    _of_values("min", np.min),
    _of_values("max", np.max),
    Function("median", (Input.STATE,), Percentile, dimension=None, most=MOST_KEPT),
    Function("percentile", (Input.STATE,), Percentile, **_PERCENTILE, most=MOST_KEPT),
    _of_values("median", percentile_of),
    Function("percentile", (Input.VALUES,), reduce=percentile_of, **_PERCENTILE),
)
FUNCTIONS: dict[str, tuple[Function, ...]] = {
    form.name: tuple(other for other in _TABLE if other.name == form.name) for form in _TABLE
}
"""The forms of each function, by name."""

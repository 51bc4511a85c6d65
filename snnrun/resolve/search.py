"""The `search` section: the constant that is looked for, and between which values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snnrun.errors import did_you_mean
from snnrun.resolve.context import Context, Path
from snnrun.resolve.settings import is_replaced_at_start
from snnrun.spec.models import Search
from snnrun.units.dimensions import Dimension

MOST_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What is looked for.

    Args:
        constant: The constant.
        dimension: Its dimension.
        low: One end of the values. [SI]
        high: The other end, which is larger.
        tolerance: How near to each other the last two values are. [SI]
        until: The condition, as written.
    """

    constant: str
    dimension: Dimension
    low: float
    high: float
    tolerance: float
    until: str


def plan_search(context: Context, search: Search) -> SearchPlan:
    """The checked search; its condition is checked with the metrics.

    Raises:
        ExperimentError: NET250 for a constant that does not exist or does nothing, NET251 for values that do not fit.
    """
    name, path = search.constant, ("search",)
    if name not in context.experiment.constants:
        advice = did_you_mean(name, context.experiment.constants) or "name one of `constants`"
        raise context.error("NET250", f"there is no constant `{name}`", (*path, "constant"), advice)
    if is_replaced_at_start(context, ("constants", name)):
        message = f"the first phase sets `{name}` at its start: all runs would be the same"
        raise context.error("NET250", message, (*path, "constant"), "set a constant that nothing else sets")
    _refuse_swept(context, name)
    dimension = context.constants[name].dimension
    low, high = (context.constant((*path, "between", k), dimension, f"`{name}`") for k in (0, 1))
    tolerance = context.constant((*path, "tolerance"), dimension, "`tolerance`")
    if not low < high or not math.isfinite(high - low):
        raise context.error("NET251", "`between` is `[low, high]`, with finite values", (*path, "between"))
    if not 0 < tolerance < high - low:
        message = "`tolerance` must be positive, and smaller than what lies between the two values"
        raise context.error("NET251", message, (*path, "tolerance"))
    if (high - low) / tolerance > 2.0**MOST_HALVINGS:
        message = f"`tolerance` is too fine: it takes more than {MOST_HALVINGS} halvings"
        raise context.error("NET251", message, (*path, "tolerance"))
    return SearchPlan(name, dimension, low, high, tolerance, context.text((*path, "until")).value)


def _refuse_swept(context: Context, name: str) -> None:
    sweep = context.experiment.sweep
    if sweep is None:
        return
    for section in ("axes", "zip"):
        for key in getattr(sweep, section) or {}:
            if key in (name, f"constants.{name}"):
                path: Path = ("sweep", section, key)
                message = f"`{name}` is searched at each point: its swept values would do nothing"
                raise context.key_error("NET250", message, path, "sweep another constant")

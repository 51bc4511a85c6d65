"""When in a step operations and state monitors act."""

from __future__ import annotations

from snnrun.model.network import Slot
from snnrun.model.order import precedes_groups
from snnrun.resolve.context import Context
from snnrun.spec.models import Operation, StateMonitor


def is_before_groups(context: Context, model: Operation | StateMonitor) -> bool:
    """Whether it acts before the equations of the step are integrated, on values of the step before."""
    groups = context.experiment.groups.values()
    return precedes_groups(Slot(model.when), model.order, (group.order for group in groups))

"""The points of a sweep as a loop."""

from __future__ import annotations

import numpy as np

from snnrun.export.expressions import CannotExportError, dimension_text
from snnrun.export.page import Page
from snnrun.spec.nodes import ListNode, MapNode, dotted
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.points import GridAxis, Plan, Values

_KEYS = ("axes", "zip", "points", "sample", "repeat", "keep")
_WHY = {"shared": "call `store()` after this phase and `restore()` in the loop"}


def loop(page: Page) -> str:
    """The head of the loop over all points, which is empty where there is none; swept constants get their names."""
    if page.checked.experiment.sweep is None:
        return ""
    page.leftover(("sweep",), _KEYS, _WHY)
    plan = check_sweep(page.checked).plan
    page.repeated = any(axis.is_repetition for axis in plan.axes)
    names, values = [], []
    for axis in plan.axes:
        found = _axis(page, plan, axis)
        if found is not None:
            names.append(found[0])
            values.append(found[1])
    if not names:
        return ""
    if len(names) == 1:
        return f"for {names[0]} in {values[0]}:"
    page.products = True
    targets = ", ".join(f"({name})" if "," in name else name for name in names)
    return f"for {targets} in itertools.product({', '.join(values)}):"


def _axis(page: Page, plan: Plan, axis: GridAxis) -> tuple[str, str] | None:
    """The Python variables of an axis, and their values."""
    if axis.is_repetition:
        if plan.seed_of is not None:
            page.note(("sweep", "repeat"), "the seeds of the points are others than those of `seeds: each`")
        return "repetition", f"range({axis.length})"
    names, lists = [], []
    for parameter in axis.parameters:
        if parameter.place[0] != "constants":
            page.note(parameter.named, "a value that is no constant: make it a variable of the script")
            continue
        name = str(parameter.place[1])
        variable = page.variable(name, "_value")
        page.swept[name] = variable
        names.append(variable)
        lists.append(_values(page, parameter))
    if not names:
        return None
    return ", ".join(names), lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"


def _values(page: Page, parameter: Values) -> str:
    node = page.document.find(parameter.named)
    if isinstance(node, ListNode) and not any(isinstance(item, MapNode) for item in node.items):
        return f"[{', '.join(page.constant((*parameter.named, k)) for k in range(len(node.items)))}]"
    if parameter.dimension is None:
        raise CannotExportError(f"the values of `{parameter.name}`")
    unit = dimension_text(parameter.dimension)
    return page.numbers(dotted(parameter.named), np.array(parameter.numbers, dtype=float), unit)

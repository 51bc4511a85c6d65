"""Names that Brian2 does not take."""

from __future__ import annotations

from collections.abc import Collection

from snnrun.equations.model import parse_equations
from snnrun.export.page import Page
from snnrun.spec.nodes import Path as FilePath


def refused_names(page: Page, path: FilePath, others: Collection[str] = ()) -> None:
    """Note the variables of an object that Brian2 does not take by their names.

    Args:
        page: The script.
        path: The object.
        others: Names of variables of the groups at its ends.
    """
    equations = (*path, "equations")
    for d in parse_equations(page.context.text(equations)) if page.document.has(equations) else ():
        if d.name in ("e", "pi", "inf") or d.name.startswith("_") or d.name in others:
            page.note(equations, f"Brian2 refuses the name `{d.name}` there: rename it")

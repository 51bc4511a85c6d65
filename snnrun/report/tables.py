"""Tables of the page. The script of the page sorts and filters those that ask for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from snnrun.report.markup import Html, element
from snnrun.report.numbers import NONE, Scale, digits
from snnrun.units.dimensions import ONE, Dimension


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        head: What it holds.
        cells: A text for each row.
        numbers: The number behind each text, which sorting and conditions use; None for a column of texts.
        kind: `pictures`, which nobody sorts by, or `value`, long texts of a file.
    """

    head: str
    cells: Sequence[str]
    numbers: Sequence[float] | None = None
    kind: str = ""

    @classmethod
    def of(cls, name: str, values: ArrayLike, dimension: Dimension = ONE, scale: Scale | None = None) -> Column:
        """SI numbers of a dimension in one readable unit, which the head names; NaN is shown as a dash."""
        array = np.asarray(values, dtype=np.float64)
        scale = scale or Scale.of(array, dimension)
        shown = (array / float(scale.unit.scale)).tolist()
        return cls(scale.head(name), [NONE if v != v else digits(v) for v in shown], shown)  # noqa: PLR0124 - NaN


def table(columns: Iterable[Column], *, sortable: bool = False) -> Html:
    """A table; columns without any text are left out.

    Args:
        columns: Its columns, of one length.
        sortable: Whether its rows can be sorted and filtered.
    """
    shown = [c for c in columns if any(c.cells)]
    heads = [element("th", c.head, scope="col", class_=_class(c)) for c in shown]
    rows = zip(*(_cells(c) for c in shown), strict=True)
    body = element("tbody", (element("tr", row) for row in rows))
    made = element("table", element("thead", element("tr", heads)), body, class_="sortable" if sortable else None)
    return element("div", made, class_="table")


def facts(rows: Iterable[tuple[str, str]]) -> Html:
    """A list of names and values; those without a value are left out."""
    return element("dl", (element("div", element("dt", name), element("dd", value)) for name, value in rows if value))


def _class(column: Column) -> str | None:
    return column.kind or (None if column.numbers is None else "number")


def _cells(column: Column) -> Iterable[Html]:
    kind = _class(column)
    if column.numbers is None:
        return (element("td", text, class_=kind) for text in column.cells)
    pairs = zip(column.cells, column.numbers, strict=True)
    return (element("td", text, class_=kind, data_value=_behind(text, number)) for text, number in pairs)


def _behind(text: str, number: float) -> str | None:
    """The number of a cell where its text does not say it."""
    exact = f"{number:.12g}"
    return None if text in (exact, NONE) or not math.isfinite(number) else exact

"""Tables on stdout: plain text in columns, the head in bold on a terminal with colours."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from snnrun.cli.render import clean, columns_of, put, wants_colour
from snnrun.units.dimensions import Dimension
from snnrun.units.quantities import readable_unit

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_GAP = "  "
_LONG_NUMBER = re.compile(r"\d+\.\d{7,}(?:e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        head: Its name.
        cells: One text a row.
        right: Whether it is aligned right, as numbers are.
    """

    head: str
    cells: Sequence[str]
    right: bool = False


def write_table(columns: Sequence[Column]) -> None:
    """Print a table; columns without any text are left out."""
    columns = [c for c in columns if any(c.cells)]
    if not columns:
        return
    texts = [[clean(c.head), *(clean(cell) for cell in c.cells)] for c in columns]
    widths = [max(columns_of(text) for text in column) for column in texts]
    bold = wants_colour(sys.stdout)
    for row in range(len(texts[0])):
        cells = []
        for column, column_texts, width in zip(columns, texts, widths, strict=True):
            space = " " * (width - columns_of(column_texts[row]))
            cells.append(space + column_texts[row] if column.right else column_texts[row] + space)
        line = _GAP.join(cells).rstrip()
        if bold and row == 0:
            sys.stdout.write(_BOLD)
            put(line)
            sys.stdout.write(_PLAIN)
        else:
            put(line)


def quantity_column(
    name: str, dimension: Dimension, cells: Sequence[Sequence[float] | None], joint: str = " to "
) -> Column:
    """Numbers of one dimension in one unit, which the head names: `rate [Hz]`.

    Args:
        name: What they are.
        dimension: Their dimension.
        cells: For each row one number, the ends of a range, or None for an empty cell. [SI]
        joint: Text between the ends of a range.
    """
    finite = [abs(v) for cell in cells if cell is not None for v in cell if math.isfinite(v)]
    unit = readable_unit(max(finite, default=0.0), dimension)
    texts = []
    for cell in cells:
        ends = dict.fromkeys(digits_text(v / float(unit.scale)) for v in cell or ())
        texts.append(joint.join(ends))
    return Column(name if dimension.is_one else f"{name} [{unit.name}]", texts, right=True)


def digits_text(value: float) -> str:
    """A number with five significant digits."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.5g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e7 else text


def shortened(text: str) -> str:
    """A value of a file with long numbers rounded: `9.21896 ms` for `9.218962839222513 ms`."""
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.6g}", text)


def values_text(values: Iterable[float], dimension: Dimension) -> str:
    """One number, or the ends of a range, in one readable unit: `2.1 to 31 Hz`."""
    column = quantity_column("", dimension, [list(values)])
    unit = column.head.strip().removeprefix("[").removesuffix("]")
    return f"{column.cells[0]} {unit}".strip()

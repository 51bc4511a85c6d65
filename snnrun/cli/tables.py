"""Tables on stdout: plain text in columns that fit the terminal, the head in bold on one with colours."""

from __future__ import annotations

import math
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from snnrun.cli.render import clean, columns_of, put, say, wants_colour
from snnrun.units.dimensions import Dimension
from snnrun.units.quantities import readable_unit

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_GAP = "  "
_NARROWEST = 10
_LONG_NUMBER = re.compile(r"\d+\.\d{7,}(?:e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        head: Its name.
        cells: One text a row.
        right: Whether it is aligned right, as numbers are.
        rank: Where the table is too wide, the column of the highest rank is left out first; one of rank 0 never is.
    """

    head: str
    cells: Sequence[str]
    right: bool = False
    rank: int = 0

    @property
    def width(self) -> int:
        """Columns of the terminal that its longest text takes."""
        return max(columns_of(clean(text)) for text in (self.head, *self.cells))


def write_table(columns: Sequence[Column], *, wide: bool = False) -> None:
    """Print a table; columns without any text are left out.

    On a terminal, columns that have no room are left out, which a line on stderr says, and texts of the others are
    wrapped.

    Args:
        columns: The columns.
        wide: Whether nothing is left out or wrapped.
    """
    columns = [c for c in columns if any(c.cells)]
    if not columns:
        return
    room = None if wide or not sys.stdout.isatty() else shutil.get_terminal_size().columns
    shown = columns if room is None else _fitting(columns, room)
    widths = _widths([c.width for c in shown], room)
    bold = wants_colour(sys.stdout)
    for row in zip(*((c.head, *c.cells) for c in shown), strict=True):
        lines = "\n".join(_lines(shown, row, widths))
        if bold:
            sys.stdout.write(_BOLD)
            put(lines)
            sys.stdout.write(_PLAIN)
        else:
            put(lines)
        bold = False
    if len(shown) < len(columns):
        say(f"no room for: {', '.join(c.head for c in columns if c not in shown)} (--wide shows all)")


def _fitting(columns: Sequence[Column], room: int) -> list[Column]:
    """The columns that a terminal has room for."""
    shown = list(columns)
    while _whole([c.width for c in shown]) > room and any(c.rank for c in shown):
        shown.remove(max(shown, key=lambda c: c.rank))
    return shown


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _widths(widths: list[int], room: int | None) -> list[int]:
    """The widths of columns in a terminal: the widest are made narrower until all fit."""
    while room is not None and _whole(widths) > room and max(widths) > _NARROWEST:
        widest = max(widths)
        over, number = _whole(widths) - room, widths.count(widest)
        lower = max([w for w in widths if w < widest] + [widest - -(-over // number), _NARROWEST])
        widths = [min(w, lower) for w in widths]
    return widths


def _lines(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """A row of a table, in several lines where texts are wrapped."""
    parts = [_wrapped(clean(cell), width) for cell, width in zip(cells, widths, strict=True)]
    for texts in zip_longest(*parts, fillvalue=""):
        line = []
        for column, text, width in zip(columns, texts, widths, strict=True):
            space = " " * (width - columns_of(text))
            line.append(space + text if column.right else text + space)
        yield _GAP.join(line).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    return [text] if columns_of(text) <= width else textwrap.wrap(text, width, break_on_hyphens=False)


def quantity_column(
    name: str, dimension: Dimension, cells: Sequence[Sequence[float] | None], joint: str = " to ", rank: int = 0
) -> Column:
    """Numbers of one dimension in one unit, which the head names: `rate [Hz]`.

    Args:
        name: What they are.
        dimension: Their dimension.
        cells: For each row one number, the ends of a range, or None for an empty cell. [SI]
        joint: Text between the ends of a range.
        rank: See `Column`.
    """
    finite = [abs(v) for cell in cells if cell is not None for v in cell if math.isfinite(v)]
    unit = readable_unit(max(finite, default=0.0), dimension)
    texts = []
    for cell in cells:
        ends = dict.fromkeys(digits_text(v / float(unit.scale)) for v in cell or ())
        texts.append(joint.join(ends))
    return Column(name if dimension.is_one else f"{name} [{unit.name}]", texts, right=True, rank=rank)


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

"""The lines of a script, and what could not be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from snnrun.export.expressions import CannotExportError
from snnrun.spec.nodes import Path as FilePath
from snnrun.spec.nodes import dotted

_MOST_WRITTEN = 20  # numbers of a list that are written into the script; more go into a file beside it


@dataclass(kw_only=True)
class Lines:
    """Lines of Python.

    Args:
        lines: The lines so far.
        arrays: Long lists of numbers.
        notes: What Brian2 has nothing for: its place in the file, and why.
        created: The Python variables that objects have.
    """

    lines: list[str] = field(default_factory=list)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    created: set[str] = field(default_factory=set)

    def put(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines

    def section(self, title: str) -> None:
        """Begin a part of the script."""
        self.put("", f"# {title}", "")

    def trying(self, path: FilePath, write: Callable[[], None]) -> None:
        """Write a part; a comment stands for it where Brian2 has nothing that means it."""
        before = len(self.lines)
        try:
            write()
        except CannotExportError as reason:
            del self.lines[before:]
            self.note(path, f"Brian2 has nothing for {reason}")

    def note(self, path: FilePath, why: str) -> None:
        """A comment in the script, and a note."""
        self.notes.append((dotted(path), why))
        self.put(f"# NOT EXPORTED: {dotted(path)}: {why}")

    def numbers(self, name: str, values: NDArray[Any], unit: str = "1") -> str:
        """A list of numbers as Python: written out, or in the file beside."""
        times = "" if unit == "1" else f"*{unit}"
        if len(values) <= _MOST_WRITTEN and values.ndim == 1:
            return f"np.array({values.tolist()}){times}" if times else str(values.tolist())
        self.arrays[name] = values
        return f"arrays[{name!r}]{times}"

    @staticmethod
    def block(lines: Sequence[str]) -> str:
        """A text of one or more lines as Python."""
        if len(lines) == 1 and len(lines[0]) < 90 and "'" not in lines[0]:
            return f"'{lines[0]}'"
        inner = "".join(f"\n        {line}" for line in lines)
        return f"'''{inner}\n    '''"

    def create(self, variable: str, cls: str, words: Sequence[str]) -> None:
        """A line that creates an object; several lines where it is long."""
        self.created.add(variable)
        line = f"{variable} = {cls}({', '.join(words)})"
        if len(line) <= 110 and "\n" not in line:
            self.put(line)
            return
        self.put(f"{variable} = {cls}(", *(f"    {word}," for word in words), ")")

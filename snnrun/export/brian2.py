"""An experiment as a Brian2 script that does the same.

The script is made from the file, not from the network, so that it reads as the file does: equations, conditions and
rules stay text. What Brian2 has nothing for becomes a comment in its place and a note.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.export.expressions import dimension_text
from snnrun.export.groups import group, links
from snnrun.export.measures import measures
from snnrun.export.others import monitor, operation, poisson_input
from snnrun.export.page import Page
from snnrun.export.phases import run
from snnrun.export.pictures import pictures
from snnrun.export.sweeps import loop
from snnrun.export.synapses import synapses
from snnrun.running.stages import Checked
from snnrun.spec.nodes import ScalarNode

MADE_BY = "# Made by `snnrun export`"
"""A line of every script, by which it is known."""


@dataclass(slots=True)
class Script:
    """A script of Brian2.

    Args:
        text: The script.
        arrays: Long lists of numbers, for a file beside it.
        notes: What Brian2 has nothing for: its place in the file, and why.
    """

    text: str
    arrays: Mapping[str, NDArray[Any]]
    notes: Sequence[tuple[str, str]]


def export(checked: Checked, data_file: str) -> Script:
    """An experiment as a script.

    Args:
        checked: The experiment.
        data_file: Name of the file with long lists of numbers, beside the script.
    """
    return script(Page(checked, data_file))


_ELSEWHERE = (
    *(
        "version",
        "name",
        "description",
        "references",
        "authors",
        "license",
        "extends",
        "seed",
        "constants",
        "functions",
        "arrays",
        "run",
    ),
    *("sweep", "metrics", "plots"),
)
"""What else of the file is in the script."""

_PARTS = {
    "groups": ("Neurons", group),
    "inputs": ("Inputs", poisson_input),
    "synapses": ("Synapses", synapses),
    "operations": ("Operations", operation),
    "monitors": ("Monitors", monitor),
}
"""Title of each part of a script, and what writes one of its objects, in the order of the script."""


def script(page: Page) -> Script:
    """The whole script."""
    head = loop(page)
    _model(page)
    if head:
        _repeat(page, head)
    pictures(page, swept=bool(head))
    page.leftover((), (*_PARTS, *_ELSEWHERE), {})
    return Script("\n".join([*_head(page), *page.lines, ""]), page.arrays, page.notes)


def _model(page: Page) -> None:
    """The network, its run, and what is computed from it."""
    _constants(page)
    _arrays(page)
    for section, (title, write) in _PARTS.items():
        names = _ends_first(page) if section == "synapses" else page.document.keys((section,))
        if names:
            page.section(title)
        for name in names:
            write(page, name)
            page.speak_of()
        if section == "groups":
            links(page)
    page.section("Run")
    run(page)
    measures(page)


def _repeat(page: Page, head: str) -> None:
    """Put all lines so far into a loop over the points of a sweep."""
    values = [f"{name!r}: {variable}" for name, variable in page.swept.items()]
    values += ["'repetition': repetition"] if page.repeated else []
    values += ["**metrics"] if page.document.keys(("metrics",)) else []
    more = " + repetition" if page.repeated else ""
    body = ["start_scope()", f"seed({page.network.seeds.noise}{more})", *page.lines]
    body += ["", f"points.append({{{', '.join(values)}}})"]
    inner = [f"    {line}" if line else "" for text in body for line in text.split("\n")]
    page.lines[:] = ["", "# Points of the sweep", "", "points = []", head, *inner]


def _ends_first(page: Page) -> list[str]:
    """Synapses objects, those that are ends of others before these."""
    waiting, found = dict(page.network.synapses), list[str]()
    while waiting:
        ready = [
            name
            for name, s in waiting.items()
            if not any(end.section == "synapses" and end.group in waiting for end in (s.source, s.target))
        ]
        found += ready
        waiting = {name: s for name, s in waiting.items() if name not in ready}
    return found


def _head(page: Page) -> Iterator[str]:
    about = page.document.find(("description",))
    description = str(about.value) if isinstance(about, ScalarNode) else ""
    yield f'"""{page.network.name}'
    if description:
        yield ""
        yield from textwrap.wrap(description.replace('"""', "'''"), 100)
    yield '"""'
    yield MADE_BY
    yield ""
    if page.products:
        yield "import itertools"
        yield ""
    if any("plt." in line for line in page.lines):
        yield "import matplotlib.pyplot as plt"
    yield "import numpy as np"
    yield "from brian2 import *"
    if page.arrays:
        yield ""
        yield f"arrays = np.load({page.data_file!r})"
    yield ""
    yield f"defaultclock.dt = {page.constant(('run', 'dt'))}"
    if "points = []" not in page.lines:
        yield f"seed({page.network.seeds.noise})"


def _constants(page: Page) -> None:
    if not page.constants:
        page.put("", "constants = {}")
        return
    page.section("Constants")
    page.put("constants = {}")
    waiting = list(page.constants)
    while waiting:
        name = next(n for n in waiting if not _needs(page, n) & set(waiting) - {n})
        waiting.remove(name)
        page.trying(("constants", name), partial(_constant, page, name))


def _constant(page: Page, name: str) -> None:
    page.put(f"constants[{name!r}] = {page.swept.get(name) or page.constant(('constants', name))}")


def _needs(page: Page, name: str) -> set[str]:
    return page.context.names_used(page.context.expression(("constants", name))) & set(page.constants)


def _arrays(page: Page) -> None:
    for name, array in page.context.arrays.items():
        if array.times is not None:
            page.note(("arrays", name), "Brian2 has no timed array with times of its own")
            continue
        values = page.numbers(f"arrays.{name}", np.asarray(array.values), dimension_text(array.dimension))
        page.put(f"constants[{name!r}] = TimedArray({values}, dt={float(array.dt)!r}*second)")

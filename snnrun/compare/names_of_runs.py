"""What runs are called beside each other: by what differs between them, or by their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snnrun.compare.documents import Side, differences
from snnrun.results.layout import EXPERIMENT_FILE
from snnrun.spec.values import ABOUT

_APART = ("plots", "metrics", "name", *ABOUT)
"""Sections that change no simulation."""
_MOST = 3  # differences in a name
_LONGEST = 40


def names_of_runs(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders of runs by names that tell them apart: `tau = 20 ms`, or the names of their folders.

    Raises:
        ExperimentError: The experiment of a folder is wrong.
    """
    sides = [Side.read(folder / EXPERIMENT_FILE) for folder in folders]
    found: list[dict[str, tuple[str | None, str | None]]] = [
        {d.place: (d.a, d.b) for d in differences(sides[0], side) if d.place.partition(".")[0] not in _APART}
        for side in sides
    ]
    places = list(dict.fromkeys(place for each in found for place in each))
    first = {place: each[place][0] for each in found for place in each}
    names = [_name({place: each[place][1] if place in each else first[place] for place in places}) for each in found]
    if 0 < len(places) <= _MOST and len(set(names)) == len(names) and all(len(name) <= _LONGEST for name in names):
        return dict(zip(names, folders, strict=True))
    own = [folder.resolve().name for folder in folders]
    if len(set(own)) < len(own):
        own = [str(folder) for folder in folders]
    return dict(zip(own, folders, strict=True))


def _name(values: dict[str, str | None]) -> str:
    """`tau = 20 ms, seed = 2`; brackets around a default are left out."""
    return ", ".join(
        f"{place.rpartition('.')[2].strip()} = {'none' if value is None else value.strip('()')}"
        for place, value in values.items()
    )

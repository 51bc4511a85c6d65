"""Makes an experiment smaller while it keeps a property: parts are left out, one after the other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Path = tuple[str | int, ...]


def shrunk(experiment: dict[str, Any], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """A part of an experiment of which nothing can be left out.

    Args:
        experiment: The experiment.
        holds: Whether a part of it still shows what is looked for; not so of what is no valid file.
    """
    smaller = experiment
    again = True
    while again:
        again = False
        for path in list(_parts(smaller)):
            candidate = _without(smaller, path)
            if candidate is not None and holds(candidate):
                smaller, again = candidate, True
    return smaller


def _parts(value: Any, path: Path = ()) -> Iterator[Path]:
    """Places of all that can be left out, the larger parts first."""
    if isinstance(value, dict):
        keys: list[str | int] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))[::-1]
    elif isinstance(value, str) and "\n" in value:
        keys = list(range(value.count("\n") + 1))[::-1]
        yield from ((*path, key) for key in keys)
        return
    else:
        return
    yield from ((*path, key) for key in keys)
    for key in keys:
        yield from _parts(value[key], (*path, key))


def _without(experiment: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """A copy without the part at a place; nothing when this is no longer there."""
    made = copy.deepcopy(experiment)
    *above, last = path
    parent: Any = made
    holder: Any = None
    for key in above:
        if isinstance(parent, str):
            return None
        try:
            holder, parent = (parent, key), parent[key]
        except (KeyError, IndexError):
            return None
    if isinstance(parent, str):
        lines = parent.split("\n")
        if not isinstance(last, int) or last >= len(lines) or len(lines) == 1:
            return None
        del lines[last]
        holder[0][holder[1]] = "\n".join(lines)
        return made
    try:
        del parent[last]
    except (KeyError, IndexError):
        return None
    return made

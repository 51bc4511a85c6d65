"""Which maps of the format hold fixed keys and which hold the user's own names, read off the models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, get_args, get_origin

from snnrun.spec.forms import field_of, is_model, tagged_branches, unwrap
from snnrun.spec.models import Experiment
from snnrun.spec.nodes import Path

TOP_LEVEL: Final = tuple(key for key in Experiment.model_fields if key != "extends")  # which is gone after loading
"""The keys of a whole experiment, in the order a reader expects."""

_MAY_GROW: Final = (
    ("metrics",),
    ("sweep", "axes"),
    ("sweep", "zip"),
    ("sweep", "sample", "ranges"),
    ("plots", "*", "labels"),
    ("plots", "*", "vlines"),
    ("plots", "*", "panels", "*", "labels"),
    ("plots", "*", "panels", "*", "vlines"),
    ("synapses", "*", "connect", "to"),
    ("synapses", "*", "connect", "unit"),
    ("synapses", "*", "connect", "*", "to"),
    ("synapses", "*", "connect", "*", "unit"),
)


def may_grow(path: Path) -> bool:
    """Whether an option may add a name to a map of the user's own names: nothing else of the file refers to these."""
    return any(
        len(pattern) == len(path) and all(a in ("*", b) for a, b in zip(pattern, path, strict=True))
        for pattern in _MAY_GROW
    )


def may_append(path: Path) -> bool:
    """Whether an option may add an item to the end of a list: one of plots, or of the panels of one."""
    return path == ("plots",) or (path[:1] == ("plots",) and path[2:] == ("panels",))


@lru_cache(maxsize=1024)
def has_free_names(path: Path) -> bool:
    """Whether the map at a path holds the user's own names rather than keys of the format."""
    kinds: list[Any] = [Experiment]
    for step in path:
        kinds = [below for kind in kinds for below in _below(kind, step)]
    return any(get_origin(kind) is dict for kind in kinds)


def _below(kind: Any, step: str | int) -> Iterator[Any]:
    """The types that a value of a type may have at a key or index."""
    if get_origin(kind) in (dict, list):
        yield from _forms(get_args(kind)[-1])
    elif is_model(kind):
        field = field_of(kind, str(step))
        if field is not None:
            yield from _forms(field.annotation)


def _forms(kind: Any) -> Iterator[Any]:
    """The type itself, or each of its forms."""
    kind = unwrap(kind)
    branches = tagged_branches(kind)
    if not branches:
        yield kind
    for branch in branches.values():
        yield from _forms(branch)

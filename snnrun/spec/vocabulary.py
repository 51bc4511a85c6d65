"""Which maps of the format hold fixed keys and which hold the user's own names."""

from __future__ import annotations

from typing import Final

from snnrun.spec.nodes import Path

TOP_LEVEL: Final = (
    "version",
    "name",
    "description",
    "references",
    "seed",
    "constants",
    "functions",
    "arrays",
    "groups",
    "inputs",
    "synapses",
    "monitors",
    "operations",
    "run",
    "metrics",
    "sweep",
    "plots",
)
"""The keys of a whole experiment, in the order a reader expects (`extends` is gone after loading)."""

_FREE: Final = frozenset(
    {
        ("constants",),
        ("functions",),
        ("arrays",),
        ("groups",),
        ("groups", "*", "constants"),
        ("groups", "*", "events"),
        ("groups", "*", "initial"),
        ("groups", "*", "linked"),
        ("groups", "*", "subgroups"),
        ("inputs",),
        ("synapses",),
        ("synapses", "*", "initial"),
        ("synapses", "*", "on_pre"),
        ("synapses", "*", "on_post"),
        ("synapses", "*", "connect", "*", "initial"),
        ("synapses", "*", "connect", "initial"),
        ("monitors",),
        ("operations",),
        ("run", "phases", "*", "set"),
        ("metrics",),
        ("sweep", "axes"),
        ("sweep", "zip"),
        ("sweep", "points", "*"),
        ("sweep", "sample", "ranges"),
        ("plots", "*", "lines"),
        ("plots", "*", "panels", "*", "lines"),
    }
)
"""Maps whose keys are names the user chooses; `*` is any key or index."""


MAY_GROW: Final = frozenset({("metrics",), ("sweep", "axes"), ("sweep", "zip"), ("sweep", "sample", "ranges")})
"""Maps of the user's own names to which an option may add one: nothing else of the file refers to these."""


def has_free_names(path: Path) -> bool:
    """Whether the map at a path holds the user's own names rather than keys of the format."""
    return any(
        len(pattern) == len(path) and all(a in ("*", b) for a, b in zip(pattern, path, strict=True))
        for pattern in _FREE
    )

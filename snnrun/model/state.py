"""The state at the end of a run as arrays by name, which another run may begin with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from snnrun.model.network import CONNECTED, Group, IntArray, Network, Stored, Synapses

STATE_FILE = "state.npz"


_MOMENTS = frozenset({"lastspike", "lastupdate", "nextspike"})


def is_moment(name: str) -> bool:
    """Whether a variable of this name holds a step; also those of traces, `lastupdate_pre@syn`."""
    return name in _MOMENTS or (name.startswith("lastupdate_") and "@" in name)


RENEWED = frozenset({"nextspike", "silence"})  # of Poisson groups; drawn anew where a state has none


def kept_variables(network: Network) -> list[tuple[str, str]]:
    """The variables that a state holds, as path of the object and name."""
    return [(stored.variable.owner, stored.variable.name) for stored in _stored(network)]


def _stored(network: Network) -> list[Stored]:
    owners: list[Group | Synapses] = [*network.groups.values(), *network.synapses.values()]
    return [stored for owner in owners for stored in owner.stored if stored.variable.name not in CONNECTED]


def pairs_hash(pre: IntArray, post: IntArray) -> str:
    """What the synapses of an object connect, as a hash; both in the order of creation, shape (m,)."""
    digest = hashlib.sha256(f"{len(pre)}".encode())
    for ends in (pre, post):
        digest.update(np.ascontiguousarray(ends, dtype="<i4").tobytes())
    return digest.hexdigest()


def describe_state(network: Network, steps: int, wirings: Mapping[str, str], kept: Mapping[str, int]) -> dict[str, Any]:
    """What stands beside the arrays of a state; `kept` is of how many of the last steps an event is known."""
    units = {f"{s.variable.owner}.{s.variable.name}": s.dimension.symbol for s in _stored(network)}
    return {
        "kind": "state",
        "steps": steps,
        "dt": network.dt,
        "wirings": dict(wirings),
        "kept": dict(kept),
        "units": units,
    }


def spikes_name(source: str, part: str) -> str:
    """The name of an array of an event (`EventSource.name`): `steps` or `neurons`. No variable's has a colon."""
    return f"groups.{source}:{part}"

"""The state at the end of a run as the beginning of another: `run.save_state` and `run.start_from`.

A state holds every variable of groups and synapses, those of synapses in the order of creation, and the spikes that
may still be on their way: those of as many of the last steps as the longest delay of a group has. Times of spikes are
kept as steps from the end, so that time can begin at 0 again. What spikes do when they arrive is for the run that
begins to say: its delays and statements count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.dag import Kind
from snnrun.errors import did_you_mean
from snnrun.files.state_file import read_arrays
from snnrun.model.elapsed import LAST
from snnrun.model.network import IntArray, Network, Start
from snnrun.model.state import RENEWED, STATE_FILE, _stored, kept_variables, spikes_name
from snnrun.resolve.context import Context, Path
from snnrun.resolve.files import find_file
from snnrun.source import Text

_PATH: Path = ("run", "start_from")


def resolve_start(context: Context, network: Network) -> Start:
    """The state that a run begins with.

    Raises:
        ExperimentError: FIL201 to FIL204: there is none, or it is of another network.
    """
    text = context.text(_PATH)
    folder = context.document.folder_of(_PATH) / text.value
    name = text
    if "\0" not in text.value and folder.is_dir():
        rest = f"/{STATE_FILE}"
        name = Text(text.value + rest, text.file, (*text.offsets, *(text.offsets[-1] for _ in rest)))
    file = find_file(context, _PATH, name)
    context.files[text.value] = file
    try:
        arrays, description = read_arrays(file)
        dt, wirings = float(description["dt"]), dict(description["wirings"])
        units = {str(name): str(unit) for name, unit in description.get("units", {}).items()}
        kept = {str(name): int(steps) for name, steps in description["kept"].items()}
        spikes = {name: _spikes(arrays, name, steps) for name, steps in kept.items()}
        values = {_parts(name): array for name, array in arrays.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):  # whatever a file of another kind holds
        advice = "a run with `save_state: true` leaves `state.npz` in its folder"
        raise context.error("FIL203", f"`{file.name}` is not the state of a run", _PATH, advice) from None
    if dt != network.dt:
        raise context.error("FIL204", f"that run had `dt` {dt:g} s, this one has {network.dt:g} s", _PATH)
    _must_fit(context, network, values)
    _must_mean_the_same(context, network, values, units)
    for group in network.groups.values():
        if any(np.any(spikes[source.name][1] >= group.size) for source in group.sources if source.name in spikes):
            message = f"in that run `{group.name}` had more neurons than here, where it has {group.size}"
            raise context.error("FIL204", message, _PATH)
    return Start(values, wirings, spikes, kept, context.document.span(_PATH))


def _spikes(arrays: dict[str, NDArray[Any]], source: str, kept: int) -> tuple[IntArray, IntArray]:
    """Take the neurons that had an event out of the arrays of a state.

    Raises:
        ValueError: They are not neurons at steps.
        KeyError: They are not there.
    """
    steps, neurons = (arrays.pop(spikes_name(source, part)) for part in ("steps", "neurons"))
    ascending = steps.ndim == neurons.ndim == 1 and len(steps) == len(neurons)
    if not ascending or steps.dtype.kind != "i" or neurons.dtype.kind != "i":
        raise ValueError(source)
    if len(steps) and (steps.min() < -kept or steps.max() >= 0 or neurons.min() < 0 or np.any(np.diff(steps) < 0)):
        raise ValueError(source)
    return steps.astype(np.int64), neurons.astype(np.int64)


def _parts(name: str) -> tuple[str, str]:
    owner, _, variable = name.rpartition(".")
    return owner, variable


def _must_fit(context: Context, network: Network, values: Mapping[tuple[str, str], NDArray[Any]]) -> None:
    for synapses in network.synapses.values():
        if (synapses.path, LAST) in values and not (synapses.elapsed.assignments or synapses.traces):
            message = f"in that run variables of `{synapses.name}` were event-driven, and as old as the last event"
            raise context.error("FIL204", message, _PATH, "keep them event-driven, or make both runs clock-driven")
    groups = {g.path: g for g in network.groups.values()}
    for owner, name in kept_variables(network):
        if name in RENEWED and (owner, name) not in values:
            continue
        found = values.get((owner, name))
        if found is None:
            raise context.error("FIL204", *_missing(owner, name, values))
        if found.ndim != 1 or found.dtype.kind not in "fiub":
            raise context.error("FIL203", f"`{owner}.{name}` of that state is not a list of numbers", _PATH)
        group = groups.get(owner)
        if group is None:
            continue
        shared = next(s.variable.shared for s in group.stored if s.variable.name == name)
        if len(found) != (1 if shared else group.size):
            raise context.error(
                "FIL204",
                f"in that run `{owner}.{name}` had {len(found)} values, here `{group.name}` has {group.size}",
                _PATH,
            )


def _missing(owner: str, name: str, values: Iterable[tuple[str, str]]) -> tuple[str, Path, str | None]:
    """What is said of a variable that a state lacks: the message, the place in the file, what to do."""
    known = set(values)
    section, _, short = owner.partition(".")
    plain, _, kept = name.partition("@")  # of synapses, where a neuron keeps it
    each, one = "one value for each synapse", "one for all synapses of a neuron"
    advice = f"let the same act on `{plain}` in both files, and make that run again"
    if (f"synapses.{kept}", plain) in known:
        return f"in that run `{plain}` of `synapses.{kept}` had {each}, here it has {one}", _PATH, advice
    if any(n == f"{name}@{short}" for _, n in known):
        return f"in that run `{name}` of `{owner}` had {one}, here it has {each}", _PATH, advice
    owners = {o for o, _ in known}
    if owner not in owners:
        near = did_you_mean(short, [o.partition(".")[2] for o in owners if o.startswith(section)])
        return f"that run had no `{owner}`", _PATH, near
    near = did_you_mean(name, [n for o, n in known if o == owner])
    return f"in that run `{owner}` had no variable `{name}`", _PATH, near


_KINDS = {Kind.FLOAT: ("f", "a number"), Kind.INT: ("i", "an integer"), Kind.BOOL: ("ub", "a boolean")}


def _must_mean_the_same(
    context: Context, network: Network, values: Mapping[tuple[str, str], NDArray[Any]], units: Mapping[str, str]
) -> None:
    """Values of a state are SI values of the dimension and kind that their variables had.

    Raises:
        ExperimentError: FIL204 where they have another one here; FIL203 for values that no run leaves.
    """
    for stored in _stored(network):
        owner, name = stored.variable.owner, stored.variable.name
        found = values.get((owner, name))
        if found is None:
            continue
        kinds, word = _KINDS[stored.kind]
        if found.dtype.kind not in kinds:
            was = next((w for k, w in _KINDS.values() if found.dtype.kind in k), "something else")
            raise context.error("FIL204", f"in that run `{owner}.{name}` was {was}, here it is {word}", _PATH)
        here, there = stored.dimension.symbol, units.get(f"{owner}.{name}", stored.dimension.symbol)
        if here != there:
            message = f"in that run `{owner}.{name}` was in [{there}], here it is in [{here}]"
            raise context.error("FIL204", message, _PATH)
        if stored.kind is Kind.FLOAT and name not in RENEWED and np.any(np.isnan(found)):
            raise context.error("FIL203", f"`{owner}.{name}` of that state is not a number (NaN)", _PATH)
        if stored.kind is Kind.BOOL and np.any(found > 1):
            raise context.error("FIL203", f"`{owner}.{name}` of that state is neither true nor false", _PATH)
    if not units:
        advice = "an earlier version wrote it; save it again to have them checked"
        context.report.warn(
            "FIL205", "that state does not say the units of its values", context.document.span(_PATH), advice
        )

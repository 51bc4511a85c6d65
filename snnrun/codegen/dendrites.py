"""Amounts on their way along dendrites, as text: rings of sums for the steps to come, and what arrives of them."""

from __future__ import annotations

from collections.abc import Sequence

from snnrun.codegen.arguments import ArrayUse, CType, IntUse
from snnrun.codegen.emit import Place, Writer
from snnrun.equations.dag import Kind, Variable, is_fixed
from snnrun.model.carried import Carried
from snnrun.model.network import Pathway, Synapses


def send(w: Writer, synapses: Synapses, pathway: Pathway, sent: Sequence[Carried], place: Place) -> list[str]:
    """Compute the amounts of a synapse; gives the lines that put them on their way."""
    if not sent or pathway.dendritic is None:
        return []
    owner, target = synapses.pathway_path(pathway), f"groups.{synapses.target.group}"
    mask, neurons = _mask(w, owner), w.integer("neurons", IntUse.N.of(target))
    late = f"{w.array('dendrites', ArrayUse.DENDRITES.of(owner))}[{place.own}]"
    if is_fixed(pathway.dendritic):
        (late,) = w.evaluate([pathway.dendritic], place)
    lines = [f"at = ((step + {late}) & {mask}) * {neurons} + {w.index(place, 'post')}"]
    for c, text in zip(sent, w.evaluate([c.amount for c in sent], place), strict=True):
        name = w.temporary(f"amount_{c.variable.name}")
        w.line(f"{name} = {text}")
        lines.append(f"{_ring(w, owner, c.variable)}[at] += {name}")
    return lines


def receive(w: Writer, synapses: Synapses, pathway: Pathway, sent: Sequence[Carried]) -> None:
    """Add what arrives in this step to the variables of the targets."""
    if not sent:
        return
    owner, target = synapses.pathway_path(pathway), f"groups.{synapses.target.group}"
    neurons = w.integer("neurons", IntUse.N.of(target))
    low, high = w.range(target) if synapses.divisible else ("0", neurons)
    w.line(f"now = (step & {_mask(w, owner)}) * {neurons}")
    for c in sent:
        hand_out(w, c.variable, _ring(w, owner, c.variable), (low, high), guarded=c.guarded)


def hand_out(w: Writer, variable: Variable, ring: str, neurons: tuple[str, str], *, guarded: bool) -> None:
    """Add the sums of this step, which begin at `now`, to a variable of neurons, and clear them."""
    values = w.variable_array(variable, Kind.FLOAT, write=True)
    w.loop(f"for k in range({neurons[0]}, {neurons[1]}):")
    new = f"{values}[k] + {ring}[now + k]"
    if guarded:
        key = ArrayUse.VARIABLE.of(variable.owner, "not_refractory")
        active = w.array("active", key, CType.U8, own=True)
        new = f"select({active}[k] != 0, {new}, {values}[k])"
    w.line(f"{values}[k] = {new}")
    w.line(f"{ring}[now + k] = 0.0")
    w.end()


def _mask(w: Writer, owner: str) -> str:
    return w.integer("mask_dendrites", IntUse.MASK.of(f"{owner}.dendrites"))


def _ring(w: Writer, owner: str, variable: Variable) -> str:
    key = ArrayUse.CARRIED.of(owner, variable.name)
    return w.array(f"carried_{variable.name}", key, w.real, write=True, own=True)

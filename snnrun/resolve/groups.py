"""Groups of the file to groups of the network: what all kinds have here, each kind in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from snnrun.equations.dag import Kind, Op
from snnrun.equations.scope import Typed
from snnrun.model.network import Group, Indices, NeuronSubset, everything, part
from snnrun.resolve.clocks import clock_symbols, read_clock, with_clock
from snnrun.resolve.constants import own_constants
from snnrun.resolve.context import AlreadyReported, Context, Path, Population, exact_int
from snnrun.resolve.links import refuse_circles
from snnrun.resolve.neurons import read_neurons
from snnrun.resolve.poisson import resolve_poisson
from snnrun.resolve.schedules import resolve_schedule
from snnrun.resolve.selection import select_indices
from snnrun.resolve.sonata import read_size
from snnrun.spec import models
from snnrun.spec.nodes import MapNode, ScalarNode
from snnrun.units.dimensions import ONE, TIME


def _at_once(resolve: Callable[[Context, Population, Any], Group]) -> Callable[..., Callable[[], Group]]:
    """The stages of a kind whose groups need no other one: all is done when it is read."""

    def read(context: Context, population: Population, model: Any) -> Callable[[], Group]:
        group = resolve(context, population, model)
        population.define = lambda _name: None
        return lambda: group

    return read


_KINDS: Final[dict[type, Callable[[Context, Population, Any], Callable[[], Group]]]] = {
    models.NeuronGroup: read_neurons,
    models.PoissonGroup: _at_once(resolve_poisson),
    models.SpikeGroup: _at_once(resolve_schedule),
}
"""What reads a group of each kind in the file; the population has its size, subgroups and names.

It gives what makes the group of the network, which is done when all groups are read: they may be linked to each other.
"""


def resolve_groups(context: Context) -> dict[str, Group]:
    """All groups, in the order of the file; errors are collected in the context."""
    read: dict[str, Callable[[], Group]] = {}
    groups: dict[str, Group] = {}
    for name, model in context.experiment.groups.items():
        with _one(context, name):
            population = _population(context, name, model)
            read[name] = _KINDS[type(model)](with_clock(context, population), population, model)
    for name, make in read.items():
        with _one(context, name):
            groups[name] = replace(make(), every=context.populations[name].every)
    with context.collecting():
        refuse_circles(context, groups)
    return groups


@contextmanager
def _one(context: Context, name: str) -> Iterator[None]:
    """Collect the errors of one group."""
    with context.collecting(f"groups.{name}"):
        try:
            yield
        except AlreadyReported:
            context.failed.add(f"groups.{name}")


def _population(context: Context, name: str, model: models.Group) -> Population:
    """What a group of any kind is for other objects, before its variables are known."""
    size, sizes = _sizes(context, name, model)
    dt, every = read_clock(context, ("groups", name, "dt"), f"group `{name}`")
    symbols = _symbols(context, name, size, model, clock_symbols(context, dt, every))
    subgroups = _subgroups(context, name, size, sizes)
    found = Population(name, everything(name, size), {}, subgroups, every=every, symbols=symbols)
    context.populations[name] = found
    return found


def _sizes(context: Context, name: str, model: models.Group) -> tuple[int, dict[str, int]]:
    """The size of the group, and of those subgroups that are given by sizes."""
    path: Path = ("groups", name)
    sizes: dict[str, int] = {}
    for subgroup in model.subgroups or {}:
        at_size = (*path, "subgroups", subgroup)
        if _is_size(context, at_size):
            sizes[subgroup] = context.integer(at_size, f"the size of subgroup `{subgroup}`", 1)
    if model.size is None:
        if not sizes:
            advice = "add `size: 100`, or subgroups with sizes"
            raise context.key_error("NET130", f"group `{name}` has no size", path, advice)
        return sum(sizes.values()), sizes
    at_size = (*path, "size")
    of_nodes = isinstance(context.document.node(at_size), MapNode)
    size = read_size(context, at_size) if of_nodes else context.integer(at_size, f"the size of `{name}`", 1)
    if sizes and sum(sizes.values()) != size:
        raise context.error(
            "NET130",
            f"the subgroups of `{name}` have {sum(sizes.values())} neurons, its size is {size}",
            (*path, "size"),
            "leave out `size`: it is the sum of its subgroups",
        )
    return size, sizes


def _is_size(context: Context, path: Path) -> bool:
    """Whether a subgroup is given by its size, not by the neurons it has."""
    node = context.document.node(path)
    if not isinstance(node, ScalarNode) or ":" in str(node.value) or str(node.value).strip() == "all":
        return False
    g = context.graph
    symbols = {name: Typed(g.node(Op.INDEX, (), Kind.INT, index), ONE) for name, index in (("i", "own"), ("N", "N"))}
    checker = context.checker(symbols, f"the size of `{path[-1]}`")
    return checker.check(context.expression(path)).exact is not None


def _subgroups(context: Context, name: str, size: int, sizes: dict[str, int]) -> dict[str, NeuronSubset]:
    found: dict[str, NeuronSubset] = {}
    first = 0
    for subgroup in context.document.keys(("groups", name, "subgroups")):
        if subgroup in sizes:
            members: Indices = range(first, first + sizes[subgroup])
            first += sizes[subgroup]
        else:
            path = ("groups", name, "subgroups", subgroup)
            members = select_indices(context, path, size, f"subgroup `{subgroup}`")
        found[subgroup] = part(name, f"{name}.{subgroup}", members, size)
    return found


def _symbols(context: Context, name: str, size: int, model: models.Group, clock: dict[str, Typed]) -> dict[str, Typed]:
    """Names that every expression of the group knows, and its own constants."""
    g = context.graph
    found = {
        "t": Typed(g.node(Op.TIME), TIME),
        "t_in_timesteps": Typed(g.node(Op.STEP, (), Kind.INT), ONE),
        "i": Typed(g.node(Op.INDEX, (), Kind.INT, "own"), ONE),
        "N": exact_int(g, "N", size),
        **clock,
    }
    if getattr(model, "constants", None):
        found |= own_constants(context, ("groups", name), found)
    return found

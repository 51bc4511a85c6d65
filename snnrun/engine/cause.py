"""Why a value stopped being finite: the operation that made infinity or NaN of finite numbers, and what can be done.

The graphs of a step are computed again for the one element, with numpy and the state before the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from snnrun.codegen.arguments import ArrayKey, ArrayUse
from snnrun.engine.values import Array, Built, all_elements
from snnrun.equations.dag import Constant, Kind, Node, Op, Parameter, Reduction, Variable, walk
from snnrun.equations.methods.table import fitting
from snnrun.model.evaluate import Environment, Values
from snnrun.model.network import Block, Group, Network, Stored, Synapses
from snnrun.source import Span


@dataclass(frozen=True, slots=True)
class Cause:
    """What broke.

    Args:
        what: As the end of a sentence, for example "`exp` overflows"; empty when it is not known.
        help: What can be done.
        span: Its place in the file.
    """

    what: str
    help: str
    span: Span | None = None


def cause_of(
    built: Built, network: Network, step: int, stored: Stored, element: int, before: Callable[[ArrayKey], Array]
) -> Cause:
    """Find the operation that broke a variable in a step.

    Args:
        built: The network in memory, after the step.
        network: The network with the constants of the phase.
        step: The step.
        stored: The variable.
        element: Its number; of synapses, in the order of storage.
        before: The arrays at the start of the step.
    """
    return _Search(built, network, step, before).cause(stored, element)


@dataclass(frozen=True, slots=True)
class _Broken:
    """A node whose value is not finite although its arguments are."""

    node: Node
    args: tuple[Any, ...]


class _Search:
    def __init__(self, built: Built, network: Network, step: int, before: Callable[[ArrayKey], Array]) -> None:
        self.built = built
        self.network = network
        self.step = step
        self.before = before
        self.kinds = {(s.variable.owner, s.variable.name): s.kind for s in network.stored}
        holders: list[Group | Synapses] = [*network.groups.values(), *network.synapses.values()]
        held = [a.variable for x in holders for a in x.held.assignments]
        sums = [s.target for x in network.synapses.values() for s in x.summed]
        self.now = {(v.owner, v.name) for v in (*held, *sums)}  # made anew in the step, before anything reads them

    def cause(self, stored: Stored, element: int) -> Cause:
        wanted = (stored.variable.owner, stored.variable.name)
        possible: list[Cause] = []
        for env, node, certain in self.candidates(wanted, element):
            broken = self.broken(node, env)
            if broken is None:
                continue
            cause = self.explained(broken, stored, element)
            if certain:
                return cause
            if cause not in possible:
                possible.append(cause)
        if len(possible) > 1:
            return _one_of(possible)
        return possible[0] if possible else Cause("", self.other_methods(stored) or "try a smaller `dt`")

    # what may have written the value

    def candidates(self, wanted: tuple[str, str], element: int) -> Iterator[tuple[Environment, Node, bool]]:
        """Graphs that may have written a variable, with what their leaves stand for, in the order of a step.

        First those that are carried out in this step; then, marked as not certain, those that spikes carry out.
        """
        owner = wanted[0]
        section, _, name = owner.partition(".")
        network, number = self.network, element
        acting = [o for o in network.operations if o.acts_within(self.step, self.step + 1)]
        blocks = [o.block for o in acting if o.target == owner]
        if section == "groups":
            group, own = network.groups[name], self.neuron(network.groups[name], element)
            blocks += [group.held, group.update, *(i.block for i in network.inputs)]
            events = [group.reset, *(e.block for e in group.events)]
            blocks += [s.of_sources for s in network.synapses.values()]
            events += [p.trace for s in network.synapses.values() for p in s.pathways]
        else:
            own, number = self.synapse(name, element), int(self.built.connectivity[name].created[element])
            blocks.append(network.synapses[name].update)
            events = [p.block for p in network.synapses[name].pathways]
        others = [s for s in network.synapses.values() if s.path != owner]
        yield from ((own, n, True) for n in _values(wanted, *blocks))
        for synapses in others:
            sums = [(s.target.reach, s.value) for s in synapses.summed if _is(s.target, wanted)]
            sums += _writes(wanted, *(o.block for o in acting if o.target == synapses.path))
            yield from ((env, n, True) for reach, n in sums for env in self.breaking(synapses, reach, number, n))
        for synapses in others:
            written = _writes(wanted, *(p.block for p in synapses.pathways))
            yield from ((env, n, False) for reach, n in written for env in self.breaking(synapses, reach, number, n))
        yield from ((own, n, False) for n in _values(wanted, *events))

    def breaking(self, synapses: Synapses, reach: str, neuron: int, node: Node) -> Iterator[Environment]:
        """The first synapse of a neuron for which a graph is not finite."""
        connectivity = self.built.connectivity[synapses.name]
        ends = connectivity.pre if reach == "pre" else connectivity.post
        for s in np.flatnonzero(ends == neuron).tolist():
            env = self.synapse(synapses.name, s)
            if not np.isfinite(_value(node, env)):
                yield env
                return

    # leaves

    def environment(self, index: dict[str, Any], element: int, places: dict[str, int]) -> Environment:
        def read(variable: Variable) -> Any:
            key = ArrayUse.VARIABLE.of(variable.owner, variable.name)
            array = self.built.arrays.get(key) if (variable.owner, variable.name) in self.now else self.before(key)
            if array is None:
                return np.float64(0.0)  # the number of events of an input
            if variable.reach == "element":
                return array != 0 if array.dtype == np.uint8 else array
            value = array[0 if variable.shared else places[variable.reach]]
            kind = self.kinds.get((variable.owner, variable.name))
            return bool(value) if kind is Kind.BOOL else np.int64(value) if kind is Kind.INT else value

        return Environment(
            read=read,
            index=index,
            elements=np.int64(element),
            step=np.int64(self.step),
            dt=self.network.dt,
            seeds=self.network.seeds,
            arrays=self.network.arrays,
            precision=self.network.precision,
            all_of=partial(all_elements, self.built, self.network, self.step),
        )

    def neuron(self, group: Group, element: int) -> Environment:
        k = np.int64(element)
        return self.environment({"own": k, "list": k, "N": np.int64(group.size)}, element, {"own": element})

    def synapse(self, name: str, element: int) -> Environment:
        connectivity = self.built.connectivity[name]
        pre, post = int(connectivity.pre[element]), int(connectivity.post[element])
        index = {"own": element, "pre": pre, "post": post}
        places = dict(index)
        for reach, end in (("pre", connectivity.source), ("post", connectivity.target)):
            if end.section == "synapses":
                places[reach] = int(self.built.connectivity[end.group].place[places[reach]])
        return self.environment({k: np.int64(v) for k, v in index.items()}, int(connectivity.created[element]), places)

    # the operation

    def broken(self, node: Node, env: Environment) -> _Broken | None:
        values = Values(replace(env))
        if np.isfinite(values.of(node)):
            return None
        while True:
            args = node.args[1:] if node.op is Op.SELECT else node.args
            if node.op is Op.SELECT:
                args = (node.args[1 if values.of(node.args[0]) else 2],)
            bad = [a for a in args if a.kind is Kind.FLOAT and not np.isfinite(values.of(a))]
            if not bad:
                return _Broken(node, tuple(values.of(a) for a in node.args))
            node = bad[0]

    def explained(self, broken: _Broken, stored: Stored, element: int) -> Cause:
        node = broken.node
        if isinstance(node.payload, Variable) and self.is_made_anew(node.payload, stored.variable):
            made = next(s for s in self.network.stored if _is(node.payload, (s.variable.owner, s.variable.name)))
            return self.cause(made, 0 if node.payload.shared else element)
        span = self.network.graph.places.get(node.number)
        numbers = [float(a) for a in broken.args]
        match node.op:
            case Op.DIV | Op.FLOORDIV | Op.MOD if numbers[1] == 0.0:
                if numbers[0] == 0.0:
                    what, help = "0/0", "keep the denominator away from 0"
                else:
                    what, help = f"{numbers[0]:.3g} is divided by 0", "keep the denominator away from 0 (`clip`)"
                if any(n.op is Op.FUNCTION and n.payload == "exp" for n in walk(node.args[1])):
                    help = "write x/(exp(x) - 1) as 1/exprel(x): `exprel` is (exp(x) - 1)/x, and 1 at 0"
                return Cause(what, help, span)
            case Op.FUNCTION if node.payload in _GROWING and all(map(np.isfinite, numbers)):
                help = f"limit its argument, for example `{node.payload}(clip(x, -50, 50))`"
                if self.has_threshold(stored):
                    help = (
                        f"use a lower threshold, at which the neuron is reset before, or {help[:1].lower()}{help[1:]}"
                    )
                return Cause(f"`{node.payload}` of {numbers[0]:.3g} overflows", help, span)
            case Op.FUNCTION | Op.POW if not any(map(np.isinf, numbers)):
                shown = ", ".join(f"{x:.3g}" for x in numbers)
                name = "a power" if node.op is Op.POW else f"`{node.payload}`"
                return Cause(f"{name} of {shown} is not a finite number", "limit its argument (`clip`)", span)
            case Op.ADAPTIVE:
                what = "its equations run away: no part of the step is short enough"
                return Cause(what, "give the group a `threshold` that is crossed before, or `clip` what grows", span)
            case Op.REDUCED:
                return self.within_reduction(node, stored, span)
            case _ if not node.args:
                payload = node.payload
                name = payload.name if isinstance(payload, Variable | Constant | Parameter) else node.op.value
                return Cause(f"`{name}` is not finite", f"look at what gives `{name}` its value", span)
            case _:
                help = self.other_methods(stored) or "try a smaller `dt`, or limit what grows (`clip`)"
                return Cause("the value grows beyond what a number can hold", help, span)

    def within_reduction(self, node: Node, stored: Stored, span: Span | None) -> Cause:
        """The first element whose value is not finite, of what all elements of an object make together."""
        r = node.payload
        assert isinstance(r, Reduction)
        words = (
            f"`{r.function}(...)`" if span is None else f"`{' '.join(span.file.text[span.start : span.end].split())}`"
        )
        section, _, name = r.owner.partition(".")
        group = self.network.groups.get(name) if section == "groups" else None
        size = len(self.built.connectivity[name].pre) if group is None else group.size
        for k in range(min(size, _MOST_ELEMENTS)):
            broken = self.broken(r.value, self.synapse(name, k) if group is None else self.neuron(group, k))
            if broken is not None:
                cause = self.explained(broken, stored, k)
                kind = "synapse" if group is None else "neuron"
                return replace(cause, what=f"in {words} for {kind} {k} of `{name}` {cause.what}")
        return Cause(f"{words} is not finite", "limit what it is made of (`clip`)", span)

    def is_made_anew(self, variable: Variable, reader: Variable) -> bool:
        """Whether a variable of the same element is a sum over synapses, or held over the step."""
        key = (variable.owner, variable.name)
        return key in self.now and variable.owner == reader.owner and key != (reader.owner, reader.name)

    def has_threshold(self, stored: Stored) -> bool:
        section, _, name = stored.variable.owner.partition(".")
        return section == "groups" and self.network.groups[name].threshold is not None

    def other_methods(self, stored: Stored) -> str | None:
        """Methods that fit the equations and are stable where the one in use may not be."""
        section, _, name = stored.variable.owner.partition(".")
        plain, _, kept = stored.variable.name.partition("@")  # of synapses, where a neuron keeps it
        of_synapses = bool(kept) or section != "groups"
        holder = self.network.synapses[kept or name] if of_synapses else self.network.groups[name]
        integration, variable = holder.integration, replace(stored.variable, owner=holder.path, name=plain)
        if integration is None or integration.system is None or variable not in integration.system.rhs:
            return None
        fit = set(fitting(integration.system)) - {integration.method}
        better = [f"`{m}`" for m in ("exact", "exponential_euler", "rk4") if m in fit]
        if integration.method == "exact" or not better:
            return None
        return f"try a smaller `dt`, or another method ({', '.join(better)}); if the equations themselves grow, `clip`"


_MOST_ELEMENTS = 10_000  # of a reduction, that are looked at one by one
_GROWING = frozenset({"exp", "expm1", "sinh", "cosh", "exprel"})


def _is(variable: Variable, wanted: tuple[str, str]) -> bool:
    return (variable.owner, variable.name) == wanted


def _values(wanted: tuple[str, str], *blocks: Block) -> list[Node]:
    return [a.value for block in blocks for a in block.assignments if _is(a.variable, wanted)]


def _writes(wanted: tuple[str, str], *blocks: Block) -> list[tuple[str, Node]]:
    """What blocks of synapses write to a neuron's variable, each with the end at which the neuron is."""
    return [(a.variable.reach, a.value) for block in blocks for a in block.assignments if _is(a.variable, wanted)]


def _one_of(causes: list[Cause]) -> Cause:
    """Several statements that spikes carry out, of which one has done it."""
    told = [c.what + (f" in line {c.span.line}" if c.span is not None else "") for c in causes]
    return Cause(f"{' or '.join(told)} (whichever a spike carried out in this step)", causes[0].help, causes[0].span)


def _value(node: Node, env: Environment) -> Any:
    return Values(env).of(node)

"""Initial values and connections as docs/decisions/0020 has them: plain Python, one neuron and one pair at a time.

Nothing of the package's own construction is used: of a network it takes the description (`model/network.py`), and of
`kernels` the functions, with single numbers. Random numbers are made here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from snnrun.equations.dag import DRAWN_BY, Constant, Draw, Kind, Node, Op, Parameter, Variable, is_fixed
from snnrun.kernels import functions, random
from snnrun.kernels.streams import stream_key
from snnrun.model.network import (
    MULTISYNAPTIC,
    All,
    Connect,
    FixedDegree,
    Generated,
    Group,
    Initial,
    Network,
    NeuronSubset,
    OneToOne,
    Pairs,
    Pathway,
    Synapses,
)
from snnrun.model.ranges import target_ranges

Pair = tuple[int, int]
MASK = 2**64 - 1
ROTATIONS = (16, 42, 12, 31, 16, 32, 24, 21)


# random numbers


def threefry(counter: Pair, key: Pair) -> Pair:
    """Threefry-2x64 with 13 rounds (Salmon et al. 2011)."""
    keys = (*key, 0x1BD11BDAA9FC1A22 ^ key[0] ^ key[1])
    x0, x1 = (counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK
    for n in range(13):
        x0 = (x0 + x1) & MASK
        turn = ROTATIONS[n % 8]
        x1 = (x1 << turn | x1 >> (64 - turn)) & MASK ^ x0
        if n % 4 == 3:
            s = n // 4 + 1
            x0, x1 = (x0 + keys[s % 3]) & MASK, (x1 + keys[(s + 1) % 3] + s) & MASK
    return x0, x1


def uniform(k: int, row: int, seed: int, stream: str) -> float:
    """Number k of a row of a stream: the upper 52 bits of a word as a fraction."""
    words = threefry((k >> 1 & MASK, row & MASK), (seed & MASK, stream_key(stream)))
    return float(words[k & 1] >> 12) / 2**52


# expressions


@dataclass(frozen=True)
class Place:
    """For what an expression is evaluated.

    Args:
        read: Values of variables.
        index: Values of index leaves.
        k: Which number of the row is drawn.
        row: The row.
        position: Which number of a list is taken.
    """

    network: Network
    read: Callable[[Variable], Any] = lambda variable: {}[variable]
    index: Mapping[str, int] = field(default_factory=dict)
    k: int = 0
    row: int = 0
    position: int = 0
    step: int = 0


_BINARY = {
    Op.ADD: operator.add,
    Op.SUB: operator.sub,
    Op.MUL: operator.mul,
    Op.DIV: operator.truediv,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.AND: operator.and_,
    Op.OR: operator.or_,
}
_TYPES: dict[Kind, Any] = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.bool_}


def value(node: Node, place: Place) -> Any:
    """The value of a graph, as a number of numpy."""
    with np.errstate(all="ignore"):
        return _value(node, place)


def _value(node: Node, place: Place) -> Any:
    args = [_value(a, place) for a in node.args]
    payload: Any = node.payload
    if node.op in _BINARY:
        return _BINARY[node.op](*args)
    match node.op:
        case Op.LITERAL:
            return _TYPES[node.kind](payload)
        case Op.CONSTANT:
            assert isinstance(payload, Constant | Parameter)
            return _TYPES[node.kind](payload.value)
        case Op.NEG:
            return -args[0]
        case Op.NOT:
            return not args[0]
        case Op.SELECT:
            return args[1] if args[0] else args[2]
        case Op.TO_FLOAT:
            return np.float64(args[0])
        case Op.TO_INT:
            return np.int64(args[0])
        case Op.FLOORDIV if node.kind is Kind.INT:
            return args[0] // args[1]
        case Op.MOD if node.kind is Kind.INT:
            return args[0] % args[1]
        case Op.POW | Op.FLOORDIV | Op.MOD | Op.FUNCTION:
            names = {Op.POW: "pow", Op.FLOORDIV: "floordiv", Op.MOD: "fmod_python"}
            return _function(names.get(node.op, str(payload)), args)
        case Op.VARIABLE:
            return place.read(payload)
        case Op.ELEMENT:
            found = place.read(payload)[int(args[0])]
            return np.float64(found) if isinstance(found, np.floating) else found
        case Op.INDEX:
            return np.int64(place.index[payload])
        case Op.LIST:
            return payload.array[place.position]
        case Op.TIME:
            return np.float64(place.step * place.network.dt)
        case Op.STEP:
            return np.int64(place.step)
        case Op.TIMED:
            return _timed(place, payload.name, args)
        case _:
            return _drawn(node.op, payload, args, place)


def _function(name: str, args: list[Any]) -> Any:
    numbers = [np.float64(a) for a in args]
    return np.sqrt(numbers[0]) if name == "sqrt" else getattr(functions, {"abs": "absolute"}.get(name, name))(*numbers)


def _timed(place: Place, name: str, args: list[Any]) -> Any:
    array = place.network.arrays[name]
    columns = 1 if len(args) == 1 else array.values.shape[1]
    flat, column = array.values.reshape(-1), 0 if len(args) == 1 else min(max(int(args[1]), 0), columns - 1)
    if array.times is not None:
        row = max((k for k, time in enumerate(array.times) if time <= args[0] + 1e-3 * place.network.dt), default=0)
        before = flat[row * columns + column]
        if not array.linear or row == len(array.times) - 1 or args[0] <= array.times[row]:
            return before
        part = (args[0] - array.times[row]) / (array.times[row + 1] - array.times[row])
        return before + (flat[(row + 1) * columns + column] - before) * part
    fine = 2.0 ** math.ceil(math.log2(8 * array.dt / place.network.dt))
    row = int(min(max((args[0] / (array.dt / fine) + 0.5) / fine, 0.0), len(array.values) - 1.0))
    return flat[row * columns + column]


def _drawn(op: Op, draw: Draw, args: list[Any], place: Place) -> Any:
    k, seed = 0 if draw.shared else place.k, place.network.seeds.of(draw.use)
    if op is Op.UNIFORM:
        return np.float64(uniform(k, place.row, seed, draw.stream))
    if op is Op.PERMUTATION:
        key = (seed & MASK, stream_key(draw.stream))
        order = sorted(range(int(args[0])), key=lambda k: threefry((k, place.step), key)[0])
        return np.float64(order[int(args[1])])
    counter = (np.int64(k), place.row, seed, stream_key(draw.stream))
    if op is Op.NORMAL:
        return random.normal(*counter)
    return getattr(random, DRAWN_BY[op])(*(np.float64(a) for a in args), *counter)


# connections


@dataclass(frozen=True)
class Candidate:
    """A pair that may become a synapse: its indices, and what is drawn for it."""

    i: int
    j: int
    k: int
    row: int
    loop: Mapping[str, int] = field(default_factory=dict)


class Rule:
    """One rule, carried out.

    Args:
        network: The network.
        owner: Path of the synapses object.
        connect: The rule.
        arrays: Values of neurons' variables.
    """

    def __init__(self, network: Network, owner: str, connect: Connect, arrays: Mapping[tuple[str, str], Any]) -> None:
        self.network = network
        self.owner = owner
        self.connect = connect
        self.arrays = arrays
        self.sources = connect.source.ids.tolist()
        self.targets = connect.target.ids.tolist()

    def pairs(self) -> list[Pair]:
        """Source and target neurons of all synapses, as created."""
        return [(self.sources[c.i], self.targets[c.j]) for c in self.found() for _ in range(self.number(c))]

    def found(self) -> Iterator[Candidate]:
        rule, n = self.connect.rule, len(self.sources)
        match rule:
            case All():
                yield from self.all(rule)
            case OneToOne():
                yield from (Candidate(i, i, i, i) for i in range(n))
            case Pairs():
                listed = zip(rule.pre.tolist(), rule.post.tolist(), strict=True)
                yield from (Candidate(i, j, k, 0) for k, (i, j) in enumerate(listed))
            case Generated():
                for row in range(n if rule.of == "out" else len(self.targets)):
                    yield from self.generated(rule, row)
            case FixedDegree(of="total"):
                yield from (Candidate(i, j, 0, 0) for i, j in self.total(rule))
            case FixedDegree():
                yield from (Candidate(i, j, 0, 0) for i, j in self.fixed(rule))

    def number(self, c: Candidate) -> int:
        return 1 if self.connect.n is None else int(self.value(self.connect.n, c))

    def value(self, node: Node, c: Candidate) -> Any:
        """A graph for a pair."""
        ends = {"pre": self.sources[c.i], "post": self.targets[c.j] if 0 <= c.j < len(self.targets) else 0}

        def read(variable: Variable) -> Any:
            if variable.owner == self.owner:
                return np.int64({"i": c.i, "j": c.j}[variable.name])
            return stored(self.arrays, variable, ends[variable.reach])

        return value(node, Place(self.network, read, {**ends, **c.loop}, c.k, c.row))

    def uniform(self, k: int, row: int, part: str = "") -> float:
        return uniform(k, row, self.network.seeds.connect, self.connect.stream + part)

    def all(self, rule: All) -> Iterator[Candidate]:
        for i in range(len(self.sources)):
            for j in self.by_gaps(rule, i) if rule.p is not None and is_fixed(rule.p) else range(len(self.targets)):
                c = Candidate(i, j, j, i)
                if rule.where is not None and not self.value(rule.where, c):
                    continue
                if rule.p is None or is_fixed(rule.p) or self.uniform(j, i) < self.value(rule.p, c):
                    yield c

    def by_gaps(self, rule: All, i: int) -> Iterator[int]:
        """Targets of a source by a constant probability."""
        assert rule.p is not None
        p = float(value(rule.p, Place(self.network)))
        low, high = self.range_of(rule, i)
        if p in (0.0, 1.0):
            yield from range(low, high if p else low)
            return
        scale, j, k = 1.0 / float(functions.log1p(np.float64(-p))), low - 1, 0
        while True:
            gap = math.floor(float(functions.log(np.float64(1.0 - self.uniform(k, i)))) * scale)
            j, k = j + gap + 1, k + 1
            if j >= high:
                return
            yield j

    def range_of(self, rule: All, i: int) -> Pair:
        """The targets that the condition leaves possible; it must hold for none of the others."""
        everybody = len(self.targets)
        if rule.where is None:
            return 0, everybody
        of_source = lambda node: self.value(node, Candidate(i, 0, 0, i))  # noqa: E731
        (low,), (high,) = target_ranges(rule.where, self.owner, of_source, 1, everybody)
        for j in [*range(int(low)), *range(int(high), everybody)]:
            assert not self.value(rule.where, Candidate(i, j, j, i)), f"the range of i = {i} leaves out j = {j}"
        return int(low), int(high)

    def generated(self, rule: Generated, row: int) -> Iterator[Candidate]:
        def pair(partner: int, k: int, loop: Mapping[str, int]) -> Candidate:
            i, j = (row, partner) if rule.of == "out" else (partner, row)
            return Candidate(i, j, k, row, loop)

        loops: list[tuple[int, Mapping[str, int]]] = [(0, {})]
        if rule.variable is not None:
            assert rule.bounds is not None
            first = pair(0, 0, {})
            name = str(rule.variable.payload)
            loops = [(k, {name: x}) for k, x in enumerate(range(*(int(self.value(b, first)) for b in rule.bounds)))]
            if rule.size is not None:
                liked = sorted(loops, key=lambda loop: self.uniform(loop[0], row, ".1"))
                loops = sorted(liked[: int(self.value(rule.size, first))], key=lambda loop: loop[0])
        partners = len(self.targets) if rule.of == "out" else len(self.sources)
        for k, loop in loops:
            c = pair(int(self.value(rule.element, pair(0, k, loop))), k, loop)
            if rule.condition is not None and not self.value(rule.condition, c):
                continue
            if not 0 <= (c.j if rule.of == "out" else c.i) < partners:
                assert rule.skip_if_invalid
                continue
            if rule.p is None or self.uniform(k, row) < self.value(rule.p, c):
                yield c

    def fixed(self, rule: FixedDegree) -> Iterator[Pair]:
        incoming = rule.of == "in"
        own, partners = (self.targets, self.sources) if incoming else (self.sources, self.targets)
        for row, neuron in enumerate(own):
            free = [k for k, p in enumerate(partners) if rule.autapses or not self.same(neuron, p)]
            number = int(self.value(rule.number, Candidate(0, row, row, 0) if incoming else Candidate(row, 0, row, 0)))
            if rule.multapses:
                chosen = sorted(int(self.uniform(k, row) * len(free)) for k in range(number))
            else:
                chosen = first_different(len(free), number, lambda k, row=row: self.uniform(k, row))  # type: ignore[misc]
            yield from ((free[c], row) if incoming else (row, free[c]) for c in chosen)

    def total(self, rule: FixedDegree) -> Iterator[Pair]:
        n, m = len(self.sources), len(self.targets)
        number = int(value(rule.number, Place(self.network)))
        free = [
            [j for j in range(m) if rule.autapses or not self.same(neuron, self.targets[j])] for neuron in self.sources
        ]
        if not rule.multapses:
            possible = {i * m + j for i in range(n) for j in free[i]}
            few = min(number, len(possible) - number)
            seen: dict[int, None] = {}
            k = 0
            while len(seen) < few:
                flat = int(self.uniform(k, 0) * (n * m))
                if flat in possible:
                    seen[flat] = None
                k += 1
            chosen = sorted(seen if few == number else possible - seen.keys())
            yield from (divmod(flat, m) for flat in chosen)
            return
        counts = [0] * n
        k = 0
        while sum(counts) < number:
            at = self.uniform(k, 0) * n
            k += 1
            # the rest chooses a target, so that a source with a target to leave out gets fewer
            counts[int(at)] += int((at - int(at)) * m) in free[int(at)]
        for i, count in enumerate(counts):
            yield from (
                (i, free[i][c]) for c in sorted(int(self.uniform(k, i, ".1") * len(free[i])) for k in range(count))
            )

    def same(self, source: int, target: int) -> bool:
        return self.connect.source.group == self.connect.target.group and source == target


def first_different(size: int, number: int, drawn: Callable[[int], float]) -> list[int]:
    """`number` indices below `size`, ascending: the first different ones drawn, or for more than half all but those."""
    few = min(number, size - number)
    seen: dict[int, None] = {}
    k = 0
    while len(seen) < few:
        seen[int(drawn(k) * size)] = None
        k += 1
    return sorted(seen if few == number else set(range(size)) - seen.keys())


# values


def stored(arrays: Mapping[tuple[str, str], Any], variable: Variable, neuron: int) -> Any:
    """The value of a neuron's variable, in double precision; with reach `element` the values of all neurons."""
    if variable.reach == "element":
        return arrays[variable.owner, variable.name]
    found = arrays[variable.owner, variable.name][0 if variable.shared else neuron]
    return np.float64(found) if isinstance(found, np.floating) else found


def set_links(network: Network, group: Group, arrays: dict[tuple[str, str], Any]) -> None:
    """Which neurons the linked variables of a group read."""
    for link in group.links:
        places = [Place(network, index={"own": k}, k=k, position=k) for k in range(group.size)]
        found = [link.view.ids[int(value(link.index, place))] for place in places]
        arrays[group.path, link.variable.name] = np.array(found, np.int64)


def set_group(
    network: Network, group: Group, line: Initial, arrays: Mapping[tuple[str, str], Any], step: int = 0
) -> None:
    """One line of `initial`, or of a phase's `set`: every value is read before any is written."""
    array = arrays[line.variable.owner, line.variable.name]
    neurons = range(group.size) if line.part is None else line.part.ids.tolist()
    changed: dict[int, Any] = {}
    for position, neuron in enumerate([0] if line.variable.shared else neurons):
        place = Place(
            network,
            lambda v, neuron=neuron: stored(arrays, v, neuron),  # type: ignore[misc]
            {"own": neuron},
            neuron,
            step,
            position,
            step,
        )
        if line.where is None or value(line.where, place):
            changed[neuron] = value(line.value, place)
    for neuron, one in changed.items():
        array[neuron] = one


@dataclass(frozen=True)
class Wired:
    """The synapses of one object in creation order.

    Args:
        pre: Source neuron of each.
        post: Target neuron of each.
        sizes: How many each rule made.
        values: Of its variables, by name.
        delays: Of its pathways in steps, by their keys.
        dendrites: The second part of their delays, where there is one.
    """

    synapses: Synapses
    pre: list[int]
    post: list[int]
    sizes: list[int]
    values: dict[str, list[Any]]
    delays: dict[str, list[int]]
    dendrites: dict[str, list[int]] = field(default_factory=dict)


def wire(network: Network, synapses: Synapses, arrays: Mapping[tuple[str, str], Any]) -> Wired:
    """All synapses of an object, with values and delays."""
    parts = [Rule(network, synapses.path, rule, arrays).pairs() for rule in synapses.connect]
    pairs = [pair for part in parts for pair in part]
    pre, post = [p for p, _ in pairs], [q for _, q in pairs]
    values: dict[str, list[Any]] = {s.variable.name: [_TYPES[s.kind](0)] * len(pairs) for s in synapses.stored}
    values["i"], values["j"] = _indices(synapses.source, pre), _indices(synapses.target, post)
    incoming, outgoing = ({n: ends.count(n) for n in set(ends)} for ends in (post, pre))
    values["N_incoming"], values["N_outgoing"] = [incoming[n] for n in post], [outgoing[n] for n in pre]
    if any(s.variable.name == MULTISYNAPTIC for s in synapses.stored):
        values[MULTISYNAPTIC] = [pairs[:k].count(pair) for k, pair in enumerate(pairs)]
    made = Wired(synapses, pre, post, [len(part) for part in parts], values, {})
    for link in synapses.links:
        places = [_place(network, made, arrays, k, k) for k in range(len(pre))]
        values[link.variable.name] = [link.view.ids[int(value(link.index, place))] for place in places]
    ends = np.cumsum([0, *made.sizes]).tolist()
    for line in synapses.initial:
        set_synapses(network, made, line, arrays)
    for rule, begin, end in zip(synapses.connect, ends[:-1], ends[1:], strict=True):
        for line in rule.initial:
            set_synapses(network, made, line, arrays, range(begin, end))
    for pathway in synapses.pathways:
        made.delays[pathway.key] = _delays(network, made, pathway, arrays, ends)
        if pathway.dendritic is not None:
            second = replace(pathway, delay=pathway.dendritic, post=True)  # no rule has a part of its own
            made.dendrites[pathway.key] = _delays(network, made, second, arrays, ends)
        if pathway.moving is not None:
            values[pathway.moving.name] = list(made.delays[pathway.key])
    return made


def _indices(view: NeuronSubset, neurons: list[int]) -> list[int]:
    place = {neuron: k for k, neuron in enumerate(view.ids.tolist())}
    return [place[neuron] for neuron in neurons]


def set_synapses(
    network: Network,
    made: Wired,
    line: Initial,
    arrays: Mapping[tuple[str, str], Any],
    part: range | None = None,
    step: int = 0,
) -> None:
    """One line of `initial` for all synapses, or for those of a rule."""
    kind = next(s.kind for s in made.synapses.stored if s.variable == line.variable)
    changed: dict[int, Any] = {}
    for position, k in enumerate(range(len(made.pre)) if part is None else part):
        place = _place(network, made, arrays, k, position, step)
        if line.where is None or value(line.where, place):
            changed[k] = _TYPES[kind](value(line.value, place))
    for k, one in changed.items():
        made.values[line.variable.name][k] = one


def _delays(
    network: Network, made: Wired, pathway: Pathway, arrays: Mapping[tuple[str, str], Any], ends: list[int]
) -> list[int]:
    steps = [0] * len(made.pre)
    if pathway.delay is not None:
        steps = [int(value(pathway.delay, _place(network, made, arrays, k, k))) for k in range(len(made.pre))]
    if not pathway.post:
        of_rules = pathway.rule_delays or [rule.delay for rule in made.synapses.connect]
        for delay, begin, end in zip(of_rules, ends[:-1], ends[1:], strict=True):
            if delay is not None:
                for k in range(begin, end):
                    steps[k] = int(value(delay, _place(network, made, arrays, k, k - begin)))
    return steps


def _place(
    network: Network, made: Wired, arrays: Mapping[tuple[str, str], Any], k: int, position: int, step: int = 0
) -> Place:
    """For what a value of synapse k is computed."""
    ends = {"pre": made.pre[k], "post": made.post[k]}

    def read(variable: Variable) -> Any:
        if variable.owner == made.synapses.path:
            return made.values[variable.name][k]
        return stored(arrays, variable, ends.get(variable.reach, 0))

    return Place(network, read, ends, k, step, position, step)

"""The text of a kernel that computes values of synapses as they are made: initial values and delays, run by run.

A run is a row of one rule: the synapses that the rule gives one source, with creation numbers that follow each other
(or are listed). Rules with the same structure share one function; their constants and streams are arguments. The
numbers are those of `model.evaluate`, and a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snnrun.codegen.arguments import ArrayKey, ArrayUse, CType, IntUse, IntValue
from snnrun.codegen.emit import Place, Writer
from snnrun.codegen.imports import imported
from snnrun.equations.dag import DRAWN, Amount, Constant, Draw, Graph, Kind, Node, Op, Variable, walk
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.model.network import MULTISYNAPTIC, Initial

_REJECTED = {Op.GAMMA, Op.TRUNCATED_NORMAL}  # drawn again until they fit, one by one
_UNSUPPORTED = DRAWN - _REJECTED | {Op.LIST, Op.ELEMENT, Op.TIMED, Op.NOISE, Op.PROPAGATOR}
_FILLS = {Op.UNIFORM: "uniforms", Op.NORMAL: "normals"}
KNOWN = ("i", "j", "N_outgoing")  # what a synapse knows of itself while it is made


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to compute for the synapses of a rule.

    Args:
        lines: Values set one after the other.
        delay: Delay in steps, read after all lines; None when no delay is wanted.
        kept: Whether the values are kept; else only the delay is computed.
    """

    lines: tuple[Initial, ...]
    delay: Node | None
    kept: bool = True


@dataclass(frozen=True, slots=True)
class FillKernel:
    """A kernel before compilation.

    Args:
        text: The module.
        structures: For each rule, which function it uses.
        floats: For each rule, the values it hands over.
        ints: For each rule, the whole numbers it hands over.
        neurons: Variables of neurons that are read, and the type of each; their arrays come last in the pointer
            table, after those of `TABLE`, two for each variable (its buffer, and the creation number of its first
            NaN), and buffers of random numbers.
        draws: The largest number of streams that one function reads.
    """

    text: str
    structures: tuple[int, ...]
    floats: tuple[tuple[Node, ...], ...]
    ints: tuple[tuple[IntValue, ...], ...]
    neurons: tuple[tuple[Variable, Kind], ...]
    draws: int


TABLE = (
    ("numbers", "i64"),
    ("rules", "i64"),
    ("all_floats", "f64"),
    ("all_ints", "i64"),
    ("run_rule", "i32"),
    ("run_source", "i32"),
    ("run_count", "i32"),
    ("run_created", "i64"),
    ("source_ids", "i32"),
    ("target", "i32"),
    ("created", "i64"),
    ("delay", "i32"),
    ("steps", "i64"),
    ("view_i", "i32"),
    ("view_j", "i32"),
    ("outgoing", "i64"),
    ("span", "i64"),
)
RULE = 4  # columns of the table of rules: function, row of its values, first source id, whether numbers are listed
_STORES = {"f8": "f64", "f4": "f32", "i8": "i64", "u1": "u8"}


def _largest(node: Node) -> float:
    """An upper bound of the magnitude of a value; infinite where none is easily known."""
    parts = [_largest(a) for a in node.args]
    match node.op:
        case _ if node.kind is Kind.BOOL:
            return 1.0
        case Op.LITERAL:
            return abs(float(node.payload))  # type: ignore[arg-type] # that of a number
        case Op.CONSTANT if isinstance(node.payload, Constant):
            return abs(float(node.payload.value))
        case Op.UNIFORM:
            return 1.0
        case Op.ADD | Op.SUB:
            return parts[0] + parts[1]
        case Op.MUL:
            return parts[0] * parts[1]
        case Op.NEG | Op.TO_FLOAT | Op.TO_INT:
            return parts[0]
        case _:
            return math.inf


def supported(wanted: Wanted) -> bool:
    """Whether the kernel can compute everything that a rule wants."""
    nodes = [n for line in wanted.lines for n in (line.value, line.where) if n is not None]
    if any(n.op is Op.TO_INT and not _largest(n.args[0]) < 2.0**63 for n in walk(*nodes)):
        return False  # somebody must see whether the number can become a whole one
    nodes += [wanted.delay] if wanted.delay is not None else []
    for node in walk(*nodes):
        if node.op in _UNSUPPORTED:
            return False
        if isinstance(node.payload, Draw) and node.payload.shared:
            return False
        if isinstance(node.payload, Amount):
            return False  # somebody must see whether a random number can be drawn with it
        if isinstance(node.payload, Variable) and node.payload.name in ("N_incoming", MULTISYNAPTIC):
            return False
    return True


def fill_kernel(
    graph: Graph,
    owner: str,
    rules: Sequence[Wanted],
    variables: Mapping[Variable, tuple[Kind, str]],
    *,
    listed: bool,
) -> FillKernel:
    """The kernel that computes values of all rules of a synapses object.

    Args:
        graph: The graph of all nodes.
        owner: Path of the synapses object.
        rules: What each rule wants; all of it `supported`.
        variables: Variables to fill, with their kind and the type of their array (`f8`, `f4`, `i8`, `u1`).
        listed: Whether creation numbers of a rule may be listed; else they follow each other in every run.
    """
    printed = [_Function(graph, owner, wanted, variables, listed=listed) for wanted in rules]
    texts: list[str] = []
    structures: list[int] = []
    for function in printed:
        if function.text not in texts:
            texts.append(function.text)
        structures.append(texts.index(function.text))
    neurons = list(dict.fromkeys(n for f in printed for n in f.neurons))
    draws = max((len(f.draws) for f in printed), default=0)
    body = _body(printed, texts, variables, neurons, draws)
    head = '"""A generated kernel: values of synapses as they are made."""'
    imports = imported(body, Precision.DOUBLE, Math.STRICT)
    return FillKernel(
        "\n".join([head, "", *imports, "", "", body]),
        tuple(structures),
        tuple(tuple(f.writer.floats.values()) for f in printed),
        tuple(tuple(f.writer.ints.values()) for f in printed),
        tuple(neurons),
        draws,
    )


def _body(
    printed: Sequence[_Function],
    texts: Sequence[str],
    variables: Mapping[Variable, tuple[Kind, str]],
    neurons: Sequence[tuple[Variable, Kind]],
    draws: int,
) -> str:
    """The functions, and the loop over runs."""
    lines: list[str] = []
    for number, text in enumerate(texts):
        writer = next(f.writer for f in printed if f.text == text)
        lines.append(
            "@kernel(exact=True)\n" + writer.names.named(text).replace("def @(", f"def fill_{number}(", 1) + "\n"
        )
    lines.append("@kernel(exact=True)\ndef advance(first, count, table):")
    lines += [f"    {name} = {cast}(table, {k})" for k, (name, cast) in enumerate(TABLE)]
    at = len(TABLE)
    for v, (_kind, store) in enumerate(variables.values()):
        lines.append(f"    out{v} = {_STORES[store]}(table, {at})")
        lines.append(f"    nan{v} = i64(table, {at + 1})")
        at += 2
    lines += [f"    random{d} = f64(table, {at + d})" for d in range(draws)]
    at += draws
    lines += [f"    neuron{k} = {_CASTS[kind]}(table, {at + k})" for k, (_variable, kind) in enumerate(neurons)]
    lines += [
        "    at = 0",
        "    for e in range(first, first + count):",
        f"        r = {RULE} * run_rule[e]",
        "        n = run_count[e]",
        "        f = rules[r + 1] * numbers[0]",
        "        q = rules[r + 1] * numbers[1]",
        "        contiguous = rules[r + 3] == 0",
        "        k0 = run_created[e]",
        "        pre = source_ids[rules[r + 2] + run_source[e]]",
    ]
    names = {name: name for name, _ in TABLE}
    for number, text in enumerate(texts):
        function = next(f for f in printed if f.text == text)
        arguments = [*_RUN]
        arguments += [f"all_ints[q + {x}]" for x in range(len(function.writer.ints))]
        arguments += [f"all_floats[f + {x}]" for x in range(len(function.writer.floats))]
        arguments += [_argument(a.key, names, variables, neurons) for a in function.writer.arrays.values()]
        lines.append(f"        {'if' if number == 0 else 'elif'} rules[r] == {number}:")
        lines.append(f"            fill_{number}({', '.join(arguments)})")
    lines += ["        at += n", "    return at", ""]
    return "\n".join(lines)


_CASTS = {Kind.FLOAT: "f64", Kind.INT: "i64", Kind.BOOL: "u8"}


def _argument(
    key: ArrayKey,
    names: Mapping[str, str],
    variables: Mapping[Variable, tuple[Kind, str]],
    neurons: Sequence[tuple[Variable, Kind]],
) -> str:
    """The local name in `advance` of an array that a function takes."""
    use = key.use.traits.label
    if key.use in _OUT:
        number = [v.name for v in variables].index(key.name)
        return f"{use}{number}"
    if key.use is ArrayUse.RANDOM:
        return f"random{key.name}"
    if key.use in (ArrayUse.PRE, ArrayUse.POST):
        number = next(
            k
            for k, (v, _) in enumerate(neurons)
            if (v.owner, v.name, v.reach if not v.shared else "post") == (key.owner, key.name, use)
        )
        return f"neuron{number}"
    return names[use]


class _Function:
    """The function of one rule's structure: buffers of random numbers first, then one loop over the run."""

    def __init__(
        self,
        graph: Graph,
        owner: str,
        wanted: Wanted,
        variables: Mapping[Variable, tuple[Kind, str]],
        *,
        listed: bool,
    ) -> None:
        self.listed = listed
        self.owner = owner
        self.variables = variables if wanted.kept else {}
        self.kinds = {variable: kind for variable, (kind, _) in variables.items()}
        self.writer = Writer(graph, owner, notes=False)
        self.lines = _alive(wanted, set(self.variables))
        self.delay = wanted.delay
        self.neurons: list[tuple[Variable, Kind]] = []
        self.draws: list[Node] = []
        self.text = self.write()

    def write(self) -> str:
        w = self.writer
        nodes = [n for line in self.lines for n in (line.value, line.where) if n is not None]
        nodes += [self.delay] if self.delay is not None else []
        leaves = [n for n in walk(*nodes) if not n.args]
        self.draws = [n for n in leaves if n.op in _FILLS]
        created = w.array("created", ArrayUse.CREATED.of(""))
        for number, node in enumerate(self.draws):
            draw = node.payload
            assert isinstance(draw, Draw)
            seed = w.integer(f"seed_{draw.use}", IntUse.SEED.of(draw.use))
            stream = w.integer("stream", IntUse.STREAM.of(draw.stream))
            buffer = self.buffer(number)
            filled = f"{_FILLS[node.op]}({buffer}, k0, n, {seed}, {stream})"
            if self.listed:
                w.loop("if contiguous:")
                w.line(filled)
                w.end()
                w.loop("else:")
                w.line(f"listed_{_FILLS[node.op]}({buffer}, at, n, {created}, {seed}, {stream})")
                w.end()
            else:
                w.line(filled)
        w.line("odd = (k0 & 1) if contiguous else 0")
        w.loop("for b in range(n):")
        w.line("pass")  # a rule may have nothing to compute
        if any(n.op in _REJECTED for n in walk(*nodes)):
            w.line("step = 0")
            w.line(f"number = k0 + b if contiguous else {created}[at + b]")
        for node in leaves:
            self.leaf(node)
        place = Place("number")
        for line in self.lines:
            (value, *where) = w.evaluate([n for n in (line.value, line.where) if n is not None], place)
            name = w.temporary("new_" + line.variable.name)
            old = w.overrides.get(line.variable, _ZEROS[self.kinds[line.variable]])
            w.line(f"{name} = {f'select({where[0]}, {value}, {old})' if where else value}")
            w.overrides[line.variable] = name
        for variable in self.variables:
            self.store(variable)
        if self.delay is not None:
            (steps,) = w.evaluate([self.delay], place)
            w.line(f"{self.steps()}[b] = {steps}")
        w.end()
        for variable, (kind, _) in self.variables.items():
            if kind is Kind.FLOAT:
                out, nan = (w.array(f"{u.traits.label}_{variable.name}", u.of("", variable.name)) for u in _OUT)
                w.line(f"note_nan(at, n, k0, contiguous, {out}, {created}, {nan})")
        if self.delay is not None:
            delay = w.array("delay", ArrayUse.DELAY.of(""))
            span = w.array("span", ArrayUse.SPAN.of(""))
            w.line(f"keep_delays(at, n, k0, contiguous, {self.steps()}, {delay}, {created}, {span})")
        return w.text(_RUN)

    def buffer(self, number: int) -> str:
        """The array of the random numbers of a draw."""
        return self.writer.array("random", ArrayUse.RANDOM.of("", str(number)), CType.F64)

    def steps(self) -> str:
        """The array of the delays of a run."""
        return self.writer.array("steps", ArrayUse.STEPS.of(""))

    def store(self, variable: Variable) -> None:
        w = self.writer
        kind = self.variables[variable][0]
        out = w.array(f"out_{variable.name}", ArrayUse.OUT.of("", variable.name))
        value = w.overrides.get(variable)
        if value is None:
            value = self.known(variable.name) if variable.name in KNOWN else _ZEROS[kind]
        w.line(f"{out}[at + b] = {f'select({value}, 1, 0)' if kind is Kind.BOOL else value}")

    def known(self, name: str) -> str:
        """What a synapse knows of itself."""
        w = self.writer
        if name == "N_outgoing":
            return f"{w.array('outgoing', ArrayUse.OUTGOING.of(''))}[pre]"
        if name == "i":
            return f"{w.array('view_i', ArrayUse.VIEW_I.of(''))}[pre]"
        return f"{w.array('view_j', ArrayUse.VIEW_J.of(''))}[{self.post()}]"

    def post(self) -> str:
        return f"{self.writer.array('target', ArrayUse.TARGET.of(''))}[at + b]"

    def leaf(self, node: Node) -> None:
        """Give a leaf its text, before the expressions are written."""
        w = self.writer
        match node.op:
            case Op.UNIFORM | Op.NORMAL:
                number = self.draws.index(node)
                w.leaves[id(node)] = name = w.temporary("drawn")
                w.line(f"{name} = {self.buffer(number)}[b + odd]")
            case Op.TIME:
                w.leaves[id(node)] = "0.0"
            case Op.STEP:
                w.leaves[id(node)] = "0"
            case Op.VARIABLE:
                variable = node.payload
                assert isinstance(variable, Variable)
                if variable.owner != self.owner:
                    w.leaves[id(node)] = self.neuron(variable, node.kind)
                elif variable.name in KNOWN:
                    w.leaves[id(node)] = self.known(variable.name)
                else:
                    w.overrides.setdefault(variable, _ZEROS[node.kind])
            case _:
                pass

    def neuron(self, variable: Variable, kind: Kind) -> str:
        w = self.writer
        if (variable, kind) not in self.neurons:
            self.neurons.append((variable, kind))
        use = "pre" if variable.reach == "pre" and not variable.shared else "post"
        key = (ArrayUse.PRE if use == "pre" else ArrayUse.POST).of(variable.owner, variable.name)
        pointer = w.array(f"{use}_{variable.name}", key, CType.F64)
        at = "0" if variable.shared else "pre" if variable.reach == "pre" else self.post()
        name = w.temporary(f"{variable.name}_{use}")
        w.line(f"{name} = {pointer}[{at}]{' != 0' if kind is Kind.BOOL else ''}")
        return name


_OUT = (ArrayUse.OUT, ArrayUse.NAN)
_RUN = ("at", "n", "k0", "contiguous", "pre")  # what a function is told of a run
_ZEROS = {Kind.FLOAT: "0.0", Kind.INT: "0", Kind.BOOL: "False"}


def _alive(wanted: Wanted, kept: set[Variable]) -> tuple[Initial, ...]:
    """The lines whose value is read later, or kept."""
    alive = set(kept)
    alive |= _own(wanted.delay) if wanted.delay is not None else set()
    lines: list[Initial] = []
    for line in reversed(wanted.lines):
        if line.variable in alive:
            lines.append(line)
            if line.where is None:
                alive.discard(line.variable)
            alive |= _own(line.value) | (_own(line.where) if line.where is not None else set())
    return tuple(reversed(lines))


def _own(node: Node) -> set[Variable]:
    return {n.payload for n in walk(node) if isinstance(n.payload, Variable)}

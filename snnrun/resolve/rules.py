"""The `connect` section: its rules read and checked, ready to be built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Expr
from snnrun.equations.check import Checker
from snnrun.equations.dag import Kind, Node, Op, Parameter, Variable, is_fixed, walk
from snnrun.equations.parse import parse_generator
from snnrun.equations.scope import Typed
from snnrun.errors import Diagnostic, ExperimentError, at, did_you_mean
from snnrun.files.npy import Unreadable
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.expected import expected_synapses
from snnrun.model.network import (
    All,
    Connect,
    FixedDegree,
    FloatArray,
    Generated,
    Initial,
    IntArray,
    NeuronSubset,
    OneToOne,
    Pairs,
    Rule,
    Stored,
)
from snnrun.resolve.context import Context, Path
from snnrun.resolve.delays import delay_steps, read_delay
from snnrun.resolve.edges import read_edges
from snnrun.resolve.files import reading
from snnrun.resolve.initial import file_values, initial_values
from snnrun.resolve.selection import MOST_TRIED
from snnrun.resolve.tables import finite_numbers, read_numbers, unit_of
from snnrun.source import Span, Text
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode, plain
from snnrun.units.dimensions import ONE, TIME


def read_rules(
    context: Context,
    path: Path,
    owner: str,
    symbols: Mapping[str, Typed],
    source: NeuronSubset,
    target: NeuronSubset,
    settable: Mapping[str, Stored],
) -> tuple[Connect, ...]:
    """All rules of a synapses object.

    Raises:
        ExperimentError: All errors of all rules.
    """
    node = context.document.node(path)
    given = frozenset(context.document.keys((*path[:-1], "initial")))
    places = [(*path, k) for k in range(len(node.items))] if isinstance(node, ListNode) else [path]
    rules: list[Connect] = []
    problems: list[Diagnostic] = []
    for number, place in enumerate(places):
        try:
            rules.append(_Reader(context, place, owner, number, symbols, source, target, settable, given).read())
        except ExperimentError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise ExperimentError(*problems)
    return tuple(rules)


class _Reader:
    """One rule."""

    def __init__(
        self,
        context: Context,
        path: Path,
        owner: str,
        number: int,
        symbols: Mapping[str, Typed],
        source: NeuronSubset,
        target: NeuronSubset,
        settable: Mapping[str, Stored],
        initial: frozenset[str],
    ) -> None:
        self.context = context
        self.path = path
        self.owner = owner
        self.stream = f"{owner}.connect.{number}"
        self.symbols = symbols
        self.source = source
        self.target = target
        self.settable = settable
        self.draw = context.draws(self.stream, "connect")
        self.initial = initial
        self.values: list[Initial] = []
        self.delay: Node | None = None
        self.delay_place: Path | None = None

    def read(self) -> Connect:
        context = self.context
        span = context.document.span(self.path)
        node = context.document.node(self.path)
        if isinstance(node, ScalarNode):
            return Connect(self.named(str(node.value)), self.source, self.target, self.stream, span)
        assert isinstance(node, MapNode)
        if "source" in node.entries:
            self.source = self.narrower("source", self.source)
        if "target" in node.entries:
            self.target = self.narrower("target", self.target)
        rule = self.rule(node)
        n = self.optional("n", self.multiplicity)
        initial = initial_values(
            context, (*self.path, "initial"), self.stream, None, self.settable, self.symbols, "this rule"
        )
        if "delay" in node.entries:
            self.delay_place = (*self.path, "delay")
            self.delay = read_delay(context, self.delay_place, self.symbols, self.stream, self.owner)
        connect = Connect(
            rule,
            self.source,
            self.target,
            self.stream,
            span,
            (*self.values, *initial),
            self.delay,
            context.document.span(self.delay_place) if self.delay_place is not None else None,
            n,
        )
        self.try_beforehand(connect)
        return connect

    def try_beforehand(self, connect: Connect) -> None:
        """Refuse now what will be refused when the synapses are made, where that needs no neuron's values."""
        rule = connect.rule
        graphs = [rule.number] if isinstance(rule, FixedDegree) else [rule.p] if isinstance(rule, All) else []
        leaves = list(walk(*(g for g in graphs if g is not None)))
        outside = any(isinstance(n.payload, Variable) and n.payload.owner != self.owner for n in leaves)
        if outside or any(isinstance(n.payload, Parameter) for n in leaves):
            return
        if isinstance(rule, All) and rule.p is not None and not is_fixed(rule.p):
            expected_synapses(connect)
        if isinstance(rule, FixedDegree) and not is_fixed(rule.number):
            own = connect.target if rule.of == "in" else connect.source
            if own.size <= MOST_TRIED:
                from snnrun.model.rule_values import Ground, degrees  # noqa: PLC0415 - few rules compute degrees

                ground = Ground(self.owner, _no_values, self.context.seeds, self.context.dt, self.context.arrays)
                degrees(connect, rule, ground)

    def narrower(self, end: str, outer: NeuronSubset) -> NeuronSubset:
        """The part of the source or target that this rule names."""
        path = (*self.path, end)
        view = self.context.view(path, f"the {end} of this rule")
        if view.group != outer.group or not _is_within(view, outer):
            raise self.context.error("NET180", f"`{view.name}` is not part of `{outer.name}`", path)
        return view

    def named(self, word: str) -> Rule:
        if word == "one_to_one":
            if self.source.size != self.target.size:
                raise self.context.error(
                    "NET181",
                    f"one_to_one needs ends of equal size: {self.source.name} has {self.source.size}, "
                    f"{self.target.name} {self.target.size}",
                    self.path,
                )
            return OneToOne()
        return All()

    def rule(self, node: MapNode) -> Rule:
        keys = node.entries
        table: tuple[tuple[str, Callable[[], Rule]], ...] = (
            ("rule", lambda: self.named(self.context.text((*self.path, "rule")).value)),
            ("pairs", self.pairs),
            ("fixed_indegree", lambda: self.fixed("fixed_indegree", "in")),
            ("fixed_outdegree", lambda: self.fixed("fixed_outdegree", "out")),
            ("fixed_total", lambda: self.fixed("fixed_total", "total")),
            ("matrix", self.matrix),
            ("file", self.file),
        )
        for key, read in table:
            if key in keys:
                return read()
        if "i" in keys and "j" in keys:
            return self.indices()
        if "i" in keys or "j" in keys:
            return self.generated("out" if "j" in keys else "in")
        return All(
            self.optional("where", self.condition),
            self.optional("p", self.probability),
        )

    def optional(self, key: str, read: Callable[[Path], Node]) -> Node | None:
        path = (*self.path, key)
        return read(path) if self.context.document.has(path) else None

    def checker(self, what: str, symbols: Mapping[str, Typed] | None = None) -> Checker:
        return self.context.checker(self.symbols if symbols is None else symbols, what, draw=self.draw)

    def condition(self, path: Path) -> Node:
        expr = self.context.expression(path)
        return self.known_before(self.checker("`where`").condition(expr, "`where`").node, expr.span)

    def probability(self, path: Path) -> Node:
        return self.probability_of(self.checker("`p`"), self.context.expression(path))

    def probability_of(self, checker: Checker, expr: Expr) -> Node:
        typed = checker.value(expr, ONE, "a probability")
        if self.context.is_wrong(typed, lambda p: np.logical_not((p >= 0) & (p <= 1))):
            raise at(expr.span, "NET182", f"a probability lies between 0 and 1, this is {typed.value:g}")
        return self.known_before(self.context.graph.as_float(typed.node), expr.span)

    def multiplicity(self, path: Path) -> Node:
        expr = self.context.expression(path)
        typed = self.checker("`n`").value(expr, ONE, "the number of synapses a pair")
        if typed.node.kind is not Kind.INT:
            raise at(expr.span, "NET183", "`n` must be a whole number", "write `int(...)` to cut it")
        if self.context.is_wrong(typed, lambda number: number < 0):
            raise at(expr.span, "NET183", f"the number of synapses a pair is negative: {typed.value:g}")
        return self.known_before(typed.node, expr.span)

    def known_before(self, node: Node, span: Span, unknown: str = "") -> Node:
        """A graph that reads nothing that only synapses have, nor the end (`pre` or `post`) that is still to be found.

        Raises:
            ExperimentError: NET185, it does.
        """
        index = {"": "", "pre": "i", "post": "j"}[unknown]
        for n in walk(node):
            v = n.payload
            if not isinstance(v, Variable):
                continue
            if v.owner == self.owner and v.name not in ("i", "j"):
                raise at(span, "NET185", f"`{v.name}` is not known before the synapses exist")
            if (v.owner == self.owner and v.name == index) or (v.owner != self.owner and v.reach == unknown):
                end = "source" if unknown == "pre" else "target"
                name = v.name if v.owner == self.owner else f"{v.name}_{unknown}"
                raise at(span, "NET185", f"`{name}` is not known here: the {end} is what this is to find")
        return node

    def pairs(self) -> Rule:
        path = (*self.path, "pairs")
        data = plain(self.context.document.node(path))
        table = np.array(data, dtype=object)
        if table.ndim != 2 or table.shape[1] != 2:
            raise self.context.error("NET184", "`pairs` is a list of `[i, j]`", path)
        return self.paired(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), path)

    def indices(self) -> Rule:
        pre = self.index_list("i")
        post = self.index_list("j")
        try:
            pre, post = np.broadcast_arrays(pre, post)
        except ValueError:
            raise self.context.error(
                "NET184", f"there are {len(pre)} source and {len(post)} target indices", (*self.path, "j")
            ) from None
        return self.paired(pre.copy(), post.copy(), (*self.path, "j"))

    def index_list(self, key: str) -> IntArray:
        path = (*self.path, key)
        node = self.context.document.node(path)
        if isinstance(node, ListNode):
            return np.array(
                [self.context.integer((*path, k), f"`{key}`", -(2**31)) for k in range(len(node.items))], dtype=np.int64
            )
        expr = self.context.expression(path)
        typed = self.context.checker({}, f"`{key}`", lists=True).value(expr, ONE, f"`{key}`")
        values = evaluate(typed.node, Environment(index={"list": slice(None)}, dt=self.context.dt))
        whole = np.atleast_1d(values)
        if np.any((whole != np.floor(whole)) | ~(np.abs(whole) < 2.0**31)):
            raise at(expr.span, "NET184", f"`{key}` must be whole numbers below 2**31")
        return whole.astype(np.int64)

    def paired(self, pre: IntArray, post: IntArray, path: Path) -> Rule:
        for ids, view, word in ((pre, self.source, "source"), (post, self.target, "target")):
            wrong = ids[(ids < 0) | (ids >= view.size)]
            if len(wrong):
                raise self.context.error("NET184", f"{word} index {wrong[0]} is outside 0 to {view.size - 1}", path)
        return Pairs(pre, post)

    def generated(self, of: str) -> Rule:
        """Targets of each source (`out`), or sources of each target (`in`)."""
        context, g = self.context, self.context.graph
        key, end = ("j", "post") if of == "out" else ("i", "pre")
        path = (*self.path, key)
        if isinstance(context.document.node(path), ListNode):
            other = "i" if key == "j" else "j"
            raise context.error("NET184", f"a list of `{key}` needs `{other}` beside it", path)
        text: Text = context.text(path)
        generator = parse_generator(text)
        checker = inner = self.checker(f"`{key}`")
        leaf = None
        bounds, p, size, condition = None, None, None, None
        if generator.variable is not None:
            values = [self.whole(checker, a, end) for a in generator.args]
            if not 1 <= len(values) <= 3:
                raise at(text.span(), "NET185", f"`{generator.kind}` takes one to three numbers")
            zero, one = g.literal(0), g.literal(1)
            bounds = {1: (zero, values[0], one), 2: (*values, one), 3: tuple(values)}[len(values)]
            leaf = g.node(Op.INDEX, (), Kind.INT, f"loop:{generator.variable}")
            inner = self.checker(f"`{key}`", {**self.symbols, generator.variable: Typed(leaf, ONE)})
            options = dict(generator.options)
            if generator.kind == "range" and options:
                raise at(text.span(), "NET185", "`range` takes numbers only", "write `sample(...)` to choose")
            if generator.kind == "sample" and len(options) != 1:
                raise at(text.span(), "NET185", "`sample` takes either `p=` or `size=`")
            p = self.probability_of(inner, options["p"]) if "p" in options else None
            size = self.whole(checker, options["size"], end) if "size" in options else None
        element = self.whole(inner, generator.element, end)
        if generator.condition is not None:
            condition = inner.condition(generator.condition, "the condition").node
            self.known_before(condition, generator.condition.span)
        if self.context.document.has((*self.path, "p")):
            other_p = self.probability((*self.path, "p"))
            p = other_p if p is None else g.mul(p, other_p)
        skip = self.flag("skip_if_invalid")
        return Generated(of, element, leaf, generator.kind, bounds, p, size, condition, skip)  # type: ignore[arg-type]

    def flag(self, key: str, default: bool = False) -> bool:
        node = self.context.document.find((*self.path, key))
        return bool(node.value) if isinstance(node, ScalarNode) else default

    def whole(self, checker: Checker, expr: Expr, unknown: str) -> Node:
        """A whole number that does not need the end that is still to be found."""
        typed = checker.check(expr)
        if typed.node.kind is not Kind.INT or not typed.dimension.is_one:
            raise at(expr.span, "NET185", "an index must be a whole number", "write `int(...)` to cut it")
        return self.known_before(typed.node, expr.span, unknown)

    def fixed(self, key: str, of: str) -> Rule:
        multapses, autapses = self.flag("multapses"), self.flag("autapses", default=True)
        path = (*self.path, key)
        expr = self.context.expression(path)
        typed = self.checker(f"`{key}`").check(expr)
        if typed.exact is not None or of == "total":
            number = self.context.integer(path, f"`{key}`", 0)
            self.must_be_possible(key, of, number, multapses=multapses, autapses=autapses)
            return FixedDegree(of, self.context.graph.literal(number), multapses, autapses)
        if typed.node.kind is not Kind.INT or not typed.dimension.is_one:
            raise at(expr.span, "NET186", f"`{key}` must be a whole number", "write `int(...)` to cut it")
        return FixedDegree(
            of, self.known_before(typed.node, expr.span, "pre" if of == "in" else "post"), multapses, autapses
        )

    def must_be_possible(self, key: str, of: str, number: int, *, multapses: bool, autapses: bool) -> None:
        same = self.source.group == self.target.group
        common = _number_in_both(self.source, self.target) if same and not autapses else 0
        own = 1 if common else 0
        most = {
            "in": self.source.size - own,
            "out": self.target.size - own,
            "total": self.source.size * self.target.size - common,
        }[of]
        if number > most and (not multapses or most == 0):
            raise self.context.error(
                "NET186",
                f"`{key}` is {number}, but only {most} different partners exist",
                (*self.path, key),
                "allow several synapses a pair with `multapses: true`",
            )

    def matrix(self) -> Rule:
        path = (*self.path, "matrix")
        matrix, own = read_numbers(self.context, self.path, "matrix")
        if matrix.shape != (self.source.size, self.target.size):
            raise self.context.error(
                "NET187",
                f"the matrix has shape {matrix.shape}, the ends have {self.source.size} and {self.target.size} neurons",
                path,
            )
        pre, post = np.nonzero(matrix)
        entries = matrix[pre, post]
        to = (*self.path, "to")
        if self.context.document.has(to):
            self.give(self.context.text(to).value, to, entries, path, (*self.path, "unit"), own)
        elif self.context.document.has((*self.path, "unit")):
            raise self.context.key_error(
                "NET188", "`unit` needs `to`: the variable that takes it", (*self.path, "unit")
            )
        else:
            self.entries_go_nowhere(path, entries)
        return Pairs(pre.astype(np.int64), post.astype(np.int64))

    def entries_go_nowhere(self, path: Path, entries: FloatArray) -> None:
        """Without `to` a matrix says who meets whom; speak up where its entries look as if they should do more."""
        own = self.context.document.keys((*self.path, "initial"))
        if "w" in self.settable and "w" not in self.initial and "w" not in own:
            advice = "write `to: w`; where the matrix only says who is connected, give `w` a value in `initial`"
            raise self.context.error("NET188", "nothing says whether the entries of the matrix are `w`", path, advice)
        if np.any(entries != 1):
            span, advice = self.context.document.span(path), "`to: variable` gives them to a variable of the synapses"
            self.context.report.warn("NET149", "the entries of the matrix are only used as zero or not", span, advice)

    def file(self) -> Rule:
        context, path = self.context, (*self.path, "file")
        edges = read_edges(context, self.path)
        rule = self.paired(edges.pre, edges.post, path)
        to, unit = (*self.path, "to"), (*self.path, "unit")
        for name in context.document.keys(unit):
            if name not in edges.columns:
                raise context.key_error("NET188", f"`to` gives no column to `{name}`", (*unit, name))
        for name, values in edges.columns.items():
            self.give(name, (*to, name), values, path, (*unit, name), edges.units.get(name))
        return rule

    def give(self, name: str, key: Path, values: NDArray[Any], path: Path, unit: Path, own: str | None) -> None:
        """Numbers of a file become the values of a variable, or delays, of the synapses of this rule.

        Args:
            name: The variable, or `delay`.
            key: Where it is named.
            values: One a synapse, shape (n,).
            path: Where the file is named.
            unit: Where their unit stands, if it does.
            own: The unit that the file says they are in; None when it says none.
        """
        context = self.context
        if name in context.document.keys((*self.path, "initial")) or (
            name == "delay" and context.document.has((*self.path, "delay"))
        ):
            raise context.key_error("NET188", f"`{name}` is given twice in this rule", key)
        if name == "delay" and name not in self.settable:
            scale = unit_of(context, unit, TIME, "the delay", path, own)
            with reading(context, path):
                seconds = finite_numbers(values, "delays") * scale
                if np.any(seconds < 0):
                    raise Unreadable(f"a delay is negative in row {int(np.argmax(seconds < 0)) + 1}")
            delays = Typed(context.graph.numbers(seconds), TIME)
            self.delay = delay_steps(context, delays, context.document.span(key), "the delays")
            self.delay_place = key
            return
        if name not in self.settable:
            raise context.key_error(
                "NET140",
                f"`{name}` is no variable of these synapses that can be set",
                key,
                did_you_mean(name, [*self.settable, "delay"]),
            )
        stored = self.settable[name]
        node = file_values(context, path, unit, stored, values, own)
        self.values.append(Initial(stored.variable, node, None, context.document.span(key)))


def _no_values(variable: Variable, _pre: IntArray, _post: IntArray) -> Any:
    raise KeyError(variable)


def _is_within(part: NeuronSubset, outer: NeuronSubset) -> bool:
    """Whether all neurons of a view belong to another of the same group."""
    if isinstance(part.members, range) and isinstance(outer.members, range):
        ends = {part.members[0], part.members[-1]}
        even = part.members.step % outer.members.step == 0 or part.size == 1
        return all(k in outer.members for k in ends) and even
    return part.size <= outer.size and bool(np.all(outer.places(part.ids) >= 0))


def _number_in_both(a: NeuronSubset, b: NeuronSubset) -> int:
    """How many neurons two views of a group share."""
    small, large = sorted((a, b), key=lambda view: view.size)
    if not (isinstance(small.members, range) and isinstance(large.members, range)):
        return int(np.count_nonzero(large.places(small.ids) >= 0))
    x, y = (r if r.step > 0 else r[::-1] for r in (small.members, large.members))
    both = math.lcm(x.step, y.step)
    first = next((k for k in x[max(0, -((x.start - y.start) // x.step)) :][: both // x.step] if k in y), None)
    return 0 if first is None else len(range(first, min(x[-1], y[-1]) + 1, both))

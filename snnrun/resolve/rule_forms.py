"""Each form of connection rule: read from the file, and checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from snnrun.equations.dag import Kind, Node, Op, walk
from snnrun.equations.exact import OPEN
from snnrun.equations.parse import parse_generator
from snnrun.equations.scope import Typed
from snnrun.errors import at, did_you_mean
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    All,
    FixedDegree,
    FloatArray,
    Generated,
    IntArray,
    NeuronSubset,
    OneToOne,
    Pairs,
    Rule,
)
from snnrun.resolve.context import Path, population_of
from snnrun.resolve.edges import read_edges
from snnrun.resolve.names import Names
from snnrun.resolve.rule_reader import RuleReader
from snnrun.resolve.tables import read_numbers
from snnrun.source import Text
from snnrun.spec import models as spec
from snnrun.spec.nodes import ListNode, plain
from snnrun.units.dimensions import LENGTH, ONE

ROUNDING = 1e-9  # relative, by which a distance may exceed the largest one


def named_rule(reader: RuleReader, word: str) -> Rule:
    """A rule that is a word."""
    if word == "one_to_one":
        counted = reader.source.counted and reader.target.counted
        if counted and reader.source.size != reader.target.size:
            raise reader.context.error(
                "NET181",
                f"one_to_one needs ends of equal size: {reader.source.name} has {reader.source.size}, "
                f"{reader.target.name} {reader.target.size}",
                reader.path,
            )
        return OneToOne()
    return All()


def _pairs(reader: RuleReader) -> Rule:
    path = (*reader.path, "pairs")
    data = plain(reader.context.document.node(path))
    table = np.array(data, dtype=object)
    if table.ndim != 2 or table.shape[1] != 2:
        raise reader.context.error("NET184", "`pairs` is a list of `[i, j]`", path)
    return reader.paired(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), path)


def _distance(reader: RuleReader) -> Rule:
    """Pairs by distance: a condition and a probability that are graphs of the coordinates of both neurons."""
    context, g = reader.context, reader.context.graph
    path, limit = (*reader.path, "p"), (*reader.path, "max_distance")
    distance = _length_of(reader, _differences(reader))
    where = _not_itself(reader) if not reader.flag("autapses", default=True) else None
    if context.document.has(limit):
        most = _positive_length(reader, limit, "the largest distance").node
        near = g.binary(Op.LE, distance, g.mul(g.as_float(most), g.literal(1 + ROUNDING)))
        where = near if where is None else g.logical_and(near, where)
    p, uses_distance = None, context.document.has(limit)
    if context.document.has(path):
        expr = context.expression(path)
        if "d" in context.names_used(expr):
            uses_distance = True
            if "d" in reader.symbols or "d" in context.constants:
                advice = "give the other one another name"
                raise at(expr.span, "NET191", "`d` is the distance here, and a name of this experiment too", advice)
        symbols = Names({"d": Typed(distance, LENGTH)}, reader.symbols)
        p = reader.probability_of(reader.checker("`p`", symbols), expr)
    if not uses_distance:
        advice = "write `p` as an expression of the distance `d`, or add `max_distance`"
        raise context.key_error("NET191", "nothing depends on the distance", (*reader.path, "positions"), advice)
    return All(where, p)


def _differences(reader: RuleReader) -> list[Node]:
    """The difference of both neurons in each coordinate, the shorter way round where space is periodic, in meters."""
    context, g = reader.context, reader.context.graph
    path, around = (*reader.path, "positions"), (*reader.path, "period")
    node = context.document.node(path)
    places = [(*path, k) for k in range(len(node.items))] if isinstance(node, ListNode) else [path]
    names = [context.text(place).value for place in places]
    if not 1 <= len(names) <= 3 or len(set(names)) < len(names):
        raise context.error("NET191", "`positions` are one to three different variables", path)
    ends = [
        [_coordinate(reader, *at_place, end) for end in ("pre", "post")] for at_place in zip(names, places, strict=True)
    ]
    found = [g.sub(pre, post) for pre, post in ends]
    if not context.document.has(around):
        return found
    given = context.document.node(around)
    several = isinstance(given, ListNode)
    if isinstance(given, ListNode) and len(given.items) != len(names):
        message = f"there are {len(given.items)} periods and {len(names)} coordinates"
        raise context.error("NET191", message, around, "give one for each, or one for all")
    half = g.literal(0.5)
    for k, difference in enumerate(found):
        typed = _positive_length(reader, (*around, k) if several else around, "a period")
        if typed.exact is OPEN:
            context.limits.append((typed.node, np.isinf))
        elif typed.exact is not None and math.isinf(typed.value):
            continue  # not periodic in this direction
        period = g.as_float(typed.node)
        turns = g.function("floor", (g.add(g.div(difference, period), half),))
        found[k] = g.sub(difference, g.mul(period, turns))
    return found


def _coordinate(reader: RuleReader, name: str, path: Path, end: str) -> Node:
    """A coordinate of the neuron at one end, in meters."""
    subset = reader.source if end == "pre" else reader.target
    members = population_of(reader.context, subset).members
    if name not in members:
        message = f"`{subset.group}` has no variable `{name}`"
        raise reader.context.error("NET191", message, path, did_you_mean(name, members))
    typed = reader.symbols[f"{name}_{end}"]
    if typed.dimension != LENGTH:
        message = f"a coordinate is a length, `{name}` of `{subset.group}` is {typed.dimension.describe()}"
        raise reader.context.error("NET191", message, path, "give it a unit such as `meter`")
    if any(n.op is Op.TIME for n in walk(typed.node)):
        message = f"a coordinate stays as it is, `{name}` of `{subset.group}` changes with time"
        raise reader.context.error("NET191", message, path, "synapses are made once, before the run")
    return reader.context.graph.as_float(typed.node)


def _length_of(reader: RuleReader, differences: list[Node]) -> Node:
    """The Euclidean norm of a difference of positions, in meters."""
    g = reader.context.graph
    if len(differences) == 1:
        return g.function("abs", (differences[0],))
    total = g.mul(differences[0], differences[0])
    for difference in differences[1:]:
        total = g.add(total, g.mul(difference, difference))
    return g.function("sqrt", (total,))


def _positive_length(reader: RuleReader, path: Path, what: str) -> Typed:
    """A length that is the same for all pairs, in meters."""
    expr = reader.context.expression(path)
    typed = reader.context.checker({}, what).value(expr, LENGTH, what)
    if reader.context.is_wrong(typed, lambda length: np.logical_not(length > 0)):
        raise at(expr.span, "NET191", f"{what} is larger than zero, this is {typed.value:g} m")
    return typed


def _not_itself(reader: RuleReader) -> Node | None:
    """The condition that both neurons of a pair differ; None where they always do."""
    if reader.source.path != reader.target.path:
        return None
    g = reader.context.graph
    pre, post = (g.node(Op.INDEX, (), Kind.INT, end) for end in ("pre", "post"))
    return g.binary(Op.NE, pre, post)


def _indices(reader: RuleReader) -> Rule:
    pre = _index_list(reader, "i")
    post = _index_list(reader, "j")
    try:
        pre, post = np.broadcast_arrays(pre, post)
    except ValueError:
        raise reader.context.error(
            "NET184", f"there are {len(pre)} source and {len(post)} target indices", (*reader.path, "j")
        ) from None
    return reader.paired(pre.copy(), post.copy(), (*reader.path, "j"))


def _index_list(reader: RuleReader, key: str) -> IntArray:
    path = (*reader.path, key)
    node = reader.context.document.node(path)
    if isinstance(node, ListNode):
        return np.array(
            [reader.context.integer((*path, k), f"`{key}`", -(2**31)) for k in range(len(node.items))], dtype=np.int64
        )
    expr = reader.context.expression(path)
    typed = reader.context.checker({}, f"`{key}`", lists=True).value(expr, ONE, f"`{key}`")
    values = evaluate(typed.node, Environment(index={"list": slice(None)}, dt=reader.context.dt))
    whole = np.atleast_1d(values)
    if np.any((whole != np.floor(whole)) | ~(np.abs(whole) < 2.0**31)):
        raise at(expr.span, "NET184", f"`{key}` must be whole numbers below 2**31")
    return whole.astype(np.int64)


def _generated(reader: RuleReader, of: str) -> Rule:
    """Targets of each source (`out`), or sources of each target (`in`)."""
    context, g = reader.context, reader.context.graph
    key, end = ("j", "post") if of == "out" else ("i", "pre")
    path = (*reader.path, key)
    if isinstance(context.document.node(path), ListNode):
        other = "i" if key == "j" else "j"
        raise context.error("NET184", f"a list of `{key}` needs `{other}` beside it", path)
    text: Text = context.text(path)
    generator = parse_generator(text)
    checker = inner = reader.checker(f"`{key}`")
    leaf = None
    bounds, p, size, condition = None, None, None, None
    if generator.variable is not None:
        values = [reader.whole(checker, a, end) for a in generator.args]
        if not 1 <= len(values) <= 3:
            raise at(text.span(), "NET185", f"`{generator.kind}` takes one to three numbers")
        zero, one = g.literal(0), g.literal(1)
        bounds = {1: (zero, values[0], one), 2: (*values, one), 3: tuple(values)}[len(values)]
        leaf = g.node(Op.INDEX, (), Kind.INT, f"loop:{generator.variable}")
        inner = reader.checker(f"`{key}`", {**reader.symbols, generator.variable: Typed(leaf, ONE)})
        options = dict(generator.options)
        if generator.kind == "range" and options:
            raise at(text.span(), "NET185", "`range` takes numbers only", "write `sample(...)` to choose")
        if generator.kind == "sample" and len(options) != 1:
            raise at(text.span(), "NET185", "`sample` takes either `p=` or `size=`")
        p = reader.probability_of(inner, options["p"]) if "p" in options else None
        size = reader.whole(checker, options["size"], end) if "size" in options else None
    element = reader.whole(inner, generator.element, end)
    if generator.condition is not None:
        condition = inner.condition(generator.condition, "the condition").node
        reader.known_before(condition, generator.condition.span)
    if reader.context.document.has((*reader.path, "p")):
        other_p = reader.probability((*reader.path, "p"))
        p = other_p if p is None else g.mul(p, other_p)
    skip = reader.flag("skip_if_invalid")
    return Generated(of, element, leaf, generator.kind, bounds, p, size, condition, skip)  # type: ignore[arg-type]


def _fixed(reader: RuleReader, key: str, of: str) -> Rule:
    multapses, autapses = reader.flag("multapses"), reader.flag("autapses", default=True)
    path = (*reader.path, key)
    expr = reader.context.expression(path)
    typed = reader.checker(f"`{key}`").check(expr)
    if typed.exact is not None or of == "total":
        number = reader.context.integer(path, f"`{key}`", 0)
        _must_be_possible(reader, key, of, number, multapses=multapses, autapses=autapses)
        return FixedDegree(of, reader.context.graph.literal(number), multapses, autapses)
    if typed.node.kind is not Kind.INT or not typed.dimension.is_one:
        raise at(expr.span, "NET186", f"`{key}` must be a whole number", "write `int(...)` to cut it")
    return FixedDegree(
        of, reader.known_before(typed.node, expr.span, "pre" if of == "in" else "post"), multapses, autapses
    )


def _must_be_possible(reader: RuleReader, key: str, of: str, number: int, *, multapses: bool, autapses: bool) -> None:
    same = reader.source.path == reader.target.path
    common = _number_in_both(reader.source, reader.target) if same and not autapses else 0
    own = 1 if common else 0
    most = {
        "in": reader.source.size - own,
        "out": reader.target.size - own,
        "total": reader.source.size * reader.target.size - common,
    }[of]
    counted = reader.source.counted and reader.target.counted
    if counted and number > most and (not multapses or most == 0):
        raise reader.context.error(
            "NET186",
            f"`{key}` is {number}, but only {most} different partners exist",
            (*reader.path, key),
            "allow several synapses a pair with `multapses: true`",
        )


def _matrix(reader: RuleReader) -> Rule:
    path = (*reader.path, "matrix")
    for view in (reader.source, reader.target):
        if not view.counted:
            message = f"how many synapses `{view.name}` has is known only when they are made"
            raise reader.context.error("NET187", message, path, "give lists of `i` and `j`")
    matrix, own = read_numbers(reader.context, reader.path, "matrix")
    if matrix.shape != (reader.source.size, reader.target.size):
        raise reader.context.error(
            "NET187",
            f"the matrix has shape {matrix.shape}, the ends have {reader.source.size} and {reader.target.size} neurons",
            path,
        )
    pre, post = np.nonzero(matrix)
    entries = matrix[pre, post]
    to = (*reader.path, "to")
    if reader.context.document.has(to):
        reader.give(reader.context.text(to).value, to, entries, path, (*reader.path, "unit"), own)
    elif reader.context.document.has((*reader.path, "unit")):
        raise reader.context.key_error(
            "NET188", "`unit` needs `to`: the variable that takes it", (*reader.path, "unit")
        )
    else:
        _entries_go_nowhere(reader, path, entries)
    return Pairs(pre.astype(np.int64), post.astype(np.int64))


def _entries_go_nowhere(reader: RuleReader, path: Path, entries: FloatArray) -> None:
    """Without `to` a matrix says who meets whom; speak up where its entries look as if they should do more."""
    own = reader.context.document.keys((*reader.path, "initial"))
    if "w" in reader.settable and "w" not in reader.given and "w" not in own:
        advice = "write `to: w`; where the matrix only says who is connected, give `w` a value in `initial`"
        raise reader.context.error("NET188", "nothing says whether the entries of the matrix are `w`", path, advice)
    if np.any(entries != 1):
        span, advice = reader.context.document.span(path), "`to: variable` gives them to a variable of the synapses"
        reader.context.report.warn("NET149", "the entries of the matrix are only used as zero or not", span, advice)


def _file(reader: RuleReader) -> Rule:
    context, path = reader.context, (*reader.path, "file")
    edges = read_edges(context, reader.path)
    rule = reader.paired(edges.pre, edges.post, path)
    to, unit = (*reader.path, "to"), (*reader.path, "unit")
    for name in context.document.keys(unit):
        if name not in edges.columns:
            raise context.key_error("NET188", f"`to` gives no column to `{name}`", (*unit, name))
    for name, values in edges.columns.items():
        reader.give(name, (*to, name), values, path, (*unit, name), edges.units.get(name))
    return rule


def _named(reader: RuleReader) -> Rule:
    return named_rule(reader, reader.context.text((*reader.path, "rule")).value)


def _where(reader: RuleReader) -> Rule:
    return All(reader.optional("where", reader.condition), reader.optional("p", reader.probability))


def _number_in_both(a: NeuronSubset, b: NeuronSubset) -> int:
    """How many neurons two views of a group share."""
    small, large = sorted((a, b), key=lambda view: view.size)
    if not (isinstance(small.members, range) and isinstance(large.members, range)):
        return int(np.count_nonzero(large.places(small.ids) >= 0))
    x, y = (r if r.step > 0 else r[::-1] for r in (small.members, large.members))
    both = math.lcm(x.step, y.step)
    first = next((k for k in x[max(0, -((x.start - y.start) // x.step)) :][: both // x.step] if k in y), None)
    return 0 if first is None else len(range(first, min(x[-1], y[-1]) + 1, both))


READERS: dict[type[spec.Rule], Callable[[RuleReader], Rule]] = {
    spec.NamedConnect: _named,
    spec.WhereConnect: _where,
    spec.DistanceConnect: _distance,
    spec.IndexConnect: _indices,
    spec.PairsConnect: _pairs,
    spec.TargetsConnect: partial(_generated, of="out"),
    spec.SourcesConnect: partial(_generated, of="in"),
    spec.IndegreeConnect: partial(_fixed, key="fixed_indegree", of="in"),
    spec.OutdegreeConnect: partial(_fixed, key="fixed_outdegree", of="out"),
    spec.TotalConnect: partial(_fixed, key="fixed_total", of="total"),
    spec.MatrixConnect: _matrix,
    spec.FileConnect: _file,
}
"""What reads each form of `CONNECT_FORMS`."""

"""Reading structure off right-hand sides: which part is linear in a variable, which part is noise."""

from __future__ import annotations

from snnrun.equations.dag import Graph, Node, Op, is_literal, walk


class NotLinear(Exception):
    """The expression is not of the form A*x + B; `node` is the part that is not."""

    def __init__(self, node: Node) -> None:
        self.node = node
        super().__init__(node.op.value)


def contains(node: Node, leaf: Node) -> bool:
    """Whether a graph uses a leaf."""
    return any(n is leaf for n in walk(node))


def collect_linear(graph: Graph, node: Node, x: Node, *, freeze: bool = True) -> tuple[Node, Node]:
    """Write an expression as A*x + B.

    Sums, products, quotients and selections are expanded in x. With `freeze`, functions of x are taken as they stand
    (they end up inside A or B and are frozen over the step); without it, they are an error.

    Returns:
        The graphs A and B; neither contains x outside functions.

    Raises:
        NotLinear: When x occurs as x**2 and the like, in a denominator, or in a function without `freeze`.
    """
    return _Linear(graph, x, freeze).of(node)


class _Linear:
    def __init__(self, graph: Graph, x: Node, freeze: bool) -> None:
        self.graph = graph
        self.x = x
        self.freeze = freeze
        self.zero = graph.literal(0)
        self.known: dict[int, tuple[Node, Node]] = {}
        self.holds: dict[int, bool] = {}

    def has_x(self, node: Node) -> bool:
        found = self.holds.get(id(node))
        if found is None:
            found = node is self.x or any(self.has_x(a) for a in node.args)
            self.holds[id(node)] = found
        return found

    def of(self, node: Node) -> tuple[Node, Node]:
        found = self.known.get(id(node))
        if found is None:
            a, b = self.split(node)
            found = self.graph.stands_for(a, node), self.graph.stands_for(b, node)
            self.known[id(node)] = found
        return found

    def split(self, node: Node) -> tuple[Node, Node]:
        g = self.graph
        if not self.has_x(node):
            return self.zero, node
        if node is self.x:
            return g.literal(1), self.zero
        match node.op:
            case Op.ADD | Op.SUB:
                (a1, b1), (a2, b2) = self.of(node.args[0]), self.of(node.args[1])
                return g.binary(node.op, a1, a2), g.binary(node.op, b1, b2)
            case Op.NEG:
                a, b = self.of(node.args[0])
                return g.neg(a), g.neg(b)
            case Op.MUL:
                return self.product(node)
            case Op.DIV:
                (a1, b1), (a2, b2) = self.of(node.args[0]), self.of(node.args[1])
                if not is_literal(a2, 0):
                    raise NotLinear(node)
                return g.div(a1, b2), g.div(b1, b2)
            case Op.SELECT:
                if self.has_x(node.args[0]) and not self.freeze:
                    raise NotLinear(node)
                (a1, b1), (a2, b2) = self.of(node.args[1]), self.of(node.args[2])
                return g.select(node.args[0], a1, a2), g.select(node.args[0], b1, b2)
            case _:
                return self.opaque(node)

    def product(self, node: Node) -> tuple[Node, Node]:
        g = self.graph
        (a1, b1), (a2, b2) = self.of(node.args[0]), self.of(node.args[1])
        if not is_literal(a1, 0) and not is_literal(a2, 0):
            raise NotLinear(node)
        return g.add(g.mul(a1, b2), g.mul(b1, a2)), g.mul(b1, b2)

    def opaque(self, node: Node) -> tuple[Node, Node]:
        power = node.op in {Op.POW, Op.MOD, Op.FLOORDIV}
        if not self.freeze or (power and any(not is_literal(self.of(a)[0], 0) for a in node.args)):
            raise NotLinear(node)
        return self.zero, node


def split_noise(graph: Graph, node: Node) -> tuple[Node, dict[Node, Node]]:
    """Separate a right-hand side into drift and noise: f + sum of g*xi.

    Returns:
        The drift f, and for each noise leaf its coefficient g.

    Raises:
        NotLinear: When noise does not enter as a product with something else.
    """
    coefficients: dict[Node, Node] = {}
    leaves = [n for n in walk(node) if n.op is Op.NOISE]
    for leaf in leaves:
        g, node = collect_linear(graph, node, leaf, freeze=False)
        if any(contains(g, other) for other in leaves):
            raise NotLinear(g)
        coefficients[leaf] = g
    return node, coefficients

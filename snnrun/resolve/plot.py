"""One plot of the file while it is checked: its keys, its kind, and the numbers of its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snnrun.errors import ExperimentError, at
from snnrun.model.network import Network
from snnrun.plot_kinds import PLOT_KINDS
from snnrun.resolve.context import Context, Path
from snnrun.resolve.swept import of_sweep, swept
from snnrun.spec.nodes import ListNode, MapNode, plain
from snnrun.units.dimensions import Dimension

Metrics = Mapping[str, tuple[Dimension, bool]]
"""The metrics of a file: dimension of each, and whether it is one number."""

_LARGEST = 1e30  # a limit beyond it cannot be drawn [SI]


class Plot:
    """One plot of the file.

    Args:
        context: The file.
        network: Its network.
        metrics: Its metrics.
        path: The plot's place.

    Attributes:
        keys: The place of each of its options.
        plain: Its options as plain data; what is checked becomes SI numbers and names.
        kind: Its kind.
        swept: The parameters that the file's sweep changes.
        monitors: The monitors of the network by name.
    """

    def __init__(self, context: Context, network: Network, metrics: Metrics, path: Path) -> None:
        self.context = context
        self.network = network
        self.metrics = metrics
        self.path = path
        node = context.document.node(path)
        assert isinstance(node, MapNode)
        self.keys = {key: (*path, key) for key in node.entries}
        self.plain: dict[str, Any] = {key: plain(entry.value) for key, entry in node.entries.items()}
        self.kind = PLOT_KINDS[self.plain["kind"]]
        self.swept = swept(context)
        self.monitors = {m.name: m for m in network.monitors}

    @property
    def of_sweep(self) -> bool:
        """Whether it shows the sweep of the file."""
        return of_sweep(self.plain, self.swept)

    def error(self, code: str, message: str, *keys: str | int, help: str | None = None) -> ExperimentError:
        """An error at a key of this plot."""
        return self.context.error(code, message, (*self.path, *keys), help)

    def listed(self, key: str) -> list[str]:
        """A name or list of names."""
        value = self.plain.get(key)
        return [] if value is None else [value] if isinstance(value, str) else [str(v) for v in value]

    def key_of(self, key: str, number: int) -> tuple[str | int, ...]:
        """The place of an item of a key that is one name or a list."""
        return (key, number) if isinstance(self.plain[key], list) else (key,)

    def quantities(self, key: str, *dimensions: Dimension | None) -> Any:
        """The numbers of an option, of the dimension of its axis, or of one each; None: of any. [SI]."""
        place = self.keys[key]
        node = self.context.document.node(place)
        dimension = dimensions[0]
        if isinstance(node, ListNode) and len(dimensions) > 1:
            return [self.number((*place, k), of) for k, of in zip(range(len(node.items)), dimensions, strict=False)]
        if isinstance(node, MapNode):
            return {
                name: self.numbers((*place, name), dimension)
                if isinstance(entry.value, ListNode)
                else self.number((*place, name), dimension)
                for name, entry in node.entries.items()
            }
        return self.numbers(place, dimension) if isinstance(node, ListNode) else self.number(place, dimension)

    def numbers(self, path: Path, dimension: Dimension | None) -> list[float]:
        """Constants of a dimension."""
        node = self.context.document.node(path)
        assert isinstance(node, ListNode)
        return [self.number((*path, k), dimension) for k in range(len(node.items))]

    def number(self, path: Path, dimension: Dimension | None) -> float:
        """A constant of a dimension that a plot can show."""
        expr = self.context.expression(path)
        typed = self.context.checker({}, "a plot").check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", "this must be a constant")
        if dimension is not None and not typed.fits(dimension):
            message = f"this is {typed.dimension.describe()}, and the axis shows {dimension.describe()}"
            raise at(expr.span, "PLT513", message)
        if not abs(typed.value) < _LARGEST:
            raise at(expr.span, "PLT514", "this number is too large to draw")
        return typed.value

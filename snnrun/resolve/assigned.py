"""Names that the texts of a file assign in each group, before statements are checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from snnrun.equations.model import parse_equations
from snnrun.equations.parse import parse_statements
from snnrun.errors import ExperimentError
from snnrun.resolve.context import Context, Path
from snnrun.spec.models import CallOperation, Synapses
from snnrun.spec.nodes import MapNode, ScalarNode


def assigned_names(context: Context, group: str) -> frozenset[str] | None:
    """Names that resets, events, operations, inputs and synapses assign in a group, before statements are checked.

    None when a Python function may assign any. Texts that cannot be read count for nothing here: they are reported
    where they are resolved.
    """
    written = context.once(_written)
    if written is None:
        return None
    events = context.document.keys(("groups", group, "events"))
    own = [("groups", group, "reset"), *(("groups", group, "events", event, "do") for event in events)]
    return frozenset((*(name for path in own for name in _assigned(context, path)), *written[group]))


def _written(context: Context) -> defaultdict[str, set[str]] | None:
    """Names that others assign in each group; None when a Python function may assign any."""
    experiment = context.experiment
    written: defaultdict[str, set[str]] = defaultdict(set)
    for name, operation in experiment.operations.items():
        if isinstance(operation, CallOperation):
            return None
        _reach(written, _ends_of(context, operation.target), _assigned(context, ("operations", name, "do")))
    for name, synapses in experiment.synapses.items():
        ends = _ends(synapses)
        for key in ("on_pre", "on_post"):
            _reach(written, ends, _assigned(context, ("synapses", name, key)))
        _reach(written, ends, _summed(context, ("synapses", name, "equations")))
    for poisson in experiment.inputs.values():
        written[_group_of(poisson.target)].add(str(poisson.variable))
    return written


def _group_of(reference: object) -> str:
    return str(reference).strip().partition(".")[0]


def _ends(synapses: Synapses) -> tuple[str, str]:
    return _group_of(synapses.source), _group_of(synapses.target)


def _ends_of(context: Context, reference: object) -> tuple[str, str]:
    """The groups that statements about an object can reach as `pre` and `post`."""
    synapses = context.experiment.synapses.get(str(reference).strip())
    return _ends(synapses) if synapses is not None else ("", _group_of(reference))


def _reach(written: defaultdict[str, set[str]], ends: tuple[str, str], names: Iterable[str]) -> None:
    """Add what the names that a synapse's statements assign mean in the groups at its ends."""
    pre, post = ends
    for name in names:
        written[post].add(name)
        for suffix, end in (("_pre", pre), ("_post", post)):
            if name.endswith(suffix):
                written[end].add(name.removesuffix(suffix))


def _assigned(context: Context, path: Path) -> Iterator[str]:
    """Targets of all statements at or below a path."""
    if not context.document.has(path):
        return
    node = context.document.node(path)
    if isinstance(node, MapNode):
        for key in node.entries:
            if key not in {"delay", "order", "event"}:
                yield from _assigned(context, (*path, key))
    elif isinstance(node, ScalarNode):
        try:
            statements = parse_statements(context.text(path))
        except ExperimentError:
            return
        yield from (s.target for s in statements)


def _summed(context: Context, path: Path) -> list[str]:
    if not context.document.has(path):
        return []
    try:
        return [d.name for d in parse_equations(context.text(path)) if "summed" in d.flags]
    except ExperimentError:
        return []

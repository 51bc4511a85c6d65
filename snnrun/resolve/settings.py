"""What phases may set beside variables: values of the file that the run reads, and who reads them.

A constant is read where an expression names it, through other constants and functions too. What is read once, when the
network is built, cannot be set by a phase: it would be taken and ignored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

from snnrun.equations.ast import names_in
from snnrun.equations.model import parse_equations
from snnrun.equations.parse import parse_expression
from snnrun.errors import ExperimentError
from snnrun.resolve.context import Context, Path
from snnrun.resolve.delays import has_parts, rules_with_delays
from snnrun.resolve.repeats import key_in_phase, phases_of
from snnrun.source import SourceFile, Span
from snnrun.spec.document import Document
from snnrun.spec.models import CallOperation, Experiment
from snnrun.spec.nodes import MapNode, Node, ScalarNode, dotted


def setting_of(context: Context, name: str) -> Path | None:
    """The place in the file of what an entry of `set` means, when it is not a variable."""
    if name in context.experiment.constants:
        return ("constants", name)
    head, _, tail = name.partition(".")
    for owner in (("groups", head), ("synapses", head)):
        if tail in context.own_constants.get(owner, ()):
            return (*owner, "constants", tail)
    if head in context.experiment.inputs and tail == "rate":
        return ("inputs", head, tail)
    synapses = context.experiment.synapses.get(head)
    if synapses is not None and tail.rpartition(".")[2] == "delay":
        equations = () if synapses.equations is None else parse_equations(context.text(("synapses", head, "equations")))
        return None if any(d.name == tail for d in equations) else ("synapses", head, *tail.split("."))
    return None


def must_be_read(context: Context, setting: Path, at: Path, *, measured: bool = False) -> None:
    """Refuse to set what the run does not read, and warn where its readers do not all follow.

    Args:
        context: The resolution, all of the network resolved.
        setting: The place in the file of what is set.
        at: The entry of `set`.
        measured: Whether it is computed during the run, so that metrics read its last value.

    Raises:
        ExperimentError: NET145.
    """
    if setting[0] == "synapses" and setting[2] != "constants":
        _must_delay(context, setting, at)
    if setting[0] in ("synapses", "inputs") and setting[2] != "constants":
        return
    name = ".".join(str(step) for step in setting if step not in ("constants", "groups", "synapses"))
    found = sorted(set(readers(context, setting)), key=str)
    followed = [path for path in found if _is_read_in_run(context, path)]
    if measured:
        followed += [path for path in found if path[0] == "metrics"]
    opening = [path for path in found if path[0] in ("metrics", "plots", "search") or "initial" in path]
    opening = [path for path in opening if path not in followed]
    once = [path for path in found if path not in followed and path not in opening]
    if not followed and not once:
        once = opening
    if once:
        raise context.key_error(
            "NET145",
            f"`{name}` is used by `{dotted(once[0])}`, which is read once{_when(once[0])}",
            at,
            "a phase can set what equations, statements, rates and delays read: give them a constant of their own"
            if followed
            else "a phase can set what equations, statements, rates and delays read, and variables: `group.variable`",
        )
    if not followed:
        raise context.key_error("NET145", f"nothing in the run reads `{name}`: setting it changes nothing", at)
    if opening:
        context.report.warn(
            "NET146",
            f"`{name}` is also used by `{dotted(opening[0])}`, which keeps the value it has in `constants`",
            context.document.key_span(at),
        )


def is_replaced_at_start(context: Context, place: Path) -> bool:
    """Whether the first phase sets what stands at a place of the file before anything reads it."""
    first = phases_of(context.experiment.run)[:1]
    if not any(setting_of(context, name) == place for phase in first for name in phase.set or {}):
        return False
    return all(path[:2] != ("run", "phases") and _is_read_in_run(context, path) for path in readers(context, place))


def _must_delay(context: Context, setting: Path, at: Path) -> None:
    """Refuse to set a delay that no pathway has."""
    document, name, owner = context.document, str(setting[1]), setting[:-1]
    node = document.find(owner)
    if has_parts(document.find(setting)):
        reason = f"`{dotted(setting[1:])}` is given in parts, which stay as they are"
        raise context.key_error("NET143", reason, at, "write it as one delay where a phase is to set it")
    if len(owner) > 2 and isinstance(node, ScalarNode):
        reason = f"`{dotted(owner[2:])}` of `{name}` has no delay of its own"
        raise context.key_error("NET143", reason, at, "write the pathway as `{do: ..., delay: ...}`")
    if len(owner) > 2 and not _is_pathway(node):
        known = _settable_delays(document, name)
        meant = [n for n in known if str(owner[-1]) in n.split(".")[1:-1]]
        advice = " or ".join(f"`{n}`" for n in meant or known) or "the pathway as `{do: ..., delay: ...}`"
        reason = f"`{name}` has no single pathway `{dotted(owner[2:])}`"
        raise context.key_error("NET143", reason, at, f"write {advice}")
    if owner[2:3] == ("on_post",):
        return
    of_rules = all(rules_with_delays(document.find((*owner[:2], "connect"))))
    if of_rules or (len(owner) == 2 and _pathways_with_delays(document.find((*owner, "on_pre")))):
        what = "each rule of `connect`" if of_rules else "each pathway `on_pre`"
        message = f"nothing in the run reads `{dotted(setting[1:])}`: {what} has its own"
        raise context.key_error("NET145", message, at)


def _pathways_with_delays(pathways: Node | None) -> bool:
    """Whether each pathway of `on_pre` has a delay of its own."""
    alone = not isinstance(pathways, MapNode) or "do" in pathways.entries
    listed = [pathways] if alone else [e.value for e in pathways.entries.values()]  # type: ignore[union-attr] # a map
    return all(isinstance(p, MapNode) and "delay" in p.entries for p in listed if p is not None)


def _is_pathway(node: Node | None) -> bool:
    """Whether it is a pathway that may have a delay of its own."""
    return isinstance(node, MapNode) and "do" in node.entries


def _settable_delays(document: Document, name: str) -> list[str]:
    """The delays of pathways of a synapses object, as a phase names them."""
    found = []
    for side in ("on_pre", "on_post"):
        node = document.find(("synapses", name, side))
        if _is_pathway(node):
            found.append(f"{name}.{side}.delay")
        elif isinstance(node, MapNode):
            found += [f"{name}.{side}.{key}.delay" for key, entry in node.entries.items() if _is_pathway(entry.value)]
    return found


def _when(path: Path) -> str:
    return (
        ", with its value in `constants`"
        if path[0] in ("metrics", "plots", "search")
        else ", when the network is built"
    )


def reads(context: Context, setting: Path, reader: Path) -> bool:
    """Whether what stands at or below a place of the file reads a setting."""
    return any(path[: len(reader)] == reader for path in readers(context, setting))


def readers(context: Context, setting: Path) -> Iterator[Path]:
    """Places of the file that read a constant, through other constants too."""
    pending, seen = [setting], {setting}
    while pending:
        setting = pending.pop()
        places = [*_places(context, context.uses.places.get(setting, ()))]
        if setting[0] == "constants" and not _is_hidden(context.experiment, str(setting[1])):
            places += context.once(_named_later).get(str(setting[1]), ())
        for path in places:
            if path[0] != "constants" and path[2:3] != ("constants",):
                yield path
            elif path not in seen:
                seen.add(path)
                pending.append(path)


def _places(context: Context, spans: Iterable[Span]) -> Iterator[Path]:
    """The values of the file in which spans lie."""
    for span in spans:
        begins, values = context.once(_scalars).get(span.file, ((), ()))
        k = bisect_right(begins, span.start) - 1
        if k >= 0 and span.end <= values[k][0]:
            yield from values[k][1]


def _scalars(context: Context) -> dict[SourceFile, tuple[list[int], list[tuple[int, list[Path]]]]]:
    """By file, where each value begins, where it ends, and its places in the tree (several for an alias)."""
    found: dict[SourceFile, dict[tuple[int, int], list[Path]]] = {}
    for path, node in context.document.walk():
        if isinstance(node, ScalarNode):
            for span in dict.fromkeys(node.places):
                found.setdefault(span.file, {}).setdefault((span.start, span.end), []).append(path)
    return {
        file: ([start for start, _ in sorted(places)], [(place[1], places[place]) for place in sorted(places)])
        for file, places in found.items()
    }


def _is_hidden(experiment: Experiment, name: str) -> bool:
    """Whether metrics, pictures and phases mean something else by the name of a constant."""
    return name in experiment.metrics or name in experiment.monitors or name in experiment.groups


def _named_later(context: Context) -> dict[str, list[Path]]:
    """The names in metrics, pictures and phases, which are resolved after the network, and where each stands."""
    found: dict[str, list[Path]] = {}
    for path, node in context.document.walk():
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            continue
        if path[0] in ("metrics", "plots", "search") or key_in_phase(path) not in (None, "duration", "repeat"):
            try:
                names = names_in(parse_expression(node.text))
            except ExperimentError:
                continue
            for name in names:
                found.setdefault(name, []).append(path)
    return found


def _is_read_in_run(context: Context, path: Path) -> bool:
    """Whether a place of the file is read with the constants of each phase."""
    if any(a == "delay" and b in ("axonal", "dendritic") for a, b in pairwise(path)):
        return False
    match path:
        case ("groups", _, "equations" | "threshold" | "reset" | "refractory" | "rates", *_):
            return True
        case ("groups", _, "events", *rest):
            return rest[-1] != "order"
        case ("inputs", _, "size" | "rate" | "weight"):
            return True
        case ("synapses", _, "equations"):
            return True
        case ("synapses", _, "on_pre" | "on_post", *rest):
            return not rest or rest[-1] not in ("order", "event")
        case ("synapses", _, "delay", *_):
            return True
        case ("synapses", _, "connect", *rest):
            return "delay" in rest
        case ("operations", str(name), "do" | "every"):
            return not isinstance(context.experiment.operations[name], CallOperation)
        case ("monitors", _, "condition"):
            return True
    return key_in_phase(path) in ("set", "at_end", "stop_when", "repeat_until")

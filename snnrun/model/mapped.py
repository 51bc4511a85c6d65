"""All graphs of a network, wherever in its records they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from snnrun.equations.dag import Node, Variable, variables_of
from snnrun.model.network import Integration
from snnrun.source import Span


def mapped(part: Any, change: Callable[[Node], Node]) -> Any:
    """A part of a network with all its graphs changed; what does not change stays the same object."""
    match part:
        case Node():
            return change(part)
        case tuple():
            new = [mapped(each, change) for each in part]
            return part if all(a is b for a, b in zip(part, new, strict=True)) else tuple(new)
        case Mapping():
            values = {key: mapped(each, change) for key, each in part.items()}
            return part if all(values[key] is each for key, each in part.items()) else values
        case _:
            new_fields = {name: mapped(value, change) for name, value in _fields(part)}
            changed = {name: new for name, new in new_fields.items() if new is not getattr(part, name)}
            return replace(part, **changed) if changed else part


def variables_within(part: Any) -> Iterator[Variable]:
    """All variables that a part of a network reads or writes."""
    match part:
        case Node():
            yield from variables_of(part)
        case Variable():
            yield part
        case tuple() | list():
            for each in part:
                yield from variables_within(each)
        case Mapping():
            yield from variables_within([*part.keys(), *part.values()])
        case _:
            yield from variables_within([value for _, value in _fields(part)])


def _fields(part: Any) -> Iterable[tuple[str, Any]]:
    """The fields of a record of a network in which there may be graphs that a run evaluates."""
    if not is_dataclass(part) or isinstance(part, type | Span | Variable | Integration):
        return ()
    return ((field.name, getattr(part, field.name)) for field in fields(part))

"""What errors of dimensions may come from, as help: constants that were read as units, and values given by `--set`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from snnrun.errors import Diagnostic
from snnrun.source import Span
from snnrun.units.names import unit_words

if TYPE_CHECKING:
    from snnrun.resolve.context import Context

_OF_DIMENSIONS = frozenset({"EQ203", "EQ204", "EQ207", "EQ209"})


def with_reasons(context: Context, errors: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """The errors, those about dimensions with what they may come from."""
    for error in errors:
        if error.code not in _OF_DIMENSIONS or error.span is None:
            yield error
            continue
        units, given = _lone_units(context, error.span), _given(context, error.span)
        notes = [*units, *given] if units or error.help is None else [error.help, *given]
        yield replace(error, help="; ".join(notes) or None)


def _lone_units(context: Context, place: Span) -> list[str]:
    """A note about the first name in a place that was read as a unit."""
    found = {name for span, name in context.graph.lone_units.items() if _within(span, place)}
    return [
        f"`{name}` was read as a unit ({unit_words(name)}), since no constant has this name: "
        f"define `{name}` in `constants` if you mean one"
        for name in sorted(found)[:1]
    ]


def _given(context: Context, place: Span) -> list[str]:
    """A note about each constant used in a place that an option has given."""
    notes = []
    for definition, spans in context.uses.places.items():
        if definition[0] == "constants" and any(_within(span, place) for span in spans):
            name, option = str(definition[1]), context.document.span(definition).file.name
            if option.startswith("--set ") and name in context.constants:
                notes.append(f"`{name}` is {context.constants[name].dimension.describe()}, given by `{option}`")
    return notes


def _within(part: Span, whole: Span) -> bool:
    return part.file is whole.file and whole.start <= part.start and part.end <= whole.end

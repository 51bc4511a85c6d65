"""Which values of a file somebody asked for while it was checked: one that nobody did is an error, not silence.

Stages read values in two ways: from the document by their paths, and from the models by their fields. Both are noted
here while a file is checked; points of a sweep are not watched, as they have the keys of their file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snnrun.spec.nodes import Path

if TYPE_CHECKING:
    from snnrun.spec.values import Section


@dataclass(slots=True)
class Asked:
    """What was asked for.

    Args:
        paths: Values that were read from the document.
        fields: Fields that were read from models: the identity of the model, and the name.
    """

    paths: set[Path] = field(default_factory=set)
    fields: set[tuple[int, str]] = field(default_factory=set)


listening: Asked | None = None
"""Who notes the fields that are read now."""


@contextmanager
def noting(asked: Asked | None) -> Iterator[None]:
    """Note the fields of models that are read meanwhile."""
    global listening  # noqa: PLW0603 - models have no other way to reach it, and each attribute must stay cheap
    before, listening = listening, asked
    try:
        yield
    finally:
        listening = before


def unread(asked: Asked, section: Section, path: Path = ()) -> Iterator[Path]:
    """The values below a model that were given and that nobody asked for, in the order of the format."""
    given: dict[str, Any] = section.__dict__
    for name in type(section).model_fields:
        if name in section.model_fields_set and name != "kind":  # which has chosen the model
            key = type(section).model_fields[name].alias or name
            known = (id(section), name) in asked.fields
            yield from _unread(asked, given[name], (*path, key), known=known)


def _unread(asked: Asked, value: Any, path: Path, *, known: bool) -> Iterator[Path]:
    if hasattr(value, "model_fields_set"):
        yield from unread(asked, value, path)
    elif _holds_models(value) or (isinstance(value, dict) and path not in asked.paths):
        # Whoever knows the names in a map asks for each by its path.
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unread(asked, item, (*path, key), known=False)
    elif not known and path not in asked.paths and not _items_read(asked, value, path):
        yield path


def _holds_models(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(hasattr(item, "model_fields_set") or _holds_models(item) for item in items)


def _items_read(asked: Asked, value: Any, path: Path) -> bool:
    """Whether all items of a list were read one by one."""
    if not isinstance(value, list) or not value:
        return False
    paths = [(*path, k) for k in range(len(value))]
    return all(p in asked.paths or _items_read(asked, item, p) for p, item in zip(paths, value, strict=True))

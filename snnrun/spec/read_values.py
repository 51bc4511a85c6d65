"""Which values of a file were read while it was checked: one that was given and never read is an error.

Stages read values in two ways: from the document by their paths, and from the models by their fields. Both are noted
here while a file is checked; not for the points of a sweep, which have the keys of their file.
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
class ReadValues:
    """What was read.

    Args:
        paths: Values that were read from the document.
        fields: Fields that were read from models: the identity of the model, and the name.
    """

    paths: set[Path] = field(default_factory=set)
    fields: set[tuple[int, str]] = field(default_factory=set)


noted: ReadValues | None = None
"""Where fields that are read now are noted."""


@contextmanager
def noting(read: ReadValues | None) -> Iterator[None]:
    """Note the fields of models that are read meanwhile."""
    global noted  # noqa: PLW0603 - models have no other way to reach it, and each attribute must stay cheap
    before, noted = noted, read
    try:
        yield
    finally:
        noted = before


def unread(read: ReadValues, section: Section, path: Path = ()) -> Iterator[Path]:
    """The values below a model that were given and that were never read, in the order of the format."""
    given: dict[str, Any] = section.__dict__
    names = section.model_fields_set
    for name, field_of_model in type(section).model_fields.items():
        if name in names and name != "kind":  # which has chosen the model
            key = field_of_model.alias or name
            known = (id(section), name) in read.fields
            yield from _unread(read, given[name], (*path, key), known=known)


def _unread(read: ReadValues, value: Any, path: Path, *, known: bool) -> Iterator[Path]:
    if hasattr(value, "model_fields_set"):
        yield from unread(read, value, path)
    elif _holds_models(value) or (isinstance(value, dict) and path not in read.paths):
        # Code that knows the names in a map reads each by its path.
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unread(read, item, (*path, key), known=False)
    elif not known and path not in read.paths and not _items_read(read, value, path):
        yield path


def _holds_models(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(hasattr(item, "model_fields_set") or _holds_models(item) for item in items)


def _items_read(read: ReadValues, value: Any, path: Path) -> bool:
    """Whether all items of a list were read one by one."""
    if not isinstance(value, list) or not value:
        return False
    paths = [(*path, k) for k in range(len(value))]
    return all(p in read.paths or _items_read(read, item, p) for p, item in zip(paths, value, strict=True))

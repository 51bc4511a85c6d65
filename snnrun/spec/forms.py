"""Finds which part of the models a place in a file belongs to, for messages, the schema and the reference."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType


@dataclass(frozen=True, slots=True)
class Form:
    """What the models say about one place.

    Args:
        kind: The type the value there must have.
        field: The key it is the value of, if that key is fixed.
        owner: The model whose key this is or was meant to be.
        siblings: Other models the same value could be, where a key has several forms.
    """

    kind: Any
    field: FieldInfo | None = None
    owner: type[BaseModel] | None = None
    siblings: tuple[type[BaseModel], ...] = ()


def form_at(root: type[BaseModel], location: Sequence[str | int]) -> Form:
    """The form of a place.

    Args:
        root: The model of the whole file.
        location: Keys, indices and tags, as pydantic's errors give them.
    """
    form = Form(root)
    for step in location:
        form = _step(form, step)
    return form


def _step(form: Form, step: str | int) -> Form:
    kind = unwrap(form.kind)
    branches = tagged_branches(kind)
    if step in branches:
        models = tuple(unwrap(b) for b in branches.values())
        siblings = tuple(m for m in models if is_model(m))
        return replace(form, kind=branches[str(step)], siblings=siblings)
    if is_model(kind):
        field = field_of(kind, str(step))
        return Form(field.annotation if field else None, field, kind, form.siblings)
    origin, args = get_origin(kind), get_args(kind)
    if origin is dict and step != "[key]":
        return Form(args[1])
    if origin is list:
        return Form(args[0])
    return Form(None)


def unwrap(kind: Any) -> Any:
    """A type without its alias, annotations and `| None`."""
    while True:
        if isinstance(kind, TypeAliasType):
            kind = kind.__value__
        elif get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif _is_union(kind) and type(None) in get_args(kind):
            rest = [arg for arg in get_args(kind) if arg is not type(None)]
            kind = rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 - from a list of types
        else:
            return kind


def tagged_branches(kind: Any) -> dict[str, Any]:
    """The forms of a type by their tags; empty when it has one form only."""
    if not _is_union(kind):
        return {}
    return {tag: branch for branch in get_args(kind) if (tag := _tag_of(branch)) is not None}


def _tag_of(branch: Any) -> str | None:
    """The tag of one branch, also when annotations are nested."""
    while get_origin(branch) is Annotated:
        for mark in get_args(branch)[1:]:
            if isinstance(mark, Tag):
                return mark.tag
        branch = get_args(branch)[0]
    return None


def is_model(kind: Any) -> bool:
    """Whether a type is one of the models."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    """The field that a key of the file fills."""
    for name, field in model.model_fields.items():
        if (field.alias or name) == key:
            return field
    return None


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model as they stand in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """Every model a value of a type may be or hold directly (through lists, maps and forms)."""
    kind = unwrap(kind)
    if is_model(kind):
        yield kind
    elif _is_union(kind) or get_origin(kind) in (dict, list):
        for arg in get_args(kind):
            yield from models_in(arg)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)

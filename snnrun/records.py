"""Dataclasses that are cheap to define.

The standard decorator compiles six functions of generated text for each class, 0.4 ms a class: for all the records
that checking a file needs, that was a fifth of `snnrun validate`. Here the classes share methods that go through their
fields. A class means what it always does, so type checkers are shown the standard decorator.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

T = TypeVar("T")

Key = Callable[[Any], tuple[Any, ...]]
"""The values of some fields of a record."""


def _record(*, slots: bool, frozen: bool = False, eq: bool = True) -> Callable[[type[T]], type[T]]:
    """What `dataclasses.dataclass` with these options makes of a class; there are no classes without slots."""
    assert slots

    def make(plain: type[T]) -> type[T]:
        cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(plain)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type] # mypy does not follow the decorator
        methods: dict[str, Any] = {"__init__": _initialiser(cls, fields), "__repr__": _shown(fields)}
        if eq:
            key = _key(f.name for f in fields if f.compare)
            methods["__eq__"] = _comparison(key)
            methods["__hash__"] = _hash(key) if frozen else None
        if frozen:
            methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
            methods |= {"__getstate__": _state, "__setstate__": _restore}
        for name, method in methods.items():
            if vars(cls).get(name) is None:  # a class that defines `__eq__` without `__hash__` has None there
                setattr(cls, name, method)
        return cls

    return make


def _key(names: Iterable[str]) -> Key:
    match tuple(names):
        case ():
            return lambda _record: ()
        case (name,):
            get = attrgetter(name)
            return lambda record: (get(record),)
        case (*several,):
            return attrgetter(*several)


def _initialiser(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    given = [f for f in fields if f.init]
    if any(f.kw_only for f in given) or any(_has_default(f) for f in fields if not f.init):
        raise TypeError(f"{cls.__name__} has a field of a kind that records do not know")
    number = len(given)
    setters = tuple(getattr(cls, f.name).__set__ for f in given)  # they write into frozen records too
    finish = getattr(cls, "__post_init__", None)

    def init(self: Any, /, *args: Any, **named: Any) -> None:
        if named or len(args) != number:
            args = _bound(cls, given, args, named)
        for put, value in zip(setters, args):  # noqa: B905 - of equal length; saying so takes a fifth of the call
            put(self, value)
        if finish is not None:
            finish(self)

    return init


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _bound(
    cls: type, fields: list[dataclasses.Field[Any]], args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """The value of each field, from a call's arguments and the defaults."""
    if len(args) > len(fields):
        raise TypeError(f"{cls.__name__} takes {len(fields)} values, {len(args)} were given")
    values = list(args)
    for field in fields[len(args) :]:
        if field.name in named:
            values.append(named.pop(field.name))
        elif field.default is not dataclasses.MISSING:
            values.append(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            values.append(field.default_factory())
        else:
            raise TypeError(f"{cls.__name__} needs a value for `{field.name}`")
    if named:
        name = next(iter(named))
        known = any(f.name == name for f in fields)
        raise TypeError(f"{cls.__name__} {'was given two values for' if known else 'has no'} `{name}`")
    return tuple(values)


def _comparison(key: Key) -> Callable[[Any, object], bool]:
    def equal(self: Any, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _hash(key: Key) -> Callable[[Any], int]:
    return lambda self: hash(key(self))


def _shown(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[[Any], str]:
    names = [f.name for f in fields if f.repr]

    @reprlib.recursive_repr()
    def show(self: Any) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return show


def _refuse_to_set(_self: Any, name: str, _value: Any) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: Any, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    """What copies and other processes are given of a frozen record."""
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _restore(self: Any, values: list[Any]) -> None:
    """Fill a frozen record without calling `__init__`."""
    for field, value in zip(dataclasses.fields(self), values, strict=True):
        object.__setattr__(self, field.name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - meant for others
else:
    dataclass = _record

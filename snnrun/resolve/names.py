"""Tables of names made of other tables without copying them: a file may have thousands of names in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

T = TypeVar("T")


class Names(Mapping[str, T]):
    """Several tables as one; the first that has a name gives its meaning.

    Args:
        tables: They may change later: what is asked for is looked up in them as they then are.
    """

    __slots__ = ("_tables",)

    def __init__(self, *tables: Mapping[str, T]) -> None:
        self._tables = tables

    def get(self, name: str, default: Any = None) -> Any:
        """The meaning of a name."""
        for table in self._tables:
            found = table.get(name)
            if found is not None:
                return found
        return default

    def __getitem__(self, name: str) -> T:
        found: T | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return any(name in table for table in self._tables)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for name in chain.from_iterable(reversed(self._tables)):  # one by one: many readers want the first only
            if name not in seen:
                seen.add(name)
                yield name

    def __len__(self) -> int:
        return len(dict.fromkeys(chain.from_iterable(self._tables)))


class Derived(Mapping[str, T]):
    """A table that follows from the names of another one; a value is made when its name is asked for.

    Args:
        names: The other table.
        value: Its value for one of these names; None where the name is left out.
        ending: What is put behind each name.
    """

    __slots__ = ("_ending", "_names", "_value")

    def __init__(self, names: Mapping[str, Any], value: Callable[[str], T | None], ending: str = "") -> None:
        self._names = names
        self._value = value
        self._ending = ending

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name."""
        stem = name.removesuffix(self._ending)
        if stem not in self._names or (self._ending and stem == name):
            return default
        found = self._value(stem)
        return default if found is None else found

    def __getitem__(self, name: str) -> T:
        found: T | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name + self._ending for name in self._names if self._value(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

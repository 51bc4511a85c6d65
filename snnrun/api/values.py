"""Numbers with a unit, and tables for other packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from snnrun.units.names import lookup_unit
from snnrun.units.quantities import dimension_of, format_quantity

T = TypeVar("T")


class Values:
    """Numbers with a unit. numpy and matplotlib take them as an array of numbers in SI units.

    Args:
        si: The numbers in SI units, any shape.
        unit: The SI unit: `V`, `1` where there is none.
    """

    __slots__ = ("si", "unit")

    def __init__(self, si: Any, unit: str) -> None:
        self.si: NDArray[Any] = np.asarray(si)
        self.unit = unit

    def to(self, unit: str) -> NDArray[np.float64]:
        """The numbers in another unit of the same dimension.

        Args:
            unit: Its name: `mV`, `nS`, `Hz`.

        Raises:
            ValueError: There is no such unit, or it is one of another dimension.
        """
        found = lookup_unit(unit)
        if found is None:
            raise ValueError(f"`{unit}` is not a unit")
        if found.dimension != dimension_of(self.unit):
            raise ValueError(f"`{unit}` measures {found.dimension.describe()}, these values are in {self.unit}")
        factor = found.scale.numerator, found.scale.denominator
        return np.asarray(self.si, np.float64) * float(factor[1]) / float(factor[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Their shape."""
        return self.si.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.si, dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.si)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.si)

    def __getitem__(self, key: Any) -> Values:
        return Values(self.si[key], self.unit)

    def __float__(self) -> float:
        return float(self.si)

    def __repr__(self) -> str:
        if self.si.ndim == 0:
            return format_quantity(float(self.si), dimension_of(self.unit))
        return f"<{' x '.join(map(str, self.shape))} values in {self.unit}>"


class Table(Mapping[str, T], Generic[T]):
    """Things by name; each is read when it is asked for.

    Args:
        names: The names.
        read: Reads one of them.
        what: What they are, in the plural, for messages.
    """

    def __init__(self, names: list[str], read: Callable[[str], T], what: str) -> None:
        self._names = names
        self._read = read
        self._what = what

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            known = ", ".join(self._names) or "none"
            raise KeyError(f"there is no `{name}` among the {self._what}: {known}")
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{self._what}: {', '.join(self._names) or 'none'}>"


def package(name: str, method: str) -> Any:
    """A package that snnrun does not need itself.

    Raises:
        ImportError: It is not installed; the message says how to.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"`{method}` needs the package `{name}`: pip install {name}") from error

"""The decorator of functions that numba compiles into kernels. Python calls them as plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """How a function is compiled.

    Args:
        exact: Its operations, and those of the functions it calls, are never fused or reordered, in fast math either.
        reorder: In fast math its operations may be reordered; without it they may only be fused.
        single: Literals such as 0.5 in its text are float32, as they are for numpy beside float32.
        inline: It is inlined where it is called.
        apart: No two of its arrays share memory, so that loops that write to some of them become vectors.
    """

    exact: bool = False
    reorder: bool = False
    single: bool = False
    inline: bool = False
    apart: bool = False


marked: dict[Callable[..., Any], Options] = {}
"""All functions with the decorator, and their options."""


def kernel(
    *,
    exact: bool = False,
    reorder: bool = False,
    single: bool = False,
    inline: bool = False,
    apart: bool = False,
) -> Callable[[Function], Function]:
    """Decorate a function that kernels may call. It is compiled once for each list of types of arguments.

    It may use what numba compiles without objects: numbers and arrays, no exceptions. Arguments are those of `Options`.
    """
    options = Options(exact, reorder, single, inline, apart)

    def mark(function: Function) -> Function:
        marked[function] = options
        return function

    return mark

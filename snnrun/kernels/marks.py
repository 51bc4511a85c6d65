"""The mark on a function that numba compiles into kernels. Python calls the function as if it had no mark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """How a function is compiled.

    Args:
        exact: Its operations, and those of the functions it calls, are never fused or reordered, whatever the math is.
        reorder: In fast math its operations may be reordered; else they may only be fused.
        single: Numbers such as 0.5 in its text are float32, as numpy takes them beside float32.
        inline: Calls become copies of it.
    """

    exact: bool = False
    reorder: bool = False
    single: bool = False
    inline: bool = False


marked: dict[Callable[..., Any], Options] = {}
"""All functions with the mark."""


def kernel(
    *, exact: bool = False, reorder: bool = False, single: bool = False, inline: bool = False
) -> Callable[[Function], Function]:
    """Mark a function as one that kernels may call. It is compiled once for each list of types of arguments.

    Its text is what numba compiles: numbers and arrays; no objects, no exceptions. Arguments are those of `Options`.
    """
    options = Options(exact, reorder, single, inline)

    def mark(function: Function) -> Function:
        marked[function] = options
        return function

    return mark

"""The function behind each name that equations and kernels use, by precision and math."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

from snnrun.kernels import (
    fast_functions,
    functions,
    primitives,
    random,
    single_functions,
    single_random,
    threefry,
)

# Of several modules that define a name, the last one counts.
_MODULES: dict[tuple[str, str], tuple[ModuleType, ...]] = {
    ("double", "strict"): (threefry, random, functions),
    ("double", "fast"): (threefry, random, functions, fast_functions),
    ("single", "strict"): (threefry, random, single_random, single_functions),
    ("single", "fast"): (threefry, random, single_random, single_functions),
}


@lru_cache(maxsize=4)
def library(precision: str, math: str) -> dict[str, Callable[..., Any]]:
    """The functions that a kernel may call, by their names in equations.

    Args:
        precision: What functions take and return: `double` (float64) or `single` (float32). Times are always float64.
        math: `strict` or `fast`: fast functions have fewer operations and are less exact.

    Returns:
        The mathematical functions, and the functions that draw random numbers.

    Raises:
        KeyError: For a precision or a math that does not exist.
    """
    found: dict[str, Callable[..., Any]] = {"select": primitives.select, "sqrt": primitives.sqrt}
    for module in _MODULES[precision, math]:
        found |= public_functions(module)
    return found


def public_functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The functions that a module defines, by name."""
    own = {name: f for name, f in vars(module).items() if getattr(f, "__module__", None) == module.__name__}
    return {name: f for name, f in own.items() if callable(f) and not name.startswith("_")}

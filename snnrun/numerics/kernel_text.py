"""The text of the numerical functions for a compiled kernel: their own source, over primitives that emit LLVM code."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_SOURCES = ("functions.py", "random.py")
_KINDS = {"Numbers": "f", "Integers": "i", "int": "i", "Truth": "b"}
_TRACED_PRIMITIVES = ("select", "bits_of", "float_of", "shift_right", "sqrt", "u64")
_PRIMITIVES = (*_TRACED_PRIMITIVES, "any_true")


@dataclass(frozen=True, slots=True)
class _Function:
    """A function of the kernel's library.

    Args:
        name: Its name.
        text: Its source.
        arguments: The kind of each argument, as the prelude's `traced` wants them.
        result: The kind of the result, or of each of several.
        needs: Names it uses.
        loops: Whether it has a loop, or calls a function that has one.
    """

    name: str
    text: str
    arguments: str
    result: str
    needs: frozenset[str]
    loops: bool


@dataclass(frozen=True, slots=True)
class _Library:
    """All constants (by name, as assignments) and functions, in an order of dependency."""

    constants: dict[str, str]
    functions: dict[str, _Function]


def kernel_text(names: Iterable[str]) -> str:
    """The source of a module that defines the named functions and all they need.

    Args:
        names: Names of functions in `functions` and `random`; primitives such as `select` are always there.

    Returns:
        Python source, the beginning of a module: imports and primitives first, then constants and functions in order
        of dependency. It depends only on the set of names.

    Raises:
        KeyError: For a name that is not defined.
    """
    library = _library()
    wanted = {name for name in names if name not in _PRIMITIVES}
    needed = _closure(wanted, library)
    functions = [f for f in library.functions.values() if f.name in needed]
    used = frozenset().union(*(f.needs for f in functions))
    straight = [f for f in functions if not f.loops]
    looping = [f for f in functions if f.loops]
    called = wanted.union(*(f.needs for f in looping))
    parts = [
        _read("kernel_primitives.py"),
        *(text for name, text in library.constants.items() if name in used),
        _traced_text(straight),
        *(
            f'{f.name} = traced(_traced["{f.name}"], "{f.arguments}", "{f.result}")'
            for f in straight
            if f.name in called
        ),
        *(f"\n\n@looped\n{f.text}" for f in looping),
    ]
    return "\n".join(parts) + "\n"


def kernel_function_names() -> frozenset[str]:
    """The public functions that `kernel_text` can define (primitives excluded)."""
    return frozenset(name for name in _library().functions if not name.startswith("_"))


def _closure(names: Iterable[str], library: _Library) -> set[str]:
    """The names of functions, and of all functions they need."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(need for need in library.functions[name].needs if need in library.functions)
    return found


def _traced_text(functions: Iterable[_Function]) -> str:
    """One function that holds the traced ones, so that their names do not hide those for compiled code."""
    bodies = [f"{name} = trace_{name}" for name in _TRACED_PRIMITIVES]
    bodies += [f.text for f in functions]
    body = textwrap.indent("\n".join(bodies), "    ")
    return f"\n\ndef _trace_library():\n{body}\n    return locals()\n\n\n_traced = _trace_library()"


@lru_cache(maxsize=1)
def _library() -> _Library:
    library = _Library({}, {})
    for source in _SOURCES:
        text = _read(source)
        lines = text.splitlines()
        for node in ast.parse(text).body:
            own = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                library.constants[node.targets[0].id] = own
            elif isinstance(node, ast.FunctionDef):
                library.functions[node.name] = _function(node, own, library)
    return library


def _function(node: ast.FunctionDef, text: str, library: _Library) -> _Function:
    needs = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    loops = any(isinstance(n, ast.For | ast.While) for n in ast.walk(node))
    loops = loops or any(library.functions[need].loops for need in needs if need in library.functions)
    arguments = "".join(kind for arg in node.args.args for kind in _kinds(arg.annotation))
    return _Function(node.name, text, arguments, "".join(_kinds(node.returns)), needs, loops)


def _kinds(annotation: ast.expr | None) -> Iterator[str]:
    """The kind of a number, or of each of a tuple."""
    for node in ast.walk(annotation) if annotation else ():
        if isinstance(node, ast.Name) and node.id in _KINDS:
            yield _KINDS[node.id]


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

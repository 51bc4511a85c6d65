"""The text of the numerical functions for a compiled kernel: their own source, over primitives that emit LLVM code."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files

from snnrun.numerics.arithmetic import Math, Precision
from snnrun.records import dataclass

_SOURCES = ("functions.py", "random.py")
_FAST_SOURCES = (*_SOURCES, "fast_functions.py")  # what comes later takes the place of what has the same name
_SINGLE_SOURCES = ("single_functions.py", "single_random.py")
_FILLS = "random_fills.py"  # of either precision
_KINDS = {"Doubles": "f", "Integers": "i", "int": "i", "Truth": "b"}
_TRACED_PRIMITIVES = (
    *("select", "bits_of", "float_of", "shift_right", "lower_half", "upper_half"),
    *("single_of", "double_of", "sqrt", "number", "u64", "beyond"),
)
_DOUBLE = "double_"  # what the name of a function of double precision begins with in a kernel of single precision
_BY_PRECISION = ("sqrt", "number")
_PRIMITIVES = (*_TRACED_PRIMITIVES, "any_true")
# What `fma` is on processors that lack the instruction.
_FUSED = "_fma_in_parts"
_NOT_FUSED = "lambda a, b, c: a * b + c"
# Functions that find rounding errors by operations that an optimiser could merge.
_EXACT = ("_two_product", "_two_sum")
_FLAGS: dict[Math, tuple[str, ...]] = {Math.STRICT: (), Math.FAST: ("contract",)}
# Only without `nnan` and `ninf`: a run looks for NaN and infinities.
_FAST_OPTIONS = ("arcp", "contract", "nsz", "reassoc")


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


def kernel_text(
    names: Iterable[str], precision: Precision | str = Precision.DOUBLE, math: Math | str = Math.STRICT
) -> str:
    """The source of a module that defines the named functions and all they need.

    Args:
        names: Names of functions in `functions` and `random`, the same in either precision; primitives such as
            `select` are always there, `number` (a value as a number of the kernel's precision) among them.
        precision: What functions take and return: float64 or float32. Times are float64 in either.
        math: Fast math has less exact functions of float64, lets their operations be fused where the processor can,
            and code compiled with the flags `_fast` be reordered too.

    Returns:
        Python source, the beginning of a module: imports and primitives first, then constants and functions in order
        of dependency. It depends only on the set of names, the precision and the math.

    Raises:
        KeyError: For a name that is not defined.
        ValueError: For a precision or a math that does not exist.
    """
    precision, math = Precision(precision), Math(math)
    library = _library(precision, math)
    wanted = {name for name in names if name not in _PRIMITIVES}
    needed = _closure(wanted, library)
    functions = [f for f in library.functions.values() if f.name in needed]
    used = frozenset().union(*(f.needs for f in functions))
    straight = [f for f in functions if not f.loops]
    looping = [f for f in functions if f.loops]
    called = wanted.union(*(f.needs for f in looping))
    parts = [
        _read("kernel_primitives.py"),
        _settings(precision, math),
        *(text for name, text in library.constants.items() if name in used),
        _traced_text(straight, precision, math),
        *(
            f'{f.name} = traced(_traced["{f.name}"], "{f.arguments}", "{f.result}")'
            for f in straight
            if f.name in called
        ),
        *(f"\n\n@looped\n{f.text}" for f in looping),
    ]
    return "\n".join(parts) + "\n"


def _settings(precision: Precision, math: Math) -> str:
    """Flags and options of the compiler, and the primitives that differ between the precisions."""
    fast = () if math is Math.STRICT else _FAST_OPTIONS
    kinds = {"": "f"} if precision is Precision.DOUBLE else {"": "s", _DOUBLE: "f"}
    lines = [
        f"_flags[0] = {_FLAGS[math]!r}",
        f"_fast: Any = {fast!r}",
        "looped = compiled(_fast)",
        *(
            f'{prefix}{name} = traced(trace_{name}, "{kind}", "{kind}")'
            for prefix, kind in kinds.items()
            for name in _BY_PRECISION
        ),
    ]
    return "\n".join(lines)


def kernel_function_names() -> frozenset[str]:
    """The public functions that `kernel_text` can define (primitives excluded)."""
    return frozenset(name for name in _library(Precision.DOUBLE, Math.STRICT).functions if not name.startswith("_"))


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


def _traced_text(functions: Iterable[_Function], precision: Precision, math: Math) -> str:
    """One function that holds the traced ones, so that their names do not hide those for compiled code."""
    bodies = [f"{name} = trace_{name}" for name in _TRACED_PRIMITIVES]
    if precision is Precision.SINGLE:
        bodies += [f"{_DOUBLE}{name} = trace_{name}" for name in _BY_PRECISION]
    if any("fma" in f.needs for f in functions):
        otherwise = f"lambda *operands: {_FUSED}(*operands)" if math is Math.STRICT else _NOT_FUSED
        bodies += [f"fma = trace_fma({otherwise})"]
    bodies += ["@exact\n" + f.text if f.name.removeprefix(_DOUBLE) in _EXACT else f.text for f in functions]
    body = textwrap.indent("\n".join(bodies), "    ")
    return f"\n\ndef _trace_library():\n{body}\n    return locals()\n\n\n_traced = _trace_library()"


@lru_cache(maxsize=4)
def _library(precision: Precision, math: Math) -> _Library:
    library = _Library({}, {})
    sources = _SOURCES if math is Math.STRICT else _FAST_SOURCES
    if precision is Precision.DOUBLE:
        for source in (*sources, _FILLS):
            _add(library, _read(source), "f")
        return library
    single = [_read(source) for source in _SINGLE_SOURCES]
    hidden = {*_BY_PRECISION, *(name for text in single for name in _defined(text))}
    for source in sources:
        _add(library, _renamed(_read(source), hidden), "f")
    for text in (*single, _read(_FILLS)):
        _add(library, text, "s")
    return library


def _defined(text: str) -> list[str]:
    """Names of functions and constants of a source."""
    nodes = ast.parse(text).body
    functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    constants = [node.targets[0] for node in nodes if isinstance(node, ast.Assign)]
    return functions + [target.id for target in constants if isinstance(target, ast.Name)]


def _renamed(text: str, hidden: set[str]) -> str:
    """A source of double precision whose names do not hide those of single precision."""
    lines = text.splitlines()
    places = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id in hidden:
            places.append((node.lineno, node.col_offset))
        elif isinstance(node, ast.FunctionDef) and node.name in hidden:
            places.append((node.lineno, node.col_offset + len("def ")))
    for line, column in sorted(places, reverse=True):
        old = lines[line - 1]
        lines[line - 1] = old[:column] + _DOUBLE + old[column:]
    return "\n".join(lines)


def _add(library: _Library, text: str, numbers: str) -> None:
    """Add the constants and functions of a source; `numbers` is the kind of its numbers."""
    lines = text.splitlines()
    for node in ast.parse(text).body:
        own = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            library.constants[node.targets[0].id] = own
        elif isinstance(node, ast.FunctionDef):
            library.functions[node.name] = _function(node, own, library, {**_KINDS, "Numbers": numbers})


def _function(node: ast.FunctionDef, text: str, library: _Library, kinds: dict[str, str]) -> _Function:
    needs = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    if "fma" in needs:
        needs |= {_FUSED}
    loops = any(isinstance(n, ast.For | ast.While) for n in ast.walk(node))
    loops = loops or any(library.functions[need].loops for need in needs if need in library.functions)
    arguments = "".join(kind for arg in node.args.args for kind in _kinds(arg.annotation, kinds))
    return _Function(node.name, text, arguments, "".join(_kinds(node.returns, kinds)), needs, loops)


def _kinds(annotation: ast.expr | None, kinds: dict[str, str]) -> Iterator[str]:
    """The kind of a number, or of each of a tuple."""
    for node in ast.walk(annotation) if annotation else ():
        if isinstance(node, ast.Name) and node.id in kinds:
            yield kinds[node.id]


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

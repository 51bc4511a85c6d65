"""A kernel's text to machine code: numba lowers its functions, LLVM makes one object of them.

The object needs neither numba nor the text to run, so a warm start only loads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from llvmlite import binding
from numba.core import types

from snnrun.codegen.load import loaded
from snnrun.codegen.lower import ARRAYS, Build, Store, UncompilableError
from snnrun.codegen.target import ENTRY, Processor
from snnrun.kernels.arithmetic import Math

_LEVEL = 3
ADVANCE = (types.int64, types.int64, ARRAYS[types.int64])
"""The types of what `advance` takes: first, n_steps, table."""
# What an object may leave open. Bits of mathematical functions of other libraries would depend on the machine.
_OPEN = re.compile(r"llvm\.(?!(?:sin|cos|tan|exp|exp2|log|log2|log10|pow|powi)\.)|memset_pattern16$")


def compile_kernel(text: str, target: Processor, math: Math, store: Store | None, sources: str) -> bytes:
    """Compile a module.

    Args:
        text: What `generate` wrote: a module with a function `advance`.
        target: The processor.
        math: What the operations on numbers may do.
        store: Where functions that are the same for all kernels are kept; None to keep none.
        sources: A hash of the text of those.

    Returns:
        An object file that defines `ENTRY`, a function (first: int64, n_steps: int64, table: int64*) -> int64.

    Raises:
        UncompilableError: The text says what numba cannot compile.
    """
    machine = machine_of(target)
    return bytes(machine.emit_object(optimised(loaded(text).advance, ADVANCE, machine, math, store, sources)))


def compile_function(
    function: Callable[..., Any],
    arguments: tuple[str, ...],
    target: Processor,
    math: Math,
    store: Store | None = None,
    sources: str = "",
) -> bytes:
    """Compile a function with all that it calls.

    Args:
        function: It has the mark of kernels, and returns an int or nothing.
        arguments: The types of its arguments as numpy names them, `int64`; arrays with brackets, `int32[:]`.
        target: The processor.
        math: What the operations on numbers may do.
        store: As for `compile_kernel`.
        sources: As for `compile_kernel`.

    Returns:
        An object file that defines `ENTRY`, a function of the same arguments: numbers, and the addresses of arrays.

    Raises:
        UncompilableError: The function says what numba cannot compile.
    """
    machine = machine_of(target)
    kinds = tuple(map(_kind, arguments))
    return bytes(machine.emit_object(optimised(function, kinds, machine, math, store, sources)))


def _kind(name: str) -> Any:
    element = getattr(types, name.removesuffix("[:]"))
    return ARRAYS[element] if name.endswith("[:]") else element


def optimised(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    machine: Any,
    math: Math,
    store: Store | None = None,
    sources: str = "",
) -> Any:
    """The module of LLVM for a machine of its, in which only `ENTRY` can be called from outside.

    Args:
        function: A marked function.
        arguments: The types of its arguments, of numba.
        machine: As `machine_of` gives it.
        math: What the operations on numbers may do.
        store: As for `compile_kernel`.
        sources: As for `compile_kernel`.
    """
    module = Build(machine, math, store, sources).linked(function, arguments, ENTRY)
    options = binding.create_pipeline_tuning_options(speed_level=_LEVEL)
    options.loop_vectorization = True
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    for defined in (*module.functions, *module.global_variables):
        if not defined.is_declaration and defined.name != ENTRY:
            defined.linkage = "internal"
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, builder)
    missing = [f.name for f in module.functions if f.is_declaration and not _OPEN.match(f.name)]
    if missing:
        raise UncompilableError(f"an object holds all that it calls, but not {', '.join(missing)}")
    return module


def machine_of(target: Processor) -> Any:
    """What LLVM makes code with for a processor."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=target.name, features=target.features, opt=_LEVEL, reloc="pic", codemodel="default"
    )

"""A kernel's text to machine code: numba types and lowers it, LLVM makes one relocatable object without symbols.

The object needs neither numba nor Python to run, so a warm start imports neither the compiler nor any pickle.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import InspectLoader
from types import ModuleType
from typing import Any

from snnrun.codegen.target import Processor

ENTRY = "snnrun_advance"
_LEVEL = 3


def compile_kernel(text: str, name: str, target: Processor) -> bytes:
    """Compile a module.

    Args:
        text: What `generate` wrote.
        name: What to call it.
        target: The processor.

    Returns:
        An object file that defines `ENTRY`, a function (result: int64*, error: void**, first: int64, n_steps: int64,
        table: int64*) -> int32.
    """
    import numba  # noqa: PLC0415 - only to compile

    settings: Any = numba.config
    settings.CPU_NAME, settings.CPU_FEATURES = target.name, target.features
    module = _load(text, name)
    return _object(module.advance, target)


class _Text(InspectLoader):
    """Loads a module from memory: nothing that others could change lies between printing and compiling."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """The text of the one module it loads."""
        return self.text


def _load(text: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_loader(f"snnrun_kernel_{name}", _Text(text))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # numba looks functions up by the name of their module while it compiles them
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


def _object(function: Any, target: Processor) -> bytes:
    """Keep only the function itself: numba's wrappers for Python would drag in symbols of the interpreter."""
    from llvmlite import binding  # noqa: PLC0415

    module = binding.parse_assembly(function.inspect_llvm())
    entry = function.native_name.removeprefix("cfunc.")
    for defined in (*module.functions, *module.global_variables):
        if not defined.is_declaration and defined.name != entry:
            defined.linkage = "internal"
    module.get_function(entry).name = ENTRY
    machine = _machine(target)
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=0))
    passes.run(module, builder)
    return bytes(machine.emit_object(module))


def _machine(target: Processor) -> Any:
    from llvmlite import binding  # noqa: PLC0415

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=target.name, features=target.features, opt=_LEVEL, reloc="pic", codemodel="default"
    )

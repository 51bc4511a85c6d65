"""A kernel's text to machine code: lowered to LLVM's language, optimised, made one relocatable object without symbols.

The object needs neither LLVM's optimiser nor this text to run, so a warm start only loads it.
"""

from __future__ import annotations

import re
from typing import Any

from snnrun.codegen.schedule import reordered
from snnrun.codegen.target import Processor

ENTRY = "snnrun_advance"
_LEVEL = 3


def compile_kernel(text: str, target: Processor) -> bytes:
    """Compile a module.

    Args:
        text: What `generate` wrote.
        target: The processor.

    Returns:
        An object file that defines `ENTRY`, a function (first: int64, n_steps: int64, table: int64*) -> int64.

    Raises:
        TypeError: The text says what cannot be lowered.
    """
    machine = machine_of(target)
    return bytes(machine.emit_object(optimised(text, machine)))


def optimised(text: str, machine: Any) -> Any:
    """The module of LLVM for a machine of its, in which only `ENTRY` can be called from outside."""
    from llvmlite import binding  # noqa: PLC0415 - only to compile

    from snnrun.codegen.lowering import lower  # noqa: PLC0415

    lowered = lower(text, ENTRY, binding.get_default_triple(), str(machine.target_data), fused=_fuses(machine))
    module = binding.parse_assembly(str(lowered))
    options = binding.create_pipeline_tuning_options(speed_level=_LEVEL)
    options.loop_vectorization = True
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    for defined in (*module.functions, *module.global_variables):
        if not defined.is_declaration and defined.name != ENTRY:
            defined.linkage = "internal"
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)
    return reordered(module)


_USES_FUSED = """
define double @use(double %a, double %b, double %c) {
  %r = call double @llvm.fma.f64(double %a, double %b, double %c)
  ret double %r
}
declare double @llvm.fma.f64(double, double, double)
"""


def _fuses(machine: Any) -> bool:
    """Whether a machine multiplies and adds in one instruction; where it cannot, LLVM would call a function."""
    from llvmlite import binding  # noqa: PLC0415

    assembly = machine.emit_assembly(binding.parse_assembly(_USES_FUSED))
    return re.search(r"\b_?fma\b", assembly) is None


def machine_of(target: Processor) -> Any:
    """What LLVM makes code with for a processor."""
    from llvmlite import binding  # noqa: PLC0415

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=target.name, features=target.features, opt=_LEVEL, reloc="pic", codemodel="default"
    )

"""Machine code of a kernel as a function: LLVM loads the object, ctypes calls it without holding the interpreter."""

from __future__ import annotations

import ctypes
from typing import Any

from snnrun.codegen.compile import ENTRY
from snnrun.network.ir import IntArray

_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
)


class NativeKernel:
    """A loaded kernel.

    Args:
        object: The object file's bytes.
    """

    def __init__(self, object: bytes) -> None:
        from llvmlite import binding  # noqa: PLC0415 - only when a kernel is run

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        machine = binding.Target.from_default_triple().create_target_machine(reloc="pic", codemodel="default")
        self._engine: Any = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
        self._engine.add_object_file(binding.ObjectFileRef.from_data(object))
        self._engine.finalize_object()
        self._function = _SIGNATURE(self._engine.get_function_address(ENTRY))
        self._result = ctypes.c_int64()
        self._error = ctypes.c_void_p()

    def advance(self, first: int, n_steps: int, table: IntArray) -> int:
        """Simulate up to n_steps steps.

        Args:
            first: Number of the first step.
            n_steps: How many steps at most.
            table: Addresses of the arrays, shape (slots,).

        Returns:
            Steps done; fewer than asked when a buffer of recorded spikes could overflow.
        """
        status = self._function(
            ctypes.addressof(self._result), ctypes.addressof(self._error), first, n_steps, table.ctypes.data
        )
        assert status == 0, f"kernel returned status {status}"
        return int(self._result.value)

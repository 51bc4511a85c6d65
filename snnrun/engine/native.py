"""Machine code of a kernel as a function: LLVM loads the object, ctypes calls it without holding the interpreter."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np

from snnrun.codegen.load import loaded
from snnrun.codegen.target import ENTRY
from snnrun.network.ir import IntArray

# Of glibc's malloc.h: how much free memory may stay at the end, and what is so large that it comes from the system.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT, _LARGE = 1 << 28, 1 << 25  # [byte]

_SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


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

    def advance(self, first: int, n_steps: int, table: IntArray) -> int:
        """Simulate up to n_steps steps.

        Args:
            first: Number of the first step.
            n_steps: How many steps at most.
            table: Addresses of the arrays, shape (slots,).

        Returns:
            Steps done; fewer than asked when a buffer of recorded spikes could overflow.
        """
        return int(self._function(first, n_steps, table.ctypes.data))


class PythonKernel:
    """A kernel that Python runs as it stands: slow, for small networks, with the same bits; a debugger can follow it.

    Args:
        text: Its text.
    """

    def __init__(self, text: str) -> None:
        self._function = loaded(text).advance

    def advance(self, first: int, n_steps: int, table: IntArray) -> int:
        """As `NativeKernel.advance`."""
        with np.errstate(all="ignore"):
            return int(self._function(first, n_steps, table))


def compiles() -> bool:
    """Whether kernels are compiled; numba's own switch turns it off."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


class Crew:
    """The threads of a run. They meet inside the kernel, so all of them must be there: they are started beforehand.

    Args:
        kernel: What they run.
        size: Number of threads, the calling one included.
    """

    def __init__(self, kernel: NativeKernel, size: int) -> None:
        self.kernel = kernel
        self._others = ThreadPoolExecutor(size - 1, "snnrun") if size > 1 else None
        if self._others is not None:
            start = Barrier(size)
            for _ in range(size - 1):
                self._others.submit(start.wait)
            start.wait()

    def advance(self, first: int, n_steps: int, tables: Sequence[IntArray]) -> int:
        """Simulate up to n_steps steps, each thread with its table; as `NativeKernel.advance`."""
        if self._others is None:
            return self.kernel.advance(first, n_steps, tables[0])
        others = [self._others.submit(self.kernel.advance, first, n_steps, table) for table in tables[1:]]
        done = self.kernel.advance(first, n_steps, tables[0])
        assert all(other.result() == done for other in others), "threads parted"
        return done


def sleeping() -> tuple[int, int]:
    """Address of the system's function by which threads sleep and wake each other, and the call's number; or zeros.

    It is `syscall` with `futex` on Linux, which compares 32 bits. Elsewhere threads that wait keep their cores.
    """
    number = {"x86_64": 202, "aarch64": 98}.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        return 0, 0
    function: Any = ctypes.CDLL(None).syscall
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0), number


def keep_freed_memory() -> None:
    """Let the C library keep what arrays free for the next ones, instead of giving it back to the system.

    Recorded chunks make and drop arrays of some 100 kB many times a run, and each would be given page by page. Where
    the library is not glibc nothing changes.
    """
    mallopt: Any = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)

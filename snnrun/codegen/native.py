"""Machine code of a kernel as a function: LLVM loads the object, ctypes calls it without holding the interpreter."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from threading import Barrier, Lock
from typing import Any

import numpy as np

from snnrun.codegen.cache import obtain_function
from snnrun.codegen.load import loaded
from snnrun.codegen.target import ENTRY
from snnrun.model.network import IntArray

# Of glibc's malloc.h: how much free memory may stay at the end, and what is so large that it comes from the system.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT, _LARGE = 1 << 28, 1 << 25  # [byte]

FEW, FEW_IN_ALL = 500, 5_000
"""Numbers of a call, and of all calls of a function, that Python computes (500 in 20 ms at most) sooner than the
function is compiled (in 300 ms)."""

_SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


class NativeKernel:
    """A loaded kernel.

    Args:
        object: The object file's bytes.
    """

    def __init__(self, object: bytes) -> None:
        self._engine, address = _linked(object)
        self._function = _SIGNATURE(address)

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
    """A kernel that Python runs as it stands: slow, for small networks; a debugger can follow it.

    It has the bits of strict math, whatever the math is.

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


class CompiledFunction:
    """A function of `snnrun.kernels` that is compiled, or loaded from the cache, for the types it is called with.

    Where nothing is compiled, Python runs it as it stands.

    Args:
        function: It has the mark of kernels, and returns an int or nothing.

    Raises:
        TypeError: It returns something else.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.names = function.__code__.co_varnames[: function.__code__.co_argcount]
        self._function = function
        returns = function.__annotations__["return"]
        if returns not in ("int", "None"):
            raise TypeError(f"`{function.__name__}` returns {returns}; an int or nothing is passed on")
        self._returns = ctypes.c_int64 if returns == "int" else None
        self._lock = Lock()
        self._work = 0  # that Python did
        self._loaded: dict[tuple[str, ...], Any] = {}
        self._engines: list[Any] = []  # they own the code

    def __call__(self, **arguments: Any) -> Any:
        """Call the function, without holding the interpreter.

        Args:
            arguments: By name: ints, floats, and contiguous arrays of any numeric type.

        Raises:
            ValueError: An array is not contiguous.
        """
        return self.given(**arguments)()

    def given(self, *, work: int | None = None, **arguments: Any) -> Callable[..., Any]:
        """The function of its first arguments alone, which are ints; the others are given now, once for many calls.

        Args:
            work: About how many numbers it computes, where that may be few. Python runs the function as it stands
                where it has little to do, in this call and in all: that is sooner done than compiled.
            arguments: The last arguments, by name.
        """
        free = len(self.names) - len(arguments)
        values = [arguments[name] for name in self.names[free:]]
        kinds = ("int64",) * free + tuple(map(_kind, values))
        if not compiles() or (work is not None and self._is_little(kinds, work)):
            return partial(_interpreted, self._function, values)
        function = self._native(kinds)
        return partial(_called, function, [v.ctypes.data if isinstance(v, np.ndarray) else v for v in values], values)

    def _is_little(self, kinds: tuple[str, ...], work: int) -> bool:
        with self._lock:
            little = kinds not in self._loaded and work <= FEW and self._work < FEW_IN_ALL
            self._work += max(work, FEW // 10) if little else 0  # a call costs too
        return little

    def _native(self, kinds: tuple[str, ...]) -> Any:
        with self._lock:
            if kinds not in self._loaded:
                engine, address = _linked(obtain_function(self._function, kinds).object)
                self._engines.append(engine)
                self._loaded[kinds] = ctypes.CFUNCTYPE(self._returns, *map(_ctype, kinds))(address)
        return self._loaded[kinds]


def _called(function: Any, given: Sequence[Any], _kept: Sequence[Any], *first: int) -> Any:
    return function(*first, *given)  # the arrays behind the addresses are kept meanwhile


def _interpreted(function: Callable[..., Any], given: Sequence[Any], *first: int) -> Any:
    with np.errstate(all="ignore"):
        return function(*first, *given)


@cache
def compiled(function: Callable[..., Any]) -> CompiledFunction:
    """A function of `snnrun.kernels` as machine code; one for all who ask."""
    return CompiledFunction(function)


def _kind(value: Any) -> str:
    """The type of an argument, as `compile_function` takes it."""
    if not isinstance(value, np.ndarray):
        return "float64" if isinstance(value, float) else "int64"
    if not value.flags.c_contiguous:
        raise ValueError("kernels take contiguous arrays")
    return f"{value.dtype.name}[:]"


def _ctype(kind: str) -> Any:
    if kind.endswith("[:]"):
        return ctypes.c_void_p
    return ctypes.c_double if kind == "float64" else ctypes.c_int64


def _linked(object: bytes) -> tuple[Any, int]:
    """What keeps an object's code in memory, and the address of its function."""
    from llvmlite import binding  # noqa: PLC0415 - only when a kernel is run

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(reloc="pic", codemodel="default")
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(object))
    engine.finalize_object()
    return engine, engine.get_function_address(ENTRY)


class KernelThreads:
    """The threads of a run. They meet inside the kernel, so all of them must be there: they are started beforehand.

    Args:
        kernel: What they run.
        size: Number of threads, the calling one included.
    """

    def __init__(self, kernel: NativeKernel | PythonKernel, size: int) -> None:
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

"""a * b + c rounded once, for numpy: an instruction of every processor of today that numpy has no name for.

Few numbers are computed in integers. Arrays go through a loop that LLVM compiles at its first call; where the processor
lacks the instruction, LLVM calls the C library's `fma`, which rounds once too.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEW = 256  # so many numbers are computed one by one sooner than LLVM is there


def fma(a: Any, b: Any, c: Any) -> Any:
    """The sum a * b + c rounded once (fusedMultiplyAdd of IEEE 754) of float64 numbers, or arrays that broadcast."""
    if not any(isinstance(x, np.ndarray) and x.ndim for x in (a, b, c)):
        return np.float64(_of_numbers(float(a), float(b), float(c)))
    arrays = [np.asarray(x, np.float64) for x in (a, b, c)]
    out = np.empty(np.broadcast(*arrays).shape)
    p, q, r = (_even(x, out.shape) for x in arrays)
    if out.size <= _FEW and not _loop.cache_info().currsize:
        rows = zip(*(np.broadcast_to(x, out.shape).ravel().tolist() for x in (p, q, r)), strict=True)
        return np.array([_of_numbers(*row) for row in rows]).reshape(out.shape)
    _loop()(out.size, _address(out), _address(p), p.ndim > 0, _address(q), q.ndim > 0, _address(r), r.ndim > 0)
    return out


def _even(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """One number, or numbers of a shape one after the other."""
    if values.ndim and (values.shape != shape or not values.flags.c_contiguous):
        return np.ascontiguousarray(np.broadcast_to(values, shape))
    return values


def _address(values: NDArray[np.float64]) -> int:
    address: int = values.__array_interface__["data"][0]
    return address


def _of_numbers(a: float, b: float, c: float) -> float:
    plain = a * b + c
    if not (math.isfinite(a) and math.isfinite(b)):
        return plain
    if not math.isfinite(c):
        return c
    (n_a, d_a), (n_b, d_b), (n_c, d_c) = a.as_integer_ratio(), b.as_integer_ratio(), c.as_integer_ratio()
    exact = n_a * n_b * d_c + n_c * d_a * d_b
    if exact == 0:
        return plain  # only its sign is left to say
    try:
        rounded = abs(exact) / (d_a * d_b * d_c)  # Python rounds the ratio of two integers once
    except OverflowError:
        rounded = math.inf
    return math.copysign(rounded, -1.0 if exact < 0 else 1.0)


@lru_cache(maxsize=1)
def _loop() -> Callable[..., None]:
    """The loop: how many, where to, then for each operand where from and how far apart its elements lie."""
    from llvmlite import binding, ir  # noqa: PLC0415 - most runs never get here

    size, double = ir.IntType(64), ir.DoubleType()
    module = ir.Module("fma")
    function = ir.Function(
        module, ir.FunctionType(ir.VoidType(), [size, double.as_pointer(), *[double.as_pointer(), size] * 3]), "loop"
    )
    count, out, *operands = function.args
    before, body, after = (function.append_basic_block() for _ in range(3))
    builder = ir.IRBuilder(before)
    builder.cbranch(builder.icmp_signed(">", count, size(0)), body, after)
    builder.position_at_end(body)
    k = builder.phi(size)
    k.add_incoming(size(0), before)
    values = [
        builder.load(builder.gep(pointer, [builder.mul(k, stride)]))
        for pointer, stride in zip(operands[::2], operands[1::2], strict=True)
    ]
    builder.store(builder.fma(*values), builder.gep(out, [k]))
    following = builder.add(k, size(1))
    k.add_incoming(following, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)
    builder.ret_void()

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten()
    )
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(module)), machine)
    engine.finalize_object()
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_void_p, ctypes.c_int64] * 3)(
        engine.get_function_address("loop")
    )
    call.engine = engine  # type: ignore[attr-defined]
    return call

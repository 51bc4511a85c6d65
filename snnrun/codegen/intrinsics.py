"""What numba makes of the primitives of kernels: their types, and their instructions in LLVM's language.

Nothing here refers to a symbol outside the kernel.
"""

from __future__ import annotations

import inspect
import platform
import struct
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import lower_builtin

from snnrun.kernels import primitives

_WORD, _HALF, _BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
_DOUBLE, _SINGLE = ir.DoubleType(), ir.FloatType()

Rule = Callable[..., Any]
"""A function of the types of arguments that gives the signature, to whose types the arguments are converted."""


def intrinsic(function: Callable[..., Any], rule: Rule) -> Callable[[Any], Any]:
    """Mark a function (context, builder, signature, values) as the one that emits a primitive."""
    parameters = inspect.signature(rule)

    class Template(AbstractTemplate):  # type: ignore[misc] # numba has no types
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            try:
                parameters.bind(*args, **kws)
            except TypeError:
                return None  # there is no such call
            return rule(*args)

    infer_global(function, types.Function(Template))
    lowered: Callable[[Any], Any] = lower_builtin(function, types.VarArg(types.Any))
    return lowered


def _fixed(result: Any, *arguments: Any) -> Rule:
    """The rule of a primitive whose types are always the same."""
    sig = signature(result, *arguments)
    return lambda *args: sig if len(args) == len(arguments) else None


# numbers


def _chosen(condition: Any, a: Any, b: Any) -> Any:
    kinds = {k for k in (a, b) if k != types.boolean}
    kind = max(kinds or {types.boolean}, key=lambda k: (isinstance(k, types.Float), k.bitwidth if kinds else 1))
    mixed = len({isinstance(k, types.Float) for k in kinds}) == 2
    if mixed or (condition != types.boolean):
        return None
    return signature(kind, types.boolean, kind, kind)


@intrinsic(primitives.select, _chosen)
def _select(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.select(*args)


def _bits(x: Any) -> Any:
    return signature(types.int32, x) if x == types.float32 else signature(types.int64, types.float64)


@intrinsic(primitives.bits_of, _bits)
def _bits_of(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.bitcast(args[0], _HALF if sig.return_type == types.int32 else _WORD)


@intrinsic(primitives.float_of, lambda x: signature(types.float64, types.uint64 if x == types.uint64 else types.int64))
def _float_of(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.bitcast(args[0], _DOUBLE)


def _any_integer(result: Any) -> Rule:
    """The rule of a primitive of one integer of any type."""
    return lambda x: signature(result, x) if isinstance(x, types.Integer) else None


def _low(builder: Any, word: Any) -> Any:
    """The lower 32 bits of an integer."""
    return word if word.type == _HALF else builder.trunc(word, _HALF)


@intrinsic(primitives.single_of_bits, _any_integer(types.float32))
def _single_of_bits(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.bitcast(_low(builder, args[0]), _SINGLE)


@intrinsic(primitives.lower_half, _any_integer(types.int32))
def _lower_half(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return _low(builder, args[0])


@intrinsic(primitives.upper_half, _fixed(types.int32, types.uint64))
def _upper_half(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.trunc(builder.lshr(args[0], _WORD(32)), _HALF)


@intrinsic(primitives.shift_right, _fixed(types.int64, types.int64, types.int64))
def _shift_right(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.lshr(*args)


@intrinsic(primitives.shift_right_32, lambda x, n: signature(types.int32, x, n))
def _shift_right_32(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.lshr(*(_low(builder, arg) for arg in args))


@intrinsic(primitives.u64, lambda x: signature(types.uint64, x))
def _u64(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return context.cast(builder, args[0], sig.args[0], types.uint64)


@intrinsic(primitives.i64_of, lambda x: signature(types.int64, x))
def _i64_of(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return context.cast(builder, args[0], sig.args[0], types.int64)


@intrinsic(primitives.single_of, lambda x: signature(types.float32, x))
def _single_of(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return context.cast(builder, args[0], sig.args[0], types.float32)


@intrinsic(primitives.double_of, lambda x: signature(types.float64, x))
def _double_of(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return context.cast(builder, args[0], sig.args[0], types.float64)


@intrinsic(
    primitives.sqrt, lambda x: signature(x, x) if x == types.float32 else signature(types.float64, types.float64)
)
def _sqrt(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [args[0].type]), args)


def emit_fma(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    """The instruction; `compile` uses it where the processor has one."""
    return builder.fma(*args)


@intrinsic(primitives.any_true, _fixed(types.boolean, types.boolean))
def _any_true(_context: Any, _builder: Any, _sig: Any, args: Any) -> Any:
    return args[0]


@intrinsic(primitives.lowest_bit, _fixed(types.int64, types.int64))
def _lowest_bit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.cttz(args[0], ir.IntType(1)(1))


# Python's own functions, which numba would compile with all that it has


def truncated(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """`int` of a number."""
    return context.cast(builder, args[0], sig.args[0], types.int64)


def _smaller(operator: str) -> Callable[..., Any]:
    """What emits `min` ("<") or `max` (">") of two numbers, which as in Python is the first one unless the other is."""

    def emit(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first, other = args
        compare = builder.fcmp_ordered if isinstance(sig.return_type, types.Float) else builder.icmp_signed
        return builder.select(compare(operator, other, first), other, first)

    return emit


def _of_one_type(a: Any, b: Any) -> Any:
    """The rule of a function of two numbers, which become the larger one of their types."""
    chosen = _chosen(types.boolean, a, b)
    return chosen and signature(chosen.return_type, *[chosen.return_type] * 2)


lesser, greater = _smaller("<"), _smaller(">")
intrinsic(truncated, lambda x: signature(types.int64, x) if isinstance(x, types.Number | types.Boolean) else None)(
    truncated
)
for _function in (lesser, greater):
    intrinsic(_function, _of_one_type)(_function)


BUILTINS = {"int": truncated, "min": lesser, "max": greater}

# arrays

ELEMENTS = {
    primitives.f64: types.float64,
    primitives.f32: types.float32,
    primitives.i64: types.int64,
    primitives.i32: types.int32,
    primitives.u16: types.uint16,
    primitives.u8: types.uint8,
}


def opened(context: Any, builder: Any, kind: Any, address: Any) -> Any:
    """An array at an address, of a type of array."""
    return builder.inttoptr(address, context.get_value_type(kind))


def _place(builder: Any, array: Any, k: Any) -> Any:
    """The address of an element."""
    return builder.gep(array, [k])


def _opens(function: Callable[..., Any], element: Any) -> None:
    kind = types.CPointer(element)

    @intrinsic(function, lambda table, _k: signature(kind, table, types.int64))
    def _open(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        table, k = args
        return opened(context, builder, kind, builder.load(_place(builder, table, k)))


for _function, _element in ELEMENTS.items():
    _opens(_function, _element)


@intrinsic(primitives.prefetch, lambda array, _k: signature(types.void, array, types.int64))
def _prefetch(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    place = builder.bitcast(_place(builder, *args), _BYTE.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [place.type, _HALF, _HALF, _HALF])
    builder.call(builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind), [place, *map(_HALF, (0, 3, 1))])
    return context.get_dummy_value()


# threads


@intrinsic(primitives.atomic_load, lambda words, _k: signature(types.int64, words, types.int64))
def _atomic_load(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return builder.load_atomic(_place(builder, *args), "seq_cst", 8)


@intrinsic(primitives.atomic_add, lambda words, _k, _v: signature(types.int64, words, types.int64, types.int64))
def _atomic_add(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    words, k, value = args
    return builder.atomic_rmw("add", _place(builder, words, k), value, "seq_cst")


@intrinsic(
    primitives.call_system,
    lambda _address, _number, words, *rest: signature(
        types.int64, types.int64, types.int64, words, *[types.int64] * len(rest)
    ),
)
def _call_system(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    address, number, words, k, operation, value = args
    function = builder.inttoptr(address, ir.FunctionType(_WORD, [_WORD] * 5).as_pointer())
    place = builder.ptrtoint(_place(builder, words, k), _WORD)
    return builder.call(function, [number, place, operation, value, _WORD(0)])


@intrinsic(primitives.pause, _fixed(types.void))
def _pause(context: Any, _builder: Any, _sig: Any, _args: Any) -> Any:
    return context.get_dummy_value()


@intrinsic(primitives.ticks, _fixed(types.int64))
def _ticks(_context: Any, builder: Any, _sig: Any, _args: Any) -> Any:
    kind = ir.FunctionType(_WORD, [])
    if platform.machine() in ("aarch64", "arm64"):  # where programs may not read the counter of cycles
        return builder.asm(kind, "mrs $0, cntvct_el0", "=r", [], side_effect=True)
    return builder.call(builder.module.declare_intrinsic("llvm.readcyclecounter", [], kind), [])


# a branch that a loop can be vectorised with

TWINS = "branch."
"""What the names of these functions begin with."""
_LANES = (2, 4, 8, 16)  # how many numbers a loop may take at once


class _SlowPathAbove(AbstractTemplate):  # type: ignore[misc] # numba has no types
    key = primitives.slow_path_above
    prefer_literal = True  # the exponent is part of the code

    def generic(self, args: Any, kws: Any) -> Any:
        assert not kws
        exponent, function, x, _value = args
        assert function.get_call_type(self.context, (x,), {}).return_type == x
        return signature(x, exponent, function, x, x)


infer_global(primitives.slow_path_above, types.Function(_SlowPathAbove))


@lower_builtin(primitives.slow_path_above, types.VarArg(types.Any))  # type: ignore[untyped-decorator] # numba has no types
def _slow_path_above(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Call a function of x and value that has a twin for each length of vectors, which branches once for all elements.

    Where LLVM vectorises a loop, it calls the twin that fits (its attribute `vector-function-abi-variant`).
    """
    exponent, function, kind, _ = sig.args
    near_or_far = _near_or_far(context, builder.module, exponent.literal_value, function, kind)
    call = builder.call(near_or_far, args[2:])
    name = near_or_far.name
    twins = ",".join(f"_ZGV_LLVM_N{lanes}vv_{name}({name}.{lanes})" for lanes in _LANES)
    set.add(call.attributes, f'"vector-function-abi-variant"="{twins}"')  # the set itself: llvmlite refuses such names
    return call


def _near_or_far(context: Any, module: Any, exponent: int, function: Any, kind: Any) -> Any:
    """The function of x and value that `slow_path_above` calls, with its twins for vectors; one a module."""
    number = context.get_value_type(kind)
    sig = signature(kind, kind)
    called = function.get_impl_key(sig)
    name = f"{TWINS}{called.symbol}"
    if name in module.globals:
        return module.globals[name]
    far = _define(module, f"{name}.far", number, [number])
    builder = ir.IRBuilder(far.append_basic_block())
    builder.ret(called.call(context, builder, far.args))
    one = _define(module, name, number, [number, number])
    _branch(one, exponent, 1, lambda builder: builder.call(far, [one.args[0]]))
    for lanes in _LANES:
        vector = ir.VectorType(number, lanes)
        several = _define(module, f"{name}.{lanes}", vector, [vector, vector])

        def each(builder: Any, several: Any = several, lanes: int = lanes) -> Any:
            result = several.args[1]
            for lane in range(lanes):
                x, value = (builder.extract_element(argument, _HALF(lane)) for argument in several.args)
                result = builder.insert_element(result, builder.call(one, [x, value]), _HALF(lane))
            return result

        _branch(several, exponent, lanes, each)
    return one


def _branch(function: Any, exponent: int, lanes: int, far: Callable[[Any], Any]) -> None:
    """The body of a function of x and value: value, or what `far` emits if an |x| is above 2**exponent or NaN."""
    x, value = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    single = value.type in (_SINGLE, ir.VectorType(_SINGLE, lanes))
    word, pattern = (_HALF, "<i") if single else (_WORD, "<q")
    magnitude = (1 << (word.width - 1)) - 1
    (bound,) = struct.unpack(pattern, struct.pack("<f" if single else "<d", 2.0**exponent))

    def constant(number: int) -> Any:
        return word(number) if lanes == 1 else ir.Constant(ir.VectorType(word, lanes), [number] * lanes)

    bits = builder.bitcast(x, word if lanes == 1 else ir.VectorType(word, lanes))
    above = builder.icmp_signed(">", builder.and_(bits, constant(magnitude)), constant(bound))
    if lanes > 1:
        mask = ir.IntType(lanes)
        above = builder.icmp_unsigned("!=", builder.bitcast(above, mask), mask(0))
    with builder.if_then(above, likely=False):
        builder.ret(far(builder))
    builder.ret(value)


def _define(module: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """An empty function that only computes."""
    function = ir.Function(module, ir.FunctionType(result, arguments), name)
    function.linkage = "weak_odr"  # kept though nothing calls the twins until loops are vectorised
    set.update(function.attributes, ["noinline", "nounwind", "readnone", "willreturn"])
    return function

"""What `functions` and `random` stand on in a compiled kernel: this text opens every kernel and is never imported here.

Straight-line functions are not compiled by numba: they are *traced*. Called with `Traced` values, their text emits
LLVM instructions as it runs, which takes milliseconds where numba's type inference takes a second. `traced` makes such
a function callable from compiled code. Functions with loops are compiled by numba and call traced ones.
Nothing refers to a symbol outside the kernel, and no instruction carries a fast-math flag.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_DOUBLE = ir.DoubleType()
_WORD = ir.IntType(64)
_BIT = ir.IntType(1)


class Traced:
    """A number in the making: operators emit instructions.

    Args:
        builder: Where instructions go.
        value: The LLVM value: double, i64 (of either sign) or i1.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    def of(self, other: Any) -> Any:
        """The LLVM value of another operand: a traced number, or a constant of this one's type."""
        if isinstance(other, Traced):
            return other.value
        if self.value.type == _DOUBLE:
            return ir.Constant(_DOUBLE, float(other))
        return ir.Constant(_WORD, other & 0xFFFF_FFFF_FFFF_FFFF)

    def _arithmetic(self, on_floats: str, on_words: str, a: Any, b: Any) -> Traced:
        name = on_floats if self.value.type == _DOUBLE else on_words
        return Traced(self.builder, getattr(self.builder, name)(a, b))

    def __add__(self, other: Any) -> Traced:
        return self._arithmetic("fadd", "add", self.value, self.of(other))

    def __radd__(self, other: Any) -> Traced:
        return self._arithmetic("fadd", "add", self.of(other), self.value)

    def __sub__(self, other: Any) -> Traced:
        return self._arithmetic("fsub", "sub", self.value, self.of(other))

    def __rsub__(self, other: Any) -> Traced:
        return self._arithmetic("fsub", "sub", self.of(other), self.value)

    def __mul__(self, other: Any) -> Traced:
        return self._arithmetic("fmul", "mul", self.value, self.of(other))

    def __rmul__(self, other: Any) -> Traced:
        return self._arithmetic("fmul", "mul", self.of(other), self.value)

    def __truediv__(self, other: Any) -> Traced:
        return Traced(self.builder, self.builder.fdiv(self.value, self.of(other)))

    def __rtruediv__(self, other: Any) -> Traced:
        return Traced(self.builder, self.builder.fdiv(self.of(other), self.value))

    def __neg__(self) -> Traced:
        return Traced(self.builder, self.builder.fneg(self.value))

    def __and__(self, other: Any) -> Traced:
        return Traced(self.builder, self.builder.and_(self.value, self.of(other)))

    def __or__(self, other: Any) -> Traced:
        return Traced(self.builder, self.builder.or_(self.value, self.of(other)))

    def __xor__(self, other: Any) -> Traced:
        return Traced(self.builder, self.builder.xor(self.value, self.of(other)))

    def __lshift__(self, count: Any) -> Traced:
        return Traced(self.builder, self.builder.shl(self.value, self.of(count)))

    def __rshift__(self, count: Any) -> Traced:
        return Traced(self.builder, self.builder.lshr(self.value, self.of(count)))

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def _compare(self, operator: str, other: Any) -> Traced:
        if self.value.type == _DOUBLE:
            # A comparison with NaN is false, except that NaN differs from everything.
            emit = self.builder.fcmp_unordered if operator == "!=" else self.builder.fcmp_ordered
        elif self.value.type == _WORD:
            emit = self.builder.icmp_signed
        else:
            emit = self.builder.icmp_unsigned
        return Traced(self.builder, emit(operator, self.value, self.of(other)))

    def __lt__(self, other: Any) -> Traced:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Traced:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Traced:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Traced:
        return self._compare(">=", other)

    def __eq__(self, other: object) -> Traced:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: object) -> Traced:  # type: ignore[override]
        return self._compare("!=", other)

    __hash__ = None  # type: ignore[assignment]


def trace_select(condition: Any, a: Any, b: Any) -> Traced:
    """`a` where the condition holds, else `b`, without a branch."""
    builder = condition.builder
    if isinstance(a, Traced):
        chosen, other = a.value, a.of(b)
    elif isinstance(b, Traced):
        chosen, other = b.of(a), b.value
    else:
        chosen, other = ir.Constant(_DOUBLE, float(a)), ir.Constant(_DOUBLE, float(b))
    return Traced(builder, builder.select(condition.value, chosen, other))


def trace_bits_of(x: Any) -> Any:
    """The 64 bits of a float64 as an integer."""
    if isinstance(x, Traced):
        return Traced(x.builder, x.builder.bitcast(x.value, _WORD))
    return struct.unpack("<q", struct.pack("<d", x))[0]


def trace_float_of(bits: Any) -> Traced:
    """The float64 with these 64 bits."""
    return Traced(bits.builder, bits.builder.bitcast(bits.value, _DOUBLE))


def trace_shift_right(bits: Any, count: int) -> Any:
    """An integer shifted to the right with zeros filled in."""
    return bits >> count


def trace_sqrt(x: Any) -> Traced:
    """The square root, correctly rounded: an instruction on every processor."""
    function = x.builder.module.declare_intrinsic("llvm.sqrt", [_DOUBLE])
    return Traced(x.builder, x.builder.call(function, [x.value]))


def trace_u64(x: Any) -> Any:
    """An integer modulo 2**64."""
    return x if isinstance(x, Traced) else x & 0xFFFF_FFFF_FFFF_FFFF


_KINDS = {"f": types.float64, "i": types.int64, "u": types.uint64, "b": types.boolean}


def traced(function: Callable[..., Any], arguments: str, result: str) -> Any:
    """A traced function as one that compiled code can call.

    Args:
        function: The function of `Traced` values.
        arguments: The kind of each argument: f float, i integer, b truth; other types are converted.
        result: The kind of the result, or of each of several.
    """
    parameters = [_KINDS[kind] for kind in arguments]
    kinds = [_KINDS[kind] for kind in result]
    several: Any = types.Tuple
    returned = kinds[0] if len(kinds) == 1 else several(kinds)

    def typed(_typing: Any, *given: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            cast = [
                Traced(builder, context.cast(builder, value, have, want))
                for value, have, want in zip(values, signature.args, parameters, strict=True)
            ]
            traces = function(*cast)
            if len(kinds) == 1:
                return traces.value
            return context.make_tuple(builder, returned, [trace.value for trace in traces])

        return returned(*given), emit

    # numba binds arguments by the signature, and cannot do so with `*given`.
    names = ["_typing", *(f"argument_{k}" for k in range(len(parameters)))]
    signature = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])
    typed.__signature__ = signature  # type: ignore[attr-defined]
    typed.__name__ = function.__name__
    return intrinsic(typed)


@intrinsic
def select(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`, without a branch; of any one type."""
    unliteral: Any = types.unliteral
    result = typing.unify_types(unliteral(a), unliteral(b))

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        chosen = context.cast(builder, args[1], signature.args[1], result)
        other = context.cast(builder, args[2], signature.args[2], result)
        truth = context.cast(builder, args[0], signature.args[0], types.boolean)
        return builder.select(truth, chosen, other)

    return result(condition, a, b), emit


bits_of = traced(trace_bits_of, "f", "i")
float_of = traced(trace_float_of, "i", "f")
shift_right = traced(trace_shift_right, "ii", "i")
sqrt = traced(trace_sqrt, "f", "f")
u64 = traced(trace_u64, "i", "u")
any_true = traced(lambda condition: condition, "b", "b")
_options: Any = {"error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
looped = njit(**_options)

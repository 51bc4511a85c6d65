"""What numerical functions stand on in a compiled kernel: this text opens every kernel and is never imported here.

Straight-line functions are *traced*: called with `Traced` values, their text emits LLVM instructions as it runs.
`traced` makes such a function callable from compiled code. Functions with loops are compiled, and call traced ones.
Nothing refers to a symbol outside the kernel. Instructions carry the fast-math flags in `_flags`: none in strict math.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import wraps
from typing import Any

from llvmlite import ir

from snnrun.numerics.language import Type, cast, compiled, entry, intrinsic, types, wider  # noqa: F401 - for what follows

_DOUBLE = ir.DoubleType()
_SINGLE = ir.FloatType()
_WORD = ir.IntType(64)
_HALF = ir.IntType(32)
_FLOATS = (_DOUBLE, _SINGLE)
_WORDS = (_WORD, _HALF)
# Flags of instructions that are being emitted; the last count.
_flags: list[tuple[str, ...]] = [()]


class Traced:
    """A number in the making: operators emit instructions.

    Args:
        builder: Where instructions go.
        value: The LLVM value: double, float, i64 or i32 (of either sign), or i1.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    def of(self, other: Any) -> Any:
        """The LLVM value of another operand: a traced number, or a constant of this one's type."""
        if isinstance(other, Traced):
            return other.value
        kind = self.value.type
        if kind in _FLOATS:
            return ir.Constant(kind, float(other))
        return ir.Constant(kind, other & ((1 << kind.width) - 1))

    def _arithmetic(self, on_floats: str, on_words: str, a: Any, b: Any) -> Traced:
        if self.value.type in _FLOATS:
            return Traced(self.builder, getattr(self.builder, on_floats)(a, b, flags=_flags[-1]))
        return Traced(self.builder, getattr(self.builder, on_words)(a, b))

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
        return Traced(self.builder, self.builder.fdiv(self.value, self.of(other), flags=_flags[-1]))

    def __rtruediv__(self, other: Any) -> Traced:
        return Traced(self.builder, self.builder.fdiv(self.of(other), self.value, flags=_flags[-1]))

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
        if self.value.type in _FLOATS:
            # A comparison with NaN is false, except that NaN differs from everything.
            emit = self.builder.fcmp_unordered if operator == "!=" else self.builder.fcmp_ordered
        elif self.value.type in _WORDS:
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
    """The bits of a number as an integer of its size; a constant is float64."""
    if isinstance(x, Traced):
        return Traced(x.builder, x.builder.bitcast(x.value, _HALF if x.value.type == _SINGLE else _WORD))
    return struct.unpack("<q", struct.pack("<d", x))[0]


def trace_float_of(bits: Any) -> Traced:
    """The number with these bits."""
    return Traced(bits.builder, bits.builder.bitcast(bits.value, _SINGLE if bits.value.type == _HALF else _DOUBLE))


def trace_shift_right(bits: Any, count: int) -> Any:
    """An integer shifted to the right with zeros filled in."""
    return bits >> count


def trace_lower_half(word: Any) -> Traced:
    """The lower 32 bits of an integer."""
    return Traced(word.builder, word.builder.trunc(word.value, _HALF))


def trace_upper_half(word: Any) -> Traced:
    """The upper 32 bits of an integer."""
    return trace_lower_half(word >> 32)


def trace_single_of(x: Any) -> Traced:
    """A float64 or a 32-bit integer as the nearest float32."""
    convert: Any = x.builder.fptrunc if x.value.type == _DOUBLE else x.builder.sitofp
    return Traced(x.builder, convert(x.value, _SINGLE))


def trace_double_of(x: Any) -> Traced:
    """A float32 as float64."""
    return Traced(x.builder, x.builder.fpext(x.value, _DOUBLE))


def trace_sqrt(x: Any) -> Traced:
    """The square root, correctly rounded: an instruction on every processor."""
    function = x.builder.module.declare_intrinsic("llvm.sqrt", [x.value.type])
    return Traced(x.builder, x.builder.call(function, [x.value]))


def trace_fma(otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """What computes a * b + c rounded once: an instruction, or another function where the processor lacks it."""

    def fma(*operands: Any) -> Traced:
        builder = next(x.builder for x in operands if isinstance(x, Traced))
        values = [x.value if isinstance(x, Traced) else ir.Constant(_DOUBLE, x) for x in operands]
        if builder.module.fused:
            return Traced(builder, builder.fma(*values))
        in_parts: Traced = exact(otherwise)(*(Traced(builder, value) for value in values))
        return in_parts

    return fma


def trace_number(x: Any) -> Any:
    """A number, as it is: what `traced` converts to the kernel's precision."""
    return x


def trace_u64(x: Any) -> Any:
    """An integer modulo 2**64."""
    return x if isinstance(x, Traced) else x & 0xFFFF_FFFF_FFFF_FFFF


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function compute as written whatever the math is: it finds the rounding errors of operations."""

    @wraps(function)
    def strictly(*args: Any) -> Any:
        _flags.append(())
        try:
            return function(*args)
        finally:
            _flags.pop()

    return strictly


# How many numbers a loop may take at once.
_LANES = (2, 4, 8, 16)
# Weak: kept though nothing calls the twins for vectors until loops are vectorised.
_LINKAGE = "weak_odr"


def trace_beyond(limit: float, function: Callable[..., Any], x: Any, value: Any) -> Traced:
    """`value`, but `function(x)` where |x| is larger than a limit or NaN: a branch that a loop can be vectorised with.

    The call that this emits names a twin for each length of vectors, which branches once for all elements. The
    function computes as written whatever the math is.
    """
    builder = x.builder
    near_or_far = _near_or_far(builder.module, x.value.type, limit, function)
    call = builder.call(near_or_far, [x.value, value.value])
    name = near_or_far.name
    twins = ",".join(f"_ZGV_LLVM_N{lanes}vv_{name}({name}.{lanes})" for lanes in _LANES)
    _add_attributes(call, f'"vector-function-abi-variant"="{twins}"')
    return Traced(builder, call)


def _near_or_far(module: Any, kind: Any, limit: float, function: Callable[..., Any]) -> Any:
    """The function of x and value that `trace_beyond` calls, with its twins for vectors; one a module."""
    name = f"snnrun.{function.__name__}.{kind}"
    if name in module.globals:
        return module.globals[name]
    far = _define(module, f"{name}.far", kind, [kind])
    builder = ir.IRBuilder(far.append_basic_block())
    builder.ret(exact(function)(Traced(builder, far.args[0])).value)
    one = _define(module, name, kind, [kind, kind])
    _branch(one, limit, 1, lambda builder: builder.call(far, [one.args[0]]))
    for lanes in _LANES:
        vector = ir.VectorType(kind, lanes)
        several = _define(module, f"{name}.{lanes}", vector, [vector, vector])

        def each(builder: Any, several: Any = several, lanes: int = lanes) -> Any:
            result = several.args[1]
            for lane in range(lanes):
                at = ir.Constant(_HALF, lane)
                x, value = (builder.extract_element(argument, at) for argument in several.args)
                result = builder.insert_element(result, builder.call(one, [x, value]), at)
            return result

        _branch(several, limit, lanes, each)
    return one


def _branch(function: Any, limit: float, lanes: int, far: Callable[[Any], Any]) -> None:
    """The body of a function of x and value: value, or what `far` emits if an |x| is larger than the limit or NaN."""
    x, value = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    single = value.type in (_SINGLE, ir.VectorType(_SINGLE, lanes))
    word, format_ = (_HALF, "<i") if single else (_WORD, "<q")
    magnitude = (1 << (word.width - 1)) - 1
    (bound,) = struct.unpack(format_, struct.pack("<f" if single else "<d", limit))

    def constant(number: int) -> Any:
        return ir.Constant(word, number) if lanes == 1 else ir.Constant(ir.VectorType(word, lanes), [number] * lanes)

    bits = builder.bitcast(x, word if lanes == 1 else ir.VectorType(word, lanes))
    above = builder.icmp_signed(">", builder.and_(bits, constant(magnitude)), constant(bound))
    if lanes > 1:
        mask = ir.IntType(lanes)
        above = builder.icmp_unsigned("!=", builder.bitcast(above, mask), ir.Constant(mask, 0))
    with builder.if_then(above, likely=False):
        builder.ret(far(builder))
    builder.ret(value)


def _define(module: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """An empty function that only computes."""
    function = ir.Function(module, ir.FunctionType(result, arguments), name)
    function.linkage = _LINKAGE
    _add_attributes(function, "noinline", "nounwind", "readnone", "willreturn")
    return function


def _add_attributes(value: Any, *attributes: str) -> None:
    """Add attributes, also those that llvmlite does not know and would refuse."""
    set.update(value.attributes, attributes)


_KINDS: Any = {"f": types.float64, "s": types.float32, "i": types.int64, "b": types.boolean}


def traced(function: Callable[..., Any], arguments: str, result: str) -> Any:
    """A traced function as one that compiled code can call.

    Args:
        function: The function of `Traced` values.
        arguments: The kind of each argument: f float64, s float32, i integer, b truth; other types are converted.
        result: The kind of the result, or of each of several.
    """
    parameters = [_KINDS[kind] for kind in arguments]
    several = len(result) > 1

    def typed(*_given: Type) -> Any:
        def emit(builder: Any, *values: Any) -> Any:
            traces = function(*(Traced(builder, value) for value in values))
            return tuple(trace.value for trace in traces) if several else traces.value

        return _KINDS[result[0]](*parameters), emit

    return intrinsic(typed)


@intrinsic
def select(_condition: Type, a: Type, b: Type) -> Any:
    """`a` where the condition holds, else `b`, without a branch; of any one type."""
    result = Type(wider(a.llvm, b.llvm))

    def emit(builder: Any, truth: Any, chosen: Any, other: Any) -> Any:
        return builder.select(truth, chosen, other)

    return result(types.boolean, result, result), emit


bits_of = traced(trace_bits_of, "f", "i")
float_of = traced(trace_float_of, "i", "f")
shift_right = traced(trace_shift_right, "ii", "i")
single_of = traced(trace_single_of, "f", "s")
double_of = traced(trace_double_of, "s", "f")
u64 = traced(trace_u64, "i", "i")
any_true = traced(lambda condition: condition, "b", "b")

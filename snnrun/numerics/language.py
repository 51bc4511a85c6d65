"""The names that a kernel's text is written with: types, and marks on functions. `codegen.lowering` reads the text."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from llvmlite import ir


class Type:
    """A type of values; called with the types of arguments, it makes a signature.

    Args:
        llvm: What LLVM calls it; of several values, a tuple.
    """

    def __init__(self, llvm: Any) -> None:
        self.llvm = llvm

    def __call__(self, *args: Type) -> Any:
        """The signature of a function with such a result."""
        return SimpleNamespace(result=self, args=args)


types: Any = SimpleNamespace(
    int64=Type(ir.IntType(64)),
    int32=Type(ir.IntType(32)),
    uint16=Type(ir.IntType(16)),
    uint8=Type(ir.IntType(8)),
    float64=Type(ir.DoubleType()),
    float32=Type(ir.FloatType()),
    boolean=Type(ir.IntType(1)),
    void=Type(ir.VoidType()),
    pointer=lambda kind: Type(kind.llvm.as_pointer()),
)


class Intrinsic:
    """A function that emits instructions itself.

    Args:
        typed: Called with the types of the arguments; gives its signature, and a function that is called with a builder
            and the values of the arguments, of the types in the signature, and gives the result, or several.
    """

    def __init__(self, typed: Callable[..., Any]) -> None:
        self.typed = typed


class Function:
    """A function that is compiled when another one calls it, once for the types of arguments of each call.

    Args:
        function: The function.
        flags: Liberties that its operations on floating-point numbers may take.
        inline: Whether calls become copies of it.
    """

    def __init__(self, function: Any, flags: tuple[str, ...], inline: bool) -> None:
        self.function = function
        self.flags = flags
        self.inline = inline


class Entry:
    """The function that is called from outside.

    Args:
        function: The function.
        signature: Its signature.
    """

    def __init__(self, function: Any, signature: Any) -> None:
        self.function = function
        self.signature = signature


intrinsic = Intrinsic


def compiled(flags: tuple[str, ...] = (), *, inline: bool = False) -> Callable[[Any], Any]:
    """Mark a function as one to compile."""
    return lambda function: Function(function, flags, inline)


def entry(signature: Any) -> Callable[[Any], Any]:
    """Mark the function that is called from outside."""
    return lambda function: Entry(function, signature)


def wider(*kinds: Any) -> Any:
    """The type of LLVM that holds values of several: truths, integers, floating-point numbers.

    Integers and single precision together need double precision, as in numpy.
    """
    if any(isinstance(kind, ir.PointerType) for kind in kinds):
        return kinds[0]
    double, single, truth, integer = (t.llvm for t in (types.float64, types.float32, types.boolean, types.int64))
    if double in kinds or (single in kinds and integer in kinds):
        return double
    return single if single in kinds else truth if all(kind == truth for kind in kinds) else integer


def cast(builder: Any, value: Any, want: Any) -> Any:
    """A value as one of another type of LLVM; to a truth there is no way but a comparison.

    Raises:
        TypeError: There is none.
    """
    have = value.type
    if have == want or isinstance(want, ir.PointerType):
        return value
    floats, truth = (types.float32.llvm, types.float64.llvm), types.boolean.llvm
    if want == truth:
        raise TypeError("a number is no truth")
    if have in floats:
        if want in floats:
            return (builder.fpext if want == floats[1] else builder.fptrunc)(value, want)
        return builder.fptosi(value, want)
    if want in floats:
        return (builder.uitofp if have == truth else builder.sitofp)(value, want)
    if have.width < want.width:
        return (builder.zext if have == truth else builder.sext)(value, want)
    return builder.trunc(value, want)

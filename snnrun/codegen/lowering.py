"""The text of kernels to LLVM's language: the few statements that the text is written in, typed as they are met.

A kernel is written in a small part of Python: 64-bit integers, numbers of either precision, truths, and typed pointers;
assignments, `if`, `while`, `for` over ranges, calls. A variable has the type of the first value it is given. Integers
read from memory become 64-bit ones, operations between types go by the wider, `//` and `%` round as Python's do and
give 0 where they divide by it.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Sequence
from importlib.abc import InspectLoader
from types import ModuleType
from typing import Any, TypeAlias

from llvmlite import ir

from snnrun.numerics.language import Entry, Function, Intrinsic, Type, cast, types, wider

Value: TypeAlias = Any
"""A value of LLVM; a tuple of them from a function with several results, None from one without."""

_INT, _TRUTH, _NOTHING = types.int64.llvm, types.boolean.llvm, types.void.llvm
_SINGLE, _DOUBLE = types.float32.llvm, types.float64.llvm
_FLOATS = (_SINGLE, _DOUBLE)
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_WORDS = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "ashr",
}
_NUMBERS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}


class _Intrinsic:
    """A function that emits instructions itself."""

    def __init__(self, typed: Callable[..., Any]) -> None:
        self.typed = typed

    def emit(self, body: _Body, args: list[Value]) -> Value:
        """Emit its instructions."""
        signature, emit = self.typed(*(Type(value.type) for value in args))
        values = [cast(body.builder, value, kind.llvm) for value, kind in zip(args, signature.args, strict=True)]
        return emit(body.builder, *values)


class _Function:
    """A function of the text: one of LLVM's for each choice of types."""

    def __init__(self, kernel: _Kernel, function: Any, flags: tuple[str, ...], *, inline: bool) -> None:
        self.kernel = kernel
        self.node = kernel.nodes[function.__code__.co_firstlineno]
        self.names = function.__globals__
        self.flags = flags
        self.inline = inline
        self.made: dict[tuple[str, ...], Any] = {}

    def emit(self, body: _Body, args: list[Value]) -> Value:
        """Emit a call."""
        function = self.function([value.type for value in args])
        result = body.builder.call(function, args)
        return None if function.ftype.return_type == _NOTHING else result

    def function(self, kinds: Sequence[Any]) -> Any:
        """The function for arguments of some types."""
        key = tuple(f"{kind.pointee} *" if isinstance(kind, ir.PointerType) else str(kind) for kind in kinds)
        if key not in self.made:
            module = self.kernel.module
            result = _NOTHING
            if any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(self.node)):
                draft = ir.Function(_module("draft", fused=module.fused), ir.FunctionType(_NOTHING, kinds), "draft")
                result = _Body(self, draft).lower() or _NOTHING  # lowered once to learn the type of the result
            function = self.define(f"{self.node.name}_{len(module.functions)}", kinds, result)
            function.linkage = "linkonce_odr"  # calls may become copies where LLVM finds that they pay
            if self.inline:
                function.attributes.add("alwaysinline")
            self.made[key] = function
            _Body(self, function).lower()
        return self.made[key]

    def define(self, name: str, kinds: Sequence[Any], result: Any) -> Any:
        """A function of LLVM without a body."""
        function = ir.Function(self.kernel.module, ir.FunctionType(result, kinds), name)
        # Vectors that registers have no place for go to the stack, in no more than one line of the cache each.
        set.add(function.attributes, '"stackrealign"')  # the set itself: llvmlite does not know this one
        return function


class _Kernel:
    """A module of LLVM in the making.

    Args:
        module: It.
        nodes: Functions of the text by the line where they begin.
    """

    def __init__(self, module: Any, nodes: dict[int, ast.FunctionDef]) -> None:
        self.module = module
        self.nodes = nodes
        self.found: dict[int, _Function | _Intrinsic] = {}

    def called(self, mark: Any) -> _Function | _Intrinsic:
        """What a name of the text calls.

        Raises:
            TypeError: It is no function of a kernel.
        """
        if id(mark) not in self.found:
            match mark:
                case Intrinsic(typed=typed):
                    self.found[id(mark)] = _Intrinsic(typed)
                case Function(function=function, flags=flags, inline=inline):
                    self.found[id(mark)] = _Function(self, function, flags, inline=inline)
                case _:
                    raise TypeError(f"{mark!r} is no function of a kernel")
        return self.found[id(mark)]


class _Text(InspectLoader):
    """Loads a module from memory: nothing that others could change lies between printing and compiling."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """The text of the one module it loads."""
        return self.text


def _load(text: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_loader(name, _Text(text))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _module(name: str, *, fused: bool) -> Any:
    """An empty module; `fused` is for the primitive `fma`."""
    module: Any = ir.Module(name)
    module.fused = fused
    return module


def lower(text: str, name: str, triple: str, layout: str, *, fused: bool) -> Any:
    """A module of LLVM from a kernel's text.

    Args:
        text: The text; it marks one function as the `entry`.
        name: What to call that function.
        triple: The machine, as LLVM calls it.
        layout: How it lays data out in memory.
        fused: Whether it multiplies and adds in one instruction.

    Raises:
        TypeError: The text says what cannot be lowered.
    """
    module = _module(name, fused=fused)
    module.triple, module.data_layout = triple, layout
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    nodes = {min([f.lineno, *(d.lineno for d in f.decorator_list)]): f for f in functions}
    (mark,) = (value for value in vars(_load(text, name)).values() if isinstance(value, Entry))
    function = _Function(_Kernel(module, nodes), mark.function, (), inline=False)
    kinds = [kind.llvm for kind in mark.signature.args]
    _Body(function, function.define(name, kinds, mark.signature.result.llvm)).lower()
    return module


class _Body:
    """The statements of one function."""

    def __init__(self, text: _Function, function: Any) -> None:
        self.kernel = text.kernel
        self.names = text.names
        self.flags = text.flags
        self.node = text.node
        self.function = function
        self.entry = function.append_basic_block("entry")
        start = function.append_basic_block("start")
        self.builder: Any = ir.IRBuilder(start)
        self.places: dict[str, Any] = {}  # of variables, in memory until LLVM moves them into registers
        self.loops: list[tuple[Any, Any]] = []  # where `continue` and `break` go
        self.result: Any = None
        self.start = start

    def lower(self) -> Any:
        """Emit everything; gives the type of the result, if there is one."""
        for argument, value in zip(self.node.args.args, self.function.args, strict=True):
            value.name = argument.arg
            self.assign(argument.arg, value)
        self.statements(self.node.body)
        if not self.builder.block.is_terminated:
            if self.function.ftype.return_type == _NOTHING:
                self.builder.ret_void()
            else:
                self.builder.unreachable()
        ir.IRBuilder(self.entry).branch(self.start)
        return self.result

    # statements

    def statements(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if self.builder.block.is_terminated:
                return  # nothing follows a `return`, `break` or `continue`
            getattr(self, f"do_{type(node).__name__}", self.refuse)(node)

    def refuse(self, node: ast.AST) -> Any:
        raise TypeError(f"line {getattr(node, 'lineno', '?')} of a kernel cannot be lowered: {ast.unparse(node)}")

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    def do_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(node.value)

    def do_Assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.store(target, value)

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Subscript):
            place = self.place(node.target)
            self.write(place, self.binary(node, node.op, self.read(place), self.value(node.value)))
        else:
            self.store(node.target, self.binary(node, node.op, self.value(node.target), self.value(node.value)))

    def store(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Tuple):
            for part, one in zip(target.elts, value, strict=True):
                self.store(part, one)
        elif isinstance(target, ast.Subscript):
            self.write(self.place(target), value)
        elif isinstance(target, ast.Name):
            self.assign(target.id, value)
        else:
            self.refuse(target)

    def assign(self, name: str, value: Value) -> None:
        if name not in self.places:
            with self.builder.goto_block(self.entry):
                self.places[name] = self.builder.alloca(value.type)
        place = self.places[name]
        if place.type.pointee != value.type and {place.type.pointee, value.type} != {_INT, _TRUTH}:
            raise TypeError(f"`{name}` of `{self.node.name}` is {place.type.pointee} and {value.type}")
        self.builder.store(cast(self.builder, value, place.type.pointee), place)

    def do_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.builder.ret_void()
            return
        value = self.value(node.value)
        self.result = value.type if self.result is None else wider(self.result, value.type)
        if self.function.ftype.return_type == _NOTHING:
            self.builder.ret_void()  # a draft
        else:
            self.builder.ret(cast(self.builder, value, self.function.ftype.return_type))

    def do_If(self, node: ast.If) -> None:
        yes, no, end = (self.function.append_basic_block(name) for name in ("then", "else", "end"))
        self.builder.cbranch(self.truth(self.value(node.test)), yes, no)
        for block, body in ((yes, node.body), (no, node.orelse)):
            self.builder.position_at_end(block)
            self.statements(body)
            self.go(end)
        self.builder.position_at_end(end)

    def go(self, block: Any) -> None:
        if not self.builder.block.is_terminated:
            self.builder.branch(block)

    def do_While(self, node: ast.While) -> None:
        head, body, end = (self.function.append_basic_block(name) for name in ("while", "do", "done"))
        self.go(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(self.truth(self.value(node.test)), body, end)
        self.loop(body, node.body, head, end)

    def loop(self, block: Any, body: list[ast.stmt], again: Any, end: Any) -> None:
        self.builder.position_at_end(block)
        self.loops.append((again, end))
        self.statements(body)
        self.loops.pop()
        self.go(again)
        self.builder.position_at_end(end)

    def do_For(self, node: ast.For) -> None:
        call, target = node.iter, node.target
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"):
            self.refuse(node)
        assert isinstance(call, ast.Call)
        bounds = [self.integer(self.value(arg)) for arg in call.args]
        first, stop = (bounds[0], bounds[1]) if len(bounds) > 1 else (_INT(0), bounds[0])
        step = bounds[2] if len(bounds) == 3 else _INT(1)
        if not (isinstance(step, ir.Constant) and step.constant):
            self.refuse(node)
        with self.builder.goto_block(self.entry):
            counter = self.builder.alloca(_INT)
        self.builder.store(first, counter)
        head, body, again, end = (self.function.append_basic_block(n) for n in ("for", "do", "next", "done"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        before = "<" if step.constant > 0 else ">"
        self.builder.cbranch(self.builder.icmp_signed(before, self.builder.load(counter), stop), body, end)
        self.builder.position_at_end(body)
        self.store(target, self.builder.load(counter))
        self.loop(body, node.body, again, end)
        self.builder.position_at_end(again)
        self.builder.store(self.builder.add(self.builder.load(counter), step, flags=("nsw",)), counter)
        self.builder.branch(head)
        self.builder.position_at_end(end)

    def do_Break(self, _node: ast.Break) -> None:
        self.builder.branch(self.loops[-1][1])

    def do_Continue(self, _node: ast.Continue) -> None:
        self.builder.branch(self.loops[-1][0])

    # memory

    def place(self, node: ast.Subscript) -> Any:
        """The address of an element."""
        return self.builder.gep(self.value(node.value), [self.integer(self.value(node.slice))])

    def read(self, place: Any) -> Value:
        """An element; of fewer than 32 bits, integers have no sign."""
        value = self.builder.load(place)
        if not isinstance(value.type, ir.IntType) or value.type == _INT:
            return value
        return (self.builder.sext if value.type.width == 32 else self.builder.zext)(value, _INT)

    def write(self, place: Any, value: Value) -> None:
        self.builder.store(cast(self.builder, value, place.type.pointee), place)

    # expressions

    def value(self, node: ast.expr) -> Value:
        return getattr(self, f"of_{type(node).__name__}", self.refuse)(node)

    def integer(self, value: Value) -> Value:
        return cast(self.builder, value, _INT)

    def truth(self, value: Value) -> Value:
        if value.type == _TRUTH:
            return value
        if value.type in _FLOATS:
            return self.builder.fcmp_unordered("!=", value, ir.Constant(value.type, 0.0))
        return self.builder.icmp_signed("!=", value, ir.Constant(value.type, 0))

    def of_Constant(self, node: ast.Constant) -> Value:
        return self.constant(node, node.value)

    def constant(self, node: ast.expr, value: Any) -> Value:
        match value:
            case bool():
                return ir.Constant(_TRUTH, int(value))
            case int():
                return ir.Constant(_INT, (value + 2**63) % 2**64 - 2**63)
            case float():
                return ir.Constant(_DOUBLE, value)
        return self.refuse(node)

    def of_Name(self, node: ast.Name) -> Value:
        if node.id in self.places:
            return self.builder.load(self.places[node.id])
        return self.constant(node, self.names.get(node.id))

    def of_Subscript(self, node: ast.Subscript) -> Value:
        return self.read(self.place(node))

    def of_UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        match node.op:
            case ast.USub() if value.type in _FLOATS:
                return self.builder.fneg(value, flags=self.flags)
            case ast.USub():
                value = self.integer(value)
                return ir.Constant(_INT, -value.constant) if isinstance(value, ir.Constant) else self.builder.neg(value)
            case ast.Not():
                return self.builder.not_(self.truth(value))
        return self.refuse(node)

    def of_BinOp(self, node: ast.BinOp) -> Value:
        return self.binary(node, node.op, self.value(node.left), self.value(node.right))

    def binary(self, node: ast.AST, op: ast.operator, a: Value, b: Value) -> Value:
        logical = isinstance(op, ast.BitAnd | ast.BitOr | ast.BitXor)
        kind = _DOUBLE if isinstance(op, ast.Div) else _INT
        kind = wider(a.type, b.type, _TRUTH if logical else kind if a.type not in _FLOATS else _SINGLE)
        a, b = cast(self.builder, a, kind), cast(self.builder, b, kind)
        if kind in _FLOATS:
            if type(op) not in _NUMBERS:
                self.refuse(node)
            return getattr(self.builder, _NUMBERS[type(op)])(a, b, flags=self.flags)
        if isinstance(op, ast.FloorDiv | ast.Mod):
            return self.divide(op, a, b)
        if type(op) not in _WORDS:
            self.refuse(node)
        return getattr(self.builder, _WORDS[type(op)])(a, b)

    def divide(self, op: ast.operator, a: Value, b: Value) -> Value:
        """Division towards minus infinity, and its remainder, which has the sign of the divisor."""
        build = self.builder
        by_zero = build.icmp_signed("==", b, _INT(0))
        divisor = build.select(by_zero, _INT(1), b)
        rest = build.srem(a, divisor)
        differ = build.icmp_signed("<", build.xor(rest, divisor), _INT(0))
        low = build.and_(build.icmp_signed("!=", rest, _INT(0)), differ)
        if isinstance(op, ast.Mod):
            found = build.add(rest, build.select(low, divisor, _INT(0)))
        else:
            found = build.sub(build.sdiv(a, divisor), build.zext(low, _INT))
        return build.select(by_zero, _INT(0), found)

    def of_Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) > 1 or type(node.ops[0]) not in _COMPARISONS:
            self.refuse(node)
        return self.compare(_COMPARISONS[type(node.ops[0])], self.value(node.left), self.value(node.comparators[0]))

    def compare(self, operator: str, a: Value, b: Value) -> Value:
        kind = wider(a.type, b.type)
        a, b = cast(self.builder, a, kind), cast(self.builder, b, kind)
        if kind in _FLOATS:  # a comparison with NaN is false, except that NaN differs from everything
            emit = self.builder.fcmp_unordered if operator == "!=" else self.builder.fcmp_ordered
            return emit(operator, a, b, flags=self.flags)
        return (self.builder.icmp_unsigned if kind == _TRUTH else self.builder.icmp_signed)(operator, a, b)

    def of_BoolOp(self, node: ast.BoolOp) -> Value:
        both = isinstance(node.op, ast.And)
        end = self.function.append_basic_block("decided")
        found: list[tuple[Value, Any]] = []
        for operand in node.values[:-1]:
            value = self.truth(self.value(operand))
            after = self.function.append_basic_block("and" if both else "or")
            self.builder.cbranch(value, *((after, end) if both else (end, after)))
            found.append((ir.Constant(_TRUTH, int(not both)), self.builder.block))
            self.builder.position_at_end(after)
        last = self.truth(self.value(node.values[-1]))
        return self.meet(end, [*found, (last, self.builder.block)])

    def of_IfExp(self, node: ast.IfExp) -> Value:
        yes, no, end = (self.function.append_basic_block(name) for name in ("then", "else", "end"))
        self.builder.cbranch(self.truth(self.value(node.test)), yes, no)
        found: list[tuple[Value, Any]] = []
        for block, choice in ((yes, node.body), (no, node.orelse)):
            self.builder.position_at_end(block)
            value = self.value(choice)
            found.append((value, self.builder.block))
        kind = wider(found[0][0].type, found[1][0].type)
        for k, (value, block) in enumerate(found):
            self.builder.position_at_end(block)
            found[k] = (cast(self.builder, value, kind), block)
            if k == 0:
                self.builder.branch(end)
        return self.meet(end, found)

    def meet(self, end: Any, found: list[tuple[Value, Any]]) -> Value:
        """Where ways to a value come together."""
        self.builder.branch(end)
        self.builder.position_at_end(end)
        phi = self.builder.phi(found[0][0].type)
        for value, block in found:
            phi.add_incoming(value, block)
        return phi

    def of_Call(self, node: ast.Call) -> Value:
        if not isinstance(node.func, ast.Name) or node.keywords:
            return self.refuse(node)
        args = [self.value(arg) for arg in node.args]
        match node.func.id:
            case "int":
                return self.integer(args[0])
            case "float":
                return cast(self.builder, args[0], _DOUBLE)
            case "min" | "max" as name:
                a, b = args
                kind = wider(a.type, b.type)
                if kind in _FLOATS:
                    return self.refuse(node)  # whatever it should do with NaN
                a, b = cast(self.builder, a, kind), cast(self.builder, b, kind)
                return self.builder.select(self.compare("<" if name == "min" else ">", a, b), a, b)
        return self.kernel.called(self.names.get(node.func.id)).emit(self, args)

"""The text of kernels to LLVM's language: the few statements that the text is written in, typed as they are met.

A kernel is written in a small part of Python: 64-bit integers, numbers of either precision, truths, and typed pointers;
assignments, `if`, `while`, `for` over ranges, calls. A variable has the type of the first value it is given. Integers
read from memory become 64-bit ones, operations between types go by the wider, `//` and `%` round as Python's do and
give 0 where they divide by it. The text is a module for numba as well; here it is read without, which takes
milliseconds where numba takes a second, and tests compare the two.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

from llvmlite import ir

Value: TypeAlias = Any
"""A value of LLVM, a function to call, or several values."""

_INT = ir.IntType(64)
_TRUTH = ir.IntType(1)
_DOUBLE = ir.DoubleType()
_SINGLE = ir.FloatType()
_NOTHING = ir.VoidType()
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


class _Type:
    """A type as the text names it; called with the types of arguments, it makes a signature."""

    def __init__(self, llvm: Any) -> None:
        self.llvm = llvm

    def __call__(self, *args: _Type) -> Any:
        return SimpleNamespace(return_type=self, args=args)


_TYPES = SimpleNamespace(
    int64=_Type(_INT),
    uint64=_Type(_INT),
    int32=_Type(ir.IntType(32)),
    uint16=_Type(ir.IntType(16)),
    uint8=_Type(ir.IntType(8)),
    float64=_Type(_DOUBLE),
    float32=_Type(_SINGLE),
    boolean=_Type(_TRUTH),
    void=_Type(_NOTHING),
    CPointer=lambda kind: _Type(kind.llvm.as_pointer()),
    Tuple=lambda kinds: _Type(tuple(kind.llvm for kind in kinds)),
    unliteral=lambda kind: kind,
)


class _Context:
    """What functions that emit instructions themselves ask for."""

    @staticmethod
    def cast(builder: Any, value: Value, _have: _Type, want: _Type) -> Value:
        """A value as one of another type."""
        return _cast(builder, value, want.llvm)

    @staticmethod
    def get_value_type(kind: _Type) -> Any:
        """LLVM's type."""
        return kind.llvm

    @staticmethod
    def make_tuple(_builder: Any, _kind: _Type, values: list[Value]) -> Value:
        """Several results."""
        return tuple(values)

    @staticmethod
    def get_dummy_value() -> Value:
        """No result."""
        return None


class _Typing:
    """What such functions ask for before."""

    @staticmethod
    def unify_types(a: _Type, b: _Type) -> _Type:
        """The type of values of two."""
        return _Type(_wider(a.llvm, b.llvm))


class Intrinsic:
    """A function that emits instructions itself, given the types of its arguments."""

    def __init__(self, typed: Callable[..., Any]) -> None:
        self.typed = typed

    def emit(self, body: _Body, args: list[Value]) -> Value:
        """Emit its instructions."""
        signature, emit = self.typed(_Typing, *(_Type(value.type) for value in args))
        cast = [_cast(body.builder, v, kind.llvm) for v, kind in zip(args, signature.args, strict=True)]
        return emit(_Context, body.builder, signature, cast)


class Compiled:
    """A function of the text; one of LLVM's for each choice of types.

    Args:
        node: Its text.
        names: What names mean outside.
        module: Where functions go.
        flags: Liberties that its operations on numbers may take.
        inline: Whether it has no calls, but copies.
    """

    def __init__(self, node: ast.FunctionDef, names: dict[str, Any], module: Any, options: dict[str, Any]) -> None:
        self.node = node
        self.names = names
        self.module = module
        self.flags = tuple(sorted(options.get("fastmath", ())))
        self.inline = options.get("forceinline", False)
        self.made: dict[tuple[str, ...], Any] = {}

    def emit(self, body: _Body, args: list[Value]) -> Value:
        """Emit a call."""
        function = self.function([value.type for value in args])
        result = body.builder.call(function, args)
        return None if function.ftype.return_type == _NOTHING else result

    def function(self, kinds: list[Any]) -> Any:
        """The function for arguments of some types."""
        key = tuple(map(str, kinds)) + tuple(str(k.pointee) for k in kinds if isinstance(k, ir.PointerType))
        if key not in self.made:
            result = _NOTHING
            if any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(self.node)):
                draft = ir.Function(ir.Module(), ir.FunctionType(_NOTHING, kinds), "draft")
                result = _Body(self, draft).lower() or _NOTHING  # its text, to learn the type of the result
            name = f"{self.node.name}.{len(self.module.functions)}"
            function = ir.Function(self.module, ir.FunctionType(result, kinds), name)
            function.linkage = "linkonce_odr"
            if self.inline:
                function.attributes.add("alwaysinline")
            self.made[key] = function
            _Body(self, function).lower()
        return self.made[key]


def lower(text: str, name: str, triple: str, layout: str) -> Any:
    """A module of LLVM from a kernel's text.

    Args:
        text: The text; it defines a function `advance(first, n_steps, table)` of two integers and the table of pointers.
        name: The name of that function in the module.
        triple: The machine, as LLVM calls it.
        layout: How it lays data out in memory.

    Raises:
        TypeError: The text says what cannot be lowered.
    """
    module = ir.Module(name)
    module.triple, module.data_layout = triple, layout
    tree = ast.parse(text)
    tree.body = [n for n in tree.body if not (isinstance(n, ast.ImportFrom) and (n.module or "").startswith("numba"))]
    nodes = {
        min([node.lineno, *(d.lineno for d in node.decorator_list)]): node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }

    def njit(**options: Any) -> Callable[[Any], Compiled]:
        return lambda f: Compiled(nodes[f.__code__.co_firstlineno], f.__globals__, module, options)

    def cfunc(signature: Any, **options: Any) -> Callable[[Any], Any]:
        def entry(f: Any) -> Any:
            function = Compiled(nodes[f.__code__.co_firstlineno], f.__globals__, module, options)
            made = function.function([kind.llvm for kind in signature.args])
            made.linkage = ""
            made.name = name
            return made

        return entry

    names: dict[str, Any] = {"njit": njit, "cfunc": cfunc, "types": _TYPES, "intrinsic": Intrinsic}
    exec(compile(tree, f"<{name}>", "exec"), {"__name__": name, **names})  # noqa: S102 - no text of a user is in it
    return module


class _Body:
    """The statements of one function."""

    def __init__(self, compiled: Compiled, function: Any) -> None:
        self.names = compiled.names
        self.flags = compiled.flags
        self.node = compiled.node
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
        if place.allocated_type != value.type and {place.allocated_type, value.type} != {_INT, _TRUTH}:
            raise TypeError(f"`{name}` of `{self.node.name}` is {place.allocated_type} and {value.type}")
        self.builder.store(_cast(self.builder, value, place.allocated_type), place)

    def do_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.builder.ret_void()
            return
        value = self.value(node.value)
        self.result = value.type
        if self.function.ftype.return_type == _NOTHING:
            self.builder.ret_void()  # a draft
        else:
            self.builder.ret(_cast(self.builder, value, self.function.ftype.return_type))

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
        step = bounds[2] if len(bounds) == 3 else _INT(1)  # noqa: PLR2004
        if not (isinstance(step, ir.Constant) and step.constant > 0):
            self.refuse(node)
        with self.builder.goto_block(self.entry):
            counter = self.builder.alloca(_INT)
        self.builder.store(first, counter)
        head, body, again, end = (self.function.append_basic_block(n) for n in ("for", "do", "next", "done"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(self.builder.icmp_signed("<", self.builder.load(counter), stop), body, end)
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
        return (self.builder.sext if value.type.width == 32 else self.builder.zext)(value, _INT)  # noqa: PLR2004

    def write(self, place: Any, value: Value) -> None:
        self.builder.store(_cast(self.builder, value, place.type.pointee), place)

    # expressions

    def value(self, node: ast.expr) -> Value:
        return getattr(self, f"of_{type(node).__name__}", self.refuse)(node)

    def integer(self, value: Value) -> Value:
        return _cast(self.builder, value, _INT)

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
        kind = _wider(a.type, b.type, _TRUTH if logical else kind if a.type not in _FLOATS else _SINGLE)
        a, b = _cast(self.builder, a, kind), _cast(self.builder, b, kind)
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
        kind = _wider(a.type, b.type)
        a, b = _cast(self.builder, a, kind), _cast(self.builder, b, kind)
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
        kind = _wider(found[0][0].type, found[1][0].type)
        for k, (value, block) in enumerate(found):
            self.builder.position_at_end(block)
            found[k] = (_cast(self.builder, value, kind), block)
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
                return _cast(self.builder, args[0], _DOUBLE)
            case "min" | "max" as name:
                a, b = args
                kind = _wider(a.type, b.type)
                if kind in _FLOATS:
                    return self.refuse(node)  # whatever it should do with NaN
                a, b = _cast(self.builder, a, kind), _cast(self.builder, b, kind)
                return self.builder.select(self.compare("<" if name == "min" else ">", a, b), a, b)
        function = self.names[node.func.id]
        return function.emit(self, args)


def _wider(*kinds: Any) -> Any:
    """The type that holds values of several: truths, integers, numbers; integers beside single precision need double."""
    if any(isinstance(kind, ir.PointerType) for kind in kinds):
        return kinds[0]
    if _DOUBLE in kinds or (_SINGLE in kinds and any(kind == _INT for kind in kinds)):
        return _DOUBLE
    return _SINGLE if _SINGLE in kinds else _TRUTH if all(kind == _TRUTH for kind in kinds) else _INT


def _cast(builder: Any, value: Value, want: Any) -> Value:
    """A value as one of another type, as an assignment to an element of an array does it."""
    have = value.type
    if have == want or isinstance(want, ir.PointerType):
        return value
    if want == _TRUTH:
        raise TypeError("a number is no truth")
    if have in _FLOATS:
        if want in _FLOATS:
            return (builder.fpext if want == _DOUBLE else builder.fptrunc)(value, want)
        return builder.fptosi(value, want)
    if want in _FLOATS:
        return (builder.uitofp if have == _TRUTH else builder.sitofp)(value, want)
    if have.width < want.width:
        return (builder.zext if have == _TRUTH else builder.sext)(value, want)
    return builder.trunc(value, want)

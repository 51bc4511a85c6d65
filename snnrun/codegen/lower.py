"""numba's part: a function and all that it calls, typed and lowered to LLVM's language, in one module.

numba is used as it is, but for three things. Modules are not optimised one by one. Functions are called without asking
for exceptions, as none of them raises any. Functions of `snnrun.kernels` can be kept from one process to the next.
"""

from __future__ import annotations

import builtins
import gc
import hashlib
import json
import linecache
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from threading import RLock
from typing import Any, Protocol

import llvmlite
import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import compiler, types, untyped_passes
from numba.core import ir as numba_ir
from numba.core.codegen import Codegen, CodeLibrary
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.cpu_options import FastMathOptions
from numba.core.datamodel.models import OpaqueModel
from numba.core.datamodel.registry import register_default
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import lower_builtin

from snnrun.codegen import intrinsics
from snnrun.kernels import fused
from snnrun.kernels.arithmetic import Math
from snnrun.kernels.marks import Options, marked

KERNELS = "snnrun.kernels."
ARRAYS = {t: types.CPointer(t) for t in intrinsics.ELEMENTS.values()}
"""For numba the arrays of kernels are pointers, by the types of elements. Functions index them as they would arrays.

Arrays of numba carry shape and strides, seven values each: `advance` of a small network took 0.2 s to lower, not 0.08,
and LLVM took half as long again. Nor does numba add its wrap-around of negative indices to pointers.
"""
# Of fast math. Never `nnan` and `ninf`: a run looks for NaN and infinities.
_FUSE = {"contract"}
_REORDER = {"arcp", "contract", "nsz", "reassoc"}
_SCALARS = (
    *(types.none, types.boolean, types.float64, types.float32),
    *(types.int64, types.int32, types.uint64, types.uint16, types.uint8),
)
_turn = RLock()


class UncompilableError(Exception):
    """numba refuses a function of a kernel, which is a fault of the generator or of `snnrun.kernels`."""


def _refusal(function: Callable[..., Any], error: NumbaError) -> UncompilableError:
    """What numba refuses, with its place in the text and the object that the text is about."""
    file, line = function.__code__.co_filename, getattr(error.loc, "line", function.__code__.co_firstlineno)
    found = [int(n) for n in re.findall(rf'File "{re.escape(file)}", line (\d+)', str(error))]
    line = found[-1] if found else line
    lines = [text.strip() for text in linecache.getlines(file)]
    calls = (before for before, text in pairwise(lines) if text.startswith(f"{function.__name__}("))
    owner = next((before.removeprefix("# ") for before in calls if before.startswith("# ")), "")
    of = f" of `{owner}`" if owner else ""
    reason = next((text for text in str(error).splitlines()[1:] if text.strip()), str(error)).strip()
    where = f"line {line} of the kernel, in `{function.__name__}`{of}, `{linecache.getline(file, line).strip()}`"
    return UncompilableError(f"numba cannot compile {where}: {reason}")


class Store(Protocol):
    """Where lowered functions are kept."""

    def get(self, key: str) -> bytes | None:
        """What was kept under a key; None if there is nothing that can be trusted."""

    def put(self, key: str, data: bytes) -> None:
        """Keep something. It may fail without a word."""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A function lowered for some types of arguments.

    Args:
        symbol: Its name for LLVM.
        signature: Its types.
        inline: Whether calls become copies of it.
        bitcode: A module of LLVM that defines it.
        needs: What it calls.
    """

    symbol: str
    signature: Any
    inline: bool
    bitcode: bytes
    needs: tuple[Instance, ...]

    def call(self, context: Any, builder: Any, args: Iterable[Any]) -> Any:
        """Emit a call; gives the result."""
        convention = context.call_conv
        kind = convention.get_function_type(self.signature.return_type, self.signature.args)
        function = builder.module.globals.get(self.symbol) or ir.Function(builder.module, kind, self.symbol)
        _status, result = convention.call_function(
            builder, function, self.signature.return_type, self.signature.args, args
        )
        return result

    def every(self) -> dict[Instance, None]:
        """It and all that it needs, each once."""
        found: dict[Instance, None] = {}
        pending = [self]
        while pending:
            instance = pending.pop()
            if instance not in found:
                found[instance] = None
                pending += instance.needs
        return found


@dataclass(slots=True)
class _Frame:
    """What numba makes of one function: modules, libraries of its own, and what the function calls.

    Args:
        apart: Whether no two of its arrays share memory.
    """

    apart: bool = False
    modules: list[Any] = field(default_factory=list)
    libraries: list[Any] = field(default_factory=list)
    needs: dict[Instance, None] = field(default_factory=dict)


def _align_stack(function: Any) -> None:
    """Vectors that registers have no place for go to the stack, in no more than one line of the cache each."""
    set.add(function.attributes, '"stackrealign"')  # the set itself: llvmlite does not know this one


def _set_apart(function: Any) -> None:
    """Say that no two arrays of a function share memory; numba's own two arguments come first."""
    for argument in function.args[2:]:
        if isinstance(argument.type, ir.PointerType):
            argument.add_attribute("noalias")


class _Library(CodeLibrary):  # type: ignore[misc] # numba has no types
    """Hands numba's modules on as they are: they are optimised together, at the end."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._reload_init: set[Any] = set()  # some versions of numba ask the library for it

    def add_ir_module(self, ir_module: Any) -> None:
        for function in ir_module.functions:
            if not function.is_declaration:
                _align_stack(function)
                if self.codegen.frames[-1].apart:
                    _set_apart(function)
        self.codegen.frames[-1].modules.append(ir_module)

    def add_linking_library(self, library: Any) -> None:
        """Nothing is linked before the end; some of Python's functions come in numba's own libraries."""
        if not isinstance(library, _Library):
            self.codegen.frames[-1].libraries.append(library)

    def finalize(self) -> None:
        """Nothing is left to do."""

    def get_function(self, name: str) -> Any:
        raise NotImplementedError(name)

    def get_llvm_str(self) -> str:
        raise NotImplementedError

    def get_asm_str(self) -> str:
        raise NotImplementedError


class _Collector(Codegen):  # type: ignore[misc] # numba has no types
    """Gives numba empty modules and keeps what it makes of them."""

    _library_class = _Library

    def __init__(self, machine: Any) -> None:
        self._data = machine.target_data
        self.layout = str(machine.target_data)
        self.triple = machine.triple
        self.frames: list[_Frame] = []

    @property
    def target_data(self) -> Any:
        return self._data

    def empty(self, name: str) -> Any:
        """A module without content."""
        module: Any = ir.Module(name)
        module.triple, module.data_layout = self.triple, self.layout
        return module

    _create_empty_module = empty

    def _add_module(self, module: Any) -> None:
        raise NotImplementedError


@register_pass(mutates_CFG=False, analysis_only=False)
class _SingleNumbers(FunctionPass):  # type: ignore[misc] # numba has no types
    """Numbers that the text contains are float32."""

    _name = "snnrun_single_numbers"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        for block in state.func_ir.blocks.values():
            for assign in block.find_insts(numba_ir.Assign):
                value = assign.value
                written = isinstance(value, numba_ir.Const | numba_ir.Global | numba_ir.FreeVar)
                if written and isinstance(value.value, float):
                    assign.value = numba_ir.Const(np.float32(value.value), value.loc)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _PlainBuiltins(FunctionPass):  # type: ignore[misc] # numba has no types
    """Some of Python's functions are single instructions here; numba would compile a library for each."""

    _name = "snnrun_plain_builtins"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        for block in state.func_ir.blocks.values():
            for assign in block.find_insts(numba_ir.Assign):
                value = assign.value
                if isinstance(value, numba_ir.Global) and value.value is getattr(builtins, value.name, None):
                    plain = intrinsics.BUILTINS.get(value.name, value.value)
                    assign.value = numba_ir.Global(value.name, plain, value.loc)
        return True


class _Passes(compiler.CompilerBase):  # type: ignore[misc] # numba has no types
    """What of numba's work such functions need."""

    single = False

    def define_pipelines(self) -> list[Any]:
        passes = [
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.IRProcessing,
            _PlainBuiltins,
            *([_SingleNumbers] if self.single else []),
            untyped_passes.ReconstructSSA,
            NopythonTypeInference,
            PreLowerStripPhis,
            IRLegalization,
            NativeLowering,
            NoPythonBackend,
        ]
        manager = PassManager("snnrun")
        for each in passes:
            manager.add_pass(each, each.__name__)
        manager.finalize()
        return [manager]


class _SinglePasses(_Passes):
    single = True


@contextmanager
def _no_collection() -> Iterator[None]:
    """Numba makes many objects and few circles of them: a tenth of the time goes into looking for those."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Build:
    """One kernel in the making.

    Args:
        machine: What LLVM makes code with.
        math: What operations on numbers may do.
        store: Where functions of `snnrun.kernels` are kept; None to keep none.
        sources: A hash of their text.
    """

    current: Build

    def __init__(self, machine: Any, math: Math, store: Store | None, sources: str) -> None:
        self.collector = _Collector(machine)
        self.math = math
        self.fuses = _fuses(machine)
        self.store = store
        versions = (sources, numba.__version__, llvmlite.__version__, self.collector.triple, self.collector.layout)
        self.identity = repr((*versions, math.value, self.fuses))
        self.refused: UncompilableError | None = None
        self.exact = False  # whether what is lowered now computes as written
        self.instances: dict[Any, Instance] = {}
        self.typing = cpu_target.typing_context
        self.typing.refresh()
        cpu_target.target_context.refresh()
        self.target = cpu_target.target_context.subtarget(_internal_codegen=self.collector)

    def linked(self, function: Callable[..., Any], arguments: tuple[Any, ...], name: str) -> Any:
        """The module of LLVM of a function and all that it calls; only the function itself has a name outside.

        Args:
            function: The function.
            arguments: The types of its arguments, of numba; pointers take the places of arrays.
            name: The name outside.
        """
        with _turn, _no_collection():
            Build.current = self
            for each in list(marked):
                _register(self.typing, each)
            try:
                found = self.instance(function, arguments)
            except NumbaError as error:
                raise self.refused or _refusal(function, error) from error
            entry = binding.parse_assembly(str(self._entry(found, name)))
        for instance in self.instances.values():
            self.target._defns.pop(instance, None)  # noqa: SLF001 - numba would keep them for ever
        for instance in found.every():
            entry.link_in(binding.parse_bitcode(instance.bitcode))
        for defined in (*entry.functions, *entry.global_variables):
            # the twins of `slow_path_above`, whose names begin with ours, are called only once loops are vectorised
            if not defined.is_declaration and defined.name != name and not defined.name.startswith(intrinsics.TWINS):
                defined.linkage = "internal"
        return entry

    def _entry(self, called: Instance, name: str) -> Any:
        """A module with a function of C's kind that calls another."""
        module = self.collector.empty(name)
        nothing = called.signature.return_type == types.none
        result = ir.VoidType() if nothing else self.target.get_value_type(called.signature.return_type)
        kinds = [
            ir.IntType(8).as_pointer() if isinstance(kind, types.CPointer) else self.target.get_value_type(kind)
            for kind in called.signature.args
        ]
        function = ir.Function(module, ir.FunctionType(result, kinds), name)
        _align_stack(function)
        builder: Any = ir.IRBuilder(function.append_basic_block())
        values = [
            intrinsics.opened(self.target, builder, kind, builder.ptrtoint(value, ir.IntType(64)))
            if isinstance(kind, types.CPointer)
            else value
            for kind, value in zip(called.signature.args, function.args, strict=True)
        ]
        found = called.call(self.target, builder, values)
        if nothing:
            builder.ret_void()
        else:
            builder.ret(found)
        return module

    def instance(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Instance:
        """A function for some types of arguments; whoever is lowered now needs it."""
        options = marked[function]
        key = (function, arguments, self.exact or options.exact)
        found = self.instances.get(key)
        if found is None:
            with self._computing(options):
                found = self._kept(function, arguments, options) or self._lowered(function, arguments, options)
            self.instances[key] = found
            self.target.insert_func_defn([(_emits(found), found, arguments)])
        if self.collector.frames:
            self.collector.frames[-1].needs[found] = None
        return found

    @contextmanager
    def _computing(self, options: Options) -> Iterator[None]:
        before = self.exact
        self.exact = before or options.exact
        try:
            yield
        finally:
            self.exact = before

    def _lowered(self, function: Callable[..., Any], arguments: tuple[Any, ...], options: Options) -> Instance:
        flags = compiler.Flags()
        flags.no_compile = True
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        flags.error_model = "numpy"
        flags.nrt = False
        flags.enable_ssa = True
        flags.forceinline = options.inline
        if self.math is Math.FAST and not self.exact:
            flags.fastmath = FastMathOptions(_REORDER if options.reorder else _FUSE)
        passes = _SinglePasses if options.single else _Passes
        frame = _Frame(options.apart)
        self.collector.frames.append(frame)
        try:
            made = compiler.compile_extra(
                self.typing, self.target, function, arguments, None, flags, {}, pipeline_class=passes
            )
        except NumbaError as error:
            self.refused = self.refused or _refusal(function, error)  # the innermost function is told first
            raise
        finally:
            self.collector.frames.pop()
        key = self._key(function, arguments)
        symbol = f"kernel.{function.__module__}.{function.__name__}.{key[:12]}"
        texts = [str(module).replace(made.fndesc.llvm_func_name, symbol) for module in frame.modules]
        whole = binding.parse_assembly(texts[0])
        for text in texts[1:]:
            whole.link_in(binding.parse_assembly(text))
        for library in dict.fromkeys(frame.libraries):
            whole.link_in(binding.parse_bitcode(library._get_module_for_linking().as_bitcode()))  # noqa: SLF001
        needs = tuple(need for need in frame.needs)
        found = Instance(symbol, made.signature, options.inline, whole.as_bitcode(), needs)
        if function.__module__.startswith(KERNELS):
            self._keep(key, found)
        return found

    # functions that are the same for all kernels

    def _key(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
        what = (self.identity, function.__module__, function.__qualname__, [str(a) for a in arguments], self.exact)
        return hashlib.sha256(repr(what).encode()).hexdigest()

    def _keep(self, key: str, found: Instance) -> None:
        if self.store is None:
            return
        kinds = [*found.signature.args, *(a for need in found.needs for a in need.signature.args)]
        if not all(str(kind) in _KINDS or str(kind).startswith(KERNELS) for kind in kinds):
            return  # it takes functions of the model
        head = {
            "symbol": found.symbol,
            "result": _written(found.signature.return_type),
            "needs": [(*_origin(need), [str(a) for a in need.signature.args]) for need in found.needs],
        }
        self.store.put(key, json.dumps(head).encode() + b"\n" + found.bitcode)

    def _kept(self, function: Callable[..., Any], arguments: tuple[Any, ...], options: Options) -> Instance | None:
        if self.store is None or not function.__module__.startswith(KERNELS):
            return None
        data = self.store.get(self._key(function, arguments))
        if data is None:
            return None
        line, _, bitcode = data.partition(b"\n")
        head = json.loads(line)
        needs = [
            self.instance(_function(module, name), tuple(map(self._kind, kinds)))
            for module, name, kinds in head["needs"]
        ]
        return Instance(
            head["symbol"], signature(_read(head["result"]), *arguments), options.inline, bitcode, tuple(needs)
        )

    def _kind(self, name: str) -> Any:
        """A type of arguments; that of a function is its name."""
        if name in _KINDS:
            return _KINDS[name]
        module, _, function = name.rpartition(".")
        return self.typing._lookup_global(_function(module, function))  # noqa: SLF001 - as in `_register`


_KINDS = {str(kind): kind for kind in (*_SCALARS, *ARRAYS.values())}


def _origin(instance: Instance) -> tuple[str, str]:
    """Module and name of a function."""
    _, *module, name, _ = instance.symbol.split(".")
    return ".".join(module), name


def _function(module: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _written(kind: Any) -> Any:
    """A type of results as JSON holds it."""
    return [str(part) for part in kind] if isinstance(kind, types.BaseTuple) else str(kind)


def _read(kind: Any) -> Any:
    return types.Tuple([_KINDS[part] for part in kind]) if isinstance(kind, list) else _KINDS[kind]


def _emits(instance: Instance) -> Any:
    """What numba calls to emit a call of a function."""
    return lambda context, builder, _sig, args: instance.call(context, builder, args)


class _Function(types.Function):  # type: ignore[misc] # numba has no types
    """The type of a function; what a call of it stands for depends on what is lowered now, not only on its types."""

    def __init__(self, template: Any) -> None:
        super().__init__(template)
        key = self.templates[0].key
        self.name = f"{key.__module__}.{key.__qualname__}"  # without its address, as it becomes a part of names

    def get_impl_key(self, sig: Any) -> Any:
        return self.templates[0].found(sig)


register_default(_Function)(OpaqueModel)  # functions are arguments of others, as types without a value


class _Marked(AbstractTemplate):  # type: ignore[misc] # numba has no types
    """Calls of a marked function: it is lowered when the first is met."""

    function: Callable[..., Any]

    def generic(self, args: Any, kws: Any) -> Any:
        assert not kws
        return Build.current.instance(self.function, args).signature

    @classmethod
    def found(cls, sig: Any) -> Instance:
        """What a call stands for."""
        return Build.current.instance(cls.function, sig.args)


class _Fma(AbstractTemplate):  # type: ignore[misc] # numba has no types
    """An instruction, or on processors that lack it, what computes the same in parts; in fast math, two operations."""

    key = fused.fma

    def generic(self, args: Any, kws: Any) -> Any:
        assert not kws
        sig = signature(types.float64, *[types.float64] * len(args))
        self.found(sig)
        return sig

    @staticmethod
    def found(sig: Any) -> Any:
        """What a call stands for."""
        build = Build.current
        if build.fuses:
            return intrinsics.emit_fma
        strict = build.math is Math.STRICT or build.exact
        return build.instance(fused.fma_in_parts if strict else fused.multiply_and_add, sig.args)


infer_global(fused.fma, _Function(_Fma))
lower_builtin(intrinsics.emit_fma, types.float64, types.float64, types.float64)(intrinsics.emit_fma)


def _register(typing: Any, function: Callable[..., Any]) -> None:
    """Tell numba of a marked function, once."""
    if typing._lookup_global(function) is None:  # noqa: SLF001 - there is no other way to ask
        template = type("Marked", (_Marked,), {"function": staticmethod(function), "key": function})
        typing._insert_global(function, _Function(template))  # noqa: SLF001 - as `insert_user_function` does


_USES_FUSED = """
define double @use(double %a, double %b, double %c) {
  %r = call double @llvm.fma.f64(double %a, double %b, double %c)
  ret double %r
}
declare double @llvm.fma.f64(double, double, double)
"""


def _fuses(machine: Any) -> bool:
    """Whether a machine multiplies and adds in one instruction; where it cannot, LLVM would call a function."""
    assembly = machine.emit_assembly(binding.parse_assembly(_USES_FUSED))
    return re.search(r"\b_?fma\b", assembly) is None

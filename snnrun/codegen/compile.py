"""A kernel's text to machine code: numba types and lowers its functions, LLVM makes one object of them.

The object needs neither numba nor this text to run, so a warm start only loads it. Each function is lowered once for
the types it is called with; all are linked and optimised together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba.core import compiler, types, untyped_passes
from numba.core import ir as numba_ir
from numba.core.codegen import Codegen, CodeLibrary
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.cpu_options import FastMathOptions
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
from snnrun.codegen.load import loaded
from snnrun.codegen.target import ENTRY, Processor
from snnrun.kernels import functions, primitives
from snnrun.kernels.marks import Options, marked
from snnrun.numerics.arithmetic import Math

_LEVEL = 3
# Of fast math. Never `nnan` and `ninf`: a run looks for NaN and infinities.
_FUSE = {"contract"}
_REORDER = {"arcp", "contract", "nsz", "reassoc"}
_TABLE = types.Array(types.int64, 1, "C")
_turn = RLock()


def compile_kernel(text: str, target: Processor, math: Math = Math.STRICT) -> bytes:
    """Compile a module.

    Args:
        text: What `generate` wrote: a module with a function `advance`.
        target: The processor.
        math: What the operations on numbers may do.

    Returns:
        An object file that defines `ENTRY`, a function (first: int64, n_steps: int64, table: int64*) -> int64.

    Raises:
        numba.core.errors.NumbaError: The text says what numba cannot compile.
    """
    machine = machine_of(target)
    advance = loaded(text).advance
    return bytes(machine.emit_object(optimised(advance, (types.int64, types.int64, _TABLE), machine, math)))


def optimised(function: Callable[..., Any], arguments: tuple[Any, ...], machine: Any, math: Math) -> Any:
    """The module of LLVM for a machine of its, in which only `ENTRY` can be called from outside."""
    with _turn:
        build = _Build(machine, math)
        module = build.linked(function, arguments)
    options = binding.create_pipeline_tuning_options(speed_level=_LEVEL)
    options.loop_vectorization = True
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    for defined in (*module.functions, *module.global_variables):
        if not defined.is_declaration and defined.name != ENTRY:
            defined.linkage = "internal"  # only now: the twins of `beyond` are used by the optimiser alone
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)
    return module


def machine_of(target: Processor) -> Any:
    """What LLVM makes code with for a processor."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=target.name, features=target.features, opt=_LEVEL, reloc="pic", codemodel="default"
    )


# numba's compiler


@dataclass(frozen=True, slots=True)
class Instance:
    """A function lowered for some types of arguments.

    Args:
        fndesc: What numba needs to call it.
        signature: Its types.
    """

    fndesc: Any
    signature: Any

    @property
    def symbol(self) -> str:
        """Its name for LLVM."""
        return str(self.fndesc.llvm_func_name)


class _Library(CodeLibrary):  # type: ignore[misc] # numba has no types
    """Hands numba's modules on as they are: they are optimised together, at the end."""

    def add_ir_module(self, ir_module: Any) -> None:
        for function in ir_module.functions:
            if not function.is_declaration:
                # Vectors that registers have no place for go to the stack, in no more than one line of the cache each.
                set.add(function.attributes, '"stackrealign"')  # the set itself: llvmlite does not know this one
        self.codegen.modules.append(ir_module)

    def add_linking_library(self, library: Any) -> None:
        """Nothing is linked before the end; some of Python's functions come in numba's own libraries."""
        if not isinstance(library, _Library):
            self.codegen.libraries.append(library)

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
        self._layout = str(machine.target_data)
        self._triple = machine.triple
        self.modules: list[Any] = []
        self.libraries: list[Any] = []

    @property
    def target_data(self) -> Any:
        return self._data

    def _create_empty_module(self, name: str) -> Any:
        module: Any = ir.Module(name)
        module.triple, module.data_layout = self._triple, self._layout
        return module

    def _add_module(self, module: Any) -> None:
        raise NotImplementedError


@register_pass(mutates_CFG=False, analysis_only=False)
class _SingleNumbers(FunctionPass):  # type: ignore[misc] # numba has no types
    """Numbers that the text contains take the precision of what they meet, as in numpy."""

    _name = "snnrun_single_numbers"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        for block in state.func_ir.blocks.values():
            for assign in block.find_insts(numba_ir.Assign):
                value = getattr(assign.value, "value", None)
                if isinstance(assign.value, numba_ir.Const | numba_ir.Global | numba_ir.FreeVar) and isinstance(
                    value, float
                ):
                    assign.value = numba_ir.Const(np.float32(value), assign.value.loc)
        return True


class _Passes(compiler.CompilerBase):  # type: ignore[misc] # numba has no types
    """What of numba's work such functions need."""

    single = False

    def define_pipelines(self) -> list[Any]:
        passes = [
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.IRProcessing,
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


class _Build:
    """One kernel in the making."""

    current: _Build

    def __init__(self, machine: Any, math: Math) -> None:
        self.collector = _Collector(machine)
        self.math = math
        self.fuses = _fuses(machine)
        self.exact = False  # whether what is compiled now computes as written
        self.instances: dict[Any, Instance] = {}
        self.typing = cpu_target.typing_context
        self.typing.refresh()
        cpu_target.target_context.refresh()
        self.target = cpu_target.target_context.subtarget(_internal_codegen=self.collector)
        for function in list(marked):
            _register(self.typing, function)
        _Build.current = self

    def linked(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """The module of LLVM of a function and all that it calls; only the function itself has a name outside."""
        found = self.instance(function, arguments)
        self.collector.modules.append(self.entry(found))
        modules = [binding.parse_assembly(str(module)) for module in self.collector.modules]
        modules += [binding.parse_bitcode(lib._get_module_for_linking().as_bitcode()) for lib in dict.fromkeys(self.collector.libraries)]  # noqa: SLF001
        whole = modules[0]
        for module in modules[1:]:
            whole.link_in(module)
        for defined in (*whole.functions, *whole.global_variables):
            if not defined.is_declaration and defined.name != ENTRY and not defined.name.startswith("snnrun."):
                defined.linkage = "internal"
        return whole

    def entry(self, called: Instance) -> Any:
        """A module with a function of C's kind that calls another."""
        module = self.collector._create_empty_module(ENTRY)  # noqa: SLF001 - as numba does
        kinds = [
            ir.IntType(64).as_pointer() if isinstance(kind, types.Array) else self.target.get_value_type(kind)
            for kind in called.signature.args
        ]
        nothing = called.signature.return_type == types.none
        result = ir.VoidType() if nothing else self.target.get_value_type(called.signature.return_type)
        function = ir.Function(module, ir.FunctionType(result, kinds), ENTRY)
        builder: Any = ir.IRBuilder(function.append_basic_block())
        values = [
            intrinsics.opened(self.target, builder, kind, builder.ptrtoint(value, ir.IntType(64)))
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(called.signature.args, function.args, strict=True)
        ]
        _status, found = self.target.call_internal_no_propagate(builder, called.fndesc, called.signature, values)
        if nothing:
            builder.ret_void()
        else:
            builder.ret(found)
        return module

    def instance(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Instance:
        """A function for some types of arguments."""
        options = marked[function]
        key = (function, arguments, self.exact or options.exact)
        if key not in self.instances:
            with self.computing(options):
                self.instances[key] = self.lowered(function, arguments, options)
            self.target.insert_user_function(self.instances[key], self.instances[key].fndesc)
        return self.instances[key]

    @contextmanager
    def computing(self, options: Options) -> Iterator[None]:
        before = self.exact
        self.exact = before or options.exact
        try:
            yield
        finally:
            self.exact = before

    def lowered(self, function: Callable[..., Any], arguments: tuple[Any, ...], options: Options) -> Instance:
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
        made = compiler.compile_extra(self.typing, self.target, function, arguments, None, flags, {}, pipeline_class=passes)
        return Instance(made.fndesc, made.signature)


class _Marked(AbstractTemplate):  # type: ignore[misc] # numba has no types
    """Calls of a marked function: compiled when it is met."""

    function: Callable[..., Any]

    def generic(self, args: Any, kws: Any) -> Any:
        assert not kws
        return self.instance(args).signature

    @classmethod
    def instance(cls, args: tuple[Any, ...]) -> Instance:
        """The function for some types of arguments."""
        return _Build.current.instance(cls.function, args)

    @classmethod
    def found(cls, sig: Any) -> Any:
        """What a call stands for."""
        return cls.instance(sig.args)


class _Function(types.Function):  # type: ignore[misc] # numba has no types
    """The type of a function whose instance depends on what is compiled now, not only on its types."""

    def get_impl_key(self, sig: Any) -> Any:
        return self.templates[0].found(sig)


class _Fma(AbstractTemplate):  # type: ignore[misc] # numba has no types
    """An instruction, or on processors that lack it, what computes the same in parts; in fast math, two operations."""

    key = primitives.fma

    def generic(self, args: Any, kws: Any) -> Any:
        assert not kws
        sig = signature(types.float64, *[types.float64] * len(args))
        if not _Build.current.fuses:
            _Build.current.instance(self.otherwise(), sig.args)
        return sig

    @classmethod
    def found(cls, sig: Any) -> Any:
        """What a call stands for."""
        return intrinsics.emit_fma if _Build.current.fuses else _Build.current.instance(cls.otherwise(), sig.args)

    @staticmethod
    def otherwise() -> Callable[..., Any]:
        strict = _Build.current.math is Math.STRICT or _Build.current.exact
        return functions.fma_in_parts if strict else functions.multiply_and_add


infer_global(primitives.fma, _Function(_Fma))
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

"""Python functions of an experiment, called during the run. They run with the user's rights: only when allowed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.codegen.arguments import ArrayUse
from snnrun.engine.values import Array, Built
from snnrun.errors import Diagnostic, RunError
from snnrun.kernels.streams import stream_key
from snnrun.model.network import Hook
from snnrun.resolve.context import Context
from snnrun.resolve.files import find_file


class Variables(Mapping[str, Array]):
    """The variables of one group or synapses object as arrays in SI units; writing into them changes the network.

    Args:
        arrays: By name of the variable.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            raise LookupError(f"there is no variable `{name}`; there are: {', '.join(self._arrays)}")
        return self._arrays[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self[name][...] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class NetworkView:
    """The network as a hook sees it.

    Args:
        built: The network in memory.
    """

    def __init__(self, built: Built) -> None:
        self._built = built
        self._generators: dict[str, np.random.Generator] = {}

    def group(self, name: str) -> Variables:
        """The variables of a group."""
        return self._variables("groups", name)

    def synapses(self, name: str) -> Variables:
        """The variables of a synapses object, sorted by source neuron."""
        return self._variables("synapses", name)

    def random(self, name: str) -> np.random.Generator:
        """A generator of random numbers that follows the run's seed; every name has its own."""
        if name not in self._generators:
            seed = self._built.network.seeds.noise
            bits = np.random.Philox(key=(seed % 2**64, stream_key(f"hooks.{name}")))
            self._generators[name] = np.random.Generator(bits)
        return self._generators[name]

    def _variables(self, section: str, name: str) -> Variables:
        owner = f"{section}.{name}"
        arrays = {k.name: a for k, a in self._built.arrays.items() if k.use is ArrayUse.VARIABLE and k.owner == owner}
        if not arrays:
            raise LookupError(f"`{section}` has no `{name}` with variables")
        return Variables(arrays)


def find_hooks(context: Context, hooks: tuple[Hook, ...]) -> None:
    """Check that the files exist, without reading them.

    Raises:
        ExperimentError: FIL201 when one is missing.
    """
    for hook in hooks:
        with context.collecting():
            _file_of(context, hook)
    context.report.stop_if_errors()


def _file_of(context: Context, hook: Hook) -> Path:
    path = ("operations", hook.name, "call")
    text = context.text(path)
    return find_file(context, path, name=text.slice(0, len(hook.file)))


def load_hooks(context: Context, hooks: tuple[Hook, ...], *, allowed: bool) -> dict[str, Callable[..., Any]]:
    """The functions that an experiment names.

    Raises:
        ExperimentError: HOK601 when Python is not allowed; HOK602 when a file or function is missing or fails to load.
    """
    functions: dict[str, Callable[..., Any]] = {}
    for hook in hooks:
        path = ("operations", hook.name, "call")
        if not allowed:
            raise context.error(
                "HOK601",
                f"this experiment runs Python code from `{hook.file}`",
                path,
                "read that file; if you trust it, add `--allow-code`",
            )
        functions[hook.name] = _load(context, hook)
    return functions


def _load(context: Context, hook: Hook) -> Callable[..., Any]:
    path = ("operations", hook.name, "call")
    file = _file_of(context, hook)
    try:
        function = getattr(_module(file), hook.function, None)
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever a user's file raises
        raise context.error(
            "HOK602", f"`{hook.file}` cannot be loaded: {type(problem).__name__}: {problem}", path
        ) from None
    if not callable(function):
        raise context.error("HOK602", f"`{hook.file}` has no function `{hook.function}`", path)
    return function  # type: ignore[no-any-return]


class _FromSource(SourceFileLoader):
    """Loads a source file without reading or writing a compiled copy in the user's folder."""

    def path_stats(self, path: Any) -> Any:
        """Tell the loader that there is no compiled copy."""
        raise OSError(path)


def _module(file: Path) -> Any:
    loader = _FromSource(f"snnrun_hook_{file.stem}", str(file))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def bind(built: Built, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[[int], None]]:
    """The functions as the driver calls them, by name of the operation."""
    view = NetworkView(built)
    return {hook.name: _Call(hook, functions[hook.name], view, built.network.dt) for hook in built.network.hooks}


class _Call:
    """One function, called with the network and the time; its errors name it."""

    def __init__(self, hook: Hook, function: Callable[..., Any], view: NetworkView, dt: float) -> None:
        self.hook = hook
        self.function = function
        self.view = view
        self.dt = dt

    def __call__(self, step: int) -> None:
        try:
            self.function(self.view, step * self.dt)
        except (Exception, SystemExit) as problem:
            message = f"`{self.hook.function}` of `{self.hook.file}` failed at t = {step * self.dt:g} s: "
            raise RunError(Diagnostic("RUN302", f"{message}{type(problem).__name__}: {problem}")) from problem

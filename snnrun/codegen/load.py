"""Generated text as a module of Python."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
from importlib.abc import InspectLoader
from types import CodeType, ModuleType


class _Text(InspectLoader):
    """Loads a module from memory: nothing that others could change lies between printing and compiling."""

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """The text of the one module it loads."""
        return self.text

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002
        """What Python calls the file that the text would lie in."""
        return self.filename

    def get_code(self, fullname: str) -> CodeType:
        """The text, with the file's name for errors."""
        return self.source_to_code(self.text, self.get_filename(fullname))


def loaded(text: str, name: str = "snnrun_kernel") -> ModuleType:
    """The module of a text. Python keeps its lines, so that errors can show them."""
    filename = f"<{name} {hashlib.sha256(text.encode()).hexdigest()[:8]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    spec = importlib.util.spec_from_loader(name, _Text(text, filename))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

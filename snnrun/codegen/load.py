"""Generated text as a module of Python."""

from __future__ import annotations

import hashlib
import linecache
from types import ModuleType


def loaded(text: str, name: str = "snnrun_kernel") -> ModuleType:
    """The module of a text. Python keeps its lines, so that errors can show them."""
    module = ModuleType(name)
    filename = f"<{name} {hashlib.sha256(text.encode()).hexdigest()[:8]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module.__dict__["__file__"] = filename
    exec(compile(text, filename, "exec"), module.__dict__)  # noqa: S102 - it is our own text
    return module

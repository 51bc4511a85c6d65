"""The compiled test kernels, once per session."""

import importlib.util
import sys

import pytest

from snnrun.numerics.kernel_text import kernel_text

from .kernels import BINARY, ELEMENT, FILL, HEAD, OTHERS, TEMPLATES, UNARY, Kernels


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    names = {"unary": UNARY, "binary": BINARY, "element": ELEMENT, "fill": FILL}
    every = [*UNARY, *BINARY, *ELEMENT, *FILL, "poisson", "count_below"]
    calls = [TEMPLATES[kind].format(name=name) for kind in names for name in names[kind]]
    path = tmp_path_factory.mktemp("kernels") / "kernels_under_test.py"
    path.write_text(kernel_text(every) + HEAD + "".join(calls) + OTHERS)
    spec = importlib.util.spec_from_file_location("kernels_under_test", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kernels_under_test"] = module  # numba looks the module of a function up by its name
    spec.loader.exec_module(module)
    return Kernels(module)

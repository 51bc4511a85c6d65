"""What numba refuses is a fault of ours: it is told with the place in the text and the object it is about."""

import pytest

from snnrun.codegen.compile import compile_kernel
from snnrun.codegen.load import loaded
from snnrun.codegen.lower import UncompilableError
from snnrun.codegen.target import Processor
from snnrun.kernels.arithmetic import Math

TEXT = """\
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import f64


@kernel()
def update_pop(step, t, v):
    for k in range(3):
        v[k] = {wrong}


@kernel()
def advance(first, n_steps, table):
    pop_v = f64(table, 0)
    for step in range(first, first + n_steps):
        # groups.pop
        update_pop(step, 0.1, pop_v)
    return n_steps
"""


@pytest.mark.parametrize("wrong", ["missing(v[k])", "v[k].imag.whatever", "f64(v)"])
def test_a_refusal_names_the_line_and_the_object(wrong):
    with pytest.raises(UncompilableError) as caught:
        compile_kernel(TEXT.format(wrong=wrong), Processor("generic", ""), Math.STRICT, None, "")
    message = str(caught.value)
    assert "line 8 of the kernel, in `update_pop` of `groups.pop`" in message
    assert f"`v[k] = {wrong}`" in message
    assert "\n" not in message


def test_the_lines_of_a_text_are_known_to_tracebacks():
    module = loaded(TEXT.format(wrong="1 / 0"))
    with pytest.raises(ZeroDivisionError) as caught:
        module.update_pop(0, 0.0, [0.0] * 3)
    assert str(caught.traceback[-1].statement).strip() == "v[k] = 1 / 0"

"""Functions of `snnrun.kernels` as machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from snnrun.codegen import native
from snnrun.codegen.cache import Compiled, obtain_function
from snnrun.codegen.native import CompiledFunction, compiled
from snnrun.kernels import connect, functions


def copied(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    out = np.zeros(len(values))
    compiled(connect.copy_to_places)(n=len(values), place=np.arange(len(values)), values=values, out=out)
    return out.tolist()


def test_a_function_is_one_for_all_who_ask() -> None:
    assert compiled(connect.copy_to_places) is compiled(connect.copy_to_places)
    assert compiled(connect.copy_to_places).names == ("n", "place", "values", "out")


def test_a_function_whose_result_is_not_passed_on_is_refused() -> None:
    with pytest.raises(TypeError, match="`exp` returns Numbers"):
        compiled(functions.exp)


def test_arrays_that_are_not_contiguous_are_refused() -> None:
    values = np.arange(6.0)
    assert copied(values) == values.tolist()
    with pytest.raises(ValueError, match="contiguous"):
        copied(values[::2])


def test_arguments_can_be_given_once_for_many_calls() -> None:
    place, values, out = np.array([2, 0, 1]), np.array([5.0, 6.0, 7.0]), np.zeros(3)
    copy = compiled(connect.copy_to_places).given(place=place, values=values, out=out)
    del place  # its memory is kept for the calls
    copy(1)
    assert out.tolist() == [0, 0, 5]
    values[:] = 8
    copy(3)
    assert out.tolist() == [8, 8, 8]


def test_a_function_is_made_once_for_each_types(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def noted(function: Callable[..., Any], kinds: tuple[str, ...]) -> Compiled:
        asked.append(kinds)
        return obtain_function(function, kinds)

    monkeypatch.setattr(native, "obtain_function", noted)
    copy = CompiledFunction(connect.copy_to_places)
    place = np.array([1, 0])
    for dtype in (np.uint8, np.float32, np.uint8):
        values, out = np.array([3, 4], dtype), np.zeros(2, dtype)
        copy(n=2, place=place, values=values, out=out)
        assert out.tolist() == [4, 3]
    assert asked == [("int64", "int64[:]", f"{t}[:]", f"{t}[:]") for t in ("uint8", "float32")]


@pytest.mark.parametrize("value", ["1", "2"])
def test_numbas_switch_lets_python_run_functions(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", value)
    monkeypatch.setattr(native, "obtain_function", None)
    copy = CompiledFunction(connect.copy_to_places)
    out = np.zeros(2)
    copy(n=2, place=np.array([1, 0]), values=np.array([3.0, 4.0]), out=out)
    assert out.tolist() == [4, 3]
    with pytest.raises(ValueError, match="contiguous"):
        copy(n=1, place=np.zeros(4, np.int64)[::2], values=out, out=out)

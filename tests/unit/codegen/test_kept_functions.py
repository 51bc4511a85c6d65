"""Compiled functions of `snnrun.kernels` are kept as kernels are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from snnrun.codegen import cache
from snnrun.codegen.cache import kept_kernels, obtain_function
from snnrun.kernels import connect

COPY = ("int64", "int64[:]", "float64[:]", "float64[:]")
LOAD = """
import sys
import numpy as np
from snnrun.codegen.native import compiled
from snnrun.kernels import connect
out = np.zeros(2)
compiled(connect.copy_to_places)(n=2, place=np.array([1, 0]), values=np.array([3.0, 4.0]), out=out)
print(out.tolist(), "numba" in sys.modules)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def test_a_function_is_kept_by_its_name_and_types(folder: Path) -> None:
    made = obtain_function(connect.copy_to_places, COPY)
    assert (made.cached, made.note) == (False, "")
    again = obtain_function(connect.copy_to_places, COPY)
    assert (again.cached, again.key, again.object) == (True, made.key, made.object)
    other = obtain_function(connect.copy_to_places, ("int64", "int64[:]", "uint8[:]", "uint8[:]"))
    assert not other.cached
    assert other.key != made.key
    assert [(k.function, k.objects) for k in kept_kernels(folder)] == [("connect.copy_to_places", ())] * 2


def test_a_damaged_function_is_made_anew(folder: Path) -> None:
    made = obtain_function(connect.copy_to_places, COPY)
    file = folder / f"{made.key}.kernel"
    file.write_bytes(file.read_bytes()[:-1])
    again = obtain_function(connect.copy_to_places, COPY)
    assert not again.cached
    assert "damaged" in again.note
    assert again.object == made.object


def test_what_is_compiled_depends_on_the_sources_of_kernels_and_of_the_compiler(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = obtain_function(connect.copy_to_places, COPY)
    monkeypatch.setattr(cache, "sources", lambda: "others")
    assert obtain_function(connect.copy_to_places, COPY).key != made.key


def test_a_kept_function_runs_without_numba(folder: Path) -> None:
    obtain_function(connect.copy_to_places, COPY)
    said = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    assert said.stdout == "[4.0, 3.0] False\n"

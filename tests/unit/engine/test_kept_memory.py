"""Arrays that come and go do not cost new pages of memory each time."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ROUNDS, ARRAYS, BYTES = 50, 10, 300_000
COUNT = f"""
import resource, sys
import numpy as np
from snnrun.codegen.native import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    for _ in range({ROUNDS}):
        arrays = [np.ones({BYTES}, np.uint8) for _ in range({ARRAYS})]
        del arrays

if "keep" in sys.argv:
    keep_freed_memory()
work()
before = faults()
work()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc")
def test_arrays_that_come_and_go_reuse_their_pages() -> None:
    pages = ROUNDS * ARRAYS * BYTES // 4096
    counts = [
        int(subprocess.run([sys.executable, "-c", COUNT, *args], capture_output=True, text=True, check=True).stdout)
        for args in ((), ("keep",))
    ]
    assert counts[0] > 0.5 * pages  # what the settings are for
    assert counts[1] < 0.01 * pages

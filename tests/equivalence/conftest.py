"""One cache of kernels for all equivalence tests of a session, away from the user's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(scope="session", autouse=True)
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep kernels in a folder that all workers share, unless one is given."""
    if "SNNRUN_CACHE_DIR" in os.environ:
        yield
        return
    folder = tmp_path_factory.getbasetemp().parent / "snnrun-kernels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(folder))
        yield

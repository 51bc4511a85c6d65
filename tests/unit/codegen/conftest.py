"""Makes the helpers of the equivalence tests importable here, with their cache of kernels."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "equivalence"))

from kernel_cache import kernels

__all__ = ["kernels"]

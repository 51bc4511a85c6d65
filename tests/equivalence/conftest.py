"""Makes the helpers of these tests importable, and gives them a cache of kernels of their own."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kernel_cache import kernels

__all__ = ["kernels"]

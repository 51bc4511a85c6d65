"""Names of random streams as keys. A stream is named after its object and its use, so other objects change nothing."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=65536)
def key_of(stream: str) -> int:
    """The 64-bit key of a stream's name: the first eight bytes of its SHA-256, little-endian."""
    return int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")

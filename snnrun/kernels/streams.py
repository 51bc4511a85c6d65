"""Keys of random streams."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=65536)
def stream_key(name: str) -> int:
    """The key of a stream: the first 8 bytes of the SHA-256 of its name, little-endian, in [0, 2**64).

    Args:
        name: The object and the use, such as `groups.exc.xi`, so that a new object changes no other's numbers.
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def signed(value: int) -> int:
    """A seed or key as a signed number with the same 64 bits, as kernels take it."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - 2**64 if value >= 2**63 else value

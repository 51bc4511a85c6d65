"""Names of random streams as keys. A stream is named after its object and its use, so other objects change nothing."""

from __future__ import annotations

from functools import lru_cache

from snnrun.numerics.streams import stream_key


@lru_cache(maxsize=65536)
def key_of(stream: str) -> int:
    """The 64-bit key of a stream's name."""
    return stream_key(stream)

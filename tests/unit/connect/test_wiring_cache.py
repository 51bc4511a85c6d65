"""Wirings shared between points: the same rules share, memory stays bounded."""

import numpy as np

from snnrun.connect.connectivity import Wiring, WiringCache
from snnrun.model.network import everything


def wiring(synapses):
    view = everything("g", 10)
    return Wiring(np.zeros(11, np.int64), np.zeros(synapses, np.int32), None, (synapses,), view, view)


def test_what_was_unused_for_longest_goes_first():
    cache = WiringCache(limit=3 * wiring(1000).bytes)
    made = []

    def get(name):
        return cache.get(name, lambda: made.append(name) or wiring(1000))

    for name in "abcabd":  # `c` is the oldest when `d` comes
        get(name)
    assert made == ["a", "b", "c", "d"]
    assert cache.bytes <= cache.limit
    get("a")
    assert made == ["a", "b", "c", "d"]
    get("c")
    assert made == ["a", "b", "c", "d", "c"]


def test_a_wiring_larger_than_the_limit_is_made_and_not_kept():
    cache = WiringCache(limit=100)
    assert cache.get("a", lambda: wiring(1000)).size == 1000
    assert cache.bytes == 0


def test_what_is_computed_from_a_wiring_counts_too():
    cache = WiringCache()
    kept = cache.get("a", lambda: wiring(1000))
    before = cache.bytes
    created = kept.created
    assert cache.bytes == before + created.nbytes

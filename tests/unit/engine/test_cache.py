"""What runs of one process share: the same key shares, memory stays bounded."""

import numpy as np

from snnrun.connect.connectivity import Wiring
from snnrun.engine.cache import RunCache, Table
from snnrun.model.network import everything


def wiring(synapses):
    view = everything("g", 10)
    return Wiring(np.zeros(11, np.int64), np.zeros(synapses, np.int32), None, (synapses,), view, view)


def test_what_was_unused_for_longest_is_dropped_first():
    cache = RunCache(limit=3 * wiring(1000).bytes)
    made = []

    def get(name):
        return cache.wiring(name, lambda: made.append(name) or wiring(1000))

    for name in "abcabd":  # `c` is the oldest when `d` comes
        get(name)
    assert made == ["a", "b", "c", "d"]
    assert cache.wirings.bytes <= cache.wirings.limit
    get("a")
    assert made == ["a", "b", "c", "d"]
    get("c")
    assert made == ["a", "b", "c", "d", "c"]


def test_a_wiring_larger_than_the_limit_is_made_and_not_kept():
    for limit in (0, 100):
        cache = RunCache(limit)
        assert cache.wiring("a", lambda: wiring(1000)).size == 1000
        assert cache.wirings.bytes == 0


def test_what_is_computed_from_a_wiring_counts_too():
    cache = RunCache(1 << 30)
    kept = cache.wiring("a", lambda: wiring(1000))
    before = cache.wirings.bytes
    created = kept.created
    assert cache.wirings.bytes == before + created.nbytes


def test_without_a_key_nothing_is_kept():
    cache = RunCache(1 << 30)
    cache.wiring(None, lambda: wiring(10))
    assert not cache.wirings.entries


def test_a_table_of_one_entry_keeps_the_newest():
    table = Table(most=1)
    assert [table.get(key, lambda key=key: [key]) for key in "aab"] == [["a"], ["a"], ["b"]]
    assert list(table.entries) == ["b"]


def test_an_entry_of_none_is_an_entry():
    table, made = Table(), []
    for _ in range(2):
        assert table.get("a", lambda: made.append(1)) is None
    assert made == [1]

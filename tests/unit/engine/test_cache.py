"""What runs of one process share: the same key shares, memory stays bounded."""

import numpy as np

from snnrun.connect.connectivity import Connectivity
from snnrun.engine.cache import RunCache, Table
from snnrun.model.network import everything


def connectivity(synapses):
    view = everything("g", 10)
    return Connectivity(np.zeros(11, np.int64), np.zeros(synapses, np.int32), None, (synapses,), view, view)


def test_what_was_unused_for_longest_is_dropped_first():
    cache = RunCache(limit=3 * connectivity(1000).bytes)
    made = []

    def get(name):
        return cache.connectivity(name, lambda: made.append(name) or connectivity(1000))

    for name in "abcabd":  # `c` is the oldest when `d` comes
        get(name)
    assert made == ["a", "b", "c", "d"]
    assert cache.connections.bytes <= cache.connections.limit
    get("a")
    assert made == ["a", "b", "c", "d"]
    get("c")
    assert made == ["a", "b", "c", "d", "c"]


def test_connectivity_larger_than_the_limit_is_made_and_not_kept():
    for limit in (0, 100):
        cache = RunCache(limit)
        assert cache.connectivity("a", lambda: connectivity(1000)).size == 1000
        assert cache.connections.bytes == 0


def test_what_is_computed_from_connectivity_counts_too():
    cache = RunCache(1 << 30)
    kept = cache.connectivity("a", lambda: connectivity(1000))
    before = cache.connections.bytes
    created = kept.created
    assert cache.connections.bytes == before + created.nbytes


def test_without_a_key_nothing_is_kept():
    cache = RunCache(1 << 30)
    cache.connectivity(None, lambda: connectivity(10))
    assert not cache.connections.entries


def test_a_table_of_one_entry_keeps_the_newest():
    table = Table(most=1)
    assert [table.get(key, lambda key=key: [key]) for key in "aab"] == [["a"], ["a"], ["b"]]
    assert list(table.entries) == ["b"]


def test_an_entry_of_none_is_an_entry():
    table, made = Table(), []
    for _ in range(2):
        assert table.get("a", lambda: made.append(1)) is None
    assert made == [1]


def test_counting_bytes_takes_no_longer_for_many_entries_and_sees_what_has_grown():
    looked = []
    table = Table(limit=1000, size=lambda entry: looked.append(entry) or len(entry))
    for k in range(2000):
        table.get(k, lambda: [0])
    assert len(table.entries) == 1000
    assert len(looked) < 4 * 2000 + 1000
    table.entries[1999].extend([0] * 500)
    for k in range(1999, 998, -1):
        table.get(k, list)
    assert table.bytes <= 1000
    table.get("large", lambda: [0] * 1001)
    assert not table.entries

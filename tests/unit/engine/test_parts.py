"""Parts of a network built once for the points of a sweep: what each point is given is what it would have built."""

from dataclasses import replace

import numpy as np
import pytest

from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.kernel import generate
from snnrun.engine import parts as parts_module
from snnrun.engine.build import build
from snnrun.engine.cache import RunCache
from snnrun.engine.values import cache_aligned
from snnrun.running import pipeline
from snnrun.sweep.reuse import Template

FILE = """\
version: 1
name: parts
constants: {tau: 10 ms, start: 0.3, p: 0.4, wait: 1 ms, hz: 300 Hz, weight: 0.2}
groups:
  noise: {kind: poisson, size: 20, rates: hz}
  cells:
    size: 90
    equations: "dv/dt = -v/tau : 1"
    threshold: v > 1
    reset: v = 0
    initial: {v: start*rand()}
  others: {size: 70, equations: "dv/dt = -v/tau : 1", threshold: v > 1, reset: v = 0, initial: {v: rand()}}
synapses:
  net: {source: cells, target: others, connect: {p: p}, on_pre: v_post += weight, delay: wait + rand()*ms}
  in: {source: noise, target: cells, equations: "w : 1", connect: {p: 0.5}, on_pre: v_post += w, initial: {w: rand()}}
  near: {source: others, target: others, connect: all, on_pre: v_post += weight}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: others, variables: [v]}
run: {duration: 20 ms, dt: 0.1 ms}
"""
# What a constant decides; all else is built once.
DECIDES = {
    "tau": set(),
    "weight": set(),
    "start": {"groups.cells", "synapses.net", "synapses.in"},  # rules may read the neurons of either end
    "p": {"synapses.net"},
    "wait": {"synapses.net"},
    "hz": {"groups.noise", "synapses.in"},
}
EVERY = {"groups.noise", "groups.cells", "groups.others", "synapses.net", "synapses.in", "synapses.near"}
FIRST = {"tau": 0.01, "weight": 0.2, "start": 0.3, "p": 0.4, "wait": 0.001, "hz": 300.0}
OTHER = {"tau": 0.02, "weight": 0.3, "start": 0.7, "p": 0.9, "wait": 0.003, "hz": 20.0}


def template_of(tmp_path, *names):
    file = tmp_path / "parts.yaml"
    file.write_text(FILE)
    template = Template.of(pipeline.read(file), frozenset(names))
    template.put({name: FIRST[name] for name in names})
    return template


def cache_for(network):
    """A cache that keeps the parts of a network."""
    cache = RunCache()
    for _ in range(2):
        cache.generate(network)
    return cache


def assert_same(built, expected):
    assert built.arrays.keys() == expected.arrays.keys()
    for key, array in expected.arrays.items():
        if key.use not in (ArrayUse.BARRIER, ArrayUse.SEGMENTS):  # addresses; room that is filled during the run
            np.testing.assert_array_equal(built.arrays[key], array, err_msg=key.text)
    assert built.numbers == expected.numbers
    for name, numbers in expected.own_numbers.items():
        np.testing.assert_array_equal(built.own_numbers[name], numbers)
    assert {n: w.size for n, w in built.connectivity.items()} == {n: w.size for n, w in expected.connectivity.items()}


@pytest.mark.parametrize("name", DECIDES)
def test_a_network_of_known_parts_is_the_one_that_would_be_built(tmp_path, name):
    template = template_of(tmp_path, name)
    network = template.checked.resolved.network
    kernel, cache = generate(network), cache_for(network)
    for value in (FIRST[name], OTHER[name], OTHER[name], FIRST[name]):
        template.put({name: value})
        built = build(network, kernel, cache)
        assert_same(built, build(network, kernel))
        for key, array in built.arrays.items():
            if built.changes(key) or key.use is ArrayUse.RECORD:
                array[:] = 1  # as if it had run
    parts = cache.parts(network)
    assert {path for path, part in parts._known.items() if part is None} == DECIDES[name]
    assert parts._known.keys() == EVERY
    assert parts.knows(network) == (not DECIDES[name])


def test_other_seeds_build_other_parts(tmp_path):
    template = template_of(tmp_path, "tau")
    networks = [template.at({"tau": 0.01}, seed).resolved.network for seed in (1, 2, 2, 1)]
    kernel, cache = generate(networks[0]), cache_for(networks[0])
    for network in networks:
        assert_same(build(network, kernel, cache), build(network, kernel))
    assert all(cache.parts(network).knows(network) for network in networks)


def test_parts_of_several_seeds_are_kept_until_they_take_too_much_memory(tmp_path):
    template = template_of(tmp_path, "tau")
    networks = [template.at({"tau": 0.01}, seed).resolved.network for seed in (1, 2)]
    kernel, cache = generate(networks[0]), cache_for(networks[0])
    for network in networks:
        build(network, kernel, cache)
    (structure,) = cache.structures.entries.values()
    assert structure.parts.bytes > 1000
    structure.parts.limit = structure.parts.bytes // 2 + 1
    for _ in range(3):  # entries that have grown are looked at again after some time
        cache.parts(networks[1])
    assert len(structure.parts.entries) == 1
    assert cache.parts(networks[1]).knows(networks[1])
    assert not cache.parts(networks[0]).knows(networks[0])


def test_large_parts_are_built_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(parts_module, "PART_BYTES", 800)
    network = template_of(tmp_path, "tau").checked.resolved.network
    kernel, cache = generate(network), cache_for(network)
    for _ in range(2):
        assert_same(build(network, kernel, cache), build(network, kernel))
    kept = {path for path, part in cache.parts(network)._known.items() if part is not None}
    assert kept
    assert kept < EVERY


def test_parts_are_kept_from_the_second_network_of_a_structure_on(tmp_path):
    template, cache = template_of(tmp_path, "tau"), RunCache()
    one, two = (template.at({"tau": 0.01}, seed).resolved.network for seed in (1, 2))
    kernel = cache.generate(one)
    assert cache.parts(one) is None
    assert cache.generate(two) is kernel
    kept = cache.parts(one)
    assert kept is not None
    assert cache.parts(one) is kept
    other = template_of(tmp_path, "tau").checked.resolved.network
    cache.generate(other)
    assert cache.parts(other) is None
    assert cache.parts(one) is None


def test_what_a_step_goes_through_begins_with_a_line_of_the_cache(tmp_path):
    network = template_of(tmp_path, "tau").checked.resolved.network
    kernel, cache = generate(network), cache_for(network)
    for _ in range(3):  # built, built and kept, put back
        built = build(replace(network, threads=1), kernel, cache)
        stepped = [
            a
            for key, a in built.arrays.items()
            if key.use in (ArrayUse.VARIABLE, ArrayUse.RING, ArrayUse.SCRATCH) and a.nbytes >= 512
        ]
        assert len(stepped) > 3
        assert {a.ctypes.data % 64 for a in stepped} == {0}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_a_copy_cache_aligned_has_the_same_elements(dtype):
    for shape in [(3,), (1000,), (40, 50)]:
        for first in range(3):
            array = np.arange(2100).astype(dtype)[first : first + np.prod(shape)].reshape(shape)
            placed = cache_aligned(array)
            np.testing.assert_array_equal(placed, array)
            assert placed.dtype == dtype
            assert array.nbytes < 512 or placed.ctypes.data % 64 == 0

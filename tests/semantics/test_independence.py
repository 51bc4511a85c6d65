"""What results depend on, and what they do not: chunks, other objects, values in the kernel's text; and NaN."""
# ruff: noqa: E501 - lines of experiment files, and sentences that are quoted

from __future__ import annotations

import struct

import numpy as np
import pytest
from networks import NETWORKS
from running import native, network_of, run_kernel, run_network, simulation_of

from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.cache import obtain
from snnrun.codegen.kernel import generate
from snnrun.engine.recording import Memory
from snnrun.errors import ExperimentError, RunError

NOISY = """
name: noisy
groups:
{before}  pop:
    size: 20
    equations: "dv/dt = (1.2 - v)/tau + 0.3*xi*tau**-0.5 : 1\\ntau : second (constant)"
    method: euler
    threshold: v > 1
    reset: v = 0.1*rand()
    initial: {{v: rand(), tau: 5 ms}}
{after}inputs:
  drive: {{kind: poisson, target: pop, variable: v, size: 10, rate: 100 Hz, weight: 0.01}}
synapses:
{first}  s: {{source: pop, target: pop, connect: {{p: 0.2}}, on_pre: v_post += 0.02*rand(), delay: rand()*2*ms}}
monitors:
{monitors}  out: {{kind: spikes, source: pop, variables: [v]}}
run: {{duration: 50 ms, dt: 0.1 ms}}
"""
NOTHING = {"before": "", "after": "", "first": "", "monitors": ""}
OTHER = '  {}: {{size: 7, equations: "dv/dt = -v/ms + xi/ms**0.5 : 1", method: euler, initial: {{v: rand()}}}}\n'


def same(a: Memory, b: Memory) -> None:
    assert len(a.spike_steps("out")[0]) > 50
    np.testing.assert_array_equal(a.spike_steps("out"), b.spike_steps("out"))
    np.testing.assert_array_equal(a.extra("out", "v"), b.extra("out", "v"))


def test_another_monitor_or_group_changes_no_number() -> None:
    """ "Streams are named after the object and the use ..., so adding a monitor or a group changes no other number." """
    plain = run_kernel(NOISY.format(**NOTHING))
    more = {
        "before": OTHER.format("aaa"),
        "after": OTHER.format("zzz"),
        "first": "  r: {source: aaa, target: pop, connect: {p: 0.5}}\n",
        "monitors": "  v: {kind: state, source: pop, variables: [v]}\n  r: {kind: rate, source: pop}\n",
    }
    same(plain, run_kernel(NOISY.format(**more)))


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_the_length_of_a_call_changes_no_bit(most: int) -> None:
    """R7: "chunks 1,7,1000 — one digest"."""
    text = NOISY.format(**{**NOTHING, "monitors": "  v: {kind: state, source: pop, variables: [v], dt: 0.3 ms}\n"})
    text = text.replace("  out:", "  r: {kind: rate, source: pop, window: [3 ms, 20 ms]}\n  out:")
    plain, cut = run_kernel(text), run_kernel(text, most=most)
    same(plain, cut)
    np.testing.assert_array_equal(plain.state("v", "v"), cut.state("v", "v"))
    np.testing.assert_array_equal(plain.number("r"), cut.number("r"))


@pytest.mark.parametrize("text", [NOISY.format(**NOTHING), NETWORKS["phases"]], ids=["noisy", "phases"])
def test_a_checkpoint_at_every_tenth_changes_no_bit(text: str) -> None:
    """R9: "checkpoint and restore at every tenth — same bits"."""
    network = network_of(text)
    whole, built = run_network(network)
    memory = Memory()
    state, step = None, 0
    while step < network.steps:
        simulation, _ = simulation_of(network)
        simulation.sink = memory
        if state is not None:
            simulation.restore(state, step)
        for _ in range(min(network.steps // 10, network.steps - step)):
            simulation._enter_phase()
            simulation._advance(1)
        state, step = simulation.state(), simulation.step
    name = network.monitors[-1].name if text != NETWORKS["phases"] else "pop"
    np.testing.assert_array_equal(whole.spike_steps(name), memory.spike_steps(name))
    assert len(whole.spike_steps(name)[0]) > 10
    v = ArrayUse.VARIABLE.of("groups.pop", "v")
    np.testing.assert_array_equal(built.arrays[v], simulation.built.arrays[v])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_kernels_text_holds_no_value(name: str) -> None:
    """ "No value in the text ... the kernel is a function of the *structure* alone." """
    text = NETWORKS[name]
    other = text.replace("tau: 5 ms", "tau: 7.5 ms").replace("tau: 4 ms", "tau: 3.3 ms").replace("0.1 ms}", "0.05 ms}")
    if other == text:
        other = text.replace("dt: 0.1 ms", "dt: 0.05 ms")
    assert other != text
    first, second = generate(network_of(text)), generate(network_of(other, "seed=12345"))
    assert first.structure == second.structure  # by which it is compiled and kept
    if name != "schedule":  # in which time steps of groups are named by how many of the run's they are
        assert first.text == second.text
    assert first.arrays == second.arrays


def undefined(object_file: bytes) -> set[str]:
    """Names that an ELF object wants from outside."""
    (section_offset,) = struct.unpack_from("<Q", object_file, 0x28)
    entry, count, _ = struct.unpack_from("<HHH", object_file, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", object_file, section_offset + k * entry) for k in range(count)]
    names: set[str] = set()
    for section in sections:
        if section[1] != 2:  # a table of symbols
            continue
        strings = sections[section[6]]
        for at in range(section[4], section[4] + section[5], 24):
            name, info, _, where = struct.unpack_from("<IBBH", object_file, at)
            if where == 0 and info >> 4:
                start = strings[4] + name
                names.add(object_file[start : object_file.index(b"\0", start)].decode())
    return names


@pytest.mark.parametrize("name", NETWORKS)
def test_a_compiled_kernel_needs_nothing_from_outside(name: str) -> None:
    """The same bits everywhere: no libm, no Python; loops that only store become memset."""
    made = obtain(generate(network_of(NETWORKS[name])).text).object
    assert undefined(made) <= {"memset", "memcpy"}


def test_the_cache_gives_the_same_object_again() -> None:
    kernel = generate(network_of(NOISY.format(**NOTHING)))
    first = obtain(kernel.text, kernel.structure)
    again = obtain(kernel.text, kernel.structure)
    assert again.cached
    assert again.object == first.object
    assert native(kernel) is native(kernel)


BREAKING = """
name: breaking
groups:
  calm: {size: 2, equations: "dv/dt = -v/ms : 1", method: euler, initial: {v: 1}}
  pop: {size: 5, equations: "dv/dt = speed*v**2/ms : 1\\nspeed : 1", method: euler, initial: {v: 1, speed: "[0, 0, 0, 1, 0]"}}
monitors:
  v: {kind: state, source: pop, variables: [v]}
run: {duration: 100 ms, dt: 0.1 ms}
"""


@pytest.mark.parametrize("most", [None, 1, 50])
def test_a_value_that_stops_being_finite_stops_the_run_and_is_named(most: int | None) -> None:
    """R13: "NaN or overflow — stops within a chunk, names object, variable, index, time, last finite value"."""
    v, step = 1.0, 0
    while True:
        following = v + 0.1 * v * v
        if following == float("inf"):
            break
        v, step = following, step + 1
    simulation, memory = simulation_of(network_of(BREAKING))
    with pytest.raises(RunError) as caught:
        simulation.run(most=most)
    (found,) = caught.value.diagnostics
    assert found.code == "RUN301"
    assert "`v` of neuron 3 of `pop` became infinite" in found.message
    assert f"at t = {step / 10:g} ms" in found.message
    assert f"{v:.3g}"[:3] in found.message
    recorded = memory.state("v", "v")
    assert np.all(np.isfinite(recorded))
    assert len(recorded) >= step


def test_a_variable_that_is_integrated_is_not_infinite_from_the_start() -> None:
    with pytest.raises(ExperimentError) as caught:
        run_kernel(BREAKING.replace("v: 1, speed", "v: inf, speed"))
    assert [d.code for d in caught.value.diagnostics] == ["NET142"]

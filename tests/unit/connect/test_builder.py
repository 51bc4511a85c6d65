"""Synapses whose values are compiled are those whose values numpy computes, for any number of threads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.kernel import generate
from snnrun.connect import builder
from snnrun.engine.build import build
from snnrun.engine.values import Built
from snnrun.errors import ExperimentError
from snnrun.model.network import Network
from snnrun.resolve.resolve import resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

FILE = """
version: 1
groups:
  pop:
    size: 300
    equations: |
      dv/dt = -v/(10*ms) : 1
      x : 1
      k : integer
    threshold: v > 1
    initial: {{x: rand(), k: i % 7}}
    subgroups: {{left: "0:120", odd: "i % 2 == 1", right: "100:300"}}
synapses:
  s:
    source: {source}
    target: pop
    equations: |
      w : 1
      n : integer
      b : boolean
    on_pre: {{hit: {{do: "v_post += w*int(b)*n"{delay}}}}}
    connect:
{rules}
    initial: {initial}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""
TOTALS = """
      - fixed_total: 5000
        multapses: true
        source: pop.left
        target: pop.odd
        delay: clip(2*ms + ms*randn(), 0*ms, 9*ms)
      - {fixed_total: 3000, multapses: true, autapses: false, initial: {w: 0.1*randn() + x_pre}}
      - {fixed_total: 7, multapses: true, source: pop.right, delay: 0.4 ms, initial: {n: 3, b: w > 0.5}}
"""
DEGREES = """
      - {fixed_outdegree: 40, multapses: true, source: pop.odd, target: pop.left, autapses: false}
      - {fixed_outdegree: 7, autapses: false}
      - {fixed_outdegree: 110, source: pop.right, target: pop.left, initial: {w: w + 2}}
      - {fixed_outdegree: 300, target: pop}
"""
INDEGREES = """
      - {fixed_indegree: 9, autapses: false, initial: {w: rand() - i/N_pre}}
      - {fixed_indegree: 20, multapses: true, source: pop.left, target: pop.right}
"""
CHANCES = """
      - {p: 0.1, source: pop.odd}
      - {p: 0.05, where: i != j}
      - {rule: all, source: pop.left, target: pop.left}
      - {where: i != j, source: pop.left, target: pop.odd}
      - {rule: one_to_one, delay: (1 + x_post)*ms}
"""
MIXED = """
      - {where: abs(i - j) < 4 and i != j}
      - {pairs: [[5, 1], [2, 2], [5, 0], [0, 299]]}
      - {p: 0.02}
      - {j: "k for k in sample(N_post, size=3)", initial: {w: x_post}}
"""
RULES = {"totals": TOTALS, "degrees": DEGREES, "indegrees": INDEGREES, "chances": CHANCES, "mixed": MIXED}
VALUES = [
    "{}",
    "{w: 1 + 0.1*randn(), n: int(5*rand()), b: rand() < 0.3}",
    """{w: x_pre*x_post + i - 2*j + k_post + exp(-N_outgoing/100),
       n: [{value: 2, where: w > 0}, {value: -1, where: i > j}]}""",
    """{w: "truncnorm(0.1, 0.2, 0, inf) + gamma(0.5, 0.01)"}""",
]
DELAYS = [
    "",
    ", delay: 1.5 ms",
    ', delay: "clip(1.5*ms + 3*ms*randn(), 0.1*ms, 30*ms)"',
    ', delay: "40*ms*rand()*clip(w, 0, 1)"',
    ', delay: "truncnorm(1.5*ms, 0.75*ms, 0.05*ms, inf*ms)"',
]


def network(folder: Path, rules: str, initial: str, delay: str, source: str = "pop") -> Network:
    path = folder / "x.yaml"
    path.write_text(FILE.format(rules=rules, initial=initial, delay=delay, source=source), encoding="utf-8")
    document = load(path)
    return resolve(document, parse_experiment(document)).network


def built(made: Network, monkeypatch: pytest.MonkeyPatch, *, compiled: bool, threads: int = 1) -> Built:
    monkeypatch.setattr(builder, "WORTH_IT", 1 if compiled else 10**9)
    monkeypatch.setattr(builder, "BLOCK", 1000)
    made = replace(made, threads=threads)
    called = []
    original = builder.Builder.build

    def noted(self: builder.Builder, *args: Any, **options: Any) -> Any:
        called.append(self)
        return original(self, *args, **options)

    monkeypatch.setattr(builder.Builder, "build", noted)
    result = build(made, generate(made))
    monkeypatch.setattr(builder.Builder, "build", original)
    assert bool(called) is compiled
    return result


def assert_same(b: Built, a: Built) -> None:
    """What was compiled, `b`, is what numpy made, `a`."""
    assert a.arrays.keys() == b.arrays.keys()
    for key, array in a.arrays.items():
        if key.use in (ArrayUse.BARRIER, ArrayUse.SEGMENTS) or (key.use is ArrayUse.DELAYS and len(b.arrays[key]) <= 1):
            continue  # an address and room to work; delays that the table of starts tells
        assert array.dtype == b.arrays[key].dtype, key
        np.testing.assert_array_equal(array, b.arrays[key], err_msg=str(key))
    assert a.numbers == b.numbers
    for name, made_by_numpy in a.connectivity.items():
        np.testing.assert_array_equal(made_by_numpy.created, b.connectivity[name].created)
        np.testing.assert_array_equal(made_by_numpy.pre, b.connectivity[name].pre)


@pytest.mark.parametrize(
    ("rules", "values", "delay", "threads"),
    [
        ("totals", 0, 0, 1),
        ("totals", 1, 2, 3),
        ("degrees", 2, 1, 1),
        ("degrees", 1, 0, 3),
        ("indegrees", 1, 3, 1),
        ("chances", 2, 2, 3),
        ("mixed", 0, 1, 1),
        ("mixed", 2, 3, 3),
        ("totals", 3, 4, 3),
        ("mixed", 3, 4, 1),
    ],
)
def test_compiled_synapses_are_those_of_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str, values: int, delay: int, threads: int
) -> None:
    made = network(tmp_path, RULES[rules], VALUES[values], DELAYS[delay])
    reference = built(made, monkeypatch, compiled=False, threads=threads)
    assert reference.connectivity["s"].size > 500
    assert_same(built(made, monkeypatch, compiled=True, threads=threads), reference)


def test_python_makes_the_same_synapses_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = network(tmp_path, INDEGREES, VALUES[1], DELAYS[1])
    reference = built(made, monkeypatch, compiled=False)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    monkeypatch.setattr("snnrun.codegen.native.NativeKernel", None)
    assert_same(built(made, monkeypatch, compiled=True), reference)


def test_delays_too_various_for_a_table_are_kept_for_each_synapse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = network(tmp_path, DEGREES, "{}", ", delay: 100*ms*rand()")
    compiled = built(made, monkeypatch, compiled=True)
    reference = built(made, monkeypatch, compiled=False)
    key = next(k for k in reference.arrays if k.use is ArrayUse.DELAYS)
    assert len(reference.arrays[key]) == reference.connectivity["s"].size
    np.testing.assert_array_equal(compiled.arrays[key], reference.arrays[key])
    assert_same(compiled, reference)


@pytest.mark.parametrize(
    ("initial", "delay", "message"),
    [
        ("{w: log(rand() - 0.001)}", "", "`w` is not a number"),
        ("{}", ", delay: 10*ms*(rand() - 0.01)", "delay of synapse"),
        ("{}", ", delay: (1000 + i)*second", "too long"),
    ],
)
def test_impossible_values_are_refused_with_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, initial: str, delay: str, message: str
) -> None:
    made = network(tmp_path, DEGREES, initial, delay)
    with pytest.raises(ExperimentError, match=message) as expected:
        built(made, monkeypatch, compiled=False)
    monkeypatch.setattr(builder, "WORTH_IT", 1)
    with pytest.raises(ExperimentError) as found:
        build(made, generate(made))
    assert str(found.value) == str(expected.value)

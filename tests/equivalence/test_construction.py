"""Every connect rule, every form of initial value and every random draw in them, as plain Python makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import same_bits
from oracle import Oracle
from plain import threefry, uniform
from running import network_of

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.kernel import generate
from snnrun.connect import builder
from snnrun.engine.build import build
from snnrun.engine.values import Built
from snnrun.kernels import random
from snnrun.kernels.streams import stream_key
from snnrun.model.network import Network, Pathway, Synapses

GROUPS = """
name: construction
seed: {connect: 5, initial: 6, noise: 7, input: 8}
constants: {c: 0.25}
arrays:
  drive: {values: [[0.5, 1, 2], [3, 4, 5]], dt: 1 ms}
groups:
  a:
    size: 23
    equations: |
      v : 1
      x : 1
      k : integer
      b : boolean
      g : 1 (shared)
      s = x + drive(t, i % 3) : 1
    threshold: v > 1
    subgroups: {list: [5, 2, 19, 7, 11], back: [20, 16, 12, 8, 4], even: "::2", some: "i*i % 5 == 1"}
    initial:
      x: rand() + 0.1*randn()
      g: 3*rand()
      k:
        - {value: poisson(3) + i}
        - {where: i > 15 and rand() < 0.5, value: -i}
        - {subgroup: list, value: [1, 2, 3, 4, 5]}
        - {subgroup: back, where: i > 1, value: 10*i + poisson(20.0)}
      b: k % 2 == 0
      v: [{value: x*k - g}, {subgroup: some, value: i/N + s}]
  n: {size: 9, equations: "y : 1", initial: {y: [9, 8, 7, 6, 5, 4, 3, 2, 1]}}
"""
RULES = {
    "named": ["all", "one_to_one", "{rule: one_to_one, source: a.list, target: a.back}", "{rule: all, source: a.list}"],
    "where": [
        "{where: i != j}",
        "{where: abs(i - j) < 3 and x_pre < x_post}",
        "{where: rand() < 0.2, source: a.list}",
        "{where: randn() > 1.5, target: a.back, n: 1 + poisson(0.5)}",
        "{where: s_post > 1.5 and b_pre, n: i % 3}",
    ],
    "chance": [
        "{p: 0.2}",
        "{p: 0.7, where: abs(i - j) < 6}",
        "{p: 0, source: a.some}",
        "{p: 1, source: a.list}",
        "{p: exp(-abs(i - j)/3), where: i != j}",
        '{p: "clip(x_pre*x_post, 0, 1)"}',
        "{p: c*rand(), n: 2}",
        "{p: 0.3, source: a.list, target: a.list, where: i != j, n: 1 + int(2*rand())}",
    ],
    "listed": [
        "{pairs: [[3, 1], [0, 2], [3, 1]], n: poisson(2)}",
        "{i: [4, 0, 1], j: [2, 2, 0], source: a.list, target: a.back, n: 1 + i}",
        "{i: 2, j: 3}",
    ],
    "generated": [
        '{j: "(i + 3) % N_post"}',
        '{j: "i - 2", skip_if_invalid: true, n: 2}',
        '{j: "int(rand()*N_post)", n: poisson(1)}',
        '{j: "int(rand()*N_post) for k in range(8)"}',
        '{j: "(i*k + int(2*randn())) % N_post for k in range(1, 9, 2) if rand() < 0.6 and i != j", p: 0.5}',
        '{j: "k for k in range(int(5*rand()), N_post)", p: c + 0.5*rand(), n: 1 + poisson(1)}',
        '{j: "k for k in range(i, -1, -3) if x_post > 0.3", source: a.list}',
        '{j: "k for k in sample(N_post, size=int(1 + 4*rand()))"}',
        '{j: "k for k in sample(0, N_post, 2, p=0.4)", target: a.even, skip_if_invalid: true}',
        '{j: "N_post - 1 - k for k in sample(i, N_post, p=rand()) if k != i", source: a.list}',
        '{i: "(j*k) % N_pre for k in range(1, 4) if rand() < 0.8 and i != j", p: 0.9, n: 1 + j % 2}',
        '{i: "int(rand()*N_pre) for k in sample(6, size=3)", target: a.list}',
        '{i: "j - 1", skip_if_invalid: true}',
    ],
    "indegree": [
        "{fixed_indegree: 3}",
        "{fixed_indegree: 4, multapses: true, autapses: false}",
        "{fixed_indegree: 4, source: a.list, target: a.back}",
        "{fixed_indegree: int(9 + 2*randn()), autapses: false}",
        "{fixed_indegree: poisson(4), multapses: true, source: a.back, target: a.list}",
        "{fixed_indegree: j % 4 + k_post % 2, source: a.some}",
    ],
    "outdegree": [
        "{fixed_outdegree: 20}",
        "{fixed_outdegree: 3, multapses: true, source: a.list, target: a.list, autapses: false}",
        "{fixed_outdegree: int(23*rand())}",
        "{fixed_outdegree: i % 5 + int(b_pre), autapses: false, target: a.even}",
    ],
    "total": [
        "{fixed_total: 40}",
        "{fixed_total: 70, multapses: true, autapses: false}",
        "{fixed_total: 20, source: a.list, target: a.list, autapses: false}",
        "{fixed_total: 22, multapses: true, source: a.back, target: a.list}",
    ],
}
VALUES = """
    equations: "w : 1\\nu : 1\\nm : integer\\no : boolean\\nz : 1"
    on_pre:
      one: {do: v_post += w}
      two: {do: x_post += u, delay: 0.3 ms}
    on_post: {back: {do: w = w*1.5, delay: (1 + m)*0.1*ms}}
    delay: 0.2*ms + 1*ms*rand() + 0.1*ms*int(b_pre)
    initial:
      w: 0.1*randn() + x_pre - x_post
      u: [{where: i > j, value: w + N_outgoing}, {where: rand() < 0.3, value: N_incoming/(1 + i)}]
      m: poisson(2)
      o: w > 0
"""
FASTER = """
    equations: "w : 1\\nu : 1\\nm : integer\\no : boolean"
    on_pre: v_post += w*u*m*int(o)
    delay: clip(0.5*ms + 0.2*ms*randn(), 0*ms, 2*ms)
    initial:
      w: 0.1*randn() + x_pre - x_post
      u: [{where: rand() < 0.3, value: N_outgoing/(1 + i)}]
      m: int(9*rand()) + j
      o: w > 0
"""
RUN = "run: {duration: 1 ms, dt: 0.1 ms}\n"


def text_of(rules: list[str], values: str) -> str:
    lines = "\n".join(f"      - {rule}" for rule in rules)
    return f"{GROUPS}synapses:\n  s:\n    source: a\n    target: a{values}    connect:\n{lines}\n{RUN}"


def own(rule: str, line: str) -> str:
    """A rule with values of its own."""
    return "{rule: " + rule + ", " + line + "}" if "{" not in rule else rule[:-1] + ", " + line + "}"


def differences(network: Network) -> list[str]:
    """What the package makes of a network, against the plain construction."""
    built, oracle = build(network, generate(network)), Oracle(network)
    found = []

    def check(what: str, made: Any, plain: Any) -> None:
        plain = np.asarray(plain)  # in single precision; what kernels do not ask for stays double
        if not same_bits(np.asarray(made).astype(plain.dtype), plain):
            found.append(what)

    for (owner, name), plain in oracle.arrays.items():
        made = built.arrays[ArrayUse.VARIABLE.of(owner, name)]
        section, _, synapses = owner.partition(".")
        if section == "synapses":
            made, order = built.connectivity[synapses].in_creation_order(made), oracle.wirings[synapses].order
            check(f"{owner}.{name}", made, plain[order])
        else:
            check(f"{owner}.{name}", made, plain)
    for synapses in network.synapses.values():
        wiring, plain_made = built.connectivity[synapses.name], oracle.wirings[synapses.name].made
        check("sources", wiring.in_creation_order(wiring.pre), plain_made.pre)
        check("targets", wiring.in_creation_order(wiring.post), plain_made.post)
        for pathway in synapses.pathways:
            steps = wiring.in_creation_order(delays(built, synapses, pathway))
            check(f"delays of {pathway.key}", steps, plain_made.delays[pathway.key])
    return found


def delays(built: Built, synapses: Synapses, pathway: Pathway) -> np.ndarray:
    """The delay of each synapse in storage order, from what the kernel is given."""
    wiring = built.connectivity[synapses.name]
    owner = synapses.pathway_path(pathway)
    if pathway.uniform_delay:
        return np.full(wiring.size, built.numbers[IntUse.DELAY.of(owner)])
    steps = np.empty(wiring.size, np.int64)
    if pathway is synapses.sorting and (width := built.numbers[IntUse.WIDTH.of(owner)]):
        parts, ends = wiring.rows.shape
        starts = built.arrays[ArrayUse.STARTS.of(owner)].reshape(parts, ends - 1, width + 1)
        for part in range(parts):
            for source in range(ends - 1):
                for d in range(width):
                    first, last = wiring.rows[part, source] + starts[part, source, d : d + 2]
                    steps[first:last] = built.numbers[IntUse.SHORTEST.of(owner)] + d
        return steps
    stored = built.arrays[ArrayUse.DELAYS.of(owner)]
    steps[slice(None) if pathway is synapses.sorting else built.arrays[ArrayUse.DELAY_ORDER.of(owner)]] = stored
    return steps


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("precision", ["double", "single"])
def test_rules_with_all_values_are_as_plain_python_makes_them(kind: str, precision: str) -> None:
    rules = RULES[kind]
    network = network_of(text_of(rules, VALUES), f"run.precision={precision}")
    assert len(build(network, generate(network)).connectivity["s"].pre) > 4
    assert differences(network) == []


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("threads", [1, 3])
def test_compiled_construction_is_as_plain_python_makes_it(
    kind: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "WORTH_IT", 0)
    rules = [
        own(RULES[kind][0], "initial: {w: w + 2*rand() - i, u: [{where: m > j, value: randn()}]}"),
        own(RULES[kind][1], "delay: 0.4*ms + 0.1*ms*poisson(1)" if kind == "named" else "delay: (1 + j % 4)*0.1*ms"),
        *RULES[kind],
    ]
    rules[1] = rules[1].replace("0.1*ms*poisson(1)", "0.3*ms*rand()")
    network = network_of(text_of(rules, FASTER), f"run.threads={threads}")
    assert builder.is_large(network.synapses["s"])
    assert differences(network) == []


def test_lists_go_by_synapses_of_their_rule() -> None:
    rules = ["{pairs: [[3, 1], [0, 2]], n: 2, initial: {w: [1, 2, 3, 4]}, delay: [0.1 ms, 0.3 ms, 0.2 ms, 0.4 ms]}"]
    rules += ["{i: [1, 0], j: [0, 0], source: a.list, initial: {w: 0.5*i, m: [7, 8]}}"]  # `i` counts in `a`
    network = network_of(
        text_of(rules, "\n    equations: 'w : 1\\nm : integer'\n    on_pre: v_post += w\n    delay: 0.1 ms\n").replace(
            "'", '"'
        )
    )
    assert differences(network) == []
    assert Oracle(network).wirings["s"].made.values["w"] == [1, 2, 3, 4, 1, 2.5]


def test_the_plain_generator_is_the_published_one() -> None:
    # first words of Threefry-2x64 with 13 rounds: known answers of the reference implementation (Random123)
    assert threefry((0, 0), (0, 0)) == (0xF167B032C3B480BD, 0xE91F9FEE4B7A6FB5)
    for k, row in ((0, 0), (7, 3), (10**12, 5), (2, -4)):
        (number,) = random.uniform(np.array([k]), np.array([row]), 11, stream_key("s"))
        assert uniform(k, row, 11, "s") == number

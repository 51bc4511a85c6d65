"""The text of kernels: structure only, one function a structure, deterministic, readable."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from running import network_of

from snnrun.codegen.arguments import ArrayUse, CType, KernelArray
from snnrun.codegen.cache import kernel_key
from snnrun.codegen.emit import Place, Writer
from snnrun.codegen.kernel import generate
from snnrun.codegen.module import Kernel
from snnrun.codegen.target import Processor
from snnrun.equations.dag import Graph, Kind, Op, Variable
from snnrun.kernels.arithmetic import Math

TEXT = """
name: x
groups:
  {a}: {{size: 3, equations: "dv/dt = ({drive} - v)/(5*ms) : 1", threshold: v > {top}, reset: v = 0}}
  {b}: {{size: 4, equations: "dv/dt = (2 - v)/(7*ms) : 1", threshold: v > 1, reset: v = 0}}
synapses:
  s: {{source: {a}, target: {b}, connect: all, on_pre: v_post += 0.1}}
  r: {{source: {b}, target: {a}, connect: {{p: 0.5}}, on_pre: v_post += 0.3}}
monitors: {{out: {{kind: spikes, source: {a}}}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""
VALUES = {"a": "first", "b": "second", "drive": "1.5", "top": "1"}


def kernel_of(**changes: str) -> Kernel:
    return generate(network_of(TEXT.format(**{**VALUES, **changes})))


def text_of(**changes: str) -> str:
    return kernel_of(**changes).text


def structure_of(**changes: str) -> str:
    return re.sub(r"  # .*", "", kernel_of(**changes).structure)


def named(writer: Writer) -> str:
    """The last line with its names."""
    return writer.names.named("\n".join(writer.lines)).splitlines()[-1].strip()


def test_the_same_network_gives_the_same_text() -> None:
    assert text_of() == text_of()


@pytest.mark.parametrize("changes", [{"drive": "1.25"}, {"a": "pyramidal", "b": "basket"}])
def test_values_and_names_leave_no_trace(changes: dict[str, str]) -> None:
    assert structure_of(**changes) == structure_of()


def test_numbers_that_happen_to_be_equal_leave_no_trace() -> None:
    monitor = "m: {{kind: state, source: {a}, variables: [v], dt: %s, window: [%s, %s]}}, out"
    texts = [
        generate(network_of(TEXT.replace("out", monitor % times).format(**VALUES))).structure
        for times in (("0.1 ms", "0.1 ms", "0.3 ms"), ("0.2 ms", "0 ms", "0.2 ms"), ("0.3 ms", "0.3 ms", "0.4 ms"))
    ]
    assert texts[0] == texts[1] == texts[2]


def test_threads_wait_for_each_other_once_a_step() -> None:
    advance = text_of().partition("def advance(")[2]
    waits = [line for line in advance.splitlines() if line.strip().startswith("wait_at_barrier(")]
    assert len(waits) == 1  # between noting who spiked and reading it; state updates need no wait of their own
    order = [line.split("(")[0].strip() for line in advance.partition("for step in")[2].splitlines()]
    assert order.index("wait_at_barrier") > max(
        k for k, name in enumerate(order) if name.startswith(("update", "list_spikes"))
    )
    assert order.index("wait_at_barrier") < min(
        k for k, name in enumerate(order) if name.startswith(("record", "deliver"))
    )


def test_another_structure_gives_another_text() -> None:
    assert structure_of(drive="(1.5 + v**3)") != structure_of()


def test_objects_of_one_structure_share_a_function() -> None:
    """ "groups or synapses that differ only in values and sizes share one piece of code" """
    text = text_of()
    assert re.findall(r"^def (update_\w+)", text, re.MULTILINE) == ["update_first"]
    assert re.findall(r"^        (update_\w+)", text, re.MULTILINE) == ["update_first"] * 2
    assert re.findall(r"^def (deliver_\w+)", text, re.MULTILINE) == ["deliver_s_on_pre"]
    assert re.findall(r"^        (deliver_\w+)", text, re.MULTILINE) == ["deliver_s_on_pre"] * 2


def test_every_call_says_whose_it_is() -> None:
    lines = [line.strip() for line in text_of().partition("for step in")[2].splitlines()]
    calls = [before for before, line in pairwise(lines) if re.match(r"(update|deliver|reset)_\w+\(", line)]
    assert calls == [
        *("# groups.first", "# groups.second", "# synapses.s.on_pre", "# synapses.r.on_pre"),
        *("# groups.first", "# groups.second"),
    ]


def test_long_lines_are_folded() -> None:
    text = text_of(drive=" + ".join(f"sin({k}*v)" for k in range(40)))
    assert max(len(line) for line in text.splitlines() if not line.strip().startswith("#")) <= 118
    compile(text, "kernel", "exec")


def test_a_writer_turns_fixed_parts_into_parameters() -> None:
    graph = Graph()
    v = graph.variable(Variable("groups.g", "v"))
    tau, dt = graph.constant("tau", 0.01), graph.constant("dt", 1e-4)
    writer = Writer(graph, "groups.g")
    (text,) = writer.evaluate([graph.mul(v, graph.div(dt, tau))], Place("k"))
    assert len(writer.floats) == 1
    (place,) = writer.floats
    assert writer.floats[place].op is Op.DIV
    assert place in text
    assert not re.search(r"\d\.\d", text)
    assert writer.names.stem(place) == "dt_over_tau"
    assert list(writer.arrays.values()) == [KernelArray(ArrayUse.VARIABLE.of("groups.g", "v"), CType.F64)]


def test_a_part_that_is_used_twice_is_computed_once() -> None:
    graph = Graph()
    v = graph.variable(Variable("groups.g", "v"))
    e = graph.function("exp", (v,))
    writer = Writer(graph, "groups.g")
    writer.evaluate([graph.add(e, graph.mul(e, v))], Place("k"))
    assert sum(line.count("exp(") for line in writer.lines) == 1


def test_a_boolean_is_read_as_truth_and_written_as_a_byte() -> None:
    graph = Graph()
    on = Variable("groups.g", "on")
    writer = Writer(graph, "groups.g")
    writer.evaluate([graph.variable(on, Kind.BOOL)], Place("k"))
    assert named(writer) == "on_k = on[k] != 0"
    writer.store(on, "x", Place("k"), Kind.BOOL)
    assert named(writer) == "on[k] = select(x, 1, 0)"


def test_a_comment_shows_hostile_text_as_one_printable_line() -> None:
    writer = Writer(Graph(), "x")
    writer.comment("a\nimport os\x1b[31m" + "b" * 500)
    (line,) = writer.lines
    assert line.strip().startswith("# a import os")
    assert line.isprintable()
    assert len(line) < 120


def test_the_key_of_a_kernel_depends_on_text_processor_and_math_but_not_on_comments() -> None:
    plain, other = Processor("generic", ""), Processor("skylake", "+avx")
    strict, fast = Math.STRICT, Math.FAST
    assert kernel_key("a = 1  # groups.x", plain, strict) == kernel_key("a = 1  # groups.y", plain, strict)
    assert kernel_key("a = 1", plain, strict) != kernel_key("a = 2", plain, strict)
    assert kernel_key("a = 1", plain, strict) != kernel_key("a = 1", other, strict)
    assert kernel_key("a = 1", plain, strict) != kernel_key("a = 1", plain, fast)


def test_names_are_those_of_the_model() -> None:
    text = text_of()
    assert re.search(r"^def update_first\(step, t, low, high, .*, v, flags\):$", text, re.MULTILINE)
    assert re.search(r"new_v = .*v_k", text)
    assert "first_v = f64(table, " in text
    assert "wait_at_barrier(barrier, threads)" in text


def test_names_say_what_a_value_is() -> None:
    text = generate(
        network_of("""
groups:
  pop: {size: 2, equations: "dv/dt = -v/ms : 1", threshold: v > 1, reset: v = 0, refractory: 1 ms}
monitors:
  m: {kind: state, source: pop, variables: [v]}
run: {duration: 1 ms, dt: 0.1 ms}
""")
    ).text
    assert "active = step - last[k] >= refractory_steps" in text
    assert "for e in range(n_elements):" in text
    assert "pop_lengths = i64(table, " in text
    assert "pop_flags = u8(table, " in text
    assert "pop_flag_words = i64(table, " in text


@pytest.mark.parametrize("name", ["step", "t", "k", "select", "lambda", "low", "range", "table", "exp"])
def test_a_variable_may_have_any_name(name: str) -> None:
    """No word of the text, and none of Python, is hidden by a name of the model."""
    graph = Graph()
    writer = Writer(graph, "groups.g")
    writer.loop("for k in range(low, high):")
    (value,) = writer.evaluate([graph.function("exp", (graph.variable(Variable("groups.g", name)),))], Place("k"))
    writer.line(f"select(step, t, table, {value})")
    shown = writer.names.named(writer.text())
    assert re.search(rf"\b{name}_2\[k\]", shown)

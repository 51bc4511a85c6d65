"""Small files that ask for endless work or memory: each is answered at once, with a place."""

import pytest

from snnrun.codegen.cache import obtain
from snnrun.codegen.kernel import generate
from snnrun.errors import MOST_ERRORS, ExperimentError
from snnrun.running import pipeline

RUN = "run: {duration: 1 ms, dt: 0.1 ms}\n"


def check(folder, text):
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    return pipeline.check(pipeline.read(file))


def errors(folder, text):
    with pytest.raises(ExperimentError) as caught:
        check(folder, text)
    return [(item.code, item.span.line if item.span else 0, item.message) for item in caught.value.diagnostics]


def equation(text, method="euler"):
    return f"groups:\n  g:\n    size: 2\n    method: {method}\n    equations: 'dv/dt = {text}/ms : 1'\n"


def test_functions_that_call_each_other_twice_are_counted(tmp_path):
    doubled = "".join(f"  f{k}(x): f{k - 1}(x) + f{k - 1}(x)*x\n" for k in range(1, 30))
    text = f"version: 1\nfunctions:\n  f0(x): x + 1\n{doubled}{equation('f29(v)')}{RUN}"
    [(code, line, message)] = errors(tmp_path, text)
    assert (code, text.split("\n")[line - 1].strip()[:9]) == ("EQ102", "equations")
    assert "20,000 parts" in message


def test_functions_in_moderate_use_are_not_refused(tmp_path):
    doubled = "".join(f"  f{k}(x): f{k - 1}(x) + f{k - 1}(x)*x\n" for k in range(1, 9))
    check(tmp_path, f"version: 1\nfunctions:\n  f0(x): x + 1\n{doubled}{equation('f8(v)')}{RUN}")


def test_many_expressions_share_one_bound_on_the_parts_of_functions(tmp_path):
    doubled = "".join(f"  f{k}(x): f{k - 1}(x) + f{k - 1}(x)*x\n" for k in range(1, 11))
    many = "".join(f"      x{k} = f10(v + {k}) : 1\n" for k in range(60))
    group = f"groups:\n  g:\n    size: 2\n    equations: |\n      v : 1\n{many}"
    found = errors(tmp_path, f"version: 1\nfunctions:\n  f0(x): x + 1\n{doubled}{group}{RUN}")
    assert {code for code, _, _ in found} == {"EQ102"}
    assert "functions of this file" in found[0][2]


def test_functions_that_call_one_another_in_a_long_row_are_refused(tmp_path):
    row = "".join(f"  f{k}(x): f{k - 1}(x) + 1\n" for k in range(1, 400))
    [(code, _, _)] = errors(tmp_path, f"version: 1\nfunctions:\n  f0(x): x\n{row}{equation('f399(v)')}{RUN}")
    assert code == "EQ102"


@pytest.mark.parametrize("method", ["auto", "euler", "rk4", "exponential_euler"])
def test_subexpressions_that_use_each_other_twice_are_shared_not_copied(tmp_path, method):
    lines = "".join(f"      x{k} = x{k + 1} + 0.5*x{k + 1} : 1\n" for k in range(40))
    group = f"groups:\n  g:\n    size: 2\n    method: {method}\n    equations: |\n      dv/dt = -x0*exp(v)/ms : 1\n"
    checked = check(tmp_path, f"version: 1\n{group}{lines}      x40 = v : 1\n{RUN}")
    assert len(list(checked.resolved.context.graph.nodes())) < 2000


@pytest.mark.parametrize("count", [300, 3000])
def test_constants_and_subexpressions_in_a_long_row_are_refused(tmp_path, count):
    constants = "".join(f"  c{k}: c{k + 1}\n" for k in range(count))
    lines = "".join(f"      x{k} = x{k + 1} + 1 : 1\n" for k in range(count))
    group = f"groups:\n  g:\n    size: 2\n    equations: |\n{lines}      x{count} : 1\n"
    found = errors(tmp_path, f"version: 1\nconstants:\n{constants}  c{count}: 1\n{group}{RUN}")
    assert {code for code, _, _ in found} == {"NET104", "EQ217"}


@pytest.mark.parametrize(
    "text",
    [
        "(" + "+".join(["v"] * 990) + ")",
        "(" + "*".join(["v"] * 200) + ")",
        "int(" + "<".join(["v"] * 500) + ")",
        "(" * 2000 + "v" + ")" * 2000,
        "-" * 2000 + "v",
        "**".join(["v"] * 500),
        "(" + "+".join(["v"] * 5000) + ")",
    ],
)
def test_long_rows_and_deep_nests_of_operations_are_refused(tmp_path, text):
    assert {code for code, _, _ in errors(tmp_path, f"version: 1\n{equation(text)}{RUN}")} == {"EQ102"}


@pytest.mark.parametrize("method", ["euler", "rk4", "exponential_euler"])
def test_what_is_just_short_enough_compiles(tmp_path, method):
    checked = check(tmp_path, f"version: 1\n{equation('(' + '+'.join(['v'] * 126) + ')', method)}{RUN}")
    assert obtain(generate(checked.resolved.network).text).object


BASE = "groups: {g: {size: 10, equations: 'dv/dt = -v/ms : 1', threshold: v > 1}}\n" + RUN


def _entries(section, line, number):
    return f"version: 1\n{section}:\n" + "".join(f"  {line.format(k)}\n" for k in range(number)) + BASE


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (_entries("constants", "c{}: 1 mV", 10_001), "FMT206", "10,001 constants and functions, at most 10,000"),
        (_entries("monitors", "m{}: {{kind: spikes, source: g}}", 3000), "FMT206", "3,001 objects"),
        (
            "version: 1\nsynapses:\n  s:\n    source: g\n    target: g\n    connect: all\n    on_pre:\n"
            + "".join(f"      p{k}: v_post += 1\n" for k in range(1001))
            + BASE,
            "FMT206",
            "`synapses.s.on_pre` has 1,001 items, at most 1,000",
        ),
        (
            "version: 1\ngroups:\n  g:\n    size: 1\n    equations: |\n"
            + "".join(f"      v{k} : 1\n" for k in range(5_001))
            + RUN,
            "EQ108",
            "more than 5,000 lines",
        ),
        (
            "version: 1\ngroups:\n"
            + "".join(
                f"  {name}: {{size: 2, equations: 'v : 1', subgroups: {{"
                + ", ".join(f"s{k}: 1" for k in range(5_001))
                + "}}\n"
                for name in "ab"
            )
            + RUN,
            "FMT206",
            "`subgroups` of all groups has 10,002 entries, at most 10,000",
        ),
        (
            "version: 1\nsynapses:\n  s:\n    source: g\n    target: g\n    on_pre: v_post += 1\n    connect:\n"
            + "      - {i: 1, j: 2}\n" * 5_001
            + BASE,
            "FMT206",
            "`connect` of all synapses has 5,001 entries, at most 5,000",
        ),
    ],
)
def test_a_file_holds_at_most_so_much_as_is_checked_within_seconds(tmp_path, text, code, words):
    found = errors(tmp_path, text)
    assert [(c, words in message) for c, _, message in found] == [(code, True)]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\n" + "".join(f"f{k}: 1\n" for k in range(3000)) + BASE,
        "version: 1\ngroups:\n"
        + "".join(f"  g{k}: {{size: 1, equations: 'dv/dt = -w{k}/ms : 1'}}\n" for k in range(2500))
        + RUN,
        "version: 1\ngroups:\n  g:\n    size: 1\n    equations: |\n"
        + "".join(f"      dv{k}/dt = -w{k}/ms : 1\n" for k in range(2500))
        + RUN,
    ],
)
def test_of_thousands_of_errors_the_first_are_shown(tmp_path, text):
    found = errors(tmp_path, text)
    assert len(found) == MOST_ERRORS + 1
    assert found[-1] == ("FMT212", 0, "only the first 100 errors are shown")


def test_a_list_of_plain_numbers_is_what_its_expressions_would_be(tmp_path):
    listed = ["1", "-2.5", "1e-3", "0.1", "3.", "12345678901234567", "(0.1)", "1/3"]
    text = f"version: 1\narrays: {{a: {{dt: 1 ms, values: [{', '.join(listed)}]}}}}\n{BASE}"
    values = check(tmp_path, text).resolved.network.arrays["a"].values
    assert values.tolist() == [1, -2.5, 1e-3, 0.1, 3.0, 12345678901234568, 0.1, 1 / 3]

"""Whatever the bytes, loading ends with a document or with errors of ours, soon."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnrun.cli.render import render_one
from snnrun.errors import ExperimentError
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

QUICK = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
SEEDS = sorted((Path(__file__).parents[2] / "cases" / "invalid").glob("format-*"))

fragments = st.sampled_from(
    [
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "|\n",
        ">\n",
        "'",
        '"',
        "&x ",
        "*x",
        "!t ",
        "<<: ",
        "? ",
        "# ",
        "\t",
        "\\",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "1e-3",
        "null",
        "(",
        ")",
        "é",
        "\r\n",
        "\x85",
        "\u2028",
        "version: 1\n",
        "groups:",
        "kind: ",
        "spikes",
        "run:",
        "connect: ",
        "sweep:",
        "plots:",
        "extends: x.yaml\n",
        "= ",
        "[[a]]\n",
    ]
)


def try_file(path, overrides=()):
    """Load and check a file; anything but a result or our errors fails the test."""
    start = time.perf_counter()
    for item in problems_of(path, overrides):
        assert "\x1b" not in render_one(item)
        if item.span is not None:
            assert 0 <= item.span.start <= item.span.end <= len(item.span.file.text)
    # Our aim is one second; the limit leaves room for a busy machine.
    assert time.perf_counter() - start < 3


def problems_of(path, overrides):
    """The diagnostics of a file; none when it is right."""
    try:
        parse_experiment(load(path, overrides))
    except ExperimentError as problem:
        return problem.diagnostics or pytest.fail("an error without a diagnostic")
    return ()


@QUICK
@given(st.lists(fragments, max_size=40), st.sampled_from(["x.yaml", "x.toml"]))
def test_any_mixture_of_syntax_gives_only_our_errors(tmp_path, parts, name):
    (tmp_path / name).write_text("".join(parts), encoding="utf-8", newline="")
    try_file(tmp_path / name)


@QUICK
@given(st.binary(max_size=200), st.sampled_from(["x.yaml", "x.toml"]))
def test_any_bytes_give_only_our_errors(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    try_file(tmp_path / name)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "all", "none", "spikes", "", "1 ms", "i"]),
    lambda t: (
        st.lists(t, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["kind", "size", "i", "j", "source", "do", "file", "where", "value", "p", "pairs", "<one>", "linspace"]
            ),
            t,
            max_size=3,
        )
    ),
    max_leaves=8,
)
sections = st.sampled_from(
    [
        "version",
        "name",
        "seed",
        "constants",
        "functions",
        "arrays",
        "groups",
        "inputs",
        "synapses",
        "monitors",
        "operations",
        "run",
        "metrics",
        "sweep",
        "plots",
    ]
)


def flow(value):
    """Plain data in YAML's flow style, by a writer of the test's own."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {flow(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return (
        {None: "null", True: "true", False: "false"}.get(value, f'"{value}"')
        if not isinstance(value, int)
        else str(value).lower()
    )


@QUICK
@given(
    st.dictionaries(
        sections, st.dictionaries(st.sampled_from(["a", "b", "connect"]), plain, max_size=3) | plain, max_size=5
    )
)
def test_any_tree_under_the_known_keys_gives_only_our_errors(tmp_path, tree):
    (tmp_path / "x.yaml").write_text("".join(f"{key}: {flow(value)}\n" for key, value in tree.items()))
    try_file(tmp_path / "x.yaml")


@QUICK
@given(st.text(max_size=30))
def test_any_option_gives_only_our_errors(tmp_path, option):
    (tmp_path / "x.yaml").write_text("version: 1\nconstants: {tau: 1 ms}\nplots: [{kind: raster}]\n")
    try_file(tmp_path / "x.yaml", [option, f"tau={option}", f"plots.{option}=1"])


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_damaged_files_give_only_our_errors(tmp_path, seed):
    dice = random.Random(seed.name)
    text = seed.read_text(encoding="utf-8")
    path = tmp_path / seed.name
    for _ in range(4):
        at = dice.randrange(len(text))
        piece = dice.choice(["", "\n", "{", "[", '"', "'", ":", ": ", "- ", "\t", "#", "&a ", "*a", "\x00", "é", "  "])
        path.write_text(text[:at] + piece + text[at + dice.randrange(6) :], encoding="utf-8")
        try_file(path)

"""What a connectivity monitor stores: the variables and delays asked for, and no others."""

import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

FILE = """\
version: 1
name: pairs
groups:
  a: {size: 4, equations: "v : 1", threshold: v > 1}
  b: {size: 3, equations: "v : 1", threshold: v > 1}
synapses:
  s:
    source: a
    target: b
    equations: |
      w : volt
      x : 1
      y = 2*x : 1
    on_pre: KEYS
    on_post: {do: x = 1, delay: (2 + j)*ms}
    connect: all
    initial: {w: (i + 10*j)*mV, x: 5}
    DELAY
monitors: {c: {kind: connectivity, source: s, variables: ASKED}}
run: {duration: 1 ms, dt: 0.1 ms, threads: 2}
"""
ONE, TWO = "v_post += x", "{fast: v_post += x, slow: {do: v_post += x, delay: 3 ms}}"
VARYING = "delay: (1 + i + 0.1*j)*ms"


def recorded(path, asked, keys=ONE, delay=VARYING):
    text = FILE.replace("ASKED", asked).replace("KEYS", keys).replace("DELAY", delay)
    if asked == "absent":
        text = text.replace(", variables: absent", "")
    (path / "pairs.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(path / "kernels"))
        folder = pipeline.run(
            pipeline.check(pipeline.read(path / "pairs.yaml")), path / "out", RunOptions(plots=False)
        ).folder
    with Results.open(folder) as results:
        return results.connectivity("c")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [("[w]", {"w"}), ("[x, w]", {"w", "x"}), ("[]", set()), ("absent", {"w", "x"}), ("[delay]", {"delay"})],
)
def test_what_was_asked_for_is_stored_and_nothing_else(tmp_path, asked, stored):
    pairs = recorded(tmp_path, asked)
    assert set(pairs.values) == stored
    assert len(pairs.pre) == 12
    if "w" in stored:
        assert np.allclose(pairs.values["w"], (pairs.pre + 10 * pairs.post) * 1e-3)
        assert pairs.units["w"] == "V"


def test_delays_are_those_of_their_pathways_in_the_order_of_the_pairs(tmp_path):
    pairs = recorded(tmp_path, "[delay, delay_on_post]")
    assert np.allclose(pairs.values["delay"], (1 + pairs.pre + 0.1 * pairs.post) * 1e-3)
    assert np.allclose(pairs.values["delay_on_post"], (2 + pairs.post) * 1e-3)
    assert pairs.units == {"delay": "s", "delay_on_post": "s"}


@pytest.mark.parametrize(("delay", "expected"), [(VARYING, None), ("delay: 1.5 ms", 1.5e-3), ("", 0.0)])
def test_each_pathway_has_its_own_delay(tmp_path, delay, expected):
    pairs = recorded(tmp_path, "[delay_fast, delay_slow]", TWO, delay)
    varying = (1 + pairs.pre + 0.1 * pairs.post) * 1e-3
    assert np.allclose(pairs.values["delay_fast"], varying if expected is None else expected)
    assert np.allclose(pairs.values["delay_slow"], 3e-3)


def test_delays_of_pathways_that_share_a_name_are_called_by_their_side(tmp_path):
    sides = FILE.replace("on_post: {do: x = 1,", "on_post: {fast: {do: x = 1,").replace("(2 + j)*ms}", "(2 + j)*ms}}")
    text = sides.replace("KEYS", TWO).replace("DELAY", VARYING)
    asked = "[delay_on_pre_fast, delay_slow, delay_on_pre_slow, delay_on_post, delay_on_post_fast]"
    (tmp_path / "pairs.yaml").write_text(text.replace("ASKED", asked))
    folder = pipeline.run(
        pipeline.check(pipeline.read(tmp_path / "pairs.yaml")), tmp_path / "out", RunOptions(plots=False)
    ).folder
    with Results.open(folder) as results:
        pairs = results.connectivity("c")
    assert np.allclose(pairs.values["delay_on_pre_fast"], (1 + pairs.pre + 0.1 * pairs.post) * 1e-3)
    for name in ("delay_on_post", "delay_on_post_fast"):
        assert np.allclose(pairs.values[name], (2 + pairs.post) * 1e-3)
    for name in ("delay_slow", "delay_on_pre_slow"):
        assert np.allclose(pairs.values[name], 3e-3)
    (tmp_path / "pairs.yaml").write_text(text.replace("ASKED", "[delay_fast]"))
    with pytest.raises(ExperimentError, match="NET221") as caught:
        pipeline.check(pipeline.read(tmp_path / "pairs.yaml"))
    assert {"delay_on_pre_fast", "delay_on_post_fast"} <= set(caught.value.diagnostics[0].help[11:].split(", "))


@pytest.mark.parametrize("asked", ["[delay_on_pre, delay_on_post]", "[delay_on_pre, delay]"])
def test_a_side_of_one_pathway_needs_no_name(tmp_path, asked):
    pairs = recorded(tmp_path, asked)
    for name in asked.strip("[]").split(", "):
        expected = 2 + pairs.post if name == "delay_on_post" else 1 + pairs.pre + 0.1 * pairs.post
        assert np.allclose(pairs.values[name], expected * 1e-3)


def test_a_delay_that_a_phase_sets_is_the_one_at_the_end(tmp_path):
    text = FILE.replace("ASKED", "[delay, delay_on_post]").replace("KEYS", ONE).replace("DELAY", VARYING)
    phases = "phases: [{name: a, duration: 1 ms}, {name: b, duration: 1 ms, set: {s.delay: (3 + i)*ms}}]"
    (tmp_path / "pairs.yaml").write_text(text.replace("duration: 1 ms,", phases + ","))
    folder = pipeline.run(
        pipeline.check(pipeline.read(tmp_path / "pairs.yaml")), tmp_path / "out", RunOptions(plots=False)
    ).folder
    with Results.open(folder) as results:
        pairs = results.connectivity("c")
    assert np.allclose(pairs.values["delay"], (3 + pairs.pre) * 1e-3)
    assert np.allclose(pairs.values["delay_on_post"], (2 + pairs.post) * 1e-3)


def test_delays_of_many_synapses_that_compiled_code_makes_are_their_own(tmp_path):
    text = FILE.replace("ASKED", "[w, delay]").replace("KEYS", ONE).replace("DELAY", "delay: (1 + (3*i + j) % 7)*ms")
    text = (
        text.replace("size: 4", "size: 1000")
        .replace("size: 3", "size: 900")
        .replace("connect: all", "connect: {p: 0.5}")
    )
    (tmp_path / "pairs.yaml").write_text(text)
    folder = pipeline.run(
        pipeline.check(pipeline.read(tmp_path / "pairs.yaml")), tmp_path / "out", RunOptions(plots=False)
    ).folder
    with Results.open(folder) as results:
        pairs = results.connectivity("c")
    assert len(pairs.pre) > 400_000
    assert np.allclose(pairs.values["delay"], (1 + (3 * pairs.pre + pairs.post) % 7) * 1e-3)
    assert np.allclose(pairs.values["w"], (pairs.pre + 10 * pairs.post) * 1e-3)


@pytest.mark.parametrize(
    ("asked", "keys", "said"),
    [
        ("[u]", ONE, "has no variable `u`"),
        ("[v]", ONE, "has no variable `v`"),
        ("[y]", ONE, "`y` is a subexpression"),
        ("[delay]", TWO, "has no variable `delay`"),
        ("[i]", ONE, "has no variable `i`"),
    ],
)
def test_what_it_does_not_have_is_refused_at_its_place(tmp_path, asked, keys, said):
    with pytest.raises(ExperimentError, match="NET221") as caught:
        recorded(tmp_path, asked, keys)
    (item,) = caught.value.diagnostics
    assert said in item.message
    assert item.span.file.text[item.span.start : item.span.end] == asked.strip("[]")

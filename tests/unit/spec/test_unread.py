"""What is given is read or refused: no value of a file is taken and ignored."""

import pytest

from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.sweep.experiments import check_sweep

GROUP = """\
version: 1
name: a
description: Text for people is read by people.
references: [one, two]
constants: {k: 2}
groups:
  g: {size: 3, equations: "dv/dt = (k - v)/(10*ms) : 1", threshold: v > 1, reset: v = 0}
"""
RUN = "run: {duration: 1 ms, dt: 0.1 ms}\n"
SYNAPSES = RUN + "synapses: {s: {source: g, target: g, "


def check(folder, text):
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    checked = pipeline.check(pipeline.read(file))
    if checked.experiment.sweep is not None:
        check_sweep(checked)


@pytest.mark.parametrize(
    ("code", "marked", "text"),
    [
        ("FMT211", "check", "run: {dt: 0.1 ms, phases: [{name: a, duration: 1 ms, check: 1 ms}]}\n"),
        (
            "FMT211",
            "delay",
            SYNAPSES + "connect: all, on_pre: {do: v = 0, delay: 1 ms}, delay: 2 ms}}",
        ),
        (
            "FMT211",
            "delay",
            SYNAPSES + "connect: all, on_post: v_pre = 0, delay: 2 ms}}",
        ),
        (
            "NET176",
            "2 ms",
            SYNAPSES + "connect: {rule: all, delay: 2 ms}, on_post: v_pre = 0}}",
        ),
        ("FMT208", "variables", RUN + "monitors: {m: {kind: spikes, source: g, counts_only: true, variables: [v]}}"),
        (
            "SWP710",
            "save_state",
            RUN.replace("}", ", save_state: true}") + "metrics: {m: mean(g.v)}\nsweep: {repeat: 2}",
        ),
    ],
)
def test_a_value_that_nothing_reads_is_refused_at_its_place(tmp_path, code, marked, text):
    with pytest.raises(ExperimentError) as caught:
        check(tmp_path, GROUP + text)
    [item] = caught.value.diagnostics
    assert (item.code, item.span.file.text[item.span.start : item.span.end]) == (code, marked)


@pytest.mark.parametrize(
    "text",
    [
        RUN + "sweep: {axes: {k: {linspace: [1, 2], num: 3}}, repeat: 2, keep: results}",
        RUN + "sweep: {sample: {method: lhs, size: 3, ranges: {k: {whole: [1, 9]}}, seed: 4}}",
        RUN + "sweep: {axes: {groups.g: [{size: 1, equations: 'v : 1'}, {size: 2, equations: 'v : 1'}]}}",
        SYNAPSES + "connect: [{p: 0.5}, {where: i == j}], on_pre: v_post = 0}}",
        "run: {dt: 0.1 ms, save_state: true, phases: [{name: a, duration: 1 ms, set: {k: 3}, record: []}]}",
        RUN + "plots: [{kind: raster, title: Spikes}]\nmonitors: {m: {kind: spikes, source: g}}",
    ],
)
def test_what_is_read_late_or_as_a_whole_counts_as_read(tmp_path, text):
    check(tmp_path, GROUP + text)


def test_points_of_a_sweep_are_not_watched(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(GROUP + RUN, encoding="utf-8")
    document = pipeline.read(file)
    assert document.read_values is not None
    assert document.with_values({("constants", "k"): "3"}).read_values is None

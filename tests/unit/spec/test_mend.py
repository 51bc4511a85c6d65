"""Errors of form and of meaning in one file are shown at once, and what was left out is not blamed for others."""

import pytest

from snnrun.errors import ExperimentError
from snnrun.running import pipeline

FILE = """\
version: 1
constants: {tau: 10 ms, w: 2 mV}
groups:
  cells: {size: 4, equations: "dv/dt = (20*mV - v)/tau : volt", threshold: v > 10*mV, reset: v = 0*mV}
  others: {size: 4, equations: "x : 1"}
synapses:
  feed: {source: others, target: cells, connect: {p: 0.1}, on_pre: v_post += w}
monitors:
  out: {kind: spikes, source: cells}
metrics: {rate: mean_rate(out)}
plots: [{kind: raster, monitor: out}]
run: {duration: 20 ms, dt: 0.1 ms}
"""


def errors(tmp_path, *changes):
    text = FILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "net.yaml").write_text(text)
    with pytest.raises(ExperimentError) as refused:
        pipeline.check(pipeline.read(tmp_path / "net.yaml"))
    return [(d.code, d.span.line) for d in refused.value.diagnostics]


THRESHOLD = ("threshold: v > 10*mV", "treshold: v > 10*ms")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ([THRESHOLD], [("FMT203", 4), ("EQ203", 4)]),
        ([("connect", "conect"), ("v_post += w", "v_post += ww")], [("FMT203", 7), ("EQ201", 7)]),
        ([("x : 1", "x : volts_"), ("w: 2 mV", "w: ")], [("FMT201", 2), ("EQ201", 5)]),
        # `w` is left out, and the synapses that use it are not blamed
        ([("w: 2 mV", "w: ")], [("FMT201", 2)]),
        # neither are those of a group whose form is wrong
        ([("others: {size: 4", "others: {size: [4]"), ("10*mV", "10*ms")], [("EQ203", 4), ("FMT205", 5)]),
        ([('size: 4, equations: "x', 'sise: 4, equations: "x'), ("10*mV", "10*ms")], [("EQ203", 4), ("FMT203", 5)]),
        ([("constants: {", "constants: {new name: 3, "), ("10*mV", "10*ms")], [("FMT207", 2), ("EQ203", 4)]),
        # a parameter of NEST is no misspelt key
        ([('"x : 1"', '"x : 1", tau_m: 10 ms')], [("FMT203", 5)]),
        # a wrong plot leaves no plot to check, a run without a time step nothing
        ([("kind: raster", "kind: rastr"), ("mean_rate", "mean_rat")], [("EQ202", 10), ("FMT204", 11)]),
        ([("dt: 0.1 ms", ""), ("10*mV", "10*ms")], [("FMT202", 12)]),
    ],
)
def test_all_errors_are_shown_at_once(tmp_path, changes, wanted):
    assert errors(tmp_path, *changes) == sorted(wanted, key=lambda error: error[1])


def test_a_file_whose_only_error_is_a_misspelt_key_is_refused(tmp_path):
    assert errors(tmp_path, ("threshold", "treshold")) == [("FMT203", 4)]

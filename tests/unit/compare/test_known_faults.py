"""What is said of results of versions that had faults."""

import pytest

from snnrun import __version__
from snnrun.compare.known_faults import FAULTS, known_faults
from snnrun.files.state_file import read_arrays
from snnrun.results.checkpoint import store_arrays
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

PLAIN = """\
version: 1
name: plain
groups:
  pop:
    size: 16
    equations: |
      dv/dt = -v/(10*ms) : 1
      x : 1
    threshold: v > 1
    reset: v = 0
monitors:
  out: {kind: spikes, source: pop}
metrics: {n: count(out)}
run: {duration: 10 ms, dt: 0.1 ms}
"""
SYNAPSES = (
    PLAIN
    + """\
synapses:
  s:
    source: pop
    target: pop
    connect: all
    on_pre: x_post += 1
"""
)
SWEEP = PLAIN + "constants: {k: 1}\nsweep: {axes: {k: {range: [1, 3, 1]}}}\n"


def said(place, text, version="0.1.0", command=()):
    place.joinpath("one.yaml").write_text(text)
    checked = pipeline.check(pipeline.read(place / "one.yaml"))
    return known_faults(checked, version, command)


def test_a_plain_experiment_had_no_known_fault(tmp_path):
    assert said(tmp_path, PLAIN) == []
    assert said(tmp_path, SYNAPSES) == []


AFFECTED = {
    "with an argument that is impossible": PLAIN.replace("reset: v = 0", "reset: x = poisson(3 - v)"),
    "several threads": PLAIN.replace("dt: 0.1 ms}", "dt: 0.1 ms, threads: 2}").replace("size: 16", "size: 21"),
    "of one name": SYNAPSES.replace(
        "on_pre: x_post += 1", "on_pre: {a: {do: x_post += 1, delay: 2 ms}}\n    on_post: {a: x_post += 1}"
    ),
    "event-driven": SYNAPSES.replace(
        "connect: all",
        """connect: all
    equations: |
      dA/dt = -A/(5*ms) : 1 (event-driven)
      x_post = 2*w : 1 (summed)
      w : 1""",
    ).replace("on_pre: x_post += 1", "on_pre: A += 1"),
    "also by monitors": SYNAPSES.replace(
        "connect: all",
        """connect: all
    equations: |
      dA/dt = -A/(5*ms) : 1 (event-driven)""",
    )
    .replace("on_pre: x_post += 1", "on_pre: A += 1")
    .replace("monitors:", "monitors:\n  w: {kind: state, source: s, variables: [A]}"),
    "once a source": SYNAPSES.replace("connect: all", "connect: {j: 'int(rand()*N_post) for k in range(3)'}"),
    "connect rule says": SYNAPSES.replace("connect: all", "connect: {j: 'i', n: 5}"),
    "were sorted": PLAIN.replace("threshold:", "subgroups: {a: [5, 2, 7]}\n    threshold:"),
    "counted in the whole group": PLAIN.replace("threshold:", "subgroups: {a: '2:5'}\n    threshold:")
    + "operations: {o: {target: pop.a, every: 1 ms, do: x = i}}\n",
    "`counts_only` monitors": PLAIN.replace("source: pop}", "source: pop, counts_only: true}"),
    "10,000 s and more": PLAIN.replace("reset: v = 0", "reset: v = 0\n    refractory: 20000 s"),
    "support point": PLAIN.replace("dv/dt = -v/(10*ms) : 1", "dv/dt = -v/(10*ms) + v*xi/(1*ms)**0.5 : 1").replace(
        "threshold:", "method: milstein\n    threshold:"
    ),
    "under `auto`": PLAIN.replace("dv/dt = -v/(10*ms) : 1", "dv/dt = -v/(10*ms) + (t/(1*second))*xi/(1*ms)**0.5 : 1"),
    "an exact solution": SYNAPSES.replace(
        "connect: all",
        """connect: all
    equations: |
      dA/dt = (B - A)/tau : 1
      dB/dt = -B/(7*ms) : 1
      tau : second
    initial: {tau: 5 ms}""",
    ).replace("x_post += 1", "B += 1"),
    "as each feeds the next": PLAIN.replace("threshold:", "initial: {tau: 10 ms}\n    threshold:")
    .replace("x : 1", "dx/dt = (v - x)/tau : 1\n      tau : second")
    .replace("reset: v = 0", "reset: v = 0; tau = 2*tau"),
    "of later connect rules": SYNAPSES.replace(
        "connect: all",
        """connect:
      - {pairs: [[0, 1], [1, 0]]}
      - {pairs: [[2, 3]], initial: {w: [2]}}
    equations: "w : 1" """,
    ),
    "half a step": SYNAPSES + "    delay: 0.15 ms\n",
    "phases set": PLAIN.replace("duration: 10 ms,", "phases: [{name: a, duration: 5 ms, set: {pop.x: 1}}],"),
    "not recorded": PLAIN.replace("source: pop}", "source: pop, window: [0 ms, 5 ms]}"),
    "samples that are NaN": PLAIN.replace("n: count(out)", "n: max(x)").replace(
        "  out:", "  x: {kind: state, source: pop, variables: [x]}\n  out:"
    ),
    "in which they were sent": (SYNAPSES + "constants: {k: 1}\n")
    .replace("x_post += 1", "x_post += k")
    .replace("duration: 10 ms,", "phases: [{name: a, duration: 5 ms}, {name: b, duration: 5 ms, set: {k: 2}}],"),
    "terms that cancel": PLAIN.replace("v > 1", "v > 1 + (x-x)/(x-x)"),
    "set no shared variable": PLAIN.replace("x : 1", "x : 1\n      y : 1 (shared)")
    + "operations: {o: {target: pop, every: 1 ms, do: y = 1}}\n",
    "floating-point": SWEEP,
    "above one spike a step": PLAIN.replace(
        "groups:\n", "groups:\n  p: {kind: poisson, size: 3, rates: 'i*kHz + t*kHz/second'}\n"
    ),
    "became infinite": PLAIN.replace("dv/dt = -v/(10*ms) : 1", "dv/dt = (exp(v) - v)/(10*ms) : 1"),
}


@pytest.mark.parametrize(("words", "text"), AFFECTED.items(), ids=AFFECTED)
def test_an_experiment_that_a_fault_may_have_affected_is_told_so(tmp_path, words, text):
    assert any(words in line for line in said(tmp_path, text)), said(tmp_path, text)
    assert said(tmp_path, text, version=__version__) == []


def test_files_and_threads_of_the_command_count(tmp_path):
    (tmp_path / "values.csv").write_text("1\n" * 16)
    assert any(
        "of files" in line
        for line in said(tmp_path, PLAIN.replace("threshold:", "initial: {x: {file: values.csv}}\n    threshold:"))
    )
    assert any(
        "threads" in line
        for line in said(tmp_path, PLAIN.replace("size: 16", "size: 21"), command=["snnrun", "--threads=2"])
    )


def test_a_state_of_0_1_0_is_told_of(tmp_path):
    first = PLAIN.replace("dt: 0.1 ms}", "dt: 0.1 ms, save_state: true}")
    tmp_path.joinpath("first.yaml").write_text(first)
    pipeline.run(pipeline.check(pipeline.read(tmp_path / "first.yaml")), tmp_path, RunOptions(plots=False))
    state = next(tmp_path.glob("*/*/state.npz"))
    second = PLAIN.replace("dt: 0.1 ms}", f"dt: 0.1 ms, start_from: {state.relative_to(tmp_path)}}}")
    assert not any("another unit" in line for line in said(tmp_path, second))
    arrays, about = read_arrays(state)
    del about["units"]
    store_arrays(state, arrays, about)
    assert any("another unit" in line for line in said(tmp_path, second))


def test_every_fault_is_shown_by_a_test():
    shown = [*AFFECTED, "of files", "another unit"]
    assert [fault.text for fault in FAULTS if not any(words in fault.text for words in shown)] == []
    assert all(fault.mended <= __version__ for fault in FAULTS)


def test_a_sweep_through_names_of_files_may_have_kept_points_of_other_files(tmp_path):
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("\n".join(["x", *["1"] * 16]))
    text = PLAIN.replace("    threshold:", "    initial: {x: {file: one.csv, column: x}}\n    threshold:")
    text += "sweep: {axes: {groups.pop.initial.x.file: [one.csv, two.csv]}}\n"
    assert any("the content of a file" in line for line in said(tmp_path, text, version="0.3.0"))
    assert not any("the content of a file" in line for line in said(tmp_path, text, version=__version__))

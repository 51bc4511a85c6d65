"""Scripts for Brian2: sweeps as loops, metrics, pictures."""

import pytest
from test_brian2_script import script

FILE = """
version: 1
constants: {tau: 10 ms, El: -70 mV, w0: 2 mV, N0: 4}
groups:
  cells: {size: N0, equations: "dv/dt = (El + 20*mV - v)/tau : volt", threshold: v > -55*mV, reset: v = El, initial: {v: El}}
synapses:
  s: {source: cells, target: cells, equations: "w : volt", on_pre: v_post += w, connect: all, initial: {w: w0}}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v]}
  c: {kind: connectivity, source: s}
  r: {kind: rate, source: cells, smooth: 3 ms}
run: {dt: 0.1 ms, duration: 10 ms}
metrics:
  rate: mean_rate(out)
  half: rate/2 + count(out)/duration
  spread: std(s.w - w0)
  top: max(v)
  late: percentile(rates(out), 90)
  cv: cv_isi(out)
"""  # noqa: E501


def lines(tmp_path, more="", change=("", "")):
    made = script(tmp_path, FILE.replace(*change) + more)
    compile(made.text, "x", "exec")
    return [line.strip() for line in made.text.split("\n")], made.notes


def test_metrics_are_computed_by_numpy(tmp_path):
    found, notes = lines(tmp_path)
    for line in (
        "metrics['rate'] = out.num_spikes/len(out.count)/defaultclock.t",
        "metrics['half'] = metrics['rate']/2 + out.num_spikes/defaultclock.t",
        "metrics['spread'] = np.std(s.w[:] - constants['w0'])",
        "metrics['top'] = np.max(v.v)",
        "metrics['late'] = np.percentile(out.count[:]/defaultclock.t, 90)",
    ):
        assert line in found, line
    assert [path for path, _ in notes] == ["monitors.r.smooth"]


@pytest.mark.parametrize("metric", ["synchrony(out, 1 ms)", "correlation(out, 1 ms)", "fano(out, 1 ms)"])
def test_metrics_of_several_lines_are_noted(tmp_path, metric):
    _, notes = lines(tmp_path, change=("cv_isi(out)", metric))
    assert "metrics.cv" in [path for path, _ in notes]


@pytest.mark.parametrize(
    ("sweep", "head", "more"),
    [
        ("axes: {tau: [5 ms, 10 ms]}", "for tau in [5*ms, 10*ms]:", []),
        (
            "axes: {tau: [5 ms, 10 ms], w0: {linspace: [1 mV, 2 mV], num: 3}}",
            "for tau, w0 in itertools.product([5*ms, 10*ms], np.array([0.001, 0.0015, 0.002])*volt):",
            ["import itertools"],
        ),
        (
            "zip: {tau: [5 ms, 10 ms], w0: [1 mV, 2 mV]}, axes: {El: [-70 mV, -60 mV]}",
            "for El, (tau, w0) in itertools.product([-70*mV, -60*mV], zip([5*ms, 10*ms], [1*mV, 2*mV])):",
            [],
        ),
        (
            "axes: {tau: [5 ms]}, repeat: 3",
            "for tau, repetition in itertools.product([5*ms], range(3)):",
            ["seed(1 + repetition)"],
        ),
    ],
)
def test_a_sweep_is_a_loop(tmp_path, sweep, head, more):
    found, _ = lines(tmp_path, f"sweep: {{{sweep}}}\n")
    assert head in found
    assert [line for line in (*more, "start_scope()") if line not in found] == []
    assert any(line.startswith("points.append({") and line.endswith("**metrics})") for line in found)
    if "tau:" in sweep:
        assert "constants['tau'] = tau" in found
        assert (
            "plt.plot([point['tau']/ms for point in points], [point['rate'] for point in points], 'o-')" in found
            or ("El" in sweep)
        )


def test_what_needs_a_metric_that_is_left_out_is_left_out_too(tmp_path):
    metric = "synchrony(out, 1 ms)\n  twice: 2*cv"
    _, notes = lines(tmp_path, "sweep: {axes: {tau: [5 ms, 10 ms]}}\n", ("cv_isi(out)", metric))
    kept = [path for path, _ in notes if path != "monitors.r.smooth"]
    assert kept == ["metrics.cv", "metrics.twice", "plots.5", "plots.6"]


def test_what_is_no_constant_is_noted(tmp_path):
    found, notes = lines(tmp_path, "sweep: {axes: {groups.cells.threshold: [v > -55*mV, v > -54*mV]}}\n")
    assert "sweep.axes.groups.cells.threshold" in [path for path, _ in notes]
    assert "points = []" not in found


def test_each_monitor_has_its_picture(tmp_path):
    found, _ = lines(tmp_path)
    for line in (
        "import matplotlib.pyplot as plt",
        "plt.plot(out.t/ms, out.i, '.', markersize=2, label='out')",
        "plt.plot(v.t/ms, v.v.T/mV)",
        "plt.plot(r.t/ms, r.smooth_rate(width=3*ms)/Hz, label='r')",
        "plt.show()",
    ):
        assert line in found, line


@pytest.mark.parametrize(
    ("plot", "line"),
    [
        ("{kind: traces, monitor: v, xlim: [1 ms, 5 ms]}", "plt.xlim(1.0, 5.0)"),
        ("{kind: isi, monitor: out, bins: 7}", "plt.xlabel('interval (ms)')"),
        (
            "{kind: rate, monitor: out, bin: 2 ms}",
            (
                "plt.hist(out.t/ms, np.arange(0, defaultclock.t/ms + 2, 2), "
                "weights=np.full(out.num_spikes, 1e3/2/len(out.count)), histtype='step', label='out')"
            ),
        ),
        ("{kind: weights, source: s}", "plt.hist(s.w[:]/mV, bins=50)"),
        ("{kind: connectivity, source: s}", "plt.plot(s.i, s.j, '.', markersize=2)"),
        ("{kind: raster, monitor: out, title: Spikes}", "plt.title('Spikes')"),
        ("{panels: [{kind: raster, monitor: out}, {kind: traces, monitor: v}]}", "plt.plot(v.t/ms, v.v.T/mV)"),
    ],
)  # fmt: skip
def test_pictures_of_the_file_are_drawn(tmp_path, plot, line):
    found, _ = lines(tmp_path, f"plots: [{plot}]\n")
    assert line in found


def test_options_of_pictures_are_noted(tmp_path):
    plots = "{kind: traces, monitor: v, ylim: [-70 mV, 0 mV]}, {kind: psth, monitor: out, period: 5 ms}"
    _, notes = lines(tmp_path, f"plots: [{plots}]\n")
    assert [path for path, _ in notes][-2:] == ["plots.0.ylim", "plots.1"]


def test_without_plots_there_is_no_picture(tmp_path):
    found, _ = lines(tmp_path, "plots: none\n")
    assert not any("plt" in line for line in found)

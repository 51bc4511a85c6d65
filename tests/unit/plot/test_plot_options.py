"""Every option of every kind of plot changes the picture, or is refused before the run at its place."""

import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.plot.draw import compose, file_names
from snnrun.plot.options import picture_from
from snnrun.plot.source import Source
from snnrun.plot.style import style_context
from snnrun.plot_kinds import PLOT_KINDS
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.spec.models import Plot, PlotKind

FILE = """\
version: 1
name: options
constants: {tau: 10 ms, drive: 2}
groups:
  cells:
    size: 12
    equations: |
      dv/dt = (drive - v)/tau : 1
      du/dt = (v - u)/tau : 1
      I : amp
    method: exact
    threshold: v > 1
    reset: v = 0
    initial: {v: rand(), I: i*nA}
  others: {size: 4, equations: "dv/dt = (3 - v)/tau : 1", method: exact, threshold: v > 1, reset: v = 0}
synapses:
  s:
    source: cells
    target: others
    equations: |
      w : 1
      x : 1
    on_pre: x += 0.01*w
    connect: {p: 0.6}
    initial: {w: rand(), x: j}
    delay: 1 ms
monitors:
  out: {kind: spikes, source: cells}
  two: {kind: spikes, source: others}
  v: {kind: state, source: cells, variables: [v, u]}
  other_v: {kind: state, source: others, variables: [v]}
  mixed: {kind: state, source: cells, variables: [v, I]}
  sw: {kind: state, source: s, variables: [w, x], dt: 1 ms}
  r: {kind: rate, source: cells, bin: 5 ms}
  r2: {kind: rate, source: others, bin: 5 ms}
  con: {kind: connectivity, source: s, variables: [w, x]}
  delayed: {kind: connectivity, source: s, variables: [delay, x]}
  con2: {kind: connectivity, source: s, variables: [x, delay]}
run: {duration: 40 ms, dt: 0.1 ms}
metrics: {rate: mean_rate(out), level: mean(v.v), depth: mean(v.u), each: rates(out), first: first_spikes(out)}
"""
SWEEP = "sweep: {axes: {tau: [5 ms, 10 ms, 20 ms], drive: [2, 3]}, keep: results}\n"
BASE = {
    "raster": "monitor: out",
    "traces": "monitor: v, marks: none",
    "rate": "monitor: out",
    "psth": "monitor: out",
    "isi": "monitor: out",
    "curve": "x: tau, y: level",
    "weights": "monitor: con, variables: w",
    "connectivity": "monitor: con",
    "heatmap": "x: tau, y: drive, z: level",
    "sweep": "x: tau, y: level",
    "rasters": "monitor: out",
    "image": "monitor: out",
    "scatter": "x: v.v, y: v.u, neurons: 2",
}
OF_SWEEP = {"curve", "heatmap", "sweep", "rasters"}
TIMES = {"xlim": "[1 ms, 9 ms]", "vlines": "[4 ms]", "bin": "0.3 ms"}
VALUES = {
    "monitor": "two", "source": "others", "variables": "u", "neurons": "[1, 3]", "x": "drive", "y": "depth",
    "z": "depth", "log": "[x]", "xlim": "[1 ms, 9 ms]", "ylim": "[0.1, 0.8]", "size": "[70 mm, 50 mm]",
    "labels": "{x: other}", "title": "other", "style": "other.mplstyle", "bins": "7", "bin": "0.3 ms",
    "period": "13 ms", "marks": "two", "lines": "{here: 0.4}", "vlines": "[4 ms]", "overlay": "true", "name": "other",
    "zlim": "[0, 5]", "times": "[0 ms, 20 ms]", "offset": "2", "scale_bars": "[10 ms]", "parts": "matrix",
    "legend": "right", "colours": "[red, lime]", "colourmap": "magma", "footer": "none",
}  # fmt: skip
OWN = {
    ("traces", "monitor"): "other_v",
    ("rate", "ylim"): "[0 Hz, 10 Hz]",
    ("rate", "lines"): "{here: 30 Hz}",
    ("psth", "ylim"): "[0 Hz, 10 Hz]",
    ("psth", "lines"): "{here: 30 Hz}",
    ("weights", "monitor"): "con2",
    ("weights", "variables"): "x",
    ("weights", "xlim"): "[0.2, 0.7]",
    ("weights", "vlines"): "[0.4]",
    ("weights", "source"): "s",
    ("connectivity", "labels"): "{source: other}",
    ("connectivity", "source"): "s",
    ("heatmap", "y"): None,
    ("heatmap", "ylim"): "[1.5, 2.5]",
    ("heatmap", "lines"): "{here: 2.5}",
    ("image", "ylim"): "[2, 8]",
    ("scatter", "x"): "v.u",
    ("scatter", "y"): "v.v",
    ("scatter", "z"): "time",
    ("scatter", "xlim"): "[0.2, 0.7]",
    ("scatter", "vlines"): "[0.4]",
    ("rasters", "size"): "[160 mm, 150 mm]",
}
OWN |= {
    ("raster", "parts"): "spikes",
    ("traces", "scale_bars"): "[10 ms, 1]",
    ("rate", "scale_bars"): "[10 ms, 10 Hz]",
    ("weights", "ylim"): "[0, 3]",
    ("weights", "lines"): "{here: 2}",
    ("connectivity", "z"): "w",
    ("scatter", "zlim"): "[0 ms, 50 ms]",
    ("heatmap", "legend"): None,  # of cells without a value alone
    ("curve", "colourmap"): None,  # of many curves alone
}
NEEDS = {
    **{(kind, "legend"): {"monitor": "[out, two]"} for kind in ("rate", "psth", "rasters")},
    ("weights", "times"): {"monitor": "sw"},
    ("weights", "legend"): {"monitor": "sw", "times": "[0 ms, 20 ms]"},
    **{("connectivity", key): {"z": "w"} for key in ("zlim", "colourmap")},
    **{("sweep", key): {"y": "drive", "z": "level"} for key in ("zlim", "colourmap")},
    **{("scatter", key): {"z": "time"} for key in ("zlim", "colourmap")},
}
"""Options that another one needs to have an effect."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("options")
    (path / "other.mplstyle").write_text("axes.labelsize: 14\naxes.facecolor: DDDDDD\n")
    return path


def checked(place, plot, sweep):
    (place / "options.yaml").write_text(FILE + (SWEEP if sweep else "") + f"plots:\n  - {{{plot}}}\n")
    return pipeline.check(pipeline.read(place / "options.yaml"))


@pytest.fixture(scope="module")
def folders(place):
    """The folder of a run, and that of a sweep."""
    from snnrun.sweep.experiments import check_sweep
    from snnrun.sweep.local import run_sweep

    (place / "options.yaml").write_text(FILE + "plots: none\n")
    run = pipeline.run(
        pipeline.check(pipeline.read(place / "options.yaml")), place / "out", RunOptions(plots=False)
    ).folder
    (place / "options.yaml").write_text(FILE + SWEEP + "plots: none\n")
    sweep = check_sweep(pipeline.check(pipeline.read(place / "options.yaml")))
    return {False: run, True: run_sweep(sweep, place / "out", RunOptions(plots=False), workers=1).folder}


def drawn(place, folders, kind, plot):
    """What a plot looks like: its size, its pixels, its name."""
    sweep = kind in OF_SWEEP
    (plain,) = checked(place, plot, sweep).plots
    picture = picture_from(plain)
    source = Source.open(folders[sweep])
    with style_context(picture.style):
        figure = compose(source, picture)
        figure.set_layout_engine("none")  # most of the time, and every option shows without it
        figure.canvas.draw()
    source.close()
    return figure.canvas.get_width_height(), np.asarray(figure.canvas.buffer_rgba()).tobytes(), file_names([picture])


def test_weights_of_synapses_come_from_their_monitors_the_end_of_the_run_first(place, folders):
    (plain,) = checked(place, "kind: weights, source: s, variables: x", sweep=False).plots
    assert plain["monitor"] == ["con"]
    (plain,) = checked(place, "kind: weights, monitor: sw, variables: x", sweep=False).plots
    source = Source.open(folders[False])
    with style_context():
        figure = compose(source, picture_from(plain))
    assert source.results.states("sw", "x").times_s[-1] == pytest.approx(0.039)
    source.close()
    assert "values at 39 ms" in figure.get_supxlabel()


def options_of(base):
    return dict(part.split(": ", 1) for part in base.split(", "))


def written(kind, **changes):
    size = "[180 mm, 160 mm]" if kind == "rasters" else "[80 mm, 60 mm]"
    options = {"kind": kind, "size": size, **options_of(BASE[kind])} | changes
    return ", ".join(f"{key}: {value}" for key, value in options.items() if value is not None)


def test_the_tables_of_kinds_and_keys_agree():
    assert set(PLOT_KINDS) == {kind.value for kind in PlotKind} == set(BASE)
    assert frozenset().union(*(kind.all_options for kind in PLOT_KINDS.values())) == set(Plot.model_fields)
    assert set(VALUES) == set(Plot.model_fields) - {"kind"}


@pytest.mark.parametrize("kind", BASE)
def test_every_option_changes_the_picture_or_is_refused(place, folders, kind):
    before = drawn(place, folders, kind, written(kind))
    assert before == drawn(place, folders, kind, written(kind))
    options = PLOT_KINDS[kind].all_options
    refused = {option: value for option, value in VALUES.items() if option not in options}
    with pytest.raises(ExperimentError) as caught:
        checked(place, written(kind, **refused), kind in OF_SWEEP)
    assert {d.span.file.text[d.span.start : d.span.end] for d in caught.value.diagnostics} == set(refused)
    assert {d.code for d in caught.value.diagnostics} == {"FMT209"}
    for option, usual in VALUES.items():
        value = OWN.get((kind, option), usual)
        if value is None or option not in options:
            continue
        changes = {option: value}
        if option == "source":
            changes["monitor"] = None
        if option in ("monitor", "source") and kind == "weights":
            changes["variables"] = "x"
        if option == "neurons" and kind == "heatmap":
            changes |= {"x": None, "y": None, "z": None, "monitor": "v"}
        if option in ("monitor", "source", "variables") and kind == "heatmap":
            changes |= {"x": None, "y": None, "z": None, "source": "cells", "variables": "u"} | (
                {"source": None, "monitor": "v"} if option == "monitor" else {}
            )
        if option in ("monitor", "source") and kind == "traces":
            changes["variables"] = "v"
        if option == "x":
            changes |= {"y": "tau"} if kind == "heatmap" else {}
        if option == "z" and kind == "sweep":
            changes["y"] = None
        plot = written(kind, **changes)
        if kind == "heatmap" and option in ("monitor", "source", "variables", "neurons"):
            checked(place, plot, sweep=False)  # a heatmap of one run
            continue
        if kind in ("connectivity", "weights") and option == "source":
            assert drawn(place, folders, kind, plot)[1] != b""
            continue
        if kind == "connectivity" and option == "monitor":
            assert drawn(place, folders, kind, written(kind, monitor="con2"))[1] == before[1]  # of the same synapses
            continue
        needed = NEEDS.get((kind, option))
        if needed is not None:
            with_them = drawn(place, folders, kind, written(kind, **needed))
            assert drawn(place, folders, kind, written(kind, **needed, **{option: value})) != with_them, option
            continue
        assert drawn(place, folders, kind, plot) != before, option


@pytest.mark.parametrize("kind", ["raster", "rate", "psth", "isi", "image"])
@pytest.mark.parametrize(
    ("bin", "becomes", "told"),
    [
        ("0.25 ms", 0.3e-3, "300 us (3 steps)"),  # a half counts as the next step, as in delays
        ("1.04 ms", 1e-3, "1 ms (10 steps)"),
        ("1 ms", 1e-3, None),
        ("3*dt", 0.3e-3, None),
    ],
)
def test_a_bin_between_two_steps_is_told_with_what_is_drawn(place, kind, bin, becomes, told):
    found = checked(place, f"kind: {kind}, monitor: out, bin: {bin}", sweep=False)
    assert found.plots[0]["bin"] == pytest.approx(becomes, rel=1e-12)
    warnings = [w for w in found.warnings if w.code == "NET162"]
    assert len(warnings) == (told is not None)
    for warning in warnings:
        assert f"the `bin` of this {kind} plot: " in warning.message
        assert f"becomes {told}" in warning.message
        assert warning.span.file.text[warning.span.start : warning.span.end] == bin


def refused(place, plot, at, sweep=False):
    """The code of the only error, and the text it stands at, or the key of that."""
    with pytest.raises(ExperimentError) as caught:
        checked(place, plot, sweep)
    (item,) = caught.value.diagnostics
    text = item.span.file.text[item.span.start : item.span.end]
    return item.code, at if f"{at}: {text}" in plot else text


@pytest.mark.parametrize(
    ("plot", "code", "at"),
    [
        ("kind: raster, monitor: [out, oops]", "PLT501", "oops"),
        ("kind: raster, monitor: [out, v]", "PLT502", "v"),
        ("kind: image, monitor: v", "PLT502", "v"),
        ("kind: traces, monitor: out", "PLT502", "out"),
        ("kind: weights, monitor: v", "PLT502", "v"),
        ("kind: raster, source: s", "PLT502", "s"),
        ("kind: raster, monitor: out, source: cells", "PLT512", "source"),
        ("kind: image, monitor: [out, two]", "PLT512", "monitor"),
        ("kind: raster, monitor: [out, out]", "PLT512", "monitor"),
        ("kind: traces, monitor: v, variables: [v, v]", "PLT512", "variables"),
        ("kind: traces, monitor: v, variables: [v, y]", "PLT504", "y"),
        ("kind: weights, monitor: con, variables: [w, x]", "PLT512", "variables"),
        ("kind: weights, monitor: con, variables: delay", "PLT504", "delay"),
        ("kind: traces, monitor: v, neurons: [3, 12]", "PLT505", "12"),
        ("kind: raster, monitor: out, neurons: [1, 1]", "PLT505", "neurons"),
        ('kind: raster, monitor: out, neurons: "20:30"', "PLT505", "neurons"),
        ("kind: raster, monitor: out, neurons: some", "PLT505", "neurons"),
        ("kind: raster, monitor: out, xlim: [1, 10 ms]", "PLT513", "1"),
        ("kind: raster, monitor: out, xlim: [1 mV, 10 mV]", "PLT513", "1 mV"),
        ("kind: raster, monitor: out, xlim: [10 ms, 1 ms]", "PLT514", "xlim"),
        ("kind: traces, monitor: v, ylim: [0, 1e300]", "PLT514", "1e300"),
        ("kind: traces, monitor: v, ylim: [1, 1]", "PLT514", "ylim"),
        ("kind: traces, monitor: mixed, ylim: [0, 1]", "PLT513", "ylim"),
        ("kind: traces, monitor: mixed, lines: {a: 1}", "PLT513", "lines"),
        ("kind: traces, monitor: mixed, overlay: true", "PLT513", "overlay"),
        ("kind: rate, monitor: out, lines: {a: 10}", "PLT513", "10"),
        ("kind: rate, monitor: r, bin: 1 ms", "PLT512", "bin"),
        ("kind: raster, monitor: out, bin: 1 ms, bins: 10", "PLT512", "bins"),
        ("kind: raster, monitor: out, bin: 0 ms", "PLT514", "bin"),
        ("kind: psth, monitor: out, period: -1 ms", "PLT514", "period"),
        ("kind: psth, monitor: out, bin: 1e-12 s", "PLT514", "bin"),
        ("kind: isi, monitor: out, bin: 1e-12 s", "PLT514", "bin"),
        ("kind: psth, monitor: out, period: 1e-12 s", "PLT514", "period"),
        ("kind: psth, monitor: out, marks: r", "PLT502", "r"),
        ("kind: rate, monitor: out, bins: 5000", "PLT514", "bins"),
        ("kind: image, monitor: out, bins: 5000", "PLT514", "bins"),
        ("kind: psth, monitor: out, period: 1 ms, bins: 11", "PLT514", "bins"),
        ("kind: traces, monitor: v, marks: [out, two]", "PLT512", "marks"),
        ("kind: raster, monitor: out, size: [5 m, 1 m]", "PLT514", "5 m"),
        ("kind: raster, monitor: out, size: [80, 60]", "PLT513", "80"),
        ("kind: raster, monitor: out, labels: {cels: other}", "PLT515", "other"),
        ("kind: heatmap, x: tau, z: rate", "PLT503", "x"),
        ("kind: sweep, y: rate", "PLT511", "sweep"),
        ("kind: rasters, monitor: out", "PLT511", "rasters"),
        ("kind: curve, x: each, y: rate", "PLT511", "rate"),
        ("kind: weights, monitor: delayed, xlim: [0 ms, 2 ms]", "PLT513", "0 ms"),  # it draws `x`, not the delay
        ("kind: scatter, x: v.v", "PLT511", "scatter"),
        ("kind: scatter, x: v.v, y: [v.u, v.v]", "PLT511", "y"),
        ("kind: scatter, x: v.v, y: v.w", "PLT504", "v.w"),
        ("kind: scatter, x: v, y: v.u", "PLT504", "v"),  # three monitors record a `v`
        ("kind: scatter, x: v.v, y: level", "PLT504", "level"),
        ("kind: scatter, x: v.v, y: other_v.v", "PLT516", "other_v.v"),
        ("kind: scatter, x: v.v, y: sw.w", "PLT516", "sw.w"),
        ("kind: scatter, x: v.v, y: out.v", "PLT504", "out.v"),
        ("kind: scatter, x: v.v, y: mixed.I, ylim: [0, 1]", "PLT513", "1"),
        ("kind: scatter, x: v.v, y: v.u, z: drive", "PLT504", "drive"),
        ("kind: scatter, x: v.v, y: v.u, neurons: [12]", "PLT505", "12"),
        ("kind: scatter, x: v.v, y: v.u, labels: {v: other}", "PLT515", "other"),
        ("kind: raster, monitor: out, parts: [spikes, rates]", "PLT509", "rates"),
        ("kind: raster, monitor: out, colours: [red, rde]", "PLT517", "rde"),
        ("kind: raster, monitor: out, colours: {cells: rde}", "PLT517", "rde"),
        ("kind: raster, monitor: out, colours: {cels: red}", "PLT515", "red"),
        ("kind: weights, monitor: con, variables: w, colours: {w: red}", "PLT515", "red"),
        ("kind: connectivity, monitor: con, z: w, colourmap: virid", "PLT517", "virid"),
        ("kind: connectivity, monitor: con, z: v", "PLT504", "v"),
        ("kind: connectivity, monitor: con, z: w, zlim: [0 mV, 1 mV]", "PLT513", "0 mV"),
        ("kind: connectivity, monitor: con, zlim: [0, 1]", "PLT512", "zlim"),
        ("kind: heatmap, monitor: mixed, variables: I, zlim: [0, 1]", "PLT513", "1"),
        ("kind: weights, monitor: con, variables: w, times: [1 ms]", "PLT512", "times"),
        ("kind: weights, monitor: sw, variables: w, times: [1 ms, 2 s]", "PLT514", "2 s"),
        ("kind: weights, monitor: sw, variables: w, times: [1]", "PLT513", "1"),
        ("kind: traces, monitor: v, offset: 0", "PLT514", "offset"),
        ("kind: traces, monitor: v, offset: 1 mV", "PLT513", "1 mV"),
        ("kind: traces, monitor: mixed, offset: 1", "PLT513", "offset"),
        ("kind: traces, monitor: v, offset: 1, overlay: true", "PLT512", "overlay"),
        ("kind: traces, monitor: v, offset: 1, lines: {a: 1}", "PLT512", "lines"),
        ("kind: traces, monitor: v, scale_bars: [1 mV]", "PLT513", "1 mV"),
        ("kind: traces, monitor: v, scale_bars: [1 ms, 0]", "PLT514", "scale_bars"),
        ("kind: rate, monitor: out, scale_bars: [1 ms, 1 ms]", "PLT513", "1 ms"),
        ("kind: raster, monitor: out, style: none.mplstyle", None, "none.mplstyle"),
        ("kind: raster, monitor: out, style: [ggplot, dark]", "PL104", "dark"),
    ],
)
def test_what_a_picture_cannot_show_is_refused_where_it_stands(place, plot, code, at):
    found, text = refused(place, plot, at)
    assert (found, text) == (code or found, at)


@pytest.mark.parametrize(
    ("plot", "code", "at"),
    [
        ("kind: curve, x: rate, y: level", "PLT511", "rate"),
        ("kind: curve, x: tau, y: each", "PLT503", "each"),
        ("kind: curve, x: tau, y: [rate, level]", "PLT513", "y"),
        ("kind: curve, x: tau, y: rate, log: [z]", "PLT509", "z"),
        ("kind: heatmap, x: tau, y: tau, z: rate", "PLT512", "y"),
        ("kind: heatmap, x: tau, y: rate", "PLT503", "rate"),
        ("kind: sweep, x: tau, y: rate, xlim: [1, 2]", "PLT513", "1"),
        ("kind: sweep, x: tau, y: rate, labels: {rat: x}", "PLT515", "x"),
    ],
)
def test_what_a_picture_of_a_sweep_cannot_show_is_refused_where_it_stands(place, plot, code, at):
    assert refused(place, plot, at, sweep=True) == (code, at)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("savefig.dpi: 100000", "100000"),
        ("figure.dpi: 100000", "100000"),
        ("font.size: 4000", "4000"),
        ("nonsense: 1", "nonsense"),
    ],
)
def test_a_style_that_cannot_be_drawn_is_refused_before_the_run(place, line, said):
    (place / "bad.mplstyle").write_text(line + "\n")
    with pytest.raises(ExperimentError, match="PL104") as caught:
        checked(place, "kind: raster, monitor: out, style: bad.mplstyle", sweep=False)
    (item,) = caught.value.diagnostics
    assert said in item.message
    assert item.span.file.text[item.span.start : item.span.end] == "bad.mplstyle"


def test_size_style_and_name_are_those_of_the_whole_picture(place):
    found = refused(place, "panels: [{kind: raster, size: column}, {kind: rate}]", "size")
    assert found == ("PLT510", "size")


def test_zipped_parameters_are_named_by_their_values_or_by_their_label(place):
    from test_plot_pictures import figure_of

    from snnrun.results.sweep_table import Axis, Coordinate, write_sweep

    folder = place / "zipped"
    folder.mkdir(exist_ok=True)
    axes = [Axis("I", "A", [0.0, 1e-9, 2e-9]), Axis("tauw+b", "1", [0.0, 1.0])]
    along = [Coordinate("tauw+b", "tauw", "s", [0.144, 0.02]), Coordinate("tauw+b", "b", "A", [8e-11, 5e-10])]
    write_sweep(folder, axes, {"rate": (np.arange(6.0).reshape(3, 2), "Hz")}, np.ones((3, 2)), coordinates=along)
    (axes,) = figure_of(folder, {"kind": "sweep", "x": "I", "y": "rate"}).axes
    names = ["tauw = 144 ms, b = 80 pA", "tauw = 20 ms, b = 500 pA"]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == names
    labels = {"tauw+b": "set", "x": "Current", "rate": "Firing rate"}
    figure = figure_of(folder, {"kind": "sweep", "x": "I", "y": "rate", "labels": labels})
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["set 0", "set 1"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Current", "Firing rate (Hz)")
    assert figure.get_supxlabel().split("\n")[:2] == [f"set {k}: {name}" for k, name in enumerate(names)]
    figure = figure_of(folder, {"kind": "heatmap", "x": "I", "y": "tauw+b", "z": "rate"})
    assert figure.axes[0].collections[0].get_array().shape == (2, 3)
    assert "tauw+b 1: tauw = 20 ms, b = 500 pA" in figure.get_supxlabel()

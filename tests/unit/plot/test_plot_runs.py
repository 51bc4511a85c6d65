"""Several runs in one picture: curves over each other, other kinds beside each other on the same scales."""

from dataclasses import replace

import numpy as np
import plot_sizes as sizes
import pytest
from test_plot_sizes import faults

from snnrun.compare.names_of_runs import names_of_runs
from snnrun.errors import StorageError
from snnrun.plot.draw import compose, draw
from snnrun.plot.options import picture_from
from snnrun.plot.source import Source
from snnrun.plot.style import style_context

HERTZ = {"slow": 20.0, "fast": 80.0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("compared")
    return {name: sizes.run(root / name, 4, hz) for name, hz in HERTZ.items()}


def drawn(folders, **plot):
    each = {name: Source.open(folder) for name, folder in folders.items()}
    first = next(iter(each.values()))
    with style_context():
        figure = compose(replace(first, runs=tuple(each.items())), picture_from({**sizes.PLOTS[plot["kind"]], **plot}))
        figure.draw_without_rendering()
    for source in each.values():
        source.close()
    return figure


@pytest.mark.parametrize("kind", ["rate", "psth", "isi"])
def test_curves_of_several_runs_lie_over_each_other_in_colours_of_their_own(folders, kind):
    figure = drawn(folders, kind=kind, monitor="spikes", size="column")
    (axes,) = figure.axes
    assert [t.get_text().partition(":")[0] for t in axes.get_legend().get_texts()] == list(HERTZ)
    assert len({patch.get_edgecolor() for patch in axes.patches}) == 2
    if kind == "rate":
        steps = [patch.get_data() for patch in axes.patches]
        counts = [np.nansum(s.values * np.diff(s.edges)) * 4e-3 for s in steps]
        spikes = []
        for folder in folders.values():
            source = Source.open(folder)
            spikes.append(len(source.run().spikes("spikes").times_s))
            source.close()
        assert counts == pytest.approx(spikes)


def test_several_groups_of_several_runs_are_named_by_both(folders):
    figure = drawn(folders, kind="rate", labels={"excitatory": "E"})
    names = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert names == ["E, slow", "inhibitory, slow", "E, fast", "inhibitory, fast"]


@pytest.mark.parametrize("kind", sorted(set(sizes.PLOTS) - sizes.OF_SWEEP))
def test_pictures_of_several_runs_can_be_read(folders, kind):
    figure = drawn(folders, kind=kind, size="page")
    parts = figure.subfigs or [figure]
    assert [part.get_suptitle() for part in figure.subfigs] == (list(HERTZ) if figure.subfigs else [])
    assert [fault for part in parts for fault in faults(part)] == []
    for alike in zip(*(part.axes for part in parts), strict=True):
        assert len({axes.get_ylim() for axes in alike}) == 1
        assert len({image.get_clim() for axes in alike for image in axes.images}) <= 1


def test_a_sweep_is_not_compared(folders, tmp_path):
    both = {**folders, "sweep": sizes.sweep(tmp_path / "sweep", 1)}
    with pytest.raises(StorageError, match="ST208"):
        draw(folders["slow"], [{"kind": "raster"}], tmp_path, runs=both)


FILE = """\
version: 1
name: named
seed: {seed}
constants: {{tau: {tau}, other: 1}}
groups:
  g: {{size: 1, equations: "dv/dt = (other - v)/tau : 1", method: exact}}
run: {{duration: {duration}, dt: 0.1 ms}}
plots: {plots}
"""


@pytest.mark.parametrize(
    ("second", "names"),
    [
        ({"tau": "20 ms"}, ["tau = 10 ms", "tau = 20 ms"]),
        ({"tau": "20 ms", "plots": "[]"}, ["tau = 10 ms", "tau = 20 ms"]),
        ({"tau": "20 ms", "seed": 2}, ["seed = 1, tau = 10 ms", "seed = 2, tau = 20 ms"]),
        ({}, ["0", "1"]),
    ],
)
def test_runs_are_called_by_what_differs_or_by_their_folders(tmp_path, second, names):
    usual = {"seed": 1, "tau": "10 ms", "duration": "1 ms", "plots": "none"}
    for k, changes in enumerate(({}, second)):
        (tmp_path / str(k)).mkdir()
        (tmp_path / str(k) / "experiment.yaml").write_text(FILE.format(**(usual | changes)))
    folders = [tmp_path / "0", tmp_path / "1"]
    assert names_of_runs(folders) == dict(zip(names, folders, strict=True))

"""The process that draws beside a run: the same pictures as without it, and no harm when it cannot draw."""

import json

import pytest

from snnrun.plot.ahead import PlotProcess
from snnrun.plot.draw import draw


@pytest.fixture
def folder(snnrun, small):
    """The folder of a run without pictures."""
    return json.loads(snnrun("run", small, "--json", "--no-plots").out)["folder"]


@pytest.fixture
def started(monkeypatch):
    """A plot_process that has started, with the real `start` (the fixture `snnrun` switches it off)."""
    monkeypatch.undo()
    plot_process = PlotProcess()
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    plot_process.start()
    yield plot_process
    plot_process.close()


def test_it_draws_the_same_bytes(folder, tmp_path, started):
    run = (tmp_path / folder).resolve()
    there = started.draw(run, None, tmp_path / "there", ("png",))
    here = draw(run, None, tmp_path / "here", ("png",))
    assert there
    assert [p.name for p in there] == [p.name for p in here]
    assert [p.read_bytes() for p in there] == [p.read_bytes() for p in here]


def test_it_says_so_when_it_cannot_draw(tmp_path, started):
    assert started.draw(tmp_path / "nothing", None, tmp_path / "out", ("png",)) is None


def test_it_answers_nothing_once_closed_or_used(tmp_path, started):
    started.close()
    assert started.draw(tmp_path, None, tmp_path / "out", ("png",)) is None

"""Recordings that are written while the run goes on."""

import json

import h5py
import pytest
from cli_experiments import write

FILE = """\
version: 1
name: large
groups:
  g: {size: 3000, equations: "dv/dt = (1.1 - v)/(20*ms) : 1", method: exact, threshold: v > 1, reset: v = 0,
      initial: {v: rand()}}
monitors:
  v: {kind: state, source: g, variables: [v]}
  s: {kind: spikes, source: g}
run: {duration: 100 ms, dt: 0.1 ms}
"""


@pytest.fixture
def large(place):
    return write(place / "large.yaml", FILE)


def test_the_bits_are_those_of_any_number_of_threads_and_the_file_is_as_large_as_what_it_holds(snnrun, place, large):
    one = json.loads(snnrun("run", large, "--no-plots", "--json").out)
    two = json.loads(snnrun("run", large, "--no-plots", "--json", "--threads", "2", "--out", "two").out)
    assert one["digest"] == two["digest"]
    with h5py.File(place / one["folder"] / "results.h5") as file:
        samples = file["snnrun/states/v/v"]
        assert samples.shape == (1000, 3000)
        assert samples.chunks == (174, 750)
        assert samples.id.get_storage_size() < 1.1 * samples.nbytes
        assert (place / one["folder"] / "results.h5").stat().st_size < 1.1 * samples.nbytes
    assert snnrun("verify", place / one["folder"]).code == 0


def test_a_disk_that_fills_up_meanwhile_is_the_error_it_was_and_leaves_nothing(snnrun, place, large, monkeypatch):
    usage = type("Usage", (), {"free": 1 << 20})
    monkeypatch.setattr("snnrun.results.container.shutil.disk_usage", lambda _path: usage)
    said = snnrun("run", large, "--no-plots")
    assert said.code == 4
    assert "ST103]: no space left for `results.h5`" in said.err
    assert list((place / "outputs" / "large").iterdir()) == []

"""R23: the same experiment gives the same bits whatever surrounds it: date, time zone, language, home, folder."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_experiments import write

# Every kind of random number, names that other alphabets write differently (`i` and `I`), numbers with a point.
EXPERIMENT = """\
version: 1
name: here-I-am
constants: {tau: 10.5 ms, I_in: 1.25}
groups:
  input: {kind: poisson, size: 20, rates: 40.5 Hz}
  cells:
    size: 10
    equations: |
      dv/dt = (I_in - v)/tau + 0.1*xi*tau**-0.5 : 1
      diz/dt = -iz/(5.5*ms) : 1
    method: euler
    threshold: v + iz > 1.1
    reset: v = 0
    initial: {v: rand()}
synapses:
  drive: {source: input, target: cells, connect: {p: 0.5}, on_pre: iz_post += 0.15}
monitors:
  spikes: {kind: spikes, source: cells}
  state: {kind: state, source: cells, variables: [v, iz], indices: [0, 1]}
run: {duration: 200 ms, dt: 0.1 ms}
metrics: {rate: mean_rate(spikes), level: mean(state.iz)}
"""

# The program, in a process whose clock and language are others.
START = """\
import locale, sys, time
shift = float(sys.argv.pop(1))
real = time.time
time.time = lambda: real() + shift
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass  # this machine does not have it; the names of it are in the environment all the same
from snnrun.cli.entry import main
main()
"""

YEARS = 365.25 * 86400
UNICODE = "bir klasör ışık π 'x'"


def language(name):
    return {"LC_ALL": name, "LANG": name, "LANGUAGE": name.partition(".")[0]}


SURROUNDINGS = {
    "another date": {"shift": 40 * YEARS},
    "a date in the past": {"shift": -30 * YEARS},
    "another time zone": {"TZ": "Pacific/Kiritimati"},
    "Turkish": language("tr_TR.UTF-8"),
    "German": language("de_DE.UTF-8"),
    "no language": {**language("C"), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no home": {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "a home that does not exist": {"HOME": "/nonexistent"},
    "a folder with spaces and letters": {"folder": UNICODE},
    "places whose names are no text": {"folder": "o\udcff", "TMPDIR": ".", "SNNRUN_CACHE_DIR": "kernels\udcff"},
    "other hashes": {"PYTHONHASHSEED": "12345"},
    "a narrow terminal": {"COLUMNS": "20", "TERM": "dumb", "NO_COLOR": "1"},
}


@pytest.fixture(scope="module")
def languages(tmp_path_factory):
    """A folder with the languages of these tests, for machines that have their sources but not themselves."""
    folder = tmp_path_factory.mktemp("languages")
    program = shutil.which("localedef")
    for name in ("tr_TR", "de_DE"):
        if program:
            command = [program, "-i", name, "-f", "UTF-8", str(folder / f"{name}.UTF-8")]
            subprocess.run(command, capture_output=True, check=False)
    return folder


def outcome(place, kernels, changes):
    """Digest, metrics and pictures of the experiment in some surroundings."""
    changes = dict(changes)
    shift = str(changes.pop("shift", 0.0))
    folder = place / changes.pop("folder", "plain")
    write(folder / "experiment.yaml", EXPERIMENT)
    environment = {**os.environ, "SNNRUN_CACHE_DIR": str(kernels), "PYTHONHASHSEED": "0", **changes}
    environment = {name: value for name, value in environment.items() if value is not None}
    words = [sys.executable, "-c", START, shift, "run", "experiment.yaml", "--json"]
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    said = json.loads(done.stdout)
    return {
        "digest": said["digest"],
        "folder": said["folder"],
        "metrics": said["metrics"],
        "counts": said["counts"],
        "results": _sum(folder / said["folder"] / "results.h5"),
        "pictures": {Path(name).name: _sum(folder / name) for name in said["pictures"]},
    }


def _sum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def usual(tmp_path_factory, kernels):
    """The outcome in the surroundings of the tests."""
    return outcome(tmp_path_factory.mktemp("usual"), kernels, {})


def test_the_experiment_does_something(usual):
    assert usual["counts"]["spikes"] > 20
    assert usual["metrics"]["level"]["value"] > 0
    assert len(usual["pictures"]) == 2


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_do_not_matter(name, usual, kernels, languages, tmp_path):
    changes = SURROUNDINGS[name]
    if (languages / changes.get("LC_ALL", "none")).exists():
        changes = {**changes, "LOCPATH": str(languages)}
    assert outcome(tmp_path, kernels, changes) == usual


def test_another_seed_matters(usual, kernels, tmp_path, monkeypatch):
    """Else the tests above would pass on constants."""
    monkeypatch.setattr(sys.modules[__name__], "EXPERIMENT", EXPERIMENT + "seed: 2\n")
    other = outcome(tmp_path, kernels, {})
    assert other["digest"] != usual["digest"]
    assert other["results"] != usual["results"]

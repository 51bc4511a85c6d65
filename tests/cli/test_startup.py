"""How soon a command answers, measured by what does not depend on the machine's load: modules, calls, threads."""

import json
import subprocess
import sys

import pytest
from cli_experiments import TUTORIAL

PROBE = """\
import json, os, sys
seen = {"calls": 0}

def count(frame, event, argument):
    seen["calls"] += event == "call"

from snnrun.cli.entry import main
sys.setprofile(count)
try:
    main()
finally:
    sys.setprofile(None)
    tasks = "/proc/self/task"
    seen["threads"] = len(os.listdir(tasks)) if os.path.isdir(tasks) else 1
    seen["modules"] = sorted(sys.modules)
    print(json.dumps(seen), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def observe(tmp_path_factory):
    """Run a command in a process of its own and tell what it did."""
    place = tmp_path_factory.mktemp("startup")

    def call(*words, check=True):
        command = [sys.executable, "-c", PROBE, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=check, cwd=place)
        return json.loads(done.stderr.strip().splitlines()[-1])

    return call


@pytest.fixture(scope="module")
def validated(observe):
    """What `snnrun validate` did."""
    return observe("validate", TUTORIAL / "06-raster.yaml")


def packages(seen):
    return {name.partition(".")[0] for name in seen["modules"]}


def test_a_check_loads_nothing_that_only_a_run_needs(validated):
    heavy = {"numba", "llvmlite", "h5py", "matplotlib", "PIL", "scipy", "sympy", "rich", "psutil", "platformdirs"}
    assert not heavy & packages(validated)
    ours = {name for name in validated["modules"] if name.startswith("snnrun.")}
    assert "snnrun.resolve.resolve" in ours
    late = {
        "snnrun.running.folder",
        "snnrun.running.hooks",
        "snnrun.results.layout",
        "snnrun.engine.build",
        "snnrun.connect.builder",
    }
    assert not late & ours
    assert not any(name.startswith(("snnrun.codegen", "snnrun.sweep.")) for name in ours)


def test_a_check_takes_a_bounded_number_of_modules_and_calls(validated):
    """Imports are nearly all of its time; 520 modules and 259,000 calls of Python functions when this was written."""
    assert 300 < len(validated["modules"]) < 560
    assert 100_000 < validated["calls"] < 300_000


def test_a_check_starts_no_threads(validated):
    assert validated["threads"] == 1


def test_help_and_version_load_no_library_but_typer(observe):
    for option in ("--help", "--version"):
        seen = observe(option)
        assert "typer" in packages(seen)
        assert not {"numpy", "pydantic", "yaml", "rich"} & packages(seen)
        assert seen["calls"] < 60_000


@pytest.mark.parametrize("words", [("list",), ("status", "nothing")])
def test_looking_at_results_loads_nothing_that_reads_experiments(observe, words):
    modules = observe(*words, check=False)["modules"]
    assert "snnrun.results.sweep_table" in modules
    others = ("equations", "spec", "model", "resolve", "metrics", "codegen", "engine", "running")
    assert not [m for m in modules if m.startswith(tuple(f"snnrun.{name}." for name in others))]


def test_a_run_from_the_cache_loads_no_compiler(observe, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
    words = ("run", TUTORIAL / "06-raster.yaml", "--no-plots", "--quiet")
    assert {"numba", "snnrun.codegen.lower"} <= set(observe(*words)["modules"])
    warm = observe(*words, "--force")
    assert {"llvmlite", "h5py"} <= packages(warm)
    assert not {"numba", "matplotlib", "PIL", "scipy"} & packages(warm)
    assert not {"snnrun.codegen.lower", "snnrun.codegen.compile"} & set(warm["modules"])

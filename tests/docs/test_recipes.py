"""The recipes for batch systems, containers and workflows: what can run here runs, the others name what is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from snnrun.cli.main import app
from snnrun.sweep.store import read_state

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
COMMANDS = typer.main.get_group(app).commands
NETWORK = """\
version: 1
name: network
constants: {tau: 10 ms}
groups:
  cells: {size: 3, equations: "dv/dt = (2 - v)/tau : 1", threshold: v > 1, reset: v = 0, initial: {v: rand()}}
monitors: {out: {kind: spikes, source: cells}}
run: {duration: 20 ms, dt: 0.1 ms}
metrics: {rate: mean_rate(out)}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a run and a sweep, where `snnrun` is this installation."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "snnrun"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m snnrun "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SNNRUN_CACHE_DIR", os.environ.get("SNNRUN_CACHE_DIR", str(tmp_path / "kernels")))
    work = tmp_path / "work"
    work.mkdir()
    (work / "network.yaml").write_text(NETWORK)
    (work / "sweep.yaml").write_text(
        NETWORK.replace("network", "swept") + "sweep: {axes: {tau: [5 ms, 10 ms, 15 ms]}}\n"
    )
    monkeypatch.chdir(work)
    return work


def started(name, **variables):
    words = ["bash", str(RECIPES / name)]
    return subprocess.Popen(words, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True)


def test_commands_of_batch_systems_share_the_points_of_a_sweep(place):
    both = [
        started("sweep.pbs", PBS_O_WORKDIR=str(place), PBS_ARRAY_INDEX="1", NCPUS="1"),
        started("sweep.lsf", LSB_JOBINDEX="2", LSB_DJOB_NUMPROC="1"),
    ]
    said = [one.communicate(timeout=120)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    folder = next(Path("outputs/swept").glob("*/DONE.json")).parent
    assert read_state(folder).status == "complete"
    ran = [line for file in (folder / "journal").iterdir() for line in file.read_bytes().splitlines()]
    assert len(ran) >= 3


@pytest.mark.parametrize("name", ["sweep.pbs", "sweep.lsf", "run.pbs"])
def test_scripts_of_batch_systems_are_bash(name):
    assert subprocess.run(["bash", "-n", RECIPES / name], check=False).returncode == 0


def test_a_run_of_a_batch_system_needs_its_folder(place):
    said = started("run.pbs").communicate(timeout=60)[1]
    assert "PBS_O_WORKDIR" in said


def commands():
    """Each command of this program in the recipes: the words after `snnrun`."""
    for file in sorted(RECIPES.iterdir()):
        for line in file.read_text(encoding="utf-8").splitlines():
            found = re.search(
                r"""(?:^\s*"?|exec |sif |-v "\$PWD:/work" snnrun )(?:snnrun )?((?:run|validate|verify) .*)""", line
            )
            if found and not line.lstrip().startswith(("run:", "# docs")):
                yield file.name, found[1]


@pytest.mark.parametrize(("file", "command"), list(commands()))
def test_recipes_use_options_that_there_are(file, command):
    known = {option for parameter in COMMANDS[command.split()[0]].params for option in parameter.opts}
    assert set(re.findall(r" (--[a-z-]+)", command)) <= known


def test_every_recipe_has_a_command_that_is_looked_at():
    assert {file for file, _ in commands()} >= {
        "Dockerfile",
        "Snakefile",
        "main.nf",
        "run.pbs",
        "snnrun.def",
        "sweep.lsf",
    }


def test_both_images_hold_the_same_files_and_install_what_there_is():
    docker, apptainer = ((RECIPES / name).read_text() for name in ("Dockerfile", "snnrun.def"))
    copied = {
        f"/source/{Path(word).name}"
        for line in re.findall(r"^COPY (.*) /source", docker, re.MULTILINE)
        for word in line.split()
    }
    listed = re.findall(r"^    (\S+) /source/(\S+)$", apptainer, re.MULTILINE)
    assert {f"/source/{target}" for _, target in listed} == copied
    assert all(source == target and (ROOT / source).exists() for source, target in listed)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in (docker, apptainer):
        extras = re.search(r"pip install --no-cache-dir '/source\[(.*)\]'", text)[1].split(",")
        assert set(extras) <= set(project["optional-dependencies"])
    # what the package is built from is in the images
    assert {"README.md", "LICENSE", "pyproject.toml", "snnrun", "experiments"} == {source for source, _ in listed}


def test_the_workflow_of_github_is_one_and_verifies_a_folder(place):
    plain = yaml.safe_load((RECIPES / "verify.yml").read_text())
    assert plain[True] == ["push", "pull_request"]  # `on` is a boolean to YAML 1.1, and GitHub reads it as a word
    assert plain["permissions"] == {"contents": "read"}
    (job,) = plain["jobs"].values()
    steps = job["steps"]
    assert job["runs-on"].startswith("ubuntu-")
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
    Path("experiments").mkdir()
    shutil.copy("network.yaml", "experiments")
    subprocess.run(["snnrun", "run", "network.yaml", "--no-plots", "--out", "results", "-q"], check=True)
    script = "\n".join(step["run"] for step in steps if "run" in step and "pip install" not in step["run"])
    done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="snakemake is not installed")
def test_snakemake_runs_its_file(place):
    subprocess.run(["snakemake", "--snakefile", RECIPES / "Snakefile", "--cores", "2"], check=True)
    assert Path("rates.csv").read_text().startswith("5,")

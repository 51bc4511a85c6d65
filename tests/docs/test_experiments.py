"""The experiments and templates that come with the program are valid, and say what the tutorial says of them."""

import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from snnrun.cli.new import template_names
from snnrun.running import pipeline
from snnrun.sweep.plan import plan_sweep

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "experiments" / "tutorial"
EXPERIMENTS = sorted(TUTORIAL.glob("*.*ml"))
SWEEPS = sorted((ROOT / "experiments" / "sweeps").glob("*.yaml"))
FEATURES = sorted((ROOT / "experiments" / "features").glob("*.yaml"))
PAPERS = sorted((ROOT / "experiments" / "papers").glob("*.yaml"))
DEMOS = 19


def network_of(name, *overrides):
    return pipeline.check(pipeline.read(TUTORIAL / name, overrides)).resolved.network


def test_every_demo_has_its_file():
    numbers = {int(path.name[:2]) for path in EXPERIMENTS}
    assert numbers == set(range(1, DEMOS + 1))


@pytest.mark.parametrize("path", [*EXPERIMENTS, *SWEEPS, *FEATURES, *PAPERS], ids=lambda path: path.name)
def test_every_experiment_is_valid_and_without_warnings(path):
    checked = pipeline.check(pipeline.read(path))
    assert checked.warnings == ()
    assert checked.name == path.stem + ("-toml" if path.suffix == ".toml" else "")
    assert checked.experiment.description
    if checked.experiment.sweep is not None:
        assert plan_sweep(checked.resolved.context, checked.experiment.sweep).size > 1


@pytest.mark.parametrize(
    "path", [p for p in [*EXPERIMENTS, *SWEEPS, *FEATURES, *PAPERS] if p.suffix == ".yaml"], ids=lambda path: path.name
)
def test_every_yaml_file_tells_editors_its_schema(path):
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / schema).resolve() == ROOT / "schemas" / "experiment.schema.json"


@pytest.mark.parametrize("name", template_names())
def test_every_template_is_valid_and_without_warnings(name):
    path = Path(str(files("snnrun.cli") / "templates" / f"{name}.yaml"))
    checked = pipeline.check(pipeline.read(path))
    assert checked.warnings == ()
    assert checked.name == name


def test_templates_are_installed_with_the_program():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["snnrun"]
    installed = {path.stem for pattern in patterns for path in (ROOT / "snnrun").glob(pattern)}
    assert set(template_names()) <= installed


def test_templates_cover_what_the_manual_promises():
    assert {"minimal", "lif", "network", "stdp", "hodgkin-huxley", "sweep"} <= set(template_names())


def test_the_toml_file_is_the_same_experiment_as_the_yaml_file():
    plain = [pipeline.read(TUTORIAL / f"06-raster.{ending}") for ending in ("yaml", "toml")]
    same = [document.with_values({("name",): None, ("description",): None}).to_yaml() for document in plain]
    assert same[0] == same[1]


def test_both_stdp_files_differ_only_in_how_traces_are_computed():
    event, clock = network_of("14-stdp.yaml"), network_of("14-stdp-clock-driven.yaml")
    assert event.synapses["stdp"].integration is None
    assert clock.synapses["stdp"].integration is not None
    assert (event.steps, event.dt) == (clock.steps, clock.dt)


def test_the_picture_becomes_one_bin_a_column_and_one_neuron_a_row():
    network = network_of("19-image.yaml")
    array = network.arrays["page"]
    assert array.values.shape == (400, 300)
    assert network.groups["population"].size == 300
    assert network.steps * network.dt == pytest.approx(0.4)
    # Ink is 1. The lettering is at the lower right: late in time, at small neuron indices.
    lower_right, upper_right = array.values[200:, :90], array.values[200:, 210:]
    assert np.mean(lower_right) > 2 * np.mean(upper_right)

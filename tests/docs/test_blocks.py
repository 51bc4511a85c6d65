"""What the pages for users show is true: their files are valid, their commands run, what they point to is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snnrun import pipeline
from snnrun.spec.schema import format_reference, schema_text

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "experiments" / "tutorial"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    """(where, text) of every block of a language."""
    return [
        (f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 2}", found[2])
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for found in BLOCK.finditer(text)
        if found[1] == language
    ]


YAML = blocks("yaml")
SHELL = [(where, [line for line in text.split("\n") if line.startswith("snnrun ")]) for where, text in blocks("sh")]
SHELL = [(where, lines) for where, lines in SHELL if lines]


def named(pairs):
    return [pytest.param(content, id=where) for where, content in pairs]


def test_the_pages_hold_blocks():
    assert len(YAML) >= 3
    assert sum(len(lines) for _, lines in SHELL) >= 25


@pytest.mark.parametrize("text", named(YAML))
def test_every_yaml_block_is_a_valid_experiment(text, tmp_path):
    folder = shutil.copytree(TUTORIAL, tmp_path / "tutorial")
    (folder / "block.yaml").write_text(text, encoding="utf-8")
    checked = pipeline.check(pipeline.read(folder / "block.yaml"))
    assert checked.resolved.network.steps > 0


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """One cache of kernels for all workers, away from the user's."""
    return os.environ.get("SNNRUN_CACHE_DIR", str(tmp_path_factory.getbasetemp().parent / "snnrun-kernels"))


@pytest.mark.parametrize("lines", named(SHELL))
def test_every_command_runs(lines, tmp_path, kernels):
    shutil.copytree(ROOT / "experiments" / "tutorial", tmp_path / "experiments" / "tutorial")
    (tmp_path / "docs").mkdir()
    (tmp_path / "schemas").mkdir()
    for line in lines:
        result = run_shell(line, tmp_path, kernels)
        assert result.returncode == 0, f"{line}\n{result.stderr}"


def run_shell(line, folder, kernels):
    """Run a line as the shell would, with the program under test as `snnrun`."""
    program = shlex.join([sys.executable, "-c", "from snnrun.cli.main import main; main()"])
    command = f'snnrun() {{ {program} "$@"; }}; {line}'
    environment = {**os.environ, "SNNRUN_CACHE_DIR": kernels, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_file_in_the_readme_is_the_file_that_the_readme_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = next(found[2] for found in BLOCK.finditer(text) if found[1] == "yaml")
    first, rest = (TUTORIAL / "06-raster.yaml").read_text(encoding="utf-8").split("\n", 1)
    assert first.startswith("# yaml-language-server")
    assert shown == rest


def test_the_tutorial_page_runs_every_experiment_of_the_tutorial():
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    for file in sorted(TUTORIAL.glob("*.*ml")):
        assert f"snnrun run experiments/tutorial/{file.name}" in text


def test_the_schema_and_the_reference_are_those_of_the_models():
    assert (ROOT / "schemas" / "experiment.schema.json").read_text(encoding="utf-8") == schema_text()
    assert (ROOT / "docs" / "format.md").read_text(encoding="utf-8") == format_reference()


def test_pictures_of_the_pages_are_small():
    sizes = {file.name: file.stat().st_size for file in (ROOT / "docs" / "images").iterdir()}
    assert max(sizes.values()) < 40_000
    assert sum(sizes.values()) < 600_000

"""What the pages for users show is true: their files are valid, their commands run, what they point to is there."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from snnrun.cli.main import main
from snnrun.running import pipeline

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
def test_every_command_runs(lines, tmp_path, monkeypatch, kernels, capfd):
    for folder in ("tutorial", "sweeps", "features", "benchmarks"):
        shutil.copytree(ROOT / "experiments" / folder, tmp_path / "experiments" / folder)
    (tmp_path / "docs").mkdir()
    (tmp_path / "schemas").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNNRUN_CACHE_DIR", kernels)
    for line in lines:
        into = re.fullmatch(r"(.*) > (\S+)", line)
        command, redirected = into.groups() if into else (line, None)
        code = exit_code_of(words_of(command), monkeypatch)
        said = capfd.readouterr()
        assert code == 0, f"{line}\n{said.err}"
        if redirected:
            assert said.out == (ROOT / redirected).read_text(encoding="utf-8")


def words_of(command):
    """The words that a shell would give the program: without comments, with `*` expanded."""
    words = shlex.split(command, comments=True)
    return [file for word in words for file in sorted(str(p) for p in Path().glob(word) if "*" in word) or [word]]


def exit_code_of(words, monkeypatch):
    """Run a command in this process, which has imported everything already."""
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_the_files_that_pages_on_the_code_name_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|md|yaml))`", text):
        if "NAME" not in name:
            assert (ROOT / name).exists() or (ROOT / "snnrun" / name).exists(), name


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


def test_pictures_of_the_pages_are_small():
    sizes = {file.name: file.stat().st_size for file in (ROOT / "docs" / "images").iterdir()}
    assert max(sizes.values()) < 65_000
    assert sum(sizes.values()) < 450_000

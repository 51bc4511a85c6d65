"""`snnrun examples`: lists, prints and copies the experiments that come with the program; copies run where they are."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from snnrun.cli import examples
from snnrun.errors import ExperimentError, StorageError
from snnrun.running import pipeline
from snnrun.spec.examples import find_examples

ROOT = Path(__file__).parents[2]


def test_all_experiments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    names = [example.name for example in find_examples()]
    files = {f"{path.parent.name}/{path.stem}" for path in (ROOT / "experiments").glob("*/*.yaml")}
    if not (ROOT / "experiments/benchmarks/made").exists():
        files.remove("benchmarks/fly-brain")  # its table is made by `make bench-data`: a copy could not run
    assert sorted(names) == sorted(files)
    examples.show_examples(None, None)
    shown = capsys.readouterr().out
    assert all(name in shown for name in names)


def test_one_is_printed_by_its_name_alone(capsys: pytest.CaptureFixture[str]) -> None:
    examples.show_examples("wang-2002", None)
    assert capsys.readouterr().out == (ROOT / "experiments/papers/wang-2002.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["features/digits", "own-model", "17-python-hook", "points-from-a-file", "19-image"])
def test_a_copy_has_all_files_that_it_reads(name: str, tmp_path: Path) -> None:
    examples.show_examples(name, tmp_path / "mine")
    copied = tmp_path / "mine" / f"{name.rpartition('/')[2]}.yaml"
    assert not copied.read_text(encoding="utf-8").startswith("#")
    assert pipeline.check(pipeline.read(copied)).warnings == ()
    with pytest.raises(StorageError, match="exists already"):
        examples.show_examples(name, tmp_path / "mine")


def test_names_that_are_unknown_or_not_unique_say_so() -> None:
    with pytest.raises(ExperimentError, match="there is no example `wang-2020`") as caught:
        examples.show_examples("wang-2020", None)
    assert caught.value.diagnostics[0].help == "did you mean `wang-2002`?"
    with pytest.raises(ExperimentError, match="several examples are called `stdp`"):
        examples.show_examples("stdp", None)


def test_the_package_installs_every_file_of_every_folder() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["data-files"]
    installed = {path for globs in patterns.values() for pattern in globs for path in ROOT.glob(pattern)}
    wanted = {p for p in (ROOT / "experiments").rglob("*") if p.is_file() and p.suffix not in (".toml", ".pyc")}
    assert installed == wanted
    assert all(target.removeprefix("share/snnrun/") + "/" in pattern for target, (pattern,) in patterns.items())

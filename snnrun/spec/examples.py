"""The experiments that come with the program: files below `experiments`, installed beside the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from snnrun.errors import Diagnostic, StorageError
from snnrun.source import SourceFile
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.nodes import plain

_INSTALLED = "share/snnrun/experiments"
_FOLDERS = ("tutorial", "features", "papers", "sweeps", "benchmarks")
_PATH = re.compile(r"[\w./-]{1,200}(:\w+)?")


@dataclass(frozen=True, slots=True)
class Example:
    """An experiment that comes with the program.

    Args:
        name: How it is called: `papers/wang-2002`.
        path: Its file.
        description: What it says of itself.
    """

    name: str
    path: Path
    description: str


def examples_folder() -> Path:
    """The folder of all experiments, in a checkout or where the package is installed.

    Raises:
        StorageError: They are not there.
    """
    checkout = Path(__file__).parents[2] / "experiments"
    if checkout.is_dir():
        return checkout
    try:
        for file in files("snnrun") or ():
            if _INSTALLED in file.as_posix():
                path = Path(str(file.locate()))
                return next(parent for parent in path.resolve().parents if parent.name == "experiments")
    except PackageNotFoundError:
        pass
    raise StorageError(Diagnostic("NEW804", "the experiments are not installed", None, "install the package again"))


def example_files() -> list[Path]:
    """The files of all experiments, by folder and name.

    Raises:
        StorageError: They are not there.
    """
    root = examples_folder()
    return [path for folder in _FOLDERS for path in sorted((root / folder).glob("*.yaml"))]


def example_name(path: Path) -> str:
    """How an experiment is called: `papers/wang-2002`."""
    return f"{path.parent.name}/{path.stem}"


def find_examples() -> list[Example]:
    """All experiments whose tables are there, by folder and name."""
    found = []
    for path in example_files():
        experiment = _plain(path)
        if all((path.parent / table).exists() for table in _tables(experiment)):
            found.append(Example(example_name(path), path, " ".join(str(experiment["description"]).split())))
    return found


def _tables(value: Any) -> Iterator[str]:
    """The values of all keys `file`."""
    if isinstance(value, dict):
        if isinstance(value.get("file"), str):
            yield value["file"]
        for item in value.values():
            yield from _tables(item)
    elif isinstance(value, list):
        for item in value:
            yield from _tables(item)


def files_read(path: Path) -> Iterator[Path]:
    """The files in an experiment's folder that texts of it name, with those that these name."""
    return _named(_plain(path), path.parent)


def _plain(path: Path) -> Any:
    return plain(parse_yaml(SourceFile(path.name, path.read_text(encoding="utf-8"))))


def _named(value: Any, folder: Path) -> Iterator[Path]:
    """The files below a folder that texts in an experiment name, with those that these name."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _named(item, folder)
    elif isinstance(value, str) and _PATH.fullmatch(value):
        path = folder / value.partition(":")[0]
        if path.is_file():
            yield path
            if path.suffix == ".yaml":
                yield from files_read(path)

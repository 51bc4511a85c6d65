"""`snnrun examples`: the experiments that come with the program."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml

from snnrun.cli.render import put, say
from snnrun.cli.tables import Column, write_table
from snnrun.errors import Diagnostic, ExperimentError, StorageError, did_you_mean

_INSTALLED = "share/snnrun/experiments"
_FOLDERS = ("tutorial", "features", "papers", "sweeps", "benchmarks")
_SCHEMA = "# yaml-language-server"
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


def find_examples() -> list[Example]:
    """All experiments, by folder and name."""
    root = examples_folder()
    paths = [path for folder in _FOLDERS for path in sorted((root / folder).glob("*.yaml"))]
    return [Example(f"{p.parent.name}/{p.stem}", p, " ".join(str(_plain(p)["description"]).split())) for p in paths]


def show_examples(name: str | None, copy: Path | None) -> None:
    """List all experiments, print one, or copy one or all of them with the files that they read.

    Raises:
        ExperimentError: There is no such experiment.
        StorageError: A file of the copy exists already, or cannot be written.
    """
    chosen = find_examples() if name is None else [_example(name)]
    if copy is not None:
        for example in chosen:
            _copy(example, copy)
        say(f"copied {len(chosen)} experiment{'s' if len(chosen) > 1 else ''} to {copy}")
        return
    if name is not None:
        put(chosen[0].path.read_text(encoding="utf-8").rstrip("\n"))
        return
    write_table(
        [
            Column("experiment", [example.name for example in chosen]),
            Column("what it shows", [_first_words(example.description) for example in chosen]),
        ]
    )
    say("snnrun examples NAME prints one, --copy DIR copies it with the files that it reads")


def _first_words(description: str) -> str:
    return shorten(description.partition(". ")[0].rstrip("."), 80, placeholder=" ...")


def _example(name: str) -> Example:
    """The experiment `folder/name`, or `name` where no other folder has one of this name."""
    known = find_examples()
    found = [example for example in known if name in (example.name, example.path.stem)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(example.name for example in found)
        raise ExperimentError(Diagnostic("NEW802", f"several examples are called `{name}`", None, f"write {several}"))
    names = [form for example in known for form in (example.name, example.path.stem)]
    advice = did_you_mean(name, names) or "snnrun examples lists them"
    raise ExperimentError(Diagnostic("NEW802", f"there is no example `{name}`", None, advice))


def _plain(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def _copy(example: Example, target: Path) -> None:
    text = example.path.read_text(encoding="utf-8")
    if text.startswith(_SCHEMA):  # its path is that of the program's own folder
        text = text.partition("\n")[2]
    folder = example.path.parent
    copied = target / example.path.name
    try:
        target.mkdir(parents=True, exist_ok=True)
        with copied.open("x", encoding="utf-8") as file:
            file.write(text)
        for read in _files_read(_plain(example.path), folder):
            beside = target / read.relative_to(folder)
            beside.parent.mkdir(parents=True, exist_ok=True)
            if not beside.exists():
                shutil.copyfile(read, beside)
    except FileExistsError:
        raise StorageError(Diagnostic("NEW803", f"`{copied}` exists already", None, "choose another folder")) from None
    except OSError as problem:
        raise StorageError(Diagnostic("NEW804", f"`{copied}` cannot be written: {problem.strerror}")) from None


def _files_read(value: Any, folder: Path) -> Iterator[Path]:
    """The files below a folder that texts in an experiment name, with those that these name."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _files_read(item, folder)
    elif isinstance(value, str) and _PATH.fullmatch(value):
        path = folder / value.partition(":")[0]
        if path.is_file():
            yield path
            if path.suffix == ".yaml":
                yield from _files_read(_plain(path), path.parent)

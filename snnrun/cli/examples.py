"""`snnrun examples`: the experiments that come with the program."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import shorten

from snnrun.cli.render import put, put_json, say
from snnrun.cli.tables import Column, write_table
from snnrun.errors import Diagnostic, ExperimentError, StorageError, did_you_mean
from snnrun.spec.examples import Example, files_read, find_examples

_SCHEMA = "# yaml-language-server"


def show_examples(name: str | None, copy: Path | None, *, json: bool = False) -> None:
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
    if json:
        listed = [{"name": e.name, "file": str(e.path), "description": e.description} for e in chosen]
        put_json({"examples": listed})
    if json or copy is not None:
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
        for read in files_read(example.path):
            beside = target / read.relative_to(folder)
            beside.parent.mkdir(parents=True, exist_ok=True)
            if not beside.exists():
                shutil.copyfile(read, beside)
    except FileExistsError:
        raise StorageError(Diagnostic("NEW803", f"`{copied}` exists already", None, "choose another folder")) from None
    except OSError as problem:
        raise StorageError(Diagnostic("NEW804", f"`{copied}` cannot be written: {problem.strerror}")) from None

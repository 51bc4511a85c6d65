"""`snnrun import`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from snnrun.cli.render import render, say
from snnrun.errors import Diagnostic, ExperimentError, Severity, StorageError
from snnrun.importing.experiment import experiments_of
from snnrun.importing.records import Imported
from snnrun.importing.script import must_exist, python_with_brian2, record
from snnrun.running import pipeline
from snnrun.spec.nodes import MapNode, tree_of
from snnrun.spec.write_yaml import write_yaml


def import_script(script: Path, out: Path, python: Path | None, *, allow_code: bool) -> None:
    """Run a Brian2 script without simulating it, and write what it builds as an experiment.

    Raises:
        ExperimentError: IMP800, the script may not be run; IMP801, there is no Brian2; IMP803, nothing was recorded.
        StorageError: A file exists already, or cannot be read or written.
    """
    if not allow_code:
        message = f"`{script}` is a program: importing it runs it"
        raise ExperimentError(Diagnostic("IMP800", message, None, "add `--allow-code` if you trust it"))
    must_exist(script)
    recorded, arrays = record(script, python_with_brian2(python))
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", script.stem)[:64]
    found = experiments_of(recorded, arrays, name)
    if not found:
        problem = recorded["problem"]
        why = f"it ended in line {problem['line']}: {problem['error']}" if problem else "it has none"
        raise ExperimentError(Diagnostic("IMP803", f"`{script}` has built no object of Brian2: {why}"))
    for experiment in found:
        _finish(experiment, out / f"{experiment.data['name']}.yaml")


def _finish(experiment: Imported, target: Path) -> None:
    """Write an experiment, and say what became of each line of the script, and what its check says."""
    write_experiment(experiment, target)
    for line, text in experiment.converted:
        say(f"  line {line or '?'}: {text}")
    for line, text in experiment.notes:
        render(
            [Diagnostic("IMP804", f"line {line}: {text}" if line else text, None, None, Severity.WARNING)], sys.stderr
        )
    try:
        render(pipeline.check(pipeline.read(target)).warnings, sys.stderr)
    except ExperimentError as error:
        render(error.diagnostics, sys.stderr)
        say(f"wrote {target}, which needs these changes")
        return
    say(f"wrote {target}\nnext: snnrun run {target}{' --allow-code' if experiment.texts else ''}")


def write_experiment(found: Imported, target: Path) -> None:
    """Write an experiment and the files beside it.

    Raises:
        StorageError: One exists already, or cannot be written.
    """
    paths = [target, *(target.parent / file for file in [*found.arrays, *found.texts])]
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None:
        raise StorageError(Diagnostic("NEW803", f"`{taken}` exists already", None, "choose another folder"))
    root = tree_of(found.data)
    assert isinstance(root, MapNode)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(write_yaml(root, compact=True), encoding="utf-8")
        for file, array in found.arrays.items():
            np.save(target.parent / file, array)
        for file, text in found.texts.items():
            (target.parent / file).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise StorageError(Diagnostic("NEW804", f"`{target}` cannot be written: {problem.strerror}")) from None

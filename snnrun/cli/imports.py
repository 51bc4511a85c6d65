"""`snnrun import`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.cli.render import render, say
from snnrun.errors import Diagnostic, ExperimentError, Severity, StorageError
from snnrun.importing.experiment import experiment_of
from snnrun.importing.records import Imported
from snnrun.importing.script import must_exist, python_with_brian2, record
from snnrun.running import pipeline
from snnrun.source import SourceFile, Span
from snnrun.spec.nodes import Entry, ListNode, MapNode, Node, scalar
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
    found = experiment_of(recorded, arrays, name)
    if not found.data:
        raise ExperimentError(Diagnostic("IMP803", "; ".join(text for _, text in found.notes)))
    target = out / f"{name}.yaml"
    _write(found, target)
    for line, text in found.notes:
        render(
            [Diagnostic("IMP804", f"line {line}: {text}" if line else text, None, None, Severity.WARNING)], sys.stderr
        )
    try:
        render(pipeline.check(pipeline.read(target)).warnings, sys.stderr)
    except ExperimentError as error:
        render(error.diagnostics, sys.stderr)
        say(f"wrote {target}, which needs these changes")
        return
    say(f"wrote {target}\nnext: snnrun run {target}")


def _write(found: Imported, target: Path) -> None:
    paths = [target, *(target.parent / file for file in found.arrays)]
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None:
        raise StorageError(Diagnostic("NEW803", f"`{taken}` exists already", None, "choose another folder"))
    root = _node(found.data)
    assert isinstance(root, MapNode)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(write_yaml(root), encoding="utf-8")
        for file, array in found.arrays.items():
            np.save(target.parent / file, array)
    except OSError as problem:
        raise StorageError(Diagnostic("NEW804", f"`{target}` cannot be written: {problem.strerror}")) from None


def _node(value: Any) -> Node:
    """Plain data as a tree that can be written."""
    nowhere = Span(SourceFile("", ""), 0, 0)
    if isinstance(value, dict):
        entries = {str(k): Entry(scalar(str(k), SourceFile("", str(k))), _node(v)) for k, v in value.items()}
        return MapNode(entries, nowhere)
    if isinstance(value, list | tuple):
        return ListNode(tuple(_node(item) for item in value), nowhere)
    return scalar(value, SourceFile("", value if isinstance(value, str) else repr(value)))

"""`snnrun export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from snnrun.cli.render import put, render, say
from snnrun.errors import Diagnostic, ExperimentError, Severity, StorageError, did_you_mean
from snnrun.export.brian2 import MADE_BY, Script, export
from snnrun.files.writing import replacing
from snnrun.running import pipeline

_SIMULATORS = ("brian2",)


def export_file(file: Path, to: str, overrides: Sequence[str], out: Path | None) -> None:
    """Write an experiment as a script.

    Raises:
        ExperimentError: The experiment is wrong, the simulator is not known (EXP801), or the script needs a file of
            numbers beside it and no place is given (EXP802).
        StorageError: EXP803, the file that would be replaced is not a script of this command.
    """
    if to not in _SIMULATORS:
        advice = did_you_mean(to, _SIMULATORS) or f"known: {', '.join(_SIMULATORS)}"
        raise ExperimentError(Diagnostic("EXP801", f"there is no export to `{to}`", None, advice))
    checked = pipeline.check(pipeline.read(file, overrides))
    render(checked.warnings, sys.stderr)
    numbers = f"{out.stem if out is not None else checked.name}_numbers.npz"
    script = export(checked, numbers)
    if out is None:
        if script.arrays:
            message = "the script reads long lists of numbers from a file beside it"
            raise ExperimentError(Diagnostic("EXP802", message, None, f"name the script: --out {checked.name}.py"))
        put(script.text.removesuffix("\n"))
    else:
        _write(script, out, numbers)
    render(
        [
            Diagnostic("EXP804", f"`{path}` is not in the script", None, why, Severity.WARNING)
            for path, why in script.notes
        ],
        sys.stderr,
    )


def _write(script: Script, out: Path, numbers: str) -> None:
    if out.exists() and MADE_BY not in out.read_text(encoding="utf-8", errors="replace"):
        message = f"`{out}` exists and was not written by `snnrun export`"
        raise StorageError(Diagnostic("EXP803", message, None, "name another file, or remove it"))
    with replacing(out) as temporary:
        temporary.write_text(script.text, encoding="utf-8")
    if script.arrays:
        with replacing(out.with_name(numbers)) as temporary, temporary.open("wb") as file:
            np.savez(file, **script.arrays)  # type: ignore[arg-type] # no option of savez is among the names
    say(f"{out}  {len(script.text.splitlines())} lines" + (f" · {numbers}" if script.arrays else ""))

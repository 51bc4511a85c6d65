"""`snnrun export`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from snnrun.cli.progress import bytes_text
from snnrun.cli.render import put, render, say
from snnrun.errors import Diagnostic, ExperimentError, Severity, StorageError, did_you_mean
from snnrun.export.brian2 import MADE_BY, Script, export
from snnrun.export.finished import Finished
from snnrun.files.writing import replacing
from snnrun.running import pipeline

_SIMULATORS = ("brian2",)
_FORMS = {
    "csv": ("csv_files", "-csv"),
    "neo": ("neo_block", ".nix"),
    "nwb": ("nwb", ".nwb"),
    "ro-crate": ("ro_crate", "-crate"),
}
"""Forms of results: the module that writes it, and how its file or folder is called after the experiment's name."""


def export_file(file: Path, to: str, overrides: Sequence[str], out: Path | None) -> None:
    """Write an experiment as a script, or results in another form.

    Raises:
        ExperimentError: The experiment is wrong, the simulator is not known (EXP801), or the script needs a file of
            numbers beside it and no place is given (EXP802).
        StorageError: EXP803, the file that would be replaced is not a script of this command; or results cannot be
            exported (EXP805 to EXP808).
    """
    known = (*_SIMULATORS, *_FORMS)
    if to not in known:
        advice = did_you_mean(to, known) or f"known: {', '.join(known)}"
        raise ExperimentError(Diagnostic("EXP801", f"there is no export to `{to}`", None, advice))
    if to in _FORMS:
        _export_results(file, to, overrides, out)
        return
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


def _export_results(folder: Path, to: str, overrides: Sequence[str], out: Path | None) -> None:
    """Write finished results in another form, to a file or folder that does not exist yet."""
    module, ending = _FORMS[to]
    finished = Finished.read(folder, overrides)
    target = out or Path(f"{finished.name}{ending}")
    if target.exists():
        raise StorageError(Diagnostic("EXP805", f"`{target}` exists already", None, "name another: --out PATH"))
    try:
        writer = import_module(f"snnrun.export.{module}")
    except ImportError as error:
        message = f"`--to {to}` needs the package `{error.name}`, which is not installed"
        raise StorageError(Diagnostic("EXP807", message, None, f"pip install 'snnrun[{to}]'")) from error
    # A file that is not whole never has the final name.
    temporary = target.with_name(f".{target.name}.{os.getpid()}-tmp{target.suffix}")
    try:
        writer.write(finished, temporary)
        temporary.rename(target)
    except OSError as error:
        message = f"cannot write `{target}`: {error.strerror or error}"
        raise StorageError(Diagnostic("ST104", message, None, "check the free space and the rights there")) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
    files = [path for path in target.rglob("*") if path.is_file()] if target.is_dir() else [target]
    size = sum(path.stat().st_size for path in files)
    say(f"{target}  {f'{len(files)} files · ' if target.is_dir() else ''}{bytes_text(size)}")


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

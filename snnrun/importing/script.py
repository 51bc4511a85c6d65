"""A Brian2 script, run by the Python that has Brian2."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from snnrun.errors import Diagnostic, ExperimentError, StorageError

_FINDS_BRIAN2 = "import importlib.util, sys; sys.exit(importlib.util.find_spec('brian2') is None)"


def python_with_brian2(chosen: Path | None) -> str:
    """The Python that runs scripts: the chosen one, this one, or `python3` of the PATH, if it has Brian2.

    Raises:
        ExperimentError: IMP801, none has Brian2.
    """
    candidates = [str(chosen)] if chosen is not None else [sys.executable, *filter(None, [shutil.which("python3")])]
    for python in candidates:
        try:
            found = subprocess.run(  # noqa: S603 - the Python that the user names
                [python, "-c", _FINDS_BRIAN2], capture_output=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if found.returncode == 0:
            return python
    message = f"Brian2 is not installed in {' or '.join(f'`{c}`' for c in candidates)}"
    advice = "`python3 -m venv b2 && b2/bin/pip install brian2`, then `--python b2/bin/python`"
    raise ExperimentError(Diagnostic("IMP801", message, None, advice))


def must_exist(script: Path) -> None:
    """Refuse a script that is not there.

    Raises:
        StorageError: IMP802.
    """
    if not script.is_file():
        raise StorageError(Diagnostic("IMP802", f"there is no file `{script}`"))


def record(script: Path, python: str) -> tuple[Mapping[str, Any], Mapping[str, np.ndarray]]:
    """What a script does up to each `run`, which does not simulate; and the arrays that it uses.

    Raises:
        ExperimentError: IMP803, nothing was recorded.
    """
    with tempfile.TemporaryDirectory() as folder, as_file(files("snnrun.importing") / "recorder.py") as recorder:
        out = Path(folder) / "recorded.json"
        command = [python, str(recorder), str(script.resolve()), str(out)]
        ended = subprocess.run(  # noqa: S603 - the user has allowed it
            command, capture_output=True, text=True, errors="replace", cwd=script.resolve().parent, check=False
        )
        if not out.is_file():
            last = ended.stderr.strip().rpartition("\n")[2]
            raise ExperimentError(Diagnostic("IMP803", f"`{script}` cannot be run: {last}"))
        with np.load(f"{out}.npz", allow_pickle=False) as stored:
            arrays = dict(stored)
        return json.loads(out.read_text(encoding="utf-8")), arrays

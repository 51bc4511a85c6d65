"""Environments of their own for the peers, beside the project's: made once, kept in a folder that git ignores."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from processes import run_child
from works import ROOT, Tool

FOLDER = ROOT / ".bench"
_INSTALL = 600.0  # [s]
_PACKAGES = {Tool.BRIAN2: "brian2", Tool.NEST: "nest-simulator"}
_CONSTRAINTS: tuple[tuple[str, ...], ...] = ((), ("numpy<2.4",))  # Brian2 2.9 does not run with later ones
_SMOKE = {
    Tool.BRIAN2: (
        "from brian2 import *; prefs.codegen.target = 'numpy'; "
        "G = NeuronGroup(2, 'dv/dt = (2 - v)/(1*ms) : 1', threshold='v > 1', reset='v = 0', method='exact'); "
        "M = SpikeMonitor(G); run(5*ms); assert M.num_spikes > 0"
    ),
    Tool.NEST: "import nest; n = nest.Create('iaf_psc_delta', 2); nest.Simulate(1.0)",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that can run, or why it cannot.

    Args:
        tool: Whose program.
        python: The interpreter of its environment; empty when it is missing.
        versions: Versions of it and of what it stands on.
        missing: Why it is missing; empty when it is there.
    """

    tool: Tool
    python: str
    versions: dict[str, str]
    missing: str = ""


def ready(tool: Tool, say: Callable[[str], None]) -> Peer:
    """The environment of a peer, made now when there is none."""
    folder = FOLDER / tool.value.lower()
    note = folder / "ready.json"
    if note.exists():
        return Peer(tool, str(_python_of(folder)), json.loads(note.read_text())["versions"])  # it may have been moved
    reason = "no Python 3.11 or later was found"
    for python in pythons():
        say(f"making an environment for {tool.value} with {python}")
        reason = _make(tool, python, folder)
        if not reason:
            found = Peer(tool, str(_python_of(folder)), _versions(tool, folder))
            note.write_text(json.dumps(asdict(found), indent=1))
            return found
        shutil.rmtree(folder, ignore_errors=True)
    return Peer(tool, "", {}, reason)


def _make(tool: Tool, python: Path, folder: Path) -> str:
    """Install and try it; why that failed, empty when it did not."""
    shutil.rmtree(folder, ignore_errors=True)
    made = run_child([python, "-m", "venv", folder], _INSTALL)
    if made.code:
        return f"no environment: {made.reason}"
    reason = ""
    for constraint in _CONSTRAINTS:
        pip = [_python_of(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installed = run_child([*pip, "--only-binary", ":all:", _PACKAGES[tool], *constraint], _INSTALL)
        if installed.code:
            return f"not installed: {installed.reason}"
        tried = run_child([_python_of(folder), "-c", _SMOKE[tool]], 120.0)
        if tried.code == 0:
            return ""
        reason = f"does not run: {tried.reason}"
    return reason


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def _versions(tool: Tool, folder: Path) -> dict[str, str]:
    listed = run_child([_python_of(folder), "-m", "pip", "list", "--format", "json"], 120.0)
    packages = {entry["name"].lower(): entry["version"] for entry in json.loads(listed.out)}
    python = run_child([_python_of(folder), "-c", "import platform; print(platform.python_version())"], 60.0)
    wanted = {_PACKAGES[tool]: tool.value, "numpy": "numpy", "cython": "Cython"}
    return {"Python": python.out.strip()} | {
        label: packages[name] for name, label in wanted.items() if name in packages
    }


def pythons() -> list[Path]:
    """The Pythons of this machine, the newest first; one of each minor version.

    They are looked for on PATH and among those that pyenv has; a program that does not start, or has no `venv`, is
    passed over.
    """
    found: dict[tuple[int, ...], Path] = {}
    for path in [*_on_path(), *_of_pyenv(), Path(sys.executable)]:
        version = _version_of(path)
        if version is not None and version >= (3, 11) and version[:2] not in {v[:2] for v in found}:
            found[version] = path
    return [found[version] for version in sorted(found, reverse=True)]


def _on_path() -> list[Path]:
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    named = [file for folder in folders if folder.is_dir() for file in folder.glob("python3*")]
    return [file for file in named if re.fullmatch(r"python3(\.\d+)?", file.name)]


def _of_pyenv() -> list[Path]:
    root = os.environ.get("PYENV_ROOT", "")
    if not root and shutil.which("pyenv"):
        root = run_child(["pyenv", "root"], 10.0).out.strip()
    return sorted(Path(root).glob("versions/3.*/bin/python")) if root else []


def _version_of(python: Path) -> tuple[int, ...] | None:
    ask = "import sys, ssl, venv, ensurepip; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(int(part) for part in answer.stdout.split())

"""File names in an experiment: always below the data root. Codes `PTH1xx`."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from snnrun.errors import at
from snnrun.source import Text


def resolve_file(text: Text, folder: Path, data_root: Path) -> Path:
    """The path of a file that an experiment names.

    Args:
        text: The name, relative to the folder.
        folder: The folder of the file that holds the name.
        data_root: The folder that must hold the file, links resolved.

    Returns:
        The path, below the data root; whether the file exists is not checked.

    Raises:
        ExperimentError: The name is empty, absolute, holds NUL, or leads out of the data root.
    """
    name = text.value
    if not name.strip() or "\0" in name:
        raise at(text.span(), "PTH101", "this is not a file name", "write a path relative to this file")
    if Path(name).is_absolute() or PureWindowsPath(name).drive or name.startswith(("~", "\\")):
        advice = "write it relative to this file, so that the experiment also runs elsewhere"
        raise at(text.span(), "PTH102", f"`{name}` is an absolute path", advice)
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(data_root.resolve())
        if inside:
            path.exists()  # fails for a name that the system cannot even look for, such as one that is too long
    except (OSError, RuntimeError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "not a usable path"
        raise at(text.span(), "PTH101", f"`{name}`: {reason}", "write a path relative to this file") from None
    if not inside:
        advice = "move the file there, or name a folder that holds both as the data root"
        raise at(text.span(), "PTH103", f"`{name}` leads out of the folder `{data_root}`", advice)
    return path

"""What a shell completes: values of the file after `--set`, and names that the program knows.

A shell asks at each press of the key, so no module is imported here that needs numpy or the models of the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import typer

FORMATS: Final = ("png", "svg", "pdf")
"""Formats of pictures."""


def settings(context: typer.Context, incomplete: str) -> list[str]:
    """Constants of the file that the command names, as `tau=`; and each other value by its path, once it is begun."""
    from snnrun.errors import ExperimentError

    if "=" in incomplete:
        return []
    found: dict[str, None] = {}
    for path in (Path(word) for word in context.args if word.endswith((".yaml", ".yml", ".toml"))):
        try:
            found |= dict.fromkeys(_settings(path, incomplete))
        except (ExperimentError, OSError):
            continue  # a shell shows no messages
    return list(found)


def _settings(path: Path, incomplete: str) -> Iterator[str]:
    from snnrun.spec.extends import Extension
    from snnrun.spec.nodes import MapNode, dotted, walk
    from snnrun.spec.trees import read_tree

    tree = Extension(read_tree, path.parent.absolute()).load(path, str(path))
    for place, node in walk(tree):
        if isinstance(node, MapNode):
            continue
        is_constant = place[:1] == ("constants",) and len(place) == 2
        name = str(place[1]) if is_constant else dotted(place)
        if (is_constant or incomplete) and name.startswith(incomplete):
            yield f"{name}="


def codes(incomplete: str) -> list[str]:
    """Codes of messages."""
    text = (files("snnrun.spec") / "codes.yaml").read_text(encoding="utf-8")
    return [code for code in re.findall(r"(?m)^([A-Z]+\d+):", text) if code.startswith(incomplete)]


def templates(incomplete: str) -> list[str]:
    """Templates of `snnrun new`."""
    return _stems("cli/templates", incomplete)


def models(incomplete: str) -> list[str]:
    """Models of the library."""
    return _stems("library", incomplete)


def _stems(folder: str, incomplete: str) -> list[str]:
    names = [item.name for item in (files("snnrun") / folder).iterdir()]
    return sorted(n.removesuffix(".yaml") for n in names if n.endswith(".yaml") and n.startswith(incomplete))


def examples(incomplete: str) -> list[str]:
    """Experiments that come with the program."""
    from snnrun.errors import StorageError
    from snnrun.spec.examples import example_files, example_name

    try:
        return [name for name in map(example_name, example_files()) if name.startswith(incomplete)]
    except StorageError:
        return []


def formats(incomplete: str) -> list[str]:
    """Formats of pictures."""
    return [name for name in FORMATS if name.startswith(incomplete)]

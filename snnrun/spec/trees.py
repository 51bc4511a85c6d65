"""Experiment files as trees of nodes; this needs neither models nor numbers."""

from __future__ import annotations

from pathlib import Path

from snnrun.errors import Diagnostic, ExperimentError, at
from snnrun.source import SourceFile, Span
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.nodes import MapNode, describe
from snnrun.spec.read import SUFFIXES, read_source


def read_tree(path: Path, name: str, used_at: Span | None = None) -> tuple[SourceFile, MapNode]:
    """One file as source and tree.

    Args:
        path: The file; `.yaml`, `.yml` or `.toml`.
        name: How messages call it.
        used_at: What names it, for messages.

    Raises:
        ExperimentError: The file cannot be read or parsed, or does not hold a map.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES and path.is_file():
        advice = "name a file that ends in .yaml, .yml or .toml"
        raise ExperimentError(Diagnostic("FIL107", f"`{name}` is not an experiment file", None, advice))
    source = read_source(path, name, used_at)
    root = _parse_toml(source) if suffix == ".toml" else parse_yaml(source)
    if not isinstance(root, MapNode):
        message = f"an experiment is a map of keys such as `version: 1`, this file is {describe(root)}"
        raise at(root.span, "FIL108", message, "begin with `version: 1`")
    return source, root


def _parse_toml(source: SourceFile) -> MapNode:
    from snnrun.spec.load_toml import parse_toml  # noqa: PLC0415 - most experiments are YAML

    return parse_toml(source)

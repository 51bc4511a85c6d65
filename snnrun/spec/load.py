"""From an experiment file to a `Document`: read, parse, extend, override."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from snnrun.source import SourceFile
from snnrun.spec.document import Document
from snnrun.spec.extends import Extension
from snnrun.spec.nodes import MapNode, scalar
from snnrun.spec.overrides import apply_overrides
from snnrun.spec.read_values import ReadValues
from snnrun.spec.trees import read_tree


def load(
    path: str | Path,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    data_root: str | Path | None = None,
) -> Document:
    """The document of an experiment file.

    Args:
        path: The file; `.yaml`, `.yml` or `.toml`.
        overrides: Options `path=value`, applied in order.
        seed: Replaces the seed of the file.
        data_root: The folder that must hold every file the experiment names; the file's own folder unless given.

    Raises:
        ExperimentError: The file cannot be read or parsed, `extends` fails, or an option is wrong.
    """
    file = Path(path)
    root_folder = (file.parent if data_root is None else Path(data_root)).absolute()
    extension = Extension(read_tree, root_folder)
    root = extension.load(file, str(path))
    document = _named(Document(root, file, root_folder, extension.folders))
    document = _with_models(document, overrides)
    if seed is not None:
        document = document.with_values({("seed",): scalar(seed, SourceFile(f"--seed {seed}", str(seed)))})
    return replace(document, read_values=ReadValues())


def _with_models(document: Document, options: Sequence[str]) -> Document:
    """The document with options and models: options change what the file says, before models come in."""
    if not _names_models(document, options):
        return apply_overrides(document, options)
    from snnrun.spec.use import Models  # noqa: PLC0415 - most files use no model

    models = Models(read_tree)
    return models.expand(apply_overrides(document, options, models.expand))


def _names_models(document: Document, options: Sequence[str]) -> bool:
    """Whether a group or synapses object uses a model, in the file or by an option."""
    objects = (document.find((s, name)) for s in ("groups", "synapses") for name in document.keys((s,)))
    return any(isinstance(node, MapNode) and "use" in node.entries for node in objects) or any(
        ".use" in option for option in options
    )


def _named(document: Document) -> Document:
    """The document with a name: that of the file, unless it has one."""
    if "name" in document.root.entries:
        return document
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", document.path.stem)[:200]
    named = document.with_values({("name",): stem if stem.strip(".") else "experiment"}).root
    order = {key: number for number, key in enumerate(("version", "name"))}
    entries = dict(sorted(named.entries.items(), key=lambda item: order.get(item[0], len(order))))
    return replace(document, root=MapNode(entries, named.span))

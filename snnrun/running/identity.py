"""What the results of an experiment follow from: its simulation, and how the recorded data are presented.

A change of the presentation alone (`plots`, what is said about the experiment, and `metrics` that decide nothing during
the run) makes metrics and pictures again from the recorded data. Every other change is another simulation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from snnrun import __version__
from snnrun.results.layout import storage_error
from snnrun.spec.document import Document, Value
from snnrun.spec.nodes import Node, ScalarNode, walk
from snnrun.spec.values import ABOUT

PRESENTATION = (*ABOUT, "plots", "metrics")
"""The keys of an experiment that are presentation."""
_DECIDING = (("run", "phases"), ("search",))  # where metrics decide what happens
_WORD = re.compile(r"[^\W\d]\w*\b(?!\s*\()")  # a name that is not called


@dataclass(frozen=True, slots=True)
class Identity:
    """Two hashes of an experiment, hexadecimal.

    Args:
        simulation: Of what its recorded data follow from, and of the version of the program.
        presentation: Of what metrics and pictures follow from beside that.
        name: The name of the experiment.
    """

    simulation: str
    presentation: str
    name: str


def identity_of(document: Document, files: Mapping[str, Path]) -> Identity:
    """The identity of an experiment.

    Args:
        document: The experiment, with names of files relative to its data root.
        files: The files that it names, by these names.

    Raises:
        StorageError: ST109, a file cannot be read.
    """
    simulation, presentation = simulation_of(document), presentation_of(document)
    of_pictures = _named(presentation) - _named(simulation)
    return Identity(
        _hash(simulation, {name: file for name, file in files.items() if name not in of_pictures}),
        _hash(presentation, {name: file for name, file in files.items() if name in of_pictures}),
        str(document.plain()["name"]),
    )


def simulation_of(document: Document) -> Document:
    """The part of an experiment that its recorded data follow from.

    Metrics belong to it that decide something during the run, and all metrics of a sweep that keeps nothing else.
    """
    gone: dict[tuple[str | int, ...], Value] = {(key,): None for key in PRESENTATION if key != "metrics"}
    acting = recorded_metrics(document)
    names = document.keys(("metrics",))
    gone |= {("metrics", name): None for name in names if name not in acting} if acting else {("metrics",): None}
    return document.with_values(gone)


def presentation_of(document: Document) -> Document:
    """The part of an experiment that is made of recorded data."""
    return document.with_values({(key,): None for key in document.keys(()) if key not in PRESENTATION})


def recorded_metrics(document: Document) -> frozenset[str]:
    """The metrics that belong to the simulation."""
    names = frozenset(document.keys(("metrics",)))
    if keeps_only_metrics(document):
        return names
    found: set[str] = set()
    waiting = [word for path in _DECIDING for word in _words(document.find(path)) if word in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [word for word in _words(document.find(("metrics", name))) if word in names]
    return frozenset(found)


def keeps_only_metrics(document: Document) -> bool:
    """Whether this is a sweep whose points have no results of their own: what it records are its metrics."""
    keep = document.find(("sweep", "keep"))
    stated = keep.value if isinstance(keep, ScalarNode) else "metrics" if document.keys(("metrics",)) else "results"
    return document.has(("sweep",)) and stated == "metrics"


def definitions(document: Document) -> dict[str, frozenset[str]]:
    """What each metric follows from: its own text, and those of the metrics that it names."""
    texts = {name: _text(document, name) for name in document.keys(("metrics",))}
    found: dict[str, frozenset[str]] = {}
    for name in texts:
        reached, waiting = set[str](), [name]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += [word for word in _WORD.findall(texts[one]) if word in texts]
        found[name] = frozenset(f"{one}: {texts[one]}" for one in reached)
    return found


def _text(document: Document, name: str) -> str:
    node = document.find(("metrics", name))
    return " ".join(node.literal.split()) if isinstance(node, ScalarNode) else ""


def _words(node: Node | None) -> Iterator[str]:
    """The words of all texts in a value."""
    for _, part in () if node is None else walk(node):
        if isinstance(part, ScalarNode):
            yield from _WORD.findall(part.literal)


def _named(document: Document) -> frozenset[str]:
    """The texts of a document that may name files."""
    return frozenset(
        node.value.rpartition(":")[0] if path[-1] == "call" else node.value
        for path, node in document.walk()
        if isinstance(node, ScalarNode) and isinstance(node.value, str)
    )


def _hash(document: Document, files: Mapping[str, Path]) -> str:
    """The hash of a part of an experiment and of some files."""
    digest = hashlib.sha256(f"snnrun {__version__}\n".encode() + document.to_yaml().encode())
    for name in sorted(files):
        try:
            content = files[name].read_bytes()
        except OSError as error:
            raise storage_error("ST109", f"cannot read `{name}`: {error.strerror}") from error
        digest.update(name.encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()

"""The models that come with the program: one file each in the folder `library` of the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from snnrun.errors import ExperimentError, at, did_you_mean
from snnrun.source import SourceFile, Span
from snnrun.spec.foreign_words import of_model
from snnrun.spec.nodes import plain

KINDS: Final = {"groups": "neurons", "synapses": "synapses"}
"""The `kind` of the models that the objects of a section may use."""


def library_names() -> list[str]:
    """The names of all models, in alphabetical order."""
    names = [entry.name for entry in (files("snnrun") / "library").iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read_library(name: str, used_at: Span | None = None) -> SourceFile | None:
    """The file of a model, under the name that messages give it; None when there is no such model."""
    if not name.isidentifier():
        return None
    path = files("snnrun") / "library" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    return None if text is None else SourceFile(f"library/{name}.yaml", text, used_at)


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """What a model of the library says of itself.

    Args:
        name: Its name.
        section: Where it can be used: `groups` or `synapses`.
        description: What it is.
        references: The papers it is taken from.
        text: Its whole file.
    """

    name: str
    section: str
    description: str
    references: tuple[str, ...]
    text: str


def library_models() -> list[LibraryModel]:
    """All models, those of neurons first."""
    found = [library_model(name) for name in library_names()]
    return sorted(found, key=lambda model: (list(KINDS).index(model.section), model.name))


def library_model(name: str) -> LibraryModel:
    """One model.

    Raises:
        ExperimentError: USE101: there is none of this name.
    """
    from snnrun.spec.load_yaml import parse_yaml  # noqa: PLC0415 - names alone need no YAML

    source = read_library(name)
    if source is None:
        raise unknown_model(name, None)
    about = plain(parse_yaml(source))
    assert isinstance(about, dict)
    section = next(section for section, kind in KINDS.items() if kind == about["kind"])
    return LibraryModel(name, section, about["description"], tuple(about["references"]), source.text)


def unknown_model(name: str, place: Span | None) -> ExperimentError:
    """The error for a name that no model of the library has."""
    known = library_names()
    advice = of_model(name) or did_you_mean(name, known) or f"the library has: {', '.join(known)}"
    return at(place, "USE101", f"there is no model `{name}` in the library", advice)

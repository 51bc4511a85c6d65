"""`use`: groups and synapses that take equations, statements and constants from models. Codes `USE1xx`.

A model is a name of the library of the package (`spec/library.py`), or a file below the data root. Its keys come under
those of the object that uses it (`spec/join_models.py`); a model may use others in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from snnrun.errors import ExperimentError, Report, at, did_you_mean
from snnrun.source import SourceFile, Span, Text
from snnrun.spec import nodes
from snnrun.spec.document import Document, Parameter
from snnrun.spec.join_models import Part, join_models
from snnrun.spec.library import KINDS, read_library, unknown_model
from snnrun.spec.load_yaml import parse_yaml
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode, describe
from snnrun.spec.paths import resolve_file
from snnrun.spec.rename import names_in_model, renamed

_ABOUT: Final = ("kind", "description", "references")  # what a model says of itself, not of the object
_MOST_MODELS: Final = 64
_DEEPEST: Final = 8
_EXAMPLE: Final = "write `use: lif`, `use: ./my_model.yaml`, or `use: [lif, {model: nmda, rename: {Mg: Mg_out}}]`"
_NAME: Final = re.compile(r"[^\W\d]\w*")
_KIND_OF: Final = {kind: section for section, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class _Reference:
    """One model that an object names.

    Args:
        name: Its name, or that of its file.
        rename: From a name of the model to the key and the value that rename it.
    """

    name: Text
    rename: Mapping[str, tuple[Span, Text]]


@dataclass(slots=True)
class Models:
    """Puts the models that a file uses in their places.

    Args:
        read: Reads and parses one file: from path, name and the place that names it to its source and tree.
    """

    read: Callable[[Path, str, Span], tuple[SourceFile, MapNode]]
    _open: list[str] = field(default_factory=list)
    _count: int = 0

    def expand(self, document: Document) -> Document:
        """The document without `use`.

        Raises:
            ExperimentError: USE1xx, of all objects.
        """
        report = Report()
        folders = dict(document.folders)
        parameters: dict[nodes.Path, Parameter] = {}
        values: dict[nodes.Path, Node] = {}
        for section in KINDS:
            for name in document.keys((section,)):
                node = document.find((section, name))
                if not isinstance(node, MapNode) or "use" not in node.entries or _is_other_kind(node):
                    continue
                self._count = 0
                try:
                    parts = self._parts(node, section, document, folders)
                    own = _without(node, ("use",))
                    keys = values[section, name] = join_models(parts, own)
                except ExperimentError as error:
                    report.extend(error.diagnostics)
                    continue
                known = _parameters(parts)
                _check_constants(own, keys, known, parts, report)
                parameters |= {(section, name, "constants", key): p for key, p in known.items()}
        report.stop_if_errors()
        return replace(document.with_values(values), folders=folders, parameters=parameters)

    def _parts(self, node: MapNode, section: str, document: Document, folders: dict[SourceFile, Path]) -> list[Part]:
        """The models that a map names under `use`, each with all that it uses itself."""
        parts = []
        for reference in _references(node.entries["use"].value):
            name, place = reference.name.value, reference.name.span()
            source, model = self._model(reference.name, folders.get(place.file, document.folder), document.data_root)
            folders[source] = Path(source.name).parent  # files that it names are relative to it
            self._enter(reference.name, source)
            _must_be(model, section, reference.name)
            keys = _without(model, (*_ABOUT, "use"))
            if "use" in model.entries:
                keys = join_models(self._parts(model, section, document, folders), keys, inner=True)
            self._open.pop()
            parts.append(Part(Path(name).stem, _with_names(keys, reference), place))
        return parts

    def _enter(self, name: Text, source: SourceFile) -> None:
        """Note that a model is being read.

        Raises:
            ExperimentError: USE102 for a model that uses itself, or for too many.
        """
        if source.name in self._open:
            circle = " → ".join([*self._open[self._open.index(source.name) :], source.name])
            raise at(name.span(), "USE102", f"these models use each other: {circle}", "remove one of these `use`")
        self._open.append(source.name)
        self._count += 1
        if len(self._open) > _DEEPEST or self._count > _MOST_MODELS:
            message = f"more than {_DEEPEST} models use one another, or more than {_MOST_MODELS} in all"
            raise at(name.span(), "USE102", message, "put some of these models into one")

    def _model(self, text: Text, folder: Path, data_root: Path) -> tuple[SourceFile, MapNode]:
        """Source and tree of a model; each time a source of its own, so that places tell objects apart."""
        name = text.value
        if "/" in name or "\\" in name or name.endswith((".yaml", ".yml", ".toml")):
            path = resolve_file(text, folder, data_root)
            if not path.is_file():
                advice = f"the path is relative to the folder `{folder}`"
                raise at(text.span(), "USE103", f"there is no file `{name}` to use", advice)
            return self.read(path, str(path), text.span())
        source = read_library(name, text.span())
        if source is None:
            raise unknown_model(name, text.span())
        root = parse_yaml(source)
        assert isinstance(root, MapNode)
        return source, root


def _is_other_kind(node: MapNode) -> bool:
    """Whether an object is of a kind that uses no models, as the check of the format says."""
    kind = node.get("kind")
    return isinstance(kind, ScalarNode) and kind.value not in KINDS.values()


def _without(node: MapNode, keys: Sequence[str]) -> MapNode:
    return MapNode({key: entry for key, entry in node.entries.items() if key not in keys}, node.span)


def _references(node: Node) -> list[_Reference]:
    """The models that `use` names.

    Raises:
        ExperimentError: USE100: it is no name, no map of `model` and `rename`, and no list of these.
    """
    if isinstance(node, ListNode) and not node.items:
        raise at(node.span, "USE100", "`use` names no model", _EXAMPLE)
    return [_reference(item) for item in (node.items if isinstance(node, ListNode) else (node,))]


def _reference(node: Node) -> _Reference:
    rename: dict[str, tuple[Span, Text]] = {}
    model: Node | None = node
    if isinstance(node, MapNode):
        model = node.get("model")
        for key, entry in node.entries.items():
            if key not in ("model", "rename"):
                advice = "constants stand in `constants` of the object" if key in ("parameters", "constants") else None
                advice = advice or did_you_mean(key, ("model", "rename")) or "its keys are: model, rename"
                raise at(entry.key.span, "USE100", f"`{key}` is not a key of `use`", advice)
        rename = _renames(node.get("rename"))
    if not isinstance(model, ScalarNode) or not isinstance(model.value, str):
        found = "missing" if model is None else describe(model)
        raise at((model or node).span, "USE100", f"`use` needs the name of a model, this is {found}", _EXAMPLE)
    return _Reference(model.text, rename)


def _renames(node: Node | None) -> dict[str, tuple[Span, Text]]:
    if node is None:
        return {}
    if not isinstance(node, MapNode):
        message = f"`rename` needs a map of names, this is {describe(node)}"
        raise at(node.span, "USE100", message, "write `rename: {v: V}`")
    found = {}
    for key, entry in node.entries.items():
        new = entry.value
        if not isinstance(new, ScalarNode) or not isinstance(new.value, str) or not _NAME.fullmatch(new.value):
            raise at(new.span, "USE107", f"`{key}` needs a new name of letters, digits and `_`", "write `{v: V}`")
        found[key] = (entry.key.span, new.text)
    return found


def _must_be(model: MapNode, section: str, name: Text) -> None:
    """Refuse a model that belongs into another section, and a file that is no model.

    Raises:
        ExperimentError: USE109.
    """
    kind = model.get("kind")
    found = kind.value if isinstance(kind, ScalarNode) else None
    if found not in _KIND_OF:
        place = kind.span if kind is not None else next((e.key.span for e in model.entries.values()), model.span)
        raise at(place, "USE109", "a model needs `kind: neurons` or `kind: synapses`", "begin its file with that")
    if found != KINDS[section]:
        advice = f"name it under `{_KIND_OF[found]}`"
        raise at(name.span(), "USE109", f"`{name.value}` is a model of {found}, not of {KINDS[section]}", advice)


def _with_names(keys: MapNode, reference: _Reference) -> MapNode:
    """A model with the names that the object gives it.

    Raises:
        ExperimentError: USE106 for a name that it does not have, USE107 for one that it has already.
    """
    if not reference.rename:
        return keys
    known, report = names_in_model(keys), Report()
    new: dict[str, str] = {}
    for old, (place, text) in reference.rename.items():
        if old not in known:
            advice = did_you_mean(old, known) or f"its names are: {', '.join(sorted(known))}"
            report.error("USE106", f"`{reference.name.value}` has no `{old}`", place, advice)
        taken = text.value in new.values() or (text.value in known and text.value not in reference.rename)
        if taken:
            message = f"`{reference.name.value}` would have two `{text.value}`"
            report.error("USE107", message, text.span(), "choose another name, or rename that one too")
        new[old] = text.value
    report.stop_if_errors()
    return renamed(keys, new)


def _parameters(parts: Sequence[Part]) -> dict[str, Parameter]:
    """The constants of models by name."""
    found = {}
    for part in parts:
        constants = part.keys.get("constants")
        for name, entry in constants.entries.items() if isinstance(constants, MapNode) else ():
            if isinstance(entry.value, ScalarNode):
                found[name] = Parameter(part.name, entry.value)
    return found


def _check_constants(
    own: MapNode, keys: MapNode, known: Mapping[str, Parameter], parts: Sequence[Part], report: Report
) -> None:
    """Report constants that an object gives and that neither its models nor its own texts name."""
    given = own.get("constants")
    if not isinstance(given, MapNode):
        return
    words = {
        word
        for path, node in nodes.walk(keys)
        if isinstance(node, ScalarNode)
        for word in _NAME.findall(node.literal)
        if path != ("constants", word)
    }
    for name, entry in given.entries.items():
        if name not in known and name not in words:
            models = ", ".join(f"`{part.name}`" for part in parts)
            advice = did_you_mean(name, known) or (f"its parameters are: {', '.join(known)}" if known else None)
            report.error("USE105", f"`{name}` is not a parameter of {models}", entry.key.span, advice)

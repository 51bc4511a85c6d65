"""The JSON Schema and the format reference, both made from the models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypeAliasType

from snnrun.plot_kinds import COMMON_OPTIONS, PLOT_KINDS
from snnrun.spec.forms import is_model, models_in, tagged_branches, unwrap
from snnrun.spec.models import Experiment, Plot, Rule
from snnrun.spec.values import LIST_TAG, MAP_TAG, ONE_TAG

_ADDRESS: Final = "https://json-schema.org/draft/2020-12/schema"
_ID: Final = "urn:snnrun:experiment:1"
_PART: Final = ".part"  # ends the names of forms in a file that extends another

_INTRODUCTION: Final = """\
# The experiment file

<!-- Made from the models in snnrun/spec/models.py by `snnrun.spec.schema.format_reference`; do not edit. -->

One file holds one whole experiment, in YAML or TOML. Every quantity carries its unit in the text (`10 ms`, `-70*mV`);
a bare number has no dimension. Equations, conditions and statements use the notation of Brian. Unknown keys are errors.

YAML is read by the rules of version 1.2: `1e-3` is a number, `on`, `off`, `yes`, `no` are texts, a key may stand once.
A text that holds `: `, ` #`, or in `{...}` a comma, needs quotes or a block `|`. Tags, merge keys `<<` and several
documents in one file are errors; anchors and aliases work.

**Kinds of value.** *expression*: a quantity, number, expression or condition. *text*: equations or statements, one a
line, or prose. *name*: begins with a letter, then letters, digits and `_`. *object*: the name of a group, a subgroup
`group.part`, synapses, a monitor. *path*: a dotted path into the file (`groups.exc.size`), or the name of a constant.
A key is required where its last column says so; what stands there otherwise is used when the key is absent.

**`extends`** names a file or a list of files to start from, relative to the file that says so. Maps merge deeply, lists
and scalars replace, `null` removes a key. Later files win over earlier ones, the file itself over all. All files must
lie below the folder of the experiment (or the data root the user names); absolute paths and links that lead out are
refused.

**Options** `--set path=value` change one value: `--set groups.exc.size=400`, `--set tau="5 ms"` for a constant,
`--set plots.0.kind=raster` for an item of a list, `--set groups.exc.reset=null` to remove a key.
They may add an axis of a sweep (`--set "sweep.axes.tau=[5 ms, 10 ms]"`), a metric
(`--set "metrics.rate=mean_rate(out)"`), and a plot at the end of the list
(`--set "plots.0={kind: raster, monitor: out}"` in a file without plots).
"""


class _Schema(GenerateJsonSchema):
    """Pydantic's schema without the titles it makes from names: editors show them instead of the description."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """No titles for fields."""
        return False


def experiment_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an experiment file, for editors and other programs."""
    schema = Experiment.model_json_schema(by_alias=True, schema_generator=_Schema)
    schema = _tidy(schema)
    head = {
        "$schema": _ADDRESS,
        "$id": _ID,
        "title": "snnrun experiment",
        "description": "A spiking neural network experiment: model, run, recordings, sweep and plots in one file.",
    }
    forms: dict[str, Any] = schema.pop("$defs") | {
        "Experiment": {key: value for key, value in schema.items() if key not in head}
    }
    parts = {name + _PART: _part(form) for name, form in forms.items()}
    which = {
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/Experiment{_PART}"},
        "else": {"$ref": "#/$defs/Experiment"},
    }
    return head | which | {"$defs": forms | parts}


def _part(schema: Any, *, key: str = "") -> Any:
    """A schema for a file that extends another: it may leave out any key, and `null` removes one.

    Args:
        schema: The schema of a whole experiment, or a piece of it.
        key: The keyword that the piece stands under.
    """
    if isinstance(schema, list):
        return [_part(item) for item in schema]
    if key == "$ref":
        return schema + _PART
    if not isinstance(schema, dict):
        return schema
    if key == "properties":
        return {name: _or_null(_part(value)) for name, value in schema.items()}
    part = {word: _part(value, key=word) for word, value in schema.items() if word != "required"}
    if isinstance(part.get("additionalProperties"), dict):
        part["additionalProperties"] = _or_null(part["additionalProperties"])
    return part


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in schema.items() if key == "description"}
    return shown | {"anyOf": [{k: v for k, v in schema.items() if k not in shown}, {"type": "null"}]}


def schema_text() -> str:
    """The JSON Schema as the text of `schemas/experiment.schema.json`."""
    return json.dumps(experiment_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(part: Any) -> Any:
    """A schema for people who type: no `null` beside a form, no defaults that say nothing.

    An empty value is an error of the format, so `anyOf: [form, null]` is the form itself. Forms may overlap, so one of
    them is `anyOf`, not `oneOf`.
    """
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    tidy = {key: _tidy(value) for key, value in part.items() if key != "discriminator"}
    if "oneOf" in tidy:
        tidy["anyOf"] = tidy.pop("oneOf")
    if "default" in tidy and tidy["default"] in (None, {}):
        del tidy["default"]
    forms = tidy.get("anyOf")
    if isinstance(forms, list):
        rest = [form for form in forms if form != {"type": "null"}]
        if len(rest) == 1:
            del tidy["anyOf"]
            tidy = rest[0] | tidy
        else:
            tidy["anyOf"] = rest
    return tidy


def format_reference() -> str:
    """The page `docs/format.md`: a table for each map of the format, in the order of the file."""
    parts = [_INTRODUCTION]
    done: list[type[BaseModel]] = []
    parts += _section("The file", Experiment, None)
    for name, field in Experiment.model_fields.items():
        models = [model for model in _reachable(field.annotation) if model not in done]
        first_rule = next((number for number, model in enumerate(models) if issubclass(model, Rule)), None)
        if first_rule is not None:
            models.insert(first_rule, Rule)
        for number, model in enumerate(models):
            if number == 0:
                parts.append(f"## `{name}`\n\n{field.description}\n")
            parts += _section(_first_sentence(model), model, "###")
            done.append(model)
    return "\n".join(parts).rstrip() + "\n"


def _reachable(kind: Any) -> Iterator[type[BaseModel]]:
    """The models below a type, outer ones first, each once."""
    found: list[type[BaseModel]] = []
    waiting = list(models_in(kind))
    while waiting:
        model = waiting.pop(0)
        if model in found:
            continue
        found.append(model)
        yield model
        for field in model.model_fields.values():
            waiting.extend(models_in(field.annotation))


def _section(title: str, model: type[BaseModel], level: str | None) -> list[str]:
    lines = [f"{level or '##'} {title}", "", "| key | value | meaning | if absent |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        if issubclass(model, Rule) and model is not Rule and name in Rule.model_fields:
            continue
        cells = (f"`{field.alias or name}`", _kind_text(field), field.description or "", _absent(field))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    lines.append("")
    if model is Plot:
        lines += _plot_options()
    return lines


def _plot_options() -> list[str]:
    """What each kind of plot shows, and which options it has beside the common ones."""
    common = [f"`{key}`" for key in Plot.model_fields if key in COMMON_OPTIONS]
    lines = [f"Every plot has {', '.join(common)}. Besides:", ""]
    for kind in PLOT_KINDS.values():
        own = [f"`{key}`" for key in Plot.model_fields if key in kind.options]
        lines.append(f"- `{kind.name}` ({kind.meaning}): {', '.join(own)}")
    return [*lines, ""]


def _first_sentence(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or model.__name__).split("\n")[0].rstrip(".")


def _absent(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or default == {}:
        return ""
    if isinstance(default, StrEnum):
        return f"`{default.value}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


_WORDS: Final = {
    "Expression": "expression",
    "Expressions": "expression, or a list",
    "Anything": "value",
    "Column": "name of a column, or its number",
    "Statements": "text",
    "Identifier": "name",
    "Names": "name, or a list",
    "Reference": "object",
    "References": "object, or a list",
    "Sentences": "text, or a list",
    "FileStem": "name",
    "Signature": "function",
    "DottedPath": "path",
    "Flag": "`true`, `false`",
    "Count": "whole number",
    "Index": "whole number",
    "Order": "whole number",
    "SeedNumber": "whole number",
    "Table": "expression, list, or list of lists",
    "Pathways": "text, or a map",
    "Connect": "name of a rule, a rule, or a list",
    "InitialValue": "expression, list, rules, or `{file}`",
    "PlotSize": "`column`, `page`, or `[width, height]`",
    "Plots": "list of plots, or `none`",
}


def _kind_text(field: FieldInfo) -> str:
    """The kind of value a key holds, in words."""
    return _kind_of(field.annotation)


def _kind_of(kind: Any) -> str:
    name = _alias_name(kind)
    if name in _WORDS:
        return _WORDS[name]
    bare = unwrap(kind)
    if is_model(bare):
        return "map"
    members = getattr(bare, "__members__", None)
    if members:
        return ", ".join(f"`{member.value}`" for member in members.values())
    origin = getattr(bare, "__origin__", None)
    args: tuple[Any, ...] = getattr(bare, "__args__", ())
    if origin is dict:
        return f"map: {_kind_of(args[0])} → {_kind_of(args[1])}"
    if origin is list:
        return f"list of {_kind_of(args[0])}s" if _alias_name(args[0]) in _WORDS else "list"
    branches = tagged_branches(bare)
    if branches:
        return _forms_text(branches)
    return ", ".join(f"`{arg}`" for arg in args) if args else "text"


def _forms_text(branches: dict[str, Any]) -> str:
    """Several forms in words: the simple one, then a list, then maps."""
    texts = [_kind_of(branch) for tag, branch in branches.items() if tag in (ONE_TAG, LIST_TAG)]
    if MAP_TAG in branches or any(tag not in (ONE_TAG, LIST_TAG) for tag in branches):
        texts.append("map")
    return ", or a ".join(dict.fromkeys(texts))


def _alias_name(kind: Any) -> str:
    """The name of a type's alias, looking through annotations and `| None`."""
    while not isinstance(kind, TypeAliasType):
        args = [arg for arg in getattr(kind, "__args__", ()) if arg is not type(None)]
        if not hasattr(kind, "__metadata__") and len(args) != 1:
            return ""
        if getattr(kind, "__origin__", None) in (list, dict):
            return ""
        kind = kind.__origin__ if hasattr(kind, "__metadata__") else args[0]
    return str(kind.__name__)

"""The kinds of value that keys of the format hold, below the models.

Quantities, expressions and equations stay as the user wrote them: the models only say which keys may hold them. Their
texts with places come from `Document.text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from snnrun.spec import read_values

# Names become names in files of results and parts of file names, which hold 255 bytes in most file systems.
_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,199}")
_REFERENCE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_FILE_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,200}")
_SIGNATURE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,199}\s*\(\s*([A-Za-z]\w*(\s*,\s*[A-Za-z]\w*)*)?\s*\)", re.ASCII)
_AXIS_NAME: Final = re.compile(r"[A-Za-z][\w()-]*([.+]\w[\w()-]*)*", re.ASCII)
_DOTTED: Final = re.compile(r"[A-Za-z][\w()-]*(\.\w[\w()-]*)*", re.ASCII)
_LICENSE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*|https?://\S+")
_ORCID: Final = re.compile(r"(\d{4}-){3}\d{3}[\dX]", re.ASCII)
_SEED_LIMIT: Final = 2**64

ABOUT: Final = ("description", "references", "authors", "license")
"""Keys of an experiment that are for people: they change no number."""

LIST_TAG: Final = "<list>"
MAP_TAG: Final = "<map>"
ONE_TAG: Final = "<one>"


def _fail(kind: str, message: str, **context: Any) -> PydanticCustomError:
    return PydanticCustomError(kind, message, context)


def _expression(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        raise _fail("snn_empty", "is an empty text")
    raise _fail("snn_shape", "needs one value or expression, such as `10 ms`", found=value)


def _statements(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, str):
        raise _fail("snn_empty", "is an empty text")
    raise _fail("snn_shape", "needs a text", found=value)


def _column(value: Any) -> str | int:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _fail("snn_shape", "needs the name of a column, or its number from 0", found=value)


def _anything(value: Any) -> Any:
    return value if isinstance(value, dict | list) else _expression(value)


def _matching(pattern: re.Pattern[str], message: str, help: str) -> PlainValidator:
    def check(value: Any) -> str:
        # A key such as `1` or a value such as `true` is not a text, yet a name that fails the pattern all the same.
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        if isinstance(value, dict | list):
            raise _fail("snn_shape", "needs a name", found=value)
        raise _fail("snn_name", message, help=help)

    return PlainValidator(check)


def _orcid(value: Any) -> str:
    text = str(value).removeprefix("https://orcid.org/")
    if not _ORCID.fullmatch(text):
        raise _fail("snn_name", "is not an ORCID iD", help="it has four times four digits: `0000-0002-1825-0097`")
    total = 0
    for digit in text.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    if "0123456789X"[(12 - total % 11) % 11] != text[-1]:  # ISO 7064, mod 11-2
        raise _fail("snn_name", "is not an ORCID iD", help="its last digit does not fit the others: one is mistyped")
    return text


def _whole_number(low: int, high: int | None, what: str) -> PlainValidator:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
                return check(int(value))
            raise _fail("snn_shape", f"needs {what}", found=value)
        if value < low or (high is not None and value > high):
            raise _fail("snn_range", f"needs {what}", found=value)
        return value

    return PlainValidator(check)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _fail("snn_flag", "needs `true` or `false`", found=value)


_ANY_SCALAR: Final = {"type": ["string", "number", "boolean"]}

Expression = TypeAliasType(
    "Expression",
    Annotated[
        str | int | float | bool, PlainValidator(_expression), WithJsonSchema(_ANY_SCALAR | {"title": "expression"})
    ],
)
"""A quantity, an expression or a condition: `10 ms`, `0.5`, `2*tau`, `v > 1`."""

Anything = TypeAliasType("Anything", Annotated[Any, PlainValidator(_anything), WithJsonSchema({"title": "any value"})])
"""Any value a key of the file may have: what it means is checked where it is put."""

Column = TypeAliasType(
    "Column",
    Annotated[
        str | int, PlainValidator(_column), WithJsonSchema({"type": ["string", "integer"], "title": "name of a column"})
    ],
)
"""A column of a table: its name, or its number from 0."""

Statements = TypeAliasType(
    "Statements", Annotated[str, PlainValidator(_statements), WithJsonSchema({"type": "string", "title": "text"})]
)
"""Equations or statements: a text of one or several lines."""

Sentence = Statements
"""Prose."""

Identifier = TypeAliasType(
    "Identifier",
    Annotated[
        str,
        _matching(
            _IDENTIFIER,
            "is not a usable name",
            "a name begins with a letter and has letters, digits and `_` only, at most 200",
        ),
        WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER.pattern}$", "title": "name"}),
    ],
)
"""A name the user gives: of a constant, a group, a monitor; at most 200 letters."""

Reference = TypeAliasType(
    "Reference",
    Annotated[
        str,
        _matching(
            _REFERENCE, "is not the name of an object", "name a group, a subgroup `group.part`, or another object"
        ),
        WithJsonSchema({"type": "string", "pattern": f"^{_REFERENCE.pattern}$", "title": "name of an object"}),
    ],
)
"""The name of an object of the file: a group, a subgroup `pop.exc`, synapses, a monitor."""

License = TypeAliasType(
    "License",
    Annotated[
        str,
        _matching(_LICENSE, "is not a license", "write its SPDX identifier, such as `CC-BY-4.0`, or its address"),
        WithJsonSchema({"type": "string", "pattern": f"^({_LICENSE.pattern})$", "title": "license"}),
    ],
)
"""A license by its SPDX identifier or its address."""

Orcid = TypeAliasType(
    "Orcid",
    Annotated[
        str,
        PlainValidator(_orcid),
        WithJsonSchema({"type": "string", "pattern": f"{_ORCID.pattern}$", "title": "ORCID iD"}),
    ],
)
"""The ORCID iD of a person, with or without `https://orcid.org/`."""

FileStem = TypeAliasType(
    "FileStem",
    Annotated[
        str,
        _matching(_FILE_NAME, "cannot name a folder", "use 1 to 200 letters, digits, `_`, `.` and `-`"),
        WithJsonSchema({"type": "string", "pattern": f"^{_FILE_NAME.pattern}$", "title": "name"}),
    ],
)
"""A name that becomes part of file names."""

Signature = TypeAliasType(
    "Signature",
    Annotated[
        str,
        _matching(_SIGNATURE, "is not a function with its arguments", "write `name(x, y): expression`"),
        WithJsonSchema({"type": "string", "title": "function with arguments"}),
    ],
)
"""The head of a function: `sigmoid(x)`."""

DottedPath = TypeAliasType(
    "DottedPath",
    Annotated[
        str,
        _matching(_DOTTED, "is not a path into the file", "write names with dots, `groups.exc.size`, or a constant"),
        WithJsonSchema({"type": "string", "title": "path"}),
    ],
)
"""A dotted path into the file, or the bare name of a constant."""

Flag = TypeAliasType("Flag", Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})])
"""True or false."""

Count = TypeAliasType(
    "Count",
    Annotated[
        int, _whole_number(1, None, "a whole number of at least 1"), WithJsonSchema({"type": "integer", "minimum": 1})
    ],
)
"""A whole number of at least 1."""

Index = TypeAliasType(
    "Index",
    Annotated[
        int,
        _whole_number(0, 2**31 - 1, "a whole number from 0 to 2**31 - 1"),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 2**31 - 1}),
    ],
)
"""The number of a neuron."""

Order = TypeAliasType(
    "Order", Annotated[int, _whole_number(-(2**31), 2**31 - 1, "a whole number"), WithJsonSchema({"type": "integer"})]
)
"""A place among others of the same slot."""

SeedNumber = TypeAliasType(
    "SeedNumber",
    Annotated[
        int,
        _whole_number(0, _SEED_LIMIT - 1, "a whole number from 0 to 2**64 - 1"),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _SEED_LIMIT - 1}),
    ],
)
"""A seed of the random numbers."""


def shape_of(value: Any) -> str:
    """The tag of a value by its shape alone: a list, a map, or one value."""
    if isinstance(value, list | tuple):
        return LIST_TAG
    return MAP_TAG if isinstance(value, dict) or hasattr(value, "model_fields_set") else ONE_TAG


def form_by_key(*keys: str, otherwise: str) -> Callable[[Any], str]:
    """Chooses the form of a map by the keys that it has, and that of another value by its shape.

    Args:
        keys: Each stands for the form with the tag `<key>`; the first that the map has counts.
        otherwise: The tag for maps with none of these keys.
    """

    def form(value: Any) -> str:
        names = type(value).model_fields if isinstance(value, BaseModel) else value  # models are written as well
        if not isinstance(names, dict):
            return shape_of(value)
        return next((f"<{key}>" for key in keys if key in names), otherwise)

    return form


def form_by_kind(otherwise: str | None = None) -> Callable[[Any], str]:
    """Chooses the form of a map by its `kind`: the form with the tag `<kind>`; `otherwise` is that of maps without."""

    def form(value: Any) -> str:
        kind = value.get("kind", otherwise) if isinstance(value, dict) else getattr(value, "kind", otherwise)
        return f"<{kind}>" if isinstance(kind, str) else "<kind>"

    return form


Expressions = TypeAliasType(
    "Expressions",
    Annotated[
        Annotated[Expression, Tag(ONE_TAG)] | Annotated[list[Expression], Tag(LIST_TAG)],
        Discriminator(shape_of),
    ],
)
"""One expression for all, or a list with one for each."""


class Section(BaseModel):
    """A map with fixed keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, use_attribute_docstrings=False)

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str) -> Any:
            """A field or a method; fields that are read are noted while a file is checked."""
            if read_values.noted is not None:
                read_values.noted.fields.add((id(self), name))
            return super().__getattribute__(name)


class Linspace(Section):
    """Evenly spaced values."""

    linspace: list[Expression] = Field(min_length=2, max_length=2, description="`[first, last]`, both included.")
    num: Count = Field(description="How many values.")


class Logspace(Section):
    """Values with even ratios."""

    logspace: list[Expression] = Field(min_length=2, max_length=2, description="`[first, last]`, both included.")
    num: Count = Field(description="How many values.")


class Range(Section):
    """Values with a step."""

    range: list[Expression] = Field(min_length=3, max_length=3, description="`[first, end, step]`, the end left out.")


SPACED: Final = ("linspace", "logspace", "range")
"""The keys of maps that stand for evenly spaced values; `file` is chosen too, so that a message can refuse it."""

Series = TypeAliasType(
    "Series",
    Annotated[
        Annotated[Expression, Tag(ONE_TAG)]
        | Annotated[list[Expression], Tag(LIST_TAG)]
        | Annotated[Linspace, Tag("<linspace>")]
        | Annotated[Logspace, Tag("<logspace>")]
        | Annotated[Range, Tag("<range>")],
        Discriminator(form_by_key(*SPACED, "file", otherwise="<linspace>")),
    ],
)
"""One expression, a list, `"[1, 2]*ms"`, `{range: [a, b, step]}`, `{linspace: [a, b], num}` or `{logspace: ...}`."""

AxisName = TypeAliasType(
    "AxisName",
    Annotated[
        str,
        _matching(_AXIS_NAME, "is not the name of a metric or of a swept parameter", "write `rate`, `groups.exc.size`"),
        WithJsonSchema({"type": "string", "title": "path"}),
    ],
)
"""A metric, a dotted path into the file, or the paths of a `zip` with `+` between them."""

AxisNames = TypeAliasType(
    "AxisNames",
    Annotated[
        Annotated[AxisName, Tag(ONE_TAG)] | Annotated[list[AxisName], Tag(LIST_TAG)],
        Discriminator(shape_of),
    ],
)
"""One such name or a list of them."""

Names = TypeAliasType(
    "Names",
    Annotated[
        Annotated[Identifier, Tag(ONE_TAG)] | Annotated[list[Identifier], Tag(LIST_TAG)],
        Discriminator(shape_of),
    ],
)
"""One name or a list of names."""

References = TypeAliasType(
    "References",
    Annotated[
        Annotated[Reference, Tag(ONE_TAG)] | Annotated[list[Reference], Tag(LIST_TAG)],
        Discriminator(shape_of),
    ],
)
"""One name of an object or a list of them."""

Sentences = TypeAliasType(
    "Sentences",
    Annotated[
        Annotated[Sentence, Tag(ONE_TAG)] | Annotated[list[Sentence], Tag(LIST_TAG)],
        Discriminator(shape_of),
    ],
)
"""A text or a list of texts."""

Table = TypeAliasType(
    "Table",
    Annotated[
        Annotated[Expression, Tag(ONE_TAG)]
        | Annotated[
            list[
                Annotated[
                    Annotated[Expression, Tag(ONE_TAG)] | Annotated[list[Expression], Tag(LIST_TAG)],
                    Discriminator(shape_of),
                ]
            ],
            Tag(LIST_TAG),
        ]
        | Annotated[Linspace, Tag("<linspace>")]
        | Annotated[Logspace, Tag("<logspace>")]
        | Annotated[Range, Tag("<range>")],
        Discriminator(form_by_key(*SPACED, "file", otherwise="<linspace>")),
    ],
)
"""Values in one or two dimensions, or an expression or a range that gives them."""

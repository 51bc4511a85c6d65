"""The text under `equations:` as a list of definitions.

dv/dt = (v0 - v)/tau : volt (unless refractory)     differential equation
I_total = I1 + I2 : amp                              subexpression
v0 : volt (constant)                                 parameter
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from snnrun.equations.ast import Expr
from snnrun.equations.dag import Kind
from snnrun.equations.once import parsed_once
from snnrun.equations.parse import collect, parse_expression, split_lines
from snnrun.errors import at, did_you_mean
from snnrun.source import Span, Text


class Role(Enum):
    """What a line defines."""

    DIFFERENTIAL = "differential equation"
    SUBEXPRESSION = "subexpression"
    PARAMETER = "parameter"


FLAGS: dict[Role, frozenset[str]] = {
    Role.DIFFERENTIAL: frozenset({"unless refractory", "shared", "event-driven", "clock-driven"}),
    Role.SUBEXPRESSION: frozenset({"shared", "constant over dt", "summed"}),
    Role.PARAMETER: frozenset({"constant", "shared", "linked"}),
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One line of equations.

    Args:
        name: The variable it defines.
        role: What kind of line it is.
        expr: The right-hand side; None for a parameter.
        unit: The unit's text as an expression; None for `boolean` and `integer`.
        kind: FLOAT, or INT / BOOL for `integer` / `boolean`.
        flags: The words in brackets.
        span: The whole line.
        name_span: The name.
    """

    name: str
    role: Role
    expr: Expr | None
    unit: Expr | None
    kind: Kind
    flags: frozenset[str]
    span: Span
    name_span: Span


_DIFFERENTIAL = re.compile(r"\s*d(?P<name>[^\W\d]\w*)\s*/\s*dt\s*=(?!=)")
_ASSIGNED = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=(?!=)")
_ADDED = re.compile(r"\s*[^\W\d]\w*\s*\+=")
_BARE = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*$")
_UNIT_AND_FLAGS = re.compile(
    r"^(?P<unit>[^()]*(?:\([^()]*\)[^()]*)*?)\s*(?:\((?P<flags>[a-z][a-z ,\-]*)\))?\s*$", re.DOTALL
)
_KINDS = {"boolean": Kind.BOOL, "integer": Kind.INT}
_ALL_FLAGS = frozenset().union(*FLAGS.values())


@parsed_once(Definition)
def parse_equations(text: Text) -> tuple[Definition, ...]:
    """Parse the text under `equations:`.

    Raises:
        ExperimentError: EQ1xx, one for each line that cannot be read.
    """
    definitions = collect(split_lines(text, "\n"), _definition)
    seen: dict[str, Definition] = {}
    for definition in definitions:
        if definition.name in seen:
            raise at(
                definition.name_span,
                "EQ113",
                f"`{definition.name}` is defined twice, first in line {seen[definition.name].span.line}",
            )
        seen[definition.name] = definition
    return definitions


def _definition(line: Text) -> Definition:
    colon = colon_of(line)
    if _ADDED.match(line.value):
        advice = "`+=` adds to a line of a model that the object uses; write `name = ... : unit`"
        raise at(line.span(), "EQ111", "there is no model here that this line could add to", advice)
    if colon < 0:
        raise at(line.span(), "EQ110", "this line does not end in `: unit`", "write `: 1` for a dimensionless variable")
    left, right = line.slice(0, colon), line.slice(colon + 1, len(line.value))
    unit, kind, flags_text = _unit(right)
    name_start, name_end, role, body = _left(left)
    name = line.value[name_start:name_end]
    flags = _flags(flags_text, role)
    expr = parse_expression(body) if body is not None else None
    return Definition(name, role, expr, unit, kind, flags, line.span(), line.span(name_start, name_end))


def colon_of(line: Text) -> int:
    """The offset of the colon before the unit of a line; -1 without one."""
    code = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), line.value)
    return code.rfind(":")


def _left(left: Text) -> tuple[int, int, Role, Text | None]:
    found = _DIFFERENTIAL.match(left.value)
    role = Role.DIFFERENTIAL
    if found is None:
        found = _ASSIGNED.match(left.value)
        role = Role.SUBEXPRESSION
    if found is not None:
        body = left.slice(found.end(), len(left.value))
        return found.start("name"), found.end("name"), role, body
    found = _BARE.match(left.value)
    if found is None:
        raise at(
            left.span(),
            "EQ111",
            "this line defines nothing",
            "write `dv/dt = ... : unit`, `name = ... : unit` or `name : unit`",
        )
    return found.start("name"), found.end("name"), Role.PARAMETER, None


def _unit(right: Text) -> tuple[Expr | None, Kind, Text | None]:
    value = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), right.value)
    found = _UNIT_AND_FLAGS.match(value)
    if found is None or not found.group("unit").strip():
        raise at(right.span(), "EQ110", "the unit is missing after `:`", "write `1` for a dimensionless variable")
    start, end = found.span("unit")
    flags = right.slice(*found.span("flags")) if found.group("flags") else None
    word = found.group("unit").strip()
    if word in _KINDS:
        return None, _KINDS[word], flags
    return parse_expression(right.slice(start, end)), Kind.FLOAT, flags


def _flags(text: Text | None, role: Role) -> frozenset[str]:
    if text is None:
        return frozenset()
    flags = set()
    position = 0
    for part in text.value.split(","):
        flag = " ".join(part.split())
        start = position + len(part) - len(part.lstrip())
        position += len(part) + 1
        span = text.span(start, start + len(part.strip()))
        if flag not in _ALL_FLAGS:
            raise at(span, "EQ112", f"there is no flag `{flag}`", did_you_mean(flag, _ALL_FLAGS))
        if flag not in FLAGS[role]:
            raise at(
                span,
                "EQ112",
                f"`{flag}` does not apply to a {role.value}",
                f"a {role.value} takes: {', '.join(sorted(FLAGS[role]))}",
            )
        flags.add(flag)
    return frozenset(flags)

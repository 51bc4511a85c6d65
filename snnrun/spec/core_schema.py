"""What an unquoted YAML scalar means by the core schema of YAML 1.2.

PyYAML follows YAML 1.1, where `on` and `no` are booleans, `10:20` is a base-60 number and `1e-3` is a text.
"""

from __future__ import annotations

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)", re.ASCII)
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_LONGEST_NUMBER = 300
_FIRST_CHARACTERS = frozenset("0123456789+-.")


def resolve_plain(literal: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar.

    A number too long or too large for the machine stays text, so that the expression stage reports it with its place.
    """
    if literal in _NULL:
        return None
    if literal in _TRUE:
        return True
    if literal in _FALSE:
        return False
    if literal[0] not in _FIRST_CHARACTERS or len(literal) > _LONGEST_NUMBER:
        return literal
    return _resolve_number(literal)


def _resolve_number(literal: str) -> str | int | float:
    if _INTEGER.fullmatch(literal):
        return int(literal)
    if _OCTAL_OR_HEXADECIMAL.fullmatch(literal):
        return int(literal, 0)
    if _FLOAT.fullmatch(literal):
        number = float(literal)
        return literal if math.isinf(number) else number
    if _INFINITY.fullmatch(literal):
        return -math.inf if literal[0] == "-" else math.inf
    if literal in _NAN:
        return math.nan
    return literal


def number_literal(value: float | bool) -> str:
    """A number or boolean as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    return repr(value)

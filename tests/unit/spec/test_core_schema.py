"""Unquoted scalars mean what the core schema of YAML 1.2 says."""

import math

import pytest

from snnrun.spec.core_schema import resolve_plain

# From the YAML 1.2.2 specification, chapter 10.3, and the texts that YAML 1.1 reads differently.
CASES = {
    "1e-3": 0.001,
    "1.5E+2": 150.0,
    ".5": 0.5,
    "5.": 5.0,
    "-0": 0,
    "+12": 12,
    "0o17": 15,
    "0xFf": 255,
    "017": 17,
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    ".inf": math.inf,
    "-.Inf": -math.inf,
    "on": "on",
    "off": "off",
    "yes": "yes",
    "no": "no",
    "n": "n",
    "y": "y",
    "10:20": "10:20",
    "1_000": "1_000",
    "0b11": "0b11",
    "2001-01-01": "2001-01-01",
    "10 ms": "10 ms",
    "1e": "1e",
    ".": ".",
    "-": "-",
    "tRUE": "tRUE",
    "١": "١",
    "1e999": "1e999",
    "9" * 5000: "9" * 5000,
}


@pytest.mark.parametrize("literal", CASES, ids=lambda text: text[:12] or "empty")
def test_plain_scalar_has_its_core_schema_value(literal):
    value = resolve_plain(literal)
    assert value == CASES[literal]
    assert type(value) is type(CASES[literal])


def test_nan_is_a_number():
    value = resolve_plain(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)

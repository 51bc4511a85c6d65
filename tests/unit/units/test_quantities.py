"""Quantities in writing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.units import dimensions as d
from snnrun.units.dimensions import Dimension
from snnrun.units.names import lookup_unit
from snnrun.units.quantities import dimension_of, format_quantity, readable_unit

electrical = st.sampled_from([d.VOLTAGE, d.CURRENT, d.CONDUCTANCE, d.CAPACITANCE, d.FREQUENCY, d.RESISTANCE])
magnitudes = st.floats(min_value=1e-23, max_value=1e26)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (7.2, d.VOLTAGE, "7.2 V"),
        (-0.06, d.VOLTAGE, "-60 mV"),
        (120.0, d.CURRENT, "120 A"),
        (0.12, d.CURRENT, "120 mA"),
        (0.1, d.ONE, "0.1"),
        (0.0, d.TIME, "0 s"),
        (5000.0, d.TIME, "5000 s"),
        (0.001, d.TIME, "1 ms"),
        (20000e-12, d.AREA, "20000 um2"),
        (1.0, d.CONCENTRATION, "1 mM"),
        (2e-5, d.MASS, "20 mg"),
        (2.5, d.CURRENT_DENSITY, "2.5 A/m^2"),
        (999.9999999e-3, d.VOLTAGE, "1 V"),
        (math.nan, d.VOLTAGE, "nan V"),
        (-math.inf, d.TIME, "-inf s"),
        (123456.0, d.FREQUENCY, "123.456 kHz"),
    ],
)
def test_quantities_are_written_as_the_field_writes_them(value, dimension, text):
    assert format_quantity(value, dimension) == text


def test_few_digits_never_turn_into_an_exponent():
    assert format_quantity(0.1234, d.VOLTAGE, digits=2) == "120 mV"


@given(magnitudes, st.sampled_from([-1.0, 1.0]), electrical)
def test_what_is_written_reads_back_as_the_value(size, sign, dimension):
    number, name = format_quantity(sign * size, dimension, digits=17).split()
    unit = lookup_unit(name)
    assert unit.dimension == dimension
    assert float(number) * float(unit.scale) == pytest.approx(sign * size, rel=1e-15, abs=0)


@given(magnitudes, electrical)
def test_the_mantissa_lies_between_1_and_1000(size, dimension):
    number = abs(float(format_quantity(size, dimension).split()[0]))
    assert 1.0 <= number < 1000.0
    in_unit = size / float(readable_unit(size, dimension).scale)
    assert 1.0 - 1e-9 <= in_unit < 1000.0 + 1e-6


@pytest.mark.parametrize(
    ("largest", "dimension", "name"),
    [
        (0.05, d.VOLTAGE, "mV"),
        (-0.05, d.VOLTAGE, "mV"),
        (0.1, d.TIME, "ms"),
        (20.0, d.TIME, "s"),
        (2e4, d.TIME, "s"),
        (0.0, d.VOLTAGE, "V"),
        (math.inf, d.VOLTAGE, "V"),
        (math.nan, d.MASS, "kg"),
        (3.0, d.VOLTAGE / d.TIME, "V/s"),
        (3.0, d.ONE, "1"),
    ],
)
def test_axes_get_the_unit_a_reader_expects(largest, dimension, name):
    unit = readable_unit(largest, dimension)
    assert unit.name == name
    assert unit.dimension == dimension


@given(st.lists(st.fractions(min_value=-4, max_value=4, max_denominator=6), min_size=7, max_size=7))
def test_a_dimension_is_read_back_from_its_symbol(exponents):
    dimension = Dimension(tuple(exponents))
    assert dimension_of(dimension.symbol) == dimension


@pytest.mark.parametrize("text", ["", "V/", "mystery", "V**2", "V^x", "V V"])
def test_what_is_no_symbol_of_a_unit_is_refused(text):
    with pytest.raises(ValueError, match="not a unit"):
        dimension_of(text)

"""The algebra of dimensions and the names they get."""

import pickle
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnrun.units import dimensions as d
from snnrun.units.dimensions import ONE, Dimension

exponents = st.fractions(min_value=-4, max_value=4, max_denominator=6)
any_dimension = st.tuples(*[exponents] * 7).map(Dimension)


@settings(max_examples=50)
@given(any_dimension, any_dimension, any_dimension)
def test_dimensions_form_an_abelian_group(a, b, c):
    assert (a * b) * c == a * (b * c)
    assert a * b == b * a
    assert a * ONE == a
    assert (a / a).is_one
    assert (a / b) * b == a


@settings(max_examples=50)
@given(any_dimension, exponents, exponents)
def test_powers_add_and_multiply(a, p, q):
    assert a**p * a**q == a ** (p + q)
    assert (a**p) ** q == a ** (p * q)
    assert (a**0).is_one
    assert a**1 == a


@settings(max_examples=50)
@given(any_dimension, any_dimension)
def test_equal_dimensions_hash_alike_and_survive_pickling(a, b):
    assert hash(a * b) == hash(b * a)
    copy = pickle.loads(pickle.dumps(a))
    assert copy == a
    assert hash(copy) == hash(a)


@settings(max_examples=25)
@given(any_dimension)
def test_every_dimension_has_a_description_and_only_one_is_dimensionless(a):
    assert (a.describe() == "dimensionless") == a.is_one
    assert a.symbol


@settings(max_examples=25)
@given(any_dimension, any_dimension)
def test_different_dimensions_never_share_a_symbol(a, b):
    assert (a.symbol == b.symbol) == (a == b)


@pytest.mark.parametrize(
    ("dimension", "text"),
    [
        (d.VOLTAGE, "a voltage [V]"),
        (d.CURRENT, "a current [A]"),
        (d.TIME, "a time [s]"),
        (d.FREQUENCY, "a frequency [Hz]"),
        (d.CONDUCTANCE, "a conductance [S]"),
        (d.CURRENT_DENSITY, "a current density [A/m^2]"),
        (d.WHITE_NOISE, "white noise [s^-0.5]"),
        (d.VOLTAGE / d.TIME, "a quantity in [V/s]"),
        (d.VOLTAGE * d.WHITE_NOISE, "a quantity in [V/s^0.5]"),
        (d.ONE / d.VOLTAGE, "a quantity in [1/V]"),
        (d.VOLTAGE**2, "a quantity in [V^2]"),
        (d.CURRENT / d.VOLTAGE**2, "a quantity in [A/V^2]"),
        (d.CURRENT ** Fraction(1, 3), "a quantity in [A^(1/3)]"),
        (d.VOLTAGE / d.VOLTAGE, "dimensionless"),
    ],
)
def test_descriptions_use_the_names_of_the_field(dimension, text):
    assert dimension.describe() == text


def test_the_number_of_exponents_is_checked():
    with pytest.raises(ValueError, match="7 exponents"):
        Dimension((Fraction(1),))

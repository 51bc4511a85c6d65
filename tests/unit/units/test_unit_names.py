"""The table of units against pint, and its exactness."""

from fractions import Fraction

import pint
import pytest

from snnrun.units import dimensions as d
from snnrun.units.dimensions import Dimension
from snnrun.units.names import PREFIXES, lookup_unit, unit_names


def words(text):
    return text.split()


BRIAN2_NAMES = words("""
volt mvolt mV uV nS nsiemens msiemens uS uF ufarad pF amp ampere mamp mampere mA uA nA pA ohm Mohm Gohm kohm Hz kHz MHz
hertz second ms us msecond usecond metre meter umetre umeter um mm cm um2 cm2 mm2 um3 umetre2 cmeter3 m2 m3 cm3 gram
kgram kg kilogram mole mol mmole mmol mM nM molar mmolar uM kelvin coulomb joule watt newton pascal weber
tesla henry candela lumen lux becquerel gray sievert katal radian steradian liter litre mlitre mliter gramme second2
volt2 mvolt2 siemens2 kilogram2 daampere hPa dapascal
""")

PINT_BASE = ("[length]", "[mass]", "[time]", "[current]", "[temperature]", "[substance]", "[luminosity]")
PINT_PREFIXES = {"u": "micro", "da": "deca"}


@pytest.fixture(scope="module")
def registry():
    return pint.UnitRegistry()


def si(registry, text):
    """Scale and dimension of a unit according to pint."""
    unit = registry.Quantity(1.0, text).to_base_units()
    exponents = tuple(Fraction(unit.dimensionality.get(base, 0)) for base in PINT_BASE)
    return unit.magnitude, Dimension(exponents)


@pytest.mark.parametrize("name", BRIAN2_NAMES)
def test_names_brian2_users_write_are_known(name):
    unit = lookup_unit(name)
    assert unit is not None
    assert unit.name == name


@pytest.mark.parametrize("name", words("""
    metre gram second ampere kelvin mole candela hertz becquerel newton pascal joule watt coulomb volt farad ohm siemens
    weber tesla henry gray sievert katal litre molar minute hour day lumen lux
    m g s A K mol cd Hz Bq N Pa J W C V F S Wb T H Gy Sv kat h min lm lx"""))  # fmt: skip
def test_units_agree_with_pint(registry, name):
    unit = lookup_unit(name)
    scale, dimension = si(registry, name)
    assert unit.dimension == dimension
    assert float(unit.scale) == pytest.approx(scale, rel=1e-14)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("name", "power"), [("volt", 1), ("metre", 2), ("gram", 1), ("second", 3)])
def test_prefixed_units_agree_with_pint(registry, prefix, name, power):
    unit = lookup_unit(f"{prefix}{name}{power if power > 1 else ''}")
    scale, dimension = si(registry, f"{PINT_PREFIXES.get(prefix, prefix)}{name}**{power}")
    assert unit.dimension == dimension
    assert float(unit.scale) == pytest.approx(scale, rel=1e-14)


def test_scales_are_exact():
    assert 120 * lookup_unit("mA").scale * 60 * lookup_unit("ohm").scale == Fraction(36, 5)
    assert lookup_unit("um2").scale == Fraction(1, 10**12)
    assert lookup_unit("mM").scale == 1
    assert lookup_unit("litre").scale == lookup_unit("dm3").scale


def test_every_listed_name_can_be_looked_up_and_no_two_readings_collide():
    for name in unit_names():
        assert lookup_unit(name) is not None, name
    assert lookup_unit("min").dimension == d.TIME
    assert lookup_unit("cd").dimension == d.LUMINOUS_INTENSITY
    assert lookup_unit("Pa").dimension == d.PRESSURE
    assert lookup_unit("T").dimension == d.MAGNETIC_FLUX_DENSITY


@pytest.mark.parametrize(
    "name", ["", "2", "MS2x", "volts", "mmV", "khour", "celsius", "v", "hz", "mv", "m4", "m22", "mkg"]
)
def test_anything_else_is_no_unit(name):
    assert lookup_unit(name) is None

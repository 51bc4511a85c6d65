"""Designs of samples: evenness, known points, independence of what else is sampled."""

import numpy as np
import pytest
from scipy.stats import kstest, qmc

from snnrun.spec.models import SampleMethod
from snnrun.sweep.sample import MOST_SOBOL, design, owen_scrambled, sobol

NAMES = ["tau", "gain", "weight"]


def test_sobol_points_are_those_of_joe_and_kuo():
    ours = np.stack([sobol(k, 1024) for k in range(MOST_SOBOL)], axis=1) / 2.0**32
    theirs = qmc.Sobol(MOST_SOBOL, scramble=False, bits=32).random(1024)
    np.testing.assert_array_equal(ours, theirs)


def test_scrambling_is_a_permutation_that_keeps_every_box():
    points = np.arange(2**16, dtype=np.uint32) << np.uint32(16)
    moved = owen_scrambled(points, 12345)
    assert len(np.unique(moved)) == len(points)
    for digits in (1, 4, 9):
        before, after = points >> np.uint32(32 - digits), moved >> np.uint32(32 - digits)
        boxes = {(int(a), int(b)) for a, b in zip(before, after, strict=True)}
        assert len(boxes) == 2**digits  # whoever shares the first digits still does
    assert not np.array_equal(moved, points)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_256_sobol_points_fill_every_grid_of_256_boxes(seed):
    points = design(SampleMethod.SOBOL, NAMES[:2], 256, seed)
    for rows in (1, 2, 4, 16, 128, 256):
        boxes = np.floor(points[:, 0] * rows) * (256 // rows) + np.floor(points[:, 1] * (256 // rows))
        assert len(np.unique(boxes)) == 256


def test_a_latin_hypercube_has_one_point_in_each_slice():
    points = design(SampleMethod.LHS, NAMES, 1000, 5)
    for column in points.T:
        assert len(np.unique(np.floor(column * 1000))) == 1000
    assert abs(np.corrcoef(points.T)[0, 1]) < 0.12  # 4 standard errors of independent columns


@pytest.mark.parametrize("method", list(SampleMethod))
def test_points_are_uniform_and_depend_on_seed_and_name_alone(method):
    points = design(method, NAMES, 1024, 3)
    assert points.shape == (1024, 3)
    assert points.min() >= 0
    assert points.max() < 1
    for column in points.T:
        assert kstest(column, "uniform").pvalue > 1e-4
    again = design(method, NAMES, 1024, 3)
    np.testing.assert_array_equal(points, again)
    assert not np.array_equal(points, design(method, NAMES, 1024, 4))
    np.testing.assert_array_equal(points[:, 0], design(method, NAMES[:1], 1024, 3)[:, 0])


def test_more_random_or_sobol_points_begin_with_the_fewer_ones():
    for method in (SampleMethod.RANDOM, SampleMethod.SOBOL):
        np.testing.assert_array_equal(design(method, NAMES, 100, 3), design(method, NAMES, 300, 3)[:100])

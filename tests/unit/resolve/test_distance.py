"""Connections by distance: pairs against plain arithmetic, statistics, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from snnrun.codegen.kernel import generate
from snnrun.engine.build import build
from snnrun.engine.values import Built
from snnrun.errors import ExperimentError
from snnrun.kernels import random
from snnrun.kernels.streams import stream_key
from snnrun.resolve.resolve import resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

FILE = """
version: 1
seed: 3
constants: {width: 1 mm}
groups:
  a:
    size: SIZE
    equations: |
      v : 1
      x : meter
      y : meter
      z = 0.1*mm*(i % 7) : meter
      moving = x + t*meter/second : meter
      angle : 1
    threshold: v > 1
    initial: {x: width*rand(), y: width*rand()}
    subgroups: {odd: "i % 2 == 1"}
  b: {size: 30, equations: "x : meter", initial: {x: width*rand()}}
synapses:
  s:
    source: a
    target: TARGET
    connect: RULE
run: {duration: 1 ms, dt: 0.1 ms}
"""


def made(folder: Path, rule: str, size: int = 60, target: str = "a") -> Built:
    path = folder / "x.yaml"
    text = FILE.replace("SIZE", str(size)).replace("TARGET", target).replace("RULE", rule)
    path.write_text(text, encoding="utf-8")
    document = load(path)
    network = resolve(document, parse_experiment(document)).network
    return build(network, generate(network))


def connected(built: Built, source: int, target: int) -> np.ndarray:
    """Number of synapses of each pair."""
    found = built.connectivity["s"]
    counts = np.zeros((source, target), np.int64)
    np.add.at(counts, (found.pre, found.post), 1)
    return counts


def coordinate(built: Built, name: str, group: str = "a") -> np.ndarray:
    arrays = {key.name: array for key, array in built.arrays.items() if key.owner == f"groups.{group}"}
    return 1e-4 * (np.arange(60) % 7) if name == "z" else arrays[name]


def apart(built: Built, names: list[str], period: float | None = None) -> np.ndarray:
    """Distance of each pair of `a`. [m]"""
    total = np.zeros(())
    for name in names:
        values = coordinate(built, name)
        difference = np.abs(values[:, None] - values[None, :])
        if period is not None:
            difference = np.minimum(difference, period - difference)
        total = total + difference**2
    return np.sqrt(total)


@pytest.mark.parametrize(
    ("positions", "period"),
    [("x", None), ("[x, y]", None), ("[x, y, z]", None), ("x", 1e-3), ("[x, y]", 1e-3), ("[x, y, z]", 1e-3)],
)
def test_neurons_nearer_than_the_largest_distance_are_connected(
    tmp_path: Path, positions: str, period: float | None
) -> None:
    turning = "" if period is None else ", period: width"
    built = made(tmp_path, f"{{positions: {positions}, max_distance: 0.3 mm{turning}}}")
    distances = apart(built, positions.strip("[]").split(", "), period)
    assert np.array_equal(connected(built, 60, 60), distances <= 0.3e-3)
    assert 0 < np.count_nonzero(distances <= 0.3e-3) < 3600


def test_each_coordinate_may_have_a_period_of_its_own(tmp_path: Path) -> None:
    built = made(tmp_path, "{positions: [x, y], max_distance: 0.3 mm, period: [1 mm, 100 m]}")
    x, y = coordinate(built, "x"), coordinate(built, "y")
    dx, dy = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    near = np.hypot(np.minimum(dx, 1e-3 - dx), dy) <= 0.3e-3
    assert np.array_equal(connected(built, 60, 60), near)


LATTICE = FILE.replace("{x: width*rand(), y: width*rand()}", "{x: (i % 20)*50*um, y: (i // 20)*50*um}", 1)


def test_neighbours_on_a_lattice_are_found_whatever_the_last_digits_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.FILE", LATTICE)
    built = made(tmp_path, "{positions: [x, y], max_distance: 50 um, autapses: false}", 200)
    neighbours = connected(built, 200, 200).sum(axis=1)
    assert np.bincount(neighbours).tolist() == [0, 0, 4, 2 * (18 + 8), 18 * 8]  # corners, edges, inside
    torus = "{positions: [x, y], max_distance: 100 um, autapses: false, period: [1 mm, 0.5 mm]}"
    assert set(connected(made(tmp_path, torus, 200), 200, 200).sum(axis=1)) == {12}


def test_an_infinite_period_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.FILE", LATTICE)
    cylinder = made(tmp_path, "{positions: [x, y], max_distance: 50 um, period: [inf*mm, 0.5 mm]}", 200)
    neighbours = connected(cylinder, 200, 200).sum(axis=1)  # itself too
    assert np.bincount(neighbours).tolist() == [0, 0, 0, 0, 2 * 10, 18 * 10]


def test_positions_may_lie_outside_of_the_period(tmp_path: Path) -> None:
    built = made(tmp_path, "{positions: x, max_distance: 0.03 mm, period: 0.1 mm}")
    x = coordinate(built, "x")
    turns = np.abs(x[:, None] - x) / 1e-4
    assert np.array_equal(connected(built, 60, 60), np.abs(turns - np.round(turns)) <= 0.3)


def test_a_probability_of_the_distance_takes_the_draws_of_a_probability(tmp_path: Path) -> None:
    built = made(tmp_path, '{positions: [x, y], p: "0.8*exp(-d/(200*um))", max_distance: 0.5 mm}')
    distances = apart(built, ["x", "y"])
    i, j = np.indices((60, 60))
    drawn = random.uniform(j.ravel(), i.ravel(), 3, stream_key("synapses.s.connect.0")).reshape(60, 60)
    chance = np.where(distances <= 0.5e-3, 0.8 * np.exp(-distances / 200e-6), 0)
    assert np.array_equal(connected(built, 60, 60), drawn < chance)


def test_connections_follow_the_probability(tmp_path: Path) -> None:
    built = made(tmp_path, '{positions: [x, y], p: "0.5*exp(-(d/(200*um))**2)", period: width}', size=1500)
    distances, counts = apart(built, ["x", "y"], 1e-3), connected(built, 1500, 1500)
    chance = 0.5 * np.exp(-((distances / 200e-6) ** 2))
    edges = np.linspace(0, 0.5e-3, 26)
    rings = np.digitize(distances, edges)
    found, expected, spread = (
        np.bincount(rings.ravel(), weights=w.ravel())[1:26] for w in (counts, chance, chance * (1 - chance))
    )
    statistic = np.sum((found - expected) ** 2 / spread)
    assert stats.chi2.sf(statistic, 25) > 1e-6
    assert stats.chi2.cdf(statistic, 25) > 1e-6


@pytest.mark.parametrize("ends", ["", ", source: a.odd", ", target: a.odd", ", source: a.odd, target: a.odd"])
def test_autapses_are_left_out_when_asked(tmp_path: Path, ends: str) -> None:
    rule = "{positions: x, p: 1, max_distance: 2 mm" + ends
    every, others = connected(made(tmp_path, rule + "}"), 60, 60), made(tmp_path, rule + ", autapses: false}")
    assert np.count_nonzero(np.diag(every)) == (60 if ends == "" else 30)
    assert np.array_equal(connected(others, 60, 60), every - np.diag(np.diag(every)))


def test_ends_may_be_different_groups(tmp_path: Path) -> None:
    built = made(tmp_path, "{positions: x, max_distance: 0.2 mm, autapses: false, n: 2}", target="b")
    near = np.abs(coordinate(built, "x")[:, None] - coordinate(built, "x", "b")) <= 0.2e-3
    assert np.array_equal(connected(built, 60, 30), 2 * near)


@pytest.mark.parametrize(
    ("rule", "blamed", "message"),
    [
        ("{positions: u, max_distance: 1 mm}", "u", "NET191.*`a` has no variable `u`"),
        ("{positions: [x, x], max_distance: 1 mm}", "[x, x]", "NET191.*different"),
        ("{positions: [x, y, z, v], max_distance: 1 mm}", "[x, y, z, v]", "NET191.*one to three"),
        ("{positions: [x, angle], max_distance: 1 mm}", "angle", "NET191.*a coordinate is a length, `angle`"),
        ("{positions: moving, max_distance: 1 mm}", "moving", "NET191.*changes with time"),
        ("{positions: x}", "positions", "NET191.*nothing depends on the distance"),
        ("{positions: x, p: 0.1}", "positions", "NET191.*nothing depends on the distance"),
        ("{positions: x, p: d/mm + width/mm - 5}", "", "NET182.*between 0 and 1"),
        ("{positions: x, p: exp(-d)}", "-d", "EQ20"),
        ("{positions: x, p: d*meter}", "d*meter", "EQ20"),
        ("{positions: x, max_distance: 3 ms}", "3 ms", "EQ20"),
        ("{positions: x, max_distance: 0 mm}", "0 mm", "NET191.*larger than zero"),
        ("{positions: x, max_distance: 1 mm, period: -1 mm}", "-1 mm", "NET191.*larger than zero"),
        ("{positions: x, max_distance: 1 mm, period: [1 mm, 2 mm]}", "[1 mm, 2 mm]", "NET191.*2 periods and 1"),
        ("{positions: x, max_distance: 1 mm, period: d}", "d", "EQ201"),
        ("{positions: x, max_distance: 1 mm, p: N_incoming/10}", "N_incoming", "NET185"),
        ("{positions: x, max_distance: 1 mm, fixed_indegree: 3}", "", "FMT20"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, rule: str, blamed: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message) as found:
        made(tmp_path, rule)
    span = found.value.diagnostics[0].span
    assert span is not None
    line = (tmp_path / "x.yaml").read_text(encoding="utf-8").splitlines()[span.line - 1]
    assert line[span.column - 1 :].startswith(blamed)


def test_a_name_of_the_experiment_does_not_hide_the_distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.FILE", FILE.replace("{width: 1 mm}", "{width: 1 mm, d: 2 mm}"))
    with pytest.raises(ExperimentError, match=r"NET191.*name of this experiment too"):
        made(tmp_path, "{positions: x, p: exp(-d/mm)}")
    assert made(tmp_path, "{positions: x, p: 0.5, max_distance: d}").connectivity["s"].size


def test_a_key_of_another_tool_is_answered_with_ours(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError) as found:
        made(tmp_path, "{distance: x}")
    assert found.value.diagnostics[0].help == "write `{positions: [x, y]}`"

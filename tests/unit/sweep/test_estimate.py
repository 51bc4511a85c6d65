"""The cost of a sweep before it runs: what is counted is counted right."""

import pytest

from snnrun.running import pipeline
from snnrun.sweep.estimate import EXAMINED, estimate
from snnrun.sweep.experiments import check_sweep

FILE = """\
version: 1
constants: {tau: 10 ms, p: 0.5}
groups:
  cells:
    size: 100
    equations: "dv/dt = (2 - v)/tau : 1"
    method: exact
    threshold: v > 1
    reset: v = 0
synapses:
  net: {source: cells, target: cells, connect: {p: p}, on_pre: v_post += 0.1}
monitors:
  v: {kind: state, source: cells, variables: [v], dt: 1 ms}
run: {duration: 100 ms, dt: 0.1 ms}
"""


def estimated(tmp_path, sweep, **options):
    file = tmp_path / "s.yaml"
    file.write_text(FILE + sweep)
    checked = pipeline.check(pipeline.read(file))
    return estimate(checked, check_sweep(checked) if sweep else None, **options)


def test_one_run_is_one_kernel_one_wiring_and_its_samples(tmp_path):
    found = estimated(tmp_path, "")
    assert (found.points, found.kernels, found.wirings) == (1, 1, 1)
    assert found.disk_bytes == 100 * 100 * 8
    assert found.memory_bytes > 5000 * 8


@pytest.mark.parametrize(
    ("axes", "kernels", "wirings"),
    [
        ("tau: [1 ms, 2 ms, 3 ms]", 1, 1),
        ("p: [0.1, 0.2, 0.3]", 1, 3),
        ("groups.cells.method: [exact, euler, rk4]", 3, 1),
        ("groups.cells.size: [10, 20, 30]", 1, 3),
        ("seed: [1, 2, 3]", 1, 3),
        ("seed.noise: [1, 2, 3]", 1, 1),
    ],
)
def test_compiles_and_wirings_are_those_that_differ(tmp_path, axes, kernels, wirings):
    text = FILE.replace("version: 1", "version: 1\nseed: {connect: 4, noise: 2}") if "noise" in axes else FILE
    (tmp_path / "s.yaml").write_text(f"{text}sweep: {{axes: {{{axes}}}}}\n")
    checked = pipeline.check(pipeline.read(tmp_path / "s.yaml"))
    found = estimate(checked, check_sweep(checked))
    assert (found.points, found.examined, found.kernels, found.wirings) == (3, 3, kernels, wirings)


def test_a_large_sweep_is_judged_by_some_of_its_points(tmp_path):
    sweep = (
        "sweep: {axes: {tau: {linspace: [1 ms, 9 ms], num: 40}, p: {linspace: [0.1, 0.2], num: 40}, "
        "groups.cells.method: [exact, rk4]}}\n"
    )
    found = estimated(tmp_path, sweep)
    assert found.points == 3200
    assert 40 < found.examined <= EXAMINED
    assert found.kernels == 2


def test_a_probe_measures(tmp_path):
    found = estimated(tmp_path, "", probe=True)
    assert found.basis.startswith("1,000 steps of the first point")
    assert 0 < found.seconds < 5

"""What checking a file gives is a value: any number of runs can be made of it, in any order, at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from snnrun.engine.cache import RunCache
from snnrun.engine.recording import Nothing
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.running.stages import Clock

FILE = """\
version: 1
name: twice
constants: {hz: 60 Hz, limit: 25}
groups:
  noise: {kind: poisson, size: 20, rates: hz}
  cells: {size: 9, equations: "dv/dt = -v/(10*ms) : 1", threshold: v > 1, reset: v = 0}
synapses:
  net: {source: noise, target: cells, connect: {p: 0.5}, on_pre: v_post += 0.4}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v]}
metrics:
  rate: mean_rate(out)
  cv: cv_isi(out)
  each: rates(out)
  level: mean(v)
  last: max(cells.v)
  long: duration
run:
  dt: 0.1 ms
  phases: [{name: on, duration: 1 s, stop_when: count(out) > limit, check: 0.7 ms}, {name: off, duration: 20 ms}]
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNRUN_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


@pytest.fixture
def checked(tmp_path):
    def check(limit):
        file = tmp_path / "twice.yaml"
        file.write_text(FILE.replace("limit: 25", f"limit: {limit}"))
        return pipeline.check(pipeline.read(file))

    return check


def result(outcome):
    metrics = {
        name: (value.tolist() if hasattr(value, "tolist") else value) for name, (value, _) in outcome.metrics.items()
    }
    return outcome.digest, metrics, outcome.ran.steps


def test_runs_of_one_checked_file_are_the_same_alone_mixed_and_side_by_side(tmp_path, checked):
    few, many = checked(25), checked(60)
    options = RunOptions(plots=False)

    def run(one, number, cache=None):
        return result(pipeline.run(one, tmp_path / str(number), options, cache=cache))

    fresh = {limit: run(checked(limit), f"fresh{limit}") for limit in (25, 60)}
    assert fresh[25][2] < fresh[60][2]
    cache = RunCache()
    in_turn = [run(one, number, cache) for number, one in enumerate((many, few, few, many))]
    assert in_turn == [fresh[60], fresh[25], fresh[25], fresh[60]]
    with ThreadPoolExecutor(4) as pool:
        side_by_side = list(pool.map(run, (few, many, few, few), range(10, 14)))
    assert side_by_side == [fresh[25], fresh[60], fresh[25], fresh[25]]


def test_two_runs_prepared_before_either_starts_do_not_meet(checked):
    one = checked(25)
    first, second = (pipeline.prepare(one, RunCache(), Clock()) for _ in range(2))
    for prepared in (second, first):
        pipeline.simulate(prepared, Nothing(), Clock())
    values = [{n: repr(v) for n, (v, _) in p.metrics.values().items()} for p in (first, second)]
    assert values[0] == values[1]
    assert first.metrics.ran.steps == second.metrics.ran.steps < first.built.network.steps

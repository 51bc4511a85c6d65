"""How much memory a network takes is known before it is built."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from snnrun.codegen.arguments import ArrayUse
from snnrun.codegen.kernel import generate
from snnrun.engine.build import build
from snnrun.engine.memory import FORCE, expected_memory, refuse_larger_than_machine, refuse_too_large
from snnrun.errors import ExperimentError, RunError
from snnrun.model.network import Network
from snnrun.model.size import least_bytes
from snnrun.resolve.resolve import resolve
from snnrun.running import pipeline
from snnrun.running.options import RunOptions
from snnrun.source import SourceFile, Span
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

FILE = """
version: 1
name: large
groups:
  pop: {{size: {size}, equations: "dv/dt = -v/(10*ms) : 1", threshold: v > 1, reset: v = 0}}
synapses:
  s:
    source: pop
    target: pop
    equations: "w : 1"
    on_pre: v_post += w
    connect: {connect}
    delay: "clip(1.5*ms + 0.5*ms*randn(), 0.1*ms, 5*ms)"
    initial: {{w: 0.1*randn()}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""
MEASURE = """
import re, sys
from pathlib import Path
from snnrun.cli.entry import main
try:
    main()
finally:
    # of this program alone; `ru_maxrss` counts the process that started it too
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    sys.stdout.write(f"{int(peak[1]) * 1024}")
"""


SOURCE = SourceFile("large.yaml", "pop s")
PLACES = {"groups.pop": Span(SOURCE, 0, 3), "synapses.s": Span(SOURCE, 4, 5)}


def network(path: Path, size: int, connect: str) -> Network:
    path.write_text(FILE.format(size=size, connect=connect), encoding="utf-8")
    document = load(path)
    return resolve(document, parse_experiment(document)).network


def peak(path: Path) -> int:
    """Peak of a whole run whose kernels are in the cache."""
    run = [sys.executable, "-c", MEASURE.replace("{{", "{").replace("}}", "}"), "run", str(path)]
    for _ in range(2):
        done = subprocess.run(
            [*run, "--out", str(path.parent), "--no-plots", "--force"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("connect", ["{fixed_total: 30000000, multapses: true}", "{p: 0.3, where: i != j}"])
def test_the_estimate_is_within_15_percent_of_the_measured_peak(tmp_path: Path, connect: str) -> None:
    path = tmp_path / "large.yaml"
    made = network(path, 10_000, connect)
    expected = expected_memory(made, generate(made))
    assert expected > 3e8
    assert expected == pytest.approx(peak(path), rel=0.15)


def test_a_network_that_cannot_fit_is_refused_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = network(tmp_path / "large.yaml", 1_000_000, "{p: 0.5}")
    kernel = generate(made)
    needed = expected_memory(made, kernel)
    assert needed == pytest.approx(0.5e12 * (4 + 8), rel=0.05)
    with pytest.raises(RunError, match=r"RUN304.*about 6,00. GB.*`synapses\.s` takes most of it"):
        refuse_too_large(made, kernel, PLACES.get)
    available = psutil.virtual_memory()._replace(available=int(needed / 0.89))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available)
    refuse_too_large(made, kernel, PLACES.get)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available._replace(available=int(needed / 0.91)))
    with pytest.raises(RunError):
        refuse_too_large(made, kernel, PLACES.get)
    monkeypatch.setenv(FORCE, "1")
    refuse_too_large(made, kernel, PLACES.get)


def test_a_network_that_no_run_on_the_machine_can_hold_is_refused_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = network(tmp_path / "large.yaml", 1_000_000, "{p: 0.5}")
    kernel = generate(made)
    needed = expected_memory(made, kernel)
    assert sum(least_bytes(made).values()) <= needed
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(total=int(needed * 0.99)))
    with pytest.raises(ExperimentError) as refused:
        refuse_larger_than_machine(made, kernel, PLACES.get)
    assert [(d.code, d.span) for d in refused.value.diagnostics] == [("RUN304", PLACES["synapses.s"])]
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(total=int(needed * 1.01)))
    refuse_larger_than_machine(made, kernel, PLACES.get)


MONITORS = """
version: 1
groups: {{g: {{size: 100, equations: "dv/dt = -v/(10*ms) : 1", threshold: v > 1, reset: v = 0}}}}
monitors:
{lines}
run: {{dt: 0.1 ms, {run}}}
"""


def memory_of(path: Path, line: str, number: int, run: str) -> float:
    lines = "\n".join(f"  m{k}: {line}" for k in range(number))
    path.write_text(MONITORS.format(lines=lines, run=run), encoding="utf-8")
    document = load(path)
    made = resolve(document, parse_experiment(document)).network
    return expected_memory(made, generate(made)) - expected_memory(replace(made, monitors=()), generate(made))


@pytest.mark.parametrize(
    ("line", "run", "most"),
    [
        ("{kind: state, source: g, variables: [v], indices: [0]}", "duration: 10 ms", 8 * 101),
        ("{kind: state, source: g, variables: [v], dt: 1 ms}", "duration: 10 ms", 8 * 100 * 11),
        ("{kind: state, source: g, variables: [v], window: [999.9 s, 1000 s]}", "duration: 1000 s", 8 * 100 * 1001),
        ("{kind: state, source: g, variables: [v], window: [1 s, 2 s]}", "duration: 10 ms", 8 * 100),
        ("{kind: rate, source: g, bin: 1 ms}", "duration: 10 ms", 8 * 101),
        ("{kind: spikes, source: g, window: [0 ms, 1 ms]}", "duration: 1000 s", 9 * 100 + 8 * 2 * 100 * 13),
    ],
)
def test_a_monitor_takes_no_more_than_it_can_record(tmp_path: Path, line: str, run: str, most: int) -> None:
    assert memory_of(tmp_path / "many.yaml", line, 3, run) == pytest.approx(3 * most)


def test_a_long_run_has_buffers_of_a_fixed_size(tmp_path: Path) -> None:
    line = "{kind: state, source: g, variables: [v]}"
    assert memory_of(tmp_path / "long.yaml", line, 1, "duration: 1000 s") == pytest.approx(2 * 2**20, rel=0.01)


@pytest.mark.parametrize("window", ["", ", window: [3 ms, 8 ms]", ", window: [9.9 ms, 50 ms]"])
def test_buffers_hold_all_that_a_run_records(tmp_path: Path, window: str) -> None:
    text = f"""
version: 1
groups:
  g: {{size: 3, equations: "dv/dt = 1/ms : 1", threshold: v > 0, reset: v = 0}}
monitors:
  s: {{kind: state, source: g, variables: [v]{window}}}
  e: {{kind: state, source: g, variables: [v], dt: 0.3 ms{window}}}
  r: {{kind: rate, source: g, bin: 0.1 ms{window}}}
  p: {{kind: spikes, source: g{window}}}
metrics: {{n: count(p), sum: mean(s.v)}}
run: {{dt: 0.1 ms, phases: [{{name: a, duration: 5 ms}}, {{name: b, duration: 5 ms}}]}}
"""
    path = tmp_path / "all.yaml"
    path.write_text(text, encoding="utf-8")
    checked = pipeline.check(pipeline.read(path))
    built = build(checked.resolved.network, generate(checked.resolved.network))
    steps = {"": 100, ", window: [3 ms, 8 ms]": 50, ", window: [9.9 ms, 50 ms]": 1}[window]
    samples = {100: 34, 50: 17, 1: 1}[steps]  # at steps 0, 3, 6, ...
    size = {key.owner: len(a) for key, a in built.arrays.items() if key.use is ArrayUse.RECORD}
    assert 3 * steps <= size["monitors.s"] <= 3 * (steps + 1)
    assert 3 * samples <= size["monitors.e"] <= 3 * (samples + 1)
    assert steps <= size["monitors.r"] <= steps + 1
    assert size["monitors.p"] == 3 * (steps + 3)
    outcome = pipeline.run(checked, tmp_path / "out", RunOptions(plots=False))
    assert outcome.counts["p"] == 3 * steps


def test_the_bound_from_sizes_is_below_what_is_expected(tmp_path: Path) -> None:
    made = network(tmp_path / "large.yaml", 100_000, "{p: 0.05}")
    assert sum(least_bytes(made).values()) < expected_memory(made, generate(made))

"""The cost of a run or a sweep, estimated before it starts."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

from snnrun.engine.cache import RunCache
from snnrun.engine.memory import expected_memory
from snnrun.engine.recording import Nothing
from snnrun.model.size import ASSUMED_RATE, expected_seconds, recorded_bytes
from snnrun.running import pipeline
from snnrun.running.stages import Checked, Clock
from snnrun.sweep.experiments import Sweep, check_point, point_document

EXAMINED = 200  # points that are checked
PROBE_SECONDS = 2.0
_CHECK_SECONDS = 10.0  # no more points are checked after this time


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a run or a sweep.

    Args:
        points: Number of runs.
        examined: How many of them were checked; the others are assumed to be alike.
        kernels: Different kernels among those: each is compiled once.
        wirings: Synapses objects that will be connected; the other points share these.
        connected: Synapses objects of all examined points together.
        memory_bytes: What a process takes at the peak for the largest examined point, beside recordings. [byte]
        disk_bytes: Size of what will be stored. [byte]
        seconds: Time of all runs in one process. [s]
        basis: How the time was estimated.
    """

    points: int
    examined: int
    kernels: int
    wirings: int
    connected: int
    memory_bytes: int
    disk_bytes: int
    seconds: float
    basis: str


def estimate(checked: Checked, sweep: Sweep | None, *, probe: bool = False, threads: int | None = None) -> Estimate:
    """Estimate the cost from the points of a sweep, or from the one run, without running them.

    Args:
        checked: The experiment.
        sweep: Its sweep, if it has one.
        probe: Whether the first point runs for up to two seconds, to measure the time of a step.
        threads: Number of threads, instead of that in the file.
    """
    from snnrun.codegen.kernel import generate  # noqa: PLC0415 - only here and to run
    from snnrun.connect.connectivity import connectivity_key  # noqa: PLC0415

    kernels: set[str] = set()
    wirings: set[str] = set()
    connected = alone = 0
    memory = disk = seconds = 0.0
    examined = 0
    started = time.perf_counter()
    first: Checked | None = None
    for point in _points(checked, sweep):
        first = first or point
        network = pipeline.on_threads(point.resolved.network, threads)
        examined += 1
        kernel = generate(network)
        kernels.add(hashlib.sha256(kernel.text.encode()).hexdigest())
        for synapses in network.synapses.values():
            connected += 1
            key = connectivity_key(synapses, network)
            alone += key is None
            wirings |= set() if key is None else {key}
        memory = max(memory, expected_memory(network, kernel))
        recorded = recorded_bytes(network)
        disk += recorded.samples + recorded.spikes
        seconds += expected_seconds(network)
    assert first is not None
    points = 1 if sweep is None else sweep.plan.size
    share = points / examined
    checking = time.perf_counter() - started  # a run does it too
    if sweep is not None and not sweep.plan.keep_results:
        # Each number stands in three tables: sweep.h5, points.csv, metrics.json.
        disk = 3 * 8.0 * points * (len(checked.experiment.metrics) + len(sweep.plan.axes) + 1)
    else:
        disk *= share
    basis = f"sizes alone, at {ASSUMED_RATE:g} Hz a neuron: an order of magnitude"
    if probe:
        measured, steps = _probed(first)
        network = first.resolved.network
        seconds *= measured / steps * network.steps / max(expected_seconds(network), 1e-12)
        basis = f"{steps:,} steps of the first point, which took {measured:.3g} s"
    return Estimate(
        points=points,
        examined=examined,
        kernels=len(kernels),
        wirings=len(wirings) + alone,
        connected=connected,
        memory_bytes=round(memory),
        disk_bytes=round(disk),
        seconds=round((seconds + checking) * share, 6),
        basis=basis,
    )


def _points(checked: Checked, sweep: Sweep | None) -> Iterator[Checked]:
    """The points to check: all of them, or those along each axis and then others spread over the grid."""
    if sweep is None:
        yield checked
        return
    base = point_document(checked)
    plan = sweep.plan
    if plan.size <= EXAMINED:
        chosen = plan.points()
    else:
        spread = (plan.point(plan.size * k // EXAMINED) for k in range(EXAMINED // 2))
        chosen = itertools.chain(itertools.islice(plan.star(), EXAMINED // 2), spread)
    started = time.perf_counter()
    seen: set[tuple[int, ...]] = set()
    for point in chosen:
        if point.index in seen:
            continue
        seen.add(point.index)
        yield sweep.ready.get(point.index) or check_point(base, point)
        if time.perf_counter() - started > _CHECK_SECONDS:
            return


def _probed(checked: Checked) -> tuple[float, int]:
    """Run a point for `PROBE_SECONDS`: seconds and steps, without compiling and building."""
    prepared = pipeline.prepare(checked, RunCache(), Clock())
    clock = Clock()
    started = time.perf_counter()
    reached = 0

    def watch(done: int, _steps: int) -> None:
        nonlocal reached
        reached = done
        if time.perf_counter() - started > PROBE_SECONDS:
            raise _EnoughError

    with contextlib.suppress(_EnoughError):
        pipeline.simulate(prepared, Nothing(), clock, watch)
    return clock.seconds["simulate"], max(reached, 1)


class _EnoughError(Exception):
    """The probe has run for long enough."""

"""What is measured: the networks, how large, how long, and which scripts of the peers do the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = ROOT / "experiments"
PEERS = Path(__file__).resolve().parent / "peers"


class Tool(StrEnum):
    """Whose program runs."""

    SNNRUN = "snnrun"
    BRIAN2 = "Brian2"
    NEST = "NEST"


@dataclass(frozen=True, slots=True)
class Runner:
    """A way to run a work.

    Args:
        key: Its name in the results.
        label: Its name in tables.
        tool: Whose program.
        options: What the way adds to the command line.
        cached: Whether a first run leaves something (compiled code) that makes the next ones quicker.
        cold_once: Whether the first run is measured in the first round only, because it takes most of a minute.
    """

    key: str
    label: str
    tool: Tool
    options: tuple[str, ...] = ()
    cached: bool = True
    cold_once: bool = False


STRICT = Runner("snnrun", "snnrun", Tool.SNNRUN)
FAST = Runner("snnrun-fast", "snnrun, math: fast", Tool.SNNRUN, ("--set", "run.math=fast"))
TWO = Runner("snnrun-2", "snnrun, 2 threads", Tool.SNNRUN, ("--set", "run.threads=2"))
CPP = Runner("brian2-cpp", "Brian2, C++ standalone", Tool.BRIAN2, ("cpp",))
CYTHON = Runner("brian2-cython", "Brian2, Cython", Tool.BRIAN2, ("cython",), cold_once=True)
NEST_1 = Runner("nest", "NEST", Tool.NEST, ("--threads", "1"), cached=False)
NEST_2 = Runner("nest-2", "NEST, 2 threads", Tool.NEST, ("--threads", "2"), cached=False)
RUNNERS = {runner.key: runner for runner in (STRICT, FAST, TWO, CPP, CYTHON, NEST_1, NEST_2)}
_ALL_BRIAN2 = (STRICT, FAST, TWO, CPP, CYTHON)


@dataclass(frozen=True, slots=True)
class Work:
    """One network, to be simulated by all its runners for the same time.

    Args:
        name: Its name in the results.
        file: The experiment.
        size: Its constant `size` or `scale`; of a sweep, the number of points.
        seconds: Simulated time. [s]
        metrics: Rates that must agree. [Hz]
        runners: Who runs it.
        script: The name of the peers' scripts.
        size_constant: The name of the constant; empty when the size is not set.
        seeds: Runs of ours with different seeds that the rates are taken from.
        published: The metrics as a paper gives them, for a work that has no peer. [Hz]
        variant: Which network of the peers' script, where it has several.
        made: The file in `MADE` that the work needs.
        written: Whether writing to disk counts as simulation: the work is about recording.
        options: More of the command line of ours.
    """

    name: str
    file: Path
    size: float
    seconds: float
    metrics: tuple[str, ...]
    runners: tuple[Runner, ...]
    script: str
    size_constant: str = "size"
    seeds: int = 8
    published: tuple[float, ...] = ()
    variant: str = ""
    made: str = ""
    written: bool = False
    options: tuple[str, ...] = ()

    def sets(self, seconds: float) -> list[str]:
        """The options of `snnrun run` for this size and a simulated time."""
        options = ["--set", f"run.duration={seconds:g} s"]
        return [*options, "--set", f"{self.size_constant}={self.size:g}"] if self.size_constant else options

    def script_of(self, tool: Tool) -> Path:
        """The peer's script."""
        return PEERS / f"{tool.value.lower()}_{self.script}.py"


_POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
_LAYERS = tuple(f"rate_{name}" for name in _POPULATIONS)
_BENCHMARKS = EXPERIMENTS / "benchmarks"
MADE = _BENCHMARKS / "made"
_CPP = (STRICT, FAST, TWO, CPP)


def _benchmark(name: str, size: float, seconds: float, runners: tuple[Runner, ...], *metrics: str) -> Work:
    return Work(name, _BENCHMARKS / f"{name}.yaml", size, seconds, metrics, runners, name.replace("-", "_"))


def _like(name: str, size: float, seconds: float, **more: Any) -> Work:
    """A work that is compared with Brian2's standalone programs alone, by its `rate`."""
    plain = _benchmark(name, size, seconds, _CPP, "rate")
    return replace(plain, seeds=4, **more)


def _chain(groups: int, runners: tuple[Runner, ...]) -> Work:
    made = f"chain-{groups}.yaml"
    return Work(
        f"chain-{groups}", MADE / made, groups, 1.0, ("rate",), runners, "chain", size_constant="", seeds=4, made=made
    )


WORKS = (
    _benchmark("coba", 4000, 1.0, _ALL_BRIAN2, "rate"),
    _benchmark("cuba", 4000, 1.0, _ALL_BRIAN2, "rate"),
    _benchmark("cobahh", 4000, 1.0, _ALL_BRIAN2, "rate"),
    _benchmark("brunel", 12500, 1.0, (*_ALL_BRIAN2, NEST_1, NEST_2), "rate"),
    _benchmark("stdp", 1000, 100.0, (STRICT, FAST, CPP, CYTHON), "input_rate", "output_rate"),
    _benchmark("adex-noise", 10000, 1.0, _ALL_BRIAN2, "rate"),
    Work(
        "microcircuit-0.1",
        _BENCHMARKS / "microcircuit.yaml",
        0.1,
        1.0,
        _LAYERS,
        (STRICT, TWO, CPP, NEST_1, NEST_2),
        "microcircuit",
        size_constant="scale",
        seeds=5,
    ),
    _like("plastic", 10_000, 1.0),
    _like("plastic-large", 12_500, 1.0, file=_BENCHMARKS / "plastic.yaml", script="plastic"),
    _like("gap", 500, 1.0, variant="all"),
    _like("gap-sparse", 5000, 0.2, script="gap", variant="sparse"),
    _like("nmda", 1000, 0.5, script="clock", variant="nmda"),
    _like("clock-euler", 1000, 0.5, script="clock", variant="euler"),
    _like("clock-exact", 1000, 0.5, script="clock", variant="exact"),
    _like("record-state", 2000, 1.0, written=True),
    _like("record-spikes", 50_000, 1.0, written=True),
    _like("delays", 4000, 1.0),
    replace(_like("one", 1, 100.0), runners=(STRICT, CPP)),
    _like("million", 1_000_000, 0.1),
    _like("fly-brain", 138_639, 1.0, made="connectome-138639.npz"),
    _chain(5, (STRICT, CPP)),
    _chain(200, (STRICT,)),
    Work(
        "trials",
        _BENCHMARKS / "trials.yaml",
        400,
        0.1,
        ("rate",),
        (STRICT, CPP, CYTHON),
        "trials",
        seeds=4,
        options=("--workers", "1"),
    ),
    Work(
        "sweep",
        EXPERIMENTS / "tutorial" / "15-time-constant-sweep.yaml",
        30,
        0.3,
        ("rate",),
        (STRICT, CYTHON),
        "sweep",
        size_constant="",
        seeds=16,
    ),
    Work(
        "microcircuit",
        _BENCHMARKS / "microcircuit.yaml",
        1.0,
        1.0,
        _LAYERS,
        (STRICT, TWO),
        "microcircuit",
        size_constant="scale",
        seeds=1,
        published=(0.9, 2.9, 4.4, 5.9, 7.6, 8.6, 1.1, 7.8),
    ),
)
BY_NAME = {work.name: work for work in WORKS}

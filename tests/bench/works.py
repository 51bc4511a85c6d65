"""What is measured: the networks, how large, how long, and which scripts of the peers do the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

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


def _benchmark(name: str, size: float, seconds: float, runners: tuple[Runner, ...], *metrics: str) -> Work:
    return Work(name, _BENCHMARKS / f"{name}.yaml", size, seconds, metrics, runners, name.replace("-", "_"))


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

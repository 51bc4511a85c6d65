"""Experiments that the tests of the commands run; few structures, so that few kernels are compiled."""

from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "experiments" / "tutorial"

SMALL = """\
version: 1
name: small
constants:
  tau: 10 ms
  drive: 2
groups:
  cells:
    size: 3
    equations: "dv/dt = (drive - v)/tau : 1"
    method: exact
    threshold: v > 1
    reset: v = 0
    initial: {v: rand()}
monitors:
  out: {kind: spikes, source: cells}
run: {duration: 50 ms, dt: 0.1 ms}
metrics:
  rate: mean_rate(out)
"""

# The same structure, and so the same kernel; it takes minutes.
LONG = SMALL.replace("duration: 50 ms", "duration: 100000 s").replace("name: small", "name: long")

# v doubles each 10 ms until it overflows.
EXPLODES = """\
version: 1
name: explodes
groups:
  cells:
    size: 4
    equations: |
      dv/dt = v*v*growth : 1
      growth : Hz
    method: euler
    threshold: v > 1e300
    reset: v = v
    initial: {v: 1, growth: int(i == 2)*100*Hz}
monitors:
  out: {kind: state, source: cells, variables: [v]}
run: {duration: 1 s, dt: 0.1 ms}
metrics:
  end: max(out)
"""


def write(path, text):
    """Write a file and give its path back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def place_in(path, needle):
    """Where a text stands in a file, as messages name it: `file:line:column`."""
    before, found, _ = path.read_text(encoding="utf-8").partition(needle)
    assert found
    return f"{path}:{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"

"""R7 and R8: one digest on any processor, with any number of threads, in either precision."""

import json
import os
import platform
import subprocess
import sys

import pytest
from cli_experiments import write

# Large enough for two threads; exponentials, powers, noise, random connections, many delays, plasticity.
EXPERIMENT = """\
version: 1
name: anywhere
constants: {tau: 12 ms}
groups:
  input: {kind: poisson, size: 500, rates: 30 Hz}
  cells:
    size: 2000
    equations: |
      dv/dt = (1.05 - v + 0.3*exp((v - 1)/0.2) + g)/tau + 0.2*xi*tau**-0.5 : 1 (unless refractory)
      dg/dt = -g/(5*ms) : 1
    method: euler
    threshold: v > 2
    reset: v = 0
    refractory: 2 ms
    initial: {v: rand()}
synapses:
  feed: {source: input, target: cells, connect: {p: 0.02}, on_pre: g += 0.3*abs(sin(v_post))**1.5}
  back:
    source: cells
    target: cells
    connect: {p: 0.02}
    equations: "w : 1"
    on_pre: g += w
    delay: (1 + 4*rand())*ms
    initial: {w: 0.02*(1 + 0.1*randn())}
monitors:
  spikes: {kind: spikes, source: cells, variables: [v]}
  state: {kind: state, source: cells, variables: [v, g], indices: [0, 999, 1999]}
run: {duration: 100 ms, dt: 0.1 ms}
"""

PROCESSORS = ("generic", "x86-64-v3")


def digest(place, processor=None, *options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA")}
    if processor is not None:
        environment |= {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", "snnrun", "run", "anywhere.yaml", "--no-plots", "--json", *options]
    command += ["--out", f"{processor}-{'-'.join(options)}".replace("=", "-").replace(".", "-")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=place)
    said = json.loads(done.stdout)
    assert said["counts"]["spikes"] > 1000, "they fire"
    return said["digest"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of x86-64")
@pytest.mark.parametrize("precision", ["double", "single"])
def test_every_processor_gives_the_same_bits(place, precision):
    write(place / "anywhere.yaml", EXPERIMENT)
    chosen = ("--set", f"run.precision={precision}")
    here = digest(place, None, *chosen)
    assert [digest(place, name, *chosen) for name in PROCESSORS] == [here] * len(PROCESSORS)


def test_any_number_of_threads_gives_the_same_bits(place):
    write(place / "anywhere.yaml", EXPERIMENT)
    assert digest(place, None, "--threads", "2") == digest(place)

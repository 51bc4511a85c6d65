"""Experiments that read files, and what they read."""

import numpy as np
import pytest

from snnrun.connect.builder import connect as connected
from snnrun.engine.values import SynapseValues
from snnrun.errors import ExperimentError, Severity
from snnrun.model.rule_values import Ground
from snnrun.running import pipeline

PLAIN = """\
version: 1
groups:
  a: {size: 3, equations: "v : volt"}
  b: {size: 4, equations: "v : volt"}
run: {duration: 1 ms, dt: 0.1 ms}
"""
WIRED = """\
version: 1
groups:
  a: {kind: spikes, size: 3, indices: [0], times: [0 s]}
  b: {size: 4, equations: "v : volt"}
synapses:
  s:
    source: a
    target: b
    equations: |
      w : volt
      k : integer
      on : boolean
    on_pre: v_post += w
    connect: CONNECT
run: {duration: 1 ms, dt: 0.1 ms}
"""
SPIKING = """\
version: 1
groups:
  a: {kind: spikes, size: 3, SPIKES}
run: {duration: 1 ms, dt: 0.1 ms}
"""


def checked(folder, text):
    """A file in a folder, read and checked."""
    (folder / "x.yaml").write_text(text, encoding="utf-8")
    return pipeline.check(pipeline.read(folder / "x.yaml"))


def problem(folder, text, code):
    """The only error of a file; it has this code and a place."""
    with pytest.raises(ExperimentError) as caught:
        checked(folder, text)
    (found,) = [d for d in caught.value.diagnostics if d.severity is Severity.ERROR]
    assert found.code == code, found
    assert found.span is not None
    return found


def wired(folder, connect, text=WIRED):
    """Pairs, values and delays in steps of the synapses of a rule, in creation order."""
    found = checked(folder, text.replace("CONNECT", connect))
    network = found.resolved.network
    synapses = network.synapses["s"]
    made = connected(synapses, Ground("synapses.s", None, network.seeds, network.dt, {}), 3)
    values = SynapseValues(None, network, synapses, made)
    values.start()
    delays = values.delays(synapses.pathways[0])
    return {
        "i": values.pre.tolist(),
        "j": values.post.tolist(),
        **{name: array.tolist() for name, array in values.arrays.items()},
        "delay": np.broadcast_to(delays, (len(values.pre),)).tolist(),
        "warnings": [w.message for w in found.warnings],
    }


def schedule(folder, spikes):
    """Steps, neurons and warnings of given spikes."""
    found = checked(folder, SPIKING.replace("SPIKES", spikes))
    plan = found.resolved.network.groups["a"].schedule
    return plan.steps.tolist(), plan.ids.tolist(), [w.message for w in found.warnings]

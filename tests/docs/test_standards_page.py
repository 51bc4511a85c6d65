"""The blocks of the page about standards run as they stand."""

import re
from pathlib import Path

import pytest

from snnrun import __version__

PAGE = (Path(__file__).parents[2] / "docs" / "standards.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NETWORK = """\
version: 1
groups:
  cells:
    size: 5
    equations: "dv/dt = (30*mV*(1+i/4) - v)/(10*ms) : volt"
    method: exact
    threshold: v > 20*mV
    reset: v = 0*mV
synapses:
  rec:
    source: cells
    target: cells
    equations: "w : volt"
    on_pre: v_post += w
    connect: {p: 0.5}
    initial: {w: 0.1*mV}
    delay: 1 ms
monitors:
  out: {kind: spikes, source: cells}
  wires: {kind: connectivity, source: rec, variables: [w, delay]}
run: {duration: 20 ms, dt: 0.1 ms}
"""


def test_libsonata_joins_spikes_and_edges(tmp_path, monkeypatch, capsys):
    pytest.importorskip("libsonata")
    (tmp_path / "network.yaml").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[0], "docs/standards.md", "exec"), {})
    edges, spikes = capsys.readouterr().out.splitlines()
    assert edges.endswith("cells cells")
    assert edges.startswith("[1.")  # the delay in ms
    assert spikes.startswith("[(4, ")


def test_the_citation_names_this_version():
    text = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in text

"""The kernel and the oracle, which interprets the same network in plain Python, give the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement import assert_agreement, differences
from networks import NETWORKS
from running import network_of

CASES = sorted((Path(__file__).resolve().parent / "cases").glob("*.yaml"))

_TUTORIAL = Path(__file__).resolve().parents[2] / "experiments" / "tutorial"
DEMOS = sorted(p for p in _TUTORIAL.glob("*.yaml") if p.stem != "01-units")  # that one simulates nothing


@pytest.mark.parametrize("name", NETWORKS)
def test_kernel_and_oracle_give_the_same_bits(name: str) -> None:
    assert_agreement(NETWORKS[name], spikes=2)


@pytest.mark.parametrize("name", ["variables", "pathways"])
def test_they_agree_when_the_kernel_is_called_for_single_steps(name: str) -> None:
    assert differences(network_of(NETWORKS[name]), most=1)[0] == []


LARGE = ("schedule", "nested", "links", "noise", "methods")  # whose kernels take seconds to compile


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in NETWORKS]
)
def test_they_agree_in_single_precision(name: str) -> None:
    found, compared = differences(network_of(NETWORKS[name], "run.precision=single"))
    assert found == []
    assert compared > 100


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_they_agree_on_the_cases_of_brian2(path: Path) -> None:
    assert_agreement(path)


@pytest.mark.parametrize("path", DEMOS, ids=lambda p: p.stem)
def test_they_agree_on_every_demo_of_the_tutorial(path: Path) -> None:
    # a demo that calls Python does the rest of its step like any other; here nothing is called, in both
    assert_agreement(path)

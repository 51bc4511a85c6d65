"""Runs one case file with snnrun and gives back what it recorded, in the terms of the reference data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spikes:
    """The spikes of one monitor.

    Attributes:
        i: Neuron of the whole group, shape (spikes,).
        step: Step of the spike, shape (spikes,). [dt]
        variables: Values at the spike by variable, each of shape (spikes,). [SI]
    """

    i: NDArray[np.int64]
    step: NDArray[np.int64]
    variables: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Trace:
    """All samples of one state monitor.

    Attributes:
        step: Step each sample was taken at, shape (samples,). [dt]
        variables: Samples by variable, each of shape (elements, samples). [SI]
    """

    step: NDArray[np.int64]
    variables: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The synapses of one object in creation order, source `i` and target `j`, each of shape (synapses,)."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run recorded, each kind by the name of its monitor."""

    spikes: Mapping[str, Spikes]
    states: Mapping[str, Trace]
    connectivity: Mapping[str, Pairs]


def run_case(path: Path) -> Recorded:
    """Run an experiment file through the pipeline into a temporary folder and read its results back."""
    # The body is for the pipeline's author:
    #     from snnrun.pipeline import run_file
    #     results = run_file(path, out=temporary_folder, plots=False)   ->  snnrun.results.reader.Results
    # then one Spikes, Trace or Pairs a monitor, times divided by dt and rounded.
    raise NotImplementedError(path)

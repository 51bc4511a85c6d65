"""Every case with reference data gives the spikes and the traces that Brian2 gives.

The data in `data/` was computed with Brian2 itself by `brian2/make_reference.py`; the same model as an experiment file
is in `cases/`. Names of the arrays: `brian2/recording.py`.
"""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from running import Recorded, run_case

HERE = Path(__file__).resolve().parent
CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))
TRACE_TOLERANCE = 1e-9

Arrays = dict[str, NDArray[Any]]


@functools.cache
def reference(case: str) -> Arrays:
    with np.load(HERE / "data" / f"{case}.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


@functools.cache
def recorded(case: str) -> Recorded:
    return run_case(HERE / "cases" / f"{case}.yaml")


def monitors(arrays: Arrays, prefix: str, suffix: str) -> list[str]:
    return [
        name.removeprefix(prefix).removesuffix(suffix)
        for name in arrays
        if name.startswith(prefix) and name.endswith(suffix)
    ]


def spike_monitors() -> list[tuple[str, str]]:
    return [(case, monitor) for case in CASES for monitor in monitors(reference(case), "spikes_", "_step")]


def state_monitors() -> list[tuple[str, str]]:
    return [(case, monitor) for case in CASES for monitor in monitors(reference(case), "samples_", "")]


def connectivity_monitors() -> list[tuple[str, str]]:
    return [(case, monitor) for case in CASES for monitor in monitors(reference(case), "connectivity_", "_i")]


def variables_of(arrays: Arrays, prefix: str) -> list[str]:
    names = [name.removeprefix(prefix) for name in arrays if name.startswith(prefix)]
    return [name for name in names if name not in {"i", "step"}]


def assert_close(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> None:
    assert ours.shape == theirs.shape
    scale = np.max(np.abs(theirs), initial=0.0)
    np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=TRACE_TOLERANCE * scale)


def test_every_case_has_data_and_all_data_has_a_case() -> None:
    data = sorted(path.stem for path in (HERE / "data").glob("*.npz"))
    assert data == CASES


def test_the_reference_data_is_not_empty() -> None:
    for case in CASES:
        arrays = reference(case)
        assert any(np.size(values) for name, values in arrays.items() if name != "dt"), case


@pytest.mark.parametrize(("case", "monitor"), spike_monitors())
def test_the_same_neurons_spike_in_the_same_steps(case: str, monitor: str) -> None:
    arrays, spikes = reference(case), recorded(case).spikes[monitor]
    theirs = zip(arrays[f"spikes_{monitor}_step"].tolist(), arrays[f"spikes_{monitor}_i"].tolist(), strict=True)
    assert Counter(zip(spikes.step.tolist(), spikes.i.tolist(), strict=True)) == Counter(theirs)


@pytest.mark.parametrize(("case", "monitor"), spike_monitors())
def test_variables_at_spikes_are_the_same(case: str, monitor: str) -> None:
    arrays, spikes = reference(case), recorded(case).spikes[monitor]
    theirs = np.lexsort((arrays[f"spikes_{monitor}_i"], arrays[f"spikes_{monitor}_step"]))
    ours = np.lexsort((spikes.i, spikes.step))
    wanted = variables_of(arrays, f"spikes_{monitor}_")
    assert set(wanted) == set(spikes.variables)
    for variable in wanted:
        assert_close(spikes.variables[variable][ours], arrays[f"spikes_{monitor}_{variable}"][theirs])


@pytest.mark.parametrize(("case", "monitor"), state_monitors())
def test_traces_are_the_same(case: str, monitor: str) -> None:
    arrays, trace = reference(case), recorded(case).states[monitor]
    wanted = variables_of(arrays, f"state_{monitor}_")
    assert wanted
    steps = arrays[f"samples_{monitor}"]
    kept = np.searchsorted(trace.step, steps)
    np.testing.assert_array_equal(trace.step[kept], steps)
    for variable in wanted:
        assert_close(trace.variables[variable][:, kept], arrays[f"state_{monitor}_{variable}"])


@pytest.mark.parametrize(("case", "monitor"), connectivity_monitors())
def test_synapses_are_created_in_the_same_order(case: str, monitor: str) -> None:
    arrays, pairs = reference(case), recorded(case).connectivity[monitor]
    np.testing.assert_array_equal(pairs.i, arrays[f"connectivity_{monitor}_i"])
    np.testing.assert_array_equal(pairs.j, arrays[f"connectivity_{monitor}_j"])

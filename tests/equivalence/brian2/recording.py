"""What a case keeps of a Brian2 simulation, and the file it is kept in."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, Quantity, defaultclock, second
from numpy.typing import NDArray

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class Recording:
    """The arrays of one case, all in SI units, under the names the comparison looks for.

    - `dt`: the step length, a scalar. [s]
    - `spikes_<monitor>_i`, `spikes_<monitor>_step`: neuron and step of every spike, shape (spikes,).
    - `spikes_<monitor>_<variable>`: a variable at the spike, shape (spikes,). [SI]
    - `samples_<monitor>`: steps at which a state monitor's kept samples were taken, shape (samples,).
    - `state_<monitor>_<variable>`: the samples, shape (elements, samples). [SI]
    - `connectivity_<monitor>_i`, `connectivity_<monitor>_j`: pairs in creation order, shape (synapses,).
    """

    def __init__(self) -> None:
        self.dt = float(defaultclock.dt / second)
        self.arrays: dict[str, NDArray[Any]] = {"dt": np.float64(self.dt)}

    def spikes(self, name: str, monitor: Any, variables: Sequence[str] = (), *, first: int = 0) -> None:
        """Keep a spike monitor; `first` is where its subgroup starts, so that ids are those of the whole group."""
        times = np.asarray(monitor.t / second, dtype=np.float64)
        self.arrays[f"spikes_{name}_i"] = np.asarray(monitor.i, dtype=np.int32) + np.int32(first)
        self.arrays[f"spikes_{name}_step"] = self._steps(times)
        for variable in variables:
            self.arrays[f"spikes_{name}_{variable}"] = np.array(getattr(monitor, f"{variable}_")[:], dtype=np.float64)

    def state(self, name: str, monitor: Any, variables: Sequence[str], *, every: int = 1) -> None:
        """Keep every n-th sample of a state monitor in full precision."""
        times = np.asarray(monitor.t / second, dtype=np.float64)
        self.arrays[f"samples_{name}"] = self._steps(times)[::every]
        for variable in variables:
            values = np.array(getattr(monitor, f"{variable}_"), dtype=np.float64)
            self.arrays[f"state_{name}_{variable}"] = np.ascontiguousarray(np.atleast_2d(values)[:, ::every])

    def connectivity(self, name: str, synapses: Any) -> None:
        """Keep the pairs of a synapses object in the order they were created."""
        self.arrays[f"connectivity_{name}_i"] = np.array(synapses.i[:], dtype=np.int32)
        self.arrays[f"connectivity_{name}_j"] = np.array(synapses.j[:], dtype=np.int32)

    def write(self, path: Path) -> bool:
        """Write the arrays unless the file holds exactly these already; tells whether it wrote.

        A zip with fixed dates and sorted members, so the same arrays give the same bytes.
        """
        if path.exists() and self._equals(path):
            return False
        with zipfile.ZipFile(path, "w") as archive:
            for name in sorted(self.arrays):
                member = io.BytesIO()
                np.lib.format.write_array(member, np.asarray(self.arrays[name]), allow_pickle=False)
                entry = zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, member.getvalue(), compresslevel=9)
        return True

    def difference(self, path: Path) -> str:
        """How far these arrays are from those of a file, in words; empty if names, integers and spikes agree."""
        with np.load(path, allow_pickle=False) as stored:
            if set(stored.files) != set(self.arrays):
                return f"other names: {sorted(set(stored.files) ^ set(self.arrays))}"
            for name, values in self.arrays.items():
                other = stored[name]
                if other.shape != np.shape(values):
                    return f"{name}: shape {np.shape(values)} against {other.shape}"
                if other.dtype.kind == "i" and not np.array_equal(other, values):
                    return f"{name}: different integers"
                scale = np.max(np.abs(other), initial=0.0)
                if other.dtype.kind == "f" and not np.allclose(values, other, rtol=0.0, atol=1e-11 * scale):
                    return f"{name}: off by {np.max(np.abs(values - other)) / scale:.3g} of its largest value"
        return ""

    def _steps(self, times: NDArray[np.float64]) -> NDArray[np.int32]:
        steps = np.rint(times / self.dt)
        if not np.allclose(times, steps * self.dt, rtol=0.0, atol=1e-6 * self.dt):
            raise ValueError("a recorded time is not a multiple of dt")
        return steps.astype(np.int32)

    def _equals(self, path: Path) -> bool:
        with np.load(path, allow_pickle=False) as stored:
            return set(stored.files) == set(self.arrays) and all(
                stored[name].dtype == np.asarray(values).dtype and np.array_equal(stored[name], values)
                for name, values in self.arrays.items()
            )


def simulate(duration: Quantity, objects: Sequence[Any], constants: dict[str, Any] | None = None) -> None:
    """Run a network of exactly these objects; equations see these constants and the units."""
    Network(*objects).run(duration, namespace=dict(constants or {}))

"""Results of networks of any size, with every kind of monitor, and a picture of each kind of plot."""

from pathlib import Path

import numpy as np
from plot_synthetic import about, lif_spikes, write

from snnrun.plot_kinds import PLOT_KINDS
from snnrun.results.layout import (
    Column,
    ConnectivityChannel,
    GroupFacts,
    RateChannel,
    RecordingPlan,
    SpikeChannel,
    StateChannel,
)
from snnrun.results.sweep_table import Axis, write_sweep

NUMBERS = (0, 1, 4, 5_000)
WIDTHS = {"column": 0.085, "page": 0.180}
DURATION = 0.2
SAMPLE = 1e-3

PLOTS = {
    "raster": {},
    "traces": {"monitor": "v"},
    "rate": {"monitor": ["spikes", "others"]},
    "psth": {"period": 0.05},
    "isi": {},
    "curve": {"x": "drive", "y": "rates(spikes)"},
    "weights": {"monitor": "w"},
    "connectivity": {},
    "heatmap": {"monitor": "v", "variables": ["v"]},
    "sweep": {"y": "rate"},
    "rasters": {},
    "image": {"monitor": "spikes"},
    "scatter": {"x": "v.v", "y": "v.u"},
}
"""What each kind is drawn from."""

OF_SWEEP = {kind.name for kind in PLOT_KINDS.values() if kind.sweep}


def run(folder: Path, n: int, hz: float = 40.0) -> Path:
    """A run of two groups of n neurons each; nothing happened and nothing was sampled where n is 0."""
    size, samples = max(n, 1), round(DURATION / SAMPLE)
    watched = np.arange(n)
    count = 0 if n == 0 else max(min(20 * n, 50_000), 1)
    rng = np.random.default_rng(n)
    pre, post = np.sort(rng.integers(0, size, count)), rng.integers(0, size, count)
    few = min(count, 200)
    t = np.arange(samples)[:, None] * SAMPLE
    v = -65e-3 + 12e-3 * np.sin(2 * np.pi * (10 + watched / size) * t + watched)
    u = np.cos(2 * np.pi * (10 + watched / size) * t + watched)
    weights = rng.lognormal(-21, 0.5, few)

    def fill(writer):
        for name, seed in (("spikes", 1), ("others", 2)):
            writer.add_spikes(name, *lif_spikes(np.full(n, seed * hz), DURATION, seed))
        if n:
            writer.add_states("v", {"v": v, "u": u})
            writer.add_states("w", {"w": weights * (1 + 5 * t)})
            writer.add_rates("rate", np.abs(rng.normal(hz, 5, samples)))
        writer.put_connectivity(
            "pairs", pre, post, {"w": (rng.lognormal(-21, 0.5, count), "S"), "delay": (rng.random(count) * 1e-3, "s")}
        )
        drive = np.linspace(0, 2e-9, n)
        writer.put_series("f-i", {"x": (drive, "A", "drive"), "y": (drive * hz * 1e9, "Hz", "rates(spikes)")})

    plan = RecordingPlan(
        spikes=(SpikeChannel("spikes", "excitatory", size), SpikeChannel("others", "inhibitory", size)),
        states=(
            StateChannel("v", "excitatory", watched, (Column("v", "V"), Column("u", "1")), 0.0, SAMPLE),
            StateChannel("w", "recurrent", np.arange(few), (Column("w", "S"),), 0.0, SAMPLE, pre[:few], post[:few]),
        ),
        rates=(RateChannel("rate", "excitatory", size, SAMPLE, 5e-3),),
        connectivities=(ConnectivityChannel("pairs", "recurrent", "excitatory", "inhibitory", size, size),),
    )
    groups = (GroupFacts("excitatory", size, ("v", -50e-3), ("v", -65e-3)), GroupFacts("inhibitory", size))
    title = "A network of excitatory and inhibitory neurons that spike at random"
    return write(folder, plan, about(title, DURATION, *groups), fill)


def sweep(folder: Path, n: int) -> Path:
    """A sweep of two parameters over networks of n neurons, with the results of its points."""
    drive, kind = np.linspace(0, 2e-9, 2), ["regular", "bursting"]
    for k in range(drive.size * len(kind)):
        run(folder / "points" / f"{k:05d}", n if n < 1000 else n // 20, hz=5.0 * k)
    rate = np.outer(drive * 4e10, [1.0, 0.5]) * (np.nan if n == 0 else 1.0)
    groups = (GroupFacts("excitatory", max(n, 1)), GroupFacts("inhibitory", max(n, 1)))
    write_sweep(
        folder,
        [Axis("constants.drive", "A", drive), Axis("groups.excitatory.model", None, kind)],
        {"rate": (rate, "Hz")},
        np.ones(rate.shape),
        description=about("A sweep", DURATION, *groups),
    )
    return folder

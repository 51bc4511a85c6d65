"""Folders of results made up for pictures: what the notebook's demos record, and large networks."""

from pathlib import Path

import numpy as np

from snnrun.results.layout import (
    Column,
    ConnectivityChannel,
    Description,
    GroupFacts,
    RateChannel,
    RecordingPlan,
    SpikeChannel,
    StateChannel,
    Subgroup,
)
from snnrun.results.sweep_table import Axis, Coordinate, write_sweep
from snnrun.results.writer import ResultsWriter

DT = 1e-4


def about(title: str, duration: float, *groups: GroupFacts, dt: float = DT) -> Description:
    return Description("synthetic", title, "3f9a1c02", 1, dt, duration, groups)


def lif_spikes(rates: np.ndarray, duration: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Steps and ids of independent Poisson neurons, in the order a run records them."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rates * duration)
    ids = np.repeat(np.arange(len(rates)), counts)
    steps = rng.integers(0, round(duration / DT), len(ids))
    order = np.lexsort((ids, steps))
    return steps[order], ids[order]


def write(folder: Path, plan: RecordingPlan, description: Description, fill, metrics=None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with ResultsWriter(folder / "results.h5", plan, description) as writer:
        fill(writer)
        writer.finish(metrics or {}, "complete")
    return folder


def thirty_neurons(folder: Path) -> Path:
    """The notebook's raster and curve: 30 neurons driven ever stronger."""
    n, duration = 30, 0.1
    v0 = 3 * np.arange(n) / (n - 1)
    steps, ids = [], []
    for k, drive in enumerate(v0):
        if drive > 0.8:
            period = round((2e-3 + 10e-3 * np.log(drive / (drive - 0.8))) / DT)
            own = np.arange(period, round(duration / DT), period)
            steps.append(own)
            ids.append(np.full(len(own), k))
    steps, ids = np.concatenate(steps), np.concatenate(ids)
    order = np.lexsort((ids, steps))

    def fill(writer):
        writer.add_spikes("spikes", steps[order], ids[order])
        rates = np.bincount(ids, minlength=n) / duration
        writer.put_series("if-curve", {"x": (v0, "1", "v0"), "y": (rates, "Hz", "rates(spikes)")})

    plan = RecordingPlan(spikes=(SpikeChannel("spikes", "population", n),))
    return write(folder, plan, about("Firing rate against drive", duration, GroupFacts("population", n)), fill)


def one_neuron(folder: Path, refractory: float | None = 5e-3) -> Path:
    """A leaky neuron towards 1 with threshold 0.8 (in mV around -65), sampled, with its spikes."""
    duration, tau = 0.1, 10e-3
    v, trace, steps, last = -62e-3, [], [], -1.0
    for k in range(round(duration / DT)):
        trace.append(v)
        if k * DT - last >= (refractory or 0):
            v += (-45e-3 - v) * (1 - np.exp(-DT / tau))
        if v > -50e-3:
            steps.append(k)
            v, last = -65e-3, k * DT

    def fill(writer):
        writer.add_spikes("above", np.array(steps) - 3, np.zeros(len(steps), int))
        writer.add_spikes("out", np.array(steps), np.zeros(len(steps), int))
        writer.add_states("trace", {"v": np.array(trace)[:, None]})

    plan = RecordingPlan(
        spikes=(SpikeChannel("above", "neuron", 1, events=True), SpikeChannel("out", "neuron", 1)),
        states=(StateChannel("trace", "neuron", np.array([0]), (Column("v", "V"),), 0.0, DT),),
    )
    facts = GroupFacts("neuron", 1, ("v", -50e-3), ("v", -65e-3), refractory)
    return write(folder, plan, about("LIF neuron with a refractory period", duration, facts), fill)


def hodgkin_huxley(folder: Path) -> Path:
    """Three neurons with spikes that carry a variable, several variables of different units."""
    t = np.arange(500) * DT
    v = np.stack([-65e-3 + 100e-3 * np.exp(-(((t - t0) / 1e-3) ** 2)) for t0 in (0.01, 0.022, 0.035)], 1)
    m = np.clip((v + 65e-3) / 0.1, 0, 1)
    g = m**3 * 2e-6

    def fill(writer):
        writer.add_spikes("spikes", np.array([96, 216, 346]), np.arange(3), {"v": np.array([-40e-3, -38e-3, -39e-3])})
        writer.add_states("state", {"v": v, "m": m, "g": g})

    plan = RecordingPlan(
        spikes=(SpikeChannel("spikes", "hh", 3, columns=(Column("v", "V"),)),),
        states=(
            StateChannel("state", "hh", np.arange(3), (Column("v", "V"), Column("m", "1"), Column("g", "S")), 0.0, DT),
        ),
    )
    return write(folder, plan, about("Hodgkin-Huxley, three capacitances", 0.05, GroupFacts("hh", 3)), fill)


def synapses(folder: Path, n: int = 10, p: float = 0.3) -> Path:
    """STDP traces of one synapse and realised pairs with weights."""
    rng = np.random.default_rng(3)
    pre, post = np.nonzero((rng.random((n, n)) < p) & ~np.eye(n, dtype=bool))
    t = np.arange(300) * DT
    apre = np.where(t > 0.01, 0.01 * np.exp(-(t - 0.01) / 20e-3), 0)
    apost = np.where(t > 0.02, -0.0105 * np.exp(-(t - 0.02) / 20e-3), 0)

    def fill(writer):
        writer.add_states(
            "weight", {"w": np.where(t > 0.02, 0.006, 0.0)[:, None], "apre": apre[:, None], "apost": apost[:, None]}
        )
        weights = rng.normal(1e-9, 2e-10, len(pre))
        writer.put_connectivity("pairs", pre, post, {"w": (weights, "S"), "delay": (np.full(len(pre), 1e-3), "s")})

    columns = (Column("w", "1"), Column("apre", "1"), Column("apost", "1"))
    plan = RecordingPlan(
        states=(StateChannel("weight", "stdp", np.array([0]), columns, 0.0, DT, np.array([0]), np.array([1])),),
        connectivities=(ConnectivityChannel("pairs", "syn", "pop", "pop", n, n),),
    )
    return write(folder, plan, about("Spike-timing dependent plasticity", 0.03, GroupFacts("pop", n)), fill)


def network(folder: Path, exc: int = 8000, inh: int = 2000, hz: float = 8.0, duration: float = 0.5) -> Path:
    """Excitatory and inhibitory neurons that share an oscillation, a rate monitor, many pairs."""
    rng = np.random.default_rng(5)

    def spikes(n, seed):
        steps, ids = lif_spikes(np.full(n, 2 * hz), duration, seed)
        keep = np.random.default_rng(seed).random(len(steps)) < 0.5 + 0.45 * np.sin(2 * np.pi * 20 * steps * DT)
        return steps[keep], ids[keep]

    rate = hz * (1 + 0.9 * np.sin(2 * np.pi * 20 * np.arange(round(duration * 1e3)) * 1e-3))

    def fill(writer):
        writer.add_spikes("exc_spikes", *spikes(exc, 1))
        writer.add_spikes("inh_spikes", *spikes(inh, 2))
        writer.add_rates("exc_rate", rate)
        count = min(exc * 20, 100_000)
        writer.put_connectivity(
            "pairs",
            rng.integers(0, exc, count),
            rng.integers(0, inh, count),
            {"w": (rng.lognormal(-21, 0.5, count), "S")},
        )

    plan = RecordingPlan(
        spikes=(SpikeChannel("exc_spikes", "exc", exc), SpikeChannel("inh_spikes", "inh", inh)),
        rates=(RateChannel("exc_rate", "exc", exc, 1e-3, 5e-3),),
        connectivities=(ConnectivityChannel("pairs", "ei", "exc", "inh", exc, inh),),
    )
    groups = (GroupFacts("exc", exc), GroupFacts("inh", inh))
    return write(folder, plan, about("Balanced network", duration, *groups), fill)


def layers(folder: Path, total: int = 77_169, duration: float = 1.0) -> Path:
    """The eight populations of the cortical microcircuit as subgroups of one group."""
    names = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
    sizes = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948]) * total // 77_169
    rates = np.repeat([0.9, 3.0, 4.4, 5.8, 7.6, 8.6, 1.1, 7.8], sizes)
    ends = np.cumsum(sizes)
    parts = tuple(Subgroup(n, int(e - s), int(e)) for n, s, e in zip(names, sizes, ends, strict=True))
    n = int(ends[-1])
    plan = RecordingPlan(spikes=(SpikeChannel("out", "pop", n),))
    facts = GroupFacts("pop", n, subgroups=parts)
    return write(
        folder,
        plan,
        about("Cortical microcircuit", duration, facts),
        lambda writer: writer.add_spikes("out", *lif_spikes(rates, duration)),
    )


def silent(folder: Path) -> Path:
    """Nothing spikes and every sample is NaN."""
    plan = RecordingPlan(
        spikes=(SpikeChannel("out", "g", 5),),
        states=(StateChannel("v", "g", np.arange(2), (Column("v", "V"),), 0.0, DT),),
        connectivities=(ConnectivityChannel("pairs", "s", "g", "g", 5, 5),),
    )

    def fill(writer):
        writer.add_states("v", {"v": np.full((10, 2), np.nan)})
        writer.put_connectivity("pairs", np.array([], int), np.array([], int), {"w": (np.array([]), "S")})

    return write(folder, plan, about("Silence", 0.1, GroupFacts("g", 5)), fill)


def tau_sweep(folder: Path, seeds: int = 1) -> Path:
    """The notebook's sweep of the time constant, once or over seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    tau = np.linspace(1e-3, 10e-3, 30)
    rng = np.random.default_rng(2)
    rate = 120 / (1 + np.exp(-(tau - 5e-3) / 1.2e-3))
    axes = [Axis("tau", "s", tau)]
    values = rate + rng.normal(0, 3, 30)
    if seeds > 1:
        axes.append(Axis("seed", "1", np.arange(seeds)))
        values = rate[:, None] + rng.normal(0, 8, (30, seeds))
    write_sweep(
        folder, axes, {"rate": (values, "Hz")}, np.ones(values.shape), description=about("LIF time constant", 0.3)
    )
    return folder


def plane_sweep(folder: Path) -> Path:
    """Two parameters, two metrics, one failed point."""
    folder.mkdir(parents=True, exist_ok=True)
    g, eta = np.linspace(3, 8, 21), np.linspace(0.5, 4, 15)
    rate = 80 * eta[None, :] / (1 + np.exp(2 * (g[:, None] - 4.2)))
    rate[3, 4] = np.nan
    axes = [Axis("synapses.all.weight", "1", g, "relative inhibition g"), Axis("eta", "1", eta)]
    status = np.where(np.isnan(rate), 2, 1)
    write_sweep(
        folder,
        axes,
        {"rate": (rate, "Hz"), "latency": (1e-3 / (1 + eta) + 0 * g[:, None], "s")},
        status,
        description=about("Brunel's plane", 1.0),
    )
    return folder


def listed_sweep(folder: Path) -> Path:
    """Four named points, each with two parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    write_sweep(
        folder,
        [Axis("point", "1", np.arange(4))],
        {"rate": ([37.7, 12.5, 60.4, 6.5], "Hz")},
        [1, 1, 1, 1],
        coordinates=[
            Coordinate("point", "g", "1", [5.0, 4.5, 6.0, 3.0]),
            Coordinate("point", "regime", None, ["AI", "SI", "SR", "slow"]),
        ],
        description=about("Brunel's four regimes", 1.0),
    )
    return folder


def bands_sweep(folder: Path) -> Path:
    """A current, three time constants, six seeds; one point failed, one was not run, one has no value."""
    folder.mkdir(parents=True, exist_ok=True)
    current, tau = np.linspace(0, 2e-9, 12), np.array([5e-3, 10e-3, 20e-3])
    rate = np.clip((current[:, None] - 0.4e-9) * 1e11 / (1 + tau[None] * 100), 0, None)[..., None]
    rate = rate + np.random.default_rng(4).normal(0, 4, (12, 3, 6))
    status = np.ones(rate.shape, int)
    status[4, 1], status[9, 0] = 2, 0
    rate[4, 1] = rate[9, 0] = rate[6, 2] = np.nan
    axes = [Axis("I", "A", current), Axis("groups.lif.tau", "s", tau), Axis("repeat", "1", np.arange(6))]
    write_sweep(folder, axes, {"rate": (rate, "Hz")}, status, description=about("f-I curves", 1.0))
    return folder


def decades_sweep(folder: Path) -> Path:
    """Two parameters over decades; some points failed, some were not run, one has no value."""
    folder.mkdir(parents=True, exist_ok=True)
    tau, weight = np.geomspace(1e-4, 1e-1, 13), np.geomspace(1, 100, 10)
    latency = 1e-3 * tau[:, None] * weight[None]
    status = np.ones(latency.shape, int)
    status[3:5, 2], status[10:, 7:] = 2, 0
    latency[status != 1] = np.nan
    latency[0, 0] = np.nan
    axes = [Axis("tau", "s", tau), Axis("J", "1", weight)]
    write_sweep(folder, axes, {"latency": (latency, "s")}, status, description=about("Latency", 1.0))
    return folder


def cube_sweep(folder: Path, few: bool = False) -> Path:
    """Three parameters; one point failed."""
    folder.mkdir(parents=True, exist_ok=True)
    x, rest, sigma = np.linspace(0, 5, 9), np.linspace(-70e-3, -50e-3, 3 if few else 8), np.array([0.1, 0.2, 0.5, 1.0])
    if few:
        sigma = sigma[:3]
    rate = 100 * np.sin(x)[:, None, None] + (rest * 1e3)[None, :, None] * sigma[None, None] + 200
    status = np.ones(rate.shape, int)
    status[2, 1, 1], rate[2, 1, 1] = 2, np.nan
    axes = [Axis("x", "1", x), Axis("constants.El", "V", rest), Axis("sigma", "1", sigma)]
    write_sweep(folder, axes, {"rate": (rate, "Hz")}, status, description=about("Three parameters", 1.0))
    return folder


def sampled_sweep(folder: Path) -> Path:
    """Points anywhere in a space of three parameters, two of which failed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(6)
    tau, g, size = rng.uniform(1e-3, 20e-3, 64), rng.uniform(0, 5, 64), rng.integers(100, 1000, 64).astype(float)
    noise = np.exp(rng.uniform(np.log(1e-12), np.log(1e-9), 64))
    rate = 20 * g - 1e3 * tau + rng.normal(0, 3, 64)
    status = np.ones(64, int)
    status[[3, 50]], rate[[3, 50]] = 2, np.nan
    write_sweep(
        folder,
        [Axis("point", "1", np.arange(64))],
        {"rate": (rate, "Hz")},
        status,
        coordinates=[
            Coordinate("point", "tau", "s", tau),
            Coordinate("point", "g", "1", g),
            Coordinate("point", "groups.exc.size", "1", size),
            Coordinate("point", "noise", "A", noise),
        ],
        description=about("A sample", 1.0),
    )
    return folder


def kept_sweep(folder: Path) -> Path:
    """A sweep that kept the spikes of its points; the last one spiked never, one is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    rates = np.array([5.0, 20.0, 60.0, 0.0, 10.0])
    facts = (GroupFacts("exc", 30), GroupFacts("inh", 10))
    plan = RecordingPlan(spikes=(SpikeChannel("e", "exc", 30), SpikeChannel("i", "inh", 10)))
    for k, rate in enumerate(rates[:4]):

        def fill(writer, rate=rate, k=k):
            writer.add_spikes("e", *lif_spikes(np.full(30, rate), 0.2, k))
            writer.add_spikes("i", *lif_spikes(np.full(10, 2 * rate), 0.2, k + 10))

        write(folder / "points" / f"{k:05d}", plan, about("kept", 0.2, *facts), fill)
    write_sweep(
        folder, [Axis("drive", "A", rates * 1e-12)], {}, [1, 1, 1, 1, 2], description=about("Kept", 0.2, *facts)
    )
    return folder

"""Results as objects of neo, and as a file that neo reads (NIX)."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import neo
import numpy as np
import quantities

from snnrun.export.finished import Finished
from snnrun.results.layout import MonitorKind
from snnrun.results.reader import Results, SpikeTrain, Trace


def write(finished: Finished, target: Path) -> None:
    """Write a file of one block."""
    from neo.io import NixIO  # noqa: PLC0415 - objects of neo need no package that writes files

    with finished.results() as results:
        block = block_of(results, dict(finished.provenance))
    block.annotate(authors=[who.name for who in finished.authors], license=finished.experiment.license or "")
    file = NixIO(str(target), "ow")
    try:
        file.write_block(block)
    finally:
        file.close()


def block_of(results: Results, provenance: dict[str, Any]) -> Any:
    """A `neo.Block` with one segment: all spikes, recorded variables and rates; frames of stimuli are epochs."""
    about = results.description
    segment = neo.Segment(name=about.name)
    for monitor in results.monitors():
        if monitor.kind is MonitorKind.SPIKES:
            trains = spike_trains(results.spikes(monitor.name), about.duration, monitor=monitor.name)
            segment.spiketrains.extend(trains)
        elif monitor.kind is MonitorKind.STATE:
            traces = [(c.name, results.states(monitor.name, c.name)) for c in monitor.columns]
            segment.analogsignals.extend([analog_signal(trace, name) for name, trace in traces])
        elif monitor.kind is MonitorKind.RATE:
            rate = results.rates(monitor.name)
            segment.analogsignals.append(
                _signal(rate.values[:, None], "Hz", rate.times_s, rate.bin, f"{rate.group}.rate")
            )
    for name, shown in results.stimuli().items():
        labels = np.full(len(shown.start), "") if shown.label is None else shown.label.astype(str)
        durations = (shown.stop - shown.start) * quantities.s
        segment.epochs.append(neo.Epoch(shown.start * quantities.s, durations, labels, name=name))
    block = neo.Block(name=about.name, description=json.dumps(provenance))
    block.segments.append(segment)
    return block


def spike_trains(spikes: SpikeTrain, duration: float, **annotations: str) -> list[Any]:
    """A `neo.SpikeTrain` for each neuron of the group, in order, each with the same annotations."""
    order = np.lexsort((spikes.times_s, spikes.ids))
    times, bounds = spikes.times_s[order], np.searchsorted(spikes.ids[order], np.arange(spikes.size + 1))
    return [
        neo.SpikeTrain(times[a:b], units="s", t_stop=duration, name=f"{spikes.group} {k}", **annotations)
        for k, (a, b) in enumerate(pairwise(bounds))
    ]


def analog_signal(trace: Trace, name: str) -> Any:
    """A `neo.AnalogSignal` with a channel an element."""
    step = float(trace.times_s[1] - trace.times_s[0]) if len(trace.times_s) > 1 else 1.0
    return _signal(trace.data, trace.unit, trace.times_s, step, f"{trace.source}.{name}", element=trace.ids)


def _signal(data: Any, unit: str, times: Any, step: float, name: str, **arrays: Any) -> Any:
    return neo.AnalogSignal(
        data,
        units=quantities.dimensionless if unit == "1" else unit.replace("^", "**"),
        t_start=(float(times[0]) if len(times) else 0.0) * quantities.s,
        sampling_period=step * quantities.s,
        name=name,
        array_annotations=arrays,
    )

"""How many samples and spikes the buffers of monitors hold: never more than a run can record."""

from __future__ import annotations

from snnrun.model.network import ConnectivityMonitor, Network, RateMonitor, SpikeMonitor, StateMonitor

STATE_BUFFER = 4 * 2**20  # bytes of one recorded variable between two visits of the driver
SPIKE_BUFFER = 1 << 16
COUNT_BUFFER = 1 << 16


def sample_room(network: Network, monitor: StateMonitor, elements: float) -> tuple[int, int]:
    """Samples between two visits of the driver, and samples that the buffer needs room for.

    Args:
        network: The network.
        monitor: One of its monitors.
        elements: Number of its elements.
    """
    most = max(1, int(STATE_BUFFER // (8 * max(1, elements))))
    return most, min(most, 1 + _steps(network, monitor) // monitor.every)


def spike_room(network: Network, monitor: SpikeMonitor) -> int:
    """Spikes that the buffer of a monitor has room for: two steps in which all spike are always left."""
    size = network.groups[monitor.source.group].size
    return min(max(3 * size, SPIKE_BUFFER), size * (_steps(network, monitor) + 3))


def count_room(network: Network, monitor: RateMonitor) -> tuple[int, int]:
    """The same as `sample_room` for the spikes of each step."""
    return COUNT_BUFFER, min(COUNT_BUFFER, 1 + _steps(network, monitor))


def _steps(network: Network, monitor: SpikeMonitor | StateMonitor | RateMonitor) -> int:
    """Steps between the first and the last that a monitor may record, whatever the phases."""
    parts = [network, *(phase.network for phase in network.phases)]
    same = [m for p in parts for m in p.monitors if not isinstance(m, ConnectivityMonitor) and m.name == monitor.name]
    windows = [m.window for m in same if m.window.start < m.window.stop]
    start = min((w.start for w in windows), default=0)
    stop = max((w.stop for w in windows), default=0)
    return max(0, min(stop, network.steps) - max(start, 0))

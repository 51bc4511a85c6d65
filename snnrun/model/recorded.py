"""When monitors record: windows, and phases that name the monitors which record in them."""

from __future__ import annotations

from snnrun.model.network import Network, RunningMonitor

Spans = tuple[tuple[int, int], ...]


def recorded_spans(network: Network, monitor: RunningMonitor, until: int | None = None) -> Spans:
    """The stretches of steps that a monitor records, as (first, step after the last), in order and not touching.

    Args:
        network: The network.
        monitor: One of its monitors.
        until: The step where the run stopped before its end.
    """
    found: list[tuple[int, int]] = []
    end = network.steps if until is None else until
    whole = [(0, network.steps, network)]
    for first, last, part in [(p.start, p.stop, p.network) for p in network.phases] or whole:
        window = next(m.window for m in part.monitors if isinstance(m, type(monitor)) and m.name == monitor.name)
        start, stop = max(first, window.start), min(last, window.stop, end)
        if start >= stop:
            continue
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, stop))
    return tuple(found)

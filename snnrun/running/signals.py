"""Signals that ask a run to stop: Ctrl-C, and what batch systems and closed terminals send."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from snnrun.errors import Diagnostic, UnfinishedError

_NAMES = ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP")
_TERMINATING = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Signals to stop that are not Ctrl-C: batch systems send the first three, a terminal that is closed the last."""


class StoppedBySignal(KeyboardInterrupt):
    """A signal stopped the run.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def defer_signals(limit: int | None = None) -> Iterator[list[int]]:
    """Collect signals in the list that is yielded instead of raising exceptions.

    So records are written whole, and no exception is lost because a destructor is running. A signal that is ignored
    (`nohup`), or that has another handler already, is left alone. Outside the main thread nothing is done.

    Args:
        limit: Number of signals after which a further one raises KeyboardInterrupt (a Python hook may hang); None for
            no limit.
    """
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        received.append(number)
        if limit is not None and len(received) > limit:
            raise KeyboardInterrupt

    default = [number for number in _TERMINATING if signal.getsignal(number) is signal.SIG_DFL]
    with _handlers([signal.SIGINT, *default], handle):
        yield received


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Make the signals that terminate a process stop the work as Ctrl-C does, to be continued later.

    Raises:
        UnfinishedError: RUN309, one of them was received.
    """
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        received.append(number)
        if callable(signal.getsignal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)  # within `defer_signals` it is deferred
        else:
            raise KeyboardInterrupt

    try:
        with _handlers((n for n in _TERMINATING if signal.getsignal(n) is not signal.SIG_IGN), handle):
            yield
    except KeyboardInterrupt:
        if not received:
            raise
        name = signal.Signals(received[0]).name
        raise UnfinishedError(Diagnostic("RUN309", f"stopped by {name}")) from None


@contextmanager
def _handlers(numbers: Iterable[int], handler: Callable[[int, object], None]) -> Iterator[None]:
    """Install a handler of signals; Python allows it in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old or signal.SIG_DFL)

"""A sink in a thread of its own."""

import threading

import numpy as np
import pytest

from snnrun.engine.background import Background
from snnrun.engine.recording import Memory
from snnrun.errors import StorageError
from snnrun.results.layout import storage_error


class Slow(Memory):
    """Takes what comes only once it may, and then fails if it is told to."""

    def __init__(self, error=None):
        super().__init__()
        self.may, self.error, self.threads = threading.Event(), error, set()

    def states(self, name, data, first):
        self.may.wait(10)
        self.threads.add(threading.current_thread())
        if self.error is not None:
            raise self.error
        super().states(name, data, first)


def samples(k):
    return {"v": np.full((1, 10_000), float(k))}


def test_all_is_handed_on_in_order_by_another_thread_while_the_caller_goes_on():
    slow = Slow()
    with Background(slow) as sink:
        for k in range(20):
            sink.states("m", samples(k), k)
            sink.spikes("s", np.array([k]), np.array([0]), {})
            sink.numbers("r", np.array([k]), k)
        assert slow.state_parts == {}
        slow.may.set()
        sink.finish()
        assert slow.state("m", "v")[:, 0].tolist() == list(range(20))
        assert slow.spike_steps("s")[0].tolist() == slow.number("r").tolist() == list(range(20))
        assert threading.current_thread() not in slow.threads


def test_who_records_more_than_may_wait_waits():
    slow = Slow()
    with Background(slow, most=200_000) as sink:
        for k in range(3):
            sink.states("m", samples(k), k)
        waits = threading.Thread(target=sink.states, args=("m", samples(3), 3))
        waits.start()
        waits.join(0.05)
        assert waits.is_alive()
        slow.may.set()
        waits.join(10)
        sink.finish()
    assert len(slow.state("m", "v")) == 4


@pytest.mark.parametrize("late", [False, True])
def test_an_error_of_the_thread_reaches_the_caller_as_it_is(late):
    slow = Slow(storage_error("ST103", "no space left"))
    with pytest.raises(StorageError, match="ST103"), Background(slow) as sink:  # noqa: PT012
        sink.states("m", samples(0), 0)
        slow.may.set()
        sink._waiting[0][0].exception(10)
        if late:
            sink.finish()
        else:
            sink.states("m", samples(1), 1)
    assert not any(thread.is_alive() for thread in slow.threads)


def test_what_waits_is_dropped_when_the_run_fails():
    slow = Slow()
    with pytest.raises(ValueError, match="hook"), Background(slow) as sink:  # noqa: PT012
        for k in range(5):
            sink.states("m", samples(k), k)
        threading.Timer(0.05, slow.may.set).start()
        raise ValueError("hook")
    assert len(slow.state("m", "v")) == 1  # that of which the thread was at work

"""The progress line keeps the remaining time at any width, and is written now and then to a log file."""

import io

import pytest

from snnrun.cli import progress
from snnrun.cli.progress import Bar, Line


@pytest.mark.parametrize("room", [27, 40, 59, 79, 119])
@pytest.mark.parametrize("dt", [1e-4, None])
def test_the_remaining_time_is_shown_at_any_width(room, dt):
    bar = Bar(Line(quiet=True), 100_000, dt)
    bar.before = 0
    text = bar.text(12_345, 10.0, room)
    assert len(text) <= room
    assert text.endswith("  0:01:11 left")
    assert " of " in text or room < 59
    assert "━" in text or room < 79
    assert "real time" in text or room < 59 or dt is None


class Clock:
    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


def test_a_log_file_gets_a_line_more_and_more_seldom(monkeypatch):
    clock, log = Clock(), io.StringIO()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr("sys.stderr", log)
    bar = Bar(Line(quiet=False), 4000, None)
    written = []
    for second in range(1, 4001):
        clock.now = float(second)
        bar.update(second, 4000)
        if log.getvalue().count("\n") > len(written):
            written.append(second)
    assert written == [10, 20, 40, 80, 160, 320, 640, 1240, 1840, 2440, 3040, 3640]
    assert log.getvalue().splitlines()[1] == "running  20 of 4,000 points  1:09:49 left"

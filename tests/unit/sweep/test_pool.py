"""Processes that run points, begun and ended."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from snnrun.running.options import RunOptions
from snnrun.sweep.pool import LocalPool


@pytest.mark.parametrize("moment", ["__init__", "start"])
def test_ctrl_c_while_a_process_is_begun_leaves_one_that_can_be_ended(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(threading.Thread, moment)

    def pressed(thread: threading.Thread, *args: object, **kwargs: object) -> None:
        monkeypatch.undo()
        signal.raise_signal(signal.SIGINT)
        original(thread, *args, **kwargs)

    pool = LocalPool(tmp_path, RunOptions(allow_code=False, plots=False, formats=()), 2)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(threading.Thread, moment, pressed)
        with pytest.raises(KeyboardInterrupt):
            pool.begin()
        (one,) = pool._processes
        pool.close()
    finally:
        signal.signal(signal.SIGINT, before)
    assert one.process.returncode == -signal.SIGKILL

"""Points of a sweep on a Dask cluster; the only module that imports `distributed`.

The scheduler gets a bounded number of batches, and a few numbers for each point come back. Results go to the sweep's
folder, which every worker must see under the same path, so nothing is lost when the scheduler dies.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from snnrun.errors import Diagnostic, ExperimentError, RunError, SnnrunError, UnfinishedError
from snnrun.files.reading import read_json, reason_of
from snnrun.results.sweep_table import PointStatus
from snnrun.running.options import RunOptions
from snnrun.sweep.pool import Ended, Event, Lost, Ran, error_from_json
from snnrun.sweep.worker import Worker, answer, error_as_json, open_sweep

AHEAD = 2  # batches for each thread of the cluster
RETRIES = 2  # of a batch whose task failed
LOGGERS = ("distributed", "distributed.client", "distributed.gc")  # what they say of a lost scheduler, SWP712 says
REACH_S = 10.0  # a scheduler that does not answer for this time is lost [s]

Answer = dict[str, Any]


class DaskPool:
    """The workers of a Dask cluster.

    Args:
        scheduler: The scheduler's address, or the `.json` file that it has written.
        folder: The sweep's folder.
        options: How points are run.

    Raises:
        RunError: SWP712 or SWP713, there is no `distributed`, or no scheduler.
    """

    def __init__(self, scheduler: str, folder: Path, options: RunOptions) -> None:
        try:
            from distributed import Client  # noqa: PLC0415 - only for this kind of sweep
        except ImportError:
            advice = "install it with `pip install 'snnrun[dask]'`"
            raise RunError(
                Diagnostic("SWP713", "`--scheduler` needs the package `distributed`", None, advice)
            ) from None
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._address = address = address_of(scheduler)
        self._settings = (str(folder.absolute()), json.dumps(options.as_json()))
        self._said: queue.Queue[tuple[tuple[int, ...], Any]] = queue.Queue()
        self._futures: dict[tuple[int, ...], Any] = {}
        self._suspects: set[tuple[int, ...]] = set()
        try:
            self._client: Any = Client(address, timeout=REACH_S, set_as_default=False, name="snnrun")
        except (OSError, TimeoutError, ValueError) as error:
            raise RunError(_unreachable(address, str(error))) from None
        self._silent_since: float | None = None
        self.workers = 0
        self._count()

    def free(self) -> bool:
        """Whether another batch can be submitted."""
        most = 1 if self._suspects else AHEAD * max(self.workers, 1)
        return self._silent_since is None and len(self._futures) < most

    def submit(self, batch: Sequence[int]) -> None:
        """Submit a batch."""
        key = tuple(batch)
        try:
            future = self._client.submit(run_batch, *self._settings, list(batch), pure=False, retries=RETRIES)
        except (OSError, TimeoutError):  # it was lost just now
            self._silent_since = self._silent_since or time.monotonic()
            self._said.put((key, None))
            return
        self._futures[key] = future
        future.add_done_callback(lambda done: self._said.put((key, done)))

    def wait(self, seconds: float) -> list[Event]:
        """Events since the last call.

        Raises:
            UnfinishedError: The scheduler is lost.
            StorageError: A worker cannot write results.
        """
        events: list[Event] = []
        try:
            key, future = self._said.get(timeout=seconds)
            while True:
                try:
                    events += self._back(key, future)
                except (OSError, TimeoutError, CancelledError):  # results come through the scheduler
                    events.append(Lost(key, blamed=False, reason="the scheduler is gone"))
                key, future = self._said.get_nowait()
        except queue.Empty:
            pass
        self._count()
        return events

    def close(self) -> None:
        """Cancel what has not begun, and disconnect."""
        with suppress(OSError, TimeoutError):  # the scheduler may be lost
            if self._client.status == "running":
                self._client.cancel(list(self._futures.values()), force=True)
            self._futures.clear()
            self._client.close(timeout=2)

    def _back(self, key: tuple[int, ...], future: Any) -> list[Event]:
        self._futures.pop(key, None)
        if future is None:
            return [Lost(key, blamed=False, reason="the scheduler is gone")]
        if future.status == "finished":
            self._suspects.discard(key)
            said: Answer = future.result()
            if "trouble" in said:
                raise error_from_json(said)
            ran: list[Event] = [Ran(k, PointStatus(status), *others) for k, status, *others in said["ran"]]
            return [*ran, Ended(key)]
        reason = "the scheduler forgot it"
        if future.status == "error":
            error = future.exception()
            reason = f"{type(error).__name__}: {error}"
            # The scheduler gives up after several workers died with this batch, or with one that was queued beside it:
            # a single point is run once more with nothing else on the cluster; when that fails, it is the cause.
            deadly = type(error).__name__ == "KilledWorker" and len(key) == 1
            final = deadly and key in self._suspects
            self._suspects.discard(key)
            if deadly and not final:
                self._suspects.add(key)
            return [Lost(key, blamed=True, final=final, reason=reason.split(".")[0])]
        return [Lost(key, blamed=False, reason=reason)]

    def _count(self) -> None:
        """Count the threads of the cluster, and notice when it is lost."""
        known = self._known()
        if known is None:
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since > REACH_S or self._client.status == "closed":
                raise UnfinishedError(_unreachable(self._address, "it was there before"))
            return
        self._silent_since = None
        self.workers = sum(int(worker["nthreads"]) for worker in known)

    def _known(self) -> list[Any] | None:
        """The workers that the scheduler knows; None while it does not answer."""
        if self._client.status != "running":
            return None
        try:
            return list(self._client.scheduler_info(n_workers=-1)["workers"].values())
        except (OSError, TimeoutError):  # it was lost just now
            return None


def run_batch(folder: str, options: str, points: Sequence[int]) -> Answer:
    """Run points on a worker of the cluster, one after the other."""
    try:
        worker, lock = _serving(folder, options)
        with lock:  # a worker with several threads runs one point at a time
            ran = [answer(worker.run(k)) for k in points]
    except SnnrunError as error:
        return error_as_json(error)
    return {"ran": ran}


@lru_cache(maxsize=1)
def _serving(folder: str, options: str) -> tuple[Worker, threading.Lock]:
    """The worker of a process of the cluster, which keeps its cache between batches of one sweep."""
    if not (Path(folder) / "experiment.yaml").is_file():
        message = f"a worker of the cluster does not see `{folder}`"
        advice = "name a folder that all machines share with `--out`"
        raise ExperimentError(Diagnostic("SWP714", message, None, advice))
    sweep = open_sweep(Path(folder))
    return Worker(sweep, Path(folder), RunOptions.from_json(json.loads(options))), threading.Lock()


def address_of(scheduler: str) -> str:
    """The address of a scheduler.

    Args:
        scheduler: The address, or the file that `dask scheduler --scheduler-file FILE.json` has written.

    Raises:
        RunError: SWP712, the file has no address.
    """
    if not scheduler.endswith(".json"):
        return scheduler
    try:
        return str(read_json(Path(scheduler))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = reason_of(error) if isinstance(error, OSError | ValueError) else "it has no `address`"
        message = f"`{scheduler}` names no scheduler: {reason}"
        advice = f"start one with `dask scheduler --scheduler-file {scheduler}`, on a folder that all machines share"
        raise RunError(Diagnostic("SWP712", message, None, advice)) from None


def _unreachable(address: str, reason: str) -> Diagnostic:
    advice = "start it with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`"
    return Diagnostic("SWP712", f"the scheduler `{address}` does not answer: {reason}", None, advice)

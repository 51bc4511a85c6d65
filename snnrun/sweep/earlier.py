"""Points that earlier sweeps of the same experiment have run: their records are taken over.

Earlier sweeps are the folders beside that of a sweep, `outputs/<name>/*`. A record says what its point is
(`identity.PointKeys`): experiment, values, seed, files, and the program to the last bit, so that the point would give
the same bits again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from snnrun.results.done import read_done
from snnrun.results.folder import JOURNAL, claim
from snnrun.results.layout import RunStatus
from snnrun.results.provenance import processor_model, program_hash
from snnrun.results.sweep_table import PointStatus, point_place
from snnrun.sweep.experiments import Sweep, point_document
from snnrun.sweep.identity import PointKeys
from snnrun.sweep.journal import Journal, Ledger, Reader, Record, cannot_write


def point_keys(sweep: Sweep) -> PointKeys | None:
    """The keys of the points of a sweep; None where they call Python functions, which may read anything."""
    network = sweep.checked.resolved.network
    if network.hooks:
        return None
    program = program_hash()
    if network.math == "fast":  # the same bits on the same machine only
        from snnrun.codegen.native import compiles  # noqa: PLC0415 - only to run

        program = f"{program} {processor_model()} {compiles()}"
    return PointKeys(point_document(sweep.checked), sweep.plan, sweep.files, program)


def take_over(sweep: Sweep, folder: Path) -> int:
    """Record the missing points of a sweep that earlier sweeps have run.

    Args:
        sweep: The sweep.
        folder: Its folder.

    Returns:
        How many points were recorded.

    Raises:
        StorageError: The folder cannot be written.
    """
    earlier = list(_earlier(folder))
    if not earlier:
        return 0
    mark = sweep.mark
    ledger = Ledger(folder, sweep.plan.size, mark)
    ledger.refresh()
    keys = point_keys(sweep) if ledger.left else None
    if keys is None:
        return 0
    wanted: dict[str, list[int]] = {}
    for k in ledger.missing().tolist():
        wanted.setdefault(keys.of(sweep.plan.index(k)), []).append(k)
    found = 0
    journal = Journal(folder)
    try:
        for other in earlier:
            for record in Reader(other, wanted).new():
                if record.status is not PointStatus.COMPLETE or record.key not in wanted:
                    continue
                taken = [k for k in wanted[record.key] if _take(record, other, folder, k, sweep)]
                if mark in ("", record.mark):  # otherwise the worker makes pictures for the folders it finds
                    for k in taken:
                        journal.add(_record(record, k, sweep))
                    found += len(taken)
                wanted[record.key] = [k for k in wanted[record.key] if k not in taken]
                if not wanted[record.key]:
                    del wanted[record.key]
            if not wanted:
                break
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        journal.close()
    return found


def _earlier(folder: Path) -> Iterator[Path]:
    """The folders of other sweeps of the experiment, the newest first."""
    found = [
        path.parent
        for path in folder.parent.glob(f"*/{JOURNAL}")
        if path.is_dir() and not path.parent.is_symlink() and path.parent.name != folder.name
    ]
    yield from sorted(found, key=lambda path: (-path.stat().st_mtime, path.name))


def _record(record: Record, k: int, sweep: Sweep) -> Record:
    """The record of a point of this sweep."""
    if sweep.plan.keep_results:
        return replace(record, point=k)
    return replace(record, point=k, digest="", reason="", mark="")


def _take(record: Record, other: Path, folder: Path, k: int, sweep: Sweep) -> bool:
    """Copy the folder of a point, where points keep theirs; whether its results are whole."""
    if not sweep.plan.keep_results:
        return True
    source = point_place(other, record.point)
    done = read_done(source)
    if done is None or done.status is not RunStatus.COMPLETE or done.digest != record.digest or done.damage(source):
        return False
    with claim(point_place(folder, k)) as target:
        for name in done.files:
            (target.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target.path / name)
        target.publish(
            done.status,
            done.digest,
            versions=done.versions,
            timings=done.timings,
            origin=done.origin,
            latest=False,
        )
    return True

"""Results as csv files: `spikes/<monitor>.csv`, `traces/<monitor>.<variable>.csv`, ..., `metrics.csv`."""

from __future__ import annotations

import csv
from pathlib import Path

from snnrun.export.finished import Finished, Table, metrics, tables
from snnrun.results.resizable import blocks


def write(finished: Finished, target: Path) -> None:
    """Write a folder of csv files; the heads name the SI units, as `time [s]`."""
    with finished.results() as results:
        for table in tables(results):
            (target / table.section).mkdir(parents=True, exist_ok=True)
            _write(table, target / table.section / f"{table.name}.csv")
        target.mkdir(exist_ok=True)
        if results.metrics:
            _write(metrics(results), target / "metrics.csv")


def _write(table: Table, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([key if c.unit == "1" else f"{key} [{c.unit}]" for key, c in table.columns.items()])
        columns = [column.values for column in table.columns.values()]
        for start, stop in blocks(len(columns[0]), 8 * len(columns)):
            writer.writerows(zip(*(values[start:stop].tolist() for values in columns), strict=True))

"""The one table: for each work, what each runner costs, and how many times faster ours is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saved_results import Results
from works import BY_NAME, RUNNERS, Tool

HEADER = (
    "work",
    "program",
    "prepare, cold (s)",
    "prepare, warm (s)",
    "simulate (s)",
    "process, cold (s)",
    "process, warm (s)",
    "memory (MB)",
    "simulate",
    "cold",
    "warm",
    "memory",
)
_RATIOS = ("simulate", "whole_cold", "whole_warm", "memory")
_OURS = "snnrun"


def seconds_text(value: float) -> str:
    """A time, to three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def ratio_text(value: float) -> str:
    """A ratio, to two digits."""
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def ratios(work: Mapping[str, Any], key: str) -> dict[str, float]:
    """How many times more a runner takes than ours (strict, one thread) does, where both were measured."""
    ours, theirs = work["runners"].get(_OURS, {}), work["runners"][key]
    return {name: theirs[name] / ours[name] for name in _RATIOS if ours.get(name) and theirs.get(name)}


def rows(works: Mapping[str, Any]) -> list[list[str]]:
    """The cells of the table, shape (runners of all works, columns)."""
    found = []
    for name, work in works.items():
        for number, (key, runner) in enumerate(work["runners"].items()):
            head = ["" if number else name, RUNNERS[key].label]
            if not runner["runs"]:
                found.append([*head, *[""] * 9, runner["missing"] or "not measured"])
                continue
            times = [
                seconds_text(runner[figure]) if figure in runner else ""
                for figure in ("prepare_cold", "prepare_warm", "simulate", "whole_cold", "whole_warm")
            ]
            compared = {} if key == _OURS else ratios(work, key)
            cells = [ratio_text(compared[figure]) if figure in compared else "" for figure in _RATIOS]
            found.append([*head, *times, f"{runner['memory'] / 1e6:.0f}", *cells])
    return found


def table(results: Results) -> str:
    """The table for a terminal."""
    cells = [list(HEADER), *rows(results.plain()["works"])]
    widths = [max(len(row[c]) for row in cells if row[c] and _fits(row, c)) for c in range(len(HEADER))]
    lines = [
        "  ".join(_aligned(cell, width, c) for c, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def _fits(row: Sequence[str], column: int) -> bool:
    return column < len(HEADER) - 1 or bool(row[2])  # the reason of a missing runner may be longer than its column


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)


def rate_lines(results: Results, names: Sequence[str]) -> list[str]:
    """The rates that do not agree, and works of ours that did not run."""
    lines = []
    for name in names:
        work = results.works[name]
        if not work["runners"][_OURS]["runs"]:
            lines.append(f"{name}: ours did not run: {work['runners'][_OURS]['missing']}")
        lines += [
            f"{name}: {row['metric']} is {row['ours']:.3g} Hz, {row['peer']} {row['theirs']:.3g} Hz, "
            f"allowed {row['allowed']:.2g} Hz"
            for row in work["rates"]
            if not row["agree"]
        ]
    return lines


def peers_of(name: str) -> list[str]:
    """Keys of the peers' runners of a work."""
    return [runner.key for runner in BY_NAME[name].runners if runner.tool is not Tool.SNNRUN]

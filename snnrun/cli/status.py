"""`snnrun status`: the state of a sweep, read from its folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from snnrun.cli.progress import clock_text, number_text
from snnrun.cli.render import put, put_json
from snnrun.files.reading import reason_of
from snnrun.results.done import QUICK_BYTES, Done
from snnrun.results.layout import DONE_FILE, storage_error
from snnrun.sweep.store import State, read_state

_SHOWN = 3  # failed points that are named


def show_status(folder: Path, *, json: bool) -> None:
    """Print the state of a sweep or a run.

    Raises:
        StorageError: ST111, the folder holds neither.
    """
    state = read_state(folder)
    if state is None:
        try:
            done = Done.read(folder)
        except (OSError, ValueError) as error:
            message = f"`{folder}` is no folder of a run or a sweep"
            if not isinstance(error, FileNotFoundError):
                message += f": `{DONE_FILE}` cannot be read: {reason_of(error)}"
            raise storage_error("ST111", message, "name outputs/NAME/HASH or latest") from error
        status = "damaged" if done.damage(folder, done.own, largest=QUICK_BYTES) else done.status.value
        plain: dict[str, Any] = {"folder": str(folder), "status": status}
        _put(plain, [f"{folder}  {status}"], json=json)
        return
    _put(_as_json(folder, state), state_lines(folder, state), json=json)


def _put(plain: dict[str, Any], lines: list[str], *, json: bool) -> None:
    if json:
        put_json(plain)
    else:
        put("\n".join(lines))


def _as_json(folder: Path, state: State) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "name": state.facts.name,
        "status": state.status,
        "points": state.facts.points,
        "done": state.done,
        "failed": len(state.failed),
        "running": state.running,
        "missing": state.missing,
        "workers": state.workers,
        "seconds_a_point": round(state.each, 6),
        "seconds_left": None if state.seconds_left is None else round(state.seconds_left, 1),
        "reasons": {str(k): reason for k, reason in state.failed.items()},
        "command_line": list(state.facts.command),
    }


def state_lines(folder: Path, state: State) -> list[str]:
    """The state of a sweep in a few lines, the first of them its name."""
    facts = state.facts
    lines = [f"{facts.name} · {facts.along} · {state.status}"]
    counts = [f"{state.done:,} done", f"{len(state.failed):,} failed"]
    if state.workers:
        counts.append(f"{number_text(state.workers, 'worker')} at work")
    counts.append(f"{state.missing:,} to go")
    lines.append(" · ".join(counts))
    for k, reason in list(state.failed.items())[:_SHOWN]:
        lines.append(f"point {k} failed: {reason}")
    if len(state.failed) > _SHOWN:
        lines.append(f"... and {len(state.failed) - _SHOWN} more (--json names all)")
    if state.seconds_left is not None:
        lines.append(f"about {clock_text(state.seconds_left)} left, {state.each:.3g} s a point")
    elif state.status != "complete" and not state.workers and facts.command:
        again = " ".join(shlex.quote(word) for word in facts.command)
        how = " --retry-failed" if not state.missing and "--retry-failed" not in facts.command else ""
        lines.append(f"next: {again}{how}")
    lines.append(shlex.quote(str(folder)))
    return lines

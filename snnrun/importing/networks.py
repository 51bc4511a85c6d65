"""The runs of a script apart: those of each network, and of each state that it is run from."""

from __future__ import annotations

from collections.abc import Sequence

from snnrun.importing.records import Record, owner_of


def networks(records: Sequence[Record]) -> list[list[Record]]:
    """The records of each network: objects that run together, or that run with the same others.

    A script that builds a network in a loop, or in a function, has several.
    """
    of: dict[str, int] = {}
    for number, record in enumerate(records):
        if record["op"] == "run":
            joined = {of[key] for key in record["objects"] if key in of}
            of |= dict.fromkeys(record["objects"], number)
            of |= {key: number for key, other in of.items() if other in joined}
    found: dict[int, list[Record]] = {number: [] for number in sorted(set(of.values()))}
    latest = None
    for record in records:
        keys = record["objects"] if "objects" in record else [owner_of(record)]
        latest = next((of[key] for key in keys if key in of), latest if record["op"] == "again" else None)
        if latest is not None:
            found[latest].append(record)
    return list(found.values())


def points(records: Sequence[Record]) -> list[list[Record]]:
    """The records of a network that lead to each of its results, one after the other.

    `restore` begins another one with what was done before `store`; a compiled program that runs again begins another
    one with all that was done before it ran first.
    """
    stored: dict[str, list[Record]] = {}
    found: list[list[Record]] = []
    if any(record["op"] == "again" for record in records):
        return _again(records)
    current: list[Record] = []
    new = False  # whether something has run since `store` or `restore`
    for record in records:
        match record["op"]:
            case "store":
                stored[record["which"]] = list(current)
                new = False
            case "restore":
                if new:
                    found.append(current)
                made = [r for r in current if r["op"] == "new" and r not in stored.get(record["which"], [])]
                current, new = [*stored.get(record["which"], []), *made], False
            case _:
                current = [*current, record]
                new |= record["op"] == "run"
    return [*found, current] if new or not found else found


def shared_runs(records: Sequence[Record]) -> int:
    """How many runs come before the first `store`."""
    names = [record["op"] for record in records]
    return names[: names.index("store")].count("run") if "store" in names and "restore" in names else 0


def _again(records: Sequence[Record]) -> list[list[Record]]:
    last = max(k for k, record in enumerate(records) if record["op"] == "run")
    built, found, changes = records[: last + 1], [], list[Record]()
    for record in records[last + 1 :]:
        if record["op"] == "again":
            found.append([*built[:-1], *changes, {**built[-1], "number": record["number"]}])
            changes = []
        else:
            changes.append(record)
    return found

"""docs/brian2-examples.md, from the outcome that `make brian2-examples` has stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "brian2-examples.json"
PAGE = DOCS / "brian2-examples.md"

_HEAD = """# Brian2's examples

Every script of `examples` of Brian2 {brian2} goes through `snnrun import`, and runs here and in Brian2:
`make brian2-examples` does it and writes this page. Of {scripts} scripts {compartments} have neurons with compartments.
Of the other {others}, {converted} give files that `snnrun validate` accepts; {same} of them give what Brian2 gives.

- **identical**: nothing is random; all spikes are in the same steps, and all recorded and final variables and all
  synapses agree (1e-7 of the largest value).
- **equal in statistics**: numbers of spikes and synapses, their mean step and target, mean and spread of each variable
  differ by less than 4 standard deviations over the seeds (3 or 8 in Brian2, as many here).
- **with a hook**: a Python function of the script is to be written again, in the file that `import` begins.
- **different** and **not**: the last column says why.

Both run for a short time: the column "compared" says how much of each `run` of the script and how many of its runs. An
array that a script draws with numpy is here the one that was recorded, for all seeds, and in Brian2 another one for
each seed, so a script whose input is such an array may be called different: jeffress has 43 ± 10 spikes in Brian2 and
48 ± 4 here when both hear the same sound.

| script | outcome | files, points | compared | why |
| --- | --- | --- | --- | --- |
"""


def text_of(results: Mapping[str, Any]) -> str:
    """The page."""
    rows = [row for row in results["rows"] if row["end"] != "compartments"]
    ends = Counter(row["end"] for row in rows)
    head = _HEAD.format(
        brian2=results["brian2"],
        scripts=len(results["rows"]),
        compartments=len(results["rows"]) - len(rows),
        others=len(rows),
        converted=sum(row["valid"] for row in rows),
        same=ends["identical"] + ends["equal in statistics"],
    )
    return head + "".join(_line(row) for row in rows)


def _line(row: Mapping[str, Any]) -> str:
    size = f"{row['files']}, {row['points']}" if row["files"] else ""
    about = row["about"].replace("|", "\\|")
    return f"| {row['script']} | {row['end']} | {size} | {row['shortened']} | {about} |\n"

"""Results on disk: all of them in one JSON file, one line a runner in a CSV file."""

from __future__ import annotations

import csv
import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import FIGURES
from works import BY_NAME, ROOT, RUNNERS

SNAPSHOT = ROOT / "docs" / "benchmarks.json"
_PACKAGES = ("numba", "llvmlite", "numpy")


@dataclass(slots=True)
class Results:
    """What was measured, of all runs of the benchmark so far.

    Args:
        folder: Where it is kept.
        machine: The machine, in words.
        versions: Versions of packages, by program.
        works: By work.
        scaling: By curve.
        limit: By work.
    """

    folder: Path
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    works: dict[str, Any] = field(default_factory=dict)
    scaling: dict[str, Any] = field(default_factory=dict)
    limit: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return ROOT

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; figures to five digits."""
        works = {name: self.works[name] for name in BY_NAME if name in self.works}
        named = {"machine": self.machine, "versions": self.versions, "works": works}
        return _rounded({**named, "scaling": self.scaling, "limit": self.limit})


def load_results(*, quick: bool) -> Results:
    """Those of earlier runs, so that works can be measured one at a time; quick ones are kept apart."""
    folder = ROOT / "outputs" / ("bench-quick" if quick else "bench")
    file = folder / "results.json"
    return Results(folder, **json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Results(folder)


def save_results(results: Results) -> None:
    """Write both files."""
    results.folder.mkdir(parents=True, exist_ok=True)
    _write(results.folder / "results.json", as_json(results.plain()))
    with (results.folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["work", "runner", "runs", *(f"{name} [{_unit(name)}]" for name in FIGURES), "missing"])
        for name, work in results.plain()["works"].items():
            for key, runner in work["runners"].items():
                figures = [runner.get(figure, "") for figure in FIGURES]
                writer.writerow([name, RUNNERS[key].label, runner["runs"], *figures, runner["missing"]])


def _unit(figure: str) -> str:
    return "bytes" if figure == "memory" else "s"


def as_json(data: dict[str, Any]) -> str:
    """The text of a JSON file."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def versions_of_ours() -> dict[str, str]:
    """Python and the packages that make ours fast or slow."""
    from snnrun import __version__

    return {"snnrun": __version__, "Python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _write(path: Path, text: str) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _rounded(data: Any) -> Any:
    if isinstance(data, float):
        return float(f"{data:.5g}")
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    return [_rounded(value) for value in data] if isinstance(data, list) else data

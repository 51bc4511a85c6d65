"""Results as an RO-Crate: the folder with a description of itself in JSON-LD (`ro-crate-metadata.json`).

It follows RO-Crate 1.1 and the profile Process Run Crate 0.5: an action made these files from those, with a program.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from snnrun.errors import Diagnostic, StorageError
from snnrun.export.finished import Finished
from snnrun.model.state import STATE_FILE
from snnrun.results.folder import PICTURES
from snnrun.results.layout import (
    DONE_FILE,
    EXPERIMENT_FILE,
    LOG_FILE,
    METRICS_FILE,
    POINTS_FILE,
    PROVENANCE_FILE,
    RESULTS_FILE,
    SWEEP_FILE,
)

METADATA = "ro-crate-metadata.json"
_CRATE = "https://w3id.org/ro/crate/1.1"
_PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
_MADE = {RESULTS_FILE, SWEEP_FILE, POINTS_FILE, METRICS_FILE, PROVENANCE_FILE, DONE_FILE, LOG_FILE, STATE_FILE}
_MADE_FOLDERS = {PICTURES, "points", "journal"}
_FORMATS = {
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".csv": "text/csv",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".yaml": "application/yaml",
    ".log": "text/plain",
    ".txt": "text/plain",
    ".py": "text/x-python",
}
Entity = dict[str, Any]


def write(finished: Finished, target: Path) -> None:
    """Write a copy of the folder with its description.

    Raises:
        StorageError: EXP808, nobody says who made it or under which license.
    """
    missing = [key for key in ("authors", "license") if getattr(finished.experiment, key) is None]
    if missing:
        message = f"an RO-Crate needs {' and '.join(f'`{key}`' for key in missing)}, which the experiment does not have"
        example = {"authors": "--set 'authors=[Ada Lovelace]'", "license": "--set license=CC-BY-4.0"}
        help = f"add them to the file, or export with {' '.join(example[key] for key in missing)}"
        raise StorageError(Diagnostic("EXP808", message, None, help))
    shutil.copytree(finished.folder, target, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    files = sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file())
    context = [f"{_CRATE}/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
    graph = {"@context": context, "@graph": list(_entities(finished, target, files))}
    text = json.dumps(graph, indent=2, ensure_ascii=False)
    (target / METADATA).write_text(f"{text}\n", encoding="utf-8")


def _entities(finished: Finished, target: Path, files: Sequence[Path]) -> Iterator[Entity]:
    experiment, provenance = finished.experiment, finished.provenance
    description = experiment.description or f"Results of the simulation {finished.name}"
    authors = [_person(k, who) for k, who in enumerate(finished.authors)]
    places = {who.affiliation: f"#affiliation{k}" for k, who in enumerate(finished.authors) if who.affiliation}
    license = str(experiment.license)
    license = license if "://" in license else f"https://spdx.org/licenses/{license}"
    about = {"@id": METADATA, "@type": "CreativeWork", "conformsTo": {"@id": _CRATE}, "about": {"@id": "./"}}
    yield about
    began = datetime.fromisoformat(provenance["started"])
    ended = began + timedelta(seconds=float(provenance["duration_s"]))
    references = [experiment.references] if isinstance(experiment.references, str) else experiment.references or []
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": finished.name,
        "description": description.strip(),
        "datePublished": ended.isoformat(timespec="seconds"),
        "license": {"@id": license},
        "author": _one_or_all([{"@id": person["@id"]} for person in authors]),
        "conformsTo": {"@id": _PROCESS},
        "hasPart": _one_or_all([{"@id": path.as_posix()} for path in files]),
        "mentions": {"@id": "#run"},
        **({"citation": _one_or_all(references)} if references else {}),
    }
    yield {"@id": license, "@type": "CreativeWork", "name": license.rpartition("/")[2], "description": license}
    yield {"@id": _PROCESS, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    for person, who in zip(authors, finished.authors, strict=True):
        yield person | ({"affiliation": {"@id": places[who.affiliation]}} if who.affiliation else {})
    for name, id in places.items():
        yield {"@id": id, "@type": "Organization", "name": name}
    versions = provenance["packages"]
    yield {
        "@id": "#snnrun",
        "@type": "SoftwareApplication",
        "name": "snnrun",
        "version": versions.get("snnrun", ""),
        "softwareRequirements": [f"{k} {v}" for k, v in versions.items() if k != "snnrun"],
    }
    made = [path for path in files if path.name in _MADE or path.parts[0] in _MADE_FOLDERS]
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Simulation of {finished.name}",
        "description": " ".join(provenance["command"]) or "run from Python",
        "startTime": began.isoformat(timespec="seconds"),
        "endTime": ended.isoformat(timespec="seconds"),
        "instrument": {"@id": "#snnrun"},
        "object": _one_or_all([{"@id": path.as_posix()} for path in files if path not in made]),
        "result": _one_or_all([{"@id": path.as_posix()} for path in made]),
        "actionStatus": f"http://schema.org/{'Completed' if finished.status == 'complete' else 'Failed'}ActionStatus",
    }
    for path in files:
        yield _file(target, path)


def _person(number: int, who: Any) -> Entity:
    id = f"https://orcid.org/{who.orcid}" if who.orcid else f"#author{number}"
    return {"@id": id, "@type": "Person", "name": who.name}


def _one_or_all(values: Sequence[Any]) -> Any:
    """A value alone, or a list of several, as JSON-LD has them."""
    return values[0] if len(values) == 1 else list(values)


def _file(target: Path, path: Path) -> Entity:
    with (target / path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = str((target / path).stat().st_size)
    name = "The experiment" if path.as_posix() == EXPERIMENT_FILE else path.name
    format = {"encodingFormat": _FORMATS[path.suffix]} if path.suffix in _FORMATS else {}
    return {"@id": path.as_posix(), "@type": "File", "name": name, "contentSize": size, "sha256": sha256} | format

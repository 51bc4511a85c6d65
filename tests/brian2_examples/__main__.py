"""Brian2's own examples, imported, run here and in Brian2, and compared: `make brian2-examples`.

    python tests/brian2_examples --scripts FOLDER --python PYTHON [--only CUBA COBAHH] [--kept FOLDER]

Without `--scripts` pip fetches the source distribution of the Brian2 that PYTHON has. The outcome goes to
docs/brian2-examples.json, and from there to docs/brian2-examples.md; `--only` changes the lines of these scripts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "equivalence")]

import numpy as np  # noqa: E402
from comparing import End, Row, compared  # noqa: E402
from page import PAGE, RESULTS, text_of  # noqa: E402

import snnrun.importing  # noqa: E402

RECORDER = Path(snnrun.importing.__file__).with_name("recorder.py")
SECONDS = 60
"""What one seed of a script may take of the processor."""

LIGHT = {"cap": 0.1, "runs": 4, "seeds": 3, "seconds": SECONDS}
MORE = {"cap": 0.5, "runs": 4, "seeds": 8, "seconds": SECONDS}
HEAVY = {"cap": 0.03, "runs": 2, "seeds": 3, "seconds": SECONDS}
LARGE = frozenset(
    {
        "CUBA",
        "COBAHH",
        "Brunel_2000",
        "Brunel_Hakim_1999",
        "Brunel_Wang_2001",
        "Clopath_et_al_2010_homeostasis",
        "Clopath_et_al_2010_no_homeostasis",
        "Diesmann_et_al_1999",
        "Graupner_Brunel_2012",
        "Izhikevich_2003",
        "Kremer_et_al_2011_barrel_cortex",
        "Maass_Natschlaeger_Markram_2002",
        "Nicola_Clopath_2017",
        "Spreizer_et_al_2019",
        "Sturzl_et_al_2000",
        "Tetzlaff_2015",
        "Tsodyks_Uziel_Markram_2000",
        "Vogels_et_al_2011",
        "Wang_2002",
        "cuba_openmp",
        "efficient_gaussian_connectivity",
        "example_1_COBA",
        "example_4_rsmean",
        "example_4_synrel",
        "example_6_COBA_with_astro",
        "float_32_64_benchmark",
    }
)
"""Scripts whose networks are large: they run for a shorter time."""

FEW = frozenset({"custom_events", "example_2_gchi_astrocyte"})
"""Scripts with few random numbers: they run longer, and with more seeds."""


def main() -> int:
    """Compare all scripts, or some."""
    parser = argparse.ArgumentParser(description="Brian2's examples here and in Brian2")
    parser.add_argument("--scripts", type=Path, help="folder with the examples")
    parser.add_argument("--python", default=sys.executable, help="the Python that has Brian2")
    parser.add_argument("--only", nargs="+", default=[], help="names of scripts")
    parser.add_argument("--kept", type=Path, help="folder for what Brian2 gives; what is there is not run again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.kept or Path(temporary)
        folder.mkdir(exist_ok=True)
        scripts = (given.scripts or fetched(given.python, Path(temporary))).resolve()
        rows = {row["script"]: row for row in (json.loads(RESULTS.read_text())["rows"] if given.only else [])}
        for row in compare_all(scripts, given, folder):
            rows[row.script] = {**asdict(row), "end": row.end.value}
            sys.stdout.write(f"{row.script}: {row.end.value} {row.about}\n")
            sys.stdout.flush()
    found = {"brian2": version(given.python), "rows": [rows[name] for name in sorted(rows)]}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(text_of(found), encoding="utf-8")
    return 0


def compare_all(scripts: Path, given: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """The outcome of each script."""
    chosen = [p for p in sorted(scripts.rglob("*.py")) if not given.only or p.stem in given.only]
    for path in chosen:
        name = path.relative_to(scripts).as_posix().removesuffix(".py")
        if "SpatialNeuron" in path.read_text(encoding="utf-8"):
            yield Row(name, End.COMPARTMENTS)
            continue
        prefix, options = folder / name.replace("/", "-"), options_of(path.stem)
        if not prefix.with_suffix(".json").is_file():
            simulate(given.python, [{"script": str(path), "out": str(prefix), **options}])
        yield compared(name, prefix, options["cap"])


def options_of(stem: str) -> dict[str, Any]:
    """How long a script runs."""
    return HEAVY if stem in LARGE else MORE if stem in FEW else LIGHT


def simulate(python: str, tasks: Sequence[dict[str, Any]]) -> None:
    """Record and run scripts in Brian2."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(list(tasks), file)
        file.flush()
        subprocess.run([python, str(HERE / "simulating.py"), str(RECORDER), file.name], check=True)


def version(python: str) -> str:
    """The version of Brian2."""
    command = [python, "-c", "import importlib.metadata as m; print(m.version('brian2'))"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def fetched(python: str, folder: Path) -> Path:
    """The examples of the source distribution of the installed Brian2."""
    wanted = f"brian2=={version(python)}"
    pip = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "brian2", "--dest", str(folder)]
    subprocess.run([*pip, wanted], check=True)
    with tarfile.open(next(folder.glob("[bB]rian2-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("[bB]rian2-*/examples"))


if __name__ == "__main__":
    np.seterr(all="ignore")
    raise SystemExit(main())

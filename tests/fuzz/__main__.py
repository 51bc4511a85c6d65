"""Tries the command line on mutants: `python tests/fuzz --cases 20000`; `make fuzz-input` does that."""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import sys
import time
from pathlib import Path

from trying import Finding, prepare, try_case


def main() -> int:
    """Try the cases on all processors; 1 when some end otherwise than documented."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="number of the first case")
    options.add_argument("--kind", help="only cases of this kind")
    options.add_argument("--keep", type=Path, help="folder that the files of failing cases are copied to")
    options.add_argument("--runs", type=float, default=0.05, help="share of the valid experiments that are run too")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = options.parse_args()
    started = time.perf_counter()
    library = prepare(given.seed)
    jobs = (
        (given.seed, number, given.kind, given.keep, given.runs)
        for number in range(given.first, given.first + given.cases)
    )
    counts: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    with multiprocessing.get_context("fork").Pool(given.processes, _begin, (library,)) as pool:
        for kind, code, findings in pool.imap_unordered(_try, jobs, chunksize=8):
            kinds[kind] += 1
            counts[f"exit {code}"] += 1
            for finding in findings:
                counts["faults"] += 1
                sys.stdout.write(f"{finding}\n")
                sys.stdout.flush()
    seconds = time.perf_counter() - started
    sys.stdout.write(f"{dict(kinds)}\n{dict(counts)}\n{given.cases} cases in {seconds:.0f} s\n")
    return 1 if counts["faults"] else 0


_library = None


def _begin(library: object) -> None:
    global _library  # noqa: PLW0603 - what each process of the pool is given once
    _library = library


def _try(job: tuple[int, int, str | None, Path | None, float]) -> tuple[str, int, list[Finding]]:
    return try_case(*job, library=_library)


if __name__ == "__main__":
    sys.exit(main())

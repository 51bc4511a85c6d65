"""`snnrun plot A B --compare`: several runs in each picture."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from snnrun.cli.render import put, say
from snnrun.compare.names_of_runs import names_of_runs
from snnrun.errors import Diagnostic, StorageError
from snnrun.results.done import reading_results
from snnrun.results.layout import EXPERIMENT_FILE
from snnrun.running import pipeline
from snnrun.running.drawing import draw, plots_of

OUT = Path("comparison")
"""Where the pictures go unless a folder is named."""


def compare_pictures(
    folders: Sequence[Path],
    formats: Sequence[str],
    out: Path | None,
    size: str | None,
    style: str | None,
    *,
    damaged: bool,
) -> None:
    """Draw the pictures of the first folder with the data of all: over each other where that can be read, else beside.

    Raises:
        StorageError: A folder holds no run.
    """
    for folder in folders:
        if not (folder / EXPERIMENT_FILE).is_file():
            advice = "name folders such as outputs/06-raster/latest"
            raise StorageError(Diagnostic("CMP102", f"`{folder}` is not a folder of results", None, advice))
    checked = pipeline.check(pipeline.read(folders[0] / EXPERIMENT_FILE))
    runs = names_of_runs(folders)
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(reading_results(folder))
        pictures = draw(
            folders[0], plots_of(checked), formats, out or OUT, size=size, style=style, damaged=damaged, runs=runs
        )
    for picture in pictures:
        put(str(picture))
    if not pictures:
        say("nothing to draw: the experiment of the first folder says `plots: none`, or nothing was recorded")

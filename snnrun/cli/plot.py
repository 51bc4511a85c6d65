"""`snnrun plot`: the pictures of results, from these alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snnrun.cli.render import put, say
from snnrun.compare.folders import done_at
from snnrun.compare.presented import Presentation
from snnrun.errors import Diagnostic, StorageError
from snnrun.results.done import reading_results
from snnrun.results.folder import refresh_pictures
from snnrun.results.layout import EXPERIMENT_FILE
from snnrun.running import pipeline
from snnrun.running.drawing import draw, plots_of


@dataclass(frozen=True, slots=True)
class PlotCommand:
    """The options of `snnrun plot` as they were given; `cli.arguments` describes them."""

    folder: Path
    source: Path | None
    formats: Sequence[str]
    out: Path | None
    size: str | None
    style: str | None
    damaged: bool

    @property
    def drawn_as(self) -> str:
        """The options that change pictures, as `DONE.json` holds them."""
        return " ".join(f"{name}={value}" for name, value in (("size", self.size), ("style", self.style)) if value)


def plot_folder(command: PlotCommand) -> None:
    """Draw the pictures of a folder again: those of its experiment, or those of another file of the same simulation."""
    folder = command.folder
    if not (folder / EXPERIMENT_FILE).is_file():
        advice = "name a folder such as outputs/06-raster/latest"
        raise StorageError(Diagnostic("CMP102", f"`{folder}` is not a folder of results", None, advice))
    if command.source is not None:
        pictures = _from_file(command, command.source)
    else:
        checked = pipeline.check(pipeline.read(folder / EXPERIMENT_FILE))
        with reading_results(folder):
            pictures = draw(
                folder,
                plots_of(checked),
                command.formats,
                command.out,
                size=command.size,
                style=command.style,
                damaged=command.damaged,
            )
        if command.out is None:
            refresh_pictures(folder, command.formats, command.drawn_as)
    for picture in pictures:
        put(str(picture))
    if not pictures:
        say("nothing to draw: the experiment says `plots: none`, or nothing was recorded")


def _from_file(command: PlotCommand, source: Path) -> list[Path]:
    """Give results the presentation of a file, or draw it to another folder."""
    folder, _ = done_at(command.folder)
    work = Presentation(folder, source, command.formats)

    def pictures(place: Path) -> list[Path]:
        plots = plots_of(work.checked)
        return draw(place, plots, command.formats, command.out, size=command.size, style=command.style)

    return work.give(pictures, command.drawn_as, command.out)

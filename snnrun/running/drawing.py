"""The pictures of a folder of results; matplotlib is imported only to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnrun.errors import Diagnostic, ExperimentError, InternalError, SnnrunError
from snnrun.resolve.swept import of_sweep, swept
from snnrun.running.signals import StoppedBySignal, stop_on_signals
from snnrun.running.stages import Checked, Clock, Stage
from snnrun.spec.document import Document
from snnrun.spec.nodes import Path as FilePath

if TYPE_CHECKING:
    from snnrun.plot.ahead import PlotProcess

Plots = list[dict[str, Any]] | None
"""Pictures as plain data; None for those that the results suggest."""


def check_looks(document: Document, plots: Sequence[Mapping[str, Any]]) -> None:
    """Check the styles, colours and maps of colours of pictures.

    Raises:
        ExperimentError: Matplotlib has no such style, colour or map, or a style sets what a picture must not depend
            on.
    """
    wrong: list[Diagnostic] = []
    for path, key, value in _looks(plots):
        from snnrun.plot.style import check_look  # noqa: PLC0415 - matplotlib is imported for these alone

        try:
            check_look(key, value)
        except ExperimentError as error:
            place = path if document.has(path) else path[:-1]  # a single style is no list in the file
            wrong += [replace(diagnostic, span=document.nearest_span(place)) for diagnostic in error.diagnostics]
    if wrong:
        raise ExperimentError(*wrong)


def _looks(plots: Sequence[Mapping[str, Any]]) -> Iterator[tuple[FilePath, str, str]]:
    """What matplotlib must know by name: place in the file, key, name."""
    for k, picture in enumerate(plots):
        panels = enumerate(picture.get("panels", ()))
        for place, plot in ((("plots", k), picture), *((("plots", k, "panels", n), panel) for n, panel in panels)):
            for key in ("style", "colours", "colourmap"):
                value = plot.get(key)
                named = value.items() if isinstance(value, Mapping) else enumerate(value or ())
                if isinstance(value, str):
                    yield (*place, key), key, value
                else:
                    yield from (((*place, key, at), key, name) for at, name in named)


def plots_of(checked: Checked) -> Plots:
    """The pictures to draw from the folder of an experiment: of its sweep when it has one, of its run otherwise."""
    if checked.plots is None or checked.experiment.sweep is None:
        return checked.plots
    return [plot for plot in checked.plots if of_sweep(plot, swept(checked.resolved.context))]


def draw(
    folder: Path,
    plots: Plots,
    formats: Sequence[str],
    out: Path | None = None,
    *,
    size: str | None = None,
    style: str | None = None,
    damaged: bool = False,
    runs: Mapping[str, Path] | None = None,
) -> list[Path]:
    """Draw the pictures of a folder of results.

    Args:
        folder: The folder.
        plots: The pictures.
        formats: File formats.
        out: Where to; None for the folder's own `plots`.
        size: A size for all pictures.
        style: A style file for all pictures.
        damaged: Whether results that are not as they were published are drawn too.
        runs: Folders of runs that are compared in each picture, by what they are called; `folder` is the first one.

    Returns:
        The files written.
    """
    if plots == []:
        return []
    from snnrun.plot.draw import draw as draw_pictures  # noqa: PLC0415 - matplotlib is imported only to draw

    return draw_pictures(
        folder, plots, out or folder / "plots", formats, size=size, style=style, damaged=damaged, runs=runs
    )


def draw_after_run(
    folder: Path,
    plots: Plots,
    formats: Sequence[str],
    clock: Clock,
    plot_process: PlotProcess | None = None,
    received: Sequence[int] = (),
) -> tuple[list[Path], SnnrunError | KeyboardInterrupt | None]:
    """Plot stage: an error of drawing leaves the results as they are.

    Args:
        folder: The folder of results.
        plots: The pictures.
        formats: File formats.
        clock: Timings.
        plot_process: A process that draws, started before.
        received: Signals to stop that arrived before; then nothing is drawn.

    Returns:
        The pictures, and why some are missing.
    """
    if received:
        return [], StoppedBySignal(received[0])
    try:
        with clock.stage(Stage.PLOT), stop_on_signals():
            drawn = (
                plot_process.draw(folder, plots, folder / "plots", formats) if plot_process and plots != [] else None
            )
            return draw(folder, plots, formats) if drawn is None else drawn, None
    except (SnnrunError, KeyboardInterrupt) as error:
        return [], error
    except Exception as bug:  # noqa: BLE001 - whatever the drawing library raises, hours of simulation are kept
        reason = f"{type(bug).__name__}: {bug}"
        return [], InternalError(Diagnostic("PLT507", f"the pictures could not be drawn: {reason}"))

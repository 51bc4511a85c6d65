"""Results that get the presentation of another file: its plots, metrics and description, from the recorded data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from snnrun.compare.documents import Difference, Side, differences
from snnrun.errors import Diagnostic, ExperimentError, StorageError
from snnrun.results.done import Done, refuse
from snnrun.results.folder import PICTURES, refresh_pictures
from snnrun.results.layout import EXPERIMENT_FILE, RESULTS_FILE, SWEEP_FILE, RunStatus, storage_error
from snnrun.results.reader import Results
from snnrun.results.sweep_table import point_folder
from snnrun.running import again, pipeline
from snnrun.running import folder as folders
from snnrun.running.identity import definitions, identity_of, simulation_of
from snnrun.running.options import RunOptions
from snnrun.running.replay import NotRecordedError, Replay
from snnrun.running.stages import Checked, Clock
from snnrun.spec.document import Document
from snnrun.spec.nodes import Path as Place
from snnrun.spec.nodes import ScalarNode
from snnrun.sweep.experiments import check_point, check_sweep, point_document

Draw = Callable[[Path], list[Path]]
_SHOWN = 10  # keys that differ


class Presentation:
    """The presentation of a file, for results of the same simulation.

    Args:
        folder: The results of a run or a sweep.
        file: The experiment file; the results keep their own name.
        formats: File formats of pictures.

    Raises:
        ExperimentError: The file is wrong; CMP307, it is another simulation, with each key that differs.
        StorageError: CMP301, ST209: they are not whole.
    """

    def __init__(self, folder: Path, file: Path, formats: Sequence[str]) -> None:
        done = Done.read(folder)
        refuse(folder, done.damage(folder, [name for name in done.files if not name.startswith(f"{PICTURES}/")]))
        self.is_sweep = SWEEP_FILE in done.files
        if done.status is not RunStatus.COMPLETE or not (self.is_sweep or RESULTS_FILE in done.files):
            raise storage_error("CMP301", f"`{folder}` does not hold a whole run or sweep", "run it to its end first")
        stored = pipeline.check(pipeline.read(folder / EXPERIMENT_FILE))
        checked = pipeline.check(pipeline.read(file).with_values({("name",): stored.name}))
        self.checked, self.stored, self.done, self.file = checked, stored, done, file
        portable, files = _portable(checked)
        identity = identity_of(portable, files)
        if identity.simulation != identity_of(*_portable(stored)).simulation:
            raise _other(folder, file, stored, checked)
        self.options = RunOptions(formats=tuple(formats), command=("snnrun", "plot", str(folder), "--from", str(file)))
        self.job = again.Job(
            checked, portable, files, folders.Destination(folder, identity, exact=True), self.options, Clock()
        )

    def give(self, draw: Draw, drawn_as: str, out: Path | None) -> list[Path]:
        """Compute metrics, draw, and put both into the folder of the results, or draw elsewhere.

        Args:
            draw: Draws the pictures of a folder, below it or elsewhere.
            drawn_as: The options of `snnrun plot` that it draws with.
            out: Where it draws; None for the folder, which then gets the whole presentation.

        Returns:
            The pictures.

        Raises:
            ExperimentError: CMP305, a metric or a picture needs what was not recorded.
            StorageError: The folder cannot be written.
        """
        folder = self.job.destination.path
        drawn: list[Path] = []
        try:
            if self.is_sweep:
                return self._give_to_sweep(draw, drawn_as, out)
            publish = out is None
            again.present(self.job, self.done, lambda place: drawn.extend(draw(place)), drawn_as, publish=publish)
        except NotRecordedError as missing:
            message = f"{missing} is not recorded in `{folder}`"
            place = ("plots",) if missing.metric is None else ("metrics", missing.metric)
            span = self.checked.document.nearest_span(place)
            advice = f"run it: snnrun run {self.file}"
            raise ExperimentError(Diagnostic("CMP305", message, span, advice)) from None
        return drawn if out is not None else [folder / PICTURES / path.name for path in drawn]

    def _give_to_sweep(self, draw: Draw, drawn_as: str, out: Path | None) -> list[Path]:
        """The same for a sweep: its points first, then its tables and pictures."""
        from snnrun.sweep.local import run_sweep  # noqa: PLC0415 - only for sweeps

        folder = self.job.destination.path
        if out is not None:
            if definitions(self.checked.document) != definitions(self.stored.document):
                raise NotRecordedError("what a sweep is to show in another folder, with other metrics,")
            return draw(folder)
        sweep = check_sweep(self.checked)
        place = point_folder(folder, 0)
        if place is not None:
            self._try(check_point(point_document(self.checked), sweep.plan.point(0)), place)
        outcome = run_sweep(sweep, folder, self.options, path=folder)
        for problem in (outcome.problem, outcome.plot_error):
            if problem is not None:
                raise problem
        if not drawn_as:
            return list(outcome.pictures)
        drawn = draw(folder)
        refresh_pictures(folder, self.options.formats, drawn_as)
        return drawn

    def _try(self, checked: Checked, place: Path) -> None:
        """Whether the metrics of a point can be computed from what it recorded.

        Raises:
            NotRecordedError: They cannot.
        """
        before, now = definitions(self.stored.document), definitions(self.checked.document)
        with Results.open(place) as results:
            kept = {n: results.metrics[n].value for n in now if now[n] == before.get(n) and n in results.metrics}
            Replay(checked, results, kept).compute([name for name in now if name not in kept])


def _portable(checked: Checked) -> tuple[Document, dict[str, Path]]:
    return folders.portable(checked.document, checked.resolved.context.files)


def _other(folder: Path, file: Path, stored: Checked, checked: Checked) -> ExperimentError | StorageError:
    """The error of a file that is another simulation."""
    sides = (Side(pipeline.check(simulation_of(one.document))) for one in (stored, checked))
    found = differences(*sides)
    advice = f"only plots, metrics and descriptions may differ; run it: snnrun run {file}"
    if not found:
        found = _written(stored, checked)
    if not found:
        message = f"a file that `{file}` names is not as in `{folder}`"
        return ExperimentError(Diagnostic("CMP307", message, checked.document.top_span(), advice))
    return ExperimentError(
        *(
            Diagnostic(
                "CMP307",
                f"`{one.place}` is {one.b or 'not there'}; the results are of {one.a or 'none'}",
                checked.document.nearest_span(_place(one.place)),
                advice,
            )
            for one in found[:_SHOWN]
        )
    )


def _written(stored: Checked, checked: Checked) -> list[Difference]:
    """Places that mean the same and are written differently, or in another order."""
    a, b = (
        {
            path: " ".join(node.literal.split())
            for path, node in simulation_of(one.document).walk()
            if isinstance(node, ScalarNode)
        }
        for one in (stored, checked)
    )
    return [
        Difference(".".join(map(str, path)), a.get(path), b.get(path))
        for path in dict.fromkeys([*a, *b])
        if a.get(path) != b.get(path)
    ]


def _place(text: str) -> Place:
    """The path of a place as `diff` names it."""
    return tuple(text.removeprefix("order of ").partition(":")[0].split("."))

"""Results that get the presentation of another file: its plots, metrics and description, from the recorded data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from snnrun.compare.documents import Difference, Side, differences
from snnrun.errors import Diagnostic, ExperimentError, StorageError
from snnrun.results.done import Done, refuse
from snnrun.results.folder import PICTURES
from snnrun.results.layout import EXPERIMENT_FILE, RESULTS_FILE, RunStatus, storage_error
from snnrun.running import again, pipeline
from snnrun.running import folder as folders
from snnrun.running.identity import identity_of, simulation_of
from snnrun.running.options import RunOptions
from snnrun.running.replay import NotRecordedError
from snnrun.running.stages import Checked, Clock
from snnrun.spec.nodes import Path as Place
from snnrun.spec.nodes import ScalarNode

_SHOWN = 10  # keys that differ


class Presentation:
    """The presentation of a file, for results of the same simulation.

    Args:
        folder: The results.
        file: The experiment file; the results keep their own name.
        formats: File formats of pictures.

    Raises:
        ExperimentError: The file is wrong; CMP307, it is another simulation, with each key that differs.
        StorageError: CMP101 to CMP103, ST209: there are no whole results.
    """

    def __init__(self, folder: Path, file: Path, formats: Sequence[str]) -> None:
        done = Done.read(folder)
        refuse(folder, done.damage(folder, [name for name in done.files if not name.startswith(f"{PICTURES}/")]))
        if done.status is not RunStatus.COMPLETE or RESULTS_FILE not in done.files:
            raise storage_error("CMP306", f"`{folder}` does not hold a whole run", "run it to its end first")
        stored = pipeline.check(pipeline.read(folder / EXPERIMENT_FILE))
        document = pipeline.read(file)
        checked = pipeline.check(document.with_values({("name",): stored.name}))
        self.checked, self.done, self.file = checked, done, file
        portable, files = folders.portable(checked.document, checked.resolved.context.files)
        identity = identity_of(portable, files)
        before = identity_of(*folders.portable(stored.document, stored.resolved.context.files))
        if identity.simulation != before.simulation:
            raise _other(folder, file, stored, checked)
        destination = folders.Destination(folder, identity)
        self.job = again.Job(checked, portable, files, destination, RunOptions(formats=tuple(formats)), Clock())

    def give(self, draw: Callable[[Path], list[Path]], drawn_as: str, *, publish: bool) -> list[Path]:
        """Compute metrics, draw, and put both into the folder of the results.

        Args:
            draw: Draws the pictures of a folder.
            drawn_as: The options of `snnrun plot` that it draws with.
            publish: Whether the results get them; otherwise they stay as they are.

        Returns:
            The pictures.

        Raises:
            ExperimentError: CMP305, a metric or a picture needs what was not recorded.
            StorageError: The folder cannot be written.
        """
        drawn: list[Path] = []
        try:
            again.present(self.job, self.done, lambda place: drawn.extend(draw(place)), drawn_as, publish=publish)
        except NotRecordedError as missing:
            message = f"{missing} is not recorded in `{self.job.destination.path}`"
            advice = f"run it: snnrun run {self.file}"
            span = self.checked.document.nearest_span(("metrics",))
            raise ExperimentError(Diagnostic("CMP305", message, span, advice)) from None
        return [self.job.destination.path / PICTURES / path.name for path in drawn] if publish else drawn


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

"""Checkpoints of a run: its state and its recordings, so that a run that was killed continues with the same bits.

Recordings are stored in order and sent to the sinks again, which restores results and metrics: neither depends on how
recorded data are divided into chunks. Random numbers have no state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from snnrun.codegen.arguments import ArrayKey
from snnrun.engine.driver import Simulation
from snnrun.engine.recording import Sink
from snnrun.engine.values import Array
from snnrun.errors import StorageError
from snnrun.model.network import FloatArray, IntArray
from snnrun.units.dimensions import TIME
from snnrun.units.quantities import format_quantity

WAITING_BYTES = 64 << 20  # recorded data kept in memory until they are stored

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Part:
    """One recorded chunk: of spikes, samples or numbers."""

    kind: str
    monitor: str
    first: int
    arrays: dict[str, Array]


@dataclass(slots=True)
class Tape:
    """A sink that keeps recordings in order until they are stored."""

    parts: list[_Part] = field(default_factory=list)
    bytes: int = 0
    closed: bool = False  # whether further recordings are discarded

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Keep spikes."""
        self._keep("spikes", name, 0, {"steps": steps, "ids": ids, **{f"extra.{k}": v for k, v in extras.items()}})

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Keep samples."""
        self._keep("states", name, first, data)

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Keep counts."""
        self._keep("numbers", name, first, {"spikes": spikes})

    def _keep(self, kind: str, name: str, first: int, arrays: Mapping[str, Array]) -> None:
        if self.closed:
            return
        self.parts.append(_Part(kind, name, first, dict(arrays)))
        self.bytes += sum(a.nbytes for a in arrays.values())

    def clear(self) -> None:
        """Forget what is stored."""
        self.parts = []
        self.bytes = 0

    def joined(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """All recordings as arrays with a description; consecutive chunks are joined."""
        runs: dict[tuple[str, str], list[list[_Part]]] = {}
        for part in self.parts:
            of_monitor = runs.setdefault((part.kind, part.monitor), [])
            if of_monitor and _follows(of_monitor[-1], part):
                of_monitor[-1].append(part)
            else:
                of_monitor.append([part])
        arrays: dict[str, Array] = {}
        listed: list[dict[str, Any]] = []
        for (kind, monitor), pieces in runs.items():
            for chunks in pieces:
                names = {}
                for name in chunks[0].arrays:
                    names[name] = f"{len(arrays)}"
                    arrays[names[name]] = np.concatenate([c.arrays[name] for c in chunks])
                listed.append({"kind": kind, "monitor": monitor, "first": chunks[0].first, "arrays": names})
        return arrays, {"parts": listed}


def _follows(chunks: list[_Part], part: _Part) -> bool:
    length = sum(len(next(iter(c.arrays.values()))) for c in chunks)
    return part.kind == "spikes" or part.first == chunks[0].first + length


def play(arrays: Mapping[str, Array], description: Mapping[str, Any], sink: Sink) -> None:
    """Send the recordings of a tape to a sink."""
    for part in description["parts"]:
        found = {name: arrays[key] for name, key in part["arrays"].items()}
        match part["kind"]:
            case "spikes":
                steps, ids = found.pop("steps"), found.pop("ids")
                sink.spikes(part["monitor"], steps, ids, {k.removeprefix("extra."): v for k, v in found.items()})
            case "states":
                sink.states(part["monitor"], found, part["first"])
            case _:
                sink.numbers(part["monitor"], found["spikes"], part["first"])


class SharedState:
    """The state at the end of a phase that several runs share: one run stores it, the others continue from it.

    Args:
        phase: Number of the phase.
    """

    def __init__(self, phase: int) -> None:
        self.phase = phase
        self.tape = Tape()
        self._state: dict[ArrayKey, Array] | None = None
        self._step = 0
        self._facts: dict[str, Any] = {}

    @property
    def records(self) -> bool:
        """Whether recordings of this run are kept for the next ones."""
        return self._state is None

    def resume(self, simulation: Simulation, sink: Sink) -> bool:
        """Continue from the state of another run, if there is one, and send its recordings to the sink."""
        if self._state is None:
            self.tape = Tape()  # the run before this one stopped earlier
            return False
        simulation.timeline.recall(self._facts)
        play(*self.tape.joined(), sink)
        simulation.restore(self._state, self._step)
        return True

    def visit(self, simulation: Simulation) -> None:
        """Between two calls of the kernel: store the state at the end of the phase."""
        if self._state is None and simulation.step == simulation.network.phases[self.phase].stop:
            self._state, self._step, self._facts = simulation.state(), simulation.step, simulation.timeline.facts()
            self.tape.closed = True


class Archive(Protocol):
    """Where checkpoints are kept.

    Args:
        rejected: Whether `adopt` found a checkpoint that cannot be used.
    """

    rejected: bool

    def adopt(self) -> int | None:
        """Open the newest checkpoint there is; the step it was taken before, or None."""

    def state(self) -> tuple[Mapping[str, Array], Mapping[str, Any]]:
        """Its state, and the facts stored with it."""

    def recordings(self) -> Iterator[tuple[Mapping[str, Array], Mapping[str, Any]]]:
        """Recordings until then, as from `Tape.joined`."""

    def record(self, arrays: Mapping[str, Array], description: Mapping[str, Any]) -> None:
        """Store recordings since the last call."""

    def save(self, step: int, state: Mapping[str, Array], facts: Mapping[str, Any]) -> None:
        """Store a state, which is then the newest checkpoint."""

    def discard(self) -> None:
        """Remove all of it."""


class Checkpoints:
    """Stores the checkpoints of one run, and continues from the last one of a run that was killed.

    Args:
        archive: Where they are kept.
        every: Wall-clock time between two of them; None to store none. [s]
        note: Called with notes for the user.
    """

    def __init__(self, archive: Archive, every: float | None, note: Note = lambda _text: None) -> None:
        self.archive = archive
        self.every = every
        self.note = note
        self.tape = Tape()
        self._saved_at = time.monotonic()

    @property
    def records(self) -> bool:
        """Whether recordings are kept for a checkpoint."""
        return self.every is not None

    def resume(self, simulation: Simulation, sink: Sink) -> bool:
        """Continue from the last checkpoint, if there is one: restore the state, send recordings to the sink."""
        step = self.archive.adopt()
        if step is None:
            if self.archive.rejected:
                self.note("an unfit checkpoint (damaged, other version or number of threads): the run starts anew")
            return False
        state, facts = self.archive.state()
        simulation.timeline.recall(facts)
        for arrays, description in self.archive.recordings():
            play(arrays, description, sink)
        simulation.restore({ArrayKey.from_text(name): array for name, array in state.items()}, step)
        self.note(f"continues from a checkpoint at {format_quantity(step * simulation.network.dt, TIME)}")
        return True

    def visit(self, simulation: Simulation) -> None:
        """Between two calls of the kernel: store recordings that need much memory; store a checkpoint when it is due.

        A checkpoint that cannot be stored does not stop the run: the one before it stays.
        """
        if self.every is None:
            return
        try:
            if self.tape.bytes > WAITING_BYTES:
                self._store()
            if time.monotonic() - self._saved_at >= self.every:
                self.save(simulation)
        except StorageError as error:
            self._saved_at = time.monotonic()
            self.note(f"{error.diagnostics[0].message}; the run continues")

    def save(self, simulation: Simulation) -> None:
        """Store a checkpoint now.

        Raises:
            StorageError: It cannot be stored.
        """
        self._store()
        state = {key.text: array for key, array in simulation.state().items()}
        self.archive.save(simulation.step, state, simulation.timeline.facts())
        self._saved_at = time.monotonic()

    def discard(self) -> None:
        """Remove all checkpoints: the run has ended."""
        self.archive.discard()

    def _store(self) -> None:
        if self.tape.parts:
            self.archive.record(*self.tape.joined())
            self.tape.clear()

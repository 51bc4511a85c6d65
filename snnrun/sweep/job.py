"""A job of SLURM as data: its script, what it asks for, and the command that submits it.

A task that is still running two minutes before its time limit gets SIGUSR1 and stops; its script then has SLURM queue
the task again, which continues where it stopped.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from snnrun import __version__
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.files.reading import read_text, reason_of

WARNING_S = 120  # between the signal to stop and the time limit of a task [s]
LEAST_MIN = 15  # asked for at least [min]
MARGIN = 3.0  # times the estimated time, which is an order of magnitude
MEMORY_MARGIN = 1.5  # times the estimated memory
COMPILER_BYTES = 3e8  # where a kernel has to be compiled
SCRIPT = "job.sh"
_SHORT = {"a": "array", "c": "cpus-per-task", "J": "job-name", "p": "partition", "t": "time", "W": "wait"}
_OURS = ("array", "job-name", "parsable", "test-only", "wait", "wrap")
_DIRECTIVE = re.compile(r"^#SBATCH.*$", re.MULTILINE)
_MEMORY = ("mem", "mem-per-cpu", "mem-per-gpu")


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster allows.

    Args:
        most_tasks: Tasks of an array (`MaxArraySize`).
        memory: Whether jobs are given memory, so that they have to ask for it.
        limits: The longest time of a job in each partition, where there is one. [min]
        partition: The partition of jobs that name none.
        known: Whether SLURM was asked.
    """

    most_tasks: int = 1001
    memory: bool = True
    limits: Mapping[str, int] = field(default_factory=dict)
    partition: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task needs, as estimated; what the user asks for counts more.

    Args:
        seconds: Its time, with one process. [s]
        memory: Memory of a process. [byte]
        processors: Processors.
        side_by_side: Whether each processor has a process of its own.
    """

    seconds: float
    memory: float
    processors: int = 1
    side_by_side: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What a job is to do.

    Args:
        results: The folder of the results.
        place: The folder of its script and logs.
        name: The name of the experiment.
        words: The command of this program that a task runs, without the program; in an array its number follows.
        needs: What a task needs.
        tasks: Tasks of an array; None for a job without one.
        files: Files that are written into its folder.
        copies: Files that are copied there, by their names there.
        notes: What the user should know.
    """

    results: Path
    place: Path
    name: str
    words: Sequence[str]
    needs: Needs
    tasks: int | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    copies: Mapping[str, Path] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A job that can be submitted.

    Args:
        work: What it is to do.
        name: Its name, which no other folder's job has.
        script: The text that runs on the cluster.
        sbatch: The command that submits it.
        notes: What the user should know.
    """

    work: Work
    name: str
    script: str
    sbatch: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def place(self) -> Path:
        """The folder of its script and logs."""
        return self.work.place


def job(work: Work, allowed: Cluster, extra: Sequence[str] = (), setup: Path | None = None) -> Job:
    """Describe a job.

    Args:
        work: What it is to do.
        allowed: What the cluster allows.
        extra: Options for `sbatch` of the user.
        setup: A file with what the script runs first.

    Raises:
        ExperimentError: SWP720, an option that is chosen here; SWP721, the file cannot be read.
    """
    prologue = _prologue(setup)
    given = named_options([*_directives(prologue), *extra])
    for option in _OURS:
        if option in given:
            message = f"`--slurm-option` cannot give `--{option}`: this command chooses it"
            advice = "give the number of tasks with `--workers`" if option == "array" else "leave it out"
            raise ExperimentError(Diagnostic("SWP720", message, None, advice))
    name = f"snnrun-{work.name}-{hashlib.sha256(str(work.place).encode()).hexdigest()[:8]}"
    asked, notes = _asked(work.needs, given, allowed)
    log = "%j" if work.tasks is None else "%A_%a"
    sbatch = (
        "sbatch",
        "--parsable",
        f"--job-name={name}",
        *([] if work.tasks is None else [f"--array=0-{work.tasks - 1}"]),
        f"--output={str(work.place).replace('%', '%%')}/{log}.log",
        "--open-mode=append",
        "--requeue",
        *asked,
        *extra,
        str(work.place / SCRIPT),
    )
    script = _script(work.words, prologue, in_array=work.tasks is not None)
    return Job(work, name, script, sbatch, (*work.notes, *notes))


def named_options(words: Sequence[str]) -> dict[str, str]:
    """Options for `sbatch` by their long names."""
    found: dict[str, str] = {}
    last = ""
    for word in words:
        if word.startswith("--"):
            last, _, value = word[2:].partition("=")
        elif word.startswith("-") and len(word) > 1:
            last, value = _SHORT.get(word[1], word[1]), word[2:]
        elif last:
            value = word
        else:
            continue
        found[last] = value
    return found


def split_options(given: Sequence[str]) -> list[str]:
    """The words of the values of `--slurm-option`, each of which may hold several.

    Raises:
        ExperimentError: SWP720, one of them is no option.
    """
    words: list[str] = []
    for text in given:
        try:
            parts = shlex.split(text)
        except ValueError:
            parts = []
        if not parts or not parts[0].startswith("-"):
            advice = 'write it as `sbatch` takes it, such as `--slurm-option "--partition=long"`'
            raise ExperimentError(Diagnostic("SWP720", f"`{text}` is no option for `sbatch`", None, advice))
        words += parts
    return words


def _prologue(setup: Path | None) -> str:
    if setup is None:
        return ""
    try:
        return read_text(setup)
    except (OSError, ValueError) as error:
        message = f"cannot read `{setup}`: {reason_of(error)}"
        raise ExperimentError(
            Diagnostic("SWP721", message, None, "name a file with commands of the shell after `--setup`")
        ) from error


def _directives(prologue: str) -> list[str]:
    """The options in `#SBATCH` lines."""
    return [
        word for line in _DIRECTIVE.findall(prologue) for word in line.removeprefix("#SBATCH").split("#")[0].split()
    ]


def _asked(needs: Needs, given: Mapping[str, str], allowed: Cluster) -> tuple[list[str], list[str]]:
    """The options for time, memory and processors that the user does not give; and notes about them."""
    words: list[str] = []
    notes: list[str] = []
    processors = given.get("cpus-per-task", str(needs.processors))
    processes = int(processors) if needs.side_by_side and processors.isdigit() else 1
    if "cpus-per-task" not in given and needs.processors > 1:
        words.append(f"--cpus-per-task={needs.processors}")
    if "time" not in given:
        minutes = max(LEAST_MIN, math.ceil(MARGIN * needs.seconds / max(processes, 1) / 60) + 5)
        names = given.get("partition", allowed.partition).split(",")
        longest = max((allowed.limits[name] for name in names if name in allowed.limits), default=minutes)
        if minutes > longest:
            notes.append(
                f"the estimate asks for {_clock(minutes)} and the partition allows {_clock(longest)}: "
                "a task that is stopped there is queued again and continues"
            )
        words.append(f"--time={_clock(min(minutes, longest))}")
    if allowed.memory and not any(name in given for name in _MEMORY):
        each = MEMORY_MARGIN * needs.memory + COMPILER_BYTES
        words.append(f"--mem={math.ceil(each * processes / 1e8) * 100}M")
    if "signal" not in given:
        words.append(f"--signal=B:USR1@{WARNING_S}")
    return words, notes


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}:00"


def _script(words: Sequence[str], prologue: str, *, in_array: bool) -> str:
    first, _, rest = prologue.partition("\n")
    shell, prologue = (first, rest) if first.startswith("#!") else ("#!/bin/bash", prologue)
    return _SCRIPT.format(
        head="\n".join([shell, *_DIRECTIVE.findall(prologue)]),
        version=__version__,
        program=shlex.quote(shlex.join([sys.executable, "-P", "-m", "snnrun"])),
        prologue=f"\n# --setup\n{prologue.strip()}\n" if prologue else "",
        words=shlex.quote(shlex.join(words)),
        task=" $SLURM_ARRAY_TASK_ID" if in_array else "",
    )


_SCRIPT = """\
{head}
# Written by snnrun {version}.
SNNRUN={program}
{prologue}
if ! found=$(eval "$SNNRUN --version"); then
    echo "error: cannot run '$SNNRUN' on $(hostname): mend the file of --setup" >&2
    exit 3
fi
if [ "$found" != "snnrun {version}" ]; then
    echo "error: this is $found, and the job was submitted by snnrun {version}: use one version for both" >&2
    exit 3
fi
# Before the time limit SLURM sends SIGUSR1 to this script alone: the program stops, and its exit code 75 says that it
# can continue. Other signals reach the program by themselves.
words={words}
limit=
trap 'again=1; limit=1; kill -USR1 "$child"' USR1
trap 'again=1' TERM
eval "exec $SNNRUN $words{task}" &
child=$!
again=1
while [ "$again" ]; do
    again=
    wait "$child"
    code=$?
done
if [ "$limit" ] && [ "$code" = 75 ]; then
    echo "stopped before the time limit: queued again, to continue"
    scontrol requeue "$SLURM_JOB_ID" && exit 0
elif [ "$limit" ] && [ "$code" != 0 ]; then
    echo "stopped before the time limit (exit code $code): ask for more time; the same command goes on" >&2
fi
exit "$code"
"""

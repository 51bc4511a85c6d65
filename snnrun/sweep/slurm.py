"""SLURM: what its programs say of a cluster, how a job is submitted, how far it is, and how it ended.

Which job belongs to a folder is asked of SLURM by the job's name, so a command that is killed forgets none.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from snnrun.errors import Diagnostic, RunError, SnnrunError, StorageError, UnfinishedError
from snnrun.files.reading import read_text
from snnrun.results.folder import write_durably
from snnrun.results.layout import storage_error
from snnrun.sweep.claims import Claims
from snnrun.sweep.job import SCRIPT, Cluster, Job
from snnrun.sweep.pool import environment

LOOK_S = 20.0  # between two questions to SLURM while a command waits [s]
TICK_S = 2.0  # between two looks at the folder while a command waits [s]
_NUMBER = "number"  # the file with the number of the job that was submitted last
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is, as SLURM says.

    Args:
        number: Its number.
        states: States of the tasks that have not ended, and why those that wait do.
        new: Whether it was submitted just now.
        before: The number of the job before it, if it is new and not the first.
    """

    number: str
    states: tuple[tuple[str, str], ...] = ()
    new: bool = False
    before: str = ""

    @property
    def state(self) -> str:
        """In one word."""
        if self.new:
            return "submitted"
        return "running" if any(state == "RUNNING" for state, _ in self.states) else "waiting"

    @property
    def reasons(self) -> str:
        """Why tasks wait."""
        given = Counter(reason for state, reason in self.states if state == "PENDING" and reason not in ("None", ""))
        return ", ".join(given)


def cluster() -> Cluster:
    """What the cluster allows.

    Raises:
        RunError: SWP715 or SWP716, there is no SLURM, or it does not answer.
    """
    facts = dict(re.findall(r"^(\w+) *= (.*?) *$", call("scontrol", "show", "config"), re.MULTILINE))
    limits: dict[str, int] = {}
    default = ""
    for line in call("scontrol", "--oneliner", "show", "partition").splitlines():
        of = dict(re.findall(r"(\w+)=(\S*)", line))
        name, longest = of.get("PartitionName", ""), minutes_of(of.get("MaxTime", ""))
        if of.get("Default") == "YES":
            default = name
        if longest is not None:
            limits[name] = longest
    most = facts.get("MaxArraySize", "")
    return Cluster(
        most_tasks=int(most) if most.isdigit() else Cluster().most_tasks,
        memory="MEMORY" in facts.get("SelectTypeParameters", "").upper(),
        limits=limits,
        partition=default,
        known=True,
    )


def minutes_of(text: str) -> int | None:
    """A time as SLURM writes it, `[days-]hours:minutes:seconds`, in minutes; None for no limit."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text)
    if found is None:
        return None
    days, *parts = (int(part or 0) for part in found.groups())
    first, second, _ = parts
    if found[1] is not None:  # days-hours:minutes:seconds
        return days * 1440 + first * 60 + second
    if found[4] is not None:  # hours:minutes:seconds
        return first * 60 + second
    return first + (1 if second else 0)  # minutes:seconds


def submit(job: Job) -> Standing:
    """Submit a job, unless it is in the queue already; of several commands at the same time one submits it.

    Raises:
        RunError: SWP715 or SWP716, there is no SLURM, or it refuses.
        UnfinishedError: SWP716, SLURM is busy or does not answer.
        StorageError: The folder cannot be written.
    """
    _make(job.place)
    claims = Claims(job.place)
    try:
        while not claims.take("submit", ()):
            time.sleep(0.2)
            claims.others()  # removes a stale claim
        standing = standing_of(job)
        if standing is not None:
            return standing
        before = last_number(job)
        _write(job)
        number = call(*job.sbatch).strip().partition(";")[0]
        write_durably(job.place / _NUMBER, number.encode())
        return Standing(number, new=True, before=before)
    finally:
        claims.close()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _write(job: Job) -> None:
    try:
        for name, content in {**job.work.files, SCRIPT: job.script.encode()}.items():
            write_durably(job.place / name, content)
        for name, file in job.work.copies.items():
            (job.place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, job.place / name)
    except OSError as error:
        raise _cannot_write(job.place, error) from error


def _cannot_write(folder: Path, error: OSError) -> StorageError:
    advice = "name another place with `--out`"
    return storage_error("ST104", f"cannot write to `{folder}`: {error.strerror}", advice)


def standing_of(job: Job) -> Standing | None:
    """How far a job is; None when none of its tasks is in the queue."""
    said = call("squeue", "--me", "--noheader", "--array", f"--name={job.name}", "--format=%F|%T|%r")
    rows = [line.split("|") for line in said.splitlines() if line.count("|") == 2]
    left = [row for row in rows if row[1] != "COMPLETING"]
    if not left:
        return None
    return Standing(left[-1][0], tuple((state, reason) for _, state, reason in left))


def wait(job: Job, finished: Callable[[Standing | None], bool]) -> bool:
    """Wait until the work is done, or the job has ended without that; whether it is done.

    A SLURM that does not answer for a while is asked again.

    Args:
        job: The job.
        finished: Whether the work is done, as its folder says; called again and again with how far the job is.
    """
    standing, asked = standing_of(job), time.monotonic()
    while not finished(standing):
        time.sleep(TICK_S)
        if standing is None:  # what another machine has written may take a moment to be seen
            return finished(standing)
        if time.monotonic() - asked > LOOK_S:
            with suppress(UnfinishedError):
                standing = standing_of(job)
            asked = time.monotonic()
    return True


def last_number(job: Job) -> str:
    """The number of the job that was submitted last for a folder; empty when there was none."""
    try:
        return read_text(job.place / _NUMBER).strip()
    except (OSError, ValueError):
        return ""


def end_of(job: Job, number: str) -> str:
    """Why a job of a folder ended with work left, and what to do."""
    state = end_state(number)
    logs = sorted(job.place.glob(f"{number}*.log"), key=lambda log: log.stat().st_mtime)
    said = f"job {number} ended{f' ({state})' if state else ''} with work left: {_ENDS.get(state, 'its log says why')}"
    return f"{said}\n{_last_line(logs[-1])}" if logs else said


def _last_line(log: Path) -> str:
    try:
        lines = [line for line in read_text(log).splitlines() if line.strip()]
    except (OSError, ValueError):
        lines = []
    return f"{log}: {lines[-1] if lines else 'it is empty'}"


def end_state(number: str) -> str:
    """The state in which most of the tasks of a job ended that did not end well; empty when nobody knows it."""
    said = ""
    for program, *words in (
        ("sacct", "--noheader", "--allocations", "--parsable2", "--format=State", f"--jobs={number}"),
        ("scontrol", "--oneliner", "show", "job", number),
    ):
        try:
            said = call(program, *words)
        except SnnrunError:
            continue
        states = re.findall(r"JobState=(\w+)", said) or re.findall(r"^([A-Z_]+)", said, re.MULTILINE)
        bad: Counter[str] = Counter(state for state in states if state not in ("COMPLETED", "REQUEUED"))
        if bad:
            return bad.most_common(1)[0][0]
    return ""


def call(program: str, *words: str) -> str:
    """Run a command of SLURM; what it prints.

    Raises:
        RunError: SWP715 or SWP716, it is not installed, or refuses.
        UnfinishedError: SWP716, SLURM is busy or does not answer: the same command may succeed later.
    """
    path = shutil.which(program)
    if path is None:
        advice = "run this on a machine of the cluster that has it"
        raise RunError(Diagnostic("SWP715", f"`--slurm` needs `{program}`", None, advice))
    try:
        done = subprocess.run(  # noqa: S603 - the user's own options for a program of the user
            [path, *words], capture_output=True, text=True, timeout=_PATIENCE_S, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        raise UnfinishedError(Diagnostic("SWP716", f"`{program}` does not answer", None, _LATER)) from None
    if not done.returncode:
        return done.stdout
    reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    if any(text in reason for text in _BUSY):
        raise UnfinishedError(Diagnostic("SWP716", f"`{program}` cannot do it now: {reason}", None, _LATER))
    advice = next((advice for text, advice in _REFUSALS if text in reason.lower()), _MEND)
    raise RunError(Diagnostic("SWP716", f"`{program}` refuses: {reason}", None, advice))


_LATER = "nothing is lost: give the same command later"
_MEND = "nothing was submitted: mend what it names, and give the same command"
_BUSY = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "temporarily unable to accept job",
    "Resource temporarily unavailable",
    "Zero Bytes were transmitted",
    "Connection refused",
)
_REFUSALS = (
    ("partition", "`sinfo` lists the partitions: name one with `--slurm-option --partition=NAME`"),
    ("submit limit", "wait until other jobs of yours have ended, or submit fewer tasks with `--workers`"),
    ("account", "name one of your accounts with `--slurm-option --account=NAME`"),
    ("qos", "name one that you may use with `--slurm-option --qos=NAME`"),
    ("array specification", "submit fewer tasks with `--workers`"),
    ("memory", "ask for less memory with `--slurm-option --mem=4G`; `sinfo --format '%P %m'` shows what there is"),
    ("time limit", "ask for less time with `--slurm-option --time=1:00:00`; `sinfo --format '%P %l'` shows the limits"),
    ("node configuration", "no machine has that: ask for less memory or fewer processors with `--slurm-option`"),
)
"""What to do about reasons of a refusal, by a part of the reason."""
_ENDS = {
    "TIMEOUT": "ask for more time with `--slurm-option --time=HOURS:00:00`",
    "OUT_OF_MEMORY": "ask for more memory with `--slurm-option --mem=MEGABYTES`",
    "CANCELLED": "it was cancelled",
    "NODE_FAIL": "a machine failed",
    "PREEMPTED": "other jobs took its machines",
}
"""What to do about the states in which a job ends too early."""

"""A SLURM of one machine for tests: sbatch, squeue, scontrol, sacct and scancel with the options that jobs here use.

Options, messages and exit codes are those of SLURM 22.05, which was asked. Anything else is refused, so that no test
passes with what SLURM would not take. The folder in FAKE_SLURM holds `config.json` and a folder for each job, with a
file for each task: state, reason, restarts. A file `signal` there has every running task warned of its time limit.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_SLURM"])
CONFIG = {
    "most_tasks": 1001,  # MaxArraySize
    "most_queued": 1000,  # tasks of a user
    "memory": 8000,  # [MB]; 0: jobs are given no memory
    "limits": {"main": 120, "short": 10},  # [min]
    "cores": 2,
    "accounting": True,
    "down": [],  # programs that reach no controller
    "slow": 0.0,  # before a job is accepted [s]
    "ends": "",  # the state in which every task ends at once
} | json.loads((HOME / "config.json").read_text())
FLAGS = {"parsable", "requeue", "exclusive"}
VALUES = {
    "job-name",
    "array",
    "output",
    "open-mode",
    "time",
    "mem",
    "mem-per-cpu",
    "signal",
    "cpus-per-task",
    "partition",
    "account",
}
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY")
TICK_S = 0.02


def say(text):
    sys.stdout.write(f"{text}\n")


def fail(text, code=1):
    sys.stderr.write(text + "\n")
    sys.exit(code)


def parsed(program, words, flags, values):
    """Options and other words."""
    given, rest = {}, []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            rest.append(word)
            rest += waiting
            break
        name, equals, value = word[2:].partition("=")
        if not word.startswith("--") or name not in flags | values:
            fail(f"{program}: unrecognized option '{word}'\nTry \"{program} --help\" for more information", 255)
        if name in values and not equals:
            value = waiting.pop(0)
        given[name] = value
    return given, rest


def directives(script):
    """The options of `#SBATCH` lines before the first command."""
    words = []
    for line in Path(script).read_text().splitlines():
        if line.startswith("#SBATCH"):
            words += line.split()[1:]
        elif line.strip() and not line.startswith("#"):
            break
    return words


def tasks_of(number):
    folder = HOME / str(number)
    return {int(file.name): file.read_text().split("|") for file in folder.iterdir() if file.name.isdigit()}


def put(number, task, state, reason="None", restarts=0):
    file = HOME / str(number) / str(task)
    file.with_suffix(".new").write_text(f"{state}|{reason}|{restarts}")
    file.with_suffix(".new").replace(file)


def jobs():
    return sorted(int(folder.name) for folder in HOME.iterdir() if folder.name.isdigit())


def sbatch(*words):
    given, rest = parsed("sbatch", words, FLAGS, VALUES)
    script = rest[0]
    given = parsed("sbatch", directives(script), FLAGS, VALUES)[0] | given
    refused = "sbatch: error: Batch job submission failed: "
    partition = given.get("partition", "main")
    if partition not in CONFIG["limits"]:
        fail(f"sbatch: error: invalid partition specified: {partition}\n{refused}Invalid partition name specified")
    last = int(given["array"].partition("-")[2]) if "array" in given else 0
    if last >= CONFIG["most_tasks"]:
        fail(refused + "Invalid job array specification")
    memory = given.get("mem", "0M")
    if not memory[:-1].isdigit() or memory[-1] not in "MG":
        fail("sbatch: error: Invalid --mem specification", 255)
    if int(memory[:-1]) * (1000 if memory[-1] == "G" else 1) > (CONFIG["memory"] or 1):
        text = "sbatch: error: Memory specification can not be satisfied\n"
        fail(text + refused + "Requested node configuration is not available")
    queued = sum(state not in ENDED for number in jobs() for state, *_ in tasks_of(number).values())
    if queued + last + 1 > CONFIG["most_queued"]:
        text = "sbatch: error: AssocMaxSubmitJobLimit\n"
        fail(f"{text}{refused}Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)")
    time.sleep(CONFIG["slow"])
    number = max(jobs(), default=0) + 1
    folder = HOME / str(number)
    folder.mkdir()
    text = Path(script).read_text()
    (folder / "script").write_text(text)
    (folder / "job.json").write_text(json.dumps({"options": given, "script": text}))
    for task in range(last + 1):
        put(number, task, "PENDING", "Resources")
    subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, "run", str(number)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(HOME / "errors").open("a"),
        start_new_session=True,
    )
    say(number if "parsable" in given else f"Submitted batch job {number}")


def squeue(*words):
    given, _ = parsed("squeue", words, {"me", "noheader", "array"}, {"name", "format", "jobs"})
    for number in jobs():
        name = json.loads((HOME / str(number) / "job.json").read_text())["options"]["job-name"]
        for task, (state, reason, _) in sorted(tasks_of(number).items()):
            if state not in ENDED and given.get("name", name) == name:
                shown = {"%F": str(number), "%K": str(task), "%T": state, "%r": reason}
                text = given["format"]
                for code, value in shown.items():
                    text = text.replace(code, value)
                say(text)


def scontrol(*words):
    match words:
        case ("show", "config"):
            tracked = "CR_CPU_MEMORY" if CONFIG["memory"] else "CR_CPU"
            say(f"MaxArraySize            = {CONFIG['most_tasks']}\nSelectTypeParameters    = {tracked}")
        case ("--oneliner", "show", "partition"):
            for name, minutes in CONFIG["limits"].items():
                default = "YES" if name == "main" else "NO"
                limit = f"{minutes // 60:02}:{minutes % 60:02}:00"
                say(f"PartitionName={name} AllowGroups=ALL Default={default} MaxTime={limit} State=UP")
        case ("--oneliner", "show", "job", number):
            if not (HOME / number).is_dir():
                fail("slurm_load_jobs error: Invalid job id specified")
            for task, (state, *_) in tasks_of(number).items():
                say(f"JobId={number} ArrayTaskId={task} JobState={state} Reason=None")
        case ("requeue", job):
            number, _, task = job.partition("_")
            (HOME / number / f"{task}.requeue").touch()
        case _:
            fail(f"invalid keyword: {words[0]}")


def sacct(*words):
    options = {"noheader", "allocations", "parsable2"}
    given, _ = parsed("sacct", words, options, {"format", "jobs"})
    if not CONFIG["accounting"]:
        fail("Slurm accounting storage is disabled")
    assert given["format"] == "State"
    if (HOME / given["jobs"]).is_dir():
        say("\n".join(state for state, *_ in tasks_of(given["jobs"]).values()))


def scancel(number):
    (HOME / number / "cancel").touch()


class Task:
    """One task of a job: its process, its time, and what has been sent to it."""

    def __init__(self, number, task, job, restarts=0):
        self.number, self.task, self.job, self.restarts = number, task, job, restarts
        options, folder = job["options"], HOME / str(number)
        identity = f"{number}_{task}"
        log = options["output"].replace("%%", "%")
        log = log.replace("%A", str(number)).replace("%a", str(task)).replace("%j", str(number))
        environment = {**os.environ, "SLURM_JOB_ID": identity, "SLURM_RESTART_COUNT": str(restarts)}
        if "array" in options:
            environment |= {"SLURM_ARRAY_JOB_ID": str(number), "SLURM_ARRAY_TASK_ID": str(task)}
        if "cpus-per-task" in options:
            environment["SLURM_CPUS_PER_TASK"] = options["cpus-per-task"]
        assert options["open-mode"] == "append"
        shell = job["script"].split("\n")[0].removeprefix("#!").split()
        with Path(log).open("a") as stream:
            self.process = subprocess.Popen(
                [*shell, str(folder / "script")], stdout=stream, stderr=stream, env=environment, start_new_session=True
            )
        self.warned = False
        put(number, task, "RUNNING", "None", restarts)

    def look(self):
        """Its final state, `PENDING` when it is queued again, or None while it runs."""
        folder = HOME / str(self.number)
        if (HOME / "signal").exists() and not self.warned:
            self.warned = True
            assert self.job["options"]["signal"].startswith("B:USR1@")
            os.kill(self.process.pid, signal.SIGUSR1)  # the script alone
        if (folder / "cancel").exists():
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
            return "CANCELLED"
        if self.process.poll() is None:
            return None
        again = folder / f"{self.task}.requeue"
        if again.exists():
            again.unlink()
            return "PENDING"
        return "COMPLETED" if self.process.returncode == 0 else "FAILED"


def run(number):
    """What the controller and the machine do for one job."""
    job = json.loads((HOME / number / "job.json").read_text())
    waiting, running = dict.fromkeys(sorted(tasks_of(number)), 0), []
    while waiting or running:
        if (HOME / number / "cancel").exists():
            for task in waiting:
                put(number, task, "CANCELLED")
            waiting.clear()
        while waiting and len(running) < CONFIG["cores"]:
            task = next(iter(waiting))
            restarts = waiting.pop(task)
            if CONFIG["ends"]:
                put(number, task, CONFIG["ends"])
            else:
                running.append(Task(number, task, job, restarts))
        for one in list(running):
            state = one.look()
            if state is None:
                continue
            running.remove(one)
            put(number, one.task, state, "BeginTime" if state == "PENDING" else "None", one.restarts + 1)
            if state == "PENDING":
                (HOME / "signal").unlink(missing_ok=True)
                waiting[one.task] = one.restarts + 1
        time.sleep(TICK_S)


def main():
    program = sys.argv[1]
    if program in CONFIG["down"]:
        what = {"sbatch": "sbatch: error: Batch job submission failed", "squeue": "slurm_load_jobs error"}
        fail(f"{what.get(program, 'slurm_load_ctl_conf error')}: Unable to contact slurm controller (connect failure)")
    {"sbatch": sbatch, "squeue": squeue, "scontrol": scontrol, "sacct": sacct, "scancel": scancel, "run": run}[program](
        *sys.argv[2:]
    )


if __name__ == "__main__":
    main()

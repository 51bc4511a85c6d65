"""Output that goes away: a run goes on to its end, and no command ends as a bug."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from cli_experiments import LONG, SMALL, write

SWEEP = SMALL + "sweep: {axes: {drive: [1.5, 2, 3]}}\n"
GONE = {
    "closed": ">&- 2>&-",
    "all closed": "<&- >&- 2>&-",
    "full": ">/dev/full 2>&1",
    "full error": "2>/dev/full",
    "closed error": "2>&-",
    "broken": "2>&1 | true",
    "one line": "2>&1 | head -1",
}


def shell(words, redirection):
    """Call a command whose output goes somewhere; its own exit code."""
    line = f"{sys.executable} -m snnrun {words} {redirection}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False).returncode


def status(folder):
    return json.loads((folder / "DONE.json").read_text())["status"]


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
@pytest.mark.parametrize(("name", "text"), [("small", SMALL), ("swept", SWEEP)])
def test_a_run_goes_on_to_its_end_and_its_exit_code_is_that_of_the_run(place, name, text, gone):
    write(place / f"{name}.yaml", text.replace("name: small", f"name: {name}"))
    assert shell(f"run {name}.yaml --no-plots --out out", gone) == 0
    assert status(place / "out" / name / "latest") == "complete"


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
def test_a_failure_is_still_one(place, gone):
    write(place / "wrong.yaml", SMALL.replace("tau: 10 ms", "tau: 10 mV"))
    assert shell("run wrong.yaml", gone) == 2


COMMANDS = {
    "validate": "validate small.yaml",
    "show": "show small.yaml",
    "kernel": "show small.yaml --kernel",
    "plot": "plot out/small/latest",
    "list": "list out",
    "best": "best out --by rate",
    "diff": "diff small.yaml out/small/latest",
    "verify": "verify out/small/latest",
    "status": "status out/small/latest",
    "units": "units 2*mV",
    "cache": "cache info",
    "schema": "schema --reference",
    "templates": "new --list x",
    "help": "--help",
    "forecast": "run small.yaml --dry-run",
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_command_ends_as_a_bug(snnrun, place, words):
    write(place / "small.yaml", SMALL)
    assert snnrun("run", "small.yaml", "--out", "out", "--no-plots").code == 0
    assert [shell(words, gone) for gone in (">&-", "| true")] == [0, 0]
    prints_to_error = words.startswith("validate")
    assert shell(words, "2>&1 >/dev/full") == (0 if prints_to_error else 4)


def test_files_are_never_opened_in_place_of_closed_output(place):
    """A file opened under the number of standard error would get what other code says there."""
    code = "import sys, snnrun.cli.output as o; o.secure(); print(open('x', 'w').fileno() > 2, file=sys.stderr)"
    done = subprocess.run(
        ["bash", "-c", f'exec {sys.executable} -c "{code}" <&- >&- 2>err'], check=False, capture_output=True
    )
    assert (done.returncode, (place / "err").read_text()) == (0, "True\n")


def on_a_terminal(words, before=""):
    """Start a command as the leader of a session on a terminal of its own; the process's id and the other end."""
    pid, other_end = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if before else signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "snnrun", *words])
    return pid, other_end


@pytest.mark.parametrize("ignored", [False, True], ids=["stops", "nohup"])
def test_a_closed_terminal_stops_a_run_unless_it_is_told_to_ignore_that(place, ignored):
    duration = "100000 s" if not ignored else "1000 s"
    file = write(
        place / "long.yaml",
        LONG.replace("100000 s", duration).replace("kind: spikes", "kind: spikes, counts_only: true"),
    )
    pid, terminal = on_a_terminal(["run", str(file), "--no-plots"], "nohup" if ignored else "")
    shown = b""
    while b"real time" not in shown and b"digest" not in shown:
        shown += os.read(terminal, 1000)
    os.close(terminal)
    deadline = time.monotonic() + 60
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == (0 if ignored else 128 + signal.SIGHUP)
    assert status(place / "outputs" / "long" / "latest") == ("complete" if ignored else "interrupted")

"""Faults at every file call of a sweep: a full disk, a broken disk, a kill; afterwards the same command mends it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_experiments import write
from test_sweep_command import GRID, SWEPT, check_nothing_lost_or_twice, run_json, whole

# Runs the command with a fault at the n-th call that touches the folder of results.
SABOTAGE = """\
import builtins, errno, io, os, signal, sys

number, fault, place = int(sys.argv[1]), sys.argv[2], os.path.abspath("outputs")
seen = 0
handles = set()


def touch(*arguments):
    global seen
    for a in arguments[:2]:
        known = a in handles if isinstance(a, int) else isinstance(a, (str, os.PathLike)) and (
            os.path.abspath(os.fspath(a)).startswith(place))
        if known:
            break
    else:
        return False
    seen += 1
    if seen == number:
        sys.stderr.write(f"fault {fault}\\n")
        sys.stderr.flush()
        if fault == "kill":
            os.kill(os.getpid(), 9)
        raise OSError(getattr(errno, fault), os.strerror(getattr(errno, fault)))
    return True


def wrap(module, name):
    plain = getattr(module, name)

    def guarded(*arguments, **options):
        ours = touch(*arguments)
        result = plain(*arguments, **options)
        if ours and name == "open" and isinstance(result, int):
            handles.add(result)
        return result

    setattr(module, name, guarded)


for name in ("open", "write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "symlink", "utime"):
    wrap(os, name)
plain_open = io.open


def guarded_open(file, mode="r", *arguments, **options):
    ours = touch(file)
    opened = plain_open(file, mode, *arguments, **options)
    if ours and any(c in mode for c in "wax+") and not isinstance(file, int):
        write = opened.write

        class Guard:
            def __getattr__(self, name): return getattr(opened, name)
            def __enter__(self): opened.__enter__(); return self
            def __exit__(self, *error): return opened.__exit__(*error)
            def __iter__(self): return iter(opened)
            def write(self, data):
                touch(file)
                return write(data)
        return Guard()
    return opened


io.open = builtins.open = guarded_open
sys.argv = ["snnrun", *sys.argv[3:]]
from snnrun.cli.main import main

try:
    main()
finally:
    sys.stderr.write(f"calls {seen}\\n")
"""


def sabotaged(number, fault, *words):
    command = [sys.executable, "-c", SABOTAGE, str(number), fault, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def sweep(snnrun, place):
    """A sweep of four points, what the command is, and its digest when nothing goes wrong."""
    file = write(place / "swept.yaml", SWEPT + GRID % (2, 2))
    words = ("run", file, "--workers", "1", "--json")
    return file, words, whole(snnrun, file)


def check_fault(snnrun, sweep, number, fault):
    """A fault at one call; False when there are not so many calls."""
    file, words, expected = sweep
    said = sabotaged(number, fault, *words)
    struck = f"fault {fault}" in said.stderr
    assert "Traceback" not in said.stderr, (number, said.stderr)
    if not struck:
        assert said.returncode == 0, (number, said.stderr)
    elif fault == "kill":
        assert said.returncode == -signal.SIGKILL
    else:
        # 0 where the call only tidied up; pictures that are missing are an error of their own
        assert said.returncode in (0, 4), (number, said.returncode, said.stderr)
        if said.returncode == 4:
            assert "error[" in said.stderr or "errors" in json.loads(said.stdout)
    folders = [p for p in Path("outputs/swept").glob("*") if p.is_dir() and not p.is_symlink()]
    for folder in folders:
        done = folder / "DONE.json"
        if done.exists() and not struck:
            assert json.loads(done.read_text())["digest"] == expected
    again = run_json(snnrun, file, "--workers", 1)
    assert again["digest"] == expected, number
    assert again["pictures"], number
    folder = Path(again["folder"])
    check_nothing_lost_or_twice(folder, 4)
    files = json.loads((folder / "DONE.json").read_text())["files"]
    for name, facts in files.items():
        assert (folder / name).stat().st_size == facts["bytes"], (number, name)
    left = [p for p in Path("outputs").rglob("*") if p.name.startswith(".")]
    assert left == [], (number, left)
    subprocess.run(["rm", "-r", "outputs"], check=True)
    return struck


@pytest.mark.parametrize(("fault", "numbers"), [("ENOSPC", (4, 21)), ("EIO", (14,)), ("kill", (9, 30))])
def test_a_fault_at_some_file_call_costs_nothing(snnrun, sweep, fault, numbers):
    assert all(check_fault(snnrun, sweep, number, fault) for number in numbers)


def test_a_kill_while_a_picture_is_written_leaves_nothing_in_the_end(snnrun, sweep):
    file, _, expected = sweep
    first = run_json(snnrun, file, "--workers", 1)
    folder = Path(first["folder"])
    assert first["pictures"]
    (folder / "DONE.json").unlink()  # it is written after the pictures
    left = [folder / "plots" / ".rate.4194399-tmp", folder / ".points.csv.4194399-tmp"]
    for path in left:
        path.write_bytes(b"half")
    assert run_json(snnrun, file, "--workers", 1)["digest"] == expected
    assert not any(path.exists() for path in left)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "kill"])
def test_a_fault_at_any_file_call_costs_nothing(snnrun, sweep, fault):
    number = 1
    while check_fault(snnrun, sweep, number, fault):
        number += 1
    assert number > 40  # there are that many calls at least

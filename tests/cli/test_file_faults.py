"""A fault at every call that changes the disk: the documented exit code, no half of a result, nothing left behind."""

import builtins
import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import sys

import pytest
from cli_experiments import write

from snnrun.cli.main import main

FILE = """\
version: 1
name: faulty
groups:
  cells: {size: 3, equations: "dv/dt = (2 - v)/(10*ms) : 1", method: exact, threshold: v > 1, reset: v = 0}
monitors:
  out: {kind: spikes, source: cells}
  v: {kind: state, source: cells, variables: [v]}
run: {duration: 50 ms, dt: 0.1 ms, save_state: true}
metrics: {n: count(out)}
"""
COMMAND = ["run", "faulty.yaml", "--no-plots", "--quiet", "--checkpoint-every", "0 s"]
CALLS = ("mkdir", "rename", "replace", "unlink", "rmdir", "symlink", "fsync", "truncate", "posix_fallocate")


class Faults:
    """Counts the calls that change files below a folder, and lets one of them fail.

    Args:
        patch: What replaces functions for the test.
        place: The folder; only calls about paths in it, and about open files, count.
    """

    def __init__(self, patch, place):
        self.place = str(place)
        self.number = 0
        self.fail_at = None
        self.fail = None
        self.open = io.open
        for name in CALLS:
            patch.setattr(os, name, self.counted(getattr(os, name)))
        patch.setattr(io, "open", self.opened)
        patch.setattr(builtins, "open", self.opened)

    def call(self):
        self.number += 1
        if self.number == self.fail_at:
            self.fail()

    def counted(self, function):
        def wrapped(path, *arguments, **options):
            inside = isinstance(path, int) or str(path).startswith((self.place, "outputs"))
            if inside:
                self.call()
            return function(path, *arguments, **options)

        return wrapped

    def opened(self, path, mode="r", *arguments, **options):
        writes = set(mode) & set("wxa+")
        if not writes or not str(path).startswith((self.place, "outputs")):
            return self.open(path, mode, *arguments, **options)
        self.call()
        return Written(self, self.open(path, mode, *arguments, **options))


class Written:
    """A file whose writes count."""

    def __init__(self, faults, file):
        self.faults = faults
        self.file = file

    def write(self, data):
        self.faults.call()
        return self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["snnrun", *COMMAND])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def whole(folder, digest):
    """Assert that a folder is what `DONE.json` says, if it is there at all."""
    if not folder.exists():
        return False
    done = json.loads((folder / "DONE.json").read_text())
    assert (done["status"], done["digest"]) == ("complete", digest)
    for name, facts in done["files"].items():
        data = (folder / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (facts["bytes"], facts["sha256"])
    return True


@pytest.fixture
def prepared(place, monkeypatch, capsys):
    """A result to compare with, then an empty folder of results; the number of calls of a run."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)  # the order of calls is tried here, not the disk
    write(place / "faulty.yaml", FILE)
    assert run(monkeypatch) == 0
    (final,) = [p for p in (place / "outputs/faulty").iterdir() if p.name != "latest"]
    digest = json.loads((final / "DONE.json").read_text())["digest"]
    shutil.rmtree(place / "outputs")
    with monkeypatch.context() as patch:
        faults = Faults(patch, place)
        assert run(monkeypatch) == 0
        number = faults.number
    assert number > 40
    shutil.rmtree(place / "outputs")
    return place, final, digest, number


def in_child(place, monkeypatch, n, fail):
    """Run in a process of its own, whose n-th call fails; its exit code and what it said."""
    said = place / "said"
    child = os.fork()
    if not child:
        code = 70
        with contextlib.suppress(BaseException), monkeypatch.context() as patch, said.open("w") as err:
            patch.setattr(sys, "stderr", err)
            faults = Faults(patch, place)
            faults.fail_at, faults.fail = n, fail
            code = run(monkeypatch)
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text()


EVERY = pytest.mark.parametrize("every", [41, pytest.param(1, marks=pytest.mark.slow)])


@EVERY
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_any_call_may_fail(prepared, monkeypatch, code, every):
    place, final, digest, number = prepared
    codes = set()

    def fail():
        raise OSError(code, os.strerror(code))

    for n in range(1, number + 1, every):
        got, err = in_child(place, monkeypatch, n, fail)
        assert got in (0, 4), (n, err)
        assert "Traceback" not in err
        assert (got == 4) == err.startswith("error[ST"), (n, err)
        codes.add(got)
        assert whole(final, digest) or got == 4, n
        again(place, final, digest, monkeypatch)
    assert codes == {0, 4}


@EVERY
def test_the_process_may_die_at_any_call(prepared, monkeypatch, every):
    place, final, digest, number = prepared
    for n in range(1, number + 1, every):
        assert in_child(place, monkeypatch, n, lambda: os._exit(9))[0] == 9, n
        whole(final, digest)
        again(place, final, digest, monkeypatch)


def again(place, final, digest, monkeypatch):
    """The next run is whole and leaves nothing but its result."""
    assert run(monkeypatch) == 0
    assert whole(final, digest)
    assert {p.name for p in final.parent.iterdir()} == {final.name, "latest"}
    shutil.rmtree(place / "outputs")

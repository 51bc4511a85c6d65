"""The commands as a user calls them, in this process and in processes of their own."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
from cli_experiments import SMALL, write

from snnrun.cli.main import main
from snnrun.plot.ahead import PlotProcess


@dataclass(frozen=True)
class Said:
    """What a command did.

    Args:
        code: Exit code.
        out: Text on stdout.
        err: Text on stderr.
    """

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """A cache of kernels of these tests' own."""
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def place(tmp_path, monkeypatch, kernels):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(kernels))
    return tmp_path


@pytest.fixture
def snnrun(place, monkeypatch, capsys):
    """Call a command in this process."""

    monkeypatch.setattr(PlotProcess, "start", lambda _painter: None)  # pictures are drawn where tests can reach in

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["snnrun", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return Said(int(end.value.code or 0), said.out, said.err)

    return call


@pytest.fixture
def small(place):
    """A small experiment."""
    return write(place / "small.yaml", SMALL)


@pytest.fixture
def process(place):
    """Call a command in a process of its own."""

    def call(*words, **options):
        command = [sys.executable, "-m", "snnrun", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
        return Said(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def background(place):
    """Start a command and go on."""
    started = []

    def start(*words):
        command = [sys.executable, "-m", "snnrun", *map(str, words)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        one = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            # where tests run in the background, signals are ignored, and what they start would inherit that
            preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGHUP)],  # noqa: PLW1509
        )
        started.append(one)
        return one

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()

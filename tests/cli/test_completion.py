"""What a shell completes, as bash asks for it; and the help of every command."""

import json
import re
import subprocess
import sys

import pytest
import typer
from cli_experiments import TUTORIAL, write

from snnrun.cli.complete import codes
from snnrun.cli.main import app
from snnrun.spec.codes import explanations

NETWORK = """\
version: 1
constants: {tau: 10 ms, tau_slow: 100 ms, weight: 2 mV}
groups: {cells: {size: 4, equations: "dv/dt = -v/tau : volt"}}
plots: [{kind: raster, monitor: out}]
run: {duration: 1 ms}
"""
FILE = TUTORIAL / "06-raster.yaml"


@pytest.fixture
def complete(snnrun, place, monkeypatch):
    """What is offered for the last word of a command."""
    write(place / "net.yaml", NETWORK)

    def offered(*words):
        monkeypatch.setenv("_SNNRUN_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["snnrun", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        said = snnrun()
        assert (said.code, said.err) == (0, "")
        return said.out.split()

    return offered


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["va"], ["validate"]),
        (["cache", ""], ["info", "clear"]),
        (["run", "net.yaml", "--no"], ["--no-plots"]),
        (["run", "net.yaml", "--set", "ta"], ["tau=", "tau_slow="]),
        (["run", "net.yaml", "--seed", "3", "--set", "tau=3ms", "--set", "w"], ["weight="]),
        (["show", "net.yaml", "--set", "groups.cells.s"], ["groups.cells.size="]),
        (["show", "net.yaml", "--set", "plots.0.k"], ["plots.0.kind="]),
        (["validate", "net.yaml", "--set", ""], ["tau=", "tau_slow=", "weight="]),
        (["run", "missing.yaml", "--set", ""], []),
        (["run", "ne"], []),  # the shell completes files itself
        (["new", "mine", "--like", "s"], ["stdp", "sweep"]),
        (["explain", "EQ10"], ["EQ101", "EQ102", "EQ103", "EQ104", "EQ105", "EQ106", "EQ107", "EQ108"]),
        (["library", "stdp"], ["stdp_pair", "stdp_triplet"]),
        (["examples", "papers/wang-2"], ["papers/wang-2002"]),
        (["plot", "outputs", "--format", "p"], ["png", "pdf"]),
    ],
)
def test_a_shell_is_offered(complete, words, wanted):
    assert complete(*words) == wanted


def test_a_file_that_extends_another_has_the_constants_of_both(complete, place):
    write(place / "more.yaml", "extends: net.yaml\nconstants: {gain: 2}\n")
    assert complete("run", "more.yaml", "--set", "") == ["tau=", "tau_slow=", "weight=", "gain="]


def test_every_code_can_be_completed():
    assert codes("") == list(explanations())


def test_completing_a_constant_needs_neither_models_nor_arrays(place):
    run = "from snnrun.cli.entry import main\ntry: main()\n"
    script = f"import sys, json\n{run}finally: print(json.dumps(list(sys.modules)))"
    environment = {"_SNNRUN_COMPLETE": "complete_bash", "COMP_CWORD": "4", "COMP_WORDS": f"snnrun run {FILE} --set t"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    offered, modules = done.stdout.split("\n", 1)
    loaded = {name.partition(".")[0] for name in json.loads(modules)}
    assert offered == "tau="
    assert not loaded & {"numpy", "pydantic", "numba", "h5py", "matplotlib", "rich"}


# help


def commands(group, words=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name)


ALL = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("width", ["60", "120"])
def test_help_lists_commands_with_whole_sentences(snnrun, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    said = snnrun("--help").out
    assert "..." not in said.partition("Commands:")[2]
    assert "exit 1 if they differ, and where they differ first." in " ".join(said.split())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_names_values_in_words(snnrun, words):
    said = snnrun(*words, "--help").out
    assert not re.findall(r"<[\w\[\] ]+>", said)
    assert said.startswith(f"Usage: snnrun {' '.join(words)} [OPTIONS]")


def test_help_shows_which_arguments_are_needed(snnrun):
    assert "snnrun run [OPTIONS] FILE...\n" in snnrun("run", "--help").out
    assert "snnrun list [OPTIONS] [FOLDER]\n" in snnrun("list", "--help").out

"""Every option of `run` acts, or is refused: none is taken and ignored."""

import pytest
import typer
from cli_experiments import SMALL, write

from snnrun.cli.main import app

SWEEP = "sweep: {repeat: 2}\n"
COMMANDS = {command.name: command for command in typer.main.get_group(app).commands.values()}
OPTIONS = {p.opts[0]: p for p in COMMANDS["run"].params if p.param_type_name == "option"}

# What an option is for: `any` run, `single` runs, `sweep`s, a run on a `cluster`; or other options that it needs.
FOR = {
    "--set": "any",
    "--out": "any",
    "--out-folder": "any",
    "--force": "any",
    "--seed": "any",
    "--no-plots": "any",
    "--format": "any",
    "--allow-code": "any",
    "--dry-run": "any",
    "--quiet": "any",
    "--json": "any",
    "--watch": "as long as it is not ended",  # test_watch.py
    "--threads": "single",
    "--checkpoint-every": "single",
    "--profile": "single",
    "--workers": "sweep",
    "--scheduler": "sweep",
    "--slurm": "cluster",
    "--retry-failed": "sweep",
    "--probe": ("--dry-run",),
    "--slurm-option": ("--slurm",),
    "--setup": ("--slurm",),
    "--wait": ("--slurm",),
}
VALUES = {
    "--set": "run.duration=2 ms",
    "--out": "elsewhere",
    "--seed": "3",
    "--format": "svg",
    "--threads": "2",
    "--checkpoint-every": "1 min",
    "--workers": "2",
    "--scheduler": "tcp://127.0.0.1:1",
    "--slurm-option": "--time=1",
    "--setup": "setup.sh",
}


def words(option):
    return (option, VALUES[option]) if option in VALUES else (option,)


@pytest.fixture
def files(place):
    return {"single": write(place / "one.yaml", SMALL), "sweep": write(place / "many.yaml", SMALL + SWEEP)}


def test_this_file_knows_every_option_of_run():
    assert FOR.keys() == OPTIONS.keys()


@pytest.mark.parametrize(
    ("option", "mode"),
    [
        (option, mode)
        for option, use in FOR.items()
        for mode in ((), ("--dry-run",))
        if use in ("single", "sweep") and (option, mode) != ("--profile", ("--dry-run",))  # they contradict each other
    ],
)
def test_an_option_for_another_kind_of_experiment_is_refused(snnrun, files, place, option, mode):
    wrong = "sweep" if FOR[option] == "single" else "single"
    said = snnrun("run", files[wrong], *words(option), *mode)
    assert said.code == 2
    assert f"SWP706]: `{option}` is for" in said.err
    assert f"{files[wrong].name}:" in said.err
    assert not (place / "outputs").exists()


@pytest.mark.parametrize("option", [o for o, use in FOR.items() if isinstance(use, tuple)])
def test_an_option_that_needs_another_is_refused_alone(snnrun, files, place, option):
    said = snnrun("run", files["sweep"], *words(option))
    assert said.code == 2
    assert f"CMD101]: `{option}` is for `{FOR[option][0]}`" in said.err
    assert not (place / "outputs").exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("--slurm", "--scheduler"),
        ("--wait", "--dry-run"),
        ("--workers", "--scheduler"),
        ("--format", "--no-plots"),
        ("--profile", "--dry-run"),
        *(("--watch", other) for other in ("--dry-run", "--slurm", "--json")),
    ],
)
def test_options_that_contradict_each_other_are_refused(snnrun, files, place, first, second):
    said = snnrun("run", files["sweep"], *words(first), *words(second))
    assert said.code == 2
    assert f"CMD101]: `{first}` and `{second}` do not go together" in said.err
    assert not (place / "outputs").exists()


@pytest.mark.parametrize("option", [o for o, use in FOR.items() if use == "any"])
def test_an_option_for_all_is_taken_for_all(snnrun, files, option):
    for kind, file in files.items():
        given = (option, f"elsewhere/{kind}") if option == "--out-folder" else words(option)
        said = snnrun("run", file, *given, *(() if option in ("--dry-run", "--format") else ("--no-plots",)))
        assert said.code == 0, said.err


def test_of_several_files_the_one_that_an_option_is_not_for_is_refused(snnrun, files):
    said = snnrun("run", files["single"], files["sweep"], "--workers", "1", "--no-plots")
    assert said.code == 2
    assert "one.yaml" in said.err
    assert "1 of 2 experiments have errors: nothing was run" in said.err


def test_show_prints_one_thing(snnrun, files):
    said = snnrun("show", files["single"], "--resolved", "--kernel")
    assert (said.code, said.out) == (2, "")


@pytest.mark.parametrize(
    "command",
    [
        ("run", "small.yaml", "--no-plots", "--out"),
        ("plot",),
        ("plot", "small", "--out"),
        ("plot", "small", "--style"),
        ("list",),
        ("verify",),
        ("best", "--by", "rate"),
        ("status",),
        ("show",),
        ("validate",),
        ("run",),
        ("new",),
        ("diff", "small.yaml"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "name", ["x" * 300, "folder/" + "y" * 256, "bad\udcff\udcfename"], ids=["long", "below", "bytes"]
)
def test_names_that_no_file_can_have_are_refused(snnrun, place, command, name):
    write(place / "small.yaml", SMALL)
    said = snnrun(*command, name)
    assert said.code in (2, 4)
    assert "BUG" not in said.err
    assert "`" in said.err


def test_a_seed_is_refused_where_the_sweep_gives_each_point_its_own(snnrun, place):
    file = write(place / "seeds.yaml", SMALL + "sweep: {axes: {seed: [1, 2]}}\n")
    done = snnrun("run", file, "--seed", "3")
    assert done.code == 2
    assert "SWP706" in done.err
    assert "-->" in done.err


def test_threads_of_a_file_are_warned_of_where_they_do_nothing(snnrun, place):
    file = write(place / "threads.yaml", SMALL + SWEEP)
    done = snnrun("validate", file, "--set", "run.threads=2")
    assert done.code == 0
    assert "NET226" in done.err
    assert "NET226" not in snnrun("validate", file, "--set", "run.threads=2", "--set", "sweep=").err

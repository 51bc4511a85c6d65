"""The command line. Talk on stderr, data on stdout; modules are imported by the command that needs them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from snnrun import __version__
from snnrun.cli.output import lost

app = typer.Typer(
    name="snnrun",
    help="Run spiking neural network experiments written as data.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Files = Annotated[list[Path], typer.Argument(help="Experiment files (.yaml, .yml, .toml).", show_default=False)]
File = Annotated[Path, typer.Argument(help="Experiment file (.yaml, .yml, .toml).", show_default=False)]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the file, e.g. tau=5ms, groups.exc.size=400."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Formats = Annotated[list[str] | None, typer.Option("--format", help="Format of pictures: png, svg, pdf (repeatable).")]

Damaged = Annotated[
    bool, typer.Option("--damaged", help="Read results too that are not as they were published: numbers may be wrong.")
]

Where = Annotated[
    str | None, typer.Option(help='Condition on metrics, parameters and constants, such as "rate > 10 Hz and cv < 1".')
]


def formats_of(wanted: list[str] | None) -> list[str]:
    """The formats of pictures; `png` unless others are named.

    Raises:
        ExperimentError: PLT505, for one that does not exist.
    """
    for name in wanted or ():
        if name not in ("png", "svg", "pdf"):
            from snnrun.errors import Diagnostic, ExperimentError

            raise ExperimentError(Diagnostic("PLT505", f"there is no format `{name}`", None, "use png, svg or pdf"))
    return list(dict.fromkeys(wanted or ["png"]))


def _version(value: bool) -> None:
    if value:
        typer.echo(f"snnrun {__version__}")
        raise typer.Exit


@dataclass(slots=True)
class Session:
    """What holds for every command.

    Args:
        debug: Whether errors show their tracebacks.
        publishes: Whether the command is there for files, not for what it prints.
    """

    debug: bool = False
    publishes: bool = False


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Run spiking neural network experiments written as data."""
    context.obj.debug = debug


@app.command()
def run(
    context: typer.Context,
    files: Files,
    set_: Sets = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("outputs"),
    seed: Annotated[int | None, typer.Option(help="Replace the seed of the file.")] = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no pictures.")] = False,
    format: Formats = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of a run, instead of the file's; results do not depend on it.")
    ] = None,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Let the experiment call its Python functions.")
    ] = False,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Store a checkpoint each time so long has passed on the clock on the wall, e.g. 10min: a run that is "
            "killed goes on from the last one when the same command is given again.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what it will cost (points, compiles, memory, disk, time), run nothing."),
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="With --dry-run: measure the time by up to 2 s of the first point.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes that run the points of a sweep (what pays, at most one a core)."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run the points of a sweep on a Dask cluster, e.g. tcp://10.0.0.1:8786."),
    ] = None,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="Submit the points of a sweep as an array job; --workers is its tasks.")
    ] = False,
    slurm_option: Annotated[
        list[str] | None, typer.Option(metavar="OPTION", help='For sbatch, e.g. "--time=2:00:00" (repeatable).')
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run the points of a sweep that failed again.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    json: Json = False,
) -> None:
    """Check, compile and run experiments; write results and pictures."""
    context.obj.publishes = not (dry_run or probe)
    from snnrun.cli.options import refuse_options

    of_sweeps = {
        "--workers": workers is not None,
        "--scheduler": scheduler is not None,
        "--slurm": slurm,
        "--retry-failed": retry_failed,
    }
    of_runs = {"--threads": threads is not None, "--checkpoint-every": checkpoint_every is not None}
    refuse_options(
        (probe and not dry_run, "`--probe` is for `--dry-run`", "add `--dry-run`"),
        (bool(slurm_option) and not slurm, "`--slurm-option` is for `--slurm`", "add `--slurm`"),
        (slurm and scheduler is not None, "`--slurm` and `--scheduler` do not go together", "keep one of them"),
        (
            workers is not None and scheduler is not None,
            "`--workers` and `--scheduler` do not go together",
            "leave out `--workers`: a Dask cluster has workers of its own",
        ),
        (no_plots and bool(format), "`--format` and `--no-plots` do not go together", "keep one of them"),
    )
    given = [[option for option, is_given in options.items() if is_given] for options in (of_sweeps, of_runs)]
    if dry_run:
        from snnrun.cli.foresee import foresee_files

        foresee_files(files, set_ or [], seed, probe=probe, json=json, of_sweeps=given[0], of_runs=given[1])
        return
    if sys.stderr.isatty() and not (quiet or json):
        sys.stderr.write("\r\x1b[Kreading ...")  # a sign of life while modules load
        sys.stderr.flush()
    from snnrun.plot.ahead import Painter

    painter = Painter()
    if not no_plots:
        painter.start()
    try:
        from snnrun.cli.run import RunCommand, run_files, seconds_of
        from snnrun.run.options import RunOptions

        command = RunCommand(
            RunOptions(
                allow_code=allow_code,
                plots=not no_plots,
                formats=tuple(formats_of(format)),
                threads=threads,
                checkpoint_every=None if checkpoint_every is None else seconds_of(checkpoint_every),
                command=("snnrun", *sys.argv[1:]),
            ),
            overrides=set_ or [],
            out=out,
            seed=seed,
            quiet=quiet,
            json=json,
            debug=context.obj.debug,
            workers=workers,
            scheduler=scheduler,
            slurm=slurm,
            slurm_options=slurm_option or (),
            retry_failed=retry_failed,
            of_sweeps=given[0],
            of_runs=given[1],
        )
        run_files(files, command, painter)
    finally:
        painter.close()


@app.command()
def validate(files: Files, set_: Sets = None, json: Json = False) -> None:
    """Check experiments without running them: all errors at once."""
    from snnrun.cli.inspect import validate_files

    validate_files(files, set_ or [], json=json)


@app.command()
def show(
    file: File,
    set_: Sets = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Print the file with everything expanded.")] = False,
    kernel: Annotated[bool, typer.Option("--kernel", help="Print the generated code.")] = False,
) -> None:
    """Show what will run: sizes, methods and why, the order of a step, connections, memory."""
    from snnrun.cli.inspect import show_file
    from snnrun.cli.options import refuse_options

    refuse_options((resolved and kernel, "`--resolved` and `--kernel` do not go together", "keep one of them"))
    show_file(file, set_ or [], resolved=resolved, kernel=kernel)


@app.command()
def plot(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    format: Formats = None,
    out: Annotated[Path | None, typer.Option(help="Where to put the pictures (the folder's plots/ otherwise).")] = None,
    size: Annotated[
        str | None, typer.Option(help="`column` (85 mm wide), `page` (180 mm), or WIDTHxHEIGHT in mm such as 120x80.")
    ] = None,
    style: Annotated[str | None, typer.Option(help="A matplotlib style file.")] = None,
    damaged: Damaged = False,
) -> None:
    """Draw the pictures of a run again, from its results alone."""
    from snnrun.cli.inspect import plot_folder

    plot_folder(folder, formats_of(format), out, size, style, damaged=damaged)


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of results.")] = Path("outputs"),
    where: Where = None,
    sort: Annotated[
        str | None,
        typer.Option(help="`name`, `when`, or a metric or formula, the smallest first (`--sort=-rate`: the largest)."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show this many.")] = None,
    damaged: Damaged = False,
    json: Json = False,
) -> None:
    """List runs and sweeps with their metrics, the newest first."""
    from snnrun.cli.compare import list_results

    list_results(folder, where, sort, limit, damaged=damaged, json=json)


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(help="Experiment file, or folder of results.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Experiment file, or folder of results.", show_default=False)],
    damaged: Damaged = False,
    json: Json = False,
) -> None:
    """Show what differs in meaning between two experiments, and their metrics side by side; exit 1 if anything does."""
    from snnrun.cli.compare import diff

    diff(first, second, damaged=damaged, json=json)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a run or a sweep.", show_default=False)],
    everything: Annotated[bool, typer.Option("--all", help="Run every point of a sweep, not only some.")] = False,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Let the experiment call its Python functions.")
    ] = False,
    damaged: Damaged = False,
    json: Json = False,
) -> None:
    """Run results again and say whether the same bits come out, or where they differ first; exit 1 if they do."""
    from snnrun.cli.compare import verify_folder

    verify_folder(folder, everything=everything, allow_code=allow_code, damaged=damaged, json=json)


@app.command()
def best(
    folder: Annotated[Path, typer.Argument(help="Folder of a sweep, or of many results.", show_default=False)],
    by: Annotated[str, typer.Option(help="Metric, or a formula of metrics such as `rate/cv`.", show_default=False)],
    smallest: Annotated[bool, typer.Option("--min/--max", help="Whether the smallest or the largest is best.")] = False,
    top: Annotated[int, typer.Option(min=1, help="How many to show.")] = 5,
    where: Where = None,
    damaged: Damaged = False,
    json: Json = False,
) -> None:
    """Show the best points of a sweep, or the best runs, by a metric; and what to type to run the best one alone."""
    from snnrun.cli.compare import best

    best(folder, by, where, smallest=smallest, top=top, damaged=damaged, json=json)


@app.command()
def status(
    folder: Annotated[Path, typer.Argument(help="Folder of a sweep, or of a run.", show_default=False)],
    json: Json = False,
) -> None:
    """Show how far a sweep is, from its folder alone: done, running, failed, remaining time."""
    from snnrun.cli.status import show_status

    show_status(folder, json=json)


@app.command(hidden=True)
def sweep_task(
    folder: Annotated[Path, typer.Argument(help="Folder of a sweep.", show_default=False)],
    task: Annotated[int, typer.Argument(help="Number of the task in its array.", show_default=False)],
) -> None:
    """Run the points of one task of an array job (what `run --slurm` submits)."""
    from snnrun.sweep.slurm import run_task

    ran = run_task(folder, task, int(os.environ.get("SLURM_CPUS_PER_TASK") or 1))
    typer.echo(f"{ran} points")


@app.command()
def schema(
    reference: Annotated[bool, typer.Option("--reference", help="Print the format reference (Markdown).")] = False,
) -> None:
    """Print the JSON Schema of experiment files, for editors."""
    from snnrun.equations.functions import functions_reference
    from snnrun.spec.schema import format_reference, schema_text

    typer.echo(f"{format_reference()}\n{functions_reference()}" if reference else schema_text(), nl=False)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the experiment; the file is NAME.yaml.", show_default=False)],
    like: Annotated[str, typer.Option(help="Template to start from.")] = "lif",
    templates: Annotated[bool, typer.Option("--list", help="List the templates.")] = False,
) -> None:
    """Write a commented starting file."""
    from snnrun.cli.start import new_experiment

    new_experiment(name, like, list_only=templates)


@app.command(context_settings={"ignore_unknown_options": True})
def units(
    expression: Annotated[str, typer.Argument(help='For example "120*mA*60*ohm".', show_default=False)],
    to: Annotated[str | None, typer.Option(help="Unit to convert to, for example mV.")] = None,
) -> None:
    """Compute with quantities: 120*mA*60*ohm gives 7.2 V."""
    from snnrun.cli.start import compute_units

    compute_units(expression, to)


cache = typer.Typer(help="Compiled kernels: where they are, and how to remove them.", no_args_is_help=True)
app.add_typer(cache, name="cache")


@cache.command()
def info(json: Json = False) -> None:
    """Show where kernels are kept, how many, how large, for which processors, and what they simulate."""
    from snnrun.cli.kernels import cache_info

    cache_info(json=json)


@cache.command()
def clear(json: Json = False) -> None:
    """Remove all kernels; the next run of each experiment compiles again."""
    from snnrun.cli.kernels import clear_cache

    clear_cache(json=json)


def main() -> None:
    """Entry point: errors become messages and exit codes, tracebacks only with --debug."""
    session = Session()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins takes longer than most commands
    try:
        _refuse_undecodable(sys.argv[1:])
        returned = app(prog_name="snnrun", standalone_mode=False, obj=session)
        # Typer makes an exit code of an exception that ends a command, Ctrl-C among them, and returns it.
        code = returned if isinstance(returned, int) else 0
        if code == 130:
            sys.stderr.write("interrupted\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = 130
    except Exception as error:
        if session.debug:
            raise
        code = _exit_code(error)
    trouble = lost()
    if trouble is not None and code == 0 and not session.publishes:
        code = _exit_code(_not_printed(trouble))
    sys.exit(code)


def _refuse_undecodable(words: Sequence[str]) -> None:
    """Refuse words that are no text: they could be stored neither in the results nor in their description.

    Raises:
        ExperimentError: CMD102.
    """
    for word in words:
        if not word.isascii() and any("\ud800" <= char <= "\udfff" for char in word):
            from snnrun.errors import Diagnostic, ExperimentError

            shown = word.encode(errors="surrogateescape").decode(errors="replace")
            message = f"`{shown}` is not valid UTF-8"
            raise ExperimentError(Diagnostic("CMD102", message, None, "rename it, or name another place"))


def _not_printed(trouble: OSError) -> Exception:
    from snnrun.errors import Diagnostic, StorageError

    return StorageError(Diagnostic("ST112", f"the output could not be written: {trouble.strerror}"))


def _exit_code(error: Exception) -> int:
    """Say what went wrong; the exit code that belongs to it."""
    from snnrun.cli.render import render, say
    from snnrun.errors import Diagnostic, SnnrunError

    if isinstance(error, SnnrunError):
        render(error.diagnostics, sys.stderr)
        return error.exit_code
    if isinstance(error, typer.Exit | typer.Abort):
        return int(getattr(error, "exit_code", 1))
    show_usage = getattr(error, "show", None)  # a wrong use of the command line
    if callable(show_usage):
        shown = io.StringIO()
        show_usage(shown)
        say(shown.getvalue().removesuffix("\n"))
        return 2
    if isinstance(error, OSError) and error.filename is not None:
        message = f"cannot use `{error.filename}`: {error.strerror}"
        render([Diagnostic("ST113", message, None, "check its name and its permissions")], sys.stderr)
        return 4
    advice = "run it again as `snnrun --debug ...` and report what it prints"
    render([Diagnostic("BUG", f"a bug of snnrun: {type(error).__name__}: {error}", None, advice)], sys.stderr)
    return 70

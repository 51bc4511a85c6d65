"""The command line. Messages go to stderr, data to stdout; a command imports the modules that it needs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnrun import __version__
from snnrun.cli import arguments as given
from snnrun.cli.app import App, Commands
from snnrun.cli.output import lost

if TYPE_CHECKING:
    from snnrun.cli.options import RunCommand
    from snnrun.errors import Diagnostic


app = App(
    name="snnrun",
    cls=Commands,
    help="Run spiking neural network experiments written as data.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"snnrun {__version__}")
        raise typer.Exit


@dataclass(slots=True)
class Session:
    """State of one call of the program.

    Args:
        debug: Whether errors show their tracebacks.
        publishes: Whether the command writes files, so that lost output is no error.
        command: Its name, `cache info`.
        answers: Whether it prints a JSON object.
    """

    debug: bool = False
    publishes: bool = False
    command: str = ""
    answers: bool = False


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: given.Debug = False,
) -> None:
    """Run spiking neural network experiments written as data."""
    context.obj.debug = debug


@app.command()
def run(
    context: typer.Context,
    files: given.Files,
    set_: given.Sets = None,
    out: given.Out = Path("outputs"),
    out_folder: given.OutFolder = None,
    seed: given.Seed = None,
    no_plots: given.NoPlots = False,
    format: given.Formats = None,
    threads: given.Threads = None,
    allow_code: given.AllowCode = False,
    checkpoint_every: given.CheckpointEvery = None,
    profile: given.Profile = False,
    watch: given.Watch = False,
    dry_run: given.DryRun = False,
    probe: given.Probe = False,
    workers: given.Workers = None,
    scheduler: given.Scheduler = None,
    slurm: given.Slurm = False,
    slurm_option: given.SlurmOption = None,
    setup: given.Setup = None,
    wait: given.Wait = False,
    retry_failed: given.RetryFailed = False,
    force: given.Force = False,
    quiet: given.Quiet = False,
    json: given.Json = False,
) -> None:
    """Check, compile and run experiments; write results and pictures."""
    from snnrun.cli.options import RunCommand

    context.obj.publishes = not (dry_run or probe)
    command = RunCommand(
        files=files,
        overrides=set_ or (),
        out=out,
        out_folder=out_folder,
        seed=seed,
        no_plots=no_plots,
        formats=format or (),
        threads=threads,
        allow_code=allow_code,
        checkpoint_every=checkpoint_every,
        profile=profile,
        watch=watch,
        dry_run=dry_run,
        probe=probe,
        workers=workers,
        scheduler=scheduler,
        slurm=slurm,
        slurm_options=slurm_option or (),
        setup=setup,
        wait=wait,
        retry_failed=retry_failed,
        force=force,
        quiet=quiet,
        json=json,
        debug=context.obj.debug,
    )
    _run(command)


def _run(command: RunCommand) -> None:
    """Run, or say what it would cost; matplotlib is imported beside by the process that draws."""
    command.refuse_contradictions()
    if command.dry_run:
        from snnrun.cli.estimate import estimate_files

        estimate_files(command)
        return
    if command.watch:
        from snnrun.cli.watch import watch_files

        watch_files(command)
        return
    if sys.stderr.isatty() and not (command.quiet or command.json):
        sys.stderr.write("\r\x1b[Kreading ...")  # shown while modules are imported
        sys.stderr.flush()
    from snnrun.plot.ahead import PlotProcess

    plot_process = PlotProcess()
    if not command.no_plots:
        plot_process.start()
    try:
        from snnrun.cli.run import run_files

        run_files(command, plot_process)
    finally:
        plot_process.close()


@app.command()
def validate(files: given.FilesOrFolders, set_: given.Sets = None, json: given.Json = False) -> None:
    """Check experiments without running them: all errors at once."""
    from snnrun.cli.validate import validate_files

    validate_files(files, set_ or [], json=json)


@app.command()
def show(
    file: given.File, set_: given.Sets = None, resolved: given.Resolved = False, kernel: given.KernelText = False
) -> None:
    """Show what will run: sizes, methods and why, the order of a step, connections, memory."""
    from snnrun.cli.inspect import show_file
    from snnrun.cli.options import refuse_options

    refuse_options((resolved and kernel, "`--resolved` and `--kernel` do not go together", "keep one of them"))
    show_file(file, set_ or [], resolved=resolved, kernel=kernel)


@app.command()
def export(
    file: given.FileOrFolder, to: given.Simulator = "brian2", set_: given.Sets = None, out: given.Script = None
) -> None:
    """Write an experiment as a script of Brian2, or results as csv, neo, NWB or RO-Crate."""
    from snnrun.cli.export import export_file

    export_file(file, to, set_ or [], out)


@app.command()
def plot(
    folders: given.PlotFolders,
    format: given.Formats = None,
    out: given.PlotOut = None,
    size: given.PlotSize = None,
    style: given.Style = None,
    compare: given.Together = False,
    source: given.From = None,
    damaged: given.Damaged = False,
) -> None:
    """Draw the pictures of runs again, from their results alone, or several runs in one picture."""
    from snnrun.cli.options import formats_of, refuse_options

    folders = list({folder.resolve(): folder for folder in reversed(folders)}.values())[::-1]  # latest is one of them
    several, given_from = len(folders) > 1, source is not None
    refuse_options(
        (compare and not several, "`--compare` needs two folders or more", "name another run"),
        (several and out is not None and not compare, "`--out` is for one folder", "or add `--compare`"),
        (damaged and given_from, "`--from` and `--damaged` do not go together", "keep one of them"),
        (compare and given_from, "`--from` and `--compare` do not go together", "keep one of them"),
    )
    formats = formats_of(format)
    if compare:
        from snnrun.cli.compare_pictures import compare_pictures

        compare_pictures(folders, formats, out, size, style, damaged=damaged)
        return
    from snnrun.cli.plot import PlotCommand, plot_folder

    for folder in folders:
        plot_folder(PlotCommand(folder, source, formats, out, size, style, damaged))


@app.command("list")
def list_(
    folder: given.ResultsFolder = Path("outputs"),
    where: given.Where = None,
    sort: given.Sort = None,
    limit: given.Limit = None,
    columns: given.Columns = None,
    wide: given.Wide = False,
    damaged: given.Damaged = False,
    json: given.Json = False,
) -> None:
    """List runs and sweeps with their metrics, the newest first."""
    from snnrun.cli.compare import list_results
    from snnrun.cli.options import refuse_options

    refuse_options((json and (columns is not None or wide), "`--columns` and `--wide` are for tables", "leave one out"))
    list_results(folder, where, sort, limit, columns, wide=wide, damaged=damaged, json=json)


@app.command()
def diff(
    first: given.FileOrFolder,
    second: given.FileOrFolder,
    wide: given.Wide = False,
    damaged: given.Damaged = False,
    json: given.Json = False,
) -> None:
    """Show what differs in meaning between two experiments, and their metrics side by side; exit 1 if anything does."""
    from snnrun.cli.compare import diff

    diff(first, second, wide=wide, damaged=damaged, json=json)


@app.command()
def verify(
    folder: given.RunOrSweepFolder,
    everything: given.Everything = False,
    allow_code: given.AllowCode = False,
    damaged: given.Damaged = False,
    json: given.Json = False,
) -> None:
    """Run results again and compare them bit by bit; exit 1 if they differ, and where they differ first."""
    from snnrun.cli.compare import verify_folder

    verify_folder(folder, everything=everything, allow_code=allow_code, damaged=damaged, json=json)


@app.command()
def best(
    folder: given.SweepOrAnyFolder,
    by: given.By,
    smallest: given.Smallest = False,
    top: given.Top = 5,
    where: given.Where = None,
    wide: given.Wide = False,
    damaged: given.Damaged = False,
    json: given.Json = False,
) -> None:
    """Show the best points of a sweep, or the best runs, by a metric; and the command that runs the best one alone."""
    from snnrun.cli.compare import best

    best(folder, by, where, smallest=smallest, top=top, wide=wide, damaged=damaged, json=json)


@app.command()
def report(
    folders: given.ResultFolders,
    out: given.ReportOut = Path("report.html"),
    damaged: given.Damaged = False,
    json: given.Json = False,
) -> None:
    """Write runs and sweeps as one HTML file: pictures, metrics, points, differences, file, provenance."""
    from snnrun.cli.report import report_folders

    report_folders(folders, out, damaged=damaged, json=json)


@app.command()
def status(folder: given.RunOrSweepFolder, json: given.Json = False) -> None:
    """Show how far a sweep is, from its folder alone: done, running, failed, remaining time."""
    from snnrun.cli.status import show_status

    show_status(folder, json=json)


@app.command(hidden=True)
def sweep_task(folder: given.SweepFolder, task: given.Task) -> None:
    """Run the points of one task of an array job (what `run --slurm` submits)."""
    from snnrun.sweep.batch import run_task

    ran = run_task(folder, task, int(os.environ.get("SLURM_CPUS_PER_TASK") or 1))
    typer.echo(f"{ran} points")


@app.command()
def schema(reference: given.Reference = False, language: given.Language = False) -> None:
    """Print the JSON Schema of experiment files, for editors."""
    if language:
        from snnrun.cli.language import language_page

        typer.echo(language_page(), nl=False)
        return
    from snnrun.equations.functions import functions_reference
    from snnrun.spec.schema import format_reference, schema_text

    typer.echo(f"{format_reference()}\n{functions_reference()}" if reference else schema_text(), nl=False)


@app.command()
def new(
    name: given.NewName = None, like: given.Like = "lif", templates: given.Templates = False, json: given.Json = False
) -> None:
    """Write a commented starting file, and the schema for editors beside it."""
    from snnrun.cli.new import list_templates, new_experiment

    if templates:
        list_templates(json=json)
        return
    new_experiment(name, like, json=json)


@app.command("import")
def import_(
    script: given.ScriptFile,
    out: given.ScriptOut = Path(),
    python: given.Python = None,
    allow_code: given.AllowCode = False,
) -> None:
    """Write a Brian2 script as an experiment (the script is run, without simulating)."""
    from snnrun.cli.imports import import_script

    import_script(script, out, python, allow_code=allow_code)


@app.command()
def library(name: given.ModelName = None, json: given.Json = False) -> None:
    """List the models that `use:` knows, or print one of them."""
    from snnrun.cli.library import show_library

    show_library(name, json=json)


@app.command()
def examples(name: given.ExampleName = None, copy: given.Copy = None, json: given.Json = False) -> None:
    """List the experiments that come with the program, print or copy them."""
    from snnrun.cli.examples import show_examples

    show_examples(name, copy, json=json)


@app.command()
def explain(code: given.Code = None, page: given.Page = False, json: given.Json = False) -> None:
    """Explain the code of an error or a warning, with a wrong and a right example."""
    from snnrun.cli.explain import errors_page, show_code

    if page:
        typer.echo(errors_page(), nl=False)
        return
    show_code(code, json=json)


@app.command(context_settings={"ignore_unknown_options": True})
def units(expression: given.Expression, to: given.Unit = None, json: given.Json = False) -> None:
    """Compute with quantities: 120*mA*60*ohm gives 7.2 V."""
    from snnrun.cli.new import compute_units

    compute_units(expression, to, json=json)


cache = App(cls=Commands, help="Compiled kernels: where they are, and how to remove them.", no_args_is_help=True)
app.add_typer(cache, name="cache")


@cache.command()
def info(json: given.Json = False) -> None:
    """Show where kernels are kept, how many, how large, for which processors, and what they simulate."""
    from snnrun.cli.kernels import cache_info

    cache_info(json=json)


@cache.command()
def clear(json: given.Json = False) -> None:
    """Remove all kernels; the next run of each experiment compiles again."""
    from snnrun.cli.kernels import clear_cache

    clear_cache(json=json)


def main() -> None:
    """Entry point: errors become messages and exit codes, tracebacks only with --debug."""
    session = Session(answers="--json" in sys.argv[1:])
    errors: Sequence[Diagnostic] = ()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins takes longer than most commands
    try:
        _refuse_undecodable(sys.argv[1:])
        returned = app(prog_name="snnrun", standalone_mode=False, obj=session)
        # Typer makes an exit code of an exception that ends a command, Ctrl-C among them, and returns it.
        code = returned if isinstance(returned, int) else 0
        if code == 130:
            sys.stderr.write("interrupted\n")
    except SystemExit as end:
        code = int(end.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = 130
    except Exception as error:
        if session.debug:
            raise
        code, errors = _shown(error)
    if session.answers and (code or session.command):
        from snnrun.cli.render import write_answer

        write_answer(session.command, code, errors)
    trouble = lost()
    if trouble is not None and code == 0 and not session.publishes:
        code, _ = _shown(_not_printed(trouble))
    sys.exit(code)


def _refuse_undecodable(words: Sequence[str]) -> None:
    """Refuse arguments that are not valid text: results could not store them.

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


def _shown(error: Exception) -> tuple[int, Sequence[Diagnostic]]:
    """Print an error: its exit code, and what it consists of."""
    from snnrun.cli.render import render, say
    from snnrun.errors import Diagnostic, SnnrunError

    if isinstance(error, SnnrunError):
        render(error.diagnostics, sys.stderr)
        return error.exit_code, error.diagnostics
    if isinstance(error, typer.Exit | typer.Abort):
        return int(getattr(error, "exit_code", 1)), ()
    show_usage = getattr(error, "show", None)  # of a wrong use of the command line
    if callable(show_usage):
        shown = io.StringIO()
        show_usage(shown)
        say(shown.getvalue().removesuffix("\n"))
        return 2, [Diagnostic("USAGE", getattr(error, "format_message", error.__str__)())]
    if isinstance(error, OSError) and error.filename is not None:
        message = f"cannot use `{error.filename}`: {error.strerror}"
        code, found = 4, Diagnostic("ST113", message, None, "check its name and its permissions")
    else:
        advice = "run it again as `snnrun --debug ...` and report what it prints"
        code, found = 70, Diagnostic("BUG", f"a bug of snnrun: {type(error).__name__}: {error}", None, advice)
    render([found], sys.stderr)
    return code, [found]

"""Arguments and options of the commands, as typer reads them; each stands here once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from snnrun.cli import complete

Files = Annotated[
    list[Path], Argument(metavar="FILE", help="Experiment files (.yaml, .yml, .toml).", show_default=False)
]
FilesOrFolders = Annotated[
    list[Path],
    Argument(metavar="FILE_OR_FOLDER", help="Experiment files, or folders of them.", show_default=False),
]
File = Annotated[Path, Argument(metavar="FILE", help="Experiment file (.yaml, .yml, .toml).", show_default=False)]
FileOrFolder = Annotated[
    Path, Argument(metavar="FILE_OR_FOLDER", help="Experiment file, or folder of results.", show_default=False)
]
RunFolder = Annotated[Path, Argument(metavar="FOLDER", help="Folder of a run.", show_default=False)]
PlotFolders = Annotated[
    list[Path], Argument(metavar="FOLDER", help="Folder of a run or a sweep, or several.", show_default=False)
]
Together = Annotated[
    bool, Option("--compare", help="Draw all folders into each picture of the first one (to comparison/ by default).")
]
RunOrSweepFolder = Annotated[Path, Argument(metavar="FOLDER", help="Folder of a run or a sweep.", show_default=False)]
SweepFolder = Annotated[Path, Argument(metavar="FOLDER", help="Folder of a sweep.", show_default=False)]
SweepOrAnyFolder = Annotated[
    Path, Argument(metavar="FOLDER", help="Folder of a sweep, or of many results.", show_default=False)
]
ResultFolders = Annotated[
    list[Path],
    Argument(metavar="FOLDER", help="Folders of runs and sweeps, or folders that hold some.", show_default=False),
]
ResultsFolder = Annotated[Path, Argument(metavar="FOLDER", help="Folder of results.")]
Task = Annotated[int, Argument(metavar="TASK", help="Number of the task in its array.", show_default=False)]
NewName = Annotated[
    str | None, Argument(metavar="NAME", help="Name of the experiment; the file is NAME.yaml.", show_default=False)
]
ModelName = Annotated[
    str | None,
    Argument(
        metavar="MODEL",
        autocompletion=complete.models,
        help="Model to print; all models unless given.",
        show_default=False,
    ),
]
ExampleName = Annotated[
    str | None,
    Argument(
        metavar="EXAMPLE",
        autocompletion=complete.examples,
        help="Experiment to print; all unless given.",
        show_default=False,
    ),
]
Code = Annotated[
    str | None,
    Argument(
        metavar="CODE",
        autocompletion=complete.codes,
        help="Code of a message, such as EQ203; all codes unless given.",
        show_default=False,
    ),
]
Page = Annotated[bool, Option("--page", hidden=True, help="Print docs/errors.md.")]
Expression = Annotated[str, Argument(metavar="EXPRESSION", help='For example "120*mA*60*ohm".', show_default=False)]

# what changes an experiment
Sets = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the file, e.g. tau=5ms, groups.exc.size=400.",
        autocompletion=complete.settings,
    ),
]
Seed = Annotated[int | None, Option(metavar="SEED", help="Replace the seed of the file.")]

# scripts of other simulators
Simulator = Annotated[
    str, Option("--to", metavar="FORM", help="A script: `brian2`. Results: `csv`, `neo`, `nwb`, `ro-crate`.")
]
Script = Annotated[
    Path | None,
    Option(
        "--out",
        metavar="PATH",
        help="What is written. Without it a script is printed, and results go to NAME.nwb and the like.",
        show_default=False,
    ),
]

# how it runs
Out = Annotated[Path, Option(metavar="FOLDER", help="Folder for results.")]
OutFolder = Annotated[
    Path | None,
    Option(
        "--out-folder",
        metavar="DIR",
        help="Exact folder of the results, instead of NAME/HASH in that of `--out`; for Snakemake and the like.",
    ),
]
Threads = Annotated[
    int | None, Option(min=1, metavar="N", help="Threads, instead of the file's; results do not depend on it.")
]
AllowCode = Annotated[bool, Option("--allow-code", help="Let the experiment call its Python functions.")]
CheckpointEvery = Annotated[
    str | None,
    Option(
        metavar="TIME",
        help="Store a checkpoint every TIME of wall-clock time, e.g. 10min. The same command continues a run that was "
        "killed from its last checkpoint.",
    ),
]
Profile = Annotated[
    bool,
    Option(
        "--profile",
        help="Show where time and memory of a run go, by object and stage, and what to change; results stay the same.",
    ),
]
Watch = Annotated[
    bool, Option("--watch", help="Run again whenever the file, or a file that it names, is saved; Ctrl-C ends it.")
]
DryRun = Annotated[
    bool, Option("--dry-run", help="Print the cost (points, kernels, memory, disk, time) and run nothing.")
]
Probe = Annotated[
    bool, Option("--probe", help="With --dry-run: run the first point for up to 2 s to measure the time.")
]

# who runs the points of a sweep
Workers = Annotated[
    int | None,
    Option(min=1, metavar="N", help="Processes that run the points of a sweep (by default as many as pay off)."),
]
Scheduler = Annotated[
    str | None,
    Option(
        metavar="ADDRESS",
        help="Run the points of a sweep on a Dask cluster: tcp://10.0.0.1:8786, or the FILE.json of its scheduler.",
    ),
]
Slurm = Annotated[
    bool,
    Option("--slurm", help="Submit it to SLURM: a run, or a sweep as an array job (--workers is the number of tasks)."),
]
SlurmOption = Annotated[
    list[str] | None, Option(metavar="OPTION", help='For sbatch, e.g. "--time=2:00:00" (repeatable).')
]
Setup = Annotated[
    Path | None,
    Option(metavar="FILE", help="Commands of the shell that a job of SLURM runs first: modules, conda, a container."),
]
Wait = Annotated[bool, Option("--wait", help="Wait until the job of SLURM has ended.")]
RetryFailed = Annotated[bool, Option("--retry-failed", help="Run the failed points of a sweep again.")]
Force = Annotated[bool, Option("--force", help="Run it again even if its results are there.")]

# pictures
NoPlots = Annotated[bool, Option("--no-plots", help="Draw no pictures.")]
Formats = Annotated[
    list[str] | None,
    Option(
        "--format",
        metavar="FORMAT",
        autocompletion=complete.formats,
        help="Format of pictures: png, svg, pdf (repeatable).",
    ),
]
PlotOut = Annotated[
    Path | None, Option(metavar="FOLDER", help="Folder for the pictures (plots/ in the folder by default).")
]
PlotSize = Annotated[
    str | None,
    Option(metavar="SIZE", help="`column` (85 mm wide), `page` (180 mm), or WIDTHxHEIGHT in mm such as 120x80."),
]
From = Annotated[
    Path | None,
    Option(
        "--from",
        metavar="FILE",
        help="Experiment file of the same simulation: its plots, metrics and description take the place of those of "
        "the results.",
    ),
]
Style = Annotated[str | None, Option(metavar="STYLE", help="A style of matplotlib, or a style file (`.mplstyle`).")]

# results
Damaged = Annotated[bool, Option("--damaged", help="Read damaged results too: numbers may be wrong.")]
Where = Annotated[
    str | None,
    Option(
        metavar="CONDITION", help='Condition on metrics, parameters and constants, such as "rate > 10 Hz and cv < 1".'
    ),
]
Sort = Annotated[
    str | None,
    Option(metavar="KEY", help="`name`, `when`, or a metric or formula, ascending (`--sort=-rate`: descending)."),
]
Columns = Annotated[
    str | None,
    Option(
        metavar="NAMES",
        help="Columns to show, with commas between them: `name`, `hash`, `points`, `status`, `when`, a metric, a "
        "parameter, a constant or a formula.",
    ),
]
Wide = Annotated[bool, Option("--wide", help="Show all columns and whole texts, however wide the terminal is.")]
Limit = Annotated[int | None, Option(min=1, metavar="N", help="Show this many.")]
ReportOut = Annotated[Path, Option("--out", metavar="FILE.html", help="The file to write.")]
Everything = Annotated[bool, Option("--all", help="Run every point of a sweep, not only some.")]
By = Annotated[
    str, Option(metavar="FORMULA", help="Metric, or a formula of metrics such as `rate/cv`.", show_default=False)
]
Smallest = Annotated[bool, Option("--min/--max", help="Whether the smallest or the largest value is best.")]
Top = Annotated[int, Option(min=1, metavar="N", help="How many to show.")]

# what is printed
Json = Annotated[bool, Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Print errors only.")]
Debug = Annotated[bool, Option("--debug", help="Show tracebacks of errors.")]
Resolved = Annotated[bool, Option("--resolved", help="Print the file with everything expanded.")]
KernelText = Annotated[bool, Option("--kernel", help="Print the generated code.")]
Reference = Annotated[bool, Option("--reference", help="Print the format reference (Markdown).")]
Language = Annotated[bool, Option("--language", help="Print the page about expressions (Markdown).")]
Like = Annotated[str, Option(metavar="TEMPLATE", autocompletion=complete.templates, help="Template to start from.")]
Templates = Annotated[bool, Option("--list", help="List the templates.")]
Unit = Annotated[str | None, Option(metavar="UNIT", help="Unit to convert to, for example mV.")]
Copy = Annotated[Path | None, Option("--copy", metavar="DIR", help="Copy to this folder, with the files it reads.")]
ScriptFile = Annotated[Path, Argument(metavar="SCRIPT", help="Script that uses Brian2.", show_default=False)]
ScriptOut = Annotated[
    Path, Option("--out", metavar="DIR", help="Folder for the experiment and its arrays.", show_default="here")
]
Python = Annotated[Path | None, Option(metavar="PATH", help="Python that has Brian2; this one unless given.")]

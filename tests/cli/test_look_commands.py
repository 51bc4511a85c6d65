"""`snnrun validate`, `show`, `plot`, `schema`, `new` and `units`."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_experiments import SMALL, TUTORIAL, place_in, write

from snnrun.cli.new import template_names

COMMITTED = Path(__file__).parents[2] / "schemas" / "experiment.schema.json"


# validate


def test_validate_says_what_a_valid_file_holds(snnrun, small):
    said = snnrun("validate", small)
    assert (said.code, said.out) == (0, "")
    assert said.err == f"{small}: valid · 1 group, 3 neurons, 50 ms\n"


def test_validate_shows_all_errors_of_all_files_at_once(snnrun, small, place):
    text = SMALL.replace("v > 1", "w > 1").replace("tau: 10 ms", "tau: 10 mS").replace("source: cells", "source: cell")
    wrong = write(place / "wrong.yaml", text)
    said = snnrun("validate", small, wrong)
    assert said.code == 2
    assert place_in(wrong, "w > 1") in said.err
    assert place_in(wrong, "cell}") in said.err
    assert said.err.count("error[") >= 3
    assert said.err.endswith("errors\n")
    assert not Path("outputs").exists()


def test_validate_of_a_folder_checks_every_experiment_below_it_and_no_parts(snnrun, small, place):
    write(place / "all" / "a.yaml", "extends: parts/base.yaml\nrun: {duration: 1 ms, dt: 0.1 ms}\n")
    write(place / "all" / "parts" / "base.yaml", SMALL.partition("run:")[0])
    write(place / "all" / "parts" / "cell.yaml", "kind: neurons\nequations: 'v : 1'\n")
    write(place / "all" / "settings.toml", "[tool]\nlines = 120\n")
    write(place / "all" / ".hidden" / "bad.yaml", "version: 1\nrun: 3\n")
    assert snnrun("run", small, "--no-plots", "--out", "all/outputs").code == 0
    said = snnrun("validate", "all")
    assert (said.code, said.err.splitlines()[-1]) == (0, "1 experiment: all valid")
    assert "parts/base.yaml: no experiment by itself" in said.err
    found = json.loads(snnrun("validate", "all", "--json").out)
    assert [one["file"] for one in found["files"]] == ["all/a.yaml"]
    assert found["parts"] == ["all/settings.toml", "all/parts/base.yaml", "all/parts/cell.yaml"]
    write(place / "all" / "b.toml", "version = 1\n")
    said = snnrun("validate", "all")
    assert (said.code, said.err.splitlines()[-1]) == (2, "2 experiments: 1 with errors")
    assert "all/b.toml:1:1" in said.err
    (place / "empty").mkdir()
    assert "error[FIL102]" in snnrun("validate", "empty").err


def test_validate_as_json_is_one_object(snnrun, small, place):
    wrong = write(place / "wrong.yaml", SMALL.replace("v > 1", "w > 1"))
    said = snnrun("validate", small, wrong, "--json")
    assert said.code == 2
    assert said.err == ""
    found = json.loads(said.out)
    assert found["valid"] is False
    assert [f["valid"] for f in found["files"]] == [True, False]
    (problem,) = found["files"][1]["diagnostics"]
    assert (problem["code"], problem["line"], problem["column"]) == ("EQ201", 11, 16)


@pytest.mark.parametrize("words", [["validate"], ["validate", "--json"], ["show", "--resolved"]])
def test_looking_imports_nothing_heavy(place, words):
    script = (
        "import sys; from snnrun.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    file = str(TUTORIAL / "15-time-constant-sweep.yaml")
    done = subprocess.run(
        [sys.executable, "-c", script, *words, file], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = ast.literal_eval(done.stderr.strip().splitlines()[-1])
    assert "snnrun" in loaded
    assert not {"llvmlite", "matplotlib", "h5py", "scipy", "sympy", "rich"} & set(loaded)


def test_help_loads_neither_numpy_nor_pydantic(place):
    script = (
        "import sys; from snnrun.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True)
    assert "Usage: snnrun" in done.stdout
    assert not {"numpy", "pydantic", "yaml", "rich"} & set(ast.literal_eval(done.stderr.strip().splitlines()[-1]))


# show


def test_show_names_groups_methods_order_and_memory(snnrun):
    said = snnrun("show", TUTORIAL / "14-stdp.yaml")
    assert said.code == 0
    assert "groups\n" in said.out
    assert "synapses\n" in said.out
    assert "one step\n" in said.out
    order = [line.split()[0] for line in said.out.partition("one step\n")[2].splitlines() if line.startswith("  ")]
    assert order == ["start", "groups", "thresholds", "synapses", "resets", "end"]
    assert re.search(r"memory about \d+ MB, beside", said.out)


def test_show_names_the_monitors_where_they_record(snnrun):
    step = snnrun("show", TUTORIAL / "16-hodgkin-huxley.yaml").out.partition("one step\n")[2]
    assert "  start      operation new_current, monitor voltage\n" in step
    assert "  thresholds hh, monitor spikes\n" in step


def test_show_says_which_method_and_why(snnrun):
    said = snnrun("show", TUTORIAL / "16-hodgkin-huxley.yaml")
    assert "exponential_euler" in said.out


def test_show_tells_the_points_of_a_sweep(snnrun):
    assert "sweep: 30 points (tau 30)" in snnrun("show", TUTORIAL / "15-time-constant-sweep.yaml").out


def test_show_tells_stimuli_and_in_which_phases_inputs_act(snnrun):
    features = TUTORIAL.parent / "features"
    said = snnrun("show", features / "digits.yaml").out
    assert "  stimulus digits: 30 frames of 64 values, 350 ms each, 150 ms between them, 10 labels\n" in said
    said = snnrun("show", features / "poisson-inputs.yaml").out
    assert "  input signal: 1,000 Poisson trains into cells.v, in stimulated\n" in said
    assert "  input background: 1,000 Poisson trains into cells.v\n" in said


def test_the_resolved_file_is_the_same_experiment(snnrun, place):
    base = write(place / "base.yaml", SMALL)
    top = write(place / "top.yaml", f"extends: {base.name}\nname: top\nconstants: {{tau: 5 ms}}\n")
    text = snnrun("show", top, "--resolved", "--set", "groups.cells.size=4").out
    assert "extends" not in text
    again = write(place / "again.yaml", text)
    assert snnrun("show", again, "--resolved").out == text
    assert "size: 4" in text
    assert "tau: 5 ms" in text


def test_the_kernel_is_python_without_values(snnrun, small):
    text = snnrun("show", small, "--kernel").out
    ast.parse(text)
    changed = snnrun(
        "show", small, "--kernel", "--set", "tau=3.25 ms", "--set", "groups.cells.size=77", "--seed", 12345
    )
    assert changed.code == 2  # `show` has no seed
    changed = snnrun(
        "show", small, "--kernel", "--set", "tau=3.25 ms", "--set", "groups.cells.size=77", "--set", "seed=4"
    )
    assert changed.out == text


# plot


def test_plot_draws_from_results_alone(snnrun, small, place):
    assert snnrun("run", small, "--no-plots").code == 0
    small.unlink()
    said = snnrun("plot", "outputs/small/latest", "--format", "svg", "--format", "png")
    assert said.code == 0
    drawn = [Path(line) for line in said.out.splitlines()]
    assert {p.name for p in drawn} == {"raster.svg", "raster.png"}
    assert all(p.is_file() for p in drawn)
    facts = json.loads(Path("outputs/small/latest/DONE.json").read_text())["files"]
    assert facts["plots/raster.png"]["bytes"] == Path("outputs/small/latest/plots/raster.png").stat().st_size
    assert "DONE.json" not in facts


PLOTS = "plots:\n  - {kind: raster, monitor: out, size: page}\n"


@pytest.mark.parametrize("plots", ["", PLOTS])
@pytest.mark.parametrize(("size", "width"), [("column", 85), ("page", 180), ("120x80", 120)])
def test_plot_takes_another_size(snnrun, place, plots, size, width):
    from PIL import Image

    assert snnrun("run", write(place / "s.yaml", SMALL + plots), "--no-plots").code == 0
    said = snnrun("plot", "outputs/small/latest", "--size", size, "--out", "here")
    assert said.code == 0, said.err
    with Image.open(said.out.strip()) as picture:
        dots = picture.info["dpi"][0]
        assert picture.width / dots * 25.4 == pytest.approx(width, abs=0.5)
    assert Path(said.out.strip()).parent == Path("here")


def test_plot_draws_several_runs_in_one_picture(snnrun, small, place):
    assert snnrun("run", small, "--no-plots").code == 0
    assert snnrun("run", small, "--no-plots", "--seed", "7", "--out", "other").code == 0
    both = ["outputs/small/latest", "other/small/latest"]
    said = snnrun("plot", *both, "--compare")
    assert (said.code, said.out) == (0, "comparison/raster.png\n"), said.err
    assert Path("comparison/raster.png").is_file()
    same = [*both[:1], str(Path(both[0]).resolve()), "--compare"]
    for words, message in ((same, "two folders"), ([*both, "--out", "here"], "one folder")):
        said = snnrun("plot", *words)
        assert said.code == 2
        assert message in said.err


def test_plot_of_a_sweep_and_of_its_points(snnrun, place):
    file = write(place / "s.yaml", SMALL + "sweep: {axes: {tau: [5 ms, 10 ms]}, keep: results}\n")
    assert snnrun("run", file).code == 0
    folder = Path("outputs/small/latest")
    assert {p.name for p in (folder / "points").iterdir()} == {"00000", "00001"}
    said = snnrun("plot", folder, "--size", "column", "--out", "a")
    assert (said.code, said.out) == (0, "a/rate.png\na/rasters.png\n")
    said = snnrun("plot", folder / "points" / "00001", "--size", "column", "--out", "b")
    assert (said.code, said.out) == (0, "b/raster.png\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere"], 4, "is not a folder of results"),
        (["outputs/small/latest", "--format", "bmp"], 2, "use png, svg or pdf"),
        (["outputs/small/latest", "--size", "huge"], 2, "such as `120x80`"),
        (["outputs/small/latest", "--size", "1x1"], 2, "between 2 cm and 1 m"),
        (["outputs/small/latest", "--style", "none.mplstyle"], 2, "cannot read the style"),
        (["outputs/small/latest", "--out", "small.yaml"], 4, "cannot write"),
    ],
)
def test_plot_says_what_is_wrong(snnrun, small, words, code, message):
    assert snnrun("run", small, "--no-plots").code == 0
    said = snnrun("plot", *words)
    assert said.code == code
    assert message in said.err


# schema, new, units


def test_the_committed_schema_is_fresh(snnrun):
    assert snnrun("schema").out == COMMITTED.read_text(encoding="utf-8")


@pytest.mark.parametrize("template", template_names())
def test_every_template_is_a_valid_start(snnrun, place, template):
    said = snnrun("new", "mine", "--like", template)
    assert said.code == 0
    assert "snnrun run mine.yaml" in said.err
    text = Path("mine.yaml").read_text()
    assert "\nname: mine\n" in text
    assert text.startswith("#")
    said = snnrun("validate", "mine.yaml")
    assert said.code == 0
    assert "warning" not in said.err


@pytest.mark.parametrize("template", template_names())
def test_every_template_runs(snnrun, place, template):
    snnrun("new", "mine", "--like", template)
    said = snnrun("run", "mine.yaml", "--json", "--no-plots")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["metrics"] or sum(found["counts"].values()) > 0


def test_new_lists_its_templates_and_asks_for_a_name(snnrun):
    said = snnrun("new", "--list")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == template_names()
    assert "Leaky integrate-and-fire neurons" in said.out
    said = snnrun("new")
    assert said.code == 2
    assert "snnrun new --list" in said.err


def test_new_writes_the_schema_beside_the_file(snnrun, place):
    snnrun("new", "mine")
    head, name = Path("mine.yaml").read_text().splitlines()[0].split("=")
    assert head == "# yaml-language-server: $schema"
    assert Path(name).read_text(encoding="utf-8") == COMMITTED.read_text(encoding="utf-8")
    Path(name).write_text("of an older version")
    assert snnrun("new", "other").code == 0
    assert json.loads(Path(name).read_text())["$id"] == "urn:snnrun:experiment:1"


def test_new_writes_over_nothing(snnrun, place):
    write(place / "mine.yaml", "precious")
    said = snnrun("new", "mine")
    assert said.code == 4
    assert "exists already" in said.err
    assert Path("mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a b"], "cannot be the name"),
        (["mine", "--like", "lff"], "did you mean `lif`?"),
        (["../" + "x" * 80], "cannot be"),
    ],
)
def test_new_says_what_is_wrong(snnrun, place, words, message):
    said = snnrun("new", *words)
    assert said.code == 2
    assert message in said.err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["120*mA*60*ohm"], "7.2 V"),
        (["-60e-3*volt"], "-60 mV"),
        (["-70*mV"], "-70 mV"),
        (["10 mV", "--to", "uV"], "10000 uV"),
        (["5 kHz", "--to", "ms**-1"], "5 ms**-1"),
        (["3*5"], "15"),
        (["0.1*mV", "--to", "V"], "0.0001 V"),
    ],
)
def test_units_computes(snnrun, place, words, answer):
    said = snnrun("units", *words)
    assert (said.code, said.out, said.err) == (0, answer + "\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["5*mV + 3*mA"], "cannot add"),
        (["5*mV", "--to", "mA"], "is a voltage [V], `mA` is a current [A]"),
        (["1", "--to", "0"], "is zero"),
        (["5 mvolts"], "there is no unit"),
        (["__import__('os').system('ls')"], "no meaning"),
        (["9**9**9"], "too large"),
        (["1e308*1e308"], "too large"),
        (["(" * 5000], ""),
        (["2*V < 3*V"], "a condition"),
        (["rand()"], "is not allowed"),
        ([""], "missing"),
    ],
)
def test_units_refuses(snnrun, place, words, message):
    said = snnrun("units", *words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("error[")
    assert message in said.err


# the terminal


def test_a_reader_that_stops_early_is_no_error(place):
    command = f"{sys.executable} -m snnrun show --kernel '{TUTORIAL / '16-hodgkin-huxley.yaml'}' | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert done.returncode == 0


def on_terminal(words, **environment):
    """What a command writes to a terminal."""
    import pty

    reader, writer = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **environment}
    env = {k: v for k, v in env.items() if v is not None}
    done = subprocess.Popen([sys.executable, "-m", "snnrun", *words], stderr=writer, stdout=subprocess.PIPE, env=env)
    os.close(writer)
    seen = b""
    try:
        while part := os.read(reader, 65536):
            seen += part
    except OSError:  # the end of a terminal
        pass
    done.communicate(timeout=60)
    os.close(reader)
    return seen.decode()


def test_colour_only_where_it_is_welcome(place, snnrun):
    wrong = write(place / "wrong.yaml", SMALL.replace("v > 1", "w > 1"))
    assert "\x1b[1;31m" in on_terminal(["validate", str(wrong)], NO_COLOR=None)
    assert "\x1b[" not in on_terminal(["validate", str(wrong)], NO_COLOR="1")
    assert "\x1b[" not in snnrun("validate", wrong).err


def test_the_first_sign_of_life_is_drawn_over(small):
    seen = on_terminal(["run", str(small), "--no-plots"])
    assert seen.startswith("\r\x1b[Kreading ...\r\x1b[Ksmall · 3 neurons")
    assert "reading" not in on_terminal(["run", str(small), "--no-plots", "--quiet"])


# files that cannot be experiments

MANY = "[" * 100_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{','.join(['*' + chr(97 + k)] * 9)}]\n" for k in range(9)
)
WRONG_FILES = {
    "tab.yaml": SMALL.replace("  tau: 10 ms", "\ttau: 10 ms"),
    "twice.yaml": SMALL.replace("  drive: 2", "  drive: 2\n  drive: 3"),
    "broken.yaml": "version: 1\ngroups: {a: [1, 2\n",
    "broken.toml": "version = 1\n[groups\n",
    "twice.toml": "version = 1\nversion = 1\n",
    "brackets.yaml": MANY,
    "brackets.toml": f"a = {MANY}",
    "bomb.yaml": BOMB,
    "large.yaml": SMALL + "# " + "x" * 10_500_000,
    "large.toml": "version = 1\n# " + "x" * 10_500_000,
    "empty.yaml": "",
    "words.txt": "hello",
    "code.yaml": SMALL.replace("drive: 2", "drive: __import__('os').system('touch touched')"),
    "tower.yaml": SMALL.replace("drive: 2", "drive: 9**9**9"),
    "tag.yaml": "!!python/object/apply:os.system ['touch touched']\n",
}


@pytest.mark.parametrize("name", WRONG_FILES)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_files_that_are_no_experiments_end_with_2_and_nothing_is_written(snnrun, place, name, command):
    write(place / name, WRONG_FILES[name])
    said = snnrun(command, name)
    assert said.code == 2
    assert "error[" in said.err
    assert "Traceback" not in said.err
    assert len(said.err) < 4_000
    assert [p.name for p in place.iterdir()] == [name]


@pytest.mark.parametrize("name", ["nope.yaml", ".", "x\0y.yaml", "n" * 5000 + ".yaml"])
def test_a_missing_file_ends_with_2(snnrun, place, name):
    said = snnrun("run", name)
    assert said.code == 2
    assert "rror" in said.err


@pytest.mark.parametrize(
    "option",
    [
        "tau",
        "=5",
        "tau=",
        "nobody=3",
        "groups.cells.sizes=3",
        "tau=5 mV",
        "groups.cells.size=0",
        "groups.cells=3",
        "..=1",
    ],
)
def test_wrong_overrides_end_with_2_and_show_the_option(snnrun, small, option):
    said = snnrun("run", small, "--set", option)
    assert said.code == 2
    assert "error[" in said.err
    assert not Path("outputs").exists()


def test_wrong_use_of_the_command_line_ends_with_2(snnrun, small):
    for words in (["run"], ["run", small, "--bogus"], ["dance"], ["run", small, "--seed", "x"], ["plot"]):
        said = snnrun(*words)
        assert said.code == 2
        assert said.err


def test_one_estimate_of_memory_is_shown_everywhere(snnrun, small):
    said = [
        snnrun("show", small).out,
        snnrun("run", small, "--dry-run").out,
        snnrun("run", small, "--no-plots").err,
        snnrun("run", small, "--no-plots", "--profile").err,
    ]
    found = [re.findall(r"memory +about ([\d.]+ MB)", text) for text in said]
    assert len({number for numbers in found for number in numbers}) == 1
    assert [len(numbers) for numbers in found] == [1, 1, 1, 2]

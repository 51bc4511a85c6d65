"""The vocabulary of the format: what it accepts, and what it says about the rest."""

import subprocess
import sys
import time

import pytest

from snnrun.errors import ExperimentError
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load
from snnrun.spec.models import (
    FileConnect,
    IndegreeConnect,
    IndexConnect,
    Linspace,
    Method,
    NamedConnect,
    NamedRule,
    NeuronGroup,
    Panels,
    Pathway,
    Plot,
    PoissonGroup,
    TargetsConnect,
    ValueFile,
    ValueRule,
    WhereConnect,
)

from .everything import EVERYTHING


def experiment_of(tmp_path, text, name="x.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return parse_experiment(load(path))


def errors_of(tmp_path, text):
    with pytest.raises(ExperimentError) as caught:
        experiment_of(tmp_path, text)
    return caught.value.diagnostics


def minimal(**sections):
    base = {"groups": '{a: {size: 1, equations: "v : 1"}}', "run": "{duration: 1 s, dt: 0.1 ms}"} | sections
    return "version: 1\n" + "".join(f"{key}: {value}\n" for key, value in base.items() if value)


def test_the_whole_vocabulary_is_accepted(tmp_path):
    experiment = experiment_of(tmp_path, EVERYTHING)
    exc = experiment.groups["exc"]
    assert isinstance(exc, NeuronGroup)
    assert exc.method is Method.EXACT
    assert exc.initial["v"] == "rand()"
    assert exc.initial["w"] == [1, 2, 3]
    assert exc.initial["x"] == [ValueRule(where="i < 2", value=3), ValueRule(value="4 mV")]
    assert exc.initial["y"] == ValueFile(file="states.h5", dataset="y", unit="mV")
    assert exc.linked["J"].source == "drive.y"
    assert isinstance(experiment.groups["drive"], PoissonGroup)
    assert [type(rule) for rule in experiment.synapses["s3"].connect[:4]] == [
        NamedRule,
        NamedConnect,
        WhereConnect,
        WhereConnect,
    ]
    assert isinstance(experiment.synapses["s3"].connect[4], IndexConnect)
    assert isinstance(experiment.synapses["s3"].connect[6], TargetsConnect)
    assert experiment.synapses["s3"].connect[8] == IndegreeConnect(fixed_indegree=10, multapses=True, autapses=False)
    assert experiment.synapses["s3"].connect[12] == FileConnect(file="edges.csv")
    assert experiment.synapses["s1"].connect is NamedRule.ALL
    assert experiment.synapses["s2"].on_pre == Pathway(do="v_post += w", order=-2)
    assert experiment.synapses["s3"].on_pre["fast"] == "v_post += w"
    assert experiment.sweep.axes["tau"] == Linspace(linspace=["1 ms", "10 ms"], num=30)
    assert isinstance(experiment.plots[0], Plot)
    assert isinstance(experiment.plots[-1], Panels)


def test_numbers_and_booleans_keep_their_type(tmp_path):
    experiment = experiment_of(tmp_path, EVERYTHING)
    assert [type(value) for value in experiment.constants.values()] == [str, float, bool, int]


def test_absent_keys_have_the_documented_defaults(tmp_path):
    experiment = experiment_of(tmp_path, minimal())
    assert (experiment.name, experiment.seed, experiment.sweep, experiment.plots) == ("x", 1, None, None)
    assert (experiment.run.threads, experiment.run.precision, experiment.run.math) == (
        1,
        "double",
        "strict",
    )
    assert experiment.monitors == {}
    assert experiment.groups["a"].method is Method.AUTO


def test_models_cannot_be_changed(tmp_path):
    experiment = experiment_of(tmp_path, minimal())
    with pytest.raises(ValueError, match="frozen"):
        experiment.name = "y"


def test_plots_none_is_accepted_and_other_words_are_not(tmp_path):
    assert experiment_of(tmp_path, minimal(plots="none")).plots == "none"
    (item,) = errors_of(tmp_path, minimal(plots="nonne"))
    assert (item.code, item.help) == ("FMT204", "did you mean `none`? known: none")


MISTAKES = {
    "misspelt key": ({"monitors": "{m: {kind: spikes, sorce: a}}"}, "FMT203", "sorce", "did you mean `source`?"),
    "misspelt section": ({"monitor": "{}"}, "FMT203", "monitor", "did you mean `monitors`?"),
    "key of another connect form": (
        {"synapses": "{s: {source: a, target: a, connect: {p: 1, multapses: true}}}"},
        "FMT203",
        "multapses",
        "belongs to another form",
    ),
    "misspelt kind": ({"monitors": "{m: {kind: spike, source: a}}"}, "FMT204", "spike", "did you mean `spikes`?"),
    "misspelt method": (
        {"groups": '{a: {size: 1, equations: "v : 1", method: exponental_euler}}'},
        "FMT204",
        "exponental_euler",
        "did you mean `exponential_euler`?",
    ),
    "kind that is a list": ({"monitors": "{m: {kind: [spikes], source: a}}"}, "FMT205", "[spikes]", None),
    "map for a scalar": ({"run": "{duration: {a: 1}, dt: 1 ms}"}, "FMT205", "{a: 1}", "Simulated time"),
    "scalar for a map": ({"monitors": "3"}, "FMT205", "3", "What is recorded"),
    "scalar for a list": (
        {"monitors": "{m: {kind: state, source: a, variables: v}}"},
        "FMT205",
        "v",
        "Variables and subexpressions",
    ),
    "list in a list": ({"groups": '{a: {size: 1, equations: "v : 1", initial: {v: [[1]]}}}'}, "FMT205", "[1]", None),
    "fraction for a count": ({"sweep": "{repeat: 1.5}"}, "FMT205", "1.5", "Runs of each point"),
    "word for a flag": ({"arrays": "{t: {image: a.png, invert: on}}"}, "FMT205", "on", "dark is 1"),
    "bad name of a constant": ({"constants": "{2x: 3}"}, "FMT207", "2x", "begins with a letter"),
    "bad name of an object": ({"monitors": "{m: {kind: spikes, source: a-b}}"}, "FMT207", "a-b", "subgroup"),
    "map where text or list": ({"references": "{a: b}"}, "FMT205", "{a: b}", "papers"),
    "pair of three": (
        {"synapses": "{s: {source: a, target: a, connect: {pairs: [[0, -1]]}}}"},
        "FMT205",
        "-1",
        "List of `[i, j]`",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_gives_one_error_at_its_place(tmp_path, case):
    sections, code, marked, advice = MISTAKES[case]
    (item,) = errors_of(tmp_path, minimal(**sections))
    assert item.code == code
    assert item.span.file.text[item.span.start : item.span.end] == marked
    assert advice is None or advice in item.help


def test_errors_come_in_the_order_of_the_file(tmp_path):
    items = errors_of(tmp_path, "sed: 1\nversion: 2\nrun: {dt: 1 ms}\ngroups: {a: {kind: poisson, size: 1}}\n")
    places = [item.span.start for item in items]
    assert places == sorted(places)
    assert [item.code for item in items] == ["FMT203", "FMT210", "FMT202", "FMT202"]


def test_whole_floats_count_as_whole_numbers(tmp_path):
    assert experiment_of(tmp_path, minimal(sweep="{repeat: 2e1}")).sweep.repeat == 20


def test_user_names_that_look_like_tags_do_not_confuse(tmp_path):
    (item,) = errors_of(tmp_path, minimal(monitors='{"<state>": {kind: state, source: a, variables: [v]}}'))
    assert item.code == "FMT207"
    items = errors_of(tmp_path, minimal(**{'"<one>"': "1"}))
    assert [item.code for item in items] == ["FMT203"]


def test_toml_is_checked_like_yaml(tmp_path):
    text = (
        'version = 1\n[run]\nduration = "1 s"\ndt = "1 ms"\n[groups.a]\nsize = 1\nequations = "v : 1"\nrest = "v = 0"\n'
    )
    with pytest.raises(ExperimentError) as caught:
        experiment_of(tmp_path, text, "x.toml")
    (item,) = caught.value.diagnostics
    assert (item.code, item.span.line, item.help) == ("FMT203", 8, "did you mean `reset`?")


def test_loading_and_checking_a_usual_file_is_quick(tmp_path):
    experiment_of(tmp_path, EVERYTHING)
    start = time.process_time()  # other programs may be busy
    experiment_of(tmp_path, EVERYTHING)
    # Measured: 15 ms for these 130 lines.
    assert time.process_time() - start < 0.15


def test_heavy_packages_stay_out_of_loading(tmp_path):
    (tmp_path / "x.yaml").write_text(EVERYTHING)
    program = (
        "import sys; from snnrun.spec.load import load; from snnrun.spec.check import parse_experiment;"
        f"parse_experiment(load({str(tmp_path / 'x.yaml')!r}));"
        "print(sorted({'numpy', 'llvmlite', 'h5py', 'matplotlib', 'scipy', 'rich', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("section", "text", "meant"),
    [
        ("groups", '{a: {N: 10, equations: "v : 1"}}', "size"),
        ("groups", '{a: {size: 10, model: "v : 1"}}', "equations"),
        ("groups", "{a: {kind: poisson, size: 10, rate: 5 Hz}}", "rates"),
        ("synapses", "{s: {source: a, target: a, connect: all, on_spike: v_post += 1}}", "on_pre"),
        ("synapses", "{s: {source: a, target: a, connect: all, on: v_post += 1}}", "on_pre"),
        ("synapses", "{s: {source: a, target: a, connect: all, pre: v_post += 1}}", "on_pre"),
        ("synapses", "{s: {source: a, target: a, connect: all, post: v_post += 1}}", "on_post"),
        ("synapses", '{s: {source: a, target: a, connect: all, model: "w : 1"}}', "equations"),
        ("monitors", "{m: {kind: state, source: a, variables: [v], record: [0]}}", "indices"),
        ("run", "{T: 1 s, dt: 0.1 ms}", "duration"),
        ("namespace", "{x: 1}", "constants"),
    ],
)
def test_keys_of_other_simulators_are_met_with_ours(tmp_path, section, text, meant):
    found = [d for d in errors_of(tmp_path, minimal(**{section: text})) if d.code == "FMT203"]
    assert [d.help for d in found] == [f"did you mean `{meant}`?"]


def test_a_run_has_at_most_a_thousand_phases(tmp_path):
    """Each is a network of its own: a file of 1 MB must be answered within two seconds."""
    file = tmp_path / "x.yaml"
    phases = "".join(f"    - {{name: p{k}, duration: 1 ms}}\n" for k in range(1001))
    file.write_text(
        f"version: 1\ngroups: {{g: {{size: 1}}}}\nrun:\n  dt: 0.1 ms\n  phases:\n{phases}", encoding="utf-8"
    )
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(load(file))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "FMT206"
    assert "`run.phases` has 1,001 items, at most 1,000 are possible" in diagnostic.message

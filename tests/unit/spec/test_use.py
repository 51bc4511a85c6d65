"""Groups and synapses made of models: what stands in the file that results, and where errors point."""

from __future__ import annotations

import pytest

from snnrun.cli.render import render_one
from snnrun.errors import ExperimentError
from snnrun.spec.library import library_models, library_names
from snnrun.spec.load import load

CELL = """
kind: neurons
description: A cell.
equations: |
  dv/dt = (E - v + I)/tau : volt   # the membrane
  I = J : volt
threshold: v > V_t
reset: v = E
constants: {tau: 10 ms, E: -70 mV, V_t: -50 mV, J: 0 mV}
initial: {v: E}
"""
CURRENT = """
kind: neurons
equations: |
  dg/dt = -g/tau_g : volt
  I += g
constants: {tau_g: 5 ms}
"""
PLASTIC = """
kind: synapses
equations: "dx/dt = -x/tau_x : 1 (event-driven)"
on_pre: x += 1
constants: {tau_x: 20 ms}
"""


@pytest.fixture
def write(tmp_path):
    def writer(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    writer("models/cell.yaml", CELL)
    writer("models/current.yaml", CURRENT)
    writer("models/plastic.yaml", PLASTIC)
    return writer


@pytest.fixture
def group(write):
    """The group of a file as plain data, from the text of its keys."""

    def made(keys, *options):
        path = write("a.yaml", "version: 1\nrun: {duration: 1 ms, dt: 0.1 ms}\ngroups:\n  g:\n" + _indented(keys))
        return load(path, options).plain()["groups"]["g"]

    return made


@pytest.fixture
def synapses(write):
    def made(keys):
        text = "version: 1\nsynapses:\n  s:\n" + _indented(keys)
        return load(write("a.yaml", text)).plain()["synapses"]["s"]

    return made


def _indented(text):
    return "".join(f"    {line}\n" for line in text.strip().split("\n"))


def problem(make, keys, *options):
    """The code of the one error."""
    with pytest.raises(ExperimentError) as caught:
        make(keys, *options)
    (item,) = caught.value.diagnostics
    return item.code


def lines(data):
    return data["equations"].strip().split("\n")


def test_a_model_comes_under_the_keys_of_the_object(group):
    data = group("use: ./models/cell.yaml\nsize: 3")
    assert data == {
        "equations": "dv/dt = (E - v + I)/tau : volt   # the membrane\nI = J : volt\n",
        "threshold": "v > V_t",
        "reset": "v = E",
        "constants": {"tau": "10 ms", "E": "-70 mV", "V_t": "-50 mV", "J": "0 mV"},
        "initial": {"v": "E"},
        "size": 3,
    }


def test_own_values_count_and_keep_the_place_of_the_models(group):
    data = group("use: ./models/cell.yaml\nsize: 3\nthreshold: v > 0*mV\nconstants: {tau: 5 ms}\ninitial: {v: 0 mV}")
    assert data["threshold"] == "v > 0*mV"
    assert data["constants"] == {"tau": "5 ms", "E": "-70 mV", "V_t": "-50 mV", "J": "0 mV"}
    assert data["initial"] == {"v": "0 mV"}


def test_own_lines_replace_lines_and_constants_of_their_names(group):
    data = group("use: ./models/cell.yaml\nsize: 3\nequations: |\n  J : volt\n  dv/dt = -v/tau : volt\n  w : 1")
    assert lines(data) == ["I = J : volt", "J : volt", "dv/dt = -v/tau : volt", "w : 1"]
    assert set(data["constants"]) == {"tau", "E", "V_t"}


def test_null_takes_away_what_a_model_gives(group):
    data = group("use: ./models/cell.yaml\nsize: 3\nreset: null\ninitial: {v: null}\nconstants: {J: null}")
    assert "reset" not in data
    assert data["initial"] == {}
    assert "J" not in data["constants"]


def test_statements_follow_one_another_the_own_last(group, synapses):
    assert group("use: ./models/cell.yaml\nsize: 3\nreset: w += 1")["reset"] == "v = E\nw += 1\n"
    assert synapses("use: ./models/plastic.yaml\non_pre: v_post += x")["on_pre"] == "x += 1\nv_post += x\n"


def test_pathways_join_where_they_can_and_else_stand_beside_each_other(synapses):
    data = synapses("use: ./models/plastic.yaml\non_pre: {do: v_post += x, delay: 1 ms}")
    assert data["on_pre"] == {"do": "x += 1\nv_post += x\n", "delay": "1 ms"}
    data = synapses("use: ./models/plastic.yaml\non_pre: {fast: v_post += x, slow: {do: v_post += 1, delay: 1 ms}}")
    assert data["on_pre"] == {
        "plastic": "x += 1",
        "fast": "v_post += x",
        "slow": {"do": "v_post += 1", "delay": "1 ms"},
    }


def test_two_models_with_delays_of_one_pathway_are_an_error(synapses, write):
    write("models/d.yaml", "kind: synapses\non_pre: {do: v_post += 1, delay: 1 ms}\n")
    assert problem(synapses, "use: [models/d.yaml, models/d.yaml]") == "USE104"
    assert synapses("use: [models/d.yaml, models/plastic.yaml]")["on_pre"] == {
        "do": "v_post += 1\nx += 1\n",
        "delay": "1 ms",
    }


def test_lines_that_add_become_part_of_the_line_they_add_to(group):
    keys = """
use:
  - ./models/cell.yaml
  - {model: ./models/current.yaml, rename: {g: a, tau_g: tau_a}}
  - {model: ./models/current.yaml, rename: {g: b, tau_g: tau_b}}
size: 3
equations: I += t > 1*ms   # a condition is put into brackets
"""
    data = group(keys)
    assert lines(data)[1] == "I = J + a + b + (t > 1*ms) : volt"
    assert lines(data)[2:] == ["da/dt = -a/tau_a : volt", "db/dt = -b/tau_b : volt"]
    assert data["constants"]["tau_b"] == "5 ms"


def test_constants_stand_after_those_that_they_use(group):
    data = group("use: ./models/cell.yaml\nsize: 3\nconstants: {tau: R*C, R: E/nA, C: 1 nF}")
    names = list(data["constants"])
    assert names.index("tau") > max(names.index("R"), names.index("C"))
    assert names.index("R") > names.index("E")


def test_initial_values_stand_after_those_that_they_name_and_else_as_in_the_model(group, write):
    write("models/o.yaml", "kind: neurons\ninitial: {v: E, m: f, n: 2}\nequations: |\n  f = v : 1\n")
    data = group("use: models/o.yaml\nsize: 3\ninitial: {x: y, E: 3, y: n, v: 2*E}")
    assert list(data["initial"]) == ["E", "v", "m", "n", "y", "x"]


def test_values_that_name_each_other_stay_as_they_are(group):
    data = group("use: ./models/cell.yaml\nsize: 3\nconstants: {tau: 2*E, E: V_t, V_t: tau}")
    assert sorted(data["constants"]) == ["E", "J", "V_t", "tau"]


def test_renaming_reaches_every_text_and_leaves_units_alone(group, write):
    write(
        "models/m.yaml",
        """
kind: neurons
equations: |
  dm/dt = -m/tau + stimulus.m*m(2)*(10 m)/(1 m)*m_x : metre
  n = m : m  # m
threshold: m > 1*metre and not m < 0*metre
reset: m = 0*metre; m_x = m
refractory: m > 3 m
initial: {m: "[1, 2]*metre", n: {value: m, where: m > 0*metre}}
method: euler
constants: {tau: 1 ms, m_x: 1}
""",
    )
    data = group("use: {model: models/m.yaml, rename: {m: v, m_x: x}}\nsize: 2")
    assert lines(data) == ["dv/dt = -v/tau + stimulus.m*m(2)*(10 m)/(1 m)*x : metre", "n = v : m  # m"]
    assert data["threshold"] == "v > 1*metre and not v < 0*metre"
    assert data["reset"] == "v = 0*metre; x = v"
    assert data["refractory"] == "v > 3 m"
    assert data["initial"] == {"v": "[1, 2]*metre", "n": {"value": "v", "where": "v > 0*metre"}}
    assert data["constants"] == {"tau": "1 ms", "x": 1}


def test_renaming_keeps_events_and_pathways_and_changes_what_they_do(group, synapses, write):
    write("models/e.yaml", "kind: neurons\nevents: {b: {condition: b > 3, do: b = 0}}\nlinked: {b: x.b}\n")
    data = group("use: {model: models/e.yaml, rename: {b: n}}\nsize: 2")
    assert data["events"] == {"b": {"condition": "n > 3", "do": "n = 0"}}
    assert data["linked"] == {"n": "x.b"}
    write("models/q.yaml", "kind: synapses\non_pre: {w: {do: w += 1, event: w, delay: w*ms}}\n")
    data = synapses("use: {model: models/q.yaml, rename: {w: k}}")
    assert data["on_pre"] == {"w": {"do": "k += 1", "event": "w", "delay": "k*ms"}}


def test_names_can_be_exchanged(group):
    data = group("use: {model: models/cell.yaml, rename: {I: J, J: I}}\nsize: 2")
    assert lines(data)[1] == "J = I : volt"


def test_renaming_in_synapses_reaches_both_ends(synapses, write):
    write("models/p.yaml", "kind: synapses\non_pre: v_post += w*v_pre\nequations: 'w : 1'\n")
    data = synapses("use: {model: models/p.yaml, rename: {v: g, w: weight}}")
    assert data["on_pre"] == "g_post += weight*g_pre"
    assert data["equations"].strip() == "weight : 1"


def test_models_may_be_made_of_models(group, write):
    write(
        "models/sub/both.yaml",
        """
kind: neurons
use: [../cell.yaml, {model: ../current.yaml, rename: {g: h}}]
constants: {tau: 3 ms}
equations: "I += 1*mV"
""",
    )
    data = group("use: {model: models/sub/both.yaml, rename: {h: k}}\nsize: 1\nconstants: {tau_g: 1 ms}")
    assert lines(data)[1] == "I = J + k + 1*mV : volt"
    assert data["constants"]["tau"] == "3 ms"
    assert data["constants"]["tau_g"] == "1 ms"


def test_models_of_currents_may_be_joined_before_they_meet_a_neuron(group, write):
    write("models/two.yaml", "kind: neurons\nuse: [current.yaml, {model: current.yaml, rename: {g: h, tau_g: T}}]\n")
    data = group("use: [models/two.yaml, models/cell.yaml]\nsize: 1")
    assert lines(data)[3:] == ["I = J + g + h : volt"]


def test_options_change_the_file_before_models_come_in(group):
    keys = "use: ./models/cell.yaml\nsize: 3"
    assert group(keys, "groups.g.constants.tau=1 ms")["constants"]["tau"] == "1 ms"
    assert "reset" not in group(keys, "groups.g.reset=null")
    assert lines(group(keys, "groups.g.equations=J : volt"))[2] == "J : volt"
    assert "R" in group(keys, "groups.g.use=lif", "groups.g.constants.tau=1 ms")["constants"]
    renamed = group("use: [{model: ./models/cell.yaml, rename: {v: V}}]\nsize: 1", "groups.g.use.0.rename.v=u")
    assert lines(renamed)[0].startswith("du/dt")
    assert lines(group("size: 1", "groups.g.use=./models/cell.yaml"))[1] == "I = J : volt"
    assert problem(group, keys, "groups.g.constants.tua=1 ms") == "SET103"


def test_toml_files_use_models_and_models_may_be_toml(write):
    write("models/t.toml", 'kind = "neurons"\nequations = "dv/dt = -v/tau : 1"\nconstants = {tau = "1 ms"}\n')
    text = '[groups.g]\nuse = {model = "models/t.toml", rename = {tau = "T"}}\nsize = 1\n'
    assert load(write("a.toml", text)).plain()["groups"]["g"]["constants"] == {"T": "1 ms"}


def test_files_are_found_beside_the_file_that_names_them(write):
    write("sub/base.yaml", "groups: {g: {use: cell.yaml, size: 1}}\n")
    write("sub/cell.yaml", CELL.replace("10 ms", "11 ms"))
    path = write("a.yaml", "version: 1\nextends: sub/base.yaml\n")
    taus = [
        load(path, options).plain()["groups"]["g"]["constants"]["tau"]
        for options in ((), ("groups.g.use=models/cell.yaml",))
    ]
    assert taus == ["11 ms", "10 ms"]
    document = load(write("b.yaml", "version: 1\nextends: sub/base.yaml\n"))
    assert document.folder_of(("groups", "g", "threshold")).name == "sub"


def test_the_resolved_text_loads_to_the_same_data(group, write):
    document = load(
        write("a.yaml", "version: 1\ngroups:\n  g:\n    use: [models/cell.yaml, models/current.yaml]\n    size: 1\n")
    )
    again = load(write("b.yaml", document.to_yaml()))
    assert again.plain() == document.plain()


@pytest.mark.parametrize(
    ("keys", "code", "marked", "words"),
    [
        ("use: liff", "USE101", "liff", "did you mean `lif`?"),
        ("use: ./models/cel.yaml", "USE103", "./models/cel.yaml", "no file"),
        ("use: ../cell.yaml", "PTH103", "../cell.yaml", "leads out"),
        ("use: /cell.yaml", "PTH102", "/cell.yaml", "absolute"),
        ("use: []", "USE100", "[]", "names no model"),
        ("use: lif\nequations: v += 1*mV", "USE108", "v", "is a differential equation"),
        ("use: 3", "USE100", "3", "this is a number"),
        ("use: {rename: {v: V}}", "USE100", "{rename: {v: V}}", "this is missing"),
        ("use: {model: lif, parameters: {tau: 1 ms}}", "USE100", "parameters", "`constants` of the object"),
        ("use: {model: lif, renam: {v: V}}", "USE100", "renam", "did you mean `rename`?"),
        ("use: {model: lif, rename: [v]}", "USE100", "[v]", "needs a map"),
        ("use: {model: lif, rename: {v: 2}}", "USE107", "2", "new name"),
        ("use: {model: lif, rename: {V: u}}", "USE106", "V", "`lif` has no `V`"),
        ("use: {model: lif, rename: {v: I}}", "USE107", "I", "would have two `I`"),
        ("use: {model: lif, rename: {v: u, I: u}}", "USE107", "u", "would have two `u`"),
        (
            "use: lif\nconstants: {taum: 1 ms}",
            "USE105",
            "taum",
            "`taum` is not a parameter of `lif`; did you mean `tau`?",
        ),
        (
            "use: [lif, models/current.yaml, models/current.yaml]",
            "USE104",
            "models/current.yaml",
            "`current` and `current` both have `g`, `tau_g`",
        ),
        ("use: [lif, models/cell.yaml]", "USE104", "models/cell.yaml", "`lif` and `cell` both"),
        ("use: models/current.yaml", "USE108", "I", "nothing defines `I`"),
        ("use: [lif, models/current.yaml]\nequations: 'I : amp'", "USE108", "I", "is a parameter"),
        ("use: lif\nequations: 'I += 1*nA : amp'", "USE108", ": amp", "no unit of its own"),
        ("use: models/plastic.yaml", "USE109", "models/plastic.yaml", "name it under `synapses`"),
        ("use: b.yaml", "USE109", "version", "kind: neurons"),
        ("use: models/round.yaml", "USE102", "round.yaml", "round.yaml → "),
    ],
)
def test_mistakes_are_errors_at_their_places(group, write, keys, code, marked, words):
    write("b.yaml", "version: 1\n")
    write("models/round.yaml", "kind: neurons\nuse: round.yaml\n")
    with pytest.raises(ExperimentError) as caught:
        group(f"{keys}\nsize: 1")
    item = caught.value.diagnostics[0]
    assert (item.code, item.span.file.text[item.span.start : item.span.end]) == (code, marked)
    assert words in f"{item.message}; {item.help}"
    assert {d.code for d in caught.value.diagnostics} == {code}


def test_an_error_in_a_model_says_who_uses_it(group, write):
    write("models/one.yaml", "kind: neurons\nuse: two.yaml\n")
    write("models/two.yaml", "kind: neurons\nequations: I += 1*nA\n")
    with pytest.raises(ExperimentError) as caught:
        group("use: models/one.yaml\nsize: 1")
    (item,) = caught.value.diagnostics
    assert "\n   used at: " in render_one(item)
    assert [str(user).rpartition("/")[2] for user in item.users] == ["one.yaml:2:6", "a.yaml:5:10"]
    assert item.as_json()["used_at"] == [str(user) for user in item.users]


def test_empty_texts_are_left_to_the_check_of_the_format(group):
    assert group("use: ./models/cell.yaml\nsize: 1\nreset: ''")["reset"] == ""
    assert group("use: ./models/cell.yaml\nsize: 1\nequations: ''")["equations"] == ""


def test_two_fragments_with_one_noise_are_told_apart(group, write):
    write("models/n.yaml", "kind: neurons\nequations: |\n  dx/dt = xi*second**-0.5 : 1\n")
    keys = "use: [models/n.yaml, {model: models/n.yaml, rename: {x: y}}]\nsize: 1"
    assert problem(group, keys) == "USE104"
    data = group("use: [models/n.yaml, {model: models/n.yaml, rename: {x: y, xi: xi_2}}]\nsize: 1")
    assert lines(data)[1] == "dy/dt = xi_2*second**-0.5 : 1"


def test_many_models_are_an_error(group, write):
    for n in range(8):
        write(f"models/c{n}.yaml", f"kind: neurons\nuse: [{', '.join([f'c{n + 1}.yaml'] * 3)}]\n")
    write("models/c8.yaml", "kind: neurons\n")
    assert problem(group, "use: models/c0.yaml\nsize: 1") == "USE102"


def test_every_model_of_the_library_says_what_it_is():
    models = library_models()
    assert sorted(model.name for model in models) == library_names()
    for model in models:
        assert model.description.endswith(".")
        assert all("doi:10." in reference for reference in model.references)

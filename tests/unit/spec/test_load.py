"""Files, what they extend, and options that change them."""

import os
from pathlib import Path

import pytest

from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.spec.load import load

BASE = """\
version: 1
name: base
constants: {tau: 10 ms, weight: 0.1}
groups:
  lif: {size: 3, equations: "v : 1", reset: v = 0}
run: {duration: 1 s, dt: 0.1 ms}
plots: [{kind: raster}, {kind: rate}]
sweep:
  axes: {groups.lif.size: [1, 2]}
"""


@pytest.fixture
def write(tmp_path):
    def write_file(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


@pytest.fixture
def base(write):
    return write("base.yaml", BASE)


def error_of(*args, **options):
    with pytest.raises(ExperimentError) as caught:
        load(*args, **options)
    (item,) = caught.value.diagnostics
    assert item.help
    return item


# --- Files


def test_yaml_and_toml_give_the_same_data(write):
    yaml = write("a.yaml", "version: 1\nname: x\nrun: {duration: 1 s, threads: 2}\nplots: [{kind: raster}]\n")
    toml = write(
        "b.toml", 'version = 1\nname = "x"\n[run]\nduration = "1 s"\nthreads = 2\n[[plots]]\nkind = "raster"\n'
    )
    assert load(yaml).plain() == load(toml).plain()


def test_a_file_without_a_name_is_named_after_itself(write):
    document = load(write("my first model!.yaml", "version: 1\nseed: 2\n"))
    assert document.plain()["name"] == "my-first-model-"
    assert list(document.plain()) == ["version", "name", "seed"]


def test_byte_order_mark_and_windows_line_ends_are_read(write):
    assert load(write("a.yaml", b"\xef\xbb\xbfversion: 1\r\nname: x\r\n")).plain() == {"version": 1, "name": "x"}


UNREADABLE = {
    "latin-1": (b"version: 1\nname: caf\xe9\n", "FIL105", (2, 10)),
    "utf-16": ("version: 1\n".encode("utf-16"), "FIL105", None),
    "nul": (b"version: 1\nname: a\x00b\n", "FIL106", (2, 8)),
    "escape": (b"version: 1\nname: \x1b[31m\n", "FIL106", (2, 7)),
    "a list": (b"- 1\n", "FIL108", (1, 1)),
    "a word": (b"hello\n", "FIL108", (1, 1)),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_files_that_are_no_text_or_no_map_are_errors(write, case):
    data, code, place = UNREADABLE[case]
    item = error_of(write("a.yaml", data))
    assert item.code == code
    assert place is None or (item.span.line, item.span.column) == place


def test_missing_file_suggests_its_neighbour(base):
    item = error_of(base.with_name("bas.yaml"))
    assert item.code == "FIL101"
    assert "base.yaml" in item.help


def test_folder_suggests_a_file_in_it(base):
    item = error_of(base.parent)
    assert item.code == "FIL102"
    assert "base.yaml" in item.help


def test_other_endings_are_refused(write):
    assert error_of(write("model.py", "x = 1\n")).code == "FIL107"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_an_error(base):
    base.chmod(0)
    assert error_of(base).code == "FIL103"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.yaml")
    assert error_of(tmp_path / "p.yaml").code == "FIL103"


def test_large_files_are_refused_before_parsing(write):
    assert error_of(write("big.yaml", b"a: 1\n" * 2_000_000)).code == "FIL104"


def test_impossible_names_are_errors():
    assert error_of("a\0b.yaml").code == "FIL103"
    assert error_of("x" * 5000 + ".yaml").code == "FIL103"


# --- extends


def test_maps_merge_and_lists_and_scalars_replace(write, base):
    path = write("a.yaml", "extends: base.yaml\nname: a\nconstants: {tau: 5 ms, new: 1}\nplots: [{kind: isi}]\n")
    data = load(path).plain()
    assert "extends" not in data
    assert data["constants"] == {"tau": "5 ms", "weight": 0.1, "new": 1}
    assert data["plots"] == [{"kind": "isi"}]
    assert data["groups"]["lif"]["size"] == 3
    assert data["name"] == "a"


def test_null_removes_a_key(write, base):
    path = write("a.yaml", "extends: base.yaml\nsweep: null\ngroups: {lif: {reset: ~}}\n")
    data = load(path).plain()
    assert "sweep" not in data
    assert "reset" not in data["groups"]["lif"]


def test_later_files_win_and_chains_work(write, base):
    write("b.yaml", "extends: base.yaml\nconstants: {tau: 1 ms, b: 1}\n")
    write("c.toml", '[constants]\ntau = "2 ms"\n')
    data = load(write("a.yaml", "extends: [b.yaml, c.toml]\n")).plain()
    assert data["constants"] == {"tau": "2 ms", "weight": 0.1, "b": 1}


def test_places_lead_to_the_file_that_says_it(write, base):
    document = load(write("sub/a.yaml", "version: 1\n"))
    document = load(write("a.yaml", "extends: parts/p.yaml\n" if write("parts/p.yaml", "seed: 3\n") else ""))
    assert document.span(("seed",)).file.name.endswith("p.yaml")
    assert document.folder_of(("seed",)).name == "parts"


def test_ring_is_an_error(write):
    write("a.yaml", "extends: b.yaml\n")
    item = error_of(write("b.yaml", "extends: a.yaml\n"))
    assert item.code == "EXT101"
    assert "b.yaml → a.yaml → b.yaml" in item.message


def test_long_chain_is_an_error(write):
    for n in range(20):
        write(f"f{n}.yaml", f"extends: f{n + 1}.yaml\n")
    write("f20.yaml", "version: 1\n")
    assert error_of(write("a.yaml", "extends: f0.yaml\n")).code == "EXT102"


def test_many_files_are_an_error(write):
    write("p.yaml", "seed: 1\n")
    for n in range(3):
        write(f"q{n}.yaml", f"extends: [{', '.join(['p.yaml' if n == 0 else f'q{n - 1}.yaml'] * 10)}]\n")
    assert error_of(write("a.yaml", "extends: q2.yaml\n")).code == "EXT102"


def test_missing_base_and_wrong_kind_are_errors(write):
    item = error_of(write("a.yaml", "extends: nothing.yaml\n"))
    assert (item.code, item.span.line, item.span.column) == ("EXT103", 1, 10)
    assert error_of(write("b.yaml", "extends: {a: 1}\n")).code == "EXT104"
    assert error_of(write("c.yaml", "extends: [1]\n")).code == "EXT104"


ESCAPES = {
    "../outside.yaml": "PTH103",
    "/etc/passwd": "PTH102",
    "~/x.yaml": "PTH102",
    "C:\\\\x.yaml": "PTH102",
    "sub/../../outside.yaml": "PTH103",
    "link.yaml": "PTH103",
    "a\\0b": "PTH101",
    "": "PTH101",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_paths_cannot_leave_the_folder(write, tmp_path, name):
    outside = write("outside.yaml", "seed: 1\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.yaml").symlink_to(outside)
    item = error_of(write("in/a.yaml", f'extends: "{name}"\n'))
    assert item.code == ESCAPES[name]
    assert item.span.line == 1


def test_data_root_widens_what_may_be_read(write, tmp_path):
    write("shared.yaml", "seed: 4\n")
    path = write("in/a.yaml", "extends: ../shared.yaml\n")
    assert load(path, data_root=tmp_path).plain()["seed"] == 4


# --- Options


def test_option_sets_a_value_by_path(base):
    data = load(base, ["groups.lif.size=400", "run.duration=2 s", "plots.1.kind=isi"]).plain()
    assert data["groups"]["lif"]["size"] == 400
    assert data["run"]["duration"] == "2 s"
    assert data["plots"][1] == {"kind": "isi"}


def test_bare_name_is_a_constant_or_a_section(base):
    data = load(base, ["tau=5 ms", "plots=none", "seed={noise: 3}"]).plain()
    assert data["constants"]["tau"] == "5 ms"
    assert data["plots"] == "none"
    assert data["seed"] == {"noise": 3}


VALUES = {
    "1e-3": 0.001,
    "on": "on",
    "[1, 2 ms]": [1, "2 ms"],
    '"1"': "1",
    "dv/dt = -v : 1": "dv/dt = -v : 1",
    "v : 1 # c": "v : 1 # c",
    "a\nb": "a\nb",
    " 5 ms ": "5 ms",
    "a=b": "a=b",
}


@pytest.mark.parametrize("value", VALUES)
def test_values_of_options_are_yaml_and_unquoted_texts_are_taken_whole(base, value):
    assert load(base, [f"tau={value}"]).plain()["constants"]["tau"] == VALUES[value]


def test_null_of_an_option_removes_a_key(base):
    assert "reset" not in load(base, ["groups.lif.reset=null"]).plain()["groups"]["lif"]


def test_key_the_file_leaves_out_can_be_set_where_the_format_knows_it(base):
    data = load(base, ["run.threads=2", "sweep.repeat=3", "groups.lif.threshold=v > 1"]).plain()
    assert data["run"]["threads"] == 2
    assert data["sweep"]["repeat"] == 3
    assert data["groups"]["lif"]["threshold"] == "v > 1"


def test_a_single_pathway_can_be_given_a_delay(write):
    path = write("s.yaml", "version: 1\nsynapses: {s: {on_pre: {do: v += 1}, on_post: {a: v += 1}}}\n")
    assert load(path, ["synapses.s.on_pre.delay=1 ms"]).plain()["synapses"]["s"]["on_pre"]["delay"] == "1 ms"
    assert error_of(path, ["synapses.s.on_post.b=v += 2"]).code == "SET103"


def test_keys_with_dots_are_found(base):
    assert load(base, ["sweep.axes.groups.lif.size=[7]"]).plain()["sweep"]["axes"] == {"groups.lif.size": [7]}


def test_later_options_win(base):
    assert load(base, ["tau=1", "tau=2"]).plain()["constants"]["tau"] == 2


def test_seed_replaces_that_of_the_file(base):
    document = load(base, seed=7)
    assert document.plain()["seed"] == 7
    assert document.span(("seed",)).file.name == "--seed 7"


WRONG_OPTIONS = {
    "tua=5 ms": ("SET103", 1, "did you mean `tau`?"),
    "groups.lef.size=3": ("SET103", 8, "did you mean `lif`?"),
    "group.lif.size=3": ("SET103", 1, "did you mean `groups.lif.size`?"),
    "constants.new=3": ("SET103", 11, "tau"),
    "run.dt.x=3": ("SET103", 8, "run.dt=value"),
    "plots.2.kind=isi": ("SET103", 7, "2 items"),
    "plots.x=isi": ("SET103", 7, "2 items"),
    "tau": ("SET101", 1, "--set tau=value"),
    "=3": ("SET102", 1, "dots"),
    "a..b=3": ("SET102", 1, "dots"),
    "tau=[1": ("YML111", 7, "]"),
    "tau=!x": None,
    'tau="a': ("YML112", 5, "quote"),
    "tau={a: 1, a: 2}": ("YML102", 12, "remove"),
}


@pytest.mark.parametrize("option", WRONG_OPTIONS)
def test_wrong_options_point_into_the_option(base, option):
    if WRONG_OPTIONS[option] is None:
        assert load(base, [option]).plain()["constants"]["tau"] == "!x"
        return
    code, column, advice = WRONG_OPTIONS[option]
    item = error_of(base, [option])
    assert (item.code, item.span.column) == (code, column)
    assert item.span.file.name == f"--set {option}"
    assert advice in item.help


def test_all_wrong_options_are_reported_at_once(base):
    with pytest.raises(ExperimentError) as caught:
        load(base, ["tua=1", "tau=2", "wieght=3"])
    assert len(caught.value.diagnostics) == 2


def test_undecodable_option_is_an_error_of_ours(base):
    assert error_of(base, ["tau=\udcff"]).code == "FIL106"


def test_texts_of_options_keep_their_places(base):
    text = load(base, ["tau=5 ms + x"]).text(("constants", "tau"))
    assert text.value == "5 ms + x"
    assert str(text.span(7, 8)) == "--set tau=5 ms + x:1:12"


def test_the_resolved_file_loads_to_the_same_data(write, base, tmp_path):
    document = load(write("a.yaml", "extends: base.yaml\nconstants: {tau: 5 ms}\n"), ["groups.lif.size=4"], seed=3)
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(document.to_yaml())
    assert load(resolved).plain() == document.plain()
    assert isinstance(document.path, Path)


@pytest.mark.parametrize("text", ["version: 1\n", "", "a"])
def test_a_file_in_utf_16_is_refused_at_its_beginning(tmp_path, text):
    file = tmp_path / "x.yaml"
    file.write_bytes(text.encode("utf-16"))
    with pytest.raises(ExperimentError) as caught:
        load(file)
    [item] = caught.value.diagnostics
    assert (item.code, item.span.start, item.span.file.text) == ("FIL105", 0, text)


@pytest.fixture
def base_file(tmp_path):
    file = tmp_path / "base.yaml"
    file.write_text(BASE, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("option", "path", "text"),
    [
        ("metrics.rate=mean_rate(out)", ("metrics", "rate"), "mean_rate(out)"),
        ("sweep.axes.tau=5 ms", ("sweep", "axes", "tau"), "5 ms"),
        ("sweep.axes.run.dt=1 ms", ("sweep", "axes", "run.dt"), "1 ms"),
        ("sweep.zip.tau=5 ms", ("sweep", "zip", "tau"), "5 ms"),
        ("sweep.sample.ranges.tau=5 ms", ("sweep", "sample", "ranges", "tau"), "5 ms"),
    ],
)
def test_an_option_adds_a_metric_or_an_axis(base_file, option, path, text):
    document = load(base_file, [option])
    assert document.text(path).value == text
    assert document.key_span(path).file.text == option
    without_sweep = load(base_file, ["sweep=", option])
    assert without_sweep.text(path).value == text


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("constants.taux=1", "SET103"),
        ("groups.liff.size=1", "SET103"),
        ("monitors.out.kind=spikes", "SET103"),
        ("references.0=", "SET104"),
        ("sweep.keep=", "SET104"),
        ("metrics=", "SET104"),
        ("metrics.x=", "SET104"),
        ("run.threads=", "SET104"),
        ("plots.5=", "SET103"),
        ("run.dt.x=", "SET103"),
    ],
)
def test_an_option_adds_no_other_name_and_removes_only_what_is_there(base_file, option, code):
    with pytest.raises(ExperimentError) as caught:
        load(base_file, [option])
    [item] = caught.value.diagnostics
    assert (item.code, item.span.file.text) == (code, option)


def test_a_metric_that_an_option_adds_is_checked_like_the_others(base_file):
    with pytest.raises(ExperimentError) as caught:
        pipeline.check(pipeline.read(base_file, ["metrics.x=mean_rate(out)", "sweep=", "groups.lif.reset=", "plots="]))
    assert [(d.code, d.span.file.text) for d in caught.value.diagnostics] == [("MET403", "metrics.x=mean_rate(out)")]

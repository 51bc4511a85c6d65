"""The benchmark itself: its works are valid, its figures are counted right, its page says what the results say."""

import copy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bounds
import environments
import measuring
import numpy as np
import pytest
from bounds import BEYOND, BOUNDS, measure_bounds
from environments import Peer, pythons
from limit import update_cost
from made import chain, connectome, make
from measuring import Plan, Runs, agreement, measure
from page import PAGE, RATIOS, SCALING, page, read_snapshot
from pair import pair
from pictures import data_digest, drawn_from
from processes import Ended, run_child
from scaling import Spent, _curve, _event
from table import ratios, rows
from works import BY_NAME, PEERS, ROOT, STRICT, WORKS, Tool

from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import FixedDegree
from snnrun.running import pipeline

SMALL = {"microcircuit": "0.01", "microcircuit-0.1": "0.01"}
DT = {"one": 1e-5}


def checked(work, *overrides):
    return pipeline.check(pipeline.read(work.file, overrides))


def with_a_small_file(work, folder):
    """The work with what is made for it, at the smallest size that it has."""
    kind, _, ending = work.made.rpartition("-")
    small = make(f"{kind}-{300 if ending.endswith('npz') else 3}.{ending.partition('.')[2]}", folder / "made")
    if work.file.name == work.made:
        return replace(work, file=small)
    text = work.file.read_text(encoding="utf-8")
    (folder / work.file.name).write_text(text.replace(work.made, small.name), encoding="utf-8")
    return replace(work, file=folder / work.file.name)


# works


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_every_work_is_a_valid_experiment_with_the_metrics_that_are_compared(work, tmp_path):
    overrides = [word for word in work.sets(0.5) if word != "--set"]
    if work.name in SMALL:
        overrides.append(f"scale={SMALL[work.name]}")
    if work.made:
        work = with_a_small_file(work, tmp_path)
        overrides += ["size=300"] if work.size_constant else []
    found = checked(work, *overrides)
    assert found.resolved.network.steps == round(0.5 / DT.get(work.name, 1e-4))
    assert found.warnings == ()
    assert set(work.metrics) <= set(found.experiment.metrics)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_every_peer_of_a_work_has_its_script(work):
    tools = {runner.tool for runner in work.runners} - {Tool.SNNRUN}
    assert tools or work.published or work.name == "chain-200"  # which Brian2 would compile for an hour
    for tool in tools:
        assert work.script_of(tool).exists()


@pytest.mark.parametrize("name", ["coba", "cuba", "cobahh", "brunel", "adex-noise"])
def test_the_size_of_a_work_scales_its_network(name):
    work = BY_NAME[name]
    assert checked(work, "size=1000").resolved.network.groups["pop"].size == 1000
    assert checked(work).resolved.network.groups["pop"].size == work.size


def test_every_benchmark_network_is_measured():
    files = set((ROOT / "experiments" / "benchmarks").glob("*.yaml"))
    recipe = ROOT / "experiments" / "benchmarks" / "microcircuit-recipe.yaml"  # by tests/bench/recipe.py
    assert files - {recipe} == {work.file for work in WORKS if work.file.parent.name == "benchmarks"}


def test_the_table_of_the_fly_has_its_numbers_and_is_the_same_each_time():
    table = connectome(20_000)
    number = np.bincount(table["source"], minlength=20_000)
    assert number.mean() == pytest.approx(108.9, rel=0.01)
    assert np.percentile(number, 99) > 3 * number.mean()
    assert table["target"].min() >= 0
    assert table["target"].max() < 20_000
    signs = np.sign(table["synapses"])
    assert np.all(signs != 0)
    for k in (0, 1, 2):  # all synapses of a neuron have one sign
        assert len(set(signs[table["source"] == k])) == 1
    again = connectome(20_000)
    assert all(np.array_equal(table[name], again[name]) for name in table)


def test_the_chain_has_ten_synapses_objects_a_group():
    data = chain(200)
    assert len(data["groups"]) == 200
    assert len(data["synapses"]) == 2000


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_microcircuit_is_that_of_the_peers_and_of_the_paper(scale, monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    import potjans_diesmann as table

    network = checked(BY_NAME["microcircuit"], f"scale={scale}").resolved.network
    found = {}
    for connect in network.synapses["local"].connect:
        assert isinstance(connect.rule, FixedDegree)
        found[connect.target.name, connect.source.name] = int(evaluate(connect.rule.number, Environment()))
    numbers = table.synapses(scale)
    expected = {
        (f"pop.{table.NAMES[t]}", f"pop.{table.NAMES[s]}"): numbers[t, s]
        for t in range(8)
        for s in range(8)
        if numbers[t, s]
    }
    assert found == expected
    assert network.groups["pop"].size == table.neurons(scale).sum()
    if scale == 1.0:
        assert network.groups["pop"].size == 77169
        assert sum(found.values()) == pytest.approx(299e6, rel=1e-3)


# measuring


def ended(out, seconds=1.0, code=0, err=""):
    return Ended(code, seconds, seconds, 100_000_000, out, err, late=False)


OURS = (
    '{"seconds": {"load": 0.0, "check": 0.1, "generate": 0.1, "compile": %s, "build": 0.2, "simulate": 0.05},'
    ' "metrics": {"rate": {"value": %s, "unit": "Hz"}}, "counts": {}}\n'
)
THEIRS = 'a warning\n{"seconds": {"prepare": 4.0, "simulate": 0.5}, "metrics": {"rate": %s}}\n'


@pytest.fixture
def programs(monkeypatch):
    """Programs that answer at once; the commands they were called with."""
    called = []

    def run(command, timeout, environment):
        words = [str(word) for word in command]
        called.append(words)
        if "snnrun" not in words:
            return ended(THEIRS % 20.0, seconds=6.0)
        if "run.threads=2" in words:
            return ended("", code=2, err="error[NET199]: `run.threads` other than `1` is not supported yet\n")
        if "run.math=fast" in words:
            return ended("", code=3, err="error[RUN301]: no memory\n")
        seed = int(words[words.index("--seed") + 1])
        folder = Path(environment["SNNRUN_CACHE_DIR"])
        first = not folder.exists()
        folder.mkdir(exist_ok=True)
        return ended(OURS % (1.0 if first else 0.0, 20 + 0.1 * (-1) ** seed), seconds=2.0 if first else 1.0)

    monkeypatch.setattr(measuring, "run_child", run)
    return called


def measured(peers, **plan):
    return measure(BY_NAME["coba"], peers, Plan(**plan), lambda _: None)


HERE = {Tool.BRIAN2: Peer(Tool.BRIAN2, "python", {})}


def test_a_work_runs_cold_and_warm_in_every_round(programs):
    found = measured(HERE, rounds=3, seeds=5)["runners"]
    assert found["snnrun"]["runs"] == 3
    assert found["snnrun"]["whole_cold"] == 2.0
    assert found["snnrun"]["whole_warm"] == 1.0
    assert found["snnrun"]["prepare_cold"] == pytest.approx(1.4)
    assert found["snnrun"]["prepare_warm"] == pytest.approx(0.4)
    assert found["snnrun"]["memory"] == 100_000_000
    cold_and_warm_and_two_seeds_more = 3 * 2 + 2
    plain = [words for words in programs if "snnrun" in words and not {"run.threads=2", "run.math=fast"} & set(words)]
    assert len(plain) == cold_and_warm_and_two_seeds_more
    cython = [words for words in programs if "cython" in words]
    assert len(cython) == 1 + 3  # compiled once


def test_a_very_long_run_is_not_repeated(monkeypatch):
    monkeypatch.setattr(measuring, "run_child", lambda *_: ended(OURS % (1.0, 20.0), seconds=61.0))
    work = replace(BY_NAME["coba"], runners=(STRICT,), seeds=1)
    found = measure(work, {}, Plan(rounds=3), lambda _: None)["runners"]["snnrun"]
    assert found["runs"] == 1
    assert found["whole_cold"] == 61.0
    assert found["simulate"] == 0.05
    assert "whole_warm" not in found


def test_options_that_ours_lacks_and_peers_that_are_missing_are_named(programs):
    found = measured({Tool.BRIAN2: Peer(Tool.BRIAN2, "", {}, "no Python was found")}, rounds=1)
    runners = found["runners"]
    assert runners["snnrun-2"]["missing"] == "not supported"
    assert runners["snnrun-fast"]["missing"] == "exit code 3: error[RUN301]: no memory"
    assert runners["brian2-cpp"]["missing"] == "no Python was found"
    assert runners["snnrun"]["runs"] == 1
    assert found["rates"] == []
    lines = rows({"coba": found})
    assert [line[0] for line in lines] == ["coba", "", "", "", ""]
    assert [line[1] for line in lines] == [
        "snnrun",
        "snnrun, math: fast",
        "snnrun, 2 threads",
        "Brian2, C++ standalone",
        "Brian2, Cython",
    ]


def test_ratios_say_how_many_times_longer_the_peer_takes(programs):
    found = measured(HERE, rounds=2)
    compared = ratios(found, "brian2-cpp")
    assert compared["simulate"] == pytest.approx(10.0)
    assert compared["whole_cold"] == pytest.approx(3.0)
    assert compared["whole_warm"] == pytest.approx(6.0)
    assert found["rates"][0]["agree"]


@pytest.mark.parametrize(
    ("ours", "theirs", "agree"),
    [
        ([10.0, 10.1, 9.9], [10.05], True),
        ([10.0, 10.1, 9.9], [10.9], False),
        ([9.0, 10.0, 11.0], [10.9], True),  # five standard errors: 5 sqrt(1/3 + 1)
        ([9.0, 10.0, 11.0], [16.0], False),
        ([0.0, 0.0], [0.0], False),  # silence is no agreement
    ],
)
def test_rates_agree_within_five_standard_errors(ours, theirs, agree):
    runs = {runner.key: Runs() for runner in BY_NAME["coba"].runners}
    runs["snnrun"].rates = {k: {"rate": rate} for k, rate in enumerate(ours)}
    runs["brian2-cpp"].rates = {k: {"rate": rate} for k, rate in enumerate(theirs)}
    (row,) = agreement(BY_NAME["coba"], runs)
    assert row["agree"] is agree


def test_rates_of_a_paper_are_met_within_a_tenth():
    work = BY_NAME["microcircuit"]
    runs = {runner.key: Runs() for runner in work.runners}
    rates = dict(zip(work.metrics, work.published, strict=True))
    runs["snnrun"].rates = {1: {**rates, "rate_L4E": 4.9}}
    assert [row["metric"] for row in agreement(work, runs) if not row["agree"]] == ["rate_L4E"]


# processes and environments


def test_a_child_that_takes_too_long_is_stopped_with_its_children():
    found = run_child([sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '60'])"], 0.5)
    assert found.late
    assert found.seconds < 30
    assert found.reason.startswith("stopped after")


def test_memory_is_that_of_the_largest_process_of_a_child():
    large = "x = b'1' * 200_000_000"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {large!r}])"
    # asked in a small process: what the system calls a child's memory begins with that of the process that starts it
    ask = f"from processes import run_child; print(run_child([{sys.executable!r}, '-c', {child!r}], 60.0).memory)"
    said = subprocess.run(
        [sys.executable, "-c", ask], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert 200e6 < int(said.stdout) < 300e6


def test_the_reason_of_a_failure_is_the_error_not_what_follows_it():
    text = "import sys; sys.stderr.write('error[ABC123]: wrong\\n  | here\\n'); sys.exit(2)"
    assert run_child([sys.executable, "-c", text], 60.0).reason == "exit code 2: error[ABC123]: wrong"


def test_the_newest_python_that_starts_is_tried_first(tmp_path, monkeypatch):
    for name, version, code in (("python3.12", "3 12 9", 0), ("python3.14", "3 14 1", 0), ("python3.15", "3 15 0", 1)):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3.14-config").write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setattr(environments.sys, "executable", str(tmp_path / "python3.12"))
    assert [path.name for path in pythons()] == ["python3.14", "python3.12"]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_hands_works_and_rounds_on():
    said = subprocess.run(
        ["make", "-n", "bench", "PYTHON=python", "WORKS=coba brunel", "ROUNDS=5", "QUICK=1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert said.stdout.split() == ["python", "tests/bench", "coba", "brunel", "--rounds", "5", "--quick"]


# against the limit

DISASSEMBLY = """
0000000000000000 <update>:
   0:	xor    %ecx,%ecx
   2:	vaddpd %zmm0,%zmm1,%zmm2
  10:	vmovupd (%rdi,%rcx,8),%zmm1
  18:	vmulpd 0x40(%rdi,%rcx,8),%zmm2,%zmm3
  20:	vfmadd231pd %zmm1,%zmm2,%zmm3
  28:	vdivpd %zmm1,%zmm3,%zmm4
  2c:	vaddpd -0x40(%rsp),%zmm4,%zmm4
  30:	vcmpltpd %zmm4,%zmm3,%k1
  34:	vmovapd %zmm4,%zmm3{%k1}
  38:	vmovupd %zmm3,(%rsi,%rcx,8)
  3c:	vmovq  %xmm2,(%rdx,%rcx,1)
  40:	add    $0x10,%rcx
  44:	cmp    %rcx,%rax
  47:	jne    10 <update+0x10>
  50:	vmovsd (%rdi,%rcx,8),%xmm1
  55:	vaddsd %xmm1,%xmm1,%xmm1
  5a:	inc    %rcx
  60:	jne    50 <update+0x50>
  62:	jmp    0 <update>
"""


def test_operations_and_bytes_are_those_of_one_element_of_the_vector_loop():
    cost = update_cost(DISASSEMBLY)
    # 16 elements a turn; multiplication, fused one, sum, comparison, selection, each on 8 elements
    assert cost.sums == 5 * 8 / 16
    assert cost.quotients == 8 / 16
    # two loads and a store of 64 bytes, a store of 8; the stack is no traffic
    assert cost.bytes == (3 * 64 + 8) / 16


def test_a_loop_that_is_not_vectorised_has_no_count():
    scalar = [line for line in DISASSEMBLY.splitlines() if "zmm" not in line]
    assert update_cost("\n".join(scalar)) is None


def test_a_limit_is_the_longer_of_arithmetic_and_bandwidth(monkeypatch):
    monkeypatch.setattr(bounds, "measured_bandwidth", lambda resident: 8e9 if resident > 1e6 else 1e12)
    works = {
        name: {"size": size, "seconds": 1.0, "rates": [{"ours": 10.0}]}
        for name, size in (("gap", 500), ("plastic", 1e4))
    }
    found = measure_bounds(1e10, works)
    assert found["gap"]["number"] == 500**2 * 1e4
    assert found["gap"]["seconds"] == pytest.approx(2.5)  # 8 bytes a pair at 8 GB/s, not 3 sums at 10 G/s
    assert found["gap"]["by"] == "bandwidth"
    assert found["plastic"]["number"] == pytest.approx(6.4e6 * 10 * 2)  # before and after
    small = measure_bounds(1e10, {"gap": {"size": 10, "seconds": 1.0, "rates": [{"ours": 10.0}]}})
    assert small["gap"]["by"] == "arithmetic"
    assert set(BEYOND) <= set(BOUNDS) <= set(BY_NAME)


# the page


def test_the_page_is_made_from_the_results():
    assert PAGE.read_text(encoding="utf-8") == page(read_snapshot())


def test_the_page_shows_another_figure_when_the_results_have_one():
    data = read_snapshot()
    name = next(iter(data["works"]))
    other = copy.deepcopy(data)
    other["works"][name]["runners"]["snnrun"]["simulate"] = 123.0
    assert "| 123 |" not in page(data)
    assert "| 123 |" in page(other)


def test_the_page_names_works_that_are_not_much_faster_than_brian2_and_their_limits():
    data = copy.deepcopy(read_snapshot())
    runners = data["works"]["coba"]["runners"]
    runners["brian2-cpp"]["simulate"] = 2.5 * runners["snnrun"]["simulate"]
    limit = {"unit": "neuron and step", "number": 4e7, "sums": 22, "bytes": 58, "by": "bandwidth"}
    data["limit"]["bounds"] = {"coba": {**limit, "seconds": runners["snnrun"]["simulate"] / 2}}
    assert "Less than 3 times as fast as Brian2's standalone program: coba (2.5)" in page(data)
    assert "| coba | neuron and step | bandwidth | 40 | 22 | 58 |" in page(data)


def test_the_pictures_are_drawn_from_the_results():
    data = read_snapshot()
    assert drawn_from(RATIOS) == data_digest(data["works"])
    if data["scaling"]:
        assert drawn_from(SCALING) == data_digest(data["scaling"])


def test_the_results_tell_the_kind_of_machine_and_no_names():
    text = (ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8")
    told = {"processor", "cores", "threads", "caches", "memory_gb", "system", "load", "compiler"}
    assert set(read_snapshot()["machine"]) == told
    assert "/" not in text  # no path


# scaling


def test_a_curve_ends_where_a_size_takes_too_long():
    tried = []

    def cost(size):
        tried.append(size)
        return {"seconds": 2e-9} if size < 1e4 else "stopped after 180 s"

    points = _curve("neurons", (1e3, 1e4, 1e5), cost, "coba", lambda _: None)
    assert tried == [1e3, 1e4]
    assert [point["neurons"] for point in points] == [1e3, 1e4, 1e5]
    assert points[0]["seconds"] == 2e-9
    assert points[1]["missing"] == "stopped after 180 s"
    assert points[2]["missing"] == "not tried"


def test_the_cost_of_an_event_leaves_out_the_run_without_synapses():
    full, bare = Spent(3.0, 1.0, 4_000_000, {"spikes": 10}), Spent(1.0, 0.1, 2_000_000, {"spikes": 5})
    assert _event(full, bare, 1e9) == {"events": 1e9, "seconds": 2e-9, "build": 1.0, "memory": 4e6}


REPORT = """#!/bin/sh
echo '{"digest": "%s", "seconds": {"simulate": %s}}'
"""


@pytest.mark.parametrize(("digest", "code"), [("abc", 0), ("xyz", 1)])
def test_a_pair_is_compared_by_medians_and_digests(tmp_path, monkeypatch, capsys, digest, code):
    sides = {}
    for name, text in (("this", REPORT % ("abc", 0.5)), ("other", REPORT % (digest, 0.25))):
        sides[name] = tmp_path / name / "snnrun"
        sides[name].parent.mkdir()
        sides[name].write_text(text, encoding="utf-8")
        sides[name].chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "this" / "python"))
    assert pair(str(sides["other"]), ["coba"], 2, print) == code
    shown = capsys.readouterr().out
    assert "0.500    0.250    2.00" in shown
    assert ("DIGESTS DIFFER  coba" in shown) == bool(code)

"""`snnrun cache`, and what `snnrun run` says of its kernels."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snnrun.codegen.cache import obtain_function
from snnrun.kernels.connect import copy_to_places


@pytest.fixture
def kernels_here(place, monkeypatch):
    """An empty cache in the current folder."""
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(place / "kernels"))
    return place / "kernels"


def test_an_empty_cache_is_no_error(snnrun, kernels_here):
    said = snnrun("cache", "info")
    assert said.code == 0
    assert said.out.splitlines()[0] == str(kernels_here)
    assert said.out.splitlines()[1].startswith("0 kernels, 0 B of at most 100 MB")
    assert snnrun("cache", "clear").err == f"removed 0 kernels, 0 B, from {kernels_here}\n"
    assert not kernels_here.exists()


def test_info_says_what_a_run_left_and_clear_removes_it(snnrun, kernels_here, small):
    assert snnrun("run", small, "--no-plots").code == 0
    (file,) = kernels_here.glob("*.kernel")
    functions = list(kernels_here.glob("*.function"))
    found = json.loads(snnrun("cache", "info", "--json").out)
    (kernel,) = found["kernels"]
    assert (found["folder"], found["number"], found["bytes"]) == (str(kernels_here), 1, file.stat().st_size)
    assert kernel["objects"] == ["groups.cells", "monitors.out"]
    assert (kernel["key"], kernel["processor"], kernel["damaged"]) == (file.stem, found["processor"], False)
    assert 0 <= kernel["unused_seconds"] < 60
    assert (found["functions"], found["function_bytes"]) == (len(functions), sum(f.stat().st_size for f in functions))
    assert functions
    shown = snnrun("cache", "info").out
    assert f"1 kernel and {len(functions)} functions for others, " in shown
    assert f"1 for this processor ({found['processor']})" in shown
    assert "groups.cells, monitors.out" in shown.splitlines()[-1]
    assert json.loads(snnrun("cache", "clear", "--json").out) == {
        "command": "cache clear",
        "exit_code": 0,
        "errors": [],
        "folder": str(kernels_here),
        "removed": 1,
        "bytes": found["bytes"] + found["function_bytes"],
    }
    assert list(kernels_here.iterdir()) == []
    assert "compiled" in snnrun("run", small, "--no-plots", "--force").err


def test_info_names_functions_of_the_engine_itself(snnrun, kernels_here):
    made = obtain_function(copy_to_places, ("int64", "int64[:]", "float64[:]", "float64[:]"))
    (kernel,) = json.loads(snnrun("cache", "info", "--json").out)["kernels"]
    assert (kernel["key"], kernel["function"], kernel["objects"]) == (made.key, "connect.copy_to_places", [])
    assert snnrun("cache", "info").out.splitlines()[-1].endswith("connect.copy_to_places")


def test_a_damaged_kernel_costs_a_line_and_a_compilation(snnrun, kernels_here, small):
    first = json.loads(snnrun("run", small, "--no-plots", "--json").out)
    (file,) = kernels_here.glob("*.kernel")
    data = bytearray(file.read_bytes())
    data[-100] ^= 0x10
    file.write_bytes(data)
    assert "damaged" in snnrun("cache", "info").out
    said = snnrun("run", small, "--no-plots", "--force")
    assert said.code == 0
    assert [line for line in said.err.splitlines() if line.startswith("note:")] == [
        "note: a kernel in the cache was damaged; it was compiled again"
    ]
    assert "Traceback" not in said.err
    again = json.loads(snnrun("run", small, "--no-plots", "--json", "--force").out)
    assert again["digest"] == first["digest"]
    assert "note:" not in snnrun("run", small, "--no-plots", "--force").err


def test_a_cache_out_of_reach_is_an_error_of_storage(snnrun, kernels_here, monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    for word in ("info", "clear"):
        said = snnrun("cache", word)
        assert said.code == 4
        assert "error[CCH101]" in said.err


@pytest.mark.parametrize("disk", ["size=4k", "ro"])
def test_a_full_or_read_only_disk_costs_a_line_and_a_compilation(snnrun, small, place, disk):
    """On a disk of its own, in a name space where this user may mount one."""
    unshare = shutil.which("unshare")
    inside = [unshare or "", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o {disk} tmpfs kernels"
    (place / "kernels").mkdir()
    if not unshare or subprocess.run([*inside, mount], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount disks")
    run = f"{mount} && SNNRUN_CACHE_DIR=kernels {sys.executable} -m snnrun run small.yaml --no-plots"
    done = subprocess.run(
        [*inside, f"{run} && ls -A kernels"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0
    assert ".kernel" not in done.stdout
    assert ".part" not in done.stdout
    reason = "Read-only file system" if disk == "ro" else "No space left on device"
    notes = [line for line in done.stderr.splitlines() if line.startswith("note:")]
    assert notes == [f"note: kernels cannot be kept in kernels ({reason}); this one was compiled for this run only"]
    before = json.loads(Path("outputs/small/latest/DONE.json").read_text(encoding="utf-8"))["digest"]
    assert json.loads(snnrun("run", small, "--no-plots", "--json").out)["digest"] == before


def run_at_once(number, outs, kernels):
    """The digests of so many runs of one experiment, started together with an empty cache."""
    command = [sys.executable, "-m", "snnrun", "run", "small.yaml", "--no-plots", "--json", "--out"]
    runs = [
        subprocess.Popen([*command, outs(k)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for k in range(number)
    ]
    digests = []
    for one in runs:
        out, err = one.communicate(timeout=600)
        assert (one.returncode, err) == (0, "")
        digests.append(json.loads(out)["digest"])
    assert len(list(kernels.glob("*.kernel"))) == 1
    assert {file.suffix for file in kernels.iterdir()} == {".kernel", ".function"}
    return digests


def check_runs_at_once(number, kernels):
    apart = run_at_once(number, lambda k: f"out{k}", kernels)
    shutil.rmtree(kernels)
    together = run_at_once(number // 2, lambda _: "out", kernels)
    assert len({*apart, *together}) == 1
    assert len([folder for folder in Path("out/small").iterdir() if not folder.is_symlink()]) == 1


def test_runs_at_once_share_a_cold_cache_and_a_folder(kernels_here, small):
    check_runs_at_once(4, kernels_here)


@pytest.mark.slow
def test_sixteen_runs_at_once_share_a_cold_cache_and_eight_a_folder(kernels_here, small):
    check_runs_at_once(16, kernels_here)


def test_ctrl_c_anywhere_in_a_command_is_said_and_exit_code_130():
    pressed = (
        "import sys; from snnrun.cli import kernels, main\n"
        "def press(**_): raise KeyboardInterrupt\n"
        "kernels.cache_info = press; sys.argv = ['snnrun', 'cache', 'info']; main.main()"
    )
    done = subprocess.run([sys.executable, "-c", pressed], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "interrupted")

"""Kernels on disk: whatever happens to the files, the right kernel is run or made anew, and a line says so."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from snnrun.codegen import cache
from snnrun.codegen.cache import Compiled, cache_folder, clear, kept_kernels, obtain
from snnrun.codegen.native import NativeKernel

# The smallest kernel there is: it compiles in a tenth of a second.
TINY = """\
from snnrun.kernels.marks import kernel


@kernel()
def advance(first, n_steps, table):
    return n_steps + {number}  # groups.tiny
"""


def tiny(number: int = 7) -> str:
    return TINY.format(number=number)


def answer(compiled: Compiled) -> int:
    """What the kernel computes for 100 steps."""
    return NativeKernel(compiled.object).advance(0, 100, np.zeros(1, np.int64))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("SNNRUN_CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def kept(folder: Path) -> Path:
    """The file of the tiny kernel in a cache that holds nothing else."""
    made = obtain(tiny())
    assert (made.cached, made.note, answer(made)) == (False, "", 107)
    (file,) = folder.iterdir()
    assert file.name == f"{made.key}.kernel"
    return file


def assert_made_anew(file: Path) -> None:
    """The kernel is compiled again, with the same result and one line of explanation, and then kept again."""
    whole = obtain(tiny())
    assert not whole.cached
    assert "compiled again" in whole.note
    assert "\n" not in whole.note
    assert answer(whole) == 107
    assert [f.name for f in file.parent.iterdir()] == [file.name]
    again = obtain(tiny())
    assert (again.cached, again.note, again.object) == (True, "", whole.object)


def flip(file: Path, position: int, bit: int) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 1 << bit
    file.write_bytes(data)


def flip_everywhere(file: Path, number: int) -> None:
    """Damage a byte at places all over the file: checksum, description, object."""
    size = file.stat().st_size
    places = {size * k // number for k in range(number)}
    assert len(places) == min(number, size)
    for k, place in enumerate(sorted(places)):
        flip(file, place, k % 8)
        assert_made_anew(file)


def test_a_flipped_byte_is_noticed_wherever_it_is(kept: Path) -> None:
    flip_everywhere(kept, 60)


@pytest.mark.slow
def test_a_flipped_byte_is_noticed_at_500_places(kept: Path) -> None:
    flip_everywhere(kept, 500)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_noticed(kept: Path, share: float) -> None:
    data = kept.read_bytes()
    kept.write_bytes(data[: int(len(data) * share)])
    assert_made_anew(kept)


def test_a_file_that_grew_is_noticed(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes() + b"\0")
    assert_made_anew(kept)


def test_the_file_of_another_kernel_is_noticed(kept: Path) -> None:
    other = obtain(tiny(8))
    assert answer(other) == 108
    (kept.parent / f"{other.key}.kernel").replace(kept)
    assert_made_anew(kept)


def test_a_file_that_others_can_write_is_not_loaded(kept: Path) -> None:
    kept.chmod(0o666)
    assert_made_anew(kept)
    assert kept.stat().st_mode & 0o077 == 0


def test_a_file_of_another_user_is_not_loaded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only an administrator can give files away")
    os.chown(kept, 65534, 65534)
    assert_made_anew(kept)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_nothing_is_waited_for_or_read_without_an_end_in_the_place_of_a_kernel(
    kept: Path, make: Callable[[Path], None]
) -> None:
    kept.unlink()
    make(kept)
    make(kept.with_suffix(".busy"))
    assert [kernel.processor for kernel in kept_kernels(kept.parent)] == [""]
    made = obtain(tiny())
    assert (made.cached, answer(made)) == (False, 107)
    assert "it is not a regular file" in made.note
    assert obtain(tiny()).cached


def test_a_folder_in_the_place_of_a_kernel_costs_only_the_keeping(kept: Path) -> None:
    kept.unlink()
    (kept / "x").mkdir(parents=True)
    for _ in range(2):
        made = obtain(tiny())
        assert (made.cached, answer(made)) == (False, 107)
        assert "could not be read" in made.note
    assert [f.name for f in kept.parent.iterdir()] == [kept.name]


# where the folder cannot be used


def test_a_path_that_is_no_folder_costs_only_the_keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("SNNRUN_CACHE_DIR", str(place))
        made = obtain(tiny())
        assert (made.cached, answer(made)) == (False, 107)
        assert f"kernels cannot be kept in {place}" in made.note


def no_space(*_args: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_only(*_args: object, **_options: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize("fault", [no_space, read_only])
@pytest.mark.parametrize(
    ("owner", "call"),
    [(tempfile, "mkstemp"), (os, "fdopen"), (Path, "replace"), (Path, "mkdir")],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_any_failing_call_costs_only_the_keeping(
    folder: Path, monkeypatch: pytest.MonkeyPatch, owner: object, call: str, fault: Callable[..., None]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, fault)
        made = obtain(tiny())
    assert (made.cached, answer(made)) == (False, 107)
    assert "kernels cannot be kept" in made.note
    names = [f.name for f in folder.iterdir()] if folder.exists() else []
    assert names in ([], [f"{made.key}.kernel"])
    assert answer(obtain(tiny())) == 107


@pytest.mark.parametrize(
    ("owner", "call"),
    [(os, "utime"), (fcntl, "flock"), (os, "scandir")],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_only_helps_may_fail(kept: Path, monkeypatch: pytest.MonkeyPatch, owner: object, call: str) -> None:
    """A folder that can only be read serves as well; so does one without locks."""
    monkeypatch.setattr(owner, call, read_only)
    assert obtain(tiny()).cached
    made = obtain(tiny(9))
    assert (made.cached, made.note, answer(made)) == (False, "", 109)
    assert obtain(tiny(9)).cached


def test_a_file_that_cannot_be_written_to_its_end_is_not_left_behind(folder: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        made = obtain(tiny())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answer(made) == 107
    assert "kernels cannot be kept" in made.note
    assert list(folder.iterdir()) == []


# where the folder is


def default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SNNRUN_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "snnrun" / "kernels"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep caches elsewhere")
def test_the_users_folder_is_theirs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = default_folder(tmp_path, monkeypatch)
    assert not obtain(tiny()).note
    assert place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o777)
    obtain(tiny(8))
    assert place.stat().st_mode & 0o777 == 0o700
    assert {f.stat().st_mode & 0o777 for f in place.iterdir()} == {0o600}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep caches elsewhere")
def test_the_folder_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a command is run with `sudo` and the user's own environment."""
    place = default_folder(tmp_path, monkeypatch)
    place.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    made = obtain(tiny())
    assert answer(made) == 107
    assert "belongs to another user" in made.note
    assert list(place.iterdir()) == []


def test_without_a_home_kernels_are_kept_among_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNRUN_CACHE_DIR", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: Path("~/.cache") / name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert not obtain(tiny()).note
    assert obtain(tiny()).cached
    assert cache_folder() == tmp_path / "temporary" / f"snnrun-{os.geteuid()}" / "kernels"
    assert cache_folder().stat().st_mode & 0o777 == 0o700


# several processes

WORKER = """\
import hashlib, json, sys
from snnrun.codegen.cache import obtain
text = sys.stdin.read()
print("ready", flush=True)
made = obtain(text)
print(json.dumps([made.cached, made.note, hashlib.sha256(made.object).hexdigest()]))
"""


def obtain_at_once(number: int) -> list[tuple[bool, str, str]]:
    """What so many processes get that all want the same kernel."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    said = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(tiny())
        worker.stdin.close()
        worker.stdin = None
    for worker in workers:
        out, err = worker.communicate(timeout=300)
        assert (worker.returncode, err) == (0, "")
        cached, note, digest = json.loads(out.splitlines()[-1])
        said.append((cached, note, digest))
    return said


def assert_one_compiles(number: int, folder: Path) -> None:
    said = obtain_at_once(number)
    made = Counter(cached for cached, _, _ in said)
    assert made == {False: 1, True: number - 1}
    assert {note for _, note, _ in said} == {""}
    whole = obtain(tiny())
    assert whole.cached
    assert {digest for _, _, digest in said} == {hashlib.sha256(whole.object).hexdigest()}
    assert [f.name for f in folder.iterdir()] == [f"{whole.key}.kernel"]


def test_of_several_processes_one_compiles_and_the_others_wait(folder: Path) -> None:
    assert_one_compiles(6, folder)


@pytest.mark.slow
def test_of_sixteen_processes_one_compiles_and_the_others_wait(folder: Path) -> None:
    assert_one_compiles(16, folder)


def test_nobody_waits_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.setattr(cache, "_PATIENCE", 0.2)
    made = obtain(tiny())
    clear(folder)
    with (folder / f"{made.key}.busy").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        started = time.monotonic()
        assert answer(obtain(tiny())) == 107
        assert time.monotonic() - started >= 0.2


# size


def used_ago(file: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_kernels_that_were_not_used_for_the_longest_time_are_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [folder / f"{obtain(tiny(number)).key}.kernel" for number in range(4)]
    for k, file in enumerate(files):
        used_ago(file, 1000 - k)
    assert obtain(tiny(0)).cached  # the oldest is used again
    size = files[0].stat().st_size
    monkeypatch.setattr(cache, "LIMIT", size * 4 + size // 2)
    newest = folder / f"{obtain(tiny(99)).key}.kernel"
    assert {f.name for f in folder.iterdir()} == {f.name for f in (files[0], files[2], files[3], newest)}
    assert not obtain(tiny(1)).cached


def test_only_this_programs_files_are_removed(folder: Path) -> None:
    folder.mkdir()
    key = hashlib.sha256(b"").hexdigest()[:32]
    others = [folder / name for name in ("notes.txt", "a.kernel", ".hidden", "model.o", f"{key}.kernel.bak")]
    left = [folder / f".{key[:8]}.abc123_z.part", folder / f"{key}.busy", folder / f"{key}.json"]
    fresh = folder / f".{key[:8]}.abc123_y.part"
    for file in (*others, *left, fresh):
        file.write_text("x", encoding="utf-8")
    for file in (*others, *left):
        used_ago(file, 7200)
    kernel = folder / f"{obtain(tiny()).key}.kernel"
    assert {f.name for f in folder.iterdir()} == {f.name for f in (*others, fresh, kernel)}
    size = kernel.stat().st_size + fresh.stat().st_size
    assert clear(folder) == (1, size)
    assert {f.name for f in folder.iterdir()} == {f.name for f in others}


def test_the_list_says_what_is_kept(folder: Path) -> None:
    assert kept_kernels(folder) == []
    first, second = obtain(tiny(1)), obtain(tiny(2))
    used_ago(folder / f"{first.key}.kernel", 60)
    listed = kept_kernels(folder)
    assert [kernel.key for kernel in listed] == [second.key, first.key]
    assert {kernel.objects for kernel in listed} == {("groups.tiny",)}
    assert all(kernel.processor for kernel in listed)
    assert listed[0].used - listed[1].used > 50
    flip(folder / f"{second.key}.kernel", 100, 0)
    damaged = kept_kernels(folder)[0]
    assert (damaged.key, damaged.processor, damaged.objects) == (second.key, "", ())

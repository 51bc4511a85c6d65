"""Run folders are complete or absent, whatever dies when."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snnrun.errors import StorageError
from snnrun.files import writing
from snnrun.results import folder as folders
from snnrun.results.done import read_done
from snnrun.results.folder import claim, is_complete, latest, recover, update_latest
from snnrun.results.layout import RunStatus
from snnrun.results.provenance import collect, git_state, package_versions, processor_model


def publish(final: Path, text: str = "data", digest: str = "d1", status: str = "complete", extra: str | None = None):
    with claim(final) as run:
        (run.path / "results.h5").write_text(text)
        (run.path / "plots").mkdir()
        if extra:
            (run.path / extra).write_text(extra)
        return run.publish(status, digest, versions={"snnrun": "1"}, timings={"run": 0.5})


def hidden(parent: Path) -> list[str]:
    return [p.name for p in parent.iterdir() if p.name.startswith(".")]


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_published_folder_has_its_files_and_says_so(tmp_path):
    final = tmp_path / "lif" / "3f9a1c02"
    published = publish(final)
    assert published.path == final
    assert not published.kept_old
    done = read_done(final)
    assert (done.status, done.digest, done.versions, done.timings) == (
        RunStatus.COMPLETE,
        "d1",
        {"snnrun": "1"},
        {"run": 0.5},
    )
    assert done.files["results.h5"].bytes == 4
    assert set(done.files) == {"results.h5"}
    assert sorted(p.name for p in final.iterdir()) == ["DONE.json", "plots", "results.h5"]
    assert hidden(final.parent) == []
    assert is_complete(final)


def test_nothing_is_seen_before_publishing_and_nothing_remains_after_giving_up(tmp_path):
    final = tmp_path / "lif" / "aa"
    with pytest.raises(RuntimeError), claim(final) as run:  # noqa: PT012 - the error comes from inside the block
        (run.path / "results.h5").write_text("half")
        assert not final.exists()
        raise RuntimeError
    assert list(final.parent.iterdir()) == []


def test_equal_digests_keep_the_earlier_result(tmp_path):
    final = tmp_path / "lif" / "aa"
    publish(final, "old")
    inode = final.stat().st_ino
    assert publish(final, "new").kept_old
    assert final.stat().st_ino == inode
    assert (final / "results.h5").read_text() == "old"
    assert hidden(final.parent) == []


def test_another_digest_replaces_the_result_as_a_whole(tmp_path):
    final = tmp_path / "lif" / "aa"
    publish(final, "old", extra="old.txt")
    assert not publish(final, "new", "d2").kept_old
    assert sorted(p.name for p in final.iterdir()) == ["DONE.json", "plots", "results.h5"]
    assert (final / "results.h5").read_text() == "new"
    assert hidden(final.parent) == []


def test_a_result_with_more_files_replaces_an_equal_one(tmp_path):
    final = tmp_path / "lif" / "aa"
    publish(final)
    assert not publish(final, extra="raster.png").kept_old
    assert (final / "raster.png").exists()


def test_an_interrupted_run_is_published_but_never_replaces_a_complete_one(tmp_path):
    final = tmp_path / "lif" / "aa"
    publish(final, "part", "d0", "interrupted")
    assert read_done(final).status is RunStatus.INTERRUPTED
    assert not is_complete(final)
    assert not publish(final, "whole", "d1").kept_old
    assert publish(final, "part", "d0", "failed").kept_old
    assert (final / "results.h5").read_text() == "whole"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é", "x" * 65, "a\0b", "$HOME"])
def test_names_that_could_leave_the_place_are_refused(tmp_path, name):
    with pytest.raises((StorageError, ValueError)):
        claim(type("P", (), {"name": name, "parent": tmp_path / "ok"})())


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path):
    parent = tmp_path / "lif"
    parent.mkdir()
    dead, alive = parent / f".aa.{dead_pid()}-tmp", parent / f".bb.{os.getppid()}-tmp"
    for path in (dead, alive):
        path.mkdir()
        (path / "results.h5").write_text("half")
    claim(parent / "cc").discard()
    assert hidden(parent) == [alive.name]


def test_a_recycled_process_id_does_not_protect_a_leftover(tmp_path):
    parent = tmp_path / "lif"
    left = parent / f".aa.{os.getpid()}-tmp"
    left.mkdir(parents=True)
    import socket

    (left / ".claim.json").write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": 1.0}))
    recover(parent)
    assert hidden(parent) == []


def test_another_machines_run_is_left_alone_until_it_is_silent_for_a_day(tmp_path):
    parent = tmp_path / "lif"
    other = parent / f".aa.{dead_pid()}-tmp"
    other.mkdir(parents=True)
    note = other / ".claim.json"
    note.write_text(json.dumps({"host": "node17", "pid": 1, "started": 1.0}))
    recover(parent)
    assert other.exists()
    os.utime(note, (1e9, 1e9))
    recover(parent)
    assert not other.exists()


def test_two_claims_of_one_process_do_not_meet(tmp_path):
    final = tmp_path / "lif" / "aa"
    with claim(final) as one, claim(final) as two:
        assert one.path != two.path


CALLS = ("rename", "unlink", "write_text", "mkdir", "replace", "symlink_to")


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("failure", ["ENOSPC", "kill"])
def test_a_failure_at_any_file_call_leaves_a_whole_result_or_none(tmp_path, old, failure):
    """Fails the n-th call for every n, in a child process when it is a kill, and runs again."""
    reached = 0
    for n in range(1, 60):
        final = tmp_path / f"{failure}-{n}" / "aa"
        if old:
            publish(final, "old", "d0")
        finished = _publish_with_failure(final, n, failure)
        recover(final.parent)
        if final.exists():
            done = read_done(final)
            assert done is not None
            assert (final / "results.h5").read_text() == {"d0": "old", "d1": "new"}[done.digest]
        else:
            assert old is None
        publish(final, "new")
        assert read_done(final).digest == "d1"
        assert hidden(final.parent) == []
        assert latest(final.parent) == final
        if finished:
            break
        reached += 1
    assert finished
    assert reached >= 4


def _publish_with_failure(final: Path, n: int, failure: str) -> bool:
    """True when the publication ended before its n-th file call."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _fail_at(n, failure)
            publish(final, "new")
            code = 0
        except StorageError:
            code = 4
        finally:
            os._exit(code if _fail_at.count >= n else code + 10)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return False
    assert os.WEXITSTATUS(status) in {0, 4, 10}
    return os.WEXITSTATUS(status) == 10


def _fail_at(n: int, failure: str) -> None:
    """Let the n-th changing file call of the program's own code fail, or die right before it."""
    _fail_at.count = 0

    def wrap(original):
        def call(*args, **kwargs):
            if sys._getframe(1).f_code.co_filename in (folders.__file__, writing.__file__):
                _fail_at.count += 1
                if _fail_at.count == n:
                    if failure == "kill":
                        os.kill(os.getpid(), 9)
                    raise OSError(errno.ENOSPC, "No space left on device")
            return original(*args, **kwargs)

        return call

    for name in CALLS:
        setattr(Path, name, wrap(getattr(Path, name)))
    os.fsync = wrap(os.fsync)
    folders.shutil.copy2 = wrap(folders.shutil.copy2)


def test_latest_names_the_newest_run_and_works_without_links(tmp_path, monkeypatch):
    parent = tmp_path / "lif"
    publish(parent / "aa")
    publish(parent / "bb")
    assert (parent / "latest").is_symlink()
    assert latest(parent) == parent / "bb"

    def refuse(*args, **kwargs):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    update_latest(parent / "aa")
    assert not (parent / "latest").is_symlink()
    assert latest(parent) == parent / "aa"


def test_latest_that_points_out_of_its_folder_is_not_followed(tmp_path):
    (tmp_path / "latest").symlink_to("../../etc")
    assert latest(tmp_path) is None


def test_a_damaged_done_file_is_no_completion(tmp_path):
    for text in ("", "{", "[]", '{"status": "complete"}', '{"status": "odd"}'):
        (tmp_path / "DONE.json").write_text(text)
        assert read_done(tmp_path) is None


def git(folder: Path, *arguments: str) -> None:
    setup = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *setup, *arguments], cwd=folder, check=True, capture_output=True)


def test_git_state_tells_commit_and_dirt_and_starts_no_program_of_the_repository(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None
    source = tmp_path / "lif.yaml"
    source.write_text("version: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    state = git_state(source)
    assert len(state.commit) == 40
    assert state.dirty is False
    spy = tmp_path / "spy.sh"
    spy.write_text("#!/bin/sh\ntouch ran\n")
    spy.chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(spy))
    source.write_text("version: 2\n")
    assert git_state(source).dirty is True
    assert not (tmp_path / "ran").exists()


def test_no_git_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None


def test_provenance_is_written_as_plain_data(tmp_path):
    found = collect(["snnrun", "run", "x.yaml"], 0.0, 1.5, tmp_path)
    plain = json.loads(found.write(tmp_path).read_text())
    assert plain["started"] == "1970-01-01T00:00:00+00:00"
    assert plain["command"] == ["snnrun", "run", "x.yaml"]
    assert plain["packages"]["numpy"].count(".") >= 1
    assert plain["git"] is None
    assert processor_model()
    assert package_versions(["no-such-package-here"]) == {}

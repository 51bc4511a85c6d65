"""What a sweep keeps on disk: records that are whole or ignored, claims that die with their process."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from snnrun.errors import StorageError
from snnrun.results.sweep_table import PointStatus
from snnrun.sweep import claims as claims_module
from snnrun.sweep.claims import Claims
from snnrun.sweep.dispatch import Queue
from snnrun.sweep.journal import Journal, Ledger, Reader, Record
from snnrun.sweep.store import Facts, read_state, write_facts

COMPLETE, FAILED, MISSING = PointStatus.COMPLETE, PointStatus.FAILED, PointStatus.MISSING
RECORD = Record(3, COMPLETE, {"rate": (0.1 + 0.2, "Hz"), "gap": (float("nan"), "s")}, 0.25, "ab12", "", ("all",))


def test_a_record_reads_back_to_the_same_bits():
    back = Record.from_line(RECORD.to_line())
    assert back.metrics["rate"] == (0.1 + 0.2, "Hz")
    assert np.isnan(back.metrics["gap"][0])
    assert (back.point, back.status, back.digest, back.left_out) == (3, COMPLETE, "ab12", ("all",))


def test_a_record_with_any_byte_changed_or_cut_anywhere_is_no_record():
    line = RECORD.to_line()
    assert Record.from_line(line) is not None
    for k in range(len(line) - 1):
        assert Record.from_line(line[:k]) is None
        changed = bytearray(line)
        changed[k] ^= 1
        assert Record.from_line(bytes(changed)) is None


def test_half_a_line_is_not_read_until_it_is_whole(tmp_path):
    line = RECORD.to_line()
    (tmp_path / "journal").mkdir()
    file = tmp_path / "journal" / "a-1-0.jsonl"
    reader = Reader(tmp_path)
    file.write_bytes(line + line[:20])
    assert [r.point for r in reader.new()] == [3]
    assert list(reader.new()) == []
    file.write_bytes(line + line)
    assert [r.point for r in reader.new()] == [3]


def test_a_damaged_line_costs_its_point_alone(tmp_path):
    (tmp_path / "journal").mkdir()
    lines = [Record(k, COMPLETE).to_line() for k in range(3)]
    (tmp_path / "journal" / "a-1-0.jsonl").write_bytes(lines[0] + lines[1][:-9] + b"garbage\xff\n" + lines[2])
    ledger = Ledger(tmp_path, 4)
    ledger.refresh()
    assert ledger.status.tolist() == [COMPLETE, MISSING, COMPLETE, MISSING]
    assert ledger.left == 2


def test_after_a_failed_write_a_journal_goes_on_in_another_file(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.add(Record(0, COMPLETE))
    with monkeypatch.context() as patch:
        write = os.write
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:10]))  # the disk is full
        with pytest.raises(StorageError, match="No space left"):
            journal.add(Record(1, COMPLETE))
    journal.add(Record(2, COMPLETE))
    journal.close()
    assert [r.point for r in Reader(tmp_path).new()] == [0, 2]


@pytest.mark.parametrize("order", [(COMPLETE, FAILED), (FAILED, COMPLETE)])
def test_a_success_outweighs_a_failure_in_any_order(tmp_path, order):
    ledger = Ledger(tmp_path, 1)
    for status in order:
        ledger.note(Record(0, status))
    assert (ledger.status[0], ledger.left) == (COMPLETE, 0)


def test_records_of_points_that_do_not_exist_are_ignored(tmp_path):
    ledger = Ledger(tmp_path, 2)
    ledger.note(Record(2, COMPLETE))
    ledger.note(Record(-1, COMPLETE))
    assert ledger.left == 2


# claims


def claim_by(tmp_path, **changed):
    me = psutil.Process()
    plain = {"host": socket.gethostname(), "pid": me.pid, "started": me.create_time(), "workers": 2, "inside": False}
    (tmp_path / "claims").mkdir(exist_ok=True)
    (tmp_path / "claims" / "4.json").write_text(json.dumps(plain | {"points": [[4, 6], [9, 9]]} | changed))


def test_points_are_claimed_once(tmp_path):
    one, two = Claims(tmp_path), Claims(tmp_path)
    assert one.take("4", [4, 5, 6, 9])
    assert not two.take("4", [4])
    (seen,) = two.others()
    assert list(seen.points()) == [4, 5, 6, 9]
    assert one.others() == []
    one.close()
    assert two.others() == []
    assert two.take("4", [4])
    two.close()
    assert not (tmp_path / "claims").exists()


def test_the_claim_of_a_dead_process_is_taken_over_at_once(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    claim_by(tmp_path, pid=gone.pid, inside=True)
    claims = Claims(tmp_path)
    assert claims.died_inside()
    assert claims.others() == []
    assert claims.take("4", [4])
    claims.close()


def test_a_process_that_has_the_number_of_a_dead_one_is_not_it(tmp_path):
    claim_by(tmp_path, started=psutil.Process().create_time() - 1000)
    assert Claims(tmp_path).others() == []


def test_a_claim_of_another_machine_is_stale_when_it_is_silent(tmp_path, monkeypatch):
    claim_by(tmp_path, host="elsewhere", pid=1)
    old = time.time() - 10_000  # its clock may be wrong; only silence counts
    os.utime(tmp_path / "claims" / "4.json", (old, old))
    monkeypatch.setattr(claims_module, "TIMEOUT_S", 0.2)
    claims = Claims(tmp_path)
    assert len(claims.others()) == 1
    os.utime(tmp_path / "claims" / "4.json", (old + 1, old + 1))
    time.sleep(0.25)
    assert len(claims.others()) == 1  # it gave a sign of life
    time.sleep(0.25)
    assert claims.others() == []


def test_a_claim_that_is_being_written_counts(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "7.json").write_text("")
    (seen,) = Claims(tmp_path).others()
    assert list(seen.points()) == [7]


def test_claims_are_kept_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(claims_module, "HEARTBEAT_S", 0.05)
    claims = Claims(tmp_path)
    claims.take("0", [0])
    path = tmp_path / "claims" / "0.json"
    os.utime(path, (1, 1))
    deadline = time.monotonic() + 10
    while path.stat().st_mtime < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    claims.close()


# state


def test_the_state_of_a_sweep_is_read_from_its_folder_alone(tmp_path):
    assert read_state(tmp_path) is None
    write_facts(tmp_path, Facts("s", 20, "20 points (tau 20)", False, "1", ("snnrun", "run", "s.yaml")))
    journal = Journal(tmp_path)
    for k in range(3):
        journal.add(Record(k, COMPLETE, seconds=2.0))
    journal.add(Record(3, FAILED, seconds=2.0, reason="no"))
    journal.close()
    stopped = read_state(tmp_path)
    assert (stopped.status, stopped.done, stopped.failed, stopped.missing) == ("stopped", 3, {3: "no"}, 16)
    assert (stopped.workers, stopped.seconds_left) == (0, None)
    claim_by(tmp_path)
    running = read_state(tmp_path)
    assert (running.status, running.workers, running.running) == ("running", 2, 4)
    assert running.seconds_left == 16 * 2.0 / 2
    assert (tmp_path / "claims" / "4.json").exists()


def test_points_that_another_process_has_run_meanwhile_are_not_handed_out(tmp_path):
    """Its claim is gone when it is done, so only its journal tells."""
    queue = Queue(Ledger(tmp_path, 8), Claims(tmp_path), np.arange(8))
    other = Claims(tmp_path)
    assert other.take("0", [0, 1, 2])
    assert queue.take(4) == [3]
    journal = Journal(tmp_path)
    for k in (4, 5, 6):
        journal.add(Record(k, COMPLETE))
    journal.close()
    assert queue.take(4) == [7]

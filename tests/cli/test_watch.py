"""`snnrun run --watch` runs again when a file has another content, and waits otherwise."""

import os

import pytest
from cli_experiments import SMALL, write

from snnrun.cli import watch


@pytest.fixture
def watched(snnrun, monkeypatch):
    """Watch a file while steps are done, with time after each but those in a tuple; then Ctrl-C."""

    def of(file, *steps):
        todo = [s for step in steps for s in (step if isinstance(step, tuple) else (step, lambda: None, lambda: None))]

        def sleep(_seconds):
            if not todo:
                raise KeyboardInterrupt
            todo.pop(0)()

        monkeypatch.setattr(watch, "sleep", sleep)
        said = snnrun("run", file, "--watch", "--no-plots")
        assert said.code == 130
        return said.err

    return of


def saved(path, old, new):
    """A step: save a change as editors do, in another file that is renamed."""

    def step():
        write(path.with_name("new~"), path.read_text().replace(old, new)).replace(path)

    return step


def runs(err):
    """How often the command ran an experiment to its end."""
    return err.count("digest")


def test_a_saved_file_runs_again(watched, small):
    err = watched(small, saved(small, "tau: 10 ms", "tau: 20 ms"), saved(small, "tau: 20 ms", "tau: 30 ms"))
    assert runs(err) == 3
    assert err.count(f"changed: {small}") == 2


def test_what_is_no_change_runs_nothing(watched, small):
    assert runs(watched(small, small.touch, saved(small, "nothing", "of it"), lambda: None)) == 1


def test_a_broken_file_shows_its_errors_and_waits(watched, small):
    text = small.read_text()
    err = watched(
        small, saved(small, "10 ms", "10 mV"), lambda: small.write_text("- : ["), lambda: small.write_text(text)
    )
    assert runs(err) == 2
    assert "error[EQ" in err
    assert "error[YML" in err


def test_a_file_that_is_gone_is_missed_after_a_moment(watched, small):
    text, away = small.read_text(), small.with_name("away")
    gone, back = (lambda: small.rename(away)), (lambda: small.write_text(text))
    err = watched(small, (gone, back))
    assert (runs(err), "error[" in err) == (1, False)
    err = watched(small, gone, back)
    assert (runs(err), "error[" in err) == (2, True)


def test_files_that_the_file_names_are_watched(watched, place):
    base, table = write(place / "base.yaml", SMALL), write(place / "start.csv", "v\n0\n0.5\n0.9\n")
    child = write(
        place / "child.yaml",
        "version: 1\nname: child\nextends: base.yaml\ngroups: {cells: {initial: {v: {file: start.csv, column: v}}}}\n",
    )
    err = watched(child, saved(base, "tau: 10 ms", "tau: 20 ms"), saved(table, "0.9", "0.8"))
    assert runs(err) == 3, err
    assert "and 2 more files" in err
    assert ["changed" in line for line in err.split("\n") if "base.yaml" in line or "start.csv" in line] == [True, True]


def test_only_the_experiment_whose_file_changed_runs_again(snnrun, watched, monkeypatch, small):
    other = write(small.with_name("other.yaml"), SMALL.replace("name: small", "name: other"))
    steps = iter([saved(other, "tau: 10 ms", "tau: 20 ms"), *[lambda: None] * 3])

    def sleep(_seconds):
        for step in steps:
            return step()
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "sleep", sleep)
    err = snnrun("run", small, other, "--watch", "--no-plots").err
    assert (runs(err), err.count("small ·"), err.count("other ·")) == (3, 1, 2)


def test_a_stamp_knows_contents_and_reads_them_once(place):
    file = write(place / "a", "1")
    first = watch.Stamp.of(file)
    assert watch.Stamp.of(file, first) is first
    os.utime(file, ns=(0, 0))
    later = watch.Stamp.of(file, first)
    assert (later.content, later.status == first.status) == (first.content, False)
    assert watch.Stamp.of(place).content != watch.Stamp.of(file).content
    assert watch.Stamp.of(place / "none") == watch.Stamp((), b"")

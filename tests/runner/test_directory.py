"""A run's directory: who holds it, how it ended, what was sent."""

import pytest

from runner.errors import ConfigError
from runner.record.directory import Ending, Order, RunDirectory, Sent, find, now
from runner.record.files import write_atomically


def order(**fields):
    return Order("uid", "sqlite:////nowhere.db", "experiment", "name", {}, {}, now(), **fields)


@pytest.fixture
def directory(tmp_path):
    directory = RunDirectory(tmp_path / "sweep" / "0")
    directory.path.mkdir(parents=True)
    directory.write(order())
    return directory


def test_a_run_in_training_is_not_buried(directory):
    with directory.hold():
        assert directory.is_alive()
        assert not directory.close_dead(5)
        assert directory.ending is None
    assert directory.close_dead(5)
    assert (directory.ending.status, directory.ending.time) == ("KILLED", 5)


def test_a_run_that_ended_is_not_buried(directory):
    directory.write(Ending("FINISHED", 3))
    assert not directory.close_dead(5)
    assert directory.ending.status == "FINISHED"


def test_a_run_in_training_is_held_once(directory):
    with directory.hold(), pytest.raises(ConfigError, match="is being trained by another process"):
        directory.hold()


def test_a_run_is_delivered_when_its_last_ending_was(directory):
    assert not directory.delivered
    directory.write(Ending("KILLED", 3))
    directory.write(Sent("id", ended=3))
    assert directory.delivered
    directory.write(Ending("FINISHED", 9))  # it went on
    assert not directory.delivered


def test_a_copied_sweep_finds_its_parent_and_a_copied_job_has_none(directory, tmp_path):
    sweep = RunDirectory(tmp_path / "sweep")
    sweep.write(order())
    directory.write(order(parent=".."))
    assert [each.path for each in find(tmp_path)] == [sweep.path, directory.path]
    sweep.path.rename(tmp_path / "elsewhere")
    moved = RunDirectory(tmp_path / "elsewhere" / "0")
    assert moved.parent.path.resolve() == tmp_path / "elsewhere"
    moved.path.rename(tmp_path / "alone")
    assert RunDirectory(tmp_path / "alone").parent is None


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path):
    file = tmp_path / "file"
    write_atomically(file, b"old")

    def full(opened):
        opened.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, full)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]

"""The journal: what was appended is read back, a torn row is not."""

import math

import pytest

from runner.record.journal import Journal, read


@pytest.fixture
def path(tmp_path):
    journal = Journal(tmp_path / "steps.journal", ["lr", "loss"])
    for step in range(5):
        journal.append(step, (0.1 * step, 1.0 / (step + 1)), milliseconds=1000 + step)
    journal.close()
    return journal.path


def test_rows_are_read_back_exactly(path):
    rows = read(path)
    assert rows["step"].tolist() == [0, 1, 2, 3, 4]
    assert rows["time"].tolist() == [1000, 1001, 1002, 1003, 1004]
    assert rows["lr"].tolist() == [0.1 * step for step in range(5)]
    assert rows["loss"].tolist() == [1.0 / (step + 1) for step in range(5)]


@pytest.mark.parametrize("cut", [1, 8, 31])
def test_a_row_cut_short_is_left_out(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    assert read(path)["step"].tolist() == [0, 1, 2, 3]


def test_reading_can_go_on_where_it_stopped(path):
    assert read(path, skip=3)["step"].tolist() == [3, 4]
    assert len(read(path, skip=5)) == 0


@pytest.mark.parametrize("cut", [0, 1, 31])
def test_an_opened_journal_goes_on_after_its_whole_rows(path, cut):
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) - cut])
    whole = len(read(path))
    journal = Journal(path, ["lr", "loss"])
    journal.append(whole, (0.7, 0.8))
    journal.close()

    rows = read(path)
    assert rows["step"].tolist() == list(range(whole + 1))
    assert rows["lr"][-1] == 0.7


def test_a_repeated_step_is_compared_and_not_written(path):
    journal = Journal(path, ["lr", "loss"])
    journal.append(3, (0.1 * 3, 0.25))
    journal.append(4, (0.1 * 4, 0.2))
    journal.append(5, (0.5, 0.1))
    journal.close()

    assert journal.differs_at is None
    assert read(path)["step"].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_repeated_step_that_differs_in_one_bit_is_noticed_and_the_record_stays(path):
    journal = Journal(path, ["lr", "loss"])
    journal.append(3, (0.1 * 3, math.nextafter(0.25, 1.0)))
    journal.append(4, (9.0, 9.0))
    journal.close()

    assert journal.differs_at == 3
    assert read(path)["loss"][3] == 0.25


def test_a_journal_with_other_columns_is_refused(path):
    with pytest.raises(ValueError, match="must hold the columns"):
        Journal(path, ["lr", "momentum", "loss"])


def test_flushed_rows_can_be_read_while_it_is_open(tmp_path):
    journal = Journal(tmp_path / "open.journal", ["loss"])
    journal.append(0, (0.5,))
    journal.flush()
    assert read(journal.path)["loss"].tolist() == [0.5]
    journal.close()

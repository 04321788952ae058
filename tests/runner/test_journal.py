"""The journal: what was appended is read back, a torn row is not."""

import pytest

from runner.journal import Journal, read


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


def test_a_journal_never_overwrites_another(path):
    with pytest.raises(FileExistsError):
        Journal(path, ["lr", "loss"])


def test_flushed_rows_can_be_read_while_it_is_open(tmp_path):
    journal = Journal(tmp_path / "open.journal", ["loss"])
    journal.append(0, (0.5,))
    journal.flush()
    assert read(journal.path)["loss"].tolist() == [0.5]

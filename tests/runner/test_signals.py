"""A run that is told to stop keeps what it has and says so."""

import signal
import time

import pytest

from runner.errors import ConfigError
from runner.record.journal import count
from runner.run.resume import newest_stopped


def _latest_in(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return newest_stopped().path


def test_there_is_no_latest_run_to_go_on_with_before_one_was_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="resume=latest needs a run below outputs/ that has not finished"):
        newest_stopped()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_every_step_and_closes_the_run(signum, start, store, tmp_path, monkeypatch):
    process = start(tmp_path, "runner", "trainer.epochs=100000")
    deadline = time.monotonic() + 150
    while not list(tmp_path.glob("outputs/*/*/evaluations.journal")):
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signum)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 128 + signum
    [folder] = tmp_path.glob("outputs/*/*")
    came, where, again, error = err.splitlines()
    assert error == f"error: stopped by signal {int(signum)}"
    assert came == f"stopped after {count(folder / 'steps.journal'):,} of 2,200,000 steps"
    assert where == f"files  {folder.relative_to(tmp_path)}"
    assert f"-m runner resume={folder.relative_to(tmp_path)}   goes on, and so does resume=latest" in again
    assert _latest_in(tmp_path, monkeypatch) == folder
    [killed] = store(tmp_path).runs()
    assert killed.info.status == "KILLED"
    steps = [step for step, _ in store(tmp_path).points(killed, "loss")]
    assert len(steps) > 64
    assert steps == list(range(len(steps)))
    assert [step for step, _ in store(tmp_path).points(killed, "lr")] == steps

"""A run that is told to stop keeps what it has and says so."""

import signal
import time

import pytest


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_every_step_and_closes_the_run(signum, start, store, tmp_path):
    process = start(tmp_path, "runner", "trainer.epochs=100000")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("outputs/*/*/evaluations.journal")):
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 128 + signum
    assert err == f"error: stopped by signal {int(signum)}\n"
    [killed] = store(tmp_path).runs()
    assert killed.info.status == "KILLED"
    steps = [step for step, _ in store(tmp_path).points(killed, "loss")]
    assert len(steps) > 64
    assert steps == list(range(len(steps)))
    assert [step for step, _ in store(tmp_path).points(killed, "lr")] == steps

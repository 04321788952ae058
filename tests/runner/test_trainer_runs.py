"""The trainer's settings as a user gives them: real processes, read back through MLflow."""

import pytest

from runner.record.directory import RunDirectory
from runner.record.journal import read

pytestmark = pytest.mark.slow


def test_an_early_stop_finishes_the_run_and_says_so_and_a_resume_must_ask_for_more(run, store, tmp_path):
    asked = [
        "schedule=cosine",
        "optimizer.lr=0",
        "trainer.early_stop_patience=2",
        "trainer.log_grad_norm=true",
    ]
    done = run(tmp_path, "runner", *asked, "trainer.evaluate_steps=10", "hydra.run.dir=outputs/run")
    assert done.returncode == 0, done.stderr
    assert "may end the run before lr has come to its end" in done.stderr
    assert "stopped early after 30 of 440 steps: no validation loss below" in done.stdout

    kept = store(tmp_path)
    [only] = kept.runs()
    assert only.info.status == "FINISHED"
    assert only.data.tags["stopped_early"].startswith("after 30 of 440 steps")
    assert only.data.tags["plan.followed"] == "true"
    norms = kept.points(only, "grad_norm")
    assert [step for step, _ in norms] == list(range(30))
    assert all(value > 0 for _, value in norms)
    assert [step for step, _ in kept.points(only, "val/loss")] == [10, 20, 30]

    done = run(tmp_path, "runner", "resume=outputs/run")
    assert done.returncode == 2
    assert "got one that stopped early after 30 of 440 steps" in done.stderr
    assert store(tmp_path).runs()[0].info.status == "FINISHED"
    done = run(tmp_path, "runner", "resume=outputs/run", "trainer.early_stop_patience=4")
    assert done.returncode == 0, done.stderr
    assert "stopped early after 50 of 440 steps" in done.stdout
    steps = read(RunDirectory(tmp_path / "outputs" / "run").steps)["step"]
    assert steps.tolist() == list(range(50))


@pytest.mark.soak
def test_fine_tuning_starts_from_a_run_named_by_its_id(run, store, tmp_path):
    first = ["trainer.epochs=5", "trainer.precision=fp16", "model.hidden=[32]"]
    done = run(tmp_path, "runner", *first)
    assert done.returncode == 0, done.stderr
    [source] = store(tmp_path).runs()
    counted = store(tmp_path).points(source, "skipped_updates")
    assert [step for step, _ in counted] == list(range(110))
    assert [value for _, value in counted] == sorted(value for _, value in counted)
    assert all(value >= 1.0 for _, value in store(tmp_path).points(source, "loss_scale"))

    tuned = ["schedule=constant", "optimizer.lr=0.001", "trainer.steps=5", "model.hidden=[32]"]
    done = run(tmp_path, "runner", *tuned, f"trainer.init_from={source.info.run_id[:12]}")
    assert done.returncode == 0, done.stderr
    fresh = store(tmp_path).runs()[-1]
    first_loss = store(tmp_path).points(fresh, "loss")[0][1]
    assert first_loss < 0.5 * store(tmp_path).points(source, "loss")[0][1]
    done = run(tmp_path, "runner", *tuned[:-1], f"trainer.init_from={source.info.run_id[:12]}")
    assert done.returncode == 2
    assert "1.weight has shape (32, 64) and not (128, 64)" in done.stderr
    assert len(store(tmp_path).runs()) == 2

"""A user's mistake: one line on stderr that says what to change, exit code 2, and no run left behind."""

import pytest

MISTAKES = {
    "schedule=cosin": "no schedule is named 'cosin'; did you mean 'cosine'?",
    "model=mpl": "no model is named 'mpl'; did you mean 'mlp'?",
    "trainer.epocs=3": "there is no setting 'epocs' in trainer; did you mean 'epochs'?",
    "sed=1": "there is no setting 'sed'; did you mean 'seed'?",
    "trainer.epochs=abc": "trainer.epochs must be a whole number >= 1, got abc",
    "trainer.epochs=0": "trainer.epochs must be a whole number >= 1, got 0",
    "schedule.lr.warmup=3": "schedule.lr: onecycle has no field 'warmup'; did you mean 'warmup_steps'?",
    "schedule.lr.name=cosinus": "schedule.lr: no schedule is named 'cosinus'; did you mean 'cosine'?",
    "schedule.lr.warmup_steps=much": "schedule.lr: warmup_steps must be a whole number of steps, or a text",
    "schedule.lr.warmup_steps=200%": "warmup_steps + decay_steps must be <= total_steps, got 880 + 44 > 440",
    "schedule.lr.peak_value=-0.1": "schedule.lr: peak_value must be a number >= 0, got -0.1",
    "schedule.lr.decay_shape=cosin": "got 'cosin'; did you mean 'cosine'?",
    "schedule.beta3=0.1": "schedule: SGD has no hyper-parameter 'beta3'",
    "optimizer.lr=-1": "optimizer: lr must be a number >= 0, got -1.0",
    "optimizer.momentun=0.5": "optimizer (sgd) has no field 'momentun'; did you mean 'momentum'?",
    "model.hidden=[0]": "model: hidden must be widths >= 1, got [0]",
    "trainer.batch_size=9999": "trainer.batch_size must be <= 1437, the training examples, got 9999",
    "trainer.device=abacus": "trainer.device must be a device of this machine, got 'abacus'",
    "seed=-1": "seed must be a whole number >= 0 and < 2^63, got -1",
    "seed=99999999999999999999": "seed must be a whole number >= 0 and < 2^63",
    "schedule=cosine,wsd": "names several values: add -m to train each of them",
    "schedule=[cosine,wsd]": "schedule must be one option, got [cosine,wsd]; "
    "to train each: -m schedule=cosine,wsd",
    "schedule.groups.name=constant": "schedule.groups: no optimizer has a hyper-parameter of that name",
    "schedule.momentum.init_value=1.0": "schedule.momentum must stay < 1, got 1",
    "optimizer.lr=abc": "optimizer.lr: Value 'abc' of type 'str' could not be converted to Float",
    "tracking.uri=": "tracking.uri must not be empty",
    "trainer.device=meta": "trainer.device must be a device of this machine, got 'meta'",
    "plugins=[no_such_package]": "plugins must be importable packages, got 'no_such_package'",
    "trainer.epochs=3 trainer.steps=5": "exactly one of trainer.epochs, trainer.steps "
    "and trainer.tokens must be given, got trainer.epochs and trainer.steps",
    "tracking=server tracking.uri=http://127.0.0.1:9": "tracking.uri must be a server that answers, "
    "got 'http://127.0.0.1:9'",
    "tracking.uri=sqlite:////dev/null/mlflow.db": "tracking.uri must be a store MLflow can open",
}


@pytest.mark.parametrize("overrides", MISTAKES)
def test_a_mistake_is_told_in_one_line(overrides, run, store, tmp_path):
    done = run(tmp_path, "runner", *overrides.split())

    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert MISTAKES[overrides] in lines[0]
    assert done.stdout == ""
    assert store(tmp_path).runs() == []


def test_a_loss_that_is_not_finite_fails_the_run_and_says_where(run, store, tmp_path):
    done = run(tmp_path, "runner", "optimizer.lr=1e9", "trainer.steps=50")

    assert done.returncode == 1
    assert done.stderr.startswith("error: the loss is not finite at step ")
    assert len(done.stderr.strip().splitlines()) == 1
    [failed] = store(tmp_path).runs()
    assert failed.info.status == "FAILED"
    step = int(failed.data.tags["diverged.step"])
    assert f"at step {step};" in done.stderr
    losses = store(tmp_path).points(failed, "loss")
    assert [t for t, _ in losses] == list(range(step))  # the finite ones, each once
    assert float(failed.data.tags["diverged.last_loss"]) == losses[-1][1]
    assert [t for t, _ in store(tmp_path).points(failed, "lr")] == list(range(step + 1))


def test_a_run_whose_last_update_breaks_the_weights_has_not_finished(run, store, tmp_path):
    done = run(tmp_path, "runner", "optimizer.lr=1e30", "schedule=constant", "trainer.steps=1")

    assert done.returncode == 1
    assert done.stderr.startswith("error: the validation loss is not finite at step 1")
    [failed] = store(tmp_path).runs()
    assert failed.info.status == "FAILED"


def test_a_folder_that_cannot_be_written_is_told_in_one_line(run, tmp_path):
    done = run(tmp_path, "runner", "hydra.run.dir=/proc/no_run")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == ["error: No such file or directory: /proc/no_run"]


def test_a_bug_keeps_its_traceback(run, tmp_path):
    (tmp_path / "faulty.py").write_text("raise RuntimeError('a bug in a plugin')")
    done = run(tmp_path, "runner", "plugins=[faulty]")

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "a bug in a plugin" in done.stderr

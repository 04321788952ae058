"""The trainer's settings: which are refused, what each makes of a run. In this process, without MLflow."""

import copy

import pytest
import torch
from hydra import compose, initialize_config_module
from torch import nn

from runner.errors import ConfigError
from runner.launch.plugins import register
from runner.record.journal import Journal, read
from runner.settings.config import load
from runner.training import checkpoint
from runner.training.build import build
from runner.training.early_stop import EarlyStop
from runner.training.lint import trainer_lint
from runner.training.signals import Stop
from runner.training.together import loop


def composed(*overrides):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        return load(compose("config", overrides=list(overrides)), list(overrides))


def trained(folder, *overrides, upto=None):
    """Train in this process; return what was built and the updates finished."""
    settings = composed("trainer.threads=1", *overrides)
    made = build(settings)
    return made, going_on(folder, settings, made, 0)


def going_on(folder, settings, made, first_step, past=()):
    steps = Journal(folder / "steps", [*made.plan, *made.update.columns])
    with steps, Journal(folder / "judged", ["val/loss", "val/accuracy"]) as judged:
        finished, _ = loop(
            settings,
            made,
            first_step=first_step,
            past=past,
            checkpoint=folder / "checkpoint.pt",
            journal=steps,
            evaluations=judged,
            stop=Stop(),
            on_progress=lambda *_: None,
        )
    assert steps.differs_at is None
    return finished


WRONG = {
    "trainer.precision=fp61": "trainer.precision must be one of fp32, bf16, fp16, got 'fp61'; "
    "did you mean 'fp16'?",
    "trainer.accumulate=0": "trainer.accumulate must be a whole number >= 1, got 0",
    "trainer.tokens=0.5": "trainer.tokens must be a whole number >= 1, got 0.5",
    "trainer.clip_norm=0": "trainer.clip_norm must be a number > 0, got 0.0",
    "trainer.clip_norm=nan": "trainer.clip_norm must be a number > 0, got nan",
    "trainer.ema_decay=1": "trainer.ema_decay must be a number > 0 and < 1, got 1.0",
    "trainer.evaluate_steps=0": "trainer.evaluate_steps must be a whole number >= 1, got 0",
    "trainer.early_stop_min_delta=0.1": "trainer.early_stop_min_delta must come with "
    "trainer.early_stop_patience: without it, it has no effect",
    "trainer.early_stop_patience=2 trainer.early_stop_min_delta=-1": "trainer.early_stop_min_delta must be "
    "a number >= 0, got -1.0",
    "trainer.keep_most=2": "trainer.keep_most must come with trainer.keep_every",
    "trainer.init_except=[head]": "trainer.init_except must come with trainer.init_from",
    "trainer.parallel=dp": "trainer.parallel must be one of ddp, fsdp, got 'dp'; did you mean 'ddp'?",
    "trainer.tokens=1000 trainer.steps=3": "exactly one of trainer.epochs, trainer.steps and trainer.tokens",
}


@pytest.mark.parametrize("overrides", WRONG)
def test_a_wrong_value_is_refused_by_name(overrides):
    with pytest.raises(ConfigError) as refused:
        composed(*overrides.split())
    assert str(refused.value).startswith(WRONG[overrides])


UNFIT = {
    "trainer.accumulate=3": "trainer.batch_size must be a multiple of trainer.accumulate (3), got 64",
    "trainer.tokens=1e6": "trainer.tokens must be left out where the data are not made of tokens",
    "trainer.parallel=fsdp": "trainer.parallel must be ddp where torchrun did not start the process",
    "trainer.init_from=nowhere": "trainer.init_from must be a run's directory, or the id of one below",
    "trainer.init_from=README.md": "trainer.init_from must be a checkpoint, got README.md",
}


@pytest.mark.parametrize("overrides", UNFIT)
def test_what_does_not_fit_the_run_is_refused_before_it_starts(overrides, monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    with pytest.raises(ConfigError) as refused:
        build(composed(*overrides.split()))
    assert str(refused.value).startswith(UNFIT[overrides])


def test_a_budget_in_tokens_is_whole_updates_of_text():
    text = ["dataset=text", "model=gpt", "trainer.batch_size=4"]
    per_step = 4 * build(composed(*text, "trainer.steps=1")).data.tokens_per_example
    asked = [*text, "schedule=cosine", "schedule.lr.warmup_steps=10%", "optimizer=adamw"]
    made = build(composed(*asked, f"trainer.tokens={20 * per_step + per_step - 1}"))
    assert made.total_steps == 20
    assert made.plan["lr"](20) == 0.0
    with pytest.raises(ConfigError, match=f"must be >= {per_step}, the tokens of one update, got 5"):
        build(composed(*text, "trainer.tokens=5"))


def test_an_optimizer_that_needs_the_loss_again_is_refused():
    from runner.training.build import _refuse_closures

    parameters = [nn.Parameter(torch.ones(1))]
    with pytest.raises(ConfigError, match="needs no closure, got LBFGS"):
        _refuse_closures(torch.optim.LBFGS(parameters))
    _refuse_closures(torch.optim.AdamW(parameters))


def test_evaluations_come_every_so_many_updates_and_at_the_end(tmp_path):
    trained(tmp_path, "trainer.steps=25", "trainer.evaluate_steps=10")
    assert read(tmp_path / "judged")["step"].tolist() == [10, 20, 25]


def test_the_average_is_what_is_evaluated(tmp_path):
    made, _ = trained(tmp_path, "trainer.steps=30", "trainer.ema_decay=0.95", "model=cnn")
    recorded = float(read(tmp_path / "judged")["val/loss"][-1])
    assert made.evaluate_at(30).loss == recorded
    averaged = {k: v.clone() for k, v in made.averaged.module.state_dict().items()}
    assert not torch.equal(averaged["0.weight"], made.model.state_dict()["0.weight"])
    assert not torch.equal(averaged["1.running_mean"], made.model.state_dict()["1.running_mean"])
    made.model.load_state_dict(averaged)
    assert recorded == pytest.approx(float(made.data.task.loss(*outputs(made))), rel=1e-5)


def outputs(made):
    everything = torch.arange(len(made.data.val))
    inputs, targets = made.data.val.take(everything)
    made.model.eval()
    with torch.no_grad():
        return made.model(inputs), targets


def test_an_early_stop_counts_evaluations_without_a_new_lowest_loss():
    stop = EarlyStop(patience=2)
    assert [stop.says(loss) for loss in (3.0, 2.0, 2.5, 1.9, 1.9, 2.0)] == [False] * 5 + [True]
    picky = EarlyStop(patience=1, min_delta=0.5)
    assert [picky.says(loss) for loss in (3.0, 2.4, 1.8, 1.4)] == [False, False, False, True]
    resumed = EarlyStop(patience=2, past=[3.0, 2.0, 2.5])
    assert resumed.says(2.1)
    assert str(resumed) == "no validation loss below 2 in 2 evaluations"


def test_a_run_that_learns_no_more_stops_early_and_a_checkpoint_is_there(tmp_path):
    constant = ["schedule=constant", "optimizer.lr=0", "trainer.evaluate_steps=5"]
    _, finished = trained(tmp_path, *constant, "trainer.early_stop_patience=3")
    assert finished == 20  # a first evaluation, and three that are no better
    assert checkpoint.load(tmp_path / "checkpoint.pt", at_most=20)["step"] == 20
    assert read(tmp_path / "steps")["step"].tolist() == list(range(20))


def test_the_trainers_settings_are_looked_at_too():
    settings = composed("trainer.early_stop_patience=3", "trainer.ema_decay=0.999", "trainer.accumulate=4")
    made = build(composed("model=cnn"))
    early, average, norm = trainer_lint(settings.trainer, made)
    assert "may end the run before lr, momentum has come to its end" in early
    assert "averages over some 1000 updates, and the run has 440" in average
    assert "statistics from 16 examples at a time, not from the 64 of the batch" in norm
    assert trainer_lint(composed().trainer, made) == []
    constant = build(composed("schedule=constant"))
    patience = composed("schedule=constant", "trainer.early_stop_patience=3").trainer
    assert trainer_lint(patience, constant) == []


def test_checkpoints_that_stay_are_pruned_and_the_best_weights_are_the_judged_ones(tmp_path):
    keep = ["trainer.keep_best=true", "trainer.keep_every=10", "trainer.keep_most=2"]
    made, _ = trained(
        tmp_path, "trainer.steps=45", "trainer.evaluate_steps=3", "trainer.ema_decay=0.5", *keep
    )
    path = tmp_path / "checkpoint.pt"
    assert list(checkpoint.kept(path)) == [30, 40]
    assert [torch.load(p, weights_only=True)["step"] for p in checkpoint.kept(path).values()] == [30, 40]
    assert torch.load(path, weights_only=True)["step"] == 45
    judged = read(tmp_path / "judged")
    best = torch.load(checkpoint.best(path), weights_only=True)
    lowest = int(judged["val/loss"].argmin())
    assert (best["step"], best["val_loss"]) == (judged["step"][lowest], judged["val/loss"][lowest])
    made.averaged.module.load_state_dict(best["model"])
    assert made.evaluate_at(0).loss == best["val_loss"]


@pytest.mark.parametrize(
    "features",
    [
        "trainer.accumulate=4 trainer.clip_norm=0.5 trainer.ema_decay=0.9 trainer.precision=bf16",
        "trainer.precision=fp16 trainer.ema_decay=0.9 optimizer=adamw trainer.early_stop_patience=9",
    ],
)
def test_a_run_goes_on_from_any_checkpoint_bit_by_bit(features, tmp_path):
    asked = [*features.split(), "trainer.steps=40", "trainer.evaluate_steps=7", "trainer.keep_every=13"]
    made, _ = trained(tmp_path, *asked)
    weights = copy.deepcopy(made.saved["model"].state_dict()), made.averaged.state_dict()
    judged = read(tmp_path / "judged")
    for step in (13, 26):
        settings = composed("trainer.threads=1", *asked)
        again = build(settings)
        torch.rand(17)  # the generators are the checkpoint's, not this process's
        state = torch.load(tmp_path / f"checkpoint.{step}.pt", weights_only=True)
        assert checkpoint.restore(state, **again.saved) == step
        past = judged["val/loss"][judged["step"] <= step].tolist()
        going_on(tmp_path, settings, again, step, past)  # compares what it repeats with the journals
        for ours, theirs in zip(
            (again.model.state_dict(), again.averaged.state_dict()), weights, strict=True
        ):
            assert all(torch.equal(ours[name], value) for name, value in theirs.items())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A trained run's folder."""
    folder = tmp_path_factory.mktemp("source")
    trained(folder, "trainer.steps=30", "trainer.ema_decay=0.5")
    return folder / "checkpoint.pt"


def test_weights_come_from_another_run_and_all_else_is_new(source):
    made = build(composed(f"trainer.init_from={source}", "seed=5"))
    given = torch.load(source, weights_only=True)["averaged"]
    for name, value in made.model.state_dict().items():
        assert torch.equal(value, given[f"module.{name}"])
    assert not made.optimizer.state
    assert made.write(0)["lr"] == pytest.approx(0.03)


def test_a_new_head_keeps_its_fresh_values(source):
    made = build(composed(f"trainer.init_from={source}", "trainer.init_except=['5']", "seed=5"))
    fresh, given = build(composed("seed=5")).model, torch.load(source, weights_only=True)["averaged"]
    for name, value in made.model.state_dict().items():
        expected = fresh.state_dict()[name] if name.startswith("5.") else given[f"module.{name}"]
        assert torch.equal(value, expected)


def test_weights_that_do_not_fit_are_refused_with_the_difference(source):
    def refused(*overrides):
        with pytest.raises(ConfigError) as said:
            build(composed(f"trainer.init_from={source}", *overrides))
        return str(said.value)

    told = refused("model.hidden=[128,64,32]")
    assert "trainer.init_from must hold the weights of this model, got" in told
    assert "3.weight has shape (128, 128) and not (64, 128), 3.bias has shape" in told
    assert "it lacks 7.weight, 7.bias" in told
    assert "trainer.init_except names" in told
    assert "the model has no 5.weight, 5.bias" in refused("model.hidden=[10]")
    assert "trainer.init_except must name parameters of the model, got 'haed'" in refused(
        "trainer.init_except=[haed]"
    )


def test_a_resumed_run_does_not_look_for_the_weights_it_began_with():
    build(composed("trainer.init_from=gone"), fresh=False)


@pytest.mark.slow
def test_the_model_is_compiled_and_its_weights_keep_their_names(tmp_path):
    from torch._dynamo.utils import counters

    try:
        torch.compile(torch.cos)(torch.ones(8))
    except Exception as error:  # no C++ compiler
        pytest.skip(f"nothing can be compiled here: {str(error).splitlines()[0]}")
    counters.clear()
    small = ["model.hidden=[8]", "trainer.steps=4", "trainer.compile=true", "trainer.ema_decay=0.5"]
    made, _ = trained(tmp_path, *small)
    assert counters["stats"]["unique_graphs"] >= 3  # the trial, training, evaluation
    plain = build(composed("model.hidden=[8]", "trainer.steps=4"))
    assert list(made.model.state_dict()) == list(plain.model.state_dict())
    losses = read(tmp_path / "steps")["loss"]
    (tmp_path / "plain").mkdir()
    trained(tmp_path / "plain", *small[:2])
    torch.testing.assert_close(
        torch.tensor(losses.copy()),
        torch.tensor(read(tmp_path / "plain" / "steps")["loss"].copy()),
        rtol=1e-4,
        atol=1e-5,
    )

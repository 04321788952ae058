"""The range test: its ramps, the run it leaves, ``optimizer.lr=auto``, and what it refuses."""

import json
import math
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from hydra import compose, initialize_config_module

from runner.errors import ConfigError
from runner.launch.plugins import register
from runner.range_test import auto
from runner.range_test.ramp import build_ramp, climb
from runner.range_test.result import judge
from runner.range_test.settings import TASKS, RangeTest
from runner.range_test.suggest import Ramp
from runner.record.directory import RunDirectory
from runner.record.journal import count, read
from runner.settings.config import load, named
from runner.training import recorder
from runner.training.build import build
from runner.training.signals import Stop

from .processes import let_go, wait_for

SEEDS = [1000, 1001, 1002]


def composed(*overrides):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        return load(compose("config", overrides=list(overrides)), list(overrides))


def climbed(folder, *overrides, seed=5, **fields):
    """The losses of one ramp."""
    test = RangeTest(**fields)
    path = folder / "steps.journal"
    path.unlink(missing_ok=True)
    return climb(build_ramp(composed(*overrides), test, seed), test, path, Stop(), lambda *_: None)


# One ramp


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_ramp_is_the_textbook_loop_with_a_rising_rate(optimizer, tmp_path):
    ramp = climbed(tmp_path, f"optimizer={optimizer}", low=1e-4, high=1e-2, steps=30)

    made = build(composed(f"optimizer={optimizer}", "seed=5", "trainer.steps=30"))
    rates, losses = np.geomspace(1e-4, 1e-2, 30), []
    momentum = composed(f"optimizer={optimizer}").optimizer.get("momentum")
    for step, rate in enumerate(rates):
        made.optimizer.param_groups[0]["lr"] = float(ramp.values[step])
        inputs, targets = made.batches(step)
        loss = made.loss_of(made.model(inputs), targets)
        made.optimizer.zero_grad()
        loss.backward()
        made.optimizer.step()
        losses.append(loss.item())
        assert ramp.values[step] == pytest.approx(rate, rel=1e-12)
        assert made.optimizer.param_groups[0].get("momentum") == momentum
    assert ramp.losses.tolist() == losses


def test_a_linear_ramp_has_equal_differences_and_both_ends(tmp_path):
    ramp = climbed(
        tmp_path, hyperparameter="momentum", ramp="linear", low=0.0, high=0.9, steps=11, divergence=99.0
    )
    np.testing.assert_allclose(ramp.values, np.linspace(0.0, 0.9, 11), atol=1e-12)


@pytest.mark.parametrize("name", ["weight_decay", "beta1", "beta2", "momentum", "eps"])
def test_any_hyper_parameter_goes_up_and_the_rest_stays(name, tmp_path):
    settings = composed("optimizer=adamw", "schedule=onecycle")
    test = RangeTest(hyperparameter=name, low=0.1, high=0.8, steps=12)
    made = build_ramp(settings, test, 0)
    climb(made, test, tmp_path / "steps.journal", Stop(), lambda *_: None)

    group, what = made.optimizer.param_groups[0], {"beta1": 0, "momentum": 0, "beta2": 1}
    held = group["betas"][what[name]] if name in what else group[name]
    assert held == pytest.approx(0.8, rel=1e-12)
    assert group["lr"] == settings.optimizer["lr"]
    rows = read(tmp_path / "steps.journal")
    assert rows["lr"].tolist() == [settings.optimizer["lr"]] * 12
    assert rows[name][0] == pytest.approx(0.1)


def test_a_ramp_ends_at_its_divergence_however_often_losses_are_read(tmp_path, monkeypatch):
    lengths = []
    for every in (1, 7, 64):
        monkeypatch.setattr(recorder, "READ_EVERY", every)
        ramp = climbed(tmp_path, low=1e-2, high=1e6, steps=150)
        lengths.append(len(ramp.losses))
        assert count(tmp_path / "steps.journal") <= len(ramp.losses) + every
    assert len(set(lengths)) == 1
    assert 20 < lengths[0] < 150
    assert not list(tmp_path.glob("*.evaluations"))


def test_nothing_of_a_test_is_left_in_the_run_after_it():
    settings = composed("optimizer.lr=0.1", "trainer.steps=5")

    def weights_and_draws():
        made = build(settings)
        return [p.clone() for p in made.model.parameters()], torch.rand(3), np.random.rand(3)  # noqa: NPY002

    before = weights_and_draws()
    auto._test(composed("optimizer.lr=auto"))
    after = weights_and_draws()
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])
    assert np.array_equal(before[2], after[2])


# What is refused


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["task.low=20"], r"task.high must be a number > task.low \(20\), got 10"),
        (["task.low=0"], "task.low must be a number > 0 for an exponential ramp, got 0"),
        (["task.low=-1", "task.ramp=linear"], "task.low must be a number >= 0, got -1"),
        (["task.low=nan"], "task.low must be a number > 0"),
        (["task.high=inf"], "task.high must be a number"),
        (["task.steps=9"], "steps must be a whole number >= 10, got 9"),
        (["task.seeds=[]"], "seeds must be one or more"),
        (["task.seeds=[1,1]"], "seeds must be one or more different"),
        (["task.seeds=[-1]"], "seeds must be whole numbers >= 0"),
        (["task.divergence=1"], "divergence must be a number > 1, got 1"),
        (["task.ramp=exp"], "ramp must be one of exponential, linear, got 'exp'"),
        (["task.hyperparameter=lrr"], "no hyper-parameter 'lrr'; did you mean 'lr'"),
        (["task.hyperparameter=groups"], "must be an entry of the optimizer's groups"),
        (["task.hyperparameter=dampening"], "task.low and task.high must be given for dampening"),
        (["task.hyperparameter=momentum", "task.high=1"], "task.high must be a number < 1 for momentum"),
        (["task.hyperparameter=momentum", "optimizer.lr=auto"], "optimizer.lr must be a number"),
        (["task.name=rangetest"], "did you mean 'range_test'"),
        (["optimizer.lr=abc"], "optimizer.lr"),
    ],
)
def test_nonsense_is_refused_in_words(overrides, told):
    settings = composed("task=range_test", *overrides)
    with pytest.raises(ConfigError, match=told):
        build_ramp(settings, named(TASKS, "task", settings.task), 0)


def test_a_rate_that_no_schedule_follows_is_not_looked_for():
    with pytest.raises(ConfigError, match=r"needs a schedule that is written around \$\{optimizer.lr\}"):
        auto.find(composed("optimizer.lr=auto", "schedule.lr.peak_value=0.1"), {})


def test_jobs_that_differ_in_schedule_seed_and_length_alone_share_a_test():
    known = {}
    first = auto.find(composed("optimizer.lr=auto"), known)
    other = auto.find(composed("optimizer.lr=auto", "schedule=cosine", "seed=3", "trainer.steps=7"), known)
    assert first is other
    assert auto.find(composed("optimizer.lr=auto", "trainer.batch_size=128"), known) is not first
    assert (
        auto.find(composed("optimizer.lr=auto", "optimizer=adamw"), known).recommended < first.recommended / 5
    )


# What is said


def s_curve(steps=100, bottom=2.5, noise=0.02, seed=0):
    values = np.geomspace(1e-7, 10.0, steps)
    x = np.log10(values)
    rise = 8 * np.maximum(0, x + 0.3) ** 2
    noise = noise * np.random.default_rng(seed).standard_normal(steps)
    return Ramp(values, 2.3 - 1.2 / (1 + np.exp(-3 * (x + bottom))) + rise + noise, steps)


def test_the_recommended_rate_is_the_median_of_the_seeds_in_two_digits():
    outcome = judge(
        RangeTest(), {seed: s_curve(bottom=at) for seed, at in zip(SEEDS, (2.5, 3.0, 3.5), strict=True)}
    )

    assert outcome.recommended == pytest.approx(1e-3, rel=0.2)
    assert float(f"{outcome.recommended:.1e}") == outcome.recommended
    steepest = next(each for each in outcome.suggestions if each.rule == "steepest")
    assert steepest.spread == pytest.approx(10.0, rel=0.3)
    assert outcome.figures()["suggestion/steepest/min"] == steepest.found[0] < outcome.recommended
    assert "a third and three times" in outcome.reason
    json.dumps(outcome.plain(), allow_nan=False)


def test_an_even_number_of_seeds_has_the_geometric_mean_in_its_middle():
    outcome = judge(RangeTest(seeds=[1, 2]), {1: s_curve(bottom=2.0), 2: s_curve(bottom=4.0)})
    assert outcome.recommended == pytest.approx(1e-3, rel=0.2)
    assert any("differ by a factor of" in doubt for doubt in outcome.doubts)


def test_doubts_name_what_to_change():
    one = judge(RangeTest(seeds=[1]), {1: s_curve()})
    assert one.doubts == ["one seed says nothing of its spread; give several in task.seeds"]
    values = np.geomspace(1e-7, 1e-2, 100)
    falling = {seed: Ramp(values, 2.3 - 2.0 * np.geomspace(1e-5, 1.0, 100), 100) for seed in (1, 2)}
    told = judge(RangeTest(seeds=[1, 2], high=1e-2), falling).doubts
    assert told == ["the loss of seed 1, 2 still falls at task.high: raise it (0.01)"]


def test_a_loss_that_never_falls_gives_no_rate():
    noise = {s: Ramp(np.geomspace(1e-7, 10, 100), 2.3 + np.sin(np.arange(100.0)), 100) for s in SEEDS}
    outcome = judge(RangeTest(), noise)
    assert outcome.recommended is None
    assert not outcome.has_diverged
    assert "never fell between lr 1e-07 and 10; try other task.low and task.high" in outcome.reason


def test_ramps_that_all_diverge_say_what_to_lower():
    short = {s: Ramp(np.array([1e3, 1.15e3]), np.array([2.3, math.inf]), 100) for s in SEEDS}
    outcome = judge(RangeTest(low=1e3, high=1e9), short)
    assert outcome.has_diverged
    assert "task.low and task.high must be lower, got 1000 and 1e+09" in outcome.reason


def test_other_hyper_parameters_have_no_rules_of_rates():
    outcome = judge(RangeTest(hyperparameter="weight_decay", low=1e-7, high=10.0), {1: s_curve()})
    assert [each.rule for each in outcome.suggestions] == ["lowest"]
    assert "a ramp cannot tell" in outcome.reason


# As a user runs it


@pytest.fixture(scope="module")
def tested(run, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("range_test")
    done = run(folder, "runner", "task=range_test", "optimizer=adamw", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    kept = store(folder)
    [only] = kept.runs()
    result = json.loads((folder / "run" / "artifacts" / "range_test.json").read_text())
    return SimpleNamespace(folder=folder, done=done, store=kept, run=only, result=result)


def test_it_is_one_run_with_the_ramp_and_every_loss(tested):
    assert tested.run.info.status == "FINISHED"
    assert tested.run.info.run_name == "range_test lr mlp digits"
    rates = tested.store.points(tested.run, "lr")
    np.testing.assert_allclose([v for _, v in rates], np.geomspace(1e-7, 10, 100)[: len(rates)], rtol=1e-9)
    for seed in SEEDS:
        points = tested.store.points(tested.run, f"loss/seed_{seed}")
        curve = tested.result["curves"][str(seed)]["losses"]
        kept = [(step, loss) for step, loss in enumerate(curve) if loss is not None]
        assert points[: len(kept)] == kept
    mean = dict(tested.store.points(tested.run, "loss"))
    first = [tested.result["curves"][str(seed)]["losses"][0] for seed in SEEDS]
    assert mean[0] == pytest.approx(np.mean(first))


def test_its_figures_settings_and_files_are_in_mlflow(tested):
    data, client = tested.run.data, tested.store.client
    for rule, said in tested.result["suggestions"].items():
        assert data.metrics[f"suggestion/{rule}"] == pytest.approx(said["median"])
        found = said["by_seed"].values()
        assert data.metrics[f"suggestion/{rule}/max"] == pytest.approx(max(found))
    assert data.metrics["suggestion/recommended"] == tested.result["recommended"]
    assert data.params["task.hyperparameter"] == "lr"
    assert data.params["optimizer.name"] == "adamw"
    assert "schedule.lr.name" not in data.params
    assert data.tags["task"] == "range_test"
    assert data.tags["range_test"] == tested.result["reason"]
    listed = {item.path for item in client.list_artifacts(tested.run.info.run_id)}
    assert listed >= {"range_test.png", "range_test.json", "config.yaml", "environment.txt", "curves.parquet"}
    with open(client.download_artifacts(tested.run.info.run_id, "range_test.png"), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_rate_is_one_that_adamw_trains_digits_with(tested):
    assert 2e-3 < tested.result["recommended"] < 3e-2


def test_the_screen_says_it_all_and_what_to_do_next(tested):
    out = tested.done.stdout
    for rule in tested.result["suggestions"]:
        assert f"  {rule} " in out
    assert f"begin with lr={tested.result['recommended']:g}: 'steepest', the median of 3 seeds" in out
    assert f"-m runner optimizer=adamw optimizer.lr={tested.result['recommended']:g}" in out
    assert tested.run.info.run_id in out
    assert tested.done.stderr == ""


def test_a_range_test_is_not_resumed(tested, run):
    done = run(tested.folder, "runner", "resume=run")
    assert done.returncode == 2
    assert "got a range test" in done.stderr


@pytest.mark.slow
@pytest.mark.soak
def test_ramps_that_all_diverge_fail_and_say_what_to_lower(run, store, tmp_path):
    done = run(tmp_path, "runner", "task=range_test", "task.low=1e3", "task.high=1e9")
    assert done.returncode == 1
    assert "task.low and task.high must be lower, got 1000 and 1e+09" in done.stderr
    assert "Traceback" not in done.stderr
    [only] = store(tmp_path).runs()
    assert only.info.status == "FAILED"
    assert len(store(tmp_path).points(only, "loss/seed_1000")) >= 1


# optimizer.lr=auto


@pytest.fixture(scope="module")
def found(run, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("auto")
    asked = ["optimizer.lr=auto", "schedule=constant", "trainer.steps=30", "hydra.run.dir=run"]
    done = run(folder, "runner", *asked)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(folder=folder, done=done, store=store(folder))


def test_auto_trains_with_the_rate_that_a_range_test_finds(found):
    [only] = found.store.runs()
    rate = auto.find(composed("optimizer.lr=auto"), {}).recommended

    assert f"optimizer.lr=auto: begin with lr={rate:g}: 'steepest'" in found.done.stdout
    assert only.data.params["optimizer.lr"] == str(rate)
    assert only.data.params["schedule.lr.peak_value"] == str(rate)
    assert only.info.run_name == f"constant lr={rate:g} seed=0"
    assert (
        "range test, lr 1e-07 to 10 in 100 steps, seeds 1000, 1001, 1002"
        in only.data.tags["optimizer.lr.from"]
    )
    assert [value for _, value in found.store.points(only, "lr")] == [rate] * 30
    listed = {item.path for item in found.store.client.list_artifacts(only.info.run_id)}
    assert listed >= {"range_test.png", "range_test.json"}


def test_the_run_equals_one_that_was_told_the_number(found):
    [only] = found.store.runs()
    rate = only.data.params["optimizer.lr"]
    made = build(composed(f"optimizer.lr={rate}", "schedule=constant", "trainer.steps=30"))
    losses = []
    for step in range(30):
        made.write(step)
        inputs, targets = made.batches(step)
        loss = made.loss_of(made.model(inputs), targets)
        loss.backward()
        made.optimizer.step()
        made.optimizer.zero_grad()
        losses.append(loss.item())
    assert [loss for _, loss in found.store.points(only, "loss")] == losses


@pytest.mark.slow
@pytest.mark.soak
def test_resuming_goes_on_with_the_number_and_tests_nothing(found, run):
    with (found.folder / "run" / "artifacts" / "config.yaml").open() as file:
        assert math.isfinite(yaml.safe_load(file)["optimizer"]["lr"])
    done = run(found.folder, "runner", "resume=run", "trainer.steps=40")
    assert done.returncode == 0, done.stderr
    assert "begin with" not in done.stdout
    [only] = found.store.runs()
    rates = [value for _, value in found.store.points(only, "lr")]
    assert rates == [float(only.data.params["optimizer.lr"])] * 40


@pytest.mark.slow
def test_a_signal_keeps_the_losses_so_far(start, store, tmp_path):
    process = start(tmp_path, "runner", "task=range_test", "task.steps=100000000", "hydra.run.dir=run")
    directory = RunDirectory(tmp_path / "run")
    wait_for(lambda: count(directory.path / "seed_1000.journal") > 100)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    let_go(directory)

    assert process.returncode == 128 + signal.SIGTERM
    [only] = store(tmp_path).runs()
    assert only.info.status == "KILLED"
    rows = count(directory.path / "seed_1000.journal")
    assert len(store(tmp_path).points(only, "loss/seed_1000")) == rows == count(directory.steps)


@pytest.mark.slow
@pytest.mark.soak
def test_jobs_of_a_sweep_get_one_rate_and_range_tests_can_be_swept(run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "optimizer.lr=auto", "seed=0,1", "trainer.steps=20")
    assert done.returncode == 0, done.stderr
    _, *children = store(tmp_path).runs()
    assert len({child.data.params["optimizer.lr"] for child in children}) == 1

    done = run(tmp_path, "runner", "-m", "task=range_test", "optimizer=sgd,adamw", "task.seeds=[1]")
    assert done.returncode == 0, done.stderr
    assert "sweep task=range_test" in done.stdout
    assert "nan" not in done.stdout
    names = {each.info.run_name for each in store(tmp_path).runs()}
    assert {"range_test lr mlp digits optimizer=sgd", "range_test lr mlp digits optimizer=adamw"} <= names

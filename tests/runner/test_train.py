"""The loop by itself: no Hydra, no MLflow, a journal in a folder."""

import pytest
import torch
from torch import nn

import schedules
from runner.errors import Diverged
from runner.record.journal import Journal, read
from runner.run.result import Result, parted
from runner.trainables.data import Batches, Data, Tensors
from runner.trainables.tasks import CLASSIFICATION
from runner.training.evaluation import Evaluation, evaluate
from runner.training.experiment import Experiment
from runner.training.plans import with_constants
from runner.training.recorder import READ_EVERY
from runner.training.signals import Stop
from runner.training.train import Hooks, train
from runner.training.update import Update
from schedules.pytorch import Plan


def trained(folder, plan, total_steps=40, batch_size=8, seed=0, saved=None, stop_early=None):
    """Train a linear map on a fixed problem; return the journal's rows and the weights."""
    saved = saved or Counted()
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(32, 4, generator=generator)
    targets = (inputs.sum(dim=1) > 0).long()
    torch.manual_seed(seed)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    examples = Tensors(inputs, targets)
    made = Experiment(
        plan=plan,
        write=plan.bind(optimizer),
        model=model,
        optimizer=optimizer,
        data=Data(train=examples, val=examples, task=CLASSIFICATION, num_outputs=2),
        batches=Batches(examples, batch_size, seed),
        total_steps=total_steps,
        device=inputs.device,
        evaluated_at_once=1024,
        update=Update(model=model, optimizer=optimizer, loss_of=nn.functional.cross_entropy),
    )
    folder.mkdir(exist_ok=True)
    steps = Journal(folder / "steps", [*made.write.labels, *made.update.columns])
    with steps as journal, Journal(folder / "judged", COLUMNS) as judged:
        hooks = Hooks(journal=journal, evaluations=judged, checkpoints=saved, early_stop=stop_early)
        train(made, hooks, 0, Stop(), evaluate_steps=len(inputs) // batch_size)
    return read(folder / "steps"), model.weight.detach().clone()


def evaluated(model, inputs, targets, step):
    examples = Tensors(inputs, targets)
    return evaluate(model, examples, CLASSIFICATION, step, device=inputs.device, batch_size=1024)


COLUMNS = ["val/loss", "val/accuracy"]


class Counted:
    """Checkpoints that are only counted."""

    def __init__(self, every=10**9):
        self.every, self.steps, self.losses = every, [], {}

    def due(self, finished):
        return finished % self.every == 0

    def save(self, finished):
        self.steps.append(finished)

    def judge(self, finished, val_loss):
        self.losses[finished] = val_loss


def cosine(total_steps=40, peak_value=0.1):
    return Plan(lr=schedules.build("cosine", total_steps=total_steps, peak_value=peak_value))


def test_the_same_seed_gives_the_same_run_to_the_bit(tmp_path):
    rows, weights = trained(tmp_path / "a", cosine())
    again, same_weights = trained(tmp_path / "b", cosine())

    assert rows["loss"].tolist() == again["loss"].tolist()
    assert torch.equal(weights, same_weights)


def test_the_loop_equals_the_textbook_loop(tmp_path):
    plan = cosine()
    _, weights = trained(tmp_path / "ours", plan)

    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(32, 4, generator=generator)
    targets = (inputs.sum(dim=1) > 0).long()
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = Batches(Tensors(inputs, targets), 8, 0)
    for step in range(40):
        optimizer.param_groups[0]["lr"] = plan["lr"](step)
        x, y = batches(step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert torch.equal(weights, model.weight)


@pytest.mark.parametrize("total_steps", [1, 3, READ_EVERY - 1, READ_EVERY, READ_EVERY + 1, 3 * READ_EVERY])
def test_every_step_is_in_the_journal_once_in_order(tmp_path, total_steps):
    rows, _ = trained(tmp_path / "run", cosine(total_steps), total_steps)

    assert rows["step"].tolist() == list(range(total_steps))
    assert (rows["time"][1:] >= rows["time"][:-1]).all()
    assert read(tmp_path / "run" / "judged")["step"][-1] == total_steps


def test_evaluations_come_after_each_epoch_and_at_the_end(tmp_path):
    trained(tmp_path / "run", cosine(10), total_steps=10)  # 4 steps an epoch
    assert read(tmp_path / "run" / "judged")["step"].tolist() == [4, 8, 10]


def test_checkpoints_come_when_due_and_at_the_end(tmp_path):
    saved = Counted(every=3)
    trained(tmp_path / "run", cosine(10), total_steps=10, saved=saved)
    assert saved.steps == [3, 6, 9, 10]


def test_the_best_evaluation_is_the_most_accurate_then_the_lowest_loss():
    figures = [(1, 0.5, 0.8), (2, 0.4, 0.9), (3, 0.3, 0.9), (4, 0.1, 0.7)]
    judged = [Evaluation(step, loss, {"accuracy": accuracy}) for step, loss, accuracy in figures]
    result = Result(judged, loss=0.1, seconds=1.0, parted=None)
    assert result.best.step == 3
    assert result.final.step == 4
    assert result.figures()["best/val_loss"] == 0.1


def test_a_value_that_is_not_the_plans_is_found(tmp_path):
    rows, _ = trained(tmp_path / "run", cosine())
    assert parted(rows, cosine()) is None

    other = rows.copy()
    other["lr"][17:] *= 1.0001
    assert parted(other, cosine()) == (17, "lr")


def test_what_is_recorded_is_what_the_optimizer_held():
    weight = nn.Parameter(torch.ones(1))
    adam = torch.optim.AdamW([weight], lr=0.1)
    write = Plan(lr=cosine()["lr"], momentum=0.8).bind(adam)
    assert write.labels == ["lr", "momentum"]
    assert adam.param_groups[0]["lr"] == 0.1  # nothing is written yet
    written = write(3)
    assert list(written) == write.labels
    assert write.used(written) == (cosine()["lr"](3), 0.8)

    adam.param_groups[0]["lr"] = 0.123  # somebody else writes too
    assert write.used(written) == (0.123, 0.8)


@pytest.mark.parametrize("name", ["momentum", "beta1", "beta2"])
def test_an_item_of_betas_is_recorded_under_each_of_its_names(name):
    adam = torch.optim.AdamW([nn.Parameter(torch.ones(1))], lr=0.1)
    write = Plan(**{name: 0.5}).bind(adam)
    written = write(0)
    adam.param_groups[0]["betas"] = (0.25, 0.25)
    assert write.used(written) == (0.25,)


def test_a_scaled_value_is_recorded_as_the_plan_says_it():
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr_scale": scale} for scale in (0.5, 0.25)]
    write = Plan(lr=0.2).bind(torch.optim.SGD(groups, lr=0.1))
    assert write.used(write(0)) == (0.2,)


def test_the_first_of_the_betas_can_be_driven_by_its_own_name():
    adam = torch.optim.AdamW([nn.Parameter(torch.ones(1))], lr=0.1)
    plan = with_constants(Plan(beta1=0.8), adam)
    assert plan.bind(adam)(0) == {"beta1": 0.8, "lr": 0.1}
    assert adam.param_groups[0]["betas"] == (0.8, 0.999)


def test_a_loss_that_is_not_finite_stops_the_run_and_stays_in_the_journal(tmp_path):
    plan = Plan(lr=lambda step: 0.1 if step < 8 else 1e38)
    with pytest.raises(Diverged) as stopped:
        trained(tmp_path / "run", plan)

    losses = read(tmp_path / "run" / "steps")["loss"]
    assert stopped.value.step == len(losses) - 1
    assert not torch.isfinite(torch.tensor(losses[-1]))
    assert stopped.value.last_loss == losses[-2]


def test_batches_are_whole_epochs_in_an_order_that_only_seed_and_epoch_decide():
    inputs = torch.arange(10)
    batches = Batches(Tensors(inputs, inputs), 3, seed=5)
    assert batches.steps_per_epoch == 3

    epoch = torch.cat([batches(step)[0] for step in range(3)]).tolist()
    assert len(set(epoch)) == 9
    later = torch.cat([batches(step)[0] for step in range(3, 6)]).tolist()
    assert later != epoch
    fresh = Batches(Tensors(inputs, inputs), 3, seed=5)
    assert fresh(4)[0].tolist() == later[3:6]  # asked for out of order
    assert torch.cat([Batches(Tensors(inputs, inputs), 3, seed=6)(t)[0] for t in range(3)]).tolist() != epoch


def test_evaluation_counts_every_example_and_leaves_training_mode_on():
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))
    inputs = torch.randn(2500, 4)  # more than one chunk, the last one shorter
    targets = torch.randint(0, 2, (2500,))
    judged = evaluated(model, inputs, targets, step=7)

    assert model.training
    outputs = model[0](inputs)
    assert judged.loss == pytest.approx(nn.functional.cross_entropy(outputs, targets).item(), rel=1e-5)
    assert judged.metrics["accuracy"] == float((outputs.argmax(dim=1) == targets).double().mean())

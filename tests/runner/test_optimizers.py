"""Optimizers and their parameter groups: what torch or the package does, under one roof and one plan."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import schedules
from runner.errors import ConfigError
from runner.models.gpt import Gpt
from runner.models.mlp import Mlp
from runner.models.resnet import ResNet
from runner.models.vit import Vit
from runner.optimizers.groups import grouped, hidden_matrices, layer_numbers
from runner.optimizers.modes import averaged
from runner.optimizers.muon import Muon, Together
from runner.optimizers.rivals import Lion, Prodigy, ScheduleFree
from runner.optimizers.torchs import Adam, AdamW, RmsProp, Sgd
from runner.settings.config import RunSettings
from runner.settings.trainer import TrainerSettings
from runner.trainables.data import Data, Tensors
from runner.trainables.tasks import CLASSIFICATION, LANGUAGE
from runner.training.build import Parts
from schedules.pytorch import Plan


def images(side=8, channels=1):
    examples = Tensors(torch.zeros(1, channels, side, side), torch.zeros(1, dtype=torch.int64))
    return Data(train=examples, val=examples, task=CLASSIFICATION, num_outputs=10)


def text():
    examples = Tensors(*torch.zeros(2, 1, 8, dtype=torch.int64))
    return Data(train=examples, val=examples, task=LANGUAGE, num_outputs=11)


def numbered(model):
    """Layers by the beginning of their parameters' names."""
    found = {}
    for name, number in layer_numbers(model).items():
        parts = name.split(".")
        found.setdefault(".".join(parts[:2] if parts[0] == "blocks" else parts[:1]), set()).add(number)
    assert all(len(numbers) == 1 for numbers in found.values())
    return {name: numbers.pop() for name, numbers in found.items()}


def test_layers_are_counted_from_the_input_to_the_head():
    assert numbered(Vit(depth=3, width=12, heads=3).build(images())) == {
        "class_token": 0,
        "positions": 0,
        "patches": 0,
        "blocks.0": 1,
        "blocks.1": 2,
        "blocks.2": 3,
        "head": 4,
    }
    gpt = Gpt(depth=2, width=8, heads=2, tied=False).build(text())
    assert numbered(gpt) == {
        "tokens": 0,
        "positions": 0,
        "blocks.0": 1,
        "blocks.1": 2,
        "norm": 2,
        "head": 3,
    }
    resnet = numbered(ResNet(depth=20, width=2).build(images()))
    assert (resnet["stem"], resnet["blocks.0"], resnet["blocks.8"], resnet["head"]) == (0, 1, 9, 10)
    assert numbered(Mlp(hidden=[4, 5]).build(images())) == {"1": 0, "3": 1, "5": 2}


def test_layer_decay_and_the_heads_own_rate_scale_what_the_plan_writes():
    model = Vit(depth=2, width=12, heads=3).build(images())
    asked = AdamW(lr=0.1, layer_decay=0.5, head_lr_scale=10.0)
    optimizer = asked.build(grouped(model, asked))
    Plan(lr=schedules.build("linear", total_steps=10, peak_value=0.1)).bind(optimizer)(5)

    rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
    assert rates == pytest.approx({"layer0": 0.00625, "layer1": 0.0125, "layer2": 0.025, "layer3": 0.5})
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(list(model.parameters()))


def test_norms_and_biases_are_left_out_of_weight_decay_under_any_plan():
    model = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))
    asked = Sgd(lr=1.0, momentum=0.0, weight_decay=0.1, no_decay_norm_and_bias=True)
    optimizer = asked.build(grouped(model, asked))
    write = Plan(lr=1.0, weight_decay=0.2).bind(optimizer)
    write(0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()

    for name, parameter in model.named_parameters():
        kept = 0.8 if parameter.dim() == 2 else 1.0
        torch.testing.assert_close(parameter.detach(), kept * before[name])


def test_without_group_settings_an_optimizer_gets_plain_parameters():
    model = nn.Linear(3, 2)
    assert len(Sgd().build(grouped(model, Sgd())).param_groups) == 1
    assert list(grouped(model, object())) == list(model.parameters())  # a user's own optimizer


def test_a_head_that_is_the_embedding_has_no_rate_of_its_own():
    with pytest.raises(ValueError, match="head_lr_scale needs a model whose last layer is its own"):
        grouped(Gpt(depth=1, width=8, heads=2).build(text()), AdamW(head_lr_scale=2.0))


def test_hidden_matrices_are_neither_embedding_nor_head_nor_vector():
    model = Gpt(depth=1, width=8, heads=2, tied=False).build(text())
    names = ("query_key_value", "attention_out", "perceptron_in", "perceptron_out")
    assert hidden_matrices(model) == {f"blocks.0.{name}.weight" for name in names}


def quadratic_loss(model):
    return sum((p - 0.3).square().sum() for p in model.parameters())


def stepped(model, optimizer, steps):
    for _ in range(steps):
        quadratic_loss(model).backward()
        optimizer.step()
        optimizer.zero_grad()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def muon_of(model, **fields):
    asked = Muon(**fields)
    return asked.build(grouped(model, asked))


def test_muon_is_torchs_muon_and_torchs_adamw_on_their_own_parameters():
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 5), nn.Linear(5, 2))
    theirs = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 5), nn.Linear(5, 2))
    theirs.load_state_dict(ours.state_dict())

    together = muon_of(ours, lr=0.02, adamw_lr=0.004, weight_decay=0.01)
    assert isinstance(together, Together)
    Plan(lr=0.02, momentum=0.95).bind(together)(0)
    hidden = [theirs[0].weight, theirs[1].weight]
    rest = [theirs[0].bias, theirs[1].bias, *theirs[2].parameters()]
    muon = torch.optim.Muon(hidden, lr=0.02, momentum=0.95, weight_decay=0.01, adjust_lr_fn="original")
    adamw = torch.optim.AdamW(rest, lr=0.004, betas=(0.9, 0.95), weight_decay=0.01)
    for _ in range(5):
        quadratic_loss(theirs).backward()
        muon.step()
        adamw.step()
        theirs.zero_grad()
    expected = torch.cat([p.detach().flatten() for p in theirs.parameters()])
    torch.testing.assert_close(stepped(ours, together, 5), expected)


def test_one_plan_drives_both_parts_of_muon_in_proportion():
    model = Mlp(hidden=[4, 4]).build(images())
    optimizer = muon_of(model, lr=0.02, momentum=0.8, adamw_lr=0.005, adamw_beta1=0.6)
    Plan(lr=0.01, momentum=0.4).bind(optimizer)(0)
    hidden, rest = optimizer.param_groups
    assert (hidden["lr"], hidden["momentum"]) == (0.01, 0.4)
    assert (rest["lr"], rest["betas"][0]) == pytest.approx((0.0025, 0.3))


def test_muon_without_hidden_matrices_is_refused():
    with pytest.raises(ValueError, match="muon needs a model with hidden matrices"):
        muon_of(nn.Sequential(nn.Linear(4, 2)))


def test_lion_moves_by_the_sign_of_its_running_gradient():
    pytest.importorskip("lion_pytorch")
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    lion = Lion(lr=0.1, beta1=0.5, beta2=0.9, weight_decay=0.01).build([weight])
    mean, expected = torch.zeros(2), weight.detach().clone()
    for gradient in (torch.tensor([1.0, -1.0]), torch.tensor([-0.5, 3.0])):
        weight.grad = gradient.clone()
        lion.step()
        expected = expected * (1 - 0.1 * 0.01) - 0.1 * torch.sign(0.5 * mean + 0.5 * gradient)
        mean = 0.9 * mean + 0.1 * gradient
    torch.testing.assert_close(weight.detach(), expected)


def test_schedule_free_is_judged_by_its_average_and_trains_on():
    pytest.importorskip("schedulefree")
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = ScheduleFree(lr=0.1).build(model.parameters())
    optimizer.train()
    stepped(model, optimizer, 7)
    trained, loss = model.weight.detach().clone(), quadratic_loss(model)
    with averaged(optimizer):
        assert not torch.equal(model.weight, trained)
        assert quadratic_loss(model) != loss
    torch.testing.assert_close(model.weight.detach(), trained)
    stepped(model, optimizer, 1)  # it would refuse in evaluation mode


def test_other_optimizers_have_one_set_of_weights():
    weight = nn.Parameter(torch.ones(2))
    with averaged(Sgd().build([weight])):
        assert torch.equal(weight, torch.ones(2))


WRONG = [
    (lambda: Sgd(layer_decay=0.0), "layer_decay must be a number > 0 and <= 1, got 0.0"),
    (lambda: Sgd(head_lr_scale=-1.0), "head_lr_scale must be a number > 0, got -1.0"),
    (lambda: Sgd(nesterov=True, momentum=0.0), "momentum must be > 0 for nesterov"),
    (lambda: Adam(beta2=1.0), "beta2 must be a number >= 0 and < 1, got 1.0"),
    (lambda: RmsProp(alpha=1.0), "alpha must be a number >= 0 and < 1, got 1.0"),
    (lambda: Muon(momentum=0.0), "momentum must be a number > 0, got 0.0"),
    (lambda: Lion(lr=0.0), "lr must be a number > 0, got 0.0"),
    (lambda: Prodigy(layer_decay=0.5), "layer_decay must be 1 for prodigy, got 0.5"),
    (lambda: ScheduleFree(beta1=0.0), "beta1 must be a number > 0 and < 1, got 0.0"),
]


@pytest.mark.parametrize(("make", "said"), WRONG)
def test_wrong_settings_are_refused_by_name(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("name", ["muon", "prodigy"])
def test_an_optimizer_that_needs_whole_tensors_is_not_sharded(name):
    trainer = TrainerSettings(parallel="fsdp")
    nodes = {"dataset": {"name": "digits"}, "model": {"name": "mlp"}, "optimizer": {"name": name}}
    settings = RunSettings(trainer=trainer, **nodes)
    with pytest.raises(ConfigError, match=f"trainer.parallel must be ddp for {name}, which looks at whole"):
        Parts.named_in(settings)
    assert Parts.named_in(replace(settings, optimizer={"name": "adamw"})).optimizer.lr > 0

"""The schedules that torch has too, step by step against torch itself."""

import pytest
import torch
from torch.optim import lr_scheduler

import schedules

UPDATES = 60


def torch_rates(make, peak=0.1, updates=UPDATES):
    """The rates that a torch scheduler would have used for its first updates."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    scheduler = make(optimizer)
    rates = []
    for _ in range(updates):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("make", "name", "settings"),
    [
        (lambda o: lr_scheduler.StepLR(o, 7), "step", {"step_size": 7}),
        (lambda o: lr_scheduler.StepLR(o, 1, gamma=0.9), "step", {"step_size": 1, "gamma": 0.9}),
        (lambda o: lr_scheduler.StepLR(o, 100), "step", {"step_size": 100}),
        (lambda o: lr_scheduler.MultiStepLR(o, [5, 20, 20]), "multistep", {"milestones": [5, 20, 20]}),
        (
            lambda o: lr_scheduler.MultiStepLR(o, [30], gamma=0.5),
            "multistep",
            {"milestones": [30], "gamma": 0.5},
        ),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.95), "exponential", {"gamma": 0.95}),
        (lambda o: lr_scheduler.ExponentialLR(o, 1.05), "exponential", {"gamma": 1.05}),
        (lambda o: lr_scheduler.PolynomialLR(o, 40), "polynomial", {"total_steps": 40}),
        (lambda o: lr_scheduler.PolynomialLR(o, 40, 2.0), "polynomial", {"total_steps": 40, "power": 2}),
        (
            lambda o: lr_scheduler.CosineAnnealingLR(o, UPDATES, 0.001),
            "cosine",
            {"total_steps": UPDATES, "end_value": 0.001},
        ),
        (
            lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, 50),
            "linear",
            {"total_steps": 50, "end_value": "20%"},
        ),
        (
            lambda o: lr_scheduler.LinearLR(o, 0.25, 1.0, 30),
            "constant",
            {"warmup_steps": 30, "init_value": "25%"},
        ),
        (
            lambda o: lr_scheduler.ConstantLR(o, 0.25, 30),
            "constant",
            {"warmup_steps": 30, "init_value": "25%", "warmup_shape": "constant"},
        ),
        (
            lambda o: lr_scheduler.SequentialLR(
                o,
                [lr_scheduler.LinearLR(o, 0.1, 1.0, 10), lr_scheduler.CosineAnnealingLR(o, UPDATES - 10)],
                [10],
            ),
            "cosine",
            {"total_steps": UPDATES, "warmup_steps": 10, "init_value": "10%"},
        ),
    ],
)
def test_rates_are_those_of_torch(make, name, settings):
    ours = schedules.build(name, peak_value=0.1, **settings)

    assert schedules.values(ours, UPDATES) == pytest.approx(torch_rates(make), rel=1e-9, abs=1e-15)


def test_a_cosine_does_not_climb_back_after_its_end():
    theirs = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 4), peak=0.1, updates=9)
    ours = schedules.Cosine(total_steps=4, peak_value=0.1)

    assert theirs[4] == pytest.approx(0.0, abs=1e-15)
    assert theirs[8] == pytest.approx(0.1)
    assert [ours(t) for t in range(4, 9)] == [0.0] * 5

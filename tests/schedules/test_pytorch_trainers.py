"""The scheduler in loops of other people: Lightning and Accelerate."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import schedules
from schedules.pytorch import Plan, Scheduler

TOTAL = 8
LINE = schedules.build("linear", total_steps=TOTAL, peak_value=1.0)
PLAN = Plan(lr=LINE, momentum=schedules.build("onecycle", total_steps=TOTAL, init_value=0.95, peak_value=0.8))
DATA = TensorDataset(torch.linspace(-1.0, 1.0, 2 * TOTAL).reshape(-1, 1))


def used_by(optimizer: torch.optim.Optimizer) -> list[tuple[float, float]]:
    used: list[tuple[float, float]] = []
    optimizer.register_step_post_hook(
        lambda o, *_: used.append((o.param_groups[0]["lr"], o.param_groups[0]["momentum"]))
    )
    return used


def planned(start: int, stop: int) -> list[tuple[float, float]]:
    return [(PLAN.at(t)["lr"], PLAN.at(t)["momentum"]) for t in range(start, stop)]


@pytest.fixture(scope="module")
def pl() -> Any:
    return pytest.importorskip("lightning.pytorch")


def module(pl: Any, **options: Any) -> Any:
    class Line(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.used: list[tuple[float, float]] = []

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            return ((batch[0] * self.weight - 1.0) ** 2).mean()

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.1)
            self.used = used_by(optimizer)
            scheduler = Scheduler(optimizer, PLAN, **options)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    return Line()


def trainer(pl: Any, where: Path, **options: Any) -> Any:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(accelerator="cpu", default_root_dir=where, **quiet, **options)


def batches(size: int) -> DataLoader[Any]:
    return DataLoader(DATA, batch_size=size)


def test_lightning_follows_the_plan(pl: Any, tmp_path: Path):
    model = module(pl)
    trainer(pl, tmp_path, max_epochs=1, enable_checkpointing=False).fit(model, batches(2))
    assert model.used == planned(0, TOTAL)


def test_lightning_counts_updates_when_it_accumulates(pl: Any, tmp_path: Path):
    model = module(pl)
    trainer(pl, tmp_path, max_epochs=1, enable_checkpointing=False, accumulate_grad_batches=4).fit(
        model, batches(1)
    )
    assert model.used == planned(0, 4)


def test_lightning_resumes_where_it_stopped(pl: Any, tmp_path: Path):
    first = module(pl)
    half = trainer(pl, tmp_path, max_epochs=1, enable_checkpointing=False)
    half.fit(first, batches(4))
    half.save_checkpoint(tmp_path / "half.ckpt")

    second = module(pl)
    trainer(pl, tmp_path, max_epochs=2, enable_checkpointing=False).fit(
        second, batches(4), ckpt_path=tmp_path / "half.ckpt"
    )

    assert first.used == planned(0, 4)
    assert second.used == planned(4, 8)


@pytest.fixture
def accelerate() -> Any:
    found = pytest.importorskip("accelerate")
    found.state.AcceleratorState._reset_state(reset_partial_state=True)
    found.state.GradientState._reset_state()
    return found


def accelerated_run(
    accelerator: Any, batch_size: int, before: bool = True, processes: int = 1
) -> tuple[Any, Any]:
    """Train for one pass over the data; the scheduler is made before or after ``prepare``."""
    model = torch.nn.Linear(1, 1)
    raw = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.1)
    used = used_by(raw)
    if before:
        model, optimizer, scheduler, loader = accelerator.prepare(
            model, raw, Scheduler(raw, PLAN), batches(batch_size)
        )
    else:
        model, optimizer, loader = accelerator.prepare(model, raw, batches(batch_size))
        scheduler = accelerator.prepare(Scheduler(optimizer, PLAN))
    accelerator.state.num_processes = processes  # so often does it call scheduler.step() for one update
    for (inputs,) in loader:
        with accelerator.accumulate(model):
            accelerator.backward((model(inputs) - 1.0).square().mean())
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    return used, scheduler


@pytest.mark.parametrize("before", [True, False])
def test_accelerate_follows_the_plan(accelerate: Any, before: bool):
    used, scheduler = accelerated_run(accelerate.Accelerator(cpu=True), 2, before)
    assert used == planned(0, TOTAL)
    assert scheduler.get_last_lr() == [LINE(TOTAL)]


def test_accelerate_counts_updates_when_it_accumulates(accelerate: Any):
    used, scheduler = accelerated_run(accelerate.Accelerator(cpu=True, gradient_accumulation_steps=4), 1)
    assert used == planned(0, 4)
    assert scheduler.state_dict()["step"] == 4


def test_accelerate_with_more_processes_does_not_run_ahead(accelerate: Any):
    used, scheduler = accelerated_run(accelerate.Accelerator(cpu=True), 2, processes=4)
    assert used == planned(0, TOTAL)
    assert scheduler.state_dict()["step"] == TOTAL


def test_accelerate_saves_and_loads_the_clock(accelerate: Any, tmp_path: Path):
    accelerator = accelerate.Accelerator(cpu=True)
    _, scheduler = accelerated_run(accelerator, 4)
    saved = copy.deepcopy(scheduler.state_dict())
    accelerator.save_state(str(tmp_path))
    scheduler.scheduler.last_step = 0
    accelerator.load_state(str(tmp_path))
    assert scheduler.state_dict() == saved
    assert saved["step"] == 4

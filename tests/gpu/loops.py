"""What the loop costs on a GPU: waits for the device, and time beside a bare loop."""

from __future__ import annotations

import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_module

from runner.launch.plugins import register
from runner.record.journal import Journal
from runner.settings.config import load
from runner.training.build import build
from runner.training.experiment import Experiment
from runner.training.recorder import READ_EVERY
from runner.training.signals import Stop
from runner.training.train import Hooks, train
from tests.gpu.claim import Refuted

STEPS = 1500
ROUNDS = 5
ALLOWED = 1.05


def experiment_on(device: str, steps: int) -> Experiment:
    """Return a network of middling size on digits, on the device, for so many steps."""
    register()
    asked = [f"trainer.steps={steps}", f"trainer.device={device}", "model.hidden=[1024,1024]"]
    with initialize_config_module("conf", version_base="1.3"):
        return build(load(compose("config", asked), asked))


def ours(experiment: Experiment, path: Path) -> None:
    """Train as the runner does, with every step in a journal."""
    columns = [*experiment.write.labels, *experiment.update.columns]
    with Journal(path, columns) as journal:
        train(experiment, Hooks(journal=journal), 0, Stop())


def bare(experiment: Experiment) -> None:
    """Train the same without keeping anything."""
    for step in range(experiment.total_steps):
        experiment.write(step)
        inputs, targets = experiment.batches(step)
        experiment.loss_of(experiment.model(inputs), targets).backward()
        experiment.optimizer.step()
        experiment.optimizer.zero_grad(set_to_none=True)


def waits(device: str, folder: Path) -> str:
    """Count the waits for the device of some hundred steps; more than the reading in chunks is too many."""
    experiment = experiment_on(device, 10 * READ_EVERY)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ours(experiment, folder / "steps.journal")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    count = sum("synchronizing" in str(each.message) for each in caught)
    if count > experiment.total_steps / 8:
        raise Refuted(f"{count} waits in {experiment.total_steps} steps")
    return f"{count} waits in {experiment.total_steps} steps"


def cost(device: str, folder: Path) -> str:
    """Time the loop beside a bare one, in turns; the median ratio counts."""
    ratios = []
    for number in range(ROUNDS + 1):
        kept = _seconds(ours, experiment_on(device, STEPS), folder / f"{number}.journal")
        alone = _seconds(bare, experiment_on(device, STEPS))
        ratios.append(kept / alone)
    ratio = statistics.median(ratios[1:])  # the first round warms up
    if ratio > ALLOWED:
        raise Refuted(f"{ratio:.3f}x a bare loop")
    return f"{ratio:.3f}x a bare loop, {1e3 * alone / STEPS:.2f} ms a step"


def _seconds(loop: Any, *arguments: Any) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    loop(*arguments)
    torch.cuda.synchronize()
    return time.perf_counter() - began

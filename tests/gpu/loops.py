"""What the loop costs on a GPU: waits for the device, and time beside a bare loop."""

from __future__ import annotations

import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
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

ALLOWED = 1.05

MIDDLING = ["model.hidden=[1024,1024]"]
GPT2 = ["model=gpt", "model.depth=12", "model.width=768", "model.heads=12", "optimizer=adamw"]
GPT2 += ["dataset=tokens", "dataset.vocab_size=50304", "dataset.context=1024", "trainer.batch_size=16"]
GPT2 += ["optimizer.lr=6e-4", "trainer.precision=bf16"]


def experiment_on(device: str, steps: int, overrides: list[str]) -> Experiment:
    """Return an experiment on the device, for so many steps."""
    register()
    asked = [f"trainer.steps={steps}", f"trainer.device={device}", *overrides]
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
        with experiment.update.autocast():
            loss = experiment.loss_of(experiment.model(inputs), targets)
        loss.backward()
        experiment.optimizer.step()
        experiment.optimizer.zero_grad(set_to_none=True)


def waits(device: str, folder: Path) -> str:
    """Count the waits for the device of some hundred steps; more than the reading in chunks is too many."""
    experiment = experiment_on(device, 10 * READ_EVERY, MIDDLING)
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
    """Time the loop beside a bare one on steps so small that keeping them might show."""
    return _compare(device, folder, MIDDLING, steps=1000, rounds=5)


def cost_of_gpt2(device: str, folder: Path) -> str:
    """Time the loop beside a bare one on a language model of 124 million parameters."""
    draw = np.random.default_rng(0)
    for name, count in (("train", 1_000_000), ("val", 20_000)):
        (draw.zipf(1.3, count) % 50257).astype("<u2").tofile(folder / f"{name}.bin")
    files = [f"dataset.train={folder}/train.bin", f"dataset.val={folder}/val.bin"]
    return _compare(device, folder, [*GPT2, *files], steps=50, rounds=3)


def _compare(device: str, folder: Path, overrides: list[str], steps: int, rounds: int) -> str:
    """Train with and without a record, in turns; the median ratio of the times counts."""
    ratios = []
    for number in range(rounds + 1):
        kept = _seconds(ours, experiment_on(device, steps, overrides), folder / f"{number}.journal")
        alone = _seconds(bare, experiment_on(device, steps, overrides))
        ratios.append(kept / alone)
    ratio = statistics.median(ratios[1:])  # the first round warms up
    if ratio > ALLOWED:
        raise Refuted(f"{ratio:.3f}x a bare loop")
    return f"{ratio:.3f}x a bare loop, {1e3 * alone / steps:.2f} ms a step"


def _seconds(loop: Any, *arguments: Any) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    loop(*arguments)
    torch.cuda.synchronize()
    return time.perf_counter() - began

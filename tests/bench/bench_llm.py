"""``experiment=llm`` beside the same training in plain PyTorch: do both learn as much, and how fast is each.

The reference takes the network from the runner and nothing else: text, batches, schedule, AdamW, clipping and
evaluation are a few lines of its own, and it logs nothing. Both have the whole budget, seed by seed, in one
process, and take turns of some steps, so that what else the machine does slows both alike. The runner does
all that it does in a run: every step goes to the journal and on to MLflow, it saves checkpoints. The batches
are drawn apart, so the losses may differ as seeds differ.

Usage: ``python tests/bench/bench_llm.py [--json FILE] [--seeds 0 1 2] [--steps N]``
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import bench_tracking  # noqa: E402

DEPTH, WIDTH, HEADS, CONTEXT = 4, 96, 4, 64
BATCH, EPOCHS = 32, 2
PEAK, FLOOR, WARMUP = 5e-3, 0.1, 0.05
BETAS, WEIGHT_DECAY, CLIP = (0.9, 0.95), 0.1, 1.0
HELD_OUT = 0.1

TURN = 8
"""Steps that the reference makes before the runner makes as many."""

GOAL = 0.95


class Reference:
    """A language model and how to train it, in plain PyTorch."""

    def __init__(self, seed: int, steps: int | None) -> None:
        from pydoc_data.topics import topics

        from runner.models.gpt import Decoder, Gpt

        text = "\n\n".join(topics[name] for name in sorted(topics))
        numbers = {character: number for number, character in enumerate(sorted(set(text)))}
        tokens = torch.tensor([numbers[character] for character in text])
        split = len(tokens) - int(len(tokens) * HELD_OUT)
        self.train_windows, self.val_windows = cut(tokens[:split]), cut(tokens[split:])
        self.steps_per_epoch = len(self.train_windows) // BATCH
        self.steps = steps or EPOCHS * self.steps_per_epoch

        torch.manual_seed(seed)
        self.model = Decoder(Gpt(depth=DEPTH, width=WIDTH, heads=HEADS), CONTEXT, len(numbers))
        decayed = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() < 2]
        groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=BETAS, fused=True)
        self.order = torch.Generator().manual_seed(seed)
        self.seconds = self.processor_seconds = 0.0
        self.val_loss = math.nan

    def rate(self, step: int) -> float:
        """Warm up to the peak, then down a cosine to a tenth of it."""
        warmup = int(WARMUP * self.steps)
        if step < warmup:
            return PEAK * (step + 1) / (warmup + 1)
        along = (step - warmup) / (self.steps - warmup)
        return PEAK * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * along)) / 2)

    def train(self, first: int, stop: int) -> None:
        """Make the updates from ``first`` to ``stop``, at most to the end, and note what they took."""
        began, processor = time.perf_counter(), time.process_time()
        for step in range(first, min(stop, self.steps)):
            if step % self.steps_per_epoch == 0:
                self.shuffled = torch.randperm(len(self.train_windows), generator=self.order)
            place = step % self.steps_per_epoch * BATCH
            windows = self.train_windows[self.shuffled[place : place + BATCH]]
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate(step)
            loss = loss_of(self.model, windows)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
            self.optimizer.step()
            if (step + 1) % self.steps_per_epoch == 0 or step + 1 == self.steps:
                self.evaluate()
        self.seconds += time.perf_counter() - began
        self.processor_seconds += time.process_time() - processor

    @torch.no_grad()
    def evaluate(self) -> None:
        """Note the mean loss over all held-out windows."""
        self.model.eval()
        parts = self.val_windows.split(128)
        total = sum(float(loss_of(self.model, part)) * len(part) for part in parts)
        self.val_loss = total / len(self.val_windows)
        self.model.train()


def cut(tokens: Tensor) -> Tensor:
    """Return windows of the context and one more token, which is the next one's first."""
    return tokens.unfold(0, CONTEXT + 1, CONTEXT)


def loss_of(model: torch.nn.Module, windows: Tensor) -> Tensor:
    scores = model(windows[:, :-1])
    return torch.nn.functional.cross_entropy(scores.flatten(0, 1), windows[:, 1:].flatten())


class Turns:
    """The runner's batches; before every few of them the reference trains as many steps."""

    def __init__(self, batches: Any, reference: Reference) -> None:
        self.batches, self.reference = batches, reference
        self.steps_per_epoch = batches.steps_per_epoch

    def __call__(self, step: int) -> Any:
        if step % TURN == 0:
            self.reference.train(step, step + TURN)
        return self.batches(step)


def check_equal(made: Any, reference: Reference) -> None:
    """Stop where the two would not train the same network for the same budget under the same rates."""
    sizes = [sum(p.numel() for p in model.parameters()) for model in (made.model, reference.model)]
    both = [
        ("parameters", *sizes),
        ("steps", made.total_steps, reference.steps),
        ("steps an epoch", made.batches.steps_per_epoch, reference.steps_per_epoch),
        ("validation windows", len(made.data.val), len(reference.val_windows)),
    ]
    both += [
        (f"rate of step {step}", round(made.plan["lr"](step), 12), round(reference.rate(step), 12))
        for step in range(reference.steps)
    ]
    for what, mine, its in both:
        if mine != its:
            raise SystemExit(f"{what}: {mine} in experiment=llm, {its} in the reference")


def compete(seed: int, steps: int | None) -> dict[str, float]:
    """Train both under one seed; return their losses, speeds and processor times."""
    from runner.record.directory import RunDirectory
    from runner.record.journal import read

    settings, made = bench_tracking.experiment_of(["experiment=llm", f"seed={seed}"], steps)
    reference = Reference(seed, steps)
    check_equal(made, reference)
    for model in (made.model, reference.model):  # the first calls of everything, uncounted
        loss_of(model, reference.train_windows[:BATCH]).backward()
        model.zero_grad()
    with tempfile.TemporaryDirectory() as folder:
        taking_turns = replace(made, batches=Turns(made.batches, reference))
        seconds, _ = bench_tracking.ours(taking_turns, settings, Path(folder))
        val_loss = float(read(RunDirectory(Path(folder)).evaluations)["val/loss"][-1])
    return {
        "seed": seed,
        "steps": reference.steps,
        "ours_val_loss": val_loss,
        "reference_val_loss": reference.val_loss,
        "ours_steps_per_s": reference.steps / (seconds - reference.seconds),
        "reference_steps_per_s": reference.steps / reference.seconds,
        "ours_cpu_s": bench_tracking.CPU[0] - reference.processor_seconds,
        "reference_cpu_s": reference.processor_seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="a shorter run than the experiment's")
    options = parser.parse_args()
    print("experiment=llm against plain PyTorch; validation loss in nats a character")
    titles = ("ours", "plain", "ours steps/s", "plain steps/s", "x wall", "x cpu")
    print("seed", *(f"{title:>13}" for title in titles))
    found = []
    for seed in options.seeds:
        row = compete(seed, options.steps)
        found.append(row)
        wall = row["ours_steps_per_s"] / row["reference_steps_per_s"]
        cpu = row["reference_cpu_s"] / row["ours_cpu_s"]
        figures = (row["ours_val_loss"], row["reference_val_loss"])
        speeds = (row["ours_steps_per_s"], row["reference_steps_per_s"], wall, cpu)
        print(f"{seed:4d}", *(f"{x:13.4f}" for x in figures), *(f"{x:13.3f}" for x in speeds), flush=True)
    for who in ("ours", "reference"):
        losses = [row[f"{who}_val_loss"] for row in found]
        spread = statistics.stdev(losses) if len(losses) > 1 else math.nan
        print(
            f"{who:9} validation loss {statistics.mean(losses):.4f} +- {spread:.4f} over {len(losses)} seeds"
        )
    wall = sum(1 / r["reference_steps_per_s"] for r in found) / sum(1 / r["ours_steps_per_s"] for r in found)
    cpu = sum(r["reference_cpu_s"] for r in found) / sum(r["ours_cpu_s"] for r in found)
    print(f"speed of ours: {wall:.3f} of the reference's (goal >= {GOAL}); by processor time {cpu:.3f}")
    if options.json:
        options.json.write_text(
            json.dumps({"seeds": found, "speed": wall, "speed_cpu": cpu}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()

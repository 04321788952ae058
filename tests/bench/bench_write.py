"""How much faster a bound plan writes than ``OneCycleLR.step()``: learning rate and momentum, side by side.

Usage: ``python tests/bench/bench_write.py [--json FILE]``
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.optim.lr_scheduler import OneCycleLR

import schedules
from schedules.pytorch import Plan, Scheduler

TOTAL_STEPS = 100_000
GROUPS = (1, 50, 300)
GOALS = {1: 2.0, 50: None, 300: 20.0}
OPTIMIZERS: dict[str, Callable[[list[dict[str, object]]], torch.optim.Optimizer]] = {
    "SGD": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
    "AdamW": lambda groups: torch.optim.AdamW(groups, lr=0.1),
}


def optimizer_of(kind: str, groups: int) -> torch.optim.Optimizer:
    return OPTIMIZERS[kind]([{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(groups)])


def one_cycle_plan() -> Plan:
    settings = {"total_steps": TOTAL_STEPS, "warmup_steps": "30%", "decay_steps": 0, "warmup_shape": "cosine"}
    settings["decay_shape"] = "cosine"
    return Plan(
        lr=schedules.build("onecycle", peak_value=0.1, init_value=0.004, end_value=4e-7, **settings),
        momentum=schedules.build("onecycle", peak_value=0.85, init_value=0.95, **settings),
    )


def contenders(kind: str, groups: int) -> dict[str, Callable[[int], object]]:
    """Return what is timed: each a function of the step."""
    theirs = OneCycleLR(optimizer_of(kind, groups), max_lr=0.1, total_steps=TOTAL_STEPS)
    theirs.optimizer.step()
    optimizer = optimizer_of(kind, groups)
    ours = Scheduler(optimizer, one_cycle_plan())
    (before_update,) = optimizer._optimizer_step_pre_hooks.values()

    def face(_: int) -> None:
        before_update(optimizer, (), {})
        ours.step()

    return {
        "OneCycleLR.step()": lambda _: theirs.step(),
        "write(step)": one_cycle_plan().bind(optimizer_of(kind, groups)),
        "Scheduler: hook and step()": face,
    }


def seconds_per_step(kind: str, groups: int, repeats: int = 9) -> dict[str, float]:
    """Return the median time of one step for each, taken in turns so that a busy machine hurts all alike."""
    steps = max(20, 6000 // (groups + 10))
    found: dict[str, list[float]] = {}
    functions = contenders(kind, groups)
    for repeat in range(repeats):
        for name, function in functions.items():
            begin = time.perf_counter()
            for step in range(repeat * steps, (repeat + 1) * steps):
                function(step)
            found.setdefault(name, []).append((time.perf_counter() - begin) / steps)
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    rows = []
    print(
        f"{'optimizer':9} {'groups':>6} {'torch us':>9} {'write us':>9} {'ratio':>6} {'goal':>5} {'face':>6}"
    )
    for kind in OPTIMIZERS:
        for groups in GROUPS:
            torch_s, write_s, face_s = seconds_per_step(kind, groups).values()
            ratio, face, goal = torch_s / write_s, torch_s / face_s, GOALS[groups]
            rows.append(
                {
                    "optimizer": kind,
                    "groups": groups,
                    "torch_us": torch_s * 1e6,
                    "write_us": write_s * 1e6,
                    "ratio": ratio,
                    "goal": goal,
                    "scheduler_ratio": face,
                }
            )
            print(
                f"{kind:9} {groups:6d} {torch_s * 1e6:9.1f} {write_s * 1e6:9.1f} {ratio:5.1f}x "
                f"{f'{goal:.0f}x' if goal else '-':>5} {face:5.1f}x"
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

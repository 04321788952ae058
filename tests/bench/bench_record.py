"""What ``runner.record`` costs a loop of one's own: a bare loop and a recorded one take turns.

A step does the same arithmetic in both, about one millisecond of it. ``x bare`` is the median of the rounds'
ratios of wall time, ``x cpu`` the same of this process's processor time. Both take turns every 20 steps, so
that what else the machine does, the uploader included, meets both. The record is opened and ended outside the
clock, as its end waits for MLflow.

Usage: ``python tests/bench/bench_record.py [--rounds 5] [--steps 2000] [--milliseconds 1.0]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import runner

MATRIX = np.random.default_rng(0).standard_normal((64, 64))
CHUNK = 20
Keep = Callable[[int, float], None]


def work(times: int) -> float:
    total = 0.0
    for _ in range(times):
        total += float((MATRIX @ MATRIX)[0, 0])
    return total


def calibrated(milliseconds: float) -> int:
    """Return how many products take so long."""
    work(200)
    began = time.perf_counter()
    work(2000)
    return max(1, round(milliseconds / 1000 / ((time.perf_counter() - began) / 2000)))


class Clock:
    """Adds up wall time and this process's processor time."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def time(self, steps: range, times: int, keep: Keep) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        for step in steps:
            work(times)
            keep(step, 1.0 / (step + 1))
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--milliseconds", type=float, default=1.0)
    asked = parser.parse_args()
    times = calibrated(asked.milliseconds)
    walls, cpus = [], []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number in range(asked.rounds):
            run = runner.record(schedule="constant", lr=0.1, seed=number)
            bare, ours = Clock(), Clock()
            for start in range(0, asked.steps, CHUNK):
                steps = range(start, start + CHUNK)
                bare.time(steps, times, lambda step, loss: None)
                ours.time(steps, times, lambda step, loss: run.step(lr=0.1, momentum=0.9, loss=loss))  # noqa: B023
            run.finish()
            walls.append(ours.wall / bare.wall)
            cpus.append(ours.cpu / bare.cpu)
            each = 1000 * bare.wall / asked.steps
            print(f"bare {each:.3f} ms a step, recorded x {walls[-1]:.3f}, cpu x {cpus[-1]:.3f}", flush=True)
        os.chdir("/")
    print(f"x bare {statistics.median(walls):.3f}   x cpu {statistics.median(cpus):.3f}")


if __name__ == "__main__":
    main()

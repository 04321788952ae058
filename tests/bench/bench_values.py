"""How long a million values take, and one: every registered schedule, beside a million cosines of numpy.

Usage: ``python tests/bench/bench_values.py [--json FILE]``
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import schedules
from schedules.show.argument import illustrated, read

TOTAL_STEPS = 1_000_000
GOAL_MS = 50.0
CALLS = 2_000


def best_of(function: Callable[[], object], repeats: int = 3) -> float:
    """Return the seconds of the quickest call: what a busy machine adds is not ours."""
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return min(found)


def whole_run(name: str) -> Any:
    """Return the schedule of that name as ``python -m schedules show`` draws it, for the whole run."""
    word = read(name)
    return word.build(schedules.Horizon(total_steps=TOTAL_STEPS), illustrated(word))


def one_by_one(schedule: Any) -> None:
    for step in range(0, TOTAL_STEPS, TOTAL_STEPS // CALLS):
        schedule(step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    steps = np.arange(TOTAL_STEPS, dtype=np.float64)
    cosine_s = best_of(lambda: np.cos(steps))
    rows = []
    print(f"numpy.cos of {TOTAL_STEPS:,} numbers: {cosine_s * 1e3:.1f} ms; goal for values: {GOAL_MS:.0f} ms")
    print(f"{'schedule':20} {'values ms':>9} {'x numpy.cos':>11} {'one call us':>11}")
    for name in schedules.names():
        schedule = whole_run(name)
        values_s = best_of(partial(schedules.values, schedule, TOTAL_STEPS))
        call_s = best_of(partial(one_by_one, schedule)) / CALLS
        rows.append({"schedule": name, "values_ms": values_s * 1e3, "one_call_us": call_s * 1e6})
        rows[-1] |= {"ratio_to_numpy_cos": values_s / cosine_s, "goal_ms": GOAL_MS}
        missed = "" if values_s * 1e3 < GOAL_MS else "  over the goal"
        print(f"{name:20} {values_s * 1e3:9.1f} {values_s / cosine_s:10.1f}x {call_s * 1e6:11.2f}{missed}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Memory: a run of many steps takes no more than one of few, and data may be larger than what there is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc"),
]
GIB = 2**30
TRAIN = """
import resource, sys
from runner.__main__ import main
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
code = main()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("peak", int(status["VmHWM"].split()[0]) * 1024)
sys.exit(code)
"""
"""Trains with at most so many bytes of memory of its own (files that are mapped do not count); 0: any."""


def peak_of(folder, *overrides, limit=0):
    """Train in a process of its own; return the most memory it had, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(limit), *overrides],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.soak
def test_ten_times_the_steps_take_no_more_memory(tmp_path):
    few, many = (
        peak_of(tmp_path, "model.hidden=[16]", f"trainer.steps={steps}", "trainer.evaluate_steps=1000")
        for steps in (500, 5_000)
    )
    assert many - few < 20e6, f"{few / 1e6:.0f} MB in 500 steps, {many / 1e6:.0f} MB in 5,000"


def test_token_files_larger_than_the_memory_train(tmp_path):
    size, limit = 8 * GIB, 2 * GIB
    for name in ("train", "val"):
        with open(tmp_path / f"{name}.bin", "wb") as file:
            os.truncate(file.fileno(), size)  # all zeros, which no disk has to hold
    files = [f"dataset.{name}={tmp_path / name}.bin" for name in ("train", "val")]
    arguments = [
        "model=gpt",
        "model.depth=1",
        "model.width=8",
        "model.heads=1",
        "dataset=tokens",
        *files,
        "dataset.vocab_size=8",
        "dataset.val_tokens=65536",
        "optimizer=adamw",
        "trainer.steps=30",
        "trainer.batch_size=4",
    ]
    peak = peak_of(tmp_path, *arguments, limit=limit)
    assert peak < limit, f"{peak / GIB:.1f} GiB"
    held = subprocess.run(
        [sys.executable, "-c", TRAIN, str(limit), *arguments, "dataset.stream=false"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert held.returncode != 0  # the limit is one: what is not streamed does not fit
    assert "memory" in held.stderr.lower()

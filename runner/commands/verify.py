"""``python -m runner verify-resume``: prove on one's own config that a killed run goes on unharmed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..console import out
from ..errors import ConfigError
from ..record.directory import RunDirectory
from ..record.journal import count, read


def verify(overrides: list[str], kills: int = 3, seed: int | None = None) -> bool:
    """Train twice, once undisturbed and once killed at random steps and resumed; return whether both agree.

    Args:
        overrides: the run, as on the command line.
        kills: how many times the second run is killed with SIGKILL [>= 1].
        seed: decides the steps; ``None`` draws new ones.

    Raises:
        ConfigError: the undisturbed run does not finish.
    """
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="verify-resume-") as folder:
        calm, killed = Path(folder, "calm"), Path(folder, "killed")
        out.print("training undisturbed ...")
        done = subprocess.run(_command(overrides, calm), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigError(f"the undisturbed run must finish, got: {done.stderr.strip()}")
        total = count(RunDirectory(calm).steps)
        if not any("trainer.checkpoint_" in each for each in overrides):  # by default one in 30 s: none
            overrides = [*overrides, f"trainer.checkpoint_steps={max(1, total // 7)}"]
        first = _command(overrides, killed)
        for number, step in enumerate(sorted(draw.sample(range(1, total), min(kills, total - 1)))):
            ending = RunDirectory(killed).ending
            if ending is not None and ending.status == "FINISHED":  # before the kill came
                break
            command = first if number == 0 else [sys.executable, "-m", "runner", f"resume={killed}"]
            _kill_at(command, RunDirectory(killed), step)
        out.print("resuming to the end ...")
        last = [sys.executable, "-m", "runner", f"resume={killed}"]
        done = subprocess.run(last, capture_output=True, text=True, check=False)
        if done.returncode and "steps left" not in done.stderr:  # it may have ended before the last kill
            out.print(f"the resumed run failed: {done.stderr.strip()}")
            return False
        return _agree(RunDirectory(calm), RunDirectory(killed))


def _command(overrides: list[str], path: Path) -> list[str]:
    places = [f"hydra.run.dir={path}", f"tracking.uri=sqlite:///{path}.db"]
    return [sys.executable, "-m", "runner", *overrides, *places]


def _kill_at(command: list[str], directory: RunDirectory, step: int) -> None:
    """Start a run and kill it, and nothing else, once its journal holds ``step`` rows."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if count(directory.steps) > step:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    if process.wait() not in (0, -signal.SIGKILL):
        raise ConfigError(f"the run to be killed stopped by itself, exit code {process.returncode}")
    out.print(f"killed after step {count(directory.steps) - 1}")


def _agree(calm: RunDirectory, killed: RunDirectory) -> bool:
    """Compare steps, evaluations and weights of two runs, bit by bit, and say what was found."""
    import torch

    right = True
    for name in ("steps", "evaluations"):
        a, b = read(getattr(calm, name)), read(getattr(killed, name))
        for column in [c for c in a.dtype.names or () if c != "time"]:
            same = len(a) == len(b) and bool(np.array_equal(a[column], b[column], equal_nan=True))
            right &= same
            out.print(f"{'same' if same else 'DIFFERENT':10} {name}: {column}, {len(a)} and {len(b)} rows")
    states = [torch.load(d.checkpoint, weights_only=True) for d in (calm, killed)]
    for key, name in (("model", "weights"), ("averaged", "averaged weights")):
        a, b = (state[key] for state in states)
        if a is not None:
            same = all(torch.equal(a[key], b[key]) for key in a)
            right &= same
            out.print(f"{'same' if same else 'DIFFERENT':10} {name}")
    return right


def main(arguments: list[str]) -> int:
    """Run the command line: overrides, and ``--kills N``."""
    rest: list[Any] = list(arguments)
    kills = 3
    if "--kills" in rest:
        at = rest.index("--kills")
        try:
            kills = int(rest[at + 1])
        except (IndexError, ValueError):
            raise ConfigError("--kills must be followed by a whole number >= 1") from None
        del rest[at : at + 2]
    if kills < 1:
        raise ConfigError(f"--kills must be a whole number >= 1, got {kills}")
    return 0 if verify(rest, kills) else 1

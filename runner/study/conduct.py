"""The sweeps of a study, one after the other, each by a process of its own; what has ended stays."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from ..console import out, short
from ..errors import JobFailed
from ..record.directory import RunDirectory
from ..settings.overrides import key_of, quoted
from ..words import duration, many
from .manifest import Study, Workload, first_of

RUNNER = [sys.executable, "-m", "runner"]


def carry_out(study: Study, folder: Path, extra: list[str]) -> None:
    """Train what is missing of each workload.

    Args:
        study: what is trained.
        folder: of the study: each workload's sweep has a folder of its name there.
        extra: overrides for all of it, such as ``tracking.uri=...``.

    Raises:
        JobFailed: a command failed; the same study goes on from there.
    """
    for place, workload in enumerate(study.workloads, 1):
        out.print(f"workload {place} of {len(study.workloads)}: {workload.name}, {workload.about}")
        if workload.first and not _has_ended(first_of(folder, workload)):
            _call([*workload.first, *extra, f"hydra.run.dir={quoted(str(_vacant(folder, workload)))}"])
        sweep = folder / workload.name
        if _has_ended(sweep):
            out.print(f"has ended: {short(sweep)}")
            continue
        goes_on = RunDirectory(sweep).order_file.exists()
        where = "sweep.resume" if goes_on else "hydra.sweep.dir"
        _call(["-m", *study.command(workload, folder), *extra, f"{where}={quoted(str(sweep))}"])


def plan(study: Study, folder: Path, extra: list[str]) -> None:
    """Have each sweep say what it would train and how long that takes; add up what is missing; train nothing.

    Raises:
        JobFailed: a command failed.
    """
    jobs, seconds = 0, 0.0
    for workload in study.workloads:
        if _has_ended(folder / workload.name):
            out.print(f"{workload.name} has ended: {short(folder / workload.name)}")
            continue
        out.print(f"{workload.name}: {workload.about}", soft_wrap=True)
        made = folder / "plans" / workload.name
        command = [each for each in study.command(workload, folder) if key_of(each) != "trainer.init_from"]
        _call(["-m", *command, *extra, "--plan", f"hydra.sweep.dir={quoted(str(made))}"])
        figures = json.loads((made / "plan-figures.json").read_text())
        most = len(study.schedules) * (len(workload.rates) + study.fresh_seeds)
        jobs += most
        seconds += figures["beside"] + figures["seconds"] / figures["jobs"] * most
    out.print(f"in all at most {many(jobs, 'job')}, about {duration(seconds)} where nothing else runs")


def line_of(study: Study, workload: Workload, folder: Path) -> str:
    """Return the command that trains a workload's sweep, for people."""
    return shlex.join(["python", "-m", "runner", "-m", *study.command(workload, folder)])


def _has_ended(path: Path) -> bool:
    ending = RunDirectory(path).ending
    return ending is not None and ending.status == "FINISHED"


def _vacant(folder: Path, workload: Workload) -> Path:
    """Return the folder for a run that others start from; what was left there by one that broke off goes."""
    path = first_of(folder, workload)
    if path.exists():
        path.rename(path.with_name(f"{path.name}-broken-{path.stat().st_mtime_ns}"))
    return path


def _call(arguments: list[str]) -> None:
    code = subprocess.run([*RUNNER, *arguments], check=False).returncode
    if code:
        raise JobFailed(f"{shlex.join(['python', '-m', 'runner', *arguments])} ended with exit code {code}")

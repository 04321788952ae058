"""Which logs a file or a folder holds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ..errors import ConfigError
from ..record import directory
from . import run_folder, tables, tensorboard, trainer_state, wandb
from .log import Log

FORMATS = "CSV, Parquet, trainer_state.json, TensorBoard events, offline W&B (*.wandb), run folders"
MOST_FILES = 20_000


def read(path: Path, step: str | None = None) -> list[Log]:
    """Return the runs that a file or a folder holds, in the order of their names.

    Args:
        path: a file of one of the formats, or a folder with any number of them below it. Of Hugging Face's
            checkpoints of one run the newest counts; the event files of one folder are one run.
        step: name of the column of steps in tables; by default a usual one.

    Raises:
        ConfigError: there is nothing there, or nothing that can be read.
    """
    if not path.exists():
        raise ConfigError(f"a log must be a file or folder that is there, got {path}")
    if path.is_file():
        found = list(_of_file(path, path.name, step))
        if not found:
            raise ConfigError(f"{path} is no log that can be read: {FORMATS}")
        return found
    logs = [log for log in _below(path, step) if log.series]
    if not logs:
        raise ConfigError(f"{path} holds no log that can be read: {FORMATS}")
    return sorted(logs, key=lambda log: _natural(log.name))


def _of_file(file: Path, name: str, step: str | None) -> Iterator[Log]:
    if file.suffix == ".csv":
        yield from tables.read_csv(file, name, step)
    elif file.suffix == ".parquet":
        yield from tables.read_parquet(file, name, step)
    elif file.suffix == ".wandb":
        yield wandb.read(file, name, step)
    elif "tfevents" in file.name:
        yield tensorboard.read([file], name)
    elif file.suffix == ".json" and trainer_state.is_state(file):
        yield trainer_state.read(file, name)


def _below(root: Path, step: str | None) -> Iterator[Log]:
    ours = list(directory.find(root))
    for each in ours:
        if each.steps.exists():
            yield run_folder.read(each, _name(each.path, root))
    known = [each.path for each in ours]
    events, states = defaultdict(list), defaultdict(list)
    for count, file in enumerate(path for path in root.rglob("*") if path.is_file()):
        if count > MOST_FILES:
            raise ConfigError(f"{root} holds more than {MOST_FILES:,} files: name the logs' own folder")
        if any(file.is_relative_to(folder.resolve()) or file.is_relative_to(folder) for folder in known):
            continue
        if "tfevents" in file.name:
            events[file.parent].append(file)
        elif file.name == trainer_state.FILE:
            is_checkpoint = trainer_state.CHECKPOINT.fullmatch(file.parent.name) is not None
            states[file.parent.parent if is_checkpoint else file.parent].append(file)
        elif file.suffix in (".parquet", ".wandb", ".json") or _is_log(file, step):
            yield from _of_file(file, _name(file, root), step)
    for folder, files in events.items():
        yield tensorboard.read(files, _name(folder, root))
    for folder, files in states.items():
        newest = max(files, key=lambda file: (_number(file), file.stat().st_mtime))
        yield trainer_state.read(newest, _name(folder, root))


def _is_log(file: Path, step: str | None) -> bool:
    """Say whether a CSV file has a column of steps: other tables may lie beside logs."""
    if file.suffix != ".csv":
        return False
    with file.open(errors="replace") as stream:
        titles = [title.strip() for title in stream.readline().split(",")]
    return any(title in titles for title in ((step,) if step is not None else tables.STEPS))


def _number(file: Path) -> float:
    """Return a checkpoint's number; what lies beside the checkpoints is the end of the run."""
    digits = re.fullmatch(r"checkpoint-(\d+)", file.parent.name)
    return float(digits.group(1)) if digits else float("inf")


def _name(path: Path, root: Path) -> str:
    below = path.relative_to(root) if path.is_relative_to(root) else path.relative_to(root.absolute())
    return str(below) if str(below) != "." else root.name


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]

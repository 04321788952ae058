"""Hugging Face's ``trainer_state.json``: what its ``Trainer`` logged up to a checkpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .log import Log, series_of

FILE = "trainer_state.json"
CHECKPOINT = re.compile(r"checkpoint-\d+")
SUMMARY = "train_loss"  # the entry of the end: means over the run, and no losses of a step
_HISTORY = re.compile(r'"log_history"\s*:\s*\[')


def is_state(file: Path) -> bool:
    """Say whether a JSON file is one, whatever it is called."""
    with file.open(errors="replace") as stream:
        return '"log_history"' in stream.read(1 << 20)


def read(file: Path, name: str) -> Log:
    """Return the history; of a file that was cut off, the entries that are whole.

    Raises:
        ConfigError: the file is not one of the ``Trainer``'s.
    """
    text = file.read_text(errors="replace")
    try:
        state = json.loads(text)
    except json.JSONDecodeError:
        state = {**_head(text), "log_history": list(_entries(text))}
    entries = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{file} must be a trainer_state.json with a log_history")
    points, epochs = [], 0.0
    for entry in entries:
        if not isinstance(entry, dict) or not _is_number(entry.get("step")):
            continue
        if _is_number(entry.get("epoch")):
            epochs = max(epochs, float(entry["epoch"]))
        if SUMMARY not in entry:
            points += [
                (float(entry["step"]), key, float(value))
                for key, value in entry.items()
                if _is_number(value) and key not in ("step", "epoch")
            ]
    total = int(state.get("max_steps") or 0)
    running = bool(total) and int(state.get("global_step") or 0) < total
    return Log(
        name, "Hugging Face's Trainer", series_of(points), total, epochs or None, running=running
    )  # fmt: skip


def _head(text: str) -> dict[str, Any]:
    """Return the whole numbers at the top of a file that was cut off."""
    return {key: int(value) for key, value in re.findall(r'"(global_step|max_steps)"\s*:\s*(\d+)', text)}


def _entries(text: str) -> Iterator[Any]:
    """Yield the entries of the history until one is cut off."""
    start = _HISTORY.search(text)
    place, decoder = start.end() if start else len(text), json.JSONDecoder()
    while (brace := text.find("{", place)) >= 0:
        try:
            entry, place = decoder.raw_decode(text, brace)
        except json.JSONDecodeError:
            return
        yield entry


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

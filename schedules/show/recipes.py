"""Published recipes as schedules to look at: ``recipe/llama3_405b``, from the runner's own configs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..names import nearest

PREFIX = "recipe/"


FOLDER = Path(__file__).parents[2] / "conf" / "schedule" / "recipe"
"""The runner's configs lie beside this package, whatever else is called ``conf``."""


def names() -> list[str]:
    """Return the names of all recipes, each with its prefix; none without the runner."""
    return sorted(f"{PREFIX}{file.stem}" for file in FOLDER.glob("*.yaml"))


def recipe(name: str) -> tuple[str, dict[str, Any]]:
    """Return the schedule of a recipe's rate: its registered name, and its settings.

    Where the recipe says how it is scaled to runs of other lengths, those settings are taken.

    Args:
        name: with its prefix.

    Raises:
        ValueError: there is no such recipe, or the runner is not installed.
    """
    node = dict(_read(name)["lr"])
    settings = {key: _number(value) for key, value in node.items() if key != "name" and not _refers(value)}
    return str(node["name"]), settings | _scaled(name)


def about(name: str) -> list[str]:
    """Return what a recipe's file says of it, a line for each heading."""
    lines: list[str] = []
    for line in _text(name).splitlines()[1:]:
        if line.startswith("#   ") and lines:
            lines[-1] += line[3:]
        elif line.startswith("# "):
            lines.append(line[2:])
    return lines


def scaled(name: str) -> str:
    """Return the runner's overrides that scale a recipe to any length; none where it needs none."""
    line = re.search(r"^# scaled: (.*(?:\n#   .*)*)", _text(name), flags=re.MULTILINE)
    return " ".join(line[1].replace("\n#", " ").split()) if line else ""


def _text(name: str) -> str:
    if not FOLDER.is_dir():
        raise ValueError(f"recipes come with the runner, which is not installed here, got {name!r}")
    file = FOLDER / f"{name.removeprefix(PREFIX)}.yaml"
    if not file.is_file():
        raise ValueError(f"no recipe is named {name!r}; {nearest(name, names())}")
    return file.read_text()


def _read(name: str) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped]  # the runner's: a recipe is one of its configs

    read: Mapping[str, Any] = yaml.safe_load(_text(name))
    return read


def _scaled(name: str) -> dict[str, Any]:
    """Return the settings of the line ``# scaled: schedule.lr.warmup_steps=1% ...``."""
    import yaml

    words = re.findall(r"schedule\.lr\.(\w+)=(\S+)", scaled(name))
    return {key: _number(yaml.safe_load(value)) for key, value in words}


def _refers(value: object) -> bool:
    return isinstance(value, str) and "${" in value


def _number(value: Any) -> Any:
    """Return ``8e-5`` as the number that it is: YAML reads it as a text."""
    if isinstance(value, list):
        return [_number(each) for each in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value

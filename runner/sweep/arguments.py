"""A sweep's command line with its short forms spelled out as Hydra's overrides."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from ..record import keys

MULTIRUN = ("-m", "--multirun")
SPACE = re.compile(r"\s+(?=[+~]*[\w./@-]+=)")
AROUND = ("sweep", "hydra", "tracking", "plugins")
"""Settings that say how a sweep is run, not what is trained in it."""


def arguments_of(tags: Mapping[str, str]) -> list[str]:
    """Return the overrides of the command that began a sweep, from its tags."""
    if keys.ARGUMENTS in tags:
        return [str(each) for each in json.loads(tags[keys.ARGUMENTS])]
    words = SPACE.split(tags.get(keys.SWEEP_ARGUMENTS, "").strip())  # older versions have only that
    return [each for each in words if "=" in each and _is_readable(each)]


def _is_readable(override: str) -> bool:
    from ..settings.overrides import key_of

    try:
        key_of(override)
    except ConfigError:
        return False
    return True


def spell_out(arguments: list[str]) -> list[str]:
    """Return a sweep's command line with its short forms as Hydra's overrides.

    ``--plan`` is ``sweep.plan=true``; ``sweep.resume=X`` also names the folder of the sweep that goes on, and
    where nothing is said of what to train it stands for the command that began the sweep. ``-m`` comes first:
    Hydra takes no overrides on both sides of it.

    Raises:
        ConfigError: there is no such sweep.
    """
    from ..record.directory import locate
    from ..settings.overrides import quoted

    spelled = []
    folder: Path | None = None
    for each in (each for each in arguments if each not in MULTIRUN):
        key, _, value = each.partition("=")  # by hand: a folder that is named here needs no quotes
        if each == "--plan":
            spelled.append("sweep.plan=true")
        elif key == "sweep.resume" and value not in ("", "null"):
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            folder = locate(value[1:-1] if is_quoted else value, key).path
            path = quoted(str(folder))
            spelled += [f"{key}={path}", f"hydra.sweep.dir={path}"]
        else:
            spelled.append(each)
    flags = [each for each in arguments if each in MULTIRUN]
    return [*flags, *(spelled if folder is None else _with_its_own(spelled, folder))]


def _with_its_own(words: list[str], folder: Path) -> list[str]:
    """Return overrides that go on with a sweep, below those of its own command where they name no job."""
    from ..record.directory import RunDirectory
    from ..settings.overrides import in_force, key_of

    overrides = [word for word in words if "=" in word and not word.startswith("-")]
    if any(re.split(r"[./@]", key_of(word))[0] not in AROUND for word in overrides):
        return words
    own = arguments_of(RunDirectory(folder).order.tags)
    return [*in_force([*own, *overrides]), *(word for word in words if word not in overrides)]

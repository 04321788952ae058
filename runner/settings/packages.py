"""Our own packages, whatever of the same names lies in the working directory or was installed beside them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from ..errors import ConfigError

HOME = Path(__file__).parents[2]
"""The folder that holds ``runner``, ``schedules`` and ``conf``."""


def conf_folder() -> str:
    """Return the folder of our configs, not of another package that is called ``conf``.

    Raises:
        ConfigError: something else was installed in its place.
    """
    folder = HOME / "conf"
    if not (folder / "schedule" / "cosine.yaml").is_file():
        raise ConfigError(
            f"{folder} must hold Schedule Lab's configs, and another package lies there: "
            "remove that one, then install schedule-lab again"
        )
    return str(folder)


def refuse_foreign() -> None:
    """Raise where ``import schedules`` would find somebody else's module.

    Raises:
        ConfigError: it names the file, and what to do.
    """
    spec = importlib.util.find_spec("schedules")
    found = Path(spec.origin or next(iter(spec.submodule_search_locations or []), "")) if spec else Path()
    if HOME / "schedules" not in found.absolute().parents and found.absolute() != HOME / "schedules":
        raise ConfigError(
            f"{found} hides the package schedules of Schedule Lab ({HOME / 'schedules'}): "
            "rename it, or start from another folder"
        )


def see_working_directory() -> None:
    """Let plugins be found in the working directory, as ``python -m`` does, also by the console script."""
    here = str(Path.cwd())
    if "" not in sys.path and here not in sys.path:
        sys.path.append(here)

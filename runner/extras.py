"""Optional packages: imported where they are used, and named where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def extra(module: str, group: str) -> Any:
    """Import a package of the optional dependencies ``group``.

    Raises:
        ValueError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        install = f"pip install 'schedule-lab[{group}]'"
        raise ValueError(f"this needs the package {error.name}, which is not installed: {install}") from error

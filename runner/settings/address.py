"""The address of a store: what makes it absolute, and why it may hold no password."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigError

SQLITE = "sqlite:///"

ACCOUNT = (
    "name and password come from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
    "or the file ~/.mlflow/credentials"
)


def holds_password(text: str) -> bool:
    """Whether a text holds an address with a name and a password: ``scheme://name:password@host``."""
    return re.search(r"://[^/@\s]*:[^/@\s]*@", text) is not None


def refuse_password(uri: str) -> None:
    """Raise where an address holds a password: it would be logged with every run.

    Raises:
        ConfigError: it does.
    """
    if holds_password(uri):
        hidden = re.sub(r"://[^/@]*@", "://***@", uri)
        raise ConfigError(
            f"tracking.uri must hold no password, which would be logged, got {hidden}; {ACCOUNT}"
        )


def refuse_other_files(uri: str, name: str) -> None:
    """Raise where the file of a SQLite store is something else.

    Args:
        uri: any store's address.
        name: the setting or option that it was given by.

    Raises:
        ConfigError: it is; the message names the file.
    """
    if not uri.startswith(SQLITE):
        return
    file = Path(uri.removeprefix(SQLITE).partition("?")[0]).absolute()
    if file.is_file() and file.stat().st_size:
        with file.open("rb") as opened:
            if opened.read(16) != b"SQLite format 3\0":
                raise ConfigError(f"{name} must be a SQLite database, got the file {file}, which is none")


def absolute(uri: str) -> str:
    """Return a ``sqlite:///file`` address with the whole path: it then means one file everywhere."""
    return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).absolute()}" if uri.startswith(SQLITE) else uri

"""A SQLite store that was moved: MLflow keeps the whole path of every artifact, and so of the old place.

Works on the database alone: MLflow takes a second to import, and has no call that changes a location.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

from ..errors import ConfigError
from ..settings.address import SQLITE, absolute

FOLDER = "mlruns"
"""Where the files of a SQLite store's runs go, beside the database."""
LOCATIONS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Tables and columns of MLflow's that hold the place of files."""


def file_of(uri: str) -> Path | None:
    """Return the database of a SQLite store; ``None`` for another kind, or where it is not there yet."""
    file = Path(absolute(uri).removeprefix(SQLITE).partition("?")[0])
    return file if uri.startswith(SQLITE) and file.is_file() and file.stat().st_size else None


def old_folders(file: Path) -> list[Path]:
    """Return the folders that a database's experiments name for their files, and that a move left behind.

    One beside another database, where this one has its own, or where there is nothing any more. A location
    that somebody chose, on another disk say, is none of them.

    Args:
        file: the database.
    """
    mine = file.absolute().parent / FOLDER
    with closing(sqlite3.connect(file, timeout=20.0)) as database:
        if not _columns(database, "experiments"):
            return []
        rows = database.execute("SELECT artifact_location FROM experiments").fetchall()
    named = {root for (text,) in rows if (root := _root(text)) is not None}
    others = [root for root in named if root.resolve() != mine.resolve()]
    return sorted(root for root in others if mine.is_dir() or not root.exists())


def warning(uri: str) -> str | None:
    """Return a line for people whose store was moved, and how it is mended; ``None`` where it was not."""
    file = file_of(uri)
    try:
        old = old_folders(file) if file is not None else []
    except sqlite3.Error:  # no database of MLflow's: opening it says so
        return None
    if not old:
        return None
    return (
        f"the store {file} was moved or copied: MLflow looks for the files of its runs in {old[0]}, and puts "
        f"new ones there; python -m runner relocate {uri} mends it"
    )


def refuse_lost(uri: str) -> None:
    """Raise where the database that has a run is not there any more: a new one would be made in its place.

    Raises:
        ConfigError: it is not.
    """
    if uri.startswith(SQLITE) and file_of(uri) is None:
        raise ConfigError(
            f"the store that has this run must be there, got {uri}, which is not; if it was moved, "
            "python -m runner relocate STORE DIR lets the runs in DIR name its new place"
        )


def relocate(file: Path) -> tuple[int, int]:
    """Let a database that was moved name the folder beside it, in one transaction.

    A row keeps its location where its files are still at the old place and not at the new one: those of
    runs that were made after the move.

    Args:
        file: the database.

    Returns:
        How many locations were changed, and how many were kept.
    """
    mine, changed, kept = file.absolute().parent / FOLDER, 0, 0
    old = old_folders(file)
    with closing(sqlite3.connect(file, timeout=20.0)) as database, database:
        for table, columns in LOCATIONS.items():
            for column in set(columns) & set(_columns(database, table)):
                for row, text in database.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
                    new = _moved(text, old, mine)
                    if new is None:
                        continue
                    is_left = table != "experiments" and not new.exists() and _exists(text)
                    kept += is_left
                    if not is_left:
                        place = new.as_uri() if text.startswith("file:") else str(new)
                        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (place, row))
                        changed += 1
    return changed, kept


def local(uri: str) -> Path | None:
    """Return the folder that an address names on this machine; ``None`` where it names none."""
    scheme = urlparse(uri).scheme
    if not scheme:
        return Path(uri)
    return Path(unquote(urlparse(uri).path)) if scheme == "file" else None


def _place(text: str | None) -> Path | None:
    path = local(text) if text else None
    return path if path is not None and path.is_absolute() else None


def _root(text: str | None) -> Path | None:
    """Return the folder of a whole store that an experiment's folder is, or is in."""
    path = _place(text)
    return next((each for each in (path, path.parent) if each.name == FOLDER), None) if path else None


def _moved(text: str | None, old: list[Path], mine: Path) -> Path | None:
    path = _place(text)
    for folder in old:
        if path is not None and path.is_relative_to(folder):
            return mine / path.relative_to(folder)
    return None


def _exists(text: str) -> bool:
    path = _place(text)
    return path is not None and path.exists()


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]

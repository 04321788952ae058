"""``python -m runner relocate [STORE] [DIR]``: mend a SQLite store, and run folders, that were moved."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..commands.options import Parser
from ..commands.sync import OUTPUTS, runs_below
from ..errors import ConfigError
from ..record.directory import RunDirectory
from ..settings.address import SQLITE, absolute, refuse_other_files
from ..settings.environment import default_tracking
from ..tracking import moved
from ..words import many


def main(arguments: list[str]) -> int:
    """Mend; return the exit code.

    Raises:
        ConfigError: the store is no SQLite database that is there, or a run that names it is in training.
    """
    parser = Parser(
        prog="python -m runner relocate",
        description="After the folder of a SQLite store was moved, renamed or copied: let the store name the "
        "files where they lie now, and let the run folders in DIR name the store where it lies now.",
        allow_abbrev=False,
    )
    parser.add_argument("store", nargs="?", metavar="STORE", default=default_tracking().uri)
    parser.add_argument("folder", nargs="?", metavar="DIR", type=Path, default=OUTPUTS)
    options = parser.parse_args(arguments)
    refuse_other_files(options.store, "STORE")
    file = moved.file_of(options.store)
    if file is None:
        raise ConfigError(f"STORE must be a SQLite store that is there, got {options.store!r}")
    old = moved.old_folders(file)
    pointed = point_to(file, runs_below(options.folder))
    changed, kept = moved.relocate(file)
    print(f"{many(changed, 'location')} of {file} now name {file.parent / moved.FOLDER}")
    if kept:
        print(f"{many(kept, 'location')} kept, for their files lie only in {', '.join(map(str, old))}")
    print(f"{many(pointed, 'run folder')} in {options.folder} now name this store")
    return 0


def point_to(file: Path, directories: list[RunDirectory]) -> int:
    """Let run folders name a database; return how many did not.

    Those that name a database of the same name that is not there any more.

    Raises:
        ConfigError: one of them is in training.
    """
    lost = [each for each in directories if _is_lost(each.order.uri, file)]
    for each in lost:
        if each.is_alive():
            raise ConfigError(f"{each.path} is being trained by another process")
    for each in lost:
        each.write(dataclasses.replace(each.order, uri=absolute(f"{SQLITE}{file}")))
    return len(lost)


def _is_lost(uri: str, file: Path) -> bool:
    named = Path(uri.removeprefix(SQLITE).partition("?")[0])
    return uri.startswith(SQLITE) and named.name == file.name and not named.exists()

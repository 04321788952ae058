"""``python -m runner move SOURCE TARGET``: copy an MLflow store into another database, whole."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.options import Parser
from ..errors import ConfigError
from ..words import many

if TYPE_CHECKING:
    from .artifacts import Artifacts

COMMAND = "python -m runner move"


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = Parser(
        prog=COMMAND,
        description="Copy an MLflow store into an empty one: every run with its points, the model registry, "
        "all tables. SOURCE stays as it is. All is written in one transaction: a move that is broken off "
        "leaves nothing, and is started again.",
        epilog="example: move sqlite:///mlflow.db postgresql://mlflow@127.0.0.1/mlflow --artifacts ./files; "
        "PGPASSWORD has the password. Then: move --runs outputs sqlite:///mlflow.db http://127.0.0.1:5000",
        allow_abbrev=False,
    )
    made.add_argument("source", metavar="SOURCE", help="sqlite:///mlflow.db, or another database's address")
    made.add_argument("target", metavar="TARGET", help="the new database's address")
    made.add_argument(
        "--artifacts", type=Path, metavar="FOLDER",
        help="the new server's --artifacts-destination: local artifacts are copied there",
    )  # fmt: skip
    made.add_argument("--replace-nul", action="store_true", help="put U+FFFD where PostgreSQL refuses NUL")
    made.add_argument(
        "--runs", type=Path, metavar="DIR",
        help="move no store: let the run folders in DIR that name SOURCE name TARGET, for sync and resume",
    )  # fmt: skip
    return made


def main(arguments: list[str]) -> int:
    """Move a store, or point run folders to it; return the exit code.

    Raises:
        ConfigError: a store cannot be opened, is of another version, is in use, or cannot hold what it is
            sent. Nothing was written then.
    """
    options = parser().parse_args(arguments)
    if options.runs is not None:
        print(f"{point(options.runs, options.source, options.target)} run folders now name {options.target}")
        return 0
    from .artifacts import Artifacts

    if options.artifacts is not None and not options.artifacts.is_dir():
        raise ConfigError(f"--artifacts must be a folder, got {options.artifacts}")
    started, artifacts = time.perf_counter(), Artifacts(options.artifacts)
    rows, replaced, files = move(options.source, options.target, artifacts, replace_nul=options.replace_nul)
    seconds = time.perf_counter() - started
    counts = {"run": rows.get("runs", 0), "point": rows.get("metrics", 0), "file": files}
    print(f"moved   {', '.join(many(number, what) for what, number in counts.items())}")
    print(f"rows    {sum(rows.values()):,} in {len(rows)} tables, the same count in both; {seconds:.1f} s")
    if replaced:
        print(f"changed {replaced:,} texts: U+FFFD in place of NUL")
    if artifacts.left:
        print(
            f"warning: {many(len(artifacts.left), 'artifact folder')} left where they are, such as "
            f"{artifacts.left[0]}" + ("; --artifacts copies local ones" if options.artifacts is None else "")
        )
    return 0


def move(
    source_uri: str, target_uri: str, artifacts: Artifacts, *, replace_nul: bool = False
) -> tuple[dict[str, int], int, int]:
    """Copy every table, then the files, and only then let the target have it.

    Returns:
        The rows of each table that has any, the texts that were changed, and the files that were copied.

    Raises:
        ConfigError: see :func:`main`.
    """
    from rich.progress import Progress

    from ..console import err
    from . import stores

    source, target = stores.Database(source_uri), stores.Database(target_uri, fresh=True)
    if source.name == target.name:
        raise ConfigError(f"TARGET must be another store than SOURCE, got {target.name} twice")
    has_nul = target.engine.dialect.name != "postgresql"
    replaced = 0

    def change(table: str, row: dict[str, Any]) -> dict[str, Any]:
        nonlocal replaced
        if not has_nul:
            row, odd = stores.storable(table, row, replace=replace_nul)
            replaced += odd
        return artifacts.change(table, row)

    with (
        source.read() as reading,
        target.engine.begin() as writing,
        Progress(console=err, transient=True, disable=not err.is_terminal) as bar,
    ):
        _refuse_running(reading, source.name)
        target.refuse_unless_new(writing)
        rows = {table.name: stores.count(reading, table) for table in stores.TABLES}
        task = bar.add_task("rows", total=sum(rows.values()))
        for table in stores.TABLES:
            stores.copy(table, reading, writing, change, lambda done: bar.advance(task, done))
        for table in stores.TABLES:
            if (arrived := stores.count(writing, table)) != rows[table.name]:
                raise RuntimeError(f"{table.name}: {rows[table.name]} rows were read, {arrived} arrived")
        target.number_on(writing)
        files = artifacts.copy()
    return {name: number for name, number in rows.items() if number}, replaced, files


def _refuse_running(connection: Any, name: str) -> None:
    """Raise when runs are RUNNING: what they still log would be missing."""
    import sqlalchemy as sa

    running = connection.execute(sa.text("SELECT count(*) FROM runs WHERE status = 'RUNNING'")).scalar_one()
    if running:
        raise ConfigError(
            f"no run of SOURCE may be RUNNING, got {running} in {name}: let them end; those that died are "
            "closed by python -m runner doctor"
        )


def point(root: Path, source: str, target: str) -> int:
    """Let the run folders below ``root`` that name the store ``source`` name ``target``; return how many.

    Raises:
        ConfigError: there are none, or one is being trained.
    """
    from ..record.directory import find
    from ..settings.address import absolute

    source, target = absolute(source), absolute(target)
    mine = [each for each in find(root) if each.order.uri == source]
    if not mine:
        raise ConfigError(f"--runs must be a folder with runs that name {source}, got {root}, which has none")
    for each in mine:
        if each.is_alive():
            raise ConfigError(f"{each.path} is being trained by another process")
    for each in mine:
        each.write(dataclasses.replace(each.order, uri=target))
    return len(mine)

"""MLflow's database: its tables as MLflow itself declares them, copied whole from one database to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from mlflow.store.db import utils

from ..errors import ConfigError, reason_of
from ..settings.address import SQLITE

BATCH = 2000  # rows
LOCKS = {"job_locks", "scheduler_leases"}  # of running servers: not moved
OF_A_NEW_STORE = {"experiments": "experiment_id = 0", "workspaces": "name = 'default'"}  # made by MLflow
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

Row = dict[str, Any]
TABLES = sorted(
    (table for table in utils.Base.metadata.sorted_tables if table.name not in LOCKS),
    key=lambda table: table.name not in ("experiments", "runs"),
)
"""Every table, those that others refer to first; a model's version names its run without a foreign key."""


class Database:
    """An MLflow store's database.

    Args:
        uri: its address, as ``mlflow server --backend-store-uri`` takes it.
        fresh: make MLflow's tables where there are none.

    Raises:
        ConfigError: it cannot be opened, has none of MLflow's tables, or those of another version.
    """

    def __init__(self, uri: str, *, fresh: bool = False) -> None:
        if uri.startswith(SQLITE) and not fresh and not Path(uri.removeprefix(SQLITE)).exists():
            raise ConfigError(f"SOURCE must be a store, got {uri}: there is no such file")
        try:
            self.engine = utils.create_sqlalchemy_engine(uri)
            names = set(sa.inspect(self.engine).get_table_names())
            if fresh and "runs" not in names:
                utils._initialize_tables(self.engine)
            found, known = utils._get_schema_version(self.engine), utils._get_latest_schema_revision()
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError, OSError) as error:
            raise ConfigError(
                f"cannot open {_shown(uri)}: {reason_of(getattr(error, 'orig', error))}"
            ) from error
        self.name = self.engine.url.render_as_string(hide_password=True)
        if found is None:
            raise ConfigError(f"{self.name} must be an MLflow store, and has none of its tables")
        if found != known:
            raise ConfigError(
                f"{self.name} must have the tables of the installed MLflow ({known}), got {found}; after a "
                f"backup: python -m mlflow db upgrade {self.name}"
            )

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection that sees one moment of the database."""
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def refuse_unless_new(self, connection: sa.Connection) -> None:
        """Raise when anything but what MLflow puts into a new store is there; remove that."""
        for table in reversed(TABLES):
            if (own := OF_A_NEW_STORE.get(table.name)) is not None:
                connection.execute(sa.text(f"DELETE FROM {table.name} WHERE {own}"))
            if rows := count(connection, table):
                raise ConfigError(
                    f"TARGET must be an empty store, got {self.name} with {rows:,} rows in {table.name}"
                )

    def number_on(self, connection: sa.Connection) -> None:
        """Let PostgreSQL's counters go on after the ids that were copied."""
        if self.engine.dialect.name != "postgresql":
            return
        for table in TABLES:
            for column in table.primary_key:
                where = {"table": table.name, "column": column.name}
                counter = sa.text("SELECT pg_get_serial_sequence(:table, :column)")
                if (sequence := connection.execute(counter, where).scalar()) is not None:
                    last = connection.execute(sa.select(sa.func.max(column))).scalar()
                    if last is not None:
                        values = {"sequence": sequence, "last": max(1, last)}
                        connection.execute(sa.text("SELECT setval(:sequence, :last)"), values)


def count(connection: sa.Connection, table: sa.Table) -> int:
    """Return how many rows a table has."""
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def copy(
    table: sa.Table,
    source: sa.Connection,
    target: sa.Connection,
    change: Callable[[str, Row], Row],
    on_rows: Callable[[int], object],
) -> None:
    """Copy a table's rows.

    Args:
        table: as MLflow declares it.
        source: where from.
        target: where to.
        change: called with the table's name and each row; returns the row to write.
        on_rows: called with the number of rows of each batch.

    Raises:
        ConfigError: the target cannot hold a row.
    """
    columns = [column for column in table.columns if column.computed is None]
    plain = sa.table(table.name, *(sa.column(column.name, _plain(column)) for column in columns))
    with source.execute(sa.select(plain).execution_options(yield_per=BATCH)) as found:
        for rows in found.mappings().partitions():
            changed = [change(table.name, dict(row)) for row in rows]
            try:
                target.execute(sa.insert(plain), changed)
            except sa.exc.DBAPIError as error:
                raise ConfigError(
                    f"the target does not take a row of {table.name}: {reason_of(error.orig or error)}"
                ) from error
            on_rows(len(rows))


def storable(table: str, row: Row, *, replace: bool) -> tuple[Row, int]:
    """Return a row as PostgreSQL takes it, and how many texts had to be changed for that.

    Args:
        table: the table's name.
        row: its values.
        replace: put U+FFFD for the character NUL, which PostgreSQL's texts cannot hold.

    Raises:
        ConfigError: a text holds NUL, and that is not to be replaced.
    """
    odd = {name: value for name, value in row.items() if isinstance(value, str) and "\0" in value}
    if odd and not replace:
        where = {name: value for name, value in row.items() if name in ("run_uuid", "name", "key")}
        raise ConfigError(
            f"{table}.{next(iter(odd))} of {where} holds the character NUL, which PostgreSQL cannot hold; "
            "--replace-nul puts U+FFFD in its place"
        )
    return row | {name: value.replace("\0", REPLACEMENT) for name, value in odd.items()}, len(odd)


def _plain(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    """Return a column's type as it is stored: nothing is decrypted, no JSON is read and written anew."""
    kind = column.type
    if isinstance(kind, sa.JSON):
        return sa.Text()
    return kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind


def _shown(uri: str) -> str:
    try:
        return sa.make_url(uri).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "what is no database address"

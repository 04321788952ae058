"""What tests of real processes share: waiting, counting, and an MLflow server that can be killed."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from runner.record.directory import RunDirectory
from runner.record.journal import count

from ..conftest import environment

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def wait_for(condition: Callable[[], object], seconds: float = 200.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def rows(directory: RunDirectory) -> int:
    """How many steps a run's journal holds."""
    return count(directory.steps)


def let_go(directory: RunDirectory) -> None:
    """Wait until the killed process's uploader has delivered what it left."""
    wait_for(lambda: (held := directory.lock("delivery")) is not None and held.close() is None)


def uploader_of(process: "subprocess.Popen[str]") -> int | None:
    """The process id of a run's uploader, while there is one."""
    with suppress(OSError):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            if b"runner.tracking.uploader" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


Table = dict[str, tuple[int, int, int]]
COUNTED = """SELECT key, COUNT(*), COUNT(DISTINCT step), MAX(step) FROM metrics
             WHERE run_uuid = '{run}' GROUP BY key"""


def counted(rows: list[Any]) -> Table:
    return {key: (int(points), int(steps), int(last)) for key, points, steps, last in rows}


def table(file: Path, run_id: str) -> Table:
    """Points, steps and last step of each metric, from the database's own table of points."""
    with closing(sqlite3.connect(file)) as database:
        return counted(database.execute(COUNTED.format(run=run_id)).fetchall())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``mlflow server`` on this machine's loopback; it can be killed and started again."""

    def __init__(self, folder: Path, backend: str, count_with: Callable[[str], Table]) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.table = count_with
        self._folder = folder
        self.backend = backend
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        places = [
            "--backend-store-uri",
            self.backend,
            "--artifacts-destination",
            str(self._folder / "files"),
        ]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *places, *where],
                cwd=self._folder,
                env=environment() | quiet,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "server.log").read_text()
        with suppress(OSError):
            urllib.request.urlopen(f"{self.uri}/health", timeout=2.0).close()
            return True
        return False

    def kill(self) -> None:
        """SIGKILL for it and its worker."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def sqlite_server(folder: Path) -> Iterator[Server]:
    file = folder / "server.db"
    server = Server(folder, f"sqlite:///{file}", lambda run_id: table(file, run_id))
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def postgres_server(folder: Path) -> Iterator[Server]:
    """``mlflow server`` on a PostgreSQL of its own, made for the test."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed: no /usr/lib/postgresql/*/bin/initdb")
    psycopg2 = pytest.importorskip("psycopg2")
    if os.getuid() == 0 and not shutil.which("runuser"):
        pytest.skip("initdb refuses root, and there is no runuser to be somebody else")
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    programs, port = POSTGRES[-1].parent, free_port()
    data = Path(tempfile.mkdtemp(prefix="postgres-"))
    if as_user:
        shutil.chown(data, "postgres")

    def do(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), "-D", str(data / "data"), *arguments]
        subprocess.run(command, cwd=data, check=True, stdout=subprocess.DEVNULL)

    address = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres"}

    def points(run_id: str) -> Table:
        with closing(psycopg2.connect(**address)) as database, database.cursor() as cursor:
            cursor.execute(COUNTED.format(run=run_id))
            return counted(cursor.fetchall())

    try:
        do("initdb", "--auth=trust", "--username=postgres", "--no-sync")
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={data} -c fsync=off"
        )
        do("pg_ctl", "-w", "-l", str(data / "log"), "-o", options, "start")
        uri = f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        server = Server(folder, uri, points)
        try:
            yield server
        finally:
            server.kill()
    finally:
        with suppress(subprocess.CalledProcessError):
            do("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(data, ignore_errors=True)


SERVERS = {"sqlite": sqlite_server, "postgres": postgres_server}

"""A Ray cluster of real processes on this machine, for tests: workers join, and die with all they started."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..conftest import environment
from .processes import free_port, wait_for

MARK = "SCHEDULE_LAB_TEST_NODE"
TOKEN = uuid.uuid4().hex
STORE = 100_000_000  # bytes of shared memory for each node; a sweep needs none


class Node:
    """What one ``ray start`` started: its raylet, the raylet's workers, their jobs, the jobs' uploaders."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.log = folder / f"ray-{self.mark[:8]}.log"
        # Of its own, or two that start at once would take the same socket; and short, as its path must be.
        self._session = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", *arguments, "--block",
                 "--num-gpus=0", f"--object-store-memory={STORE}", "--disable-usage-stats",
                 f"--temp-dir={self._session.name}"],
                cwd=folder,
                env=environment() | credentials() | impatience() | {MARK: self.mark},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def is_up(self) -> bool:
        """Whether it has joined."""
        assert self._process.poll() is None, self.log.read_text()
        return "block forever" in self.log.read_text()

    def processes(self, which: str = "") -> list[int]:
        """The ids of its processes, also of those whose parents are gone."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                is_mine = f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes()
                if is_mine and which.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """SIGKILL for all of them, as when the power goes."""
        while left := self.processes():
            for each in left:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            self._process.poll()
            time.sleep(0.05)
        self._process.wait()
        self._session.cleanup()


class Cluster:
    """A head without a place for jobs, and workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        head = ["--head", f"--port={self.address.rpartition(':')[2]}", "--num-cpus=0"]
        more = ["--include-dashboard=false", "--node-ip-address=127.0.0.1"]
        self.nodes = [Node(folder, *head, *more)]

    def join(self, cpus: int = 1) -> Node:
        """A worker that has this many places for jobs of one core."""
        node = Node(self._folder, f"--address={self.address}", f"--num-cpus={cpus}")
        self.nodes.append(node)
        return node

    def close(self) -> None:
        for node in reversed(self.nodes):
            node.kill()

    def environment(self) -> dict[str, str]:
        """What a driver needs: the address, and the token."""
        return environment() | credentials() | {"RAY_ADDRESS": self.address}


def credentials() -> dict[str, str]:
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}


def impatience() -> dict[str, str]:
    """A dead node is noticed in a second instead of fifteen."""
    return {"RAY_health_check_period_ms": "300", "RAY_health_check_failure_threshold": "3"}


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that has its head."""
    made = Cluster(folder)
    try:
        wait_for(made.nodes[0].is_up)
        yield made
    finally:
        made.close()

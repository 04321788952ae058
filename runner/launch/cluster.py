"""The Ray cluster that a sweep runs on: find it, and count what it has room for."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, reason_of
from ..extras import extra

LOCAL = "local"
ANSWER_SECONDS = 5.0
SETTING = "hydra.launcher.address"
LEAST_STORE = 80_000_000  # bytes of shared memory: Ray asks for so many, and a sweep needs none


@dataclass(frozen=True)
class Needs:
    """What a job takes of a node.

    Attributes:
        cpus: cores [> 0].
        gpus: devices [>= 0]; a fraction is a share of one.
    """

    cpus: float
    gpus: float

    def __str__(self) -> str:
        """Return it as a text for people."""
        return f"{self.cpus:g} CPUs" + (f" and {self.gpus:g} GPUs" if self.gpus else "")


def connect(address: str | None) -> Any:
    """Return Ray's module, connected to a cluster.

    Args:
        address: ``host:port`` of the head; ``local``: start one on this machine, that ends with this process;
            ``None``: ``RAY_ADDRESS``, or else the cluster that this machine is part of.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    os.environ.setdefault(
        "RAY_DEDUP_LOGS_SKIP_REGEX", "^"
    )  # all that its raylets report: our own message says it
    try:
        ray = extra("ray", "ray")
    except ValueError as error:
        raise ConfigError(f"hydra/launcher=ray: {error}") from error
    if ray.is_initialized():
        return ray
    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    if where not in (LOCAL, "auto"):
        _look_for(where)
    more: dict[str, Any] = {}
    if where == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
        more = {"include_dashboard": False, "object_store_memory": LEAST_STORE}
    before = signal.getsignal(signal.SIGTERM)
    with _overheard() as messages:
        try:
            ray.init(address=where, log_to_driver=False, logging_level="CRITICAL", **more)
        except Exception as error:  # of many kinds: no cluster, another version, a wrong token
            why = "; ".join([reason_of(error), *messages()])
            raise ConfigError(
                f"{SETTING} must be a Ray cluster that lets this process in, got {_told(address)}: {why}"
            ) from error
        finally:
            signal.signal(signal.SIGTERM, before)  # Ray's own would end a sweep without its report
    return ray


@contextmanager
def _overheard() -> Iterator[Callable[[], list[str]]]:
    """Take what Ray's own code writes to the standard error; gives the last line of it."""
    with tempfile.TemporaryFile() as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)

        def messages() -> list[str]:
            file.seek(0)
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
            return [line.rpartition("] ")[2] for line in lines[-1:]]

        try:
            yield messages
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _told(address: str | None) -> str:
    if address is not None:
        return repr(address)
    if (named := os.environ.get("RAY_ADDRESS")) is not None:
        return f"RAY_ADDRESS={named}"
    return "null, and this machine is part of none; `local` starts one here"


def _look_for(address: str) -> None:
    """Raise where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise ConfigError(
            f"{SETTING} must be null, local or HOST:PORT of the cluster's head, got {address!r}"
        )
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"{SETTING} must be a Ray cluster that answers, got {address!r}: {error}"
        ) from error


def nodes(ray: Any) -> list[dict[str, Any]]:
    """Return the nodes that are alive."""
    return [node for node in ray.nodes() if node["Alive"]]


def room(node: dict[str, Any], needs: Needs) -> int:
    """Return how many jobs a node can run at a time."""
    has = node["Resources"]
    counts = [has.get("CPU", 0.0) / needs.cpus]
    counts += [has.get("GPU", 0.0) / needs.gpus] if needs.gpus else []
    return int(min(counts) + 1e-9)

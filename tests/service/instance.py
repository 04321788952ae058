"""One process of a service: its command, its health, its end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

from ..runner.processes import POSTGRES, free_port
from .compose import ROOT, Service

if TYPE_CHECKING:
    from .stack import Stack

MARK = "STACK_INSTANCE"  # in the environment of all that a service starts: how its processes are found


class Instance:
    """One process of a service, with its own ports: a container, so to speak."""

    def __init__(self, stack: Stack, service: Service, number: int) -> None:
        self.service = service
        self.name = f"{service.name}-{number}"
        self.ports = {port: str(free_port()) for port in service.expose}
        self.log = stack.folder / f"{self.name}.log"
        self.process: subprocess.Popen[str] | None = None
        self.mark = f"{stack.folder.name}/{self.name}"
        self._stack = stack

    def text(self, written: str) -> str:
        """Return a text of the file as it is on this machine: names, ports, folders."""
        for port, free in (self._stack.ports() | self.ports).items():
            written = re.sub(rf"(?<![\w.]){port}(?![\w.])", f"<{free}>", written)
        hosts = "|".join(name for name, service in self._stack.services.items() if service.expose)
        written = re.sub(rf"\b(?:{hosts})(?=:<)|0\.0\.0\.0", "127.0.0.1", written)
        for target, folder in self._stack.folders(self.service).items():
            written = re.sub(rf"(?<![\w.-]){target}(?![\w.-])", str(folder), written)
        return re.sub(r"<(\d+)>", r"\1", written)

    def environment(self) -> dict[str, str]:
        """Return its environment: the file's, and what its image would have."""
        image = {
            "PATH": f"{Path(sys.executable).parent}:{POSTGRES[-1].parent}:/usr/bin:/bin",
            "HOME": str(self._stack.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "MPLCONFIGDIR": matplotlib.get_cachedir(),
            MARK: self.mark,
        }
        given = {key: self.text(value) for key, value in self.service.environment.items()}
        if given.get("PGHOST") in self._stack.services:
            given["PGHOST"] = "127.0.0.1"
        return image | given

    def begin(self, command: list[str], output: int | None = None) -> subprocess.Popen[str]:
        """Start a command as the service would, its output to its log or to a pipe."""
        user = self.service.user if self.service.user != "root" and os.getuid() == 0 else None
        folder = self._stack.folder / self.name
        folder.mkdir(exist_ok=True)
        where = folder if self.service.working_dir == "/tmp" else Path(self.text(self.service.working_dir))
        with self.log.open("a") as log:
            return subprocess.Popen(
                [self.text(word) for word in command],
                cwd=where,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output or log,
                stderr=output or log,
                text=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
            )

    def start(self) -> None:
        command = self.service.entrypoint + self.service.command
        if command[0] == "postgres":
            command += prepare_postgres(self)
        if command[:2] == ["ray", "start"]:  # 127.0.0.1 it would give up for the machine's other address
            folder = self._stack.folder / self.name  # sockets of its own, as in a container
            command = [*command, "--node-ip-address=127.0.0.2", f"--temp-dir={folder}"]
        self.process = self.begin(command)

    def is_healthy(self) -> bool:
        """Run its health check; where it has none, it is healthy while it runs."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-4000:]}"
        if not self.service.healthcheck:
            return True
        kind, *command = self.service.healthcheck["test"]
        assert kind == "CMD", kind
        return self.begin(command, subprocess.DEVNULL).wait() == 0

    def stop(self) -> None:
        """End it as ``docker compose stop`` does: its signal, its time to end, then SIGKILL."""
        if self.process is not None:
            self.process.send_signal(getattr(signal, self.service.stop_signal))
            seconds = {"s": 1, "m": 60}[self.service.stop_grace_period[-1]]
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(int(self.service.stop_grace_period[:-1]) * seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL for all that it started."""
        while found := living(f"{self.mark}\0"):
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if self.process is not None:
                self.process.wait()
            time.sleep(0.02)


def living(mark: str) -> list[int]:
    """Return the ids of the processes whose mark begins so."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def prepare_postgres(instance: Instance) -> list[str]:
    """Make the database where there is none, as the image does; return settings for the server."""
    given = instance.environment()
    data = Path(given["PGDATA"])
    if not (data / "PG_VERSION").exists():
        if os.getuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        secret = instance.log.with_suffix(".password")
        secret.write_text(given["POSTGRES_PASSWORD"])
        who = ["--username", given["POSTGRES_USER"], "--pwfile", str(secret), "--auth=trust", "--no-sync"]
        create = f"echo 'CREATE DATABASE {given['POSTGRES_DB']}' | postgres --single -j postgres"
        for command in (["initdb", *who, *given["POSTGRES_INITDB_ARGS"].split()], ["sh", "-c", create]):
            assert instance.begin(command).wait() == 0, instance.log.read_text()
        secret.unlink()
    places = ["-c", "listen_addresses=127.0.0.1", "-c", "port=5432", "-c", "unix_socket_directories="]
    return [*places, "-c", "fsync=off"]

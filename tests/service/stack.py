"""``docker/compose.yaml`` without an engine: its services as processes of this machine, on loopback.

Commands, environment and health checks are the file's. What an engine and the images do is done here: a
service's name becomes 127.0.0.1 and its ports free ones, a volume becomes a folder, and a kill reaches every
process that a service started, as the end of a container does.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..runner.processes import POSTGRES, wait_for
from .compose import ROOT, Service, make_env, needed, read
from .instance import Instance, living

FINISH = 120.0  # seconds for a one-off service
Finished = subprocess.CompletedProcess[str]


class Stack:
    """The services of the compose file, in a folder of their own. Use :func:`stack`, which ends it."""

    def __init__(self, **variables: str) -> None:
        if not POSTGRES:
            pytest.skip("PostgreSQL is not installed: no /usr/lib/postgresql/*/bin/initdb")
        self.folder = Path(tempfile.mkdtemp(prefix="stack-", dir="/tmp"))  # short: Ray's sockets lie in it
        self.folder.chmod(0o755)
        self.variables = make_env(self.folder / "env") | {"OBJECT_STORE_MEMORY": "100000000"} | variables
        self.services = read(self.variables)
        self.instances: dict[str, list[Instance]] = {}
        self._done: set[str] = set()

    def folders(self, service: Service) -> dict[str, Path]:
        """Return the folder for each place of the image that is not in a container here."""
        places = {"/app": ROOT / "docker"}
        for volume in service.volumes:
            name, target, *_ = volume.split(":")
            places[target] = self.folder / "volumes" / name
            places[target].mkdir(parents=True, exist_ok=True)
        return places

    def ports(self) -> dict[str, str]:
        """Return the free port that stands for each port of the first instance of a service."""
        return {p: free for instances in self.instances.values() for p, free in instances[0].ports.items()}

    def uri(self, service: str = "tracking", port: int = 5000) -> str:
        """Return the address of a service on this machine."""
        return f"http://127.0.0.1:{self.instances[service][0].ports[str(port)]}"

    def up(self, *names: str) -> None:
        """Start services and what they depend on, each when its conditions hold; wait for their health."""
        for name in needed(self.services, names):
            for other, asked in self.services[name].depends_on.items():
                self._wait(other, asked["condition"])
            if name not in self.instances:
                self.scale(name, self.services[name].replicas)
        for name in names:
            self._wait(name, self.services[name].settled)

    def _wait(self, name: str, condition: str) -> None:
        if condition == "service_completed_successfully":
            if name not in self._done:
                instance = self.instances[name][0]
                assert instance.process is not None
                assert instance.process.wait(FINISH) == 0, instance.log.read_text()[-4000:]
                self._done.add(name)
        elif condition == "service_healthy":
            for instance in self.instances[name]:
                wait_for(instance.is_healthy)
        else:
            assert condition == "service_started", condition

    def scale(self, name: str, replicas: int) -> list[Instance]:
        """Bring a service to so many instances, and return them; those too many are stopped."""
        instances = self.instances.setdefault(name, [])
        while len(instances) > replicas:
            instances.pop().stop()
        while len(instances) < replicas:
            instances.append(Instance(self, self.services[name], len(instances) + 1))
            instances[-1].start()
        return instances

    def kill(self, name: str) -> None:
        """SIGKILL for every instance of a service; :meth:`start` brings them back, on the same ports."""
        for instance in self.instances[name]:
            instance.kill()

    def start(self, name: str) -> None:
        """Start a killed or stopped service again, and wait until it is healthy."""
        for instance in self.instances[name]:
            instance.start()
        self._wait(name, self.services[name].settled)

    def run(self, name: str, *arguments: str, seconds: float = FINISH) -> Finished:
        """Run a one-off service to its end; arguments stand in for its command, as with ``compose run``."""
        process = self.begin(name, *arguments)
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            self._one_off(name).kill()
        return Finished(process.args, process.returncode, out, err)

    def begin(self, name: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a one-off service; its output is the process's pipes."""
        service = self.services[name]
        command = service.entrypoint + (list(arguments) or service.command)
        return self._one_off(name).begin(command, subprocess.PIPE)

    def _one_off(self, name: str) -> Instance:
        return Instance(self, self.services[name], 0)

    def processes(self) -> list[int]:
        """Return the ids of all processes of the stack, those of one-off services too."""
        return living(self.folder.name)

    def log(self, name: str) -> str:
        """Return what a service's instances wrote."""
        return "".join(instance.log.read_text() for instance in self.instances[name])

    def close(self) -> None:
        """Kill every service and remove the folder."""
        for instances in self.instances.values():
            for instance in instances:
                instance.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def stack(**variables: str) -> Iterator[Stack]:
    """Yield a stack with these variables in its ``.env``, and end all it started."""
    made = Stack(**variables)
    try:
        yield made
    finally:
        made.close()

"""A sweep's jobs on a Ray cluster. One whose worker is lost ends as if its process was killed."""

from __future__ import annotations

import dataclasses
import functools
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console import err
from ..errors import ConfigError, JobFailed, reason_of
from ..training.signals import Stop, listening
from . import ray_worker
from .cluster import Needs, nodes, room
from .description import BROKEN, GRACE
from .pool import LOOK, Ended, Next

COUNT_EVERY = 2.0  # seconds between two looks at how large the cluster is
PATIENCE = 10.0  # seconds of waiting for a worker before a message says so
JOIN_SECONDS = 30.0  # that the nodes of a cluster that was just started have to join it
STOP_SECONDS = GRACE + 10.0  # that a worker has to say how a job ended that was asked to stop


@dataclass
class Sent:
    """A job that Ray has."""

    number: int
    since: float
    stopped_for: str = ""


class RayPool:
    """Runs jobs on a Ray cluster, as many at a time as it has room for.

    Each job is a process of its own that a worker starts. It sends its own journal.

    Args:
        ray: Ray's module, connected.
        folder: the sweep's; workers have to see it.
        needs: what a job takes of a node.
        timeout: after so long on its worker a job is stopped [seconds]; ``None``: never.
        retries: how often the preflight is started again when its worker is lost.
        preload: modules that the jobs will import, beside torch.

    Raises:
        ConfigError: no node is large enough, or one of those that are does not see the folder.
    """

    delivers = True

    def __init__(
        self, ray: Any, folder: Path, needs: Needs, timeout: float | None, retries: int, preload: list[str]
    ) -> None:
        self._ray = ray
        self._needs = needs
        self._timeout = timeout
        self._place = Path.cwd()
        self._preload = preload
        self._jobs: dict[Any, Sent] = {}
        self._counted = (-COUNT_EVERY, 0)
        self._is_empty = False
        remote = functools.partial(
            ray.remote, num_cpus=needs.cpus, num_gpus=needs.gpus, scheduling_strategy="SPREAD", max_calls=0
        )
        self._train = remote(max_retries=0)(ray_worker.train)  # the sweep's manifest counts tries
        self._answer = remote(max_retries=retries)(ray_worker.answer)
        self._refuse(folder)

    def _refuse(self, folder: Path) -> None:
        """Raise where the cluster is too small, or a node does not see the sweep's folder."""
        began, is_announced = time.monotonic(), False
        while not (large := [node for node in nodes(self._ray) if room(node, self._needs)]):
            if time.monotonic() - began > JOIN_SECONDS:
                break
            if not is_announced:
                is_announced = True
                err.print(f"waiting for a node with {self._needs}, for {JOIN_SECONDS:.0f} s at most")
            time.sleep(LOOK)
        if not large:
            alive = nodes(self._ray)
            most = max((node["Resources"].get("CPU", 0.0) for node in alive), default=0.0)
            devices = max((node["Resources"].get("GPU", 0.0) for node in alive), default=0.0)
            raise ConfigError(
                f"hydra.launcher.cpus and gpus must be what one node has, got {self._needs}; "
                f"of {len(alive)} nodes the largest has {Needs(most, devices)}"
            )
        mark = folder / f".seen-{uuid.uuid4().hex}"  # a name that no node can know already
        mark.touch()
        try:
            looks = self._ray.get([self._look(node, [mark, self._place]) for node in large])
        finally:
            mark.unlink()
        for number, (what, path) in enumerate(
            [(ray_worker.FOLDER, folder), ("the working directory", self._place)]
        ):
            if blind := {machine for seen, machine in looks if not seen[number]}:
                raise ConfigError(ray_worker.unseen(what, path, sorted(blind)))

    def _look(self, node: dict[str, Any], paths: list[Path]) -> Any:
        there = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=True)
        return self._ray.remote(num_cpus=0, scheduling_strategy=there)(ray_worker.sees).remote(
            paths, self._preload
        )

    @property
    def slots(self) -> int:
        """Jobs at a time that the cluster has room for now; other sweeps share it."""
        when, count = self._counted
        if time.monotonic() - when > COUNT_EVERY:
            count = sum(room(node, self._needs) for node in nodes(self._ray))
            self._counted = (time.monotonic(), count)
        return count

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function that needs torch gives, called on a worker.

        Raises:
            JobFailed: the worker was lost, each time.
            Interrupted: a signal came.
        """
        answer_of = self._answer.remote(function, arguments, self._place, self._preload)
        began, is_announced = time.monotonic(), False
        with listening() as stop:
            while not self._ray.wait([answer_of], timeout=LOOK)[0]:
                if stop.signum is not None:
                    self._ray.cancel(answer_of, force=True)
                stop.check()
                if not is_announced and time.monotonic() - began > PATIENCE and not self._has_room():
                    is_announced = True
                    err.print(f"waiting for a worker with {self._needs}")
        try:
            worked, answer = self._ray.get(answer_of)
        except self._ray.exceptions.RayError as error:
            raise JobFailed(f"the worker that looks at the jobs was lost: {reason_of(error)}") from error
        if not worked:
            raise answer
        return answer

    def _has_room(self) -> bool:
        free = self._ray.available_resources()
        return free.get("CPU", 0.0) >= self._needs.cpus and free.get("GPU", 0.0) >= self._needs.gpus

    def run(
        self, next_job: Next, on_end: Callable[[Ended], None], on_look: Callable[[list[int]], None]
    ) -> None:
        """Run what ``next_job`` gives until it gives none and all have ended: see :class:`pool.Pool`.

        Raises:
            Interrupted: a signal came; every job was asked to save its state, and has ended.
        """
        with listening() as stop:
            try:
                while self._send(next_job, stop) or self._jobs:
                    self._tell_if_empty()
                    self._reap(on_end)
                    on_look([each.number for each in self._jobs.values()])
                    stop.check()
            except BaseException:
                self._stop_all(on_end)
                raise

    def _send(self, next_job: Next, stop: Stop) -> bool:
        """Fill the cluster; return whether anything was sent.

        One job is always there, also when no worker is: Ray starts it when one has come.
        """
        sent = False
        while len(self._jobs) < max(1, self.slots) and stop.signum is None:
            if (given := next_job()) is None:
                break
            number, job = given
            placed = dataclasses.replace(job, place=self._place)
            ref = self._train.remote(number, placed, self._timeout, self._preload)
            self._jobs[ref] = Sent(number, time.monotonic())
            sent = True
        return sent

    def _tell_if_empty(self) -> None:
        """Say when the last worker is gone: the jobs wait for the next one."""
        was_empty, self._is_empty = self._is_empty, not self.slots
        if self._is_empty and not was_empty:
            err.print(f"waiting for a node with {self._needs}: none is left")

    def _reap(self, on_end: Callable[[Ended], None]) -> None:
        ready, _ = self._ray.wait([*self._jobs], num_returns=1, timeout=LOOK)
        for ref in ready:
            on_end(self._ended(ref, self._jobs.pop(ref)))

    def _ended(self, ref: Any, sent: Sent) -> Ended:
        """Return how a job ended."""
        errors = self._ray.exceptions
        number, seconds = sent.number, time.monotonic() - sent.since
        try:
            ended: Ended = self._ray.get(ref)
        except errors.TaskCancelledError:  # it waited for a worker
            return Ended(number, -signal.SIGTERM, 0.0, sent.stopped_for, False)
        except errors.RayTaskError as error:
            return Ended(number, BROKEN, seconds, "", False, reason_of(error.cause or error))
        except errors.RayError as error:
            why = f"its worker was lost ({type(error).__name__})"
            return Ended(number, -signal.SIGKILL, seconds, sent.stopped_for, False, why)
        if ended.stopped_for and not ended.was_late and not sent.stopped_for:  # by the end of its worker
            return Ended(number, -signal.SIGTERM, ended.seconds, "", False, "its worker was stopped")
        return ended

    def _stop_all(self, on_end: Callable[[Ended], None]) -> None:
        """Ask every job to save its state, and wait for it; not for workers that do not answer."""
        for ref, sent in self._jobs.items():
            sent.stopped_for = "the sweep was stopped"
            self._ray.cancel(ref, force=False)
        deadline = time.monotonic() + STOP_SECONDS
        while self._jobs and time.monotonic() < deadline:
            self._reap(on_end)
        for ref, sent in self._jobs.items():
            self._ray.cancel(ref, force=True)
            seconds = time.monotonic() - sent.since
            on_end(Ended(sent.number, -signal.SIGKILL, seconds, sent.stopped_for, False))
        self._jobs.clear()

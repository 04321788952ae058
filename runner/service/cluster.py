"""A Ray cluster's jobs API: send a job, follow its log, stop it.

The API is that of ``ray.job_submission``: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import ConfigError, JobFailed, reason_of
from ..extras import extra

ADDRESS = "http://127.0.0.1:8265"
ADDRESS_VARIABLE = "RAY_API_SERVER_ADDRESS"  # Ray's own
STOP_SECONDS = 120  # what a stopped job may take: a sweep asks its jobs, saves, and has MLflow take the rest
SILENCE_SECONDS = 60.0  # without an answer, while a log is followed
LOOK_SECONDS = 1.0
START_SECONDS = 10.0  # that a job may take to start without waiting for anybody
CHATTY = (  # Ray's loggers that tell of every upload and of every log's end
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)

Answer = TypeVar("Answer")


class Cluster:
    """The jobs API at an address. A token goes with each request where ``RAY_AUTH_TOKEN`` has one.

    Args:
        address: ``http://host:8265``, the cluster's dashboard.

    Raises:
        ConfigError: Ray is not installed here, nothing answers there, it is no Ray, or the token is wrong.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        if not address.startswith(("http://", "https://")):
            raise ConfigError(f"--address must begin with http:// or https://, got {address!r}")
        if os.environ.get("RAY_AUTH_TOKEN"):
            os.environ.setdefault("RAY_AUTH_MODE", "token")  # without it, Ray leaves a token at home
        try:
            ray = extra("ray.job_submission", "ray")
        except ValueError as error:
            raise ConfigError(str(error)) from error
        for chatty in CHATTY:
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self._look()
        os.environ[ADDRESS_VARIABLE] = self.address  # Ray would let the variable win over what was asked for
        self._client: Any = _asked(lambda: ray.JobSubmissionClient(self.address), self.address)

    def _look(self) -> None:
        """Raise where no Ray answers; its own client would wait for ever for a silent port."""
        try:
            with urllib.request.urlopen(f"{self.address}/api/version", timeout=10.0) as answer:
                known = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                return  # it asks for a token: the client has one, or says what is missing
            known = None
        except json.JSONDecodeError:
            known = None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise ConfigError(f"--address must be a Ray cluster, got {self.address}: {why}") from error
        if not isinstance(known, dict) or "ray_version" not in known:
            raise ConfigError(
                f"--address must be a Ray cluster's dashboard, got {self.address}: it is something else"
            )

    def page(self, job: str) -> str:
        """Return the job's page in the dashboard."""
        return f"{self.address_for_people}/#/jobs/{job}"

    @property
    def address_for_people(self) -> str:
        """The dashboard's address; ``RAY_UI`` where programs have another than people."""
        return (os.environ.get("RAY_UI") or self.address).rstrip("/")

    def submit(
        self,
        job: str,
        entrypoint: str,
        *,
        cpus: float,
        gpus: float,
        stop_signal: str,
        modules: list[str],
        environment: dict[str, str],
        metadata: dict[str, str],
    ) -> None:
        """Send a job. All that is sent can be read by whoever may read the API.

        Args:
            job: its id.
            entrypoint: a command for the shell.
            cpus: cores that it waits for, and takes, by itself.
            gpus: the same of GPUs.
            stop_signal: SIGTERM or SIGINT, sent to the command and every process below it.
            modules: packages of the user's, uploaded for the job.
            environment: variables of its processes.
            metadata: what the list of jobs shows.

        Raises:
            ConfigError: the cluster refused it.
        """
        stopping = {"RAY_JOB_STOP_SIGNAL": stop_signal, "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
        environment_of_job: dict[str, Any] = {"env_vars": stopping | environment}
        if modules:
            environment_of_job["py_modules"] = modules
        _asked(
            lambda: self._client.submit_job(
                entrypoint=entrypoint,
                submission_id=job,
                runtime_env=environment_of_job,
                metadata=metadata,
                entrypoint_num_cpus=cpus,
                entrypoint_num_gpus=gpus,
            ),
            self.address,
        )

    def details(self, job: str) -> Any:
        """Return what the cluster knows of a job.

        Raises:
            ConfigError: it knows no such job.
        """
        return _asked(lambda: self._client.get_job_info(job), self.address, job)

    def jobs(self) -> list[Any]:
        """Return the submitted jobs, oldest first."""
        known = _asked(self._client.list_jobs, self.address)
        return sorted((j for j in known if j.submission_id), key=lambda j: j.start_time or 0)

    def stop(self, job: str, tell: Callable[[], object]) -> Any:
        """Ask a job to stop, wait until it has, and return what became of it.

        Args:
            job: its id.
            tell: called when it was asked.

        Raises:
            ConfigError: there is no such job, or it has ended before.
            JobFailed: it did not stop in time.
        """
        if (known := self.details(job)).status.is_terminal():
            raise ConfigError(f"job {job} has ended before: {known.status.value}")
        _asked(lambda: self._client.stop_job(job), self.address, job)
        tell()
        deadline = time.monotonic() + STOP_SECONDS + 30.0
        while not (known := self.details(job)).status.is_terminal():
            if time.monotonic() > deadline:
                raise JobFailed(f"job {job} was asked to stop, and is still {known.status.value}")
            time.sleep(LOOK_SECONDS)
        return known

    def follow(self, job: str, show: Callable[[str], object], wait: Callable[[], object]) -> Any:
        """Show a job's log until it ends; return what became of it.

        Args:
            job: its id.
            show: called with each piece of the log.
            wait: called once where the job has to wait for its turn.

        Raises:
            ConfigError: there is no such job.
            JobFailed: the cluster went away for long.
        """
        self.details(job)
        shown, heard, told_at = 0, time.monotonic(), time.monotonic() + START_SECONDS

        def count(piece: str) -> None:
            nonlocal shown, heard
            shown, heard = shown + len(piece), time.monotonic()
            show(piece)

        while True:
            try:
                known = self._client.get_job_info(job)
                heard = time.monotonic()
                if known.status.is_terminal():
                    with suppress(Exception):  # the log is where the job ran, and that may be gone
                        count(self._client.get_job_logs(job)[shown:])
                    return known
                if known.status.value == "PENDING":
                    if time.monotonic() > told_at:
                        wait()
                        told_at = float("inf")
                else:
                    asyncio.run(self._tail(job, shown, count))
            except Exception as error:  # the network's and Ray's many: the job goes on without us
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise JobFailed(f"the cluster has gone silent: {reason_of(error)}") from error
            time.sleep(LOOK_SECONDS / 4)

    async def _tail(self, job: str, known: int, show: Callable[[str], object]) -> None:
        """Show what the log has beyond ``known`` characters, until the job ends or the line breaks."""
        async for piece in self._client.tail_job_logs(job):
            fresh = piece[known:]
            known = max(0, known - len(piece))
            if fresh:
                show(fresh)


def _asked(request: Callable[[], Answer], address: str, job: str | None = None) -> Answer:
    """Return what the cluster answers; turn what Ray raises into one line."""
    try:
        return request()
    except Exception as error:
        if type(error).__name__ == "AuthenticationError":
            raise ConfigError(
                f"{address} refused the token: set RAY_AUTH_TOKEN to that of the cluster (docker/.env)"
            ) from error
        if job is not None and "404" in str(error):
            raise ConfigError(f"there is no job {job!r}; python -m runner submit --list has all") from error
        if isinstance(error, (OSError, RuntimeError, ValueError)):
            raise ConfigError(f"{address}: {reason_of(error)}") from error
        raise

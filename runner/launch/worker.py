"""What the process of one job does. Torch is imported once, in the server that jobs are forked from."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from multiprocessing import connection

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import torch._dynamo  # noqa: F401
from omegaconf import DictConfig, OmegaConf

from ..dispatch import run
from ..errors import ConfigError, Diverged, Interrupted
from ..record.directory import Ending, RunDirectory
from ..run.context import Context
from ..run.resume import resume
from ..settings.messages import explain
from ..sweep.sweep import Sweep
from ..tracking.courier import Courier, Messenger
from ..training.build import build  # noqa: F401  with all that is registered
from .description import BROKEN, GRACE, LOG, REFUSED, JobDescription

LAST_TRY_SECONDS = 180.0  # a worker that lost the cluster ends after 60 s; NFS keeps its locks for 90 s more


class ParentDelivered:
    """The messenger of a job whose parent sends for it: what lies in the run's folder is all it says."""

    def open(self, directory: RunDirectory, offline: bool) -> str | None:
        """Return nothing: the parent finds the order and has MLflow make the run."""
        return None

    def end(self, directory: RunDirectory, ending: Ending) -> None:
        """Write the ending; where that fails, the parent writes one of its own."""
        try:
            directory.write(ending)
        except OSError as error:
            print(f"warning: {directory.end_file}: {error}", file=sys.stderr)

    def wait(self, directories: Iterable[RunDirectory], seconds: float) -> bool:
        """Wait for nothing: the parent does."""
        return True

    def complaint(self, directory: RunDirectory) -> str:
        """Return no complaint: the parent tracks them."""
        return ""

    def serve(self, directory: RunDirectory) -> None:
        """Do nothing: the parent looks for the runs of its jobs."""

    def close(self) -> None:
        """Do nothing."""

    def keep_alive(self) -> None:
        """Stop at the next step when the parent is gone: nobody would know of this job."""
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            os.kill(os.getpid(), signal.SIGTERM)


class SelfDelivering(Courier):
    """The messenger of a job that sends its own journal, on a machine where nobody else would.

    The sweep began while the store was there: a job that finds it away trains, and sends later.
    """

    def open(self, directory: RunDirectory, offline: bool) -> str | None:
        """Have the run served, and wait for nothing; MLflow's id of it is known later."""
        self.serve(directory)
        return None


def work(job: JobDescription) -> None:
    """Run one job to its end, in a process of its own; its exit code says how that went."""
    os.setsid()  # Ctrl-C in the terminal is for the parent, which asks its jobs to stop
    job.path.mkdir(parents=True, exist_ok=True)
    log = os.open(job.path / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.update(job.environment)
    if job.place is not None:
        os.chdir(job.place)
    code = _code(job, _context_of(job))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # what libraries do at exit is for processes that imported them


def _context_of(job: JobDescription) -> Context:
    """Return what the one run of this process shares with nobody."""
    messenger: Messenger = ParentDelivered()
    if job.delivers:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        patience = OmegaConf.select(OmegaConf.create(job.config), "tracking.patience")
        messenger = SelfDelivering(job.path / "uploader.log", float(patience))
    above = Sweep.around(RunDirectory(job.above), job.varied)
    return Context(above, job.origin, given_messenger=messenger)


def _end_with_parent() -> None:
    """Stop this process when its parent is gone, wherever it is: a worker that was lost may train no more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_last_try(directory: RunDirectory) -> None:
    """Wait for a job's process on a worker that the cluster has lost: it is about to end by itself."""
    deadline = time.monotonic() + LAST_TRY_SECONDS
    while directory.is_alive() and time.monotonic() < deadline:
        time.sleep(1.0)


def _code(job: JobDescription, context: Context) -> int:
    started = time.perf_counter()
    try:
        if job.goes_on:
            if job.delivers:
                _wait_for_last_try(RunDirectory(job.path))
            resume(str(job.path), [], context)
        else:
            config = OmegaConf.create(job.config)
            assert isinstance(config, DictConfig)
            run(config, job.path, job.overrides, context)
    except Interrupted as error:
        return 128 + error.signum
    except (ConfigError, Diverged) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED if isinstance(error, ConfigError) else BROKEN
    except Exception as error:
        if (known := explain(error)) is None:
            traceback.print_exc()
        print(f"error: {known or repr(error)}", file=sys.stderr)
        return BROKEN
    print(f"finished after {time.perf_counter() - started:.1f} s")
    return 0

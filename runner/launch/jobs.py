"""The jobs of a sweep: look at all, begin the sweep, run what is missing, say how each ended."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from ..errors import ConfigError, Planned
from ..record import keys, provenance
from ..record.directory import Ending, RunDirectory, now
from ..record.result import JobResult, result_of, state_of
from ..settings.config import SweepSettings, TrackingSettings
from ..sweep.sweep import Sweep
from ..tracking.courier import Messenger
from . import manifest
from .board import Board
from .description import LOG, JobDescription, Wanted
from .doors import check
from .manifest import Job, Manifest
from .plan import show_plan, tell_twins
from .pool import Ended, Places

if TYPE_CHECKING:
    from .preflight import Checked


class Jobs:
    """Runs the jobs of one sweep, batch by batch.

    Args:
        sweep: the sweep.
        pool: where they run.
        retries: how often a job whose process was killed is started again.
        tracking: the store.
        settings: of the sweep as a whole.
        messenger: delivers the jobs that do not deliver themselves.
    """

    def __init__(
        self,
        sweep: Sweep,
        pool: Places,
        retries: int,
        tracking: TrackingSettings,
        settings: SweepSettings,
        messenger: Messenger,
    ) -> None:
        self._tracking = tracking
        self._settings = settings
        self._sweep = sweep
        self._messenger = messenger
        self._pool = pool
        self._retries = retries
        self._kept: Manifest | None = None
        self._configs: dict[int, Wanted] = {}
        self._queue: list[Job] = []
        self._tried: dict[int, int] = {}
        self._steps: dict[int, int] = {}
        self._noted: set[int] = set()

    def run(self, wanted: list[Wanted]) -> list[JobResult]:
        """Run what is not done yet of these jobs; return how each ended.

        Raises:
            ConfigError: a job is impossible, or the store is away. Nothing was trained.
            Planned: the sweep was only to be planned.
        """
        self._sweep.directory.path.mkdir(parents=True, exist_ok=True)
        checked = self._look_at(wanted)
        self._sweep.begin(self._tracking, self._messenger)
        jobs = [self._enter(each) for each in wanted]
        for job, look in zip(jobs, checked, strict=True):
            self._steps[job.number] = look.total_steps
        self._queue = list({j.number: j for j in jobs if j.state not in manifest.DONE}.values())
        self._manifest.save()
        note = self._sweep.purpose
        with Board(self._manifest, self._steps, jobs, self._pool.slots, note) as board:

            def on_look(numbers: list[int]) -> None:
                for number in [] if self._pool.delivers else numbers:
                    directory = self._manifest.directory(self._manifest.jobs[number])
                    if directory.order_file.exists():
                        self._messenger.serve(directory)
                self._messenger.keep_alive()
                board.show(numbers)

            def on_end(ended: Ended) -> None:
                job = self._manifest.jobs[ended.number]
                self._note(job, ended)
                board.tell(job)

            self._pool.run(self._next, on_end, on_look)
        return [self._result(job) for job in jobs]

    def _look_at(self, wanted: list[Wanted]) -> list[Checked]:
        """Return what is known of the jobs before any starts; refuse the sweep where one is impossible."""
        yaml = [OmegaConf.to_yaml(each.config) for each in wanted]
        checked: list[Checked] = self._pool.call(
            check, yaml, [each.overrides for each in wanted], self._settings.plan
        )
        _refuse([(each, look.error) for each, look in zip(wanted, checked, strict=True) if look.error])
        if self._settings.plan:
            show_plan(wanted, checked, self._sweep, self._pool.slots)
            raise Planned
        tell_twins(wanted, checked)
        return checked

    @property
    def _manifest(self) -> Manifest:
        """The sweep's manifest: read when the sweep is locked, not before."""
        if self._kept is None:
            self._kept = Manifest(self._sweep.directory.path)
        return self._kept

    def _enter(self, wanted: Wanted) -> Job:
        plain: Any = OmegaConf.to_container(wanted.config, resolve=True)
        job = self._manifest.enter(wanted.overrides, plain)
        self._configs[job.number] = wanted
        directory = self._manifest.directory(job)
        result = result_of(directory)
        if result is None and job.state in manifest.DONE:  # somebody took its folder away
            job.state = manifest.WAITING
        elif result is not None and job.state not in manifest.DONE and result.state in manifest.DONE:
            job.state, job.reason = result.state, result.reason  # no process was left to note it
        return job

    def _next(self) -> tuple[int, JobDescription] | None:
        if not self._queue:
            return None
        job = self._queue.pop(0)
        directory = self._manifest.directory(job)
        job.state, job.attempts, job.reason = manifest.RUNNING, job.attempts + 1, ""
        self._tried[job.number] = self._tried.get(job.number, 0) + 1
        self._manifest.save()
        # An ending of an earlier try would be taken for that of this one.
        directory.end_file.unlink(missing_ok=True)
        wanted = self._configs[job.number]
        return job.number, JobDescription(
            path=directory.path,
            config=OmegaConf.to_yaml(wanted.config),
            overrides=wanted.overrides,
            above=self._sweep.directory.path,
            varied=self._sweep.varied,
            origin=provenance.look_up(),
            goes_on=directory.order_file.exists(),
            delivers=self._pool.delivers,
        )

    def _note(self, job: Job, ended: Ended) -> None:
        """Write down how a process ended; queue its job again when another try may help."""
        directory = self._manifest.directory(job)
        begun = directory.order_file.exists()
        ending = directory.ending if begun else None
        job.seconds += ended.seconds
        job.state, job.reason = _state_of(ended, ending, directory)
        dead = job.state == manifest.FAILED and ended.code < 0 and not ended.stopped_for
        again = dead and self._tried[job.number] <= self._retries
        if again:
            job.state = manifest.WAITING
            self._queue.append(job)
        if begun and not again:
            self._messenger.serve(directory)
            if ending is None or (dead and ending.status == "KILLED"):  # as its own uploader found it
                status = "KILLED" if job.state == manifest.KILLED else "FAILED"
                ending = Ending(status, now(), tags={keys.REASON: job.reason})
            if ended.stopped_for and ending.status == "KILLED":  # it knows the signal alone
                ending.tags[keys.REASON] = ended.stopped_for
            self._messenger.end(directory, ending)
        self._manifest.save()

    def _result(self, job: Job) -> JobResult:
        """Return how a job ended, and have the sweep note it, once."""
        directory = self._manifest.directory(job)
        begun = directory.order_file.exists()
        name = directory.order.name if begun else " ".join(job.overrides)
        result = result_of(directory) or JobResult(name, job.state)
        if job.state != manifest.FINISHED:
            result = dataclasses.replace(result, state=job.state, reason=job.reason)
        if job.number not in self._noted:
            self._noted.add(job.number)
            self._sweep.note(result)
        return result


def _state_of(ended: Ended, ending: Ending | None, directory: RunDirectory) -> tuple[str, str]:
    """Return a job's state and the reason for it."""
    if ending is not None and (state := state_of(ending)) in manifest.DONE:
        return state, ending.tags[keys.REASON] if state == manifest.DIVERGED else ""
    if ended.stopped_for:
        return (manifest.FAILED if ended.was_late else manifest.KILLED), ended.stopped_for
    if ended.reason or ended.code < 0:
        return manifest.FAILED, ended.reason or f"its process was killed by signal {-ended.code}"
    reason = ending.tags.get(keys.REASON) if ending is not None else None
    return manifest.FAILED, reason or _last_line(directory)


def _last_line(directory: RunDirectory) -> str:
    """Return the last line of a job's log."""
    log = directory.path / LOG
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    written = [line for line in lines if line.strip()]
    return written[-1].removeprefix("error: ") if written else "its process ended without a word"


def _refuse(errors: list[tuple[Wanted, str]]) -> None:
    """Raise when a job cannot run: all that is wrong at once, each thing once."""
    if not errors:
        return
    reasons: dict[str, Wanted] = {}
    for wanted, error in errors:
        reasons.setdefault(error, wanted)
    lines = [f"{' '.join(wanted.overrides)}: {error}" for error, wanted in reasons.items()]
    raise ConfigError("this sweep has impossible jobs, and none was started\n  " + "\n  ".join(lines))

"""``python -m runner sync`` and ``doctor``: send what journals still hold, and close runs that died."""

from __future__ import annotations

import time
from pathlib import Path

from ..console import err, out, short
from ..errors import ConfigError, reason_of
from ..record.directory import RunDirectory, find
from ..tracking.courier import left
from ..tracking.uploader import clean_environment

TRIES = 3


def sync(root: Path) -> int:
    """Send everything below ``root`` that MLflow does not have yet; return how many runs are left unsent.

    May be called at any time and any number of times: what was acknowledged is not sent again.
    """
    waiting = [d for d in _runs(root) if not d.delivered]
    unsent = 0
    for directory in waiting:
        if directory.is_alive():
            out.print(f"running    {short(directory.path)}: its own process sends it")
        elif not _send(directory):
            unsent += 1
    if not waiting:
        out.print(f"nothing to send below {short(root.absolute())}")
    return unsent


def doctor(root: Path) -> int:
    """Close runs below ``root`` that died without a word as KILLED, and send what is not in MLflow yet.

    Returns how many runs are left unsent.
    """
    died = [d for d in _runs(root) if d.bury(_last_sign(d), **{"closed.by": "doctor"})]
    for directory in died:
        out.print(f"died       {short(directory.path)}: closed as KILLED")
    unsent = sum(not _send(d) for d in _runs(root) if not d.delivered and not d.is_alive())
    if not died:
        out.print(f"no run below {short(root.absolute())} died without a word")
    return unsent


def doctor_of_store(uri: str, experiment: str, silent: float) -> None:
    """Close the runs of a store that are RUNNING without a heartbeat for ``silent`` seconds.

    For runs of machines that this one cannot look at. Their journals stay there: ``sync`` sends the rest.

    Raises:
        ConfigError: the store cannot be opened, or ``silent`` is shorter than a few heartbeats.
    """
    clean_environment()
    from ..tracking.delivery import BEAT_SECONDS
    from ..tracking.store import Store

    if not silent >= 3 * BEAT_SECONDS:
        raise ConfigError(f"--silent must be >= {3 * BEAT_SECONDS:g} seconds, got {silent:g}")
    store = Store(uri, experiment)
    found = store.silent(silent)
    for run in found:
        where = f"{run.data.tags.get('host', '?')}:{run.data.tags.get('directory', '?')}"
        store.close(run, f"no heartbeat for {silent:g} s")
        out.print(
            f"silent     {run.info.run_name} ({run.info.run_id[:8]}): closed as KILLED; journal: {where}"
        )
    if not found:
        out.print(f"no run of {experiment} is silent")


def _runs(root: Path) -> list[RunDirectory]:
    if not root.is_dir():
        raise ConfigError(f"the folder must exist, got {str(root)!r}")
    return list(find(root))


def _last_sign(directory: RunDirectory) -> int:
    """Return when a run, or a job of a sweep, last wrote something [milliseconds since 1970]."""
    files = [directory.order_file, *directory.path.rglob("*.journal")]
    return max(file.stat().st_mtime_ns for file in files) // 1_000_000


def _send(directory: RunDirectory) -> bool:
    """Deliver one directory; return whether nothing is left to send, or another process is sending it."""
    held = directory.lock("delivery")
    if held is None:
        out.print(f"sending    {short(directory.path)}: another process is at it")
        return True
    clean_environment()
    from ..tracking.delivery import Delivery

    with held:
        for attempt in range(TRIES):
            try:
                done = Delivery(directory).advance()
            except Exception as error:  # a store can fail in any way: say it, keep the journal
                reason = reason_of(error)
                if isinstance(error, ConfigError):  # it is not there, and was waited for
                    break
                time.sleep(attempt)
                continue
            note = "" if done else "; it has no ending: `python -m runner doctor` closes it"
            out.print(f"sent       {short(directory.path)}{note}")
            return True
    err.print(f"not sent   {short(directory.path)}: {reason}; left: {left(directory)}")
    return False

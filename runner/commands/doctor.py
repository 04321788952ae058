"""``python -m runner doctor``: close runs that died without a word, and send what journals still hold."""

from __future__ import annotations

from pathlib import Path

from ..console import out, short
from ..errors import BUG, ConfigError
from ..record.directory import RunDirectory
from ..settings.environment import default_tracking
from ..tracking.uploader import clean_environment
from .options import Parser
from .sync import folder_of, runs_below, send


def main(arguments: list[str]) -> int:
    """Close and send what lies below a folder, or close the silent runs of a store; return the exit code."""
    if "--store" not in " ".join(arguments):
        return BUG if doctor(folder_of("doctor", arguments)) else 0
    parser = Parser("python -m runner doctor")
    parser.add_argument("--store", required=True, metavar="URI", help="close its silent runs")
    parser.add_argument("--experiment", default=default_tracking().experiment)
    parser.add_argument("--silent", type=float, default=300.0, metavar="SECONDS", help="without a heartbeat")
    given = parser.parse_args(arguments)
    doctor_of_store(given.store, given.experiment, given.silent)
    return 0


def doctor(root: Path) -> int:
    """Close runs below ``root`` that died without a word as KILLED, and send what is not in MLflow yet.

    Returns how many runs are left unsent.
    """
    died = [d for d in runs_below(root) if d.close_dead(_last_sign(d), **{"closed.by": "doctor"})]
    for directory in died:
        out.print(f"died       {short(directory.path)}: closed as KILLED")
    unsent = sum(not send(d) for d in runs_below(root) if not d.delivered and not d.is_alive())
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


def _last_sign(directory: RunDirectory) -> int:
    """Return when a run, or a job of a sweep, last wrote something [milliseconds since 1970]."""
    files = [directory.order_file, *directory.path.rglob("*.journal")]
    return max(file.stat().st_mtime_ns for file in files) // 1_000_000

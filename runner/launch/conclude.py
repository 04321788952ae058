"""What is printed when a sweep has ended: its jobs, and the report that compares them."""

from __future__ import annotations

from ..console import err, out, python, short
from ..errors import ConfigError
from ..settings.overrides import command
from ..sweep.sweep import Sweep
from ..sweep.tags import POOLED


def conclude(sweep: Sweep | None, *, interrupted: bool) -> None:
    """Show a sweep's jobs; compare them, or say how to go on with a sweep that was stopped."""
    if sweep is None or not sweep.results:
        return
    from ..sweep.table import show_sweep

    is_compared = not interrupted and _is_comparable(sweep)
    show_sweep(sweep, is_ranked=not is_compared)
    if is_compared:
        _report(sweep)
    elif interrupted and sweep.launcher in POOLED:
        again = command([f"sweep.resume={short(sweep.directory.path)}"], python=python(), multirun=True)
        out.print(f"next   {again}   goes on")


def _is_comparable(sweep: Sweep) -> bool:
    """Say whether a sweep has runs to compare, and the store has all of them."""
    is_sent = sweep.is_delivered and sweep.directory.sent is not None
    return is_sent and len(sweep.judged()) + len(sweep.diverged) > 1


def _report(sweep: Sweep) -> None:
    """Compare what a sweep trained, and add the report to its run."""
    sent = sweep.directory.sent
    assert sent is not None
    from ..compare import report
    from ..compare.show import page, tables

    folder = sweep.directory.path / report.PLACE
    try:
        collection, findings = report.report_on(sweep.directory.order.uri, sent.run_id, folder)
    except ConfigError as error:
        err.print(f"warning: no report: {error}", soft_wrap=True)
        return
    except KeyboardInterrupt:  # the sweep itself has ended
        err.print("warning: no report: stopped; python -m runner compare makes it")
        return
    tables.show(collection, findings)
    _tell_deleted(sweep, {run.run_id for run in collection.runs})
    out.print(f"report {short(folder / page.PAGE)}, and in MLflow with the sweep's run")


def _tell_deleted(sweep: Sweep, present: set[str]) -> None:
    """Name the jobs that have ended, and whose runs MLflow does not have: what is compared lacks them."""
    for job in sweep.finished:
        if job.run_id is not None and job.run_id not in present and job.directory is not None:
            err.print(
                f"warning: not compared: {job.name}, whose run {job.run_id} was deleted in MLflow; bring it "
                f"back (mlflow runs restore --run-id {job.run_id}), or remove {short(job.directory.path)} "
                "and resume the sweep to train it again",
                soft_wrap=True,
            )

"""What is printed when a sweep has ended: its jobs, and the report that compares them."""

from __future__ import annotations

import shlex

from ..console import err, out, short
from ..errors import ConfigError
from ..sweep.sweep import POOLED, Sweep


def conclude(sweep: Sweep | None, *, interrupted: bool) -> None:
    """Show a sweep's jobs; compare them, or say how to go on with a sweep that was stopped."""
    if sweep is None or not sweep.results:
        return
    from ..sweep.table import show_sweep

    show_sweep(sweep)
    if not interrupted:
        _report(sweep)
    elif sweep.launcher in POOLED:
        again = shlex.quote(f"sweep.resume={short(sweep.directory.path)}")
        out.print(f"next   the same command with {again} goes on")


def _report(sweep: Sweep) -> None:
    """Compare what a sweep trained, and add the report to its run; not where there is nothing to compare."""
    sent = sweep.directory.sent
    if not sweep.is_delivered or sent is None or len(sweep.judged()) + len(sweep.diverged) < 2:
        return
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
    out.print(f"report {short(folder / page.PAGE)}, and in MLflow with the sweep's run")
